//! Missions as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::mission::{CreateMission, UpdateMission};
use mc_api::tool::{ListMissions, MissionRef, NoArguments};

use super::service;
use crate::http::page;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_missions",
            Action::ReadMission,
            "Lists the missions that you may read, oldest first, narrowed by labels; in pages.",
            |app, cx, wanted: ListMissions, _: NoArguments| async move {
                let labels = page::labels(wanted.labels.as_deref())?;
                let name = format!("missions {labels:?}");
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                service::list(&app, &cx, page, labels).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "get_mission",
            Action::ReadMission,
            "One mission: description, labels, overlap policy, whether it is paused.",
            |app, cx, it: MissionRef, _: NoArguments| async move {
                service::get(&app, &cx, &it.mission).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "create_mission",
            Action::CreateMission,
            "Creates a mission. Its name is a DNS label and stays.",
            |app, cx, _: NoArguments, body: CreateMission| async move {
                service::create(&app, &cx, body).boxed().await
            },
        ),
        Tool::new(
            "update_mission",
            Action::UpdateMission,
            "Changes a mission's description, labels or annotations, or pauses and resumes it; what is absent stays.",
            |app, cx, it: MissionRef, body: UpdateMission| async move {
                service::update(&app, &cx, &it.mission, body).boxed().await
            },
        ),
        Tool::new(
            "delete_mission",
            Action::DeleteMission,
            "Deletes a mission in which there is nothing any more.",
            |app, cx, it: MissionRef, _: NoArguments| async move {
                service::delete(&app, &cx, &it.mission).boxed().await
            },
        ),
    ]
}
