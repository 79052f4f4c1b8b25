//! Creating a task.

use mc_api::id::TaskId;
use mc_api::task::{CreateTask, Dependency, Task, TaskState};
use mc_api::{Action, ProblemKind};

use super::{check, resolve};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::missions::service::{MAX_TEXT_BYTES, check_text};
use crate::op::OpCtx;
use crate::tasks::model::Loaded;
use crate::tasks::{graph, store};
use crate::{klusters, missions, write, write_tx};

/// At most this many dependencies of one task.
pub(super) const MAX_DEPENDENCIES: usize = 128;

fn check(request: &CreateTask) -> Result<(), Error> {
    check::title(&request.title)?;
    check_text("/description", &request.description, MAX_TEXT_BYTES)?;
    check_text("/definition_of_done", &request.definition_of_done, MAX_TEXT_BYTES)?;
    check::range("/priority", request.priority, 0, 100)?;
    check::range("/review_gates", request.review_gates, 0, 8)?;
    check::range("/max_attempts", request.max_attempts, 1, 100)?;
    check::words("/capabilities", &request.capabilities, 32)?;
    check::words("/paths", &request.paths, 64)?;
    check::words("/depends_on", &request.depends_on, MAX_DEPENDENCIES)
}

/// Creates a task: `ready`, or `pending` while it waits for others.
///
/// # Errors
/// [`ProblemKind::NameTaken`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateTask) -> Result<Task, Error> {
    check(&request)?;
    // Numbers come from a block that is reserved in a transaction of its own, so the mission is looked up first.
    let mission = missions::service::resolve(&mut app.db.begin_read().await?, cx, &request.mission).await?;
    if let Err(error) = cx.authorize_in(Action::CreateTask, mission.id) {
        return Err(write::refused(app, cx, error).await);
    }
    let number = app.numbers.take(app, mission.id).await?;
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize_in(Action::CreateTask, mission.id)?;
        // A task without edges is created beside others; edges are made one transaction at a time.
        if request.depends_on.is_empty() {
            missions::store::lock_shared(tx, mission.id).await?;
        } else {
            missions::store::lock(tx, mission.id).await?;
        }
        let kluster = klusters::service::resolve(tx, cx, &request.kluster, Some(mission.id)).await?;
        let mut task = Task {
            kind: "task".into(),
            id: TaskId::from_uuid(cx.new_uuid()),
            key: format!("{}-{number}", mission.key_prefix),
            name: request.name.clone(),
            title: request.title.clone(),
            description: request.description.clone(),
            definition_of_done: request.definition_of_done.clone(),
            mission_id: mission.id,
            mission: mission.name.clone(),
            kluster_id: kluster.id,
            kluster: kluster.name,
            parent_id: None,
            state: TaskState::Pending,
            reason: None,
            priority: request.priority,
            runtime: request.runtime.clone(),
            capabilities: request.capabilities.clone(),
            paths: request.paths.clone(),
            depends_on: Vec::new(),
            open_dependency_count: 0,
            on_dependency_failure: request.on_dependency_failure,
            review_gates: request.review_gates,
            attempt: 0,
            max_attempts: request.max_attempts,
            claim: None,
            progress_percent: None,
            progress_note: None,
            result_artifact_id: None,
            result: None,
            labels: request.labels.clone(),
            annotations: request.annotations.clone(),
            version: 1,
            created_by: cx.caller.id,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        if let Some(parent) = &request.parent {
            let parent = resolve(tx, cx, parent, Some(mission.id), None).await?;
            task.parent_id = Some(parent.task.id);
        }
        task.depends_on = dependencies(tx, cx, &task, &request.depends_on).await?;
        let mut loaded = Loaded { task, reviewers: Vec::new() };
        graph::settle(&mut loaded)?;
        let task = loaded.task;
        store::insert(tx, cx.caller.organization, &task).await.map_err(|error| {
            match (error, &task.name) {
                (DbError::Unique(_), Some(name)) => Error::new(
                    ProblemKind::NameTaken,
                    format!("kluster {} has a task named {name}", task.kluster),
                ),
                (other, _) => other.into(),
            }
        })?;
        let event =
            Event { subject_kind: "task", subject_id: task.id.to_string(), body: &task, before_sha256: None };
        ledger::record(tx, cx, proof, event).await?;
        Ok(task)
    })
}

/// Finds, locks and reads the tasks that a task is to wait for, in the order of their ids and each once.
///
/// # Errors
/// [`ProblemKind::NotFound`] for a task that is not in the same mission, [`ProblemKind::DependencyCycle`].
pub(super) async fn dependencies(
    tx: &mut Tx,
    cx: &OpCtx,
    task: &Task,
    wanted: &[String],
) -> Result<Vec<Dependency>, Error> {
    let mut found = Vec::new();
    for reference in wanted {
        // A name means a task of the same kluster; id and key reach the whole mission.
        let in_kluster = resolve(tx, cx, reference, Some(task.mission_id), Some(task.kluster_id)).await;
        let loaded = match in_kluster {
            Err(error) if error.kind == ProblemKind::NotFound => {
                resolve(tx, cx, reference, Some(task.mission_id), None).await?
            }
            other => other?,
        };
        found.push((loaded.task.id, loaded.task.key));
    }
    found.sort();
    found.dedup();
    if found.iter().any(|(id, _)| *id == task.id) {
        return Err(Error::new(ProblemKind::DependencyCycle, "a task cannot wait for itself"));
    }
    graph::check_acyclic(tx, task.id, &found).await?;
    let mut dependencies = Vec::with_capacity(found.len());
    for (id, key) in found {
        // Locked, so that it cannot end unseen between reading its state and committing the edge.
        if !store::lock(tx, id).await? {
            return Err(Error::not_found("task", &key));
        }
        let loaded = store::find(tx, cx.caller.organization, id)
            .await?
            .ok_or_else(|| Error::not_found("task", &key))?;
        dependencies.push(Dependency { id, key, state: loaded.task.state });
    }
    Ok(dependencies)
}
