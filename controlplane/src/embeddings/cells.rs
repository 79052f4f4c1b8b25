//! Cells of near vectors, for SQLite: what HNSW does on Postgres.
//!
//! Each vector is in the cell whose centroid is nearest. A cell that grows beyond [`LARGEST`] is cut in two (spherical
//! k-means with k = 2), so that a cell never costs more than so much to read, however many vectors there are, and nothing
//! is ever trained on the whole. What lies in the cells around a cut and is nearer to a new centroid moves there (LIRE, in
//! SPFresh, SOSP 2023). A lookup reads the packs of the nearest [`PROBED`] cells, one row each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use mc_api::id::OrganizationId;

use super::near::dot;
use super::pack::{self, Member};
use super::provider::unit;
use super::store::{bytes, numbers};
use crate::db::{DbError, Tx};

/// Beyond so many vectors a cell is cut.
pub(super) const LARGEST: usize = 128;
/// So many cells are read by a lookup.
pub(super) const PROBED: usize = 128;
/// So many cells around a cut are looked at for vectors that are nearer to the new centroids.
const AROUND: usize = 6;
/// Rounds of k-means.
const ROUNDS: usize = 6;

/// A cell, without what is in it.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) number: i64,
    pub(super) centroid: Vec<f32>,
}

/// The cells of each model, as they were committed last. There is one process on a SQLite database.
#[derive(Debug, Default)]
pub(super) struct Cells(Mutex<HashMap<i64, Arc<Vec<Cell>>>>);

impl Cells {
    /// The cells of a model, read once.
    pub(super) async fn of(
        &self,
        tx: &mut Tx,
        model: i64,
        organization: OrganizationId,
    ) -> Result<Arc<Vec<Cell>>, DbError> {
        if let Some(cells) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&model) {
            return Ok(cells.clone());
        }
        let rows: Vec<(i64, Vec<u8>)> = tx
            .query("SELECT cell_no, centroid FROM search_cell WHERE model_no = $1 AND organization_id = $2 ORDER BY cell_no")
            .bind(model)
            .bind(organization)
            .fetch_all()
            .await?;
        let cells = rows.into_iter().map(|(number, bytes)| Cell { number, centroid: numbers(&bytes) });
        let cells = Arc::new(cells.collect::<Vec<_>>());
        self.put(model, cells.clone());
        Ok(cells)
    }

    /// What is committed now.
    pub(super) fn put(&self, model: i64, cells: Arc<Vec<Cell>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(model, cells);
    }

    /// Reads again at the next use.
    pub(super) fn forget(&self, model: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&model);
    }
}

/// The nearest cells, nearest first.
pub(super) fn nearest(cells: &[Cell], vector: &[f32], count: usize) -> Vec<i64> {
    let mut near: Vec<(f32, i64)> =
        cells.iter().map(|cell| (dot(&cell.centroid, vector), cell.number)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    near.into_iter().take(count).map(|(_, number)| number).collect()
}

/// Cells of one model inside a transaction that puts vectors into them.
pub(super) struct Filling {
    model: i64,
    organization: OrganizationId,
    cells: Vec<Cell>,
    touched: BTreeSet<i64>,
}

impl Filling {
    pub(super) fn new(model: i64, organization: OrganizationId, cells: &[Cell]) -> Self {
        Self { model, organization, cells: cells.to_vec(), touched: BTreeSet::new() }
    }

    /// The cell that a vector belongs to; the first vector makes the first cell.
    pub(super) async fn place(&mut self, tx: &mut Tx, vector: &[f32]) -> Result<i64, DbError> {
        let number = match nearest(&self.cells, vector, 1).first() {
            Some(number) => *number,
            None => self.make(tx, vector.to_vec()).await?,
        };
        self.touched.insert(number);
        Ok(number)
    }

    async fn make(&mut self, tx: &mut Tx, centroid: Vec<f32>) -> Result<i64, DbError> {
        let (number,): (i64,) = tx
            .query(
                "INSERT INTO search_cell (organization_id, model_no, centroid) VALUES ($1, $2, $3) RETURNING cell_no",
            )
            .bind(self.organization)
            .bind(self.model)
            .bind(bytes(&centroid))
            .fetch_one()
            .await?;
        self.cells.push(Cell { number, centroid });
        Ok(number)
    }

    /// How many vectors a cell has, and how many entries its pack.
    async fn counts(&self, tx: &mut Tx, cell: i64) -> Result<(usize, usize), DbError> {
        let (count, bytes): (i64, i64) = tx
            .query(
                "SELECT (SELECT COUNT(*) FROM search_vector WHERE cell_no = $1),
                     COALESCE((SELECT length(entries) FROM search_cell_pack WHERE cell_no = $1), 0)",
            )
            .bind(cell)
            .fetch_one()
            .await?;
        Ok((usize::try_from(count).unwrap_or(usize::MAX), pack::length(bytes, self.dimensions())))
    }

    fn dimensions(&self) -> usize {
        self.cells.first().map_or(0, |cell| cell.centroid.len())
    }

    /// Cuts what grew too large. Gives the cells as they are to be after the commit, when they changed.
    pub(super) async fn settle(mut self, tx: &mut Tx) -> Result<Option<Arc<Vec<Cell>>>, DbError> {
        let before = self.cells.len();
        let mut queue: Vec<i64> = std::mem::take(&mut self.touched).into_iter().collect();
        while let Some(number) = queue.pop() {
            let (vectors, entries) = self.counts(tx, number).await?;
            if vectors > LARGEST {
                let other = self.cut(tx, number).await?;
                queue.extend([number, other]);
            } else if entries > vectors + LARGEST / 2 {
                // Too much stayed behind.
                let (members, known) = self.read(tx, number).await?;
                pack::write(tx, number, members.iter(), &known).await?;
            }
        }
        // The first cell counts as a change too: it was made by `place`.
        let first = before == 1;
        Ok((self.cells.len() != before || first).then(|| Arc::new(self.cells)))
    }

    async fn read(&self, tx: &mut Tx, cell: i64) -> Result<(Vec<Member>, HashMap<i64, Vec<u8>>), DbError> {
        Ok((pack::members(tx, cell).await?, pack::read(tx, cell, self.dimensions()).await?))
    }

    async fn shift(&self, tx: &mut Tx, documents: &[i64], cell: i64) -> Result<(), DbError> {
        tx.query(
            "UPDATE search_vector SET cell_no = $3
             WHERE model_no = $2 AND document_no IN (SELECT value FROM json_each($1))",
        )
        .bind(serde_json::Value::from(documents).to_string())
        .bind(self.model)
        .bind(cell)
        .execute()
        .await?;
        Ok(())
    }

    /// Cuts a cell in two; gives the new one.
    async fn cut(&mut self, tx: &mut Tx, number: i64) -> Result<i64, DbError> {
        let (members, known) = self.read(tx, number).await?;
        let vectors: Vec<Vec<f32>> = members.iter().map(Member::vector).collect();
        let views: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let (sides, [one, two]) = halves(&views);
        let other = self.make(tx, two.clone()).await?;
        if let Some(cell) = self.cells.iter_mut().find(|cell| cell.number == number) {
            cell.centroid.clone_from(&one);
        }
        tx.query("UPDATE search_cell SET centroid = $2 WHERE cell_no = $1")
            .bind(number)
            .bind(bytes(&one))
            .execute()
            .await?;
        let side = |second: bool| {
            members.iter().zip(&sides).filter(move |(_, side)| **side == second).map(|(member, _)| member)
        };
        let moved: Vec<i64> = side(true).map(|member| member.document_no).collect();
        self.shift(tx, &moved, other).await?;
        pack::write(tx, number, side(false), &known).await?;
        pack::write(tx, other, side(true), &known).await?;
        self.draw(tx, [(number, &one), (other, &two)]).await?;
        Ok(other)
    }

    /// Moves what lies around a cut and is nearer to the new centroids than to its own.
    async fn draw(&self, tx: &mut Tx, fresh: [(i64, &Vec<f32>); 2]) -> Result<(), DbError> {
        let mut around: BTreeSet<i64> = BTreeSet::new();
        for (_, centroid) in fresh {
            around.extend(nearest(&self.cells, centroid, AROUND));
        }
        for cell in self.cells.iter().filter(|cell| around.contains(&cell.number)) {
            if fresh.iter().any(|(number, _)| *number == cell.number) {
                continue;
            }
            let members = pack::members(tx, cell.number).await?;
            let mut moved: BTreeMap<i64, Vec<&Member>> = BTreeMap::new();
            for member in &members {
                let vector = member.vector();
                let own = dot(&cell.centroid, &vector);
                let better = fresh
                    .iter()
                    .map(|(number, centroid)| (dot(centroid, &vector), *number))
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                if let Some((_, to)) = better.filter(|(near, _)| *near > own) {
                    moved.entry(to).or_default().push(member);
                }
            }
            if moved.is_empty() {
                continue;
            }
            let known = pack::read(tx, cell.number, self.dimensions()).await?;
            let gone: HashSet<i64> = moved.values().flatten().map(|member| member.document_no).collect();
            for (to, those) in moved {
                let documents: Vec<i64> = those.iter().map(|member| member.document_no).collect();
                self.shift(tx, &documents, to).await?;
                for member in those {
                    pack::append(tx, to, member.packed(&known)).await?;
                }
            }
            let stay = members.iter().filter(|member| !gone.contains(&member.document_no));
            pack::write(tx, cell.number, stay, &known).await?;
        }
        Ok(())
    }
}

/// Parts vectors in two, and gives the centroid of each part. Neither part is small.
fn halves(vectors: &[&[f32]]) -> (Vec<bool>, [Vec<f32>; 2]) {
    let first = vectors.first().copied().unwrap_or_default();
    let farthest = |from: &[f32]| {
        vectors.iter().copied().min_by(|a, b| dot(a, from).total_cmp(&dot(b, from))).unwrap_or(first).to_vec()
    };
    let two = farthest(first);
    let mut centroids = [farthest(&two), two];
    let mut sides = vec![false; vectors.len()];
    for _ in 0..ROUNDS {
        let lean: Vec<f32> =
            vectors.iter().map(|vector| dot(&centroids[1], vector) - dot(&centroids[0], vector)).collect();
        sides = lean.iter().map(|lean| *lean > 0.0).collect();
        let second = sides.iter().filter(|side| **side).count();
        if second.min(vectors.len() - second) < vectors.len() / 8 {
            // Nearly all on one side, or all alike: by rank, so that both become smaller.
            let mut order: Vec<usize> = (0..vectors.len()).collect();
            order.sort_by(|a, b| lean[*a].total_cmp(&lean[*b]).then(a.cmp(b)));
            for (rank, place) in order.into_iter().enumerate() {
                sides[place] = rank >= vectors.len() / 2;
            }
        }
        for (centroid, of) in centroids.iter_mut().zip([false, true]) {
            let mut sum = vec![0.0; first.len()];
            for (vector, _) in vectors.iter().zip(&sides).filter(|(_, side)| **side == of) {
                for (total, x) in sum.iter_mut().zip(*vector) {
                    *total += x;
                }
            }
            if let Some(mean) = unit(sum) {
                *centroid = mean;
            }
        }
    }
    (sides, centroids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heaps_are_parted() {
        let vectors: Vec<Vec<f32>> = (0..20_u8)
            .map(|n| if n % 2 == 0 { vec![1.0, 0.01 * f32::from(n)] } else { vec![0.01 * f32::from(n), 1.0] })
            .collect();
        let views: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let (sides, _) = halves(&views);
        for (n, side) in sides.iter().enumerate() {
            assert_eq!(*side == sides[0], n % 2 == 0, "{n}");
        }
    }

    #[test]
    fn equal_vectors_are_parted_too() {
        let vectors = vec![vec![0.6_f32, 0.8]; 257];
        let views: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let (sides, centroids) = halves(&views);
        assert_eq!(sides.iter().filter(|side| **side).count(), 129);
        assert!(dot(&centroids[0], &centroids[1]) > 0.99);
    }
}
