//! Klusters as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::kluster::{CreateKluster, UpdateKluster};
use mc_api::tool::{KlusterRef, ListKlusters, NoArguments};

use super::service;
use crate::http::page;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_klusters",
            Action::ReadKluster,
            "Lists klusters, oldest first, narrowed by mission or labels; in pages.",
            |app, cx, wanted: ListKlusters, _: NoArguments| async move {
                let labels = page::labels(wanted.labels.as_deref())?;
                let name = format!("klusters {:?} {labels:?}", wanted.mission);
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                service::list(&app, &cx, page, wanted.mission.as_deref(), labels).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "get_kluster",
            Action::ReadKluster,
            "One kluster: description, runtime, capacity, overlap policy.",
            |app, cx, it: KlusterRef, _: NoArguments| async move {
                service::get(&app, &cx, &it.kluster, it.mission.as_deref()).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "create_kluster",
            Action::CreateKluster,
            "Creates a kluster in a mission. Its name is a DNS label, unique in the mission, and stays.",
            |app, cx, _: NoArguments, body: CreateKluster| async move {
                service::create(&app, &cx, body).boxed().await
            },
        ),
        Tool::new(
            "update_kluster",
            Action::UpdateKluster,
            "Changes a kluster's description, runtime, capacity, labels or annotations; what is absent stays.",
            |app, cx, it: KlusterRef, body: UpdateKluster| async move {
                service::update(&app, &cx, &it.kluster, it.mission.as_deref(), body).boxed().await
            },
        ),
        Tool::new(
            "delete_kluster",
            Action::DeleteKluster,
            "Deletes a kluster in which there is nothing any more.",
            |app, cx, it: KlusterRef, _: NoArguments| async move {
                service::delete(&app, &cx, &it.kluster, it.mission.as_deref()).boxed().await
            },
        ),
    ]
}
