//! Giving a publication up, and trying it again.

use std::collections::BTreeMap;

use mc_api::id::{BatchId, BindingId};
use mc_api::mission::Mission;
use mc_api::persistence::{EntityRef, ItemOperation};
use mc_api::publication::{Publication, PublicationState, RetriedPublication};
use mc_api::{Action, ProblemKind};

use super::{New, create_in, event, locked, read_texts, saved};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::ledger;
use crate::op::{OpCtx, Proof};
use crate::publications::model::Record;
use crate::publications::snapshot::{self, Snapshot};
use crate::publications::store;
use crate::publications::target::{Removal, Targets};
use crate::{approvals, missions, write, write_tx};

/// The publication that a reference means, with the caller's leave to do something to it.
async fn allowed(app: &App, cx: &OpCtx, reference: &str, action: Action) -> Result<Record, Error> {
    let absent = || Error::not_found("publication", reference);
    let id: BatchId = reference.parse().map_err(|_| absent())?;
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    let mut tx = app.db.begin_read().await?;
    let found = store::list(&mut tx, cx.scope(Action::ReadPublication), wanted).await?.pop();
    drop(tx);
    let found = found.ok_or_else(absent)?;
    match cx.authorize_in(action, found.publication.mission_id) {
        Ok(_) => Ok(found),
        Err(error) => Err(write::refused(app, cx, error).await),
    }
}

fn refused(detail: impl Into<String>) -> Error {
    Error::new(ProblemKind::InvalidTransition, detail)
}

/// Gives a publication up that is not in Git. Done again it changes nothing.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when it is in Git, was rejected, or is being committed at this moment;
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn withdraw(app: &App, cx: &OpCtx, reference: &str) -> Result<Publication, Error> {
    let seen = allowed(app, cx, reference, Action::WithdrawPublication).await?;
    let (id, mission, approval) =
        (seen.publication.id, seen.publication.mission_id, seen.publication.approval_id);
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize_in(Action::WithdrawPublication, mission)?;
        missions::store::lock(tx, mission).await?;
        let now = store::find(tx, id).await?.publication;
        cx.check_version(now.version)?;
        match now.state {
            PublicationState::Withdrawn => return Ok(now),
            PublicationState::AwaitingApproval => approvals::service::void_in(app, tx, approval).await?,
            PublicationState::Queued | PublicationState::Failed => {
                let outcome = format!("withdrawn by {}", cx.caller.name);
                approvals::service::conclude_in(app, tx, approval, outcome).await?;
            }
            PublicationState::Published | PublicationState::Rejected => {}
        }
        withdraw_in(tx, cx, proof, id).await
    })
}

/// Withdraws in a transaction that has locked the mission.
async fn withdraw_in(tx: &mut Tx, cx: &OpCtx, proof: Proof, id: BatchId) -> Result<Publication, Error> {
    let before = locked(tx, id).await?;
    match before.publication.state {
        PublicationState::AwaitingApproval | PublicationState::Failed => {}
        PublicationState::Queued if !before.is_begun => {}
        PublicationState::Queued => {
            return Err(refused(
                "it is being committed at this moment, or nobody knows yet whether its last push arrived; try again \
                 in a moment",
            ));
        }
        PublicationState::Published => {
            let commit = before.publication.commit.unwrap_or_default();
            return Err(refused(format!("it is in Git as {commit}; publish another state instead")));
        }
        state @ (PublicationState::Rejected | PublicationState::Withdrawn) => {
            return Err(refused(format!("the publication is {state}")));
        }
    }
    let mut after = before.clone();
    after.publication.state = PublicationState::Withdrawn;
    after.publication.next_attempt_at = None;
    store::forget_contents(tx, id).await?;
    let after = saved(tx, &before, after, cx.now()).await?;
    ledger::record_as(tx, cx, proof, Action::WithdrawPublication.as_str(), event(&after, Some(&before))?)
        .await?;
    Ok(after.publication)
}

/// The entities of a publication as they are now; what is gone is not there.
async fn present(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    record: &Record,
) -> Result<Vec<Snapshot>, Error> {
    let mut found = Vec::new();
    for item in &record.publication.items {
        if item.operation == ItemOperation::Remove {
            continue;
        }
        let entity = EntityRef { entity_type: item.entity_type, entity_id: item.entity_id.clone() };
        match snapshot::take(tx, cx, mission, &entity).await {
            Ok(snapshot) => found.push(snapshot),
            Err(error) if error.kind == ProblemKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Tries a publication again: as it was approved, while its routes lead to the same places; else it is withdrawn, and
/// the present state of the same entities is asked for where the routes lead now, which needs a new approval.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] unless it failed or is queued; [`ProblemKind::NoRoute`] when nothing takes its
/// entities any more; [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn retry(app: &App, cx: &OpCtx, reference: &str) -> Result<RetriedPublication, Error> {
    let seen = allowed(app, cx, reference, Action::RetryPublication).await?;
    let id = seen.publication.id;
    let (mission, snapshots) = {
        let mut tx = app.db.begin_read().await?;
        let mission =
            missions::service::resolve(&mut tx, cx, &seen.publication.mission_id.to_string()).await?;
        let snapshots = present(&mut tx, cx, &mission, &seen).await?;
        (mission, snapshots)
    };
    let texts = read_texts(app, mission.id, &snapshots).await?;
    let answer = write_tx!(app, cx, |tx| {
        let proof = cx.authorize_in(Action::RetryPublication, mission.id)?;
        missions::store::lock(tx, mission.id).await?;
        let before = locked(tx, id).await?;
        cx.check_version(before.publication.version)?;
        let (publication, replaced_by) = match before.publication.state {
            PublicationState::Queued => (again_now(tx, &before).await?, Vec::new()),
            PublicationState::Failed => match moved(tx, cx, &mission, &before).await? {
                None => (requeue(tx, cx, proof, &before).await?, Vec::new()),
                Some(groups) => {
                    let mut made = Vec::with_capacity(groups.len());
                    let outcome = format!("asked for anew by {}: its routes lead elsewhere", cx.caller.name);
                    approvals::service::conclude_in(app, tx, before.publication.approval_id, outcome).await?;
                    let withdrawn = withdraw_in(tx, cx, proof, id).await?;
                    for new in groups.into_values() {
                        made.push(create_in(tx, cx, &mission, new, &texts).await?);
                    }
                    (withdrawn, made)
                }
            },
            state => {
                return Err(refused(format!(
                    "the publication is {state}; only one that failed or is queued is tried again"
                )));
            }
        };
        Ok(RetriedPublication { kind: "retried_publication".into(), publication, replaced_by })
    })?;
    app.publisher.notify_one();
    Ok(answer)
}

/// One that waits to be tried again is tried at once.
async fn again_now(tx: &mut Tx, before: &Record) -> Result<Publication, Error> {
    let mut after = before.clone();
    after.publication.next_attempt_at = None;
    // The version stays, as when a target is held.
    if !store::replace(tx, before, &after).await? {
        return Err(missions::service::changed_meanwhile());
    }
    Ok(after.publication)
}

async fn requeue(tx: &mut Tx, cx: &OpCtx, proof: Proof, before: &Record) -> Result<Publication, Error> {
    let mut after = before.clone();
    after.publication.state = PublicationState::Queued;
    after.publication.failures = 0;
    let after = saved(tx, before, after, cx.now()).await?;
    ledger::record(tx, cx, proof, event(&after, Some(before))?).await?;
    Ok(after.publication)
}

/// What is asked for in the place of a publication whose routes lead elsewhere; `None`: they lead where they led.
async fn moved(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    record: &Record,
) -> Result<Option<BTreeMap<Option<BindingId>, New>>, Error> {
    let publication = &record.publication;
    let targets = Targets::read(tx, cx, mission).await?;
    let mut groups: BTreeMap<Option<BindingId>, New> = BTreeMap::new();
    let new = || New {
        message: Some(publication.message.clone()),
        replaces: Some(publication.id),
        ..New::default()
    };
    let mut is_moved = false;
    for snapshot in present(tx, cx, mission, record).await? {
        let placed = targets.place(snapshot)?;
        let stays = publication.items.iter().any(|item| {
            item.entity_id == placed.item.entity_id
                && item.path == placed.item.path
                && item.format == placed.item.format
        });
        is_moved |= !stays || placed.binding_id() != publication.binding_id;
        let group = groups.entry(placed.binding_id()).or_insert_with(new);
        group.binding.clone_from(&placed.binding);
        group.placed.push(placed);
    }
    if !is_moved {
        return Ok(None);
    }
    let metas = store::contents(tx, publication.id).await?;
    for (item, (meta, _)) in publication.items.iter().zip(metas) {
        if item.operation == ItemOperation::Remove {
            let binding = targets.binding(publication.binding_id).cloned();
            let group = groups.entry(publication.binding_id).or_insert_with(new);
            group.binding.clone_from(&binding);
            group.removed.push(Removal { binding, item: item.clone(), meta });
        }
    }
    Ok(Some(groups))
}
