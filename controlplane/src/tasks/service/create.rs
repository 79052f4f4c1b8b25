//! Creating a task.

use mc_api::id::TaskId;
use mc_api::overlap::{OverlapMode, TaskAnswer};
use mc_api::task::{CreateTask, Dependency, Task, TaskState};
use mc_api::{Action, ProblemKind};

use super::{check, resolve};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::embeddings::Near;
use crate::error::Error;
use crate::klusters::store::Place;
use crate::ledger::{self, Event};
use crate::missions::service::{MAX_TEXT_BYTES, check_text};
use crate::op::OpCtx;
use crate::overlap::{prepared, service as overlap};
use crate::search::index::{self, Look};
use crate::tasks::model::Loaded;
use crate::tasks::{graph, store};
use crate::{klusters, missions, rehearse_tx, write, write_tx};

/// At most this many overlapping tasks are named by one request.
pub(super) const MAX_ACKNOWLEDGED: usize = 64;
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
    check::words("/acknowledge_overlap", &request.acknowledge_overlap, MAX_ACKNOWLEDGED)?;
    check::words("/depends_on", &request.depends_on, MAX_DEPENDENCIES)
}

/// Creates a task: `ready`, or `pending` while it waits for others.
///
/// What it overlaps is found before anything is written, so that a refusal leaves nothing behind.
///
/// # Errors
/// [`ProblemKind::OverlapUnacknowledged`], [`ProblemKind::OverlapBlocked`],
/// [`ProblemKind::NameTaken`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateTask) -> Result<TaskAnswer, Error> {
    check(&request)?;
    // Numbers come from a block that is reserved in a transaction of its own, so the place is looked up first.
    let place = place(app, cx, &request).await?;
    let mission = place.kluster.mission_id;
    if let Err(error) = cx.authorize_in(Action::CreateTask, mission) {
        return Err(write::refused(app, cx, error).await);
    }
    let number = app.numbers.take(app, mission).await?;
    // Edges are made one transaction at a time, and so are tasks that a policy may refuse; others beside each other.
    let is_alone = !request.depends_on.is_empty() || place.policy.mode != OverlapMode::Suggest;
    // Where nobody waits for anybody, what is committed beside is compared afterwards anyway: the comparing is done
    // before the transaction, and on SQLite beside its only writer.
    let near = app.embeddings.known_to(cx.caller.id, &request.title, index::kept(&request.description));
    let before = if app.detects_overlap && !is_alone {
        let text = prepared::prepare(&request.title, &request.description, &request.paths);
        let mut tx = app.db.begin_read().await?;
        let saw_before = index::horizon(&mut tx).await?;
        let found = super::overlaps(&mut tx, cx, mission, &text, (None, near.clone())).await?;
        Some(Ahead { text, found, saw_before })
    } else {
        None
    };
    write_tx!(app, cx, |tx| {
        let planned = Planned { place: &place, number, is_alone, before: before.as_ref(), near: &near };
        create_in(app, tx, cx, &request, planned).await
    })
}

/// Does all that [`create`] does and keeps nothing of it; the number in the key is the one that came next.
///
/// # Errors
/// As [`create`].
pub async fn rehearse(app: &App, cx: &OpCtx, request: CreateTask) -> Result<TaskAnswer, Error> {
    rehearse_tx!(app, |tx| { create_within(app, tx, cx, &request).await })
}

/// As [`create`], in the transaction of another operation, in which the number of the task is taken too.
///
/// # Errors
/// As [`create`].
pub(crate) async fn create_within(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    request: &CreateTask,
) -> Result<TaskAnswer, Error> {
    check(request)?;
    let place = place_in(tx, cx, request).await?;
    let mission = place.kluster.mission_id;
    cx.authorize_in(Action::CreateTask, mission)?;
    missions::store::lock(tx, mission).await?;
    let number = missions::store::reserve_numbers(tx, mission, 1).await?;
    let near = app.embeddings.known_to(cx.caller.id, &request.title, index::kept(&request.description));
    let planned = Planned { place: &place, number, is_alone: true, before: None, near: &near };
    create_in(app, tx, cx, request, planned).await
}

/// What is known before the transaction of a creation.
struct Planned<'p> {
    place: &'p Place,
    number: i64,
    /// Nobody else creates in the mission meanwhile.
    is_alone: bool,
    /// What was compared before, where somebody may.
    before: Option<&'p Ahead>,
    near: &'p Near,
}

/// What a text was found to overlap, and up to where it was looked for.
struct Ahead {
    text: mc_overlap::Prepared,
    found: Vec<overlap::Compared>,
    saw_before: i64,
}

async fn create_in(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    request: &CreateTask,
    planned: Planned<'_>,
) -> Result<TaskAnswer, Error> {
    let Planned { place, number, is_alone, before, near } = planned;
    let overlap_pending = app.detects_overlap && near.is_pending;
    let proof = cx.authorize_in(Action::CreateTask, place.kluster.mission_id)?;
    let mission = place.kluster.mission_id;
    if is_alone {
        missions::store::lock(tx, mission).await?;
    }
    let mut task = draft(cx, request, place, number);
    if let Some(parent) = &request.parent {
        let parent = resolve(tx, cx, parent, Some(mission), None).await?;
        task.parent_id = Some(parent.task.id);
    }
    task.depends_on = dependencies(tx, cx, &task, &request.depends_on).await?;
    let mut loaded = Loaded { task, reviewers: Vec::new() };
    graph::settle(&mut loaded)?;
    let task = loaded.task;
    let alone = if app.detects_overlap && is_alone {
        let text = prepared::prepare(&task.title, &task.description, &task.paths);
        let found = super::overlaps(tx, cx, mission, &text, (None, near.clone())).await?;
        overlap::enforce(&place.policy, mission, &found, &request.acknowledge_overlap)?;
        Some(Ahead { text, found, saw_before: 0 })
    } else {
        None
    };
    store::insert(tx, cx.caller.organization, &task).await.map_err(|error| match (error, &task.name) {
        (DbError::Unique(_), Some(name)) => {
            Error::new(ProblemKind::NameTaken, format!("kluster {} has a task named {name}", task.kluster))
        }
        (other, _) => other.into(),
    })?;
    if !klusters::store::stands(tx, task.kluster_id).await? {
        return Err(Error::not_found("kluster", &request.kluster));
    }
    let event =
        Event { subject_kind: "task", subject_id: task.id.to_string(), body: &task, before_sha256: None };
    ledger::record(tx, cx, proof, event).await?;
    let Some(Ahead { text, found, saw_before }) = alone.as_ref().or(before) else {
        return Ok(TaskAnswer { task, overlap_suggestions: Vec::new(), overlap_pending });
    };
    let look = if is_alone { Look::Done } else { Look::Beside };
    index::insert(tx, &super::document(cx.caller.organization, &task, (look, *saw_before)), text).await?;
    let sides = (task.id.as_uuid(), super::side(&task));
    let overlap_suggestions = overlap::keep_fresh(
        tx,
        cx,
        proof,
        sides,
        overlap::best(mission, found.clone(), super::MOST_KEPT),
        &request.acknowledge_overlap,
    )
    .await?;
    Ok(TaskAnswer { task, overlap_suggestions, overlap_pending })
}

/// The task as it is asked for, before its parent, its dependencies and its state are known.
fn draft(cx: &OpCtx, request: &CreateTask, place: &Place, number: i64) -> Task {
    Task {
        kind: "task".into(),
        id: TaskId::from_uuid(cx.new_uuid()),
        key: format!("{}-{number}", place.key_prefix),
        name: request.name.clone(),
        title: request.title.clone(),
        description: request.description.clone(),
        definition_of_done: request.definition_of_done.clone(),
        mission_id: place.kluster.mission_id,
        mission: place.kluster.mission.clone(),
        kluster_id: place.kluster.id,
        kluster: place.kluster.name.clone(),
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
    }
}

/// Finds where the task is to stand.
///
/// # Errors
/// [`ProblemKind::NotFound`], naming mission or kluster.
async fn place(app: &App, cx: &OpCtx, request: &CreateTask) -> Result<Place, Error> {
    place_in(&mut app.db.begin_read().await?, cx, request).await
}

async fn place_in(tx: &mut Tx, cx: &OpCtx, request: &CreateTask) -> Result<Place, Error> {
    let scope = cx.scope(Action::ReadKluster);
    if let Some(place) = klusters::store::place(tx, scope, &request.mission, &request.kluster).await? {
        return Ok(place);
    }
    let mission = missions::service::resolve(tx, cx, &request.mission).await?;
    klusters::service::resolve(tx, cx, &request.kluster, Some(mission.id)).await?;
    Err(Error::not_found("kluster", &request.kluster))
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
