//! Looking through a bucket: what is stored, in the order of keys, and what is not what its key says.

use mc_api::Timestamp;

use super::super::{Area, Held, ObjectError, Place, Survey, digest_of};
use super::fault::Fault;
use super::{S3Store, store, timestamp, wall};

impl S3Store {
    /// A part of the bucket after a place. Keys that are not ours are passed over.
    pub(super) async fn look(&self, after: Option<Place>, limit: usize) -> Result<Survey, ObjectError> {
        let mut from = after.map(|(mission, sha256)| self.key(Area::Stored, mission, sha256));
        let at_once = i32::try_from(limit).unwrap_or(i32::MAX).min(1000);
        let mut part = Survey::default();
        loop {
            let listed = self
                .client
                .list_objects_v2()
                .bucket(&*self.bucket)
                .prefix(self.folder(Area::Stored))
                .max_keys(at_once)
                .set_start_after(from.take())
                .send()
                .await;
            let listed = listed.map_err(|error| store(Fault::new("ListObjectsV2", error)))?;
            for object in listed.contents() {
                let Some(key) = object.key() else { continue };
                from = Some(key.to_owned());
                let Some(place) = self.parse(Area::Stored, key) else { continue };
                let size_bytes = u64::try_from(object.size().unwrap_or_default()).map_err(store)?;
                let modified = timestamp(object.last_modified())?;
                part.objects.push((place, Held { size_bytes, modified }));
            }
            // A server that says there is more and gives nothing would be asked for ever.
            let more = listed.is_truncated == Some(true) && from.is_some();
            if !more || !part.objects.is_empty() {
                part.edge = part.objects.last().filter(|_| more).map(|(place, _)| *place);
                return Ok(part);
            }
        }
    }

    /// Copies an object that has not the digest of its key to `quarantine/`, and then removes the key.
    ///
    /// Between the last look at the key and its removal somebody may write it; S3 has no removal "only if it is still
    /// this". That upload is then found to be missing by the next look.
    pub(super) async fn set_apart(&self, place: Place) -> Result<Option<String>, ObjectError> {
        let (mission, sha256) = place;
        let key = self.key(Area::Stored, mission, sha256);
        let Some(before) = self.head(&key).await? else { return Ok(None) };
        let content = match self.open_object(&key, None).await {
            Err(ObjectError::Missing) => return Ok(None),
            content => content?,
        };
        if digest_of(content).await.map_err(store)?.sha256 == sha256 {
            return Ok(None);
        }
        let away = format!("{}quarantine/{mission}/{sha256}.{}", self.prefix, wall().as_micros());
        if !self.copy(&key, &away).await? {
            return Ok(None);
        }
        let copied = self.open_object(&away, None).await?;
        let is_right = digest_of(copied).await.map_err(store)?.sha256 == sha256;
        let after = self.head(&key).await?;
        if is_right
            || after.is_none_or(|after| after.etag != before.etag || after.modified != before.modified)
        {
            // Somebody wrote it meanwhile: what stands there now was not looked at.
            self.delete(&away).await.map_err(store)?;
            return Ok(None);
        }
        self.delete(&key).await.map_err(store)?;
        Ok(Some(format!("{} in the bucket {}", away, self.bucket)))
    }

    /// Uploads in parts that were begun before a moment: key and id.
    pub(super) async fn open_uploads(&self, before: Timestamp) -> Result<Vec<(String, String)>, ObjectError> {
        let (mut found, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let listed = self
                .client
                .list_multipart_uploads()
                .bucket(&*self.bucket)
                .prefix(self.folder(Area::Stored))
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await;
            let listed = listed.map_err(|error| store(Fault::new("ListMultipartUploads", error)))?;
            for upload in listed.uploads() {
                let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
                if timestamp(upload.initiated())? < before {
                    found.push((key.to_owned(), id.to_owned()));
                }
            }
            if listed.is_truncated != Some(true) {
                return Ok(found);
            }
            (key, id) = (listed.next_key_marker, listed.next_upload_id_marker);
        }
    }
}
