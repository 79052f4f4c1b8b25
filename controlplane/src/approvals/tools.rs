//! Approvals as tools for agents: they ask and look, people decide.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::tool::{ApprovalRef, ListApprovals, NoArguments};

use super::service;
use crate::http::page;
use crate::mcp::Tool;
use crate::missions;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_approvals",
            Action::ReadApproval,
            "Lists approvals, oldest first, narrowed by mission or state; in pages.",
            |app, cx, wanted: ListApprovals, _: NoArguments| async move {
                let mission = match &wanted.mission {
                    Some(mission) => Some(missions::service::get(&app, &cx, mission).boxed().await?.id),
                    None => None,
                };
                let narrow = service::Narrow { mission, state: wanted.state, ..service::Narrow::default() };
                let name = format!("approvals {narrow:?}");
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                service::list(&app, &cx, page, narrow).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "get_approval",
            Action::ReadApproval,
            "One approval: whether it is open, approved, rejected or executed, by whom, with which words and outcome.",
            |app, cx, approval: ApprovalRef, _: NoArguments| async move {
                service::get(&app, &cx, &approval.approval).boxed().await
            },
        )
        .read_only(),
    ]
}
