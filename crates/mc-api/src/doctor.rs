//! Whether the object store holds what the database names, and what was done about it where it does not.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::MissionId;

crate::text_enum! {
    /// How grave a finding is.
    pub enum Severity {
        /// Something cannot be read.
        Error = "error",
        /// Nothing is lost, and something is not as it should be.
        Warning = "warning",
        /// As it should be; it is told so that nobody wonders.
        Note = "note",
    }
}

crate::text_enum! {
    /// What is found.
    pub enum FindingKind {
        /// Something names bytes that are not stored.
        Missing = "missing",
        /// Something names bytes that a sweep set aside, and they are still there.
        SetAside = "set_aside",
        /// The bytes that are stored have another length than what names them says.
        WrongSize = "wrong_size",
        /// The bytes that are stored have another digest than their key.
        WrongDigest = "wrong_digest",
        /// Bytes are stored that nothing names.
        Orphan = "orphan",
        /// Uploads that were begun and never finished.
        Upload = "upload",
    }
}

crate::text_enum! {
    /// What became of a finding.
    pub enum FindingState {
        /// It is as it was found.
        Open = "open",
        /// It was mended.
        Mended = "mended",
        /// Something was done, and something is left to do.
        Left = "left",
        /// Nothing needs to be done.
        Fine = "fine",
    }
}

/// What names stored bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContentName {
    /// `artifact`, `doc`, `skill` or `profile`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name; with the version for what has versions.
    pub name: String,
}

/// A disagreement between the object store and the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What is found.
    pub kind: FindingKind,
    /// How grave it is.
    pub severity: Severity,
    /// What it is about: the first that names the bytes, or the key of bytes that nothing names.
    pub subject: String,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub fix: String,
    /// What was done; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// What became of it.
    pub state: FindingState,
    /// The mission the bytes belong to; of a profile, its owner's area. Absent for uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission_id: Option<MissionId>,
    /// The mission's name, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission: Option<String>,
    /// The digest the bytes should have. Absent for uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What names the bytes, at most five.
    #[serde(default)]
    pub named_by: Vec<ContentName>,
}

impl Finding {
    /// Whether somebody still has to do something.
    pub fn is_left(&self) -> bool {
        matches!(self.state, FindingState::Open | FindingState::Left)
    }
}

/// What is to be compared (`POST /api/v1/system/doctor/objects`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckObjects {
    /// Mend what can be mended.
    pub fix: bool,
    /// Read all bytes and compare their digests.
    pub deep: bool,
    /// `next_cursor` of the part before; absent: from the beginning.
    pub cursor: Option<String>,
}

/// What a part of the comparison found. A call looks for some seconds; `next_cursor` goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectCheck {
    /// Always `object_check`.
    pub kind: String,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// How many contents were looked at in this part.
    pub checked: u64,
    /// How many bytes were read to compare digests.
    pub bytes_read: u64,
    /// Why nothing is mended now although it was asked for, such as a backup that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Where the next part begins; absent: this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
