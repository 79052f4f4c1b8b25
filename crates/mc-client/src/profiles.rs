//! The caller's own profiles.

use mc_api::Page;
use mc_api::bundle::MEDIA_TYPE;
use mc_api::profile::{PinProfile, Profile, ProfileStatus, PushProfile};
use reqwest::Method;

use crate::transport::{Body, Call};
use crate::{Client, Error, Upload};

impl Client {
    /// All own profiles.
    pub async fn profiles(&self) -> Result<Vec<Profile>, Error> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let mut query = vec![("limit", mc_api::page::MAX_LIMIT.to_string())];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: Page<Profile> = self.json(Call::get(&["api", "v1", "profiles"]).query(query)).await?;
            all.extend(page.items);
            match page.next_cursor {
                None => return Ok(all),
                next => cursor = next,
            }
        }
    }

    /// One of them, by id or name.
    pub async fn profile(&self, reference: &str) -> Result<Profile, Error> {
        self.json(Call::get(&["api", "v1", "profiles", reference])).await
    }

    /// Stores an archive as the next version.
    pub async fn push_profile(&self, push: &PushProfile, upload: Upload) -> Result<Profile, Error> {
        let mut query = vec![("name", push.name.clone()), ("base_version", push.base_version.to_string())];
        query.extend(push.description.clone().map(|text| ("description", text)));
        query.extend(push.note.clone().map(|text| ("note", text)));
        let mut call = Call::new(Method::POST, &["api", "v1", "profiles"]).query(query);
        call.body = Body::Upload(upload, MEDIA_TYPE.to_owned());
        self.json(call).await
    }

    /// The archive of a version.
    pub async fn profile_content(&self, reference: &str, version: i64) -> Result<Vec<u8>, Error> {
        let query = vec![("version", version.to_string())];
        self.archive(Call::get(&["api", "v1", "profiles", reference, "content"]).query(query)).await
    }

    /// Makes a profile the one that is used where none is named.
    pub async fn activate_profile(&self, reference: &str) -> Result<Profile, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "profiles", reference, "activate"])).await
    }

    /// Keeps to a version of a profile, or to the newest one again.
    pub async fn pin_profile(&self, reference: &str, pin: &PinProfile) -> Result<Profile, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "profiles", reference, "pin"]).json(pin)).await
    }

    /// Which version is given now, and how an archive with this digest compares with it.
    pub async fn profile_status(&self, reference: &str, sha256: &str) -> Result<ProfileStatus, Error> {
        let query = vec![("expected_sha256", sha256.to_owned())];
        self.json(Call::get(&["api", "v1", "profiles", reference, "status"]).query(query)).await
    }

    /// Gives a profile up.
    pub async fn delete_profile(&self, reference: &str) -> Result<(), Error> {
        self.send(Call::new(Method::DELETE, &["api", "v1", "profiles", reference])).await.map(drop)
    }
}
