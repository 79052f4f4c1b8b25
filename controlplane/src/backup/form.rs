//! The parts of an installation, and how they stand in an archive.
//!
//! A part is a byte that says its sort, its length (u32, big-endian), and its content: JSON, or bytes as they are. The order
//! is fixed: head, keys, objects (each with its data), the Git ledger with its data, tables (each with its rows and their
//! digest), end.

use std::collections::BTreeMap;

use mc_ledger::Digest;
use serde::{Deserialize, Serialize};

use crate::db::bulk::Block;

/// A part that is JSON is not longer.
const LONGEST: usize = 1 << 20;
/// Bytes come in parts that are not longer.
pub(super) const LONGEST_DATA: usize = 4 << 20;
/// Rows come in parts of half a MiB; a longer part is one of which the last row is longer.
const LONGEST_ROWS: usize = 128 << 20;

const fn longest(sort: u8) -> usize {
    match sort {
        b'D' => LONGEST_DATA,
        b'R' => LONGEST_ROWS,
        _ => LONGEST,
    }
}

/// What an archive says of itself before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Version of the schema that the rows are of.
    pub(super) schema: i64,
    /// The database it was made from.
    pub(super) backend: String,
    /// The build that made it.
    pub(super) program: String,
    /// RFC 3339.
    pub(super) made_at: String,
    /// The last number of each table that the database numbers.
    pub(super) sequences: BTreeMap<String, i64>,
    /// The commit of the Git ledger, when there is one.
    pub(super) git_commit: Option<String>,
    /// Whether keys come with it.
    pub(super) has_keys: bool,
}

/// A file of the installation's keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    /// `root.key` or `token`.
    pub(super) name: String,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An object begins; its data follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectHead {
    /// The mission, or the principal whose profile it belongs to, as in the key.
    pub(super) area: String,
    /// Of the content.
    pub(super) sha256: Digest,
}

/// A table begins; its rows follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableHead {
    /// Its name.
    pub(super) name: String,
    /// Columns of its rows.
    pub(super) columns: Vec<String>,
}

/// What a table held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableSum {
    /// Its name.
    pub(super) name: String,
    /// How many rows.
    pub(super) rows: u64,
    /// Of all rows as they stand in the archive.
    pub(super) sha256: Digest,
}

/// What there was in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The tables, in their order.
    pub(super) tables: Vec<TableSum>,
    /// How many objects.
    pub(super) objects: u64,
    /// Bytes of all objects.
    pub(super) object_bytes: u64,
    /// Objects that rows name and that were not stored.
    pub(super) missing: u64,
    /// Bytes of the pack of the Git ledger.
    pub(super) git_bytes: u64,
    /// Position of the last sealed event.
    pub(super) ledger_seq: u64,
    /// Its hash.
    pub(super) ledger_hash: Digest,
    /// Events that were not sealed yet.
    pub(super) unsealed: u64,
}

/// A part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The first.
    Head(Head),
    /// A file with a key.
    Key(Key),
    /// An object begins.
    Object(ObjectHead),
    /// An object that is not stored.
    Missing(ObjectHead),
    /// The pack of the Git ledger begins.
    Git,
    /// Bytes of what has begun.
    Data(Vec<u8>),
    /// A table begins.
    Table(TableHead),
    /// Rows of it.
    Rows(Block),
    /// It ends.
    TableEnd(TableSum),
    /// The last.
    End(Manifest),
}

/// A part that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a part cannot be read: {0}")]
pub(super) struct BadPart(pub(super) String);

/// Bytes before the content of a part.
pub(super) const PREFIX: usize = 5;

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, BadPart> {
    serde_json::to_vec(value).map_err(|error| BadPart(error.to_string()))
}

fn of_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, BadPart> {
    serde_json::from_slice(bytes).map_err(|error| BadPart(error.to_string()))
}

impl Part {
    /// As it stands in the archive, without what [`prefix`] reads: its sort and its content.
    ///
    /// # Errors
    /// A part that is longer than any that is read.
    pub(super) fn write(self) -> Result<([u8; PREFIX], Vec<u8>), BadPart> {
        let (sort, content) = match self {
            Self::Head(head) => (b'H', json(&head)?),
            Self::Key(key) => (b'K', json(&key)?),
            Self::Object(object) => (b'O', json(&object)?),
            Self::Missing(object) => (b'M', json(&object)?),
            Self::Git => (b'G', Vec::new()),
            Self::Data(bytes) => (b'D', bytes),
            Self::Table(table) => (b'T', json(&table)?),
            Self::Rows(block) => {
                let mut content = block.rows.to_be_bytes().to_vec();
                content.extend_from_slice(&block.bytes);
                (b'R', content)
            }
            Self::TableEnd(sum) => (b'S', json(&sum)?),
            Self::End(manifest) => (b'E', json(&manifest)?),
        };
        let length = u32::try_from(content.len()).ok().filter(|_| content.len() <= longest(sort));
        let too_long =
            || BadPart(format!("it has {} bytes, {} at most are read", content.len(), longest(sort)));
        let length = length.ok_or_else(too_long)?.to_be_bytes();
        Ok(([sort, length[0], length[1], length[2], length[3]], content))
    }

    /// From its sort and its content.
    ///
    /// # Errors
    /// [`BadPart`].
    pub(super) fn read(sort: u8, content: Vec<u8>) -> Result<Self, BadPart> {
        Ok(match sort {
            b'H' => Self::Head(of_json(&content)?),
            b'K' => Self::Key(of_json(&content)?),
            b'O' => Self::Object(of_json(&content)?),
            b'M' => Self::Missing(of_json(&content)?),
            b'G' if content.is_empty() => Self::Git,
            b'D' => Self::Data(content),
            b'T' => Self::Table(of_json(&content)?),
            b'R' => {
                let (rows, bytes) =
                    content.split_first_chunk::<4>().ok_or_else(|| BadPart("rows without a count".into()))?;
                Self::Rows(Block { rows: u32::from_be_bytes(*rows), bytes: bytes.to_vec() })
            }
            b'S' => Self::TableEnd(of_json(&content)?),
            b'E' => Self::End(of_json(&content)?),
            other => return Err(BadPart(format!("its sort is {other}"))),
        })
    }
}

/// The sort and the length of what follows.
///
/// # Errors
/// [`BadPart`].
pub(super) fn prefix(bytes: &[u8]) -> Result<(u8, usize), BadPart> {
    let [sort, a, b, c, d] = *bytes else { return Err(BadPart("its prefix is cut".into())) };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > longest(sort) {
        return Err(BadPart(format!("it claims {length} bytes, {} at most are written", longest(sort))));
    }
    Ok((sort, length))
}
