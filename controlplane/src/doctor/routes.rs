//! The HTTP door to the comparison of objects.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::doctor::{CheckObjects, ObjectCheck};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Found};

/// Compares stored contents with what names them, part by part, and with `fix` mends what can be mended.
#[utoipa::path(post, path = "/api/v1/system/doctor/objects", tag = "system", request_body = CheckObjects, responses((status = 200, body = ObjectCheck)))]
async fn check_objects(
    State(app): State<SharedApp>,
    Cmd(cx, request): Cmd<CheckObjects>,
) -> Result<Response, Error> {
    let (cx, answer) = service::check_objects(&app, cx, request).boxed().await?;
    Ok(Found::answer(&cx, &answer))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(check_objects))
}
