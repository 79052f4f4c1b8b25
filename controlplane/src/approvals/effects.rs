//! What a decision sets in motion, by the kind of approval. The one place where approvals call upward.

use mc_api::approval::{ApprovalKind, Execute};

use super::model::Record;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::publications;

/// Carries out an approved action in the transaction of its approval. `true` when it is carried out now, and the
/// approval thereby used.
///
/// # Errors
/// Whatever forbids the action now; then nothing is decided.
pub(super) async fn approved(app: &App, tx: &mut Tx, record: &Record) -> Result<bool, Error> {
    match (record.approval.execute, record.approval.approval_kind) {
        (Execute::OnApproval, ApprovalKind::Publish) => {
            publications::service::queue_in(app, tx, record).await?;
            Ok(true)
        }
        // The answer goes to the agent by its session, and its journal marks the approval used.
        (Execute::OnApproval, ApprovalKind::AgentPermission) | (Execute::ByRequester, _) => Ok(false),
    }
}

/// What waited for the approval will not happen.
pub(super) async fn refused(app: &App, tx: &mut Tx, record: &Record) -> Result<(), Error> {
    match record.approval.approval_kind {
        ApprovalKind::Publish => publications::service::reject_in(app, tx, record).await,
        ApprovalKind::AgentPermission => Ok(()),
    }
}
