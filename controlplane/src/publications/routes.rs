//! The HTTP door to publications.

use axum::extract::State;
use axum::response::Response;
use mc_api::Page;
use mc_api::publication::{CreatePublication, Publication, PublicationState};
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
        Some(mission) => Some(missions::service::get(&app, &cx, mission).await?.id),
        None => None,
    };
    let narrow = service::Narrow { mission, state: query.state };
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Publications(narrow), query.from).await;
    }
    let name = format!("publications {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).await?))
}

/// Asks for a publication; it is committed when its approval is given.
#[utoipa::path(post, path = "/api/v1/publications", tag = "publications", request_body = CreatePublication, responses((status = 201, body = Publication)))]
async fn create(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreatePublication>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).await?))
}

/// One publication by id.
#[utoipa::path(get, path = "/api/v1/publications/{ref}", tag = "publications", params(("ref" = String, Path)), responses((status = 200, body = Publication)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get))
}
