//! `mc artifact`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mc_api::artifact::{Artifact, CreateArtifact};
use mc_client::{Upload, sha256_of};
use tokio::io::AsyncReadExt as _;

use super::get::{done, find};
use crate::args::ArtifactCommand;
use crate::context::Invocation;
use crate::exit::Failure;

pub(super) async fn run(cx: &Invocation, command: ArtifactCommand) -> anyhow::Result<()> {
    match command {
        ArtifactCommand::Put { file, name, task, media_type } => put(cx, &file, name, task, media_type).await,
        ArtifactCommand::Get { reference, file } => get(cx, &reference, file).await,
    }
}

async fn put(
    cx: &Invocation,
    file: &Path,
    name: Option<String>,
    task: Option<String>,
    media_type: Option<String>,
) -> anyhow::Result<()> {
    let (upload, sha256) = if file == Path::new("-") {
        let mut bytes = Vec::new();
        tokio::io::stdin().read_to_end(&mut bytes).await.context("cannot read standard input")?;
        (Upload::Bytes(bytes.into()), None)
    } else {
        let digest = sha256_of(file)
            .await
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
        (Upload::File(file.to_owned()), Some(digest))
    };
    let own_name = || file.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let Some(name) = name.or_else(own_name).filter(|name| name != "-") else {
        return Err(Failure::Usage("--name is needed with standard input".into()).into());
    };
    let media_type = media_type.unwrap_or_else(|| guess(&name).to_owned());
    let create = CreateArtifact { mission: cx.mission()?, name, task, sha256 };
    let artifact = cx.client()?.upload(&create, &media_type, upload).await?;
    let what = format!("stored as {}", artifact.name);
    done(cx, &artifact, &what)
}

async fn get(cx: &Invocation, reference: &str, file: Option<PathBuf>) -> anyhow::Result<()> {
    let client = cx.client()?;
    let artifact: Artifact = find(&client, reference, &cx.scope()?).await?;
    let Some(file) = file else {
        client.download(&artifact, &mut tokio::io::stdout()).await?;
        return Ok(());
    };
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let what = || format!("cannot write {}", file.display());
    let temporary = tempfile::Builder::new().prefix(".mc-get-").tempfile_in(folder).with_context(what)?;
    let mut out = tokio::fs::File::from_std(temporary.reopen().with_context(what)?);
    let written = client.download(&artifact, &mut out).await?;
    out.sync_all().await.with_context(what)?;
    temporary.persist(&file).map_err(|error| error.error).with_context(what)?;
    cx.out.talk(&format!("{written} bytes in {}, digest checked", file.display()));
    Ok(())
}

/// The media type that a name's ending stands for.
fn guess(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("txt" | "log" | "patch" | "diff") => "text/plain",
        Some("md") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("csv") => "text/csv",
        Some("json") => "application/json",
        Some("yaml" | "yml") => "application/yaml",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        Some("gz" | "tgz") => "application/gzip",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
