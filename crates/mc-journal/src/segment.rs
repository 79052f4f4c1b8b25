//! Segment files: names and listing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

const SUFFIX: &str = ".seg";

pub(crate) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}{SUFFIX}"))
}

/// First sequences of all segments, ascending. A missing folder holds none.
pub(crate) fn list(dir: &Path) -> Result<Vec<u64>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::io(dir)(source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::io(dir))?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        found.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}
