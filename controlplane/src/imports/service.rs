//! Importing rows.

use mc_api::apply::{ApplyResult, ImportAnswer, ImportRow, ImportTasks, ImportedRow, MAX_ROWS};
use mc_api::id::{KlusterId, MissionId};
use mc_api::task::{CreateTask, OnDependencyFailure, Task, TaskState, UpdateTask};
use mc_api::{Action, FieldError, ProblemKind};
use mc_ledger::sha256;

use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::{Against, Error};
use crate::op::OpCtx;
use crate::tasks::service::{self as tasks, At};
use crate::{klusters, missions, write};

/// Where rows go.
struct Place<'a> {
    mission: MissionId,
    kluster: KlusterId,
    source: &'a str,
    acknowledge: &'a [String],
}

/// What one row came to.
struct Done {
    result: ApplyResult,
    key: Option<String>,
    overlaps: Vec<String>,
    note: Option<FieldError>,
}

/// Imports rows: each is created, changed or left as it is, found again by its external id.
///
/// # Errors
/// [`ProblemKind::Validation`] for the request itself, [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`]. What is
/// wrong with a row is said in the answer.
pub async fn import(app: &App, cx: &OpCtx, request: ImportTasks) -> Result<ImportAnswer, Error> {
    check(&request)?;
    let (mission, kluster) = {
        let mut tx = app.db.begin_read().await?;
        let mission = missions::service::resolve(&mut tx, cx, &request.mission).await?;
        let kluster = klusters::service::resolve(&mut tx, cx, &request.kluster, Some(mission.id)).await?;
        (mission.id, kluster.id)
    };
    for action in [Action::CreateTask, Action::UpdateTask] {
        if let Err(error) = cx.authorize_in(action, mission) {
            return Err(write::refused(app, cx, error).await);
        }
    }
    let place =
        Place { mission, kluster, source: &request.source, acknowledge: &request.acknowledge_overlap };
    if !request.continue_on_error || request.dry_run {
        return batch(app, cx, &place, &request.rows, request.dry_run).await;
    }
    let mut answer = ImportAnswer { rows: Vec::with_capacity(request.rows.len()), committed: true };
    for row in &request.rows {
        let one = batch(app, cx, &place, std::slice::from_ref(row), false).await?;
        answer.rows.extend(one.rows);
    }
    Ok(answer)
}

fn check(request: &ImportTasks) -> Result<(), Error> {
    if !(1..=128).contains(&request.source.len()) || request.source.chars().any(char::is_control) {
        return Err(Error::invalid("/source", "1 to 128 bytes without control characters"));
    }
    if !(1..=MAX_ROWS).contains(&request.rows.len()) {
        return Err(Error::invalid("/rows", format!("1 to {MAX_ROWS} rows; send more in parts")));
    }
    Ok(())
}

/// One transaction: kept when every row is good, and it is no dry run.
async fn batch(
    app: &App,
    cx: &OpCtx,
    place: &Place<'_>,
    rows: &[ImportRow],
    is_dry: bool,
) -> Result<ImportAnswer, Error> {
    let mut run = 0;
    loop {
        run += 1;
        let mut tx = app.db.begin_write().await?;
        let outcome = Box::pin(all(app, &mut tx, cx, place, rows)).await;
        match outcome {
            Ok(rows) if is_dry || rows.iter().any(|row| row.result == ApplyResult::Failed) => {
                return Ok(ImportAnswer { rows, committed: false });
            }
            outcome => match write::finish_system(app, tx, outcome, run).await {
                std::ops::ControlFlow::Break(done) => {
                    return done.map(|rows| ImportAnswer { rows, committed: true });
                }
                std::ops::ControlFlow::Continue(()) => {}
            },
        }
    }
}

async fn all(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    place: &Place<'_>,
    rows: &[ImportRow],
) -> Result<Vec<ImportedRow>, Error> {
    missions::store::lock(tx, place.mission).await?;
    let mut told = Vec::with_capacity(rows.len());
    for row in rows {
        let base = ImportedRow {
            line: row.line,
            external_id: row.external_id.clone(),
            result: ApplyResult::Failed,
            key: None,
            errors: Vec::new(),
            overlaps: Vec::new(),
        };
        told.push(match Box::pin(one(app, tx, cx, place, row)).await {
            Ok(done) => ImportedRow {
                result: done.result,
                key: done.key,
                overlaps: done.overlaps,
                errors: done.note.into_iter().collect(),
                ..base
            },
            // What concerns the transaction and not the row.
            Err(error)
                if error.is_retry()
                    || matches!(error.kind, ProblemKind::Internal | ProblemKind::Unavailable) =>
            {
                return Err(error);
            }
            Err(error) => refused(base, error),
        });
    }
    Ok(told)
}

/// A row with what is wrong with it.
fn refused(row: ImportedRow, error: Error) -> ImportedRow {
    let overlaps = match &error.against {
        Against::Overlaps(found) => found
            .iter()
            .map(|one| one.candidate.key.clone().unwrap_or_else(|| one.candidate.id.clone()))
            .collect(),
        _ => Vec::new(),
    };
    let mut errors = error.errors;
    if errors.is_empty() {
        let pointer = if overlaps.is_empty() { "" } else { "/title" };
        errors.push(FieldError { pointer: pointer.to_owned(), message: error.detail });
    }
    ImportedRow { errors, overlaps, ..row }
}

async fn one(app: &App, tx: &mut Tx, cx: &OpCtx, place: &Place<'_>, row: &ImportRow) -> Result<Done, Error> {
    if !(1..=256).contains(&row.external_id.len()) || row.external_id.chars().any(char::is_control) {
        return Err(Error::invalid("/external_id", "1 to 256 bytes without control characters"));
    }
    let digest = digest(row)?;
    let known = store::find(tx, place.mission, place.source, &row.external_id).await?;
    let Some(known) = known else { return create(app, tx, cx, place, row, digest).await };
    let found = tasks::resolve(tx, cx, &known.task_id.to_string(), Some(place.mission), None).await;
    let task = match found {
        Ok(found) => found.task,
        Err(error) if error.kind == ProblemKind::NotFound => {
            return Ok(skipped("its task was deleted here; it is not made again"));
        }
        Err(error) => return Err(error),
    };
    if known.row_sha256 == digest {
        return Ok(Done { key: Some(task.key), ..plain(ApplyResult::Unchanged) });
    }
    let done = update(app, tx, cx, place, row, &task).await?;
    store::put(
        tx,
        (cx.caller.organization, place.mission),
        (place.source, &row.external_id),
        task.id,
        digest,
        cx.now(),
    )
    .await?;
    Ok(done)
}

fn plain(result: ApplyResult) -> Done {
    Done { result, key: None, overlaps: Vec::new(), note: None }
}

fn skipped(why: &str) -> Done {
    let note = FieldError { pointer: String::new(), message: why.to_owned() };
    Done { note: Some(note), ..plain(ApplyResult::Skipped) }
}

/// The digest of what a row says; where it stood does not count.
fn digest(row: &ImportRow) -> Result<String, Error> {
    let row = ImportRow { line: 0, ..row.clone() };
    let text = serde_json::to_vec(&row).map_err(Error::internal)?;
    Ok(sha256(&text).to_string())
}

async fn create(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    place: &Place<'_>,
    row: &ImportRow,
    digest: String,
) -> Result<Done, Error> {
    if row.closed {
        return Ok(skipped("it is closed where it comes from"));
    }
    let request = CreateTask {
        mission: place.mission.to_string(),
        kluster: place.kluster.to_string(),
        title: row.title.clone(),
        name: None,
        description: row.description.clone(),
        definition_of_done: row.definition_of_done.clone(),
        parent: None,
        priority: row.priority.unwrap_or(50),
        runtime: row.runtime.clone(),
        capabilities: row.capabilities.clone(),
        paths: row.paths.clone(),
        depends_on: dependencies(tx, place, row).await?,
        on_dependency_failure: OnDependencyFailure::Block,
        review_gates: 0,
        max_attempts: 3,
        labels: row.labels.clone(),
        annotations: row.annotations.clone(),
        acknowledge_overlap: place.acknowledge.to_vec(),
    };
    let answer = tasks::create_within(app, tx, cx, &request).await?;
    let id = answer.task.id;
    store::put(
        tx,
        (cx.caller.organization, place.mission),
        (place.source, &row.external_id),
        id,
        digest,
        cx.now(),
    )
    .await?;
    let key_of = |side: &mc_api::overlap::OverlapSide| side.key.clone().unwrap_or_else(|| side.id.clone());
    Ok(Done {
        result: ApplyResult::Created,
        key: Some(answer.task.key),
        overlaps: answer.overlap_suggestions.iter().map(|one| key_of(&one.candidate)).collect(),
        note: None,
    })
}

/// The ids of the tasks that a row waits for. What was never imported because it was closed holds nothing up.
async fn dependencies(tx: &mut Tx, place: &Place<'_>, row: &ImportRow) -> Result<Vec<String>, Error> {
    let mut found = Vec::with_capacity(row.depends_on.len());
    for (index, external) in row.depends_on.iter().enumerate() {
        let known = store::find(tx, place.mission, place.source, external).await?;
        let known = known.ok_or_else(|| {
            let shown: String = external.chars().take(64).collect();
            let message = format!("no row with the external id {shown:?} was imported before this one");
            Error::invalid(format!("/depends_on/{index}"), message)
        })?;
        found.push(known.task_id.to_string());
    }
    Ok(found)
}

async fn update(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    place: &Place<'_>,
    row: &ImportRow,
    task: &Task,
) -> Result<Done, Error> {
    let is_idle = matches!(task.state, TaskState::Pending | TaskState::Ready | TaskState::Blocked);
    if row.closed {
        if is_idle {
            let (id, why) = (task.id.to_string(), format!("closed in {}", place.source));
            if row.not_planned {
                tasks::call_off(tx, cx, &id, why).await?;
            } else {
                tasks::finish_elsewhere(tx, cx, &id, why).await?;
            }
            return Ok(Done { key: Some(task.key.clone()), ..plain(ApplyResult::Configured) });
        }
        return Ok(Done { key: Some(task.key.clone()), ..plain(ApplyResult::Unchanged) });
    }
    let wanted = dependencies(tx, place, row).await?;
    let are: Vec<String> = task.depends_on.iter().map(|on| on.id.to_string()).collect();
    let set = |list: &[String]| list.iter().cloned().collect::<std::collections::BTreeSet<_>>();
    let patch = UpdateTask {
        title: (task.title != row.title).then(|| row.title.clone()),
        description: (task.description != row.description).then(|| Some(row.description.clone())),
        definition_of_done: (task.definition_of_done != row.definition_of_done)
            .then(|| Some(row.definition_of_done.clone())),
        priority: row.priority.filter(|priority| *priority != task.priority).map(Some),
        runtime: (task.runtime != row.runtime).then(|| row.runtime.clone()),
        capabilities: (task.capabilities != row.capabilities).then(|| Some(row.capabilities.clone())),
        paths: (task.paths != row.paths).then(|| Some(row.paths.clone())),
        depends_on: (set(&are) != set(&wanted)).then_some(Some(wanted)),
        labels: (task.labels != row.labels).then(|| Some(row.labels.clone())),
        annotations: (task.annotations != row.annotations).then(|| Some(row.annotations.clone())),
        acknowledge_overlap: place.acknowledge.to_vec(),
        ..UpdateTask::default()
    };
    let (before, answer) =
        tasks::update_in(app, tx, cx, &task.id.to_string(), &At::default(), &patch).await?;
    let result = if before == answer.task { ApplyResult::Unchanged } else { ApplyResult::Configured };
    Ok(Done { key: Some(task.key.clone()), ..plain(result) })
}
