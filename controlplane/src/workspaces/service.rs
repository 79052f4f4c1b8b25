//! Loading a kluster, and looking after the lease.

use std::collections::{BTreeMap, BTreeSet};

use mc_api::artifact::Artifact;
use mc_api::doc::{Doc, NORTH_STAR, WORKSTREAM};
use mc_api::id::{TaskId, WorkspaceId};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::task::Task;
use mc_api::workspace::{
    EntryKind, HeartbeatWorkspace, IndexEntry, LoadWorkspace, LoadedWorkspace, ReleaseWorkspace, Workspace,
    WorkspaceContent, WorkspaceDoc, WorkspaceState,
};
use mc_api::{Action, ProblemKind};
use serde::{Deserialize, Serialize};

use super::model::{self, MOST_ENTRIES, MOST_LIVING};
use super::store::{self, Record};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::missions::service::{changed_meanwhile, check_text};
use crate::op::{OpCtx, Proof};
use crate::tasks::service::At;
use crate::{artifacts, docs, klusters, missions, tasks, write_tx};

pub use super::commit::commit;

/// A kluster's contents, as the rows of one transaction; the texts are read afterwards.
#[derive(Serialize, Deserialize)]
struct Rows {
    workspace: Workspace,
    docs: Vec<Doc>,
    artifacts: Vec<Artifact>,
    tasks: Vec<Task>,
    index: Vec<IndexEntry>,
}

pub(super) fn event<B: Serialize>(id: WorkspaceId, body: &B, before_sha256: Option<String>) -> Event<'_, B> {
    Event { subject_kind: "workspace", subject_id: id.to_string(), body, before_sha256 }
}

fn lease_seconds(given: Option<u32>, usual: u32) -> Result<i64, Error> {
    let seconds = given.unwrap_or(usual);
    if !(60..=3600).contains(&seconds) {
        return Err(Error::invalid("/lease_seconds", "60 to 3600 seconds"));
    }
    Ok(i64::from(seconds))
}

fn most<T>(what: &str, rows: Vec<T>) -> Result<Vec<T>, Error> {
    if i64::try_from(rows.len()).map_err(Error::internal)? > MOST_ENTRIES {
        return Err(Error::invalid(
            "/kluster",
            format!("more than {MOST_ENTRIES} {what} are not loaded at once"),
        ));
    }
    Ok(rows)
}

/// Everything that is loaded, in the order of ids, and its index.
async fn read(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    kluster: &Kluster,
) -> Result<(Vec<Doc>, Vec<Artifact>, Vec<Task>, Vec<IndexEntry>), Error> {
    let limit = MOST_ENTRIES + 1;
    let wanted = docs::store::Wanted { kluster: Some(kluster.id), limit, ..docs::store::Wanted::default() };
    let mut docs = most("docs", docs::store::list(tx, cx.scope(Action::ReadDoc), wanted).await?)?;
    let wanted = docs::store::Wanted {
        mission: Some(mission.id),
        direct: true,
        name: Some(NORTH_STAR.to_owned()),
        limit: 1,
        ..docs::store::Wanted::default()
    };
    docs.extend(docs::store::list(tx, cx.scope(Action::ReadDoc), wanted).await?);
    let wanted = tasks::store::Wanted { kluster: Some(kluster.id), limit, ..tasks::store::Wanted::default() };
    let loaded = most("tasks", tasks::store::list(tx, cx.scope(Action::ReadTask), wanted).await?)?;
    let tasks: Vec<Task> = loaded.into_iter().map(|loaded| loaded.task).collect();
    let scope = cx.scope(Action::ReadArtifact);
    let all = || artifacts::store::Wanted { limit, ..artifacts::store::Wanted::default() };
    let wanted = artifacts::store::Wanted { kluster: Some(kluster.id), ..all() };
    let mut found = artifacts::store::list(tx, scope.clone(), wanted).await?;
    let wanted = artifacts::store::Wanted { of_tasks_in: Some(kluster.id), ..all() };
    found.extend(artifacts::store::list(tx, scope, wanted).await?);
    let artifacts = most("artifacts", found)?;
    let index = index(&docs, &artifacts, &tasks);
    Ok((docs, artifacts, tasks, index))
}

fn index(docs: &[Doc], artifacts: &[Artifact], tasks: &[Task]) -> Vec<IndexEntry> {
    let mut entries: Vec<IndexEntry> = docs.iter().map(doc_entry).collect();
    let keys: BTreeMap<TaskId, &str> = tasks.iter().map(|task| (task.id, task.key.as_str())).collect();
    let mut taken = BTreeSet::new();
    for artifact in artifacts {
        let Some(task) = artifact.task_id else {
            entries.push(artifact_entry(artifact));
            continue;
        };
        // The results of a task that is gone went with it.
        let Some(key) = keys.get(&task) else { continue };
        let name = artifacts::model::safe_name(&artifact.name);
        let mut path = format!("artifacts/{key}/{name}");
        if !taken.insert(path.clone()) {
            path = format!("artifacts/{key}/{}-{name}", artifact.id);
        }
        entries.push(IndexEntry { path, readonly: true, ..artifact_entry(artifact) });
    }
    entries.extend(tasks.iter().map(|task| IndexEntry {
        path: format!("tasks/{}", task.key),
        kind: EntryKind::Task,
        id: task.id.to_string(),
        version: task.version,
        sha256: None,
        readonly: true,
    }));
    entries
}

pub(super) fn doc_entry(doc: &Doc) -> IndexEntry {
    let path = model::doc_path(doc.name.as_str());
    model::entry(path, EntryKind::Doc, doc.id.to_string(), doc.latest_version, &doc.sha256)
}

pub(super) fn artifact_entry(artifact: &Artifact) -> IndexEntry {
    let path = format!("artifacts/{}", artifact.name);
    model::entry(path, EntryKind::Artifact, artifact.id.to_string(), artifact.version, &artifact.sha256)
}

/// Loads a kluster under a lease: its docs, artifacts and tasks, and both keystones.
///
/// # Errors
/// [`ProblemKind::Validation`] when it holds more than is loaded at once, [`ProblemKind::RateLimited`] when the caller
/// holds too many, [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn load(app: &App, cx: &OpCtx, request: LoadWorkspace) -> Result<LoadedWorkspace, Error> {
    let lease_seconds = lease_seconds(request.lease_seconds, model::DEFAULT_LEASE_SECONDS)?;
    let label = request.label.unwrap_or_default();
    check_text("/label", &label, 256)?;
    check_text("/agent_id", request.agent_id.as_deref().unwrap_or_default(), 256)?;
    let rows = write_tx!(app, cx, |tx| {
        let within = klusters::service::within(tx, cx, request.mission.as_deref()).await?;
        let kluster = klusters::service::resolve(tx, cx, &request.kluster, within).await?;
        let proof = cx.authorize_in(Action::LoadWorkspace, kluster.mission_id)?;
        // No doc and no artifact is written meanwhile: the snapshot is of one moment.
        missions::store::lock(tx, kluster.mission_id).await?;
        if store::living(tx, cx.caller.id, app.clock.now()).await? >= MOST_LIVING {
            return Err(Error {
                retry_after: Some(60),
                ..Error::new(
                    ProblemKind::RateLimited,
                    format!("one principal holds at most {MOST_LIVING} living workspaces; release one"),
                )
            });
        }
        let mission = missions::service::resolve(tx, cx, &kluster.mission_id.to_string()).await?;
        let (docs, artifacts, tasks, index) = read(tx, cx, &mission, &kluster).await?;
        let workspace = Workspace {
            kind: "workspace".into(),
            id: WorkspaceId::from_uuid(cx.new_uuid()),
            label: label.clone(),
            agent_id: request.agent_id.clone(),
            mission_id: mission.id,
            mission: mission.name,
            kluster_id: kluster.id,
            kluster: kluster.name,
            holder: cx.caller.id,
            state: WorkspaceState::Active,
            lease_seconds,
            lease_until: model::lease_until(app.clock.now(), lease_seconds),
            commits: 0,
            reason: None,
            version: 1,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        let record = Record { workspace, index };
        store::insert(tx, cx.caller.organization, &record).await?;
        ledger::record(tx, cx, proof, event(record.workspace.id, &record.workspace, None)).await?;
        Ok(Rows { workspace: record.workspace, docs, artifacts, tasks, index: record.index })
    })?;
    with_texts(app, cx, rows).await
}

/// Reads the texts of a snapshot, the first of them, and puts the keystones apart.
async fn with_texts(app: &App, cx: &OpCtx, rows: Rows) -> Result<LoadedWorkspace, Error> {
    let mut loaded = LoadedWorkspace {
        workspace: rows.workspace,
        docs: Vec::with_capacity(rows.docs.len()),
        artifacts: rows.artifacts,
        tasks: rows.tasks,
        north_star: None,
        workstream: None,
        index: rows.index,
    };
    let mut room = model::MOST_TEXT_BYTES;
    for doc in rows.docs {
        room -= doc.size_bytes;
        let content = if room >= 0 {
            let id = doc.id.to_string();
            let found = docs::service::content(app, cx, &id, &At::default(), Some(doc.latest_version)).await;
            match found {
                Ok(found) => Some(found.content),
                // Deleted since the snapshot was made: the commit will say so.
                Err(error) if error.kind == ProblemKind::NotFound => None,
                Err(error) => return Err(error),
            }
        } else {
            None
        };
        let shown = WorkspaceDoc { path: model::doc_path(doc.name.as_str()), content, doc };
        match (shown.doc.keystone, shown.doc.name.as_str()) {
            (true, NORTH_STAR) => loaded.north_star = Some(shown),
            (true, WORKSTREAM) => loaded.workstream = Some(shown),
            _ => loaded.docs.push(shown),
        }
    }
    Ok(loaded)
}

/// A workspace in a mission that the caller may see.
async fn find(tx: &mut Tx, app: &App, cx: &OpCtx, reference: &str) -> Result<Record, Error> {
    let absent = || Error::not_found("workspace", reference);
    let id: WorkspaceId = reference.parse().map_err(|_| absent())?;
    let scope = cx.scope(Action::ReadWorkspace);
    store::find(tx, scope, id, app.clock.now()).await?.ok_or_else(absent)
}

/// A workspace that the caller holds, for an action.
pub(super) async fn held(
    tx: &mut Tx,
    app: &App,
    cx: &OpCtx,
    reference: &str,
    action: Action,
) -> Result<(Record, Proof), Error> {
    let record = find(tx, app, cx, reference).await?;
    let proof = cx.authorize_in(action, record.workspace.mission_id)?;
    if record.workspace.holder != cx.caller.id {
        return Err(lost(&record.workspace, "is held by somebody else"));
    }
    Ok((record, proof))
}

/// As [`held`], locked, and with a lease that lives.
pub(super) async fn live(
    tx: &mut Tx,
    app: &App,
    cx: &OpCtx,
    reference: &str,
    action: Action,
) -> Result<(Record, Proof), Error> {
    let (record, proof) = held(tx, app, cx, reference, action).await?;
    if !store::lock(tx, record.workspace.id).await? {
        return Err(Error::not_found("workspace", reference));
    }
    let record = find(tx, app, cx, reference).await?;
    match record.workspace.state {
        WorkspaceState::Active => Ok((record, proof)),
        WorkspaceState::Released => Err(lost(&record.workspace, "was released")),
        WorkspaceState::Expired => Err(lost(&record.workspace, "has a lease that ran out")),
    }
}

fn lost(workspace: &Workspace, why: &str) -> Error {
    Error::new(ProblemKind::LeaseLost, format!("workspace {} {why}; load the kluster again", workspace.id))
}

/// The lease of a workspace.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Workspace, Error> {
    Ok(find(&mut app.db.begin_read().await?, app, cx, reference).await?.workspace)
}

/// Renews the lease.
///
/// # Errors
/// [`ProblemKind::LeaseLost`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn heartbeat(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: HeartbeatWorkspace,
) -> Result<Workspace, Error> {
    let given = request.lease_seconds.map(|given| lease_seconds(Some(given), given)).transpose()?;
    write_tx!(app, cx, |tx| {
        let (before, _) = live(tx, app, cx, reference, Action::LoadWorkspace).await?;
        let mut after = before.clone();
        after.workspace.lease_seconds = given.unwrap_or(before.workspace.lease_seconds);
        after.workspace.lease_until = model::lease_until(app.clock.now(), after.workspace.lease_seconds);
        save(tx, cx, &before, after, None).await
    })
}

/// Gives the workspace back. Giving it back again changes nothing.
///
/// # Errors
/// [`ProblemKind::LeaseLost`] when somebody else holds it, [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn release(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: ReleaseWorkspace,
) -> Result<Workspace, Error> {
    check_text("/reason", request.reason.as_deref().unwrap_or_default(), 2000)?;
    write_tx!(app, cx, |tx| {
        let (found, proof) = held(tx, app, cx, reference, Action::ReleaseWorkspace).await?;
        store::lock(tx, found.workspace.id).await?;
        let before = find(tx, app, cx, reference).await?;
        if before.workspace.state == WorkspaceState::Released {
            return Ok(before.workspace);
        }
        let mut after = before.clone();
        after.workspace.state = WorkspaceState::Released;
        after.workspace.reason.clone_from(&request.reason);
        let after = save(tx, cx, &before, after, Some(cx.now())).await?;
        let digest = ledger::digest_of(&before.workspace)?;
        ledger::record(tx, cx, proof, event(after.id, &after, digest)).await?;
        Ok(after)
    })
}

/// Writes the next state of a workspace.
pub(super) async fn save(
    tx: &mut Tx,
    cx: &OpCtx,
    before: &Record,
    mut after: Record,
    released_at: Option<mc_api::Timestamp>,
) -> Result<Workspace, Error> {
    after.workspace.version += 1;
    after.workspace.updated_at = cx.now();
    if !store::replace(tx, before, &after, released_at).await? {
        return Err(changed_meanwhile());
    }
    Ok(after.workspace)
}

/// Which content of a workspace.
#[derive(Debug, Clone)]
pub enum Which {
    /// Behind this path.
    Path(String),
    /// Of the doc or artifact with this id.
    Id(String),
}

/// What a path stood for when it was loaded, with its content: a doc's text in that version, or an artifact of at most
/// 512 KiB (larger ones are at `/api/v1/artifacts/{ref}/content`). Downloads of artifacts are in the ledger.
///
/// # Errors
/// [`ProblemKind::NotFound`] for a path or an id that was not loaded, or whose object is gone since; [`ProblemKind::LeaseLost`],
/// [`ProblemKind::Validation`] for a task or a large artifact.
pub async fn fetch(app: &App, cx: &OpCtx, reference: &str, which: &Which) -> Result<WorkspaceContent, Error> {
    let record = {
        let mut tx = app.db.begin_read().await?;
        let record = find(&mut tx, app, cx, reference).await?;
        if record.workspace.holder != cx.caller.id {
            return Err(lost(&record.workspace, "is held by somebody else"));
        }
        record
    };
    if record.workspace.state != WorkspaceState::Active {
        return Err(lost(&record.workspace, "has no living lease"));
    }
    let entry = record.index.into_iter().find(|entry| match which {
        Which::Path(path) => entry.path == *path,
        Which::Id(id) => entry.id == *id,
    });
    let entry = entry.ok_or_else(|| match which {
        Which::Path(path) => Error::not_found("path", path),
        Which::Id(id) => Error::not_found("object of this workspace", id),
    })?;
    let (mut doc, mut artifact) = (None, None);
    match entry.kind {
        EntryKind::Doc => {
            let number = Some(entry.version);
            doc = Some(docs::service::content(app, cx, &entry.id, &At::default(), number).await?);
        }
        EntryKind::Artifact => artifact = Some(artifacts::tools::download(app, cx, &entry.id).await?),
        EntryKind::Task => {
            return Err(Error::invalid("/path", "a task has no content; read it with get_task"));
        }
    }
    Ok(WorkspaceContent { entry, doc, artifact })
}
