//! Klusters: groups of tasks and knowledge inside a mission.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{KlusterId, MissionId, PrincipalId};
use crate::overlap::OverlapPolicy;
use crate::{Labels, Name, Timestamp, patch};

crate::text_enum! {
    /// The state of a kluster.
    #[derive(Default)]
    pub enum KlusterState {
        /// It takes tasks. A kluster that was deleted is not shown.
        #[default]
        Active = "active",
    }
}

/// A kluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Kluster {
    /// Always `kluster`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: KlusterId,
    /// Unique in the mission.
    pub name: Name,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// Its state.
    #[serde(default)]
    pub state: KlusterState,
    /// Markdown.
    pub description: String,
    /// The runtime its tasks inherit; a node claims only tasks that name one.
    pub runtime: Option<Name>,
    /// At most so many of its tasks are claimed or running at once, 1 to 10000; absent for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_running: Option<i32>,
    /// What a mutation does about overlapping work; absent for the mission's policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_policy: Option<OverlapPolicy>,
    /// For selection.
    pub labels: Labels,
    /// For people and tools.
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
    "kluster".into()
}

/// Creates a kluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKluster {
    /// Mission id or name.
    pub mission: String,
    /// Unique in the mission.
    pub name: Name,
    /// Markdown, at most 64 KiB.
    #[serde(default)]
    pub description: String,
    /// The runtime its tasks inherit.
    #[serde(default)]
    pub runtime: Option<Name>,
    /// At most so many of its tasks are claimed or running at once, 1 to 10000; absent for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_running: Option<i32>,
    /// For selection.
    #[serde(default)]
    pub labels: Labels,
    /// For people and tools.
    #[serde(default)]
    pub annotations: Labels,
}

/// Changes a kluster (JSON Merge Patch): absent keeps, `null` empties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateKluster {
    /// Markdown.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// The runtime its tasks inherit.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Name>)]
    pub runtime: Option<Option<Name>>,
    /// At most so many of its tasks are claimed or running at once, 1 to 10000; `null` for no limit.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i32>)]
    pub max_running: Option<Option<i32>>,
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
}
