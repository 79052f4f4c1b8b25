//! The lines of a pack: `{"sha256":"…","record":{…}}`, sealed when written, checked when read.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, Write as _};

use mc_api::ProblemKind;
use mc_api::pack::{MAX_LINE_BYTES, Record};
use mc_ledger::{Digest, sha256};
use ring::digest::{Context, SHA256};

use crate::app::App;
use crate::error::Error;

const HEAD: &str = "{\"sha256\":\"";
const MIDDLE: &str = "\",\"record\":";
/// Where a record begins in its line.
const AT: usize = HEAD.len() + 64 + MIDDLE.len();

/// That a pack cannot be imported.
pub(super) fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ProblemKind::PackInvalid, detail)
}

/// What is wrong with one entry.
pub(super) fn fault(line: i64, entry: &str, detail: impl std::fmt::Display) -> Error {
    invalid(format!("line {line} ({entry}): {detail}"))
}

/// A file without a name in the data folder: nothing is left of it, however the process ends.
pub(super) fn nameless(app: &App) -> Result<File, Error> {
    tempfile::tempfile_in(&app.data_dir).map_err(Error::internal)
}

/// The digest of what a context has seen.
pub(super) fn finish(context: Context) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Digest(bytes)
}

/// Writes a pack.
pub(super) struct Writer {
    out: BufWriter<File>,
    digests: Context,
    records: i64,
    bytes: i64,
}

impl Writer {
    pub(super) fn new(file: File) -> Self {
        Self { out: BufWriter::new(file), digests: Context::new(&SHA256), records: 0, bytes: 0 }
    }

    pub(super) fn put(&mut self, record: &Record) -> Result<(), Error> {
        let text = serde_json::to_string(record).map_err(Error::internal)?;
        if text.len() + AT + 1 > MAX_LINE_BYTES {
            return Err(Error::invalid(record.entry(), format!("larger than {MAX_LINE_BYTES} bytes")));
        }
        let digest = sha256(text.as_bytes()).to_string();
        self.digests.update(digest.as_bytes());
        self.records += 1;
        let line = [HEAD, &digest, MIDDLE, &text, "}\n"];
        self.bytes += line.iter().map(|part| i64::try_from(part.len()).unwrap_or(0)).sum::<i64>();
        line.iter().try_for_each(|part| self.out.write_all(part.as_bytes())).map_err(Error::internal)
    }

    /// Writes the end. The file, the digest of the pack, and its length.
    pub(super) fn end(mut self) -> Result<(File, String, i64), Error> {
        let digest = finish(self.digests.clone()).to_string();
        self.put(&Record::End { records: self.records, sha256: digest.clone() })?;
        let bytes = self.bytes;
        let mut file = self.out.into_inner().map_err(|error| Error::internal(error.into_error()))?;
        file.rewind().map_err(Error::internal)?;
        Ok((file, digest, bytes))
    }
}

/// Reads and checks a pack, line by line.
pub(super) struct Reader {
    input: BufReader<File>,
    digests: Context,
    /// The line that was read last, from 1.
    pub(super) line: i64,
    buffer: Vec<u8>,
    /// The digest of the pack, once its end was read.
    pub(super) sha256: Option<String>,
}

impl Reader {
    /// From the start of a file. One reader of a file at a time.
    pub(super) fn new(file: &File) -> Result<Self, Error> {
        let mut file = file.try_clone().map_err(Error::internal)?;
        file.rewind().map_err(Error::internal)?;
        let input = BufReader::with_capacity(256 << 10, file);
        Ok(Self { input, digests: Context::new(&SHA256), line: 0, buffer: Vec::new(), sha256: None })
    }

    /// The next record; `None` behind the end.
    pub(super) fn next(&mut self) -> Result<Option<Record>, Error> {
        self.buffer.clear();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        (&mut self.input).take(most + 1).read_until(b'\n', &mut self.buffer).map_err(Error::internal)?;
        if self.buffer.is_empty() {
            return match self.sha256 {
                Some(_) => Ok(None),
                None => Err(invalid(format!("it ends after line {}: the rest is missing", self.line))),
            };
        }
        self.line += 1;
        if self.sha256.is_some() {
            return Err(fault(self.line, "?", "stands behind the end"));
        }
        if self.buffer.last() != Some(&b'\n') {
            let what = if self.buffer.len() > MAX_LINE_BYTES { "is too long" } else { "is cut off" };
            return Err(fault(self.line, "?", what));
        }
        let text = std::str::from_utf8(&self.buffer[..self.buffer.len() - 1])
            .map_err(|_| fault(self.line, "?", "is no UTF-8"))?;
        let (digest, body) = split(text).ok_or_else(|| fault(self.line, "?", "is no line of a pack"))?;
        let record = parse(self.line, body);
        if sha256(body.as_bytes()).to_string() != digest {
            let entry = record.map_or_else(|_| "?".to_owned(), |record| record.entry());
            return Err(fault(self.line, &entry, "was changed: it does not have its digest"));
        }
        let record = record?;
        if let Record::End { records, sha256 } = &record {
            let told = (*records, sha256.clone());
            let is = (self.line - 1, finish(self.digests.clone()).to_string());
            if told != is {
                return Err(fault(self.line, "end", "lines are missing, added or in another order"));
            }
            self.sha256 = Some(is.1);
        }
        self.digests.update(digest.as_bytes());
        Ok(Some(record))
    }
}

fn split(line: &str) -> Option<(&str, &str)> {
    let digest = line.strip_prefix(HEAD)?.get(..64)?;
    let body = line.get(AT - MIDDLE.len()..)?.strip_prefix(MIDDLE)?.strip_suffix('}')?;
    digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)).then_some((digest, body))
}

fn parse(line: i64, text: &str) -> Result<Record, Error> {
    let record: Record = serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        let said: String = said.split(" at line ").next().unwrap_or_default().chars().take(300).collect();
        fault(line, "?", said)
    })?;
    let again = serde_json::to_string(&record).map_err(Error::internal)?;
    if again != text {
        let (given, known): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(text).map_err(Error::internal)?,
            serde_json::from_str(&again).map_err(Error::internal)?,
        );
        if let Some(place) = beyond(&given, &known) {
            return Err(fault(line, &record.entry(), format!("{place} is unknown, or not as it is written")));
        }
    }
    Ok(record)
}

/// The first place in `given` that `known` does not have just so.
fn beyond(given: &serde_json::Value, known: &serde_json::Value) -> Option<String> {
    use serde_json::Value::{Array, Object};
    match (given, known) {
        (Object(given), Object(known)) => given.iter().find_map(|(key, value)| {
            let short: String = key.chars().take(64).collect();
            let deeper = match known.get(key) {
                Some(other) => beyond(value, other)?,
                None => String::new(),
            };
            Some(format!("/{short}{deeper}"))
        }),
        (Array(given), Array(known)) if given.len() == known.len() => given
            .iter()
            .zip(known)
            .enumerate()
            .find_map(|(at, (one, other))| beyond(one, other).map(|deeper| format!("/{at}{deeper}"))),
        (one, other) => (one != other).then(String::new),
    }
}
