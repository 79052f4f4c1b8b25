//! Profiles: what a person or an agent carries from place to place, versioned and seen by its owner only.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::bundle::BundleFile;
use crate::id::{PrincipalId, ProfileId};
use crate::{Name, Timestamp};

/// A profile: a name of its owner's for a tree of files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// Always `profile`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: ProfileId,
    /// Unique among the owner's.
    pub name: Name,
    /// Whose it is.
    pub owner_id: PrincipalId,
    /// What it is for.
    pub description: String,
    /// The number of the newest version.
    pub latest_version: i64,
    /// SHA-256 of its archive, lowercase hex.
    pub sha256: String,
    /// Bytes of its archive.
    pub size_bytes: i64,
    /// How many files it has.
    pub file_count: i64,
    /// It is the owner's choice where no profile is named; at most one is.
    #[serde(default)]
    pub activated: bool,
    /// The version that is given where none is named, instead of the newest.
    #[serde(default)]
    pub pinned_version: Option<i64>,
    /// Optimistic lock; also the `ETag`. Not a version of the files.
    pub version: i64,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "profile".into()
}

/// A version of a profile. It never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileVersion {
    /// The profile.
    pub profile_id: ProfileId,
    /// 1, 2, 3 …
    pub number: i64,
    /// SHA-256 of the archive, lowercase hex.
    pub sha256: String,
    /// Bytes of the archive.
    pub size_bytes: i64,
    /// The files, sorted by path.
    pub files: Vec<BundleFile>,
    /// Why it was stored.
    pub note: String,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// Query of `POST /api/v1/profiles`; the body is the archive: tar, also gzipped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PushProfile {
    /// The profile's name.
    pub name: String,
    /// The version that the files were made of; 0: the profile is new. Another than the newest is refused.
    pub base_version: i64,
    /// What the profile is for; absent keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Why this version is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Keeps to a version of a profile, named by its digest or its number; neither: the newest is given again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinProfile {
    /// SHA-256 of the version's archive, lowercase hex; of several versions with it the newest is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The version's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
}

crate::text_enum! {
    /// How what somebody has of a profile compares with what is given now.
    pub enum ProfileSync {
        /// It is the version that is given.
        InSync = "in_sync",
        /// It is another version.
        Outdated = "outdated",
        /// No version has this digest: something was changed.
        Drifted = "drifted",
        /// Nothing was said to compare with.
        Unknown = "unknown",
    }
}

/// Which version of a profile is given now, and how what somebody has compares with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileStatus {
    /// Always `profile_status`.
    pub kind: String,
    /// The profile.
    pub profile_id: ProfileId,
    /// Its name.
    pub name: Name,
    /// It is the owner's choice where no profile is named.
    pub activated: bool,
    /// The version that is given: the pinned one, else the newest.
    pub given_version: i64,
    /// Its digest.
    pub given_sha256: String,
    /// The version that the owner keeps to.
    pub pinned_version: Option<i64>,
    /// The newest version.
    pub latest_version: i64,
    /// The digest that was asked for.
    pub expected_sha256: Option<String>,
    /// The newest version that has it.
    pub expected_version: Option<i64>,
    /// How the two compare.
    pub state: ProfileSync,
}
