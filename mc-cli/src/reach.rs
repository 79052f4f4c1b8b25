//! Whether a state that someone waits for can still come.

use mc_api::approval::ApprovalState;
use mc_api::doc::DocState;
use mc_api::node::NodeState;
use mc_api::overlap::OverlapState;
use mc_api::publication::PublicationState;
use mc_api::reservation::ReservationState;
use mc_api::session::{SessionState, TurnState};
use mc_api::task::TaskState;

/// Whether `target` can follow from `from`, in any number of legal moves.
fn reachable<S: Copy + PartialEq>(all: &[S], from: S, target: S, allows: impl Fn(S, S) -> bool) -> bool {
    let mut seen = vec![from];
    let mut at = 0;
    while let Some(&state) = seen.get(at) {
        if state == target {
            return true;
        }
        let next = all.iter().copied().filter(|next| allows(state, *next) && !seen.contains(next));
        let next: Vec<S> = next.collect();
        seen.extend(next);
        at += 1;
    }
    false
}

/// Whether a task in `from` can come to `target` by work.
///
/// From a terminal state only a person leads on, by one move such as retry: that move itself can be waited for,
/// what may follow it cannot. So `failed` ends a wait for `done`, but not one for `ready`.
pub fn task(from: TaskState, target: TaskState) -> bool {
    if from.is_terminal() {
        return from == target || from.allows(target);
    }
    reachable(TaskState::ALL, from, target, |state, next| !state.is_terminal() && state.allows(next))
}

/// Whether a doc in `from` can come to `target`: to both, by writing and publishing.
pub fn doc(from: DocState, target: DocState) -> bool {
    reachable(DocState::ALL, from, target, DocState::allows)
}

/// Whether an approval in `from` can come to `target`.
pub fn approval(from: ApprovalState, target: ApprovalState) -> bool {
    reachable(ApprovalState::ALL, from, target, ApprovalState::allows)
}

/// Whether a suggestion in `from` can come to `target`.
pub fn overlap(from: OverlapState, target: OverlapState) -> bool {
    // Decided once; the end that an object's own change makes comes only to what is open.
    from == target || from == OverlapState::Open
}

/// Whether a publication in `from` can come to `target`.
pub fn publication(from: PublicationState, target: PublicationState) -> bool {
    // From where it failed or was given up only somebody leads on, by a move that itself can be waited for.
    if matches!(from, PublicationState::Failed | PublicationState::Withdrawn) {
        return from == target || from.allows(target) && target != PublicationState::Published;
    }
    reachable(PublicationState::ALL, from, target, PublicationState::allows)
}

/// Whether a reservation in `from` can come to `target`.
pub fn reservation(from: ReservationState, target: ReservationState) -> bool {
    reachable(ReservationState::ALL, from, target, ReservationState::allows)
}

/// Whether an agent session in `from` can come to `target`: until it has ended, to every state.
pub fn session(from: SessionState, target: SessionState) -> bool {
    from == target || (!from.is_terminal() && target != SessionState::Starting)
}

/// Whether a turn in `from` can come to `target`.
pub fn turn(from: TurnState, target: TurnState) -> bool {
    reachable(TurnState::ALL, from, target, TurnState::allows)
}

/// Whether a node in `from` can come to `target`: only a revocation is for ever.
pub fn node(from: NodeState, target: NodeState) -> bool {
    from == target || from != NodeState::Revoked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_is_impossible_once_work_has_ended_otherwise() {
        for from in TaskState::ALL {
            let expected = !matches!(from, TaskState::Failed | TaskState::Cancelled);
            assert_eq!(task(*from, TaskState::Done), expected, "{from}");
        }
        assert!(task(TaskState::Failed, TaskState::Ready));
        assert!(!task(TaskState::Done, TaskState::Ready));
    }

    #[test]
    fn decisions_are_final() {
        assert!(node(NodeState::NotReady, NodeState::Ready) && !node(NodeState::Revoked, NodeState::Ready));
        assert!(approval(ApprovalState::Open, ApprovalState::Executed));
        assert!(!approval(ApprovalState::Rejected, ApprovalState::Approved));
        assert!(publication(PublicationState::AwaitingApproval, PublicationState::Published));
        assert!(reservation(ReservationState::Pending, ReservationState::Active));
        assert!(!reservation(ReservationState::Expired, ReservationState::Active));
        assert!(!publication(PublicationState::Rejected, PublicationState::Published));
    }
}
