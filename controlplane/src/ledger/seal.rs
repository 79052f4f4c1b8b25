//! Sealing: gives committed events their place in the chain.

use mc_api::Timestamp;
use mc_api::id::{EventId, MissionId, OrganizationId, PrincipalId};
use mc_ledger::{Digest, Envelope};

use crate::db::{DbError, Sql, Tx};

/// How many events one batch seals at most.
pub const BATCH: usize = 500;

#[derive(sqlx_macros::FromRow)]
struct Head {
    seq: i64,
    hash: String,
}

#[derive(sqlx_macros::FromRow)]
pub(super) struct Unsealed {
    ordinal: i64,
    event_id: EventId,
    organization_id: OrganizationId,
    mission_id: Option<MissionId>,
    action: String,
    subject_kind: String,
    subject_id: String,
    principal_id: PrincipalId,
    request_id: String,
    occurred_at: Timestamp,
    body_sha256: String,
}

#[derive(serde::Serialize)]
struct Seal {
    ordinal: i64,
    seq: i64,
    prev: String,
    hash: String,
}

fn inconsistent(message: impl std::fmt::Display) -> DbError {
    DbError::Inconsistent { table: "ledger_event", message: message.to_string() }
}

/// Seals committed events in the order of their ordinals. Returns how many, and the new head.
///
/// On Postgres the row of the head is locked first, so that two sealers never meet; events of transactions that
/// are still open are not visible here and get their place later.
pub async fn seal_batch(tx: &mut Tx) -> Result<(usize, i64), DbError> {
    let head: Head = tx
        .query(Sql::Each {
            postgres: "SELECT seq, hash FROM ledger_head WHERE ledger_head_id = 1 FOR UPDATE",
            sqlite: "SELECT seq, hash FROM ledger_head WHERE ledger_head_id = 1",
        })
        .fetch_one()
        .await?;
    let rows: Vec<Unsealed> = tx
        .query(
            "SELECT ordinal, event_id, organization_id, mission_id, action, subject_kind, subject_id, principal_id,
                    request_id, occurred_at, body_sha256
             FROM ledger_event WHERE seq IS NULL ORDER BY ordinal LIMIT $1",
        )
        .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
        .fetch_all()
        .await?;
    let mut seq = head.seq;
    let mut prev: Digest = head.hash.parse().map_err(inconsistent)?;
    let count = rows.len();
    let mut seals = Vec::with_capacity(count);
    for row in rows {
        seq += 1;
        let (ordinal, body): (i64, Digest) = (row.ordinal, row.body_sha256.parse().map_err(inconsistent)?);
        let place = u64::try_from(seq).map_err(inconsistent)?;
        let hash = row.into_envelope().seal(prev, place, body).map_err(inconsistent)?;
        seals.push(Seal { ordinal, seq, prev: prev.to_string(), hash: hash.to_string() });
        prev = hash;
    }
    if count > 0 {
        // One statement for the batch: its rows are the longest part of sealing.
        let sealed = tx
            .query(Sql::Each {
                postgres: "UPDATE ledger_event SET seq = s.seq, prev = s.prev, hash = s.hash
                           FROM json_to_recordset($1::json) AS s (ordinal bigint, seq bigint, prev text, hash text)
                           WHERE ledger_event.ordinal = s.ordinal AND ledger_event.seq IS NULL",
                sqlite: "UPDATE ledger_event SET seq = s.value ->> 'seq', prev = s.value ->> 'prev', hash = s.value ->> 'hash'
                         FROM json_each($1) AS s WHERE ledger_event.ordinal = s.value ->> 'ordinal' AND ledger_event.seq IS NULL",
            })
            .bind(serde_json::to_string(&seals).map_err(inconsistent)?)
            .execute()
            .await?;
        if sealed != count as u64 {
            return Err(inconsistent(format!("{sealed} of {count} events took their seal")));
        }
        tx.query("UPDATE ledger_head SET seq = $1, hash = $2 WHERE ledger_head_id = 1")
            .bind(seq)
            .bind(prev.to_string())
            .execute()
            .await?;
    }
    Ok((count, seq))
}

impl Unsealed {
    fn into_envelope(self) -> Envelope {
        Envelope {
            id: self.event_id.to_string(),
            organization_id: self.organization_id.to_string(),
            mission_id: self.mission_id.map(|id| id.to_string()),
            action: self.action,
            subject_kind: self.subject_kind,
            subject_id: self.subject_id,
            principal_id: self.principal_id.to_string(),
            request_id: self.request_id,
            occurred_at: self.occurred_at.to_string(),
        }
    }
}
