//! The texts of a Git ledger on the disk, as they were sent: read one at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use mc_api::ProblemKind;
use mc_api::persistence::RestoreLedger;
use mc_api::restore::{MAX_LINE_BYTES, RestorePart};
use mc_ledger::tree::Files;

use crate::error::Error;
use crate::objects::ByteStream;

/// The largest stream.
const MAX_STREAM_BYTES: u64 = 16 << 30;
/// The largest text that is read at once: a file, or a line of a chain.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// At most this many files.
const MAX_FILES: u64 = 4_000_000;

/// Where a text lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: u64,
    bytes: u64,
}

impl Place {
    /// How many bytes.
    pub(super) fn bytes(self) -> u64 {
        self.bytes
    }
}

/// What was received.
pub(super) struct Spool {
    file: Mutex<File>,
    files: BTreeMap<String, Place>,
    /// What paths held in earlier commits.
    pub(super) earlier: Vec<(String, Place)>,
    pub(super) commit: String,
    pub(super) installation: Option<String>,
}

fn broken(detail: impl Into<String>) -> Error {
    Error::new(ProblemKind::MalformedBody, detail)
}

/// Receives a stream of parts.
struct Receiver {
    out: BufWriter<File>,
    at: u64,
    /// Bytes of the present text that are still to come.
    left: u64,
    line: Vec<u8>,
    ledger: Option<(String, Option<String>)>,
    files: BTreeMap<String, Place>,
    earlier: Vec<(String, Place)>,
    parts: u64,
    has_ended: bool,
}

impl Receiver {
    fn new(file: File) -> Self {
        Self {
            out: BufWriter::new(file),
            at: 0,
            left: 0,
            line: Vec::new(),
            ledger: None,
            files: BTreeMap::new(),
            earlier: Vec::new(),
            parts: 0,
            has_ended: false,
        }
    }

    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let length = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                let (text, rest) = bytes.split_at(length);
                self.out.write_all(text).map_err(Error::internal)?;
                (self.at, self.left, bytes) = (self.at + length as u64, self.left - length as u64, rest);
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            self.line.extend_from_slice(line);
            if self.line.len() > MAX_LINE_BYTES {
                return Err(broken(format!("a line of a part is longer than {MAX_LINE_BYTES} bytes")));
            }
            bytes = rest;
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                let part = serde_json::from_slice(&line)
                    .map_err(|error| broken(format!("part {}: {error}", self.parts + 1)))?;
                self.part(part)?;
            }
        }
        Ok(())
    }

    fn part(&mut self, part: RestorePart) -> Result<(), Error> {
        if self.has_ended {
            return Err(broken("something stands behind the end"));
        }
        match part {
            RestorePart::Ledger { commit, installation } => {
                if self.ledger.is_some() {
                    return Err(broken("it begins twice"));
                }
                if !(7..=64).contains(&commit.len()) || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(Error::invalid("/commit", "a commit id"));
                }
                self.ledger = Some((commit, installation));
            }
            RestorePart::End { files } if files == self.parts => self.has_ended = true,
            RestorePart::End { files } => {
                return Err(broken(format!("{files} files were to come, and {} came", self.parts)));
            }
            RestorePart::File { path, bytes } => {
                let place = self.begin(bytes)?;
                if self.files.insert(path.clone(), place).is_some() {
                    return Err(broken(format!("the path {path:?} is there twice")));
                }
            }
            RestorePart::Earlier { path, bytes } => {
                let place = self.begin(bytes)?;
                self.earlier.push((path, place));
            }
        }
        Ok(())
    }

    fn begin(&mut self, bytes: u64) -> Result<Place, Error> {
        if self.ledger.is_none() {
            return Err(broken("it does not begin with the part `ledger`"));
        }
        self.parts += 1;
        let size = self.at.saturating_add(bytes);
        if size > MAX_STREAM_BYTES || self.parts > MAX_FILES {
            let detail = format!("the limit is {MAX_STREAM_BYTES} bytes in {MAX_FILES} files");
            return Err(Error::new(ProblemKind::BodyTooLarge, detail));
        }
        self.left = bytes;
        Ok(Place { at: self.at, bytes })
    }

    fn end(self) -> Result<Spool, Error> {
        let Some((commit, installation)) = self.ledger.filter(|_| self.has_ended && self.left == 0) else {
            return Err(broken("the stream ended before it was complete"));
        };
        let file = self.out.into_inner().map_err(|error| Error::internal(error.into_error()))?;
        let (files, earlier) = (self.files, self.earlier);
        Ok(Spool { file: Mutex::new(file), files, earlier, commit, installation })
    }
}

impl Spool {
    /// Receives a stream into a file.
    ///
    /// # Errors
    /// [`ProblemKind::MalformedBody`], [`ProblemKind::BodyTooLarge`], [`ProblemKind::Validation`].
    pub(super) async fn receive(file: File, mut content: ByteStream) -> Result<Self, Error> {
        let mut receiver = Receiver::new(file);
        while let Some(part) = content.next().await {
            receiver.feed(&part.map_err(|_| broken("the stream ended before it was complete"))?)?;
        }
        receiver.end()
    }

    /// What a request in one piece holds.
    ///
    /// # Errors
    /// As [`Spool::receive`].
    pub(super) fn of(file: File, request: RestoreLedger) -> Result<Self, Error> {
        let mut receiver = Receiver::new(file);
        let RestoreLedger { files, commit, installation, earlier } = request;
        receiver.part(RestorePart::Ledger { commit, installation })?;
        for file in files {
            let bytes = file.text.len() as u64;
            receiver.part(RestorePart::File { path: file.path, bytes })?;
            receiver.feed(file.text.as_bytes())?;
        }
        for file in earlier {
            let bytes = file.text.len() as u64;
            receiver.part(RestorePart::Earlier { path: file.path, bytes })?;
            receiver.feed(file.text.as_bytes())?;
        }
        receiver.part(RestorePart::End { files: receiver.parts })?;
        receiver.end()
    }

    /// Where a file lies.
    pub(super) fn place(&self, path: &str) -> Option<Place> {
        self.files.get(path).copied()
    }

    /// Reads a text; `None`: it is no UTF-8.
    ///
    /// # Errors
    /// It is too large, or the disk failed.
    pub(super) fn read(&self, place: Place) -> Result<Option<String>, String> {
        if place.bytes > MAX_TEXT_BYTES {
            return Err(format!("it is larger than {MAX_TEXT_BYTES} bytes"));
        }
        let mut bytes = vec![0; usize::try_from(place.bytes).map_err(|error| error.to_string())?];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(place.at))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(bytes).ok())
    }
}

impl Files for Spool {
    fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn text(&self, path: &str) -> Result<Option<String>, String> {
        self.place(path).map_or(Ok(None), |place| self.read(place))
    }

    fn lines(&self, path: &str, each: &mut dyn FnMut(&str)) -> Result<(), String> {
        let place = self.place(path).ok_or("it is not there")?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(place.at)).map_err(|error| error.to_string())?;
        let mut input = BufReader::new((&mut *file).take(place.bytes));
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut input).take(MAX_TEXT_BYTES).read_until(b'\n', &mut line);
            if read.map_err(|error| error.to_string())? == 0 {
                return Ok(());
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            } else if line.len() as u64 == MAX_TEXT_BYTES {
                return Err(format!("a line is larger than {MAX_TEXT_BYTES} bytes"));
            }
            each(std::str::from_utf8(&line).map_err(|_| "it is no text")?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(stream: &[u8], step: usize) -> Result<Spool, Error> {
        let mut receiver = Receiver::new(tempfile::tempfile().unwrap());
        for part in stream.chunks(step) {
            receiver.feed(part)?;
        }
        receiver.end()
    }

    const WHOLE: &[u8] = b"{\"type\":\"ledger\",\"commit\":\"0123456\"}\n{\"type\":\"file\",\"path\":\"a\",\"bytes\":3}\nx\ny\
        {\"type\":\"file\",\"path\":\"b\",\"bytes\":0}\n{\"type\":\"earlier\",\"path\":\"a\",\"bytes\":1}\nz{\"type\":\"end\",\"files\":3}\n";

    #[test]
    fn texts_come_back_however_the_stream_is_cut() {
        for step in [1, 2, 7, 1000] {
            let spool = fed(WHOLE, step).unwrap();
            assert_eq!(spool.text("a").unwrap().unwrap(), "x\ny");
            assert_eq!(spool.text("b").unwrap().unwrap(), "");
            assert_eq!(spool.text("c").unwrap(), None);
            assert_eq!(spool.read(spool.earlier[0].1).unwrap().unwrap(), "z");
            let mut lines = Vec::new();
            spool.lines("a", &mut |line| lines.push(line.to_owned())).unwrap();
            assert_eq!(lines, ["x", "y"]);
        }
    }

    #[test]
    fn what_is_cut_off_or_out_of_place_is_refused() {
        for length in [0, 10, 38, WHOLE.len() - 30, WHOLE.len() - 1] {
            assert!(fed(&WHOLE[..length], 1000).is_err(), "{length}");
        }
        let text = std::str::from_utf8(WHOLE).unwrap();
        for (from, to) in [
            ("\"files\":3", "\"files\":2"),
            ("0123456", "012345"),
            ("\"path\":\"b\"", "\"path\":\"a\""),
            ("\"bytes\":0", "\"bytes\":99999999999999"),
            ("{\"type\":\"ledger\",\"commit\":\"0123456\"}\n", ""),
        ] {
            assert!(text.contains(from));
            assert!(fed(text.replacen(from, to, 1).as_bytes(), 1000).is_err(), "{from}");
        }
        assert!(fed(&[WHOLE, b"{\"type\":\"end\",\"files\":3}\n"].concat(), 1000).is_err());
    }
}
