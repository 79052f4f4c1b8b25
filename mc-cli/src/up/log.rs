//! Bounded logs. A part writes into its file itself, so that it can go on when the supervisor is gone; a file that grew
//! too large is copied to `….1` and cut to nothing. What is written between the two is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Size in bytes at which a log is turned over.
pub(super) const LARGEST: u64 = 16 << 20;
const TAIL: u64 = 8 << 10;

/// Opens a log for appending.
pub(super) fn open(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write the log {}", path.display()))
}

/// Turns a log over when it is larger than `largest` bytes.
pub(super) fn bound(path: &Path, largest: u64) -> anyhow::Result<()> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > largest) {
        let kept = path.with_extension("log.1");
        fs::copy(path, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
        OpenOptions::new().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}

/// The last lines, at most `count`.
pub(super) fn tail(path: &Path, count: usize) -> Vec<String> {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let from = file.metadata()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| crate::table::printable(line)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_is_turned_over_and_its_writer_goes_on_at_the_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mesh.log");
        let mut writer = open(&path).unwrap();
        writer.write_all(b"first\nsecond\n").unwrap();
        bound(&path, 100).unwrap();
        assert!(!dir.path().join("mesh.log.1").exists());
        bound(&path, 10).unwrap();
        writer.write_all(b"third\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "third\n");
        assert_eq!(tail(&dir.path().join("mesh.log.1"), 1), ["second"]);
        assert!(tail(&dir.path().join("none.log"), 5).is_empty());
    }
}
