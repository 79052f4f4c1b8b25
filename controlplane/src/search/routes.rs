//! The HTTP door to search.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Timestamp;
use mc_api::doc::DocState;
use mc_api::search::{SearchKind, SearchPage};
use mc_api::task::TaskState;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Narrow};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Ctx, Found, Query, page};
use crate::op::OpCtx;
use crate::tasks;
use crate::tasks::service::At;

/// What is looked for, and what it is narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Words; what stands between quotation marks must be there as it is.
    pub q: String,
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// Kinds, separated by commas: `task`, `kluster`, `doc`, `artifact`; absent: all of these. `event` (of the ledger) stands alone.
    pub kind: Option<String>,
    /// States, separated by commas; leaves out kinds without states.
    pub state: Option<String>,
    /// `key=value` or `key`, separated by commas; leaves out kinds without labels.
    pub labels: Option<String>,
    /// Changed at or after this time.
    pub since: Option<Timestamp>,
    /// Changed before this time.
    pub until: Option<Timestamp>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Words of states; one that nothing can have would only find nothing.
fn states(text: &str) -> Result<Vec<String>, Error> {
    let known: Vec<&str> = (TaskState::ALL.iter().map(|state| state.as_str()))
        .chain(DocState::ALL.iter().map(|state| state.as_str()))
        .collect();
    let check = |word: &str| {
        let word = word.trim();
        if known.contains(&word) {
            return Ok(word.to_owned());
        }
        let word: String = word.chars().take(64).collect();
        Err(Error::invalid("?state", format!("unknown word {word:?}, expected one of: {}", known.join(", "))))
    };
    text.split(',').map(check).collect()
}

/// Runs a search as a door was asked for it.
pub(crate) async fn run(app: &SharedApp, cx: &OpCtx, asked: Search) -> Result<SearchPage, Error> {
    service::check(&asked.q)?;
    let at = At { mission: asked.mission, kluster: asked.kluster };
    let (mission, kluster) = tasks::service::within(&mut app.db.begin_read().await?, cx, &at).boxed().await?;
    let kinds = asked
        .kind
        .as_deref()
        .map(|text| text.split(',').map(|word| word.trim().parse::<SearchKind>()).collect());
    let kinds = kinds
        .transpose()
        .map_err(|error: mc_api::problem::UnknownWord| Error::invalid("?kind", error.to_string()))?;
    let states = asked.state.as_deref().map(states).transpose()?;
    let narrow = Narrow {
        query: asked.q,
        mission,
        kluster,
        kinds,
        states,
        labels: page::labels(asked.labels.as_deref())?,
        since: asked.since,
        until: asked.until,
    };
    let page = page::Request::read(app, format!("search {narrow:?}"), asked.limit, asked.cursor.as_deref())?;
    service::search(app, cx, page, narrow).boxed().await
}

/// Finds tasks, klusters, docs and artifacts by words and meaning, best first; events of the ledger by what they say, newest first.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", params(Search), responses((status = 200, body = SearchPage)))]
async fn search(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<Search>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &run(&app, &cx, query).boxed().await?))
}

/// The same as `/api/v1/search`.
#[utoipa::path(get, path = "/api/search", tag = "search", params(Search), responses((status = 200, body = SearchPage)))]
async fn short(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<Search>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &run(&app, &cx, query).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(short))
}
