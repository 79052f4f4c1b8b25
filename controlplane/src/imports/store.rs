//! External ids in the database.

use mc_api::Timestamp;
use mc_api::id::{MissionId, OrganizationId, TaskId};

use crate::db::{DbError, Tx};

/// The task that an external id became.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Known {
    pub(crate) task_id: TaskId,
    /// Of what the row said when it was last imported.
    pub(crate) row_sha256: String,
}

/// The task that an external id became.
pub(crate) async fn find(
    tx: &mut Tx,
    mission: MissionId,
    source: &str,
    external_id: &str,
) -> Result<Option<Known>, DbError> {
    tx.query(
        "SELECT task_id, row_sha256 FROM task_external WHERE mission_id = $1 AND source = $2 AND external_id = $3",
    )
    .bind(mission)
    .bind(source.to_owned())
    .bind(external_id.to_owned())
    .fetch_optional()
    .await
}

/// Remembers what an external id became, and the digest of its row. The mission's lock is held.
pub(crate) async fn put(
    tx: &mut Tx,
    (organization, mission): (OrganizationId, MissionId),
    (source, external_id): (&str, &str),
    task: TaskId,
    row_sha256: String,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO task_external (mission_id, source, external_id, organization_id, task_id, row_sha256, imported_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (mission_id, source, external_id)
         DO UPDATE SET row_sha256 = excluded.row_sha256, imported_at = excluded.imported_at",
    )
    .bind(mission)
    .bind(source.to_owned())
    .bind(external_id.to_owned())
    .bind(organization)
    .bind(task)
    .bind(row_sha256)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}
