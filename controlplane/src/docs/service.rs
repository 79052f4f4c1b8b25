//! Operations on docs.

mod indexed;
mod read;

use bytes::Bytes;
use futures_util::stream;
use mc_api::doc::{
    CreateDoc, DEFAULT_MEDIA_TYPE, Doc, DocState, DocVersion, MAX_CONTENT_BYTES, PublishDoc, PutDocVersion,
    UpdateDoc,
};
use mc_api::id::{DocId, KlusterId, MissionId};
use mc_api::kluster::Kluster;
use mc_api::manifest::Manifest;
use mc_api::mission::Mission;
use mc_api::overlap::{DocAnswer, OverlapSuggestion};
use mc_api::{Action, Labels, Name, Page, ProblemKind};

use super::{model, store};
use crate::app::App;
use crate::artifacts::model::check_media_type;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::objects::{ObjectStore as _, Stored};
use crate::op::{OpCtx, Proof, Scope};
use crate::overlap::texts::{Subject, Watch};
use crate::search::content::{self, Content};
use crate::tasks::service::{At, within};
use crate::{fields, klusters, missions, write, write_tx};

pub(crate) use indexed::index_missing;
pub use read::{content, diff, versions};

/// A text on its way into a doc: its bytes are stored, its row is still to come.
pub(crate) struct Text {
    content: Content,
    stored: Stored,
}

impl Text {
    /// Stores a checked text; rights were asked before.
    pub(crate) async fn store(app: &App, mission: MissionId, text: String) -> Result<Self, Error> {
        let part = stream::iter([Ok(Bytes::from(text.clone()))]);
        let stored = app.objects.put(mission, Box::pin(part), MAX_CONTENT_BYTES as u64).await?;
        Ok(Self { content: Content::read(text).await?, stored })
    }

    /// A text that is not stored: of a change that is only tried, or that is stored already.
    pub(crate) async fn unstored(text: String) -> Result<Self, Error> {
        let stored = Stored { sha256: mc_ledger::sha256(text.as_bytes()), size_bytes: text.len() as u64 };
        Ok(Self { content: Content::read(text).await?, stored })
    }

    pub(crate) fn sha256(&self) -> String {
        self.stored.sha256.to_string()
    }

    /// The text itself.
    pub(crate) fn text(&self) -> &str {
        self.content.text()
    }
}

/// The manifest of a doc with the digest of its text in the place of the text: what owners of fields look at.
pub(crate) fn manifest(doc: &Doc) -> Manifest {
    let mut manifest = Manifest::from(doc);
    if let serde_json::Value::Object(spec) = &mut manifest.spec {
        spec.insert("content".to_owned(), digest_text(&doc.sha256).into());
    }
    manifest
}

/// What stands for a text with this digest.
pub(crate) fn digest_text(sha256: &str) -> String {
    format!("sha256:{sha256}")
}

/// A doc was changed otherwise than by applying: whoever changed a field that is owned takes it over.
///
/// # Errors
/// Database failures.
pub(crate) async fn touched(tx: &mut Tx, cx: &OpCtx, before: &Doc, after: &Doc) -> Result<(), Error> {
    let id = after.id.to_string();
    let subject =
        fields::store::Subject { organization: cx.caller.organization, mission: after.mission_id, id: &id };
    fields::touched(tx, cx, subject, (manifest(before), manifest(after))).await
}

/// The doc of a name in just this place.
pub(crate) async fn in_place(
    tx: &mut Tx,
    cx: &OpCtx,
    (mission, kluster): (MissionId, Option<KlusterId>),
    name: &Name,
) -> Result<Option<Doc>, Error> {
    let wanted = store::Wanted {
        mission: Some(mission),
        kluster,
        direct: kluster.is_none(),
        name: Some(name.to_string()),
        limit: 1,
        ..store::Wanted::default()
    };
    Ok(store::list(tx, cx.scope(Action::ReadDoc), wanted).await?.pop())
}

fn event(after: &Doc, before_sha256: Option<String>) -> Event<'_, Doc> {
    Event { subject_kind: "doc", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// Finds a doc that the caller may read: by id, or by name. A name without a kluster means the doc directly in the
/// mission before those of its klusters.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::AmbiguousReference`] for a name that several places use.
pub(crate) async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str, at: &At) -> Result<Doc, Error> {
    let (mission, kluster) = within(tx, cx, at).await?;
    let scope = cx.scope(Action::ReadDoc);
    let id = reference.parse::<DocId>().ok();
    let name = id.is_none().then(|| reference.to_owned());
    let wanted = store::Wanted { id, mission, kluster, name, limit: 2, ..store::Wanted::default() };
    if id.is_none() && mission.is_some() && kluster.is_none() {
        let direct = store::Wanted { direct: true, ..wanted.clone() };
        if let Some(doc) = store::list(tx, scope.clone(), direct).await?.pop() {
            return Ok(doc);
        }
    }
    let mut found = store::list(tx, scope, wanted).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Error::not_found("doc", reference)),
        (Some(doc), true) => Ok(doc),
        (Some(_), false) => Err(Error::new(
            ProblemKind::AmbiguousReference,
            format!("several places have a doc {reference:?}; name mission and kluster, or use the id"),
        )),
    }
}

/// Finds a doc for a change, asks for the action, and locks and reads it again.
async fn open(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    action: Action,
) -> Result<(Doc, Proof), Error> {
    let found = resolve(tx, cx, reference, at).await?;
    let proof = cx.authorize_in(action, found.mission_id)?;
    // Beside other writers, and never beside one who works on many docs at once.
    missions::store::lock_shared(tx, found.mission_id).await?;
    let doc = locked(tx, cx, found.id).await?.ok_or_else(|| Error::not_found("doc", reference))?;
    cx.check_version(doc.version)?;
    Ok((doc, proof))
}

/// Locks a living doc and reads it.
pub(crate) async fn locked(tx: &mut Tx, cx: &OpCtx, id: DocId) -> Result<Option<Doc>, Error> {
    if !store::lock(tx, id).await? {
        return Ok(None);
    }
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    Ok(store::list(tx, Scope::Organization(cx.caller.organization), wanted).await?.pop())
}

/// The one place where a version is written: the row of the doc, the row of the version, and the event. Here title and
/// text of what will be are known before anything is committed.
async fn write_version(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    (before, mut after): (Option<&Doc>, Doc),
    (text, watch): (&Text, &Watch),
    note: &str,
) -> Result<DocAnswer, Error> {
    after.sha256 = text.sha256();
    after.size_bytes = i64::try_from(text.content.text().len()).map_err(Error::internal)?;
    after.state = model::state(after.latest_version, after.published_version);
    let version = DocVersion {
        doc_id: after.id,
        number: after.latest_version,
        sha256: after.sha256.clone(),
        size_bytes: after.size_bytes,
        note: note.to_owned(),
        author: cx.caller.id,
        created_at: cx.now(),
    };
    let before_sha256 = if let Some(before) = before {
        if !store::replace(tx, before, &after).await? {
            return Err(changed_meanwhile());
        }
        ledger::digest_of(before)?
    } else {
        store::insert(tx, cx.caller.organization, &after).await.map_err(|error| match error {
            DbError::Unique(_) => {
                let place = after.kluster.as_ref().unwrap_or(&after.mission);
                Error::new(ProblemKind::NameTaken, format!("{place} has a doc {}", after.name))
            }
            other => other.into(),
        })?;
        None
    };
    store::insert_version(tx, after.mission_id, &version).await?;
    ledger::record(tx, cx, proof, event(&after, before_sha256)).await?;
    let overlap_suggestions = overlap_of(
        tx,
        cx,
        proof,
        watch,
        &indexed::subject(&after, &text.content, before.is_some()),
        after.keystone,
    )
    .await?;
    let overlap_pending = !after.keystone && watch.is_pending(cx, &after.title, &text.content);
    Ok(DocAnswer { doc: after, overlap_suggestions, overlap_pending })
}

/// What a doc that was just written overlaps; a keystone overlaps nothing, since there is one in each place.
async fn overlap_of(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    watch: &Watch,
    subject: &Subject<'_>,
    is_keystone: bool,
) -> Result<Vec<OverlapSuggestion>, Error> {
    if is_keystone {
        return watch.hushed().written(tx, cx, proof, subject).await;
    }
    watch.written(tx, cx, proof, subject).await
}

/// What a new doc is called and worn with, checked.
pub(crate) struct New {
    pub(crate) name: Name,
    pub(crate) title: String,
    pub(crate) media_type: String,
    pub(crate) note: String,
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
}

impl New {
    /// Checks all but the text. `at` is where the fields stand in the request.
    pub(crate) fn checked(self, at: &str) -> Result<Self, Error> {
        model::check_title(&format!("{at}/title"), &self.title)?;
        model::check_note(&self.note)?;
        check_media_type(&self.media_type)?;
        Ok(self)
    }
}

/// Creates a doc whose text is stored, in a transaction that has locked the mission.
pub(crate) async fn create_in(
    tx: &mut Tx,
    cx: &OpCtx,
    (mission, kluster): (&Mission, Option<&Kluster>),
    new: &New,
    (text, watch): (&Text, &Watch),
) -> Result<DocAnswer, Error> {
    let proof = cx.authorize_in(Action::CreateDoc, mission.id)?;
    let doc = Doc {
        kind: "doc".into(),
        id: DocId::from_uuid(cx.new_uuid()),
        name: new.name.clone(),
        title: new.title.clone(),
        mission_id: mission.id,
        mission: mission.name.clone(),
        kluster_id: kluster.map(|kluster| kluster.id),
        kluster: kluster.map(|kluster| kluster.name.clone()),
        media_type: new.media_type.clone(),
        keystone: model::is_keystone(new.name.as_str(), kluster.is_some())?,
        state: DocState::Draft,
        latest_version: 1,
        published_version: None,
        sha256: String::new(),
        size_bytes: 0,
        labels: new.labels.clone(),
        annotations: new.annotations.clone(),
        version: 1,
        created_by: cx.caller.id,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    write_version(tx, cx, proof, (None, doc), (text, watch), &new.note).await
}

/// The mission and the kluster in which something is to be made; rights are asked before any bytes are stored.
pub(crate) async fn place(
    app: &App,
    cx: &OpCtx,
    mission: &str,
    kluster: Option<&str>,
    action: Action,
) -> Result<(Mission, Option<Kluster>), Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = missions::service::resolve(&mut tx, cx, mission).await?;
    if let Err(error) = cx.authorize_in(action, mission.id) {
        drop(tx);
        return Err(write::refused(app, cx, error).await);
    }
    let kluster = match kluster {
        Some(kluster) => Some(klusters::service::resolve(&mut tx, cx, kluster, Some(mission.id)).await?),
        None => None,
    };
    Ok((mission, kluster))
}

/// Beside other writers, or alone where the policy may refuse: then of two at once the second sees the first.
pub(crate) async fn lock_mission(tx: &mut Tx, mission: MissionId, watch: &Watch) -> Result<(), Error> {
    if watch.is_alone() {
        missions::store::lock(tx, mission).await?;
    } else {
        missions::store::lock_shared(tx, mission).await?;
    }
    Ok(())
}

/// Reads the kluster again in a transaction that has locked the mission: it may be gone.
pub(crate) async fn still_there(
    tx: &mut Tx,
    cx: &OpCtx,
    kluster: Option<&Kluster>,
) -> Result<Option<Kluster>, Error> {
    let Some(kluster) = kluster else { return Ok(None) };
    klusters::service::resolve(tx, cx, &kluster.id.to_string(), Some(kluster.mission_id)).await.map(Some)
}

/// Creates a doc with its first version: first the bytes, then the rows. What it overlaps is found before anything is
/// committed.
///
/// # Errors
/// [`ProblemKind::OverlapUnacknowledged`], [`ProblemKind::OverlapBlocked`],
/// [`ProblemKind::NameTaken`], [`ProblemKind::BodyTooLarge`], [`ProblemKind::Validation`],
/// [`ProblemKind::UnsupportedMediaType`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateDoc) -> Result<DocAnswer, Error> {
    model::is_keystone(request.name.as_str(), request.kluster.is_some())?;
    model::check_content("/content", &request.content)?;
    let new = New {
        title: request.title.unwrap_or_else(|| request.name.to_string()),
        name: request.name,
        media_type: request.media_type.unwrap_or_else(|| DEFAULT_MEDIA_TYPE.to_owned()),
        note: request.note,
        labels: request.labels,
        annotations: request.annotations,
    }
    .checked("")?;
    let (mission, kluster) =
        place(app, cx, &request.mission, request.kluster.as_deref(), Action::CreateDoc).await?;
    let place = (&mission, kluster.as_ref().map(|kluster| kluster.id));
    let watch = Watch::of(&mut app.db.begin_read().await?, app, place, &request.acknowledge_overlap).await?;
    let text = Text::store(app, mission.id, request.content).await?;
    let watch = watch.ahead(app, cx, (mission.id, None), (&new.title, &text.content)).await?;
    write_tx!(app, cx, |tx| {
        lock_mission(tx, mission.id, &watch).await?;
        let kluster = still_there(tx, cx, kluster.as_ref()).await?;
        create_in(tx, cx, (&mission, kluster.as_ref()), &new, (&text, &watch)).await
    })
}

/// Writes a version of a locked doc whose text is stored.
///
/// # Errors
/// [`ProblemKind::VersionConflict`] when the base is not the newest version.
pub(crate) async fn put_in(
    tx: &mut Tx,
    cx: &OpCtx,
    before: &Doc,
    (base, title): (i64, Option<&str>),
    (text, watch): (&Text, &Watch),
    note: &str,
) -> Result<DocAnswer, Error> {
    let proof = cx.authorize_in(Action::UpdateDoc, before.mission_id)?;
    if base != before.latest_version {
        let expected = store::find_version(tx, before.id, base).await?;
        return Err(model::base_mismatch(before, base, expected.map(|version| version.sha256)));
    }
    let mut after = before.clone();
    if let Some(title) = title {
        title.clone_into(&mut after.title);
    }
    if text.sha256() == before.sha256 {
        return retitle(tx, cx, proof, (before, after), (&text.content, watch)).await;
    }
    after.latest_version += 1;
    after.version += 1;
    after.updated_at = cx.now();
    write_version(tx, cx, proof, (Some(before), after), (text, watch), note).await
}

/// Writes a new version; the same text as the newest makes none.
///
/// # Errors
/// [`ProblemKind::VersionConflict`], [`ProblemKind::StaleVersion`], [`ProblemKind::BodyTooLarge`],
/// [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn put_version(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    request: PutDocVersion,
) -> Result<DocAnswer, Error> {
    model::check_content("/content", &request.content)?;
    model::check_note(&request.note)?;
    if let Some(title) = &request.title {
        model::check_title("/title", title)?;
    }
    let found = resolve(&mut app.db.begin_read().await?, cx, reference, at).await?;
    if let Err(error) = cx.authorize_in(Action::UpdateDoc, found.mission_id) {
        return Err(write::refused(app, cx, error).await);
    }
    let watch = watch_of(app, cx, &found, &request.acknowledge_overlap).await?;
    let text = Text::store(app, found.mission_id, request.content).await?;
    let title = request.title.as_deref().unwrap_or(&found.title);
    let place = (found.mission_id, Some(found.id.as_uuid()));
    let watch = watch.ahead(app, cx, place, (title, &text.content)).await?;
    let id = found.id.to_string();
    write_tx!(app, cx, |tx| {
        lock_mission(tx, found.mission_id, &watch).await?;
        let (before, _) = open(tx, cx, &id, &At::default(), Action::UpdateDoc).await?;
        let base = (request.base_version, request.title.as_deref());
        let answer = put_in(tx, cx, &before, base, (&text, &watch), &request.note).await?;
        touched(tx, cx, &before, &answer.doc).await?;
        Ok(answer)
    })
}

/// How a change of a doc is watched.
async fn watch_of(app: &App, cx: &OpCtx, doc: &Doc, named: &[String]) -> Result<Watch, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = missions::service::resolve(&mut tx, cx, &doc.mission_id.to_string()).await?;
    Watch::of(&mut tx, app, (&mission, doc.kluster_id), named).await
}

/// Saves a doc that keeps its text; another title is compared as another text is.
async fn retitle(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    (before, after): (&Doc, Doc),
    (content, watch): (&Content, &Watch),
) -> Result<DocAnswer, Error> {
    let doc = save(tx, cx, proof, before, after).await?;
    let mut overlap_suggestions = Vec::new();
    if doc.title != before.title {
        let subject = indexed::subject(&doc, content, true);
        overlap_suggestions = overlap_of(tx, cx, proof, watch, &subject, doc.keystone).await?;
    }
    let overlap_pending =
        doc.title != before.title && !doc.keystone && watch.is_pending(cx, &doc.title, content);
    Ok(DocAnswer { doc, overlap_suggestions, overlap_pending })
}

/// Saves what is no new text, with its event; what did not change is not written.
async fn save(tx: &mut Tx, cx: &OpCtx, proof: Proof, before: &Doc, mut after: Doc) -> Result<Doc, Error> {
    if after == *before {
        return Ok(after);
    }
    after.version += 1;
    after.updated_at = cx.now();
    if !store::replace(tx, before, &after).await? {
        return Err(changed_meanwhile());
    }
    ledger::record(tx, cx, proof, event(&after, ledger::digest_of(before)?)).await?;
    Ok(after)
}

/// Changes title, media type, labels or annotations.
///
/// # Errors
/// [`ProblemKind::OverlapUnacknowledged`], [`ProblemKind::OverlapBlocked`],
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Validation`], [`ProblemKind::UnsupportedMediaType`],
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn update(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    patch: UpdateDoc,
) -> Result<DocAnswer, Error> {
    check_patch(&patch)?;
    let found = resolve(&mut app.db.begin_read().await?, cx, reference, at).await?;
    let watch = watch_of(app, cx, &found, &patch.acknowledge_overlap).await?;
    let id = found.id.to_string();
    write_tx!(app, cx, |tx| {
        if patch.title.is_some() {
            lock_mission(tx, found.mission_id, &watch).await?;
        }
        let (before, _) = open(tx, cx, &id, &At::default(), Action::UpdateDoc).await?;
        let answer = update_in(tx, cx, &before, &patch, &watch).await?;
        touched(tx, cx, &before, &answer.doc).await?;
        Ok(answer)
    })
}

fn check_patch(patch: &UpdateDoc) -> Result<(), Error> {
    if let Some(title) = &patch.title {
        model::check_title("/title", title)?;
    }
    match &patch.media_type {
        Some(Some(media_type)) => check_media_type(media_type),
        _ => Ok(()),
    }
}

/// As [`update`], of a locked doc, in the transaction of another operation. Owners of fields are the caller's matter.
///
/// # Errors
/// As [`update`].
pub(crate) async fn update_in(
    tx: &mut Tx,
    cx: &OpCtx,
    before: &Doc,
    patch: &UpdateDoc,
    watch: &Watch,
) -> Result<DocAnswer, Error> {
    check_patch(patch)?;
    let proof = cx.authorize_in(Action::UpdateDoc, before.mission_id)?;
    let mut after = before.clone();
    if let Some(title) = &patch.title {
        after.title.clone_from(title);
    }
    if let Some(media_type) = &patch.media_type {
        after.media_type = media_type.clone().unwrap_or_else(|| DEFAULT_MEDIA_TYPE.to_owned());
    }
    if let Some(labels) = &patch.labels {
        after.labels = labels.clone().unwrap_or_default();
    }
    if let Some(annotations) = &patch.annotations {
        after.annotations = annotations.clone().unwrap_or_default();
    }
    // A doc that the index lacks is entered in the background, with the title that it has then.
    let text =
        if after.title == before.title { None } else { content::whole(tx, before.id.as_uuid()).await? };
    if let Some(text) = text {
        let content = Content::read(text).await?;
        return retitle(tx, cx, proof, (before, after), (&content, watch)).await;
    }
    let doc = save(tx, cx, proof, before, after).await?;
    Ok(DocAnswer { doc, overlap_suggestions: Vec::new(), overlap_pending: false })
}

/// Publishes a version. Publishing the same again changes nothing.
///
/// # Errors
/// [`ProblemKind::Validation`] for a version that there is not, [`ProblemKind::StaleVersion`],
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn publish(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
    request: PublishDoc,
) -> Result<Doc, Error> {
    write_tx!(app, cx, |tx| {
        let (before, proof) = open(tx, cx, reference, at, Action::PublishDoc).await?;
        if !(1..=before.latest_version).contains(&request.version) {
            return Err(Error::invalid("/version", format!("1 to {}", before.latest_version)));
        }
        let mut after = before.clone();
        after.published_version = Some(request.version);
        after.state = model::state(after.latest_version, after.published_version);
        save(tx, cx, proof, &before, after).await
    })
}

/// Deletes a locked doc.
pub(crate) async fn delete_in(tx: &mut Tx, cx: &OpCtx, doc: &Doc) -> Result<(), Error> {
    let proof = cx.authorize_in(Action::DeleteDoc, doc.mission_id)?;
    if !store::delete(tx, doc, cx.now()).await? {
        return Err(changed_meanwhile());
    }
    ledger::record(tx, cx, proof, event(doc, ledger::digest_of(doc)?)).await?;
    let id = (doc.mission_id, doc.id.as_uuid());
    crate::overlap::texts::gone(tx, cx, proof, id, "the doc was deleted").await
}

/// Deletes a doc with all its versions; the texts go with the next sweep when nothing else names them.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let (doc, _) = open(tx, cx, reference, at, Action::DeleteDoc).await?;
        delete_in(tx, cx, &doc).await
    })
}

/// One doc by id or name.
pub async fn get(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<Doc, Error> {
    resolve(&mut app.db.begin_read().await?, cx, reference, at).await
}

/// What a list of docs is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission, also in its klusters.
    pub mission: Option<MissionId>,
    /// Of this kluster.
    pub kluster: Option<KlusterId>,
    /// In this state.
    pub state: Option<DocState>,
    /// With this name.
    pub name: Option<String>,
    /// With these labels.
    pub labels: Vec<(String, Option<String>)>,
}

/// A page of docs in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<DocId>,
    narrow: Narrow,
) -> Result<Page<Doc>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted {
        mission: narrow.mission,
        kluster: narrow.kluster,
        name: narrow.name,
        state: narrow.state,
        labels: narrow.labels,
        after: page.after,
        limit: page.fetch(),
        ..store::Wanted::default()
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadDoc), wanted).await?;
    Ok(page.cut(app, rows, |doc| doc.id))
}
