//! The HTTP door to the support report.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::support::SupportReport;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Ctx, Found};

/// What somebody else needs to look into a problem, without secrets. That it was taken is in the ledger.
#[utoipa::path(get, path = "/api/v1/system/support", tag = "system", responses((status = 200, body = SupportReport)))]
async fn support(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::report(&app, &cx).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(support))
}
