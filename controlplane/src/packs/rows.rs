//! The rows of a pack: new ids, the same times and versions, one ledger event each.

use std::collections::HashMap;
use std::fs::File;

use mc_api::Name;
use mc_api::id::{ArtifactId, BindingId, DocId, KlusterId, MissionId, OverlapId, TaskId, TemplateId};
use mc_api::mission::Mission;
use mc_api::overlap::{OverlapSide, OverlapSuggestion};
use mc_api::pack::{External, Record};
use mc_api::persistence::{Binding, PublicationPolicy};
use mc_api::task::Task;
use serde::Serialize;
use uuid::Uuid;

use super::collect::uuid_of;
use super::format::{Reader, fault, invalid};
use super::store::{self, OwnerRow};
use super::verify::{Plan, number};
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::missions::store::policy_text;
use crate::op::{OpCtx, Proof};
use crate::{artifacts, docs, imports, klusters, missions, overlap, persistence, restore, tasks, templates};

/// Where an object comes from, in its ledger event.
#[derive(Serialize)]
struct Origin<'a> {
    pack_sha256: &'a str,
    original_id: String,
    made_by: &'a str,
}

/// An object with where it comes from.
#[derive(Serialize)]
struct Imported<'a, T: Serialize> {
    #[serde(flatten)]
    object: &'a T,
    imported: Origin<'a>,
}

/// Writes the rows of one pack.
pub(super) struct Rows<'a> {
    pub(super) tx: &'a mut Tx,
    pub(super) cx: &'a OpCtx,
    pub(super) proof: Proof,
    pub(super) plan: &'a Plan,
    pub(super) mission: Mission,
    pub(super) ids: &'a HashMap<Uuid, Uuid>,
    pub(super) notes: Vec<String>,
    /// Names of bindings that were made.
    pub(super) bound: Vec<Name>,
}

/// An object of the pack and who made it.
struct Made<'m> {
    kind: &'static str,
    id: String,
    original: String,
    by: &'m str,
}

impl Rows<'_> {
    /// Writes everything.
    pub(super) async fn write(&mut self, file: &File) -> Result<(), Error> {
        let mut reader = Reader::new(file)?;
        while let Some(record) = reader.next()? {
            let entry = record.entry();
            self.record(record).await.map_err(|error| named(error, reader.line, &entry))?;
        }
        // What names other tasks, once all of them are there.
        let mut reader = Reader::new(file)?;
        while let Some(record) = reader.next()? {
            if let Record::Task { object, .. } = record {
                let task = self.task(*object)?;
                restore::rest_of(self.tx, &task).await?;
                for on in &task.depends_on {
                    tasks::store::insert_edge(self.tx, task.id, on.id).await?;
                }
            }
        }
        self.policy().await
    }

    fn new_id(&self, old: Uuid) -> Result<Uuid, Error> {
        self.ids.get(&old).copied().ok_or_else(|| invalid("it names an object that is not in the pack"))
    }

    fn place(&self) -> (mc_api::id::OrganizationId, MissionId) {
        (self.cx.caller.organization, self.mission.id)
    }

    async fn made<T: Serialize>(&mut self, object: &T, made: Made<'_>) -> Result<(), Error> {
        let origin =
            Origin { pack_sha256: &self.plan.sha256, original_id: made.original.clone(), made_by: made.by };
        let body = Imported { object, imported: origin };
        let event = Event {
            subject_kind: made.kind,
            subject_id: made.id.split('/').next().unwrap_or_default().to_owned(),
            body: &body,
            before_sha256: None,
        };
        ledger::record(self.tx, self.cx, self.proof, event).await?;
        store::keep_origin(self.tx, self.place(), made.id, made.original, made.by.to_owned()).await?;
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm per sort of record, each a few lines")]
    async fn record(&mut self, record: Record) -> Result<(), Error> {
        let organization = self.cx.caller.organization;
        match record {
            Record::Mission { by, .. } => {
                let mission = self.mission.clone();
                missions::store::insert(self.tx, organization, &mission).await?;
                self.tx
                    .query(
                        "UPDATE mission SET next_number = $2, overlap_policy = $3, paused = $4 WHERE mission_id = $1",
                    )
                    .bind(mission.id)
                    .bind(self.plan.next_number)
                    .bind(policy_text(mission.overlap_policy)?)
                    .bind(mission.paused)
                    .execute()
                    .await?;
                let (sha256, who) = (&self.plan.sha256, self.cx.caller.id);
                let place = (organization, mission.id);
                store::keep(self.tx, place, sha256, who, self.cx.now()).await?;
                let original = self.plan.mission.id.to_string();
                self.made(&mission, Made { kind: "mission", id: mission.id.to_string(), original, by: &by })
                    .await
            }
            Record::Kluster { mut object, by } => {
                let original = object.id.to_string();
                object.id = KlusterId::from_uuid(self.new_id(object.id.as_uuid())?);
                (object.mission_id, object.mission) = (self.mission.id, self.mission.name.clone());
                object.created_by = self.cx.caller.id;
                klusters::store::insert(self.tx, organization, &object).await?;
                self.tx
                    .query("UPDATE kluster SET overlap_policy = $2 WHERE kluster_id = $1")
                    .bind(object.id)
                    .bind(policy_text(object.overlap_policy)?)
                    .execute()
                    .await?;
                self.made(&*object, Made { kind: "kluster", id: object.id.to_string(), original, by: &by })
                    .await
            }
            Record::Template { mut object, by, author } => {
                let original = object.id.to_string();
                object.id = TemplateId::from_uuid(self.new_id(object.id.as_uuid())?);
                (object.mission_id, object.mission) = (self.mission.id, self.mission.name.clone());
                (object.created_by, object.author_id) = (self.cx.caller.id, self.cx.caller.id);
                let (id, number) = (object.id.to_string(), object.number);
                if number == 1 {
                    templates::store::insert(self.tx, organization, &object).await?;
                    let origin = (id.clone(), original.clone(), by);
                    store::keep_origin(self.tx, self.place(), origin.0, origin.1, origin.2).await?;
                } else {
                    templates::store::insert_version(self.tx, &object).await?;
                }
                let (id, original) = (format!("{id}/{number}"), format!("{original}/{number}"));
                self.made(&*object, Made { kind: "template", id, original, by: &author }).await
            }
            Record::Task { object, by, external } => {
                let original = object.id.to_string();
                let task = self.task(*object)?;
                let alone = Task { parent_id: None, depends_on: Vec::new(), ..task.clone() };
                tasks::store::insert(self.tx, organization, &alone).await?;
                self.external(task.id, external).await?;
                self.made(&task, Made { kind: "task", id: task.id.to_string(), original, by: &by }).await
            }
            Record::Artifact { mut object, by } => {
                let original = object.id.to_string();
                object.id = ArtifactId::from_uuid(self.new_id(object.id.as_uuid())?);
                (object.mission_id, object.mission) = (self.mission.id, self.mission.name.clone());
                object.created_by = self.cx.caller.id;
                if let Some(task) = object.task_id {
                    object.task_id = Some(TaskId::from_uuid(self.new_id(task.as_uuid())?));
                }
                if let Some(kluster) = object.kluster_id {
                    object.kluster_id = Some(KlusterId::from_uuid(self.new_id(kluster.as_uuid())?));
                }
                artifacts::store::insert(self.tx, organization, &object).await?;
                self.made(&*object, Made { kind: "artifact", id: object.id.to_string(), original, by: &by })
                    .await
            }
            Record::Doc { mut object, by } => {
                let original = object.id.to_string();
                object.id = DocId::from_uuid(self.new_id(object.id.as_uuid())?);
                (object.mission_id, object.mission) = (self.mission.id, self.mission.name.clone());
                object.created_by = self.cx.caller.id;
                if let Some(kluster) = object.kluster_id {
                    object.kluster_id = Some(KlusterId::from_uuid(self.new_id(kluster.as_uuid())?));
                }
                docs::store::insert(self.tx, organization, &object).await?;
                self.made(&*object, Made { kind: "doc", id: object.id.to_string(), original, by: &by }).await
            }
            Record::DocVersion { mut object, by } => {
                let original = format!("{}/{}", object.doc_id, object.number);
                object.doc_id = DocId::from_uuid(self.new_id(object.doc_id.as_uuid())?);
                object.author = self.cx.caller.id;
                docs::store::insert_version(self.tx, self.mission.id, &object).await?;
                let id = format!("{}/{}", object.doc_id, object.number);
                self.made(&object, Made { kind: "doc", id, original, by: &by }).await
            }
            Record::Binding { object, url, by } => self.binding(*object, &url, &by).await,
            Record::Overlap { object, by } => self.overlap(*object, by.as_deref()).await,
            Record::Owner { subject, field, manager, operation } => {
                let subject_id = self.new_text(&subject)?;
                let row = OwnerRow { subject_id, field, manager, operation };
                let place = self.place();
                Ok(store::keep_owner(self.tx, place, row, self.cx.now()).await?)
            }
            Record::Pack { .. } | Record::Chunk { .. } | Record::End { .. } => Ok(()),
        }
    }

    /// The new id for an id of any kind.
    fn new_text(&self, old: &str) -> Result<String, Error> {
        let uuid = uuid_of(old).ok_or_else(|| invalid("it names no id"))?;
        let prefix = old.split('_').next().unwrap_or_default();
        Ok(format!("{prefix}_{}", self.new_id(uuid)?.as_simple()))
    }

    /// A task as it is here.
    fn task(&self, mut task: Task) -> Result<Task, Error> {
        task.id = TaskId::from_uuid(self.new_id(task.id.as_uuid())?);
        (task.mission_id, task.mission) = (self.mission.id, self.mission.name.clone());
        task.kluster_id = KlusterId::from_uuid(self.new_id(task.kluster_id.as_uuid())?);
        task.created_by = self.cx.caller.id;
        let key = |key: &str| {
            number(&self.plan.mission.key_prefix, key)
                .map(|number| format!("{}-{number}", self.mission.key_prefix))
        };
        task.key = key(&task.key).ok_or_else(|| invalid("it has no key of this mission"))?;
        if let Some(parent) = task.parent_id {
            task.parent_id = Some(TaskId::from_uuid(self.new_id(parent.as_uuid())?));
        }
        if let Some(artifact) = task.result_artifact_id {
            task.result_artifact_id = Some(ArtifactId::from_uuid(self.new_id(artifact.as_uuid())?));
        }
        for on in &mut task.depends_on {
            on.id = TaskId::from_uuid(self.new_id(on.id.as_uuid())?);
            on.key = key(&on.key).unwrap_or_default();
        }
        Ok(task)
    }

    async fn external(&mut self, task: TaskId, external: Vec<External>) -> Result<(), Error> {
        let place = self.place();
        for one in external {
            let at = (one.source.as_str(), one.external_id.as_str());
            imports::store::put(self.tx, place, at, task, one.row_sha256, self.cx.now()).await?;
        }
        Ok(())
    }

    /// A binding is made where its connection is, under the same name and to the same place: a pack says nothing about
    /// where this installation sends texts and with which credential.
    async fn binding(&mut self, mut binding: Binding, url: &str, by: &str) -> Result<(), Error> {
        let organization = self.cx.caller.organization;
        let name = binding.connection.to_string();
        let found = persistence::store::find_connection(self.tx, organization, &name).await?;
        let Some(sealed) = found.filter(|sealed| sealed.connection.url == url) else {
            self.notes.push(format!(
                "binding {} is not made: there is no connection {name} to {url} here",
                binding.name
            ));
            return Ok(());
        };
        binding.connection_id = sealed.connection.id;
        if persistence::store::is_taken(self.tx, &binding).await? {
            self.notes.push(format!("binding {} is not made: another one publishes there", binding.name));
            return Ok(());
        }
        let original = binding.id.to_string();
        binding.id = BindingId::from_uuid(self.new_id(binding.id.as_uuid())?);
        (binding.mission_id, binding.mission) = (self.mission.id, self.mission.name.clone());
        binding.created_by = self.cx.caller.id;
        persistence::store::insert_binding(self.tx, organization, &binding).await?;
        self.bound.push(binding.name.clone());
        self.made(&binding, Made { kind: "binding", id: binding.id.to_string(), original, by }).await
    }

    fn side(&self, side: &mut OverlapSide) -> Result<Uuid, Error> {
        side.id = self.new_text(&side.id)?;
        side.mission_id = self.mission.id;
        if let Some(key) = &side.key
            && let Some(number) = number(&self.plan.mission.key_prefix, key)
        {
            side.key = Some(format!("{}-{number}", self.mission.key_prefix));
        }
        uuid_of(&side.id).ok_or_else(|| invalid("it names no id"))
    }

    async fn overlap(&mut self, mut object: OverlapSuggestion, by: Option<&str>) -> Result<(), Error> {
        let original = object.id.to_string();
        object.id = OverlapId::from_uuid(self.new_id(object.id.as_uuid())?);
        let sides = overlap::store::Sides {
            subject: self.side(&mut object.subject)?,
            candidate: self.side(&mut object.candidate)?,
        };
        object.decided_by = by.map(|_| self.cx.caller.id);
        let organization = self.cx.caller.organization;
        if !overlap::store::insert(self.tx, organization, &sides, &object).await? {
            return Err(invalid("there is another suggestion about these two"));
        }
        overlap::store::replace(self.tx, &object, &object).await?;
        let by = by.unwrap_or_default();
        let recorded = overlap::service::Recorded::of(&object);
        self.made(&recorded, Made { kind: "overlap", id: object.id.to_string(), original, by }).await
    }

    /// The publication policy, without what names a binding that was not made.
    async fn policy(&mut self) -> Result<(), Error> {
        let Some(policy) = &self.plan.policy else { return Ok(()) };
        let is_here = |name: &Option<Name>| name.as_ref().is_none_or(|name| self.bound.contains(name));
        let mut policy: PublicationPolicy = policy.clone();
        let before = policy.routes.len();
        policy.routes.retain(|route| is_here(&route.binding));
        if policy.routes.len() < before || !is_here(&policy.default_binding) {
            self.notes.push("the publication policy refuses what went to bindings that are not made".into());
            policy.fail_closed = true;
        }
        policy.default_binding = policy.default_binding.filter(|name| self.bound.contains(name));
        (policy.mission_id, policy.mission) = (self.mission.id, self.mission.name.clone());
        let organization = self.cx.caller.organization;
        persistence::store::put_policy(self.tx, organization, 0, &policy, self.cx.now()).await?;
        let event = Event {
            subject_kind: "publication_policy",
            subject_id: self.mission.id.to_string(),
            body: &policy,
            before_sha256: None,
        };
        ledger::record(self.tx, self.cx, self.proof, event).await
    }
}

/// A refusal of the database with its entry; what concerns the transaction stays as it is.
fn named(error: Error, line: i64, entry: &str) -> Error {
    let is_unique = error
        .source
        .as_deref()
        .and_then(|source| source.downcast_ref::<DbError>())
        .is_some_and(|error| matches!(error, DbError::Unique(_)));
    match error.kind {
        mc_api::ProblemKind::PackInvalid => fault(line, entry, error.detail),
        mc_api::ProblemKind::Internal if is_unique => fault(line, entry, "something like it is here already"),
        _ => error,
    }
}
