//! What tasks have to do with overlaps of work.

use mc_api::Action;
use mc_api::id::{MissionId, OrganizationId};
use mc_api::overlap::OverlapSide;
use mc_api::task::{Task, TaskState};
use mc_overlap::Prepared;
use uuid::Uuid;

use super::{At, create, open_beside, save};
use crate::app::App;
use crate::db::Tx;
use crate::embeddings::Near;
use crate::error::Error;
use crate::op::{OpCtx, Proof};
use crate::overlap::prepared;
use crate::overlap::service::{self, Asked, Compared};
use crate::search::index::{self, Document, Family, Look};
use crate::system_tx;
use crate::tasks::model::{self, Loaded};
use crate::tasks::{graph, store};

/// At most this many suggestions are kept for one mutation.
pub(super) const MOST_KEPT: usize = 5;
/// How many tasks are indexed in one round.
const BATCH: i64 = 200;

/// The task as it is indexed.
pub(super) fn document(
    organization: OrganizationId,
    task: &Task,
    (look, saw_before): (Look, i64),
) -> Document<'_> {
    Document {
        organization,
        mission: task.mission_id,
        kluster: Some(task.kluster_id),
        kind: "task",
        id: task.id.as_uuid(),
        key: Some(&task.key),
        title: &task.title,
        body: &task.description,
        content: None,
        paths: &task.paths,
        done: is_done(task.state),
        look,
        saw_before,
        at: task.updated_at,
    }
}

/// Indexes tasks that the index lacks, or has in the form of another version. Returns how many.
///
/// # Errors
/// Database failures; the next round tries again.
pub(crate) async fn index_missing(app: &App) -> Result<usize, Error> {
    let mut tx = app.db.begin_read().await?;
    let missing = store::not_indexed(&mut tx, app.organization, mc_overlap::INDEX_VERSION, BATCH).await?;
    drop(tx);
    for (id,) in &missing {
        system_tx!(app, |tx| {
            if !store::lock(tx, *id).await? {
                return Ok(());
            }
            let Some(loaded) = store::find(tx, app.organization, *id).await? else { return Ok(()) };
            let task = loaded.task;
            let text = prepared::prepare(&task.title, &task.description, &task.paths);
            let document = document(app.organization, &task, (Look::Everything, 0));
            index::replace(tx, &document, &text).await?;
            crate::crash::point("index-before-commit").await;
            Ok(())
        })?;
        crate::crash::point("index-after-commit").await;
    }
    Ok(missing.len())
}

/// Work that is finished or given up is no work that somebody else still does.
pub(crate) fn is_done(state: TaskState) -> bool {
    matches!(state, TaskState::Done | TaskState::Cancelled)
}

/// The task as one side of an overlap.
pub(super) fn side(task: &Task) -> OverlapSide {
    OverlapSide {
        kind: "task".into(),
        id: task.id.to_string(),
        key: Some(task.key.clone()),
        title: task.title.clone(),
        mission_id: task.mission_id,
        done: is_done(task.state),
    }
}

/// What a task's words overlap, among everything that the caller may read.
pub(super) async fn overlaps(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: MissionId,
    text: &Prepared,
    (own, near): (Option<Uuid>, Near),
) -> Result<Vec<Compared>, Error> {
    let scope = cx.scope(Action::ReadTask);
    let asked = Asked { family: Family::Work, mission, own, scope, after: 0, near };
    service::examine(tx, cx.caller.organization, &asked, text).await
}

/// Says in the index whether a task's work is finished, and ends suggestions that an end makes pointless.
pub(crate) async fn moved(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    before: &Loaded,
    after: &Loaded,
) -> Result<(), Error> {
    let (was, task) = (&before.task, &after.task);
    if is_done(was.state) == is_done(task.state) {
        return Ok(());
    }
    let id = task.id.as_uuid();
    index::mark(tx, id, is_done(task.state)).await?;
    match task.state {
        TaskState::Done => service::finish(tx, cx, proof, id, &side(task)).await,
        TaskState::Cancelled => service::expire(tx, cx, proof, id, "the task was cancelled").await,
        _ => Ok(()),
    }
}

/// Whether a task is there and cancelled.
pub(crate) async fn is_called_off(tx: &mut Tx, app: &App, task: Uuid) -> Result<bool, Error> {
    let found = store::find(tx, app.organization, mc_api::id::TaskId::from_uuid(task)).await?;
    Ok(found.is_some_and(|found| found.task.state == TaskState::Cancelled))
}

/// The state of a task by its id.
pub(crate) async fn state_of(tx: &mut Tx, cx: &OpCtx, task: &str) -> Result<TaskState, Error> {
    Ok(super::resolve(tx, cx, task, None, None).await?.task.state)
}

/// Makes a task wait for another one of its mission, whose lock is held.
pub(crate) async fn wait_for(tx: &mut Tx, cx: &OpCtx, task: &str, other: &str) -> Result<(), Error> {
    let (before, proof) = open_beside(tx, cx, task, &At::default(), Action::UpdateTask).await?;
    let idle = matches!(before.task.state, TaskState::Pending | TaskState::Ready | TaskState::Blocked);
    if !idle {
        return Err(Error::new(
            mc_api::ProblemKind::InvalidTransition,
            format!(
                "task {} is {}: dependencies change only before the work",
                before.task.key, before.task.state
            ),
        ));
    }
    let mut wanted: Vec<String> = before.task.depends_on.iter().map(|other| other.id.to_string()).collect();
    wanted.push(other.to_owned());
    if wanted.len() > create::MAX_DEPENDENCIES {
        return Err(Error::invalid("/depends_on", format!("at most {} entries", create::MAX_DEPENDENCIES)));
    }
    let mut after = before.clone();
    after.task.depends_on = create::dependencies(tx, cx, &before.task, &wanted).await?;
    store::delete_edges(tx, before.task.id).await?;
    for dependency in &after.task.depends_on {
        store::insert_edge(tx, before.task.id, dependency.id).await?;
    }
    graph::settle(&mut after)?;
    save(tx, cx, proof, &before, after).await.map(|_| ())
}

/// Calls a task off in favour of another.
/// Ends a task that nobody works on as done: it was finished where it came from.
pub(crate) async fn finish_elsewhere(tx: &mut Tx, cx: &OpCtx, task: &str, why: String) -> Result<(), Error> {
    let (before, proof) = open_beside(tx, cx, task, &At::default(), Action::SteerTask).await?;
    let mut after = before.clone();
    model::finish_elsewhere(&mut after.task, why)?;
    save(tx, cx, proof, &before, after).await.map(|_| ())
}

pub(crate) async fn call_off(tx: &mut Tx, cx: &OpCtx, task: &str, why: String) -> Result<(), Error> {
    let (before, proof) = open_beside(tx, cx, task, &At::default(), Action::SteerTask).await?;
    let mut after = before.clone();
    model::cancel(&mut after.task, Some(why))?;
    save(tx, cx, proof, &before, after).await.map(|_| ())
}
