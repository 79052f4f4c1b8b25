//! Operations on klusters.

use mc_api::id::{KlusterId, MissionId};
use mc_api::kluster::{CreateKluster, Kluster, KlusterState, UpdateKluster};
use mc_api::{Action, Page, ProblemKind};

use super::store;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::fields::store::Subject;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions;
use crate::missions::service::{MAX_TEXT_BYTES, changed_meanwhile, check_text};
use crate::op::{OpCtx, Scope};
use crate::search::index::{self, Document, Look};
use crate::{artifacts, docs, fields, overlap, rehearse_tx, system_tx, write_tx};

/// How many klusters are indexed in one round.
const BATCH: i64 = 200;

/// Finds a kluster by id, or by name inside a mission.
///
/// # Errors
/// [`ProblemKind::NotFound`]; [`ProblemKind::AmbiguousReference`] for a name that several missions use.
pub(crate) async fn resolve(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    mission: Option<MissionId>,
) -> Result<Kluster, Error> {
    let id = reference.parse::<KlusterId>().ok();
    let wanted = store::Wanted {
        id,
        mission,
        name: id.is_none().then(|| reference.to_owned()),
        labels: Vec::new(),
        after: None,
        limit: 2,
    };
    let mut found = store::list(tx, cx.scope(Action::ReadKluster), wanted).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Error::not_found("kluster", reference)),
        (Some(kluster), true) => Ok(kluster),
        (Some(_), false) => Err(Error::new(
            ProblemKind::AmbiguousReference,
            format!(
                "several missions have a kluster {reference:?}; name the mission (?mission=) or use the id"
            ),
        )),
    }
}

fn event(after: &Kluster, before_sha256: Option<String>) -> Event<'_, Kluster> {
    Event { subject_kind: "kluster", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// Enters a kluster into the index, by its name and description.
async fn index(app: &App, tx: &mut Tx, kluster: &Kluster) -> Result<(), Error> {
    if !app.detects_overlap {
        return Ok(());
    }
    let text = overlap::prepared::prepare(kluster.name.as_str(), &kluster.description, &[]);
    let document = Document {
        organization: app.organization,
        mission: kluster.mission_id,
        kluster: Some(kluster.id),
        kind: "kluster",
        id: kluster.id.as_uuid(),
        key: Some(kluster.name.as_str()),
        title: kluster.name.as_str(),
        body: &kluster.description,
        content: None,
        paths: &[],
        done: false,
        look: Look::Done,
        saw_before: 0,
        at: kluster.updated_at,
    };
    Ok(index::replace(tx, &document, &text).await?)
}

/// Indexes klusters that the index lacks, or has in the form of another version. Returns how many.
///
/// # Errors
/// Database failures; the next round tries again.
pub(crate) async fn index_missing(app: &App) -> Result<usize, Error> {
    let mut tx = app.db.begin_read().await?;
    let missing = store::not_indexed(&mut tx, app.organization, mc_overlap::INDEX_VERSION, BATCH).await?;
    drop(tx);
    for (id,) in &missing {
        system_tx!(app, |tx| {
            store::lock(tx, *id).await?;
            let wanted = store::Wanted { id: Some(*id), ..store::Wanted::one() };
            let found = store::list(tx, Scope::Organization(app.organization), wanted).await?.pop();
            match found {
                Some(kluster) => index(app, tx, &kluster).await,
                None => Ok(()),
            }
        })?;
    }
    Ok(missing.len())
}

/// A capacity is a number of tasks that at least one task fits into.
fn check_capacity(most: Option<i32>) -> Result<(), Error> {
    match most {
        Some(most) if !(1..=10_000).contains(&most) => Err(Error::invalid("/max_running", "1 to 10000")),
        _ => Ok(()),
    }
}

/// Creates a kluster.
///
/// # Errors
/// [`ProblemKind::NameTaken`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateKluster) -> Result<Kluster, Error> {
    write_tx!(app, cx, |tx| { create_in(app, tx, cx, &request).await })
}

/// Does all that [`create`] does and keeps nothing of it.
///
/// # Errors
/// As [`create`].
pub async fn rehearse(app: &App, cx: &OpCtx, request: CreateKluster) -> Result<Kluster, Error> {
    rehearse_tx!(app, |tx| { create_in(app, tx, cx, &request).await })
}

/// As [`create`], in the transaction of another operation.
pub(crate) async fn create_in(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    request: &CreateKluster,
) -> Result<Kluster, Error> {
    check_text("/description", &request.description, MAX_TEXT_BYTES)?;
    check_capacity(request.max_running)?;
    let mission = missions::service::resolve(tx, cx, &request.mission).await?;
    let proof = cx.authorize_in(Action::CreateKluster, mission.id)?;
    missions::store::lock(tx, mission.id).await?;
    let kluster = Kluster {
        kind: "kluster".into(),
        id: KlusterId::from_uuid(cx.new_uuid()),
        name: request.name.clone(),
        mission_id: mission.id,
        mission: mission.name,
        state: KlusterState::Active,
        description: request.description.clone(),
        runtime: request.runtime.clone(),
        max_running: request.max_running,
        overlap_policy: None,
        labels: request.labels.clone(),
        annotations: request.annotations.clone(),
        version: 1,
        created_by: cx.caller.id,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    store::insert(tx, cx.caller.organization, &kluster).await.map_err(|error| match error {
        DbError::Unique(_) => Error::new(
            ProblemKind::NameTaken,
            format!("mission {} has a kluster {}", kluster.mission, kluster.name),
        ),
        other => other.into(),
    })?;
    ledger::record(tx, cx, proof, event(&kluster, None)).await?;
    index(app, tx, &kluster).await?;
    Ok(kluster)
}

/// One kluster by id, or by name with its mission.
pub async fn get(app: &App, cx: &OpCtx, reference: &str, mission: Option<&str>) -> Result<Kluster, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = within(&mut tx, cx, mission).await?;
    resolve(&mut tx, cx, reference, mission).await
}

/// The id of the mission that a request names.
pub(crate) async fn within(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: Option<&str>,
) -> Result<Option<MissionId>, Error> {
    match mission {
        Some(mission) => Ok(Some(missions::service::resolve(tx, cx, mission).await?.id)),
        None => Ok(None),
    }
}

/// A page of klusters in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<KlusterId>,
    mission: Option<&str>,
    labels: Vec<(String, Option<String>)>,
) -> Result<Page<Kluster>, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = within(&mut tx, cx, mission).await?;
    let wanted =
        store::Wanted { id: None, mission, name: None, labels, after: page.after, limit: page.fetch() };
    let rows = store::list(&mut tx, cx.scope(Action::ReadKluster), wanted).await?;
    Ok(page.cut(app, rows, |kluster| kluster.id))
}

/// Changes description, runtime, labels or annotations.
///
/// # Errors
/// [`ProblemKind::StaleVersion`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn update(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    mission: Option<&str>,
    patch: UpdateKluster,
) -> Result<Kluster, Error> {
    write_tx!(app, cx, |tx| {
        let (before, after) = update_in(app, tx, cx, reference, mission, &patch).await?;
        let id = after.id.to_string();
        let subject = Subject { organization: cx.caller.organization, mission: after.mission_id, id: &id };
        fields::touched(tx, cx, subject, ((&before).into(), (&after).into())).await?;
        Ok(after)
    })
}

/// As [`update`], in the transaction of another operation: before and after. Owners of fields are the caller's matter.
pub(crate) async fn update_in(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    mission: Option<&str>,
    patch: &UpdateKluster,
) -> Result<(Kluster, Kluster), Error> {
    if let Some(Some(text)) = &patch.description {
        check_text("/description", text, MAX_TEXT_BYTES)?;
    }
    check_capacity(patch.max_running.flatten())?;
    if let Some(Some(policy)) = &patch.overlap_policy {
        overlap::model::check_policy(policy)?;
    }
    let mission = within(tx, cx, mission).await?;
    let before = resolve(tx, cx, reference, mission).await?;
    let proof = cx.authorize_in(Action::UpdateKluster, before.mission_id)?;
    cx.check_version(before.version)?;
    let mut after = before.clone();
    if let Some(description) = &patch.description {
        after.description = description.clone().unwrap_or_default();
    }
    if let Some(runtime) = &patch.runtime {
        after.runtime.clone_from(runtime);
    }
    if let Some(most) = patch.max_running {
        after.max_running = most;
    }
    if let Some(policy) = patch.overlap_policy {
        cx.authorize_in(Action::SetOverlapPolicy, before.mission_id)?;
        after.overlap_policy = policy;
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
    index(app, tx, &after).await?;
    Ok((before, after))
}

/// Deletes an empty kluster.
///
/// # Errors
/// [`ProblemKind::NotEmpty`], [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str, mission: Option<&str>) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let mission = within(tx, cx, mission).await?;
        let kluster = resolve(tx, cx, reference, mission).await?;
        let proof = cx.authorize_in(Action::DeleteKluster, kluster.mission_id)?;
        cx.check_version(kluster.version)?;
        missions::store::lock(tx, kluster.mission_id).await?;
        store::lock(tx, kluster.id).await?;
        if store::has_tasks(tx, kluster.id).await? {
            return Err(Error::new(
                ProblemKind::NotEmpty,
                format!("kluster {} still has tasks; delete them first", kluster.name),
            ));
        }
        if docs::store::has_docs(tx, kluster.mission_id, Some(kluster.id)).await? {
            return Err(Error::new(
                ProblemKind::NotEmpty,
                format!("kluster {} still has docs; delete them first", kluster.name),
            ));
        }
        if artifacts::store::has_of_kluster(tx, kluster.id).await? {
            return Err(Error::new(
                ProblemKind::NotEmpty,
                format!("kluster {} still has artifacts; delete them first", kluster.name),
            ));
        }
        if !store::delete(tx, &kluster, cx.now()).await? {
            return Err(changed_meanwhile());
        }
        ledger::record(tx, cx, proof, event(&kluster, None)).await?;
        Ok(index::remove(tx, kluster.mission_id, kluster.id.as_uuid()).await?)
    })
}
