//! Arguments of the tools of skill bundles and profiles.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which version of a skill bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillRef {
    /// Id, or `m3` with the mission, `k2` with mission and kluster.
    pub skill: String,
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster: Option<String>,
}

/// Which versions of skill bundles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSkills {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster: Option<String>,
    /// Only in this state.
    #[serde(default)]
    pub state: Option<crate::skill::SkillState>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which copies of skills.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSkillSync {
    /// Mission id or name.
    #[serde(default)]
    pub mission: Option<String>,
    /// Kluster id or name.
    #[serde(default)]
    pub kluster: Option<String>,
    /// Agent session id.
    #[serde(default)]
    pub session: Option<String>,
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Where skills hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillsOf {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name; absent: what holds where no kluster is.
    #[serde(default)]
    pub kluster: Option<String>,
    /// `m<n>-k<n>`; absent: what holds now.
    #[serde(default)]
    pub version: Option<String>,
}

/// A file in a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeFile {
    /// Relative, parts separated by `/`, such as `deploy/SKILL.md`.
    pub path: String,
    /// Its content, when it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its content otherwise, in standard Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// Whether it may be run.
    #[serde(default)]
    pub executable: bool,
}

/// Stores a version of a skill bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushSkill {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name; absent: for all of the mission.
    #[serde(default)]
    pub kluster: Option<String>,
    /// All files of the version.
    pub files: Vec<TreeFile>,
    /// What it takes out of the mission's bundle: files, or folders. Only with a kluster.
    #[serde(default)]
    pub removes: Vec<String>,
    /// Why it is stored.
    #[serde(default)]
    pub note: String,
}

/// The files of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BundleContent {
    /// Sorted by path.
    pub files: Vec<TreeFile>,
    /// What it takes out of the mission's bundle.
    pub removes: Vec<String>,
}

/// Which part of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPart {
    /// 1 to 500, default 50.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which of the own profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRef {
    /// Id or name.
    pub profile: String,
}

/// Which version of one of the own profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileOf {
    /// Id or name.
    pub profile: String,
    /// The number; absent: the newest.
    #[serde(default)]
    pub number: Option<i64>,
}

/// Stores a version of an own profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishProfile {
    /// The profile's name.
    pub name: String,
    /// The version that the files were made of; 0: the profile is new.
    pub base_version: i64,
    /// What the profile is for; absent keeps.
    #[serde(default)]
    pub description: Option<String>,
    /// Why this version is stored.
    #[serde(default)]
    pub note: Option<String>,
    /// All files of the version.
    pub files: Vec<TreeFile>,
}

/// What somebody has of one of the own profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileStatusOf {
    /// Id or name.
    pub profile: String,
    /// The digest of the archive that the caller has, lowercase hex.
    #[serde(default)]
    pub expected_sha256: Option<String>,
}
