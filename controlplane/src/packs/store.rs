//! What only packs need of the database.

use mc_api::Timestamp;
use mc_api::id::{MissionId, OrganizationId, PrincipalId, TaskId};
use mc_api::pack::External;

use crate::db::{DbError, Filter, Sql, Tx};

/// One import writes at a time, so that the same pack that comes twice at once is made once.
pub(super) async fn lock(tx: &mut Tx) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT pg_advisory_xact_lock(7881697317)",
        // The single writer is the lock.
        sqlite: "SELECT 1",
    })
    .execute()
    .await
    .map(drop)
}

/// Keeps that a mission was made of a pack.
pub(super) async fn keep(
    tx: &mut Tx,
    (organization, mission): (OrganizationId, MissionId),
    sha256: &str,
    by: PrincipalId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO mission_pack (mission_id, organization_id, sha256, imported_by, imported_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(mission)
    .bind(organization)
    .bind(sha256.to_owned())
    .bind(by)
    .bind(now)
    .execute()
    .await
    .map(drop)
}

/// The digest of the pack that a mission was made of.
pub(super) async fn pack_of(tx: &mut Tx, mission: MissionId) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> = tx
        .query("SELECT sha256 FROM mission_pack WHERE mission_id = $1")
        .bind(mission)
        .fetch_optional()
        .await?;
    Ok(row.map(|(sha256,)| sha256))
}

/// Keeps who made something where it came from.
pub(super) async fn keep_origin(
    tx: &mut Tx,
    (organization, mission): (OrganizationId, MissionId),
    subject: String,
    original: String,
    made_by: String,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO pack_origin (subject_id, organization_id, mission_id, original_id, made_by)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(subject)
    .bind(organization)
    .bind(mission)
    .bind(original)
    .bind(made_by)
    .execute()
    .await
    .map(drop)
}

/// Who made something where it came from.
pub(super) async fn made_by(tx: &mut Tx, subject: &str) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> = tx
        .query("SELECT made_by FROM pack_origin WHERE subject_id = $1")
        .bind(subject.to_owned())
        .fetch_optional()
        .await?;
    Ok(row.map(|(name,)| name))
}

#[derive(sqlx_macros::FromRow)]
pub(super) struct ExternalRow {
    pub(super) task_id: TaskId,
    source: String,
    external_id: String,
    row_sha256: String,
}

impl From<ExternalRow> for External {
    fn from(row: ExternalRow) -> Self {
        Self { source: row.source, external_id: row.external_id, row_sha256: row.row_sha256 }
    }
}

/// The ids elsewhere of tasks.
pub(super) async fn external(tx: &mut Tx, tasks: Vec<TaskId>) -> Result<Vec<ExternalRow>, DbError> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    Filter::new(tx, "SELECT task_id, source, external_id, row_sha256 FROM task_external")
        .one_of("task_id", tasks)
        .finish(tx, "task_id, source, external_id", i64::MAX)
        .fetch_all()
        .await
}

/// A field with its owner.
#[derive(Clone, sqlx_macros::FromRow)]
pub(super) struct OwnerRow {
    pub(super) subject_id: String,
    pub(super) field: String,
    pub(super) manager: String,
    pub(super) operation: String,
}

/// Owners of fields behind one, in order.
pub(super) async fn owners(
    tx: &mut Tx,
    mission: MissionId,
    after: Option<OwnerRow>,
    limit: i64,
) -> Result<Vec<OwnerRow>, DbError> {
    let (subject, field, manager) =
        after.map(|row| (row.subject_id, row.field, row.manager)).unwrap_or_default();
    tx.query(
        "SELECT subject_id, field, manager, operation FROM field_owner
         WHERE mission_id = $1 AND (subject_id, field, manager) > ($2, $3, $4)
         ORDER BY subject_id, field, manager LIMIT $5",
    )
    .bind(mission)
    .bind(subject)
    .bind(field)
    .bind(manager)
    .bind(limit)
    .fetch_all()
    .await
}

/// Keeps an owner of a field.
pub(super) async fn keep_owner(
    tx: &mut Tx,
    (organization, mission): (OrganizationId, MissionId),
    owner: OwnerRow,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO field_owner (subject_id, field, manager, organization_id, mission_id, operation, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(owner.subject_id)
    .bind(owner.field)
    .bind(owner.manager)
    .bind(organization)
    .bind(mission)
    .bind(owner.operation)
    .bind(now)
    .execute()
    .await
    .map(drop)
}
