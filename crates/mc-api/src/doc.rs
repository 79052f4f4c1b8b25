//! Docs: versioned texts of a mission or of a kluster, and the two keystones among them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{DocId, KlusterId, MissionId, PrincipalId};
use crate::{Labels, Name, Timestamp, patch};

/// The largest content of a version, in bytes of UTF-8.
pub const MAX_CONTENT_BYTES: usize = 1024 * 1024;
/// The media type of a doc created without one.
pub const DEFAULT_MEDIA_TYPE: &str = "text/markdown";
/// The reserved name of a mission's keystone.
pub const NORTH_STAR: &str = "north-star";
/// The reserved name of a kluster's keystone.
pub const WORKSTREAM: &str = "workstream";

crate::text_enum! {
    /// Whether the newest version is the published one.
    pub enum DocState {
        /// The newest version was not published.
        Draft = "draft",
        /// The newest version is published.
        Published = "published",
    }
}

impl DocState {
    /// Every legal move: publishing the newest version, and writing a newer one.
    pub const fn allows(self, next: Self) -> bool {
        matches!((self, next), (Self::Draft, Self::Published) | (Self::Published, Self::Draft))
    }
}

/// A doc's metadata; the text of a version is at `/api/v1/docs/{ref}/content`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Doc {
    /// Always `doc`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: DocId,
    /// Unique in the kluster, or among the docs that are directly in the mission.
    pub name: Name,
    /// One line.
    pub title: String,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The kluster it belongs to; absent when it is directly in the mission.
    pub kluster_id: Option<KlusterId>,
    /// The kluster's name.
    pub kluster: Option<Name>,
    /// RFC 2046 media type.
    pub media_type: String,
    /// Whether it is a keystone: the mission's `north-star` or the kluster's `workstream`.
    pub keystone: bool,
    /// Whether the newest version is the published one.
    pub state: DocState,
    /// The number of the newest version of the text.
    pub latest_version: i64,
    /// The version that was published last.
    pub published_version: Option<i64>,
    /// SHA-256 of the newest version, lowercase hex.
    pub sha256: String,
    /// Bytes of the newest version.
    pub size_bytes: i64,
    /// For selection.
    pub labels: Labels,
    /// For people and tools.
    pub annotations: Labels,
    /// Optimistic lock of the whole doc; also the `ETag`. Not a version of the text.
    pub version: i64,
    /// Who created it.
    pub created_by: PrincipalId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "doc".into()
}

/// A version of a doc's text. It never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocVersion {
    /// The doc.
    pub doc_id: DocId,
    /// 1, 2, 3 …
    pub number: i64,
    /// SHA-256 of the text, lowercase hex.
    pub sha256: String,
    /// Bytes of UTF-8.
    pub size_bytes: i64,
    /// Why it was written.
    pub note: String,
    /// Who wrote it.
    pub author: PrincipalId,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A doc with the text of one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocContent {
    /// The metadata, as it is now.
    pub doc: Doc,
    /// Which version.
    pub version: DocVersion,
    /// Its text.
    pub content: String,
}

/// How one version became another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocDiff {
    /// The doc.
    pub doc_id: DocId,
    /// The older side.
    pub from: i64,
    /// The newer side.
    pub to: i64,
    /// A side is no text: there is nothing to compare by lines.
    pub binary: bool,
    /// The unified diff, empty when both sides are the same or one is binary.
    pub unified: String,
}

/// Creates a doc with its first version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDoc {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name; absent: directly in the mission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kluster: Option<String>,
    /// Unique in its parent. `north-star` (directly in a mission) and `workstream` (in a kluster) are the keystones.
    pub name: Name,
    /// One line of 1 to 300 characters; default: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// RFC 2046 media type of a text; default `text/markdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The text of version 1, at most 1 MiB of UTF-8.
    pub content: String,
    /// Why it was written.
    #[serde(default)]
    pub note: String,
    /// For selection.
    #[serde(default)]
    pub labels: Labels,
    /// For people and tools.
    #[serde(default)]
    pub annotations: Labels,
    /// Overlapping texts that the caller has seen and takes into account: ids or names, at most 64.
    #[serde(default, alias = "acknowledge_overlaps", skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

/// Changes a doc's metadata (JSON Merge Patch): absent keeps, `null` empties. The text changes by a new version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateDoc {
    /// One line of 1 to 300 characters.
    #[serde(default, deserialize_with = "patch::required", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// RFC 2046 media type; `null`: `text/markdown`.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub media_type: Option<Option<String>>,
    /// Replaces all labels.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Labels>)]
    pub labels: Option<Option<Labels>>,
    /// Replaces all annotations.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Labels>)]
    pub annotations: Option<Option<Labels>>,
    /// Overlapping texts that the caller has seen and takes into account: ids or names, at most 64.
    #[serde(default, alias = "acknowledge_overlaps", skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

/// Writes a new version. The same text as the newest makes none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutDocVersion {
    /// The version that the text was made of; another than the newest is refused.
    pub base_version: i64,
    /// The whole text, at most 1 MiB of UTF-8.
    pub content: String,
    /// One line of 1 to 300 characters; absent keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why it was written.
    #[serde(default)]
    pub note: String,
    /// Overlapping texts that the caller has seen and takes into account: ids or names, at most 64.
    #[serde(default, alias = "acknowledge_overlaps", skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

/// Publishes a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishDoc {
    /// Which version: the one that was read.
    pub version: i64,
}

/// Asks for a keystone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InitKeystone {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name: its workstream; absent: the mission's north star.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kluster: Option<String>,
}
