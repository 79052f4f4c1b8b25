//! Commands on their way to a node.

use mc_api::Timestamp;
use mc_api::id::{NodeId, SessionId};

use crate::db::{DbError, Tx};

/// A command to store.
pub(crate) struct NewCommand {
    pub(crate) op_id: String,
    pub(crate) session: SessionId,
    pub(crate) actor: String,
    /// An encoded `Op`.
    pub(crate) op: Vec<u8>,
}

/// A command that was not answered yet.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct Pending {
    pub(crate) node_seq: i64,
    pub(crate) op_id: String,
    pub(crate) session_id: SessionId,
    pub(crate) actor: String,
    pub(crate) op: Vec<u8>,
}

/// Stores a command; it locks the node's row, the last lock in the order. The same `op_id` again changes nothing.
pub(crate) async fn enqueue(
    tx: &mut Tx,
    node: NodeId,
    command: NewCommand,
    now: Timestamp,
) -> Result<(), DbError> {
    let (node_seq,): (i64,) = tx
        .query("UPDATE node SET command_seq = command_seq + 1 WHERE node_id = $1 RETURNING command_seq")
        .bind(node)
        .fetch_one()
        .await?;
    tx.query(
        "INSERT INTO node_command (node_id, node_seq, op_id, session_id, actor, op, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (op_id) DO NOTHING",
    )
    .bind(node)
    .bind(node_seq)
    .bind(command.op_id)
    .bind(command.session)
    .bind(command.actor)
    .bind(command.op)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

pub(crate) async fn has_command(tx: &mut Tx, op_id: &str) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM node_command WHERE op_id = $1)")
        .bind(op_id.to_owned())
        .fetch_one()
        .await?;
    Ok(found)
}

/// Commands of a node that have no answer, after a position, in their order.
pub(crate) async fn open_commands(
    tx: &mut Tx,
    node: NodeId,
    after: i64,
    limit: i64,
) -> Result<Vec<Pending>, DbError> {
    tx.query(
        "SELECT node_seq, op_id, session_id, actor, op FROM node_command
         WHERE node_id = $1 AND node_seq > $2 AND done_at IS NULL ORDER BY node_seq LIMIT $3",
    )
    .bind(node)
    .bind(after)
    .bind(limit)
    .fetch_all()
    .await
}

/// Marks a session's command answered. `false` when there is none, or it was answered before.
pub(crate) async fn finish_command(
    tx: &mut Tx,
    session: SessionId,
    op_id: &str,
    code: &str,
    at_seq: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = tx
        .query(
            "UPDATE node_command SET code = $3, at_seq = $4, done_at = $5
             WHERE op_id = $1 AND session_id = $2 AND done_at IS NULL",
        )
        .bind(op_id.to_owned())
        .bind(session)
        .bind(code.to_owned())
        .bind(at_seq)
        .bind(now)
        .execute()
        .await?;
    Ok(done == 1)
}

/// Closes the commands of a session that has ended: nobody is left to answer them.
pub(crate) async fn abandon_commands(
    tx: &mut Tx,
    session: SessionId,
    now: Timestamp,
) -> Result<u64, DbError> {
    tx.query(
        "UPDATE node_command SET code = 'unavailable', done_at = $2 WHERE session_id = $1 AND done_at IS NULL",
    )
    .bind(session)
    .bind(now)
    .execute()
    .await
}

/// Takes the commands of a session back that have no answer, and gives the encoded `Op` of each, in their order.
pub(crate) async fn withdraw_commands(tx: &mut Tx, session: SessionId) -> Result<Vec<Vec<u8>>, DbError> {
    let mut rows: Vec<(i64, Vec<u8>)> = tx
        .query("DELETE FROM node_command WHERE session_id = $1 AND done_at IS NULL RETURNING node_seq, op")
        .bind(session)
        .fetch_all()
        .await?;
    rows.sort_unstable();
    Ok(rows.into_iter().map(|(_, op)| op).collect())
}
