//! The ledger as a tool for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::tool::{EntityHistory, NoArguments};

use super::service::history;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "get_entity_history",
            Action::ReadLedger,
            "What the ledger says happened to an object, a mission or everything you may see, oldest first; in pages.",
            |app, cx, wanted: EntityHistory, _: NoArguments| async move { history(&app, &cx, wanted).boxed().await },
        )
        .read_only(),
    ]
}
