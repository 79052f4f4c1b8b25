//! Receiving: a stream becomes a file with a known digest before anything else happens with it.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use mc_api::Timestamp;
use mc_ledger::Digest;
use tokio::io::AsyncWriteExt as _;

use super::{ByteStream, ObjectError, Stored};

/// The folder of content that is being received.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    folder: PathBuf,
}

/// A received file; removed when dropped, unless it was moved away.
#[derive(Debug)]
pub(super) struct Spooled {
    file: OwnedFile,
    /// Locked for as long as it is there, so that another process on the same folder leaves it alone.
    _held: std::fs::File,
    /// What it holds.
    pub(super) stored: Stored,
}

impl Spooled {
    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.file.0
    }
}

#[derive(Debug)]
struct OwnedFile(PathBuf);

impl Drop for OwnedFile {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(error = %error, "a received file is left for the next start");
            }
            _ => {}
        }
    }
}

impl Spool {
    /// Opens `incoming` below a folder, made when absent, and removes what a killed process left there. What another
    /// process is receiving there is locked, and stays.
    pub(super) fn open(root: &Path) -> std::io::Result<Self> {
        let folder = root.join("incoming");
        std::fs::create_dir_all(&folder)?;
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            match std::fs::File::open(&path).and_then(|file| lock(&file)) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                // Received meanwhile, or put in its place.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(Self { folder })
    }

    /// Opens `incoming` below a folder beside a process that uses it: nothing is removed.
    pub(super) fn beside(root: &Path) -> Self {
        Self { folder: root.join("incoming") }
    }

    /// A name in the spool that nothing has yet.
    pub(super) fn fresh(&self) -> Result<PathBuf, ObjectError> {
        use ring::rand::SecureRandom as _;
        let mut bytes = [0; 16];
        ring::rand::SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| ObjectError::Store(std::io::Error::other("no randomness")))?;
        Ok(self.folder.join(uuid::Uuid::from_bytes(bytes).to_string()))
    }

    /// Files that nobody has written to since a moment: what a process left that did not end in order.
    pub(super) async fn stale(&self, before: Timestamp) -> std::io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut files = match tokio::fs::read_dir(&self.folder).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            files => files?,
        };
        while let Some(file) = files.next_entry().await? {
            match file.metadata().await {
                Ok(about) if about.is_file() && modified(&about)? < before => found.push(file.path()),
                // Finished meanwhile.
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(found)
    }

    /// Removes the files that [`Spool::stale`] finds. Returns how many.
    pub(super) async fn clear_stale(&self, before: Timestamp) -> std::io::Result<u64> {
        let mut removed = 0;
        for path in self.stale(before).await? {
            match tokio::fs::remove_file(path).await {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Writes and removes a file.
    pub(super) async fn check(&self) -> std::io::Result<()> {
        let probe = self.folder.join(format!("probe.{}", std::process::id()));
        tokio::fs::write(&probe, b"ok").await?;
        match tokio::fs::remove_file(&probe).await {
            // A process that starts beside removes what nobody holds.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Receives a stream into a file, flushed to the disk when `durable`.
    ///
    /// # Errors
    /// [`ObjectError::TooLarge`], [`ObjectError::Incomplete`], [`ObjectError::Store`].
    pub(super) async fn receive(
        &self,
        mut content: ByteStream,
        limit: u64,
        durable: bool,
    ) -> Result<Spooled, ObjectError> {
        let owned = OwnedFile(self.fresh()?);
        let mut file = tokio::fs::File::create(&owned.0).await.map_err(ObjectError::Store)?;
        lock(&file).map_err(ObjectError::Store)?;
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
        if durable {
            file.sync_all().await.map_err(ObjectError::Store)?;
        }
        let stored = Stored { sha256: finish(digest), size_bytes };
        Ok(Spooled { file: owned, _held: file.into_std().await, stored })
    }
}

/// For this process alone, until the file is closed.
fn lock(file: &impl std::os::fd::AsFd) -> std::io::Result<()> {
    rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(std::io::Error::from)
}

/// The digest of what a context has seen.
pub(super) fn finish(context: ring::digest::Context) -> Digest {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Digest(sha256)
}

/// When a file was last written.
pub(super) fn modified(about: &std::fs::Metadata) -> std::io::Result<Timestamp> {
    let since = about.modified()?.duration_since(std::time::UNIX_EPOCH).map_err(std::io::Error::other)?;
    i64::try_from(since.as_micros()).map(Timestamp::from_micros).map_err(std::io::Error::other)
}
