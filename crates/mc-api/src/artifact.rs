//! Artifacts: named bytes, stored by digest.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ArtifactId, KlusterId, MissionId, PrincipalId, TaskId};
use crate::{Labels, Name, Timestamp};

/// An artifact's metadata; the bytes are at `/api/v1/artifacts/{ref}/content`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// Always `artifact`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: ArtifactId,
    /// File name for people, 1 to 255 characters, no `/` and no control characters; need not be unique.
    pub name: String,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The task it belongs to.
    pub task_id: Option<TaskId>,
    /// The kluster it belongs to directly, unique there by its name; made by committing a workspace.
    #[serde(default)]
    pub kluster_id: Option<KlusterId>,
    /// RFC 2046 media type.
    pub media_type: String,
    /// SHA-256 of the bytes, lowercase hex.
    pub sha256: String,
    /// Number of bytes.
    pub size_bytes: i64,
    /// For selection.
    pub labels: Labels,
    /// Optimistic lock; also the `ETag`.
    pub version: i64,
    /// Who stored it.
    pub created_by: PrincipalId,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "artifact".into()
}

/// A URL that gives an artifact's bytes to whoever holds it, until it expires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DownloadUrl {
    /// Always `download_url`.
    pub kind: String,
    /// Answers `GET` without a token, also for ranges.
    pub url: String,
    /// From when on it answers no more.
    pub expires_at: Timestamp,
    /// Whose bytes.
    pub artifact_id: ArtifactId,
    /// SHA-256 of the bytes, lowercase hex.
    pub sha256: String,
    /// Number of bytes.
    pub size_bytes: i64,
}

/// Query of `POST /api/v1/artifacts`; the body is the bytes, `content-type` the media type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CreateArtifact {
    /// Mission id or name.
    pub mission: String,
    /// File name for people.
    pub name: String,
    /// Task id or key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Expected SHA-256 in lowercase hex; other bytes are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Overlapping texts that the caller has seen and takes into account: ids or names, separated by commas.
    #[serde(default, alias = "acknowledge_overlaps", skip_serializing_if = "Option::is_none")]
    pub acknowledge_overlap: Option<String>,
}
