//! Entities as they are published: found, read under one snapshot, and rendered with their provenance.

use futures_util::StreamExt as _;
use mc_api::approval::Approval;
use mc_api::artifact::Artifact;
use mc_api::doc::{Doc, NORTH_STAR, WORKSTREAM};
use mc_api::id::{BatchId, BindingId, MissionId, PrincipalId};
use mc_api::mission::Mission;
use mc_api::persistence::{EntityKind, EntityRef, PublicationItem, PublishFormat};
use mc_api::publication::Publication;
use mc_api::{Labels, ProblemKind, Timestamp};
use mc_ledger::Digest;
use mc_ledger::published::{API_VERSION, Format, PublishedFile, digest_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::App;
use crate::artifacts::model::safe_name;
use crate::db::Tx;
use crate::error::Error;
use crate::objects::ObjectStore as _;
use crate::op::OpCtx;
use crate::persistence::model::Filling;
use crate::tasks::service::At;
use crate::{artifacts, docs, klusters, missions, tasks};

/// The content of an artifact goes to Git up to this many bytes, when it is a text.
const MAX_ARTIFACT_BYTES: i64 = 1024 * 1024;

/// What is stored of an item beside its digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) object: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<Value>,
}

/// An entity at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) kind: EntityKind,
    pub(crate) id: String,
    key: String,
    name: String,
    kluster: Option<String>,
    pub(crate) labels: Labels,
    pub(crate) version: i64,
    pub(crate) meta: Meta,
    pub(crate) sha256: String,
    /// The digest of the text that belongs to it.
    pub(crate) content: Option<Digest>,
    pub(crate) artifact: Option<Artifact>,
}

/// What differs between kinds.
struct Parts {
    id: String,
    key: Option<String>,
    name: String,
    kluster: Option<String>,
    labels: Labels,
    version: i64,
    content: Option<Digest>,
    text: Option<Value>,
    artifact: Option<Artifact>,
}

fn snapshot<T: Serialize>(kind: EntityKind, object: &T, parts: Parts) -> Result<Snapshot, Error> {
    let object = serde_json::to_value(object).map_err(Error::internal)?;
    let sha256 = digest_of(kind.as_str(), &object, parts.text.as_ref())?.to_string();
    Ok(Snapshot {
        kind,
        key: parts.key.unwrap_or_else(|| parts.id.clone()),
        id: parts.id,
        name: safe_name(&parts.name),
        kluster: parts.kluster,
        labels: parts.labels,
        version: parts.version,
        meta: Meta { object, version: parts.text },
        sha256,
        content: parts.content,
        artifact: parts.artifact,
    })
}

async fn doc(tx: &mut Tx, kind: EntityKind, doc: Doc) -> Result<Snapshot, Error> {
    let version = docs::store::find_version(tx, doc.id, doc.latest_version).await?;
    let version = version
        .ok_or_else(|| Error::not_found("version", format!("{} of {}", doc.latest_version, doc.id)))?;
    let parts = Parts {
        id: doc.id.to_string(),
        key: None,
        name: doc.name.to_string(),
        kluster: doc.kluster.as_ref().map(ToString::to_string),
        labels: doc.labels.clone(),
        version: doc.version,
        content: Some(version.sha256.parse().map_err(Error::internal)?),
        text: Some(serde_json::to_value(&version).map_err(Error::internal)?),
        artifact: None,
    };
    snapshot(kind, &doc, parts)
}

/// A keystone by its doc's id, or by the mission or kluster that it is of.
async fn keystone(tx: &mut Tx, cx: &OpCtx, mission: &Mission, reference: &str) -> Result<Doc, Error> {
    let at = |kluster: Option<String>| At { mission: Some(mission.id.to_string()), kluster };
    let of_mission = [mission.id.to_string(), mission.name.to_string(), NORTH_STAR.to_owned()];
    if of_mission.iter().any(|name| name == reference) {
        return docs::service::resolve(tx, cx, NORTH_STAR, &at(None)).await;
    }
    if let Ok(kluster) = klusters::service::resolve(tx, cx, reference, Some(mission.id)).await {
        return docs::service::resolve(tx, cx, WORKSTREAM, &at(Some(kluster.id.to_string()))).await;
    }
    docs::service::resolve(tx, cx, reference, &at(None)).await
}

/// Finds an entity of the mission that the caller may read, and takes its picture.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::AmbiguousReference`].
pub(crate) async fn take(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    wanted: &EntityRef,
) -> Result<Snapshot, Error> {
    let reference = wanted.entity_id.as_str();
    let absent = || Error::not_found(wanted.entity_type.as_str(), reference);
    let here = |found: MissionId| if found == mission.id { Ok(()) } else { Err(absent()) };
    let at = At { mission: Some(mission.id.to_string()), kluster: None };
    let plain = |id: String, name: String, labels: Labels, version: i64| Parts {
        id,
        key: None,
        name,
        kluster: None,
        labels,
        version,
        content: None,
        text: None,
        artifact: None,
    };
    match wanted.entity_type {
        EntityKind::Mission => {
            let found = missions::service::resolve(tx, cx, reference).await?;
            here(found.id)?;
            let parts =
                plain(found.id.to_string(), found.name.to_string(), found.labels.clone(), found.version);
            snapshot(EntityKind::Mission, &found, parts)
        }
        EntityKind::Kluster => {
            let found = klusters::service::resolve(tx, cx, reference, Some(mission.id)).await?;
            here(found.mission_id)?;
            let name = found.name.to_string();
            let parts = plain(found.id.to_string(), name.clone(), found.labels.clone(), found.version);
            snapshot(EntityKind::Kluster, &found, Parts { kluster: Some(name), ..parts })
        }
        EntityKind::Task => {
            let found = tasks::service::resolve(tx, cx, reference, Some(mission.id), None).await?.task;
            here(found.mission_id)?;
            let name = found.name.as_ref().map_or_else(|| found.key.clone(), ToString::to_string);
            let parts = plain(found.id.to_string(), name, found.labels.clone(), found.version);
            let place = Some(found.kluster.to_string());
            snapshot(
                EntityKind::Task,
                &found,
                Parts { key: Some(found.key.clone()), kluster: place, ..parts },
            )
        }
        EntityKind::Doc | EntityKind::Keystone => {
            let found = if wanted.entity_type == EntityKind::Keystone {
                keystone(tx, cx, mission, reference).await?
            } else {
                docs::service::resolve(tx, cx, reference, &at).await?
            };
            here(found.mission_id)?;
            if wanted.entity_type == EntityKind::Keystone && !found.keystone {
                return Err(absent());
            }
            // A keystone is one under either name.
            let kind = if found.keystone { EntityKind::Keystone } else { EntityKind::Doc };
            doc(tx, kind, found).await
        }
        EntityKind::Artifact => {
            let found = artifacts::service::resolve(tx, cx, reference).await?;
            here(found.mission_id)?;
            let digest: Digest = found.sha256.parse().map_err(Error::internal)?;
            let small = found.size_bytes <= MAX_ARTIFACT_BYTES;
            let parts = plain(found.id.to_string(), found.name.clone(), found.labels.clone(), found.version);
            let parts = Parts { content: small.then_some(digest), artifact: Some(found.clone()), ..parts };
            snapshot(EntityKind::Artifact, &found, parts)
        }
    }
}

impl Snapshot {
    pub(crate) fn filling<'a>(&'a self, mission: &'a str) -> Filling<'a> {
        Filling {
            kind: self.kind,
            mission,
            kluster: self.kluster.as_deref(),
            id: &self.id,
            key: &self.key,
            name: &self.name,
        }
    }

    /// The usual format of its kind.
    pub(crate) fn usual_format(&self) -> PublishFormat {
        if self.kind == EntityKind::Artifact { PublishFormat::Json } else { PublishFormat::Markdown }
    }

    /// Reads the text that belongs to it; `None` when there is none, or an artifact's bytes are no text.
    ///
    /// # Errors
    /// [`ProblemKind::Unavailable`] when the object store cannot give it.
    pub(crate) async fn read(&self, app: &App, mission: MissionId) -> Result<Option<String>, Error> {
        let Some(digest) = self.content else { return Ok(None) };
        let mut content = app.objects.get(mission, digest, None).await?;
        let mut bytes = Vec::new();
        while let Some(part) = content.next().await {
            bytes.extend_from_slice(&part.map_err(|_| Error::unavailable("the content cannot be read now"))?);
        }
        if mc_ledger::sha256(&bytes) != digest {
            return Err(Error::new(ProblemKind::Internal, "stored content does not have its digest"));
        }
        match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Ok(Some(text)),
            _ => Ok(None),
        }
    }
}

#[derive(Serialize)]
struct Who<'a> {
    id: PrincipalId,
    name: &'a str,
}

#[derive(Serialize)]
struct Provenance<'a> {
    mission: &'a str,
    mission_id: MissionId,
    publication_id: BatchId,
    approval_id: mc_api::id::ApprovalId,
    action_sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_sha256: Option<&'a str>,
    requester: Who<'a>,
    request_id: &'a str,
    decider: Option<Who<'a>>,
    self_approved: bool,
    decided_at: Option<Timestamp>,
}

/// What an item needs of its publication to become a file.
pub(crate) struct Origin<'a> {
    pub(crate) publication: BatchId,
    pub(crate) approval: &'a Approval,
    pub(crate) request_id: &'a str,
}

impl Origin<'_> {
    /// Who asked and who decided, with which digests: in the statement of the chain, and with its digest in every file.
    fn provenance(&self, state_sha256: Option<&str>) -> Result<Value, Error> {
        let approval = self.approval;
        let decider =
            approval.decider_id.map(|id| Who { id, name: approval.decider.as_deref().unwrap_or_default() });
        serde_json::to_value(Provenance {
            mission: approval.mission.as_str(),
            mission_id: approval.mission_id,
            publication_id: self.publication,
            approval_id: approval.id,
            action_sha256: &approval.action_sha256,
            state_sha256,
            requester: Who { id: approval.requester_id, name: &approval.requester },
            request_id: self.request_id,
            decider,
            self_approved: approval.self_approved,
            decided_at: approval.decided_at,
        })
        .map_err(Error::internal)
    }
}

/// What the chain says of a commit: the body of `publication.commit`. See `mc_ledger::statement`.
#[derive(Serialize)]
pub(crate) struct Statement<'a> {
    format: u32,
    publication_id: BatchId,
    mission: &'a str,
    mission_id: MissionId,
    message: &'a str,
    binding_id: Option<BindingId>,
    task_numbers_below: i64,
    items: &'a [PublicationItem],
    /// The text that was approved.
    action: &'a str,
    provenance: Value,
    /// The chain that this one goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a RestoredFrom>,
}

/// What an installation was rebuilt from.
#[derive(Serialize, sqlx_macros::FromRow)]
pub(crate) struct RestoredFrom {
    pub(crate) commit_id: String,
    pub(crate) seq: i64,
    pub(crate) hash: String,
}

/// Makes the statement of a publication that is about to be committed.
///
/// # Errors
/// [`ProblemKind::Internal`]; none that was read from the database does that.
pub(crate) fn statement<'a>(
    publication: &'a Publication,
    origin: &Origin<'a>,
    from: Option<&'a RestoredFrom>,
) -> Result<Statement<'a>, Error> {
    Ok(Statement {
        format: mc_ledger::tree::FORMAT,
        publication_id: publication.id,
        mission: publication.mission.as_str(),
        mission_id: publication.mission_id,
        message: &publication.message,
        binding_id: publication.binding_id,
        task_numbers_below: publication.task_numbers_below,
        items: &publication.items,
        action: &origin.approval.action,
        provenance: origin.provenance(None)?,
        origin: from,
    })
}

/// The files of an item: the state with its provenance, and the content of an artifact beside it.
///
/// # Errors
/// [`ProblemKind::Internal`] when a state cannot be written; none that was read from the database does that.
pub(crate) fn files(
    item: &PublicationItem,
    meta: Meta,
    content: Option<String>,
    origin: &Origin<'_>,
) -> Result<Vec<(String, String)>, Error> {
    let is_artifact = item.entity_type == EntityKind::Artifact;
    let beside = match &content {
        Some(_) if is_artifact => Some(content_path(item, &meta)),
        _ => None,
    };
    let (inside, outside) = if is_artifact { (None, content) } else { (content, None) };
    let file = PublishedFile {
        api_version: API_VERSION.into(),
        kind: item.entity_type.as_str().into(),
        provenance: origin.provenance(Some(&item.sha256))?,
        object: meta.object,
        version: meta.version,
        content_path: beside.clone(),
        content: inside,
    };
    let format = match item.format {
        PublishFormat::Markdown => Format::Markdown,
        PublishFormat::Yaml => Format::Yaml,
        PublishFormat::Json => Format::Json,
    };
    let mut files = vec![(item.path.clone(), file.render(format).map_err(Error::internal)?)];
    files.extend(beside.zip(outside));
    Ok(files)
}

/// Where the content of an artifact lies: in the folder of its file, when that is its own, else in one beside it.
fn content_path(item: &PublicationItem, meta: &Meta) -> String {
    let name = meta.object.get("name").and_then(Value::as_str).unwrap_or_default();
    let name = safe_name(name);
    let folder = item.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if folder.contains(&item.entity_id) && format!("{folder}/{name}") != item.path {
        format!("{folder}/{name}")
    } else {
        format!("{}.content/{name}", item.path)
    };
    // Nothing that a caller names looks like a part of the chain.
    if path.strip_suffix(".jsonl").is_some() { format!("{path}_") } else { path }
}
