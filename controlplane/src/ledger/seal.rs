//! Sealing: gives committed events their place in the chain.

use mc_api::Timestamp;
use mc_api::id::{EventId, MissionId, OrganizationId, PrincipalId};
use mc_ledger::{Digest, Envelope};

use crate::db::{DbError, Sql, Tx};

/// How many events one batch seals at most.
const BATCH: i64 = 500;

#[derive(sqlx::FromRow)]
struct Head {
    seq: i64,
    hash: String,
}

#[derive(sqlx::FromRow)]
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
        .bind(BATCH)
        .fetch_all()
        .await?;
    let mut seq = head.seq;
    let mut prev: Digest = head.hash.parse().map_err(inconsistent)?;
    let count = rows.len();
    for row in rows {
        seq += 1;
        let (ordinal, body): (i64, Digest) = (row.ordinal, row.body_sha256.parse().map_err(inconsistent)?);
        let place = u64::try_from(seq).map_err(inconsistent)?;
        let hash = row.into_envelope().seal(prev, place, body).map_err(inconsistent)?;
        tx.query("UPDATE ledger_event SET seq = $2, prev = $3, hash = $4 WHERE ordinal = $1 AND seq IS NULL")
            .bind(ordinal)
            .bind(seq)
            .bind(prev.to_string())
            .bind(hash.to_string())
            .execute()
            .await?;
        prev = hash;
    }
    if count > 0 {
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
