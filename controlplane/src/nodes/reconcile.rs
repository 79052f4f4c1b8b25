//! Background work on nodes: leases after a restart of ours, and readiness that turned with nobody asking.

use mc_api::Action;
use mc_api::id::NodeId;
use mc_api::node::NodeState;

use super::{model, service, store};
use crate::app::App;
use crate::error::Error;
use crate::ledger;
use crate::op::organization_proof;

/// How many nodes one round looks at.
const BATCH: i64 = 200;

/// One round: records which nodes became ready or not ready, and which are drained, so that watchers hear it. Idempotent, and harmless beside
/// itself in another replica.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn run(app: &App) -> Result<(), Error> {
    let turned = store::turned(&mut app.db.begin_read().await?, app.clock.now(), BATCH).await?;
    for id in turned {
        report(app, id).await?;
    }
    let emptied = store::emptied(&mut app.db.begin_read().await?, BATCH).await?;
    for id in emptied {
        report_drained(app, id).await?;
    }
    Ok(())
}

async fn report_drained(app: &App, id: NodeId) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let now = app.clock.now();
    let Some(before) = store::find_by_id(&mut tx, id, now).await? else { return Ok(()) };
    if !store::report_drained(&mut tx, id, now).await? {
        return Ok(());
    }
    let Some(after) = store::find_by_id(&mut tx, id, now).await? else { return Ok(()) };
    let proof = organization_proof(Action::ManageNode);
    let event = service::event(&after.node, ledger::digest_of(&before.node)?);
    ledger::record_system(&mut tx, app, after.organization, proof, "node.drained", event).await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    tracing::info!(node.id = %id, "node {} is drained", after.node.name);
    Ok(())
}

async fn report(app: &App, id: NodeId) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let now = app.clock.now();
    let Some(before) = store::find_by_id(&mut tx, id, now).await? else { return Ok(()) };
    let ready = before.node.state == NodeState::Ready;
    if !store::report(&mut tx, id, ready, now).await? {
        return Ok(());
    }
    let Some(after) = store::find_by_id(&mut tx, id, now).await? else { return Ok(()) };
    let verb = if ready { "node.ready" } else { "node.not_ready" };
    let proof = organization_proof(Action::ManageNode);
    let event = service::event(&after.node, ledger::digest_of(&before.node)?);
    ledger::record_system(&mut tx, app, after.organization, proof, verb, event).await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    tracing::info!(node.id = %id, "node {} is {}", after.node.name, after.node.state);
    Ok(())
}

/// Gives every lease that held when we stopped a whole length from now: a restart of ours makes no node unreliable.
///
/// # Errors
/// Database failures.
pub async fn extend_after_restart(app: &App) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let extended = store::extend_leases(&mut tx, app.clock.now().plus(model::LEASE)).await?;
    app.db.commit(tx).await?;
    if extended > 0 {
        tracing::info!(nodes = extended, "extended the leases of {extended} nodes after the start");
    }
    Ok(())
}
