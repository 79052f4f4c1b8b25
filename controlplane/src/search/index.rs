//! Documents and postings in the database.

use std::collections::HashSet;

use mc_api::Timestamp;
use mc_api::id::{KlusterId, MissionId, OrganizationId};
use mc_overlap::Prepared;
use serde::Serialize;
use uuid::Uuid;

use super::content::Content;
use super::sketch;
use crate::db::{Backend, DbError, Filter, Query, Sql, Tx};
use crate::op::Scope;

/// Of the terms of a text, this many are looked up.
const LOOKED_UP: usize = 16;
/// Of those, this many also in other missions.
const WIDE: usize = 8;
/// At most this many entries are read per term.
const CAP: i64 = 96;
/// At most this many bytes of a body are kept for comparing and finding.
pub(crate) const MAX_BODY: usize = 16 * 1024;
/// The weightiest terms whose pairs are entries of their own.
const PAIRED: usize = 6;

/// What is left to compare a document with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Look {
    /// Nothing.
    Done = 0,
    /// What was committed beside it.
    Beside = 1,
    /// Everything.
    Everything = 2,
}

/// What is compared with what. Entries of families are kept apart, so that long texts crowd no task out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Tasks; klusters stand among them, to be found.
    Work,
    /// The heads of docs and artifacts.
    Texts,
}

impl Family {
    /// Of a kind.
    pub(crate) fn of(kind: &str) -> Self {
        if matches!(kind, "doc" | "artifact") { Self::Texts } else { Self::Work }
    }

    /// What is set off against the terms of tasks.
    fn salt(self) -> i64 {
        match self {
            Self::Work => 0,
            Self::Texts => 0x3C6E_F372_FE94_F82B,
        }
    }

    /// Its kinds.
    pub(crate) fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Work => &["task"],
            Self::Texts => &["doc", "artifact"],
        }
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Work => "d.subject_kind = 'task'",
            Self::Texts => "d.subject_kind IN ('doc', 'artifact')",
        }
    }
}

/// Set off against the terms by which all of a doc or artifact is found.
pub(super) const EVERY_WORD: i64 = 0x1F83_D9AB_FB41_BD6B;

/// An object as it is found.
#[derive(Debug, Clone)]
pub(crate) struct Document<'a> {
    pub(crate) organization: OrganizationId,
    pub(crate) mission: MissionId,
    pub(crate) kluster: Option<KlusterId>,
    pub(crate) kind: &'static str,
    pub(crate) id: Uuid,
    pub(crate) key: Option<&'a str>,
    pub(crate) title: &'a str,
    pub(crate) body: &'a str,
    /// What stands behind `body`, for docs and artifacts.
    pub(crate) content: Option<&'a Content>,
    pub(crate) paths: &'a [String],
    pub(crate) done: bool,
    pub(crate) look: Look,
    /// Up to where it was compared already, by [`horizon`]; 0 when with nothing.
    pub(crate) saw_before: i64,
    pub(crate) at: Timestamp,
}

/// The line between what a transaction that begins now sees and what it may not see. Read before anything else is.
///
/// # Errors
/// Database failures.
pub(crate) async fn horizon(tx: &mut Tx) -> Result<i64, DbError> {
    let (line,): (i64,) = tx
        .query(Sql::Each {
            postgres: "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)",
            sqlite: "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'search_document'), 0) + 1",
        })
        .fetch_one()
        .await?;
    Ok(line)
}

/// A document that shares terms with a text.
#[derive(sqlx_macros::FromRow, Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) mission_id: MissionId,
    pub(crate) subject_kind: String,
    pub(crate) subject_id: Uuid,
    pub(crate) subject_key: Option<String>,
    pub(crate) title: String,
    pub(crate) body: String,
    paths: String,
    pub(crate) done: bool,
}

impl Candidate {
    /// The declared paths as they are stored.
    pub(crate) fn paths_json(&self) -> &String {
        &self.paths
    }

    /// The declared paths.
    pub(crate) fn paths(&self) -> Result<Vec<String>, DbError> {
        serde_json::from_str(&self.paths)
            .map_err(|error| DbError::Inconsistent { table: "search_document", message: error.to_string() })
    }
}

/// The part of a text that is kept: whole characters up to [`MAX_BODY`].
pub(crate) fn kept(body: &str) -> &str {
    &body[..body.floor_char_boundary(MAX_BODY)]
}

/// Tells organizations apart inside the index, so that none ever reads an entry of another.
pub(super) fn salted(organization: OrganizationId, term: i64) -> i64 {
    (term ^ low_bits(organization.as_uuid())) & i64::MAX
}

/// 63 bits of an id that nobody chooses.
pub(crate) fn low_bits(id: Uuid) -> i64 {
    let bytes = id.as_bytes();
    let mut low = [0; 8];
    low.copy_from_slice(&bytes[8..]);
    i64::from_be_bytes(low) & i64::MAX
}

#[derive(Serialize)]
struct Wanted {
    term: i64,
    weight: f64,
    wide: bool,
}

/// Every entry of a text: its terms, and the pairs of the weightiest.
fn entries(organization: OrganizationId, family: Family, text: &Prepared) -> Vec<(i64, f64)> {
    let terms = text.terms();
    let mut entries: Vec<(i64, f64)> = pairs(text);
    entries.extend(terms.iter().map(|term| (term.id, f64::from(term.weight))));
    for entry in &mut entries {
        entry.0 = salted(organization, entry.0 ^ family.salt());
    }
    let mut seen = HashSet::new();
    entries.retain(|(term, _)| seen.insert(*term));
    entries
}

/// Every entry of an object, as it is stored.
fn entered_as(document: &Document<'_>, text: &Prepared) -> Vec<i64> {
    let mut entries: Vec<i64> = match document.content {
        // What is only found is compared with nothing.
        Some(content) if !content.is_compared() => Vec::new(),
        _ => entries(document.organization, Family::of(document.kind), text)
            .into_iter()
            .map(|(term, _)| term)
            .collect(),
    };
    if let Some(content) = document.content {
        let words = content.words().iter().copied();
        let of_title = mc_overlap::term_ids(document.title, mc_overlap::MAX_TERMS);
        let all = words.chain(of_title).chain(pairs(text).into_iter().map(|(pair, _)| pair));
        entries.extend(all.map(|term| salted(document.organization, term ^ EVERY_WORD)));
        let mut seen = HashSet::new();
        entries.retain(|term| seen.insert(*term));
    }
    entries
}

pub(super) fn pairs(text: &Prepared) -> Vec<(i64, f64)> {
    let best = &text.terms()[..text.terms().len().min(PAIRED)];
    let mut pairs = Vec::new();
    for (index, left) in best.iter().enumerate() {
        for right in &best[index + 1..] {
            // The order of two words does not matter; the odd factor keeps a pair from meeting a term by chance.
            let mixed = (left.id ^ right.id).wrapping_mul(0x2545_F491_4F6C_DD1D) & i64::MAX;
            pairs.push((mixed, f64::from(left.weight + right.weight)));
        }
    }
    pairs
}

/// Gives the parameters `$1` to `$16` of an insertion their values.
fn bound<'t>(query: Query<'t>, document: &Document<'_>, terms: &str, sketch: Vec<u8>) -> Query<'t> {
    query
        .bind(document.organization)
        .bind(document.mission)
        .bind(document.kluster)
        .bind(document.kind)
        .bind(document.id)
        .bind(document.key.map(str::to_owned))
        .bind(document.title.to_owned())
        .bind(kept(document.body).to_owned())
        .bind(serde_json::Value::from(document.paths).to_string())
        .bind(document.done)
        .bind(terms.to_owned())
        .bind(mc_overlap::INDEX_VERSION)
        .bind(document.look as i32)
        .bind(document.at)
        .bind(sketch)
        .bind(document.saw_before)
}

/// Enters an object.
///
/// # Errors
/// Database failures.
pub(crate) async fn insert(tx: &mut Tx, document: &Document<'_>, text: &Prepared) -> Result<(), DbError> {
    let terms = serde_json::Value::from(entered_as(document, text)).to_string();
    let sketch = sketch::of(text);
    match tx.backend() {
        Backend::Postgres => {
            let query = tx.query(
                "WITH made AS (
                     INSERT INTO search_document (organization_id, mission_id, kluster_id, subject_kind, subject_id, subject_key,
                         title, body, paths, done, terms, index_version, look, created_at, updated_at, sketch, saw_before, made_in)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16,
                         pg_current_xact_id()::text::bigint) RETURNING document_no)
                 INSERT INTO search_posting (term, mission, document_no)
                 SELECT term::bigint, $17, made.document_no FROM made, json_array_elements_text($11::json) AS term",
            );
            bound(query, document, &terms, sketch)
                .bind(low_bits(document.mission.as_uuid()))
                .execute()
                .await?;
        }
        Backend::Sqlite => {
            let query = tx.query(
                "INSERT INTO search_document (organization_id, mission_id, kluster_id, subject_kind, subject_id, subject_key,
                     title, body, paths, done, terms, index_version, look, created_at, updated_at, sketch, saw_before, made_in)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16,
                     COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'search_document'), 0) + 1) RETURNING document_no",
            );
            let (number,): (i64,) = bound(query, document, &terms, sketch).fetch_one().await?;
            enter(tx, document.mission, number, &terms).await?;
        }
    }
    if let Some(content) = document.content.filter(|content| content.has_parts())
        && let Some(made) = entered(tx, document.id).await?
    {
        content.write_parts(tx, made.document_no).await?;
    }
    Ok(())
}

async fn enter(tx: &mut Tx, mission: MissionId, number: i64, terms: &str) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "INSERT INTO search_posting (term, mission, document_no)
                   SELECT term::bigint, $2, $3 FROM json_array_elements_text($1::json) AS term
                   ON CONFLICT DO NOTHING",
        sqlite: "INSERT OR IGNORE INTO search_posting (term, mission, document_no) SELECT value, $2, $3 FROM json_each($1)",
    })
    .bind(terms.to_owned())
    .bind(low_bits(mission.as_uuid()))
    .bind(number)
    .execute()
    .await?;
    Ok(())
}

async fn take_out(tx: &mut Tx, mission: MissionId, number: i64, terms: String) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "DELETE FROM search_posting WHERE mission = $2 AND document_no = $3
                       AND term IN (SELECT term::bigint FROM json_array_elements_text($1::json) AS term)",
        sqlite: "DELETE FROM search_posting WHERE mission = $2 AND document_no = $3
                     AND term IN (SELECT value FROM json_each($1))",
    })
    .bind(terms)
    .bind(low_bits(mission.as_uuid()))
    .bind(number)
    .execute()
    .await?;
    Ok(())
}

#[derive(sqlx_macros::FromRow)]
struct Entered {
    document_no: i64,
    terms: String,
    index_version: i32,
}

impl Entered {
    /// The entries that are to go, and those that are to come, as JSON.
    fn differs(&self, terms: &[i64]) -> Result<(String, String), DbError> {
        let had: Vec<i64> = serde_json::from_str(&self.terms).map_err(|error| DbError::Inconsistent {
            table: "search_document",
            message: error.to_string(),
        })?;
        let (before, after): (HashSet<i64>, HashSet<i64>) =
            (had.iter().copied().collect(), terms.iter().copied().collect());
        let json = |all: &[i64], but: &HashSet<i64>| {
            all.iter().filter(|term| !but.contains(term)).copied().collect::<serde_json::Value>().to_string()
        };
        Ok((json(&had, &after), json(terms, &before)))
    }
}

async fn entered(tx: &mut Tx, id: Uuid) -> Result<Option<Entered>, DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT document_no, terms, index_version FROM search_document WHERE subject_id = $1 FOR UPDATE",
        sqlite: "SELECT document_no, terms, index_version FROM search_document WHERE subject_id = $1",
    })
    .bind(id)
    .fetch_optional()
    .await
}

/// Enters an object anew after its text changed.
///
/// # Errors
/// Database failures.
pub(crate) async fn replace(tx: &mut Tx, document: &Document<'_>, text: &Prepared) -> Result<(), DbError> {
    let Some(before) = entered(tx, document.id).await? else { return insert(tx, document, text).await };
    let terms = entered_as(document, text);
    let (stale, fresh) = before.differs(&terms)?;
    if stale != "[]" {
        take_out(tx, document.mission, before.document_no, stale).await?;
    }
    // Entered anew where another version of the index wrote: what it says it entered may not be there.
    let terms = serde_json::Value::from(terms).to_string();
    if before.index_version != mc_overlap::INDEX_VERSION {
        enter(tx, document.mission, before.document_no, &terms).await?;
    } else if fresh != "[]" {
        enter(tx, document.mission, before.document_no, &fresh).await?;
    }
    if let Some(content) = document.content {
        content.write_parts(tx, before.document_no).await?;
    }
    tx.query(Sql::Each {
        postgres: "UPDATE search_document SET title = $2, body = $3, paths = $4, done = $5, terms = $6, index_version = $7,
             look = $8, updated_at = $9, sketch = $10, embedded_by = 0, saw_before = $11,
             made_in = pg_current_xact_id()::text::bigint WHERE document_no = $1",
        sqlite: "UPDATE search_document SET title = $2, body = $3, paths = $4, done = $5, terms = $6, index_version = $7,
             look = $8, updated_at = $9, sketch = $10, embedded_by = 0, saw_before = $11,
             made_in = COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'search_document'), 0) + 1
             WHERE document_no = $1",
    })
    .bind(before.document_no)
    .bind(document.title.to_owned())
    .bind(kept(document.body).to_owned())
    .bind(serde_json::Value::from(document.paths).to_string())
    .bind(document.done)
    .bind(terms)
    .bind(mc_overlap::INDEX_VERSION)
    .bind(document.look as i32)
    .bind(document.at)
    .bind(sketch::of(text))
    .bind(document.saw_before)
    .execute()
    .await?;
    Ok(())
}

/// Says whether an object's work is finished.
///
/// # Errors
/// Database failures.
pub(crate) async fn mark(tx: &mut Tx, id: Uuid, done: bool) -> Result<(), DbError> {
    tx.query("UPDATE search_document SET done = $2 WHERE subject_id = $1")
        .bind(id)
        .bind(done)
        .execute()
        .await?;
    Ok(())
}

/// Takes an object out.
///
/// # Errors
/// Database failures.
pub(crate) async fn remove(tx: &mut Tx, mission: MissionId, id: Uuid) -> Result<(), DbError> {
    let Some(before) = entered(tx, id).await? else { return Ok(()) };
    take_out(tx, mission, before.document_no, before.terms).await?;
    tx.query("DELETE FROM search_document WHERE document_no = $1").bind(before.document_no).execute().await?;
    Ok(())
}

/// One object by the id that is shown of it.
///
/// # Errors
/// Database failures.
pub(crate) async fn find(
    tx: &mut Tx,
    organization: OrganizationId,
    shown: &str,
) -> Result<Option<Candidate>, DbError> {
    match shown.split_once('_').and_then(|(_, hex)| Uuid::try_parse(hex).ok()) {
        Some(id) => of(tx, organization, id).await,
        None => Ok(None),
    }
}

/// One document by its number, locked to the end of the transaction.
///
/// # Errors
/// Database failures.
pub(crate) async fn lock(tx: &mut Tx, number: i64) -> Result<Option<Candidate>, DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT mission_id, subject_kind, subject_id, subject_key, title, body, paths, done
                   FROM search_document WHERE document_no = $1 FOR UPDATE",
        // The single writer is the lock.
        sqlite: "SELECT mission_id, subject_kind, subject_id, subject_key, title, body, paths, done
                 FROM search_document WHERE document_no = $1",
    })
    .bind(number)
    .fetch_optional()
    .await
}

/// One object by its raw id.
///
/// # Errors
/// Database failures.
pub(crate) async fn of(
    tx: &mut Tx,
    organization: OrganizationId,
    id: Uuid,
) -> Result<Option<Candidate>, DbError> {
    tx.query(
        "SELECT mission_id, subject_kind, subject_id, subject_key, title, body, paths, done
         FROM search_document WHERE organization_id = $1 AND subject_id = $2",
    )
    .bind(organization)
    .bind(id)
    .fetch_optional()
    .await
}

/// A document that is still to be compared.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Waiting {
    pub(crate) document_no: i64,
    pub(crate) look: i32,
    pub(crate) made_in: i64,
    pub(crate) saw_before: i64,
    pub(crate) updated_at: Timestamp,
    #[sqlx(flatten)]
    pub(crate) document: Candidate,
}

/// Documents that were to be compared before a time, oldest first.
///
/// # Errors
/// Database failures.
pub(crate) async fn waiting(
    tx: &mut Tx,
    organization: OrganizationId,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Waiting>, DbError> {
    tx.query(
        "SELECT document_no, look, made_in, saw_before, updated_at, mission_id, subject_kind, subject_id, subject_key, title, body, paths, done
         FROM search_document WHERE look > 0 AND organization_id = $1 AND updated_at < $2 ORDER BY document_no LIMIT $3",
    )
    .bind(organization)
    .bind(before)
    .bind(limit)
    .fetch_all()
    .await
}

/// Says that a document was compared, unless its text changed since it was read.
///
/// # Errors
/// Database failures.
pub(crate) async fn looked(tx: &mut Tx, waiting: &Waiting) -> Result<(), DbError> {
    tx.query("UPDATE search_document SET look = 0 WHERE document_no = $1 AND look = $2 AND title = $3 AND body = $4")
        .bind(waiting.document_no)
        .bind(waiting.look)
        .bind(waiting.document.title.clone())
        .bind(waiting.document.body.clone())
        .execute()
        .await?;
    Ok(())
}

/// Says that documents were compared, but for those whose text changed since they were read.
///
/// # Errors
/// Database failures.
pub(crate) async fn all_looked(tx: &mut Tx, waiting: &[&Waiting]) -> Result<(), DbError> {
    let all: serde_json::Value = waiting
        .iter()
        .map(|one| serde_json::json!([one.document_no, one.look, one.updated_at.as_micros()]))
        .collect();
    tx.query(Sql::Each {
        postgres: "UPDATE search_document SET look = 0
                   FROM (SELECT CAST(one ->> 0 AS BIGINT) AS no, CAST(one ->> 1 AS INTEGER) AS look, CAST(one ->> 2 AS BIGINT) AS at
                         FROM json_array_elements(CAST($1 AS JSON)) AS one) AS w
                   WHERE document_no = w.no AND search_document.look = w.look AND updated_at = w.at",
        sqlite: "UPDATE search_document SET look = 0
                 FROM (SELECT value ->> 0 AS no, value ->> 1 AS look, value ->> 2 AS at FROM json_each($1)) AS w
                 WHERE document_no = w.no AND search_document.look = w.look AND updated_at = w.at",
    })
    .bind(all.to_string())
    .execute()
    .await?;
    Ok(())
}

/// What was written beside others, as far as it says whether a comparison is worth while.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Neighbour {
    pub(crate) document_no: i64,
    pub(crate) made_in: i64,
    pub(crate) saw_before: i64,
    pub(crate) mission_id: MissionId,
    pub(crate) subject_kind: String,
    terms: String,
}

impl Neighbour {
    /// What it is found by.
    ///
    /// # Errors
    /// A row that is none of ours.
    pub(crate) fn terms(&self) -> Result<HashSet<i64>, DbError> {
        serde_json::from_str(&self.terms)
            .map_err(|error| DbError::Inconsistent { table: "search_document", message: error.to_string() })
    }
}

/// Unfinished documents that were written since a line and may not have seen what was written up to another, by number,
/// and at most `limit`.
///
/// # Errors
/// Database failures.
pub(crate) async fn beside(
    tx: &mut Tx,
    organization: OrganizationId,
    (since, up_to): (i64, i64),
    limit: i64,
) -> Result<Vec<Neighbour>, DbError> {
    tx.query(
        "SELECT document_no, made_in, saw_before, mission_id, subject_kind, terms FROM search_document
         WHERE organization_id = $1 AND made_in >= $2 AND saw_before <= $3 AND NOT done LIMIT $4",
    )
    .bind(organization)
    .bind(since)
    .bind(up_to)
    .bind(limit)
    .fetch_all()
    .await
}

/// A document with its number.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Numbered {
    pub(crate) document_no: i64,
    #[sqlx(flatten)]
    pub(crate) document: Candidate,
}

/// Documents by their numbers.
///
/// # Errors
/// Database failures.
pub(crate) async fn numbered(
    tx: &mut Tx,
    organization: OrganizationId,
    numbers: Vec<i64>,
) -> Result<Vec<Numbered>, DbError> {
    Filter::new(
        tx,
        "SELECT document_no, mission_id, subject_kind, subject_id, subject_key, title, body, paths, done FROM search_document",
    )
    .and("organization_id = ?", organization)
    .among("document_no", &numbers)
    .finish(tx, "document_no", i64::MAX)
    .fetch_all()
    .await
}

/// The entries by which others are looked for, weightiest first: at most as many as a look-up takes.
pub(crate) fn sought(organization: OrganizationId, family: Family, text: &Prepared) -> Vec<(i64, f64)> {
    let mut wanted = entries(organization, family, text);
    wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
    wanted.truncate(LOOKED_UP);
    wanted
}

/// Where candidates are looked for.
pub(crate) struct Reach {
    pub(crate) organization: OrganizationId,
    /// What is looked for.
    pub(crate) family: Family,
    /// Its own mission, looked at first and with more terms.
    pub(crate) mission: MissionId,
    /// Every mission that the caller may read.
    pub(crate) scope: Scope,
    /// Only documents with a greater number.
    pub(crate) after: i64,
    /// At most this many.
    pub(crate) limit: i64,
}

const COLUMNS: &str = "SELECT d.mission_id, d.subject_kind, d.subject_id, d.subject_key, d.title, d.body, d.paths, d.done FROM (";

/// The documents that share the weightiest terms with a text, best first.
///
/// # Errors
/// Database failures.
pub(crate) async fn candidates(
    tx: &mut Tx,
    reach: Reach,
    text: &Prepared,
) -> Result<Vec<Candidate>, DbError> {
    let mut wanted: Vec<Wanted> = sought(reach.organization, reach.family, text)
        .into_iter()
        .map(|(term, weight)| Wanted { term, weight, wide: false })
        .collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    for term in wanted.iter_mut().take(WIDE) {
        term.wide = !reach.scope.is_empty();
    }
    match tx.backend() {
        Backend::Postgres => on_postgres(tx, reach, &wanted).await,
        Backend::Sqlite => on_sqlite(tx, reach, &wanted).await,
    }
}

/// The other missions that may be read, or `None` for all of the organization.
fn others(reach: &Reach) -> Option<String> {
    match &reach.scope {
        Scope::Organization(_) => None,
        Scope::Missions(_, missions) => {
            let others = missions.iter().filter(|id| **id != reach.mission).map(|id| low_bits(id.as_uuid()));
            Some(others.collect::<serde_json::Value>().to_string())
        }
    }
}

async fn on_postgres(tx: &mut Tx, reach: Reach, wanted: &[Wanted]) -> Result<Vec<Candidate>, DbError> {
    const OWN: &str = "SELECT h.document_no, SUM(t.weight) AS weight
        FROM json_to_recordset($1::json) AS t (term bigint, weight double precision, wide boolean)
        CROSS JOIN LATERAL (
            (SELECT document_no FROM search_posting
             WHERE term = t.term AND mission = $2 AND document_no > $3 ORDER BY document_no DESC LIMIT $4)";
    const ALL: &str = " UNION ALL (SELECT document_no FROM search_posting
             WHERE t.wide AND term = t.term AND mission < $2 AND document_no > $3 LIMIT $4)
            UNION ALL (SELECT document_no FROM search_posting
             WHERE t.wide AND term = t.term AND mission > $2 AND document_no > $3 LIMIT $4)";
    const SOME: &str = " UNION ALL (SELECT o.document_no FROM json_array_elements_text($7::json) AS m CROSS JOIN LATERAL
             (SELECT document_no FROM search_posting
              WHERE term = t.term AND mission = m::bigint AND document_no > $3 ORDER BY document_no DESC LIMIT $4) o
             WHERE t.wide LIMIT $4)";
    // One row each by its key, whatever the planner believes about tables that grew since it looked.
    const JOINED: &str = ") h GROUP BY h.document_no ORDER BY weight DESC, h.document_no DESC LIMIT 4 * $5) f
        CROSS JOIN LATERAL (SELECT * FROM search_document WHERE document_no = f.document_no LIMIT 1) d WHERE ";
    const END: &str = " AND d.organization_id = $6 AND CAST($7 AS TEXT) IS NOT NULL
        ORDER BY (d.mission_id = $8 AND NOT d.done) DESC, f.weight DESC, f.document_no DESC LIMIT $5";
    let others = others(&reach);
    let terms = serde_json::to_string(wanted)
        .map_err(|error| DbError::Inconsistent { table: "search_posting", message: error.to_string() })?;
    let wide = if others.is_some() { SOME } else { ALL };
    let text = [COLUMNS, OWN, wide, JOINED, reach.family.condition(), END].concat();
    let query = tx
        .query(Sql::Built(text))
        .bind(terms)
        .bind(low_bits(reach.mission.as_uuid()))
        .bind(reach.after)
        .bind(CAP)
        .bind(reach.limit)
        .bind(reach.organization)
        .bind(others.unwrap_or_default())
        .bind(reach.mission);
    query.fetch_all().await
}

/// The statement for so many words, of which each may be looked for in other missions too.
fn sqlite_text(family: Family, others: Option<&str>, wanted: &[Wanted]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{COLUMNS}SELECT document_no, SUM(weight) AS weight FROM (");
    for (index, term) in wanted.iter().enumerate() {
        let (id, weight) = (2 * index + 8, 2 * index + 9);
        let union = if index == 0 { "" } else { " UNION ALL " };
        let ranges: &[&str] = match (others, term.wide) {
            (_, false) => &[],
            (None, true) => &["mission < $1", "mission > $1"],
            (Some(_), true) => &["mission IN (SELECT value FROM json_each($6))"],
        };
        // Numbers of parameters only: no value is a part of the text. Writing to a string does not fail.
        let _ = write!(
            text,
            "{union}SELECT document_no, ${weight} AS weight FROM (SELECT document_no FROM search_posting
             WHERE term = ${id} AND mission = $1 AND document_no > $2 ORDER BY document_no DESC LIMIT $3)"
        );
        for range in ranges {
            let _ = write!(
                text,
                " UNION ALL SELECT document_no, ${weight} FROM (SELECT document_no FROM search_posting
                 WHERE term = ${id} AND {range} AND document_no > $2 LIMIT $3)"
            );
        }
    }
    // One row each by its key, whatever the planner believes about tables that it knows nothing of.
    text.push_str(
        ") GROUP BY document_no ORDER BY weight DESC, document_no DESC LIMIT 4 * $4) f
         CROSS JOIN search_document d ON d.document_no = f.document_no WHERE ",
    );
    text.push_str(family.condition());
    text.push_str(
        " AND d.organization_id = $5 AND $6 IS NOT NULL
         ORDER BY (d.mission_id = $7 AND NOT d.done) DESC, f.weight DESC, f.document_no DESC LIMIT $4",
    );
    text
}

async fn on_sqlite(tx: &mut Tx, reach: Reach, wanted: &[Wanted]) -> Result<Vec<Candidate>, DbError> {
    let others = others(&reach);
    let mut query = tx
        .query(Sql::Built(sqlite_text(reach.family, others.as_deref(), wanted)))
        .bind(low_bits(reach.mission.as_uuid()))
        .bind(reach.after)
        .bind(CAP)
        .bind(reach.limit)
        .bind(reach.organization)
        .bind(others.unwrap_or_default())
        .bind(reach.mission);
    for term in wanted {
        query = query.bind(term.term).bind(term.weight);
    }
    query.fetch_all().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    /// SQLite plans by what indexes look like. A plan that reads every text of an organization costs the more the more there are.
    #[tokio::test]
    async fn candidates_are_read_by_their_keys() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("plans.db").display())).await.unwrap();
        let wanted = [(1, true), (2, true), (3, false)];
        let wanted = wanted.map(|(term, wide)| Wanted { term, weight: 1.0, wide });
        for family in [Family::Work, Family::Texts] {
            for others in [None, Some("[1,2]")] {
                let text = format!("EXPLAIN QUERY PLAN {}", sqlite_text(family, others, &wanted));
                let mut tx = db.begin_read().await.unwrap();
                let plan: Vec<(i64, i64, i64, String)> =
                    tx.query(Sql::Built(text)).fetch_all().await.unwrap();
                let steps: Vec<&str> = plan.iter().map(|(_, _, _, step)| step.as_str()).collect();
                let read: Vec<&&str> = steps
                    .iter()
                    .filter(|step| step.contains(" d ") || step.contains("search_posting"))
                    .collect();
                assert!(read.contains(&&"SEARCH d USING INTEGER PRIMARY KEY (rowid=?)"), "{steps:?}");
                assert!(read.iter().all(|step| step.starts_with("SEARCH ")), "{steps:?}");
                assert!(!steps.iter().any(|step| step.contains("AUTOMATIC")), "{steps:?}");
            }
        }
    }
}
