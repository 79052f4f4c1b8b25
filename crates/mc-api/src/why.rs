//! Why a task is not running: `GET /api/v1/tasks/{ref}/why`.

pub mod fix;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::TaskId;
use crate::task::TaskState;
use crate::{Name, Timestamp};

crate::text_enum! {
    /// One rule that holds a task up. Words are added, never renamed.
    pub enum WhyCode {
        /// It waits for a task that is not finished.
        DependencyUnfinished = "dependency_unfinished",
        /// It waits for a task that failed or was cancelled.
        DependencyFailed = "dependency_failed",
        /// Somebody holds it back.
        Blocked = "blocked",
        /// It failed.
        Failed = "failed",
        /// It failed because its attempts are used up.
        AttemptsExhausted = "attempts_exhausted",
        /// Its work is complete and waits for a reviewer.
        InReview = "in_review",
        /// It is done.
        Done = "done",
        /// It was called off.
        Cancelled = "cancelled",
        /// Somebody holds the claim.
        Claimed = "claimed",
        /// Its mission is paused.
        MissionPaused = "mission_paused",
        /// Its kluster runs as many tasks as it may.
        KlusterFull = "kluster_full",
        /// Neither the task nor its kluster names a runtime.
        NoRuntime = "no_runtime",
        /// It asks for capabilities, which no node has.
        NeedsCapability = "needs_capability",
        /// Its attempts are used up; only an explicit claim takes it.
        AttemptsUsed = "attempts_used",
        /// No node has the runtime.
        NoNode = "no_node",
        /// A node has the runtime and is not heard of.
        NodeUnreachable = "node_unreachable",
        /// A node has the runtime and takes nothing new.
        NodeCordoned = "node_cordoned",
        /// A node has the runtime and no free slot.
        NodeFull = "node_full",
        /// Other tasks come first.
        InLine = "in_line",
        /// Its agent session waits for a node.
        SessionWaits = "session_waits",
        /// Its agent session is on a node that is not heard of.
        SessionUnreachable = "session_unreachable",
        /// Its agent asks for a permission.
        PermissionOpen = "permission_open",
        /// What it reserves stands in line behind others.
        ReservationWaits = "reservation_waits",
        /// Others have reserved paths that it declares.
        PathsReserved = "paths_reserved",
    }
}

crate::text_enum! {
    /// What a cause keeps from happening.
    pub enum Hinders {
        /// Every claim.
        Claim = "claim",
        /// Only that a node takes it by itself; an explicit claim goes through.
        Node = "node",
        /// Nothing of the scheduler: the work that is under way, or that will be.
        Work = "work",
    }
}

/// An object in the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyObject {
    /// Its kind: `task`, `mission`, `kluster`, `node`, `session`, `approval`, `reservation`, `principal`.
    pub kind: String,
    /// What people call it: key or name; else the id.
    pub name: String,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// Which rule.
    pub code: WhyCode,
    /// What it keeps from happening.
    pub hinders: Hinders,
    /// One sentence for people.
    pub sentence: String,
    /// The object in the way; absent when there is none, or none that the caller may see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<WhyObject>,
    /// Where a chain of dependencies begins: what must happen first. Only for dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<WhyObject>,
    /// The `mc` command that takes it away, when one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Why a task is not running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskWhy {
    /// Always `task_why`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The task.
    pub task_id: TaskId,
    /// Its key.
    pub key: String,
    /// Its state.
    pub state: TaskState,
    /// The runtime it names or inherits.
    pub runtime: Option<Name>,
    /// Whether a principal who may claim tasks could claim it now: no cause hinders a claim.
    pub claimable: bool,
    /// Whether a node that asks now takes it: no cause hinders a claim or a node.
    pub schedulable: bool,
    /// All causes, the strongest first; empty when nothing is in the way.
    pub causes: Vec<Cause>,
    /// When this was so.
    pub at: Timestamp,
}

fn kind() -> String {
    "task_why".into()
}
