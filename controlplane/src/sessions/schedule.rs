//! Putting sessions on nodes.

use std::collections::HashSet;

use mc_api::Action;
use mc_api::id::SessionId;
use mc_api::session::TurnState;
use mc_proto::mesh_v1 as wire;
use prost::Message as _;

use super::fit;
use super::ingest::{end_turn, lock_mission};
use super::model::Record;
use super::store::{self, NodeRow};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::ledger;
use crate::missions::service::changed_meanwhile;
use crate::op::system_proof;
use crate::system_tx;
use crate::tasks::service::held;

/// How many sessions are looked at together.
const BATCH: i64 = 200;
/// How many such batches one round looks at.
const ROUNDS: usize = 50;

/// Puts every session that waits on a node that is ready, not cordoned, has its runtime and a free slot; the least
/// loaded first. Claims of those that go on waiting are kept.
///
/// # Errors
/// Database failures; the next round tries again.
pub(super) async fn run(app: &App) -> Result<(), Error> {
    let stranded = store::stranded(&mut app.db.begin_read().await?, app.clock.now(), BATCH).await?;
    for id in stranded {
        take_back(app, id).await?;
    }
    let (mut left, mut after) = (false, SessionId::from_uuid(uuid::Uuid::nil()));
    // Runtimes for which there is no room in this round: who waits for one does not stand before the others.
    let mut full = HashSet::new();
    for _ in 0..ROUNDS {
        let waiting = store::unscheduled(&mut app.db.begin_read().await?, after, BATCH).await?;
        let Some(last) = waiting.last() else { break };
        after = *last;
        for id in waiting {
            left |= !place(app, id, &mut full).await?;
        }
    }
    if left {
        let now = app.clock.now();
        system_tx!(app, |tx| { held::keep_waiting(tx, now).await })?;
    }
    Ok(())
}

/// `false` when there is no node for it now.
async fn place(app: &App, id: SessionId, full: &mut HashSet<String>) -> Result<bool, Error> {
    let now = app.clock.now();
    // Looked at before the writer is taken: a session that no node can take costs a read.
    let candidates = {
        let mut tx = app.db.begin_read().await?;
        let Some(record) = store::find(&mut tx, id, now).await? else { return Ok(true) };
        if full.contains(&record.session.runtime) {
            Vec::new()
        } else {
            let found = candidates(&mut tx, app, &record).await?;
            if found.is_empty() {
                full.insert(record.session.runtime.clone());
            }
            found
        }
    };
    if candidates.is_empty() {
        explain(app, id).await?;
        return Ok(false);
    }
    system_tx!(app, |tx| {
        let Some(record) = store::find_locked(tx, id, now).await? else { return Ok(true) };
        if record.session.node_id.is_some() || record.check_open().is_err() {
            return Ok(true);
        }
        for (node, slots) in &candidates {
            // It may have been cordoned since the candidates were read.
            let is_open = store::node_locked(tx, node.node_id).await?.is_some_and(|now| !now.cordoned);
            if !is_open || store::live_on(tx, node.node_id).await? >= *slots {
                continue;
            }
            assign(tx, app, record.clone(), node).await?;
            return Ok(true);
        }
        Ok(false)
    })
}

/// Takes a session back from a node that is silent or drained and never took it, so that it is put on another. The node starts
/// it no more when it comes back: it gets no grant for what is not its own.
async fn take_back(app: &App, id: SessionId) -> Result<(), Error> {
    let now = app.clock.now();
    system_tx!(app, |tx| {
        let Some(mission) = store::mission_of(tx, id).await? else { return Ok(()) };
        lock_mission(tx, mission).await?;
        let Some(mut record) = store::find_locked(tx, id, now).await? else { return Ok(()) };
        let is_draining = match record.session.node_id {
            Some(node) => store::node_by_id(tx, node).await?.is_some_and(|node| node.draining),
            None => false,
        };
        let is_stranded = record.session.node_id.is_some()
            && (!record.session.is_node_reachable || is_draining)
            && record.generation > 1
            && record.is_untaken();
        if !is_stranded || record.check_open().is_err() {
            return Ok(());
        }
        // What was called off stays so; all else is given to the next node anew.
        for op in store::withdraw_commands(tx, id).await? {
            let Ok(wire::Op { op: Some(wire::op::Op::RemoveQueued(remove)) }) = wire::Op::decode(&*op) else {
                continue;
            };
            if let Some(mut stored) = store::find_turn_by_op(tx, id, &remove.prompt).await?
                && stored.turn.state == TurnState::Queued
            {
                end_turn(tx, app, &record, &mut stored, TurnState::Cancelled).await?;
            }
        }
        let before = record.session.version;
        let node = record.session.node.take().unwrap_or_default();
        record.session.node_id = None;
        let what = if record.session.is_node_reachable { "is drained" } else { "fell silent" };
        record.session.reason = Some(format!("node {node} {what} before it took the session"));
        record.session.is_node_reachable = false;
        record.generation += 1;
        record.session.version += 1;
        record.session.updated_at = now.max(record.session.updated_at);
        if !store::put(tx, before, &record).await? {
            return Err(changed_meanwhile());
        }
        let proof = system_proof(Action::SteerSession, mission);
        let event = super::service::event(&record.session);
        ledger::record_system(tx, app, record.organization, proof, "session.take_back", event).await?;
        metrics::counter!("mc_sessions_taken_back_total").increment(1);
        Ok(())
    })
}

/// Says in the session why it waits.
async fn explain(app: &App, id: SessionId) -> Result<(), Error> {
    let now = app.clock.now();
    let why =
        |record: &Record| format!("no ready node has the runtime {} and a free slot", record.session.runtime);
    let known = store::find(&mut app.db.begin_read().await?, id, now).await?;
    if known.is_none_or(|record| record.session.reason.as_ref() == Some(&why(&record))) {
        return Ok(());
    }
    system_tx!(app, |tx| {
        let Some(mut record) = store::find_locked(tx, id, now).await? else { return Ok(()) };
        if record.session.node_id.is_some() || record.check_open().is_err() {
            return Ok(());
        }
        let before = record.session.version;
        record.session.reason = Some(why(&record));
        record.session.version += 1;
        record.session.updated_at = now.max(record.session.updated_at);
        if store::put(tx, before, &record).await? { Ok(()) } else { Err(changed_meanwhile()) }
    })
}

/// Nodes that could take the session, the least loaded first, with their slots.
async fn candidates(tx: &mut Tx, app: &App, record: &Record) -> Result<Vec<(NodeRow, i64)>, Error> {
    let now = app.clock.now();
    let mut found = Vec::new();
    for node in store::list_nodes(tx, record.organization).await? {
        let live = store::live_on(tx, node.node_id).await?;
        if let Ok(slots) = fit::of(&node, &record.session.runtime, live, now)? {
            found.push((live, node, slots));
        }
    }
    found.sort_by_key(|(live, node, _)| (*live, node.node_id));
    Ok(found.into_iter().map(|(_, node, slots)| (node, slots)).collect())
}

async fn assign(tx: &mut Tx, app: &App, mut record: Record, node: &NodeRow) -> Result<(), Error> {
    let now = app.clock.now();
    let before = record.session.version;
    record.session.node_id = Some(node.node_id);
    record.session.node = Some(node.name.to_string());
    record.session.is_node_reachable = true;
    record.session.reason = None;
    record.fence += 1;
    record.generation += 1;
    record.session.version += 1;
    record.session.updated_at = now.max(record.session.updated_at);
    if !store::put(tx, before, &record).await? {
        return Err(changed_meanwhile());
    }
    for stored in store::open_turns(tx, record.id()).await? {
        let command = super::service::prompt_command(&record, &stored)?;
        store::enqueue(tx, node.node_id, command, now).await?;
    }
    let proof = system_proof(Action::SteerSession, record.session.mission_id);
    let event = super::service::event(&record.session);
    ledger::record_system(tx, app, record.organization, proof, "session.schedule", event).await?;
    metrics::counter!("mc_sessions_scheduled_total").increment(1);
    Ok(())
}
