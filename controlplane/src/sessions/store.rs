//! Agent sessions in the database.

mod commands;
mod events;
mod nodes;
mod turns;

use mc_api::id::{MissionId, NodeId, OrganizationId, PrincipalId, SessionId, TaskId, TurnId};
use mc_api::session::{AgentSession, SessionState};
use mc_api::{Name, Timestamp};

use super::model::Record;
use crate::db::{DbError, Filter, Sql, Tx};
use crate::missions::store::{labels, text_of};
use crate::op::Scope;

pub(crate) use commands::{
    NewCommand, Pending, abandon_commands, enqueue, finish_command, has_command, open_commands,
    withdraw_commands,
};
pub(crate) use events::{NewEvent, StoredEvent, checksums, events_before, insert_events, page_of_events};
pub(crate) use nodes::{NodeRow, find_node, list_nodes, live_on, node_by_id, node_locked};
pub(crate) use turns::{
    TurnsWanted, find_turn, find_turn_by_op, insert_turn, list_turns, open_turns, put_turn, queued_count,
    running_turn, settle_turn, unsettled,
};

#[derive(sqlx_macros::FromRow)]
struct Row {
    session_id: SessionId,
    organization_id: OrganizationId,
    mission_id: MissionId,
    mission: Name,
    task_id: Option<TaskId>,
    task_key: Option<String>,
    task_attempt: Option<i64>,
    is_unattended: bool,
    principal_id: PrincipalId,
    runtime: String,
    cwd: String,
    node_id: Option<NodeId>,
    node: Option<String>,
    lease_until: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    wanted: String,
    on_interrupt: String,
    generation: i64,
    observed_generation: i64,
    fence: i64,
    state: SessionState,
    reason: Option<String>,
    agent_pid: Option<i64>,
    epoch: i64,
    agent_session: Option<String>,
    mode: Option<String>,
    modes: Option<String>,
    acked_seq: i64,
    turn_count: i64,
    turn_id: Option<TurnId>,
    labels: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT s.session_id, s.organization_id, s.mission_id, m.name AS mission, s.task_id, t.task_key,
    s.task_attempt, s.is_unattended, s.principal_id, s.runtime, s.cwd, s.node_id, n.name AS node, n.lease_until,
    n.revoked_at, s.wanted, s.on_interrupt, s.generation, s.observed_generation, s.fence, s.state, s.reason,
    s.agent_pid, s.epoch, s.agent_session, s.mode, s.modes, s.acked_seq, s.turn_count,
    (SELECT u.turn_id FROM turn u WHERE u.session_id = s.session_id AND u.state IN ('queued', 'running')
        ORDER BY u.number DESC LIMIT 1) AS turn_id,
    s.labels, s.version, s.created_by, s.created_at, s.updated_at
    FROM agent_session s JOIN mission m ON m.mission_id = s.mission_id
    LEFT JOIN task t ON t.task_id = s.task_id LEFT JOIN node n ON n.node_id = s.node_id";

impl Row {
    fn record(self, now: Timestamp) -> Result<Record, DbError> {
        let session = AgentSession {
            kind: "session".into(),
            id: self.session_id,
            mission_id: self.mission_id,
            mission: self.mission,
            task_id: self.task_id,
            task: self.task_key,
            attempt: self.task_attempt,
            runtime: self.runtime,
            cwd: self.cwd,
            node_id: self.node_id,
            node: self.node,
            state: self.state,
            reason: self.reason,
            is_node_reachable: self.revoked_at.is_none() && self.lease_until.is_some_and(|end| end > now),
            agent_pid: self.agent_pid,
            epoch: self.epoch,
            agent_session: self.agent_session,
            mode: self.mode,
            modes: match &self.modes {
                None => Vec::new(),
                Some(text) => serde_json::from_str(text).map_err(|error| DbError::Inconsistent {
                    table: "agent_session",
                    message: format!("modes: {error}"),
                })?,
            },
            last_seq: self.acked_seq,
            turn_id: self.turn_id,
            principal_id: self.principal_id,
            labels: labels("agent_session", &self.labels)?,
            version: self.version,
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        Ok(Record {
            session,
            organization: self.organization_id,
            is_unattended: self.is_unattended,
            is_stop_wanted: self.wanted == "stopped",
            continues: self.on_interrupt == "continue_note",
            generation: self.generation,
            observed_generation: self.observed_generation,
            fence: self.fence,
            turn_count: self.turn_count,
        })
    }
}

/// Which sessions are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<SessionId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) task: Option<TaskId>,
    pub(crate) node: Option<NodeId>,
    pub(crate) states: Option<Vec<SessionState>>,
    pub(crate) runtime: Option<String>,
    pub(crate) labels: Vec<(String, Option<String>)>,
    /// Of those that have ended, this one and those made after it.
    pub(crate) ended_from: Option<SessionId>,
    pub(crate) after: Option<SessionId>,
    pub(crate) limit: i64,
}

pub(crate) async fn list(
    tx: &mut Tx,
    scope: Scope,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Vec<Record>, DbError> {
    let mut filter = scope.apply(Filter::new(tx, SELECT), "s.organization_id = ?", "s.mission_id");
    if let Some(states) = wanted.states {
        filter = filter.one_of("s.state", states);
    }
    let rows: Vec<Row> = filter
        .and_some("s.session_id = ?", wanted.id)
        .and_some("s.mission_id = ?", wanted.mission)
        .and_some("s.task_id = ?", wanted.task)
        .and_some("s.node_id = ?", wanted.node)
        .and_some("s.runtime = ?", wanted.runtime)
        .and_some("(s.state NOT IN ('stopped', 'failed') OR s.session_id >= ?)", wanted.ended_from)
        .and_some("s.session_id > ?", wanted.after)
        .labels("s.labels", wanted.labels)
        .finish(tx, "s.session_id", wanted.limit)
        .fetch_all()
        .await?;
    rows.into_iter().map(|row| row.record(now)).collect()
}

/// Where the `most` youngest of the sessions that have ended begin, and how many are older.
pub(crate) async fn recent(
    tx: &mut Tx,
    scope: Scope,
    mission: Option<MissionId>,
    most: u32,
) -> Result<(Option<SessionId>, i64), DbError> {
    const ENDED: &str = "s.state IN ('stopped', 'failed')";
    let ended = Filter::new(tx, "SELECT s.session_id FROM agent_session s").always(ENDED);
    let youngest: Vec<(SessionId,)> = scope
        .clone()
        .apply(ended, "s.organization_id = ?", "s.mission_id")
        .and_some("s.mission_id = ?", mission)
        .finish(tx, "s.session_id DESC", i64::from(most))
        .fetch_all()
        .await?;
    let from = youngest.last().map(|(id,)| *id);
    let older = Filter::new(tx, "SELECT COUNT(*) FROM agent_session s").always(ENDED);
    let (count,): (i64,) = scope
        .apply(older, "s.organization_id = ?", "s.mission_id")
        .and_some("s.mission_id = ?", mission)
        .and_some("s.session_id < ?", from)
        .finish(tx, "1", 1)
        .fetch_one()
        .await?;
    Ok((from, count))
}

/// Ids and versions of at most 5000 sessions, the newest first.
pub(crate) async fn versions(
    tx: &mut Tx,
    scope: Scope,
    mission: Option<MissionId>,
) -> Result<Vec<(SessionId, i64)>, DbError> {
    let filter = Filter::new(tx, "SELECT s.session_id, s.version FROM agent_session s");
    scope
        .apply(filter, "s.organization_id = ?", "s.mission_id")
        .and_some("s.mission_id = ?", mission)
        .finish(tx, "s.session_id DESC", 5000)
        .fetch_all()
        .await
}

pub(crate) async fn find(tx: &mut Tx, id: SessionId, now: Timestamp) -> Result<Option<Record>, DbError> {
    let row: Option<Row> = Filter::new(tx, SELECT)
        .and("s.session_id = ?", id)
        .finish(tx, "s.session_id", 1)
        .fetch_optional()
        .await?;
    row.map(|row| row.record(now)).transpose()
}

/// Locks the session's row and reads it.
pub(crate) async fn find_locked(
    tx: &mut Tx,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Record>, DbError> {
    let row: Option<(i64,)> = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM agent_session WHERE session_id = $1 FOR UPDATE",
            sqlite: "SELECT version FROM agent_session WHERE session_id = $1",
        })
        .bind(id)
        .fetch_optional()
        .await?;
    if row.is_none() {
        return Ok(None);
    }
    find(tx, id, now).await
}

/// The mission of a session, without a lock: it never changes.
pub(crate) async fn mission_of(tx: &mut Tx, id: SessionId) -> Result<Option<MissionId>, DbError> {
    let row: Option<(MissionId,)> = tx
        .query("SELECT mission_id FROM agent_session WHERE session_id = $1")
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.map(|(id,)| id))
}

pub(crate) async fn insert(tx: &mut Tx, record: &Record) -> Result<(), DbError> {
    let session = &record.session;
    tx.query(
        "INSERT INTO agent_session (session_id, organization_id, mission_id, task_id, task_attempt, is_unattended,
             principal_id, runtime, cwd, node_id, wanted, on_interrupt, generation, observed_generation, fence, state,
             epoch, acked_seq, turn_count, labels, version, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, $15, 0, 0, $16, $17, $18, $19, $20, $20)",
    )
    .bind(session.id)
    .bind(record.organization)
    .bind(session.mission_id)
    .bind(session.task_id)
    .bind(session.attempt)
    .bind(record.is_unattended)
    .bind(session.principal_id)
    .bind(session.runtime.clone())
    .bind(session.cwd.clone())
    .bind(session.node_id)
    .bind("running")
    .bind(if record.continues { "continue_note" } else { "hold" })
    .bind(record.generation)
    .bind(record.fence)
    .bind(session.state)
    .bind(record.turn_count)
    .bind(text_of(&session.labels))
    .bind(session.version)
    .bind(session.created_by)
    .bind(session.created_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes what changes of a locked session. `false` when somebody without the lock was faster.
pub(crate) async fn put(tx: &mut Tx, before_version: i64, after: &Record) -> Result<bool, DbError> {
    let session = &after.session;
    let modes =
        match session.modes.as_slice() {
            [] => None,
            some => Some(serde_json::to_string(some).map_err(|error| DbError::Inconsistent {
                table: "agent_session",
                message: error.to_string(),
            })?),
        };
    let changed = tx
        .query(
            "UPDATE agent_session SET node_id = $3, wanted = $4, generation = $5, observed_generation = $6, fence = $7,
                 state = $8, reason = $9, agent_pid = $10, epoch = $11, agent_session = $12, acked_seq = $13,
                 turn_count = $14, version = $15, updated_at = $16, mode = $17, modes = $18
             WHERE session_id = $1 AND version = $2",
        )
        .bind(session.id)
        .bind(before_version)
        .bind(session.node_id)
        .bind(if after.is_stop_wanted { "stopped" } else { "running" })
        .bind(after.generation)
        .bind(after.observed_generation)
        .bind(after.fence)
        .bind(session.state)
        .bind(session.reason.clone())
        .bind(session.agent_pid)
        .bind(session.epoch)
        .bind(session.agent_session.clone())
        .bind(session.last_seq)
        .bind(after.turn_count)
        .bind(session.version)
        .bind(session.updated_at)
        .bind(session.mode.clone())
        .bind(modes)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// How many sessions of a creator have not ended. Locks the creator until the end of the transaction, so that of two
/// at once one counts the other's.
pub(crate) async fn live_of_creator(tx: &mut Tx, creator: PrincipalId) -> Result<i64, DbError> {
    tx.query(Sql::Each {
        // Rows that refer to it may be written meanwhile.
        postgres: "SELECT version FROM principal WHERE principal_id = $1 FOR NO KEY UPDATE",
        sqlite: "SELECT version FROM principal WHERE principal_id = $1",
    })
    .bind(creator)
    .fetch_optional::<(i64,)>()
    .await?;
    let (count,): (i64,) = tx
        .query(
            "SELECT COUNT(*) FROM agent_session WHERE created_by = $1 AND state NOT IN ('stopped', 'failed')",
        )
        .bind(creator)
        .fetch_one()
        .await?;
    Ok(count)
}

/// Sessions that the scheduler put on a node which fell silent, or is drained, before it took them.
pub(crate) async fn stranded(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<SessionId>, DbError> {
    let rows: Vec<(SessionId,)> = tx
        .query(
            "SELECT s.session_id FROM agent_session s JOIN node n ON n.node_id = s.node_id
             WHERE s.state NOT IN ('stopped', 'failed') AND s.state = 'starting' AND s.wanted = 'running' AND s.generation > 1
               AND s.observed_generation = 0 AND s.acked_seq = 0 AND n.revoked_at IS NULL
               AND (n.lease_until <= $1 OR n.draining)
             ORDER BY s.session_id LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Unattended sessions that go on although their claim was given back or taken over, or their task was called off.
pub(crate) async fn forsaken(tx: &mut Tx, limit: i64) -> Result<Vec<SessionId>, DbError> {
    let rows: Vec<(SessionId,)> = tx
        .query(
            "SELECT s.session_id FROM agent_session s
             JOIN task t ON t.task_id = s.task_id
             JOIN task_claim c ON c.task_id = s.task_id AND c.attempt = s.task_attempt
             WHERE s.is_unattended AND s.wanted = 'running' AND s.state NOT IN ('stopped', 'failed')
               AND (t.state = 'cancelled' OR c.state IN ('released', 'superseded'))
             ORDER BY s.session_id LIMIT $1",
        )
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Sessions that wait for a node, oldest first, from after one of them.
pub(crate) async fn unscheduled(
    tx: &mut Tx,
    after: SessionId,
    limit: i64,
) -> Result<Vec<SessionId>, DbError> {
    let rows: Vec<(SessionId,)> = tx
        .query(
            "SELECT session_id FROM agent_session WHERE node_id IS NULL AND state = 'starting' AND wanted = 'running'
             AND session_id > $1 ORDER BY session_id LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Sessions that ended and still hold their task, with nothing of their turns left to settle.
pub(crate) async fn ended_with_claim(tx: &mut Tx, limit: i64) -> Result<Vec<SessionId>, DbError> {
    let rows: Vec<(SessionId,)> = tx
        .query(
            "SELECT s.session_id FROM agent_session s
             JOIN task_claim c ON c.task_id = s.task_id AND c.attempt = s.task_attempt AND c.principal_id = s.principal_id
             WHERE s.state IN ('stopped', 'failed') AND c.state = 'active' AND NOT EXISTS (
                 SELECT 1 FROM turn u WHERE u.session_id = s.session_id AND u.settled_at IS NULL)
             ORDER BY s.session_id LIMIT $1",
        )
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Sessions that have not ended on a node that was revoked.
pub(crate) async fn on_revoked_nodes(tx: &mut Tx, limit: i64) -> Result<Vec<SessionId>, DbError> {
    let rows: Vec<(SessionId,)> = tx
        .query(
            "SELECT s.session_id FROM agent_session s JOIN node n ON n.node_id = s.node_id
             WHERE n.revoked_at IS NOT NULL AND s.state NOT IN ('stopped', 'failed') ORDER BY s.session_id LIMIT $1",
        )
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The sessions that a node is to know: all of its own but those that are wanted stopped and reported over.
pub(crate) async fn of_node(tx: &mut Tx, node: NodeId, now: Timestamp) -> Result<Vec<Record>, DbError> {
    let rows: Vec<Row> = Filter::new(tx, SELECT)
        .and("s.node_id = ?", node)
        .always("NOT (s.wanted = 'stopped' AND s.state IN ('stopped', 'failed'))")
        .finish(tx, "s.session_id", 10_000)
        .fetch_all()
        .await?;
    rows.into_iter().map(|row| row.record(now)).collect()
}

/// The approval of a permission, with its options.
pub(crate) async fn find_permission(
    tx: &mut Tx,
    session: SessionId,
    permission: &str,
) -> Result<Option<mc_api::id::ApprovalId>, DbError> {
    let row: Option<(mc_api::id::ApprovalId,)> = tx
        .query("SELECT approval_id FROM session_permission WHERE session_id = $1 AND permission = $2")
        .bind(session)
        .bind(permission.to_owned())
        .fetch_optional()
        .await?;
    Ok(row.map(|(id,)| id))
}

/// The session and permission that an approval is for.
pub(crate) async fn permission_of(
    tx: &mut Tx,
    approval: mc_api::id::ApprovalId,
) -> Result<Option<(SessionId, String, String)>, DbError> {
    tx.query("SELECT session_id, permission, options FROM session_permission WHERE approval_id = $1")
        .bind(approval)
        .fetch_optional()
        .await
}

pub(crate) async fn insert_permission(
    tx: &mut Tx,
    session: SessionId,
    permission: &str,
    epoch: i64,
    approval: mc_api::id::ApprovalId,
    options: String,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO session_permission (session_id, permission, epoch, approval_id, options)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(session)
    .bind(permission.to_owned())
    .bind(epoch)
    .bind(approval)
    .bind(options)
    .execute()
    .await?;
    Ok(())
}

/// Approvals of the session's permissions that are neither used nor closed.
pub(crate) async fn live_permissions(
    tx: &mut Tx,
    session: SessionId,
) -> Result<Vec<mc_api::id::ApprovalId>, DbError> {
    let rows: Vec<(mc_api::id::ApprovalId,)> = tx
        .query(
            "SELECT a.approval_id FROM session_permission p JOIN approval a ON a.approval_id = p.approval_id
             WHERE p.session_id = $1 AND a.state IN ('open', 'approved') ORDER BY a.approval_id",
        )
        .bind(session)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
