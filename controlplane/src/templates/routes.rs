//! The HTTP door to task templates.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::overlap::TaskAnswer;
use mc_api::template::{CreateFromTemplate, CreateTemplate, TaskTemplate, TemplateBody};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, Query, Ref, page};

/// What a list of templates or versions may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListTemplates {
    /// Mission id or name.
    pub mission: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which version of a template.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WhichTemplate {
    /// Mission id or name; needed when `ref` is a name that several missions use.
    pub mission: Option<String>,
    /// The version; default: the newest.
    pub number: Option<i64>,
}

/// Where a name is looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OfMission {
    /// Mission id or name; needed when `ref` is a name that several missions use.
    pub mission: Option<String>,
}

/// Lists task templates with their newest versions.
#[utoipa::path(get, path = "/api/v1/templates", tag = "templates", operation_id = "list_templates", params(ListTemplates), responses((status = 200, body = Page<TaskTemplate>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListTemplates>,
) -> Result<Response, Error> {
    let name = format!("templates {:?}", query.mission);
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, query.mission.as_deref()).boxed().await?))
}

/// Creates a task template with its first version.
#[utoipa::path(post, path = "/api/v1/templates", tag = "templates", operation_id = "create_template", request_body = CreateTemplate, responses((status = 201, body = TaskTemplate)))]
async fn create(State(app): State<SharedApp>, Cmd(cx, body): Cmd<CreateTemplate>) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// One template by id, or by name with `mission`.
#[utoipa::path(get, path = "/api/v1/templates/{ref}", tag = "templates", operation_id = "get_template", params(("ref" = String, Path), WhichTemplate), responses((status = 200, body = TaskTemplate)))]
async fn get(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<WhichTemplate>,
) -> Result<Response, Error> {
    let mission = query.mission.as_deref();
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference, mission, query.number).boxed().await?))
}

/// Deletes a template; the tasks it made stay.
#[utoipa::path(delete, path = "/api/v1/templates/{ref}", tag = "templates", operation_id = "delete_template", params(("ref" = String, Path), OfMission), responses((status = 204)))]
async fn delete(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<OfMission>,
) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference, at.mission.as_deref()).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// The versions of a template, ascending.
#[utoipa::path(get, path = "/api/v1/templates/{ref}/versions", tag = "templates", operation_id = "list_template_versions", params(("ref" = String, Path), ListTemplates), responses((status = 200, body = Page<TaskTemplate>)))]
async fn versions(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<ListTemplates>,
) -> Result<Response, Error> {
    let page = (query.limit, query.cursor.as_deref());
    Ok(Found::answer(
        &cx,
        &service::versions(&app, &cx, &reference, query.mission.as_deref(), page).boxed().await?,
    ))
}

/// Writes the next version of a template.
#[utoipa::path(post, path = "/api/v1/templates/{ref}/versions", tag = "templates", operation_id = "put_template_version", params(("ref" = String, Path), OfMission), request_body = TemplateBody, responses((status = 200, body = TaskTemplate)))]
async fn put(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(at): Query<OfMission>,
    Cmd(cx, body): Cmd<TemplateBody>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::put(&app, &cx, &reference, at.mission.as_deref(), body).boxed().await?))
}

/// Creates a task of a template.
#[utoipa::path(post, path = "/api/v1/templates/{ref}/tasks", tag = "templates", operation_id = "create_task_of_template", params(("ref" = String, Path), OfMission), request_body = CreateFromTemplate, responses((status = 201, body = TaskAnswer)))]
async fn make(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(at): Query<OfMission>,
    Cmd(cx, body): Cmd<CreateFromTemplate>,
) -> Result<Response, Error> {
    Ok(Created::answer(
        &cx,
        &service::make(&app, &cx, &reference, at.mission.as_deref(), body).boxed().await?,
    ))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(versions, put))
        .routes(routes!(make))
}
