//! `mc approve` and `mc reject`.

use mc_api::approval::{Approval, ApprovalDecision, DecideApproval, DecideApprovals, DecisionItem};
use mc_client::Decision;

use super::get::done;
use crate::args::Decide;
use crate::context::Invocation;
use crate::exit::Failure;

/// The id in `approval/ID=HEX`, `ID=HEX` or `ID`, and the digest.
fn parts(reference: &str) -> (&str, Option<&str>) {
    let bare = reference.strip_prefix("approval/").unwrap_or(reference);
    bare.split_once('=').map_or((bare, None), |(id, digest)| (id, Some(digest)))
}

pub(super) async fn run(cx: &Invocation, decision: Decision, args: Decide) -> anyhow::Result<()> {
    let [reference] = args.references.as_slice() else { return several(cx, decision, args).await };
    let (id, digest) = parts(reference);
    if digest.is_some() && args.action_sha256.is_some() {
        return Err(Failure::Usage("name the digest once: ID=HEX or --action-sha256".into()).into());
    }
    let action_sha256 = digest.map(str::to_owned).or(args.action_sha256);
    let body = DecideApproval { note: args.note, action_sha256, option: args.option };
    said(cx, &cx.client()?.decide(id, decision, &body).await?)
}

fn said(cx: &Invocation, approval: &Approval) -> anyhow::Result<()> {
    let own = if approval.self_approved { " (own request)" } else { "" };
    let what = format!("{}{own}: {}", approval.state, approval.title);
    done(cx, approval, &what)
}

/// Each for itself; what could not be decided is told at the end.
async fn several(cx: &Invocation, decision: Decision, args: Decide) -> anyhow::Result<()> {
    if args.action_sha256.is_some() || args.option.is_some() {
        let said = "--action-sha256 and --option are for one approval; of several write ID=HEX";
        return Err(Failure::Usage(said.into()).into());
    }
    let decision = match decision {
        Decision::Approve => ApprovalDecision::Approve,
        Decision::Reject | Decision::Cancel => ApprovalDecision::Reject,
    };
    let item = |reference: &String| {
        let (id, digest) = parts(reference);
        DecisionItem {
            approval: id.to_owned(),
            decision,
            action_sha256: digest.map(str::to_owned),
            version: None,
            note: args.note.clone(),
            option: None,
        }
    };
    let items = args.references.iter().map(item).collect();
    let answer = cx.client()?.decide_all(&DecideApprovals { items }).await?;
    let mut left = Vec::new();
    for item in &answer.items {
        match (&item.result, &item.problem) {
            (Some(approval), _) => said(cx, approval)?,
            (None, problem) => {
                let why = problem.as_ref().map(|problem| problem.detail.as_str()).unwrap_or_default();
                left.push(format!("{}: {why}", item.approval));
            }
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::Conflict(format!("not decided: {}", left.join("; "))).into())
}
