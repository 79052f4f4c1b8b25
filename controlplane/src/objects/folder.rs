//! The object store of the embedded default: a folder.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use mc_api::Timestamp;
use mc_api::id::MissionId;
use mc_ledger::Digest;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::{ByteStream, ObjectError, ObjectStore, Stored};

/// A folder of content-addressed files. Files appear whole or not at all.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Opens a folder, made when absent, and removes what interrupted uploads left behind.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        let incoming = root.join("incoming");
        match std::fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&incoming)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Writes and removes a file.
    pub async fn check(&self) -> std::io::Result<()> {
        let probe = self.root.join("incoming").join(format!("probe.{}", std::process::id()));
        tokio::fs::write(&probe, b"ok").await?;
        tokio::fs::remove_file(&probe).await
    }

    fn path(&self, mission: MissionId, sha256: Digest) -> PathBuf {
        self.root.join("missions").join(mission.to_string()).join("sha256").join(sha256.to_string())
    }

    /// Everything stored before a moment, by the time of its last storing.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    pub async fn older_than(&self, before: Timestamp) -> Result<Vec<(MissionId, Digest)>, ObjectError> {
        let root = self.root.join("missions");
        let listed = tokio::task::spawn_blocking(move || list_older(&root, before)).await;
        listed.map_err(std::io::Error::other).and_then(|found| found).map_err(ObjectError::Store)
    }

    /// Removes an object, unless it was stored again since. It is moved aside first, so that an upload of the same
    /// bytes at this very moment is seen or makes a new file.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Store`].
    pub async fn remove_if_older(
        &self,
        mission: MissionId,
        sha256: Digest,
        before: Timestamp,
    ) -> Result<bool, ObjectError> {
        let path = self.path(mission, sha256);
        let aside = self.root.join("incoming").join(uuid::Uuid::from_bytes(rand_bytes()?).to_string());
        match tokio::fs::rename(&path, &aside).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ObjectError::Missing),
            renamed => renamed.map_err(ObjectError::Store)?,
        }
        let modified = tokio::fs::metadata(&aside).await.and_then(|found| found.modified());
        let old = modified.map_err(ObjectError::Store)? < moment(before);
        if old {
            tokio::fs::remove_file(&aside).await.map_err(ObjectError::Store)?;
        } else {
            tokio::fs::rename(&aside, &path).await.map_err(ObjectError::Store)?;
        }
        Ok(old)
    }

    async fn receive(
        &self,
        temporary: &Path,
        mut content: ByteStream,
        limit: u64,
    ) -> Result<Stored, ObjectError> {
        let mut file = tokio::fs::File::create(temporary).await.map_err(ObjectError::Store)?;
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        let mut size_bytes = 0_u64;
        while let Some(part) = content.next().await {
            let part = part.map_err(ObjectError::Incomplete)?;
            size_bytes += part.len() as u64;
            if size_bytes > limit {
                return Err(ObjectError::TooLarge(limit));
            }
            digest.update(&part);
            file.write_all(&part).await.map_err(ObjectError::Store)?;
        }
        file.flush().await.map_err(ObjectError::Store)?;
        file.sync_all().await.map_err(ObjectError::Store)?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest.finish().as_ref());
        Ok(Stored { sha256: Digest(sha256), size_bytes })
    }
}

impl ObjectStore for FolderStore {
    async fn put(&self, mission: MissionId, content: ByteStream, limit: u64) -> Result<Stored, ObjectError> {
        let unique = uuid::Uuid::from_bytes(rand_bytes()?);
        let temporary = self.root.join("incoming").join(unique.to_string());
        let received = self.receive(&temporary, content, limit).await;
        let stored = match received {
            Ok(stored) => stored,
            Err(error) => {
                if let Err(error) = tokio::fs::remove_file(&temporary).await {
                    tracing::debug!(error = %error, "an interrupted upload is left for the next start");
                }
                return Err(error);
            }
        };
        let path = self.path(mission, stored.sha256);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        tokio::fs::create_dir_all(&folder).await.map_err(ObjectError::Store)?;
        tokio::fs::rename(&temporary, &path).await.map_err(ObjectError::Store)?;
        let folder = tokio::fs::File::open(&folder).await.map_err(ObjectError::Store)?;
        folder.sync_all().await.map_err(ObjectError::Store)?;
        Ok(stored)
    }

    async fn get(&self, mission: MissionId, sha256: Digest) -> Result<ByteStream, ObjectError> {
        match tokio::fs::File::open(self.path(mission, sha256)).await {
            Ok(file) => Ok(Box::pin(ReaderStream::with_capacity(file, 64 * 1024))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(ObjectError::Missing),
            Err(error) => Err(ObjectError::Store(error)),
        }
    }
}

fn moment(at: Timestamp) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_micros(u64::try_from(at.as_micros()).unwrap_or(0))
}

fn list_older(root: &Path, before: Timestamp) -> std::io::Result<Vec<(MissionId, Digest)>> {
    let mut found = Vec::new();
    let missions = match std::fs::read_dir(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        missions => missions?,
    };
    for mission in missions {
        let mission = mission?;
        let Some(id) = mission.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        for object in std::fs::read_dir(mission.path().join("sha256"))? {
            let object = object?;
            let Some(sha256) = object.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if object.metadata()?.modified()? < moment(before) {
                found.push((id, sha256));
            }
        }
    }
    Ok(found)
}

fn rand_bytes() -> Result<[u8; 16], ObjectError> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| ObjectError::Store(std::io::Error::other("no randomness")))?;
    Ok(bytes)
}
