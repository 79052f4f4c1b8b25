//! Planning as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::tool::{NoArguments, TaskRef};

use super::service;
use crate::mcp::Tool;
use crate::tasks::service::At;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "why_task",
            Action::ReadTask,
            "Why a task is not running: every cause, what is in the way, and the command that takes it away.",
            |app, cx, task: TaskRef, _: NoArguments| async move {
                service::why(&app, &cx, &task.task, &At::from(&task)).boxed().await
            },
        )
        .read_only(),
    ]
}
