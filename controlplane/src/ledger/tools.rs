//! The ledger as a tool for agents.

use mc_api::Action;
use mc_api::tool::{EntityHistory, NoArguments};

use super::service;
use crate::http::page;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "get_entity_history",
            Action::ReadLedger,
            "What the ledger says happened to an object, a mission or everything you may see, oldest first; in pages.",
            |app, cx, wanted: EntityHistory, _: NoArguments| async move {
                let name = format!("ledger {:?} {:?} {:?}", wanted.mission, wanted.entity, wanted.action);
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                let query = service::Query {
                    mission: wanted.mission,
                    subject: wanted.entity,
                    action: wanted.action,
                    after: wanted.after.unwrap_or(0),
                };
                service::list(&app, &cx, page, query).await
            },
        )
        .read_only(),
    ]
}
