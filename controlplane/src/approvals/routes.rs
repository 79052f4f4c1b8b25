//! The HTTP door to approvals.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::approval::{Approval, ApprovalState, DecideApproval, DecideApprovals, DecidedApprovals};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{batch, service};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Ctx, Found, Query, Ref, page};
use crate::{missions, watch};

/// What a list of approvals may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListApprovals {
    /// Only this one, by id: with `watch`, its changes alone.
    pub id: Option<String>,
    /// Mission id or name.
    pub mission: Option<String>,
    /// Only in this state.
    pub state: Option<ApprovalState>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page.
    pub watch: Option<bool>,
    /// With `watch`: go on after this sequence number, without a snapshot.
    pub from: Option<i64>,
}

/// Lists approvals, or streams their changes.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(ListApprovals), responses((status = 200, body = Page<Approval>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListApprovals>,
) -> Result<Response, Error> {
    let mission = match &query.mission {
        Some(mission) => Some(missions::service::get(&app, &cx, mission).boxed().await?.id),
        None => None,
    };
    let absent = || Error::not_found("approval", query.id.as_deref().unwrap_or_default());
    let id = query.id.as_deref().map(str::parse).transpose().map_err(|_| absent())?;
    let narrow = service::Narrow { id, mission, state: query.state, recent: None };
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Approvals(narrow), query.from).boxed().await;
    }
    let name = format!("approvals {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// One approval by id; its requester sees the token, once it is approved.
#[utoipa::path(get, path = "/api/v1/approvals/{ref}", tag = "approvals", params(("ref" = String, Path)), responses((status = 200, body = Approval)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Decides for the action.
#[utoipa::path(post, path = "/api/v1/approvals/{ref}/approve", tag = "approvals", params(("ref" = String, Path)), request_body = DecideApproval, responses((status = 200, body = Approval)))]
async fn approve(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<DecideApproval>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::decide(&app, &cx, &reference, true, body).boxed().await?))
}

/// Decides against the action.
#[utoipa::path(post, path = "/api/v1/approvals/{ref}/reject", tag = "approvals", params(("ref" = String, Path)), request_body = DecideApproval, responses((status = 200, body = Approval)))]
async fn reject(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<DecideApproval>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::decide(&app, &cx, &reference, false, body).boxed().await?))
}

/// Decides several approvals, each for itself: what forbids one leaves the others as they are decided.
#[utoipa::path(post, path = "/api/v1/approvals/decide", tag = "approvals", request_body = DecideApprovals, responses((status = 200, body = DecidedApprovals)))]
async fn decide_all(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<DecideApprovals>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &batch::decide_all(&app, &cx, body).boxed().await?))
}

/// Withdraws an own request.
#[utoipa::path(post, path = "/api/v1/approvals/{ref}/cancel", tag = "approvals", params(("ref" = String, Path)), responses((status = 200, body = Approval)))]
async fn cancel(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::cancel(&app, &cx, &reference).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(cancel))
        .routes(routes!(decide_all))
}
