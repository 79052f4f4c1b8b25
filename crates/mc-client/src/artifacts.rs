//! Bytes in and out, streamed, with their digest checked on this side.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use mc_api::artifact::{Artifact, CreateArtifact, DownloadUrl};
use mc_api::overlap::ArtifactAnswer;
use reqwest::{Method, StatusCode};
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use crate::transport::{Body, Call, random_id};
use crate::{Client, Error};

/// Where the bytes of an upload come from. Both forms can be sent again when a connection breaks.
#[derive(Clone, Debug)]
pub enum Upload {
    /// In memory.
    Bytes(Bytes),
    /// A regular file, opened anew for each attempt.
    File(PathBuf),
}

impl Upload {
    pub(crate) async fn body(&self) -> std::io::Result<reqwest::Body> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone().into()),
            Self::File(path) => {
                let file = tokio::fs::File::open(path).await?;
                Ok(reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, 64 << 10)))
            }
        }
    }
}

/// The SHA-256 of a file, lowercase hex, without reading it into memory at once.
pub async fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).await? {
            0 => return Ok(hex(context)),
            read => context.update(&buffer[..read]),
        }
    }
}

fn hex(context: Context) -> String {
    use std::fmt::Write as _;
    context.finish().as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}

impl Client {
    /// Stores bytes as an artifact.
    pub async fn upload(
        &self,
        create: &CreateArtifact,
        media_type: &str,
        upload: Upload,
    ) -> Result<ArtifactAnswer, Error> {
        let mut query = vec![("mission", create.mission.clone()), ("name", create.name.clone())];
        query.extend(create.task.clone().map(|task| ("task", task)));
        query.extend(create.sha256.clone().map(|digest| ("sha256", digest)));
        query.extend(create.acknowledge_overlap.clone().map(|all| ("acknowledge_overlap", all)));
        let mut call = Call::new(Method::POST, &["api", "v1", "artifacts"]).query(query);
        call.body = Body::Upload(upload, media_type.to_owned());
        self.json(call).await
    }

    /// Writes an artifact's bytes to `out`, behind those that are there already, and returns how many it wrote. A
    /// connection that breaks is taken up where it broke. Check by digest comes at the end: on [`Error::DigestMismatch`]
    /// the caller throws away what was written.
    pub async fn download(
        &self,
        artifact: &Artifact,
        have: Have,
        out: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<u64, Error> {
        let Have { mut context, bytes: begin } = have;
        let size = u64::try_from(artifact.size_bytes).unwrap_or(0);
        let (mut at, mut failures) = (begin, 0);
        // Content without bytes is asked for as well: the server writes down who had it.
        while at < size || size == 0 {
            let before = at;
            let broken = match self.download_from(artifact, &mut at, &mut context, out).await {
                Ok(()) if at >= size => break,
                // The connection ended in order, but early.
                Ok(()) => None,
                Err(error @ (Error::Unreachable { .. } | Error::Timeout { .. })) => Some(error),
                Err(error) => return Err(error),
            };
            failures = if at > before { 1 } else { failures + 1 };
            if failures >= self.options.retry.attempts.max(1) {
                let short = || self.unexpected(StatusCode::OK, format!("{at} bytes instead of {size}"));
                return Err(broken.unwrap_or_else(short));
            }
            tokio::time::sleep(self.options.retry.wait(failures + 1, random_id().as_bytes()[15])).await;
        }
        out.flush().await?;
        let actual = hex(context);
        if actual != artifact.sha256 {
            return Err(Error::DigestMismatch { expected: artifact.sha256.clone(), actual });
        }
        Ok(at - begin)
    }

    /// One request for what follows `at`.
    async fn download_from(
        &self,
        artifact: &Artifact,
        at: &mut u64,
        context: &mut Context,
        out: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<(), Error> {
        let id = artifact.id.to_string();
        let path = ["api", "v1", "artifacts", &id, "content"];
        let mut call = Call::get(&path).stream();
        if *at > 0 {
            call.range = Some((*at, format!("\"{}\"", artifact.sha256)));
        }
        let mut response = self.send(call).await?;
        // Whoever does not know ranges sends all of it.
        let mut skip = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { *at };
        while let Some(mut chunk) = self.chunk(&mut response).await? {
            let known = skip.min(chunk.len() as u64);
            skip -= known;
            // No more than the length of a chunk in memory.
            let chunk = chunk.split_off(usize::try_from(known).unwrap_or(usize::MAX));
            context.update(&chunk);
            out.write_all(&chunk).await?;
            *at += chunk.len() as u64;
        }
        Ok(())
    }

    /// A URL for the bytes that needs no token; how long it is good is for the server to say when nothing is asked.
    pub async fn download_url(
        &self,
        artifact: &Artifact,
        life: Option<Duration>,
    ) -> Result<DownloadUrl, Error> {
        let id = artifact.id.to_string();
        let path = ["api", "v1", "artifacts", &id, "download-url"];
        let seconds = life.map(|life| ("expires_seconds", life.as_secs().to_string()));
        self.json(Call::get(&path).query(seconds.into_iter().collect())).await
    }
}

/// The bytes of a download that are there already.
pub struct Have {
    context: Context,
    bytes: u64,
}

impl Have {
    /// None yet.
    pub fn nothing() -> Self {
        Self { context: Context::new(&SHA256), bytes: 0 }
    }

    /// All of a stream; afterwards it stands at its end.
    pub async fn all_of(have: &mut (impl AsyncRead + Unpin + Send)) -> std::io::Result<Self> {
        let (mut all, mut buffer) = (Self::nothing(), vec![0; 64 << 10]);
        loop {
            match have.read(&mut buffer).await? {
                0 => return Ok(all),
                read => {
                    all.context.update(&buffer[..read]);
                    all.bytes += read as u64;
                }
            }
        }
    }

    /// How many.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
