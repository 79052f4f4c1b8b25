//! Importing as a tool for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::apply::ImportTasks;
use mc_api::tool::NoArguments;

use super::service;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![Tool::new(
        "import_tasks",
        Action::CreateTask,
        "Imports up to 200 tasks by their ids elsewhere; run again, it changes what changed and makes nothing twice.",
        |app, cx, _: NoArguments, body: ImportTasks| async move { service::import(&app, &cx, body).boxed().await },
    )]
}
