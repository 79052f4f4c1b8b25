//! Operations on approvals.

use mc_api::approval::{Approval, ApprovalKind, ApprovalState, DecideApproval, Execute};
use mc_api::id::{ApprovalId, MissionId};
use mc_api::mission::Mission;
use mc_api::{Action, Page, Timestamp};

use super::model::{Decider, Record};
use super::review::Reviewer;
use super::{effects, review, store, token};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions;
use crate::missions::service::{changed_meanwhile, check_text};
use crate::op::{OpCtx, system_proof};
use crate::write::hex_digest;
use crate::write_tx;

/// What somebody asks to be decided.
pub struct NewApproval<'a> {
    /// What is decided.
    pub kind: ApprovalKind,
    /// Where.
    pub mission: &'a Mission,
    /// One line for people.
    pub title: String,
    /// The exact action as canonical JSON.
    pub action: String,
    /// Who carries it out.
    pub execute: Execute,
    /// The end of its time.
    pub expires_at: Timestamp,
}

pub(super) fn event<'a>(after: &'a Record, before: Option<&Record>) -> Result<Event<'a, Approval>, Error> {
    let before_sha256 = match before {
        Some(before) => ledger::digest_of(&before.approval)?,
        None => None,
    };
    let subject_id = after.approval.id.to_string();
    Ok(Event { subject_kind: "approval", subject_id, body: &after.approval, before_sha256 })
}

/// The approval as the caller may see it: with its token, when it is the caller's to use, and what a decider needs.
async fn shown_by(
    reviewer: &mut Reviewer<'_>,
    (tx, app, cx): (&mut Tx, &App, &OpCtx),
    record: &Record,
) -> Result<Approval, Error> {
    let mut approval = record.approval.clone();
    let alive = record.token_expires_at.is_some_and(|end| app.clock.now() < end);
    if approval.requester_id == cx.caller.id && alive {
        approval.token = token::mint(&app.keyring, record)?;
    }
    approval.review = Some(reviewer.review(tx, &approval).await?);
    Ok(approval)
}

/// As [`shown_by`], for one alone.
async fn shown(tx: &mut Tx, app: &App, cx: &OpCtx, record: &Record) -> Result<Approval, Error> {
    shown_by(&mut Reviewer::new(app, cx), (tx, app, cx), record).await
}

/// Asks for an approval in another subject's transaction.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`].
pub async fn request_in(tx: &mut Tx, cx: &OpCtx, new: NewApproval<'_>) -> Result<Record, Error> {
    let proof = cx.authorize_in(Action::RequestApproval, new.mission.id)?;
    let approval = Approval {
        kind: "approval".into(),
        id: ApprovalId::from_uuid(cx.new_uuid()),
        approval_kind: new.kind,
        state: ApprovalState::Open,
        title: new.title,
        action_sha256: hex_digest(new.action.as_bytes()),
        action: new.action,
        execute: new.execute,
        mission_id: new.mission.id,
        mission: new.mission.name.clone(),
        requester_id: cx.caller.id,
        requester: cx.caller.name.clone(),
        decider_id: None,
        decider: None,
        note: None,
        self_approved: false,
        decided_at: None,
        expires_at: new.expires_at,
        outcome: None,
        token: None,
        review: None,
        version: 1,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    let organization = cx.caller.organization;
    let record = Record { approval, nonce: cx.new_secret(), token_expires_at: None, organization };
    store::insert(tx, &record).await?;
    ledger::record(tx, cx, proof, event(&record, None)?).await?;
    Ok(record)
}

async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Record, Error> {
    let absent = || Error::not_found("approval", reference);
    let id: ApprovalId = reference.parse().map_err(|_| absent())?;
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    store::list(tx, cx.scope(Action::ReadApproval), wanted).await?.pop().ok_or_else(absent)
}

/// The approval with its mission and itself locked: what is read now stays true until the end of the transaction.
async fn resolve_locked(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Record, Error> {
    let seen = resolve(tx, cx, reference).await?;
    missions::store::lock(tx, seen.approval.mission_id).await?;
    store::lock(tx, seen.approval.id).await?;
    resolve(tx, cx, reference).await
}

pub(super) async fn replace(tx: &mut Tx, before: &Record, after: &Record) -> Result<(), Error> {
    if store::replace(tx, before, after).await? { Ok(()) } else { Err(changed_meanwhile()) }
}

/// One approval by id.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Approval, Error> {
    let mut tx = app.db.begin_read().await?;
    let record = resolve(&mut tx, cx, reference).await?;
    shown(&mut tx, app, cx, &record).await
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Only this one.
    pub id: Option<ApprovalId>,
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// In this state.
    pub state: Option<ApprovalState>,
    /// Of those that are not open, only these.
    pub recent: Option<page::Recent<ApprovalId>>,
}

/// The `most` youngest of the approvals that are not open, in a mission or in all.
pub(crate) async fn recent(
    app: &App,
    cx: &OpCtx,
    mission: Option<MissionId>,
    most: u32,
) -> Result<page::Recent<ApprovalId>, Error> {
    let mut tx = app.db.begin_read().await?;
    let (from, left_out) = store::recent(&mut tx, cx.scope(Action::ReadApproval), mission, most).await?;
    Ok(page::Recent { from, left_out })
}

/// A page of approvals in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<ApprovalId>,
    narrow: Narrow,
) -> Result<Page<Approval>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted {
        id: narrow.id,
        mission: narrow.mission,
        state: narrow.state,
        closed_from: narrow.recent.and_then(|recent| recent.from),
        after: page.after,
        limit: page.fetch(),
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadApproval), wanted).await?;
    let mut reviewer = Reviewer::new(app, cx);
    let mut shown = Vec::with_capacity(rows.len());
    for record in &rows {
        shown.push(shown_by(&mut reviewer, (&mut tx, app, cx), record).await?);
    }
    Ok(page.cut(app, shown, |approval| approval.id))
}

fn check(request: &DecideApproval, record: &Record, needs_digest: bool) -> Result<(), Error> {
    match &request.action_sha256 {
        None if needs_digest => Err(Error::invalid(
            "/action_sha256",
            "this may destroy something: send the digest of the action that was seen",
        )),
        Some(seen) if *seen != record.approval.action_sha256 => Err(Error::invalid(
            "/action_sha256",
            "not the digest of the action of this approval; read it again before deciding",
        )),
        _ => Ok(()),
    }
}

/// Decides an approval; an approved action that the server carries out is set going in the same transaction.
///
/// # Errors
/// [`mc_api::ProblemKind::AlreadyDecided`], [`mc_api::ProblemKind::InvalidTransition`], [`mc_api::ProblemKind::SelfApproval`],
/// [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::Validation`], [`mc_api::ProblemKind::StaleVersion`], [`mc_api::ProblemKind::NotFound`].
pub async fn decide(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    approve: bool,
    request: DecideApproval,
) -> Result<Approval, Error> {
    decide_by(app, cx, reference, (approve, false), request).await
}

/// As [`decide`]; approving what may destroy something needs the digest of its action.
pub(super) async fn decide_strictly(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    approve: bool,
    request: DecideApproval,
) -> Result<Approval, Error> {
    decide_by(app, cx, reference, (approve, true), request).await
}

async fn decide_by(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    (approve, is_strict): (bool, bool),
    request: DecideApproval,
) -> Result<Approval, Error> {
    if let Some(note) = &request.note {
        check_text("/note", note, 8000)?;
        if note.chars().count() > 2000 {
            return Err(Error::invalid("/note", "at most 2000 characters"));
        }
    }
    let state = if approve { ApprovalState::Approved } else { ApprovalState::Rejected };
    let answer = write_tx!(app, cx, |tx| {
        let before = resolve_locked(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::DecideApproval, before.approval.mission_id)?;
        let caller = &cx.caller;
        let decider = Decider { id: caller.id, name: caller.name.clone(), kind: caller.kind };
        let note = request.note.clone();
        let mut after = before.decide(state, decider, note, app.governance, cx.now())?;
        let (risk, _) = review::risk(before.approval.approval_kind, &before.approval.action);
        check(&request, &before, is_strict && approve && risk.needs_digest())?;
        cx.check_version(before.approval.version)?;
        let choice = effects::choose(tx, &before, approve, request.option.as_deref()).await?;
        after.approval.outcome = choice.outcome();
        replace(tx, &before, &after).await?;
        ledger::record(tx, cx, proof, event(&after, Some(&before))?).await?;
        if !approve {
            effects::refused(app, tx, &after, choice).await?;
        } else if effects::approved(app, tx, &after, choice).await? {
            after = execute_in(app, tx, &after).await?;
        }
        shown(tx, app, cx, &after).await
    })?;
    app.publisher.notify_one();
    Ok(answer)
}

/// Withdraws an own request.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::AlreadyDecided`], [`mc_api::ProblemKind::InvalidTransition`],
/// [`mc_api::ProblemKind::NotFound`].
pub async fn cancel(app: &App, cx: &OpCtx, reference: &str) -> Result<Approval, Error> {
    write_tx!(app, cx, |tx| {
        let before = resolve_locked(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::CancelApproval, before.approval.mission_id)?;
        let after = before.cancel(cx.caller.id, cx.now())?;
        cx.check_version(before.approval.version)?;
        replace(tx, &before, &after).await?;
        ledger::record(tx, cx, proof, event(&after, Some(&before))?).await?;
        effects::refused(app, tx, &after, effects::Choice::Nothing).await?;
        shown(tx, app, cx, &after).await
    })
}

/// Approved → executed, by the system.
async fn execute_in(app: &App, tx: &mut Tx, before: &Record) -> Result<Record, Error> {
    let after = before.to(ApprovalState::Executed, app.clock.now().max(before.approval.updated_at))?;
    save_system(app, tx, before, &after, "approval.execute").await?;
    Ok(after)
}

pub(super) async fn save_system(
    app: &App,
    tx: &mut Tx,
    before: &Record,
    after: &Record,
    verb: &'static str,
) -> Result<(), Error> {
    replace(tx, before, after).await?;
    let proof = system_proof(Action::DecideApproval, after.approval.mission_id);
    ledger::record_system(tx, app, after.organization, proof, verb, event(after, Some(before))?).await
}

/// Writes what came of an approval that was carried out.
pub(crate) async fn conclude_in(
    app: &App,
    tx: &mut Tx,
    id: ApprovalId,
    outcome: String,
) -> Result<(), Error> {
    store::lock(tx, id).await?;
    let before = store::find(tx, id).await?.ok_or_else(|| Error::not_found("approval", id))?;
    let mut after = before.clone();
    after.approval.outcome = Some(outcome);
    after.approval.version += 1;
    after.approval.updated_at = app.clock.now().max(before.approval.updated_at);
    save_system(app, tx, &before, &after, "approval.conclude").await
}

/// Withdraws an approval that nobody decided, because what it was for was given up.
pub(crate) async fn void_in(app: &App, tx: &mut Tx, id: ApprovalId) -> Result<(), Error> {
    store::lock(tx, id).await?;
    let before = store::find(tx, id).await?.ok_or_else(|| Error::not_found("approval", id))?;
    if before.approval.state != ApprovalState::Open {
        return Ok(());
    }
    let after = before.to(ApprovalState::Voided, app.clock.now().max(before.approval.updated_at))?;
    save_system(app, tx, &before, &after, "approval.void").await
}

/// Uses a token up, in the transaction of the action that it allows.
///
/// # Errors
/// [`mc_api::ProblemKind::ApprovalTokenInvalid`] for every token that is not good for exactly this action, mission and
/// caller, now, for the first time.
pub async fn consume_in(
    app: &App,
    tx: &mut Tx,
    cx: &OpCtx,
    token: &str,
    expected_action_sha256: &str,
    mission: MissionId,
) -> Result<Record, Error> {
    let payload = token::read(&app.keyring, token)?;
    if payload.action_sha256 != expected_action_sha256 || payload.mission_id != mission {
        return Err(token::refused());
    }
    missions::store::lock(tx, mission).await.map_err(|_| token::refused())?;
    store::lock(tx, payload.approval_id).await.map_err(|_| token::refused())?;
    let before = store::find(tx, payload.approval_id).await?.ok_or_else(token::refused)?;
    let of_caller =
        before.approval.requester_id == cx.caller.id && before.organization == cx.caller.organization;
    if !of_caller {
        return Err(token::refused());
    }
    token::check(&payload, &before, app.clock.now())?;
    let after = before.to(ApprovalState::Executed, cx.now())?;
    replace(tx, &before, &after).await?;
    let proof = system_proof(Action::DecideApproval, mission);
    let verb = "approval.execute";
    ledger::record_system(tx, app, after.organization, proof, verb, event(&after, Some(&before))?).await?;
    Ok(after)
}

/// Expires one approval whose time is over. `false` when it was decided in the meantime.
pub(crate) async fn expire(app: &App, id: ApprovalId) -> Result<bool, Error> {
    let mut tx = app.db.begin_write().await?;
    let absent = || Error::not_found("approval", id);
    let mission = store::find(&mut tx, id).await?.ok_or_else(absent)?.approval.mission_id;
    missions::store::lock(&mut tx, mission).await?;
    store::lock(&mut tx, id).await?;
    let before = store::find(&mut tx, id).await?.ok_or_else(absent)?;
    let now = app.clock.now();
    if before.approval.state != ApprovalState::Open || before.approval.expires_at > now {
        return Ok(false);
    }
    let after = before.to(ApprovalState::Expired, now)?;
    save_system(app, &mut tx, &before, &after, "approval.expire").await?;
    effects::refused(app, &mut tx, &after, effects::Choice::Nothing).await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(true)
}
