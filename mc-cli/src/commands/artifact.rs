//! `mc artifact`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use mc_api::artifact::{Artifact, CreateArtifact};
use mc_client::{Have, Upload, sha256_of};
use tokio::io::AsyncReadExt as _;

use super::get::find;
use super::overlap::wrote;
use crate::args::ArtifactCommand;
use crate::context::Invocation;
use crate::exit::Failure;

pub(super) async fn run(cx: &Invocation, command: ArtifactCommand) -> anyhow::Result<()> {
    match command {
        ArtifactCommand::Put { file, name, task, media_type, acknowledge_overlap } => {
            put(cx, &file, (name, task, media_type), &acknowledge_overlap).await
        }
        ArtifactCommand::Download { reference, url: true, expires, .. } => url(cx, &reference, expires).await,
        ArtifactCommand::Download { reference, file, .. } => download(cx, &reference, file).await,
    }
}

async fn put(
    cx: &Invocation,
    file: &Path,
    (name, task, media_type): (Option<String>, Option<String>, Option<String>),
    acknowledged: &[String],
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
    let acknowledge_overlap = (!acknowledged.is_empty()).then(|| acknowledged.join(","));
    let create = CreateArtifact { mission: cx.mission()?, name, task, sha256, acknowledge_overlap };
    let answer = cx.client()?.upload(&create, &media_type, upload).await?;
    let what = format!("stored as {}", answer.artifact.name);
    wrote(cx, (&answer, &answer.artifact), (&answer.overlap_suggestions, answer.overlap_pending), &what)
}

async fn download(cx: &Invocation, reference: &str, file: Option<PathBuf>) -> anyhow::Result<()> {
    let client = cx.client()?;
    let artifact: Artifact = find(&client, reference, &cx.scope()?).await?;
    let Some(file) = file else {
        client.download(&artifact, Have::nothing(), &mut tokio::io::stdout()).await?;
        return Ok(());
    };
    let what = || format!("cannot write {}", file.display());
    let mut partial = Partial::open(&file, &artifact).with_context(what)?;
    let begun = partial.file.metadata().await.with_context(what)?.len();
    if begun > u64::try_from(artifact.size_bytes)? {
        partial.file.set_len(0).await.with_context(what)?;
    }
    let have = Have::all_of(&mut partial.file).await.with_context(what)?;
    if have.bytes() > 0 {
        cx.out.talk(&format!("{} of {} bytes are here already", have.bytes(), artifact.size_bytes));
    }
    let written = client.download(&artifact, have, &mut partial.file).await;
    if matches!(written, Err(mc_client::Error::DigestMismatch { .. })) {
        // What is wrong must not be taken up again.
        std::fs::remove_file(&partial.path).with_context(what)?;
    }
    let written = written?;
    partial.file.sync_all().await.with_context(what)?;
    std::fs::rename(&partial.path, &file).with_context(what)?;
    cx.out.talk(&format!("{written} bytes in {}, digest checked", file.display()));
    Ok(())
}

/// What an interrupted download left beside its file, or will leave: `.NAME.DIGEST.mc-part`, held by one process.
struct Partial {
    path: PathBuf,
    file: tokio::fs::File,
}

impl Partial {
    fn open(file: &Path, artifact: &Artifact) -> anyhow::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let name = file.file_name().context("no file name")?.to_string_lossy();
        let digest: String = artifact.sha256.chars().take(16).collect();
        let path = file.with_file_name(format!(".{name}.{digest}.mc-part"));
        loop {
            let open = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            match open.try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    let busy = format!("another mc downloads it to {}", file.display());
                    return Err(Failure::Conflict(busy).into());
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
            }
            // Whoever held it before may have finished and moved it away.
            let (held, there) = (open.metadata()?, std::fs::metadata(&path));
            if there.is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())) {
                return Ok(Self { path, file: tokio::fs::File::from_std(open) });
            }
        }
    }
}

async fn url(cx: &Invocation, reference: &str, life: Option<Duration>) -> anyhow::Result<()> {
    let client = cx.client()?;
    let artifact: Artifact = find(&client, reference, &cx.scope()?).await?;
    let url = client.download_url(&artifact, life).await?;
    cx.out.value(&url, || format!("{}\n", url.url))
}

/// The media type that a name's ending stands for.
pub(super) fn guess(name: &str) -> &'static str {
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
