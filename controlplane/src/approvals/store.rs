//! Approvals in the database.

use mc_api::approval::{Approval, ApprovalKind, ApprovalState, Execute};
use mc_api::id::{ApprovalId, MissionId, OrganizationId, PrincipalId};
use mc_api::{Name, Timestamp};

use super::model::Record;
use crate::db::{DbError, Filter, Sql, Tx};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    approval_id: ApprovalId,
    organization_id: OrganizationId,
    mission_id: MissionId,
    mission: Name,
    kind: ApprovalKind,
    state: ApprovalState,
    title: String,
    action: String,
    action_sha256: String,
    execute: Execute,
    requester_id: PrincipalId,
    requester: String,
    decider_id: Option<PrincipalId>,
    decider: Option<String>,
    note: Option<String>,
    self_approved: bool,
    nonce: String,
    token_expires_at: Option<Timestamp>,
    decided_at: Option<Timestamp>,
    expires_at: Timestamp,
    outcome: Option<String>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT a.approval_id, a.organization_id, a.mission_id, m.name AS mission, a.kind, a.state, a.title, a.action,
    a.action_sha256, a.execute, a.requester_id, r.name AS requester, a.decider_id, d.name AS decider, a.note,
    a.self_approved, a.nonce, a.token_expires_at, a.decided_at, a.expires_at, a.outcome, a.version, a.created_at,
    a.updated_at
    FROM approval a JOIN mission m ON m.mission_id = a.mission_id
    JOIN principal r ON r.principal_id = a.requester_id
    LEFT JOIN principal d ON d.principal_id = a.decider_id";

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        let approval = Approval {
            kind: "approval".into(),
            id: row.approval_id,
            approval_kind: row.kind,
            state: row.state,
            title: row.title,
            action: row.action,
            action_sha256: row.action_sha256,
            execute: row.execute,
            mission_id: row.mission_id,
            mission: row.mission,
            requester_id: row.requester_id,
            requester: row.requester,
            decider_id: row.decider_id,
            decider: row.decider,
            note: row.note,
            self_approved: row.self_approved,
            decided_at: row.decided_at,
            expires_at: row.expires_at,
            outcome: row.outcome,
            token: None,
            review: None,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        Self {
            approval,
            nonce: row.nonce,
            token_expires_at: row.token_expires_at,
            organization: row.organization_id,
        }
    }
}

#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<ApprovalId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) state: Option<ApprovalState>,
    /// Of those that are not open, this one and those made after it.
    pub(crate) closed_from: Option<ApprovalId>,
    pub(crate) after: Option<ApprovalId>,
    pub(crate) limit: i64,
}

pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Record>, DbError> {
    let filter = Filter::new(tx, SELECT);
    let rows: Vec<Row> = scope
        .apply(filter, "a.organization_id = ?", "a.mission_id")
        .and_some("a.approval_id = ?", wanted.id)
        .and_some("a.mission_id = ?", wanted.mission)
        .and_some("a.state = ?", wanted.state)
        .and_some("(a.state = 'open' OR a.approval_id >= ?)", wanted.closed_from)
        .and_some("a.approval_id > ?", wanted.after)
        .finish(tx, "a.approval_id", wanted.limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// Where the `most` youngest of the approvals that are not open begin, and how many are older.
pub(crate) async fn recent(
    tx: &mut Tx,
    scope: Scope,
    mission: Option<MissionId>,
    most: u32,
) -> Result<(Option<ApprovalId>, i64), DbError> {
    const CLOSED: &str = "a.state <> 'open'";
    let closed = Filter::new(tx, "SELECT a.approval_id FROM approval a").always(CLOSED);
    let youngest: Vec<(ApprovalId,)> = scope
        .clone()
        .apply(closed, "a.organization_id = ?", "a.mission_id")
        .and_some("a.mission_id = ?", mission)
        .finish(tx, "a.approval_id DESC", i64::from(most))
        .fetch_all()
        .await?;
    let from = youngest.last().map(|(id,)| *id);
    let older = Filter::new(tx, "SELECT COUNT(*) FROM approval a").always(CLOSED);
    let (count,): (i64,) = scope
        .apply(older, "a.organization_id = ?", "a.mission_id")
        .and_some("a.mission_id = ?", mission)
        .and_some("a.approval_id < ?", from)
        .finish(tx, "1", 1)
        .fetch_one()
        .await?;
    Ok((from, count))
}

pub(crate) async fn find(tx: &mut Tx, id: ApprovalId) -> Result<Option<Record>, DbError> {
    let row: Option<Row> = Filter::new(tx, SELECT)
        .and("a.approval_id = ?", id)
        .finish(tx, "a.approval_id", 1)
        .fetch_optional()
        .await?;
    Ok(row.map(Record::from))
}

/// Locks the approval's row; after the mission's in the documented order.
pub(crate) async fn lock(tx: &mut Tx, id: ApprovalId) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT version FROM approval WHERE approval_id = $1 FOR UPDATE",
        sqlite: "SELECT version FROM approval WHERE approval_id = $1",
    })
    .bind(id)
    .fetch_optional::<(i64,)>()
    .await?
    .map(|_| ())
    .ok_or_else(|| DbError::Inconsistent { table: "approval", message: format!("{id} vanished") })
}

/// Open approvals whose time is over.
pub(crate) async fn overdue(tx: &mut Tx, now: Timestamp) -> Result<Vec<ApprovalId>, DbError> {
    let rows: Vec<(ApprovalId,)> = tx
        .query("SELECT approval_id FROM approval WHERE state = 'open' AND expires_at <= $1 ORDER BY expires_at LIMIT 500")
        .bind(now)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(crate) async fn insert(tx: &mut Tx, record: &Record) -> Result<(), DbError> {
    let approval = &record.approval;
    tx.query(
        "INSERT INTO approval (approval_id, organization_id, mission_id, kind, state, title, action, action_sha256,
             execute, requester_id, self_approved, nonce, expires_at, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(approval.id)
    .bind(record.organization)
    .bind(approval.mission_id)
    .bind(approval.approval_kind)
    .bind(approval.state)
    .bind(approval.title.clone())
    .bind(approval.action.clone())
    .bind(approval.action_sha256.clone())
    .bind(approval.execute)
    .bind(approval.requester_id)
    .bind(approval.self_approved)
    .bind(record.nonce.clone())
    .bind(approval.expires_at)
    .bind(approval.version)
    .bind(approval.created_at)
    .bind(approval.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Compare-and-set: writes the next state when version and state are still those before. `false` when not.
pub(crate) async fn replace(tx: &mut Tx, before: &Record, after: &Record) -> Result<bool, DbError> {
    let (old, new) = (&before.approval, &after.approval);
    let changed = tx
        .query(
            "UPDATE approval SET state = $4, decider_id = $5, note = $6, self_approved = $7, token_expires_at = $8,
                 decided_at = $9, outcome = $10, version = $11, updated_at = $12
             WHERE approval_id = $1 AND version = $2 AND state = $3",
        )
        .bind(old.id)
        .bind(old.version)
        .bind(old.state)
        .bind(new.state)
        .bind(new.decider_id)
        .bind(new.note.clone())
        .bind(new.self_approved)
        .bind(after.token_expires_at)
        .bind(new.decided_at)
        .bind(new.outcome.clone())
        .bind(new.version)
        .bind(new.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}
