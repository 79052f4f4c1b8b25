//! The HTTP door to skills.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, header};
use mc_api::Page;
use mc_api::bundle::MEDIA_TYPE;
use mc_api::skill::{
    CreateSkill, PromoteSkills, ReportSkills, SkillBundle, SkillManifest, SkillSnapshot, SkillState,
    SkillSync,
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Narrow};
use super::{effective, model, promote, sync};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Query, Ref, page};
use crate::tasks::routes::InKluster;
use crate::tasks::service::{At, within};

/// What a list of skill bundles may be narrowed to.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListSkills {
    /// Mission id or name: its bundles and those of its klusters.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// `draft`, `published` or `deprecated`.
    pub state: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which copies of skills.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListSkillSync {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// Agent session id.
    pub session: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Where skills hold.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Effective {
    /// Mission id or name.
    pub mission: String,
    /// Kluster id or name; absent: what holds where no kluster is.
    pub kluster: Option<String>,
    /// `m<n>-k<n>`; absent: what holds now.
    pub version: Option<String>,
}

/// Reads what a list is narrowed to.
pub(super) async fn narrow(
    app: &SharedApp,
    cx: &crate::op::OpCtx,
    at: &At,
    state: Option<SkillState>,
) -> Result<Narrow, Error> {
    let (mission, kluster) = within(&mut app.db.begin_read().await?, cx, at).await?;
    Ok(Narrow { mission, kluster, state })
}

/// Lists versions of skill bundles.
#[utoipa::path(get, path = "/api/v1/skills", tag = "skills", params(ListSkills), responses((status = 200, body = Page<SkillBundle>)))]
async fn list(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListSkills>,
) -> Result<Response, Error> {
    let state = query.state.as_deref().map(str::parse::<SkillState>).transpose();
    let state = state.map_err(|error| Error::invalid("?state", error.to_string()))?;
    let at = At { mission: query.mission, kluster: query.kluster };
    let narrow = narrow(&app, &cx, &at, state).boxed().await?;
    let page = page::Request::read(&app, format!("skills {narrow:?}"), query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(&cx, &service::list(&app, &cx, page, narrow).boxed().await?))
}

/// Stores an archive (tar, also gzipped, at most 24 MiB as sent, 16 MiB of files) as the next version of a bundle: a draft.
#[utoipa::path(post, path = "/api/v1/skills", tag = "skills", params(CreateSkill), request_body(content = String, content_type = "application/x-tar"), responses((status = 201, body = SkillBundle)))]
async fn create(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<CreateSkill>,
    request: Request,
) -> Result<Response, Error> {
    let content = body_of(request)?;
    let (cx, bundle) = service::create(&app, cx, query, content).boxed().await?;
    Ok(Created::answer(&cx, &bundle))
}

/// The bytes of a request, refused at once when it says that they are too many.
pub(crate) fn body_of(request: Request) -> Result<crate::objects::ByteStream, Error> {
    let (parts, body) = request.into_parts();
    let length: Option<u64> =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length| length > mc_api::bundle::MAX_ARCHIVE_BYTES as u64) {
        return Err(model::too_large());
    }
    Ok(Box::pin(body.into_data_stream().map(|part| part.map_err(std::io::Error::other))))
}

/// One version by id, or by `m3` or `k2` with mission and kluster.
#[utoipa::path(get, path = "/api/v1/skills/{ref}", tag = "skills", params(("ref" = String, Path), InKluster), responses((status = 200, body = SkillBundle)))]
async fn get(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference, &at.into()).boxed().await?))
}

/// What is in a version: paths, sizes, digests.
#[utoipa::path(get, path = "/api/v1/skills/{ref}/manifest", tag = "skills", params(("ref" = String, Path), InKluster), responses((status = 200, body = SkillManifest)))]
async fn manifest(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::manifest(&app, &cx, &reference, &at.into()).boxed().await?))
}

/// An archive as an answer.
pub(crate) fn archive_answer(bytes: Vec<u8>, sha256: &str, version: &str) -> Result<Response, Error> {
    let text = |value: &str| HeaderValue::from_str(value).map_err(Error::internal);
    let values = [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (header::ETAG, text(&format!("\"{sha256}\""))?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("x-bundle-version"), text(version)?),
    ];
    let mut response = bytes.into_response();
    response.headers_mut().extend(values);
    Ok(response)
}

/// The archive of a version, as tar. `x-bundle-version` says which it is, the entity tag is its digest.
#[utoipa::path(get, path = "/api/v1/skills/{ref}/content", tag = "skills", params(("ref" = String, Path), InKluster), responses((status = 200, content_type = "application/x-tar", body = String)))]
async fn content(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    let (bundle, bytes) = service::download(&app, &cx, &reference, &at.into()).boxed().await?;
    archive_answer(bytes, &bundle.sha256, &bundle.name)
}

/// Publishes a version: it holds while no newer one is published.
#[utoipa::path(post, path = "/api/v1/skills/{ref}/publish", tag = "skills", params(("ref" = String, Path), InKluster), responses((status = 200, body = SkillBundle)))]
async fn publish(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::publish(&app, &cx, &reference, &at.into()).boxed().await?))
}

/// Takes a version out of use: the newest one that is still published holds again.
#[utoipa::path(post, path = "/api/v1/skills/{ref}/deprecate", tag = "skills", params(("ref" = String, Path), InKluster), responses((status = 200, body = SkillBundle)))]
async fn deprecate(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(at): Query<InKluster>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::deprecate(&app, &cx, &reference, &at.into()).boxed().await?))
}

/// What holds in a kluster: the mission's newest published version under the kluster's, signed.
#[utoipa::path(get, path = "/api/v1/skills/effective", tag = "skills", params(Effective), responses((status = 200, body = SkillSnapshot)))]
async fn get_effective(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<Effective>,
) -> Result<Response, Error> {
    let place = (query.mission.as_str(), query.kluster.as_deref());
    let (snapshot, _) = effective::get(&app, &cx, place, query.version.as_deref()).boxed().await?;
    Ok(Found::answer(&cx, &snapshot))
}

/// The archive of what holds, as tar; the same bundles give the same bytes.
#[utoipa::path(get, path = "/api/v1/skills/effective/content", tag = "skills", params(Effective), responses((status = 200, content_type = "application/x-tar", body = String)))]
async fn effective_content(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<Effective>,
) -> Result<Response, Error> {
    let place = (query.mission.as_str(), query.kluster.as_deref());
    let (snapshot, bytes) = effective::get(&app, &cx, place, query.version.as_deref()).boxed().await?;
    archive_answer(bytes, &snapshot.sha256, &snapshot.effective_version)
}

/// Who has which skills, and what was changed in them.
#[utoipa::path(get, path = "/api/v1/skills/sync", tag = "skills", params(ListSkillSync), responses((status = 200, body = Page<SkillSync>)))]
async fn list_sync(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListSkillSync>,
) -> Result<Response, Error> {
    let at = At { mission: query.mission, kluster: query.kluster };
    let narrow = sync::Narrow { at, session: query.session };
    let part = (query.limit, query.cursor.as_deref());
    Ok(Found::answer(&cx, &sync::list(&app, &cx, narrow, part).boxed().await?))
}

/// Says which skills the caller has somewhere, and what was changed in them since.
#[utoipa::path(post, path = "/api/v1/skills/sync", tag = "skills", request_body = ReportSkills, responses((status = 200, body = SkillSync)))]
async fn report(State(app): State<SharedApp>, Cmd(cx, body): Cmd<ReportSkills>) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &sync::report(&app, &cx, body).boxed().await?))
}

/// Makes what was changed in a copy of the skills the next version of a bundle: a draft.
#[utoipa::path(post, path = "/api/v1/skills/promote", tag = "skills", request_body = PromoteSkills, responses((status = 201, body = SkillBundle)))]
async fn promote_copy(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<PromoteSkills>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &promote::promote(&app, &cx, body).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get_effective))
        .routes(routes!(effective_content))
        .routes(routes!(list_sync, report))
        .routes(routes!(promote_copy))
        .routes(routes!(get))
        .routes(routes!(manifest))
        .routes(routes!(content))
        .routes(routes!(publish))
        .routes(routes!(deprecate))
}
