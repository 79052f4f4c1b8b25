//! Search as a tool for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::tool::{NoArguments, SearchEverything, SearchKlusters, SearchTasks};

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
                routes::run(&app, &cx, asked).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "search_klusters",
            Action::ReadTask,
            "Finds klusters by words and meaning of their names and descriptions, best first.",
            |app, cx, wanted: SearchKlusters, _: NoArguments| async move {
                let asked = Search {
                    q: wanted.query,
                    mission: wanted.mission_id,
                    kind: Some("kluster".to_owned()),
                    limit: wanted.limit,
                    cursor: wanted.cursor,
                    ..Search::default()
                };
                routes::run(&app, &cx, asked).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "search",
            Action::ReadTask,
            "Finds tasks, klusters, docs and artifacts by words and meaning, best first, with the place of the first match; \
             with kind `event` the events of the ledger by action, subject and actor, newest first. Words between quotation \
             marks must be there as they are.",
            |app, cx, wanted: SearchEverything, _: NoArguments| async move {
                let asked = Search {
                    q: wanted.query,
                    mission: wanted.mission,
                    kluster: wanted.kluster,
                    kind: wanted.kind,
                    state: wanted.state,
                    labels: wanted.labels,
                    since: wanted.since,
                    until: wanted.until,
                    limit: wanted.limit,
                    cursor: wanted.cursor,
                };
                routes::run(&app, &cx, asked).boxed().await
            },
        )
        .read_only(),
    ]
}
