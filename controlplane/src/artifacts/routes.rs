//! The HTTP door to artifacts.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mc_api::artifact::{Artifact, CreateArtifact};
use mc_api::{Page, ProblemKind};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Upload};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Created, Ctx, Found, Gone, Query, Ref, page};
use crate::watch;

/// What a list of artifacts may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListArtifacts {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Task id or key.
    pub task: Option<String>,
    /// `key=value` or `key`, separated by commas.
    pub labels: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Stream snapshot and changes (SSE) instead of a page.
    pub watch: Option<bool>,
    /// With `watch`: go on after this sequence number, without a snapshot.
    pub from: Option<i64>,
}

/// Lists artifacts, or streams their changes.
#[utoipa::path(get, path = "/api/v1/artifacts", tag = "artifacts", params(ListArtifacts), responses((status = 200, body = Page<Artifact>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListArtifacts>,
) -> Result<Response, Error> {
    let labels = page::labels(query.labels.as_deref())?;
    let (mission, task) = (query.mission.as_deref(), query.task.as_deref());
    let narrow = service::narrow(&app, &cx, mission, task, labels).await?;
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Artifacts(narrow), query.from).await;
    }
    let name = format!("artifacts {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).await?))
}

fn media_type(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let unreadable = |_| Error::new(ProblemKind::MalformedRequest, "content-type is not readable ASCII");
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str).transpose();
    Ok(value.map_err(unreadable)?.map(str::to_owned))
}

/// Stores content (at most 64 MiB) as an artifact; the body is the bytes, `content-type` their media type.
#[utoipa::path(post, path = "/api/v1/artifacts", tag = "artifacts", params(CreateArtifact), request_body(content = String, content_type = "application/octet-stream"), responses((status = 201, body = Artifact)))]
async fn create(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<CreateArtifact>,
    request: Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let length =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let content = body.into_data_stream().map(|part| part.map_err(std::io::Error::other));
    let upload = Upload { media_type: media_type(&parts.headers)?, length, content: Box::pin(content) };
    let (cx, artifact) = service::create(&app, cx, query, upload).await?;
    Ok(Created::answer(&cx, &artifact))
}

/// One artifact's metadata by id.
#[utoipa::path(get, path = "/api/v1/artifacts/{ref}", tag = "artifacts", params(("ref" = String, Path)), responses((status = 200, body = Artifact)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).await?))
}

/// The bytes of an artifact; every download is in the ledger.
#[utoipa::path(get, path = "/api/v1/artifacts/{ref}/content", tag = "artifacts", params(("ref" = String, Path)), responses((status = 200, content_type = "application/octet-stream", body = String)))]
async fn content(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    let download = service::download(&app, &cx, &reference).await?;
    let text = |value: &str| HeaderValue::from_str(value).map_err(Error::internal);
    let artifact = &download.artifact;
    let values = [
        (header::CONTENT_TYPE, text(&artifact.media_type)?),
        (header::CONTENT_LENGTH, HeaderValue::from(artifact.size_bytes)),
        (header::ETAG, text(&format!("\"{}\"", artifact.sha256))?),
        (header::CONTENT_DISPOSITION, text(&download.disposition)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    ];
    let mut response = Body::from_stream(download.content).into_response();
    response.headers_mut().extend(values);
    Ok(response)
}

/// Deletes an artifact that no publication holds.
#[utoipa::path(delete, path = "/api/v1/artifacts/{ref}", tag = "artifacts", params(("ref" = String, Path)), responses((status = 204)))]
async fn delete(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference).await?;
    Ok(Gone::answer(&cx))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, delete)).routes(routes!(content))
}
