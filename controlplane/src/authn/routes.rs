//! The HTTP door to login sessions and principals.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{HeaderMap, header};
use mc_api::auth::{
    CookieLogin, CreateGrant, CreatePrincipal, Grant, LoggedOut, Login, LoginRequest, LoginSession,
    Principal, PrincipalKind, PrincipalName, SetRole, WhoAmI,
};
use mc_api::{Page, Role};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{grants, members, service};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, Query, Ref, cookie, page};

/// Whose login sessions, which page of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListLogins {
    /// Of this principal (id or name) instead of one's own; needs Admin.
    pub principal: Option<String>,
    /// Of everybody; needs Admin.
    pub all: Option<bool>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Whose grants, which page of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListGrants {
    /// Of this agent (id or name).
    pub principal: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Whose names.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NamesOf {
    /// 1 to 100 ids of principals, separated by commas.
    pub id: String,
}

/// Which principals, which page of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListPrincipals {
    /// Only who has a role in this mission (id or name), by it or by the organization.
    pub mission: Option<String>,
    /// Only of this sort.
    pub principal_kind: Option<PrincipalKind>,
    /// Only who holds this role: in the organization, or with `mission` there.
    pub role: Option<Role>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Makes a login session; its token is shown once.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = LoginRequest, responses((status = 201, body = LoginSession)))]
async fn login(State(app): State<SharedApp>, Cmd(cx, body): Cmd<LoginRequest>) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::login(&app, &cx, body).boxed().await?))
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/v1/auth/whoami", tag = "auth", responses((status = 200, body = WhoAmI)))]
async fn whoami(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::whoami(&app, &cx).boxed().await?))
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
    let made = service::login(&app, &cx, request).boxed().await?;
    let lifetime = made.expires_at.since(cx.now()).as_secs();
    let value = host.set(made.token.as_deref().unwrap_or_default(), lifetime);
    let mut response = Created::answer(&cx, &LoginSession { token: None, ..made });
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}

/// Login sessions that have not ended: the caller's own, or for an Admin those of others.
#[utoipa::path(get, path = "/api/v1/auth/logins", tag = "auth", params(ListLogins), responses((status = 200, body = Page<Login>)))]
async fn logins(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListLogins>,
) -> Result<Response, Error> {
    let whose = members::Whose { principal: query.principal, all: query.all == Some(true) };
    let list = format!("logins {} {whose:?}", cx.caller.id);
    let page = page::Request::read(&app, list, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &members::logins(&app, &cx, page, &whose).boxed().await?))
}

/// Ends one login session: an own one, or for an Admin anybody's.
#[utoipa::path(delete, path = "/api/v1/auth/logins/{ref}", tag = "auth", params(("ref" = String, Path)), responses((status = 204)))]
async fn revoke_login(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    members::revoke_login(&app, &cx, &reference).boxed().await?;
    Ok(Gone::answer(&cx))
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
    service::logout(&app, &cx).boxed().await?;
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
    let done = service::logout_everywhere(&app, &cx).boxed().await?;
    Ok(without_cookie(&host, &headers, Found::answer(&cx, &done)))
}

/// Makes a grant for an agent; its token is shown once.
#[utoipa::path(post, path = "/api/v1/auth/grants", tag = "auth", request_body = CreateGrant, responses((status = 201, body = Grant)))]
async fn issue_grant(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreateGrant>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &grants::issue(&app, &cx, body).boxed().await?))
}

/// Lists the grants that have not ended and that the caller might end, without their tokens.
#[utoipa::path(get, path = "/api/v1/auth/grants", tag = "auth", params(ListGrants), responses((status = 200, body = Page<Grant>)))]
async fn list_grants(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListGrants>,
) -> Result<Response, Error> {
    let list = format!("grants {:?}", query.principal);
    let page = page::Request::read(&app, list, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &members::grants(&app, &cx, page, query.principal.as_deref()).boxed().await?))
}

/// Ends a grant before its time.
#[utoipa::path(delete, path = "/api/v1/auth/grants/{ref}", tag = "auth", params(("ref" = String, Path)), responses((status = 204)))]
async fn revoke_grant(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    grants::revoke(&app, &cx, &reference).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// Lists principals.
#[utoipa::path(get, path = "/api/v1/principals", tag = "auth", params(ListPrincipals), responses((status = 200, body = Page<Principal>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListPrincipals>,
) -> Result<Response, Error> {
    let narrow = members::Narrow { mission: query.mission, kind: query.principal_kind, role: query.role };
    let list = format!("principals {narrow:?}");
    let page = page::Request::read(&app, list, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &members::list(&app, &cx, page, narrow).boxed().await?))
}

/// The names behind ids of principals. Ids of nobody, and of those that the caller may not know of, are left out.
#[utoipa::path(get, path = "/api/v1/principal-names", tag = "auth", params(NamesOf), responses((status = 200, body = Page<PrincipalName>)))]
async fn names(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<NamesOf>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &members::names(&app, &cx, &query.id).boxed().await?))
}

/// Creates a principal.
#[utoipa::path(post, path = "/api/v1/principals", tag = "auth", request_body = CreatePrincipal, responses((status = 201, body = Principal)))]
async fn create(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreatePrincipal>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// One principal by id or name.
#[utoipa::path(get, path = "/api/v1/principals/{ref}", tag = "auth", params(("ref" = String, Path)), responses((status = 200, body = Principal)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Sets or removes a role, in the organization or in one mission.
#[utoipa::path(put, path = "/api/v1/principals/{ref}/role", tag = "auth", params(("ref" = String, Path)), request_body = SetRole, responses((status = 200, body = Principal)))]
async fn set_role(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<SetRole>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::set_role(&app, &cx, &reference, body).boxed().await?))
}

/// Ends every login session and every grant of somebody.
#[utoipa::path(post, path = "/api/v1/principals/{ref}/logout-everywhere", tag = "auth", params(("ref" = String, Path)), responses((status = 200, body = LoggedOut)))]
async fn logout_of(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &members::logout_of(&app, &cx, &reference).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(whoami))
        .routes(routes!(login_cookie))
        .routes(routes!(logins))
        .routes(routes!(revoke_login))
        .routes(routes!(logout))
        .routes(routes!(logout_everywhere))
        .routes(routes!(issue_grant, list_grants))
        .routes(routes!(revoke_grant))
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(set_role))
        .routes(routes!(logout_of))
        .routes(routes!(names))
}
