//! From collected records to a pack: credentials looked for, contents put in, every line sealed.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _};

use base64::Engine as _;
use futures_util::StreamExt as _;
use mc_api::FieldError;
use mc_api::id::MissionId;
use mc_api::pack::{CHUNK_BYTES, Record, SecretsMode};
use mc_ledger::Digest;
use mc_secrets::{self as secrets, Scanner};
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::collect::Collected;
use super::format::{Writer, finish};
use crate::app::App;
use crate::error::Error;
use crate::objects::{ObjectError, ObjectStore as _};

/// At most this many findings are told.
const MAX_TOLD: usize = 100;
/// A line of content that is longer is looked at in parts.
const MAX_CONTENT_LINE: usize = 1 << 20;

/// A finished pack.
pub(super) struct Written {
    pub(super) file: File,
    pub(super) sha256: String,
    pub(super) size_bytes: i64,
    pub(super) content_bytes: i64,
    pub(super) secrets: Vec<FieldError>,
    pub(super) secrets_found: i64,
}

struct Packer<'a> {
    app: &'a App,
    mission: MissionId,
    mode: SecretsMode,
    out: Writer,
    ids: HashSet<Uuid>,
    /// Contents that are in the pack, by the digest they have here: the digest and size they have there.
    contents: HashMap<String, (String, i64)>,
    content_bytes: i64,
    secrets: Vec<FieldError>,
    secrets_found: i64,
    /// The name of the doc whose versions come.
    doc: String,
}

pub(super) async fn write(
    app: &App,
    mission: MissionId,
    mode: SecretsMode,
    collected: Collected,
    into: File,
) -> Result<Written, Error> {
    let mut file = collected.file;
    file.rewind().map_err(Error::internal)?;
    let mut packer = Packer {
        app,
        mission,
        mode,
        out: Writer::new(into),
        ids: collected.ids,
        contents: HashMap::new(),
        content_bytes: 0,
        secrets: Vec::new(),
        secrets_found: 0,
        doc: String::new(),
    };
    let mut input = BufReader::new(file);
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line).map_err(Error::internal)? == 0 {
            break;
        }
        let record: Record = serde_json::from_str(&line).map_err(Error::internal)?;
        packer.record(record).await?;
    }
    let Packer { out, content_bytes, secrets, secrets_found, .. } = packer;
    let (file, sha256, size_bytes) = out.end()?;
    Ok(Written { file, sha256, size_bytes, content_bytes, secrets, secrets_found })
}

/// Members whose text no person wrote.
fn is_ours(key: &str) -> bool {
    matches!(
        key,
        "kind" | "type" | "id" | "sha256" | "row_sha256" | "created_by" | "author" | "key" | "state"
    ) || key.ends_with("_id")
        || key.ends_with("_at")
}

impl Packer<'_> {
    fn found(&mut self, entry: &str, place: &str, findings: &[secrets::Finding]) {
        for finding in findings {
            self.secrets_found += 1;
            if self.secrets.len() < MAX_TOLD {
                self.secrets.push(FieldError {
                    pointer: format!("{entry}{place}"),
                    message: format!("line {}: {}", finding.line, finding.sort),
                });
            }
        }
    }

    /// Looks through every text of a record.
    fn texts(&mut self, entry: &str, place: &mut String, value: &mut Value) {
        match value {
            Value::String(text) => {
                let (clean, findings) = secrets::scrub(text);
                if !findings.is_empty() {
                    let clean = clean.into_owned();
                    self.found(entry, place, &findings);
                    *text = clean;
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.within(entry, place, &at.to_string(), item);
                }
            }
            Value::Object(members) => {
                self.keys(entry, place, members);
                for (key, member) in members.iter_mut().filter(|(key, _)| !is_ours(key)) {
                    // A map of texts says by its keys what its values are.
                    if let Value::String(text) = member
                        && let Some(sort) = secrets::assigned(key, text)
                    {
                        let finding = secrets::Finding { line: 1, sort };
                        self.found(entry, &format!("{place}/{key}"), &[finding]);
                        *text = secrets::marker(sort);
                        continue;
                    }
                    self.within(entry, place, key, member);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Looks through the keys of labels and annotations, which people write too. What is told does not show them.
    fn keys(&mut self, entry: &str, place: &str, members: &mut Map<String, Value>) {
        let told = |key: &String| Some((key.clone(), secrets::scrub(key).1.into_iter().next()?));
        let found: Vec<_> = members.keys().filter_map(told).collect();
        for (key, finding) in found {
            self.found(entry, &format!("{place}/(a key)"), std::slice::from_ref(&finding));
            let Some(value) = members.remove(&key) else { continue };
            let free = (1_u32..).map(|n| format!("scrubbed-{}-{n}", finding.sort));
            if let Some(free) = free.into_iter().find(|free| !members.contains_key(free)) {
                members.insert(free, value);
            }
        }
    }

    fn within(&mut self, entry: &str, place: &mut String, key: &str, value: &mut Value) {
        let length = place.len();
        // What every record has around its members says nothing.
        if !(place.is_empty() && key == "object") {
            place.push('/');
            place.push_str(key);
        }
        self.texts(entry, place, value);
        place.truncate(length);
    }

    /// Takes away what refers to objects that are gone.
    fn untie(&self, record: &mut Record) {
        match record {
            Record::Task { object, .. } => {
                object.depends_on.retain(|on| self.ids.contains(&on.id.as_uuid()));
                object.parent_id = object.parent_id.filter(|id| self.ids.contains(&id.as_uuid()));
                object.result_artifact_id =
                    object.result_artifact_id.filter(|id| self.ids.contains(&id.as_uuid()));
            }
            Record::Artifact { object, .. } => {
                object.task_id = object.task_id.filter(|id| self.ids.contains(&id.as_uuid()));
                object.kluster_id = object.kluster_id.filter(|id| self.ids.contains(&id.as_uuid()));
            }
            _ => {}
        }
    }

    async fn record(&mut self, mut record: Record) -> Result<(), Error> {
        self.untie(&mut record);
        let entry = match &record {
            Record::Doc { .. } => {
                self.doc = record.entry();
                self.doc.clone()
            }
            Record::DocVersion { object, .. } => format!("{} version {}", self.doc, object.number),
            other => other.entry(),
        };
        match &mut record {
            Record::Artifact { object, .. } => {
                let (sha256, size) = self.content(&entry, &object.sha256).await?;
                (object.sha256, object.size_bytes) = (sha256, size);
            }
            Record::Doc { object, .. } if self.mode == SecretsMode::Scrub => {
                // The digest of a text with a secret would let the secret be guessed; the versions tell their own.
                object.sha256.clear();
                object.size_bytes = 0;
            }
            Record::DocVersion { object, .. } => {
                let (sha256, size) = self.content(&entry, &object.sha256).await?;
                (object.sha256, object.size_bytes) = (sha256, size);
            }
            _ => {}
        }
        if self.mode != SecretsMode::Keep {
            let mut value = serde_json::to_value(&record).map_err(Error::internal)?;
            let before = self.secrets_found;
            self.texts(&entry, &mut String::new(), &mut value);
            if self.secrets_found > before && self.mode == SecretsMode::Scrub {
                record = serde_json::from_value(value).map_err(|error| {
                    Error::invalid(entry.clone(), format!("cannot be kept without its secret: {error}"))
                })?;
            }
        }
        self.out.put(&record)
    }

    /// Puts a content into the pack, once; the digest and size it has there.
    async fn content(&mut self, entry: &str, sha256: &str) -> Result<(String, i64), Error> {
        if let Some(known) = self.contents.get(sha256) {
            return Ok(known.clone());
        }
        let digest: Digest = sha256.parse().map_err(Error::internal)?;
        let mut stream = self.app.objects.get(self.mission, digest, None).await?;
        let mut pieces = Pieces::default();
        let mut lines = Lines { mode: self.mode, ..Lines::default() };
        while let Some(part) = stream.next().await {
            let part = part.map_err(ObjectError::Store)?;
            lines.feed(&part);
            lines.drain(false, &mut pieces, &mut self.out)?;
        }
        lines.drain(true, &mut pieces, &mut self.out)?;
        let findings = std::mem::take(&mut lines.scanner.findings);
        self.found(entry, "", &findings);
        let known = pieces.end(&mut self.out)?;
        self.content_bytes += known.1;
        self.contents.insert(sha256.to_owned(), known.clone());
        Ok(known)
    }
}

/// Content cut into chunks.
struct Pieces {
    buffer: Vec<u8>,
    at: i64,
    digest: Context,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { buffer: Vec::new(), at: 0, digest: Context::new(&SHA256) }
    }
}

impl Pieces {
    fn push(&mut self, mut bytes: &[u8], out: &mut Writer) -> Result<(), Error> {
        self.digest.update(bytes);
        while self.buffer.len() + bytes.len() >= CHUNK_BYTES {
            let (head, rest) = bytes.split_at(CHUNK_BYTES - self.buffer.len());
            self.buffer.extend_from_slice(head);
            bytes = rest;
            self.flush(out)?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self, out: &mut Writer) -> Result<(), Error> {
        let base64 = base64::engine::general_purpose::STANDARD.encode(&self.buffer);
        out.put(&Record::Chunk { at: self.at, base64 })?;
        self.at += i64::try_from(self.buffer.len()).map_err(Error::internal)?;
        self.buffer.clear();
        Ok(())
    }

    /// The last chunk, which is there for empty content too.
    fn end(mut self, out: &mut Writer) -> Result<(String, i64), Error> {
        if !self.buffer.is_empty() || self.at == 0 {
            self.flush(out)?;
        }
        Ok((finish(self.digest).to_string(), self.at))
    }
}

/// Content cut into lines, to look through those that are text.
#[derive(Default)]
struct Lines {
    mode: SecretsMode,
    buffer: Vec<u8>,
    scanner: Scanner,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn drain(&mut self, is_end: bool, pieces: &mut Pieces, out: &mut Writer) -> Result<(), Error> {
        if self.mode == SecretsMode::Keep {
            return pieces.push(&std::mem::take(&mut self.buffer), out);
        }
        let mut at = 0;
        while at < self.buffer.len() {
            let rest = &self.buffer[at..];
            let window = &rest[..rest.len().min(MAX_CONTENT_LINE)];
            let end = match window.iter().position(|byte| *byte == b'\n') {
                Some(end) => end + 1,
                None if is_end || window.len() == MAX_CONTENT_LINE => whole_characters(window),
                None => break,
            };
            let line = &self.buffer[at..at + end];
            let scrubs = self.mode == SecretsMode::Scrub;
            if let Ok(text) = std::str::from_utf8(line) {
                let clean = self.scanner.line(text);
                pieces.push(if scrubs { clean.as_bytes() } else { line }, out)?;
            } else {
                let clean = self.scanner.bytes(line);
                pieces.push(if scrubs { &clean } else { line }, out)?;
            }
            at += end;
        }
        self.buffer.drain(..at);
        Ok(())
    }
}

/// The length of bytes without a character that is cut off at their end.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
    }
}
