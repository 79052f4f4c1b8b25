//! What agent sessions need to know of nodes.

use mc_api::id::{NodeId, OrganizationId, PrincipalId};
use mc_api::node::NodeFacts;
use mc_api::{Name, Timestamp};

use crate::db::{DbError, Filter, Sql, Tx};

/// A node that is not revoked, as far as sessions are concerned.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct NodeRow {
    pub(crate) node_id: NodeId,
    pub(crate) organization_id: OrganizationId,
    pub(crate) name: Name,
    pub(crate) principal_id: PrincipalId,
    pub(crate) cordoned: bool,
    pub(crate) draining: bool,
    facts: String,
    pub(crate) lease_until: Timestamp,
}

impl NodeRow {
    pub(crate) fn facts(&self) -> Result<NodeFacts, DbError> {
        serde_json::from_str(&self.facts)
            .map_err(|error| DbError::Inconsistent { table: "node", message: error.to_string() })
    }

    /// How many sessions it takes at once, when it can run this runtime now; `None` when it cannot.
    pub(crate) fn slots_for(&self, runtime: &str) -> Result<Option<i64>, DbError> {
        let facts = self.facts()?;
        let has = facts.runtimes.iter().any(|found| found.available && found.name == runtime);
        Ok(has.then_some(i64::from(facts.slots)))
    }
}

const SELECT: &str =
    "SELECT node_id, organization_id, name, principal_id, cordoned, draining, facts, lease_until FROM node";

/// All living nodes, at most 1000.
pub(crate) async fn list_nodes(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<NodeRow>, DbError> {
    Filter::new(tx, SELECT)
        .and("organization_id = ?", organization)
        .always("revoked_at IS NULL")
        .finish(tx, "node_id", 1000)
        .fetch_all()
        .await
}

pub(crate) async fn node_by_id(tx: &mut Tx, id: NodeId) -> Result<Option<NodeRow>, DbError> {
    Filter::new(tx, SELECT)
        .and("node_id = ?", id)
        .always("revoked_at IS NULL")
        .finish(tx, "node_id", 1)
        .fetch_optional()
        .await
}

/// A living node by id or name.
pub(crate) async fn find_node(
    tx: &mut Tx,
    organization: OrganizationId,
    reference: &str,
) -> Result<Option<NodeRow>, DbError> {
    let filter =
        Filter::new(tx, SELECT).and("organization_id = ?", organization).always("revoked_at IS NULL");
    let filter = match reference.parse::<NodeId>() {
        Ok(id) => filter.and("node_id = ?", id),
        Err(_) => match reference.parse::<Name>() {
            Ok(name) => filter.and("name = ?", name),
            Err(_) => return Ok(None),
        },
    };
    filter.finish(tx, "node_id", 1).fetch_optional().await
}

/// Locks a node's row, the last lock in the order, and reads it as it is now: what was read before may have changed.
pub(crate) async fn node_locked(tx: &mut Tx, id: NodeId) -> Result<Option<NodeRow>, DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT version FROM node WHERE node_id = $1 FOR UPDATE",
        sqlite: "SELECT version FROM node WHERE node_id = $1",
    })
    .bind(id)
    .fetch_optional::<(i64,)>()
    .await?;
    node_by_id(tx, id).await
}

/// How many sessions on a node have not ended.
pub(crate) async fn live_on(tx: &mut Tx, node: NodeId) -> Result<i64, DbError> {
    let (count,): (i64,) = tx
        .query("SELECT COUNT(*) FROM agent_session WHERE node_id = $1 AND state NOT IN ('stopped', 'failed')")
        .bind(node)
        .fetch_one()
        .await?;
    Ok(count)
}
