//! The HTTP door to the state of embeddings.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::system::EmbeddingStatus;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Ctx, Found};

/// How texts get their vectors, and how far that is.
#[utoipa::path(get, path = "/api/v1/system/embeddings", tag = "system", responses((status = 200, body = EmbeddingStatus)))]
async fn status(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::status(&app, &cx).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(status))
}
