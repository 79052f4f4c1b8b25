//! Claims that an agent session holds: taken, renewed and ended in the transactions of the session.

use std::time::Duration;

use mc_api::id::{ArtifactId, OrganizationId, PrincipalId, TaskId};
use mc_api::task::{ClaimState, Task};
use mc_api::{Action, ProblemKind, Timestamp};

use super::save;
use crate::db::Tx;
use crate::error::Error;
use crate::op::OpCtx;
use crate::tasks::{model, rules, store};

/// The lease of a claim held by an agent session: its node renews it, and only after this silence it is offered again.
pub(crate) const RECLAIM_AFTER: Duration = Duration::from_mins(15);

/// How the work of an agent session ended.
pub(crate) enum Ending {
    /// Complete, with the result in words and as an artifact.
    Complete {
        /// In words.
        result: Option<String>,
        /// As an artifact of the same mission.
        artifact: Option<ArtifactId>,
    },
    /// Failed.
    Fail {
        /// Why.
        reason: String,
        /// Whether another attempt may help.
        retryable: bool,
    },
    /// Given back.
    Release {
        /// Why.
        note: String,
    },
}

/// Claims a task for an agent principal.
///
/// # Errors
/// [`ProblemKind::AlreadyClaimed`], [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`],
/// [`ProblemKind::NotFound`].
pub(crate) async fn claim_in(
    tx: &mut Tx,
    cx: &OpCtx,
    task: TaskId,
    agent: (PrincipalId, &str),
) -> Result<Task, Error> {
    let gone = || Error::not_found("task", task);
    let found = store::find(tx, cx.caller.organization, task).await?.ok_or_else(gone)?;
    store::lock_capacity(tx, found.task.kluster_id).await?;
    if !store::lock(tx, task).await? {
        return Err(gone());
    }
    let before = store::find(tx, cx.caller.organization, task).await?.ok_or_else(gone)?;
    let proof = cx.authorize_in(Action::ClaimTask, before.task.mission_id)?;
    let room = store::room(tx, task, before.task.kluster_id).await?;
    let mut after = before.clone();
    model::claim(&mut after, &room, agent, cx.now(), RECLAIM_AFTER)?;
    save(tx, cx, proof, &before, after).await
}

/// Finds and locks a ready task that names one of the runtimes, itself or through its kluster, needs no further
/// capability and has an attempt left: highest priority, then oldest.
pub(crate) async fn next_for_runtimes(
    tx: &mut Tx,
    now: Timestamp,
    organization: OrganizationId,
    runtimes: &[String],
) -> Result<Option<(Task, String)>, Error> {
    for (id, kluster, runtime) in store::ready_with_runtime(tx, organization, runtimes.to_vec(), 20).await? {
        store::lock_capacity(tx, kluster).await?;
        if store::lock_ready(tx, id).await?
            && let Some(found) = store::find(tx, organization, id).await?
            && rules::against_claim(&found.task, &store::room(tx, id, kluster).await?, now).is_empty()
            && rules::against_node(&found.task, Some(&runtime)).is_empty()
        {
            return Ok(Some((found.task, runtime)));
        }
    }
    Ok(None)
}

/// The task that a node with these runtimes would be given now.
pub(crate) async fn front(
    tx: &mut Tx,
    organization: OrganizationId,
    runtimes: &[String],
) -> Result<Option<TaskId>, Error> {
    Ok(store::ready_with_runtime(tx, organization, runtimes.to_vec(), 1).await?.pop().map(|(id, _, _)| id))
}

/// Whether a ready task names one of the runtimes.
pub(crate) async fn has_work(
    tx: &mut Tx,
    organization: OrganizationId,
    runtimes: &[String],
) -> Result<bool, Error> {
    Ok(front(tx, organization, runtimes).await?.is_some())
}

/// Locks the task and says whether this attempt of this agent can still end it.
pub(crate) async fn is_held_in(tx: &mut Tx, cx: &OpCtx, task: TaskId, attempt: i32) -> Result<bool, Error> {
    if !store::lock(tx, task).await? {
        return Ok(false);
    }
    let Some(found) = store::find(tx, cx.caller.organization, task).await? else { return Ok(false) };
    Ok(model::check_fence(&found.task, attempt, cx.caller.id).is_ok() && !found.task.state.is_terminal())
}

/// Ends the work of an agent session on its task. `false` when the attempt no longer counts, or the task is held back.
pub(crate) async fn end_in(
    tx: &mut Tx,
    cx: &OpCtx,
    task: TaskId,
    attempt: i32,
    ending: Ending,
) -> Result<bool, Error> {
    if !is_held_in(tx, cx, task, attempt).await? {
        return Ok(false);
    }
    let Some(before) = store::find(tx, cx.caller.organization, task).await? else { return Ok(false) };
    let action = match &ending {
        Ending::Complete { .. } => Action::CompleteTask,
        Ending::Fail { .. } => Action::FailTask,
        Ending::Release { .. } => Action::ReleaseTask,
    };
    let proof = cx.authorize_in(action, before.task.mission_id)?;
    let mut after = before.clone();
    let moved = match ending {
        Ending::Complete { result, artifact } => model::complete(&mut after, result, artifact),
        Ending::Fail { reason, retryable } => model::fail(&mut after.task, reason, retryable),
        Ending::Release { note } => model::release(&mut after.task, Some(note)),
    };
    match moved {
        Ok(()) => save(tx, cx, proof, &before, after).await.map(|_| true),
        Err(error) if error.kind == ProblemKind::InvalidTransition => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renews the claim. An expired one that nobody took over comes back to life. `false` when the attempt no longer counts.
pub(crate) async fn renew_in(tx: &mut Tx, cx: &OpCtx, task: TaskId, attempt: i32) -> Result<bool, Error> {
    if store::extend_claim(tx, task, attempt, cx.caller.id, cx.now().plus(RECLAIM_AFTER)).await? {
        return Ok(true);
    }
    if !is_held_in(tx, cx, task, attempt).await? {
        return Ok(false);
    }
    let Some(before) = store::find(tx, cx.caller.organization, task).await? else { return Ok(false) };
    if before.task.claim.as_ref().is_none_or(|claim| claim.state != ClaimState::Expired) {
        return Ok(false);
    }
    let proof = cx.authorize_in(Action::HeartbeatTask, before.task.mission_id)?;
    let mut after = before.clone();
    model::renew(&mut after.task, cx.now(), RECLAIM_AFTER)?;
    save(tx, cx, proof, &before, after).await.map(|_| true)
}

/// Keeps the claims of sessions that wait for a node.
pub(crate) async fn keep_waiting(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let until = now.plus(RECLAIM_AFTER);
    Ok(store::extend_waiting(tx, until, until.minus(RECLAIM_AFTER / 3)).await?)
}
