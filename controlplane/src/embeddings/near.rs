//! Finding what is near a vector: approximately, at a bounded cost, and only where the caller may read.

use std::collections::HashMap;
use std::sync::Arc;

use mc_api::id::MissionId;
use uuid::Uuid;

use super::cells::{self, Cells};
use super::service::Own;
use super::sketch::{distance, sketch};
use super::store::{indexed, numbers, text};
use crate::db::{Backend, DbError, Filter, Sql, Tx};
use crate::op::Scope;
use crate::search::index::{self, Candidate};

/// Where fewer vectors than this may be read, all of them are looked at. SQLite only: Postgres plans by itself.
const FEW: i64 = 2048;
/// At most so many sketches are read by a lookup.
const SKETCHES: i64 = 8192;
/// Of those, the nearest so many vectors are read.
const READ: usize = 96;

/// The cosine of two vectors of unit length.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Where near vectors are looked for.
#[derive(Debug, Clone)]
pub struct Where {
    /// What may be read.
    pub scope: Scope,
    /// Only in this mission.
    pub mission: Option<MissionId>,
    /// Only these kinds; `None`: all.
    pub kinds: Option<Vec<String>>,
}

impl Where {
    /// The missions as they are stored beside a vector; `None`: all of the organization.
    fn missions(&self) -> Option<Vec<i64>> {
        let stored = |id: &MissionId| index::low_bits(id.as_uuid());
        match (&self.mission, &self.scope) {
            // The caller looked in a mission that it may read.
            (Some(mission), _) => Some(vec![stored(mission)]),
            (None, Scope::Organization(_)) => None,
            (None, Scope::Missions(_, missions)) => Some(missions.iter().map(stored).collect()),
        }
    }
}

/// The numbers of the documents whose vectors are nearest, nearest first, with their cosines.
///
/// # Errors
/// Database failures.
pub(super) async fn nearest(
    tx: &mut Tx,
    cells: &Cells,
    own: &Own,
    place: &Where,
    limit: usize,
) -> Result<Vec<(i64, f32)>, DbError> {
    let missions = place.missions();
    if missions.as_ref().is_some_and(Vec::is_empty) || place.kinds.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    match tx.backend() {
        Backend::Postgres => on_postgres(tx, own, missions, place, limit).await,
        Backend::Sqlite => on_sqlite(tx, cells, own, missions, place, limit).await,
    }
}

fn organization(scope: &Scope) -> mc_api::id::OrganizationId {
    match scope {
        Scope::Organization(id) | Scope::Missions(id, _) => *id,
    }
}

async fn on_postgres(
    tx: &mut Tx,
    own: &Own,
    missions: Option<Vec<i64>>,
    place: &Where,
    limit: usize,
) -> Result<Vec<(i64, f32)>, DbError> {
    let (column, value) =
        (indexed("v.embedding", own.dimensions), indexed("CAST($1 AS TEXT)", own.dimensions));
    let number = own.model;
    let in_missions = match &missions {
        None => "",
        Some(one) if one.len() == 1 => " AND v.mission = CAST($3 AS BIGINT)",
        Some(_) => {
            " AND v.mission = ANY (ARRAY(SELECT m::bigint FROM json_array_elements_text(CAST($3 AS JSON)) AS m))"
        }
    };
    let in_kinds = match &place.kinds {
        None => "",
        Some(_) => " AND v.subject_kind = ANY (ARRAY(SELECT json_array_elements_text(CAST($4 AS JSON))))",
    };
    // Numbers of our own only: no value is a part of the text. The model is, so that its partial index is taken.
    let sql = format!(
        "SELECT v.document_no, 1 - ({column} <=> {value}) FROM search_vector v
         WHERE v.model_no = {number} AND v.organization_id = $2{in_missions}{in_kinds}
             AND CAST($3 AS TEXT) IS NOT NULL AND CAST($4 AS TEXT) IS NOT NULL
         ORDER BY {column} <=> {value} LIMIT $5"
    );
    let missions = match missions {
        Some(one) if one.len() == 1 => one[0].to_string(),
        some => serde_json::Value::from(some.unwrap_or_default()).to_string(),
    };
    let rows: Vec<(i64, f64)> = tx
        .query(Sql::Built(sql))
        .bind(text(&own.vector))
        .bind(organization(&place.scope))
        .bind(missions)
        .bind(serde_json::Value::from(place.kinds.clone().unwrap_or_default()).to_string())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all()
        .await?;
    #[expect(clippy::cast_possible_truncation, reason = "a value from -1 to 1")]
    let near = rows.into_iter().map(|(document, cosine)| (document, cosine as f32)).collect();
    Ok(near)
}

/// Documents with their sketches, as one text, since one row costs less than thousands.
async fn sketches(
    tx: &mut Tx,
    own: &Own,
    cells: Option<&[i64]>,
    missions: Option<&[i64]>,
    place: &Where,
) -> Result<Vec<(i64, Vec<u8>)>, DbError> {
    let range = match cells {
        Some(_) => "cell_no IN (SELECT value FROM json_each($1)) AND $2 IS NOT NULL",
        None => "model_no = $2 AND $1 IS NOT NULL",
    };
    let in_missions = match missions {
        None => " AND $3 IS NOT NULL",
        Some(_) => " AND mission IN (SELECT value FROM json_each($3))",
    };
    let in_kinds = match &place.kinds {
        None => " AND $4 IS NOT NULL",
        Some(_) => " AND subject_kind IN (SELECT value FROM json_each($4))",
    };
    let sql = format!(
        "SELECT COALESCE(group_concat(document_no || ':' || hex(sketch), ' '), '') FROM
             (SELECT document_no, sketch FROM search_vector WHERE {range}{in_missions}{in_kinds} LIMIT $5)"
    );
    let json = |numbers: Option<&[i64]>| serde_json::Value::from(numbers.unwrap_or_default()).to_string();
    let (all,): (String,) = tx
        .query(Sql::Built(sql))
        .bind(json(cells))
        .bind(own.model)
        .bind(json(missions))
        .bind(serde_json::Value::from(place.kinds.clone().unwrap_or_default()).to_string())
        .bind(SKETCHES)
        .fetch_one()
        .await?;
    let wrong = || DbError::Inconsistent { table: "search_vector", message: "a sketch is not hex".into() };
    all.split_ascii_whitespace()
        .map(|entry| {
            let (document, hex) = entry.split_once(':').ok_or_else(wrong)?;
            Ok((document.parse().map_err(|_| wrong())?, unhex(hex).ok_or_else(wrong)?))
        })
        .collect()
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    hex.as_bytes().chunks(2).map(|two| Some(digit(two[0])? << 4 | digit(*two.get(1)?)?)).collect()
}

async fn on_sqlite(
    tx: &mut Tx,
    cells: &Cells,
    own: &Own,
    missions: Option<Vec<i64>>,
    place: &Where,
    limit: usize,
) -> Result<Vec<(i64, f32)>, DbError> {
    let few = match &missions {
        None => false,
        Some(missions) => is_few(tx, own, missions).await?,
    };
    let all = if few {
        sketches(tx, own, None, missions.as_deref(), place).await?
    } else {
        let cells = cells.of(tx, own.model, organization(&place.scope)).await?;
        let probed = cells::nearest(&cells, &own.vector, cells::PROBED);
        sketches(tx, own, Some(&probed), missions.as_deref(), place).await?
    };
    let own_sketch = sketch(&own.vector);
    let mut by_sketch: Vec<(u32, i64)> =
        all.into_iter().map(|(document, sketch)| (distance(&own_sketch, &sketch), document)).collect();
    by_sketch.sort_unstable();
    by_sketch.truncate(READ.max(limit));
    let documents: Vec<i64> = by_sketch.into_iter().map(|(_, document)| document).collect();
    let rows: Vec<(i64, Vec<u8>)> = tx
        .query(
            "SELECT document_no, embedding FROM search_vector
             WHERE model_no = $1 AND document_no IN (SELECT value FROM json_each($2))",
        )
        .bind(own.model)
        .bind(serde_json::Value::from(documents).to_string())
        .fetch_all()
        .await?;
    let mut near: Vec<(i64, f32)> =
        rows.into_iter().map(|(document, bytes)| (document, dot(&own.vector, &numbers(&bytes)))).collect();
    near.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    near.truncate(limit);
    Ok(near)
}

async fn is_few(tx: &mut Tx, own: &Own, missions: &[i64]) -> Result<bool, DbError> {
    let (count,): (i64,) = tx
        .query(
            "SELECT COUNT(*) FROM (SELECT 1 FROM search_vector
             WHERE model_no = $1 AND mission IN (SELECT value FROM json_each($2)) LIMIT $3)",
        )
        .bind(own.model)
        .bind(serde_json::Value::from(missions).to_string())
        .bind(FEW + 1)
        .fetch_one()
        .await?;
    Ok(count <= FEW)
}

#[derive(sqlx::FromRow)]
struct Numbered {
    document_no: i64,
    #[sqlx(flatten)]
    candidate: Candidate,
}

/// The nearest documents with their texts, nearest first: only present texts, only greater numbers than `after`.
///
/// # Errors
/// Database failures.
pub(super) async fn candidates(
    tx: &mut Tx,
    cells: &Cells,
    own: &Own,
    place: &Where,
    (after, limit): (i64, usize),
) -> Result<Vec<Candidate>, DbError> {
    let near = nearest(tx, cells, own, place, limit).await?;
    if near.is_empty() {
        return Ok(Vec::new());
    }
    let order: HashMap<i64, usize> = near.iter().enumerate().map(|(at, (number, _))| (*number, at)).collect();
    let filter = Filter::new(
        tx,
        "SELECT d.document_no, d.mission_id, d.subject_kind, d.subject_id, d.subject_key, d.title, d.body, d.paths, d.done
         FROM search_document d",
    );
    // In one mission nothing else counts: who looks there may read it, or is the system itself.
    let filter = match place.mission {
        Some(mission) => {
            filter.and("d.organization_id = ?", organization(&place.scope)).and("d.mission_id = ?", mission)
        }
        None => place.scope.clone().apply(filter, "d.organization_id = ?", "d.mission_id"),
    };
    let mut found: Vec<Numbered> = filter
        .one_of("d.document_no", near.into_iter().map(|(number, _)| number).collect())
        .and("d.embedded_by = ?", own.model)
        .and("d.document_no > ?", after)
        .finish(tx, "d.document_no", i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all()
        .await?;
    found.sort_by_key(|found| order.get(&found.document_no).copied());
    Ok(found.into_iter().map(|found| found.candidate).collect())
}

/// How near objects are to a vector, for those of which a vector of their present text is stored.
///
/// # Errors
/// Database failures.
pub(super) async fn cosines(
    tx: &mut Tx,
    own: &Own,
    subjects: Vec<Uuid>,
) -> Result<HashMap<Uuid, f32>, DbError> {
    if subjects.is_empty() {
        return Ok(HashMap::new());
    }
    let filter = match tx.backend() {
        Backend::Postgres => Filter::new(
            tx,
            "SELECT d.subject_id, CAST(v.embedding AS TEXT) FROM search_document d
             JOIN search_vector v ON v.document_no = d.document_no AND v.model_no = d.embedded_by",
        ),
        Backend::Sqlite => Filter::new(
            tx,
            "SELECT d.subject_id, v.embedding FROM search_document d
             JOIN search_vector v ON v.document_no = d.document_no AND v.model_no = d.embedded_by",
        ),
    };
    let filter = filter.and("d.embedded_by = ?", own.model).one_of("d.subject_id", subjects);
    let is_postgres = tx.backend() == Backend::Postgres;
    let query = filter.finish(tx, "d.document_no", i64::MAX);
    let near = |vector: &[f32]| own.likeness(dot(&own.vector, vector));
    if is_postgres {
        let rows: Vec<(Uuid, String)> = query.fetch_all().await?;
        let vectors = rows.into_iter().map(|(subject, text)| {
            let vector: Vec<f32> = serde_json::from_str(&text).map_err(|error| DbError::Inconsistent {
                table: "search_vector",
                message: error.to_string(),
            })?;
            Ok((subject, near(&vector)))
        });
        vectors.collect()
    } else {
        let rows: Vec<(Uuid, Vec<u8>)> = query.fetch_all().await?;
        Ok(rows.into_iter().map(|(subject, bytes)| (subject, near(&numbers(&bytes)))).collect())
    }
}

/// A vector that is shared by what looks with it.
pub(super) type Shared = Arc<[f32]>;
