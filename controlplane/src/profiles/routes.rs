//! The HTTP door to the caller's own profiles.

use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::profile::{PinProfile, Profile, ProfileStatus, ProfileVersion, PushProfile};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, Query, Ref};
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
    /// The number; absent: the pinned version, else the newest.
    pub version: Option<i64>,
}

/// What the caller has of a profile.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HasOfProfile {
    /// The digest of its archive, lowercase hex.
    pub expected_sha256: Option<String>,
}

/// Lists the caller's profiles.
#[utoipa::path(get, path = "/api/v1/profiles", tag = "profiles", params(ListProfiles), responses((status = 200, body = Page<Profile>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListProfiles>,
) -> Result<Response, Error> {
    let part = (query.limit, query.cursor.as_deref());
    Ok(Found::answer(&cx, &service::list(&app, &cx, part).boxed().await?))
}

/// Stores an archive (tar, also gzipped) as the next version of a profile of the caller's; `base_version` 0 makes it.
#[utoipa::path(post, path = "/api/v1/profiles", tag = "profiles", params(PushProfile), request_body(content = String, content_type = "application/x-tar"), responses((status = 201, body = Profile)))]
async fn push(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<PushProfile>,
    request: Request,
) -> Result<Response, Error> {
    let (cx, profile) = service::push(&app, cx, query, body_of(request)?).boxed().await?;
    Ok(Created::answer(&cx, &profile))
}

/// One of the caller's profiles, by id or name.
#[utoipa::path(get, path = "/api/v1/profiles/{ref}", tag = "profiles", params(("ref" = String, Path)), responses((status = 200, body = Profile)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Gives a profile up, with all its versions.
#[utoipa::path(delete, path = "/api/v1/profiles/{ref}", tag = "profiles", params(("ref" = String, Path)), responses((status = 204)))]
async fn delete(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference).boxed().await?;
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
    Ok(Found::answer(&cx, &service::versions(&app, &cx, &reference, part).boxed().await?))
}

/// The archive of a version, as tar. `x-bundle-version` says which it is, the entity tag is its digest.
#[utoipa::path(get, path = "/api/v1/profiles/{ref}/content", tag = "profiles", params(("ref" = String, Path), ProfileContent), responses((status = 200, content_type = "application/x-tar", body = String)))]
async fn content(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<ProfileContent>,
) -> Result<Response, Error> {
    let (version, bytes) = service::content(&app, &cx, &reference, query.version).boxed().await?;
    archive_answer(bytes, &version.sha256, &version.number.to_string())
}

/// Makes a profile the one that is used where none is named.
#[utoipa::path(post, path = "/api/v1/profiles/{ref}/activate", tag = "profiles", params(("ref" = String, Path)), responses((status = 200, body = Profile)))]
async fn activate(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::activate(&app, &cx, &reference).boxed().await?))
}

/// Keeps to a version of a profile: it is given where none is named. Without one the newest is given again.
#[utoipa::path(post, path = "/api/v1/profiles/{ref}/pin", tag = "profiles", params(("ref" = String, Path)), request_body = PinProfile, responses((status = 200, body = Profile)))]
async fn pin(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<PinProfile>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::pin(&app, &cx, &reference, body).boxed().await?))
}

/// Which version of a profile is given now, and how what the caller has compares with it.
#[utoipa::path(get, path = "/api/v1/profiles/{ref}/status", tag = "profiles", params(("ref" = String, Path), HasOfProfile), responses((status = 200, body = ProfileStatus)))]
async fn status(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<HasOfProfile>,
) -> Result<Response, Error> {
    let expected = ("?expected_sha256", query.expected_sha256);
    Ok(Found::answer(&cx, &service::status(&app, &cx, &reference, expected).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, push))
        .routes(routes!(get, delete))
        .routes(routes!(versions))
        .routes(routes!(content))
        .routes(routes!(activate))
        .routes(routes!(pin))
        .routes(routes!(status))
}
