//! Finding what a text may overlap, and judging it.

use std::collections::HashMap;

use mc_api::id::{MissionId, OrganizationId};
use mc_api::overlap::{OverlapAction, OverlapEvidence, OverlapFinding, OverlapSide};
use mc_overlap::{Prepared, Provider, SuggestedAction, Vectors};
use uuid::Uuid;

use crate::db::Tx;
use crate::embeddings::{Near, Where};
use crate::error::Error;
use crate::op::Scope;
use crate::overlap::{model, prepared, store};
use crate::search::index::{self, Candidate, Family, Reach};

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
    pub(super) fn is_shown(&self) -> bool {
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
pub(super) fn compare(
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
