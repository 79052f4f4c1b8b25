//! Bytes of artifacts and texts of docs, content-addressed by SHA-256 and kept apart per mission.
//!
//! Keys are `missions/<id>/sha256/<digest>`, so that nobody learns by storing whether another mission has the same
//! bytes. Bytes are written first and referenced afterwards; what is never referenced is swept after a day.
//!
//! Two providers behind one trait: a folder, and a server that speaks S3 (docs/adr/0005-objects-on-s3.md). Both receive
//! into a [`spool::Spool`] first, so that a key appears whole or not at all.

mod folder;
mod s3;
mod spool;

use std::future::Future;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use mc_api::Timestamp;
use mc_api::id::MissionId;
use mc_ledger::Digest;

use crate::config::object_storage::{ObjectStorage, Provider};

pub use folder::FolderStore;
pub use s3::S3Store;

/// A stream of bytes.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// Bytes that are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Their SHA-256.
    pub sha256: Digest,
    /// How many.
    pub size_bytes: u64,
}

/// The digest of a stream, and how many bytes it has.
///
/// # Errors
/// Failures of the stream.
pub(crate) async fn digest_of(mut content: ByteStream) -> std::io::Result<Stored> {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut size_bytes = 0;
    while let Some(part) = content.next().await {
        let part = part?;
        size_bytes += part.len() as u64;
        digest.update(&part);
    }
    Ok(Stored { sha256: spool::finish(digest), size_bytes })
}

/// Why bytes were not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// More bytes than allowed.
    #[error("the content is larger than {0} bytes")]
    TooLarge(u64),
    /// The sender broke off.
    #[error("the content ended before it was complete")]
    Incomplete(#[source] std::io::Error),
    /// Nothing is stored under this key.
    #[error("the content is not stored")]
    Missing,
    /// The store cannot be used.
    #[error("the object store failed")]
    Store(#[source] std::io::Error),
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or cleaned.
    #[error("the object folder {0} cannot be used")]
    Folder(String, #[source] std::io::Error),
    /// The bucket does not answer as it should; a retry may help when the server is late.
    #[error("the bucket {bucket} at {endpoint} cannot be used: {reason}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// The server.
        endpoint: String,
        /// What it said.
        reason: String,
        /// Whether a later attempt may succeed: it could not be reached, or was not able to answer.
        may_heal: bool,
    },
}

impl OpenError {
    /// Whether a later attempt may succeed.
    pub fn may_heal(&self) -> bool {
        matches!(self, Self::Bucket { may_heal: true, .. })
    }
}

/// Where stored bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Under their key.
    Stored,
    /// Taken from their key by a sweep, and not yet thrown away.
    Aside,
}

/// A part of a listing.
#[derive(Debug, Default)]
pub struct ObjectPage {
    /// What was found.
    pub objects: Vec<(MissionId, Digest)>,
    /// Where the next part begins; `None`: this was the last.
    pub next: Option<String>,
}

/// Where content stands: the mission and its digest. Places are in the order of their keys.
pub type Place = (MissionId, Digest);

/// What is found at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// How many bytes.
    pub size_bytes: u64,
    /// When they were last stored, by the clock of the store.
    pub modified: Timestamp,
}

/// A part of what is stored, in the order of keys.
#[derive(Debug, Default)]
pub struct Survey {
    /// What was found.
    pub objects: Vec<(Place, Held)>,
    /// Up to where was looked; `None`: to the end.
    pub edge: Option<Place>,
}

/// What a presigned URL is for.
#[derive(Debug, Clone)]
pub struct Presign {
    /// How long it is good.
    pub life: Duration,
    /// `content-type` of its answer.
    pub media_type: String,
    /// `content-disposition` of its answer.
    pub disposition: String,
}

/// A store of content-addressed bytes.
pub trait ObjectStore: Send + Sync {
    /// Stores a stream and tells its digest. Storing the same bytes again changes nothing but their age.
    ///
    /// # Errors
    /// [`ObjectError::TooLarge`], [`ObjectError::Incomplete`], [`ObjectError::Store`]; nothing is visible then.
    ///
    /// # Cancel safety
    /// Dropped halfway, it leaves no key; what it had received or sent is removed.
    fn put(
        &self,
        mission: MissionId,
        content: ByteStream,
        limit: u64,
    ) -> impl Future<Output = Result<Stored, ObjectError>> + Send;

    /// Opens stored bytes, all or a range that lies within them.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Store`].
    fn get(
        &self,
        mission: MissionId,
        sha256: Digest,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<ByteStream, ObjectError>> + Send;

    /// A URL of the store itself that gives the bytes to whoever holds it; `None` when the store has none.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn presign_get(
        &self,
        mission: MissionId,
        sha256: Digest,
        presign: &Presign,
    ) -> impl Future<Output = Result<Option<String>, ObjectError>> + Send;

    /// A part of what was last stored, or set aside, before a moment; `after` is the `next` of the part before.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn list(
        &self,
        area: Area,
        before: Timestamp,
        after: Option<String>,
    ) -> impl Future<Output = Result<ObjectPage, ObjectError>> + Send;

    /// Removes an object, unless it was stored again since. `false`: it was.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Store`].
    fn remove_if_older(
        &self,
        mission: MissionId,
        sha256: Digest,
        before: Timestamp,
    ) -> impl Future<Output = Result<bool, ObjectError>> + Send;

    /// Brings back what was set aside; `false` when nothing was.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn restore(
        &self,
        mission: MissionId,
        sha256: Digest,
    ) -> impl Future<Output = Result<bool, ObjectError>> + Send;

    /// Throws away what was set aside.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn discard(
        &self,
        mission: MissionId,
        sha256: Digest,
    ) -> impl Future<Output = Result<(), ObjectError>> + Send;

    /// Ends uploads that were begun before a moment and never finished. Returns how many.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn abort_uploads(&self, before: Timestamp) -> impl Future<Output = Result<u64, ObjectError>> + Send;

    /// How many uploads [`ObjectStore::abort_uploads`] would end.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn stale_uploads(&self, before: Timestamp) -> impl Future<Output = Result<u64, ObjectError>> + Send;

    /// What stands at a place, without reading it.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn find(
        &self,
        area: Area,
        place: Place,
    ) -> impl Future<Output = Result<Option<Held>, ObjectError>> + Send;

    /// A part of what is stored after a place, at most `limit` of it (at least 1), in the order of keys. It holds no more
    /// than that in memory, however much is stored.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn survey(
        &self,
        after: Option<Place>,
        limit: usize,
    ) -> impl Future<Output = Result<Survey, ObjectError>> + Send;

    /// Moves what stands at a place away when its digest is not that of the place, and says where to. `None`: it has that
    /// digest, or nothing stands there any more. Nothing is deleted that has not been copied.
    ///
    /// # Errors
    /// [`ObjectError::Store`].
    fn quarantine(&self, place: Place) -> impl Future<Output = Result<Option<String>, ObjectError>> + Send;

    /// Whether the store can be used now, in words for people.
    ///
    /// # Errors
    /// Why not.
    fn check(&self) -> impl Future<Output = Result<String, String>> + Send;
}

/// The store of this installation.
#[derive(Debug)]
pub enum Objects {
    /// A folder.
    Folder(FolderStore),
    /// A bucket.
    S3(Box<S3Store>),
}

impl Objects {
    /// Opens the store; a bucket is waited for.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: &ObjectStorage, folder: &Path) -> Result<Self, OpenError> {
        let unusable = |error| OpenError::Folder(folder.display().to_string(), error);
        match &config.provider {
            Provider::Folder => FolderStore::open(folder).map(Self::Folder).map_err(unusable),
            Provider::S3(bucket) => {
                let spool = spool::Spool::open(folder).map_err(unusable)?;
                S3Store::open(bucket, spool).await.map(Box::new).map(Self::S3)
            }
        }
    }

    /// Opens the store to read it, while another process may be using it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(crate) async fn open_beside(config: &ObjectStorage, folder: &Path) -> Result<Self, OpenError> {
        match &config.provider {
            Provider::Folder => Ok(Self::Folder(FolderStore::beside(folder))),
            Provider::S3(bucket) => {
                S3Store::open(bucket, spool::Spool::beside(folder)).await.map(Box::new).map(Self::S3)
            }
        }
    }

    /// Waits for what a dropped upload left to do.
    pub async fn close(&self) {
        if let Self::S3(store) = self {
            store.close().await;
        }
    }
}

/// Hands a call to the provider.
macro_rules! provider {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Self::Folder($store) => $call.await,
            Self::S3($store) => $call.await,
        }
    };
}

impl ObjectStore for Objects {
    async fn put(&self, mission: MissionId, content: ByteStream, limit: u64) -> Result<Stored, ObjectError> {
        provider!(self, store => store.put(mission, content, limit))
    }
    async fn get(
        &self,
        mission: MissionId,
        sha256: Digest,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, ObjectError> {
        provider!(self, store => store.get(mission, sha256, range))
    }
    async fn presign_get(
        &self,
        mission: MissionId,
        sha256: Digest,
        presign: &Presign,
    ) -> Result<Option<String>, ObjectError> {
        provider!(self, store => store.presign_get(mission, sha256, presign))
    }
    async fn list(
        &self,
        area: Area,
        before: Timestamp,
        after: Option<String>,
    ) -> Result<ObjectPage, ObjectError> {
        provider!(self, store => store.list(area, before, after))
    }
    async fn remove_if_older(
        &self,
        mission: MissionId,
        sha256: Digest,
        before: Timestamp,
    ) -> Result<bool, ObjectError> {
        provider!(self, store => store.remove_if_older(mission, sha256, before))
    }
    async fn restore(&self, mission: MissionId, sha256: Digest) -> Result<bool, ObjectError> {
        provider!(self, store => store.restore(mission, sha256))
    }
    async fn discard(&self, mission: MissionId, sha256: Digest) -> Result<(), ObjectError> {
        provider!(self, store => store.discard(mission, sha256))
    }
    async fn abort_uploads(&self, before: Timestamp) -> Result<u64, ObjectError> {
        provider!(self, store => store.abort_uploads(before))
    }
    async fn stale_uploads(&self, before: Timestamp) -> Result<u64, ObjectError> {
        provider!(self, store => store.stale_uploads(before))
    }
    async fn find(&self, area: Area, place: Place) -> Result<Option<Held>, ObjectError> {
        provider!(self, store => store.find(area, place))
    }
    async fn survey(&self, after: Option<Place>, limit: usize) -> Result<Survey, ObjectError> {
        provider!(self, store => store.survey(after, limit))
    }
    async fn quarantine(&self, place: Place) -> Result<Option<String>, ObjectError> {
        provider!(self, store => store.quarantine(place))
    }
    async fn check(&self) -> Result<String, String> {
        provider!(self, store => store.check())
    }
}
