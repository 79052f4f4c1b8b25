//! Rules of approvals: who may decide, and which moves are legal.

use std::time::Duration;

use mc_api::approval::{Approval, ApprovalState, Execute};
use mc_api::auth::{GovernanceProfile, PrincipalKind};
use mc_api::id::{OrganizationId, PrincipalId};
use mc_api::{ProblemKind, Timestamp};

use crate::error::Error;

/// How long a token lives.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_mins(10);
/// How long an approval waits for its decision, unless told otherwise.
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_hours(7 * 24);

/// An approval with what is never shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What everybody in scope may see; without token.
    pub approval: Approval,
    /// Makes its token unique.
    pub(crate) nonce: String,
    /// When its token ends.
    pub(crate) token_expires_at: Option<Timestamp>,
    /// Whose.
    pub(crate) organization: OrganizationId,
}

/// Who decides.
#[derive(Debug, Clone)]
pub(crate) struct Decider {
    pub(crate) id: PrincipalId,
    pub(crate) name: String,
    pub(crate) kind: PrincipalKind,
}

/// Whether somebody may decide a request of somebody; tells whether both are one person.
///
/// # Errors
/// [`ProblemKind::Forbidden`] for everyone who is no person, [`ProblemKind::SelfApproval`].
pub(crate) fn may_decide(
    decider: &Decider,
    requester: PrincipalId,
    profile: GovernanceProfile,
) -> Result<bool, Error> {
    match decider.kind {
        PrincipalKind::User | PrincipalKind::Bootstrap => {}
        PrincipalKind::Agent | PrincipalKind::Node | PrincipalKind::ServiceAccount => {
            return Err(Error::new(
                ProblemKind::Forbidden,
                format!("only people decide approvals; {:?} is of kind {}", decider.name, decider.kind),
            ));
        }
    }
    match (decider.id == requester, profile) {
        (false, _) => Ok(false),
        (true, GovernanceProfile::Development) => Ok(true),
        (true, GovernanceProfile::Standard | GovernanceProfile::Production) => Err(Error::new(
            ProblemKind::SelfApproval,
            format!("the requester may not decide an own request in profile {profile}; ask another person"),
        )),
    }
}

impl Record {
    /// Refuses what is not open any more, saying who decided and when.
    fn check_open(&self, now: Timestamp) -> Result<(), Error> {
        let approval = &self.approval;
        match approval.state {
            ApprovalState::Open if approval.expires_at <= now => Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("the approval expired at {}", approval.expires_at),
            )),
            ApprovalState::Open => Ok(()),
            ApprovalState::Approved | ApprovalState::Rejected | ApprovalState::Executed => {
                let who = approval.decider.as_deref().unwrap_or("the system");
                let when = approval.decided_at.unwrap_or(approval.updated_at);
                Err(Error::new(
                    ProblemKind::AlreadyDecided,
                    format!("the approval is {}, decided by {who} at {when}", approval.state),
                ))
            }
            ApprovalState::Expired | ApprovalState::Voided => Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("the approval is {} since {}", approval.state, approval.updated_at),
            )),
        }
    }

    /// The next state.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidTransition`].
    pub(crate) fn to(&self, state: ApprovalState, now: Timestamp) -> Result<Self, Error> {
        if !self.approval.state.allows(state) {
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("the approval is {} and cannot become {state}", self.approval.state),
            ));
        }
        let mut next = self.clone();
        next.approval.state = state;
        next.approval.version += 1;
        next.approval.updated_at = now;
        Ok(next)
    }

    /// Decided for or against.
    ///
    /// # Errors
    /// [`ProblemKind::AlreadyDecided`], [`ProblemKind::InvalidTransition`], and those of [`may_decide`].
    pub(crate) fn decide(
        &self,
        state: ApprovalState,
        decider: Decider,
        note: Option<String>,
        profile: GovernanceProfile,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let own = may_decide(&decider, self.approval.requester_id, profile)?;
        self.check_open(now)?;
        let mut next = self.to(state, now)?;
        let approved = state == ApprovalState::Approved;
        next.approval.self_approved = own && approved;
        next.approval.decider_id = Some(decider.id);
        next.approval.decider = Some(decider.name);
        next.approval.note = note;
        next.approval.decided_at = Some(now);
        if approved && self.approval.execute == Execute::ByRequester {
            next.token_expires_at = Some(now.plus(TOKEN_LIFE).min(self.approval.expires_at));
        }
        Ok(next)
    }

    /// Withdrawn by its requester.
    ///
    /// # Errors
    /// [`ProblemKind::Forbidden`], [`ProblemKind::AlreadyDecided`], [`ProblemKind::InvalidTransition`].
    pub(crate) fn cancel(&self, caller: PrincipalId, now: Timestamp) -> Result<Self, Error> {
        if caller != self.approval.requester_id {
            return Err(Error::new(
                ProblemKind::Forbidden,
                "only its requester withdraws an approval request",
            ));
        }
        self.check_open(now)?;
        self.to(ApprovalState::Voided, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decider(number: u128, kind: PrincipalKind) -> Decider {
        Decider { id: PrincipalId::from_uuid(uuid::Uuid::from_u128(number)), name: "d".into(), kind }
    }

    #[test]
    fn only_people_decide_and_own_requests_only_in_development() {
        let requester = PrincipalId::from_uuid(uuid::Uuid::from_u128(1));
        for profile in GovernanceProfile::ALL {
            for kind in PrincipalKind::ALL {
                let person = matches!(kind, PrincipalKind::User | PrincipalKind::Bootstrap);
                let other = may_decide(&decider(2, *kind), requester, *profile);
                let own = may_decide(&decider(1, *kind), requester, *profile);
                match (person, *profile) {
                    (false, _) => {
                        assert_eq!(other.unwrap_err().kind, ProblemKind::Forbidden, "{kind} {profile}");
                        assert_eq!(own.unwrap_err().kind, ProblemKind::Forbidden, "{kind} {profile}");
                    }
                    (true, GovernanceProfile::Development) => {
                        assert!(!other.unwrap() && own.unwrap());
                    }
                    (true, GovernanceProfile::Standard | GovernanceProfile::Production) => {
                        assert!(!other.unwrap());
                        assert_eq!(own.unwrap_err().kind, ProblemKind::SelfApproval, "{kind} {profile}");
                    }
                }
            }
        }
    }
}
