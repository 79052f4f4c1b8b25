//! The HTTP door to the caller's own profiles.

use axum::extract::{Request, State};
use axum::response::Response;
use mc_api::Page;
use mc_api::profile::{Profile, ProfileVersion, PushProfile};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Created, Ctx, Found, Gone, Query, Ref};
use crate::skills::routes::{archive_answer, body_of};

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListProfiles {
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which version of a profile.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ProfileContent {
    /// The number; absent: the newest.
    pub version: Option<i64>,
}

/// Lists the caller's profiles.
#[utoipa::path(get, path = "/api/v1/profiles", tag = "profiles", params(ListProfiles), responses((status = 200, body = Page<Profile>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListProfiles>,
) -> Result<Response, Error> {
    let part = (query.limit, query.cursor.as_deref());
    Ok(Found::answer(&cx, &service::list(&app, &cx, part).await?))
}

/// Stores an archive (tar, also gzipped) as the next version of a profile of the caller's; `base_version` 0 makes it.
#[utoipa::path(post, path = "/api/v1/profiles", tag = "profiles", params(PushProfile), request_body(content = String, content_type = "application/x-tar"), responses((status = 201, body = Profile)))]
async fn push(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<PushProfile>,
    request: Request,
) -> Result<Response, Error> {
    let (cx, profile) = service::push(&app, cx, query, body_of(request)?).await?;
    Ok(Created::answer(&cx, &profile))
}

/// One of the caller's profiles, by id or name.
#[utoipa::path(get, path = "/api/v1/profiles/{ref}", tag = "profiles", params(("ref" = String, Path)), responses((status = 200, body = Profile)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).await?))
}

/// Gives a profile up, with all its versions.
#[utoipa::path(delete, path = "/api/v1/profiles/{ref}", tag = "profiles", params(("ref" = String, Path)), responses((status = 204)))]
async fn delete(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference).await?;
    Ok(Gone::answer(&cx))
}

/// Lists the versions of a profile, ascending.
#[utoipa::path(get, path = "/api/v1/profiles/{ref}/versions", tag = "profiles", params(("ref" = String, Path), ListProfiles), responses((status = 200, body = Page<ProfileVersion>)))]
async fn versions(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<ListProfiles>,
) -> Result<Response, Error> {
    let part = (query.limit, query.cursor.as_deref());
    Ok(Found::answer(&cx, &service::versions(&app, &cx, &reference, part).await?))
}

/// The archive of a version, as tar. `x-bundle-version` says which it is, the entity tag is its digest.
#[utoipa::path(get, path = "/api/v1/profiles/{ref}/content", tag = "profiles", params(("ref" = String, Path), ProfileContent), responses((status = 200, content_type = "application/x-tar", body = String)))]
async fn content(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<ProfileContent>,
) -> Result<Response, Error> {
    let (version, bytes) = service::content(&app, &cx, &reference, query.version).await?;
    archive_answer(bytes, &version.sha256, &version.number.to_string())
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, push))
        .routes(routes!(get, delete))
        .routes(routes!(versions))
        .routes(routes!(content))
}
