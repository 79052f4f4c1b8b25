//! The HTTP door to klusters.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::kluster::{CreateKluster, Kluster, UpdateKluster};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, DryRun, Found, Gone, Query, Ref, page};
use crate::watch;

/// What a list of klusters may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListKlusters {
    /// Mission id or name.
    pub mission: Option<String>,
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

/// Where a name is looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InMission {
    /// Mission id or name; needed when `ref` is a name that several missions use.
    pub mission: Option<String>,
}

/// Lists klusters, or streams their changes.
#[utoipa::path(get, path = "/api/v1/klusters", tag = "klusters", params(ListKlusters), responses((status = 200, body = Page<Kluster>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListKlusters>,
) -> Result<Response, Error> {
    let labels = page::labels(query.labels.as_deref())?;
    if query.watch == Some(true) {
        let mission =
            service::within(&mut app.db.begin_read().await?, &cx, query.mission.as_deref()).boxed().await?;
        return watch::stream(app, cx, watch::Klusters { mission, labels }, query.from).boxed().await;
    }
    let name = format!("klusters {:?} {labels:?}", query.mission);
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, query.mission.as_deref(), labels).boxed().await?))
}

/// Creates a kluster.
#[utoipa::path(post, path = "/api/v1/klusters", tag = "klusters", params(DryRun), request_body = CreateKluster, responses((status = 201, body = Kluster)))]
async fn create(
    State(app): State<SharedApp>,
    Query(dry): Query<DryRun>,
    Cmd(cx, body): Cmd<CreateKluster>,
) -> Result<Response, Error> {
    if dry.dry_run == Some(true) {
        return Ok(Created::answer(&cx, &service::rehearse(&app, &cx, body).boxed().await?));
    }
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// One kluster by id, or by name with `mission`.
#[utoipa::path(get, path = "/api/v1/klusters/{ref}", tag = "klusters", params(("ref" = String, Path), InMission), responses((status = 200, body = Kluster)))]
async fn get(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InMission>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference, at.mission.as_deref()).boxed().await?))
}

/// Changes a kluster (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/v1/klusters/{ref}", tag = "klusters", params(("ref" = String, Path), InMission), request_body(content = UpdateKluster, content_type = "application/merge-patch+json"), responses((status = 200, body = Kluster)))]
async fn update(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(at): Query<InMission>,
    Cmd(cx, body): Cmd<UpdateKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(
        &cx,
        &service::update(&app, &cx, &reference, at.mission.as_deref(), body).boxed().await?,
    ))
}

/// Deletes an empty kluster.
#[utoipa::path(delete, path = "/api/v1/klusters/{ref}", tag = "klusters", params(("ref" = String, Path), InMission), responses((status = 204)))]
async fn delete(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InMission>,
) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference, at.mission.as_deref()).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}
