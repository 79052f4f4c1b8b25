//! Missions: the outer frame of work.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{MissionId, PrincipalId};
use crate::overlap::OverlapPolicy;
use crate::{Labels, Name, Timestamp, patch};

crate::text_enum! {
    /// The state of a mission.
    #[derive(Default)]
    pub enum MissionState {
        /// Its tasks may be claimed.
        #[default]
        Active = "active",
        /// Nobody claims its tasks; what is claimed goes on.
        Paused = "paused",
    }
}

impl MissionState {
    /// The state of a mission that is paused, or is not.
    pub const fn of(paused: bool) -> Self {
        if paused { Self::Paused } else { Self::Active }
    }
}

/// A mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mission {
    /// Always `mission`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: MissionId,
    /// Unique in the organization.
    pub name: Name,
    /// What it is about, Markdown.
    pub description: String,
    /// The first part of its tasks' keys; fixed at creation, never used again.
    pub key_prefix: String,
    /// What a mutation does about overlapping work; absent for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_policy: Option<OverlapPolicy>,
    /// What `paused` says, as a word.
    #[serde(default)]
    pub state: MissionState,
    /// While it is paused, nobody claims its tasks; what is claimed goes on.
    #[serde(default)]
    pub paused: bool,
    /// For selection.
    pub labels: Labels,
    /// For people and tools; not selectable.
    pub annotations: Labels,
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
    "mission".into()
}

/// Creates a mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMission {
    /// Unique in the organization.
    pub name: Name,
    /// Markdown, at most 64 KiB.
    #[serde(default)]
    pub description: String,
    /// For selection.
    #[serde(default)]
    pub labels: Labels,
    /// For people and tools.
    #[serde(default)]
    pub annotations: Labels,
}

/// Changes a mission (JSON Merge Patch): absent keeps, `null` empties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMission {
    /// Markdown.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Replaces all labels.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Labels>)]
    pub labels: Option<Option<Labels>>,
    /// Replaces all annotations.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Labels>)]
    pub annotations: Option<Option<Labels>>,
    /// What a mutation does about overlapping work; only an Admin changes it.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OverlapPolicy>)]
    pub overlap_policy: Option<Option<OverlapPolicy>>,
    /// Whether claims of its tasks are held back.
    #[serde(default, deserialize_with = "patch::required", skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}
