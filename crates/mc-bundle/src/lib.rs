//! Trees of small files: skills and profiles on their way between people, control plane, nodes and agents.
//!
//! - An archive is tar. The same tree gives the same bytes, whoever writes it: sorted paths, no times, no owners, modes
//!   0644 and 0755. [`Tree::read`] also takes gzip and whatever other programs write.
//! - What is read may come from anybody. Links, devices, paths that lead elsewhere, names that are one on some systems, too
//!   much of anything: refused, and the refusal names the entry. Nothing is unpacked while it is read.
//! - A folder appears whole or not at all ([`folder::place`]), and a link changes in one step ([`folder::point`]).

mod archive;
pub mod copies;
pub mod folder;
mod merge;
mod path;
pub mod skills;

use std::collections::BTreeMap;

use mc_api::bundle::{BundleFile, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES};

pub use merge::Merged;
pub use path::check as check_path;

/// Why an entry, or the archive (an empty entry), is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if entry.is_empty() { String::new() } else { format!("{entry}: ") })]
pub struct Refusal {
    /// The entry as the archive names it, shortened, without control characters.
    pub entry: String,
    /// Why.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(entry: &str, reason: impl Into<String>) -> Self {
        let entry = entry.chars().take(120).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        Self { entry, reason: reason.into() }
    }

    pub(crate) fn whole(reason: impl Into<String>) -> Self {
        Self::new("", reason)
    }
}

/// How much is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: usize,
    /// Bytes of all files.
    pub total_bytes: usize,
}

impl Limits {
    /// Of one bundle.
    pub const BUNDLE: Self =
        Self { files: MAX_FILES, file_bytes: MAX_FILE_BYTES, total_bytes: MAX_TOTAL_BYTES };
    /// Of two bundles merged.
    pub const SNAPSHOT: Self =
        Self { files: 2 * MAX_FILES, file_bytes: MAX_FILE_BYTES, total_bytes: 2 * MAX_TOTAL_BYTES };
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whether it may be run.
    pub executable: bool,
}

/// Files by path. Every path is checked, and no two are one file on any system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<String, File>,
    /// The folded forms of all files, with the path that has it.
    folded: BTreeMap<String, String>,
    /// The folded forms of all folders.
    folders: BTreeMap<String, String>,
}

impl Tree {
    /// Adds a file.
    ///
    /// # Errors
    /// A path that is not allowed, or that another one stands in the way of.
    pub fn insert(&mut self, path: &str, file: File) -> Result<(), Refusal> {
        path::check(path).map_err(|reason| Refusal::new(path, reason))?;
        let folded = path::fold(path);
        if let Some(other) = self.folded.get(&folded).filter(|other| *other != path) {
            return Err(Refusal::new(path, format!("has the same name as {other} on some systems")));
        }
        if self.files.contains_key(path) {
            return Err(Refusal::new(path, "is there twice"));
        }
        if self.folders.contains_key(&folded) {
            return Err(Refusal::new(path, "is a file and a folder"));
        }
        for (folder, plain) in path::folders(&folded).zip(path::folders(path)) {
            if let Some(other) = self.folded.get(folder) {
                return Err(Refusal::new(path, format!("lies below the file {other}")));
            }
            match self.folders.get(folder) {
                Some(known) if known != plain => {
                    return Err(Refusal::new(
                        path,
                        format!("lies in a folder with the same name as {known} on some systems"),
                    ));
                }
                Some(_) => {}
                None => {
                    self.folders.insert(folder.to_owned(), plain.to_owned());
                }
            }
        }
        self.folded.insert(folded, path.to_owned());
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    /// A file.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// All files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// How many files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files with sizes and digests, sorted by path.
    pub fn manifest(&self) -> Vec<BundleFile> {
        self.iter().map(|(path, file)| described(path, &file.content, file.executable)).collect()
    }
}

/// A file as a manifest names it.
pub(crate) fn described(path: &str, content: &[u8], executable: bool) -> BundleFile {
    let size_bytes = i64::try_from(content.len()).unwrap_or(i64::MAX);
    BundleFile { path: path.to_owned(), size_bytes, sha256: sha256(content), executable }
}

/// SHA-256, lowercase hex.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}
