//! The one writer of a journal.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::reader::Reader;
use crate::record::{self, Kind, MAX_PAYLOAD_BYTES, Record, Stamp};
use crate::{Error, segment};

/// Buffered bytes at which [`Journal::append`] writes by itself.
const BUFFER_BYTES: usize = 256 * 1024;

/// Sizes of a journal.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A segment that has reached this size is closed.
    pub segment_bytes: u64,
    /// Total size at which only control records are accepted.
    pub quota_bytes: u64,
    /// What [`Journal::trim`] leaves in place for local readers.
    pub keep_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 8 << 20, quota_bytes: 256 << 20, keep_bytes: 4 << 20 }
    }
}

/// What [`Journal::open`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// Whole records present.
    pub records: u64,
    /// Bytes cut from the newest segment.
    pub truncated_bytes: u64,
}

/// Append-only journal, open for writing. Dropping it writes nothing: call [`Journal::sync`] first.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    options: Options,
    file: File,
    path: PathBuf,
    /// First sequence and size of every segment, the open one last.
    segments: Vec<(u64, u64)>,
    buffer: Vec<u8>,
    next_seq: u64,
    /// Last sequence written to the file (survives a killed process).
    written_seq: u64,
    /// Last sequence synced to disk (survives power loss).
    durable_seq: u64,
    is_poisoned: bool,
}

impl Journal {
    /// Opens the journal in `dir`, creating it when absent, and repairs a torn tail. `visit` sees every record
    /// from the oldest on, so that the caller rebuilds its state in the same pass.
    pub fn open(
        dir: &Path,
        options: Options,
        mut visit: impl FnMut(&Record),
    ) -> Result<(Self, OpenReport), Error> {
        fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let mut report = OpenReport::default();
        let found = segment::list(dir)?;
        let mut segments = Vec::with_capacity(found.len().max(1));
        let mut next_seq = found.first().copied().unwrap_or(1);
        for (index, &first) in found.iter().enumerate() {
            let path = segment::path(dir, first);
            if first != next_seq {
                return Err(Error::Corrupt { path, offset: 0, expected_seq: next_seq });
            }
            let size = fs::metadata(&path).map_err(Error::io(&path))?.len();
            let mut reader = Reader::segment(dir, first)?;
            let mut whole = 0;
            while let Some(record) = reader.next_in_segment()? {
                visit(&record);
                whole = reader.offset();
                next_seq = record.seq + 1;
                report.records += 1;
            }
            if whole < size {
                if index + 1 < found.len() {
                    return Err(Error::Corrupt { path, offset: whole, expected_seq: next_seq });
                }
                report.truncated_bytes = size - whole;
                let file = OpenOptions::new().write(true).open(&path).map_err(Error::io(&path))?;
                file.set_len(whole).and_then(|()| file.sync_all()).map_err(Error::io(&path))?;
            }
            segments.push((first, whole));
        }
        if segments.is_empty() {
            segments.push((1, 0));
        }
        let path = segment::path(dir, segments[segments.len() - 1].0);
        let file = open_append(&path)?;
        // What is found here survived a crash of the process only; make the promise whole again.
        file.sync_data().map_err(Error::io(&path))?;
        sync_dir(dir)?;
        let last = next_seq - 1;
        let journal = Self {
            dir: dir.to_owned(),
            options,
            file,
            path,
            segments,
            buffer: Vec::new(),
            next_seq,
            written_seq: last,
            durable_seq: last,
            is_poisoned: false,
        };
        Ok((journal, report))
    }

    /// Oldest sequence kept.
    pub fn first_seq(&self) -> u64 {
        self.segments[0].0
    }

    /// Sequence of the newest appended record; 0 when there is none.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// Newest sequence that other processes can read.
    pub fn written_seq(&self) -> u64 {
        self.written_seq
    }

    /// Newest sequence that survives power loss; only this may leave the machine.
    pub fn durable_seq(&self) -> u64 {
        self.durable_seq
    }

    /// Bytes in all segments and in memory.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|(_, size)| size).sum::<u64>() + self.buffer.len() as u64
    }

    /// Appends a record in memory and answers its sequence. It reaches the file with [`Journal::flush`].
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::QuotaExceeded`] and [`Error::NoSpace`] only for records that are no control
    /// records; other errors of a flush. Nothing was appended then.
    pub fn append(&mut self, stamp: Stamp, kind: Kind, flags: u8, payload: &[u8]) -> Result<u64, Error> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Error::TooLarge { bytes: payload.len() });
        }
        let incoming = (record::HEADER_BYTES + payload.len()) as u64;
        if !kind.is_control() && self.size_bytes() + incoming > self.options.quota_bytes {
            return Err(Error::QuotaExceeded { quota_bytes: self.options.quota_bytes });
        }
        let open = self.segments[self.segments.len() - 1];
        let is_full = open.1 + self.buffer.len() as u64 >= self.options.segment_bytes;
        if is_full || self.buffer.len() >= BUFFER_BYTES {
            match self.flush().and_then(|()| if is_full { self.rotate() } else { Ok(()) }) {
                // Control records close what is open; they wait in memory for room.
                Err(error) if error.is_out_of_space() && kind.is_control() => {}
                other => other?,
            }
        }
        let seq = self.next_seq;
        record::encode(&mut self.buffer, seq, stamp, kind, flags, payload);
        self.next_seq += 1;
        Ok(seq)
    }

    /// Writes what is buffered: from now on a killed process does not lose it.
    ///
    /// # Errors
    /// [`Error::NoSpace`] leaves the file at its last whole record and the buffer in memory.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let open = self.segments.len() - 1;
        if let Err(source) = self.file.write_all(&self.buffer) {
            // A part may have been written; readers ignore it, and it must not precede the next attempt.
            if self.file.set_len(self.segments[open].1).is_err() {
                self.is_poisoned = true;
            }
            return Err(Error::io(&self.path)(source));
        }
        self.segments[open].1 += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES);
        self.written_seq = self.next_seq - 1;
        Ok(())
    }

    /// Writes and syncs: from now on power loss does not lose it. Free when nothing is new.
    ///
    /// # Errors
    /// As [`Journal::flush`]; a failed sync poisons the journal, because the kernel may have dropped the data.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.flush()?;
        if self.durable_seq < self.written_seq {
            if let Err(source) = self.file.sync_data() {
                self.is_poisoned = true;
                return Err(Error::io(&self.path)(source));
            }
            self.durable_seq = self.written_seq;
        }
        Ok(())
    }

    /// Removes whole segments in which every record is at or below `acked_seq`, oldest first, while at least
    /// [`Options::keep_bytes`] stay. Answers the oldest sequence kept.
    pub fn trim(&mut self, acked_seq: u64) -> Result<u64, Error> {
        let mut total: u64 = self.segments.iter().map(|(_, size)| size).sum();
        while self.segments.len() > 1 {
            let (first, size) = self.segments[0];
            let last = self.segments[1].0 - 1;
            if last > acked_seq || total - size < self.options.keep_bytes {
                break;
            }
            let path = segment::path(&self.dir, first);
            fs::remove_file(&path).map_err(Error::io(&path))?;
            self.segments.remove(0);
            total -= size;
        }
        Ok(self.first_seq())
    }

    /// Whether [`Journal::trim`] would remove something.
    pub fn can_trim(&self, acked_seq: u64) -> bool {
        let total: u64 = self.segments.iter().map(|(_, size)| size).sum();
        self.segments.len() > 1
            && self.segments[1].0 - 1 <= acked_seq
            && total - self.segments[0].1 >= self.options.keep_bytes
    }

    fn rotate(&mut self) -> Result<(), Error> {
        self.sync()?;
        let path = segment::path(&self.dir, self.next_seq);
        self.file = open_append(&path)?;
        self.path = path;
        self.segments.push((self.next_seq, 0));
        sync_dir(&self.dir)
    }
}

fn open_append(path: &Path) -> Result<File, Error> {
    OpenOptions::new().create(true).append(true).open(path).map_err(Error::io(path))
}

fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir))
}
