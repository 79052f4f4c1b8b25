//! Path reservations: who works on which files of a repository.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{MissionId, PrincipalId, ReservationId, SessionId, TaskId};
use crate::repository::Repository;
use crate::{Name, Timestamp};

crate::text_enum! {
    /// Whom a reservation tolerates.
    pub enum ReservationMode {
        /// Nobody else.
        Exclusive = "exclusive",
        /// Others that are shared too.
        Shared = "shared",
    }
}

impl ReservationMode {
    /// Whether two reservations of the same paths stand in each other's way.
    pub const fn conflicts(self, other: Self) -> bool {
        !matches!((self, other), (Self::Shared, Self::Shared))
    }
}

crate::text_enum! {
    /// The state of a reservation.
    pub enum ReservationState {
        /// Waits in line until nothing earlier stands in its way.
        Pending = "pending",
        /// Holds its paths.
        Active = "active",
        /// Given back.
        Released = "released",
        /// Not renewed in time.
        Expired = "expired",
        /// Its task or agent session has ended.
        Ended = "ended",
    }
}

impl ReservationState {
    /// Nothing follows.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Released | Self::Expired | Self::Ended)
    }

    /// Every legal move. What is not listed is refused.
    pub const fn allows(self, next: Self) -> bool {
        use ReservationState::{Active, Ended, Expired, Pending, Released};
        matches!(
            (self, next),
            (Pending, Active | Released | Expired | Ended) | (Active, Released | Expired | Ended)
        )
    }
}

crate::text_enum! {
    /// What happens when a reservation cannot be had at once.
    pub enum OnConflict {
        /// It is refused.
        Refuse = "refuse",
        /// It waits in line.
        Queue = "queue",
    }
}

/// A reservation of paths in a repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reservation {
    /// Always `reservation`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: ReservationId,
    /// The state.
    pub state: ReservationState,
    /// The repository, in its canonical form.
    pub repository: Repository,
    /// Which paths, as they were written.
    pub globs: Vec<String>,
    /// Whom it tolerates.
    pub mode: ReservationMode,
    /// The mission in which it is seen.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The task it is for; it ends with the task.
    pub task_id: Option<TaskId>,
    /// The task's key.
    pub task: Option<String>,
    /// The agent session it is for; it ends with the session.
    pub session_id: Option<SessionId>,
    /// Who asked for it.
    pub principal_id: PrincipalId,
    /// Their name.
    pub principal: String,
    /// What for.
    pub reason: Option<String>,
    /// The length of its lease.
    pub ttl_seconds: i32,
    /// When the lease ends unless it is renewed.
    pub expires_at: Timestamp,
    /// Optimistic lock; a renewal is no new version.
    pub version: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn kind() -> String {
    "reservation".into()
}

/// Asks for a reservation (`POST /api/v1/reservations`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateReservation {
    /// The remote, such as `https://host/x/y.git` or `git@host:x/y`, or the absolute path of a local repository.
    pub repository: String,
    /// 1 to 32 globs: `*`, `**`, `?`, `[a-z]`, `{a,b}`; anchored at the root of the repository.
    pub globs: Vec<String>,
    /// Whom it tolerates.
    #[serde(default = "exclusive")]
    pub mode: ReservationMode,
    /// Mission id or name; absent: that of the task, the agent session or the grant.
    #[serde(default)]
    pub mission: Option<String>,
    /// Task id or key; absent: that of the grant.
    #[serde(default)]
    pub task: Option<String>,
    /// Agent session id; absent: that of the grant.
    #[serde(default)]
    pub session: Option<String>,
    /// What for, at most 500 characters.
    #[serde(default)]
    pub reason: Option<String>,
    /// The length of the lease, 60 to 86 400 seconds; default 900.
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
    /// What happens when it cannot be had at once.
    #[serde(default = "refuse")]
    pub on_conflict: OnConflict,
}

fn exclusive() -> ReservationMode {
    ReservationMode::Exclusive
}

fn refuse() -> OnConflict {
    OnConflict::Refuse
}

/// Renews the lease of a reservation (`POST /api/v1/reservations/{ref}/renew`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewReservation {
    /// The length of the lease from now, 60 to 86 400 seconds; default: as it was.
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
}

/// Asks which reservations touch paths (`POST /api/v1/reservations/check`); changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckPaths {
    /// The remote, or the absolute path of a local repository.
    pub repository: String,
    /// Up to 1000 paths, as Git prints them with `-z`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Up to 32 globs.
    #[serde(default)]
    pub globs: Vec<String>,
    /// Task id or key in whose name is asked: its reservations are one's own. Absent: that of the grant.
    #[serde(default)]
    pub task: Option<String>,
}

/// The reservations that touch what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PathCheck {
    /// The repository, in its canonical form.
    pub repository: Repository,
    /// Pending and active ones, oldest first; own ones too.
    pub overlaps: Vec<Overlap>,
}

/// A reservation that shares paths with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Overlap {
    /// The reservation; absent when it is of a mission that the caller may not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
    /// The name of its principal, or `another mission`.
    pub holder: String,
    /// The key of its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Its agent session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Its mission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission: Option<Name>,
    /// Whom it tolerates.
    pub mode: ReservationMode,
    /// Whether it holds the paths, or waits for them and came first.
    pub state: ReservationState,
    /// When its lease ends.
    pub expires_at: Timestamp,
    /// Whether it is the caller's own.
    pub is_own: bool,
    /// What they share; at most ten.
    pub pairs: Vec<GlobPair>,
}

/// Two globs that share a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GlobPair {
    /// The glob or path that was asked for.
    pub glob: String,
    /// The glob of the reservation; absent when it is of a mission that the caller may not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// A path that both match; absent as `held` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

impl Overlap {
    /// What stands in the way, in one line for people.
    pub fn describe(&self) -> String {
        let task = self.task.as_ref().map(|task| format!(" for task {task}")).unwrap_or_default();
        let paths = match self.pairs.first() {
            None => String::new(),
            Some(GlobPair { glob, held: None, .. }) => format!(" ({glob})"),
            Some(GlobPair { glob, held: Some(held), witness }) => match witness {
                Some(witness) if witness != glob => format!(" ({glob} meets {held}, as in {witness})"),
                Some(_) | None => format!(" ({glob} in {held})"),
            },
        };
        format!("{}{task}{paths}, {} {} until {}", self.holder, self.state, self.mode, self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusive_conflicts_with_both_and_shared_with_exclusive_only() {
        use ReservationMode::{Exclusive, Shared};
        assert!(Exclusive.conflicts(Exclusive) && Exclusive.conflicts(Shared) && Shared.conflicts(Exclusive));
        assert!(!Shared.conflicts(Shared));
    }

    #[test]
    fn what_has_ended_stays_so() {
        for from in ReservationState::ALL {
            let leads_on = ReservationState::ALL.iter().any(|to| from.allows(*to));
            assert_eq!(leads_on, !from.is_terminal(), "{from}");
            assert!(!from.allows(ReservationState::Pending), "{from}");
        }
    }
}
