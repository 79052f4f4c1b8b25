//! Publications as tools for agents.

use mc_api::Action;
use mc_api::publication::CreatePublication;
use mc_api::tool::NoArguments;

use super::service;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![Tool::new(
        "request_publication",
        Action::RequestPublication,
        "Asks to publish artifacts to the Git ledger. A person decides; follow it by get_approval with approval_id.",
        |app, cx, _: NoArguments, body: CreatePublication| async move { service::create(&app, &cx, body).await },
    )]
}
