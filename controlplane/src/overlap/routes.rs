//! The HTTP door to overlaps.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::overlap::{
    AcceptOverlap, CheckOverlap, DismissOverlap, OverlapCheck, OverlapState, OverlapSuggestion,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Narrow};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Ctx, Found, Query, Ref, page};
use crate::tasks::service::At;
use crate::{artifacts, docs, tasks};

/// What a list of suggestions may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListOverlaps {
    /// Mission id or name, of what came to existing work.
    pub mission: Option<String>,
    /// A task (id, key, or name with the mission) on one of both sides.
    pub task: Option<String>,
    /// A doc (id, or name with the mission) on one of both sides.
    pub doc: Option<String>,
    /// An artifact (id) on one of both sides.
    pub artifact: Option<String>,
    /// Only in this state.
    pub state: Option<OverlapState>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The object on one of both sides; at most one of them is named.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) task: Option<String>,
    pub(crate) doc: Option<String>,
    pub(crate) artifact: Option<String>,
}

/// Finds what a list is narrowed to.
pub(crate) async fn narrow(
    app: &SharedApp,
    cx: &crate::op::OpCtx,
    mission: Option<String>,
    side: Side,
    state: Option<OverlapState>,
) -> Result<Narrow, Error> {
    let mut tx = app.db.begin_read().await?;
    let at = At { mission, kluster: None };
    let (mission, _) = tasks::service::within(&mut tx, cx, &at).boxed().await?;
    let side = match (&side.task, &side.doc, &side.artifact) {
        (None, None, None) => None,
        (Some(task), None, None) => {
            Some(tasks::service::resolve(&mut tx, cx, task, mission, None).boxed().await?.task.id.as_uuid())
        }
        (None, Some(doc), None) => {
            Some(docs::service::resolve(&mut tx, cx, doc, &at).boxed().await?.id.as_uuid())
        }
        (None, None, Some(artifact)) => {
            Some(artifacts::service::resolve(&mut tx, cx, artifact).boxed().await?.id.as_uuid())
        }
        _ => return Err(Error::invalid("?task", "name one of task, doc and artifact")),
    };
    // With an object given, the mission only says where its name is looked for.
    Ok(Narrow { mission: mission.filter(|_| side.is_none()), state, side })
}

/// Says what creating a task, a doc or an artifact would overlap. Nothing is changed.
#[utoipa::path(post, path = "/api/v1/overlap/check", tag = "overlaps", request_body = CheckOverlap, responses((status = 200, body = OverlapCheck)))]
async fn check(State(app): State<SharedApp>, Cmd(cx, body): Cmd<CheckOverlap>) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::check(&app, &cx, body).boxed().await?))
}

/// Lists suggestions of which the caller may read both sides.
#[utoipa::path(get, path = "/api/v1/overlaps", tag = "overlaps", params(ListOverlaps), responses((status = 200, body = Page<OverlapSuggestion>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListOverlaps>,
) -> Result<Response, Error> {
    let side = Side { task: query.task, doc: query.doc, artifact: query.artifact };
    let narrow = narrow(&app, &cx, query.mission, side, query.state).boxed().await?;
    let name = format!("overlaps {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// One suggestion.
#[utoipa::path(get, path = "/api/v1/overlaps/{ref}", tag = "overlaps", params(("ref" = String, Path)), responses((status = 200, body = OverlapSuggestion)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Acts on a suggestion: link, wait or merge.
#[utoipa::path(post, path = "/api/v1/overlaps/{ref}/accept", tag = "overlaps", params(("ref" = String, Path)), request_body = AcceptOverlap, responses((status = 200, body = OverlapSuggestion)))]
async fn accept(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<AcceptOverlap>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::accept(&app, &cx, &reference, body).boxed().await?))
}

/// Says that a suggestion is none.
#[utoipa::path(post, path = "/api/v1/overlaps/{ref}/dismiss", tag = "overlaps", params(("ref" = String, Path)), request_body = DismissOverlap, responses((status = 200, body = OverlapSuggestion)))]
async fn dismiss(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<DismissOverlap>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::dismiss(&app, &cx, &reference, body).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(check))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(accept))
        .routes(routes!(dismiss))
}
