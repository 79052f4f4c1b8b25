//! Deleting what keeps its row: keys stay taken, and the ledger stays readable.

use mc_api::Timestamp;
use uuid::Uuid;

use super::{DbError, Sql, Tx};

/// Marks a row as deleted: of `table`, by its `<table>_id`. Whether its version was still the one read.
pub async fn bury(
    tx: &mut Tx,
    table: &'static str,
    (id, version): (Uuid, i64),
    now: Timestamp,
) -> Result<bool, DbError> {
    let buried = tx
        .query(Sql::Built(format!(
            "UPDATE {table} SET deleted_at = $3, version = version + 1
             WHERE {table}_id = $1 AND version = $2 AND deleted_at IS NULL"
        )))
        .bind(id)
        .bind(version)
        .bind(now)
        .execute()
        .await?;
    Ok(buried == 1)
}
