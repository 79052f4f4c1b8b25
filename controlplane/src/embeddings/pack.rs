//! Packs: what a lookup reads of a cell, in one row.
//!
//! An entry is, little-endian: document number (8 bytes), mission (8), kind (1), signs of the vector. A vector that is stored
//! is appended, in its transaction. A later entry of a document stands for the earlier ones, and what is deleted or was moved by
//! a change of its text may stay behind until the cell is packed anew: an entry says only what is worth reading, and the row
//! of the vector says what is true.

use std::collections::{HashMap, HashSet};

use super::sketch::{signs, signs_len};
use super::store::numbers;
use crate::db::{DbError, Tx};

/// How entries are written; another number is packed anew at the start.
pub(super) const PACKING: i64 = 1;
/// Bytes of an entry before its signs.
const HEAD: usize = 17;

/// A vector as a cell has it.
#[derive(sqlx_macros::FromRow, Debug, Clone)]
pub(super) struct Member {
    pub(super) document_no: i64,
    mission: i64,
    subject_kind: String,
    embedding: Vec<u8>,
}

impl Member {
    pub(super) fn vector(&self) -> Vec<f32> {
        numbers(&self.embedding)
    }

    /// Its entry, from those that are known or from its vector.
    pub(super) fn packed(&self, known: &HashMap<i64, Vec<u8>>) -> Vec<u8> {
        if let Some(entry) = known.get(&self.document_no) {
            return entry.clone();
        }
        entry((self.document_no, self.mission, &self.subject_kind), &self.vector())
    }
}

/// The number of a kind in a pack; 0 for one that is not known.
fn number_of(kind: &str) -> u8 {
    match kind {
        "task" => 1,
        "kluster" => 2,
        "doc" => 3,
        "artifact" => 4,
        _ => 0,
    }
}

/// One vector as it stands in a pack.
pub(super) fn entry((document, mission, kind): (i64, i64, &str), vector: &[f32]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(HEAD + signs_len(vector.len()));
    entry.extend(document.to_le_bytes());
    entry.extend(mission.to_le_bytes());
    entry.push(number_of(kind));
    entry.extend(signs(vector));
    entry
}

fn number_at(entry: &[u8], at: usize) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&entry[at..at + 8]);
    i64::from_le_bytes(bytes)
}

/// What of a pack is looked at.
pub(super) struct Narrowed {
    width: usize,
    missions: Option<HashSet<i64>>,
    kinds: Option<Vec<u8>>,
}

impl Narrowed {
    pub(super) fn new(dimensions: i32, missions: Option<&[i64]>, kinds: Option<&[String]>) -> Self {
        Self {
            width: HEAD + signs_len(usize::try_from(dimensions).unwrap_or(0)),
            missions: missions.map(|all| all.iter().copied().collect()),
            // What is of a kind that no pack knows is looked at, and left out by its row.
            kinds: kinds.map(|all| all.iter().map(|kind| number_of(kind)).chain([0]).collect()),
        }
    }

    /// Documents with their signs, of those that fit.
    pub(super) fn of<'a>(&'a self, pack: &'a [u8]) -> impl Iterator<Item = (i64, &'a [u8])> + 'a {
        pack.chunks_exact(self.width).filter_map(|entry| {
            let fits = self.missions.as_ref().is_none_or(|all| all.contains(&number_at(entry, 8)))
                && self.kinds.as_ref().is_none_or(|all| all.contains(&entry[HEAD - 1]));
            fits.then(|| (number_at(entry, 0), &entry[HEAD..]))
        })
    }
}

/// How many entries a pack has, with those that stayed behind.
pub(super) fn length(bytes: i64, dimensions: usize) -> usize {
    usize::try_from(bytes).unwrap_or(0) / (HEAD + signs_len(dimensions))
}

/// Appends a vector to the pack of its cell.
pub(super) async fn append(tx: &mut Tx, cell: i64, entry: Vec<u8>) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO search_cell_pack (cell_no, packing, entries) VALUES ($1, $2, $3)
         ON CONFLICT (cell_no) DO UPDATE SET entries = CAST(search_cell_pack.entries || excluded.entries AS BLOB)",
    )
    .bind(cell)
    .bind(PACKING)
    .bind(entry)
    .execute()
    .await
    .map(drop)
}

/// The entries of a cell by document, the latest of each.
pub(super) async fn read(
    tx: &mut Tx,
    cell: i64,
    dimensions: usize,
) -> Result<HashMap<i64, Vec<u8>>, DbError> {
    let row: Option<(Vec<u8>,)> = tx
        .query("SELECT entries FROM search_cell_pack WHERE cell_no = $1 AND packing = $2")
        .bind(cell)
        .bind(PACKING)
        .fetch_optional()
        .await?;
    let pack = row.map(|(pack,)| pack).unwrap_or_default();
    let entries = pack.chunks_exact(HEAD + signs_len(dimensions));
    Ok(entries.map(|entry| (number_at(entry, 0), entry.to_vec())).collect())
}

/// Packs a cell anew: its members, with the entries that are known of them.
pub(super) async fn write<'a>(
    tx: &mut Tx,
    cell: i64,
    members: impl Iterator<Item = &'a Member>,
    known: &HashMap<i64, Vec<u8>>,
) -> Result<(), DbError> {
    let mut pack = Vec::new();
    for member in members {
        pack.extend(member.packed(known));
    }
    tx.query(
        "INSERT INTO search_cell_pack (cell_no, packing, entries) VALUES ($1, $2, $3)
         ON CONFLICT (cell_no) DO UPDATE SET packing = excluded.packing, entries = excluded.entries",
    )
    .bind(cell)
    .bind(PACKING)
    .bind(pack)
    .execute()
    .await
    .map(drop)
}

/// The vectors of a cell.
pub(super) async fn members(tx: &mut Tx, cell: i64) -> Result<Vec<Member>, DbError> {
    tx.query("SELECT document_no, mission, subject_kind, embedding FROM search_vector WHERE cell_no = $1")
        .bind(cell)
        .fetch_all()
        .await
}

/// Packs cells that another version of the program left behind, at most so many. Gives how many there were.
///
/// # Errors
/// Database failures.
pub(super) async fn mend(tx: &mut Tx, limit: i64) -> Result<usize, DbError> {
    let left: Vec<(i64,)> = tx
        .query(
            "SELECT c.cell_no FROM search_cell c LEFT JOIN search_cell_pack p ON p.cell_no = c.cell_no
             WHERE p.packing IS NULL OR p.packing <> $1 LIMIT $2",
        )
        .bind(PACKING)
        .bind(limit)
        .fetch_all()
        .await?;
    for (cell,) in &left {
        let members = members(tx, *cell).await?;
        write(tx, *cell, members.iter(), &HashMap::new()).await?;
    }
    Ok(left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_narrowed_to_missions_and_kinds() {
        let vector = vec![0.5; 300];
        let entries = [(1, 10, "task"), (2, 20, "task"), (3, 10, "doc"), (4, 10, "comet")];
        let pack: Vec<u8> = entries.iter().flat_map(|of| entry(*of, &vector)).collect();
        let all = |missions: Option<&[i64]>, kinds: Option<&[String]>| {
            let narrowed = Narrowed::new(300, missions, kinds);
            narrowed.of(&pack).map(|(document, _)| document).collect::<Vec<_>>()
        };
        assert_eq!(all(None, None), [1, 2, 3, 4]);
        assert_eq!(all(Some(&[10]), None), [1, 3, 4]);
        assert_eq!(all(Some(&[10]), Some(&["task".to_owned()])), [1, 4], "its row leaves the comet out");
        assert_eq!(length(i64::try_from(pack.len()).unwrap(), 300), 4);
        let narrowed = Narrowed::new(300, None, None);
        assert!(narrowed.of(&pack).all(|(_, of)| of == signs(&vector)));
    }
}
