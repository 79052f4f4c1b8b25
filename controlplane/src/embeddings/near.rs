//! Finding what is near a vector: approximately, at a bounded cost, and only where the caller may read.

use std::collections::HashMap;
use std::sync::Arc;

use mc_api::id::MissionId;
use uuid::Uuid;

use super::cells::{self, Cells};
use super::pack::{self, Narrowed};
use super::service::Own;
use super::sketch::{Scale, distance, sketch};
use super::store::{indexed, numbers, text};
use crate::db::{Backend, DbError, Filter, Sql, Tx};
use crate::op::Scope;
use crate::search::index::{self, Candidate};
use crate::search::packed::unhex;

/// Where fewer vectors than this may be read, all of them are looked at. SQLite only: Postgres plans by itself.
const FEW: i64 = 2048;
/// Of what its signs say, the nearest so many vectors are read.
const READ: usize = 192;

/// The cosine of two vectors of unit length.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums beside each other, which a processor adds at once.
    let mut sums = [0.0; 8];
    let (mut a, mut b) = (a.chunks_exact(8), b.chunks_exact(8));
    for (left, right) in a.by_ref().zip(b.by_ref()) {
        for (sum, (x, y)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += x * y;
        }
    }
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
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

/// Documents of some missions with their sketches, as one text, since one row costs less than thousands.
async fn sketches(
    tx: &mut Tx,
    own: &Own,
    missions: &[i64],
    place: &Where,
) -> Result<Vec<(i64, Vec<u8>)>, DbError> {
    let in_kinds = match &place.kinds {
        None => " AND $3 IS NOT NULL",
        Some(_) => " AND subject_kind IN (SELECT value FROM json_each($3))",
    };
    let sql = format!(
        "SELECT COALESCE(group_concat(document_no || ':' || hex(sketch), ' '), '') FROM
             (SELECT document_no, sketch FROM search_vector WHERE model_no = $1
                 AND mission IN (SELECT value FROM json_each($2)){in_kinds} LIMIT $4)"
    );
    let (all,): (String,) = tx
        .query(Sql::Built(sql))
        .bind(own.model)
        .bind(serde_json::Value::from(missions).to_string())
        .bind(serde_json::Value::from(place.kinds.clone().unwrap_or_default()).to_string())
        .bind(FEW)
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

/// What the sketches of a few missions say is nearest.
async fn by_sketches(
    tx: &mut Tx,
    own: &Own,
    missions: &[i64],
    place: &Where,
    most: usize,
) -> Result<Vec<i64>, DbError> {
    let own_sketch = sketch(&own.vector);
    let mut by_sketch: Vec<(u32, i64)> = sketches(tx, own, missions, place)
        .await?
        .into_iter()
        .map(|(document, sketch)| (distance(&own_sketch, &sketch), document))
        .collect();
    by_sketch.sort_unstable();
    by_sketch.truncate(most);
    Ok(by_sketch.into_iter().map(|(_, document)| document).collect())
}

/// What the packs of the nearest cells say is nearest.
async fn by_packs(
    tx: &mut Tx,
    cells: &Cells,
    own: &Own,
    missions: Option<&[i64]>,
    place: &Where,
    most: usize,
) -> Result<Vec<i64>, DbError> {
    let cells = cells.of(tx, own.model, organization(&place.scope)).await?;
    let probed = cells::nearest(&cells, &own.vector, cells::PROBED);
    let packs: Vec<(Vec<u8>,)> = tx
        .query(
            "SELECT entries FROM search_cell_pack
             WHERE cell_no IN (SELECT value FROM json_each($1)) AND packing = $2",
        )
        .bind(serde_json::Value::from(probed).to_string())
        .bind(pack::PACKING)
        .fetch_all()
        .await?;
    let (scale, narrowed) =
        (Scale::of(&own.vector), Narrowed::new(own.dimensions, missions, place.kinds.as_deref()));
    let mut weighed: Vec<(f32, i64)> = packs
        .iter()
        .flat_map(|(pack,)| narrowed.of(pack))
        .map(|(document, signs)| (scale.weigh(signs), document))
        .collect();
    if weighed.len() > most {
        weighed.select_nth_unstable_by(most, |a, b| b.0.total_cmp(&a.0));
        weighed.truncate(most);
    }
    Ok(weighed.into_iter().map(|(_, document)| document).collect())
}

async fn on_sqlite(
    tx: &mut Tx,
    cells: &Cells,
    own: &Own,
    missions: Option<Vec<i64>>,
    place: &Where,
    limit: usize,
) -> Result<Vec<(i64, f32)>, DbError> {
    let most = READ.max(2 * limit);
    let few = match &missions {
        Some(missions) if is_few(tx, own, missions).await? => Some(missions),
        _ => None,
    };
    let documents = match few {
        Some(missions) => by_sketches(tx, own, missions, place, most).await?,
        None => by_packs(tx, cells, own, missions.as_deref(), place, most).await?,
    };
    // What may be read, and of which kind it is, is said by the row of the vector alone.
    let rows: Vec<(i64, i64, String, Vec<u8>)> = tx
        .query(
            "SELECT document_no, mission, subject_kind, embedding FROM search_vector
             WHERE model_no = $1 AND organization_id = $2 AND document_no IN (SELECT value FROM json_each($3))",
        )
        .bind(own.model)
        .bind(organization(&place.scope))
        .bind(serde_json::Value::from(documents).to_string())
        .fetch_all()
        .await?;
    let fits = |mission: &i64, kind: &String| {
        missions.as_ref().is_none_or(|all| all.contains(mission))
            && place.kinds.as_ref().is_none_or(|all| all.contains(kind))
    };
    let mut near: Vec<(i64, f32)> = rows
        .into_iter()
        .filter(|(_, mission, kind, _)| fits(mission, kind))
        .map(|(document, _, _, bytes)| (document, dot(&own.vector, &numbers(&bytes))))
        .collect();
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

#[derive(sqlx_macros::FromRow)]
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
        .among("d.document_no", &near.into_iter().map(|(number, _)| number).collect::<Vec<_>>())
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
