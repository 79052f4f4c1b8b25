//! Reading and following a journal, also while another process writes it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::record::{self, Decoded, HEADER_BYTES, Record};
use crate::{Error, segment};

const CHUNK_BYTES: usize = 64 * 1024;
/// How often a whole record with a bad checksum is read again before it counts as damaged.
const REREADS: u32 = 3;

/// Position in a journal. Holds one open file; a segment trimmed meanwhile stays readable to its end.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    next_seq: u64,
    /// Records below this are read past, not answered.
    wanted: u64,
    open: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    path: PathBuf,
    file: File,
    /// Offset in the file of `buffer[start]`.
    offset: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl Reader {
    /// Begins before `from_seq` (0 and 1 both mean the first record ever). The journal may still be absent.
    ///
    /// # Errors
    /// [`Error::Trimmed`] when that record is gone.
    pub fn open(dir: &Path, from_seq: u64) -> Result<Self, Error> {
        let wanted = from_seq.max(1);
        let found = segment::list(dir)?;
        let oldest = found.first().copied().unwrap_or(1);
        if wanted < oldest {
            return Err(Error::Trimmed { wanted, first_seq: oldest });
        }
        let first = found.iter().copied().rfind(|first| *first <= wanted).unwrap_or(oldest);
        let mut reader = Self::segment(dir, first)?;
        reader.wanted = wanted;
        Ok(reader)
    }

    /// Oldest sequence present, `None` while the journal is empty.
    pub fn oldest(dir: &Path) -> Result<Option<u64>, Error> {
        Ok(segment::list(dir)?.first().copied())
    }

    /// Last whole record of a journal that nobody writes any more, made durable; 0 while it is empty.
    pub fn end(dir: &Path) -> Result<u64, Error> {
        let Some(first) = segment::list(dir)?.last().copied() else { return Ok(0) };
        let mut reader = Self::segment(dir, first)?;
        if let Some(open) = &reader.open {
            open.file.sync_data().map_err(Error::io(&open.path))?;
        }
        while reader.next_in_segment()?.is_some() {}
        Ok(reader.next_seq - 1)
    }

    pub(crate) fn segment(dir: &Path, first_seq: u64) -> Result<Self, Error> {
        let mut reader = Self { dir: dir.to_owned(), next_seq: first_seq, wanted: 0, open: None };
        reader.open = reader.try_open()?;
        Ok(reader)
    }

    /// Sequence of the record that [`Reader::next`] answers next.
    pub fn next_seq(&self) -> u64 {
        self.next_seq.max(self.wanted)
    }

    pub(crate) fn offset(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.offset)
    }

    /// The next record, or `None` when there is none yet. Call again later to follow the writer.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a whole record with a bad checksum, [`Error::Trimmed`] when the reader was
    /// overtaken by trimming.
    #[expect(clippy::should_implement_trait, reason = "`None` is not the end here, and errors do not end it")]
    pub fn next(&mut self) -> Result<Option<Record>, Error> {
        loop {
            if self.open.is_none() {
                self.open = self.try_open()?;
            }
            let Some(open) = &mut self.open else {
                return match Self::oldest(&self.dir)? {
                    Some(first_seq) if first_seq > self.next_seq => {
                        Err(Error::Trimmed { wanted: self.next_seq, first_seq })
                    }
                    _ => Ok(None),
                };
            };
            match open.read(self.next_seq)? {
                Read::Record(record) => {
                    self.next_seq += 1;
                    if record.seq >= self.wanted {
                        return Ok(Some(record));
                    }
                }
                Read::Bad => {
                    return Err(Error::Corrupt {
                        path: open.path.clone(),
                        offset: open.offset,
                        expected_seq: self.next_seq,
                    });
                }
                Read::End => {
                    // The writer finishes a segment before it creates the next one.
                    match self.try_open()? {
                        Some(next) if next.path != open_path(self.open.as_ref()) => self.open = Some(next),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    /// As [`Reader::next`], but stays in this segment and takes damage for its end.
    pub(crate) fn next_in_segment(&mut self) -> Result<Option<Record>, Error> {
        let Some(open) = &mut self.open else { return Ok(None) };
        match open.read(self.next_seq)? {
            Read::Record(record) => {
                self.next_seq += 1;
                Ok(Some(record))
            }
            Read::Bad | Read::End => Ok(None),
        }
    }

    fn try_open(&self) -> Result<Option<OpenSegment>, Error> {
        let path = segment::path(&self.dir, self.next_seq);
        match File::open(&path) {
            Ok(file) => Ok(Some(OpenSegment { path, file, offset: 0, buffer: Vec::new(), start: 0 })),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::io(path)(source)),
        }
    }
}

fn open_path(open: Option<&OpenSegment>) -> &Path {
    open.map_or(Path::new(""), |open| open.path.as_path())
}

enum Read {
    Record(Record),
    End,
    Bad,
}

impl OpenSegment {
    fn read(&mut self, expected_seq: u64) -> Result<Read, Error> {
        let mut rereads = 0;
        loop {
            match record::decode(&self.buffer[self.start..], expected_seq) {
                Decoded::Whole(record, size) => {
                    self.start += size;
                    self.offset += size as u64;
                    return Ok(Read::Record(record));
                }
                Decoded::Need(total) => {
                    if !self.fill(total)? {
                        return Ok(Read::End);
                    }
                }
                Decoded::Bad => {
                    // A write by another process may have been seen half done: look again.
                    rereads += 1;
                    if rereads > REREADS {
                        return Ok(Read::Bad);
                    }
                    self.buffer.clear();
                    self.start = 0;
                    if !self.fill(HEADER_BYTES)? {
                        return Ok(Read::End);
                    }
                }
            }
        }
    }

    /// Makes `total` bytes available after `start`; false when the file does not have them.
    fn fill(&mut self, total: usize) -> Result<bool, Error> {
        self.buffer.drain(..self.start);
        self.start = 0;
        while self.buffer.len() < total {
            let have = self.buffer.len();
            self.buffer.resize(have + CHUNK_BYTES.max(total - have), 0);
            let read = self.file.read_at(&mut self.buffer[have..], self.offset + have as u64);
            self.buffer.truncate(have + read.as_ref().copied().unwrap_or(0));
            match read {
                Ok(0) => {
                    // A torn tail may be cut and overwritten before the next look.
                    self.buffer.clear();
                    return Ok(false);
                }
                Ok(_) => {}
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::io(&self.path)(source)),
            }
        }
        Ok(true)
    }
}
