//! The graph of dependencies: cycles, counts, and what an end means for those who wait.

use mc_api::ProblemKind;
use mc_api::id::{OrganizationId, TaskId};
use mc_api::task::{OnDependencyFailure, Task, TaskState};

use super::model::{self, DEPENDENCY_FAILED, Loaded};
use super::store;
use crate::db::Tx;
use crate::error::Error;

/// Whether a dependency in this state no longer holds its dependents up.
pub(crate) fn is_settled(policy: OnDependencyFailure, state: TaskState) -> bool {
    match state {
        TaskState::Done => true,
        TaskState::Failed | TaskState::Cancelled => policy == OnDependencyFailure::Ignore,
        TaskState::Pending
        | TaskState::Ready
        | TaskState::Claimed
        | TaskState::Running
        | TaskState::InReview
        | TaskState::Blocked => false,
    }
}

/// Counts the open dependencies of a task as they were read under its lock.
pub(crate) fn count_open(task: &Task) -> i32 {
    let open = task.depends_on.iter().filter(|d| !is_settled(task.on_dependency_failure, d.state)).count();
    i32::try_from(open).unwrap_or(i32::MAX)
}

/// Brings a task that nobody works on in line with its dependencies.
pub(crate) fn settle(loaded: &mut Loaded) -> Result<(), Error> {
    let task = &mut loaded.task;
    task.open_dependency_count = count_open(task);
    let idle = matches!(task.state, TaskState::Pending | TaskState::Ready);
    let failed = task.depends_on.iter().any(|d| matches!(d.state, TaskState::Failed | TaskState::Cancelled));
    if idle && failed {
        match task.on_dependency_failure {
            OnDependencyFailure::Block => return model::block(task, Some(DEPENDENCY_FAILED.to_owned())),
            OnDependencyFailure::Cancel => return model::cancel(task, Some(DEPENDENCY_FAILED.to_owned())),
            OnDependencyFailure::Ignore => {}
        }
    }
    if idle {
        task.state = model::waiting_state(task);
    }
    Ok(())
}

/// Refuses edges that would close a cycle. The mission's lock is held, so no other edge appears meanwhile.
///
/// # Errors
/// [`ProblemKind::DependencyCycle`], naming the dependency that leads back.
pub(crate) async fn check_acyclic(
    tx: &mut Tx,
    task: TaskId,
    wanted: &[(TaskId, String)],
) -> Result<(), Error> {
    if wanted.is_empty() {
        return Ok(());
    }
    let behind = store::waiting_for(tx, task, wanted).await?;
    match wanted.iter().find(|(id, _)| behind.contains(id)) {
        Some((_, key)) => Err(Error::new(
            ProblemKind::DependencyCycle,
            format!("{key} already waits for this task, directly or through others"),
        )),
        None => Ok(()),
    }
}

/// A dependent that changed because something it waits for ended.
pub(crate) struct Changed {
    /// As it was.
    pub(crate) before: Loaded,
    /// As it is.
    pub(crate) after: Loaded,
}

/// Settles all that wait, directly or (by cancellation) through others, after a task ended.
///
/// Each dependent is locked before its dependencies are read, so that two dependencies that end at once are both
/// seen by whoever comes second.
pub(crate) async fn settle_dependents(
    tx: &mut Tx,
    organization: OrganizationId,
    ended: TaskId,
    now: mc_api::Timestamp,
) -> Result<Vec<Changed>, Error> {
    let mut changed = Vec::new();
    let mut open = vec![ended];
    while let Some(at) = open.pop() {
        for id in store::dependents(tx, at).await? {
            if !store::lock(tx, id).await? {
                continue;
            }
            let Some(before) = store::find(tx, organization, id).await? else { continue };
            let mut after = before.clone();
            settle(&mut after)?;
            if after == before {
                continue;
            }
            after.task.version += 1;
            after.task.updated_at = now;
            if !store::replace(tx, &before, &after).await? {
                return Err(crate::missions::service::changed_meanwhile());
            }
            if after.task.state == TaskState::Cancelled {
                open.push(id);
            }
            changed.push(Changed { before, after });
        }
    }
    Ok(changed)
}
