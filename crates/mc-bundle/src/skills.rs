//! Where agents look for skills.
//!
//! Agents read a folder per skill, with a `SKILL.md`, from `.agents/skills` or `.claude/skills` of the folder they work in.
//! There they find links to the current copy. What is there and is not ours is left as it is, and told.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use mc_api::bundle::BundleFile;

use crate::folder::{point, remove};

/// The folders that agents look into.
pub const FOLDERS: [&str; 2] = [".agents/skills", ".claude/skills"];
/// The variable that tells an agent where its skills are.
pub const VARIABLE: &str = "MC_SKILLS_DIR";

/// Shows the files of a copy to agents that work in `dir`. `current` is the way from `dir` to the link of the current copy.
/// Answers what is somebody else's and stands in the way.
///
/// # Errors
/// What the system refuses.
pub fn expose(dir: &Path, current: &str, files: &[BundleFile]) -> io::Result<Vec<String>> {
    let names: BTreeSet<&str> = files.iter().filter_map(|file| file.path.split('/').next()).collect();
    let mut shadowed = Vec::new();
    for folder in FOLDERS {
        let (full, target) = (dir.join(folder), format!("../{current}"));
        match fs::symlink_metadata(&full) {
            Ok(metadata) if metadata.is_dir() => {
                shadowed.extend(expose_each(&full, folder, &format!("../{target}"), &names)?);
            }
            Ok(metadata) if metadata.is_symlink() && fs::read_link(&full)? == Path::new(&target) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = full.parent() {
                    fs::create_dir_all(parent)?;
                }
                point(&full, Path::new(&target))?;
            }
            Ok(_) | Err(_) => shadowed.push(folder.to_owned()),
        }
    }
    Ok(shadowed)
}

/// Into a folder that has skills of its own: one link for each of ours.
fn expose_each(full: &Path, folder: &str, current: &str, names: &BTreeSet<&str>) -> io::Result<Vec<String>> {
    let mut shadowed = Vec::new();
    let ours = |path: &Path| fs::read_link(path).is_ok_and(|target| target.starts_with(current));
    for entry in fs::read_dir(full)? {
        let entry = entry?;
        let is_wanted = entry.file_name().to_str().is_some_and(|name| names.contains(name));
        if !is_wanted && ours(&entry.path()) {
            remove(&entry.path())?;
        }
    }
    for name in names {
        let path = full.join(name);
        if path.symlink_metadata().is_ok() && !ours(&path) {
            shadowed.push(format!("{folder}/{name}"));
        } else {
            point(&path, &Path::new(current).join(name))?;
        }
    }
    Ok(shadowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copies::{About, Copies};
    use crate::{File, Tree, sha256};

    fn install(copies: &Copies, names: &[&str]) -> Vec<BundleFile> {
        let mut tree = Tree::default();
        for name in names {
            let content = format!("{name} {}", names.len()).into_bytes();
            tree.insert(&format!("{name}/SKILL.md"), File { content, executable: false }).unwrap();
        }
        let sha256 = sha256(&tree.write());
        let about = About { subject: "s".into(), version: "m1-k0".into(), sha256, origin: Vec::new() };
        let lock = copies.lock().unwrap();
        let copy = copies.provide(about, &tree, &lock).unwrap();
        copies.activate(&copy, &lock).unwrap();
        copy.files
    }

    #[test]
    fn agents_find_skills_and_own_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let copies = Copies::new(&root.join(".mc/skills"), "current");
        fs::create_dir_all(root.join(".claude/skills/deploy")).unwrap();
        fs::write(root.join(".claude/skills/deploy/SKILL.md"), "mine").unwrap();
        let files = install(&copies, &["deploy", "review"]);
        let shadowed = expose(root, ".mc/skills/current", &files).unwrap();
        assert_eq!(shadowed, [".claude/skills/deploy"]);
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        assert_eq!(read(".agents/skills/deploy/SKILL.md"), "deploy 2");
        assert_eq!(read(".claude/skills/deploy/SKILL.md"), "mine");
        assert_eq!(read(".claude/skills/review/SKILL.md"), "review 2");

        let files = install(&copies, &["deploy", "plan", "test"]);
        assert_eq!(expose(root, ".mc/skills/current", &files).unwrap(), [".claude/skills/deploy"]);
        assert_eq!(read(".claude/skills/plan/SKILL.md"), "plan 3");
        assert!(
            root.join(".claude/skills/review").symlink_metadata().is_err(),
            "a link of ours that leads nowhere"
        );
        fs::remove_file(root.join(".agents/skills")).unwrap();
        fs::write(root.join(".agents/skills"), "a file").unwrap();
        assert_eq!(expose(root, ".mc/skills/current", &files).unwrap()[0], ".agents/skills");
        assert_eq!(read(".agents/skills"), "a file");
    }
}
