//! Operations on tasks.

mod check;
mod claims;
mod counts;
mod create;
pub(crate) mod held;
mod moves;
mod overlaps;
mod update;

use mc_api::id::{KlusterId, MissionId, PrincipalId, TaskId};
use mc_api::task::{Task, TaskState};
use mc_api::{Action, Name, Page, ProblemKind};

use super::model::Loaded;
use super::{graph, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{OpCtx, Proof};
use crate::{klusters, missions};

pub(crate) use check::{
    note as check_note, stored as check_stored, text_of as check_text_of, words as check_words,
};
pub use claims::{claim, claim_next, heartbeat};
pub use counts::{counts_by_kluster, counts_by_mission};
pub(crate) use create::create_within;
pub use create::{create, rehearse};
pub use moves::{accept, block, cancel, complete, fail, progress, reject, release, retry, unblock};
use overlaps::{MOST_KEPT, document, overlaps, side};
pub(crate) use overlaps::{
    call_off, finish_elsewhere, index_missing, is_called_off, is_done, moved, state_of, wait_for,
};
pub(crate) use update::update_in;
pub use update::{delete, update};

/// Where names are looked for.
#[derive(Debug, Clone, Default)]
pub struct At {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
}

/// What a list of tasks is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Only this one.
    pub id: Option<TaskId>,
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// Of this kluster.
    pub kluster: Option<KlusterId>,
    /// With this name.
    pub name: Option<String>,
    /// In one of these states.
    pub states: Option<Vec<TaskState>>,
    /// Naming this runtime.
    pub runtime: Option<Name>,
    /// With these labels.
    pub labels: Vec<(String, Option<String>)>,
    /// Whose newest claim lives and is of this holder.
    pub held_by: Option<Holder>,
}

/// Who holds a claim.
#[derive(Debug, Clone)]
pub enum Holder {
    /// By id.
    Id(PrincipalId),
    /// By name.
    Name(String),
}

impl Holder {
    /// Whom an id or a name means.
    pub fn named(reference: String) -> Self {
        reference.parse().map_or(Self::Name(reference), Self::Id)
    }
}

/// Finds mission and kluster that a request names.
pub(crate) async fn within(
    tx: &mut Tx,
    cx: &OpCtx,
    at: &At,
) -> Result<(Option<MissionId>, Option<KlusterId>), Error> {
    let mission = match &at.mission {
        Some(mission) => Some(missions::service::resolve(tx, cx, mission).await?.id),
        None => None,
    };
    let kluster = match &at.kluster {
        Some(kluster) => Some(klusters::service::resolve(tx, cx, kluster, mission).await?.id),
        None => None,
    };
    Ok((mission, kluster))
}

/// Finds a task that the caller may read: by id, key, or name.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::AmbiguousReference`] for a name that several klusters use.
pub(crate) async fn resolve(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    mission: Option<MissionId>,
    kluster: Option<KlusterId>,
) -> Result<Loaded, Error> {
    let scope = cx.scope(Action::ReadTask);
    let base = store::Wanted { mission, kluster, limit: 2, ..store::Wanted::default() };
    if let Ok(id) = reference.parse::<TaskId>() {
        let wanted = store::Wanted { ids: Some(vec![id]), ..base };
        return store::list(tx, scope, wanted)
            .await?
            .pop()
            .ok_or_else(|| Error::not_found("task", reference));
    }
    let wanted = store::Wanted { key: Some(reference.to_owned()), ..base.clone() };
    if let Some(found) = store::list(tx, scope.clone(), wanted).await?.pop() {
        return Ok(found);
    }
    let wanted = store::Wanted { name: Some(reference.to_owned()), ..base };
    let mut found = store::list(tx, scope, wanted).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Error::not_found("task", reference)),
        (Some(loaded), true) => Ok(loaded),
        (Some(_), false) => Err(Error::new(
            ProblemKind::AmbiguousReference,
            format!("several klusters have a task {reference:?}; name mission and kluster, or use the key"),
        )),
    }
}

/// The task of a kluster with this name, whatever other tasks have it for a key.
pub(crate) async fn named(
    tx: &mut Tx,
    cx: &OpCtx,
    kluster: KlusterId,
    name: &Name,
) -> Result<Option<Task>, Error> {
    let name = Some(name.to_string());
    let wanted = store::Wanted { kluster: Some(kluster), name, limit: 1, ..store::Wanted::default() };
    Ok(store::list(tx, cx.scope(Action::ReadTask), wanted).await?.pop().map(|loaded| loaded.task))
}

/// Finds a task for a change, asks for the action, locks and reads it again, and compares `If-Match`.
async fn open(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    action: Action,
) -> Result<(Loaded, Proof), Error> {
    let (loaded, proof) = open_beside(tx, cx, reference, at, action).await?;
    cx.check_version(loaded.task.version)?;
    Ok((loaded, proof))
}

/// As [`open`], for a task that changes with something else, whose version `If-Match` names.
async fn open_beside(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    action: Action,
) -> Result<(Loaded, Proof), Error> {
    let (mission, kluster) = within(tx, cx, at).await?;
    let found = resolve(tx, cx, reference, mission, kluster).await?;
    let proof = cx.authorize_in(action, found.task.mission_id)?;
    let gone = || Error::not_found("task", reference);
    if !store::lock(tx, found.task.id).await? {
        return Err(gone());
    }
    let loaded = store::find(tx, cx.caller.organization, found.task.id).await?.ok_or_else(gone)?;
    Ok((loaded, proof))
}

/// Saves a changed task, records it, and settles those that wait when it ended (or came back from failure).
async fn save(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    before: &Loaded,
    mut after: Loaded,
) -> Result<Task, Error> {
    if after == *before {
        return Ok(after.task);
    }
    after.task.version += 1;
    after.task.updated_at = cx.now();
    if !store::replace(tx, before, &after).await? {
        return Err(changed_meanwhile());
    }
    record(tx, cx, proof, before, &after).await?;
    if after.task.state.is_terminal() && before.task.state != after.task.state {
        let organization = cx.caller.organization;
        for change in graph::settle_dependents(tx, organization, after.task.id, cx.now()).await? {
            record(tx, cx, proof, &change.before, &change.after).await?;
            moved(tx, cx, proof, &change.before, &change.after).await?;
        }
    }
    moved(tx, cx, proof, before, &after).await?;
    Ok(after.task)
}

async fn record(tx: &mut Tx, cx: &OpCtx, proof: Proof, before: &Loaded, after: &Loaded) -> Result<(), Error> {
    let event = Event {
        subject_kind: "task",
        subject_id: after.task.id.to_string(),
        body: &after.task,
        before_sha256: ledger::digest_of(&before.task)?,
    };
    ledger::record(tx, cx, proof, event).await
}

/// One task by id, key or name.
pub async fn get(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<Task, Error> {
    let mut tx = app.db.begin_read().await?;
    let (mission, kluster) = within(&mut tx, cx, at).await?;
    Ok(resolve(&mut tx, cx, reference, mission, kluster).await?.task)
}

/// A page of tasks in the order of their ids, which is the order of their creation.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<TaskId>,
    narrow: Narrow,
) -> Result<Page<Task>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted {
        ids: narrow.id.map(|id| vec![id]),
        mission: narrow.mission,
        kluster: narrow.kluster,
        name: narrow.name,
        states: narrow.states,
        runtime: narrow.runtime,
        labels: narrow.labels,
        held_by: narrow.held_by,
        after: page.after,
        limit: page.fetch(),
        ..store::Wanted::default()
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadTask), wanted).await?;
    Ok(page.cut(app, rows.into_iter().map(|loaded| loaded.task).collect(), |task| task.id))
}
