//! Task templates as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::template::CreateFromTemplate;
use mc_api::tool::{ListTemplates, NoArguments, TemplateRef};

use super::service;
use crate::http::page;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_templates",
            Action::ReadTemplate,
            "Lists the task templates of a mission with their parameters; in pages.",
            |app, cx, wanted: ListTemplates, _: NoArguments| async move {
                let name = format!("templates {:?}", wanted.mission);
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                service::list(&app, &cx, page, wanted.mission.as_deref()).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "create_task_from_template",
            Action::CreateTask,
            "Creates a task of a template. `parameters` gives values by name; the others have their defaults.",
            |app, cx, template: TemplateRef, body: CreateFromTemplate| async move {
                service::make(&app, &cx, &template.template, template.mission.as_deref(), body).boxed().await
            },
        ),
    ]
}
