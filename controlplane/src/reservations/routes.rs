//! The HTTP door to reservations.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::reservation::{
    CheckPaths, CreateReservation, PathCheck, RenewReservation, Reservation, ReservationState,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Named};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Query, Ref, page};
use crate::watch;

/// What a list of reservations may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListReservations {
    /// Mission id or name.
    pub mission: Option<String>,
    /// The remote, or the absolute path of a local repository.
    pub repository: Option<String>,
    /// Task id or key.
    pub task: Option<String>,
    /// Only in this state; absent: pending and active ones.
    pub state: Option<ReservationState>,
    /// Only those that this path falls under.
    pub path: Option<String>,
    /// Only those that share a path with what this task (id or key) declares.
    pub crosses: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page; renewals are no changes.
    pub watch: Option<bool>,
    /// With `watch`: go on after this sequence number, without a snapshot.
    pub from: Option<i64>,
}

/// Lists reservations, or streams their changes.
#[utoipa::path(get, path = "/api/v1/reservations", tag = "reservations", params(ListReservations), responses((status = 200, body = Page<Reservation>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListReservations>,
) -> Result<Response, Error> {
    let named = Named {
        mission: query.mission,
        repository: query.repository,
        task: query.task,
        state: query.state,
        path: query.path,
        crosses: query.crosses,
    };
    let narrow = service::narrow(&app, &cx, named).boxed().await?;
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Reservations(narrow), query.from).boxed().await;
    }
    let name = format!("reservations {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// Reserves paths of a repository: at once, or in line.
#[utoipa::path(post, path = "/api/v1/reservations", tag = "reservations", request_body = CreateReservation, responses((status = 201, body = Reservation)))]
async fn create(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreateReservation>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// Which reservations touch these paths. Changes nothing.
#[utoipa::path(post, path = "/api/v1/reservations/check", tag = "reservations", request_body = CheckPaths, responses((status = 200, body = PathCheck)))]
async fn check(State(app): State<SharedApp>, Cmd(cx, body): Cmd<CheckPaths>) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::check(&app, &cx, body).boxed().await?))
}

/// One reservation by id.
#[utoipa::path(get, path = "/api/v1/reservations/{ref}", tag = "reservations", params(("ref" = String, Path)), responses((status = 200, body = Reservation)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Renews the lease.
#[utoipa::path(post, path = "/api/v1/reservations/{ref}/renew", tag = "reservations", params(("ref" = String, Path)), request_body = RenewReservation, responses((status = 200, body = Reservation)))]
async fn renew(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<RenewReservation>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::renew(&app, &cx, &reference, body).boxed().await?))
}

/// Gives the paths back.
#[utoipa::path(post, path = "/api/v1/reservations/{ref}/release", tag = "reservations", params(("ref" = String, Path)), responses((status = 200, body = Reservation)))]
async fn release(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::release(&app, &cx, &reference).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(check))
        .routes(routes!(get))
        .routes(routes!(renew))
        .routes(routes!(release))
}
