//! The HTTP door to publications.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::persistence::{
    PendingList, PlanPublication, PublicationStatus, PublishPending, PublishPlan, PublishedPending,
};
use mc_api::publication::{CreatePublication, Publication, PublicationState, RetriedPublication};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Query, Ref, page};
use crate::{missions, watch};

/// What a list of publications may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListPublications {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Only in this state.
    pub state: Option<PublicationState>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page.
    pub watch: Option<bool>,
    /// With `watch`: go on after this sequence number, without a snapshot.
    pub from: Option<i64>,
}

/// Lists publications, or streams their changes.
#[utoipa::path(get, path = "/api/v1/publications", tag = "publications", params(ListPublications), responses((status = 200, body = Page<Publication>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListPublications>,
) -> Result<Response, Error> {
    let mission = match &query.mission {
        Some(mission) => Some(missions::service::get(&app, &cx, mission).boxed().await?.id),
        None => None,
    };
    let narrow = service::Narrow { mission, state: query.state };
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Publications(narrow), query.from).boxed().await;
    }
    let name = format!("publications {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// Asks for a publication; it is committed when its approval is given.
#[utoipa::path(post, path = "/api/v1/publications", tag = "publications", request_body = CreatePublication, responses((status = 201, body = Publication)))]
async fn create(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreatePublication>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// One publication by id.
#[utoipa::path(get, path = "/api/v1/publications/{ref}", tag = "publications", params(("ref" = String, Path)), responses((status = 200, body = Publication)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Something of a mission.
#[derive(Debug, Clone, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OfMission {
    /// Mission id or name.
    pub mission: String,
    /// 1 to 500.
    pub limit: Option<u32>,
}

/// Says what a publication would do: repository, branch, file, format, change, approval. Changes nothing.
#[utoipa::path(post, path = "/api/v1/publications/plan", tag = "publications", request_body = PlanPublication, responses((status = 200, body = PublishPlan)))]
async fn plan(State(app): State<SharedApp>, Cmd(cx, body): Cmd<PlanPublication>) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::plan(&app, &cx, body).boxed().await?))
}

/// What waits.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PendingOf {
    /// Mission id or name.
    pub mission: String,
    /// Only what goes to this binding, by name or id; `-`: to the Git ledger of the installation.
    pub binding: Option<String>,
    /// 1 to 500.
    pub limit: Option<u32>,
}

/// Gives up a publication that is not in Git. Done again it changes nothing.
#[utoipa::path(post, path = "/api/v1/publications/{ref}/withdraw", tag = "publications", params(("ref" = String, Path)), responses((status = 200, body = Publication)))]
async fn withdraw(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::withdraw(&app, &cx, &reference).boxed().await?))
}

/// Tries a publication again that failed or waits: as it was approved, or, when its routes lead elsewhere now, by asking anew.
#[utoipa::path(post, path = "/api/v1/publications/{ref}/retry", tag = "publications", params(("ref" = String, Path)), responses((status = 200, body = RetriedPublication)))]
async fn retry(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::retry(&app, &cx, &reference).boxed().await?))
}

/// What waits in a mission for each of its targets.
#[utoipa::path(get, path = "/api/v1/publications/pending", tag = "publications", params(PendingOf), responses((status = 200, body = PendingList)))]
async fn pending(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<PendingOf>,
) -> Result<Response, Error> {
    let found =
        service::pending(&app, &cx, &query.mission, query.binding.as_deref(), query.limit).boxed().await?;
    Ok(Found::answer(&cx, &found))
}

/// Asks for the publication of everything that waits: one publication for each target.
#[utoipa::path(post, path = "/api/v1/publications/pending", tag = "publications", request_body = PublishPending, responses((status = 200, body = PublishedPending)))]
async fn publish_pending(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<PublishPending>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::publish_pending(&app, &cx, body).boxed().await?))
}

/// How far a mission is published.
#[utoipa::path(get, path = "/api/v1/publications/status", tag = "publications", params(OfMission), responses((status = 200, body = PublicationStatus)))]
async fn status(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<OfMission>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::status(&app, &cx, &query.mission, query.limit).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(plan))
        .routes(routes!(pending, publish_pending))
        .routes(routes!(status))
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(withdraw))
        .routes(routes!(retry))
}
