//! Manifests: what `mc apply -f` reads and `mc get -o yaml` prints.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::doc::Doc;
use crate::kluster::Kluster;
use crate::mission::Mission;
use crate::task::{OnDependencyFailure, Task};
use crate::{API_VERSION, Labels, Name};

/// One document of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Manifest {
    /// `missioncontrol.dev/v1`.
    pub api_version: String,
    /// `Mission`, `Kluster`, `Task` or `Doc`.
    pub kind: String,
    /// Who it is.
    pub metadata: Metadata,
    /// What it should be; its shape depends on `kind`.
    #[serde(default)]
    pub spec: serde_json::Value,
}

/// Identity of the object in a manifest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The object's name; required to apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The mission's name (klusters, tasks and docs).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission: Option<Name>,
    /// The kluster's name (tasks; docs that are in one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kluster: Option<Name>,
    /// For selection.
    #[serde(default, skip_serializing_if = "labels_empty")]
    pub labels: Labels,
    /// For people and tools.
    #[serde(default, skip_serializing_if = "labels_empty")]
    pub annotations: Labels,
}

fn labels_empty(labels: &Labels) -> bool {
    labels.0.is_empty()
}

/// `spec` of a `Mission`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MissionSpec {
    /// Markdown.
    #[serde(default)]
    pub description: String,
}

/// `spec` of a `Kluster`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KlusterSpec {
    /// Markdown.
    #[serde(default)]
    pub description: String,
    /// The runtime its tasks inherit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Name>,
    /// At most so many of its tasks are claimed or running at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_running: Option<i32>,
}

/// `spec` of a `Task`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskSpec {
    /// One line.
    pub title: String,
    /// Markdown.
    #[serde(default)]
    pub description: String,
    /// Markdown.
    #[serde(default)]
    pub definition_of_done: String,
    /// 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The runtime a node needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Name>,
    /// What a claimant must be capable of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Globs of paths it will touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Names (same kluster) or keys of tasks it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What happens when one of them fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_dependency_failure: Option<OnDependencyFailure>,
    /// Reviews needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_gates: Option<i32>,
    /// Attempts before an expiry fails the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<i32>,
}

/// `spec` of a `Doc`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DocSpec {
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// RFC 2046 media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The text; absent leaves a doc's text as it is. Needed to create one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

fn document(kind: &str, metadata: Metadata, spec: &impl Serialize) -> Manifest {
    Manifest {
        api_version: API_VERSION.into(),
        kind: kind.into(),
        metadata,
        spec: serde_json::to_value(spec).unwrap_or_default(),
    }
}

impl From<&Mission> for Manifest {
    fn from(mission: &Mission) -> Self {
        let metadata = Metadata {
            name: Some(mission.name.clone()),
            labels: mission.labels.clone(),
            annotations: mission.annotations.clone(),
            ..Metadata::default()
        };
        document("Mission", metadata, &MissionSpec { description: mission.description.clone() })
    }
}

impl From<&Kluster> for Manifest {
    fn from(kluster: &Kluster) -> Self {
        let metadata = Metadata {
            name: Some(kluster.name.clone()),
            mission: Some(kluster.mission.clone()),
            labels: kluster.labels.clone(),
            annotations: kluster.annotations.clone(),
            ..Metadata::default()
        };
        let spec = KlusterSpec {
            description: kluster.description.clone(),
            runtime: kluster.runtime.clone(),
            max_running: kluster.max_running,
        };
        document("Kluster", metadata, &spec)
    }
}

/// Without the text, which is not part of a doc's metadata: applied, it leaves the text as it is.
impl From<&Doc> for Manifest {
    fn from(doc: &Doc) -> Self {
        let metadata = Metadata {
            name: Some(doc.name.clone()),
            mission: Some(doc.mission.clone()),
            kluster: doc.kluster.clone(),
            labels: doc.labels.clone(),
            annotations: doc.annotations.clone(),
        };
        let spec = DocSpec {
            title: Some(doc.title.clone()),
            media_type: Some(doc.media_type.clone()),
            content: None,
        };
        document("Doc", metadata, &spec)
    }
}

impl From<&Task> for Manifest {
    fn from(task: &Task) -> Self {
        let metadata = Metadata {
            name: task.name.clone(),
            mission: Some(task.mission.clone()),
            kluster: Some(task.kluster.clone()),
            labels: task.labels.clone(),
            annotations: task.annotations.clone(),
        };
        let spec = TaskSpec {
            title: task.title.clone(),
            description: task.description.clone(),
            definition_of_done: task.definition_of_done.clone(),
            priority: Some(task.priority),
            runtime: task.runtime.clone(),
            capabilities: task.capabilities.clone(),
            paths: task.paths.clone(),
            depends_on: task.depends_on.iter().map(|dependency| dependency.key.clone()).collect(),
            on_dependency_failure: Some(task.on_dependency_failure),
            review_gates: Some(task.review_gates),
            max_attempts: Some(task.max_attempts),
        };
        document("Task", metadata, &spec)
    }
}
