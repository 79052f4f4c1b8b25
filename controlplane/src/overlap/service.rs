//! Keeping overlaps: suggestions with a life, and reading them. Beside it: finding and judging, checking, deciding.

mod check;
mod compare;
mod decide;

use mc_api::id::{MissionId, OrganizationId, OverlapId};
use mc_api::overlap::{
    OverlapAction, OverlapFinding, OverlapPolicy, OverlapSide, OverlapState, OverlapSuggestion,
};
use mc_api::{Action, Page, Timestamp};
use mc_overlap::Prepared;
use serde::Serialize;
use uuid::Uuid;

pub use self::check::check;
use self::compare::compare;
pub(crate) use self::compare::{Asked, Compared, best, examine, examine_these};
pub use self::decide::{accept, dismiss};
use super::model::{self, Judged, Points};
use super::{prepared, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{OpCtx, Proof, Scope, organization_proof, system_proof};
use crate::search::index::{self, Candidate};
use crate::tasks;

/// Refuses a mutation as the policy wants it.
///
/// # Errors
/// [`mc_api::ProblemKind::OverlapUnacknowledged`], [`mc_api::ProblemKind::OverlapBlocked`], with the suggestions.
pub(crate) fn enforce(
    policy: &OverlapPolicy,
    mission: MissionId,
    found: &[Compared],
    named: &[String],
) -> Result<(), Error> {
    let judged = judged(policy, found);
    let decision = model::decide(policy, mission, &judged, named);
    model::refusal(decision, mission, &judged, named)
}

fn judged<'a>(policy: &OverlapPolicy, found: &'a [Compared]) -> Vec<Judged<'a>> {
    let of = |compared: &'a Compared| Judged {
        finding: &compared.finding,
        points: Points::of(policy, compared.provider),
    };
    found.iter().map(of).collect()
}

/// One suggestion as the ledger keeps it: whole numbers only.
#[derive(Serialize)]
pub(crate) struct Recorded<'a> {
    id: OverlapId,
    subject: &'a str,
    candidate: &'a str,
    score_thousandths: i32,
    action: OverlapAction,
    acknowledged: bool,
    state: OverlapState,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<OverlapAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

impl<'a> Recorded<'a> {
    pub(crate) fn of(made: &'a OverlapSuggestion) -> Self {
        Self {
            id: made.id,
            subject: &made.subject.id,
            candidate: &made.candidate.id,
            score_thousandths: store::thousandths(made.score),
            action: made.action,
            acknowledged: made.acknowledged,
            state: made.state,
            resolution: made.resolution,
            note: made.note.as_deref(),
        }
    }
}

/// Where a suggestion is recorded: in its mission, or where only those look who may read the whole organization, when
/// its sides are of two missions. A mission's readers learn nothing of another one.
fn place(proof: Proof, made: &OverlapSuggestion) -> Proof {
    if made.subject.mission_id == made.candidate.mission_id {
        proof.within(made.subject.mission_id)
    } else {
        organization_proof(proof.action())
    }
}

fn event<'a, 'b>(after: &'b Recorded<'a>, before_sha256: Option<String>) -> Event<'b, Recorded<'a>> {
    Event { subject_kind: "overlap", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// Keeps what was found about an object that was just made, and records it.
///
/// # Errors
/// Database failures.
pub(crate) async fn keep_fresh(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    (own, subject): (Uuid, OverlapSide),
    found: Vec<Compared>,
    named: &[String],
) -> Result<Vec<OverlapSuggestion>, Error> {
    let fresh: Vec<(store::Sides, OverlapSuggestion)> = found
        .into_iter()
        .map(|compared| {
            let id = OverlapId::from_uuid(cx.new_uuid());
            let sides = store::Sides { subject: own, candidate: compared.id };
            (sides, made(id, subject.clone(), compared.finding, named, cx.now()))
        })
        .collect();
    store::insert_fresh(tx, cx.caller.organization, &fresh).await?;
    let recorded: Vec<Recorded<'_>> = fresh.iter().map(|(_, made)| Recorded::of(made)).collect();
    let events =
        fresh.iter().zip(&recorded).map(|((_, made), recorded)| (place(proof, made), event(recorded, None)));
    ledger::record_each(tx, cx, "overlap.open", events.collect()).await?;
    Ok(fresh.into_iter().map(|(_, made)| made).collect())
}

/// Keeps what was found about a changed object, and records it.
///
/// # Errors
/// Database failures.
pub(crate) async fn keep(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    (own, subject): (Uuid, OverlapSide),
    found: Vec<Compared>,
    named: &[String],
) -> Result<Vec<OverlapSuggestion>, Error> {
    let mut kept = Vec::new();
    for compared in found {
        let made =
            made(OverlapId::from_uuid(cx.new_uuid()), subject.clone(), compared.finding, named, cx.now());
        let sides = store::Sides { subject: own, candidate: compared.id };
        if store::insert(tx, cx.caller.organization, &sides, &made).await? {
            let place = place(proof, &made);
            ledger::record_as(tx, cx, place, "overlap.open", event(&Recorded::of(&made), None)).await?;
            kept.push(made);
        } else if let Some(before) = store::expired_pair(tx, cx.caller.organization, &sides).await? {
            // The texts went apart and came together again.
            let mut after = OverlapSuggestion {
                id: before.id,
                version: before.version,
                created_at: before.created_at,
                ..made
            };
            if after.subject.id != before.subject.id {
                std::mem::swap(&mut after.subject, &mut after.candidate);
            }
            kept.push(save(tx, cx, proof, "overlap.open", &before, after).await?);
        }
    }
    Ok(kept)
}

/// A fresh suggestion.
pub(crate) fn made(
    id: OverlapId,
    subject: OverlapSide,
    finding: OverlapFinding,
    named: &[String],
    at: Timestamp,
) -> OverlapSuggestion {
    OverlapSuggestion {
        kind: "overlap".into(),
        id,
        acknowledged: model::acknowledged(&finding, named),
        subject,
        candidate: finding.candidate,
        score: finding.score,
        lexical: finding.lexical,
        vector: finding.vector,
        action: finding.action,
        evidence: finding.evidence,
        state: OverlapState::Open,
        resolution: None,
        note: None,
        decided_by: None,
        decided_at: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

/// Records what the system itself did about a suggestion.
///
/// # Errors
/// Database failures.
pub(crate) async fn record_system(
    tx: &mut Tx,
    app: &App,
    proof: Proof,
    verb: &'static str,
    made: &OverlapSuggestion,
    before_sha256: Option<String>,
) -> Result<(), Error> {
    let recorded = Recorded::of(made);
    let place = place(proof, made);
    ledger::record_system(tx, app, app.organization, place, verb, event(&recorded, before_sha256)).await
}

/// Brings an open suggestion, whose lock is held, in line with its sides as they are now.
///
/// # Errors
/// Database failures.
pub(crate) async fn settle(
    tx: &mut Tx,
    app: &App,
    before: OverlapSuggestion,
    subject: Option<Candidate>,
    candidate: Option<Candidate>,
) -> Result<(), Error> {
    let mut after = before.clone();
    match (subject.filter(|subject| !subject.done), candidate) {
        (Some(subject), Some(candidate))
            if !tasks::service::is_called_off(tx, app, candidate.subject_id).await? =>
        {
            let text =
                prepared::prepare_as(&subject.subject_kind, &subject.title, &subject.body, &subject.paths()?);
            let near = app.embeddings.stored(tx, subject.subject_id, &subject.title, &subject.body).await?;
            let likeness = near.likeness(tx, vec![candidate.subject_id]).await?;
            let likeness = likeness.get(&candidate.subject_id).copied();
            let compared = compare(&text, &mc_overlap::builtin::embed(&text), candidate, likeness)?;
            let is_shown = compared.is_shown();
            let found = compared.finding;
            after.subject.title = subject.title;
            after.candidate = found.candidate;
            (after.score, after.lexical, after.vector) = (found.score, found.lexical, found.vector);
            (after.action, after.evidence) = (found.action, found.evidence);
            if !is_shown {
                after.state = OverlapState::Expired;
                after.note = Some("the texts no longer overlap".to_owned());
            }
        }
        _ => {
            after.state = OverlapState::Expired;
            after.note = Some("the work of one side is over".to_owned());
        }
    }
    store::judged(tx, before.id, app.embeddings.judging().unwrap_or(0)).await?;
    if after == before {
        return Ok(());
    }
    after.version += 1;
    after.updated_at = app.clock.now();
    if !store::replace(tx, &before, &after).await? {
        return Err(changed_meanwhile());
    }
    let verb = if after.state == OverlapState::Expired { "overlap.expire" } else { "overlap.judge" };
    let proof = system_proof(Action::ReadOverlap, after.subject.mission_id);
    let digest = ledger::digest_of(&Recorded::of(&before))?;
    record_system(tx, app, proof, verb, &after, digest).await
}

/// Opens an expired suggestion again, as it was made anew. `false` when somebody changed it meanwhile.
///
/// # Errors
/// Database failures.
pub(crate) async fn reopen(
    tx: &mut Tx,
    app: &App,
    before: &OverlapSuggestion,
    made: OverlapSuggestion,
) -> Result<bool, Error> {
    let mut after = OverlapSuggestion {
        id: before.id,
        version: before.version + 1,
        created_at: before.created_at,
        updated_at: app.clock.now(),
        ..made
    };
    if after.subject.id != before.subject.id {
        std::mem::swap(&mut after.subject, &mut after.candidate);
    }
    if !store::replace(tx, before, &after).await? {
        return Ok(false);
    }
    let proof = system_proof(Action::ReadOverlap, after.subject.mission_id);
    let digest = ledger::digest_of(&Recorded::of(before))?;
    record_system(tx, app, proof, "overlap.open", &after, digest).await?;
    Ok(true)
}

async fn save(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    verb: &'static str,
    before: &OverlapSuggestion,
    mut after: OverlapSuggestion,
) -> Result<OverlapSuggestion, Error> {
    after.version += 1;
    after.updated_at = cx.now();
    if !store::replace(tx, before, &after).await? {
        return Err(changed_meanwhile());
    }
    let digest = ledger::digest_of(&Recorded::of(before))?;
    let recorded = Recorded::of(&after);
    ledger::record_as(tx, cx, place(proof, &after), verb, event(&recorded, digest)).await?;
    Ok(after)
}

/// All open suggestions of an object, whoever may read them, locked: for what the object's own change means for them.
async fn of_object(
    tx: &mut Tx,
    organization: OrganizationId,
    own: Uuid,
) -> Result<Vec<OverlapSuggestion>, Error> {
    store::lock_open(tx, own).await?;
    let wanted = store::Wanted {
        side: Some(own),
        state: Some(OverlapState::Open),
        limit: i64::MAX,
        ..store::Wanted::default()
    };
    Ok(store::list(tx, Scope::Organization(organization), wanted).await?)
}

/// Ends the open suggestions of an object that is gone or was called off.
///
/// # Errors
/// Database failures.
pub(crate) async fn expire(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    own: Uuid,
    why: &'static str,
) -> Result<(), Error> {
    for before in of_object(tx, cx.caller.organization, own).await? {
        let mut after = before.clone();
        after.state = OverlapState::Expired;
        after.note = Some(why.to_owned());
        save(tx, cx, proof, "overlap.expire", &before, after).await?;
    }
    Ok(())
}

/// Ends the open suggestions about work that was finished itself, and says to the others that it was.
///
/// # Errors
/// Database failures.
pub(crate) async fn finish(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    own: Uuid,
    side: &OverlapSide,
) -> Result<(), Error> {
    for before in of_object(tx, cx.caller.organization, own).await? {
        let mut after = before.clone();
        let verb = if before.subject.id == side.id {
            after.state = OverlapState::Expired;
            after.note = Some("the work is finished".to_owned());
            "overlap.expire"
        } else {
            after.candidate.done = true;
            // There is nothing left to wait for or to merge into.
            after.action = OverlapAction::Link;
            "overlap.judge"
        };
        save(tx, cx, proof, verb, &before, after).await?;
    }
    Ok(())
}

/// Judges the open suggestions of a changed object anew: those that fell below the point expire, unless the object's
/// vector is still to come, which then decides.
///
/// # Errors
/// Database failures.
pub(crate) async fn judge_again(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    (own, side): (Uuid, &OverlapSide),
    text: &Prepared,
    is_pending: bool,
) -> Result<(), Error> {
    let vector = mc_overlap::builtin::embed(text);
    for before in of_object(tx, cx.caller.organization, own).await? {
        let is_subject = before.subject.id == side.id;
        let other = if is_subject { &before.candidate.id } else { &before.subject.id };
        let Some(candidate) = index::find(tx, cx.caller.organization, other).await? else { continue };
        let compared = compare(text, &vector, candidate, None)?;
        let is_shown = compared.is_shown() || is_pending;
        let compared = compared.finding;
        store::judged(tx, before.id, 0).await?;
        let mut after = before.clone();
        if is_subject {
            after.subject.title.clone_from(&side.title);
        } else {
            after.candidate.title.clone_from(&side.title);
            after.candidate.done = side.done;
        }
        after.score = compared.score;
        after.lexical = compared.lexical;
        after.vector = compared.vector;
        after.evidence = compared.evidence;
        after.action = compared.action;
        let mut verb = "overlap.judge";
        if !is_shown {
            after.state = OverlapState::Expired;
            after.note = Some("the texts no longer overlap".to_owned());
            verb = "overlap.expire";
        }
        if after != before {
            save(tx, cx, proof, verb, &before, after).await?;
        }
    }
    Ok(())
}

/// What a list of suggestions is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// In this state.
    pub state: Option<OverlapState>,
    /// With this object on one of both sides.
    pub side: Option<Uuid>,
}

/// A page of suggestions of which the caller may read both sides, oldest first.
///
/// # Errors
/// Database failures.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<OverlapId>,
    narrow: Narrow,
) -> Result<Page<OverlapSuggestion>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted {
        id: None,
        mission: narrow.mission,
        side: narrow.side,
        state: narrow.state,
        after: page.after,
        limit: page.fetch(),
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadOverlap), wanted).await?;
    Ok(page.cut(app, rows, |made| made.id))
}

async fn find(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<OverlapSuggestion, Error> {
    let absent = || Error::not_found("overlap", reference);
    let id = reference.parse::<OverlapId>().map_err(|_| absent())?;
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    store::list(tx, cx.scope(Action::ReadOverlap), wanted).await?.pop().ok_or_else(absent)
}

/// One suggestion.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], also when one side may not be read.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<OverlapSuggestion, Error> {
    find(&mut app.db.begin_read().await?, cx, reference).await
}
