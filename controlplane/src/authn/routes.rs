//! The HTTP door to login sessions and principals.

use axum::extract::State;
use axum::response::Response;
use mc_api::Page;
use mc_api::auth::{
    CreateGrant, CreatePrincipal, Grant, LoginRequest, LoginSession, Principal, SetRole, WhoAmI,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{grants, service};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, Query, Ref, page};

/// A page of principals.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListPrincipals {
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Makes a login session; its token is shown once.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = LoginRequest, responses((status = 201, body = LoginSession)))]
async fn login(State(app): State<SharedApp>, Cmd(cx, body): Cmd<LoginRequest>) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::login(&app, &cx, body).await?))
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/v1/auth/whoami", tag = "auth", responses((status = 200, body = WhoAmI)))]
async fn whoami(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::whoami(&app, &cx).await?))
}

/// Ends the login session in use.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", responses((status = 204)))]
async fn logout(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    service::logout(&app, &cx).await?;
    Ok(Gone::answer(&cx))
}

/// Makes a grant for an agent; its token is shown once.
#[utoipa::path(post, path = "/api/v1/auth/grants", tag = "auth", request_body = CreateGrant, responses((status = 201, body = Grant)))]
async fn issue_grant(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreateGrant>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &grants::issue(&app, &cx, body).await?))
}

/// Ends a grant before its time.
#[utoipa::path(delete, path = "/api/v1/auth/grants/{ref}", tag = "auth", params(("ref" = String, Path)), responses((status = 204)))]
async fn revoke_grant(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    grants::revoke(&app, &cx, &reference).await?;
    Ok(Gone::answer(&cx))
}

/// Lists principals.
#[utoipa::path(get, path = "/api/v1/principals", tag = "auth", params(ListPrincipals), responses((status = 200, body = Page<Principal>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListPrincipals>,
) -> Result<Response, Error> {
    let page = page::Request::read(&app, "principals".into(), query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page).await?))
}

/// Creates a principal.
#[utoipa::path(post, path = "/api/v1/principals", tag = "auth", request_body = CreatePrincipal, responses((status = 201, body = Principal)))]
async fn create(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreatePrincipal>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).await?))
}

/// One principal by id or name.
#[utoipa::path(get, path = "/api/v1/principals/{ref}", tag = "auth", params(("ref" = String, Path)), responses((status = 200, body = Principal)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).await?))
}

/// Sets or removes a role, in the organization or in one mission.
#[utoipa::path(put, path = "/api/v1/principals/{ref}/role", tag = "auth", params(("ref" = String, Path)), request_body = SetRole, responses((status = 200, body = Principal)))]
async fn set_role(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<SetRole>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::set_role(&app, &cx, &reference, body).await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(whoami))
        .routes(routes!(logout))
        .routes(routes!(issue_grant))
        .routes(routes!(revoke_grant))
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(set_role))
}
