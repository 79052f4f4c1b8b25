//! Skill bundles, what holds, and who has what.

use mc_api::Page;
use mc_api::bundle::MEDIA_TYPE;
use mc_api::skill::{
    CreateSkill, PromoteSkills, ReportSkills, SkillBundle, SkillManifest, SkillSnapshot, SkillSync,
};
use reqwest::Method;
use reqwest::header::ETAG;
use ring::digest::{SHA256, digest};

use crate::query::Scope;
use crate::transport::{Body, Call};
use crate::{Client, Error, Upload};

impl Client {
    /// Stores an archive as the next version of a bundle.
    pub async fn push_skill(&self, create: &CreateSkill, upload: Upload) -> Result<SkillBundle, Error> {
        let mut query = vec![("mission", create.mission.clone())];
        query.extend(create.kluster.clone().map(|kluster| ("kluster", kluster)));
        query.extend(create.note.clone().map(|note| ("note", note)));
        let mut call = Call::new(Method::POST, &["api", "v1", "skills"]).query(query);
        call.body = Body::Upload(upload, MEDIA_TYPE.to_owned());
        self.json(call).await
    }

    /// Publishes a version, or takes it out of use.
    pub async fn skill_step(
        &self,
        reference: &str,
        scope: &Scope,
        verb: &'static str,
    ) -> Result<SkillBundle, Error> {
        let path = ["api", "v1", "skills", reference, verb];
        self.json(Call::new(Method::POST, &path).query(scope.pairs())).await
    }

    /// What is in a version.
    pub async fn skill_manifest(&self, reference: &str, scope: &Scope) -> Result<SkillManifest, Error> {
        let path = ["api", "v1", "skills", reference, "manifest"];
        self.json(Call::get(&path).query(scope.pairs())).await
    }

    /// The archive of a version.
    pub async fn skill_content(&self, bundle: &SkillBundle) -> Result<Vec<u8>, Error> {
        let id = bundle.id.to_string();
        self.archive(Call::get(&["api", "v1", "skills", &id, "content"])).await
    }

    /// What holds in a kluster, or where no kluster is.
    pub async fn effective_skills(
        &self,
        mission: &str,
        kluster: Option<&str>,
        version: Option<&str>,
    ) -> Result<SkillSnapshot, Error> {
        let query = place(mission, kluster, version);
        self.json(Call::get(&["api", "v1", "skills", "effective"]).query(query)).await
    }

    /// The archive of a snapshot.
    pub async fn snapshot_content(&self, snapshot: &SkillSnapshot) -> Result<Vec<u8>, Error> {
        let (mission, kluster) =
            (snapshot.mission_id.to_string(), snapshot.kluster_id.map(|kluster| kluster.to_string()));
        let query = place(&mission, kluster.as_deref(), Some(&snapshot.effective_version));
        let path = ["api", "v1", "skills", "effective", "content"];
        let bytes = self.archive(Call::get(&path).query(query)).await?;
        checked(bytes, &snapshot.sha256)
    }

    /// The bytes of an archive, when they are what the answer's entity tag says.
    pub(crate) async fn archive(&self, call: Call<'_>) -> Result<Vec<u8>, Error> {
        let response = self.send(call).await?;
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
        let expected = tag.unwrap_or_default().trim_matches('"').to_owned();
        let bytes = self.within(response.bytes()).await?;
        checked(bytes.into(), &expected)
    }

    /// Makes what was changed in a copy the next version of a bundle.
    pub async fn promote_skills(&self, changes: &PromoteSkills) -> Result<SkillBundle, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "skills", "promote"]).json(changes)).await
    }

    /// Says which skills one has somewhere.
    pub async fn report_skills(&self, report: &ReportSkills) -> Result<SkillSync, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "skills", "sync"]).json(report)).await
    }

    /// Who has which skills: all of them, of one agent session when it is named.
    pub async fn skill_sync(&self, scope: &Scope, session: Option<&str>) -> Result<Vec<SkillSync>, Error> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let mut query = scope.pairs();
            query.extend(session.map(|session| ("session", session.to_owned())));
            query.push(("limit", mc_api::page::MAX_LIMIT.to_string()));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: Page<SkillSync> =
                self.json(Call::get(&["api", "v1", "skills", "sync"]).query(query)).await?;
            all.extend(page.items);
            match page.next_cursor {
                None => return Ok(all),
                next => cursor = next,
            }
        }
    }
}

fn place(mission: &str, kluster: Option<&str>, version: Option<&str>) -> Vec<(&'static str, String)> {
    let mut query = vec![("mission", mission.to_owned())];
    query.extend(kluster.map(|kluster| ("kluster", kluster.to_owned())));
    query.extend(version.map(|version| ("version", version.to_owned())));
    query
}

/// The bytes, when they have this digest.
fn checked(bytes: Vec<u8>, expected: &str) -> Result<Vec<u8>, Error> {
    use std::fmt::Write as _;
    let actual = digest(&SHA256, &bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    });
    if actual == expected {
        return Ok(bytes);
    }
    Err(Error::DigestMismatch { expected: expected.to_owned(), actual })
}
