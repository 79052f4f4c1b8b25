//! Overlap of work: suggestions, their life, and the policy that says what a mutation does about them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;
use crate::id::{MissionId, OverlapId, PrincipalId};

crate::text_enum! {
    /// What a mutation does when its text overlaps existing work.
    pub enum OverlapMode {
        /// It happens, and the answer carries the suggestions.
        Suggest = "suggest",
        /// Likely duplicates are refused until the caller names what it saw.
        RequireAck = "require_ack",
        /// As `require_ack`, and near-certain duplicates are refused whatever the caller names.
        Block = "block",
    }
}

crate::text_enum! {
    /// What the policy decided about one mutation.
    pub enum OverlapDecision {
        /// It may happen.
        Allow = "allow",
        /// It may happen once the caller names what it saw.
        RequireAck = "require_ack",
        /// It may not happen.
        Block = "block",
    }
}

crate::text_enum! {
    /// What is best done about an overlap.
    pub enum OverlapAction {
        /// Keep both and say that they belong together.
        Link = "link",
        /// Make one of them.
        Merge = "merge",
        /// Do this one after the other.
        Wait = "wait",
        /// Nothing.
        Ignore = "ignore",
    }
}

crate::text_enum! {
    /// The state of a suggestion.
    pub enum OverlapState {
        /// Nobody has said anything.
        Open = "open",
        /// Somebody acted on it.
        Accepted = "accepted",
        /// Somebody said that it is none.
        Dismissed = "dismissed",
        /// One side changed or ended, so that it holds no more.
        Expired = "expired",
    }
}

crate::text_enum! {
    /// What may overlap. Tasks are compared with tasks, texts (docs and artifacts) with texts.
    pub enum OverlapKind {
        /// A task.
        Task = "task",
        /// A doc.
        Doc = "doc",
        /// An artifact whose bytes are text.
        Artifact = "artifact",
    }
}

/// The policy of a mission or kluster. A kluster's own policy takes the place of its mission's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverlapPolicy {
    /// What a mutation does.
    pub mode: OverlapMode,
    /// From this score on, in hundredths, the caller must acknowledge; absent for the measured point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_at_percent: Option<i32>,
    /// From this score on, in hundredths, `block` refuses; absent for the measured point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_at_percent: Option<i32>,
}

impl Default for OverlapPolicy {
    fn default() -> Self {
        Self { mode: OverlapMode::Suggest, acknowledge_at_percent: None, block_at_percent: None }
    }
}

/// A side of an overlap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverlapSide {
    /// `task`, `doc` or `artifact`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its key, or its name where it has no key.
    pub key: Option<String>,
    /// Its title as it was compared.
    pub title: String,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// Whether the work is finished.
    pub done: bool,
}

/// What two texts have in common, or apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverlapEvidence {
    /// The sort, such as `shared_terms`.
    pub kind: String,
    /// In words.
    pub detail: String,
}

/// One overlap, as it is found before anything is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverlapFinding {
    /// The existing work.
    pub candidate: OverlapSide,
    /// How likely both are the same work, 0 to 1, in thousandths.
    pub score: f64,
    /// How alike the words are, 0 to 1.
    pub lexical: f64,
    /// How alike the meanings are, 0 to 1; 0 when no vector was compared.
    pub vector: f64,
    /// What is best done.
    pub action: OverlapAction,
    /// Why.
    pub evidence: Vec<OverlapEvidence>,
}

/// What creating a task, a doc or an artifact would overlap (`POST /api/v1/overlap/check`); nothing is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckOverlap {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name; a task needs one, a text without one is directly in the mission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kluster: Option<String>,
    /// What would be created; absent for a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OverlapKind>,
    /// One line; of an artifact its name.
    pub title: String,
    /// Markdown; of a doc or artifact its text.
    #[serde(default)]
    pub description: String,
    /// Globs, at most 64.
    #[serde(default)]
    pub paths: Vec<String>,
    /// At most this many suggestions, 1 to 20; default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The answer to [`CheckOverlap`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverlapCheck {
    /// The best first.
    pub suggestions: Vec<OverlapFinding>,
    /// What the policy in force would decide.
    pub decision: OverlapDecision,
    /// The policy in force.
    pub policy: OverlapPolicy,
}

/// A stored suggestion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverlapSuggestion {
    /// Always `overlap`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: OverlapId,
    /// What was created or changed.
    pub subject: OverlapSide,
    /// The existing work.
    pub candidate: OverlapSide,
    /// How likely both are the same work, 0 to 1, in thousandths.
    pub score: f64,
    /// How alike the words are, 0 to 1.
    pub lexical: f64,
    /// How alike the meanings are, 0 to 1; 0 when no vector was compared.
    pub vector: f64,
    /// What is best done.
    pub action: OverlapAction,
    /// Why.
    pub evidence: Vec<OverlapEvidence>,
    /// Whether the caller named the candidate when it made the subject.
    pub acknowledged: bool,
    /// The state.
    pub state: OverlapState,
    /// How it was accepted.
    pub resolution: Option<OverlapAction>,
    /// Why it was dismissed, or what was said with the acceptance.
    pub note: Option<String>,
    /// Who decided.
    pub decided_by: Option<PrincipalId>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Optimistic lock; also the `ETag`.
    pub version: i64,
    /// When it was found.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "overlap".into()
}

/// Acts on a suggestion (`POST /api/v1/overlaps/{ref}/accept`).
///
/// `link` says that both belong together; `wait` makes the subject depend on the candidate; `merge` cancels the subject in
/// favour of the candidate. Docs and artifacts do not wait, and merging them is recorded only: no text is deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptOverlap {
    /// `link`, `merge` or `wait`; absent for what the suggestion proposes.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub resolution: Option<OverlapAction>,
    /// At most 2000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Says that a suggestion is none (`POST /api/v1/overlaps/{ref}/dismiss`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DismissOverlap {
    /// Why, 1 to 2000 characters.
    pub reason: String,
}

/// A task as creating and changing it answers: with what it overlaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskAnswer {
    /// The task.
    #[serde(flatten)]
    pub task: crate::task::Task,
    /// Existing work that it overlaps, the best first.
    #[serde(default)]
    pub overlap_suggestions: Vec<OverlapSuggestion>,
    /// `true`: the vector of the text is still to come, and with it perhaps more suggestions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlap_pending: bool,
}

/// A doc as creating and changing it answers: with what it overlaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocAnswer {
    /// The doc.
    #[serde(flatten)]
    pub doc: crate::doc::Doc,
    /// Existing texts that it overlaps, the best first.
    #[serde(default)]
    pub overlap_suggestions: Vec<OverlapSuggestion>,
    /// `true`: the vector of the text is still to come, and with it perhaps more suggestions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlap_pending: bool,
}

/// An artifact as storing it answers: with what it overlaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactAnswer {
    /// The artifact.
    #[serde(flatten)]
    pub artifact: crate::artifact::Artifact,
    /// Existing texts that it overlaps, the best first.
    #[serde(default)]
    pub overlap_suggestions: Vec<OverlapSuggestion>,
    /// `true`: the vector of the text is still to come, and with it perhaps more suggestions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlap_pending: bool,
}
