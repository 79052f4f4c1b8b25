//! Operations on publications, and what their approval sets in motion.

use mc_api::approval::{ApprovalKind, Execute};
use mc_api::id::{BatchId, MissionId};
use mc_api::publication::{CreatePublication, Publication, PublicationState};
use mc_api::{Action, Page, ProblemKind};

use super::model::{self, Record};
use super::store;
use crate::app::App;
use crate::approvals::model::{DEFAULT_WAIT, Record as ApprovalRecord};
use crate::approvals::service::{NewApproval, request_in};
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{OpCtx, system_proof};
use crate::write_tx;
use crate::{artifacts, authn, missions};

fn event<'a>(after: &'a Record, before: Option<&Record>) -> Result<Event<'a, Publication>, Error> {
    let before_sha256 = match before {
        Some(before) => ledger::digest_of(&before.publication)?,
        None => None,
    };
    let subject_id = after.publication.id.to_string();
    Ok(Event { subject_kind: "publication", subject_id, body: &after.publication, before_sha256 })
}

/// Asks for a publication: the batch and its approval in one transaction.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(app: &App, cx: &OpCtx, request: CreatePublication) -> Result<Publication, Error> {
    let ids = model::check(&request)?;
    write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, &request.mission).await?;
        let proof = cx.authorize_in(Action::RequestPublication, mission.id)?;
        missions::store::lock(tx, mission.id).await?;
        let found = artifacts::service::find_in(tx, cx.caller.organization, ids.clone()).await?;
        let here = |id| found.iter().any(|artifact| artifact.id == id && artifact.mission_id == mission.id);
        if let Some((index, id)) = request.artifacts.iter().enumerate().find(|(_, id)| !here(**id)) {
            let pointer = format!("/artifacts/{index}");
            return Err(Error::invalid(pointer, format!("mission {} has no artifact {id}", mission.name)));
        }
        let id = BatchId::from_uuid(cx.new_uuid());
        let message = request.message.clone().unwrap_or_else(|| {
            let plural = if ids.len() == 1 { "" } else { "s" };
            format!("Publish {} artifact{plural} of {}", ids.len(), mission.name)
        });
        let new = NewApproval {
            kind: ApprovalKind::Publish,
            mission: &mission,
            title: message.clone(),
            action: model::action(mission.id, id, &message, &found)?,
            execute: Execute::OnApproval,
            expires_at: cx.now().plus(DEFAULT_WAIT),
        };
        let approval = request_in(tx, cx, new).await?.approval;
        let publication = Publication {
            kind: "publication".into(),
            id,
            state: PublicationState::AwaitingApproval,
            mission_id: mission.id,
            mission: mission.name,
            message,
            artifacts: ids.clone(),
            approval_id: approval.id,
            commit: None,
            requester_id: cx.caller.id,
            version: 1,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        let record =
            Record { publication, organization: cx.caller.organization, range: None, queued_at: None };
        store::insert(tx, &record).await?;
        ledger::record(tx, cx, proof, event(&record, None)?).await?;
        Ok(record.publication)
    })
}

/// One publication by id.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Publication, Error> {
    let absent = || Error::not_found("publication", reference);
    let id: BatchId = reference.parse().map_err(|_| absent())?;
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    let mut tx = app.db.begin_read().await?;
    let found = store::list(&mut tx, cx.scope(Action::ReadPublication), wanted).await?.pop();
    found.map(|record| record.publication).ok_or_else(absent)
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// In this state.
    pub state: Option<PublicationState>,
}

/// A page of publications in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<BatchId>,
    narrow: Narrow,
) -> Result<Page<Publication>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted {
        id: None,
        mission: narrow.mission,
        state: narrow.state,
        after: page.after,
        limit: page.fetch(),
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadPublication), wanted).await?;
    let rows = rows.into_iter().map(|record| record.publication).collect();
    Ok(page.cut(app, rows, |publication: &Publication| publication.id))
}

/// Writes the next state with its event, by the system.
pub(super) async fn save(
    app: &App,
    tx: &mut Tx,
    before: &Record,
    mut after: Record,
    verb: &'static str,
) -> Result<(), Error> {
    after.publication.version = before.publication.version + 1;
    after.publication.updated_at = app.clock.now().max(before.publication.updated_at);
    if !store::replace(tx, before, &after).await? {
        return Err(changed_meanwhile());
    }
    let proof = system_proof(Action::Publish, after.publication.mission_id);
    ledger::record_system(tx, app, after.organization, proof, verb, event(&after, Some(before))?).await
}

async fn waiting(tx: &mut Tx, approval: &ApprovalRecord) -> Result<Record, Error> {
    let seen = store::of_approval(tx, approval.approval.id).await?;
    store::lock(tx, seen.publication.id).await?;
    Ok(store::of_approval(tx, approval.approval.id).await?)
}

/// Queues the publication of an approval, in the approval's transaction: as the requester, whose rights are asked
/// again, and only for the very bytes that were approved.
///
/// # Errors
/// [`ProblemKind::Forbidden`] when the requester may no longer publish, [`ProblemKind::InvalidTransition`] when the
/// artifacts are no longer those of the action.
pub(crate) async fn queue_in(app: &App, tx: &mut Tx, approval: &ApprovalRecord) -> Result<(), Error> {
    let before = waiting(tx, approval).await?;
    let publication = &before.publication;
    let refused = |detail: String| Error::new(ProblemKind::InvalidTransition, detail);
    if publication.state != PublicationState::AwaitingApproval {
        return Err(refused(format!("publication {} is {}", publication.id, publication.state)));
    }
    let requester = publication.requester_id;
    if !authn::service::may_in(tx, before.organization, requester, Action::Publish, publication.mission_id)
        .await?
    {
        return Err(Error::new(
            ProblemKind::Forbidden,
            format!(
                "the requester {} may no longer publish here; reject the request",
                approval.approval.requester
            ),
        ));
    }
    let found = artifacts::service::find_in(tx, before.organization, publication.artifacts.clone()).await?;
    let action = model::action(publication.mission_id, publication.id, &publication.message, &found)?;
    if action != approval.approval.action {
        return Err(refused("an artifact of the request was deleted; reject the request".into()));
    }
    let mut after = before.clone();
    after.publication.state = PublicationState::Queued;
    after.queued_at = Some(app.clock.now());
    save(app, tx, &before, after, "publication.queue").await
}

/// Ends the publication of an approval that was not given.
pub(crate) async fn reject_in(app: &App, tx: &mut Tx, approval: &ApprovalRecord) -> Result<(), Error> {
    let before = waiting(tx, approval).await?;
    if before.publication.state != PublicationState::AwaitingApproval {
        return Ok(());
    }
    let mut after = before.clone();
    after.publication.state = PublicationState::Rejected;
    save(app, tx, &before, after, "publication.reject").await
}
