//! The object store on a server that speaks S3.
//!
//! Invariants, with their reasons in docs/adr/0005-objects-on-s3.md:
//! - A key appears whole: content is received into a local file, and sent when its digest is known.
//! - Content that is there is not sent again. When it is old, its age is renewed by a copy onto itself, so that a sweep
//!   that looks at the same moment sees it.
//! - A sweep takes content aside (`swept/`) before it removes the key, and a day later asks again whether somebody names
//!   it: S3 cannot remove "only if not stored again since", and this way an upload at the very moment loses nothing.

mod client;
mod fault;
mod survey;
mod upload;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{MetadataDirective, ServerSideEncryption};
use futures_util::stream;
use mc_api::Timestamp;
use mc_api::id::MissionId;
use mc_ledger::Digest;
use tokio_util::task::TaskTracker;

use super::spool::Spool;
use super::{
    Area, ByteStream, Held, ObjectError, ObjectPage, ObjectStore, OpenError, Place, Presign, Stored, Survey,
};
use crate::config::object_storage::{Encryption, S3};
use fault::Fault;
use upload::{Existing, Sent};

/// Content older than this is renewed when the same bytes are stored again: half of what a sweep waits for.
const RENEW_AFTER: Duration = Duration::from_hours(12);
/// How often a put looks again when somebody else is at its key.
const LOOKS: u32 = 4;
/// How long an answer about the bucket's health is given again.
const HEALTH_LIFE: Duration = Duration::from_secs(2);
/// How long a question about the bucket's health may take.
const HEALTH_LIMIT: Duration = Duration::from_secs(3);

/// A bucket of content-addressed objects. Cheap to clone.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    /// Signs URLs for others.
    signer: Client,
    /// For people.
    endpoint: Arc<str>,
    bucket: Arc<str>,
    prefix: Arc<str>,
    encryption: Encryption,
    spool: Spool,
    /// What dropped uploads left to do.
    leftovers: TaskTracker,
    health: Arc<tokio::sync::Mutex<Option<Health>>>,
}

impl std::fmt::Debug for S3Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Store")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// What the bucket said when it was last asked.
struct Health {
    at: Instant,
    answer: Result<String, String>,
}

/// What the store says of a key.
struct Head {
    size_bytes: u64,
    modified: Timestamp,
    etag: Option<String>,
}

/// The wall clock: the ages that the store tells are told by it.
fn wall() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Timestamp::from_micros(now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000))
}

fn timestamp(at: Option<&DateTime>) -> Result<Timestamp, ObjectError> {
    let at = at.ok_or_else(|| ObjectError::Store(std::io::Error::other("an object without its age")))?;
    let micros = at.as_nanos() / 1000;
    i64::try_from(micros).map(Timestamp::from_micros).map_err(store)
}

fn store(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ObjectError {
    ObjectError::Store(std::io::Error::other(error))
}

impl S3Store {
    /// Opens a bucket. It must answer, and take and remove an object; a server that is late is waited for.
    ///
    /// # Errors
    /// [`OpenError::Bucket`] with what to do.
    pub(super) async fn open(config: &S3, spool: Spool) -> Result<Self, OpenError> {
        let endpoint = config.endpoint.clone().unwrap_or_else(|| format!("Amazon S3, {}", config.region));
        let unusable = |reason: String, may_heal| OpenError::Bucket {
            bucket: config.bucket.clone(),
            endpoint: endpoint.clone(),
            reason,
            may_heal,
        };
        let (client, signer) = client::clients(config).map_err(|error| unusable(error.to_string(), false))?;
        let limit = config.start_timeout.unwrap_or_default();
        if endpoint.starts_with("http://") {
            tracing::warn!(endpoint, "objects travel to {endpoint} in clear");
        }
        let opened = Self {
            client,
            signer,
            endpoint: endpoint.as_str().into(),
            bucket: config.bucket.as_str().into(),
            prefix: config.prefix.as_str().into(),
            encryption: config.encryption.clone(),
            spool,
            leftovers: TaskTracker::new(),
            health: Arc::default(),
        };
        let began = Instant::now();
        let mut wait = Duration::from_millis(250);
        loop {
            let left = limit.saturating_sub(began.elapsed());
            // At least one whole attempt, however short the wait may be.
            let probe = tokio::time::timeout(left.max(Duration::from_secs(5)), opened.probe()).await;
            let (reason, may_heal) = match probe {
                Ok(Ok(())) => return Ok(opened),
                Ok(Err(fault)) => (fault.plain(), fault.may_heal()),
                Err(_) => ("no answer; check MC_OBJECT_STORAGE_ENDPOINT".to_owned(), true),
            };
            if !may_heal || began.elapsed() + wait > limit {
                return Err(unusable(reason, may_heal));
            }
            tracing::warn!("waiting for the bucket {} at {endpoint}: {reason}", config.bucket);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }

    /// Asks for the bucket, and puts and removes an object.
    async fn probe(&self) -> Result<(), Fault> {
        self.head_bucket().await?;
        let key = format!("{}probe-{}-{}", self.prefix, std::process::id(), wall().as_micros());
        let (encryption, kms_key) = self.encryption();
        let put = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(&key)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key);
        put.body(aws_sdk_s3::primitives::ByteStream::from_static(b"probe"))
            .send()
            .await
            .map_err(|error| Fault::new("PutObject", error))?;
        self.delete(&key).await
    }

    async fn head_bucket(&self) -> Result<(), Fault> {
        // Whoever asks this asks again by itself, and wants to read the cause and not that time ran out.
        let once = aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled());
        let head = self.client.head_bucket().bucket(&*self.bucket);
        let head = head.customize().config_override(once).send().await;
        head.map(drop).map_err(|error| Fault::new("HeadBucket", error))
    }

    /// Waits for what dropped uploads left to do, for a moment.
    pub(super) async fn close(&self) {
        self.leftovers.close();
        if tokio::time::timeout(Duration::from_secs(5), self.leftovers.wait()).await.is_err() {
            tracing::warn!("uploads in parts were left open; a sweep aborts them after a day");
        }
    }

    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        match &self.encryption {
            Encryption::Bucket => (None, None),
            Encryption::Aes256 => (Some(ServerSideEncryption::Aes256), None),
            Encryption::Kms(key) => (Some(ServerSideEncryption::AwsKms), key.clone()),
        }
    }

    fn folder(&self, area: Area) -> String {
        match area {
            Area::Stored => format!("{}missions/", self.prefix),
            Area::Aside => format!("{}swept/", self.prefix),
        }
    }

    fn key(&self, area: Area, mission: MissionId, sha256: Digest) -> String {
        format!("{}{mission}/sha256/{sha256}", self.folder(area))
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, ObjectError> {
        let head = self.client.head_object().bucket(&*self.bucket).key(key).send().await;
        match head.map_err(|error| Fault::new("HeadObject", error)) {
            Ok(head) => {
                let size_bytes = u64::try_from(head.content_length.unwrap_or(-1)).map_err(store)?;
                let modified = timestamp(head.last_modified.as_ref())?;
                Ok(Some(Head { size_bytes, modified, etag: head.e_tag }))
            }
            Err(fault) if fault.is_missing() => Ok(None),
            Err(fault) => Err(store(fault)),
        }
    }

    /// Copies one key to another, or onto itself, which makes it young; `false` when there is nothing to copy.
    async fn copy(&self, from: &str, to: &str) -> Result<bool, ObjectError> {
        let (encryption, kms_key) = self.encryption();
        let copied = self
            .client
            .copy_object()
            .bucket(&*self.bucket)
            // Keys and bucket names need no encoding: letters, digits, `-`, `_`, `.` and `/`.
            .copy_source(format!("{}/{from}", self.bucket))
            .key(to)
            .metadata_directive(MetadataDirective::Replace)
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .send()
            .await;
        match copied.map_err(|error| Fault::new("CopyObject", error)) {
            Ok(_) => Ok(true),
            Err(fault) if fault.is_missing() => Ok(false),
            Err(fault) => Err(store(fault)),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), Fault> {
        let deleted = self.client.delete_object().bucket(&*self.bucket).key(key).send().await;
        deleted.map(drop).map_err(|error| Fault::new("DeleteObject", error))
    }

    async fn open_object(&self, key: &str, range: Option<&Range<u64>>) -> Result<ByteStream, ObjectError> {
        let range = range.map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let got = self.client.get_object().bucket(&*self.bucket).key(key).set_range(range).send().await;
        let got = got.map_err(|error| ObjectError::from(Fault::new("GetObject", error)))?;
        Ok(Box::pin(stream::try_unfold(got.body, |mut body| async move {
            let part = body.try_next().await.map_err(std::io::Error::other)?;
            Ok(part.map(|part| (part, body)))
        })))
    }

    fn parse(&self, area: Area, key: &str) -> Option<(MissionId, Digest)> {
        let (mission, rest) = key.strip_prefix(&self.folder(area))?.split_once('/')?;
        Some((mission.parse().ok()?, rest.strip_prefix("sha256/")?.parse().ok()?))
    }

    async fn ask_health(&self) -> Result<String, String> {
        let asked = tokio::time::timeout(HEALTH_LIMIT, self.head_bucket()).await;
        let reason = match asked {
            Ok(Ok(())) => return Ok(format!("the bucket {} at {} answers", self.bucket, self.endpoint)),
            Ok(Err(fault)) => fault.plain(),
            Err(_) => format!("no answer within {HEALTH_LIMIT:?}"),
        };
        // Whoever asks for readiness may be anybody.
        tracing::warn!("the bucket {} at {} cannot be used: {reason}", self.bucket, self.endpoint);
        Err(format!("the bucket {} cannot be used; the log says why", self.bucket))
    }
}

impl ObjectStore for S3Store {
    async fn put(&self, mission: MissionId, content: ByteStream, limit: u64) -> Result<Stored, ObjectError> {
        let content = self.spool.receive(content, limit, false).await?;
        let stored = content.stored;
        let key = self.key(Area::Stored, mission, stored.sha256);
        for _ in 0..LOOKS {
            let existing = match self.head(&key).await? {
                Some(head) if head.size_bytes != stored.size_bytes => {
                    tracing::error!(key, "an object has another size than its content; it is written anew");
                    Existing::Replace
                }
                Some(head) if head.modified >= wall().minus(RENEW_AFTER) => return Ok(stored),
                Some(_) if self.copy(&key, &key).await? => return Ok(stored),
                // Never stored, or swept since we looked.
                None | Some(_) => Existing::Keep,
            };
            if self.send(&key, &content, existing).await? == Sent::Whole {
                return Ok(stored);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(store(format!("{key}: somebody else writes it again and again")))
    }

    async fn get(
        &self,
        mission: MissionId,
        sha256: Digest,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, ObjectError> {
        if range.as_ref().is_some_and(Range::is_empty) {
            return Ok(Box::pin(stream::empty()));
        }
        let key = self.key(Area::Stored, mission, sha256);
        match self.open_object(&key, range.as_ref()).await {
            // An upload met a sweep at this key, see the header.
            Err(ObjectError::Missing) if self.restore(mission, sha256).await? => {
                self.open_object(&key, range.as_ref()).await
            }
            opened => opened,
        }
    }

    async fn presign_get(
        &self,
        mission: MissionId,
        sha256: Digest,
        presign: &Presign,
    ) -> Result<Option<String>, ObjectError> {
        let config = PresigningConfig::expires_in(presign.life).map_err(store)?;
        let signed = self
            .signer
            .get_object()
            .bucket(&*self.bucket)
            .key(self.key(Area::Stored, mission, sha256))
            .response_content_type(&presign.media_type)
            .response_content_disposition(&presign.disposition)
            .presigned(config)
            .await;
        let signed = signed.map_err(|error| store(Fault::new("GetObject (signing)", error)))?;
        Ok(Some(signed.uri().to_owned()))
    }

    async fn list(
        &self,
        area: Area,
        before: Timestamp,
        after: Option<String>,
    ) -> Result<ObjectPage, ObjectError> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(self.folder(area))
            .set_continuation_token(after)
            .send()
            .await;
        let listed = listed.map_err(|error| store(Fault::new("ListObjectsV2", error)))?;
        let mut page = ObjectPage { objects: Vec::new(), next: None };
        for object in listed.contents() {
            let Some(found) = object.key().and_then(|key| self.parse(area, key)) else { continue };
            if timestamp(object.last_modified())? < before {
                page.objects.push(found);
            }
        }
        if listed.is_truncated == Some(true) {
            page.next = listed.next_continuation_token;
        }
        Ok(page)
    }

    async fn remove_if_older(
        &self,
        mission: MissionId,
        sha256: Digest,
        before: Timestamp,
    ) -> Result<bool, ObjectError> {
        let key = self.key(Area::Stored, mission, sha256);
        let head = self.head(&key).await?.ok_or(ObjectError::Missing)?;
        if head.modified >= before {
            return Ok(false);
        }
        if !self.copy(&key, &self.key(Area::Aside, mission, sha256)).await? {
            return Err(ObjectError::Missing);
        }
        self.delete(&key).await.map_err(store)?;
        Ok(true)
    }

    async fn restore(&self, mission: MissionId, sha256: Digest) -> Result<bool, ObjectError> {
        let aside = self.key(Area::Aside, mission, sha256);
        self.copy(&aside, &self.key(Area::Stored, mission, sha256)).await
    }

    async fn discard(&self, mission: MissionId, sha256: Digest) -> Result<(), ObjectError> {
        self.delete(&self.key(Area::Aside, mission, sha256)).await.map_err(store)
    }

    async fn abort_uploads(&self, before: Timestamp) -> Result<u64, ObjectError> {
        let mut aborted = 0;
        for (key, id) in self.open_uploads(before).await? {
            self.abort(&key, &id).await.map_err(store)?;
            aborted += 1;
        }
        Ok(aborted + self.spool.clear_stale(before).await.map_err(ObjectError::Store)?)
    }

    async fn stale_uploads(&self, before: Timestamp) -> Result<u64, ObjectError> {
        let received = self.spool.stale(before).await.map_err(ObjectError::Store)?.len();
        Ok((self.open_uploads(before).await?.len() + received) as u64)
    }

    async fn find(&self, area: Area, (mission, sha256): Place) -> Result<Option<Held>, ObjectError> {
        let found = self.head(&self.key(area, mission, sha256)).await?;
        Ok(found.map(|head| Held { size_bytes: head.size_bytes, modified: head.modified }))
    }

    async fn survey(&self, after: Option<Place>, limit: usize) -> Result<Survey, ObjectError> {
        self.look(after, limit).await
    }

    async fn quarantine(&self, place: Place) -> Result<Option<String>, ObjectError> {
        self.set_apart(place).await
    }

    async fn check(&self) -> Result<String, String> {
        // Held while asking, so that many who ask at once ask the server once.
        let mut known = self.health.lock().await;
        if let Some(health) = &*known
            && health.at.elapsed() < HEALTH_LIFE
        {
            return health.answer.clone();
        }
        let answer = self.ask_health().await;
        *known = Some(Health { at: Instant::now(), answer: answer.clone() });
        answer
    }
}
