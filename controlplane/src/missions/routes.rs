//! The HTTP door to missions.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::mission::{CreateMission, Mission, UpdateMission};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, DryRun, Found, Gone, Query, Ref, page};
use crate::watch;

/// What a list of missions may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListMissions {
    /// `key=value` or `key`, separated by commas.
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page.
    pub watch: Option<bool>,
    /// With `watch`: go on after this sequence number, without a snapshot.
    pub from: Option<i64>,
}

/// Lists missions, or streams their changes.
#[utoipa::path(get, path = "/api/v1/missions", tag = "missions", params(ListMissions), responses((status = 200, body = Page<Mission>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListMissions>,
) -> Result<Response, Error> {
    let labels = page::labels(query.labels.as_deref())?;
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Missions { labels }, query.from).boxed().await;
    }
    let name = format!("missions {labels:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, labels).boxed().await?))
}

/// Creates a mission.
#[utoipa::path(post, path = "/api/v1/missions", tag = "missions", params(DryRun), request_body = CreateMission, responses((status = 201, body = Mission)))]
async fn create(
    State(app): State<SharedApp>,
    Query(dry): Query<DryRun>,
    Cmd(cx, body): Cmd<CreateMission>,
) -> Result<Response, Error> {
    if dry.dry_run == Some(true) {
        return Ok(Created::answer(&cx, &service::rehearse(&app, &cx, body).boxed().await?));
    }
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// One mission by id or name.
#[utoipa::path(get, path = "/api/v1/missions/{ref}", tag = "missions", params(("ref" = String, Path)), responses((status = 200, body = Mission)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Changes a mission (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/v1/missions/{ref}", tag = "missions", params(("ref" = String, Path)), request_body(content = UpdateMission, content_type = "application/merge-patch+json"), responses((status = 200, body = Mission)))]
async fn update(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<UpdateMission>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::update(&app, &cx, &reference, body).boxed().await?))
}

/// Deletes an empty mission.
#[utoipa::path(delete, path = "/api/v1/missions/{ref}", tag = "missions", params(("ref" = String, Path)), responses((status = 204)))]
async fn delete(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}
