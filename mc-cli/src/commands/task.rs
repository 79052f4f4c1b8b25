//! `mc task`.

use std::time::Duration;

use mc_api::id::ArtifactId;
use mc_api::task::{
    ClaimNextTask, ClaimTask, CompleteTask, CountBy, FailTask, Heartbeat, ReleaseTask, ReportProgress, Task,
    TaskNote,
};
use mc_client::{Client, Scope};

use super::get::{artifact_named, done};
use crate::args::{Attempt, Noted, TaskCommand};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::Format;

pub(super) async fn run(cx: &Invocation, command: TaskCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    let scope = cx.scope()?;
    match command {
        TaskCommand::Counts { by } => counts(cx, &client, &scope, by).await,
        TaskCommand::Claim { reference, lease, capabilities, runtimes, selector } => {
            let lease_seconds = seconds(lease)?;
            let task = if let Some(reference) = reference {
                client.claim_task(&reference, &scope, &ClaimTask { lease_seconds }).await?
            } else {
                let body = ClaimNextTask {
                    mission: scope.mission,
                    kluster: scope.kluster,
                    capabilities,
                    runtimes: Some(runtimes).filter(|list| !list.is_empty()),
                    labels: selector.map(|selector| selector.to_string()),
                    lease_seconds,
                };
                client.claim_next_task(&body).await?
            };
            if matches!(cx.out.format, Format::Table | Format::Wide) {
                cx.out.talk(&format!("attempt {} is yours", task.attempt));
            }
            done(cx, &task, "claimed")
        }
        TaskCommand::Heartbeat { task, lease } => {
            let attempt = attempt(&client, &scope, &task).await?;
            let body = Heartbeat { attempt, lease_seconds: seconds(lease)? };
            done(cx, &client.heartbeat(&task.reference, &scope, &body).await?, "renewed")
        }
        TaskCommand::Progress { task, percent, note } => {
            let attempt = attempt(&client, &scope, &task).await?;
            let body = ReportProgress { attempt: Some(attempt), percent, note };
            done(cx, &client.report_progress(&task.reference, &scope, &body).await?, "progressed")
        }
        TaskCommand::Complete { task, result, artifact } => {
            let attempt = attempt(&client, &scope, &task).await?;
            let artifact = match artifact {
                None => None,
                Some(artifact) => Some(result_artifact(&client, &scope, &task.reference, &artifact).await?),
            };
            let body = CompleteTask { attempt: Some(attempt), result, artifact };
            let task = client.complete_task(&task.reference, &scope, &body).await?;
            let what = format!("completed, now {}", task.state);
            done(cx, &task, &what)
        }
        TaskCommand::Fail { task, reason, retryable } => {
            let attempt = attempt(&client, &scope, &task).await?;
            let body = FailTask { attempt: Some(attempt), reason, retryable };
            let task = client.fail_task(&task.reference, &scope, &body).await?;
            let what = format!("given up, now {}", task.state);
            done(cx, &task, &what)
        }
        TaskCommand::Release { reference, attempt, note } => {
            let body = ReleaseTask { attempt, note };
            done(cx, &client.release_task(&reference, &scope, &body).await?, "released")
        }
        steering => steer(cx, &client, &scope, steering).await,
    }
}

async fn steer(cx: &Invocation, client: &Client, scope: &Scope, command: TaskCommand) -> anyhow::Result<()> {
    let body = |noted: &Noted| TaskNote { note: noted.note.clone() };
    let (task, what) = match command {
        TaskCommand::Cancel(n) => (client.cancel_task(&n.reference, scope, &body(&n)).await?, "cancelled"),
        TaskCommand::Block(n) => (client.block_task(&n.reference, scope, &body(&n)).await?, "blocked"),
        TaskCommand::Unblock(n) => (client.unblock_task(&n.reference, scope, &body(&n)).await?, "unblocked"),
        TaskCommand::Retry(n) => (client.retry_task(&n.reference, scope, &body(&n)).await?, "brought back"),
        TaskCommand::Accept(n) => (client.accept_task(&n.reference, scope, &body(&n)).await?, "accepted"),
        TaskCommand::Reject(n) => (client.reject_task(&n.reference, scope, &body(&n)).await?, "rejected"),
        TaskCommand::Claim { .. }
        | TaskCommand::Heartbeat { .. }
        | TaskCommand::Progress { .. }
        | TaskCommand::Complete { .. }
        | TaskCommand::Fail { .. }
        | TaskCommand::Release { .. }
        | TaskCommand::Counts { .. } => unreachable!("handled by run"),
    };
    done(cx, &task, what)
}

/// The id of an artifact, by id or by name in the task's mission.
async fn result_artifact(
    client: &Client,
    scope: &Scope,
    task: &str,
    artifact: &str,
) -> anyhow::Result<ArtifactId> {
    if let Ok(id) = artifact.parse() {
        return Ok(id);
    }
    let mission = client.get::<Task>(task, scope).await?.mission_id.to_string();
    Ok(artifact_named(client, artifact, Some(&mission)).await?.id)
}

fn seconds(lease: Option<Duration>) -> Result<Option<u32>, Failure> {
    lease
        .map(|lease| u32::try_from(lease.as_secs()))
        .transpose()
        .map_err(|_| Failure::Usage("the lease is too long".into()))
}

/// The attempt given, or the newest one when the caller holds it. Never someone else's: that would be no fence.
async fn attempt(client: &Client, scope: &Scope, task: &Attempt) -> anyhow::Result<i32> {
    if let Some(attempt) = task.attempt {
        return Ok(attempt);
    }
    let (found, me) = tokio::try_join!(client.get::<Task>(&task.reference, scope), client.whoami())?;
    match found.claim {
        Some(claim) if claim.principal_id == me.principal.id => Ok(claim.attempt),
        Some(claim) => Err(Failure::Conflict(format!(
            "task {} is claimed by {}, not by {}; claim it first, or say --attempt N",
            found.key, claim.principal, me.principal.name
        ))
        .into()),
        None => Err(Failure::Conflict(format!(
            "task {} is not claimed; `mc task claim {0}` comes first",
            found.key
        ))
        .into()),
    }
}

/// One line for each mission or kluster.
async fn counts(cx: &Invocation, client: &Client, scope: &Scope, by: Option<CountBy>) -> anyhow::Result<()> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.task_counts(scope, by, cursor).await?;
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let page = mc_api::Page { items, next_cursor: None };
    cx.out.value(&page, || {
        let columns = [
            "MISSION",
            "KLUSTER",
            "TOTAL",
            "PENDING",
            "READY",
            "CLAIMED",
            "RUNNING",
            "REVIEW",
            "DONE",
            "BLOCKED",
            "FAILED",
            "CANCELLED",
        ];
        let rows = page.items.iter().map(|line| {
            let counts = &line.counts;
            let kluster = line.kluster.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            let numbers = [
                line.total,
                counts.pending,
                counts.ready,
                counts.claimed,
                counts.running,
                counts.in_review,
                counts.done,
                counts.blocked,
                counts.failed,
                counts.cancelled,
            ];
            let mut row = vec![line.mission.to_string(), kluster];
            row.extend(numbers.iter().map(ToString::to_string));
            row
        });
        crate::table::render(&columns, rows.collect(), false)
    })
}
