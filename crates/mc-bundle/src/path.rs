//! Which paths a bundle may have.

/// The longest path, in bytes.
const MAX_BYTES: usize = 240;
/// The most parts of a path.
const MAX_PARTS: usize = 16;
/// Names that Git acts on.
const OF_GIT: &str = ".git";
/// What begins so is ours.
const OWN: &str = ".mc-";

/// Refuses what is no plain relative path of this tree on every system, in words for people.
///
/// # Errors
/// Why not.
pub fn check(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("an empty path");
    }
    if path.len() > MAX_BYTES {
        return Err("a path of more than 240 bytes");
    }
    if path.starts_with('/') {
        return Err("an absolute path");
    }
    if path.split('/').count() > MAX_PARTS {
        return Err("more than 16 folders deep");
    }
    path.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), &'static str> {
    match part {
        "" => return Err("an empty part of a path"),
        "." | ".." => return Err("a path that leads out of the tree"),
        _ => {}
    }
    if part.chars().any(|c| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')) {
        return Err("a character that some systems do not take in names");
    }
    if part.ends_with(['.', ' ']) || part.starts_with(' ') {
        return Err("a name that begins or ends with a space, or ends with a dot");
    }
    let folded = fold(part);
    if folded == OF_GIT || folded.starts_with("git~") {
        return Err("a name that Git acts on");
    }
    if folded.starts_with(OWN) {
        return Err("names that begin with .mc- are MissionControl's own");
    }
    Ok(())
}

/// What names have in common that are one on systems which do not tell upper from lower case.
pub(crate) fn fold(path: &str) -> String {
    // Twice, because the upper case of some letters has several lower ones.
    path.to_uppercase().to_lowercase()
}

/// The folders that a path lies in, outermost first.
pub(crate) fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(move |(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_tree() {
        for good in ["SKILL.md", "a/b/c.txt", ".claude/x", "ä/ö.md", "a b/c"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let deep = "a/".repeat(16) + "a";
        for bad in [
            "",
            "/a",
            "a//b",
            "a/",
            "../a",
            "a/../b",
            ".",
            "a/.",
            "a\\b",
            "C:a",
            "a\nb",
            "a\0b",
            ".git/hooks/x",
            "x/.GIT/config",
            ".mc-remove",
            "a/.mc-x",
            "a.",
            "a ",
            " a",
            deep.as_str(),
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(check(&"a".repeat(241)).is_err());
    }

    #[test]
    fn folders_are_told_outermost_first() {
        assert_eq!(folders("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(folders("a").count(), 0);
    }
}
