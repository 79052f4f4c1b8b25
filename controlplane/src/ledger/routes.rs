//! The HTTP door to the ledger.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, header};
use mc_api::ledger::{LedgerEvent, LedgerHead};
use mc_api::page::ListOrder;
use mc_api::persistence::{EntityKind, RestoreLedger, RestoredLedger};
use mc_api::restore::MEDIA_TYPE;
use mc_api::tool::EntityHistory;
use mc_api::{Page, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Ctx, Found, Query, page};
use crate::restore::{self, Sent};

/// What the ledger may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// Events after this position.
    pub after: Option<i64>,
    /// Events before this position.
    pub before: Option<i64>,
    /// Mission id or name.
    pub mission: Option<String>,
    /// The subject's id.
    pub subject: Option<String>,
    /// The subject's kind, such as `task`.
    pub subject_kind: Option<String>,
    /// `subject.verb`; several, separated by commas.
    pub action: Option<String>,
    /// Who did it: id, or name for those who may read principals.
    pub actor: Option<String>,
    /// At this time or later (RFC 3339).
    #[param(value_type = Option<String>)]
    pub since: Option<Timestamp>,
    /// Before this time (RFC 3339).
    #[param(value_type = Option<String>)]
    pub until: Option<Timestamp>,
    /// `asc` (default): in the order of the chain; `desc`: newest first.
    #[param(inline)]
    pub order: Option<ListOrder>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The actions of a list, separated by commas.
fn actions(text: &str) -> Result<Vec<String>, Error> {
    let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
    if words.len() > 20 || words.iter().any(String::is_empty) {
        return Err(Error::invalid("?action", "1 to 20 of subject.verb, separated by commas"));
    }
    Ok(words)
}

/// Lists sealed events in the order of the chain, or newest first. With `subject_kind`, `action` or `actor` a page may
/// hold fewer events than asked for, even none: `next_cursor` goes on until it is absent.
#[utoipa::path(get, path = "/api/v1/ledger/events", tag = "ledger", params(ListEvents), responses((status = 200, body = Page<LedgerEvent>)))]
async fn events(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListEvents>,
) -> Result<Response, Error> {
    let wanted = service::Query {
        mission: query.mission,
        subject: query.subject,
        subject_kind: query.subject_kind,
        actions: query.action.as_deref().map(actions).transpose()?,
        actor: query.actor,
        since: query.since,
        until: query.until,
        after: query.after.unwrap_or(0),
        before: query.before,
        newest_first: query.order == Some(ListOrder::Desc),
    };
    let page = page::Request::read(&app, format!("ledger {wanted:?}"), query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, wanted).boxed().await?))
}

/// The end of the chain, and how many events wait for their seal.
#[utoipa::path(get, path = "/api/v1/ledger/head", tag = "ledger", responses((status = 200, body = LedgerHead)))]
async fn head(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::head(&app, &cx).boxed().await?))
}

/// The whole chain, one sealed event per line, up to the head at the time of the request.
#[utoipa::path(get, path = "/api/v1/ledger/export", tag = "ledger", responses((status = 200, content_type = "application/x-ndjson", body = String)))]
async fn export(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    let upto = service::begin_export(&app, &cx).boxed().await?;
    let parts = stream::try_unfold((app, cx, 0_i64), move |(app, cx, after)| async move {
        if after >= upto {
            return Ok::<_, Error>(None);
        }
        let events = service::export(&app, &cx, after, upto).boxed().await?;
        let Some(last) = events.last().and_then(|event| i64::try_from(event.seq).ok()) else {
            return Ok(None);
        };
        let mut text = Vec::new();
        for event in &events {
            serde_json::to_writer(&mut text, event).map_err(Error::internal)?;
            text.push(b'\n');
        }
        Ok(Some((Bytes::from(text), (app, cx, last))))
    });
    let mut response = Body::from_stream(parts).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// What a history may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryOf {
    /// The kind of the entity; absent: `entity_id` is an id.
    pub entity_type: Option<EntityKind>,
    /// Id, or with `entity_type` also key or name.
    pub entity_id: Option<String>,
    /// Mission id or name.
    pub mission_id: Option<String>,
    /// `asc` (default): oldest first; `desc`: newest first.
    #[param(inline)]
    pub order: Option<ListOrder>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What happened to an entity, oldest or newest first.
#[utoipa::path(get, path = "/api/v1/ledger/history", tag = "ledger", params(HistoryOf), responses((status = 200, body = Page<LedgerEvent>)))]
async fn history(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<HistoryOf>,
) -> Result<Response, Error> {
    let wanted = EntityHistory {
        entity_type: query.entity_type,
        entity_id: query.entity_id,
        mission_id: query.mission_id,
        order: query.order,
        limit: query.limit,
        cursor: query.cursor,
        ..EntityHistory::default()
    };
    Ok(Found::answer(&cx, &service::history(&app, &cx, wanted).boxed().await?))
}

/// Rebuilds published state from a Git ledger, in an installation without missions: everything or nothing. What does not
/// fit into one piece comes as a stream: lines of JSON, each with as many bytes of text behind it as it says. Sent again
/// after an interruption it goes on where it was.
#[utoipa::path(post, path = "/api/v1/ledger/restore", tag = "ledger", request_body(content((RestoreLedger = "application/json"), (String = "application/vnd.missioncontrol.restore"))), responses((status = 200, body = RestoredLedger)))]
async fn restore(State(app): State<SharedApp>, request: Request) -> Result<Response, Error> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (cx, sent) = if media == Some(MEDIA_TYPE) {
        let (mut parts, body) = request.into_parts();
        let Ctx(cx) = Ctx::from_request_parts(&mut parts, &app).await?;
        let content = body.into_data_stream().map(|part| part.map_err(std::io::Error::other));
        (cx, Sent::Stream(Box::pin(content)))
    } else {
        let command = Cmd::<RestoreLedger, { restore::MAX_BODY_BYTES }>::from_request(request, &app);
        let Cmd(cx, body) = command.await?;
        (cx, Sent::Whole(body))
    };
    let (cx, restored) = restore::restore(&app, cx, sent).boxed().await?;
    Ok(Found::answer(&cx, &restored))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(head))
        .routes(routes!(export))
        .routes(routes!(history))
        .routes(routes!(restore))
}
