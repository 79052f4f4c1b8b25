//! Reading manifests: YAML or JSON, several documents, folders; flat objects and printed lists too.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mc_api::API_VERSION;
use mc_api::doc::{CreateDoc, Doc};
use mc_api::kluster::{CreateKluster, Kluster};
use mc_api::manifest::Manifest;
use mc_api::manifest::{DocSpec, KlusterSpec, Metadata, MissionSpec, TaskSpec};
use mc_api::mission::{CreateMission, Mission};
use mc_api::task::{CreateTask, Task};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::Failure;

/// What an object should be. Of a specification only the members that were written are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted<S> {
    /// Where it was read, for messages.
    pub source: String,
    /// Who it is.
    pub metadata: Metadata,
    /// What it should be.
    pub spec: S,
    /// The members of `spec` that were written, in camelCase.
    pub written: Vec<String>,
    /// As it was written.
    pub raw: Manifest,
}

impl<S> Wanted<S> {
    /// Whether a member of the specification was written.
    pub fn wants(&self, member: &str) -> bool {
        self.written.iter().any(|written| written == member)
    }
}

/// All that was read, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    /// Missions, in the order read.
    pub missions: Vec<Wanted<MissionSpec>>,
    /// Klusters, in the order read.
    pub klusters: Vec<Wanted<KlusterSpec>>,
    /// Tasks, in the order read.
    pub tasks: Vec<Wanted<TaskSpec>>,
    /// Docs, in the order read.
    pub docs: Vec<Wanted<DocSpec>>,
}

impl Documents {
    /// Reads files, folders (files ending in `.yaml`, `.yml`, `.json`, by name) and `-` for standard input.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut documents = Self::default();
        for path in paths {
            if path == Path::new("-") {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
                documents.add("standard input", &text)?;
            } else if path.is_dir() {
                for file in manifests_in(path)? {
                    documents.add_file(&file)?;
                }
            } else {
                documents.add_file(path)?;
            }
        }
        if documents.is_empty() {
            return Err(Failure::Usage("no manifest was found in what was given".into()).into());
        }
        Ok(documents)
    }

    fn is_empty(&self) -> bool {
        self.missions.is_empty() && self.klusters.is_empty() && self.tasks.is_empty() && self.docs.is_empty()
    }

    fn add_file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
        self.add(&path.display().to_string(), &text)
    }

    /// Adds the documents of one text.
    ///
    /// # Errors
    /// [`Failure::Usage`] naming source, document and member.
    pub fn add(&mut self, source: &str, text: &str) -> anyhow::Result<()> {
        // After an error the reader would give the same document again and again: it is the last.
        let mut values = Vec::new();
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            values.push(Value::deserialize(document));
            if values.last().is_some_and(Result::is_err) {
                break;
            }
        }
        let several = values.len() > 1;
        for (index, value) in values.into_iter().enumerate() {
            let place = if several { format!("{source}, document {}", index + 1) } else { source.to_owned() };
            let value = value.map_err(|error| Failure::Usage(format!("{place}: {error}")))?;
            self.add_value(&place, value).map_err(|message| Failure::Usage(format!("{place}: {message}")))?;
        }
        Ok(())
    }

    fn add_value(&mut self, place: &str, value: Value) -> Result<(), String> {
        match value {
            Value::Null => Ok(()),
            Value::Array(items) => items.into_iter().try_for_each(|item| self.add_value(place, item)),
            Value::Object(mut members)
                if members.contains_key("items") && !members.contains_key("metadata") =>
            {
                self.add_value(place, members.remove("items").unwrap_or_default())
            }
            Value::Object(members) if members.contains_key("apiVersion") => {
                let manifest: Manifest = typed(Value::Object(members))?;
                self.add_manifest(place, manifest)
            }
            Value::Object(members) if members.contains_key("kind") => {
                self.add_manifest(place, flat(members)?)
            }
            _ => Err("expected an object with apiVersion and kind".into()),
        }
    }

    fn add_manifest(&mut self, place: &str, manifest: Manifest) -> Result<(), String> {
        if manifest.api_version != API_VERSION {
            return Err(format!("apiVersion is {:?}, expected {API_VERSION:?}", manifest.api_version));
        }
        let Some(name) = manifest.metadata.name.clone() else {
            return Err("metadata.name is missing; apply finds objects by their names".into());
        };
        let place = format!("{place}, {} {name}", manifest.kind);
        let parent = |member: &str, there: bool, needed: bool| match (there, needed) {
            (false, true) => Err(format!("metadata.{member} is missing")),
            (true, false) => Err(format!("metadata.{member} does not belong here")),
            _ => Ok(()),
        };
        let (has_mission, has_kluster) =
            (manifest.metadata.mission.is_some(), manifest.metadata.kluster.is_some());
        match manifest.kind.to_ascii_lowercase().as_str() {
            "mission" => {
                parent("mission", has_mission, false).and_then(|()| parent("kluster", has_kluster, false))?;
                self.missions.push(wanted(place, manifest)?);
            }
            "kluster" => {
                parent("mission", has_mission, true).and_then(|()| parent("kluster", has_kluster, false))?;
                self.klusters.push(wanted(place, manifest)?);
            }
            "task" => {
                parent("mission", has_mission, true).and_then(|()| parent("kluster", has_kluster, true))?;
                self.tasks.push(wanted(place, manifest)?);
            }
            "doc" => {
                parent("mission", has_mission, true)?;
                self.docs.push(wanted(place, manifest)?);
            }
            _ => {
                return Err(format!("kind is {:?}, expected Mission, Kluster, Task or Doc", manifest.kind));
            }
        }
        Ok(())
    }
}

fn wanted<S: DeserializeOwned>(source: String, manifest: Manifest) -> Result<Wanted<S>, String> {
    let raw = manifest.clone();
    let spec = if manifest.spec.is_null() { Value::Object(serde_json::Map::new()) } else { manifest.spec };
    let written = match &spec {
        Value::Object(members) => members.keys().cloned().collect(),
        _ => return Err("spec is no object".into()),
    };
    let spec = typed(spec).map_err(|message| format!("spec: {message}"))?;
    Ok(Wanted { source, metadata: manifest.metadata, spec, written, raw })
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// A flat object: as `get -o json` prints it, or as the body of a creation with `kind`.
fn flat(mut members: serde_json::Map<String, Value>) -> Result<Manifest, String> {
    let kind = members.get("kind").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let printed = members.contains_key("id");
    if !printed {
        members.remove("kind");
    }
    // Only members that were written are wanted; a printed object has them all.
    let written: Vec<String> = members.keys().map(|member| camel(member)).collect();
    let value = Value::Object(members);
    let mut manifest = match (kind.as_str(), printed) {
        ("mission", true) => Manifest::from(&typed::<Mission>(value)?),
        ("kluster", true) => Manifest::from(&typed::<Kluster>(value)?),
        ("task", true) => Manifest::from(&typed::<Task>(value)?),
        ("doc", true) => Manifest::from(&typed::<Doc>(value)?),
        ("mission", false) => mission_manifest(typed(value)?),
        ("kluster", false) => kluster_manifest(typed(value)?)?,
        ("task", false) => task_manifest(typed(value)?)?,
        ("doc", false) => doc_manifest(typed(value)?)?,
        _ => return Err(format!("kind is {kind:?}, expected mission, kluster, task or doc")),
    };
    if let (false, Value::Object(spec)) = (printed, &mut manifest.spec) {
        spec.retain(|member, _| written.contains(member));
    }
    Ok(manifest)
}

fn camel(snake: &str) -> String {
    let mut text = String::with_capacity(snake.len());
    let mut upper = false;
    for c in snake.chars() {
        if c == '_' {
            upper = true;
        } else {
            text.push(if std::mem::take(&mut upper) { c.to_ascii_uppercase() } else { c });
        }
    }
    text
}

fn manifest(kind: &str, metadata: Metadata, spec: &impl serde::Serialize) -> Manifest {
    let spec = serde_json::to_value(spec).expect("specifications have text keys and no failing members");
    Manifest { api_version: API_VERSION.into(), kind: kind.into(), metadata, spec }
}

fn mission_manifest(flat: CreateMission) -> Manifest {
    let metadata = Metadata {
        name: Some(flat.name),
        labels: flat.labels,
        annotations: flat.annotations,
        ..Metadata::default()
    };
    manifest("Mission", metadata, &MissionSpec { description: flat.description })
}

fn kluster_manifest(flat: CreateKluster) -> Result<Manifest, String> {
    let metadata = Metadata {
        name: Some(flat.name),
        mission: Some(parent_name("mission", &flat.mission)?),
        labels: flat.labels,
        annotations: flat.annotations,
        ..Metadata::default()
    };
    let spec =
        KlusterSpec { description: flat.description, runtime: flat.runtime, max_running: flat.max_running };
    Ok(manifest("Kluster", metadata, &spec))
}

fn task_manifest(flat: CreateTask) -> Result<Manifest, String> {
    if flat.parent.is_some() {
        return Err("parent cannot be applied; create the task with `mc create task`".into());
    }
    let metadata = Metadata {
        name: flat.name,
        mission: Some(parent_name("mission", &flat.mission)?),
        kluster: Some(parent_name("kluster", &flat.kluster)?),
        labels: flat.labels,
        annotations: flat.annotations,
    };
    let spec = TaskSpec {
        title: flat.title,
        description: flat.description,
        definition_of_done: flat.definition_of_done,
        priority: Some(flat.priority),
        runtime: flat.runtime,
        capabilities: flat.capabilities,
        paths: flat.paths,
        depends_on: flat.depends_on,
        on_dependency_failure: Some(flat.on_dependency_failure),
        review_gates: Some(flat.review_gates),
        max_attempts: Some(flat.max_attempts),
    };
    Ok(manifest("Task", metadata, &spec))
}

fn doc_manifest(flat: CreateDoc) -> Result<Manifest, String> {
    let metadata = Metadata {
        name: Some(flat.name),
        mission: Some(parent_name("mission", &flat.mission)?),
        kluster: flat.kluster.map(|kluster| parent_name("kluster", &kluster)).transpose()?,
        labels: flat.labels,
        annotations: flat.annotations,
    };
    let spec = DocSpec { title: flat.title, media_type: flat.media_type, content: Some(flat.content) };
    Ok(manifest("Doc", metadata, &spec))
}

fn parent_name(member: &str, text: &str) -> Result<mc_api::Name, String> {
    text.parse().map_err(|error| format!("{member}: {error}"))
}

fn manifests_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_file() && matches!(ending, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
