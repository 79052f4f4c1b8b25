//! The object store of the embedded default: a folder.

use std::collections::BinaryHeap;
use std::io::SeekFrom;
use std::ops::Range;
use std::path::{Path, PathBuf};

use mc_api::Timestamp;
use mc_api::id::MissionId;
use mc_ledger::Digest;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::spool::{self, Spool};
use super::{Area, ByteStream, Held, ObjectError, ObjectPage, ObjectStore, Place, Presign, Stored, Survey};

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

    /// Whether a file has a digest; `None`: there is no file.
    async fn has_its_digest(&self, path: &Path, sha256: Digest) -> Result<Option<bool>, ObjectError> {
        let file = match tokio::fs::File::open(path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(ObjectError::Store)?,
        };
        let content = Box::pin(ReaderStream::with_capacity(file, READ_BYTES));
        let found = super::digest_of(content).await.map_err(ObjectError::Store)?;
        Ok(Some(found.sha256 == sha256))
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

    /// What was not finished is a file in the spool, which every start empties.
    async fn abort_uploads(&self, before: Timestamp) -> Result<u64, ObjectError> {
        self.spool.clear_stale(before).await.map_err(ObjectError::Store)
    }

    async fn stale_uploads(&self, before: Timestamp) -> Result<u64, ObjectError> {
        let stale = self.spool.stale(before).await.map_err(ObjectError::Store)?;
        Ok(stale.len() as u64)
    }

    async fn find(&self, area: Area, (mission, sha256): Place) -> Result<Option<Held>, ObjectError> {
        if area == Area::Aside {
            return Ok(None);
        }
        match tokio::fs::metadata(self.path(mission, sha256)).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            found => found.and_then(|about| held(&about)).map(Some).map_err(ObjectError::Store),
        }
    }

    async fn survey(&self, after: Option<Place>, limit: usize) -> Result<Survey, ObjectError> {
        let root = self.root.join("missions");
        let looked = tokio::task::spawn_blocking(move || survey(&root, after, limit)).await;
        looked.map_err(std::io::Error::other).and_then(|found| found).map_err(ObjectError::Store)
    }

    /// What is moved is looked at once more: the right bytes may have been stored at that moment, and then they go back.
    async fn quarantine(&self, place: Place) -> Result<Option<String>, ObjectError> {
        let (mission, sha256) = place;
        let path = self.path(mission, sha256);
        if self.has_its_digest(&path, sha256).await? != Some(false) {
            return Ok(None);
        }
        let folder = self.root.join("quarantine").join(mission.to_string());
        tokio::fs::create_dir_all(&folder).await.map_err(ObjectError::Store)?;
        let fresh = self.spool.fresh()?;
        let apart = fresh.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let away = folder.join(format!("{sha256}.{apart}"));
        match tokio::fs::rename(&path, &away).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            renamed => renamed.map_err(ObjectError::Store)?,
        }
        if self.has_its_digest(&away, sha256).await? == Some(true) {
            tokio::fs::rename(&away, &path).await.map_err(ObjectError::Store)?;
            return Ok(None);
        }
        let folder = tokio::fs::File::open(&folder).await.map_err(ObjectError::Store)?;
        folder.sync_all().await.map_err(ObjectError::Store)?;
        Ok(Some(away.display().to_string()))
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

fn held(about: &std::fs::Metadata) -> std::io::Result<Held> {
    Ok(Held { size_bytes: about.len(), modified: spool::modified(about)? })
}

/// The entries of a folder that may not be there.
fn entries(folder: &Path) -> std::io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found?.collect(),
    }
}

/// The digests in a folder after one of them, the smallest first, no more than `most`.
fn smallest(folder: &Path, after: Option<Digest>, most: usize) -> std::io::Result<Vec<Digest>> {
    let mut kept = BinaryHeap::new();
    let found = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    for entry in found {
        let name = entry?.file_name();
        let Some(digest) = name.to_str().and_then(|name| name.parse::<Digest>().ok()) else { continue };
        if after.is_some_and(|after| digest <= after) {
            continue;
        }
        kept.push(digest);
        if kept.len() > most {
            kept.pop();
        }
    }
    Ok(kept.into_sorted_vec())
}

fn survey(root: &Path, after: Option<Place>, limit: usize) -> std::io::Result<Survey> {
    let mut missions: Vec<MissionId> = entries(root)?
        .iter()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|mission| after.is_none_or(|(at, _)| *mission >= at))
        .collect();
    missions.sort();
    let mut part = Survey::default();
    for mission in missions {
        let floor = after.filter(|(at, _)| *at == mission).map(|(_, sha256)| sha256);
        let folder = root.join(mission.to_string()).join("sha256");
        // One more than there is room for tells whether there is more.
        let room = limit.saturating_sub(part.objects.len());
        let mut digests = smallest(&folder, floor, room + 1)?;
        let is_full = digests.len() > room;
        digests.truncate(room);
        for sha256 in &digests {
            match std::fs::metadata(folder.join(sha256.to_string())) {
                Ok(about) if about.is_file() => part.objects.push(((mission, *sha256), held(&about)?)),
                // Swept meanwhile.
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        if is_full {
            let last = digests.last().map(|sha256| (mission, *sha256));
            part.edge = last.or_else(|| part.objects.last().map(|(place, _)| *place));
            return Ok(part);
        }
    }
    Ok(part)
}
