//! Missions out of one installation and into another.

use mc_api::Name;
use mc_api::pack::{ExportMission, ImportPack, ImportedPack, MEDIA_TYPE, Pack, SecretsMode};
use reqwest::Method;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::transport::{Body, Call};
use crate::{Client, Error, Upload};

fn query(request: &ExportMission) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    query.extend(request.secrets.map(|mode| ("secrets", mode.to_string())));
    query.extend(request.dry_run.map(|dry| ("dry_run", dry.to_string())));
    query
}

/// A pack that was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Its digest.
    pub sha256: String,
    /// How many bytes were written.
    pub size_bytes: u64,
    /// How many texts that look like credentials were found.
    pub secrets_found: u64,
}

impl Client {
    /// What an export would hold.
    pub async fn inspect_export(&self, mission: &str, secrets: Option<SecretsMode>) -> Result<Pack, Error> {
        let request = ExportMission { secrets, dry_run: Some(true) };
        self.json(Call::get(&["api", "v1", "missions", mission, "export"]).query(query(&request))).await
    }

    /// Writes a mission's pack to `out`.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the connection breaks: what was written is no pack then, and is refused as one.
    pub async fn export_mission(
        &self,
        mission: &str,
        secrets: Option<SecretsMode>,
        out: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Exported, Error> {
        let request = ExportMission { secrets, dry_run: None };
        let path = ["api", "v1", "missions", mission, "export"];
        let mut response = self.send(Call::get(&path).query(query(&request)).stream()).await?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let sha256 = header("x-pack-sha256");
        let secrets_found = header("x-pack-secrets").parse().unwrap_or(0);
        let mut size_bytes = 0;
        while let Some(chunk) = self.chunk(&mut response).await? {
            size_bytes += chunk.len() as u64;
            out.write_all(&chunk).await?;
        }
        out.flush().await?;
        Ok(Exported { sha256, size_bytes, secrets_found })
    }

    /// Makes a mission of a pack.
    pub async fn import_pack(
        &self,
        upload: Upload,
        name: Option<&Name>,
        dry_run: bool,
    ) -> Result<ImportedPack, Error> {
        let request = ImportPack { name: name.cloned(), dry_run: dry_run.then_some(true) };
        let mut query = Vec::new();
        query.extend(request.name.map(|name| ("name", name.to_string())));
        query.extend(request.dry_run.map(|dry| ("dry_run", dry.to_string())));
        let mut call = Call::new(Method::POST, &["api", "v1", "packs", "import"]).query(query);
        call.body = Body::Upload(upload, MEDIA_TYPE.to_owned());
        self.json(call).await
    }
}
