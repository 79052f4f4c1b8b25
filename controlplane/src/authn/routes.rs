//! The HTTP door to login sessions and principals.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, header};
use mc_api::Page;
use mc_api::auth::{
    CookieLogin, CreateGrant, CreatePrincipal, Grant, LoggedOut, Login, LoginRequest, LoginSession,
    Principal, SetRole, WhoAmI,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{grants, service};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, Query, Ref, cookie, page};

/// A page of own login sessions.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListLogins {
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

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

/// Makes a login session and gives it to a browser as a cookie that no script can read. Requests that change something
/// with it need the header `x-mc-csrf: 1`. The answer holds no token.
#[utoipa::path(post, path = "/api/v1/auth/cookie", tag = "auth", request_body = CookieLogin, responses((status = 201, body = LoginSession)))]
async fn login_cookie(
    State(app): State<SharedApp>,
    host: cookie::Host,
    Cmd(mut cx, body): Cmd<CookieLogin>,
) -> Result<Response, Error> {
    // A repeated answer holds no token, and so could give no cookie: each request makes its own login session.
    cx.idempotency = None;
    let request = LoginRequest { ttl_seconds: body.ttl_seconds, ..LoginRequest::default() };
    let made = service::login(&app, &cx, request).await?;
    let lifetime = made.expires_at.since(cx.now()).as_secs();
    let value = host.set(made.token.as_deref().unwrap_or_default(), lifetime);
    let mut response = Created::answer(&cx, &LoginSession { token: None, ..made });
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}

/// The caller's own login sessions that have not ended.
#[utoipa::path(get, path = "/api/v1/auth/logins", tag = "auth", params(ListLogins), responses((status = 200, body = Page<Login>)))]
async fn logins(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListLogins>,
) -> Result<Response, Error> {
    let list = format!("logins {}", cx.caller.id);
    let page = page::Request::read(&app, list, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::logins(&app, &cx, page).await?))
}

/// A cookie that held the login session goes with it.
fn without_cookie(host: &cookie::Host, headers: &HeaderMap, mut response: Response) -> Response {
    if host.token(headers).is_some() {
        response.headers_mut().insert(header::SET_COOKIE, host.clear());
    }
    response
}

/// Ends the login session in use.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", responses((status = 204)))]
async fn logout(
    State(app): State<SharedApp>,
    host: cookie::Host,
    headers: HeaderMap,
    Ctx(cx): Ctx,
) -> Result<Response, Error> {
    service::logout(&app, &cx).await?;
    Ok(without_cookie(&host, &headers, Gone::answer(&cx)))
}

/// Ends every login session of the caller, the one in use too.
#[utoipa::path(post, path = "/api/v1/auth/logout-everywhere", tag = "auth", responses((status = 200, body = LoggedOut)))]
async fn logout_everywhere(
    State(app): State<SharedApp>,
    host: cookie::Host,
    headers: HeaderMap,
    Ctx(cx): Ctx,
) -> Result<Response, Error> {
    let done = service::logout_everywhere(&app, &cx).await?;
    Ok(without_cookie(&host, &headers, Found::answer(&cx, &done)))
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
        .routes(routes!(login_cookie))
        .routes(routes!(logins))
        .routes(routes!(logout))
        .routes(routes!(logout_everywhere))
        .routes(routes!(issue_grant))
        .routes(routes!(revoke_grant))
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(set_role))
}
