//! Turns.

use mc_api::Timestamp;
use mc_api::id::{MissionId, OrganizationId, PrincipalId, SessionId, TurnId};
use mc_api::session::{Turn, TurnState};

use crate::db::{DbError, Filter, Tx};
use crate::op::Scope;
use crate::sessions::model::StoredTurn;

#[derive(sqlx_macros::FromRow)]
struct Row {
    turn_id: TurnId,
    session_id: SessionId,
    organization_id: OrganizationId,
    number: i64,
    op_id: String,
    state: TurnState,
    prompt: String,
    stop_reason: Option<String>,
    message: String,
    first_seq: Option<i64>,
    last_seq: Option<i64>,
    requester_id: PrincipalId,
    settled_at: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT u.turn_id, u.session_id, u.organization_id, u.number, u.op_id, u.state, u.prompt, u.stop_reason,
    u.message, u.first_seq, u.last_seq, u.requester_id, u.settled_at, u.version, u.created_at, u.updated_at
    FROM turn u JOIN agent_session s ON s.session_id = u.session_id";

impl From<Row> for StoredTurn {
    fn from(row: Row) -> Self {
        let turn = Turn {
            kind: "turn".into(),
            id: row.turn_id,
            session_id: row.session_id,
            number: row.number,
            state: row.state,
            prompt: row.prompt,
            stop_reason: row.stop_reason,
            message: row.message,
            first_seq: row.first_seq,
            last_seq: row.last_seq,
            requester_id: row.requester_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        let is_settled = row.settled_at.is_some();
        Self { turn, organization: row.organization_id, op_id: row.op_id, is_settled }
    }
}

/// Which turns are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct TurnsWanted {
    pub(crate) id: Option<TurnId>,
    pub(crate) session: Option<SessionId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) states: Option<Vec<TurnState>>,
    pub(crate) after: Option<TurnId>,
    pub(crate) limit: i64,
}

pub(crate) async fn list_turns(tx: &mut Tx, scope: Scope, wanted: TurnsWanted) -> Result<Vec<Turn>, DbError> {
    let mut filter = scope.apply(Filter::new(tx, SELECT), "s.organization_id = ?", "s.mission_id");
    if let Some(states) = wanted.states {
        filter = filter.one_of("u.state", states);
    }
    let rows: Vec<Row> = filter
        .and_some("u.turn_id = ?", wanted.id)
        .and_some("u.session_id = ?", wanted.session)
        .and_some("s.mission_id = ?", wanted.mission)
        .and_some("u.turn_id > ?", wanted.after)
        .finish(tx, "u.turn_id", wanted.limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|row| StoredTurn::from(row).turn).collect())
}

pub(crate) async fn find_turn(tx: &mut Tx, id: TurnId) -> Result<Option<StoredTurn>, DbError> {
    let row: Option<Row> =
        Filter::new(tx, SELECT).and("u.turn_id = ?", id).finish(tx, "u.turn_id", 1).fetch_optional().await?;
    Ok(row.map(StoredTurn::from))
}

pub(crate) async fn find_turn_by_op(
    tx: &mut Tx,
    session: SessionId,
    op_id: &str,
) -> Result<Option<StoredTurn>, DbError> {
    let row: Option<Row> = Filter::new(tx, SELECT)
        .and("u.session_id = ?", session)
        .and("u.op_id = ?", op_id.to_owned())
        .finish(tx, "u.number", 1)
        .fetch_optional()
        .await?;
    Ok(row.map(StoredTurn::from))
}

/// The turn that is with the agent.
pub(crate) async fn running_turn(tx: &mut Tx, session: SessionId) -> Result<Option<StoredTurn>, DbError> {
    let row: Option<Row> = Filter::new(tx, SELECT)
        .and("u.session_id = ?", session)
        .always("u.state = 'running'")
        .finish(tx, "u.number DESC", 1)
        .fetch_optional()
        .await?;
    Ok(row.map(StoredTurn::from))
}

/// Turns that are not over, in their order.
pub(crate) async fn open_turns(tx: &mut Tx, session: SessionId) -> Result<Vec<StoredTurn>, DbError> {
    let rows: Vec<Row> = Filter::new(tx, SELECT)
        .and("u.session_id = ?", session)
        .always("u.state IN ('queued', 'running')")
        .finish(tx, "u.number", 10_000)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(StoredTurn::from).collect())
}

pub(crate) async fn queued_count(tx: &mut Tx, session: SessionId) -> Result<i64, DbError> {
    let (count,): (i64,) = tx
        .query("SELECT COUNT(*) FROM turn WHERE session_id = $1 AND state = 'queued'")
        .bind(session)
        .fetch_one()
        .await?;
    Ok(count)
}

/// Turns that are over and whose meaning for a task is not yet carried out, oldest first.
pub(crate) async fn unsettled(tx: &mut Tx, limit: i64) -> Result<Vec<TurnId>, DbError> {
    let rows: Vec<(TurnId,)> = tx
        .query(
            "SELECT turn_id FROM turn WHERE settled_at IS NULL AND state NOT IN ('queued', 'running')
             ORDER BY turn_id LIMIT $1",
        )
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(crate) async fn insert_turn(tx: &mut Tx, stored: &StoredTurn) -> Result<(), DbError> {
    let turn = &stored.turn;
    tx.query(
        "INSERT INTO turn (turn_id, session_id, organization_id, number, op_id, state, prompt, message, first_seq,
             requester_id, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(turn.id)
    .bind(turn.session_id)
    .bind(stored.organization)
    .bind(turn.number)
    .bind(stored.op_id.clone())
    .bind(turn.state)
    .bind(turn.prompt.clone())
    .bind(turn.message.clone())
    .bind(turn.first_seq)
    .bind(turn.requester_id)
    .bind(turn.version)
    .bind(turn.created_at)
    .bind(turn.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes what changes of a turn; its session is locked.
pub(crate) async fn put_turn(tx: &mut Tx, stored: &StoredTurn) -> Result<(), DbError> {
    let turn = &stored.turn;
    tx.query(
        "UPDATE turn SET state = $2, stop_reason = $3, message = $4, first_seq = $5, last_seq = $6,
             version = version + 1, updated_at = $7 WHERE turn_id = $1",
    )
    .bind(turn.id)
    .bind(turn.state)
    .bind(turn.stop_reason.clone())
    .bind(turn.message.clone())
    .bind(turn.first_seq)
    .bind(turn.last_seq)
    .bind(turn.updated_at)
    .execute()
    .await?;
    Ok(())
}

pub(crate) async fn settle_turn(tx: &mut Tx, id: TurnId, now: Timestamp) -> Result<(), DbError> {
    tx.query("UPDATE turn SET settled_at = $2 WHERE turn_id = $1 AND settled_at IS NULL")
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}
