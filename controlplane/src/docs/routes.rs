//! The HTTP door to docs.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, header};
use mc_api::Page;
use mc_api::doc::{
    CreateDoc, Doc, DocContent, DocDiff, DocState, DocVersion, InitKeystone, PublishDoc, PutDocVersion,
    UpdateDoc,
};
use mc_api::overlap::DocAnswer;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::keystone;
use super::service::{self, Narrow};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, MAX_TEXT_BODY, Query, Ref, page};
use crate::tasks::routes::InKluster;
use crate::tasks::service::{At, within};
use crate::watch;

/// What a list of docs may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListDocs {
    /// Mission id or name: its docs and those of its klusters.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// `draft` or `published`.
    pub state: Option<String>,
    /// The doc's name.
    pub name: Option<String>,
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

/// Which part of the versions.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListVersions {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which version.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OneVersion {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// The number; absent: the newest.
    pub version: Option<i64>,
}

/// Which versions are compared.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TwoVersions {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// The older side; absent: the one before `to`.
    pub from: Option<i64>,
    /// The newer side; absent: the newest.
    pub to: Option<i64>,
}

/// Reads what a list is narrowed to.
pub(super) async fn narrow(
    app: &SharedApp,
    cx: &crate::op::OpCtx,
    at: &At,
    (state, name, labels): (Option<DocState>, Option<String>, Option<&str>),
) -> Result<Narrow, Error> {
    let (mission, kluster) = within(&mut app.db.begin_read().await?, cx, at).await?;
    Ok(Narrow { mission, kluster, state, name, labels: page::labels(labels)? })
}

/// Lists docs, or streams their changes.
#[utoipa::path(get, path = "/api/v1/docs", tag = "docs", params(ListDocs), responses((status = 200, body = Page<Doc>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListDocs>,
) -> Result<Response, Error> {
    let state = query.state.as_deref().map(str::parse::<DocState>).transpose();
    let state = state.map_err(|error| Error::invalid("?state", error.to_string()))?;
    let at = At { mission: query.mission, kluster: query.kluster };
    let narrow = narrow(&app, &cx, &at, (state, query.name, query.labels.as_deref())).boxed().await?;
    if query.watch == Some(true) {
        return watch::stream(app, cx, watch::Docs(narrow), query.from).boxed().await;
    }
    let page = page::Request::read(&app, format!("docs {narrow:?}"), query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// Creates a doc with its first version (at most 1 MiB of text).
#[utoipa::path(post, path = "/api/v1/docs", tag = "docs", request_body = CreateDoc, responses((status = 201, body = DocAnswer)))]
async fn create(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreateDoc, MAX_TEXT_BODY>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::create(&app, &cx, body).boxed().await?))
}

/// One doc's metadata by id, or by name with mission and kluster.
#[utoipa::path(get, path = "/api/v1/docs/{ref}", tag = "docs", params(("ref" = String, Path), InKluster), responses((status = 200, body = Doc)))]
async fn get(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference, &at.into()).boxed().await?))
}

/// Changes a doc's metadata (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/v1/docs/{ref}", tag = "docs", params(("ref" = String, Path), InKluster), request_body(content = UpdateDoc, content_type = "application/merge-patch+json"), responses((status = 200, body = DocAnswer)))]
async fn update(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
    Cmd(cx, body): Cmd<UpdateDoc>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::update(&app, &cx, &reference, &at.into(), body).boxed().await?))
}

/// Deletes a doc with all its versions.
#[utoipa::path(delete, path = "/api/v1/docs/{ref}", tag = "docs", params(("ref" = String, Path), InKluster), responses((status = 204)))]
async fn delete(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    service::delete(&app, &cx, &reference, &at.into()).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// Lists the versions of a doc, ascending.
#[utoipa::path(get, path = "/api/v1/docs/{ref}/versions", tag = "docs", params(("ref" = String, Path), ListVersions), responses((status = 200, body = Page<DocVersion>)))]
async fn versions(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<ListVersions>,
) -> Result<Response, Error> {
    let at = At { mission: query.mission, kluster: query.kluster };
    let part = (query.limit, query.cursor.as_deref());
    Ok(Found::answer(&cx, &service::versions(&app, &cx, &reference, &at, part).boxed().await?))
}

/// Writes a new version (at most 1 MiB of text) on top of the newest, which `base_version` names.
#[utoipa::path(post, path = "/api/v1/docs/{ref}/versions", tag = "docs", params(("ref" = String, Path), InKluster), request_body = PutDocVersion, responses((status = 200, body = DocAnswer)))]
async fn put_version(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
    Cmd(cx, body): Cmd<PutDocVersion, MAX_TEXT_BODY>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::put_version(&app, &cx, &reference, &at.into(), body).boxed().await?))
}

/// The text of a version as it is, at most 1 MiB; ranges are not served. `x-doc-version` says which version it is.
#[utoipa::path(get, path = "/api/v1/docs/{ref}/content", tag = "docs", params(("ref" = String, Path), OneVersion), responses((status = 200, content_type = "text/markdown", body = String)))]
async fn content(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<OneVersion>,
) -> Result<Response, Error> {
    let at = At { mission: query.mission, kluster: query.kluster };
    let found = service::content(&app, &cx, &reference, &at, query.version).boxed().await?;
    let text = |value: &str| HeaderValue::from_str(value).map_err(Error::internal);
    let values = [
        (header::CONTENT_TYPE, text(&found.doc.media_type)?),
        (header::ETAG, text(&format!("\"{}\"", found.version.sha256))?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("x-doc-version"), HeaderValue::from(found.version.number)),
    ];
    let mut response = found.content.into_response();
    response.headers_mut().extend(values);
    Ok(response)
}

/// Compares two versions as a unified diff.
#[utoipa::path(get, path = "/api/v1/docs/{ref}/diff", tag = "docs", params(("ref" = String, Path), TwoVersions), responses((status = 200, body = DocDiff)))]
async fn diff(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<TwoVersions>,
) -> Result<Response, Error> {
    let at = At { mission: query.mission, kluster: query.kluster };
    let sides = (query.from, query.to);
    Ok(Found::answer(&cx, &service::diff(&app, &cx, &reference, &at, sides).boxed().await?))
}

/// Publishes the version named.
#[utoipa::path(post, path = "/api/v1/docs/{ref}/publish", tag = "docs", params(("ref" = String, Path), InKluster), request_body = PublishDoc, responses((status = 200, body = Doc)))]
async fn publish(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
    Cmd(cx, body): Cmd<PublishDoc>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::publish(&app, &cx, &reference, &at.into(), body).boxed().await?))
}

/// Whose keystone.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OfWhat {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name: its workstream; absent: the mission's north star.
    pub kluster: Option<String>,
}

/// The keystone of a mission or kluster, with its newest text.
#[utoipa::path(get, path = "/api/v1/keystones", tag = "docs", params(OfWhat), responses((status = 200, body = DocContent)))]
async fn get_keystone(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(of): Query<OfWhat>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &keystone::get(&app, &cx, &of.mission, of.kluster.as_deref()).boxed().await?))
}

/// Makes a keystone from its template; one that exists is the answer as it is.
#[utoipa::path(post, path = "/api/v1/keystones", tag = "docs", request_body = InitKeystone, responses((status = 200, body = Doc)))]
async fn init_keystone(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<InitKeystone>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &keystone::init(&app, &cx, body).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(versions, put_version))
        .routes(routes!(content))
        .routes(routes!(diff))
        .routes(routes!(publish))
        .routes(routes!(get_keystone, init_keystone))
}
