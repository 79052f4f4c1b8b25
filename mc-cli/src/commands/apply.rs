//! `mc apply`.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use mc_api::doc::{CreateDoc, Doc, PutDocVersion};
use mc_api::kluster::{CreateKluster, Kluster};
use mc_api::manifest::{DocSpec, KlusterSpec, Metadata, MissionSpec, TaskSpec};
use mc_api::mission::{CreateMission, Mission};
use mc_api::task::{CreateTask, OnDependencyFailure, Task};
use mc_api::{ProblemKind, task::Dependency};
use mc_client::{Client, Resource, Scope};
use serde::Serialize;

use super::doc::in_place;
use crate::apply::{self, Place, place};
use crate::args::{Apply, DryRun};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::manifests::{Documents, Wanted};
use crate::output::{Format, lines};

/// What was done with one object.
#[derive(Serialize)]
struct Applied {
    kind: &'static str,
    name: String,
    /// Absent when it would be created.
    id: Option<String>,
    /// Only tasks have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    result: &'static str,
    dry_run: bool,
}

struct Applying<'a> {
    cx: &'a Invocation,
    client: Client,
    is_dry: bool,
    acknowledged: Vec<String>,
    applied: Vec<Applied>,
    /// Keys of tasks met on the way; `None` for one that a dry run would create.
    keys: HashMap<Place, Option<String>>,
    /// What a dry run would create, so that what belongs to it is not looked for.
    planned: HashSet<String>,
}

pub(super) async fn run(cx: &Invocation, args: Apply) -> anyhow::Result<()> {
    if args.server_side && args.dry_run == Some(DryRun::Client) {
        let message = "--dry-run=client compares on this side; with --server-side say --dry-run=server";
        return Err(Failure::Usage(message.into()).into());
    }
    let is_dry = args.dry_run.is_some();
    if args.server_side || args.dry_run == Some(DryRun::Server) {
        return super::server_apply::run(cx, args, is_dry).await;
    }
    let documents = Documents::read(&args.files)?;
    let tasks = apply::order(documents.tasks)?;
    let mut run = Applying {
        cx,
        client: cx.client()?,
        is_dry,
        acknowledged: args.acknowledge_overlap,
        applied: vec![],
        keys: HashMap::new(),
        planned: HashSet::new(),
    };
    for wanted in &documents.missions {
        run.mission(wanted).await.with_context(|| wanted.source.clone())?;
    }
    for wanted in &documents.klusters {
        run.kluster(wanted).await.with_context(|| wanted.source.clone())?;
    }
    for wanted in &tasks {
        run.task(wanted).await.with_context(|| wanted.source.clone())?;
    }
    for wanted in &documents.docs {
        run.doc(wanted).await.with_context(|| wanted.source.clone())?;
    }
    let applied = run.applied;
    match cx.out.format {
        Format::Json | Format::Yaml => cx.out.list(applied, |_| String::new()),
        Format::Name => cx.out.data(&lines(applied.iter().map(|a| format!("{}/{}", a.kind, a.name)))),
        // Said one by one, as it happened.
        Format::Table | Format::Wide => Ok(()),
    }
}

/// The text of a name that reading has made sure of.
fn text(name: Option<&mc_api::Name>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

impl Applying<'_> {
    async fn mission(&mut self, wanted: &Wanted<MissionSpec>) -> anyhow::Result<()> {
        let name = text(wanted.metadata.name.as_ref());
        let found: Option<Mission> = self.find(&name, &Scope::default()).await?;
        let Some(is) = found else {
            let body = CreateMission {
                name: required(wanted.metadata.name.as_ref())?,
                description: wanted.spec.description.clone(),
                labels: wanted.metadata.labels.clone(),
                annotations: wanted.metadata.annotations.clone(),
            };
            let made = if self.is_dry { None } else { Some(self.client.create::<Mission>(&body).await?) };
            self.planned.insert(name.clone());
            return self.say::<Mission>(name, made.map(|m| m.id()), None, "created");
        };
        let result = match apply::mission(&is, wanted) {
            None => "unchanged",
            Some(patch) => {
                if !self.is_dry {
                    let (id, scope) = (is.id(), Scope::default());
                    self.client.update::<Mission>(&id, &scope, &patch, Some(is.version)).await?;
                }
                "configured"
            }
        };
        self.say::<Mission>(name, Some(is.id()), None, result)
    }

    async fn kluster(&mut self, wanted: &Wanted<KlusterSpec>) -> anyhow::Result<()> {
        let name = text(wanted.metadata.name.as_ref());
        let mission = text(wanted.metadata.mission.as_ref());
        let scope = Scope { mission: Some(mission.clone()), kluster: None };
        let parent_planned = self.is_dry && self.planned.contains(&mission);
        let found: Option<Kluster> = if parent_planned { None } else { self.find(&name, &scope).await? };
        let Some(is) = found else {
            let body = CreateKluster {
                mission: mission.clone(),
                name: required(wanted.metadata.name.as_ref())?,
                description: wanted.spec.description.clone(),
                runtime: wanted.spec.runtime.clone(),
                max_running: wanted.spec.max_running,
                labels: wanted.metadata.labels.clone(),
                annotations: wanted.metadata.annotations.clone(),
            };
            let made = if self.is_dry { None } else { Some(self.client.create::<Kluster>(&body).await?) };
            self.planned.insert(format!("{mission}/{name}"));
            return self.say::<Kluster>(name, made.map(|k| k.id()), None, "created");
        };
        let result = match apply::kluster(&is, wanted) {
            None => "unchanged",
            Some(patch) => {
                if !self.is_dry {
                    self.client.update::<Kluster>(&is.id(), &scope, &patch, Some(is.version)).await?;
                }
                "configured"
            }
        };
        self.say::<Kluster>(name, Some(is.id()), None, result)
    }

    async fn task(&mut self, wanted: &Wanted<TaskSpec>) -> anyhow::Result<()> {
        let here = place(&wanted.metadata);
        let (mission, kluster, name) = here.clone();
        let scope = Scope { mission: Some(mission.clone()), kluster: Some(kluster.clone()) };
        let planned = |name: &str| self.is_dry && self.planned.contains(name);
        let parent_planned = planned(&mission) || planned(&format!("{mission}/{kluster}"));
        let found: Option<Task> = if parent_planned { None } else { self.find(&name, &scope).await? };
        let Some(is) = found else {
            let made = if self.is_dry {
                None
            } else {
                let body = new_task(&wanted.metadata, &wanted.spec, self.acknowledged.clone())?;
                let answer = self.client.create_task(&body).await?;
                super::overlap::told(self.cx, &answer.overlap_suggestions);
                Some(answer.task)
            };
            self.keys.insert(here, made.as_ref().map(|task| task.key.clone()));
            let (id, key) = (made.as_ref().map(Resource::id), made.map(|task| task.key));
            return self.say::<Task>(name, id, key, "created");
        };
        self.keys.insert(here, Some(is.key.clone()));
        let depends_on = self.resolve(&is, wanted, &scope).await?;
        let result = match apply::task(&is, wanted, &depends_on) {
            None => "unchanged",
            Some(mut patch) => {
                if !self.is_dry {
                    patch.acknowledge_overlap.clone_from(&self.acknowledged);
                    self.client.update::<Task>(&is.id(), &scope, &patch, Some(is.version)).await?;
                }
                "configured"
            }
        };
        self.say::<Task>(name, Some(is.id()), Some(is.key), result)
    }

    async fn doc(&mut self, wanted: &Wanted<DocSpec>) -> anyhow::Result<()> {
        let (mission, kluster, name) = place(&wanted.metadata);
        let kluster = Some(kluster).filter(|kluster| !kluster.is_empty());
        let scope = Scope { mission: Some(mission.clone()), kluster: kluster.clone() };
        let planned = |name: &str| self.is_dry && self.planned.contains(name);
        let parent_planned = planned(&mission)
            || kluster.as_ref().is_some_and(|kluster| planned(&format!("{mission}/{kluster}")));
        let found = if parent_planned { None } else { in_place(&self.client, &name, &scope).await? };
        let spec = &wanted.spec;
        let Some(is) = found else {
            let content = spec.content.clone();
            let body = CreateDoc {
                mission,
                kluster,
                name: required(wanted.metadata.name.as_ref())?,
                title: spec.title.clone(),
                media_type: spec.media_type.clone(),
                content: content
                    .ok_or_else(|| Failure::Usage("spec.content is needed to create a doc".into()))?,
                note: String::new(),
                labels: wanted.metadata.labels.clone(),
                annotations: wanted.metadata.annotations.clone(),
                acknowledge_overlap: self.acknowledged.clone(),
            };
            let made = if self.is_dry { None } else { Some(self.client.create_doc(&body).await?) };
            super::overlap::told(self.cx, made.as_ref().map_or(&[], |made| &made.overlap_suggestions));
            return self.say::<Doc>(name, made.map(|made| made.doc.id()), None, "created");
        };
        let content = match &spec.content {
            Some(content) => {
                let is_text = self.client.doc_text(&is, is.latest_version).await?;
                (is_text != *content).then(|| content.clone())
            }
            None => None,
        };
        let patch = apply::doc(&is, wanted);
        let result = if patch.is_some() || content.is_some() { "configured" } else { "unchanged" };
        if !self.is_dry {
            let (id, anywhere) = (is.id(), Scope::default());
            if let Some(mut patch) = patch {
                patch.acknowledge_overlap.clone_from(&self.acknowledged);
                self.client.update::<Doc>(&id, &anywhere, &patch, Some(is.version)).await?;
            }
            if let Some(content) = content {
                let body = PutDocVersion {
                    base_version: is.latest_version,
                    content,
                    title: None,
                    note: String::new(),
                    acknowledge_overlap: self.acknowledged.clone(),
                };
                let answer = self.client.put_doc_version(&id, &anywhere, &body).await?;
                super::overlap::told(self.cx, &answer.overlap_suggestions);
            }
        }
        self.say::<Doc>(name, Some(is.id()), None, result)
    }

    /// The keys of what `dependsOn` means: names in the kluster, keys or ids.
    async fn resolve(
        &mut self,
        is: &Task,
        wanted: &Wanted<TaskSpec>,
        scope: &Scope,
    ) -> anyhow::Result<Vec<String>> {
        let (mission, kluster, _) = place(&wanted.metadata);
        let mut keys = Vec::new();
        for reference in &wanted.spec.depends_on {
            let known = |on: &&Dependency| on.key == *reference || on.id.to_string() == *reference;
            if let Some(on) = is.depends_on.iter().find(known) {
                keys.push(on.key.clone());
                continue;
            }
            let there = (mission.clone(), kluster.clone(), reference.clone());
            match self.keys.get(&there) {
                Some(Some(key)) => keys.push(key.clone()),
                // Would be created: certainly not among the present ones.
                Some(None) => keys.push(reference.clone()),
                None => {
                    let task: Task = self
                        .client
                        .get(reference, scope)
                        .await
                        .with_context(|| format!("dependsOn {reference:?}"))?;
                    self.keys.insert(there, Some(task.key.clone()));
                    keys.push(task.key);
                }
            }
        }
        Ok(keys)
    }

    async fn find<R: Resource>(&self, name: &str, scope: &Scope) -> anyhow::Result<Option<R>> {
        match self.client.get::<R>(name, scope).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.problem_kind() == Some(ProblemKind::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn say<R: Resource>(
        &mut self,
        name: String,
        id: Option<String>,
        key: Option<String>,
        result: &'static str,
    ) -> anyhow::Result<()> {
        if matches!(self.cx.out.format, Format::Table | Format::Wide) {
            let dry = if self.is_dry { " (dry run)" } else { "" };
            self.cx.out.data(&format!("{}/{name} {result}{dry}\n", R::KIND))?;
        }
        self.applied.push(Applied { kind: R::KIND, name, id, key, result, dry_run: self.is_dry });
        Ok(())
    }
}

fn required(name: Option<&mc_api::Name>) -> Result<mc_api::Name, Failure> {
    name.cloned().ok_or_else(|| Failure::Usage("metadata.name is missing".into()))
}

fn new_task(
    metadata: &Metadata,
    spec: &TaskSpec,
    acknowledge_overlap: Vec<String>,
) -> Result<CreateTask, Failure> {
    Ok(CreateTask {
        mission: text(metadata.mission.as_ref()),
        kluster: text(metadata.kluster.as_ref()),
        title: spec.title.clone(),
        name: Some(required(metadata.name.as_ref())?),
        description: spec.description.clone(),
        definition_of_done: spec.definition_of_done.clone(),
        parent: None,
        priority: spec.priority.unwrap_or(50),
        runtime: spec.runtime.clone(),
        capabilities: spec.capabilities.clone(),
        paths: spec.paths.clone(),
        depends_on: spec.depends_on.clone(),
        on_dependency_failure: spec.on_dependency_failure.unwrap_or(OnDependencyFailure::Block),
        review_gates: spec.review_gates.unwrap_or(0),
        max_attempts: spec.max_attempts.unwrap_or(3),
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        acknowledge_overlap,
    })
}
