//! Rules for bundles: what an archive may hold, what a version is called.

use mc_api::ProblemKind;
use mc_api::bundle::MAX_ARCHIVE_BYTES;
use mc_api::skill::REMOVES_FILE;
use mc_bundle::{Limits, Refusal, Tree};

use crate::error::Error;

/// At most this many paths are taken out.
const MAX_REMOVES: usize = 500;

/// What was sent: the files, and what they take out of the mission's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) tree: Tree,
    pub(crate) removes: Vec<String>,
}

/// That an archive is refused, and for which entry.
pub(crate) fn refused(refusal: &Refusal) -> Error {
    Error::invalid("/archive", refusal.to_string())
}

/// That an archive is larger than any.
pub(crate) fn too_large() -> Error {
    Error::new(ProblemKind::BodyTooLarge, format!("an archive has at most {MAX_ARCHIVE_BYTES} bytes"))
}

/// Sorts and checks what a bundle takes out.
pub(crate) fn check_removes(pointer: &str, removes: Vec<String>) -> Result<Vec<String>, Error> {
    let mut removes: Vec<String> =
        removes.into_iter().map(|path| path.trim_end_matches('/').to_owned()).collect();
    removes.sort();
    removes.dedup();
    if removes.len() > MAX_REMOVES {
        return Err(Error::invalid(pointer, format!("at most {MAX_REMOVES} paths")));
    }
    for path in &removes {
        mc_bundle::check_path(path).map_err(|reason| Error::invalid(pointer, format!("{path}: {reason}")))?;
    }
    Ok(removes)
}

/// Reads an archive. Its list of what it takes out is a file of its own, which belongs to no tree.
pub(crate) fn read(bytes: &[u8]) -> Result<Content, Error> {
    let (tree, own) =
        Tree::read_with(bytes, Limits::BUNDLE, REMOVES_FILE).map_err(|refusal| refused(&refusal))?;
    let list = String::from_utf8(own.unwrap_or_default())
        .map_err(|_| Error::invalid("/archive", format!("{REMOVES_FILE}: not UTF-8")))?;
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let removes = check_removes(&format!("/archive/{REMOVES_FILE}"), lines.map(str::to_owned).collect())?;
    Ok(Content { tree, removes })
}

/// What a version is called.
pub(crate) fn name(in_kluster: bool, number: i64) -> String {
    format!("{}{number}", if in_kluster { 'k' } else { 'm' })
}

/// Reads `m3` or `k2`: whether it is of a kluster, and the number.
pub(crate) fn parse_name(text: &str) -> Option<(bool, i64)> {
    let (sort, digits) = text.split_at_checked(1)?;
    let number = digits.parse().ok().filter(|number| *number > 0 && !digits.starts_with(['+', '0']))?;
    match sort {
        "m" => Some((false, number)),
        "k" => Some((true, number)),
        _ => None,
    }
}

/// What the skills that hold are called; 0 stands for no bundle.
pub(crate) fn effective_version(mission: Option<i64>, kluster: Option<i64>) -> String {
    format!("m{}-k{}", mission.unwrap_or(0), kluster.unwrap_or(0))
}

/// Reads `m1-k2`.
pub(crate) fn parse_effective(text: &str) -> Option<(i64, i64)> {
    let (mission, kluster) = text.split_once('-')?;
    let number = |text: &str, sort: char| {
        let digits = text.strip_prefix(sort)?;
        let number: i64 = digits.parse().ok()?;
        (number >= 0 && number.to_string() == digits).then_some(number)
    };
    Some((number(mission, 'm')?, number(kluster, 'k')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_one_name_each() {
        assert_eq!(parse_name(&name(true, 12)), Some((true, 12)));
        assert_eq!(parse_name("m1"), Some((false, 1)));
        for bad in ["", "m", "m0", "m01", "x1", "m-1", "m+1", "ä1"] {
            assert_eq!(parse_name(bad), None, "{bad}");
        }
        assert_eq!(parse_effective(&effective_version(Some(3), None)), Some((3, 0)));
        for bad in ["", "m1", "m1-k", "m01-k1", "k1-m1", "m1-k-1", "m1-k1-"] {
            assert_eq!(parse_effective(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_taken_out_is_sorted_and_checked() {
        let sorted = check_removes("/removes", vec!["b/".into(), "a".into(), "b".into()]).unwrap();
        assert_eq!(sorted, ["a", "b"]);
        let error = check_removes("/removes", vec!["../x".into()]).unwrap_err();
        assert!(error.detail.contains("../x"), "{}", error.detail);
    }
}
