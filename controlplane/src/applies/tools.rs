//! Applying as a tool for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::apply::Apply;
use mc_api::tool::NoArguments;

use super::service;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![Tool::new(
        "apply_manifests",
        Action::UpdateTask,
        "Creates or changes missions, klusters, tasks and docs as manifests describe them: all, or none. With `dry_run` \
         nothing is kept; with `field_manager` the fields are yours, and conflicts with other owners are refused.",
        |app, cx, _: NoArguments, body: Apply| async move { service::apply(&app, &cx, body).boxed().await },
    )]
}
