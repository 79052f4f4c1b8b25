//! Operations on nodes, and what the node's own doors build on.

use std::collections::HashMap;
use std::sync::Arc;

use mc_api::auth::PrincipalKind;
use mc_api::id::NodeId;
use mc_api::node::{Node, NodeFacts, NodeState};
use mc_api::{Action, Page, ProblemKind, Timestamp};

use super::model::{self, Record};
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{Caller, OpCtx, organization_proof};
use crate::write_tx;

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// In this state; `None`: every node that is not revoked.
    pub state: Option<NodeState>,
}

pub(super) fn event(after: &Node, before_sha256: Option<String>) -> Event<'_, Node> {
    Event { subject_kind: "node", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// A page of nodes in the order of their ids.
///
/// # Errors
/// [`ProblemKind::Forbidden`].
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<NodeId>,
    narrow: Narrow,
) -> Result<Page<Node>, Error> {
    cx.authorize(Action::ReadNode)?;
    let wanted = store::Wanted {
        organization: cx.caller.organization,
        state: narrow.state,
        after: page.after,
        limit: page.fetch(),
    };
    let rows = store::list(&mut app.db.begin_read().await?, wanted, app.clock.now()).await?;
    Ok(page.cut(app, rows, |node| node.id))
}

/// One node by id (also a revoked one) or name.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Node, Error> {
    cx.authorize(Action::ReadNode)?;
    let mut tx = app.db.begin_read().await?;
    Ok(resolve(&mut tx, cx, reference, app.clock.now()).await?.node)
}

async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str, now: Timestamp) -> Result<Record, Error> {
    store::find(tx, cx.caller.organization, reference, now)
        .await?
        .ok_or_else(|| Error::not_found("node", reference))
}

/// What a node takes from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Whatever fits.
    Open,
    /// No new agent sessions.
    Cordoned,
    /// No new agent sessions, and what it was given and has not begun goes elsewhere; what runs there ends in its time.
    Draining,
}

/// Says what a node takes from now on. Twice is like once; a node that is drained stays so when it is cordoned.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when it was revoked; [`ProblemKind::StaleVersion`], [`ProblemKind::NotFound`],
/// [`ProblemKind::Forbidden`].
pub async fn schedule(app: &App, cx: &OpCtx, reference: &str, wanted: Schedule) -> Result<Node, Error> {
    let node = write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ManageNode)?;
        let before = resolve(tx, cx, reference, cx.now()).await?.node;
        cx.check_version(before.version)?;
        if before.state == NodeState::Revoked {
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("node {} was revoked", before.name),
            ));
        }
        let (cordoned, draining) = match wanted {
            Schedule::Open => (false, false),
            Schedule::Cordoned => (true, before.draining),
            Schedule::Draining => (true, true),
        };
        if (before.cordoned, before.draining) == (cordoned, draining) {
            return Ok(before);
        }
        let after = Node {
            cordoned,
            draining,
            is_drained: draining && before.live_sessions == 0,
            drained_at: before.drained_at.filter(|_| draining),
            version: before.version + 1,
            updated_at: cx.now(),
            ..before.clone()
        };
        if !store::set_schedule(tx, before.version, &after).await? {
            return Err(changed_meanwhile());
        }
        ledger::record(tx, cx, proof, event(&after, ledger::digest_of(&before)?)).await?;
        Ok(after)
    })?;
    if node.draining {
        // What it has not begun is put elsewhere at once.
        app.sessions.nudge();
    }
    Ok(node)
}

/// Revokes a node: its certificate and its key are refused from now on, for ever.
///
/// # Errors
/// [`ProblemKind::NotFound`], also when it was revoked before; [`ProblemKind::StaleVersion`],
/// [`ProblemKind::Forbidden`].
pub async fn revoke(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    let revoked = write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ManageNode)?;
        let before = resolve(tx, cx, reference, cx.now()).await?.node;
        if before.state == NodeState::Revoked {
            return Err(Error::not_found("node", reference));
        }
        cx.check_version(before.version)?;
        let after = Node {
            state: NodeState::Revoked,
            version: before.version + 1,
            updated_at: cx.now(),
            ..before.clone()
        };
        if !store::revoke(tx, before.version, &after).await? {
            return Err(changed_meanwhile());
        }
        ledger::record(tx, cx, proof, event(&after, ledger::digest_of(&before)?)).await?;
        Ok(after.id)
    })?;
    if let Some(bus) = app.bus.get() {
        bus.kick(revoked);
    }
    Ok(())
}

/// The node that its certificate names, and the principal it acts as.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] when there is no such node, [`ProblemKind::Forbidden`] when it was revoked.
pub async fn authenticate(app: &App, id: NodeId) -> Result<(Node, Arc<Caller>), Error> {
    let record = store::find_by_id(&mut app.db.begin_read().await?, id, app.clock.now())
        .await?
        .ok_or_else(|| Error::new(ProblemKind::Unauthenticated, format!("there is no node {id}")))?;
    let node = record.node;
    if node.state == NodeState::Revoked {
        return Err(model::revoked(id));
    }
    let caller = Caller {
        id: node.principal_id,
        name: node.name.to_string(),
        kind: PrincipalKind::Node,
        organization: record.organization,
        role: None,
        mission_roles: HashMap::new(),
        login: None,
        grant: None,
    };
    Ok((node, Arc::new(caller)))
}

/// The key that a node signs with, Ed25519.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] when there is no such node, [`ProblemKind::Forbidden`] when it was revoked.
pub async fn public_key(app: &App, id: NodeId) -> Result<[u8; 32], Error> {
    let record = store::find_by_id(&mut app.db.begin_read().await?, id, app.clock.now())
        .await?
        .ok_or_else(|| Error::new(ProblemKind::Unauthenticated, format!("there is no node {id}")))?;
    if record.node.state == NodeState::Revoked {
        return Err(model::revoked(id));
    }
    Ok(super::join::key_of(&record)?)
}

/// Nodes that were revoked after `since`, and when, in the order of their ids.
///
/// # Errors
/// Database failures.
pub(crate) async fn revoked_in(tx: &mut Tx, since: Timestamp) -> Result<Vec<(NodeId, Timestamp)>, Error> {
    Ok(store::revoked_since(tx, since).await?)
}

/// Renews the lease of a node by [`model::LEASE`]. Not recorded in the ledger.
///
/// # Errors
/// [`ProblemKind::Forbidden`] when it was revoked.
pub async fn renew_in(tx: &mut Tx, id: NodeId, now: Timestamp) -> Result<(), Error> {
    if store::renew(tx, id, now.plus(model::LEASE), now).await? { Ok(()) } else { Err(model::revoked(id)) }
}

/// Notes that a node connected: renews its lease, keeps the number of the connection and what the node says of itself.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when a newer connection of the node was here before (the older one gives way),
/// [`ProblemKind::Forbidden`] when it was revoked, [`ProblemKind::Validation`] for too many facts.
pub async fn connect_in(
    tx: &mut Tx,
    app: &App,
    id: NodeId,
    conn_seq: u64,
    facts: &NodeFacts,
) -> Result<(), Error> {
    let conn_seq = i64::try_from(conn_seq).map_err(|_| Error::invalid("/conn_seq", "below 2^63"))?;
    renew_in(tx, id, app.clock.now()).await?;
    if !store::connect(tx, id, conn_seq).await? {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            "a newer connection of this node was here before",
        ));
    }
    heard_in(tx, app, id, facts).await
}

/// Keeps what a node says of itself, when it is new, and records that.
pub(super) async fn heard_in(tx: &mut Tx, app: &App, id: NodeId, facts: &NodeFacts) -> Result<(), Error> {
    let now = app.clock.now();
    let text = model::facts_text(facts)?;
    let Some(before) = store::find_by_id(tx, id, now).await? else {
        return Err(Error::not_found("node", id));
    };
    if before.node.facts == *facts {
        return Ok(());
    }
    store::set_facts(tx, id, text, now).await?;
    let after = Node {
        facts: facts.clone(),
        version: before.node.version + 1,
        updated_at: now,
        ..before.node.clone()
    };
    let proof = organization_proof(Action::ManageNode);
    let event = event(&after, ledger::digest_of(&before.node)?);
    ledger::record_system(tx, app, before.organization, proof, "node.report", event).await
}
