//! The HTTP door to packs.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, header};
use mc_api::pack::{ExportMission, ImportPack, ImportedPack, MEDIA_TYPE, Pack};
use tokio_util::io::ReaderStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Ctx, Found, Query, Ref};

/// A mission as a pack (JSON lines); with `dry_run` what would be in it. The header `x-pack-sha256` has its digest.
#[utoipa::path(get, path = "/api/v1/missions/{ref}/export", tag = "missions", operation_id = "export_mission", params(("ref" = String, Path), ExportMission), responses((status = 200, content((Pack = "application/json"), (String = "application/x-ndjson")))))]
async fn export(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<ExportMission>,
) -> Result<Response, Error> {
    let exported = service::export(&app, &cx, &reference, query).boxed().await?;
    let Some(file) = exported.file else { return Ok(Found::answer(&cx, &exported.pack)) };
    let text = |value: String| HeaderValue::try_from(value).map_err(Error::internal);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (header::CONTENT_LENGTH, text(exported.pack.size_bytes.to_string())?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::CONTENT_DISPOSITION,
            text(format!("attachment; filename=\"{}.mcpack\"", exported.pack.mission))?,
        ),
        (HeaderName::from_static("x-pack-sha256"), text(exported.pack.sha256)?),
        (HeaderName::from_static("x-pack-secrets"), text(exported.pack.secrets_found.to_string())?),
    ];
    let body = Body::from_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), 64 << 10));
    Ok((headers, body).into_response())
}

/// Makes a new mission of a pack, which is the body: everything or nothing. Run again, it says what is there.
#[utoipa::path(post, path = "/api/v1/packs/import", tag = "missions", operation_id = "import_mission", params(ImportPack), request_body(content = String, content_type = "application/x-ndjson"), responses((status = 200, body = ImportedPack)))]
async fn import(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ImportPack>,
    request: Request,
) -> Result<Response, Error> {
    let content = request.into_body().into_data_stream().map(|part| part.map_err(std::io::Error::other));
    let (cx, imported) = service::import(&app, cx, query, Box::pin(content)).boxed().await?;
    Ok(Found::answer(&cx, &imported))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(import))
}
