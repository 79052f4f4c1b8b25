//! The HTTP door to importing.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::apply::{ImportAnswer, ImportTasks};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::json::MAX_COMMIT_BODY;
use crate::http::{Cmd, Found};

/// Imports tasks by their ids elsewhere: run twice, it makes nothing twice. The answer says what became of each row.
#[utoipa::path(post, path = "/api/v1/tasks/import", tag = "tasks", operation_id = "import_tasks", request_body = ImportTasks, responses((status = 200, body = ImportAnswer)))]
async fn import(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<ImportTasks, MAX_COMMIT_BODY>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::import(&app, &cx, body).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(import))
}
