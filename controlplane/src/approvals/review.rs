//! What a decider needs beside the action: how grave it is, which rule asks, and who else may decide.

use std::collections::HashMap;

use mc_api::approval::{Approval, ApprovalKind, ApprovalReview, ApprovalState, DeciderName, Risk};
use mc_api::auth::GovernanceProfile;
use mc_api::id::MissionId;
use mc_api::{Action, Role};
use serde_json::Value;

use super::model::{self, Decider};
use crate::app::App;
use crate::authn::store::members;
use crate::db::Tx;
use crate::error::Error;
use crate::op::OpCtx;

/// So many people are named.
const MOST: usize = 20;

/// How grave an action is, and in words why. The kind of a tool is the agent's own word; nothing here checks it.
pub(crate) fn risk(kind: ApprovalKind, action: &str) -> (Risk, String) {
    if kind == ApprovalKind::Publish {
        return (Risk::Destructive, "what is published stays in the history of Git".to_owned());
    }
    let action: Value = serde_json::from_str(action).unwrap_or_default();
    let tool = action["tool_call"]["kind"].as_str().unwrap_or_default();
    let risk = match tool {
        "read" | "search" | "think" => Risk::Read,
        "edit" | "fetch" | "switch_mode" => Risk::Change,
        "delete" | "move" | "execute" => Risk::Destructive,
        _ => Risk::Unknown,
    };
    let reason = match risk {
        Risk::Unknown => "the agent does not say of which kind its tool is".to_owned(),
        Risk::Read | Risk::Change | Risk::Destructive => {
            format!("the agent says that its tool is of the kind {tool}; nothing checks that")
        }
    };
    (risk, reason)
}

/// The rule that asks for the decision, as it is in force.
fn policy(kind: ApprovalKind, profile: GovernanceProfile) -> String {
    let asks = match kind {
        ApprovalKind::Publish => "What goes to a Git repository is approved by a person first.",
        ApprovalKind::AgentPermission => {
            "An agent asks before it uses a tool that its own settings do not allow it."
        }
    };
    let own = match profile {
        GovernanceProfile::Development => "people may approve their own requests, which are marked",
        GovernanceProfile::Standard | GovernanceProfile::Production => "nobody decides an own request",
    };
    let role = Action::DecideApproval.least_role();
    format!("{asks} Whoever is at least {role} in the mission decides; in the profile {profile} {own}.")
}

/// Says about approvals what the caller needs to decide them.
pub(super) struct Reviewer<'a> {
    app: &'a App,
    cx: &'a OpCtx,
    people: HashMap<MissionId, Vec<DeciderName>>,
}

impl<'a> Reviewer<'a> {
    pub(super) fn new(app: &'a App, cx: &'a OpCtx) -> Self {
        Self { app, cx, people: HashMap::new() }
    }

    /// People who may decide in a mission: at most one more than are named, and the requester perhaps.
    async fn people(&mut self, tx: &mut Tx, mission: MissionId) -> Result<Vec<DeciderName>, Error> {
        if let Some(known) = self.people.get(&mission) {
            return Ok(known.clone());
        }
        let least = Action::DecideApproval.least_role();
        let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| *role >= least).collect();
        let limit = i64::try_from(2 * (MOST + 2)).unwrap_or(i64::MAX);
        let rows = members::people_with(tx, self.cx.caller.organization, mission, roles, limit).await?;
        let mut people: Vec<DeciderName> = Vec::new();
        for row in rows {
            match people.last_mut().filter(|last| last.id == row.principal_id) {
                Some(last) => last.role = last.role.max(row.role),
                None => people.push(DeciderName { id: row.principal_id, name: row.name, role: row.role }),
            }
        }
        self.people.insert(mission, people.clone());
        Ok(people)
    }

    pub(super) async fn review(&mut self, tx: &mut Tx, approval: &Approval) -> Result<ApprovalReview, Error> {
        let profile = self.app.governance;
        let self_approval = profile == GovernanceProfile::Development;
        let mut deciders = self.people(tx, approval.mission_id).await?;
        deciders.retain(|person| self_approval || person.id != approval.requester_id);
        let more_deciders = deciders.len() > MOST;
        deciders.truncate(MOST);
        let why_not = self.why_not(approval);
        let (risk, risk_reason) = risk(approval.approval_kind, &approval.action);
        Ok(ApprovalReview {
            risk,
            risk_reason,
            policy: policy(approval.approval_kind, profile),
            least_role: Action::DecideApproval.least_role(),
            self_approval,
            may_decide: why_not.is_none(),
            why_not,
            deciders,
            more_deciders,
        })
    }

    /// Why the caller may not decide it now.
    fn why_not(&self, approval: &Approval) -> Option<String> {
        let caller = &self.cx.caller;
        if approval.state != ApprovalState::Open {
            return Some(format!("it is {}", approval.state));
        }
        if approval.expires_at <= self.app.clock.now() {
            return Some(format!("it expired at {}", approval.expires_at));
        }
        if let Err(error) = self.cx.authorize_in(Action::DecideApproval, approval.mission_id) {
            return Some(error.detail);
        }
        let decider = Decider { id: caller.id, name: caller.name.clone(), kind: caller.kind };
        model::may_decide(&decider, approval.requester_id, self.app.governance)
            .err()
            .map(|error| error.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_of_its_tool_is_its_risk_and_silence_is_unknown() {
        let of = |kind: &str| {
            let action = serde_json::json!({ "tool_call": { "kind": kind } }).to_string();
            risk(ApprovalKind::AgentPermission, &action).0
        };
        assert_eq!(of("read"), Risk::Read);
        assert_eq!(of("edit"), Risk::Change);
        assert_eq!(of("execute"), Risk::Destructive);
        assert_eq!(of("something-new"), Risk::Unknown);
        for odd in ["", "null", "[]", "{\"tool_call\":7}", "{"] {
            assert_eq!(risk(ApprovalKind::AgentPermission, odd).0, Risk::Unknown, "{odd}");
        }
        assert_eq!(risk(ApprovalKind::Publish, "{}").0, Risk::Destructive);
        assert!(
            !Risk::Read.needs_digest() && Risk::Unknown.needs_digest() && Risk::Destructive.needs_digest()
        );
    }
}
