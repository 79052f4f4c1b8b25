//! Bytes in and out, streamed, with their digest checked on this side.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use mc_api::artifact::{Artifact, CreateArtifact};
use reqwest::Method;
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use crate::transport::{Body, Call};
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
    ) -> Result<Artifact, Error> {
        let mut query = vec![("mission", create.mission.clone()), ("name", create.name.clone())];
        query.extend(create.task.clone().map(|task| ("task", task)));
        query.extend(create.sha256.clone().map(|digest| ("sha256", digest)));
        let mut call = Call::new(Method::POST, &["api", "v1", "artifacts"]).query(query);
        call.body = Body::Upload(upload, media_type.to_owned());
        self.json(call).await
    }

    /// Writes an artifact's bytes to `out` and returns their number. Check by digest comes at the end: on
    /// [`Error::DigestMismatch`] the caller throws away what was written.
    pub async fn download(
        &self,
        artifact: &Artifact,
        out: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<u64, Error> {
        let id = artifact.id.to_string();
        let mut response = self.send(Call::get(&["api", "v1", "artifacts", &id, "content"]).stream()).await?;
        let mut context = Context::new(&SHA256);
        let mut written = 0;
        while let Some(chunk) = self.chunk(&mut response).await? {
            context.update(&chunk);
            out.write_all(&chunk).await?;
            written += chunk.len() as u64;
        }
        out.flush().await?;
        let actual = hex(context);
        if actual != artifact.sha256 {
            return Err(Error::DigestMismatch { expected: artifact.sha256.clone(), actual });
        }
        Ok(written)
    }
}
