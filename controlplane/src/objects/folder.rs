//! The object store of the embedded default: a folder.

use std::io::SeekFrom;
use std::ops::Range;
use std::path::{Path, PathBuf};

use mc_api::Timestamp;
use mc_api::id::MissionId;
use mc_ledger::Digest;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::spool::Spool;
use super::{Area, ByteStream, ObjectError, ObjectPage, ObjectStore, Presign, Stored};

/// How much is read from a file at once.
const READ_BYTES: usize = 64 * 1024;

/// A folder of content-addressed files. Files appear whole or not at all.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
    spool: Spool,
}

impl FolderStore {
    /// Opens a folder, made when absent, and removes what interrupted uploads left behind.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        Ok(Self { root: root.to_owned(), spool: Spool::open(root)? })
    }

    /// Opens a folder that another process uses, to read it.
    pub(super) fn beside(root: &Path) -> Self {
        Self { root: root.to_owned(), spool: Spool::beside(root) }
    }

    fn path(&self, mission: MissionId, sha256: Digest) -> PathBuf {
        self.root.join("missions").join(mission.to_string()).join("sha256").join(sha256.to_string())
    }
}

impl ObjectStore for FolderStore {
    async fn put(&self, mission: MissionId, content: ByteStream, limit: u64) -> Result<Stored, ObjectError> {
        let spooled = self.spool.receive(content, limit, true).await?;
        let stored = spooled.stored;
        let path = self.path(mission, stored.sha256);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        tokio::fs::create_dir_all(&folder).await.map_err(ObjectError::Store)?;
        tokio::fs::rename(spooled.path(), &path).await.map_err(ObjectError::Store)?;
        let folder = tokio::fs::File::open(&folder).await.map_err(ObjectError::Store)?;
        folder.sync_all().await.map_err(ObjectError::Store)?;
        Ok(stored)
    }

    async fn get(
        &self,
        mission: MissionId,
        sha256: Digest,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, ObjectError> {
        let mut file = match tokio::fs::File::open(self.path(mission, sha256)).await {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ObjectError::Missing),
            Err(error) => return Err(ObjectError::Store(error)),
        };
        let Some(range) = range else {
            return Ok(Box::pin(ReaderStream::with_capacity(file, READ_BYTES)));
        };
        file.seek(SeekFrom::Start(range.start)).await.map_err(ObjectError::Store)?;
        let part = file.take(range.end.saturating_sub(range.start));
        Ok(Box::pin(ReaderStream::with_capacity(part, READ_BYTES)))
    }

    async fn presign_get(&self, _: MissionId, _: Digest, _: &Presign) -> Result<Option<String>, ObjectError> {
        Ok(None)
    }

    /// The whole listing is one part; nothing is ever aside.
    async fn list(
        &self,
        area: Area,
        before: Timestamp,
        _: Option<String>,
    ) -> Result<ObjectPage, ObjectError> {
        if area == Area::Aside {
            return Ok(ObjectPage::default());
        }
        let root = self.root.join("missions");
        let listed = tokio::task::spawn_blocking(move || list_older(&root, before)).await;
        let objects =
            listed.map_err(std::io::Error::other).and_then(|found| found).map_err(ObjectError::Store)?;
        Ok(ObjectPage { objects, next: None })
    }

    /// It is moved aside first, so that an upload of the same bytes at this very moment is seen or makes a new file.
    async fn remove_if_older(
        &self,
        mission: MissionId,
        sha256: Digest,
        before: Timestamp,
    ) -> Result<bool, ObjectError> {
        let path = self.path(mission, sha256);
        let aside = self.spool.fresh()?;
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

    async fn restore(&self, _: MissionId, _: Digest) -> Result<bool, ObjectError> {
        Ok(false)
    }

    async fn discard(&self, _: MissionId, _: Digest) -> Result<(), ObjectError> {
        Ok(())
    }

    /// What was not finished is a file in the spool, and that is emptied at every start.
    async fn abort_uploads(&self, _: Timestamp) -> Result<u64, ObjectError> {
        Ok(0)
    }

    async fn check(&self) -> Result<String, String> {
        match self.spool.check().await {
            Ok(()) => Ok("the object folder is writable".into()),
            Err(error) => Err(format!("the object folder is not writable: {error}")),
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
