//! Finding, judging, keeping and deciding overlaps.

use std::collections::HashMap;

use mc_api::id::{MissionId, OrganizationId, OverlapId};
use mc_api::overlap::{
    AcceptOverlap, CheckOverlap, DismissOverlap, OverlapAction, OverlapCheck, OverlapEvidence,
    OverlapFinding, OverlapKind, OverlapPolicy, OverlapSide, OverlapState, OverlapSuggestion,
};
use mc_api::task::TaskState;
use mc_api::{Action, Page, ProblemKind, Timestamp};
use mc_overlap::{Prepared, Provider, SuggestedAction, Vectors};
use serde::Serialize;
use uuid::Uuid;

use super::model::{self, Judged, Points};
use super::{prepared, store, texts};
use crate::app::App;
use crate::db::Tx;
use crate::embeddings::{Near, Where};
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{OpCtx, Proof, Scope, organization_proof, system_proof};
use crate::search::content;
use crate::search::index::{self, Candidate, Family, Reach};
use crate::{klusters, tasks, write_tx};

/// How many documents that share terms are looked at, and how many that are near by their vectors.
const CANDIDATES: i64 = 16;
/// How many of both are compared, the best by both ranks.
const COMPARED: usize = 24;
/// How much the first ranks count beside the later ones in the fusion.
const FUSION: u32 = 60;
/// From this likeness of vectors on work is shown that shares no word.
const ALIKE: f64 = 0.4;
/// From this score on it needs no other reason: signs without a word are the same or not.
const CLEAR: f64 = 0.5;

/// Where existing work is looked for.
pub(crate) struct Asked {
    /// What it is compared with.
    pub(crate) family: Family,
    pub(crate) mission: MissionId,
    /// The object itself when it exists already.
    pub(crate) own: Option<Uuid>,
    /// Where it is looked for.
    pub(crate) scope: Scope,
    /// Only documents with a greater number.
    pub(crate) after: i64,
    /// What near ones are looked for with.
    pub(crate) near: Near,
}

/// One candidate with what the comparison said.
#[derive(Clone)]
pub(crate) struct Compared {
    pub(crate) id: Uuid,
    pub(crate) finding: OverlapFinding,
    /// Whose vectors it was judged with.
    pub(crate) provider: Provider,
}

impl Compared {
    /// Whether it is worth showing. What shares no word has to be near, or clearly the same.
    fn is_shown(&self) -> bool {
        let found = &self.finding;
        let is_related = found.lexical > 0.0 || found.vector >= ALIKE || found.score >= CLEAR;
        is_related && found.score >= f64::from(self.provider.operating_points().suggest)
    }
}

fn action(suggested: SuggestedAction) -> OverlapAction {
    match suggested {
        SuggestedAction::Link => OverlapAction::Link,
        SuggestedAction::Merge => OverlapAction::Merge,
        SuggestedAction::Wait => OverlapAction::Wait,
        SuggestedAction::Ignore => OverlapAction::Ignore,
    }
}

/// To thousandths, as it is stored, so that an answer and its repetition agree.
fn rounded(share: f32) -> f64 {
    f64::from(store::thousandths(f64::from(share))) / 1000.0
}

/// Compares with the likeness of vectors that somebody computed before, or with the built-in ones.
fn compare(
    text: &Prepared,
    own: &[f32],
    candidate: Candidate,
    likeness: Option<(Provider, f32)>,
) -> Result<Compared, Error> {
    let other = prepared::existing(&candidate)?;
    let vectors = match likeness {
        Some((provider, cosine)) => Vectors { provider, cosine },
        None => Vectors::of(Provider::Builtin, own, &other.vector),
    };
    let provider = vectors.provider;
    let judged = match Family::of(&candidate.subject_kind) {
        Family::Work => mc_overlap::compare(text, &other.text, Some(vectors), candidate.done),
        Family::Texts => mc_overlap::compare_texts(text, &other.text, Some(vectors)),
    };
    let evidence = judged
        .evidence
        .iter()
        .map(|found| OverlapEvidence { kind: found.kind.as_str().to_owned(), detail: found.detail.clone() })
        .collect();
    Ok(Compared {
        id: candidate.subject_id,
        provider,
        finding: OverlapFinding {
            candidate: OverlapSide {
                id: store::shown(&candidate.subject_kind, candidate.subject_id),
                kind: candidate.subject_kind,
                key: candidate.subject_key,
                title: candidate.title,
                mission_id: candidate.mission_id,
                done: candidate.done,
            },
            score: rounded(judged.score),
            lexical: rounded(judged.lexical),
            vector: rounded(judged.vector),
            action: action(judged.action),
            evidence,
        },
    })
}

/// Everything that a text overlaps: the best first, nothing below the point at which a suggestion is worth showing.
///
/// # Errors
/// Database failures.
pub(crate) async fn examine(
    tx: &mut Tx,
    organization: OrganizationId,
    asked: &Asked,
    text: &Prepared,
) -> Result<Vec<Compared>, Error> {
    let reach = Reach {
        organization,
        family: asked.family,
        mission: asked.mission,
        scope: asked.scope.clone(),
        after: asked.after,
        limit: CANDIDATES,
    };
    let mut ranks = vec![index::candidates(tx, reach, text).await?];
    ranks.extend(near(tx, organization, asked).await?);
    examine_these(tx, (asked.own, &asked.near), text, fused(ranks)).await
}

/// What a text overlaps of some candidates: the best first, nothing below the point at which a suggestion is worth showing.
///
/// # Errors
/// Database failures.
pub(crate) async fn examine_these(
    tx: &mut Tx,
    (itself, near): (Option<Uuid>, &Near),
    text: &Prepared,
    candidates: Vec<Candidate>,
) -> Result<Vec<Compared>, Error> {
    let subjects = candidates.iter().map(|candidate| candidate.subject_id).collect();
    let likeness = near.likeness(tx, subjects).await?;
    let own = mc_overlap::builtin::embed(text);
    let mut found = Vec::new();
    for candidate in candidates {
        if Some(candidate.subject_id) == itself {
            continue;
        }
        let likeness = likeness.get(&candidate.subject_id).copied();
        let compared = compare(text, &own, candidate, likeness)?;
        if compared.is_shown() {
            found.push(compared);
        }
    }
    found.sort_by(|a, b| b.finding.score.total_cmp(&a.finding.score));
    Ok(found)
}

/// What is near by its vector: in its own mission first, then wherever the caller may read.
async fn near(
    tx: &mut Tx,
    organization: OrganizationId,
    asked: &Asked,
) -> Result<Vec<Vec<Candidate>>, Error> {
    let limit = (asked.after, usize::try_from(CANDIDATES).unwrap_or(0));
    let kinds = Some(asked.family.kinds().iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>());
    let scope = Scope::Organization(organization);
    let own = Where { scope, mission: Some(asked.mission), kinds: kinds.clone() };
    let mut ranks = asked.near.candidates(tx, &own, limit).await?;
    let is_wider = match &asked.scope {
        Scope::Organization(_) => true,
        Scope::Missions(_, missions) => missions.iter().any(|mission| *mission != asked.mission),
    };
    if is_wider {
        let wide = Where { scope: asked.scope.clone(), mission: None, kinds };
        ranks.extend(asked.near.candidates(tx, &wide, limit).await?);
    }
    Ok(ranks)
}

/// The best of several lists, each once (reciprocal rank fusion).
fn fused(ranks: Vec<Vec<Candidate>>) -> Vec<Candidate> {
    let mut scores: HashMap<Uuid, (f64, Candidate)> = HashMap::new();
    for list in ranks {
        for (candidate, place) in list.into_iter().zip(1_u32..) {
            let part = 1.0 / f64::from(FUSION + place);
            scores
                .entry(candidate.subject_id)
                .and_modify(|score| score.0 += part)
                .or_insert((part, candidate));
        }
    }
    let mut all: Vec<(f64, Candidate)> = scores.into_values().collect();
    // Ids sort by time: of equals the younger one comes first, on both databases alike.
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.subject_id.cmp(&a.1.subject_id)));
    all.into_iter().take(COMPARED).map(|(_, candidate)| candidate).collect()
}

/// Of what was found, what is worth keeping: unfinished work of the same mission before all other, the best first.
pub(crate) fn best(mission: MissionId, mut found: Vec<Compared>, most: usize) -> Vec<Compared> {
    found.sort_by_key(|compared| !model::counts(&compared.finding, mission));
    found.truncate(most);
    found.sort_by(|a, b| b.finding.score.total_cmp(&a.finding.score));
    found
}

/// Refuses a mutation as the policy wants it.
///
/// # Errors
/// [`ProblemKind::OverlapUnacknowledged`], [`ProblemKind::OverlapBlocked`], with the suggestions.
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

/// What creating a task, a doc or an artifact would overlap. Nothing is changed.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::NotFound`].
pub async fn check(app: &App, cx: &OpCtx, request: CheckOverlap) -> Result<OverlapCheck, Error> {
    let kind = request.kind.unwrap_or(OverlapKind::Task);
    check_request(kind, &request)?;
    let most = match request.limit {
        None => 5,
        Some(limit @ 1..=20) => limit as usize,
        Some(_) => return Err(Error::invalid("/limit", "1 to 20")),
    };
    if !app.detects_overlap {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            "overlap detection is switched off on this server (MC_OVERLAP_DETECTION)",
        ));
    }
    let mut tx = app.db.begin_read().await?;
    let mission = crate::missions::service::resolve(&mut tx, cx, &request.mission).await?;
    cx.authorize_in(Action::ReadOverlap, mission.id)?;
    let kluster = match &request.kluster {
        Some(kluster) => Some(klusters::service::resolve(&mut tx, cx, kluster, Some(mission.id)).await?),
        None => None,
    };
    let policy = texts::policy(&mut tx, &mission, kluster.as_ref()).await?;
    // No connection is held while a provider is asked.
    drop(tx);
    let (family, action, body) = match kind {
        OverlapKind::Task => (Family::Work, Action::ReadTask, request.description.as_str()),
        OverlapKind::Doc | OverlapKind::Artifact => {
            (Family::Texts, Action::ReadDoc, content::head(&request.description))
        }
    };
    let text = prepared::prepare_as(kind.as_str(), &request.title, body, &request.paths);
    let near = app.embeddings.asked(app, cx.caller.id, &request.title, index::kept(body)).await;
    let mut tx = app.db.begin_read().await?;
    let scope = cx.scope(action);
    let asked = Asked { family, mission: mission.id, own: None, scope, after: 0, near };
    let found = examine(&mut tx, cx.caller.organization, &asked, &text).await?;
    let same: Vec<Compared> =
        found.iter().filter(|compared| compared.finding.candidate.kind == kind.as_str()).cloned().collect();
    let decision = model::decide(&policy, mission.id, &judged(&policy, &same), &[]);
    let suggestions = best(mission.id, found, most).into_iter().map(|compared| compared.finding).collect();
    Ok(OverlapCheck { suggestions, decision, policy })
}

/// Refuses what could not be created either.
fn check_request(kind: OverlapKind, request: &CheckOverlap) -> Result<(), Error> {
    match kind {
        OverlapKind::Task => {
            tasks::service::check_text_of(&request.title, &request.description, &request.paths)?;
            if request.kluster.is_none() {
                return Err(Error::invalid("/kluster", "a task stands in a kluster; name it"));
            }
        }
        OverlapKind::Doc => {
            crate::docs::model::check_title("/title", &request.title)?;
            crate::docs::model::check_content("/description", &request.description)?;
        }
        OverlapKind::Artifact => {
            crate::artifacts::model::check_name_at("/title", &request.title)?;
            crate::docs::model::check_content("/description", &request.description)?;
        }
    }
    if kind != OverlapKind::Task && !request.paths.is_empty() {
        return Err(Error::invalid("/paths", "only tasks declare paths"));
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
/// [`ProblemKind::NotFound`], also when one side may not be read.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<OverlapSuggestion, Error> {
    find(&mut app.db.begin_read().await?, cx, reference).await
}

fn check_open(before: &OverlapSuggestion) -> Result<(), Error> {
    if before.state == OverlapState::Open {
        return Ok(());
    }
    Err(Error::new(
        ProblemKind::AlreadyDecided,
        format!("suggestion {} is {} already", before.id, before.state),
    ))
}

/// Acts on a suggestion: `link` says that both belong together, `wait` makes the subject wait for the candidate,
/// `merge` calls the subject off in favour of the candidate.
///
/// # Errors
/// [`ProblemKind::AlreadyDecided`], [`ProblemKind::Validation`], and what changing the task refuses.
pub async fn accept(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: AcceptOverlap,
) -> Result<OverlapSuggestion, Error> {
    tasks::service::check_note("/note", request.note.as_deref())?;
    write_tx!(app, cx, |tx| {
        let found = find(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::DecideOverlap, found.subject.mission_id)?;
        crate::missions::store::lock(tx, found.subject.mission_id).await?;
        store::lock(tx, found.id).await?;
        let before = find(tx, cx, reference).await?;
        cx.check_version(before.version)?;
        check_open(&before)?;
        let resolution = request.resolution.unwrap_or(before.action);
        let (subject, candidate) = (&before.subject, &before.candidate);
        let name = |side: &OverlapSide| side.key.clone().unwrap_or_else(|| side.id.clone());
        let of_tasks = subject.kind == "task";
        if of_tasks && matches!(resolution, OverlapAction::Wait | OverlapAction::Merge) {
            let state = tasks::service::state_of(tx, cx, &candidate.id).await?;
            if matches!(state, TaskState::Cancelled | TaskState::Failed) {
                return Err(Error::new(
                    ProblemKind::InvalidTransition,
                    format!("{} is {state}: nobody will do that work", name(candidate)),
                ));
            }
        }
        match resolution {
            OverlapAction::Link => {}
            // Texts are brought together by whoever writes them: what was decided is recorded, and nothing is deleted.
            OverlapAction::Merge if !of_tasks => {}
            OverlapAction::Wait if !of_tasks => {
                return Err(Error::invalid("/as", "link or merge; only tasks wait for each other"));
            }
            OverlapAction::Wait if subject.mission_id != candidate.mission_id => {
                return Err(Error::invalid(
                    "/as",
                    format!(
                        "{} is in another mission, and tasks wait only for those of their own",
                        name(candidate)
                    ),
                ));
            }
            OverlapAction::Wait => tasks::service::wait_for(tx, cx, &subject.id, &candidate.id).await?,
            OverlapAction::Merge => {
                // Who reads the one mission may not read the other.
                let why = if subject.mission_id == candidate.mission_id {
                    format!("merged into {}", name(candidate))
                } else {
                    "merged into work of another mission".to_owned()
                };
                tasks::service::call_off(tx, cx, &subject.id, why).await?;
            }
            OverlapAction::Ignore => {
                return Err(Error::invalid("/as", "link, merge or wait; to ignore it, dismiss it"));
            }
        }
        // Calling the subject off ended its suggestions, this one among them.
        let current = find(tx, cx, reference).await?;
        let mut after = current.clone();
        after.state = OverlapState::Accepted;
        after.resolution = Some(resolution);
        after.note.clone_from(&request.note);
        after.decided_by = Some(cx.caller.id);
        after.decided_at = Some(cx.now());
        save(tx, cx, proof, "overlap.accept", &current, after).await
    })
}

/// Says that a suggestion is none.
///
/// # Errors
/// [`ProblemKind::AlreadyDecided`], [`ProblemKind::Validation`].
pub async fn dismiss(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: DismissOverlap,
) -> Result<OverlapSuggestion, Error> {
    tasks::service::check_note("/reason", Some(&request.reason))?;
    if request.reason.trim().is_empty() {
        return Err(Error::invalid("/reason", "say why"));
    }
    write_tx!(app, cx, |tx| {
        let found = find(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::DecideOverlap, found.subject.mission_id)?;
        store::lock(tx, found.id).await?;
        let before = find(tx, cx, reference).await?;
        cx.check_version(before.version)?;
        check_open(&before)?;
        let mut after = before.clone();
        after.state = OverlapState::Dismissed;
        after.note = Some(request.reason.clone());
        after.decided_by = Some(cx.caller.id);
        after.decided_at = Some(cx.now());
        save(tx, cx, proof, "overlap.dismiss", &before, after).await
    })
}
