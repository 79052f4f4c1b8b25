//! Docs among what is applied: their texts are stored before the transaction that names them, also for a mission that the
//! same request makes.

use std::collections::{BTreeMap, HashMap};

use mc_api::apply::Apply;
use mc_api::doc::{CreateDoc, DEFAULT_MEDIA_TYPE, Doc, UpdateDoc};
use mc_api::fields::Fields;
use mc_api::id::MissionId;
use mc_api::manifest::Manifest;
use mc_api::overlap::DocAnswer;
use mc_api::{Action, Name};
use serde_json::{Map, Value};

use super::service::within_document;
use crate::app::App;
use crate::db::Tx;
use crate::docs::service::{self, New, Text, digest_text};
use crate::error::Error;
use crate::http::json;
use crate::missions::service::changed_meanwhile;
use crate::op::OpCtx;
use crate::overlap::texts::Watch;
use crate::tasks::service::At;
use crate::{docs, klusters, missions, write};

/// The field that holds a text.
const CONTENT: &str = "spec.content";

/// A text that a document writes.
pub(super) struct Written {
    text: Text,
    /// Where it is stored.
    mission: MissionId,
    /// What the doc held before, for a comparison.
    before: Option<String>,
}

/// The texts of a request, by the place of their document.
#[derive(Default)]
pub(super) struct Texts {
    written: BTreeMap<usize, Written>,
    /// Missions that the request may make, with the ids under which their texts are stored.
    planned: HashMap<Name, MissionId>,
}

fn is(document: &Manifest, kind: &str) -> bool {
    document.kind.eq_ignore_ascii_case(kind)
}

impl Texts {
    /// Stores the texts, or for a dry run only reads them. Rights are asked before.
    ///
    /// # Errors
    /// [`mc_api::ProblemKind::BodyTooLarge`], [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Forbidden`].
    pub(super) async fn read(app: &App, cx: &OpCtx, request: &Apply) -> Result<Self, Error> {
        let mut texts = Self::default();
        for (index, document) in request.documents.iter().enumerate() {
            let Some(text) = document.spec.get("content").and_then(Value::as_str) else { continue };
            if is(document, "doc") {
                let written = texts.one(app, cx, request, (document, text)).await;
                let written = written.map_err(|error| within_document(index, document, error))?;
                texts.written.insert(index, written);
            }
        }
        Ok(texts)
    }

    async fn one(
        &mut self,
        app: &App,
        cx: &OpCtx,
        request: &Apply,
        (document, text): (&Manifest, &str),
    ) -> Result<Written, Error> {
        docs::model::check_content("/content", text)?;
        let (name, place) = names(document)?;
        let mut tx = app.db.begin_read().await?;
        let found = missions::service::resolve(&mut tx, cx, place.0.as_str()).await;
        let made = request
            .documents
            .iter()
            .any(|other| is(other, "mission") && other.metadata.name.as_ref() == Some(place.0));
        let mission = match found {
            Ok(mission) => {
                if let Err(error) = cx.authorize_in(Action::UpdateDoc, mission.id) {
                    drop(tx);
                    return Err(write::refused(app, cx, error).await);
                }
                mission.id
            }
            Err(error) if error.kind == mc_api::ProblemKind::NotFound && made => {
                drop(tx);
                if let Err(error) = cx.authorize(Action::CreateMission) {
                    return Err(write::refused(app, cx, error).await);
                }
                let planned = self.planned.entry(place.0.clone());
                let id = *planned.or_insert_with(|| MissionId::from_uuid(cx.new_uuid()));
                return Written::store(app, id, text, None, request.dry_run).await;
            }
            Err(error) => return Err(error),
        };
        let kluster = match place.1 {
            None => None,
            Some(kluster) => {
                let found = klusters::service::resolve(&mut tx, cx, kluster.as_str(), Some(mission)).await;
                match found {
                    Ok(kluster) => Some(kluster.id),
                    // Made by this request, or told in its transaction.
                    Err(error) if error.kind == mc_api::ProblemKind::NotFound => {
                        drop(tx);
                        return Written::store(app, mission, text, None, request.dry_run).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let present = service::in_place(&mut tx, cx, (mission, kluster), name).await?;
        drop(tx);
        Written::store(app, mission, text, present.map(|doc| (cx, doc)), request.dry_run).await
    }

    /// The id that a mission of the request gets.
    pub(super) fn planned(&self, name: &Name) -> Option<MissionId> {
        self.planned.get(name).copied()
    }

    pub(super) fn of(&self, index: usize) -> Option<&Written> {
        self.written.get(&index)
    }
}

impl Written {
    async fn store(
        app: &App,
        mission: MissionId,
        text: &str,
        present: Option<(&OpCtx, Doc)>,
        is_dry: bool,
    ) -> Result<Self, Error> {
        let stands = present
            .as_ref()
            .is_some_and(|(_, doc)| doc.sha256 == mc_ledger::sha256(text.as_bytes()).to_string());
        let text = if is_dry || stands {
            Text::unstored(text.to_owned()).await?
        } else {
            Text::store(app, mission, text.to_owned()).await?
        };
        let before = match present {
            Some((cx, doc)) if is_dry => {
                let (id, number) = (doc.id.to_string(), Some(doc.latest_version));
                Some(service::content(app, cx, &id, &At::default(), number).await?.content)
            }
            _ => None,
        };
        Ok(Self { text, mission, before })
    }
}

/// The name of a doc, and where it is.
fn names(document: &Manifest) -> Result<(&Name, (&Name, Option<&Name>)), Error> {
    let missing = |member: &str| Error::invalid(format!("/metadata/{member}"), "is missing");
    let metadata = &document.metadata;
    let name = metadata.name.as_ref().ok_or_else(|| missing("name"))?;
    let mission = metadata.mission.as_ref().ok_or_else(|| missing("mission"))?;
    Ok((name, (mission, metadata.kluster.as_ref())))
}

/// Puts digests in the place of texts, on both sides, so that they are compared and owned like any field.
pub(super) fn by_digest(
    current: &mut Fields,
    wanted: &mut Fields,
    present: Option<&str>,
    written: Option<&Written>,
) {
    if let Some(sha256) = present {
        current.insert(CONTENT.to_owned(), digest_text(sha256).into());
    }
    if let Some(written) = written {
        wanted.insert(CONTENT.to_owned(), digest_text(&written.text.sha256()).into());
    }
}

/// A doc always has a text: whoever owned it alone and no longer writes it leaves it as it is.
pub(super) fn keep_text(changes: &mut BTreeMap<String, Option<Value>>) {
    changes.retain(|field, value| field != CONTENT || value.is_some());
}

/// The manifest with the text, where a comparison is to show it.
pub(super) fn shown(doc: &Doc, text: Option<&str>) -> Manifest {
    let mut manifest = Manifest::from(doc);
    if let (Some(text), Value::Object(spec)) = (text, &mut manifest.spec) {
        spec.insert("content".to_owned(), text.into());
    }
    manifest
}

/// What a doc held before, as it is shown.
pub(super) fn before(manifest: &mut Manifest, written: Option<&Written>) {
    if let (Some(text), Value::Object(spec)) =
        (written.and_then(|one| one.before.clone()), &mut manifest.spec)
    {
        spec.insert("content".to_owned(), text.into());
    }
}

/// Creates a doc of a document.
pub(super) async fn create(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    (mission, kluster): (&Name, Option<&Name>),
    (mut body, request, written): (Map<String, Value>, &Apply, Option<&Written>),
) -> Result<(DocAnswer, Option<String>), Error> {
    let written = written.ok_or_else(|| Error::invalid("/content", "is missing: a new doc needs a text"))?;
    body.insert("mission".into(), Value::from(mission.as_str()));
    body.insert("content".into(), Value::from(""));
    let body: CreateDoc = json::from_value(Value::Object(body))?;
    let mission = missions::service::resolve(tx, cx, mission.as_str()).await?;
    if mission.id != written.mission {
        return Err(changed_meanwhile());
    }
    let kluster = match kluster {
        Some(kluster) => Some(klusters::service::resolve(tx, cx, kluster.as_str(), Some(mission.id)).await?),
        None => None,
    };
    let new = New {
        title: body.title.unwrap_or_else(|| body.name.to_string()),
        name: body.name,
        media_type: body.media_type.unwrap_or_else(|| DEFAULT_MEDIA_TYPE.to_owned()),
        note: String::new(),
        labels: body.labels,
        annotations: body.annotations,
    }
    .checked("")?;
    let place = (&mission, kluster.as_ref().map(|kluster| kluster.id));
    let watch = Watch::of(tx, app, place, &request.acknowledge_overlap).await?;
    service::lock_mission(tx, mission.id, &watch).await?;
    let answer =
        service::create_in(tx, cx, (&mission, kluster.as_ref()), &new, (&written.text, &watch)).await?;
    Ok((answer, request.dry_run.then(|| written.text.text().to_owned())))
}

/// Changes a doc as a document says: first what is about it, then its text as a new version.
pub(super) async fn update(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    id: &str,
    (mut patch, request, written): (Map<String, Value>, &Apply, Option<&Written>),
) -> Result<(DocAnswer, Option<String>), Error> {
    let writes = patch.remove("content").is_some();
    let found = service::resolve(tx, cx, id, &At::default()).await?;
    let mission = missions::service::resolve(tx, cx, &found.mission_id.to_string()).await?;
    let place = (&mission, found.kluster_id);
    let watch = Watch::of(tx, app, place, &request.acknowledge_overlap).await?;
    service::lock_mission(tx, mission.id, &watch).await?;
    let before = service::locked(tx, cx, found.id).await?.ok_or_else(|| Error::not_found("doc", id))?;
    if patch.get("title").is_some_and(Value::is_null) {
        patch.insert("title".into(), before.name.as_str().into());
    }
    let patch: UpdateDoc = json::from_value(Value::Object(patch))?;
    let mut answer = service::update_in(tx, cx, &before, &patch, &watch).await?;
    if let Some(written) = written.filter(|_| writes) {
        if written.mission != before.mission_id {
            return Err(changed_meanwhile());
        }
        let base = (answer.doc.latest_version, None);
        let doc = answer.doc.clone();
        let next = service::put_in(tx, cx, &doc, base, (&written.text, &watch), "").await?;
        let mut overlaps = answer.overlap_suggestions;
        overlaps.extend(next.overlap_suggestions);
        answer = DocAnswer { overlap_suggestions: overlaps, ..next };
    }
    let shown = written.filter(|_| request.dry_run).map(|written| written.text.text().to_owned());
    Ok((answer, shown))
}
