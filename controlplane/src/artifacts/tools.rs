//! Artifacts as tools for agents: what fits into a message. Larger content goes by HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::{StreamExt as _, stream};
use mc_api::Action;
use mc_api::artifact::CreateArtifact;
use mc_api::overlap::ArtifactAnswer;
use mc_api::tool::{ArtifactContent, ArtifactRef, GetDownloadUrl, ListArtifacts, NoArguments, PutArtifact};

use super::service::{self, Upload};
use crate::app::App;
use crate::error::Error;
use crate::http::page;
use crate::mcp::Tool;
use crate::op::OpCtx;
use crate::tasks::service::At;

/// The largest content that is given as a message, in bytes.
const MOST_BYTES: i64 = 512 * 1024;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "create_artifact",
            Action::CreateArtifact,
            "Stores text or bytes (at most about 700 kB in one call) as an artifact of a mission and, if named, a task.",
            |app, cx, _: NoArguments, body: PutArtifact| async move { put(&app, cx, body).boxed().await },
        ),
        Tool::new(
            "list_artifacts",
            Action::ReadArtifact,
            "Lists artifacts, oldest first, narrowed by mission, kluster or task; in pages.",
            |app, cx, wanted: ListArtifacts, _: NoArguments| async move {
                let at = At { mission: wanted.mission, kluster: wanted.kluster };
                let narrow = service::narrow(&app, &cx, &at, wanted.task.as_deref(), Vec::new()).boxed().await?;
                let name = format!("artifacts {narrow:?}");
                let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
                service::list(&app, &cx, page, narrow).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "get_artifact",
            Action::ReadArtifact,
            "An artifact's metadata: name, media type, size, digest.",
            |app, cx, artifact: ArtifactRef, _: NoArguments| async move {
                service::get(&app, &cx, &artifact.artifact).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "download_artifact",
            Action::DownloadArtifact,
            "An artifact with its content, as text or Base64, up to 512 KiB. Every download is in the ledger.",
            |app, cx, artifact: ArtifactRef, _: NoArguments| async move {
                download(&app, &cx, &artifact.artifact).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "get_artifact_download_url",
            Action::DownloadArtifact,
            "A URL that gives an artifact's bytes without a token until it expires; for content too large for a message.",
            |app, cx, wanted: GetDownloadUrl, _: NoArguments| async move {
                let base = app.endpoints.http_url();
                service::download_url(&app, &cx, &wanted.artifact, wanted.expires_seconds, &base).boxed().await
            },
        )
        .read_only(),
    ]
}

async fn put(app: &App, cx: OpCtx, request: PutArtifact) -> Result<ArtifactAnswer, Error> {
    let (bytes, usual) = match (request.text, request.content_base64) {
        (Some(text), None) => (text.into_bytes(), Some("text/plain; charset=utf-8".to_owned())),
        (None, Some(encoded)) => {
            let bytes = STANDARD
                .decode(encoded)
                .map_err(|_| Error::invalid("/content_base64", "standard Base64 with padding"))?;
            (bytes, None)
        }
        _ => return Err(Error::invalid("/text", "give exactly one of text and content_base64")),
    };
    let upload = Upload {
        media_type: request.media_type.or(usual),
        length: u64::try_from(bytes.len()).ok(),
        content: Box::pin(stream::iter([Ok(Bytes::from(bytes))])),
    };
    let create = CreateArtifact {
        mission: request.mission,
        name: request.name,
        task: request.task,
        sha256: request.sha256,
        acknowledge_overlap: (!request.acknowledge_overlap.is_empty())
            .then(|| request.acknowledge_overlap.join(",")),
    };
    let (_, artifact) = service::create(app, cx, create, upload).boxed().await?;
    Ok(artifact)
}

/// An artifact with its content, when that fits into a message.
pub(crate) async fn download(app: &App, cx: &OpCtx, reference: &str) -> Result<ArtifactContent, Error> {
    let artifact = service::get(app, cx, reference).boxed().await?;
    if artifact.size_bytes > MOST_BYTES {
        let detail = format!("{} bytes; fetch it by get_artifact_download_url", artifact.size_bytes);
        return Err(Error::invalid("/artifact", detail));
    }
    let mut download = service::download(app, cx, reference, None, false).boxed().await?;
    let mut bytes = Vec::new();
    while let Some(part) = download.content.next().await {
        bytes.extend_from_slice(&part.map_err(Error::internal)?);
    }
    let (text, content_base64) = match String::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(other) => (None, Some(STANDARD.encode(other.as_bytes()))),
    };
    Ok(ArtifactContent { artifact: download.artifact, text, content_base64 })
}
