//! `mc approve` and `mc reject`.

use mc_api::approval::DecideApproval;
use mc_client::Decision;

use super::get::done;
use crate::args::Decide;
use crate::context::Invocation;

pub(super) async fn run(cx: &Invocation, decision: Decision, args: Decide) -> anyhow::Result<()> {
    let body = DecideApproval { note: args.note, action_sha256: args.action_sha256, option: args.option };
    let reference = args.reference.strip_prefix("approval/").unwrap_or(&args.reference);
    let approval = cx.client()?.decide(reference, decision, &body).await?;
    let own = if approval.self_approved { " (own request)" } else { "" };
    let what = format!("{}{own}: {}", approval.state, approval.title);
    done(cx, &approval, &what)
}
