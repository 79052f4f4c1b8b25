//! The HTTP door to agent sessions.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::HeaderMap;
use mc_api::Page;
use mc_api::page::DEFAULT_LIMIT;
use mc_api::session::{
    AgentSession, Conversation, CreateSession, DecideSession, PromptSession, SessionEvent, SessionState,
    SetSessionMode, Turn, TurnState,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{follow, service};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Query, Ref, page};
use crate::watch;

/// What a list of agent sessions may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListSessions {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Task id or key.
    pub task: Option<String>,
    /// Node id or name.
    pub node: Option<String>,
    /// States, separated by commas.
    pub state: Option<String>,
    /// The runtime.
    pub runtime: Option<String>,
    /// `key=value` or `key`, separated by commas.
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page.
    pub watch: Option<bool>,
    /// With `watch`: accepted as for other lists; the snapshot is sent all the same.
    pub from: Option<i64>,
}

/// What a list of turns may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListTurns {
    /// Agent session, by id.
    pub session: Option<String>,
    /// Mission id or name.
    pub mission: Option<String>,
    /// States, separated by commas.
    pub state: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which page of turns.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OfSession {
    /// States, separated by commas.
    pub state: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which events.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// From this position on; default 0.
    pub from: Option<i64>,
    /// 1 to 500, default 50. Fewer come when they are large.
    pub limit: Option<u32>,
    /// Stream (SSE) until the session has ended, instead of a page. `id` is the position; `Last-Event-ID` resumes.
    pub follow: Option<bool>,
}

/// Which page of a conversation.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadConversation {
    /// 1 to 200, default 100.
    pub limit: Option<u32>,
    /// `next_cursor` of the page after: reads the one before it.
    pub cursor: Option<String>,
}

fn words<T: std::str::FromStr<Err = mc_api::problem::UnknownWord>>(
    text: Option<&str>,
) -> Result<Option<Vec<T>>, Error> {
    let words = text.map(|text| text.split(',').map(|word| word.trim().parse::<T>()).collect());
    words
        .transpose()
        .map_err(|error: mc_api::problem::UnknownWord| Error::invalid("?state", error.to_string()))
}

/// Lists agent sessions, or streams their changes.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(ListSessions), responses((status = 200, body = Page<AgentSession>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListSessions>,
) -> Result<Response, Error> {
    let named = service::Named {
        mission: query.mission.as_deref(),
        task: query.task.as_deref(),
        node: query.node.as_deref(),
    };
    let narrow = service::Narrow {
        states: words::<SessionState>(query.state.as_deref())?,
        runtime: query.runtime.clone(),
        labels: page::labels(query.labels.as_deref())?,
        ..service::narrow(&app, &cx, named).boxed().await?
    };
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Sessions(narrow), query.from).boxed().await;
    }
    let name = format!("sessions {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// Creates an agent session.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = CreateSession, responses((status = 201, body = AgentSession)))]
async fn create(State(app): State<SharedApp>, Cmd(cx, body): Cmd<CreateSession>) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// One agent session by id.
#[utoipa::path(get, path = "/api/v1/sessions/{ref}", tag = "sessions", params(("ref" = String, Path)), responses((status = 200, body = AgentSession)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Prompts an agent session; the turn is followed by its id.
#[utoipa::path(post, path = "/api/v1/sessions/{ref}/prompt", tag = "sessions", params(("ref" = String, Path)), request_body = PromptSession, responses((status = 201, body = Turn)))]
async fn prompt(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<PromptSession>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::prompt(&app, &cx, &reference, body).boxed().await?))
}

/// Cancels the running turn, or without one the newest prompt that waits.
#[utoipa::path(post, path = "/api/v1/sessions/{ref}/cancel", tag = "sessions", params(("ref" = String, Path)), responses((status = 200, body = AgentSession)))]
async fn cancel(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::cancel(&app, &cx, &reference).boxed().await?))
}

/// Stops an agent session for good.
#[utoipa::path(post, path = "/api/v1/sessions/{ref}/stop", tag = "sessions", params(("ref" = String, Path)), responses((status = 200, body = AgentSession)))]
async fn stop(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::stop(&app, &cx, &reference).boxed().await?))
}

/// Decides for an agent session whose agent forgot the conversation.
#[utoipa::path(post, path = "/api/v1/sessions/{ref}/decide", tag = "sessions", params(("ref" = String, Path)), request_body = DecideSession, responses((status = 200, body = AgentSession)))]
async fn decide(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<DecideSession>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::decide(&app, &cx, &reference, body).boxed().await?))
}

/// Lets the agent work in another mode that it offers; the session shows it when the agent has taken it.
#[utoipa::path(put, path = "/api/v1/sessions/{ref}/mode", tag = "sessions", params(("ref" = String, Path)), request_body = SetSessionMode, responses((status = 200, body = AgentSession)))]
async fn set_mode(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<SetSessionMode>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::set_mode(&app, &cx, &reference, body).boxed().await?))
}

/// Takes a prompt back that waits. It may show `queued` until its node has answered.
#[utoipa::path(post, path = "/api/v1/turns/{ref}/cancel", tag = "sessions", params(("ref" = String, Path)), responses((status = 200, body = Turn)))]
async fn cancel_turn(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::cancel_turn(&app, &cx, &reference).boxed().await?))
}

async fn page_of_turns(
    app: SharedApp,
    cx: crate::op::OpCtx,
    narrow: service::NarrowTurns,
    limit: Option<u32>,
    cursor: Option<&str>,
) -> Result<Response, Error> {
    let page = page::Request::read(&app, format!("turns {narrow:?}"), limit, cursor)?;
    Ok(Found::answer(&cx, &service::list_turns(&app, &cx, page, narrow).boxed().await?))
}

/// Lists the turns of an agent session.
#[utoipa::path(get, path = "/api/v1/sessions/{ref}/turns", tag = "sessions", params(("ref" = String, Path), OfSession), responses((status = 200, body = Page<Turn>)))]
async fn turns_of(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<OfSession>,
) -> Result<Response, Error> {
    let states = words::<TurnState>(query.state.as_deref())?;
    let narrow = service::NarrowTurns { session: Some(reference), mission: None, states };
    page_of_turns(app, cx, narrow, query.limit, query.cursor.as_deref()).boxed().await
}

/// Lists turns.
#[utoipa::path(get, path = "/api/v1/turns", tag = "sessions", params(ListTurns), responses((status = 200, body = Page<Turn>)))]
async fn turns(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListTurns>,
) -> Result<Response, Error> {
    let states = words::<TurnState>(query.state.as_deref())?;
    let narrow = service::NarrowTurns { session: query.session, mission: query.mission, states };
    page_of_turns(app, cx, narrow, query.limit, query.cursor.as_deref()).boxed().await
}

/// One turn by id.
#[utoipa::path(get, path = "/api/v1/turns/{ref}", tag = "sessions", params(("ref" = String, Path)), responses((status = 200, body = Turn)))]
async fn turn(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get_turn(&app, &cx, &reference).boxed().await?))
}

/// The events of an agent session by position: a page (`next_cursor` is its next `from`), or a stream.
#[utoipa::path(get, path = "/api/v1/sessions/{ref}/events", tag = "sessions", params(("ref" = String, Path), ListEvents), responses((status = 200, body = Page<SessionEvent>)))]
async fn events(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    headers: HeaderMap,
    Query(query): Query<ListEvents>,
) -> Result<Response, Error> {
    let from = query.from.unwrap_or(0);
    if query.follow == Some(true) {
        return follow::stream(app, cx, &reference, resumed(&headers)?.unwrap_or(from)).boxed().await;
    }
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    Ok(Found::answer(&cx, &service::events(&app, &cx, &reference, from, limit).boxed().await?))
}

/// A conversation, its events folded into items: the end of it, and from there page by page to the beginning.
#[utoipa::path(get, path = "/api/v1/sessions/{ref}/conversation", tag = "sessions", params(("ref" = String, Path), ReadConversation), responses((status = 200, body = Conversation)))]
async fn conversation(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<ReadConversation>,
) -> Result<Response, Error> {
    let cursor = query.cursor.as_deref();
    Ok(Found::answer(
        &cx,
        &super::conversation::conversation(&app, &cx, &reference, query.limit, cursor).boxed().await?,
    ))
}

/// The position after the one that a client saw last.
fn resumed(headers: &HeaderMap) -> Result<Option<i64>, Error> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let seq = value.to_str().ok().and_then(|text| text.parse::<i64>().ok()).filter(|seq| *seq >= 0);
    seq.map(|seq| Some(seq.saturating_add(1))).ok_or_else(|| {
        Error::new(
            mc_api::ProblemKind::MalformedRequest,
            "Last-Event-ID is the id of an event of this stream",
        )
    })
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(prompt))
        .routes(routes!(cancel))
        .routes(routes!(stop))
        .routes(routes!(decide))
        .routes(routes!(set_mode))
        .routes(routes!(cancel_turn))
        .routes(routes!(turns_of))
        .routes(routes!(events))
        .routes(routes!(conversation))
        .routes(routes!(turns))
        .routes(routes!(turn))
}
