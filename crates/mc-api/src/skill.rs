//! Skills: what agents are taught in a mission and in its klusters, as signed bundles of files.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::bundle::{BundleFile, Drift};
use crate::id::{KlusterId, MissionId, PrincipalId, SessionId, SkillBundleId, SkillSyncId};
use crate::{Name, Timestamp};

/// The file of a kluster's bundle that lists, one a line, what it takes out of the mission's: files, or folders.
pub const REMOVES_FILE: &str = ".mc-remove";

crate::text_enum! {
    /// Where a version of a skill bundle stands.
    pub enum SkillState {
        /// Stored; nobody gets it.
        Draft = "draft",
        /// In use while it is the newest published one.
        Published = "published",
        /// Out of use for good.
        Deprecated = "deprecated",
    }
}

impl SkillState {
    /// Every legal move. What is not listed is refused.
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Draft, Self::Published | Self::Deprecated) | (Self::Published, Self::Deprecated)
        )
    }
}

/// A version of the skill bundle of a mission, or of a kluster. Its content never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillBundle {
    /// Always `skill`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: SkillBundleId,
    /// `m` or `k` and the number: `m3`, `k2`.
    pub name: String,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The kluster it belongs to; absent: all of the mission.
    pub kluster_id: Option<KlusterId>,
    /// The kluster's name.
    pub kluster: Option<Name>,
    /// 1, 2, 3 … in the mission or kluster.
    pub number: i64,
    /// Where it stands.
    pub state: SkillState,
    /// SHA-256 of the archive, lowercase hex.
    pub sha256: String,
    /// Bytes of the archive.
    pub size_bytes: i64,
    /// How many files are in it.
    pub file_count: i64,
    /// What it takes out of the mission's bundle: files, or folders.
    pub removes: Vec<String>,
    /// Why it was stored.
    pub note: String,
    /// The key that signed it.
    pub key_id: String,
    /// Ed25519 over what it is and the digest, Base64.
    pub signature: String,
    /// Optimistic lock; also the `ETag`. Not the number.
    pub version: i64,
    /// Who stored it.
    pub created_by: PrincipalId,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "skill".into()
}

/// What is in a version of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillManifest {
    /// The version.
    pub skill_id: SkillBundleId,
    /// Its files, sorted by path.
    pub files: Vec<BundleFile>,
    /// What it takes out of the mission's bundle.
    pub removes: Vec<String>,
}

/// Query of `POST /api/v1/skills`; the body is the archive: tar, also gzipped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CreateSkill {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name; absent: for all of the mission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kluster: Option<String>,
    /// Why it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A file of the effective skills.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotFile {
    /// The file.
    #[serde(flatten)]
    pub file: BundleFile,
    /// The version it comes from: `m3`, `k2`.
    pub from: String,
}

/// What the agents of a mission or kluster are taught: the mission's newest published bundle, under the kluster's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillSnapshot {
    /// Always `skill_snapshot`.
    pub kind: String,
    /// The mission.
    pub mission_id: MissionId,
    /// Its name.
    pub mission: Name,
    /// The kluster; absent: what holds where no kluster is.
    pub kluster_id: Option<KlusterId>,
    /// Its name.
    pub kluster: Option<Name>,
    /// `m<n>-k<n>`; 0 stands for no bundle.
    pub effective_version: String,
    /// SHA-256 of the archive, lowercase hex. The same bundles give the same digest.
    pub sha256: String,
    /// Bytes of the archive.
    pub size_bytes: i64,
    /// The files, sorted by path.
    pub files: Vec<SnapshotFile>,
    /// Paths of the mission's bundle that the kluster's takes out or replaces by something of another sort.
    pub removed: Vec<String>,
    /// The key that signed it.
    pub key_id: String,
    /// Ed25519 over mission, kluster, version and digest, Base64.
    pub signature: String,
}

crate::text_enum! {
    /// How what somebody has compares with what he should have.
    pub enum SkillSyncState {
        /// The newest, unchanged.
        InSync = "in_sync",
        /// An older version, unchanged.
        Outdated = "outdated",
        /// Files were changed, removed or added.
        Drifted = "drifted",
    }
}

/// What somebody has of the skills of a mission or kluster, as he last said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillSync {
    /// Always `skill_sync`.
    pub kind: String,
    /// The id.
    pub id: SkillSyncId,
    /// The mission.
    pub mission_id: MissionId,
    /// Its name.
    pub mission: Name,
    /// The kluster.
    pub kluster_id: Option<KlusterId>,
    /// Its name.
    pub kluster: Option<Name>,
    /// Who has them.
    pub principal_id: PrincipalId,
    /// The agent session that has them.
    pub session_id: Option<SessionId>,
    /// Where: a folder of a machine, or `session`.
    pub place: String,
    /// Which version, `m<n>-k<n>`.
    pub effective_version: String,
    /// Its digest.
    pub sha256: String,
    /// The version that it should be now.
    pub wanted_version: String,
    /// How the two compare.
    pub state: SkillSyncState,
    /// What was changed since it was written there.
    pub drift: Drift,
    /// When it was last said.
    pub reported_at: Timestamp,
}

/// Says what one has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSkills {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kluster: Option<String>,
    /// Where: 1 to 300 characters that tell the own copies apart.
    pub place: String,
    /// Which version, `m<n>-k<n>`.
    pub effective_version: String,
    /// Its digest, lowercase hex.
    pub sha256: String,
    /// What was changed since.
    #[serde(default)]
    pub drift: Drift,
}

/// Makes what was changed in a copy of the skills the next version of a bundle, a draft: of the kluster's when one is
/// named, which then stands over the mission's, else of the mission's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteSkills {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name; absent: for all of the mission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kluster: Option<String>,
    /// The version that the copy was made of, `m<n>-k<n>`; another than what holds now is refused. Absent: what holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_version: Option<String>,
    /// The files that were added or changed, as they are in the copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<crate::tool::TreeFile>,
    /// The files that were removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}
