//! Workspaces: a whole kluster checked out under a lease, and committed at once against the versions that were read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::artifact::Artifact;
use crate::doc::DocContent;
use crate::id::{KlusterId, MissionId, PrincipalId, WorkspaceId};
use crate::task::Task;
use crate::{Name, Timestamp};

crate::text_enum! {
    /// Whether a workspace can be committed.
    pub enum WorkspaceState {
        /// Its lease lives.
        Active = "active",
        /// It was given back.
        Released = "released",
        /// Its lease ran out.
        Expired = "expired",
    }
}

crate::text_enum! {
    /// What stands behind a path.
    pub enum EntryKind {
        /// A doc, also a keystone.
        Doc = "doc",
        /// An artifact.
        Artifact = "artifact",
        /// A task; read only here.
        Task = "task",
    }
}

crate::text_enum! {
    /// What a change does with a path.
    pub enum ChangeOp {
        /// Makes what is not there.
        Create = "create",
        /// Writes a new version.
        Update = "update",
        /// Deletes it.
        Delete = "delete",
    }
}

/// The lease of a workspace. Several may be open on one kluster: commits are checked against versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    /// Always `workspace`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: WorkspaceId,
    /// What the holder calls it.
    pub label: String,
    /// Who works in it for the holder, as the holder said.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// The mission.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The kluster.
    pub kluster_id: KlusterId,
    /// The kluster's name.
    pub kluster: Name,
    /// Who holds it; nobody else may use it.
    pub holder: PrincipalId,
    /// Whether it can be committed.
    pub state: WorkspaceState,
    /// The length of the lease.
    pub lease_seconds: i64,
    /// When the lease ends, unless it is renewed.
    pub lease_until: Timestamp,
    /// How often it was committed.
    pub commits: i64,
    /// Why it was given back.
    pub reason: Option<String>,
    /// Optimistic lock.
    pub version: i64,
    /// When it was loaded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "workspace".into()
}

/// What a path stood for when the workspace was loaded or last committed: the base of the next commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexEntry {
    /// Such as `docs/guide.md`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its id.
    pub id: String,
    /// The base version: of a doc's text, of an artifact, of a task.
    pub version: i64,
    /// SHA-256 of the content; tasks have none.
    pub sha256: Option<String>,
    /// It can be read here and not changed.
    pub readonly: bool,
}

/// A doc of the snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceDoc {
    /// Its path.
    pub path: String,
    /// The metadata.
    pub doc: crate::doc::Doc,
    /// The text, while all texts together have at most 4 MiB; others are fetched.
    pub content: Option<String>,
}

/// A loaded workspace: the lease, and the kluster as it was at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoadedWorkspace {
    /// The lease.
    pub workspace: Workspace,
    /// The kluster's docs, without its keystone.
    pub docs: Vec<WorkspaceDoc>,
    /// Artifacts of the kluster and of its tasks.
    pub artifacts: Vec<Artifact>,
    /// The kluster's tasks.
    pub tasks: Vec<Task>,
    /// The mission's keystone, when there is one.
    pub north_star: Option<WorkspaceDoc>,
    /// The kluster's keystone, when there is one.
    pub workstream: Option<WorkspaceDoc>,
    /// Every path.
    pub index: Vec<IndexEntry>,
}

/// Loads a kluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadWorkspace {
    /// Mission id or name, where a kluster's name is looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: String,
    /// What the holder calls it; `workspace_label` is understood too.
    #[serde(default, alias = "workspace_label", skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who works in it for the holder, when that is somebody else: at most 256 bytes, kept as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// 60 to 3600, default 900.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u32>,
}

/// Renews the lease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatWorkspace {
    /// 60 to 3600; absent: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u32>,
}

/// Gives the workspace back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseWorkspace {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The content of a path in its base version: a doc's with `doc`, an artifact's with `artifact`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceContent {
    /// What it was when it was loaded.
    pub entry: IndexEntry,
    /// The doc with its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<DocContent>,
    /// The artifact with its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<crate::tool::ArtifactContent>,
}

/// One change of a change set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `docs/<name>.md`, `keystones/north-star.md`, `keystones/workstream.md` or `artifacts/<name>`.
    pub path: String,
    /// What is done with it.
    pub op: ChangeOp,
    /// The version that it was made of; absent: the one of the workspace's index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version: Option<i64>,
    /// The new content, when it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The new content in standard Base64 (artifacts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// A doc's title; absent keeps, or for a new doc: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The media type of a new doc or an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// Commits a change set: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitWorkspace {
    /// 1 to 500 changes, each path once; `change_set` is understood too.
    #[serde(alias = "change_set")]
    pub changes: Vec<Change>,
    /// Why; the note of every version that is written.
    #[serde(default)]
    pub note: String,
    /// The same key again gives the same answer and changes nothing; the header `Idempotency-Key` wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Overlapping texts that the caller has seen and takes into account: ids or names, at most 64.
    #[serde(default, alias = "acknowledge_overlaps", skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

/// What a commit did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommittedWorkspace {
    /// The lease.
    pub workspace: Workspace,
    /// Each path as it is now; a deleted one is not listed.
    pub index: Vec<IndexEntry>,
    /// The paths that were deleted.
    pub deleted: Vec<String>,
    /// Existing texts that what was written overlaps.
    #[serde(default)]
    pub overlap_suggestions: Vec<crate::overlap::OverlapSuggestion>,
}
