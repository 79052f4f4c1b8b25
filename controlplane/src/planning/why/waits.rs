//! Waiting for other tasks, and for whoever holds a task back.

use std::collections::{HashSet, VecDeque};

use mc_api::id::TaskId;
use mc_api::task::{Dependency, Task, TaskState};
use mc_api::why::{Cause, Hinders, WhyCode, WhyObject, fix as fixes};

use super::{With as _, cause, object};
use crate::db::Tx;
use crate::error::Error;
use crate::ledger;
use crate::op::OpCtx;
use crate::tasks::model::DEPENDENCY_FAILED;
use crate::tasks::{graph, store};

/// How many tasks a search for the root looks at.
const MOST: usize = 1000;

/// One cause per dependency that is not settled, each with the root of its chain.
pub(super) async fn dependencies(tx: &mut Tx, cx: &OpCtx, task: &Task) -> Result<Vec<Cause>, Error> {
    let mut found = Vec::new();
    for on in &task.depends_on {
        if !graph::is_settled(task.on_dependency_failure, on.state) {
            found.push(dependency(tx, cx, on).await?);
        }
    }
    if found.is_empty() {
        // Counted anew by the next round of the reconciler.
        let sentence = "its last dependency ended a moment ago; it becomes ready within seconds";
        found.push(cause(WhyCode::DependencyUnfinished, Hinders::Claim, sentence));
    }
    Ok(found)
}

async fn dependency(tx: &mut Tx, cx: &OpCtx, on: &Dependency) -> Result<Cause, Error> {
    let root = root(tx, cx, on.id).await?;
    let (code, fix) = match on.state {
        TaskState::Failed => (WhyCode::DependencyFailed, fixes::retry_task(&on.key)),
        TaskState::Cancelled => (WhyCode::DependencyFailed, fixes::describe_task(&on.key)),
        TaskState::InReview => (WhyCode::DependencyUnfinished, fixes::accept_task(&on.key)),
        TaskState::Blocked => (WhyCode::DependencyUnfinished, fixes::unblock_task(&on.key)),
        TaskState::Pending | TaskState::Ready | TaskState::Claimed | TaskState::Running | TaskState::Done => {
            (WhyCode::DependencyUnfinished, fixes::why_task(&on.key))
        }
    };
    let mut sentence = format!("it waits for {}, which is {}", on.key, on.state);
    let mut found = cause(code, Hinders::Claim, "").of("task", &on.key).fixed_by(fix);
    if let Some((key, state)) = root {
        sentence = format!("{sentence}; the chain begins at {key}, which is {state}");
        found.root = Some(object("task", &key));
        found.fix = Some(fixes::why_task(&key));
    }
    found.sentence = sentence;
    Ok(found)
}

/// The first task of the chain below a dependency that waits for nothing itself: failed and blocked ones before others,
/// near ones before far ones. `None` when the dependency is that itself.
async fn root(tx: &mut Tx, cx: &OpCtx, from: TaskId) -> Result<Option<(String, TaskState)>, Error> {
    let mut seen = HashSet::from([from]);
    let mut open = VecDeque::from([from]);
    let mut best: Option<(bool, TaskId, String, TaskState)> = None;
    while let Some(at) = open.pop_front() {
        let Some(loaded) = store::find(tx, cx.caller.organization, at).await? else { continue };
        let task = loaded.task;
        let unsettled: Vec<TaskId> = task
            .depends_on
            .iter()
            .filter(|on| !graph::is_settled(task.on_dependency_failure, on.state))
            .map(|on| on.id)
            .collect();
        let waits = matches!(task.state, TaskState::Pending | TaskState::Blocked) && !unsettled.is_empty();
        if waits {
            open.extend(unsettled.into_iter().filter(|id| seen.len() < MOST && seen.insert(*id)));
            continue;
        }
        let is_stuck = matches!(task.state, TaskState::Failed | TaskState::Blocked | TaskState::Cancelled);
        if best.as_ref().is_none_or(|(stuck, ..)| is_stuck && !stuck) {
            best = Some((is_stuck, task.id, task.key, task.state));
        }
        if is_stuck {
            break;
        }
    }
    Ok(best.filter(|(_, id, ..)| *id != from).map(|(_, _, key, state)| (key, state)))
}

/// Who or what holds a task back.
pub(super) async fn blocked(tx: &mut Tx, cx: &OpCtx, task: &Task) -> Result<Vec<Cause>, Error> {
    if task.reason.as_deref() == Some(DEPENDENCY_FAILED) {
        let mut found = Vec::new();
        for on in &task.depends_on {
            if matches!(on.state, TaskState::Failed | TaskState::Cancelled) {
                let mut one = dependency(tx, cx, on).await?;
                one.sentence = format!("it is blocked because {} is {}", on.key, on.state);
                if on.state == TaskState::Cancelled {
                    one.fix = Some(fixes::unblock_task(&task.key));
                }
                found.push(one);
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let by = ledger::store::last_actor(tx, &task.id.to_string(), "task.steer").await?;
    let who = by.as_ref().map_or("somebody", |(name, _)| name.as_str());
    let when = by.as_ref().map_or_else(String::new, |(_, at)| format!(" at {at}"));
    let why = task.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
    let mut one = cause(WhyCode::Blocked, Hinders::Claim, format!("{who} holds it back{when}{why}"));
    one.object = by.map(|(name, _)| WhyObject { kind: "principal".into(), name });
    Ok(vec![one.fixed_by(fixes::unblock_task(&task.key))])
}
