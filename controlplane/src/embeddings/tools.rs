//! The state of embeddings as a tool for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::tool::NoArguments;

use super::service;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "get_embedding_status",
            Action::ReadSystem,
            "Where vectors for search and overlap detection come from, and how many texts still wait for theirs.",
            |app, cx, _: NoArguments, _: NoArguments| async move { service::status(&app, &cx).boxed().await },
        )
        .read_only(),
    ]
}
