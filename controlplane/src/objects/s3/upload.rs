//! Sending a received file to its key: at once, or in parts.
//!
//! Bodies are read from the file as they are sent, so that an upload costs buffers and not its size, and an attempt can
//! be repeated. What was begun in parts and cannot be finished is aborted, also when nobody waits for it any more.

use std::path::Path;

use aws_sdk_s3::primitives::{ByteStream, FsBuilder, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_ledger::Digest;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::super::ObjectError;
use super::super::spool::{self, Spooled};
use super::S3Store;
use super::fault::Fault;

/// Content up to this size is sent at once, larger content in parts of it.
pub(super) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// How much of a file is in memory while it is sent.
const BUFFER_BYTES: usize = 64 * 1024;

/// How sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The key holds the content now.
    Whole,
    /// Somebody else was at the key: look again.
    Conflict,
}

/// Whether a key that has content is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It is left as it is.
    Keep,
    /// It is written anew: what it has is not the content.
    Replace,
}

impl Existing {
    fn if_none_match(self) -> Option<String> {
        (self == Self::Keep).then(|| "*".to_owned())
    }
}

fn local(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ObjectError {
    ObjectError::Store(std::io::Error::other(error))
}

async fn body(path: &Path, offset: u64, length: u64) -> Result<ByteStream, ObjectError> {
    if length == 0 {
        return Ok(ByteStream::from_static(b""));
    }
    let part: FsBuilder = ByteStream::read_from().path(path).offset(offset).length(Length::Exact(length));
    part.buffer_size(BUFFER_BYTES).build().await.map_err(local)
}

/// The digest of a part of a file.
async fn part_digest(path: &Path, offset: u64, length: u64) -> Result<Digest, ObjectError> {
    let mut file = tokio::fs::File::open(path).await.map_err(ObjectError::Store)?;
    file.seek(std::io::SeekFrom::Start(offset)).await.map_err(ObjectError::Store)?;
    let mut part = file.take(length);
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match part.read(&mut buffer).await.map_err(ObjectError::Store)? {
            0 => return Ok(spool::finish(digest)),
            read => digest.update(&buffer[..read]),
        }
    }
}

fn checksum(digest: Digest) -> String {
    STANDARD.encode(digest.0)
}

/// An upload in parts that is aborted when it is dropped before its end.
struct Parts<'s> {
    store: &'s S3Store,
    key: &'s str,
    id: String,
    open: bool,
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        if self.open {
            let (store, key, id) = (self.store.clone(), self.key.to_owned(), std::mem::take(&mut self.id));
            self.store.leftovers.spawn(async move {
                if let Err(fault) = store.abort(&key, &id).await {
                    tracing::warn!(error = %fault, "an upload in parts could not be aborted; a sweep does it after a day");
                }
            });
        }
    }
}

impl S3Store {
    /// Sends a file to a key.
    pub(super) async fn send(
        &self,
        key: &str,
        content: &Spooled,
        existing: Existing,
    ) -> Result<Sent, ObjectError> {
        let sent = if content.stored.size_bytes <= PART_BYTES {
            self.send_at_once(key, content, existing).await
        } else {
            self.send_in_parts(key, content, existing).await
        };
        metrics::counter!("mc_objects_sent_total").increment(1);
        sent
    }

    async fn send_at_once(
        &self,
        key: &str,
        content: &Spooled,
        existing: Existing,
    ) -> Result<Sent, ObjectError> {
        let size = content.stored.size_bytes;
        let (encryption, kms_key) = self.encryption();
        let sent = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .body(body(content.path(), 0, size).await?)
            .content_length(i64::try_from(size).map_err(local)?)
            .checksum_sha256(checksum(content.stored.sha256))
            .set_if_none_match(existing.if_none_match())
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .send()
            .await;
        match sent.map_err(|error| Fault::new("PutObject", error)) {
            Ok(_) => Ok(Sent::Whole),
            Err(fault) if fault.is_conflict() => Ok(Sent::Conflict),
            Err(fault) => Err(local(fault)),
        }
    }

    async fn send_in_parts(
        &self,
        key: &str,
        content: &Spooled,
        existing: Existing,
    ) -> Result<Sent, ObjectError> {
        let (encryption, kms_key) = self.encryption();
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&*self.bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .send()
            .await;
        let begun = begun.map_err(|error| local(Fault::new("CreateMultipartUpload", error)))?;
        let id = begun.upload_id.ok_or_else(|| local("CreateMultipartUpload: no upload id"))?;
        let mut parts = Parts { store: self, key, id, open: true };
        let mut sent = Vec::new();
        let (mut offset, size) = (0, content.stored.size_bytes);
        while offset < size {
            let length = PART_BYTES.min(size - offset);
            let number = i32::try_from(sent.len() + 1).map_err(local)?;
            sent.push(self.send_part(&parts, content.path(), (offset, length), number).await?);
            offset += length;
        }
        let completed = self
            .client
            .complete_multipart_upload()
            .bucket(&*self.bucket)
            .key(key)
            .upload_id(&parts.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(sent)).build())
            .set_if_none_match(existing.if_none_match())
            .send()
            .await;
        match completed.map_err(|error| Fault::new("CompleteMultipartUpload", error)) {
            Ok(_) => {
                parts.open = false;
                Ok(Sent::Whole)
            }
            Err(fault) if fault.is_conflict() => Ok(Sent::Conflict),
            // The answer of an attempt that did complete may have been lost: then there is no upload any more.
            Err(fault) if fault.is_missing() => Ok(Sent::Conflict),
            Err(fault) => Err(local(fault)),
        }
    }

    async fn send_part(
        &self,
        parts: &Parts<'_>,
        path: &Path,
        (offset, length): (u64, u64),
        number: i32,
    ) -> Result<CompletedPart, ObjectError> {
        let checksum = checksum(part_digest(path, offset, length).await?);
        let sent = self
            .client
            .upload_part()
            .bucket(&*self.bucket)
            .key(parts.key)
            .upload_id(&parts.id)
            .part_number(number)
            .body(body(path, offset, length).await?)
            .content_length(i64::try_from(length).map_err(local)?)
            .checksum_sha256(&checksum)
            .send()
            .await;
        let sent = sent.map_err(|error| local(Fault::new("UploadPart", error)))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .checksum_sha256(checksum)
            .build())
    }

    /// Aborts an upload in parts; one that is gone already is fine.
    pub(super) async fn abort(&self, key: &str, id: &str) -> Result<(), Fault> {
        let aborted =
            self.client.abort_multipart_upload().bucket(&*self.bucket).key(key).upload_id(id).send().await;
        match aborted.map_err(|error| Fault::new("AbortMultipartUpload", error)) {
            Err(fault) if !fault.is_missing() => Err(fault),
            _ => Ok(()),
        }
    }
}
