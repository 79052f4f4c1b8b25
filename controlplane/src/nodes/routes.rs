//! The HTTP door to nodes and join tokens.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::node::{CreateJoinToken, JoinToken, Node, NodeState};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::Schedule;
use super::{service, tokens};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, Query, Ref, page};
use crate::watch;

/// What a list of nodes may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListNodes {
    /// Only in this state; without it every node that is not revoked.
    pub state: Option<NodeState>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page.
    pub watch: Option<bool>,
    /// With `watch`: go on after this sequence number, without a snapshot.
    pub from: Option<i64>,
}

/// A page of join tokens.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListJoinTokens {
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Lists nodes, or streams their changes.
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes", params(ListNodes), responses((status = 200, body = Page<Node>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListNodes>,
) -> Result<Response, Error> {
    let narrow = service::Narrow { state: query.state };
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Nodes(narrow), query.from).boxed().await;
    }
    let name = format!("nodes {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// One node by id or name.
#[utoipa::path(get, path = "/api/v1/nodes/{ref}", tag = "nodes", params(("ref" = String, Path)), responses((status = 200, body = Node)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// Revokes a node: its certificate and its key are refused from now on.
#[utoipa::path(delete, path = "/api/v1/nodes/{ref}", tag = "nodes", params(("ref" = String, Path)), responses((status = 204)))]
async fn revoke(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    service::revoke(&app, &cx, &reference).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// Gives a node no new agent sessions.
#[utoipa::path(post, path = "/api/v1/nodes/{ref}/cordon", tag = "nodes", params(("ref" = String, Path)), responses((status = 200, body = Node)))]
async fn cordon(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::schedule(&app, &cx, &reference, Schedule::Cordoned).boxed().await?))
}

/// Drains a node: it takes nothing new, what it has not begun goes elsewhere, and what runs there ends in its time.
#[utoipa::path(post, path = "/api/v1/nodes/{ref}/drain", tag = "nodes", params(("ref" = String, Path)), responses((status = 200, body = Node)))]
async fn drain(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::schedule(&app, &cx, &reference, Schedule::Draining).boxed().await?))
}

/// Lets a cordoned or drained node take agent sessions again.
#[utoipa::path(post, path = "/api/v1/nodes/{ref}/uncordon", tag = "nodes", params(("ref" = String, Path)), responses((status = 200, body = Node)))]
async fn uncordon(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::schedule(&app, &cx, &reference, Schedule::Open).boxed().await?))
}

/// Lists the join tokens that were neither revoked nor have ended.
#[utoipa::path(get, path = "/api/v1/join-tokens", tag = "nodes", params(ListJoinTokens), responses((status = 200, body = Page<JoinToken>)))]
async fn list_tokens(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListJoinTokens>,
) -> Result<Response, Error> {
    let page = page::Request::read(&app, "join-tokens".into(), query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &tokens::list(&app, &cx, page).boxed().await?))
}

/// Makes a join token; its text is shown once.
#[utoipa::path(post, path = "/api/v1/join-tokens", tag = "nodes", request_body = CreateJoinToken, responses((status = 201, body = JoinToken)))]
async fn create_token(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreateJoinToken>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &tokens::create(&app, &cx, body).boxed().await?))
}

/// One join token by id, without its text.
#[utoipa::path(get, path = "/api/v1/join-tokens/{ref}", tag = "nodes", params(("ref" = String, Path)), responses((status = 200, body = JoinToken)))]
async fn get_token(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &tokens::get(&app, &cx, &reference).boxed().await?))
}

/// Revokes a join token; nodes that have joined stay.
#[utoipa::path(delete, path = "/api/v1/join-tokens/{ref}", tag = "nodes", params(("ref" = String, Path)), responses((status = 204)))]
async fn revoke_token(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    tokens::revoke(&app, &cx, &reference).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, revoke))
        .routes(routes!(cordon))
        .routes(routes!(uncordon))
        .routes(routes!(drain))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(get_token, revoke_token))
}
