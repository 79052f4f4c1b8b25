//! Publication of artifacts and task results to the Git ledger.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ApprovalId, ArtifactId, BatchId, BindingId, MissionId, PrincipalId};
use crate::persistence::{EntityRef, PublicationItem};
use crate::{Name, Timestamp};

crate::text_enum! {
    /// The state of a publication batch.
    pub enum PublicationState {
        /// Waiting for its approval.
        AwaitingApproval = "awaiting_approval",
        /// Approved; the executor will commit it.
        Queued = "queued",
        /// In the Git ledger.
        Published = "published",
        /// Not approved, or not in time.
        Rejected = "rejected",
        /// It cannot be committed as it is, or was tried too often; somebody retries or withdraws it.
        Failed = "failed",
        /// Given up by somebody. Should its last push have arrived after all, it becomes `published`.
        Withdrawn = "withdrawn",
    }
}

impl PublicationState {
    /// Every legal move; what is not listed is refused.
    pub const fn allows(self, next: Self) -> bool {
        use PublicationState::{AwaitingApproval, Failed, Published, Queued, Rejected, Withdrawn};
        matches!(
            (self, next),
            (AwaitingApproval, Queued | Rejected | Withdrawn)
                | (Queued, Published | Failed | Withdrawn)
                | (Failed, Queued | Published | Withdrawn)
                | (Withdrawn, Published)
        )
    }
}

/// A publication: one commit in the Git ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Publication {
    /// Always `publication`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id; also in the commit's trailer.
    pub id: BatchId,
    /// The state.
    pub state: PublicationState,
    /// The mission whose artifacts are published.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// First line of the commit message.
    pub message: String,
    /// The artifacts among the items, in the order of their ids.
    pub artifacts: Vec<ArtifactId>,
    /// What is published, which state of it, and where.
    #[serde(default)]
    pub items: Vec<PublicationItem>,
    /// Where it goes; absent: the Git ledger of the installation.
    #[serde(default)]
    pub binding_id: Option<BindingId>,
    /// The binding's name.
    #[serde(default)]
    pub binding: Option<Name>,
    /// The approval that covers exactly these artifacts and digests.
    pub approval_id: ApprovalId,
    /// The commit, once published.
    pub commit: Option<String>,
    /// How often it failed to be committed or pushed.
    #[serde(default)]
    pub failures: i64,
    /// Why it failed last; empty again once published.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When it is tried again; absent: at once, or never.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// Every task number that the mission had given when this was asked for is below; a rebuilt installation goes on above.
    #[serde(default)]
    pub task_numbers_below: i64,
    /// The withdrawn publication in whose place this one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<BatchId>,
    /// Who asked.
    pub requester_id: PrincipalId,
    /// Optimistic lock.
    pub version: i64,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "publication".into()
}

/// Asks for a publication (`POST /api/v1/publications`): makes the batch and its approval in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePublication {
    /// Mission id or name.
    pub mission: String,
    /// The artifacts to publish, all of this mission.
    #[serde(default)]
    pub artifacts: Vec<ArtifactId>,
    /// What else to publish; with the artifacts 1 to 256, all of this mission and all for the same binding.
    #[serde(default)]
    pub entities: Vec<EntityRef>,
    /// First line of the commit message, at most 200 characters.
    #[serde(default)]
    pub message: Option<String>,
}

/// What came of a retry (`POST /api/v1/publications/{ref}/retry`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetriedPublication {
    /// Always `retried_publication`.
    pub kind: String,
    /// The publication: queued again, or withdrawn when its routes lead elsewhere now.
    pub publication: Publication,
    /// What was asked for in its place, one for each target; each needs an approval of its own.
    pub replaced_by: Vec<Publication>,
}
