//! The pure rules of a task: one function per event, which changes the task or refuses.

use std::time::Duration;

use mc_api::id::{ArtifactId, PrincipalId};
use mc_api::task::{Claim, ClaimState, Task, TaskState};
use mc_api::{ProblemKind, Timestamp};

use super::rules::{self, Room};
use crate::error::Error;

/// The length of a lease when none is asked for.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(1);
/// The reason of a task whose attempts are used up.
pub const ATTEMPTS_EXHAUSTED: &str = "attempts_exhausted";
/// The reason of a task that waits for something that failed.
pub const DEPENDENCY_FAILED: &str = "dependency_failed";

/// A task with what only the rules need.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The task.
    pub task: Task,
    /// Who accepted it in this review.
    pub reviewers: Vec<PrincipalId>,
}

/// Moves the state, if the table of moves allows it.
fn go(task: &mut Task, to: TaskState, event: &str) -> Result<(), Error> {
    if !task.state.allows(to) {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            format!("task {} is {}: {event} is not possible", task.key, task.state),
        ));
    }
    task.state = to;
    Ok(())
}

/// Where a task stands that nobody works on.
pub fn waiting_state(task: &Task) -> TaskState {
    if task.open_dependency_count > 0 { TaskState::Pending } else { TaskState::Ready }
}

fn end_claim(task: &mut Task, how: ClaimState) {
    if let Some(claim) = &mut task.claim
        && matches!(claim.state, ClaimState::Active | ClaimState::Expired)
    {
        claim.state = how;
    }
}

/// Whether the lease of the newest claim runs.
pub fn is_held(task: &Task, now: Timestamp) -> bool {
    task.claim.as_ref().is_some_and(|claim| claim.state == ClaimState::Active && claim.lease_until > now)
}

/// A new attempt by a principal.
///
/// # Errors
/// [`ProblemKind::AlreadyClaimed`] while a lease runs, [`ProblemKind::MissionPaused`], [`ProblemKind::KlusterFull`],
/// [`ProblemKind::InvalidTransition`] in any other state: the first of [`rules::against_claim`].
pub fn claim(
    loaded: &mut Loaded,
    room: &Room,
    who: (PrincipalId, &str),
    now: Timestamp,
    lease: Duration,
) -> Result<(), Error> {
    let task = &mut loaded.task;
    if let Some(obstacle) = rules::against_claim(task, room, now).first() {
        return Err(obstacle.refusal(task));
    }
    go(task, TaskState::Claimed, "claim")?;
    end_claim(task, ClaimState::Superseded);
    task.attempt += 1;
    task.reason = None;
    task.progress_percent = None;
    task.progress_note = None;
    task.claim = Some(Claim {
        attempt: task.attempt,
        principal_id: who.0,
        principal: who.1.to_owned(),
        state: ClaimState::Active,
        lease_until: now.plus(lease),
        claimed_at: now,
    });
    Ok(())
}

/// Checks the fence: the newest attempt, presented by its holder, not yet ended.
///
/// # Errors
/// [`ProblemKind::LeaseLost`].
pub fn check_fence(task: &Task, attempt: i32, who: PrincipalId) -> Result<(), Error> {
    let lost = |why: String| Err(Error::new(ProblemKind::LeaseLost, why));
    let Some(claim) = &task.claim else {
        return lost(format!("task {} has no claim", task.key));
    };
    if attempt != task.attempt {
        return lost(format!(
            "attempt {attempt} is not the newest of task {}, which is {}",
            task.key, task.attempt
        ));
    }
    if claim.principal_id != who {
        return lost(format!("attempt {attempt} of task {} belongs to {:?}", task.key, claim.principal));
    }
    match claim.state {
        ClaimState::Active | ClaimState::Expired => Ok(()),
        ClaimState::Released | ClaimState::Ended | ClaimState::Superseded => {
            lost(format!("attempt {attempt} of task {} is {}", task.key, claim.state))
        }
    }
}

/// Renews the lease. An expired claim that nobody took over comes back to life.
pub fn renew(task: &mut Task, now: Timestamp, lease: Duration) -> Result<(), Error> {
    if matches!(task.state, TaskState::Ready | TaskState::Pending) {
        go(task, TaskState::Claimed, "heartbeat")?;
    }
    if let Some(claim) = &mut task.claim {
        claim.state = ClaimState::Active;
        claim.lease_until = now.plus(lease);
    }
    Ok(())
}

/// Progress: the work has begun.
pub fn progress(
    task: &mut Task,
    percent: Option<i32>,
    note: Option<String>,
    now: Timestamp,
) -> Result<(), Error> {
    renew(task, now, DEFAULT_LEASE)?;
    if task.state == TaskState::Claimed {
        go(task, TaskState::Running, "progress")?;
    }
    if percent.is_some() {
        task.progress_percent = percent;
    }
    if note.is_some() {
        task.progress_note = note;
    }
    Ok(())
}

/// The work is complete: review when there are gates, otherwise done.
pub fn complete(
    loaded: &mut Loaded,
    result: Option<String>,
    artifact: Option<ArtifactId>,
) -> Result<(), Error> {
    let task = &mut loaded.task;
    let to = if task.review_gates > 0 { TaskState::InReview } else { TaskState::Done };
    go(task, to, "complete")?;
    end_claim(task, ClaimState::Ended);
    task.result = result;
    task.result_artifact_id = artifact;
    task.reason = None;
    loaded.reviewers.clear();
    Ok(())
}

/// The attempt failed; another one follows when it may help and attempts are left.
pub fn fail(task: &mut Task, reason: String, retryable: bool) -> Result<(), Error> {
    let again = retryable && task.attempt < task.max_attempts;
    let to = if again { waiting_state(task) } else { TaskState::Failed };
    go(task, to, "fail")?;
    end_claim(task, ClaimState::Ended);
    task.reason = Some(reason);
    Ok(())
}

/// The claim is given back.
pub fn release(task: &mut Task, note: Option<String>) -> Result<(), Error> {
    if !matches!(task.state, TaskState::Claimed | TaskState::Running) {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            format!("task {} is {}: there is no claim to release", task.key, task.state),
        ));
    }
    let to = waiting_state(task);
    go(task, to, "release")?;
    end_claim(task, ClaimState::Released);
    task.reason = note;
    Ok(())
}

/// The lease ran out: claimable again, or failed when the attempts are used up.
pub fn expire(task: &mut Task) -> Result<(), Error> {
    let exhausted = task.attempt >= task.max_attempts;
    let to = if exhausted { TaskState::Failed } else { waiting_state(task) };
    go(task, to, "expire")?;
    end_claim(task, if exhausted { ClaimState::Ended } else { ClaimState::Expired });
    task.reason = Some(if exhausted { ATTEMPTS_EXHAUSTED } else { "lease_expired" }.to_owned());
    Ok(())
}

/// Called off.
pub fn cancel(task: &mut Task, note: Option<String>) -> Result<(), Error> {
    go(task, TaskState::Cancelled, "cancel")?;
    end_claim(task, ClaimState::Released);
    task.reason = note;
    Ok(())
}

/// Finished outside: what nobody works on is done, whatever it waited for.
pub fn finish_elsewhere(task: &mut Task, note: String) -> Result<(), Error> {
    if matches!(task.state, TaskState::Pending | TaskState::Blocked) {
        go(task, TaskState::Ready, "finish")?;
    }
    go(task, TaskState::Done, "finish")?;
    end_claim(task, ClaimState::Released);
    task.reason = None;
    task.result = Some(note);
    Ok(())
}

/// Held until [`unblock`].
pub fn block(task: &mut Task, note: Option<String>) -> Result<(), Error> {
    go(task, TaskState::Blocked, "block")?;
    end_claim(task, ClaimState::Released);
    task.reason = note;
    Ok(())
}

/// Let go again.
pub fn unblock(task: &mut Task) -> Result<(), Error> {
    if task.state != TaskState::Blocked {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            format!("task {} is {}, not blocked", task.key, task.state),
        ));
    }
    let to = waiting_state(task);
    go(task, to, "unblock")?;
    task.reason = None;
    Ok(())
}

/// A failed task is tried again; the count of attempts goes on.
pub fn retry(task: &mut Task, note: Option<String>) -> Result<(), Error> {
    if task.state != TaskState::Failed {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            format!("task {} is {}: only a failed task is retried", task.key, task.state),
        ));
    }
    let to = waiting_state(task);
    go(task, to, "retry")?;
    task.reason = note;
    Ok(())
}

fn in_review(task: &Task, event: &str) -> Result<(), Error> {
    if task.state == TaskState::InReview {
        return Ok(());
    }
    Err(Error::new(
        ProblemKind::InvalidTransition,
        format!("task {} is {}: {event} needs in_review", task.key, task.state),
    ))
}

/// One review gate is passed; the last one finishes the task. The same reviewer counts once.
pub fn accept(loaded: &mut Loaded, who: PrincipalId, note: Option<String>) -> Result<(), Error> {
    in_review(&loaded.task, "accept")?;
    if !loaded.reviewers.contains(&who) {
        loaded.reviewers.push(who);
    }
    if loaded.reviewers.len() >= usize::try_from(loaded.task.review_gates).unwrap_or(0) {
        go(&mut loaded.task, TaskState::Done, "accept")?;
    }
    loaded.task.reason = note;
    Ok(())
}

/// The result is not good enough; the note says why.
pub fn reject(loaded: &mut Loaded, note: Option<String>) -> Result<(), Error> {
    in_review(&loaded.task, "reject")?;
    go(&mut loaded.task, TaskState::Ready, "reject")?;
    loaded.reviewers.clear();
    loaded.task.reason = note;
    Ok(())
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
