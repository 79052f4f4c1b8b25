//! Applying manifests on the server, with owners of fields, and importing tasks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::manifest::Manifest;
use crate::overlap::OverlapSuggestion;
use crate::{FieldError, Labels, Name, Timestamp};

/// At most so many documents in one request.
pub const MAX_DOCUMENTS: usize = 500;
/// At most so many rows in one request.
pub const MAX_ROWS: usize = 200;

/// Applies manifests (`POST /api/v1/apply`): all of them, or none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// Missions, klusters, tasks and docs; a task after those of the request that it depends on.
    pub documents: Vec<Manifest>,
    /// Who owns the fields that are written here, 1 to 64 of letters, digits, `-`, `_`, `.`, `/`. Without it nobody does:
    /// what is written is changed, and nothing is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_manager: Option<String>,
    /// Take fields over that others own and that have another value.
    #[serde(default)]
    pub force_conflicts: bool,
    /// Do all of it, authorization and detection of overlaps too, and keep nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Keys, names or ids of overlapping tasks and docs that the caller has seen and takes into account; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

crate::text_enum! {
    /// What became of one document or row.
    pub enum ApplyResult {
        /// It is new.
        Created = "created",
        /// It was changed.
        Configured = "configured",
        /// It was so already.
        Unchanged = "unchanged",
        /// It was left alone on purpose; the problem says why.
        Skipped = "skipped",
        /// It was refused.
        Failed = "failed",
    }
}

/// One document that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// `mission`, `kluster`, `task` or `doc`.
    pub kind: String,
    /// The object's name.
    pub name: Name,
    /// The object's id; of a dry run that creates it, one that nothing will have.
    pub id: String,
    /// The key of a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What became of it.
    pub result: ApplyResult,
    /// The object before; absent when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Manifest>,
    /// The object after.
    pub after: Manifest,
    /// Existing work that a created or reworded task or doc overlaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlap_suggestions: Vec<OverlapSuggestion>,
}

/// What applying did, in the order of the documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApplyAnswer {
    /// One per document.
    pub items: Vec<Applied>,
    /// Whether nothing was kept.
    pub dry_run: bool,
}

/// Who owns a field of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldOwner {
    /// `spec.priority`, `metadata.labels.team`.
    pub field: String,
    /// Who applied it; or `update:` and the name of the principal who changed it otherwise.
    pub manager: String,
    /// When it was last applied or changed by this manager.
    pub updated_at: Timestamp,
}

/// The owners of the fields of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldOwners {
    /// By field, then manager.
    pub items: Vec<FieldOwner>,
}

/// One row to import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// Where it stands in its file, for the report.
    pub line: i64,
    /// Its id where it comes from, 1 to 256 bytes; unique in the source.
    pub external_id: String,
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
    pub runtime: Option<Name>,
    /// What a claimant must be capable of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Globs of paths it will touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// External ids of rows that it waits for: of this request before it, or imported earlier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// For selection.
    #[serde(default)]
    pub labels: Labels,
    /// For people and tools.
    #[serde(default)]
    pub annotations: Labels,
    /// It is closed where it comes from: it is not created; a task made of it that nobody works on is done, or called off
    /// when it is `not_planned`.
    #[serde(default)]
    pub closed: bool,
    /// With `closed`: it will not be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_planned: bool,
}

/// Imports tasks (`POST /api/v1/tasks/import`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportTasks {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name.
    pub kluster: String,
    /// Where the external ids are unique, 1 to 128 bytes: a repository, a file.
    pub source: String,
    /// 1 to 200; a row after those that it waits for.
    pub rows: Vec<ImportRow>,
    /// Keep the rows that are good; without it one bad row means that none is kept.
    #[serde(default)]
    pub continue_on_error: bool,
    /// Do all of it and keep nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedRow {
    /// As it was sent.
    pub line: i64,
    /// As it was sent.
    pub external_id: String,
    /// What became of it; where nothing was kept, what would have.
    pub result: ApplyResult,
    /// The key of its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is wrong with it, by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Keys of existing work that it overlaps, the most similar first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlaps: Vec<String>,
}

/// What an import did, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportAnswer {
    /// One per row.
    pub rows: Vec<ImportedRow>,
    /// Whether what was good was kept.
    pub committed: bool,
}
