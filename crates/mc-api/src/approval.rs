//! Approvals: one entity for every kind of human decision.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ApprovalId, MissionId, PrincipalId};
use crate::{Name, Problem, Role, Timestamp};

crate::text_enum! {
    /// What is being decided. More kinds are added, none is renamed.
    pub enum ApprovalKind {
        /// Publication of artifacts or tasks to the Git ledger.
        Publish = "publish",
        /// A permission that an agent asks inside a turn.
        AgentPermission = "agent_permission",
    }
}

crate::text_enum! {
    /// The state of an approval.
    pub enum ApprovalState {
        /// Waiting for a decision.
        Open = "open",
        /// Decided for; not yet used.
        Approved = "approved",
        /// Decided against.
        Rejected = "rejected",
        /// Not decided in time.
        Expired = "expired",
        /// Withdrawn, or what it was for is gone.
        Voided = "voided",
        /// Approved and used once; worthless from then on.
        Executed = "executed",
    }
}

impl ApprovalState {
    /// Every legal move; what is not listed is refused.
    pub const fn allows(self, next: Self) -> bool {
        use ApprovalState::{Approved, Executed, Expired, Open, Rejected, Voided};
        matches!(
            (self, next),
            (Open, Approved | Rejected | Expired | Voided) | (Approved, Executed | Expired | Voided)
        )
    }
}

crate::text_enum! {
    /// Who carries out the approved action.
    pub enum Execute {
        /// The server, as the requester, when it is approved.
        OnApproval = "on_approval",
        /// The requester, with the token in `x-approval-token`.
        ByRequester = "by_requester",
    }
}

/// An approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Always `approval`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: ApprovalId,
    /// What is decided.
    pub approval_kind: ApprovalKind,
    /// The state.
    pub state: ApprovalState,
    /// One line for people.
    pub title: String,
    /// The exact action, canonical JSON (RFC 8785): what is approved is this text and nothing else.
    pub action: String,
    /// SHA-256 of `action`, lowercase hex.
    pub action_sha256: String,
    /// Who carries it out.
    pub execute: Execute,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// Who asks.
    pub requester_id: PrincipalId,
    /// The requester's name.
    pub requester: String,
    /// Who decided.
    pub decider_id: Option<PrincipalId>,
    /// The decider's name.
    pub decider: Option<String>,
    /// The decider's words.
    pub note: Option<String>,
    /// Requester and decider are one person (allowed only in profile `development`).
    pub self_approved: bool,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// After this it can be neither decided nor used.
    pub expires_at: Timestamp,
    /// What came of it, such as the commit that a publication made.
    pub outcome: Option<String>,
    /// The token: only for the requester, only when `execute` is `by_requester` and the state is `approved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How grave it is, which rule asks, and who may decide; as the caller sees it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ApprovalReview>,
    /// Optimistic lock; also the `ETag`.
    pub version: i64,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "approval".into()
}

crate::text_enum! {
    /// How grave an action is.
    pub enum Risk {
        /// It looks at something.
        Read = "read",
        /// It changes something.
        Change = "change",
        /// It may destroy something, or cannot be undone.
        Destructive = "destructive",
        /// Nothing says what it does; taken for destructive.
        Unknown = "unknown",
    }
}

impl Risk {
    /// Whether approving it with others needs the digest of the action that was seen.
    pub const fn needs_digest(self) -> bool {
        matches!(self, Self::Destructive | Self::Unknown)
    }
}

/// Somebody who may decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeciderName {
    /// Who.
    pub id: PrincipalId,
    /// The name.
    pub name: Name,
    /// The role that counts in the mission.
    pub role: Role,
}

/// What a decider needs beside the action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalReview {
    /// How grave it is.
    pub risk: Risk,
    /// Why it counts as that.
    pub risk_reason: String,
    /// The rule that asks for a decision, and who may decide.
    pub policy: String,
    /// The least role that decides.
    pub least_role: Role,
    /// Whether the requester may decide, when a person.
    pub self_approval: bool,
    /// Whether the caller may decide it now.
    pub may_decide: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// People who may decide, by name, at most 20.
    pub deciders: Vec<DeciderName>,
    /// Whether there are more of them.
    pub more_deciders: bool,
}

crate::text_enum! {
    /// For or against.
    pub enum ApprovalDecision {
        /// For.
        Approve = "approve",
        /// Against.
        Reject = "reject",
    }
}

/// One decision among several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionItem {
    /// The approval's id.
    pub approval: String,
    /// For or against.
    pub decision: ApprovalDecision,
    /// Digest of the action that was seen; needed to approve what may destroy something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_sha256: Option<String>,
    /// Refused when the approval has another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// At most 2000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// An option that the agent offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
}

/// Decides several approvals (`POST /api/v1/approvals/decide`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideApprovals {
    /// 1 to 100, each approval once.
    pub items: Vec<DecisionItem>,
}

/// What came of one of several decisions: `result` or `problem`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecidedApproval {
    /// The approval as it was named.
    pub approval: String,
    /// The approval, decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Approval>,
    /// Why it was not decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What came of several decisions, in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecidedApprovals {
    /// One for each.
    pub items: Vec<DecidedApproval>,
}

/// Decides an approval (`POST …/approve`, `POST …/reject`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideApproval {
    /// At most 2000 characters.
    #[serde(default)]
    pub note: Option<String>,
    /// Refused when the stored digest differs: proof that the decider saw this very action.
    #[serde(default)]
    pub action_sha256: Option<String>,
    /// An option that the agent offers (`agent_permission` only); absent: the first that allows, or declines, once.
    #[serde(default)]
    pub option: Option<String>,
}
