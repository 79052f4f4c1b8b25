//! Models, vectors and the work that is left, in the database.

use mc_api::Timestamp;
use mc_api::id::{MissionId, OrganizationId};
use mc_api::system::{EmbeddingProvider, StoredModel};
use uuid::Uuid;

use super::pack;
use super::sketch::sketch;
use crate::db::{Backend, DbError, Sql, Tx};
use crate::search::index;

/// The longest vector that HNSW indexes in single precision; longer ones are indexed in half precision.
const SINGLE: i32 = 2000;

/// A model of which vectors are stored.
#[derive(sqlx_macros::FromRow, Debug, Clone)]
pub(super) struct Model {
    #[sqlx(rename = "model_no")]
    pub(super) number: i64,
    pub(super) provider: EmbeddingProvider,
    #[sqlx(rename = "model")]
    pub(super) name: String,
    pub(super) dimensions: i32,
    pub(super) complete_at: Option<Timestamp>,
}

impl From<Model> for StoredModel {
    fn from(model: Model) -> Self {
        Self {
            provider: model.provider,
            model: model.name,
            dimensions: model.dimensions,
            complete_at: model.complete_at,
        }
    }
}

/// A vector's column in the form that is indexed: `(embedding::vector(384))`, or in half precision.
pub(super) fn indexed(column: &str, dimensions: i32) -> String {
    let kind = if dimensions > SINGLE { "halfvec" } else { "vector" };
    format!("({column}::{kind}({dimensions}))")
}

/// Numbers of a vector as bytes, for SQLite.
pub(super) fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The vector that [`bytes`] made.
pub(super) fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// A vector as pgvector reads it.
pub(super) fn text(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// Every model of which vectors are stored, oldest first.
pub(super) async fn models(tx: &mut Tx) -> Result<Vec<Model>, DbError> {
    tx.query(
        "SELECT model_no, provider, model, dimensions, complete_at FROM embedding_model ORDER BY model_no",
    )
    .fetch_all()
    .await
}

/// The model, made when it is new; on Postgres with its index. Harmless beside itself.
pub(super) async fn register(
    tx: &mut Tx,
    provider: EmbeddingProvider,
    model: &str,
    dimensions: i32,
    now: Timestamp,
) -> Result<Model, DbError> {
    tx.query(
        "INSERT INTO embedding_model (provider, model, dimensions, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(provider)
    .bind(model.to_owned())
    .bind(dimensions)
    .bind(now)
    .execute()
    .await?;
    let made: Model = tx
        .query(
            "SELECT model_no, provider, model, dimensions, complete_at FROM embedding_model
             WHERE provider = $1 AND model = $2 AND dimensions = $3",
        )
        .bind(provider)
        .bind(model.to_owned())
        .bind(dimensions)
        .fetch_one()
        .await?;
    index(tx, made.number, dimensions).await?;
    Ok(made)
}

/// Makes the index of a model on Postgres, when it is not there. With many vectors that takes minutes.
pub(super) async fn index(tx: &mut Tx, number: i64, dimensions: i32) -> Result<(), DbError> {
    if tx.backend() != Backend::Postgres {
        return Ok(());
    }
    let (is_there,): (bool,) = tx
        .query("SELECT to_regclass($1) IS NOT NULL")
        .bind(format!("search_vector_m{number}_idx"))
        .fetch_one()
        .await?;
    if is_there {
        return Ok(());
    }
    let column = indexed("embedding", dimensions);
    let kind = if dimensions > SINGLE { "halfvec" } else { "vector" };
    tx.unlimited().await?;
    // Numbers of our own only: no value of somebody else is a part of the text.
    tx.query(Sql::Built(format!(
        "CREATE INDEX IF NOT EXISTS search_vector_m{number}_idx ON search_vector
         USING hnsw ({column} {kind}_cosine_ops) WHERE model_no = {number}"
    )))
    .execute()
    .await?;
    Ok(())
}

/// Says that every text has its vector of a model.
pub(super) async fn complete(tx: &mut Tx, model: i64, now: Timestamp) -> Result<(), DbError> {
    tx.query("UPDATE embedding_model SET complete_at = $2 WHERE model_no = $1 AND complete_at IS NULL")
        .bind(model)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Takes out some vectors of another model, and when none are left what else there is of it.
pub(super) async fn forget_others(tx: &mut Tx, model: i64, limit: i64) -> Result<(), DbError> {
    let Some(other) = models(tx).await?.into_iter().find(|other| other.number != model) else {
        return Ok(());
    };
    let gone = tx
        .query(
            "DELETE FROM search_vector WHERE model_no = $1 AND document_no IN
                 (SELECT document_no FROM search_vector WHERE model_no = $1 LIMIT $2)",
        )
        .bind(other.number)
        .bind(limit)
        .execute()
        .await?;
    if gone > 0 {
        return Ok(());
    }
    tx.query("DELETE FROM search_cell WHERE model_no = $1").bind(other.number).execute().await?;
    if tx.backend() == Backend::Postgres {
        tx.query(Sql::Built(format!("DROP INDEX IF EXISTS search_vector_m{}_idx", other.number)))
            .execute()
            .await?;
    }
    tx.query("DELETE FROM embedding_model WHERE model_no = $1").bind(other.number).execute().await?;
    Ok(())
}

/// Says that this database is indexed with a model from now on; whoever indexed with another one stops.
pub(super) async fn aim(
    tx: &mut Tx,
    provider: EmbeddingProvider,
    model: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO embedding_target (embedding_target_id, provider, model, since, holder, held_until)
         VALUES (1, $1, $2, $3, '', 0)
         ON CONFLICT (embedding_target_id) DO UPDATE SET since = CASE
             WHEN embedding_target.provider = excluded.provider AND embedding_target.model = excluded.model
             THEN embedding_target.since ELSE excluded.since END,
             provider = excluded.provider, model = excluded.model, holder = '', held_until = 0",
    )
    .bind(provider)
    .bind(model.to_owned())
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Whether this database is to be indexed with a model.
pub(super) async fn is_target(
    tx: &mut Tx,
    (provider, model): (EmbeddingProvider, &str),
) -> Result<bool, DbError> {
    let target: Option<(i32,)> = tx
        .query("SELECT embedding_target_id FROM embedding_target WHERE provider = $1 AND model = $2")
        .bind(provider)
        .bind(model.to_owned())
        .fetch_optional()
        .await?;
    Ok(target.is_some())
}

/// Takes or keeps the work until a time. `false`: another control plane has it, or it is not for this model.
pub(super) async fn hold(
    tx: &mut Tx,
    (provider, model): (EmbeddingProvider, &str),
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbError> {
    let taken = tx
        .query(
            "UPDATE embedding_target SET holder = $3, held_until = $5
             WHERE provider = $1 AND model = $2 AND (holder = $3 OR held_until < $4)",
        )
        .bind(provider)
        .bind(model.to_owned())
        .bind(holder.to_owned())
        .bind(now)
        .bind(until)
        .execute()
        .await?;
    Ok(taken == 1)
}

/// A text that waits for its vector.
#[derive(sqlx_macros::FromRow, Debug, Clone)]
pub(super) struct Waiting {
    pub(super) document_no: i64,
    pub(super) organization_id: OrganizationId,
    pub(super) mission_id: MissionId,
    pub(super) subject_kind: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) updated_at: Timestamp,
    /// Of the vector that is stored of this model, if one is.
    pub(super) text_sha256: Option<String>,
}

/// What a text waits in, in the order in which it is served: new and changed ones before those of another model.
const RANGES: [&str; 4] = [
    "d.embedded_by = 0 AND $1 > 0",
    "d.embedded_by > $1",
    "d.embedded_by > 0 AND d.embedded_by < $1",
    "d.embedded_by < 0 AND d.embedded_by <> 0 - $1",
];

/// Texts without a vector of a model, without those that it cannot embed.
pub(super) async fn waiting(tx: &mut Tx, model: i64, limit: usize) -> Result<Vec<Waiting>, DbError> {
    let mut found: Vec<Waiting> = Vec::new();
    for range in RANGES {
        let left = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(0);
        if left == 0 {
            break;
        }
        let text = format!(
            "SELECT d.document_no, d.organization_id, d.mission_id, d.subject_kind, d.title, d.body, d.updated_at, v.text_sha256
             FROM search_document d LEFT JOIN search_vector v ON v.document_no = d.document_no AND v.model_no = $1
             WHERE {range} ORDER BY d.embedded_by, d.document_no LIMIT $2"
        );
        let more: Vec<Waiting> = tx.query(Sql::Built(text)).bind(model).bind(left).fetch_all().await?;
        found.extend(more);
    }
    Ok(found)
}

/// How many texts have their vector, how many do not, and how many of those cannot get one.
pub(super) async fn counts(tx: &mut Tx, model: i64) -> Result<(i64, i64, i64), DbError> {
    tx.query(
        "SELECT (SELECT COUNT(*) FROM search_document WHERE embedded_by = $1),
                (SELECT COUNT(*) FROM search_document WHERE embedded_by < $1)
                    + (SELECT COUNT(*) FROM search_document WHERE embedded_by > $1),
                (SELECT COUNT(*) FROM search_document WHERE embedded_by = 0 - $1)",
    )
    .bind(model)
    .fetch_one()
    .await
}

/// Says what became of a text, unless it changed since it was read. A task that is to be compared again says so.
pub(super) async fn mark(
    tx: &mut Tx,
    waiting: &Waiting,
    embedded_by: i64,
    compare: bool,
) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE search_document SET embedded_by = $3,
                 look = CASE WHEN $4 AND subject_kind IN ('task', 'doc', 'artifact') AND NOT done THEN 2 ELSE look END
             WHERE document_no = $1 AND updated_at = $2",
        )
        .bind(waiting.document_no)
        .bind(waiting.updated_at)
        .bind(embedded_by)
        .bind(compare)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Lets texts be tried again that a model could not embed.
pub(super) async fn retry_failed(tx: &mut Tx, model: i64) -> Result<u64, DbError> {
    tx.query("UPDATE search_document SET embedded_by = 0 WHERE embedded_by = 0 - $1")
        .bind(model)
        .execute()
        .await
}

/// Stores a vector. `cell` says where it is found on SQLite.
pub(super) async fn put(
    tx: &mut Tx,
    model: i64,
    waiting: &Waiting,
    (text_sha256, vector): (&str, &[f32]),
    cell: Option<i64>,
) -> Result<(), DbError> {
    let is_sqlite = tx.backend() == Backend::Sqlite;
    let query = tx.query(Sql::Each {
        postgres: "INSERT INTO search_vector (document_no, model_no, organization_id, mission, subject_kind, text_sha256, cell_no, sketch, embedding)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CAST(CAST($9 AS TEXT) AS vector))
             ON CONFLICT (document_no, model_no) DO UPDATE SET text_sha256 = excluded.text_sha256, embedding = excluded.embedding",
        sqlite: "INSERT INTO search_vector (document_no, model_no, organization_id, mission, subject_kind, text_sha256, cell_no, sketch, embedding)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (document_no, model_no) DO UPDATE SET text_sha256 = excluded.text_sha256, embedding = excluded.embedding,
                 cell_no = excluded.cell_no, sketch = excluded.sketch",
    });
    let query = query
        .bind(waiting.document_no)
        .bind(model)
        .bind(waiting.organization_id)
        .bind(index::low_bits(waiting.mission_id.as_uuid()))
        .bind(waiting.subject_kind.clone())
        .bind(text_sha256.to_owned())
        .bind(cell)
        .bind(is_sqlite.then(|| sketch(vector)));
    let query = if is_sqlite { query.bind(bytes(vector)) } else { query.bind(text(vector)) };
    query.execute().await?;
    if let Some(cell) = cell {
        let mission = index::low_bits(waiting.mission_id.as_uuid());
        let entry = pack::entry((waiting.document_no, mission, &waiting.subject_kind), vector);
        pack::append(tx, cell, entry).await?;
    }
    Ok(())
}

/// The stored vector of an object's present text.
pub(super) async fn vector_of(tx: &mut Tx, model: i64, subject: Uuid) -> Result<Option<Vec<f32>>, DbError> {
    const FROM: &str = "FROM search_vector v JOIN search_document d ON d.document_no = v.document_no AND d.embedded_by = v.model_no
         WHERE v.model_no = $1 AND d.subject_id = $2";
    match tx.backend() {
        Backend::Postgres => {
            let sql = Sql::Built(format!("SELECT CAST(v.embedding AS TEXT) {FROM}"));
            let row: Option<(String,)> = tx.query(sql).bind(model).bind(subject).fetch_optional().await?;
            let Some((text,)) = row else { return Ok(None) };
            serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| DbError::Inconsistent { table: "search_vector", message: error.to_string() })
        }
        Backend::Sqlite => {
            let sql = Sql::Built(format!("SELECT v.embedding {FROM}"));
            let row: Option<(Vec<u8>,)> = tx.query(sql).bind(model).bind(subject).fetch_optional().await?;
            Ok(row.map(|(bytes,)| numbers(&bytes)))
        }
    }
}
