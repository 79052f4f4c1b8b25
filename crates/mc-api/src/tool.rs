//! Tools: the operations that agents call by name, through MCP and through `POST /mcp/call`.
//!
//! The arguments of a tool are those of the request it stands for ([`crate::task::CompleteTask`] and so on), beside
//! what a path or query would say, which is here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::approval::ApprovalState;
use crate::artifact::Artifact;
use crate::doc::DocState;
use crate::overlap::OverlapState;
use crate::page::ListOrder;
use crate::persistence::EntityKind;
use crate::reservation::ReservationState;
use crate::task::TaskState;
use crate::{Name, Timestamp};

mod bundles;

pub use bundles::{
    BundleContent, ListPart, ListSkillSync, ListSkills, ProfileOf, ProfileRef, ProfileStatusOf,
    PublishProfile, PushSkill, SkillRef, SkillsOf, TreeFile,
};

/// What agents are told when they connect.
pub const INSTRUCTIONS: &str = "MissionControl: missions hold klusters, klusters hold tasks. `whoami` says who you are \
    and which task your grant is for. Claim a task before you work on it, report progress at least every minute or \
    the lease ends, store results as artifacts, and end with complete_task or fail_task. The attempt that the claim \
    answered goes with each report, unless your grant names the task. What a mission or kluster is for is in its keystone \
    (get_keystone); knowledge is kept in docs, and a doc is written on top of the version that you read. A refusal is a problem document: read `detail`.";

/// A tool as it is offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    /// What it is called by.
    pub name: String,
    /// What it does, for agents.
    pub description: String,
    /// What the caller must be allowed to do, such as `task.read`; absent when every valid token will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// JSON Schema (2020-12) of the arguments.
    #[schema(value_type = Object)]
    pub input_schema: Map<String, Value>,
}

/// All tools (`GET /mcp/tools`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolList {
    /// In the order in which they are told to agents.
    pub tools: Vec<Tool>,
}

/// Calls a tool (`POST /mcp/call`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallTool {
    /// The tool's name.
    pub tool: String,
    /// Its arguments; `args` is understood too.
    #[serde(default, alias = "args")]
    #[schema(value_type = Object)]
    pub arguments: Map<String, Value>,
}

/// What a tool answered. A tool that refuses or fails answers with a problem document instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolAnswer {
    /// Always `true`.
    pub ok: bool,
    /// The same object that the tool's operation answers with elsewhere.
    #[schema(value_type = Object)]
    pub result: Value,
}

/// No argument beside those of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

/// Which mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MissionRef {
    /// Id or name.
    pub mission: String,
}

/// Which missions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMissions {
    /// `key=value` or `key`, separated by commas.
    #[serde(default)]
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which kluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KlusterRef {
    /// Id, or name with mission.
    pub kluster: String,
    /// Mission id or name, where a kluster's name is looked for.
    #[serde(default)]
    pub mission: Option<String>,
}

/// Which klusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListKlusters {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// `key=value` or `key`, separated by commas.
    #[serde(default)]
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRef {
    /// Id, key such as `apollo-12`, or name with mission and kluster.
    pub task: String,
    /// Mission id or name, where a task's name is looked for.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name, where a task's name is looked for.
    #[serde(default)]
    pub kluster: Option<String>,
}

/// Which template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateRef {
    /// Id, or name with mission.
    pub template: String,
    /// Mission id or name, where a template's name is looked for.
    #[serde(default)]
    pub mission: Option<String>,
}

/// Which templates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTemplates {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTasks {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster: Option<String>,
    /// Any of these states.
    #[serde(default)]
    pub states: Option<Vec<TaskState>>,
    /// The runtime that the task itself names.
    #[serde(default)]
    pub runtime: Option<Name>,
    /// `key=value` or `key`, separated by commas.
    #[serde(default)]
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which claims that live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTaskAssignments {
    /// Who holds them: principal id or name; absent: you.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster_id: Option<String>,
    /// Mission id or name.
    #[serde(default)]
    pub mission_id: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// What tasks are counted of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountTasksOf {
    /// Mission id or name; absent: one line for each mission that you may see.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Stores a small artifact; exactly one of `text` and `content_base64`. Larger ones go to `POST /api/v1/artifacts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutArtifact {
    /// Mission id or name.
    pub mission: String,
    /// File name for people.
    pub name: String,
    /// Task id or key.
    #[serde(default)]
    pub task: Option<String>,
    /// RFC 2046 media type; default `text/plain; charset=utf-8` for text, else `application/octet-stream`.
    #[serde(default)]
    pub media_type: Option<String>,
    /// The content, when it is text.
    #[serde(default)]
    pub text: Option<String>,
    /// The content in standard Base64 (RFC 4648 section 4).
    #[serde(default)]
    pub content_base64: Option<String>,
    /// Expected SHA-256 in lowercase hex; other bytes are refused.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Overlapping texts that the caller has seen and takes into account: ids or names, at most 64.
    #[serde(default, alias = "acknowledge_overlaps")]
    pub acknowledge_overlap: Vec<String>,
}

/// Which artifacts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListArtifacts {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name: its own artifacts and those of its tasks.
    #[serde(default)]
    pub kluster: Option<String>,
    /// Task id or key.
    #[serde(default)]
    pub task: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRef {
    /// The id.
    pub artifact: String,
}

/// A URL for an artifact's bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDownloadUrl {
    /// The id.
    pub artifact: String,
    /// How long the URL is good; default 900, at most what the server allows.
    #[serde(default)]
    pub expires_seconds: Option<u32>,
}

/// An artifact with its bytes: exactly one of `text` (when they are UTF-8) and `content_base64`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactContent {
    /// The metadata.
    pub artifact: Artifact,
    /// The content as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The content in standard Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
}

/// Which reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservationRef {
    /// The id.
    pub reservation: String,
}

/// Which reservations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListReservations {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// The remote, or the absolute path of a local repository.
    #[serde(default)]
    pub repository: Option<String>,
    /// Task id or key.
    #[serde(default)]
    pub task: Option<String>,
    /// Only in this state; absent: pending and active ones.
    #[serde(default)]
    pub state: Option<ReservationState>,
    /// Only those that this path falls under.
    #[serde(default)]
    pub path: Option<String>,
    /// Only those that share a path with what this task (id or key) declares.
    #[serde(default)]
    pub crosses: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRef {
    /// The id.
    pub approval: String,
}

/// Which approvals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListApprovals {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Only in this state.
    #[serde(default)]
    pub state: Option<ApprovalState>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which tasks are looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchTasks {
    /// Words, at most 400 characters; what stands between quotation marks must be there as it is.
    pub query: String,
    /// Mission id or name.
    #[serde(default)]
    pub mission_id: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster_id: Option<String>,
    /// States, separated by commas.
    #[serde(default)]
    pub state: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which klusters are looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchKlusters {
    /// Words, at most 400 characters; what stands between quotation marks must be there as it is.
    pub query: String,
    /// Mission id or name.
    #[serde(default)]
    pub mission_id: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// What is looked for among everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchEverything {
    /// Words, at most 400 characters; what stands between quotation marks must be there as it is.
    pub query: String,
    /// Kinds, separated by commas: `task`, `kluster`, `doc`, `artifact`; absent: all of these. `event` stands alone.
    #[serde(default)]
    pub kind: Option<String>,
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster: Option<String>,
    /// States, separated by commas.
    #[serde(default)]
    pub state: Option<String>,
    /// `key=value` or `key`, separated by commas.
    #[serde(default)]
    pub labels: Option<String>,
    /// Changed at or after this time.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Changed before this time.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which suggestion of overlapping work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverlapRef {
    /// The id.
    pub overlap: String,
}

/// Which suggestions of overlapping work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverlapsOfTask {
    /// A task on one of both sides: id, key, or name with the mission. Absent: everything.
    #[serde(default)]
    pub task_id: Option<String>,
    /// A doc on one of both sides: id, or name with the mission.
    #[serde(default)]
    pub doc_id: Option<String>,
    /// An artifact on one of both sides.
    #[serde(default)]
    pub artifact_id: Option<String>,
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Default `open`.
    #[serde(default)]
    pub state: Option<OverlapState>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which part of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityHistory {
    /// The kind of the entity; absent: `entity_id` is an id of whatever kind.
    #[serde(default)]
    pub entity_type: Option<EntityKind>,
    /// Id, or with `entity_type` and `mission_id` also key or name; absent: everything.
    #[serde(default, alias = "entity")]
    pub entity_id: Option<String>,
    /// Mission id or name.
    #[serde(default)]
    pub mission_id: Option<String>,
    /// Only this action, such as `task.complete`.
    #[serde(default)]
    pub action: Option<String>,
    /// Events after this position.
    #[serde(default)]
    pub after: Option<i64>,
    /// Oldest first (default) or newest first.
    #[serde(default)]
    pub order: Option<ListOrder>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// What a publication of an entity would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOf {
    /// The kind of the entity.
    pub entity_type: EntityKind,
    /// Id, key or name.
    pub entity_id: String,
    /// Mission id or name.
    pub mission_id: String,
}

/// One publication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfPublication {
    /// Its id.
    pub publication_id: String,
}

/// What waits for publication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PendingOf {
    /// Mission id or name.
    pub mission_id: String,
    /// Only what goes to this binding, by name or id; `-`: to the Git ledger of the installation.
    #[serde(default)]
    pub binding: Option<String>,
    /// 1 to 500.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// Something of a mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfMission {
    /// Mission id or name.
    pub mission_id: String,
    /// 1 to 500.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// Which bindings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRepoBindings {
    /// Mission id or name.
    #[serde(default)]
    pub mission_id: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which doc.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocRef {
    /// Id, or name with mission and kluster.
    pub doc: String,
    /// Mission id or name, where a doc's name is looked for.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name; absent: directly in the mission first.
    #[serde(default)]
    pub kluster: Option<String>,
}

/// Which version of a doc.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichVersion {
    /// The number; absent: the newest.
    #[serde(default)]
    pub number: Option<i64>,
}

/// Which versions of a doc are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffVersions {
    /// The older side; absent: the one before `to`.
    #[serde(default)]
    pub from: Option<i64>,
    /// The newer side; absent: the newest.
    #[serde(default)]
    pub to: Option<i64>,
}

/// Which docs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDocs {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster: Option<String>,
    /// Only in this state.
    #[serde(default)]
    pub state: Option<DocState>,
    /// Exactly this name.
    #[serde(default)]
    pub name: Option<String>,
    /// `key=value` or `key`, separated by commas.
    #[serde(default)]
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceRef {
    /// The id.
    pub workspace: String,
}

/// Which path of a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspacePath {
    /// Such as `docs/guide.md` or `artifacts/report.pdf`.
    #[serde(default)]
    pub path: Option<String>,
    /// Instead of the path: the id of the doc or artifact.
    #[serde(default)]
    pub artifact_id: Option<String>,
}
