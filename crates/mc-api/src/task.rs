//! Tasks: states, claims, requests.
//!
//! ```text
//! pending ─► ready ─► claimed ─► running ─► in_review ─► done
//!              ▲         │          │           │
//!              └─────────┴──────────┴───────────┘ (release, expiry, rejection, retry)
//! blocked, failed, cancelled: see TaskState::allows
//! ```

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ArtifactId, KlusterId, MissionId, PrincipalId, TaskId};
use crate::{Labels, Name, Timestamp, patch};

crate::text_enum! {
    /// The state of a task.
    pub enum TaskState {
        /// A dependency is unfinished.
        Pending = "pending",
        /// May be claimed.
        Ready = "ready",
        /// Claimed, not started.
        Claimed = "claimed",
        /// Being worked on.
        Running = "running",
        /// Complete, waiting for a reviewer.
        InReview = "in_review",
        /// Finished.
        Done = "done",
        /// Held by an operator or by a failed dependency; only unblock leaves it.
        Blocked = "blocked",
        /// Given up; retry brings it back.
        Failed = "failed",
        /// Called off.
        Cancelled = "cancelled",
    }
}

impl TaskState {
    /// States that no work leaves by itself.
    pub const TERMINAL: &'static [Self] = &[Self::Done, Self::Failed, Self::Cancelled];

    /// Whether work has ended here.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// Every legal move; what is not listed is refused.
    ///
    /// `Ready` may run or end directly: the newest attempt may report after its lease expired and before anyone
    /// else claimed. `Failed` leaves only by retry; `Done` and `Cancelled` never.
    pub const fn allows(self, next: Self) -> bool {
        use TaskState::{Blocked, Cancelled, Claimed, Done, Failed, InReview, Pending, Ready, Running};
        matches!(
            (self, next),
            (Pending, Ready | Blocked | Cancelled)
                | (Ready, Pending | Claimed | Running | InReview | Done | Failed | Blocked | Cancelled)
                | (Claimed, Claimed | Running | Ready | InReview | Done | Failed | Blocked | Cancelled)
                | (Running, Claimed | Ready | InReview | Done | Failed | Blocked | Cancelled)
                | (InReview, Done | Ready | Blocked | Cancelled)
                | (Blocked, Ready | Pending | Cancelled)
                | (Failed, Ready | Pending)
        )
    }
}

/// How many tasks are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateCounts {
    /// A dependency is unfinished.
    pub pending: i64,
    /// May be claimed.
    pub ready: i64,
    /// Claimed, not started.
    pub claimed: i64,
    /// Being worked on.
    pub running: i64,
    /// Waiting for a reviewer.
    pub in_review: i64,
    /// Finished.
    pub done: i64,
    /// Held.
    pub blocked: i64,
    /// Given up.
    pub failed: i64,
    /// Called off.
    pub cancelled: i64,
}

impl StateCounts {
    /// Writes the count of a state.
    pub fn set(&mut self, state: TaskState, count: i64) {
        *match state {
            TaskState::Pending => &mut self.pending,
            TaskState::Ready => &mut self.ready,
            TaskState::Claimed => &mut self.claimed,
            TaskState::Running => &mut self.running,
            TaskState::InReview => &mut self.in_review,
            TaskState::Done => &mut self.done,
            TaskState::Blocked => &mut self.blocked,
            TaskState::Failed => &mut self.failed,
            TaskState::Cancelled => &mut self.cancelled,
        } = count;
    }

    /// All together.
    pub const fn total(&self) -> i64 {
        self.pending
            + self.ready
            + self.claimed
            + self.running
            + self.in_review
            + self.done
            + self.blocked
            + self.failed
            + self.cancelled
    }
}

/// How many tasks a mission or kluster has (`GET /api/v1/task-counts`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskCounts {
    /// The mission.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The kluster; absent when all klusters of the mission are counted together.
    pub kluster_id: Option<KlusterId>,
    /// The kluster's name.
    pub kluster: Option<Name>,
    /// By state.
    pub counts: StateCounts,
    /// All together.
    pub total: i64,
}

crate::text_enum! {
    /// What tasks are counted by.
    pub enum CountBy {
        /// One line for each mission.
        Mission = "mission",
        /// One line for each kluster.
        Kluster = "kluster",
    }
}

crate::text_enum! {
    /// What happens to a task when one of its dependencies fails or is cancelled.
    pub enum OnDependencyFailure {
        /// The task becomes `blocked` with the dependency as reason.
        Block = "block",
        /// The task is cancelled.
        Cancel = "cancel",
        /// The dependency counts as finished.
        Ignore = "ignore",
    }
}

crate::text_enum! {
    /// The state of one claim.
    pub enum ClaimState {
        /// The lease runs.
        Active = "active",
        /// The lease ran out; its result is still accepted until a newer attempt exists.
        Expired = "expired",
        /// Given back by its holder or an operator.
        Released = "released",
        /// Ended with a result.
        Ended = "ended",
        /// A newer attempt took over.
        Superseded = "superseded",
    }
}

/// A claim: one attempt at a task, with a lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Claim {
    /// The fencing token: must be presented with heartbeat, progress, complete, fail, release.
    pub attempt: i32,
    /// Who holds it.
    pub principal_id: PrincipalId,
    /// The holder's name.
    pub principal: String,
    /// The state of the claim.
    pub state: ClaimState,
    /// Until when the lease runs unless renewed.
    pub lease_until: Timestamp,
    /// When it was claimed.
    pub claimed_at: Timestamp,
}

/// A task that another one waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dependency {
    /// Its id.
    pub id: TaskId,
    /// Its key.
    pub key: String,
    /// Its state.
    pub state: TaskState,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Always `task`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: TaskId,
    /// `<mission key prefix>-<n>`; accepted wherever an id is.
    pub key: String,
    /// Unique in the kluster when given.
    pub name: Option<Name>,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// What must be true when it is done, Markdown.
    pub definition_of_done: String,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The kluster it belongs to.
    pub kluster_id: KlusterId,
    /// The kluster's name.
    pub kluster: Name,
    /// The task it is a part of.
    pub parent_id: Option<TaskId>,
    /// The state.
    pub state: TaskState,
    /// Why it is in this state, when that is not plain: `attempts_exhausted`, `dependency_failed`, or a person's note.
    pub reason: Option<String>,
    /// Higher is claimed first; 0 to 100.
    pub priority: i32,
    /// The runtime that a node needs; inherited from the kluster when absent.
    pub runtime: Option<Name>,
    /// What a claimant must be capable of.
    pub capabilities: Vec<String>,
    /// Globs of paths it will touch.
    pub paths: Vec<String>,
    /// The tasks it waits for.
    pub depends_on: Vec<Dependency>,
    /// How many of them are unfinished.
    pub open_dependency_count: i32,
    /// What happens when one of them fails.
    pub on_dependency_failure: OnDependencyFailure,
    /// Reviews needed before it is done; 0 means none.
    pub review_gates: i32,
    /// The number of the newest attempt; 0 before the first.
    pub attempt: i32,
    /// After this many attempts an expiry fails the task.
    pub max_attempts: i32,
    /// The newest claim.
    pub claim: Option<Claim>,
    /// What the newest attempt reported last: 0 to 100.
    pub progress_percent: Option<i32>,
    /// The words that came with it.
    pub progress_note: Option<String>,
    /// The result's artifact.
    pub result_artifact_id: Option<ArtifactId>,
    /// The result in words.
    pub result: Option<String>,
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
    "task".into()
}
fn default_max_attempts() -> i32 {
    3
}
fn default_priority() -> i32 {
    50
}
fn default_failure() -> OnDependencyFailure {
    OnDependencyFailure::Block
}

/// Creates a task. Texts: title at most 300 characters, description and definition of done at most 64 KiB each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTask {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name.
    pub kluster: String,
    /// One line.
    pub title: String,
    /// Unique in the kluster.
    #[serde(default)]
    pub name: Option<Name>,
    /// Markdown.
    #[serde(default)]
    pub description: String,
    /// Markdown.
    #[serde(default)]
    pub definition_of_done: String,
    /// The task it is a part of: id or key.
    #[serde(default)]
    pub parent: Option<String>,
    /// 0 to 100, default 50.
    #[serde(default = "default_priority")]
    pub priority: i32,
    /// The runtime a node needs.
    #[serde(default)]
    pub runtime: Option<Name>,
    /// At most 32.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Globs, at most 64.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Ids, keys or names (in the same kluster) of tasks of the same mission; at most 128.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Default `block`.
    #[serde(default = "default_failure")]
    pub on_dependency_failure: OnDependencyFailure,
    /// 0 to 8, default 0.
    #[serde(default)]
    pub review_gates: i32,
    /// 1 to 100, default 3.
    #[serde(default = "default_max_attempts")]
    pub max_attempts: i32,
    /// For selection.
    #[serde(default)]
    pub labels: Labels,
    /// For people and tools.
    #[serde(default)]
    pub annotations: Labels,
    /// Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

/// Changes a task (JSON Merge Patch): absent keeps, `null` gives the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTask {
    /// One line; cannot be removed.
    #[serde(default, deserialize_with = "patch::required", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Markdown.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Markdown.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub definition_of_done: Option<Option<String>>,
    /// 0 to 100.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i32>)]
    pub priority: Option<Option<i32>>,
    /// The runtime a node needs.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Name>)]
    pub runtime: Option<Option<Name>>,
    /// Replaces all.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub capabilities: Option<Option<Vec<String>>>,
    /// Replaces all.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub paths: Option<Option<Vec<String>>>,
    /// Replaces all; refused once the task is claimed.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub depends_on: Option<Option<Vec<String>>>,
    /// Default `block`.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OnDependencyFailure>)]
    pub on_dependency_failure: Option<Option<OnDependencyFailure>>,
    /// 0 to 8.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i32>)]
    pub review_gates: Option<Option<i32>>,
    /// 1 to 100.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i32>)]
    pub max_attempts: Option<Option<i32>>,
    /// Replaces all labels.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Labels>)]
    pub labels: Option<Option<Labels>>,
    /// Replaces all annotations.
    #[serde(default, deserialize_with = "patch::member", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Labels>)]
    pub annotations: Option<Option<Labels>>,
    /// Keys or ids of overlapping tasks that the caller has seen and takes into account; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledge_overlap: Vec<String>,
}

/// Claims one named task (`POST /api/v1/tasks/{ref}/claim`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimTask {
    /// Length of the lease, 5 to 3600; default 60.
    #[serde(default)]
    pub lease_seconds: Option<u32>,
}

/// Claims the best ready task that matches (`POST /api/v1/tasks/claim`): highest priority, then oldest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimNextTask {
    /// Only of this mission (id or name).
    #[serde(default)]
    pub mission: Option<String>,
    /// Only of this kluster (id or name; a name needs the mission).
    #[serde(default)]
    pub kluster: Option<String>,
    /// What the claimant is capable of; tasks that need more are passed over.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Only tasks that name (or inherit) one of these runtimes; absent means any.
    #[serde(default)]
    pub runtimes: Option<Vec<Name>>,
    /// Only tasks with these labels: `key=value` or `key`, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Length of the lease, 5 to 3600; default 60.
    #[serde(default)]
    pub lease_seconds: Option<u32>,
}

/// Renews the lease (`POST …/heartbeat`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// The fencing token.
    pub attempt: i32,
    /// Length of the lease from now, 5 to 3600; default 60.
    #[serde(default)]
    pub lease_seconds: Option<u32>,
}

/// Reports progress and renews the lease (`POST …/progress`); moves `claimed` to `running`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportProgress {
    /// The fencing token; may be absent when the caller's grant is for this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// 0 to 100.
    #[serde(default)]
    pub percent: Option<i32>,
    /// At most 2000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// Completes the task (`POST …/complete`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteTask {
    /// The fencing token; may be absent when the caller's grant is for this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// The result in words, at most 64 KiB.
    #[serde(default)]
    pub result: Option<String>,
    /// An artifact of the same mission.
    #[serde(default)]
    pub artifact: Option<ArtifactId>,
}

/// Gives the task up (`POST …/fail`). With `retryable` and attempts left it becomes `ready` again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailTask {
    /// The fencing token; may be absent when the caller's grant is for this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Why, at most 2000 characters.
    pub reason: String,
    /// Whether another attempt may help.
    #[serde(default)]
    pub retryable: bool,
}

/// Gives the claim back (`POST …/release`). An operator may release without the attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseTask {
    /// The fencing token.
    #[serde(default)]
    pub attempt: Option<i32>,
    /// Why.
    #[serde(default)]
    pub note: Option<String>,
}

/// A note that goes with `cancel`, `block`, `unblock`, `retry`, `accept` or `reject`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskNote {
    /// At most 2000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_and_cancelled_are_final_and_failed_leaves_only_by_retry() {
        for next in TaskState::ALL {
            assert!(!TaskState::Done.allows(*next));
            assert!(!TaskState::Cancelled.allows(*next));
            assert_eq!(
                TaskState::Failed.allows(*next),
                matches!(next, TaskState::Ready | TaskState::Pending)
            );
        }
    }

    #[test]
    fn every_state_can_reach_an_end() {
        for start in TaskState::ALL {
            let mut seen = vec![*start];
            let mut at = 0;
            while at < seen.len() {
                let from = seen[at];
                seen.extend(
                    TaskState::ALL
                        .iter()
                        .copied()
                        .filter(|s| from.allows(*s))
                        .filter(|s| !seen.contains(s))
                        .collect::<Vec<_>>(),
                );
                at += 1;
            }
            assert!(seen.iter().any(|s| s.is_terminal()), "{start} is a dead end");
        }
    }
}
