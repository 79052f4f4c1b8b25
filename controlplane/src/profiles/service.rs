//! Operations on the caller's own profiles.

use mc_api::bundle::BundleFile;
use mc_api::id::{MissionId, PrincipalId, ProfileId};
use mc_api::profile::{PinProfile, Profile, ProfileStatus, ProfileSync, ProfileVersion, PushProfile};
use mc_api::{Action, Conflict, ConflictReason, Name, Page, ProblemKind};
use mc_bundle::{Limits, Tree};
use serde::Serialize;

use super::store;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::{Against, Error};
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::{changed_meanwhile, check_text};
use crate::objects::ByteStream;
use crate::op::OpCtx;
use crate::skills::model::refused;
use crate::skills::service::{Packed, archive, aside, gather};
use crate::write::{self, hex_digest};
use crate::write_tx;

/// Profiles that one principal may have.
const MAX_PROFILES: i64 = 100;
/// The longest description or note, in bytes.
const MAX_TEXT: usize = 2000;

/// Where an owner's archives are: an area of the object store like a mission's, that no mission has.
fn area(owner: PrincipalId) -> MissionId {
    MissionId::from_uuid(owner.as_uuid())
}

/// What the ledger says of a profile: that it changed, and the digest. Names and files are the owner's.
#[derive(Serialize)]
struct Recorded<'a> {
    profile_id: ProfileId,
    owner_id: PrincipalId,
    latest_version: i64,
    sha256: &'a str,
    activated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned_version: Option<i64>,
    version: i64,
}

impl<'a> From<&'a Profile> for Recorded<'a> {
    fn from(profile: &'a Profile) -> Self {
        Self {
            profile_id: profile.id,
            owner_id: profile.owner_id,
            latest_version: profile.latest_version,
            sha256: &profile.sha256,
            activated: profile.activated,
            pinned_version: profile.pinned_version,
            version: profile.version,
        }
    }
}

async fn record(
    tx: &mut Tx,
    cx: &OpCtx,
    action: Action,
    (before, after): (Option<&Profile>, &Profile),
) -> Result<(), Error> {
    let proof = cx.authorize_own(action)?;
    let before_sha256 = match before {
        Some(before) => ledger::digest_of(&Recorded::from(before))?,
        None => None,
    };
    let body = Recorded::from(after);
    let event =
        Event { subject_kind: "profile", subject_id: after.id.to_string(), body: &body, before_sha256 };
    ledger::record(tx, cx, proof, event).await
}

async fn find(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Option<Profile>, Error> {
    let id = reference.parse::<ProfileId>().ok();
    let name = id.is_none().then(|| reference.to_owned());
    let wanted = store::Wanted { id, name, limit: 1, ..store::Wanted::default() };
    Ok(store::list(tx, cx.caller.id, wanted).await?.pop())
}

/// One of the caller's profiles, by id or name.
pub(crate) async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Profile, Error> {
    cx.authorize_own(Action::ReadProfile)?;
    find(tx, cx, reference).await?.ok_or_else(|| Error::not_found("profile", reference))
}

/// Stores an archive as the next version of a profile, which is made when `base_version` is 0.
///
/// # Errors
/// [`ProblemKind::VersionConflict`] when the base is not the newest version, [`ProblemKind::BodyTooLarge`],
/// [`ProblemKind::Validation`] with the entry that is refused, [`ProblemKind::Forbidden`].
pub async fn push(
    app: &App,
    mut cx: OpCtx,
    request: PushProfile,
    content: ByteStream,
) -> Result<(OpCtx, Profile), Error> {
    if let Err(error) = cx.authorize_own(Action::PushProfile) {
        return Err(write::refused(app, &cx, error).await);
    }
    let bytes = gather(content).await?;
    if let Some(request) = &mut cx.idempotency {
        let all = format!("{}\0{}", request.body_sha256, hex_digest(&bytes));
        request.body_sha256 = hex_digest(all.as_bytes());
    }
    let tree = aside(move || Tree::read(&bytes, Limits::BUNDLE).map_err(|refusal| refused(&refusal))).await?;
    let profile = store_version(app, &cx, request, tree).await?;
    Ok((cx, profile))
}

/// Stores a checked tree as the next version of a profile. The newest version's own files make no other one.
pub(crate) async fn store_version(
    app: &App,
    cx: &OpCtx,
    request: PushProfile,
    tree: Tree,
) -> Result<Profile, Error> {
    if let Err(error) = cx.authorize_own(Action::PushProfile) {
        return Err(write::refused(app, cx, error).await);
    }
    let name: Name = request.name.parse().map_err(|error| Error::invalid("?name", format!("{error}")))?;
    for (pointer, text) in [("?description", &request.description), ("?note", &request.note)] {
        check_text(pointer, text.as_deref().unwrap_or_default(), MAX_TEXT)?;
    }
    let packed = Packed::store(app, area(cx.caller.id), tree).await?;
    write_tx!(app, cx, |tx| {
        let before = find(tx, cx, name.as_str()).await?;
        let newest = before.as_ref().map_or(0, |before| before.latest_version);
        if newest != request.base_version {
            return Err(conflict(&name, request.base_version, before.as_ref()));
        }
        let sha256 = packed.stored.sha256.to_string();
        let mut after = match &before {
            Some(before) => before.clone(),
            None => fresh(tx, cx, &name).await?,
        };
        if let Some(description) = &request.description {
            after.description.clone_from(description);
        }
        let has_same_files = before.as_ref().is_some_and(|before| before.sha256 == sha256);
        if !has_same_files {
            after.latest_version += 1;
            after.sha256 = sha256;
            after.size_bytes = i64::try_from(packed.stored.size_bytes).map_err(Error::internal)?;
            after.file_count = i64::try_from(packed.files.len()).map_err(Error::internal)?;
        }
        if before.as_ref() == Some(&after) {
            return Ok(after);
        }
        after.version += 1;
        after.updated_at = cx.now();
        save(tx, cx, (before.as_ref(), &after)).await?;
        if !has_same_files {
            let note = request.note.clone().unwrap_or_default();
            store::insert_version(tx, cx.caller.id, &version_of(&after, &packed.files, note)).await?;
        }
        record(tx, cx, Action::PushProfile, (before.as_ref(), &after)).await?;
        Ok(after)
    })
}

/// A profile that is not stored yet.
async fn fresh(tx: &mut Tx, cx: &OpCtx, name: &Name) -> Result<Profile, Error> {
    let wanted = store::Wanted { limit: MAX_PROFILES, ..store::Wanted::default() };
    let have = store::list(tx, cx.caller.id, wanted).await?.len();
    if i64::try_from(have).unwrap_or(i64::MAX) >= MAX_PROFILES {
        return Err(Error::invalid("?name", format!("at most {MAX_PROFILES} profiles of one owner")));
    }
    Ok(Profile {
        kind: "profile".into(),
        id: ProfileId::from_uuid(cx.new_uuid()),
        name: name.clone(),
        owner_id: cx.caller.id,
        description: String::new(),
        latest_version: 0,
        sha256: String::new(),
        size_bytes: 0,
        file_count: 0,
        activated: false,
        pinned_version: None,
        version: 0,
        created_at: cx.now(),
        updated_at: cx.now(),
    })
}

async fn save(tx: &mut Tx, cx: &OpCtx, (before, after): (Option<&Profile>, &Profile)) -> Result<(), Error> {
    let Some(before) = before else {
        let made = store::insert(tx, cx.caller.organization, after).await;
        return made.map_err(|error| match error {
            // Of two who make it at once the second made it of nothing.
            DbError::Unique(_) => conflict(&after.name, 0, None),
            other => other.into(),
        });
    };
    match store::replace(tx, before, after).await {
        Ok(true) => Ok(()),
        // Unique: another one was activated at the same moment.
        Ok(false) | Err(DbError::Unique(_)) => Err(changed_meanwhile()),
        Err(other) => Err(other.into()),
    }
}

fn version_of(profile: &Profile, files: &[BundleFile], note: String) -> ProfileVersion {
    ProfileVersion {
        profile_id: profile.id,
        number: profile.latest_version,
        sha256: profile.sha256.clone(),
        size_bytes: profile.size_bytes,
        files: files.to_vec(),
        note,
        created_at: profile.updated_at,
    }
}

/// That a version was made of another than the newest.
fn conflict(name: &Name, base: i64, current: Option<&Profile>) -> Error {
    let conflict = Conflict {
        path: name.to_string(),
        reason: ConflictReason::BaseMismatch,
        expected_version: Some(base),
        expected_sha256: None,
        current_version: current.map(|current| current.latest_version),
        current_sha256: current.map(|current| current.sha256.clone()),
    };
    let newest = current.map_or_else(
        || "there is none, or another made it meanwhile".to_owned(),
        |current| format!("the newest version is {}", current.latest_version),
    );
    Error {
        against: Against::Versions(vec![conflict]),
        ..Error::new(
            ProblemKind::VersionConflict,
            format!("base_version of profile {name} is {base}; {newest}: pull it and push on top of it"),
        )
    }
}

/// A page of the caller's profiles in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    (limit, cursor): (Option<u32>, Option<&str>),
) -> Result<Page<Profile>, Error> {
    let page = page::Request::<ProfileId>::read(app, format!("profiles of {}", cx.caller.id), limit, cursor)?;
    if cx.authorize_own(Action::ReadProfile).is_err() {
        // Without any role nothing is visible.
        return Ok(Page { items: Vec::new(), next_cursor: None });
    }
    let wanted = store::Wanted { after: page.after, limit: page.fetch(), ..store::Wanted::default() };
    let rows = store::list(&mut app.db.begin_read().await?, cx.caller.id, wanted).await?;
    Ok(page.cut(app, rows, |profile| profile.id))
}

/// One profile.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Profile, Error> {
    resolve(&mut app.db.begin_read().await?, cx, reference).await
}

/// The versions of a profile, ascending, in pages.
pub async fn versions(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    (limit, cursor): (Option<u32>, Option<&str>),
) -> Result<Page<ProfileVersion>, Error> {
    let mut tx = app.db.begin_read().await?;
    let profile = resolve(&mut tx, cx, reference).await?;
    let page = page::Request::<i64>::read(app, format!("versions of {}", profile.id), limit, cursor)?;
    let rows = store::versions(&mut tx, profile.id, page.after.unwrap_or(0), page.fetch()).await?;
    Ok(page.cut(app, rows, |version| version.number))
}

/// The archive of a version; unless one is named, of the pinned one, else the newest.
///
/// # Errors
/// [`ProblemKind::NotFound`].
pub async fn content(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    number: Option<i64>,
) -> Result<(ProfileVersion, Vec<u8>), Error> {
    let version = {
        let mut tx = app.db.begin_read().await?;
        let profile = resolve(&mut tx, cx, reference).await?;
        let number = number.unwrap_or_else(|| given(&profile));
        let found = store::versions(&mut tx, profile.id, number.saturating_sub(1), 1).await?.pop();
        let absent = || Error::not_found("version", format!("{number} of profile {}", profile.name));
        found.filter(|version| version.number == number).ok_or_else(absent)?
    };
    let bytes = archive(app, area(cx.caller.id), &version.sha256).await?;
    Ok((version, bytes))
}

/// The version that is given where none is named.
fn given(profile: &Profile) -> i64 {
    profile.pinned_version.unwrap_or(profile.latest_version)
}

/// Saves a change of what is chosen, and records it.
async fn choose(
    tx: &mut Tx,
    cx: &OpCtx,
    action: Action,
    before: &Profile,
    mut after: Profile,
) -> Result<Profile, Error> {
    if after == *before {
        return Ok(after);
    }
    after.version += 1;
    after.updated_at = cx.now();
    save(tx, cx, (Some(before), &after)).await?;
    record(tx, cx, action, (Some(before), &after)).await?;
    Ok(after)
}

/// Makes a profile the one that is used where none is named, instead of the one before.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn activate(app: &App, cx: &OpCtx, reference: &str) -> Result<Profile, Error> {
    write_tx!(app, cx, |tx| {
        cx.authorize_own(Action::ActivateProfile)?;
        // One who finds his choice made already writes nothing, and must not see it taken back meanwhile.
        store::lock_all(tx, cx.caller.id).await?;
        let profile = resolve(tx, cx, reference).await?;
        cx.check_version(profile.version)?;
        let wanted = store::Wanted { activated: true, limit: 1, ..store::Wanted::default() };
        let other = store::list(tx, cx.caller.id, wanted).await?.pop();
        if let Some(other) = other.filter(|other| other.id != profile.id) {
            let after = Profile { activated: false, ..other.clone() };
            choose(tx, cx, Action::ActivateProfile, &other, after).await?;
        }
        let after = Profile { activated: true, ..profile.clone() };
        choose(tx, cx, Action::ActivateProfile, &profile, after).await
    })
}

/// Keeps to a version of a profile, or to the newest one again.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::StaleVersion`], [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn pin(app: &App, cx: &OpCtx, reference: &str, request: PinProfile) -> Result<Profile, Error> {
    if request.sha256.is_some() && request.number.is_some() {
        return Err(Error::invalid("/number", "give sha256, number, or neither"));
    }
    if let Some(sha256) = &request.sha256 {
        check_digest("/sha256", sha256)?;
    }
    write_tx!(app, cx, |tx| {
        cx.authorize_own(Action::PinProfile)?;
        let profile = resolve(tx, cx, reference).await?;
        cx.check_version(profile.version)?;
        let absent =
            |what: String| Error::not_found("version", format!("{what} of profile {}", profile.name));
        let pinned_version = match (&request.sha256, request.number) {
            (Some(sha256), _) => {
                let found = store::version_with(tx, profile.id, sha256.clone()).await?;
                Some(found.ok_or_else(|| absent(sha256.clone()))?)
            }
            (None, Some(number)) if (1..=profile.latest_version).contains(&number) => Some(number),
            (None, Some(number)) => return Err(absent(number.to_string())),
            (None, None) => None,
        };
        let after = Profile { pinned_version, ..profile.clone() };
        choose(tx, cx, Action::PinProfile, &profile, after).await
    })
}

fn check_digest(pointer: &str, sha256: &str) -> Result<(), Error> {
    let is_digest = sha256.parse::<mc_ledger::Digest>().is_ok();
    if is_digest { Ok(()) } else { Err(Error::invalid(pointer, "64 lowercase hex digits")) }
}

/// Which version is given now, and how what the caller has compares with it.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::NotFound`].
pub async fn status(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    (pointer, expected_sha256): (&str, Option<String>),
) -> Result<ProfileStatus, Error> {
    if let Some(sha256) = &expected_sha256 {
        check_digest(pointer, sha256)?;
    }
    let mut tx = app.db.begin_read().await?;
    let profile = resolve(&mut tx, cx, reference).await?;
    let given_version = given(&profile);
    let version = store::versions(&mut tx, profile.id, given_version - 1, 1).await?.pop();
    let absent = || Error::not_found("version", format!("{given_version} of profile {}", profile.name));
    let given_sha256 = version.ok_or_else(absent)?.sha256;
    let expected_version = match &expected_sha256 {
        Some(sha256) => store::version_with(&mut tx, profile.id, sha256.clone()).await?,
        None => None,
    };
    let state = match (&expected_sha256, expected_version) {
        (None, _) => ProfileSync::Unknown,
        (Some(expected), _) if *expected == given_sha256 => ProfileSync::InSync,
        (Some(_), Some(_)) => ProfileSync::Outdated,
        (Some(_), None) => ProfileSync::Drifted,
    };
    Ok(ProfileStatus {
        kind: "profile_status".into(),
        profile_id: profile.id,
        name: profile.name,
        activated: profile.activated,
        given_version,
        given_sha256,
        pinned_version: profile.pinned_version,
        latest_version: profile.latest_version,
        expected_sha256,
        expected_version,
        state,
    })
}

/// Gives a profile up, with all its versions.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::NotFound`], [`ProblemKind::Forbidden`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        cx.authorize_own(Action::DropProfile)?;
        let profile = resolve(tx, cx, reference).await?;
        cx.check_version(profile.version)?;
        if !store::delete(tx, &profile, cx.now()).await? {
            return Err(changed_meanwhile());
        }
        record(tx, cx, Action::DropProfile, (Some(&profile), &profile)).await
    })
}
