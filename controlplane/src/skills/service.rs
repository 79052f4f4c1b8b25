//! Operations on versions of skill bundles.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mc_api::bundle::{BundleFile, MAX_ARCHIVE_BYTES};
use mc_api::id::{KlusterId, MissionId, SkillBundleId};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::skill::{CreateSkill, SkillBundle, SkillManifest, SkillState};
use mc_api::{Action, Page, ProblemKind};
use mc_bundle::Tree;
use mc_ledger::Digest;

use super::model::{self, Content};
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::docs::service::{place, still_there};
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions;
use crate::missions::service::{changed_meanwhile, check_text};
use crate::objects::{ByteStream, ObjectStore as _, Stored};
use crate::op::OpCtx;
use crate::tasks::service::{At, within};
use crate::write::hex_digest;
use crate::write_tx;

/// The longest note, in bytes.
const MAX_NOTE: usize = 2000;

fn event(after: &SkillBundle, before_sha256: Option<String>) -> Event<'_, SkillBundle> {
    Event { subject_kind: "skill", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// All bytes that are sent, when they are no more than an archive may have.
///
/// # Errors
/// [`ProblemKind::BodyTooLarge`], [`ProblemKind::MalformedBody`].
pub(crate) async fn gather(mut content: ByteStream) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(part) = content.next().await {
        let part = part.map_err(|_| {
            Error::new(ProblemKind::MalformedBody, "the archive ended before it was complete")
        })?;
        if bytes.len() + part.len() > MAX_ARCHIVE_BYTES {
            return Err(model::too_large());
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Runs what reads or writes an archive beside the requests.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// A tree on its way into the database: its archive is stored.
pub(crate) struct Packed {
    pub(crate) files: Vec<BundleFile>,
    pub(crate) stored: Stored,
}

impl Packed {
    /// Stores the archive of a tree in an area of the object store.
    pub(crate) async fn store(app: &App, area: MissionId, tree: Tree) -> Result<Self, Error> {
        let (files, archive) = aside(move || Ok((tree.manifest(), tree.write()))).await?;
        let part = stream::iter([Ok(Bytes::from(archive))]);
        let stored = app.objects.put(area, Box::pin(part), 2 * MAX_ARCHIVE_BYTES as u64).await?;
        Ok(Self { files, stored })
    }
}

/// The bytes of a stored archive; what is not what its digest says is an error of ours.
pub(crate) async fn archive(app: &App, area: MissionId, sha256: &str) -> Result<Vec<u8>, Error> {
    let digest: Digest = sha256.parse().map_err(Error::internal)?;
    let bytes = gather(app.objects.get(area, digest, None).await?).await?;
    if mc_ledger::sha256(&bytes) != digest {
        return Err(Error::internal(std::io::Error::other(format!("the archive {sha256} is damaged"))));
    }
    Ok(bytes)
}

/// Stores an archive as the next version of a bundle, a draft. Rights are asked before the first byte is read. The archive
/// that the newest version has makes no other one.
///
/// # Errors
/// [`ProblemKind::BodyTooLarge`], [`ProblemKind::Validation`] with the entry that is refused, [`ProblemKind::Forbidden`],
/// [`ProblemKind::NotFound`].
pub async fn create(
    app: &App,
    mut cx: OpCtx,
    request: CreateSkill,
    content: ByteStream,
) -> Result<(OpCtx, SkillBundle), Error> {
    let place = place(app, &cx, &request.mission, request.kluster.as_deref(), Action::CreateSkill).await?;
    let bytes = gather(content).await?;
    if let Some(request) = &mut cx.idempotency {
        // The extractor has digested the query; what was sent beside it counts as well.
        let all = format!("{}\0{}", request.body_sha256, hex_digest(&bytes));
        request.body_sha256 = hex_digest(all.as_bytes());
    }
    let content = aside(move || model::read(&bytes)).await?;
    let bundle = store_version(app, &cx, place, content, request.note.unwrap_or_default()).await?;
    Ok((cx, bundle))
}

/// Stores a checked tree as the next version of a bundle.
pub(crate) async fn store_version(
    app: &App,
    cx: &OpCtx,
    (mission, kluster): (Mission, Option<Kluster>),
    content: Content,
    note: String,
) -> Result<SkillBundle, Error> {
    check_text("?note", &note, MAX_NOTE)?;
    if kluster.is_none() && !content.removes.is_empty() {
        let detail = "only a kluster's bundle takes something out: of its mission's";
        return Err(Error::invalid("/removes", detail));
    }
    let Content { tree, removes } = content;
    let packed = Packed::store(app, mission.id, tree).await?;
    write_tx!(app, cx, |tx| {
        // Numbers are given one after the other.
        missions::store::lock(tx, mission.id).await?;
        let kluster = still_there(tx, cx, kluster.as_ref()).await?;
        let proof = cx.authorize_in(Action::CreateSkill, mission.id)?;
        let kluster_id = kluster.as_ref().map(|kluster| kluster.id);
        let newest = store::newest(tx, mission.id, kluster_id, None).await?;
        let sha256 = packed.stored.sha256.to_string();
        let number = newest.as_ref().map_or(1, |newest| newest.number + 1);
        if let Some(same) = newest.filter(|newest| {
            newest.sha256 == sha256 && newest.removes == removes && newest.state != SkillState::Deprecated
        }) {
            return Ok(same);
        }
        let of = kluster_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let message = mc_proto::skill_bundle_message(&mission.id.to_string(), &of, number, &sha256);
        let (key_id, signature) = app.keyring.sign_command(&message);
        let bundle = SkillBundle {
            kind: "skill".into(),
            id: SkillBundleId::from_uuid(cx.new_uuid()),
            name: model::name(kluster_id.is_some(), number),
            mission_id: mission.id,
            mission: mission.name.clone(),
            kluster_id,
            kluster: kluster.map(|kluster| kluster.name),
            number,
            state: SkillState::Draft,
            sha256,
            size_bytes: i64::try_from(packed.stored.size_bytes).map_err(Error::internal)?,
            file_count: i64::try_from(packed.files.len()).map_err(Error::internal)?,
            removes: removes.clone(),
            note: note.clone(),
            key_id: key_id.to_owned(),
            signature: STANDARD.encode(signature),
            version: 1,
            created_by: cx.caller.id,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        store::insert(tx, cx.caller.organization, &bundle, &packed.files).await?;
        ledger::record(tx, cx, proof, event(&bundle, None)).await?;
        Ok(bundle)
    })
}

/// Finds a version that the caller may read: by id, or by `m3` or `k2` in the mission and kluster named.
///
/// # Errors
/// [`ProblemKind::NotFound`].
pub(crate) async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str, at: &At) -> Result<SkillBundle, Error> {
    let absent = || Error::not_found("skill bundle", reference);
    let (mission, kluster) = within(tx, cx, at).await?;
    let base = store::Wanted { mission, limit: 1, ..store::Wanted::default() };
    let wanted = match (reference.parse::<SkillBundleId>(), model::parse_name(reference)) {
        (Ok(id), _) => store::Wanted { id: Some(id), ..base },
        (Err(_), Some((false, number))) if mission.is_some() => {
            store::Wanted { direct: true, number: Some(number), ..base }
        }
        (Err(_), Some((true, number))) if kluster.is_some() => {
            store::Wanted { kluster, number: Some(number), ..base }
        }
        (Err(_), Some((is_of_kluster, _))) => {
            let which = if is_of_kluster { "kluster" } else { "mission" };
            return Err(Error::invalid(
                format!("?{which}"),
                format!("{reference} is a version in a {which}; name it"),
            ));
        }
        (Err(_), None) => return Err(absent()),
    };
    store::list(tx, cx.scope(Action::ReadSkill), wanted).await?.pop().ok_or_else(absent)
}

/// One version by id or name.
pub async fn get(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<SkillBundle, Error> {
    resolve(&mut app.db.begin_read().await?, cx, reference, at).await
}

/// What is in a version.
pub async fn manifest(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<SkillManifest, Error> {
    let mut tx = app.db.begin_read().await?;
    let bundle = resolve(&mut tx, cx, reference, at).await?;
    let files = store::files(&mut tx, bundle.id).await?;
    Ok(SkillManifest { skill_id: bundle.id, files, removes: bundle.removes })
}

/// The archive of a version.
pub async fn download(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    at: &At,
) -> Result<(SkillBundle, Vec<u8>), Error> {
    let bundle = get(app, cx, reference, at).await?;
    let bytes = archive(app, bundle.mission_id, &bundle.sha256).await?;
    Ok((bundle, bytes))
}

/// What a list of versions is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission, also of its klusters.
    pub mission: Option<MissionId>,
    /// Of this kluster.
    pub kluster: Option<KlusterId>,
    /// In this state.
    pub state: Option<SkillState>,
}

/// A page of versions in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<SkillBundleId>,
    narrow: Narrow,
) -> Result<Page<SkillBundle>, Error> {
    let wanted = store::Wanted {
        mission: narrow.mission,
        kluster: narrow.kluster,
        state: narrow.state,
        after: page.after,
        limit: page.fetch(),
        ..store::Wanted::default()
    };
    let mut tx = app.db.begin_read().await?;
    let rows = store::list(&mut tx, cx.scope(Action::ReadSkill), wanted).await?;
    Ok(page.cut(app, rows, |bundle| bundle.id))
}

/// Moves a version to another state. One that is there already stays as it is.
async fn advance(
    app: &App,
    cx: &OpCtx,
    (reference, at): (&str, &At),
    action: Action,
    to: SkillState,
) -> Result<SkillBundle, Error> {
    write_tx!(app, cx, |tx| {
        let found = resolve(tx, cx, reference, at).await?;
        let proof = cx.authorize_in(action, found.mission_id)?;
        missions::store::lock(tx, found.mission_id).await?;
        let before = resolve(tx, cx, &found.id.to_string(), &At::default()).await?;
        cx.check_version(before.version)?;
        if before.state == to {
            return Ok(before);
        }
        if !before.state.allows(to) {
            let detail = format!("{} is {}; it cannot become {to}", before.name, before.state);
            return Err(Error::new(ProblemKind::InvalidTransition, detail));
        }
        let mut after = before.clone();
        after.state = to;
        after.version += 1;
        after.updated_at = cx.now();
        if !store::replace(tx, &before, &after).await? {
            return Err(changed_meanwhile());
        }
        ledger::record(tx, cx, proof, event(&after, ledger::digest_of(&before)?)).await?;
        Ok(after)
    })
}

/// Publishes a version: it holds while no newer one is published.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`], [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`],
/// [`ProblemKind::NotFound`].
pub async fn publish(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<SkillBundle, Error> {
    advance(app, cx, (reference, at), Action::PublishSkill, SkillState::Published).await
}

/// Takes a version out of use: the newest one that is still published holds again.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn deprecate(app: &App, cx: &OpCtx, reference: &str, at: &At) -> Result<SkillBundle, Error> {
    advance(app, cx, (reference, at), Action::DeprecateSkill, SkillState::Deprecated).await
}
