//! Operations of applying.

use std::collections::BTreeMap;

use mc_api::apply::{Applied, Apply, ApplyAnswer, ApplyResult, FieldOwners, MAX_DOCUMENTS};
use mc_api::fields::{self, Fields};
use mc_api::kluster::{Kluster, UpdateKluster};
use mc_api::manifest::{DocSpec, KlusterSpec, Manifest, MissionSpec, TaskSpec};
use mc_api::mission::{Mission, UpdateMission};
use mc_api::overlap::{DocAnswer, OverlapSuggestion};
use mc_api::task::{Task, UpdateTask};
use mc_api::{API_VERSION, Action, FieldError, Name, ProblemKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::docs::{self, Texts, Written};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::fields::store::{self as owners, Subject};
use crate::fields::{Decided, UPDATE, decide};
use crate::http::json;
use crate::ledger::{self, Event};
use crate::op::{OpCtx, Proof};
use crate::tasks::service::At;
use crate::{klusters, missions, rehearse_tx, tasks, write_tx};

/// Applies all documents, or none.
///
/// # Errors
/// [`ProblemKind::FieldConflict`] with the fields and their owners, [`ProblemKind::Validation`], and everything that
/// creating and changing the objects answers; pointers begin with `/documents/<n>`.
pub async fn apply(app: &App, cx: &OpCtx, request: Apply) -> Result<ApplyAnswer, Error> {
    check(&request)?;
    let texts = Texts::read(app, cx, &request).await?;
    if request.dry_run {
        return rehearse_tx!(app, |tx| { Box::pin(all(app, tx, cx, (&request, &texts))).await });
    }
    write_tx!(app, cx, |tx| { Box::pin(all(app, tx, cx, (&request, &texts))).await })
}

fn check(request: &Apply) -> Result<(), Error> {
    if !(1..=MAX_DOCUMENTS).contains(&request.documents.len()) {
        return Err(Error::invalid("/documents", format!("1 to {MAX_DOCUMENTS} documents")));
    }
    if let Some(manager) = &request.field_manager {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if !(1..=64).contains(&manager.len()) || !manager.chars().all(is_word) {
            return Err(Error::invalid("/field_manager", "1 to 64 of letters, digits, '-', '_', '.' or '/'"));
        }
    }
    Ok(())
}

async fn all(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    (request, texts): (&Apply, &Texts),
) -> Result<ApplyAnswer, Error> {
    let mut items = Vec::with_capacity(request.documents.len());
    for (index, document) in request.documents.iter().enumerate() {
        let applied = Box::pin(one(app, tx, cx, (request, texts), (index, document))).await;
        items.push(applied.map_err(|error| within_document(index, document, error))?);
    }
    Ok(ApplyAnswer { items, dry_run: request.dry_run })
}

/// Says in which document the error is, and by the names that the manifest has.
pub(super) fn within_document(index: usize, document: &Manifest, mut error: Error) -> Error {
    let name = document.metadata.name.as_ref().map(ToString::to_string).unwrap_or_default();
    for field in &mut error.errors {
        let mut parts = field.pointer.trim_start_matches('/').splitn(2, '/');
        let first = parts.next().unwrap_or_default();
        let rest = parts.next().map(|rest| format!("/{rest}")).unwrap_or_default();
        let place = match first {
            "" => String::new(),
            "metadata" | "spec" | "kind" | "apiVersion" => format!("/{first}"),
            "name" | "labels" | "annotations" | "mission" | "kluster" => format!("/metadata/{first}"),
            member => format!("/spec/{}", camel(member)),
        };
        field.pointer = format!("/documents/{index}{place}{rest}");
    }
    error.detail = format!("document {} ({} {name}): {}", index + 1, document.kind, error.detail);
    error
}

fn camel(snake: &str) -> String {
    let mut parts = snake.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let mut letters = part.chars();
        let head = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
        text + &head.chain(letters).collect::<String>()
    })
}

/// The members of a specification, checked against its type.
fn checked<S: DeserializeOwned>(spec: &Value) -> Result<(), Error> {
    let spec = if spec.is_null() { Value::Object(Map::new()) } else { spec.clone() };
    if let Value::Object(members) = &spec {
        // Only what is not null is typed; null takes away.
        let written = members.iter().filter(|(_, value)| !value.is_null());
        let written: Map<String, Value> =
            written.map(|(name, value)| (name.clone(), value.clone())).collect();
        let read: Result<S, Error> = json::from_value(Value::Object(written));
        return read.map(drop).map_err(|mut error| {
            for field in &mut error.errors {
                field.pointer = format!("/spec{}", field.pointer);
            }
            error
        });
    }
    Err(Error::invalid("/spec", "an object"))
}

fn named(member: &'static str, name: Option<&Name>) -> Result<Name, Error> {
    name.cloned().ok_or_else(|| Error::invalid(format!("/metadata/{member}"), "is missing"))
}

/// An object as it is found.
struct Present {
    id: String,
    mission: mc_api::id::MissionId,
    manifest: Manifest,
    /// Of a doc's text.
    sha256: Option<String>,
}

/// What a creation or change gives.
struct Outcome {
    id: String,
    mission: mc_api::id::MissionId,
    key: Option<String>,
    manifest: Manifest,
    overlaps: Vec<OverlapSuggestion>,
}

async fn one(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    (request, texts): (&Apply, &Texts),
    (index, document): (usize, &Manifest),
) -> Result<Applied, Error> {
    if document.api_version != API_VERSION {
        return Err(Error::invalid("/apiVersion", format!("expected {API_VERSION:?}")));
    }
    let kind = Kind::of(document)?;
    let name = named("name", document.metadata.name.as_ref())?;
    let present = kind.find(tx, cx, &name, document).await?;
    let mut wanted = fields::of(document);
    if let Kind::Task { mission, kluster } = &kind {
        keys_of_dependencies(tx, cx, (mission, kluster), &mut wanted).await?;
    }
    let mut current = present.as_ref().map(|present| fields::of(&present.manifest)).unwrap_or_default();
    let written = texts.of(index);
    let sha256 = present.as_ref().and_then(|present| present.sha256.as_deref());
    docs::by_digest(&mut current, &mut wanted, sha256, written);
    let owned = match &present {
        Some(present) => owners::owners(tx, &present.id).await?,
        None => owners::Owners::new(),
    };
    let manager = request.field_manager.as_deref();
    let decided = decide(&current, &wanted, &owned, manager, request.force_conflicts)
        .map_err(|conflicts| conflict(&conflicts))?;
    let Decided { mut changes, owners: mut after } = decided;
    if matches!(kind, Kind::Doc { .. }) {
        docs::keep_text(&mut changes);
    }
    if manager.is_none() {
        // A change that nobody is to own takes owned fields over, as by any other door.
        for field in changes.keys() {
            if let Some(managers) = after.get_mut(field) {
                *managers = [format!("{UPDATE}{}", cx.caller.name)].into();
            }
        }
    }
    let (outcome, result) = match &present {
        None => {
            let what = (request, texts, written);
            (kind.create(app, tx, cx, &name, what, &changes).await?, ApplyResult::Created)
        }
        Some(present) if changes.is_empty() => {
            let same = Outcome {
                id: present.id.clone(),
                mission: present.mission,
                key: kind.key(tx, cx, &present.id).await?,
                manifest: present.manifest.clone(),
                overlaps: Vec::new(),
            };
            (same, ApplyResult::Unchanged)
        }
        Some(present) => {
            let patch = fields::patch(&current, &changes);
            let what = (request, written);
            (kind.update(app, tx, cx, &present.id, what, patch).await?, ApplyResult::Configured)
        }
    };
    if after != owned {
        let proof = kind.proof(cx, outcome.mission)?;
        let subject =
            Subject { organization: cx.caller.organization, mission: outcome.mission, id: &outcome.id };
        owners::replace(tx, subject, (&owned, &after), cx.now()).await?;
        let event = Event {
            subject_kind: kind.word(),
            subject_id: outcome.id.clone(),
            body: &after,
            before_sha256: ledger::digest_of(&owned)?,
        };
        ledger::record_as(tx, cx, proof, "fields.own", event).await?;
    }
    Ok(Applied {
        kind: kind.word().to_owned(),
        name,
        id: outcome.id,
        key: outcome.key,
        result,
        before: present.map(|mut present| {
            if result == ApplyResult::Configured {
                docs::before(&mut present.manifest, written);
            }
            present.manifest
        }),
        after: outcome.manifest,
        overlap_suggestions: outcome.overlaps,
    })
}

fn conflict(conflicts: &[(String, Vec<String>)]) -> Error {
    let told: Vec<String> = conflicts
        .iter()
        .map(|(field, managers)| format!("{field} (owned by {})", managers.join(", ")))
        .collect();
    let pointer = |field: &str| format!("/{}", field.replace('~', "~0").replacen('.', "/", 1));
    let errors = conflicts.iter().map(|(field, managers)| FieldError {
        pointer: pointer(field),
        message: format!("owned by {}", managers.join(", ")),
    });
    Error {
        errors: errors.collect(),
        ..Error::new(
            ProblemKind::FieldConflict,
            format!(
                "others own fields that have another value: {}; --force-conflicts takes them over",
                told.join("; ")
            ),
        )
    }
}

/// The keys of the tasks that `dependsOn` means: names of the kluster, keys and ids.
async fn keys_of_dependencies(
    tx: &mut Tx,
    cx: &OpCtx,
    (mission, kluster): (&Name, &Name),
    wanted: &mut Fields,
) -> Result<(), Error> {
    let Some(Value::Array(items)) = wanted.get("spec.dependsOn") else { return Ok(()) };
    let mut keys = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let reference = item.as_str().unwrap_or_default();
        let in_kluster = At { mission: Some(mission.to_string()), kluster: Some(kluster.to_string()) };
        let in_mission = At { kluster: None, ..in_kluster.clone() };
        let found = match find_task(tx, cx, reference, &in_kluster).await? {
            None => find_task(tx, cx, reference, &in_mission).await?,
            found => found,
        };
        let Some(task) = found else {
            let message =
                format!("mission {mission} has no task {reference:?}, and none is written before it");
            return Err(Error::invalid(format!("/spec/dependsOn/{index}"), message));
        };
        keys.push(Value::from(task.key));
    }
    wanted.insert("spec.dependsOn".to_owned(), Value::Array(keys));
    Ok(())
}

async fn find_task(tx: &mut Tx, cx: &OpCtx, reference: &str, at: &At) -> Result<Option<Task>, Error> {
    let found = async {
        let (mission, kluster) = tasks::service::within(tx, cx, at).await?;
        Ok(tasks::service::resolve(tx, cx, reference, mission, kluster).await?.task)
    };
    absent(found.await)
}

fn absent<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ProblemKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a document is about.
enum Kind {
    Mission,
    Kluster { mission: Name },
    Task { mission: Name, kluster: Name },
    Doc { mission: Name, kluster: Option<Name> },
}

impl Kind {
    fn of(document: &Manifest) -> Result<Self, Error> {
        let metadata = &document.metadata;
        let none = |member: &'static str, there: bool| {
            if there {
                Err(Error::invalid(format!("/metadata/{member}"), "does not belong here"))
            } else {
                Ok(())
            }
        };
        match document.kind.to_ascii_lowercase().as_str() {
            "mission" => {
                none("mission", metadata.mission.is_some())?;
                none("kluster", metadata.kluster.is_some())?;
                checked::<MissionSpec>(&document.spec)?;
                Ok(Self::Mission)
            }
            "kluster" => {
                none("kluster", metadata.kluster.is_some())?;
                checked::<KlusterSpec>(&document.spec)?;
                Ok(Self::Kluster { mission: named("mission", metadata.mission.as_ref())? })
            }
            "task" => {
                checked::<TaskSpec>(&document.spec)?;
                Ok(Self::Task {
                    mission: named("mission", metadata.mission.as_ref())?,
                    kluster: named("kluster", metadata.kluster.as_ref())?,
                })
            }
            "doc" => {
                checked::<DocSpec>(&document.spec)?;
                let mission = named("mission", metadata.mission.as_ref())?;
                Ok(Self::Doc { mission, kluster: metadata.kluster.clone() })
            }
            _ => Err(Error::invalid("/kind", "expected Mission, Kluster, Task or Doc")),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Mission => "mission",
            Self::Kluster { .. } => "kluster",
            Self::Task { .. } => "task",
            Self::Doc { .. } => "doc",
        }
    }

    fn proof(&self, cx: &OpCtx, mission: mc_api::id::MissionId) -> Result<Proof, Error> {
        let action = match self {
            Self::Mission => Action::UpdateMission,
            Self::Kluster { .. } => Action::UpdateKluster,
            Self::Task { .. } => Action::UpdateTask,
            Self::Doc { .. } => Action::UpdateDoc,
        };
        cx.authorize_in(action, mission)
    }

    async fn find(
        &self,
        tx: &mut Tx,
        cx: &OpCtx,
        name: &Name,
        _: &Manifest,
    ) -> Result<Option<Present>, Error> {
        match self {
            Self::Mission => {
                let found = absent(missions::service::resolve(tx, cx, name.as_str()).await)?;
                Ok(found.map(|mission| Present {
                    id: mission.id.to_string(),
                    mission: mission.id,
                    manifest: (&mission).into(),
                    sha256: None,
                }))
            }
            Self::Kluster { mission } => {
                let mission = missions::service::resolve(tx, cx, mission.as_str()).await?;
                let found = klusters::service::resolve(tx, cx, name.as_str(), Some(mission.id)).await;
                Ok(absent(found)?.map(|kluster| Present {
                    id: kluster.id.to_string(),
                    mission: kluster.mission_id,
                    manifest: (&kluster).into(),
                    sha256: None,
                }))
            }
            Self::Task { mission, kluster } => {
                let mission = missions::service::resolve(tx, cx, mission.as_str()).await?;
                let kluster = klusters::service::resolve(tx, cx, kluster.as_str(), Some(mission.id)).await?;
                // By its name only: a key of the same spelling is another task.
                let found = tasks::service::named(tx, cx, kluster.id, name).await?;
                Ok(found.map(|task| Present {
                    id: task.id.to_string(),
                    mission: task.mission_id,
                    manifest: (&task).into(),
                    sha256: None,
                }))
            }
            Self::Doc { mission, kluster } => {
                let mission = missions::service::resolve(tx, cx, mission.as_str()).await?.id;
                let kluster = match kluster {
                    None => None,
                    Some(kluster) => {
                        Some(klusters::service::resolve(tx, cx, kluster.as_str(), Some(mission)).await?.id)
                    }
                };
                let found = crate::docs::service::in_place(tx, cx, (mission, kluster), name).await?;
                Ok(found.map(|doc| Present {
                    id: doc.id.to_string(),
                    mission,
                    manifest: (&doc).into(),
                    sha256: Some(doc.sha256),
                }))
            }
        }
    }

    async fn key(&self, tx: &mut Tx, cx: &OpCtx, id: &str) -> Result<Option<String>, Error> {
        match self {
            Self::Task { .. } => Ok(Some(tasks::service::resolve(tx, cx, id, None, None).await?.task.key)),
            Self::Mission | Self::Kluster { .. } | Self::Doc { .. } => Ok(None),
        }
    }

    async fn create(
        &self,
        app: &App,
        tx: &mut Tx,
        cx: &OpCtx,
        name: &Name,
        (request, texts, written): (&Apply, &Texts, Option<&Written>),
        changes: &BTreeMap<String, Option<Value>>,
    ) -> Result<Outcome, Error> {
        let mut body = fields::patch(&Fields::new(), changes);
        body.retain(|_, value| !value.is_null());
        body.insert("name".into(), Value::from(name.as_str()));
        match self {
            Self::Mission => {
                let body = json::from_value(Value::Object(body))?;
                let made = match texts.planned(name) {
                    Some(id) => missions::service::create_as(tx, cx, id, &body).await?,
                    None => missions::service::create_in(tx, cx, &body).await?,
                };
                Ok(of_mission(&made))
            }
            Self::Kluster { mission } => {
                body.insert("mission".into(), Value::from(mission.as_str()));
                let body = json::from_value(Value::Object(body))?;
                Ok(of_kluster(&klusters::service::create_in(app, tx, cx, &body).await?))
            }
            Self::Task { mission, kluster } => {
                body.insert("mission".into(), Value::from(mission.as_str()));
                body.insert("kluster".into(), Value::from(kluster.as_str()));
                body.insert("acknowledge_overlap".into(), request.acknowledge_overlap.clone().into());
                let body = json::from_value(Value::Object(body))?;
                let answer = tasks::service::create_within(app, tx, cx, &body).await?;
                Ok(of_task(&answer.task, answer.overlap_suggestions))
            }
            Self::Doc { mission, kluster } => {
                let place = (mission, kluster.as_ref());
                Ok(of_doc(docs::create(app, tx, cx, place, (body, request, written)).await?))
            }
        }
    }

    async fn update(
        &self,
        app: &App,
        tx: &mut Tx,
        cx: &OpCtx,
        id: &str,
        (request, written): (&Apply, Option<&Written>),
        mut patch: Map<String, Value>,
    ) -> Result<Outcome, Error> {
        match self {
            Self::Mission => {
                let patch: UpdateMission = json::from_value(Value::Object(patch))?;
                Ok(of_mission(&missions::service::update_in(tx, cx, id, &patch).await?.1))
            }
            Self::Kluster { .. } => {
                let patch: UpdateKluster = json::from_value(Value::Object(patch))?;
                Ok(of_kluster(&klusters::service::update_in(app, tx, cx, id, None, &patch).await?.1))
            }
            Self::Task { .. } => {
                patch.insert("acknowledge_overlap".into(), request.acknowledge_overlap.clone().into());
                let patch: UpdateTask = json::from_value(Value::Object(patch))?;
                let (_, answer) = tasks::service::update_in(app, tx, cx, id, &At::default(), &patch).await?;
                Ok(of_task(&answer.task, answer.overlap_suggestions))
            }
            Self::Doc { .. } => Ok(of_doc(docs::update(app, tx, cx, id, (patch, request, written)).await?)),
        }
    }
}

fn of_mission(mission: &Mission) -> Outcome {
    Outcome {
        id: mission.id.to_string(),
        mission: mission.id,
        key: None,
        manifest: mission.into(),
        overlaps: Vec::new(),
    }
}

fn of_kluster(kluster: &Kluster) -> Outcome {
    Outcome {
        id: kluster.id.to_string(),
        mission: kluster.mission_id,
        key: None,
        manifest: kluster.into(),
        overlaps: Vec::new(),
    }
}

fn of_doc((answer, text): (DocAnswer, Option<String>)) -> Outcome {
    Outcome {
        id: answer.doc.id.to_string(),
        mission: answer.doc.mission_id,
        key: None,
        manifest: docs::shown(&answer.doc, text.as_deref()),
        overlaps: answer.overlap_suggestions,
    }
}

fn of_task(task: &Task, overlaps: Vec<OverlapSuggestion>) -> Outcome {
    Outcome {
        id: task.id.to_string(),
        mission: task.mission_id,
        key: Some(task.key.clone()),
        manifest: task.into(),
        overlaps,
    }
}

/// The owners of an object's fields, by its id. An object of which no field was ever applied has none.
///
/// # Errors
/// [`ProblemKind::Forbidden`] for whoever may read no mission at all.
pub async fn field_owners(app: &App, cx: &OpCtx, subject: &str) -> Result<FieldOwners, Error> {
    let scope = cx.scope(Action::ReadMission);
    if scope.is_empty() {
        cx.authorize(Action::ReadMission)?;
    }
    Ok(FieldOwners { items: owners::list(&mut app.db.begin_read().await?, scope, subject).await? })
}
