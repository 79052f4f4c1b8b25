//! Claiming and keeping a claim.

use mc_api::task::{ClaimNextTask, ClaimTask, Heartbeat, Task};
use mc_api::{Action, ProblemKind};

use super::{At, check, open, resolve, save, within};
use crate::app::App;
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;
use crate::tasks::{model, rules, store};
use crate::write_tx;

/// How many candidates are looked at per step.
const STEP: i64 = 50;

/// Claims one named task.
///
/// # Errors
/// [`ProblemKind::AlreadyClaimed`], [`ProblemKind::MissionPaused`], [`ProblemKind::KlusterFull`],
/// [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`].
pub async fn claim(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    request: ClaimTask,
) -> Result<Task, Error> {
    let lease = check::lease(request.lease_seconds)?;
    write_tx!(app, cx, |tx| {
        let (mission, kluster) = within(tx, cx, at).await?;
        let found = resolve(tx, cx, reference, mission, kluster).await?;
        store::lock_capacity(tx, found.task.kluster_id).await?;
        let (before, proof) = open(tx, cx, reference, at, Action::ClaimTask).await?;
        let room = store::room(tx, before.task.id, before.task.kluster_id).await?;
        let mut after = before.clone();
        model::claim(&mut after, &room, (cx.caller.id, &cx.caller.name), cx.now(), lease)?;
        save(tx, cx, proof, &before, after).await
    })
}

/// Claims the best ready task that matches: highest priority, then oldest.
///
/// # Errors
/// [`ProblemKind::NothingToClaim`].
pub async fn claim_next(app: &App, cx: &OpCtx, request: ClaimNextTask) -> Result<Task, Error> {
    let lease = check::lease(request.lease_seconds)?;
    let at = At { mission: request.mission.clone(), kluster: request.kluster.clone() };
    let labels = page::selector("/labels", request.labels.as_deref())?;
    write_tx!(app, cx, |tx| {
        if cx.scope(Action::ClaimTask).is_empty() {
            cx.authorize(Action::ClaimTask)?;
        }
        let (mission, kluster) = within(tx, cx, &at).await?;
        let mut last: Option<store::Candidate> = None;
        loop {
            let scope = cx.scope(Action::ClaimTask);
            let among = store::Among { scope, mission, kluster, labels: labels.clone() };
            let found = store::candidates(tx, among, last.as_ref(), STEP).await?;
            if found.is_empty() {
                return Err(Error::new(
                    ProblemKind::NothingToClaim,
                    "no ready task matches; watch tasks or ask again",
                ));
            }
            for candidate in &found {
                let needs = candidate.capabilities()?;
                let able = needs.iter().all(|need| request.capabilities.contains(need));
                let runs = request.runtimes.as_ref().is_none_or(|offered| {
                    candidate.runtime.as_ref().is_some_and(|runtime| offered.contains(runtime))
                });
                if !able || !runs {
                    continue;
                }
                store::lock_capacity(tx, candidate.kluster_id).await?;
                if !store::lock_ready(tx, candidate.task_id).await? {
                    continue;
                }
                let Some(before) = store::find(tx, cx.caller.organization, candidate.task_id).await? else {
                    continue;
                };
                let proof = cx.authorize_in(Action::ClaimTask, before.task.mission_id)?;
                let room = store::room(tx, candidate.task_id, candidate.kluster_id).await?;
                if !rules::against_claim(&before.task, &room, cx.now()).is_empty() {
                    continue;
                }
                let mut after = before.clone();
                model::claim(&mut after, &room, (cx.caller.id, &cx.caller.name), cx.now(), lease)?;
                return save(tx, cx, proof, &before, after).await;
            }
            last = found.into_iter().next_back();
        }
    })
}

/// Renews the lease. Not ledgered and no new version, unless an expired claim comes back to life.
///
/// # Errors
/// [`ProblemKind::LeaseLost`].
pub async fn heartbeat(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    request: Heartbeat,
) -> Result<Task, Error> {
    let lease = check::lease(request.lease_seconds)?;
    write_tx!(app, cx, |tx| {
        let (before, proof) = open(tx, cx, reference, at, Action::HeartbeatTask).await?;
        model::check_fence(&before.task, request.attempt, cx.caller.id)?;
        let mut after = before.clone();
        model::renew(&mut after.task, cx.now(), lease)?;
        if after.task.state == before.task.state {
            if let Some(claim) = &after.task.claim {
                store::put_claim(tx, after.task.id, claim).await?;
            }
            return Ok(after.task);
        }
        save(tx, cx, proof, &before, after).await
    })
}
