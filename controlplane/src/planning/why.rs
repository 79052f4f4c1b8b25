//! The causes, in the order in which they matter.

mod nodes;
mod waits;
mod work;

use mc_api::Name;
use mc_api::task::{Task, TaskState};
use mc_api::why::{Cause, Hinders, TaskWhy, WhyCode, WhyObject, fix};

use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::klusters;
use crate::op::OpCtx;
use crate::tasks::model::ATTEMPTS_EXHAUSTED;
use crate::tasks::rules::{self, NodeObstacle, Obstacle, Room};
use crate::tasks::service::{At, resolve, within};
use crate::tasks::store;

/// A cause without object, root or fix.
fn cause(code: WhyCode, hinders: Hinders, sentence: impl Into<String>) -> Cause {
    Cause { code, hinders, sentence: sentence.into(), object: None, root: None, fix: None }
}

fn object(kind: &str, name: &impl ToString) -> WhyObject {
    WhyObject { kind: kind.to_owned(), name: name.to_string() }
}

trait With {
    fn of(self, kind: &str, name: &impl ToString) -> Self;
    fn fixed_by(self, command: impl Into<String>) -> Self;
}

impl With for Cause {
    fn of(self, kind: &str, name: &impl ToString) -> Self {
        Self { object: Some(object(kind, name)), ..self }
    }
    fn fixed_by(self, command: impl Into<String>) -> Self {
        Self { fix: Some(command.into()), ..self }
    }
}

/// Why a task is not running.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::AmbiguousReference`].
pub async fn why(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<TaskWhy, Error> {
    let mut tx = app.db.begin_read().await?;
    let (mission, kluster) = within(&mut tx, cx, at).await?;
    let task = resolve(&mut tx, cx, reference, mission, kluster).await?.task;
    let room = store::room(&mut tx, task.id, task.kluster_id).await?;
    let runtime = runtime(&mut tx, cx, &task).await?;
    let now = cx.now();
    let obstacles = rules::against_claim(&task, &room, now);
    let mut causes = Vec::new();
    for obstacle in &obstacles {
        causes.extend(explain(&mut tx, cx, &task, *obstacle).await?);
    }
    let is_over = task.state.is_terminal() || obstacles.contains(&Obstacle::Held);
    if !is_over {
        for obstacle in rules::against_node(&task, runtime.as_ref().map(Name::as_str)) {
            causes.extend(explain_node(&task, obstacle));
        }
        if let Some(runtime) = &runtime {
            causes.extend(nodes::causes(&mut tx, app, cx, &task, runtime).await?);
        }
    }
    drop(tx);
    causes.extend(work::causes(app, cx, &task).await?);
    let hinders = |what: Hinders| causes.iter().any(|cause| cause.hinders == what);
    let claimable = obstacles.is_empty();
    Ok(TaskWhy {
        kind: "task_why".into(),
        task_id: task.id,
        key: task.key,
        state: task.state,
        runtime,
        claimable,
        schedulable: claimable && !hinders(Hinders::Node),
        causes,
        at: now,
    })
}

async fn runtime(tx: &mut Tx, cx: &OpCtx, task: &Task) -> Result<Option<Name>, Error> {
    if task.runtime.is_some() {
        return Ok(task.runtime.clone());
    }
    let kluster = task.kluster_id.to_string();
    Ok(klusters::service::resolve(tx, cx, &kluster, Some(task.mission_id)).await?.runtime)
}

async fn explain(tx: &mut Tx, cx: &OpCtx, task: &Task, obstacle: Obstacle) -> Result<Vec<Cause>, Error> {
    Ok(match obstacle {
        Obstacle::State(state) => of_state(tx, cx, task, state).await?,
        Obstacle::Held => vec![held(task)],
        Obstacle::Paused => vec![
            cause(
                WhyCode::MissionPaused,
                Hinders::Claim,
                format!("mission {} is paused; none of its tasks is claimed", task.mission),
            )
            .of("mission", &task.mission)
            .fixed_by(fix::resume_mission(&task.mission)),
        ],
        Obstacle::Full(room) => vec![full(task, room)],
    })
}

fn full(task: &Task, room: Room) -> Cause {
    let most = room.max_running.unwrap_or_default();
    let sentence =
        format!("kluster {} runs {} of at most {most} tasks; one of them must end", task.kluster, room.busy);
    cause(WhyCode::KlusterFull, Hinders::Claim, sentence)
        .of("kluster", &task.kluster)
        .fixed_by(fix::raise_capacity(&task.mission, &task.kluster, &(room.busy + 1)))
}

fn held(task: &Task) -> Cause {
    let one = |sentence: String| {
        cause(WhyCode::Claimed, Hinders::Claim, sentence).fixed_by(fix::release_task(&task.key))
    };
    match &task.claim {
        Some(claim) => one(format!(
            "{} holds attempt {} until {} and may renew it",
            claim.principal, claim.attempt, claim.lease_until
        ))
        .of("principal", &claim.principal),
        None => one("somebody holds it".into()),
    }
}

/// What a state means that no claim leaves.
async fn of_state(tx: &mut Tx, cx: &OpCtx, task: &Task, state: TaskState) -> Result<Vec<Cause>, Error> {
    let one = |code: WhyCode, sentence: String| cause(code, Hinders::Claim, sentence);
    let key = &task.key;
    Ok(match state {
        TaskState::Pending => waits::dependencies(tx, cx, task).await?,
        TaskState::Blocked => waits::blocked(tx, cx, task).await?,
        TaskState::Failed if task.reason.as_deref() == Some(ATTEMPTS_EXHAUSTED) => vec![
            one(
                WhyCode::AttemptsExhausted,
                format!("all {} attempts ran out without a result", task.max_attempts),
            )
            .fixed_by(fix::retry_task(key)),
        ],
        TaskState::Failed => {
            let reason = task.reason.as_deref().unwrap_or("no reason was given");
            vec![one(WhyCode::Failed, format!("it failed: {reason}")).fixed_by(fix::retry_task(key))]
        }
        TaskState::InReview => {
            let sentence = format!("its work is complete and needs {} review(s)", task.review_gates);
            vec![one(WhyCode::InReview, sentence).fixed_by(fix::accept_task(key))]
        }
        TaskState::Done => vec![one(WhyCode::Done, "it is done".into())],
        TaskState::Cancelled => vec![one(WhyCode::Cancelled, "it was called off".into())],
        // No obstacle by their state.
        TaskState::Ready | TaskState::Claimed | TaskState::Running => Vec::new(),
    })
}

fn explain_node(task: &Task, obstacle: NodeObstacle) -> Option<Cause> {
    let one = |code: WhyCode, sentence: String| cause(code, Hinders::Node, sentence);
    match obstacle {
        NodeObstacle::NoRuntime => Some(
            one(
                WhyCode::NoRuntime,
                format!("neither the task nor kluster {} names a runtime; no node takes it", task.kluster),
            )
            .of("kluster", &task.kluster)
            .fixed_by(fix::set_runtime(&task.mission, &task.kluster)),
        ),
        NodeObstacle::NeedsCapability => Some(
            one(
                WhyCode::NeedsCapability,
                format!("it needs {}; nodes have no capabilities", task.capabilities.join(", ")),
            )
            .fixed_by(fix::claim_task(&task.key)),
        ),
        NodeObstacle::AttemptsUsed => Some(
            one(
                WhyCode::AttemptsUsed,
                format!(
                    "attempt {} of {} was the last; nodes take it no more",
                    task.attempt, task.max_attempts
                ),
            )
            .fixed_by(fix::claim_task(&task.key)),
        ),
        // A state that hinders every claim is told already; a lease that just ran out is not.
        NodeObstacle::NotReady => matches!(task.state, TaskState::Claimed | TaskState::Running)
            .then(|| one(WhyCode::Claimed, "its lease ran out; it is offered again within seconds".into())),
    }
}
