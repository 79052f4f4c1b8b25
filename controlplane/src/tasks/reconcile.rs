//! Background work on tasks: leases that ran out, and counts of dependencies that are wrong.

use mc_api::Action;
use mc_api::auth::PrincipalKind;
use mc_api::id::{OrganizationId, TaskId};
use mc_api::task::ClaimState;

use super::{graph, model, service, store};
use crate::app::App;
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::op::{OpCtx, system_proof};

/// How many tasks one round looks at.
const BATCH: i64 = 200;

/// One round: idempotent, and harmless beside itself in another replica.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn run(app: &App) -> Result<(), Error> {
    let mut tx = app.db.begin_read().await?;
    let expired = store::expired(&mut tx, app.clock.now(), BATCH).await?;
    let miscounted = store::miscounted(&mut tx, BATCH).await?;
    drop(tx);
    for (task, organization) in expired {
        expire(app, organization, task).await?;
    }
    for (task, organization) in miscounted {
        recount(app, organization, task).await?;
    }
    Ok(())
}

/// Gives every running lease a whole length from now: a restart of ours costs nobody a lease.
///
/// # Errors
/// Database failures.
pub async fn extend_after_restart(app: &App) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let extended = store::extend_leases(&mut tx, app.clock.now().plus(model::DEFAULT_LEASE)).await?;
    app.db.commit(tx).await?;
    if extended > 0 {
        tracing::info!(leases = extended, "extended {extended} leases after the start");
    }
    Ok(())
}

async fn expire(app: &App, organization: OrganizationId, id: TaskId) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    if !store::lock(&mut tx, id).await? {
        return Ok(());
    }
    let Some(before) = store::find(&mut tx, organization, id).await? else { return Ok(()) };
    let now = app.clock.now();
    let due =
        before.task.claim.as_ref().is_some_and(|c| c.state == ClaimState::Active && c.lease_until <= now);
    if !due {
        return Ok(());
    }
    let mut after = before.clone();
    model::expire(&mut after.task)?;
    save(&mut tx, app, organization, &before, after, "task.expire").await?;
    app.db.commit(tx).await?;
    metrics::counter!("mc_task_leases_expired_total").increment(1);
    app.sequencer.nudge();
    Ok(())
}

async fn recount(app: &App, organization: OrganizationId, id: TaskId) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    if !store::lock(&mut tx, id).await? {
        return Ok(());
    }
    let Some(before) = store::find(&mut tx, organization, id).await? else { return Ok(()) };
    let mut after = before.clone();
    graph::settle(&mut after)?;
    if after == before {
        return Ok(());
    }
    tracing::warn!(task.id = %id, "the dependencies of task {id} were counted anew");
    save(&mut tx, app, organization, &before, after, "task.recount").await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}

async fn save(
    tx: &mut crate::db::Tx,
    app: &App,
    organization: OrganizationId,
    before: &model::Loaded,
    mut after: model::Loaded,
    verb: &'static str,
) -> Result<(), Error> {
    let now = app.clock.now();
    after.task.version += 1;
    after.task.updated_at = now;
    if !store::replace(tx, before, &after).await? {
        return Err(crate::missions::service::changed_meanwhile());
    }
    let mut changes = vec![graph::Changed { before: before.clone(), after: after.clone() }];
    if after.task.state.is_terminal() {
        changes.extend(graph::settle_dependents(tx, organization, after.task.id, now).await?);
    }
    for change in changes {
        let proof = system_proof(Action::SteerTask, change.after.task.mission_id);
        let event = Event {
            subject_kind: "task",
            subject_id: change.after.task.id.to_string(),
            body: &change.after.task,
            before_sha256: ledger::digest_of(&change.before.task)?,
        };
        ledger::record_system(tx, app, organization, proof, verb, event).await?;
        let system = (app.system_principal, "system".to_owned(), PrincipalKind::ServiceAccount);
        let cx = OpCtx::acting(app, system, change.after.task.mission_id);
        service::moved(tx, &cx, proof, &change.before, &change.after).await?;
    }
    Ok(())
}
