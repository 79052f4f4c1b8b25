//! Operations on missions.

use mc_api::id::MissionId;
use mc_api::mission::{CreateMission, Mission, MissionState, UpdateMission};
use mc_api::{Action, Page, ProblemKind};

use super::store;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::docs;
use crate::error::Error;
use crate::fields::store::Subject;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::op::OpCtx;
use crate::{fields, overlap, rehearse_tx, write_tx};

/// At most this many bytes of Markdown.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Refuses texts that are too long or hold NUL, which Postgres cannot store.
///
/// # Errors
/// [`ProblemKind::Validation`] that names the field.
pub(crate) fn check_text(pointer: &str, text: &str, max_bytes: usize) -> Result<(), Error> {
    if text.len() > max_bytes {
        return Err(Error::invalid(pointer, format!("at most {max_bytes} bytes, got {}", text.len())));
    }
    if text.contains('\0') {
        return Err(Error::invalid(pointer, "must not contain U+0000"));
    }
    Ok(())
}

/// Finds a mission that the caller may read.
///
/// # Errors
/// [`ProblemKind::NotFound`], also when it exists but the caller has no role in it.
pub(crate) async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Mission, Error> {
    let absent = || Error::not_found("mission", reference);
    let mission = store::find(tx, cx.caller.organization, reference).await?.ok_or_else(absent)?;
    cx.authorize_in(Action::ReadMission, mission.id).map_err(|_| absent())?;
    Ok(mission)
}

/// Creates a mission.
///
/// # Errors
/// [`ProblemKind::NameTaken`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateMission) -> Result<Mission, Error> {
    write_tx!(app, cx, |tx| { create_in(tx, cx, &request).await })
}

/// Does all that [`create`] does and keeps nothing of it.
///
/// # Errors
/// As [`create`].
pub async fn rehearse(app: &App, cx: &OpCtx, request: CreateMission) -> Result<Mission, Error> {
    rehearse_tx!(app, |tx| { create_in(tx, cx, &request).await })
}

/// As [`create`], in the transaction of another operation.
pub(crate) async fn create_in(tx: &mut Tx, cx: &OpCtx, request: &CreateMission) -> Result<Mission, Error> {
    create_as(tx, cx, MissionId::from_uuid(cx.new_uuid()), request).await
}

/// As [`create_in`], with an id under which something is stored already.
pub(crate) async fn create_as(
    tx: &mut Tx,
    cx: &OpCtx,
    id: MissionId,
    request: &CreateMission,
) -> Result<Mission, Error> {
    check_text("/description", &request.description, MAX_TEXT_BYTES)?;
    let proof = cx.authorize(Action::CreateMission)?;
    let mission = Mission {
        kind: "mission".into(),
        id,
        overlap_policy: None,
        state: MissionState::Active,
        paused: false,
        key_prefix: key_prefix(tx, cx, request.name.as_str()).await?,
        name: request.name.clone(),
        description: request.description.clone(),
        labels: request.labels.clone(),
        annotations: request.annotations.clone(),
        version: 1,
        created_by: cx.caller.id,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    store::insert(tx, cx.caller.organization, &mission).await.map_err(|error| match error {
        DbError::Unique(_) => {
            Error::new(ProblemKind::NameTaken, format!("a mission named {} exists", mission.name))
        }
        other => other.into(),
    })?;
    crate::restore::refuse_unfinished(tx).await?;
    ledger::record(tx, cx, proof.within(mission.id), event(&mission, None)).await?;
    Ok(mission)
}

/// The name, or with a number when a deleted mission had the same one: prefixes are never used again.
pub(crate) async fn key_prefix(tx: &mut Tx, cx: &OpCtx, name: &str) -> Result<String, Error> {
    if !store::prefix_taken(tx, cx.caller.organization, name).await? {
        return Ok(name.to_owned());
    }
    // `name2`, not `name-2`: a key is `<prefix>-<n>` and must stay readable both ways.
    for n in 2_u32.. {
        let prefix = format!("{name}{n}");
        if !store::prefix_taken(tx, cx.caller.organization, &prefix).await? {
            return Ok(prefix);
        }
    }
    Err(Error::unavailable("no key prefix is left for this name"))
}

fn event(after: &Mission, before_sha256: Option<String>) -> Event<'_, Mission> {
    Event { subject_kind: "mission", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// One mission by id or name.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Mission, Error> {
    resolve(&mut app.db.begin_read().await?, cx, reference).await
}

/// A page of missions in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<MissionId>,
    labels: Vec<(String, Option<String>)>,
) -> Result<Page<Mission>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted { after: page.after, limit: page.fetch(), labels };
    let rows = store::list(&mut tx, cx.scope(Action::ReadMission), wanted).await?;
    Ok(page.cut(app, rows, |mission| mission.id))
}

/// Changes description, labels or annotations.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn update(app: &App, cx: &OpCtx, reference: &str, patch: UpdateMission) -> Result<Mission, Error> {
    write_tx!(app, cx, |tx| {
        let (before, after) = update_in(tx, cx, reference, &patch).await?;
        let id = after.id.to_string();
        let subject = Subject { organization: cx.caller.organization, mission: after.id, id: &id };
        fields::touched(tx, cx, subject, ((&before).into(), (&after).into())).await?;
        Ok(after)
    })
}

/// As [`update`], in the transaction of another operation: before and after. Owners of fields are the caller's matter.
pub(crate) async fn update_in(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    patch: &UpdateMission,
) -> Result<(Mission, Mission), Error> {
    if let Some(Some(text)) = &patch.description {
        check_text("/description", text, MAX_TEXT_BYTES)?;
    }
    if let Some(Some(policy)) = &patch.overlap_policy {
        overlap::model::check_policy(policy)?;
    }
    let before = resolve(tx, cx, reference).await?;
    let proof = cx.authorize_in(Action::UpdateMission, before.id)?;
    cx.check_version(before.version)?;
    let mut after = before.clone();
    if let Some(description) = &patch.description {
        after.description = description.clone().unwrap_or_default();
    }
    if let Some(policy) = patch.overlap_policy {
        cx.authorize_in(Action::SetOverlapPolicy, before.id)?;
        after.overlap_policy = policy;
    }
    if let Some(paused) = patch.paused {
        (after.state, after.paused) = (MissionState::of(paused), paused);
    }
    if let Some(labels) = &patch.labels {
        after.labels = labels.clone().unwrap_or_default();
    }
    if let Some(annotations) = &patch.annotations {
        after.annotations = annotations.clone().unwrap_or_default();
    }
    if after == before {
        return Ok((before.clone(), before));
    }
    after.version += 1;
    after.updated_at = cx.now();
    if !store::replace(tx, &before, &after).await? {
        return Err(changed_meanwhile());
    }
    ledger::record(tx, cx, proof, event(&after, ledger::digest_of(&before)?)).await?;
    Ok((before, after))
}

/// Deletes an empty mission.
///
/// # Errors
/// [`ProblemKind::NotEmpty`], [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let mission = resolve(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::DeleteMission, mission.id)?;
        cx.check_version(mission.version)?;
        store::lock(tx, mission.id).await?;
        if store::has_klusters(tx, mission.id).await? {
            return Err(Error::new(
                ProblemKind::NotEmpty,
                format!("mission {} still has klusters; delete them first", mission.name),
            ));
        }
        if docs::store::has_docs(tx, mission.id, None).await? {
            return Err(Error::new(
                ProblemKind::NotEmpty,
                format!("mission {} still has docs; delete them first", mission.name),
            ));
        }
        if store::has_live_sessions(tx, mission.id).await? {
            return Err(Error::new(
                ProblemKind::NotEmpty,
                format!("mission {} still has agent sessions; stop them first", mission.name),
            ));
        }
        if !store::delete(tx, &mission, cx.now()).await? {
            return Err(changed_meanwhile());
        }
        ledger::record(tx, cx, proof, event(&mission, None)).await?;
        Ok(())
    })
}

/// The version was right when read and wrong when written.
pub(crate) fn changed_meanwhile() -> Error {
    Error::new(ProblemKind::StaleVersion, "the resource changed at the same moment; read it again")
}
