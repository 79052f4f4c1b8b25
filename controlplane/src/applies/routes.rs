//! The HTTP door to applying.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::apply::{Apply, ApplyAnswer, FieldOwners};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::json::MAX_TEXT_BODY;
use crate::http::{Cmd, Ctx, Found, Ref};

/// Applies manifests of missions, klusters, tasks and docs: all of them, or none.
#[utoipa::path(post, path = "/api/v1/apply", tag = "apply", request_body = Apply, responses((status = 200, body = ApplyAnswer)))]
async fn apply(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<Apply, MAX_TEXT_BODY>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::apply(&app, &cx, body).boxed().await?))
}

/// Who owns the fields of an object, by its id.
#[utoipa::path(get, path = "/api/v1/apply/owners/{ref}", tag = "apply", params(("ref" = String, Path)), responses((status = 200, body = FieldOwners)))]
async fn field_owners(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(subject): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::field_owners(&app, &cx, &subject).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(apply)).routes(routes!(field_owners))
}
