//! Standard error of the agent: a file of bounded size, and a bounded number of journal records.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const HALF_BYTES: u64 = 512 * 1024;
const RECORDS_PER_WINDOW: u32 = 50;
const WINDOW: Duration = Duration::from_secs(10);

/// Keeps the newest half to one MiB in two files.
pub(super) struct StderrLog {
    path: PathBuf,
    file: Option<(File, u64)>,
    window: Option<Instant>,
    in_window: u32,
}

impl StderrLog {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None, window: None, in_window: 0 }
    }

    /// Writes to the file and tells whether the text may also go to the journal. Losing log text is accepted:
    /// a full disk must not stop the session.
    pub(super) fn take(&mut self, text: &[u8], now: Instant) -> bool {
        if self.file.as_ref().is_some_and(|(_, size)| *size > HALF_BYTES) {
            self.file = None;
            let _ = fs::rename(&self.path, self.path.with_extension("log.1"));
        }
        if self.file.is_none()
            && let Ok(file) = OpenOptions::new().create(true).append(true).open(&self.path)
        {
            let size = file.metadata().map_or(0, |meta| meta.len());
            self.file = Some((file, size));
        }
        if let Some((file, size)) = &mut self.file {
            let _ = file.write_all(text);
            *size += text.len() as u64;
        }
        if self.window.is_none_or(|start| now.duration_since(start) > WINDOW) {
            self.window = Some(now);
            self.in_window = 0;
        }
        self.in_window += 1;
        self.in_window <= RECORDS_PER_WINDOW
    }
}
