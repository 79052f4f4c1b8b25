//! Bytes of artifacts, content-addressed by SHA-256 and kept apart per mission.
//!
//! Keys are `missions/<id>/sha256/<digest>`, so that nobody learns by storing whether another mission has the same
//! bytes. Bytes are written first and referenced afterwards; what is never referenced is swept after a day.

mod folder;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use mc_api::id::MissionId;
use mc_ledger::Digest;

pub use folder::FolderStore;

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

/// A store of content-addressed bytes. A folder here; S3 takes the same shape.
pub trait ObjectStore: Send + Sync {
    /// Stores a stream and tells its digest. Storing the same bytes again changes nothing.
    fn put(
        &self,
        mission: MissionId,
        content: ByteStream,
        limit: u64,
    ) -> impl Future<Output = Result<Stored, ObjectError>> + Send;
    /// Opens stored bytes.
    fn get(
        &self,
        mission: MissionId,
        sha256: Digest,
    ) -> impl Future<Output = Result<ByteStream, ObjectError>> + Send;
}
