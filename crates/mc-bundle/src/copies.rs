//! Copies of bundles in one folder, one of which is the current one.
//!
//! ```text
//! ROOT/.lock
//!      <subject>.<version>.<12 digits of the digest>[.<n>]/        the files
//!      <the same>.json                                             what they were when they were written
//!      current -> <one of them>
//! ```
//!
//! A copy is never written over: whoever works in it keeps it, and whatever he changed in it stays. Another version is
//! another folder, and the link changes in one step. A copy whose description is missing was not finished.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mc_api::bundle::BundleFile;
pub use mc_api::bundle::Drift;
use serde::{Deserialize, Serialize};

use crate::folder::{self, Lock, PackError};
use crate::{Tree, sha256};

/// What a copy is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Whose bundle: a part of a file name.
    pub subject: String,
    /// Which version: a part of a file name.
    pub version: String,
    /// Digest of the archive, lowercase hex.
    pub sha256: String,
    /// Where the bundle is kept, for people and programs; nothing here depends on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origin: Vec<String>,
}

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// The name of its folder.
    pub folder: String,
    /// What it is of.
    #[serde(flatten)]
    pub about: About,
    /// The files as they were written.
    pub files: Vec<BundleFile>,
}

/// A folder of copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    root: PathBuf,
    link: &'static str,
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect()
}

impl Copies {
    /// The copies in a folder, of which the link of this name shows the current one.
    pub fn new(root: &Path, link: &'static str) -> Self {
        Self { root: root.to_owned(), link }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The link to the current copy.
    pub fn link(&self) -> PathBuf {
        self.root.join(self.link)
    }

    /// The folder of a copy.
    pub fn path(&self, copy: &Copy) -> PathBuf {
        self.root.join(&copy.folder)
    }

    /// Waits until nobody else changes anything here.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn lock(&self) -> io::Result<Lock> {
        Lock::acquire(&self.root)
    }

    fn described(&self, name: &str) -> io::Result<Option<Copy>> {
        match fs::read(self.root.join(format!("{name}.json"))) {
            Ok(bytes) => {
                let copy: Copy = serde_json::from_slice(&bytes)?;
                Ok((copy.folder == name).then_some(copy))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The current copy.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn current(&self) -> io::Result<Option<Copy>> {
        match fs::read_link(self.link()) {
            Ok(target) => self.described(&target.to_string_lossy()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All finished copies, by name.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn all(&self) -> io::Result<Vec<Copy>> {
        let mut all = Vec::new();
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".json"))
                && let Some(copy) = self.described(name)?
                && self.root.join(name).is_dir()
            {
                all.push(copy);
            }
        }
        all.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(all)
    }

    /// What was changed in a copy since it was written.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn drift(&self, copy: &Copy) -> Result<Drift, PackError> {
        folder::compare(&copy.files, &self.path(copy), &[])
    }

    /// An unchanged copy of the same, or a new one. The current one stays what it is.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn provide(&self, about: About, tree: &Tree, lock: &Lock) -> Result<Copy, PackError> {
        let failed = |error| PackError::Io(self.root.clone(), error);
        let digits: String = about.sha256.chars().take(12).collect();
        let base = format!("{}.{}.{}", plain(&about.subject), plain(&about.version), plain(&digits));
        for n in 0.. {
            let name = if n == 0 { base.clone() } else { format!("{base}.{n}") };
            let full = self.root.join(&name);
            match self.described(&name).map_err(failed)? {
                Some(copy) if copy.about == about && full.is_dir() && self.drift(&copy)?.is_empty() => {
                    return Ok(copy);
                }
                // Of a process that was killed before it described it: nobody ever got it.
                None if full.symlink_metadata().is_ok() => folder::remove(&full).map_err(failed)?,
                None => {}
                Some(_) if full.symlink_metadata().is_err() => {}
                Some(_) => continue,
            }
            folder::place(&self.root, &name, tree, lock).map_err(failed)?;
            let copy = Copy { folder: name, about, files: tree.manifest() };
            self.describe(&copy).map_err(failed)?;
            return Ok(copy);
        }
        unreachable!("one of the names is free")
    }

    fn describe(&self, copy: &Copy) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(copy)?;
        folder::write_file(&self.root.join(format!("{}.json", copy.folder)), &bytes)
    }

    /// Says of a copy that its files, as they are now, are another version: they were stored as that.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn became(&self, copy: &Copy, about: About, tree: &Tree, _lock: &Lock) -> io::Result<Copy> {
        let copy = Copy { folder: copy.folder.clone(), about, files: tree.manifest() };
        self.describe(&copy)?;
        Ok(copy)
    }

    /// Makes a copy the current one, in one step.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn activate(&self, copy: &Copy, _lock: &Lock) -> io::Result<()> {
        folder::point(&self.link(), Path::new(&copy.folder))
    }

    /// Removes copies in which nothing was changed, but the current one and those to keep. Returns how many.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn prune(&self, keep: &[&str], _lock: &Lock) -> Result<usize, PackError> {
        let failed = |error| PackError::Io(self.root.clone(), error);
        let current = self.current().map_err(failed)?.map(|copy| copy.folder);
        let mut removed = 0;
        for copy in self.all().map_err(failed)? {
            let is_kept = keep.contains(&copy.folder.as_str()) || current.as_ref() == Some(&copy.folder);
            if is_kept || !self.drift(&copy)?.is_empty() {
                continue;
            }
            // First the description: without it the folder is nobody's.
            folder::remove(&self.root.join(format!("{}.json", copy.folder))).map_err(failed)?;
            folder::remove(&self.path(&copy)).map_err(failed)?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// What an archive is of, when it is what its digest says.
pub fn is_intact(archive: &[u8], about: &About) -> bool {
    sha256(archive) == about.sha256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::File;

    fn tree(text: &str) -> Tree {
        let mut tree = Tree::default();
        tree.insert("a/SKILL.md", File { content: text.as_bytes().to_vec(), executable: false }).unwrap();
        tree
    }

    fn about(version: &str) -> About {
        let sha256 = sha256(&tree(version).write());
        About { subject: "mission/kluster".into(), version: version.into(), sha256, origin: Vec::new() }
    }

    #[test]
    fn a_changed_copy_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let copies = Copies::new(&dir.path().join("skills"), "current");
        assert_eq!(copies.current().unwrap(), None);
        let lock = copies.lock().unwrap();
        let one = copies.provide(about("m1-k0"), &tree("m1-k0"), &lock).unwrap();
        assert_eq!(copies.provide(about("m1-k0"), &tree("m1-k0"), &lock).unwrap(), one);
        copies.activate(&one, &lock).unwrap();
        assert_eq!(copies.current().unwrap(), Some(one.clone()));

        let mine = copies.path(&one).join("a/SKILL.md");
        fs::write(&mine, "mine").unwrap();
        assert_eq!(copies.drift(&one).unwrap().changed, ["a/SKILL.md"]);
        let again = copies.provide(about("m1-k0"), &tree("m1-k0"), &lock).unwrap();
        assert_ne!(again.folder, one.folder);
        copies.activate(&again, &lock).unwrap();
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
        let two = copies.provide(about("m2-k0"), &tree("m2-k0"), &lock).unwrap();
        copies.activate(&two, &lock).unwrap();
        assert_eq!(copies.all().unwrap().len(), 3);
        // What was not changed goes; what somebody changed stays.
        assert_eq!(copies.prune(&[], &lock).unwrap(), 1);
        assert_eq!(copies.all().unwrap().len(), 2);
        assert!(mine.exists());
    }

    #[test]
    fn what_is_stored_from_a_copy_is_its_version_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let copies = Copies::new(dir.path(), "active");
        let lock = copies.lock().unwrap();
        let one = copies.provide(about("1"), &tree("1"), &lock).unwrap();
        fs::write(copies.path(&one).join("a/SKILL.md"), "2").unwrap();
        let two = copies.became(&one, about("2"), &tree("2"), &lock).unwrap();
        assert!(copies.drift(&two).unwrap().is_empty());
        assert_eq!(two.folder, one.folder);
    }

    #[test]
    fn an_unfinished_copy_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let copies = Copies::new(dir.path(), "current");
        let lock = copies.lock().unwrap();
        let one = copies.provide(about("m1-k0"), &tree("m1-k0"), &lock).unwrap();
        fs::remove_file(dir.path().join(format!("{}.json", one.folder))).unwrap();
        fs::remove_file(copies.path(&one).join("a/SKILL.md")).unwrap();
        assert_eq!(copies.provide(about("m1-k0"), &tree("m1-k0"), &lock).unwrap(), one);
        assert!(copies.drift(&one).unwrap().is_empty());
        fs::remove_dir_all(copies.path(&one)).unwrap();
        assert_eq!(copies.provide(about("m1-k0"), &tree("m1-k0"), &lock).unwrap(), one);
    }
}
