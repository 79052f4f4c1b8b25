//! Trees of small files: what skills and profiles are made of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// At most this many files in one bundle.
pub const MAX_FILES: usize = 2000;
/// The largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// All files of a bundle together, in bytes.
pub const MAX_TOTAL_BYTES: usize = 16 * 1024 * 1024;
/// An archive as it is sent, in bytes.
pub const MAX_ARCHIVE_BYTES: usize = 24 * 1024 * 1024;
/// The media type of an archive: tar.
pub const MEDIA_TYPE: &str = "application/x-tar";

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct BundleFile {
    /// Relative, parts separated by `/`.
    pub path: String,
    /// Number of bytes.
    pub size_bytes: i64,
    /// SHA-256 of the bytes, lowercase hex.
    pub sha256: String,
    /// Whether it may be run.
    pub executable: bool,
}

/// How a folder differs from the bundle that was written to it: paths, sorted, at most 200 of each sort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// With other content, or with another mark of being executable.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Gone.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Not of the bundle.
    #[serde(default)]
    pub added: Vec<String>,
}

/// The most paths of one sort that [`Drift`] names.
pub const MAX_DRIFT: usize = 200;

impl Drift {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.missing.is_empty() && self.added.is_empty()
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return f.write_str("no drift");
        }
        let (changed, missing, added) = (self.changed.len(), self.missing.len(), self.added.len());
        write!(f, "{changed} changed, {missing} missing, {added} added")
    }
}
