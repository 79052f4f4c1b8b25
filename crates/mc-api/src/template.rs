//! Task templates: tasks with parameters, named in a mission, in versions that never change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{MissionId, PrincipalId, TemplateId};
use crate::task::OnDependencyFailure;
use crate::{Labels, Name, Timestamp};

/// The annotation of a task that says which template made it, as `name@version`.
pub const MADE_BY: &str = "missioncontrol.dev/template";

/// A parameter of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What `{{ name }}` in the texts stands for; a DNS label.
    pub name: Name,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The value when none is given; without it the parameter must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The only values it may have; empty for any. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// The task that a template makes. In texts and lists `{{ name }}` stands for a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateTask {
    /// One line.
    pub title: String,
    /// Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub definition_of_done: String,
    /// 0 to 100; default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The runtime a node needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// What a claimant must be capable of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Globs of paths it will touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Names (same kluster) or keys of tasks it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What happens when one of them fails; default `block`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_dependency_failure: Option<OnDependencyFailure>,
    /// 0 to 8; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_gates: Option<i32>,
    /// 1 to 100; default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<i32>,
    /// For selection; values may hold parameters.
    #[serde(default, skip_serializing_if = "no_labels")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<String, String>,
}

fn no_labels(labels: &BTreeMap<String, String>) -> bool {
    labels.is_empty()
}

/// A template with one of its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskTemplate {
    /// Always `template`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: TemplateId,
    /// Unique in its mission.
    pub name: Name,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The newest version.
    pub latest_version: i64,
    /// Which version the members below are of.
    pub number: i64,
    /// What it is for, Markdown.
    pub description: String,
    /// What may be given.
    pub parameters: Vec<Parameter>,
    /// What it makes.
    pub task: TemplateTask,
    /// Who wrote this version.
    pub author_id: PrincipalId,
    /// Optimistic lock; also the `ETag`.
    pub version: i64,
    /// Who created it.
    pub created_by: PrincipalId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "template".into()
}

/// What one version of a template says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateBody {
    /// What it is for, Markdown.
    #[serde(default)]
    pub description: String,
    /// What may be given; at most 32.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// What it makes.
    pub task: TemplateTask,
}

/// Creates a template with its first version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTemplate {
    /// Mission id or name.
    pub mission: String,
    /// Unique in the mission.
    pub name: Name,
    /// What it is for, Markdown.
    #[serde(default)]
    pub description: String,
    /// What may be given; at most 32.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// What it makes.
    pub task: TemplateTask,
}

/// Creates a task of a template (`POST /api/v1/templates/{ref}/tasks`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFromTemplate {
    /// Kluster of the template's mission, by id or name.
    pub kluster: String,
    /// The version to use; default: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Values by the names of parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The task's name, unique in the kluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Instead of the template's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Instead of the template's priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Instead of the template's runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Name>,
    /// Beside those of the template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Beside those of the template; the same key replaces.
    #[serde(default)]
    pub labels: Labels,
    /// Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}
