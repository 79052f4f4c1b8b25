//! Reading the ledger.

use mc_api::Timestamp;
use mc_api::id::{EventId, MissionId, OrganizationId, PrincipalId};
use mc_api::ledger::{LedgerEvent, LedgerHead};
use mc_ledger::{Envelope, SealedEvent};

use crate::db::{DbError, Filter, Tx};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
pub(crate) struct Row {
    pub(crate) event_id: EventId,
    organization_id: OrganizationId,
    pub(crate) mission_id: Option<MissionId>,
    pub(crate) action: String,
    pub(crate) subject_kind: String,
    pub(crate) subject_id: String,
    principal_id: PrincipalId,
    request_id: String,
    occurred_at: Timestamp,
    body: String,
    body_sha256: String,
    pub(crate) seq: i64,
    prev: String,
    hash: String,
    #[sqlx(default)]
    principal: Option<String>,
}

const SELECT: &str =
    "SELECT event_id, organization_id, mission_id, action, subject_kind, subject_id, principal_id,
    request_id, occurred_at, body, body_sha256, seq, prev, hash FROM ledger_event";

/// As [`SELECT`], with the name of who did it.
const SELECT_NAMED: &str =
    "SELECT e.event_id, e.organization_id, e.mission_id, e.action, e.subject_kind, e.subject_id, e.principal_id,
    e.request_id, e.occurred_at, e.body, e.body_sha256, e.seq, e.prev, e.hash, p.name AS principal
    FROM ledger_event e LEFT JOIN principal p ON p.principal_id = e.principal_id";

/// Which events are asked for.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Behind this position.
    pub(crate) after: i64,
    /// Before this position.
    pub(crate) before: Option<i64>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) subject: Option<String>,
    pub(crate) subject_kind: Option<String>,
    /// Any of these.
    pub(crate) actions: Option<Vec<String>>,
    pub(crate) actor: Option<PrincipalId>,
    /// At this time or later.
    pub(crate) since: Option<Timestamp>,
    /// Before this time.
    pub(crate) until: Option<Timestamp>,
    /// From the end.
    pub(crate) newest_first: bool,
    pub(crate) limit: i64,
}

pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Row>, DbError> {
    let filter = Filter::new(tx, SELECT_NAMED).and("e.seq > ?", wanted.after);
    let filter = scope
        .apply(filter, "e.organization_id = ?", "e.mission_id")
        .and_some("e.seq < ?", wanted.before)
        .and_some("e.mission_id = ?", wanted.mission)
        .and_some("e.subject_id = ?", wanted.subject)
        .and_some("e.subject_kind = ?", wanted.subject_kind)
        .and_some("e.principal_id = ?", wanted.actor)
        .and_some("e.occurred_at >= ?", wanted.since)
        .and_some("e.occurred_at < ?", wanted.until);
    let filter = match wanted.actions {
        Some(actions) => filter.one_of("e.action", actions),
        None => filter,
    };
    let order = if wanted.newest_first { "e.seq DESC" } else { "e.seq" };
    filter.finish(tx, order, wanted.limit).fetch_all().await
}

/// The first position whose event is not before a time, `head + 1` when there is none. Positions follow time only
/// nearly: a transaction that took long, and clocks of replicas, make events of neighbouring positions change places.
pub(crate) async fn position_at(tx: &mut Tx, at: Timestamp, head: i64) -> Result<i64, DbError> {
    let (mut low, mut high) = (1, head + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let event: Option<(Timestamp,)> = tx
            .query("SELECT occurred_at FROM ledger_event WHERE seq = $1")
            .bind(middle)
            .fetch_optional()
            .await?;
        if event.is_some_and(|(when,)| when >= at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// At most 500 sealed events of the chain, whoever's they are.
pub(crate) async fn range(tx: &mut Tx, after: i64, upto: i64) -> Result<Vec<Row>, DbError> {
    Filter::new(tx, SELECT)
        .and("seq > ?", after)
        .and("seq <= ?", upto)
        .finish(tx, "seq", 500)
        .fetch_all()
        .await
}

#[derive(sqlx_macros::FromRow)]
pub(crate) struct Change {
    pub(crate) seq: i64,
    pub(crate) subject_id: String,
    pub(crate) mission_id: Option<MissionId>,
}

/// Sealed changes of one kind of object, with the position up to which was looked.
pub(crate) async fn changes(
    tx: &mut Tx,
    kind: &'static str,
    after: i64,
    upto: i64,
) -> Result<Vec<Change>, DbError> {
    tx.query(
        "SELECT seq, subject_id, mission_id FROM ledger_event WHERE seq > $1 AND seq <= $2 AND subject_kind = $3 ORDER BY seq",
    )
    .bind(after)
    .bind(upto)
    .bind(kind)
    .fetch_all()
    .await
}

/// Who last did an action to an object, and when; also when it is not sealed yet.
pub(crate) async fn last_actor(
    tx: &mut Tx,
    subject: &str,
    action: &'static str,
) -> Result<Option<(String, Timestamp)>, DbError> {
    tx.query(
        "SELECT p.name, e.occurred_at FROM ledger_event e JOIN principal p ON p.principal_id = e.principal_id
         WHERE e.subject_id = $1 AND e.action = $2 ORDER BY e.ordinal DESC LIMIT 1",
    )
    .bind(subject.to_owned())
    .bind(action)
    .fetch_optional()
    .await
}

pub(crate) async fn head(tx: &mut Tx) -> Result<LedgerHead, DbError> {
    // One statement: between two, the sequencer could seal what the first saw waiting.
    let (seq, hash, unsealed): (i64, String, i64) = tx
        .query(
            "SELECT seq, hash, (SELECT COUNT(*) FROM ledger_event WHERE seq IS NULL)
             FROM ledger_head WHERE ledger_head_id = 1",
        )
        .fetch_one()
        .await?;
    Ok(LedgerHead { seq, hash, unsealed })
}

impl From<Row> for LedgerEvent {
    fn from(row: Row) -> Self {
        Self {
            id: row.event_id,
            seq: row.seq,
            action: row.action,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            mission_id: row.mission_id,
            principal_id: row.principal_id,
            principal: row.principal,
            request_id: row.request_id,
            occurred_at: row.occurred_at,
            body_sha256: row.body_sha256,
            prev: row.prev,
            hash: row.hash,
            body: Some(row.body),
        }
    }
}

impl TryFrom<Row> for SealedEvent {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        fn bad(error: impl std::fmt::Display) -> DbError {
            DbError::Inconsistent { table: "ledger_event", message: error.to_string() }
        }
        Ok(Self {
            seq: u64::try_from(row.seq).map_err(bad)?,
            prev: row.prev.parse().map_err(bad)?,
            hash: row.hash.parse().map_err(bad)?,
            envelope: Envelope {
                id: row.event_id.to_string(),
                organization_id: row.organization_id.to_string(),
                mission_id: row.mission_id.map(|id| id.to_string()),
                action: row.action,
                subject_kind: row.subject_kind,
                subject_id: row.subject_id,
                principal_id: row.principal_id.to_string(),
                request_id: row.request_id,
                occurred_at: row.occurred_at.to_string(),
            },
            body_sha256: row.body_sha256.parse().map_err(bad)?,
            body: Some(row.body),
        })
    }
}
