//! Changing and deleting tasks.

use mc_api::overlap::{OverlapMode, OverlapPolicy, TaskAnswer};
use mc_api::task::{OnDependencyFailure, Task, TaskState, UpdateTask};
use mc_api::{Action, ProblemKind};

use super::{At, check, create, open, save};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::fields::store::Subject;
use crate::ledger::{self, Event};
use crate::missions::service::{MAX_TEXT_BYTES, changed_meanwhile, check_text};
use crate::op::OpCtx;
use crate::overlap::{prepared, service as overlap};
use crate::search::index::{self, Look};
use crate::tasks::{graph, store};
use crate::{fields, klusters, missions, write_tx};

fn check_patch(patch: &UpdateTask) -> Result<(), Error> {
    if let Some(title) = &patch.title {
        check::title(title)?;
    }
    if let Some(Some(text)) = &patch.description {
        check_text("/description", text, MAX_TEXT_BYTES)?;
    }
    if let Some(Some(text)) = &patch.definition_of_done {
        check_text("/definition_of_done", text, MAX_TEXT_BYTES)?;
    }
    if let Some(Some(priority)) = patch.priority {
        check::range("/priority", priority, 0, 100)?;
    }
    if let Some(Some(gates)) = patch.review_gates {
        check::range("/review_gates", gates, 0, 8)?;
    }
    if let Some(Some(attempts)) = patch.max_attempts {
        check::range("/max_attempts", attempts, 1, 100)?;
    }
    if let Some(Some(capabilities)) = &patch.capabilities {
        check::words("/capabilities", capabilities, 32)?;
    }
    if let Some(Some(paths)) = &patch.paths {
        check::words("/paths", paths, 64)?;
    }
    if let Some(Some(dependencies)) = &patch.depends_on {
        check::words("/depends_on", dependencies, create::MAX_DEPENDENCIES)?;
    }
    check::words("/acknowledge_overlap", &patch.acknowledge_overlap, create::MAX_ACKNOWLEDGED)
}

/// Everything but the dependencies.
fn apply(task: &mut Task, patch: &UpdateTask) {
    if let Some(title) = &patch.title {
        task.title.clone_from(title);
    }
    if let Some(text) = &patch.description {
        task.description = text.clone().unwrap_or_default();
    }
    if let Some(text) = &patch.definition_of_done {
        task.definition_of_done = text.clone().unwrap_or_default();
    }
    if let Some(priority) = patch.priority {
        task.priority = priority.unwrap_or(50);
    }
    if let Some(runtime) = &patch.runtime {
        task.runtime.clone_from(runtime);
    }
    if let Some(capabilities) = &patch.capabilities {
        task.capabilities = capabilities.clone().unwrap_or_default();
    }
    if let Some(paths) = &patch.paths {
        task.paths = paths.clone().unwrap_or_default();
    }
    if let Some(policy) = patch.on_dependency_failure {
        task.on_dependency_failure = policy.unwrap_or(OnDependencyFailure::Block);
    }
    if let Some(gates) = patch.review_gates {
        task.review_gates = gates.unwrap_or(0);
    }
    if let Some(attempts) = patch.max_attempts {
        task.max_attempts = attempts.unwrap_or(3);
    }
    if let Some(labels) = &patch.labels {
        task.labels = labels.clone().unwrap_or_default();
    }
    if let Some(annotations) = &patch.annotations {
        task.annotations = annotations.clone().unwrap_or_default();
    }
}

/// Changes a task. Dependencies and their policy only while nobody works on it.
///
/// # Errors
/// [`ProblemKind::OverlapUnacknowledged`], [`ProblemKind::OverlapBlocked`],
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Validation`], [`ProblemKind::DependencyCycle`],
/// [`ProblemKind::InvalidTransition`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn update(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    patch: UpdateTask,
) -> Result<TaskAnswer, Error> {
    write_tx!(app, cx, |tx| {
        let (before, answer) = update_in(app, tx, cx, reference, at, &patch).await?;
        let (task, id) = (&answer.task, answer.task.id.to_string());
        let subject = Subject { organization: cx.caller.organization, mission: task.mission_id, id: &id };
        fields::touched(tx, cx, subject, ((&before).into(), task.into())).await?;
        Ok(answer)
    })
}

/// As [`update`], in the transaction of another operation: the task before, and the answer. Owners of fields are the
/// caller's matter.
///
/// # Errors
/// As [`update`].
pub(crate) async fn update_in(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    patch: &UpdateTask,
) -> Result<(Task, TaskAnswer), Error> {
    check_patch(patch)?;
    let worded = patch.title.is_some() || patch.description.is_some() || patch.paths.is_some();
    let edges = patch.depends_on.is_some() || patch.on_dependency_failure.is_some();
    let mut policy = OverlapPolicy::default();
    if edges || worded {
        // The documented order is mission, then task: the mission is found first and locked before the task.
        let (mission, kluster) = super::within(tx, cx, at).await?;
        let found = super::resolve(tx, cx, reference, mission, kluster).await?;
        missions::store::lock(tx, found.task.mission_id).await?;
        policy = klusters::store::policy(tx, found.task.kluster_id).await?;
    }
    let (before, proof) = open(tx, cx, reference, at, Action::UpdateTask).await?;
    let mut after = before.clone();
    apply(&mut after.task, patch);
    if edges {
        let idle = matches!(before.task.state, TaskState::Pending | TaskState::Ready | TaskState::Blocked);
        if !idle {
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!(
                    "task {} is {}: dependencies change only before the work",
                    before.task.key, before.task.state
                ),
            ));
        }
        if let Some(wanted) = &patch.depends_on {
            let wanted = wanted.clone().unwrap_or_default();
            after.task.depends_on = create::dependencies(tx, cx, &before.task, &wanted).await?;
            store::delete_edges(tx, before.task.id).await?;
            for dependency in &after.task.depends_on {
                store::insert_edge(tx, before.task.id, dependency.id).await?;
            }
        }
        graph::settle(&mut after)?;
    }
    let reworded = (&before.task.title, &before.task.description, &before.task.paths)
        != (&after.task.title, &after.task.description, &after.task.paths);
    if !reworded || !app.detects_overlap {
        let task = save(tx, cx, proof, &before, after).await?;
        return Ok((
            before.task,
            TaskAnswer { task, overlap_suggestions: Vec::new(), overlap_pending: false },
        ));
    }
    let text = prepared::prepare(&after.task.title, &after.task.description, &after.task.paths);
    let own = after.task.id.as_uuid();
    let near = app.embeddings.known_to(cx.caller.id, &after.task.title, index::kept(&after.task.description));
    let overlap_pending = near.is_pending;
    let found = if super::is_done(after.task.state) {
        // Ended work comes to nobody else's.
        Vec::new()
    } else {
        super::overlaps(tx, cx, after.task.mission_id, &text, (Some(own), near)).await?
    };
    overlap::enforce(&policy, after.task.mission_id, &found, &patch.acknowledge_overlap)?;
    let task = save(tx, cx, proof, &before, after).await?;
    // Creation beside this one under a lenient policy does not wait for it, so it is looked at again.
    let look = if policy.mode == OverlapMode::Suggest { Look::Everything } else { Look::Done };
    index::replace(tx, &super::document(cx.caller.organization, &task, (look, 0)), &text).await?;
    let side = super::side(&task);
    overlap::judge_again(tx, cx, proof, (own, &side), &text, overlap_pending).await?;
    let overlap_suggestions = overlap::keep(
        tx,
        cx,
        proof,
        (own, side),
        overlap::best(task.mission_id, found, super::MOST_KEPT),
        &patch.acknowledge_overlap,
    )
    .await?;
    Ok((before.task, TaskAnswer { task, overlap_suggestions, overlap_pending }))
}

/// Deletes a task that nobody works on, waits for, or is part of.
///
/// # Errors
/// [`ProblemKind::NotEmpty`], [`ProblemKind::InvalidTransition`], [`ProblemKind::StaleVersion`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let (mission, kluster) = super::within(tx, cx, at).await?;
        let found = super::resolve(tx, cx, reference, mission, kluster).await?;
        missions::store::lock(tx, found.task.mission_id).await?;
        let (loaded, proof) = open(tx, cx, reference, at, Action::DeleteTask).await?;
        let task = loaded.task;
        if matches!(task.state, TaskState::Claimed | TaskState::Running | TaskState::InReview) {
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("task {} is {}; cancel or release it first", task.key, task.state),
            ));
        }
        if store::has_others(tx, task.id).await? {
            return Err(Error::new(
                ProblemKind::NotEmpty,
                format!("other tasks wait for {} or are part of it; delete or change them first", task.key),
            ));
        }
        if !store::delete(tx, &task, cx.now()).await? {
            return Err(changed_meanwhile());
        }
        let event =
            Event { subject_kind: "task", subject_id: task.id.to_string(), body: &task, before_sha256: None };
        ledger::record(tx, cx, proof, event).await?;
        overlap::expire(tx, cx, proof, task.id.as_uuid(), "the task was deleted").await?;
        Ok(index::remove(tx, task.mission_id, task.id.as_uuid()).await?)
    })
}
