//! Where missions publish to, as tools for agents. Credentials are no business of theirs: there is none for connections.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::persistence::ProvisionPersistence;
use mc_api::tool::{ListRepoBindings, NoArguments};

use super::bindings;
use crate::http::page;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_repo_bindings",
            Action::ReadBinding,
            "Lists which missions publish to which branches of which repositories, oldest first; in pages.",
            |app, cx, wanted: ListRepoBindings, _: NoArguments| async move {
                let name = format!("bindings {:?}", wanted.mission_id);
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                bindings::list(&app, &cx, page, wanted.mission_id.as_deref()).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "provision_mission_persistence",
            Action::ManageBinding,
            "Binds a mission to a branch of a repository of an existing connection, and publishes everything there from \
             now on. Doing it again changes nothing.",
            |app, cx, _: NoArguments, body: ProvisionPersistence| async move {
                bindings::provision(&app, &cx, body).boxed().await
            },
        ),
    ]
}
