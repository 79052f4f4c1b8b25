//! The HTTP door to artifacts.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use mc_api::artifact::{Artifact, CreateArtifact, DownloadUrl};
use mc_api::overlap::ArtifactAnswer;
use mc_api::{Page, ProblemKind};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::link::Signed;
use super::model;
use super::range::{self, Wanted};
use super::service::{self, Upload};
use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::http::extract::context_of;
use crate::http::{Created, Ctx, Found, Gone, Query, Ref, page};
use crate::op::OpCtx;
use crate::tasks::service::At;
use crate::watch;

/// What a list of artifacts may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListArtifacts {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name: its own artifacts and those of its tasks.
    pub kluster: Option<String>,
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
    let at = At { mission: query.mission, kluster: query.kluster };
    let narrow = service::narrow(&app, &cx, &at, query.task.as_deref(), labels).boxed().await?;
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Artifacts(narrow), query.from).boxed().await;
    }
    let name = format!("artifacts {narrow:?}");
    let page = page::Request::read(&app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

fn media_type(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let unreadable = |_| Error::new(ProblemKind::MalformedRequest, "content-type is not readable ASCII");
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str).transpose();
    Ok(value.map_err(unreadable)?.map(str::to_owned))
}

/// Stores content (at most 64 MiB) as an artifact; the body is the bytes, `content-type` their media type.
#[utoipa::path(post, path = "/api/v1/artifacts", tag = "artifacts", params(CreateArtifact), request_body(content = String, content_type = "application/octet-stream"), responses((status = 201, body = ArtifactAnswer)))]
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
    let (cx, artifact) = service::create(&app, cx, query, upload).boxed().await?;
    Ok(Created::answer(&cx, &artifact))
}

/// One artifact's metadata by id.
#[utoipa::path(get, path = "/api/v1/artifacts/{ref}", tag = "artifacts", params(("ref" = String, Path)), responses((status = 200, body = Artifact)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// How content is asked for.
struct Asked {
    method: Method,
    headers: HeaderMap,
    reference: String,
    /// By a URL of ours instead of a token.
    by_url: bool,
}

/// The headers that every answer about the content has.
fn content_headers(artifact: &Artifact) -> Result<HeaderMap, Error> {
    let text = |value: &str| HeaderValue::from_str(value).map_err(Error::internal);
    Ok(HeaderMap::from_iter([
        (header::ETAG, text(&format!("\"{}\"", artifact.sha256))?),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
    ]))
}

async fn answer(app: &App, cx: &OpCtx, asked: Asked) -> Result<Response, Error> {
    let text = |value: &str| HeaderValue::from_str(value).map_err(Error::internal);
    let artifact = service::readable(app, cx, &asked.reference).boxed().await?;
    let size = u64::try_from(artifact.size_bytes).map_err(Error::internal)?;
    let mut headers = content_headers(&artifact)?;
    let etag = format!("\"{}\"", artifact.sha256);
    let part = match range::wanted(&asked.headers, &etag, size) {
        Wanted::NotModified => {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        _ if asked.method == Method::HEAD => None,
        Wanted::Unsatisfiable => {
            let problem =
                Error::new(ProblemKind::RangeNotSatisfiable, format!("the content has {size} bytes"));
            let mut response = problem.into_response();
            headers.insert(header::CONTENT_RANGE, text(&format!("bytes */{size}"))?);
            response.headers_mut().extend(headers);
            return Ok(response);
        }
        Wanted::Whole => None,
        Wanted::Part(part) => Some(part),
    };
    headers.insert(header::CONTENT_TYPE, text(&artifact.media_type)?);
    headers.insert(header::CONTENT_DISPOSITION, text(&model::disposition(&artifact.name))?);
    let (status, length) = match &part {
        None => (StatusCode::OK, size),
        Some(part) => {
            let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            headers.insert(header::CONTENT_RANGE, text(&range)?);
            (StatusCode::PARTIAL_CONTENT, part.end - part.start)
        }
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let body = if asked.method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(
            service::download(app, cx, &asked.reference, part, asked.by_url).boxed().await?.content,
        )
    };
    let mut response = (status, body).into_response();
    response.headers_mut().extend(headers);
    Ok(response)
}

/// The bytes of an artifact, or a range of them; every download is in the ledger.
#[utoipa::path(get, path = "/api/v1/artifacts/{ref}/content", tag = "artifacts", params(("ref" = String, Path), ("range" = Option<String>, Header), ("if-range" = Option<String>, Header), ("if-none-match" = Option<String>, Header)), responses((status = 200, content_type = "application/octet-stream", body = String), (status = 206, content_type = "application/octet-stream", body = String), (status = 304)))]
async fn content(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Error> {
    answer(&app, &cx, Asked { method, headers, reference, by_url: false }).boxed().await
}

/// The bytes of an artifact by a URL that `download-url` gave out; no token is needed.
#[utoipa::path(get, path = "/api/v1/artifacts/{ref}/signed-content", tag = "artifacts", security(()), params(("ref" = String, Path), Signed, ("range" = Option<String>, Header)), responses((status = 200, content_type = "application/octet-stream", body = String), (status = 206, content_type = "application/octet-stream", body = String), (status = 304)))]
async fn signed_content(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(signed): Query<Signed>,
    request: Request,
) -> Result<Response, Error> {
    let caller = service::caller_of_link(&app, &reference, &signed).boxed().await?;
    let (parts, _) = request.into_parts();
    let cx = context_of(caller, &parts, &app, b"")?;
    let asked = Asked { method: parts.method, headers: parts.headers, reference, by_url: true };
    answer(&app, &cx, asked).boxed().await
}

/// How long a download URL is to be good.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct GetDownloadUrl {
    /// Seconds; default 900, at most what the server allows (3600 unless set otherwise).
    pub expires_seconds: Option<u32>,
}

/// The server as the caller reaches it; a forged header misleads only who sends it.
fn base(app: &App, headers: &HeaderMap, uri: &http::Uri) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.or_else(|| uri.authority().map(http::uri::Authority::as_str)) else {
        return app.endpoints.http_url();
    };
    let tls = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    format!("{}://{host}", if tls { "https" } else { "http" })
}

/// A URL that gives the bytes without a token until it expires; giving it out is in the ledger.
#[utoipa::path(get, path = "/api/v1/artifacts/{ref}/download-url", tag = "artifacts", params(("ref" = String, Path), GetDownloadUrl), responses((status = 200, body = DownloadUrl)))]
async fn download_url(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<GetDownloadUrl>,
    uri: http::Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let base = base(&app, &headers, &uri);
    let url = service::download_url(&app, &cx, &reference, query.expires_seconds, &base).boxed().await?;
    Ok(Found::answer(&cx, &url))
}

/// Deletes an artifact that no publication holds.
#[utoipa::path(delete, path = "/api/v1/artifacts/{ref}", tag = "artifacts", params(("ref" = String, Path)), responses((status = 204)))]
async fn delete(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(content))
        .routes(routes!(signed_content))
        .routes(routes!(download_url))
}
