//! What a decision sets in motion, by the kind of approval. The one place where approvals call upward.

use mc_api::approval::{ApprovalKind, Execute};

use super::model::Record;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::{publications, sessions};

/// What was chosen by a decision; `None` where there is nothing to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The kind of approval has no options.
    Nothing,
    /// The agent's option, or that its request is declined.
    Option(Option<String>),
}

impl Choice {
    /// For the outcome of the approval.
    pub(super) fn outcome(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Option(Some(option)) => Some(format!("option {option}")),
            Self::Option(None) => Some("declined".to_owned()),
        }
    }
}

/// Reads the option that a decision names or means.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] that names `/option`.
pub(super) async fn choose(
    tx: &mut Tx,
    record: &Record,
    approve: bool,
    option: Option<&str>,
) -> Result<Choice, Error> {
    match (record.approval.approval_kind, option) {
        (ApprovalKind::AgentPermission, option) if record.approval.execute == Execute::OnApproval => {
            Ok(Choice::Option(sessions::choose_in(tx, record.approval.id, approve, option).await?))
        }
        (ApprovalKind::Publish | ApprovalKind::AgentPermission, None) => Ok(Choice::Nothing),
        (ApprovalKind::Publish | ApprovalKind::AgentPermission, Some(_)) => {
            Err(Error::invalid("/option", "this approval has no options"))
        }
    }
}

/// Carries out an approved action in the transaction of its approval. `true` when it is carried out now, and the
/// approval thereby used.
///
/// # Errors
/// Whatever forbids the action now; then nothing is decided.
pub(super) async fn approved(app: &App, tx: &mut Tx, record: &Record, choice: Choice) -> Result<bool, Error> {
    match (record.approval.execute, record.approval.approval_kind) {
        (Execute::OnApproval, ApprovalKind::Publish) => {
            publications::service::queue_in(app, tx, record).await?;
            Ok(true)
        }
        // The answer goes to the agent by its session, and its journal marks the approval used.
        (Execute::OnApproval, ApprovalKind::AgentPermission) => {
            answer(app, tx, record, choice).await?;
            Ok(false)
        }
        (Execute::ByRequester, _) => Ok(false),
    }
}

/// What waited for the approval will not happen.
pub(super) async fn refused(app: &App, tx: &mut Tx, record: &Record, choice: Choice) -> Result<(), Error> {
    match record.approval.approval_kind {
        ApprovalKind::Publish => publications::service::reject_in(app, tx, record).await,
        ApprovalKind::AgentPermission => answer(app, tx, record, choice).await,
    }
}

async fn answer(app: &App, tx: &mut Tx, record: &Record, choice: Choice) -> Result<(), Error> {
    let option = match choice {
        Choice::Option(option) => option,
        Choice::Nothing => None,
    };
    let actor = record.approval.decider.as_deref().unwrap_or("system");
    sessions::answer_in(app, tx, record.approval.id, actor, option).await
}
