//! Whether a task may be claimed, and whether a node takes it by itself. Claims ask these rules, and so does `why`:
//! what is explained is what is decided. The conditions of the claim queries ([`super::store`]) only spare looking at
//! tasks that these rules would refuse.

use mc_api::task::{Task, TaskState};
use mc_api::{ProblemKind, Timestamp};

use super::model::is_held;
use crate::error::Error;

/// How much room there is for one task beside the others of its kluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx_macros::FromRow)]
pub struct Room {
    /// Whether the mission is paused.
    pub paused: bool,
    /// How many tasks of the kluster may be claimed or running at once.
    pub max_running: Option<i32>,
    /// How many others are.
    pub busy: i64,
}

impl Room {
    /// Whether another task fits in.
    pub fn is_full(&self) -> bool {
        self.max_running.is_some_and(|most| self.busy >= i64::from(most))
    }
}

/// What keeps everybody from claiming a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It is in a state that no claim leaves.
    State(TaskState),
    /// A lease runs.
    Held,
    /// The mission is paused.
    Paused,
    /// The kluster has no room.
    Full(Room),
}

impl Obstacle {
    /// How a claim is refused.
    pub(crate) fn refusal(self, task: &Task) -> Error {
        match self {
            Self::State(state) => Error::new(
                ProblemKind::InvalidTransition,
                format!("task {} is {state}: claim is not possible; `mc why task {0}` says why", task.key),
            ),
            Self::Held => {
                let holder = task.claim.as_ref().map_or("", |claim| claim.principal.as_str());
                Error::new(
                    ProblemKind::AlreadyClaimed,
                    format!("task {} is claimed by {holder:?} (attempt {})", task.key, task.attempt),
                )
            }
            Self::Paused => Error::new(
                ProblemKind::MissionPaused,
                format!(
                    "mission {} is paused; `mc resume mission {0}` lets its tasks be claimed",
                    task.mission
                ),
            ),
            Self::Full(room) => Error::new(
                ProblemKind::KlusterFull,
                format!(
                    "kluster {} runs {} of at most {} tasks; one of them must end first",
                    task.kluster,
                    room.busy,
                    room.max_running.unwrap_or_default()
                ),
            ),
        }
    }
}

/// Everything that keeps everybody from claiming the task; the first is what a claim is refused with.
pub(crate) fn against_claim(task: &Task, room: &Room, now: Timestamp) -> Vec<Obstacle> {
    let mut found = Vec::new();
    match task.state {
        TaskState::Ready => {}
        // A lease that ran out and was not yet taken back is nobody's.
        TaskState::Claimed | TaskState::Running if !is_held(task, now) => {}
        TaskState::Claimed | TaskState::Running => found.push(Obstacle::Held),
        TaskState::Pending
        | TaskState::InReview
        | TaskState::Done
        | TaskState::Blocked
        | TaskState::Failed
        | TaskState::Cancelled => found.push(Obstacle::State(task.state)),
    }
    let is_open = !task.state.is_terminal() && !found.contains(&Obstacle::Held);
    if room.paused && is_open {
        found.push(Obstacle::Paused);
    }
    if room.is_full() && is_open {
        found.push(Obstacle::Full(*room));
    }
    found
}

/// What keeps nodes from taking a task by themselves, although anybody may claim it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeObstacle {
    /// Neither the task nor its kluster names a runtime.
    NoRuntime,
    /// It asks for capabilities.
    NeedsCapability,
    /// The attempts are used up.
    AttemptsUsed,
    /// Its lease ran out and is not yet taken back.
    NotReady,
}

/// Everything that keeps nodes from taking the task; `runtime` is the one that it names or inherits.
pub(crate) fn against_node(task: &Task, runtime: Option<&str>) -> Vec<NodeObstacle> {
    let mut found = Vec::new();
    if runtime.is_none() {
        found.push(NodeObstacle::NoRuntime);
    }
    if !task.capabilities.is_empty() {
        found.push(NodeObstacle::NeedsCapability);
    }
    if task.attempt >= task.max_attempts {
        found.push(NodeObstacle::AttemptsUsed);
    }
    if task.state != TaskState::Ready {
        found.push(NodeObstacle::NotReady);
    }
    found
}
