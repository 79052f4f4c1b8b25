//! Tools about who one is.

use futures_util::FutureExt as _;
use mc_api::tool::NoArguments;

use super::service;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "whoami",
            None,
            "Who you are: your principal and roles, and the task and attempt of your grant, when it names one.",
            |app, cx, _: NoArguments, _: NoArguments| async move { service::whoami(&app, &cx).boxed().await },
        )
        .read_only(),
    ]
}
