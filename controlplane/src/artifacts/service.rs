//! Operations on artifacts.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use mc_api::artifact::{Artifact, CreateArtifact, DownloadUrl};
use mc_api::id::{ArtifactId, KlusterId, MissionId, TaskId};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::overlap::ArtifactAnswer;
use mc_api::{Action, Labels, Page, ProblemKind, Timestamp};
use mc_ledger::Digest;
use serde::Serialize;

use super::model::{self, DEFAULT_URL_SECONDS, MAX_CONTENT_BYTES};
use super::text::{self, Seen};
use super::{indexed, link, store};
use crate::app::App;
use crate::authn;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions;
use crate::missions::service::changed_meanwhile;
use crate::objects::{ByteStream, ObjectError, ObjectStore as _, Presign, Stored};
use crate::op::{Caller, OpCtx};
use crate::overlap::texts::{self, Watch};
use crate::search::content::Content;
use crate::tasks::service::{At, within};
use crate::write::{self, hex_digest};
use crate::write_tx;

pub(crate) use indexed::index_missing;

/// Content that is being sent.
pub struct Upload {
    /// Its media type, when told.
    pub media_type: Option<String>,
    /// Its length, when told.
    pub length: Option<u64>,
    /// The bytes.
    pub content: ByteStream,
}

/// Content to read.
pub struct Download {
    /// Whose content.
    pub artifact: Artifact,
    /// The bytes.
    pub content: ByteStream,
    /// `content-disposition`.
    pub disposition: String,
}

fn event(artifact: &Artifact) -> Event<'_, Artifact> {
    Event {
        subject_kind: "artifact",
        subject_id: artifact.id.to_string(),
        body: artifact,
        before_sha256: None,
    }
}

fn too_large() -> Error {
    Error::new(ProblemKind::BodyTooLarge, format!("the limit is {MAX_CONTENT_BYTES} bytes"))
}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::TooLarge(_) => too_large(),
            ObjectError::Incomplete(_) => {
                Self::new(ProblemKind::MalformedBody, "the content ended before it was complete")
            }
            ObjectError::Missing => Self::internal(error),
            ObjectError::Store(_) => {
                let unavailable = Self::unavailable("the object store cannot be used now; try again");
                Self { source: Some(Box::new(error)), ..unavailable }
            }
        }
    }
}

/// Finds the living task that a request names.
async fn task_of(tx: &mut Tx, cx: &OpCtx, reference: &str, mission: &Mission) -> Result<TaskId, Error> {
    match store::find_task(tx, cx.caller.organization, reference).await? {
        Some((task, of)) if of == mission.id => Ok(task),
        Some((_, other)) if cx.authorize_in(Action::ReadTask, other).is_ok() => {
            Err(Error::invalid("?task", format!("the task belongs to another mission than {}", mission.name)))
        }
        _ => Err(Error::not_found("task", reference)),
    }
}

/// Stores content as an artifact: first the bytes, then the row. Rights are asked before the first byte is read. What a text
/// overlaps is found before anything is committed.
///
/// # Errors
/// [`ProblemKind::OverlapUnacknowledged`], [`ProblemKind::OverlapBlocked`],
/// [`ProblemKind::BodyTooLarge`], [`ProblemKind::Validation`], [`ProblemKind::UnsupportedMediaType`],
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(
    app: &App,
    mut cx: OpCtx,
    request: CreateArtifact,
    upload: Upload,
) -> Result<(OpCtx, ArtifactAnswer), Error> {
    model::check_name(&request.name)?;
    let media_type = upload.media_type.unwrap_or_else(|| model::DEFAULT_MEDIA_TYPE.to_owned());
    model::check_media_type(&media_type)?;
    let expected: Option<Digest> = request
        .sha256
        .as_deref()
        .map(|text| text.parse().map_err(|_| Error::invalid("?sha256", "64 lowercase hex digits")))
        .transpose()?;
    let named: Vec<String> = request
        .acknowledge_overlap
        .iter()
        .flat_map(|all| all.split(',').map(|one| one.trim().to_owned()))
        .collect();
    let (mission, watch) = {
        let mut tx = app.db.begin_read().await?;
        let mission = missions::service::resolve(&mut tx, &cx, &request.mission).await?;
        if let Err(error) = cx.authorize_in(Action::CreateArtifact, mission.id) {
            drop(tx);
            return Err(write::refused(app, &cx, error).await);
        }
        let kluster = match &request.task {
            Some(task) => {
                let task = task_of(&mut tx, &cx, task, &mission).await?;
                store::kluster_of_task(&mut tx, task).await?
            }
            None => None,
        };
        let watch = Watch::of(&mut tx, app, (&mission, kluster), &named).await?;
        (mission, watch)
    };
    if upload.length.is_some_and(|length| length > MAX_CONTENT_BYTES) {
        return Err(too_large());
    }
    let seen = Seen::default();
    let stored = app.objects.put(mission.id, seen.of(upload.content), MAX_CONTENT_BYTES).await?;
    if expected.is_some_and(|expected| expected != stored.sha256) {
        return Err(Error::invalid("?sha256", format!("the content has the digest {}", stored.sha256)));
    }
    if let Some(request) = &mut cx.idempotency {
        // The extractor has digested the query; what was sent beside it counts as well.
        let all = format!("{}\0{media_type}\0{}", request.body_sha256, stored.sha256);
        request.body_sha256 = hex_digest(all.as_bytes());
    }
    let content = if app.detects_overlap {
        text::content(&media_type, &request.name, &seen.bytes()).await?
    } else {
        Content::none()
    };
    let watch = watch.ahead(app, &cx, (mission.id, None), (&request.name, &content)).await?;
    let artifact = insert(app, &cx, &request, media_type, (stored, &content, &watch)).await?;
    Ok((cx, artifact))
}

async fn insert(
    app: &App,
    cx: &OpCtx,
    request: &CreateArtifact,
    media_type: String,
    (stored, content, watch): (Stored, &Content, &Watch),
) -> Result<ArtifactAnswer, Error> {
    write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, &request.mission).await?;
        let proof = cx.authorize_in(Action::CreateArtifact, mission.id)?;
        missions::store::lock(tx, mission.id).await?;
        let task_id = match &request.task {
            Some(task) => Some(task_of(tx, cx, task, &mission).await?),
            None => None,
        };
        let artifact = Artifact {
            kind: "artifact".into(),
            id: ArtifactId::from_uuid(cx.new_uuid()),
            name: request.name.clone(),
            mission_id: mission.id,
            mission: mission.name,
            task_id,
            kluster_id: None,
            media_type: media_type.clone(),
            sha256: stored.sha256.to_string(),
            size_bytes: i64::try_from(stored.size_bytes).map_err(Error::internal)?,
            labels: Labels::default(),
            version: 1,
            created_by: cx.caller.id,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        store::insert(tx, cx.caller.organization, &artifact).await?;
        ledger::record(tx, cx, proof, event(&artifact)).await?;
        let kluster = store::kluster_of(tx, &artifact).await?;
        let subject = indexed::subject(&artifact, kluster, content);
        let overlap_suggestions = watch.written(tx, cx, proof, &subject).await?;
        let overlap_pending = watch.is_pending(cx, &artifact.name, content);
        Ok(ArtifactAnswer { artifact, overlap_suggestions, overlap_pending })
    })
}

/// Makes an artifact of bytes that are stored already, in another subject's transaction. It is what an agent said last:
/// entered into the index, and compared with nothing.
///
/// # Errors
/// [`ProblemKind::Forbidden`].
pub(crate) async fn attach_in(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: (MissionId, mc_api::Name),
    task: TaskId,
    (name, media_type): (&str, &str),
    (stored, content, watch): &(Stored, Content, Watch),
) -> Result<ArtifactId, Error> {
    let proof = cx.authorize_in(Action::CreateArtifact, mission.0)?;
    let artifact = Artifact {
        kind: "artifact".into(),
        id: ArtifactId::from_uuid(cx.new_uuid()),
        name: name.to_owned(),
        mission_id: mission.0,
        mission: mission.1,
        task_id: Some(task),
        kluster_id: None,
        media_type: media_type.to_owned(),
        sha256: stored.sha256.to_string(),
        size_bytes: i64::try_from(stored.size_bytes).map_err(Error::internal)?,
        labels: Labels::default(),
        version: 1,
        created_by: cx.caller.id,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    store::insert(tx, cx.caller.organization, &artifact).await?;
    ledger::record(tx, cx, proof, event(&artifact)).await?;
    let kluster = store::kluster_of(tx, &artifact).await?;
    watch.written(tx, cx, proof, &indexed::subject(&artifact, kluster, content)).await?;
    Ok(artifact.id)
}

/// Finds a living artifact that the caller may read.
pub(crate) async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Artifact, Error> {
    let absent = || Error::not_found("artifact", reference);
    let id: ArtifactId = reference.parse().map_err(|_| absent())?;
    let wanted = store::Wanted { ids: Some(vec![id]), limit: 1, ..store::Wanted::default() };
    store::list(tx, cx.scope(Action::ReadArtifact), wanted).await?.pop().ok_or_else(absent)
}

/// One artifact by id.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Artifact, Error> {
    resolve(&mut app.db.begin_read().await?, cx, reference).await
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// Of this task.
    pub task: Option<TaskId>,
    /// In this kluster: its own and those of its tasks.
    pub kluster: Option<KlusterId>,
    /// With these labels.
    pub labels: Vec<(String, Option<String>)>,
}

/// Reads the references that a list is narrowed by.
pub async fn narrow(
    app: &App,
    cx: &OpCtx,
    at: &At,
    task: Option<&str>,
    labels: Vec<(String, Option<String>)>,
) -> Result<Narrow, Error> {
    let mut tx = app.db.begin_read().await?;
    let (mission, kluster) = within(&mut tx, cx, at).await?;
    let task = match task {
        Some(task) => {
            let absent = || Error::not_found("task", task);
            let (id, of) =
                store::find_task(&mut tx, cx.caller.organization, task).await?.ok_or_else(absent)?;
            cx.authorize_in(Action::ReadTask, of).map_err(|_| absent())?;
            Some(id)
        }
        None => None,
    };
    Ok(Narrow { mission, task, kluster, labels })
}

fn wanted(narrow: Narrow) -> store::Wanted {
    store::Wanted {
        mission: narrow.mission,
        task: narrow.task,
        within: narrow.kluster,
        labels: narrow.labels,
        ..store::Wanted::default()
    }
}

/// An artifact by its id, when it is among those that a list shows.
pub(crate) async fn among(
    app: &App,
    cx: &OpCtx,
    id: &str,
    narrow: Narrow,
) -> Result<Option<Artifact>, Error> {
    let Ok(id) = id.parse::<ArtifactId>() else { return Ok(None) };
    let wanted = store::Wanted { ids: Some(vec![id]), limit: 1, ..wanted(narrow) };
    let mut tx = app.db.begin_read().await?;
    Ok(store::list(&mut tx, cx.scope(Action::ReadArtifact), wanted).await?.pop())
}

/// A page of artifacts in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<ArtifactId>,
    narrow: Narrow,
) -> Result<Page<Artifact>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted { after: page.after, limit: page.fetch(), ..wanted(narrow) };
    let rows = store::list(&mut tx, cx.scope(Action::ReadArtifact), wanted).await?;
    Ok(page.cut(app, rows, |artifact| artifact.id))
}

/// An artifact whose content the caller may read.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn readable(app: &App, cx: &OpCtx, reference: &str) -> Result<Artifact, Error> {
    let artifact = get(app, cx, reference).await?;
    cx.authorize_in(Action::DownloadArtifact, artifact.mission_id)?;
    Ok(artifact)
}

#[derive(Serialize)]
struct Downloaded<'a> {
    artifact_id: ArtifactId,
    name: &'a str,
    sha256: &'a str,
    size_bytes: i64,
    #[serde(flatten)]
    how: How,
}

/// What a download's event says beside the artifact.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct How {
    /// The part, as first byte and byte after the last; absent: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<(u64, u64)>,
    /// By a URL that was given out before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_url: bool,
    /// A URL was given out, good until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_expires_at: Option<Timestamp>,
}

/// Writes a download into the ledger; rights are asked again in its transaction.
async fn record(app: &App, cx: &OpCtx, reference: &str, how: How) -> Result<Artifact, Error> {
    write_tx!(app, cx, |tx| {
        let artifact = resolve(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::DownloadArtifact, artifact.mission_id)?;
        let body = Downloaded {
            artifact_id: artifact.id,
            name: &artifact.name,
            sha256: &artifact.sha256,
            size_bytes: artifact.size_bytes,
            how,
        };
        let event = Event {
            subject_kind: "artifact",
            subject_id: artifact.id.to_string(),
            body: &body,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        Ok(artifact)
    })
}

/// Opens the content, all or a part that lies within it. The download is in the ledger before the first byte flows.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn download(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    part: Option<Range<u64>>,
    by_url: bool,
) -> Result<Download, Error> {
    let artifact = readable(app, cx, reference).await?;
    let sha256: Digest = artifact.sha256.parse().map_err(Error::internal)?;
    let how = How { part: part.as_ref().map(|part| (part.start, part.end)), by_url, url_expires_at: None };
    let content = app.objects.get(artifact.mission_id, sha256, part).await?;
    let artifact = record(app, cx, reference, how).await?;
    let disposition = model::disposition(&artifact.name);
    Ok(Download { artifact, content, disposition })
}

/// Gives out a URL for the content: the object store's own, or one of ours below `base`. Giving it out is in the ledger;
/// a use of ours is, too.
///
/// # Errors
/// [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`], [`ProblemKind::Validation`].
pub async fn download_url(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    seconds: Option<u32>,
    base: &str,
) -> Result<DownloadUrl, Error> {
    let most = app.presign_max.as_secs();
    let seconds = seconds.map_or_else(|| DEFAULT_URL_SECONDS.min(most), u64::from);
    if !(1..=most).contains(&seconds) {
        return Err(Error::invalid("?expires_seconds", format!("1 to {most}")));
    }
    let artifact = readable(app, cx, reference).await?;
    let sha256: Digest = artifact.sha256.parse().map_err(Error::internal)?;
    let expires = cx.now().as_micros() / 1_000_000 + i64::try_from(seconds).map_err(Error::internal)?;
    let presign = Presign {
        life: Duration::from_secs(seconds),
        media_type: artifact.media_type.clone(),
        disposition: model::disposition(&artifact.name),
    };
    let url = match app.objects.presign_get(artifact.mission_id, sha256, &presign).await? {
        Some(url) => url,
        None => format!("{base}{}", link::sign(&app.keyring, artifact.id, cx.caller.id, expires)),
    };
    let expires_at = Timestamp::from_micros(expires.saturating_mul(1_000_000));
    let how = How { url_expires_at: Some(expires_at), ..How::default() };
    let artifact = record(app, cx, reference, how).await?;
    Ok(DownloadUrl {
        kind: "download_url".into(),
        url,
        expires_at,
        artifact_id: artifact.id,
        sha256: artifact.sha256,
        size_bytes: artifact.size_bytes,
    })
}

/// The caller that a URL of ours acts for: who asked for it, with the roles of now, in the artifact's mission only.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`].
pub(crate) async fn caller_of_link(
    app: &App,
    reference: &str,
    signed: &link::Signed,
) -> Result<Arc<Caller>, Error> {
    let (artifact, by) = link::read(&app.keyring, reference, signed, app.clock.now())?;
    let mut tx = app.db.begin_read().await?;
    let found = find_in(&mut tx, app.organization, vec![artifact]).await?.pop().ok_or_else(link::refused)?;
    drop(tx);
    authn::service::acting_for(app, by, found.mission_id).await?.ok_or_else(link::refused)
}

/// Deletes an artifact; its bytes go with the next sweep when nothing else names them.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when it is part of a publication that is queued or published,
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let artifact = resolve(tx, cx, reference).await?;
        cx.authorize_in(Action::DeleteArtifact, artifact.mission_id)?;
        cx.check_version(artifact.version)?;
        // Queueing a publication takes the same lock, so that the answer below stays true.
        missions::store::lock(tx, artifact.mission_id).await?;
        if store::is_published(tx, artifact.id).await? {
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("artifact {} is part of a publication and stays", artifact.id),
            ));
        }
        delete_in(tx, cx, &artifact).await
    })
}

/// Bytes that are stored already, on their way to be an artifact of a kluster.
pub(crate) struct Bytes {
    pub(crate) name: String,
    pub(crate) media_type: Option<String>,
    /// The media type when none is told and there was none before.
    pub(crate) usual: &'static str,
    pub(crate) stored: Stored,
    /// The first of them, to be read as text.
    pub(crate) first: Vec<u8>,
}

/// Makes an artifact of a kluster, in a transaction that has locked the mission. An artifact never changes: what had
/// the name before is replaced, and the new one's version is higher by one.
///
/// # Errors
/// [`ProblemKind::Forbidden`].
pub(crate) async fn put_in_kluster(
    tx: &mut Tx,
    cx: &OpCtx,
    (mission, kluster): (&Mission, &Kluster),
    (bytes, watch): (&Bytes, &Watch),
    before: Option<&Artifact>,
) -> Result<ArtifactAnswer, Error> {
    let proof = cx.authorize_in(Action::CreateArtifact, mission.id)?;
    let kept = before.map(|before| before.media_type.clone());
    let media_type = bytes.media_type.clone().or(kept).unwrap_or_else(|| bytes.usual.to_owned());
    let sha256 = bytes.stored.sha256.to_string();
    let mut digest = None;
    if let Some(before) = before {
        if before.sha256 == sha256 && before.media_type == media_type {
            return Ok(ArtifactAnswer {
                artifact: before.clone(),
                overlap_suggestions: Vec::new(),
                overlap_pending: false,
            });
        }
        let replaced = cx.authorize_in(Action::ReplaceArtifact, mission.id)?;
        if !store::delete(tx, before, cx.now()).await? {
            return Err(changed_meanwhile());
        }
        digest = ledger::digest_of(before)?;
        let event = Event { before_sha256: digest.clone(), ..event(before) };
        ledger::record(tx, cx, replaced, event).await?;
        let id = (before.mission_id, before.id.as_uuid());
        texts::gone(tx, cx, replaced, id, "the artifact was replaced").await?;
    }
    let artifact = Artifact {
        kind: "artifact".into(),
        id: ArtifactId::from_uuid(cx.new_uuid()),
        name: bytes.name.clone(),
        mission_id: mission.id,
        mission: mission.name.clone(),
        task_id: None,
        kluster_id: Some(kluster.id),
        media_type,
        sha256,
        size_bytes: i64::try_from(bytes.stored.size_bytes).map_err(Error::internal)?,
        labels: before.map_or_else(Labels::default, |before| before.labels.clone()),
        version: before.map_or(1, |before| before.version + 1),
        created_by: cx.caller.id,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    store::insert(tx, cx.caller.organization, &artifact).await?;
    let event = Event { before_sha256: digest, ..event(&artifact) };
    ledger::record(tx, cx, proof, event).await?;
    let content = text::content(&artifact.media_type, &artifact.name, &bytes.first).await?;
    let subject = indexed::subject(&artifact, Some(kluster.id), &content);
    let overlap_suggestions = watch.written(tx, cx, proof, &subject).await?;
    let overlap_pending = watch.is_pending(cx, &artifact.name, &content);
    Ok(ArtifactAnswer { artifact, overlap_suggestions, overlap_pending })
}

/// Deletes an artifact that no publication holds, in a transaction that has locked the mission.
pub(crate) async fn delete_in(tx: &mut Tx, cx: &OpCtx, artifact: &Artifact) -> Result<(), Error> {
    let proof = cx.authorize_in(Action::DeleteArtifact, artifact.mission_id)?;
    if !store::delete(tx, artifact, cx.now()).await? {
        return Err(changed_meanwhile());
    }
    ledger::record(tx, cx, proof, event(artifact)).await?;
    let id = (artifact.mission_id, artifact.id.as_uuid());
    texts::gone(tx, cx, proof, id, "the artifact was deleted").await
}

/// The living artifacts among these ids, in the order of their ids, for another subject's transaction.
pub(crate) async fn find_in(
    tx: &mut Tx,
    organization: mc_api::id::OrganizationId,
    ids: Vec<ArtifactId>,
) -> Result<Vec<Artifact>, Error> {
    let limit = i64::try_from(ids.len()).map_err(Error::internal)?;
    let wanted = store::Wanted { ids: Some(ids), limit, ..store::Wanted::default() };
    Ok(store::list(tx, crate::op::Scope::Organization(organization), wanted).await?)
}
