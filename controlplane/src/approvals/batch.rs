//! Deciding several approvals with one request: each for itself, in a transaction of its own.

use std::collections::HashSet;

use mc_api::Action;
use mc_api::approval::{
    ApprovalDecision, DecideApproval, DecideApprovals, DecidedApproval, DecidedApprovals, DecisionItem,
};

use super::service::decide_strictly;
use crate::app::App;
use crate::error::Error;
use crate::http::problem::document;
use crate::op::{Idempotency, OpCtx};
use crate::write::{hex_digest, refused};

/// So many are decided with one request.
const MOST: usize = 100;

/// Where a repeated item is remembered.
const ROUTE: &str = "POST /api/v1/approvals/decide";

fn check(request: &DecideApprovals) -> Result<(), Error> {
    if request.items.is_empty() || request.items.len() > MOST {
        return Err(Error::invalid("/items", format!("1 to {MOST}")));
    }
    let mut seen = HashSet::new();
    for (index, item) in request.items.iter().enumerate() {
        if !seen.insert(item.approval.as_str()) {
            return Err(Error::invalid(format!("/items/{index}/approval"), "it is decided once only"));
        }
    }
    Ok(())
}

/// The context of one item. A request that is sent again finds the answers of its items, so that one that broke off in
/// the middle goes on where it was.
fn own(app: &App, cx: &OpCtx, item: &DecisionItem) -> Result<OpCtx, Error> {
    let mut own = OpCtx::new(cx.caller.clone(), cx.request_id.clone(), cx.now(), app.ids.clone());
    own.if_match = item.version;
    if let Some(whole) = &cx.idempotency {
        let body = serde_json::to_vec(item).map_err(Error::internal)?;
        own.idempotency = Some(Idempotency {
            key: format!("{}#{}", whole.key, item.approval),
            route: ROUTE.to_owned(),
            body_sha256: hex_digest(&body),
        });
    }
    Ok(own)
}

/// Decides several approvals. What forbids one stands in its place of the answer; the others are decided all the same.
/// Approving what may destroy something needs the digest of the action that was seen.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] for the request as a whole, [`mc_api::ProblemKind::Forbidden`] for who may decide
/// nothing anywhere.
pub async fn decide_all(app: &App, cx: &OpCtx, request: DecideApprovals) -> Result<DecidedApprovals, Error> {
    if let Err(refusal) = cx.authorize_own(Action::DecideApproval) {
        return Err(refused(app, cx, refusal).await);
    }
    check(&request)?;
    let mut items = Vec::with_capacity(request.items.len());
    for item in request.items {
        let own = own(app, cx, &item)?;
        let approve = item.decision == ApprovalDecision::Approve;
        let body = DecideApproval { note: item.note, action_sha256: item.action_sha256, option: item.option };
        let path = format!("/api/v1/approvals/{}", item.approval);
        items.push(match Box::pin(decide_strictly(app, &own, &item.approval, approve, body)).await {
            Ok(result) => DecidedApproval { approval: item.approval, result: Some(result), problem: None },
            Err(error) => {
                let problem = document(&error, &path, &cx.request_id);
                DecidedApproval { approval: item.approval, result: None, problem: Some(problem) }
            }
        });
    }
    Ok(DecidedApprovals { items })
}
