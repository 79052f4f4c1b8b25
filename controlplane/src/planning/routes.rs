//! The HTTP door to planning.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::why::TaskWhy;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Ctx, Found, Query, Ref};
use crate::tasks::routes::InKluster;

/// Why a task is not running: every cause with the object in the way and the command that takes it away.
#[utoipa::path(get, path = "/api/v1/tasks/{ref}/why", tag = "tasks", params(("ref" = String, Path), InKluster), responses((status = 200, body = TaskWhy)))]
async fn why(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::why(&app, &cx, &reference, &at.into()).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(why))
}
