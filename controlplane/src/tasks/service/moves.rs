//! What happens to a task after it was claimed, and what people do to it.

use mc_api::task::{CompleteTask, FailTask, ReleaseTask, ReportProgress, Task, TaskNote};
use mc_api::{Action, ProblemKind};

use super::{At, check, open, save};
use crate::app::App;
use crate::error::Error;
use crate::missions::service::{MAX_TEXT_BYTES, check_text};
use crate::op::OpCtx;
use crate::tasks::{graph, model, store};
use crate::write_tx;

/// Reports progress and renews the lease.
///
/// # Errors
/// [`ProblemKind::LeaseLost`], [`ProblemKind::Validation`].
pub async fn progress(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    request: ReportProgress,
) -> Result<Task, Error> {
    check::note("/note", request.note.as_deref())?;
    if let Some(percent) = request.percent {
        check::range("/percent", percent, 0, 100)?;
    }
    write_tx!(app, cx, |tx| {
        let (before, proof) = open(tx, cx, reference, at, Action::ProgressTask).await?;
        model::check_fence(&before.task, check::fence(cx, &before.task, request.attempt)?, cx.caller.id)?;
        let mut after = before.clone();
        model::progress(&mut after.task, request.percent, request.note.clone(), cx.now())?;
        save(tx, cx, proof, &before, after).await
    })
}

/// Completes the task: `in_review` when it has gates, otherwise `done`.
///
/// # Errors
/// [`ProblemKind::LeaseLost`], [`ProblemKind::InvalidTransition`], [`ProblemKind::Validation`].
pub async fn complete(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    request: CompleteTask,
) -> Result<Task, Error> {
    if let Some(result) = &request.result {
        check_text("/result", result, MAX_TEXT_BYTES)?;
    }
    write_tx!(app, cx, |tx| {
        let (before, proof) = open(tx, cx, reference, at, Action::CompleteTask).await?;
        model::check_fence(&before.task, check::fence(cx, &before.task, request.attempt)?, cx.caller.id)?;
        if let Some(artifact) = request.artifact
            && !store::has_artifact(tx, before.task.mission_id, artifact).await?
        {
            return Err(Error::invalid(
                "/artifact",
                format!("mission {} has no artifact {artifact}", before.task.mission),
            ));
        }
        let mut after = before.clone();
        model::complete(&mut after, request.result.clone(), request.artifact)?;
        save(tx, cx, proof, &before, after).await
    })
}

/// Gives the task up, for good or for another attempt.
///
/// # Errors
/// [`ProblemKind::LeaseLost`], [`ProblemKind::InvalidTransition`], [`ProblemKind::Validation`].
pub async fn fail(app: &App, cx: &OpCtx, reference: &str, at: &At, request: FailTask) -> Result<Task, Error> {
    check::note("/reason", Some(&request.reason))?;
    if request.reason.trim().is_empty() {
        return Err(Error::invalid("/reason", "say why"));
    }
    write_tx!(app, cx, |tx| {
        let (before, proof) = open(tx, cx, reference, at, Action::FailTask).await?;
        model::check_fence(&before.task, check::fence(cx, &before.task, request.attempt)?, cx.caller.id)?;
        let mut after = before.clone();
        model::fail(&mut after.task, request.reason.clone(), request.retryable)?;
        save(tx, cx, proof, &before, after).await
    })
}

/// Gives the claim back: its holder with the attempt, anybody who may steer without.
///
/// # Errors
/// [`ProblemKind::LeaseLost`], [`ProblemKind::InvalidTransition`].
pub async fn release(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    request: ReleaseTask,
) -> Result<Task, Error> {
    check::note("/note", request.note.as_deref())?;
    write_tx!(app, cx, |tx| {
        let action = if request.attempt.is_some() { Action::ReleaseTask } else { Action::SteerTask };
        let (before, proof) = open(tx, cx, reference, at, action).await?;
        if let Some(attempt) = request.attempt {
            model::check_fence(&before.task, attempt, cx.caller.id)?;
        }
        let mut after = before.clone();
        model::release(&mut after.task, request.note.clone())?;
        save(tx, cx, proof, &before, after).await
    })
}

macro_rules! steering {
    ($(#[$meta:meta])* $name:ident, $action:ident, |$after:ident, $note:ident, $cx:ident| $change:expr) => {
        $(#[$meta])*
        pub async fn $name(app: &App, $cx: &OpCtx, reference: &str, at: &At, request: TaskNote) -> Result<Task, Error> {
            check::note("/note", request.note.as_deref())?;
            write_tx!(app, $cx, |tx| {
                let (before, proof) = open(tx, $cx, reference, at, Action::$action).await?;
                let mut changed = before.clone();
                let $note = request.note.clone();
                {
                    let $after = &mut changed;
                    $change?;
                }
                save(tx, $cx, proof, &before, changed).await
            })
        }
    };
}

steering! {
    /// Calls the task off; its claim ends.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`].
    cancel, SteerTask, |after, note, cx| model::cancel(&mut after.task, note)
}

steering! {
    /// Holds the task until it is unblocked; its claim ends.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`].
    block, SteerTask, |after, note, cx| model::block(&mut after.task, note)
}

steering! {
    /// Lets a blocked task go on, even when a dependency has failed for good: the operator decided so.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`].
    unblock, SteerTask, |after, _note, cx| {
        after.task.open_dependency_count = count_after_unblock(&after.task);
        model::unblock(&mut after.task)
    }
}

steering! {
    /// Tries a failed task again.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`].
    retry, SteerTask, |after, note, cx| {
        after.task.open_dependency_count = graph::count_open(&after.task);
        model::retry(&mut after.task, note)
    }
}

steering! {
    /// Passes one review gate. Whoever did the work may not accept it.
    ///
    /// # Errors
    /// [`ProblemKind::SelfApproval`], [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`].
    accept, ReviewTask, |after, note, cx| {
        not_the_author(&after.task, cx)?;
        model::accept(after, cx.caller.id, note)
    }
}

steering! {
    /// Sends a task in review back to `ready`, with the note.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`].
    reject, ReviewTask, |after, note, cx| model::reject(after, note)
}

/// What an unblocked task still waits for: not for what has failed, or it could never go on.
fn count_after_unblock(task: &Task) -> i32 {
    let open = task.depends_on.iter().filter(|dependency| !dependency.state.is_terminal()).count();
    i32::try_from(open).unwrap_or(i32::MAX)
}

fn not_the_author(task: &Task, cx: &OpCtx) -> Result<(), Error> {
    match &task.claim {
        Some(claim) if claim.principal_id == cx.caller.id => Err(Error::new(
            ProblemKind::SelfApproval,
            format!("{:?} did the work on task {}; somebody else reviews it", cx.caller.name, task.key),
        )),
        _ => Ok(()),
    }
}
