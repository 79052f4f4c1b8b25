//! Search as a tool for agents.

use mc_api::Action;
use mc_api::tool::{NoArguments, SearchTasks};

use super::routes::{self, Search};
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "search_tasks",
            Action::ReadTask,
            "Finds tasks by words and meaning, best first; words between quotation marks must be there as they are.",
            |app, cx, wanted: SearchTasks, _: NoArguments| async move {
                let asked = Search {
                    q: wanted.query,
                    mission: wanted.mission_id,
                    kluster: wanted.kluster_id,
                    kind: Some("task".to_owned()),
                    state: wanted.state,
                    limit: wanted.limit,
                    cursor: wanted.cursor,
                    ..Search::default()
                };
                routes::run(&app, &cx, asked).await
            },
        )
        .read_only(),
    ]
}
