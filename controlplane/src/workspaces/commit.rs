//! Committing a change set: all of it, or nothing.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use mc_api::artifact::Artifact;
use mc_api::doc::{DEFAULT_MEDIA_TYPE, Doc, NORTH_STAR};
use mc_api::id::MissionId;
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::overlap::OverlapSuggestion;
use mc_api::workspace::{Change, ChangeOp, CommitWorkspace, CommittedWorkspace, IndexEntry};
use mc_api::{Action, Conflict, ConflictReason, Labels, Name, ProblemKind};
use serde::Serialize;

use super::model::{self, Base, Current, MOST_CHANGES, Place};
use super::service::{artifact_entry, doc_entry, event, held, live, save};
use crate::app::App;
use crate::artifacts::model::MAX_CONTENT_BYTES as MAX_ARTIFACT_BYTES;
use crate::artifacts::service::Bytes as ArtifactBytes;
use crate::db::Tx;
use crate::docs::service::{New, Text};
use crate::error::{Against, Error};
use crate::objects::ObjectStore as _;
use crate::op::{Idempotency, OpCtx};
use crate::overlap::texts::Watch;
use crate::write::{self, hex_digest};
use crate::{artifacts, crash, docs, ledger, missions, write_tx};

/// What is to be written, its bytes stored.
enum Content {
    Nothing,
    Doc(Text),
    Artifact(ArtifactBytes),
}

/// A change that was checked as far as that is possible without the database.
struct Prepared {
    change: Change,
    place: Place,
    content: Content,
}

/// What is at a place now.
enum There {
    Nothing,
    Doc(Doc),
    Artifact(Artifact),
}

/// What the ledger says of a commit, beside the events of its changes.
#[derive(Serialize)]
struct Committed<'a> {
    workspace: String,
    kluster: &'a str,
    note: &'a str,
    changes: Vec<CommittedChange<'a>>,
}

#[derive(Serialize)]
struct CommittedChange<'a> {
    path: &'a str,
    op: ChangeOp,
    before_version: Option<i64>,
    before_sha256: Option<String>,
    after_version: Option<i64>,
    after_sha256: Option<String>,
}

/// Refuses what breaks a rule whatever is stored. What has no place at all is left to the list of conflicts.
fn check(request: &CommitWorkspace) -> Result<(), Error> {
    if !(1..=MOST_CHANGES).contains(&request.changes.len()) {
        return Err(Error::invalid("/changes", format!("1 to {MOST_CHANGES} changes")));
    }
    docs::model::check_note(&request.note)?;
    let mut paths = BTreeSet::new();
    for (index, change) in request.changes.iter().enumerate() {
        let at = format!("/changes/{index}");
        missions::service::check_text(&format!("{at}/path"), &change.path, 512)?;
        if !paths.insert(&change.path) {
            return Err(Error::invalid(format!("{at}/path"), "another change names the same path"));
        }
        let given = usize::from(change.text.is_some()) + usize::from(change.content_base64.is_some());
        match change.op {
            ChangeOp::Delete if given != 0 => {
                return Err(Error::invalid(at, "a deletion has no content"));
            }
            ChangeOp::Create | ChangeOp::Update if given != 1 => {
                return Err(Error::invalid(at, "give exactly one of text and content_base64"));
            }
            ChangeOp::Create | ChangeOp::Update | ChangeOp::Delete => {}
        }
        if change.op == ChangeOp::Create && change.base_version.is_some() {
            return Err(Error::invalid(format!("{at}/base_version"), "what is created has no base"));
        }
        if let Some(title) = &change.title {
            docs::model::check_title(&format!("{at}/title"), title)?;
        }
        if let Some(media_type) = &change.media_type {
            artifacts::model::check_media_type(media_type)?;
        }
        let is_doc = matches!(model::place(&change.path), Place::Doc(_) | Place::NorthStar);
        if is_doc && change.content_base64.is_some() {
            return Err(Error::invalid(format!("{at}/content_base64"), "a doc is text"));
        }
        if let (true, Some(text)) = (is_doc, &change.text) {
            docs::model::check_content(&format!("{at}/text"), text)?;
        }
    }
    Ok(())
}

/// What each change needs beside the commit itself.
fn actions(place: &Place, op: ChangeOp) -> Option<Action> {
    match (place, op) {
        (Place::Doc(_) | Place::NorthStar, ChangeOp::Create) => Some(Action::CreateDoc),
        (Place::Doc(_) | Place::NorthStar, ChangeOp::Update) => Some(Action::UpdateDoc),
        (Place::Doc(_) | Place::NorthStar, ChangeOp::Delete) => Some(Action::DeleteDoc),
        (Place::Artifact(_), ChangeOp::Create) => Some(Action::CreateArtifact),
        (Place::Artifact(_), ChangeOp::Update) => Some(Action::ReplaceArtifact),
        (Place::Artifact(_), ChangeOp::Delete) => Some(Action::DeleteArtifact),
        (Place::Readonly | Place::Unsupported, _) => None,
    }
}

/// Stores the bytes of a change.
async fn prepare(app: &App, mission: MissionId, index: usize, mut change: Change) -> Result<Prepared, Error> {
    let place = model::place(&change.path);
    let (text, encoded) = (change.text.take(), change.content_base64.take());
    let content = match (&place, text, encoded) {
        (Place::Readonly | Place::Unsupported, _, _) | (_, None, None) => Content::Nothing,
        (Place::Doc(_) | Place::NorthStar, text, _) => {
            Content::Doc(Text::store(app, mission, text.unwrap_or_default()).await?)
        }
        (Place::Artifact(name), text, encoded) => {
            let (bytes, usual) = match (text, encoded) {
                (Some(text), _) => (text.into_bytes(), "text/plain; charset=utf-8"),
                (None, encoded) => {
                    let pointer = format!("/changes/{index}/content_base64");
                    let decoded = STANDARD.decode(encoded.unwrap_or_default());
                    let bytes =
                        decoded.map_err(|_| Error::invalid(pointer, "standard Base64 with padding"))?;
                    (bytes, artifacts::model::DEFAULT_MEDIA_TYPE)
                }
            };
            let first = bytes[..bytes.len().min(artifacts::text::READ_BYTES)].to_vec();
            let part = stream::iter([Ok(Bytes::from(bytes))]);
            let stored = app.objects.put(mission, Box::pin(part), MAX_ARTIFACT_BYTES).await?;
            let media_type = change.media_type.clone();
            Content::Artifact(ArtifactBytes { name: name.clone(), media_type, usual, stored, first })
        }
    };
    Ok(Prepared { change, place, content })
}

/// What is at a place now. Nothing of it changes while the mission is locked.
async fn there(
    tx: &mut Tx,
    cx: &OpCtx,
    (mission, kluster): (&Mission, &Kluster),
    place: &Place,
) -> Result<There, Error> {
    let base = docs::store::Wanted { mission: Some(mission.id), limit: 1, ..docs::store::Wanted::default() };
    let wanted = match place {
        Place::Readonly | Place::Unsupported => return Ok(There::Nothing),
        Place::Artifact(name) => {
            let found = artifacts::store::find_in_kluster(tx, kluster.id, name).await?;
            let Some(id) = found else { return Ok(There::Nothing) };
            let found = artifacts::service::find_in(tx, cx.caller.organization, vec![id]).await?;
            return Ok(found.into_iter().next().map_or(There::Nothing, There::Artifact));
        }
        Place::NorthStar => docs::store::Wanted { direct: true, name: Some(NORTH_STAR.to_owned()), ..base },
        Place::Doc(name) => {
            docs::store::Wanted { kluster: Some(kluster.id), name: Some(name.to_string()), ..base }
        }
    };
    let found = docs::store::list(tx, cx.scope(Action::ReadDoc), wanted).await?;
    Ok(found.into_iter().next().map_or(There::Nothing, There::Doc))
}

async fn current(tx: &mut Tx, there: &There) -> Result<Option<Current>, Error> {
    Ok(match there {
        There::Nothing => None,
        There::Doc(doc) => Some(Current {
            id: doc.id.to_string(),
            version: doc.latest_version,
            sha256: doc.sha256.clone(),
            held: false,
        }),
        There::Artifact(artifact) => Some(Current {
            id: artifact.id.to_string(),
            version: artifact.version,
            sha256: artifact.sha256.clone(),
            held: artifacts::store::is_published(tx, artifact.id).await?,
        }),
    })
}

/// The conflict of a change with what is there, if there is one.
async fn compare(
    tx: &mut Tx,
    index: &[IndexEntry],
    prepared: &Prepared,
    there: &There,
) -> Result<Option<Conflict>, Error> {
    let change = &prepared.change;
    let entry = index.iter().find(|entry| entry.path == change.path);
    let base =
        if change.op == ChangeOp::Create { Base::default() } else { Base::of(entry, change.base_version) };
    let reason = match prepared.place {
        Place::Readonly => Some(ConflictReason::Readonly),
        Place::Unsupported => Some(ConflictReason::UnsupportedKind),
        Place::NorthStar | Place::Doc(_) | Place::Artifact(_) => None,
    };
    let current = current(tx, there).await?;
    let reason = reason.or_else(|| model::misfit(change.op, &base, current.as_ref()));
    Ok(reason.map(|reason| model::conflict(&change.path, reason, base, current)))
}

fn refused(conflicts: Vec<Conflict>, changes: usize) -> Error {
    let some: Vec<String> =
        conflicts.iter().take(5).map(|conflict| format!("{} ({})", conflict.path, conflict.reason)).collect();
    let more = if conflicts.len() > some.len() { ", …" } else { "" };
    let detail = format!(
        "{} of {changes} changes do not fit, nothing was changed: {}{more}",
        conflicts.len(),
        some.join(", ")
    );
    Error { against: Against::Versions(conflicts), ..Error::new(ProblemKind::VersionConflict, detail) }
}

/// Makes one change that fits; the path as it is afterwards, unless it is gone.
async fn apply(
    tx: &mut Tx,
    cx: &OpCtx,
    (mission, kluster): (&Mission, &Kluster),
    (prepared, there): (&Prepared, &There),
    (note, watch): (&str, &Watch),
    overlaps: &mut Vec<OverlapSuggestion>,
) -> Result<Option<IndexEntry>, Error> {
    let change = &prepared.change;
    match (&prepared.content, there) {
        (Content::Nothing, There::Doc(doc)) => {
            docs::service::delete_in(tx, cx, doc).await?;
            Ok(None)
        }
        (Content::Nothing, There::Artifact(artifact)) => {
            artifacts::service::delete_in(tx, cx, artifact).await?;
            Ok(None)
        }
        (Content::Doc(text), There::Doc(before)) => {
            let base = (before.latest_version, change.title.as_deref());
            let made = docs::service::put_in(tx, cx, before, base, (text, watch), note).await?;
            docs::service::touched(tx, cx, before, &made.doc).await?;
            overlaps.extend(made.overlap_suggestions);
            Ok(Some(doc_entry(&made.doc)))
        }
        (Content::Doc(text), _) => {
            let (name, kluster): (Name, _) = match &prepared.place {
                Place::Doc(name) => (name.clone(), Some(kluster)),
                _ => (NORTH_STAR.parse().map_err(Error::internal)?, None),
            };
            let new = New {
                title: change.title.clone().unwrap_or_else(|| name.to_string()),
                name,
                media_type: change.media_type.clone().unwrap_or_else(|| DEFAULT_MEDIA_TYPE.to_owned()),
                note: note.to_owned(),
                labels: Labels::default(),
                annotations: Labels::default(),
            };
            let made = docs::service::create_in(tx, cx, (mission, kluster), &new, (text, watch)).await?;
            overlaps.extend(made.overlap_suggestions);
            Ok(Some(doc_entry(&made.doc)))
        }
        (Content::Artifact(bytes), there) => {
            let before = match there {
                There::Artifact(before) => Some(before),
                There::Nothing | There::Doc(_) => None,
            };
            let place = (mission, kluster);
            let made = artifacts::service::put_in_kluster(tx, cx, place, (bytes, watch), before).await?;
            overlaps.extend(made.overlap_suggestions);
            Ok(Some(artifact_entry(&made.artifact)))
        }
        (Content::Nothing, There::Nothing) => Err(Error::new(
            ProblemKind::Internal,
            "a change without content and object was taken for one that fits",
        )),
    }
}

/// The idempotency of a commit that a member of the request names.
fn idempotency(reference: &str, key: &str, request: &CommitWorkspace) -> Result<Idempotency, Error> {
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid("/key", "1 to 255 visible ASCII characters"));
    }
    Ok(Idempotency {
        key: key.to_owned(),
        route: format!("workspace.commit {reference}"),
        body_sha256: hex_digest(&serde_json::to_vec(request).map_err(Error::internal)?),
    })
}

/// Commits a change set against the versions that it was made of: in one transaction, after all bytes are stored.
///
/// # Errors
/// [`ProblemKind::OverlapUnacknowledged`], [`ProblemKind::OverlapBlocked`],
/// [`ProblemKind::VersionConflict`] with every change that does not fit, [`ProblemKind::LeaseLost`],
/// [`ProblemKind::Validation`], [`ProblemKind::BodyTooLarge`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn commit(
    app: &App,
    mut cx: OpCtx,
    reference: &str,
    request: CommitWorkspace,
) -> Result<(OpCtx, CommittedWorkspace), Error> {
    check(&request)?;
    if let (None, Some(key)) = (&cx.idempotency, &request.key) {
        cx.idempotency = Some(idempotency(reference, key, &request)?);
    }
    let mission = {
        let mut tx = app.db.begin_read().await?;
        let allowed = async {
            let (record, _) = held(&mut tx, app, &cx, reference, Action::CommitWorkspace).await?;
            let mission = record.workspace.mission_id;
            for change in &request.changes {
                if let Some(action) = actions(&model::place(&change.path), change.op) {
                    cx.authorize_in(action, mission)?;
                }
            }
            Ok(mission)
        }
        .await;
        drop(tx);
        match allowed {
            Ok(mission) => mission,
            Err(error) => return Err(write::refused(app, &cx, error).await),
        }
    };
    let (note, named) = (request.note, request.acknowledge_overlap);
    let mut prepared = Vec::with_capacity(request.changes.len());
    for (index, change) in request.changes.into_iter().enumerate() {
        prepared.push(prepare(app, mission, index, change).await?);
    }
    crash::point("workspace-after-bytes").await;
    let committed = in_one_transaction(app, &cx, reference, (mission, &named), &prepared, &note).await?;
    crash::point("workspace-after-commit").await;
    Ok((cx, committed))
}

async fn in_one_transaction(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    (mission, named): (MissionId, &[String]),
    prepared: &[Prepared],
    note: &str,
) -> Result<CommittedWorkspace, Error> {
    write_tx!(app, cx, |tx| {
        missions::store::lock(tx, mission).await?;
        let (before, proof) = live(tx, app, cx, reference, Action::CommitWorkspace).await?;
        let mission = missions::service::resolve(tx, cx, &mission.to_string()).await?;
        let id = before.workspace.kluster_id.to_string();
        let kluster = crate::klusters::service::resolve(tx, cx, &id, Some(mission.id)).await?;
        let place = (&mission, &kluster);
        let (mut found, mut conflicts) = (Vec::with_capacity(prepared.len()), Vec::new());
        for one in prepared {
            let there = there(tx, cx, place, &one.place).await?;
            conflicts.extend(compare(tx, &before.index, one, &there).await?);
            found.push(there);
        }
        if !conflicts.is_empty() {
            return Err(refused(conflicts, prepared.len()));
        }
        let mut after = before.clone();
        let watch = Watch::of(tx, app, (&mission, Some(kluster.id)), named).await?;
        let (mut deleted, mut told) = (Vec::new(), Vec::with_capacity(prepared.len()));
        let mut overlap_suggestions = Vec::new();
        // What goes, goes first: a text that only moved does not overlap itself.
        let mut changes: Vec<(usize, (&Prepared, &There))> =
            prepared.iter().zip(&found).enumerate().collect();
        changes.sort_by_key(|(_, (one, _))| one.change.op != ChangeOp::Delete);
        for (number, (one, there)) in changes {
            let was = current(tx, there).await?;
            let path = &one.change.path;
            let entry = apply(tx, cx, place, (one, there), (note, &watch), &mut overlap_suggestions)
                .await
                .map_err(|error| overlapping(path, error))?;
            told.push((
                number,
                CommittedChange {
                    path,
                    op: one.change.op,
                    before_version: was.as_ref().map(|was| was.version),
                    before_sha256: was.map(|was| was.sha256),
                    after_version: entry.as_ref().map(|entry| entry.version),
                    after_sha256: entry.as_ref().and_then(|entry| entry.sha256.clone()),
                },
            ));
            after.index.retain(|known| known.path != *path);
            match entry {
                Some(entry) => after.index.push(entry),
                None => deleted.push(path.clone()),
            }
        }
        told.sort_by_key(|(number, _)| *number);
        after.workspace.commits += 1;
        let index = after.index.clone();
        let workspace = save(tx, cx, &before, after, None).await?;
        let body = Committed {
            workspace: workspace.id.to_string(),
            kluster: workspace.kluster.as_str(),
            note,
            changes: told.into_iter().map(|(_, change)| change).collect(),
        };
        ledger::record(tx, cx, proof, event(workspace.id, &body, None)).await?;
        crash::point("workspace-before-commit").await;
        Ok(CommittedWorkspace { workspace, index, deleted, overlap_suggestions })
    })
}

/// Says which change overlaps something.
fn overlapping(path: &str, error: Error) -> Error {
    match error.kind {
        ProblemKind::OverlapUnacknowledged | ProblemKind::OverlapBlocked => {
            Error { detail: format!("{path}: {}", error.detail), ..error }
        }
        _ => error,
    }
}
