//! Profiles and their versions in the database.

use mc_api::bundle::BundleFile;
use mc_api::doctor::ContentName;
use mc_api::id::{MissionId, OrganizationId, PrincipalId, ProfileId};
use mc_api::profile::{Profile, ProfileVersion};
use mc_api::{Name, Timestamp};

use crate::db::{self, Backend, DbError, Filter, Tx};
use crate::doctor::NamedContent;
use crate::skills::store::{document, text_of};

#[derive(sqlx_macros::FromRow)]
struct Row {
    profile_id: ProfileId,
    owner_id: PrincipalId,
    name: Name,
    description: String,
    latest_version: i64,
    sha256: String,
    size_bytes: i64,
    files: String,
    activated: bool,
    pinned_version: Option<i64>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT p.profile_id, p.owner_id, p.name, p.description, p.latest_version, v.sha256, v.size_bytes,
    v.files, p.activated, p.pinned_version, p.version, p.created_at, p.updated_at
    FROM profile p JOIN profile_version v ON v.profile_id = p.profile_id AND v.number = p.latest_version";

impl TryFrom<Row> for Profile {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        let files: Vec<BundleFile> = document("profile_version", &row.files)?;
        Ok(Self {
            kind: "profile".into(),
            id: row.profile_id,
            name: row.name,
            owner_id: row.owner_id,
            description: row.description,
            latest_version: row.latest_version,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            file_count: i64::try_from(files.len()).unwrap_or(i64::MAX),
            activated: row.activated,
            pinned_version: row.pinned_version,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Which of an owner's profiles.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wanted {
    pub(crate) id: Option<ProfileId>,
    pub(crate) name: Option<String>,
    /// Only the activated one.
    pub(crate) activated: bool,
    pub(crate) after: Option<ProfileId>,
    pub(crate) limit: i64,
}

/// An owner's living profiles in the order of their ids.
pub(crate) async fn list(tx: &mut Tx, owner: PrincipalId, wanted: Wanted) -> Result<Vec<Profile>, DbError> {
    let mut filter = Filter::new(tx, SELECT).always("p.deleted_at IS NULL");
    if wanted.activated {
        filter = filter.always("p.activated");
    }
    let rows: Vec<Row> = filter
        .and("p.owner_id = ?", owner)
        .and_some("p.profile_id = ?", wanted.id)
        .and_some("p.name = ?", wanted.name)
        .and_some("p.profile_id > ?", wanted.after)
        .finish(tx, "p.profile_id", wanted.limit)
        .fetch_all()
        .await?;
    rows.into_iter().map(Profile::try_from).collect()
}

/// Locks an owner's living profiles, so that of those who choose among them at once one goes after the other. SQLite has
/// one writer anyway.
pub(crate) async fn lock_all(tx: &mut Tx, owner: PrincipalId) -> Result<(), DbError> {
    if tx.backend() == Backend::Sqlite {
        return Ok(());
    }
    let text = "SELECT profile_id FROM profile WHERE owner_id = $1 AND deleted_at IS NULL ORDER BY profile_id FOR UPDATE";
    let _locked: Vec<(ProfileId,)> = tx.query(text).bind(owner).fetch_all().await?;
    Ok(())
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    profile: &Profile,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO profile (profile_id, organization_id, owner_id, name, description, latest_version, version,
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(profile.id)
    .bind(organization)
    .bind(profile.owner_id)
    .bind(profile.name.clone())
    .bind(profile.description.clone())
    .bind(profile.latest_version)
    .bind(profile.version)
    .bind(profile.created_at)
    .bind(profile.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Saves a changed profile; whether its version was still the one read.
pub(crate) async fn replace(tx: &mut Tx, before: &Profile, after: &Profile) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE profile SET description = $3, latest_version = $4, version = $5, updated_at = $6,
                 activated = $7, pinned_version = $8
             WHERE profile_id = $1 AND version = $2 AND deleted_at IS NULL",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(after.description.clone())
        .bind(after.latest_version)
        .bind(after.version)
        .bind(after.updated_at)
        .bind(after.activated)
        .bind(after.pinned_version)
        .execute()
        .await?;
    Ok(changed == 1)
}

pub(crate) async fn delete(tx: &mut Tx, profile: &Profile, now: Timestamp) -> Result<bool, DbError> {
    db::bury(tx, "profile", (profile.id.as_uuid(), profile.version), now).await
}

#[derive(sqlx_macros::FromRow)]
struct VersionRow {
    profile_id: ProfileId,
    number: i64,
    sha256: String,
    size_bytes: i64,
    files: String,
    note: String,
    created_at: Timestamp,
}

impl TryFrom<VersionRow> for ProfileVersion {
    type Error = DbError;
    fn try_from(row: VersionRow) -> Result<Self, DbError> {
        Ok(Self {
            profile_id: row.profile_id,
            number: row.number,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            files: document("profile_version", &row.files)?,
            note: row.note,
            created_at: row.created_at,
        })
    }
}

/// Versions after a number, ascending.
pub(crate) async fn versions(
    tx: &mut Tx,
    profile: ProfileId,
    after: i64,
    limit: i64,
) -> Result<Vec<ProfileVersion>, DbError> {
    const SELECT_VERSION: &str =
        "SELECT profile_id, number, sha256, size_bytes, files, note, created_at FROM profile_version";
    let filter = Filter::new(tx, SELECT_VERSION).and("profile_id = ?", profile).and("number > ?", after);
    let rows: Vec<VersionRow> = filter.finish(tx, "number", limit).fetch_all().await?;
    rows.into_iter().map(ProfileVersion::try_from).collect()
}

/// The newest version with this archive.
pub(crate) async fn version_with(
    tx: &mut Tx,
    profile: ProfileId,
    sha256: String,
) -> Result<Option<i64>, DbError> {
    let (number,): (Option<i64>,) = tx
        .query("SELECT MAX(number) FROM profile_version WHERE profile_id = $1 AND sha256 = $2")
        .bind(profile)
        .bind(sha256)
        .fetch_one()
        .await?;
    Ok(number)
}

pub(crate) async fn insert_version(
    tx: &mut Tx,
    owner: PrincipalId,
    version: &ProfileVersion,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO profile_version (profile_id, number, owner_id, sha256, size_bytes, files, note, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(version.profile_id)
    .bind(version.number)
    .bind(owner)
    .bind(version.sha256.clone())
    .bind(version.size_bytes)
    .bind(text_of(&version.files))
    .bind(version.note.clone())
    .bind(version.created_at)
    .execute()
    .await?;
    Ok(())
}

/// Whether a version of a living profile has this archive; the area is the owner's.
pub(crate) async fn names_content(tx: &mut Tx, area: MissionId, sha256: String) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM profile_version v JOIN profile p ON p.profile_id = v.profile_id
                 WHERE v.owner_id = $1 AND v.sha256 = $2 AND p.deleted_at IS NULL)",
        )
        .bind(PrincipalId::from_uuid(area.as_uuid()))
        .bind(sha256)
        .fetch_one()
        .await?;
    Ok(found)
}

/// What versions of living profiles name after a place, in the order of keys: where, and the least and the most bytes; the
/// area is the owner's.
pub(crate) async fn named(
    tx: &mut Tx,
    (area, sha256): (MissionId, String),
    limit: i64,
) -> Result<Vec<NamedContent>, DbError> {
    tx.query(
        "SELECT v.owner_id, v.sha256, MIN(v.size_bytes), MAX(v.size_bytes)
         FROM profile_version v JOIN profile p ON p.profile_id = v.profile_id
         WHERE (v.owner_id, v.sha256) > ($1, $2) AND p.deleted_at IS NULL
         GROUP BY v.owner_id, v.sha256 ORDER BY v.owner_id, v.sha256 LIMIT $3",
    )
    .bind(area)
    .bind(sha256)
    .bind(limit)
    .fetch_all()
    .await
}

/// Which versions of living profiles have this archive, oldest first.
pub(crate) async fn names_of(
    tx: &mut Tx,
    area: MissionId,
    sha256: String,
    limit: i64,
) -> Result<Vec<ContentName>, DbError> {
    let rows: Vec<(ProfileId, String, i64)> = tx
        .query(
            "SELECT p.profile_id, p.name, v.number FROM profile_version v JOIN profile p ON p.profile_id = v.profile_id
             WHERE v.owner_id = $1 AND v.sha256 = $2 AND p.deleted_at IS NULL
             ORDER BY p.profile_id, v.number LIMIT $3",
        )
        .bind(area)
        .bind(sha256)
        .bind(limit)
        .fetch_all()
        .await?;
    let of = |(id, name, number): (ProfileId, String, i64)| ContentName {
        kind: "profile".into(),
        id: id.to_string(),
        name: format!("{name} version {number}"),
    };
    Ok(rows.into_iter().map(of).collect())
}
