//! Nodes and join tokens in the database.

use mc_api::id::{NodeId, OrganizationId, PrincipalId, TokenId};
use mc_api::node::{Node, NodeState};
use mc_api::{Name, Timestamp};

use super::model::{self, Record};
use crate::db::{DbError, Filter, Tx};

#[derive(sqlx_macros::FromRow)]
struct Row {
    node_id: NodeId,
    organization_id: OrganizationId,
    name: Name,
    principal_id: PrincipalId,
    public_key: String,
    cordoned: bool,
    draining: bool,
    drained_at: Option<Timestamp>,
    facts: String,
    lease_until: Timestamp,
    last_seen_at: Timestamp,
    revoked_at: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    live_sessions: i64,
}

const SELECT: &str =
    "SELECT n.node_id, n.organization_id, n.name, n.principal_id, n.public_key, n.cordoned, n.draining,
    n.drained_at, n.facts,
    n.lease_until, n.last_seen_at, n.revoked_at, n.version, n.created_at, n.updated_at,
    (SELECT COUNT(*) FROM agent_session s WHERE s.node_id = n.node_id AND s.state NOT IN ('stopped', 'failed'))
        AS live_sessions
    FROM node n";

fn record(row: Row, now: Timestamp) -> Result<Record, DbError> {
    let facts = serde_json::from_str(&row.facts)
        .map_err(|error| DbError::Inconsistent { table: "node", message: format!("facts: {error}") })?;
    let node = Node {
        kind: "node".into(),
        id: row.node_id,
        name: row.name,
        state: model::state(row.revoked_at, row.lease_until, now),
        cordoned: row.cordoned,
        draining: row.draining,
        is_drained: row.draining && row.live_sessions == 0,
        drained_at: row.drained_at,
        facts,
        live_sessions: row.live_sessions,
        last_seen_at: row.last_seen_at,
        principal_id: row.principal_id,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Record { node, organization: row.organization_id, public_key: row.public_key })
}

/// What a list is narrowed to.
pub(crate) struct Wanted {
    pub(crate) organization: OrganizationId,
    /// Only in this state; `None`: every node that is not revoked.
    pub(crate) state: Option<NodeState>,
    pub(crate) after: Option<NodeId>,
    pub(crate) limit: i64,
}

pub(crate) async fn list(tx: &mut Tx, wanted: Wanted, now: Timestamp) -> Result<Vec<Node>, DbError> {
    let filter = Filter::new(tx, SELECT).and("n.organization_id = ?", wanted.organization);
    let filter = match wanted.state {
        None => filter.always("n.revoked_at IS NULL"),
        Some(NodeState::Ready) => filter.always("n.revoked_at IS NULL").and("n.lease_until > ?", now),
        Some(NodeState::NotReady) => filter.always("n.revoked_at IS NULL").and("n.lease_until <= ?", now),
        Some(NodeState::Revoked) => filter.always("n.revoked_at IS NOT NULL"),
    };
    let filter = filter.and_some("n.node_id > ?", wanted.after);
    let rows: Vec<Row> = filter.finish(tx, "n.node_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(|row| record(row, now).map(|record| record.node)).collect()
}

/// By id also a revoked one, by name only one that is not.
pub(crate) async fn find(
    tx: &mut Tx,
    organization: OrganizationId,
    reference: &str,
    now: Timestamp,
) -> Result<Option<Record>, DbError> {
    let filter = Filter::new(tx, SELECT).and("n.organization_id = ?", organization);
    let filter = match reference.parse::<NodeId>() {
        Ok(id) => filter.and("n.node_id = ?", id),
        Err(_) => filter.always("n.revoked_at IS NULL").and("n.name = ?", reference.to_owned()),
    };
    let row: Option<Row> = filter.finish(tx, "n.node_id", 1).fetch_optional().await?;
    row.map(|row| record(row, now)).transpose()
}

/// Whatever its organization: for the node itself.
pub(crate) async fn find_by_id(tx: &mut Tx, id: NodeId, now: Timestamp) -> Result<Option<Record>, DbError> {
    let filter = Filter::new(tx, SELECT).and("n.node_id = ?", id);
    let row: Option<Row> = filter.finish(tx, "n.node_id", 1).fetch_optional().await?;
    row.map(|row| record(row, now)).transpose()
}

/// The node of a key, and the token it joined with.
pub(crate) async fn find_by_key(
    tx: &mut Tx,
    public_key: &str,
    now: Timestamp,
) -> Result<Option<(Record, TokenId)>, DbError> {
    let filter = Filter::new(tx, SELECT).and("n.public_key = ?", public_key.to_owned());
    let Some(row) = filter.finish(tx, "n.node_id", 1).fetch_optional::<Row>().await? else { return Ok(None) };
    let (token,): (TokenId,) =
        tx.query("SELECT join_token_id FROM node WHERE node_id = $1").bind(row.node_id).fetch_one().await?;
    Ok(Some((record(row, now)?, token)))
}

pub(crate) async fn has_name(
    tx: &mut Tx,
    organization: OrganizationId,
    name: &Name,
) -> Result<bool, DbError> {
    let (has,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM node WHERE organization_id = $1 AND name = $2 AND revoked_at IS NULL)",
        )
        .bind(organization)
        .bind(name.clone())
        .fetch_one()
        .await?;
    Ok(has)
}

pub(crate) struct New<'n> {
    pub(crate) node: &'n Node,
    pub(crate) organization: OrganizationId,
    pub(crate) token: TokenId,
    pub(crate) public_key: &'n str,
    pub(crate) facts: &'n str,
    pub(crate) lease_until: Timestamp,
}

pub(crate) async fn insert(tx: &mut Tx, new: New<'_>) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO node (node_id, organization_id, name, principal_id, join_token_id, public_key, cordoned, facts,
             conn_seq, command_seq, lease_until, reported_ready, last_seen_at, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, TRUE, $10, $11, $12, $13)",
    )
    .bind(new.node.id)
    .bind(new.organization)
    .bind(new.node.name.clone())
    .bind(new.node.principal_id)
    .bind(new.token)
    .bind(new.public_key.to_owned())
    .bind(new.node.cordoned)
    .bind(new.facts.to_owned())
    .bind(new.lease_until)
    .bind(new.node.last_seen_at)
    .bind(new.node.version)
    .bind(new.node.created_at)
    .bind(new.node.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Saves whether it is cordoned or drained, when the version is still `before`.
pub(crate) async fn set_schedule(tx: &mut Tx, before: i64, after: &Node) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE node SET cordoned = $3, version = $4, updated_at = $5, draining = $6, drained_at = $7
             WHERE node_id = $1 AND version = $2 AND revoked_at IS NULL",
        )
        .bind(after.id)
        .bind(before)
        .bind(after.cordoned)
        .bind(after.version)
        .bind(after.updated_at)
        .bind(after.draining)
        .bind(after.drained_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

pub(crate) async fn revoke(tx: &mut Tx, before: i64, after: &Node) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE node SET revoked_at = $4, version = $3, updated_at = $4
             WHERE node_id = $1 AND version = $2 AND revoked_at IS NULL",
        )
        .bind(after.id)
        .bind(before)
        .bind(after.version)
        .bind(after.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Nodes that were revoked after `since`, and when, in the order of their ids.
pub(crate) async fn revoked_since(
    tx: &mut Tx,
    since: Timestamp,
) -> Result<Vec<(NodeId, Timestamp)>, DbError> {
    tx.query("SELECT node_id, revoked_at FROM node WHERE revoked_at > $1 ORDER BY node_id")
        .bind(since)
        .fetch_all()
        .await
}

/// `false`: there is no such node, or it was revoked.
pub(crate) async fn renew(
    tx: &mut Tx,
    id: NodeId,
    lease_until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let renewed = tx
        .query(
            "UPDATE node SET lease_until = $2, last_seen_at = $3 WHERE node_id = $1 AND revoked_at IS NULL",
        )
        .bind(id)
        .bind(lease_until)
        .bind(now)
        .execute()
        .await?;
    Ok(renewed == 1)
}

/// Saves what the node says of itself, with a new version.
pub(crate) async fn set_facts(tx: &mut Tx, id: NodeId, facts: String, now: Timestamp) -> Result<(), DbError> {
    tx.query("UPDATE node SET facts = $2, version = version + 1, updated_at = $3 WHERE node_id = $1")
        .bind(id)
        .bind(facts)
        .bind(now)
        .execute()
        .await?;
    Ok(())
}

/// Counts up to this connection; `false`: a newer one was here before.
pub(crate) async fn connect(tx: &mut Tx, id: NodeId, conn_seq: i64) -> Result<bool, DbError> {
    let newest = tx
        .query("UPDATE node SET conn_seq = $2 WHERE node_id = $1 AND conn_seq <= $2")
        .bind(id)
        .bind(conn_seq)
        .execute()
        .await?;
    Ok(newest == 1)
}

/// Extends the leases that held when the last node was heard: those of nodes that had gone silent before stay ended.
pub(crate) async fn extend_leases(tx: &mut Tx, until: Timestamp) -> Result<u64, DbError> {
    tx.query(
        "UPDATE node SET lease_until = $1 WHERE revoked_at IS NULL AND lease_until < $1
             AND lease_until >= (SELECT MAX(last_seen_at) FROM node WHERE revoked_at IS NULL)",
    )
    .bind(until)
    .execute()
    .await
}

/// Nodes whose readiness is not what was last reported.
pub(crate) async fn turned(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<NodeId>, DbError> {
    let rows: Vec<(NodeId,)> = tx
        .query(
            "SELECT node_id FROM node WHERE revoked_at IS NULL AND reported_ready <> (lease_until > $1)
             ORDER BY node_id LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Notes that the readiness of a node is reported, with a new version; `false`: somebody else was first, or it turned
/// back meanwhile.
pub(crate) async fn report(tx: &mut Tx, id: NodeId, ready: bool, now: Timestamp) -> Result<bool, DbError> {
    let reported = tx
        .query(
            "UPDATE node SET reported_ready = $2, version = version + 1, updated_at = $3
             WHERE node_id = $1 AND revoked_at IS NULL AND reported_ready <> $2 AND (lease_until > $3) = $2",
        )
        .bind(id)
        .bind(ready)
        .bind(now)
        .execute()
        .await?;
    Ok(reported == 1)
}

/// Nodes that are being drained and have no session left, of which that was not reported.
pub(crate) async fn emptied(tx: &mut Tx, limit: i64) -> Result<Vec<NodeId>, DbError> {
    let rows: Vec<(NodeId,)> = tx
        .query(
            "SELECT n.node_id FROM node n WHERE n.draining AND n.drained_at IS NULL AND n.revoked_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM agent_session s WHERE s.node_id = n.node_id
                     AND s.state NOT IN ('stopped', 'failed'))
             ORDER BY n.node_id LIMIT $1",
        )
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Notes that a node is drained, with a new version; `false`: somebody else was first, or it takes sessions again.
pub(crate) async fn report_drained(tx: &mut Tx, id: NodeId, now: Timestamp) -> Result<bool, DbError> {
    let reported = tx
        .query(
            "UPDATE node SET drained_at = $2, version = version + 1, updated_at = $2
             WHERE node_id = $1 AND draining AND drained_at IS NULL AND revoked_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM agent_session s WHERE s.node_id = node.node_id
                     AND s.state NOT IN ('stopped', 'failed'))",
        )
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(reported == 1)
}

/// A join token as stored.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct Token {
    pub(crate) join_token_id: TokenId,
    pub(crate) organization_id: OrganizationId,
    pub(crate) secret_sha256: String,
    pub(crate) node_name: Option<Name>,
    pub(crate) uses: i64,
    pub(crate) used: i64,
    pub(crate) expires_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) created_by: PrincipalId,
    pub(crate) created_at: Timestamp,
}

const SELECT_TOKEN: &str =
    "SELECT join_token_id, organization_id, secret_sha256, node_name, uses, used, expires_at, revoked_at, created_by,
    created_at FROM join_token";

pub(crate) async fn insert_token(tx: &mut Tx, token: Token) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO join_token (join_token_id, organization_id, secret_sha256, node_name, uses, used, expires_at,
             created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(token.join_token_id)
    .bind(token.organization_id)
    .bind(token.secret_sha256)
    .bind(token.node_name)
    .bind(token.uses)
    .bind(token.used)
    .bind(token.expires_at)
    .bind(token.created_by)
    .bind(token.created_at)
    .execute()
    .await?;
    Ok(())
}

pub(crate) async fn find_token(tx: &mut Tx, id: TokenId) -> Result<Option<Token>, DbError> {
    let filter = Filter::new(tx, SELECT_TOKEN).and("join_token_id = ?", id);
    filter.finish(tx, "join_token_id", 1).fetch_optional().await
}

/// Tokens that were neither revoked nor have ended.
pub(crate) async fn list_tokens(
    tx: &mut Tx,
    organization: OrganizationId,
    after: Option<TokenId>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Token>, DbError> {
    let filter = Filter::new(tx, SELECT_TOKEN)
        .and("organization_id = ?", organization)
        .always("revoked_at IS NULL")
        .and("expires_at > ?", now)
        .and_some("join_token_id > ?", after);
    filter.finish(tx, "join_token_id", limit).fetch_all().await
}

/// Counts one use; `false`: used up, ended or revoked meanwhile.
pub(crate) async fn use_token(tx: &mut Tx, id: TokenId, now: Timestamp) -> Result<bool, DbError> {
    let used = tx
        .query(
            "UPDATE join_token SET used = used + 1
             WHERE join_token_id = $1 AND used < uses AND expires_at > $2 AND revoked_at IS NULL",
        )
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(used == 1)
}

pub(crate) async fn revoke_token(tx: &mut Tx, id: TokenId, now: Timestamp) -> Result<bool, DbError> {
    let revoked = tx
        .query("UPDATE join_token SET revoked_at = $2 WHERE join_token_id = $1 AND revoked_at IS NULL")
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(revoked == 1)
}
