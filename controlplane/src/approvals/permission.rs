//! Permissions that agents ask inside a turn: asked and closed by what their journals say.

use mc_api::Action;
use mc_api::approval::{Approval, ApprovalKind, ApprovalState, Execute};
use mc_api::id::{ApprovalId, OrganizationId, PrincipalId};

use super::model::{DEFAULT_WAIT, Record};
use super::service::{event, save_system};
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::ledger;
use crate::op::system_proof;
use crate::write::hex_digest;

/// A permission that an agent asks.
pub(crate) struct Asked {
    /// The agent principal and its name.
    pub(crate) requester: (PrincipalId, String),
    /// Whose.
    pub(crate) organization: OrganizationId,
    /// Where: id and name.
    pub(crate) mission: (mc_api::id::MissionId, mc_api::Name),
    /// One line for people.
    pub(crate) title: String,
    /// The exact request as canonical JSON.
    pub(crate) action: String,
}

/// How a permission ended, as the journal tells.
pub(crate) enum Told {
    /// The decision of the approval was the answer.
    Answered,
    /// Somebody at the node answered, or it is void: the reason.
    Closed(&'static str),
}

/// Opens the approval of a permission, in the transaction that stores the journal's record.
pub(crate) async fn ask_in(app: &App, tx: &mut Tx, asked: Asked) -> Result<ApprovalId, Error> {
    let now = app.clock.now();
    let approval = Approval {
        kind: "approval".into(),
        id: ApprovalId::from_uuid(app.ids.uuid(now)),
        approval_kind: ApprovalKind::AgentPermission,
        state: ApprovalState::Open,
        title: asked.title,
        action_sha256: hex_digest(asked.action.as_bytes()),
        action: asked.action,
        execute: Execute::OnApproval,
        mission_id: asked.mission.0,
        mission: asked.mission.1,
        requester_id: asked.requester.0,
        requester: asked.requester.1,
        decider_id: None,
        decider: None,
        note: None,
        self_approved: false,
        decided_at: None,
        expires_at: now.plus(DEFAULT_WAIT),
        outcome: None,
        token: None,
        review: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let organization = asked.organization;
    let record = Record { approval, nonce: app.ids.secret(), token_expires_at: None, organization };
    store::insert(tx, &record).await?;
    let proof = system_proof(Action::RequestApproval, record.approval.mission_id);
    ledger::record_system(tx, app, organization, proof, "approval.request", event(&record, None)?).await?;
    Ok(record.approval.id)
}

/// Closes the approval of a permission. What is decided against, expired or closed before stays as it is.
pub(crate) async fn tell_in(app: &App, tx: &mut Tx, id: ApprovalId, told: Told) -> Result<(), Error> {
    store::lock(tx, id).await?;
    let before = store::find(tx, id).await?.ok_or_else(|| Error::not_found("approval", id))?;
    let (state, verb) = match told {
        Told::Answered => (ApprovalState::Executed, "approval.execute"),
        Told::Closed(_) => (ApprovalState::Voided, "approval.void"),
    };
    if !before.approval.state.allows(state) {
        return Ok(());
    }
    let mut after = before.to(state, app.clock.now().max(before.approval.updated_at))?;
    if let Told::Closed(why) = told {
        after.approval.outcome = Some(why.to_owned());
    }
    save_system(app, tx, &before, &after, verb).await
}
