//! Comparing what was committed at the same moment, when nobody waited for the other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use mc_api::Action;
use mc_api::id::OverlapId;
use mc_api::overlap::{OverlapSide, OverlapState};
use uuid::Uuid;

use super::prepared::{self, Existing};
use super::service::{self, Asked};
use super::store;
use crate::app::App;
use crate::background::Patient;
use crate::db::{Backend, Tx};
use crate::error::Error;
use crate::op::{Scope, system_proof};
use crate::search::index::{self, Candidate, Family, Look, Neighbour, Waiting};
use crate::system_tx;

/// How many documents one round looks at.
const BATCH: i64 = 64;
/// How many open suggestions are looked at before others have their turn.
const WINDOW: i64 = 1024;
/// After this long, every transaction that ran beside a document has ended.
const SETTLED: Duration = Duration::from_secs(3);
/// So many documents that were written beside a batch are held in memory at most.
const MOST_BESIDE: i64 = 512;
/// So many of those that share words are compared with one document.
const COMPARED: usize = 16;
/// The suggestions of so many documents are opened by one transaction at most.
const TOGETHER: usize = 8;
/// At most this many suggestions are opened for one document.
const MOST: usize = 5;

/// One round: idempotent, and harmless beside itself in another replica. Returns how many documents it looked at.
///
/// A text that was compared when it came is compared only with those that were written beside it: neither saw the other.
/// Of two such the one whose turn comes last finds the other.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn look(app: &App) -> Result<usize, Error> {
    if !app.detects_overlap {
        return Ok(0);
    }
    let before = app.clock.now().minus(SETTLED);
    let waiting = index::waiting(&mut app.db.begin_read().await?, app.organization, before, BATCH).await?;
    let looked = waiting.len();
    let (beside, everything): (Vec<Waiting>, Vec<Waiting>) =
        waiting.into_iter().partition(|waiting| waiting.look == Look::Beside as i32);
    for waiting in everything {
        if app.stop.is_cancelled() {
            return Ok(looked);
        }
        look_at(app, &waiting).await?;
    }
    if !beside.is_empty() {
        look_beside(app, &beside).await?;
    }
    Ok(looked)
}

/// Compares with everything.
async fn look_at(app: &App, waiting: &Waiting) -> Result<(), Error> {
    let opened = system_tx!(app, |tx| {
        // Read again under its lock: its work may have ended, or its words changed, since it was listed.
        let Some(document) = index::lock(tx, waiting.document_no).await? else { return Ok(false) };
        let opened = if document.done { false } else { compare(tx, app, waiting, &document).await? };
        index::looked(tx, waiting).await?;
        Ok(opened)
    })?;
    count(u64::from(opened));
    Ok(())
}

fn count(opened: u64) {
    metrics::counter!("mc_overlaps_found_beside_total").increment(opened);
}

async fn compare(tx: &mut Tx, app: &App, waiting: &Waiting, document: &Candidate) -> Result<bool, Error> {
    let text = prepared::existing(document)?;
    let asked = Asked {
        family: Family::of(&document.subject_kind),
        mission: document.mission_id,
        own: Some(document.subject_id),
        scope: Scope::Missions(app.organization, Vec::new()),
        after: if waiting.look == Look::Beside as i32 { waiting.document_no } else { 0 },
        near: app.embeddings.stored(tx, document.subject_id, &document.title, &document.body).await?,
    };
    let found = service::examine(tx, app.organization, &asked, &text.text).await?;
    open(tx, app, document, found).await
}

/// Whether neither saw the other, where they are compared at all.
fn is_unseen(one: &Waiting, other: &Neighbour) -> bool {
    other.document_no != one.document_no
        && other.mission_id == one.document.mission_id
        && Family::of(&one.document.subject_kind).kinds().contains(&other.subject_kind.as_str())
        && other.made_in >= one.saw_before
        && other.saw_before <= one.made_in
}

/// A text, and the numbers of those that share its weightiest words.
type Sharing = (Arc<Existing>, Vec<i64>);

/// What was written beside some documents.
struct Neighbours {
    all: Vec<Neighbour>,
    /// Their places in `all`, by what they are found by.
    by_term: HashMap<i64, Vec<usize>>,
}

impl Neighbours {
    /// `None` when there are so many that looking for each by its words is cheaper.
    async fn of(tx: &mut Tx, app: &App, waiting: &[Waiting]) -> Result<Option<Self>, Error> {
        let since = waiting.iter().map(|one| one.saw_before).min().unwrap_or_default();
        let up_to = waiting.iter().map(|one| one.made_in).max().unwrap_or_default();
        let all = index::beside(tx, app.organization, (since, up_to), MOST_BESIDE + 1).await?;
        if i64::try_from(all.len()).unwrap_or(i64::MAX) > MOST_BESIDE {
            return Ok(None);
        }
        let mut by_term: HashMap<i64, Vec<usize>> = HashMap::new();
        for (place, one) in all.iter().enumerate() {
            for term in one.terms()? {
                by_term.entry(term).or_default().push(place);
            }
        }
        Ok(Some(Self { all, by_term }))
    }

    /// The numbers of those that share the weightiest words with a text.
    fn sharing(&self, app: &App, waiting: &Waiting) -> Result<Option<Sharing>, Error> {
        let unseen = |other: &Neighbour| is_unseen(waiting, other);
        if waiting.document.done || !self.all.iter().any(unseen) {
            return Ok(None);
        }
        let text = prepared::existing(&waiting.document)?;
        let mut weights: HashMap<usize, f64> = HashMap::new();
        let family = Family::of(&waiting.document.subject_kind);
        for (term, weight) in index::sought(app.organization, family, &text.text) {
            for place in self.by_term.get(&term).into_iter().flatten() {
                if self.all.get(*place).is_some_and(unseen) {
                    *weights.entry(*place).or_default() += weight;
                }
            }
        }
        let mut best: Vec<(f64, i64)> = weights
            .into_iter()
            .filter_map(|(place, weight)| self.all.get(place).map(|one| (weight, one.document_no)))
            .collect();
        best.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        best.truncate(COMPARED);
        let numbers: Vec<i64> = best.into_iter().map(|(_, number)| number).collect();
        Ok((!numbers.is_empty()).then_some((text, numbers)))
    }
}

/// Compares with what was written at the same moment, for all of them together: most of them share no word with it.
async fn look_beside(app: &App, waiting: &[Waiting]) -> Result<(), Error> {
    let mut tx = app.db.begin_read().await?;
    let Some(neighbours) = Neighbours::of(&mut tx, app, waiting).await? else {
        drop(tx);
        for one in waiting {
            if app.stop.is_cancelled() {
                break;
            }
            look_at(app, one).await?;
        }
        return Ok(());
    };
    let mut sharing = Vec::new();
    for one in waiting {
        sharing.push(neighbours.sharing(app, one)?);
    }
    let wanted: HashSet<i64> = sharing.iter().flatten().flat_map(|(_, numbers)| numbers).copied().collect();
    let texts: HashMap<i64, Candidate> =
        index::numbered(&mut tx, app.organization, wanted.into_iter().collect())
            .await?
            .into_iter()
            .map(|one| (one.document_no, one.document))
            .collect();
    let mut done = Vec::new();
    let mut overlapping = Vec::new();
    for (one, shared) in waiting.iter().zip(sharing) {
        let Some((text, numbers)) = shared else {
            done.push(one);
            continue;
        };
        let document = &one.document;
        let near =
            app.embeddings.stored(&mut tx, document.subject_id, &document.title, &document.body).await?;
        let candidates = numbers.iter().filter_map(|number| texts.get(number).cloned()).collect();
        let found =
            service::examine_these(&mut tx, (Some(document.subject_id), &near), &text.text, candidates)
                .await?;
        if found.is_empty() { done.push(one) } else { overlapping.push((one, found)) }
    }
    drop(tx);
    // Where there is one writer, nobody waits for the locks of several, and a commit costs more than what is in it.
    let together = if app.db.backend() == Backend::Sqlite { TOGETHER } else { 1 };
    for some in overlapping.chunks(together) {
        let opened = system_tx!(app, |tx| {
            let mut opened = 0;
            for (one, found) in some {
                let Some(document) = index::lock(tx, one.document_no).await? else { continue };
                // Its work may have ended since it was read; and changed words are compared with everything.
                let same = document.title == one.document.title && document.body == one.document.body;
                if same && !document.done && open(tx, app, &document, found.clone()).await? {
                    opened += 1;
                }
                index::looked(tx, one).await?;
            }
            Ok(opened)
        })?;
        count(opened);
    }
    if done.is_empty() {
        return Ok(());
    }
    system_tx!(app, |tx| { Ok(index::all_looked(tx, &done).await?) })
}

/// Opens suggestions of what was found about a document, whose lock is held.
async fn open(
    tx: &mut Tx,
    app: &App,
    document: &Candidate,
    mut found: Vec<service::Compared>,
) -> Result<bool, Error> {
    found.retain(|compared| !compared.finding.candidate.done);
    let mut opened = false;
    for compared in service::best(document.mission_id, found, MOST) {
        let mut subject = OverlapSide {
            kind: document.subject_kind.clone(),
            id: store::shown(&document.subject_kind, document.subject_id),
            key: document.subject_key.clone(),
            title: document.title.clone(),
            mission_id: document.mission_id,
            done: document.done,
        };
        let mut finding = compared.finding;
        let mut sides = store::Sides { subject: document.subject_id, candidate: compared.id };
        if sides.subject < sides.candidate {
            // Ids sort by the time of creation: the younger one came to existing work.
            std::mem::swap(&mut subject, &mut finding.candidate);
            std::mem::swap(&mut sides.subject, &mut sides.candidate);
        }
        let at = app.clock.now();
        let id = OverlapId::from_uuid(app.ids.uuid(at));
        let made = service::made(id, subject, finding, &[], at);
        if store::insert(tx, app.organization, &sides, &made).await? {
            let proof = system_proof(Action::ReadOverlap, made.subject.mission_id);
            service::record_system(tx, app, proof, "overlap.open", &made, None).await?;
            opened = true;
        } else if let Some(before) = store::expired_pair(tx, app.organization, &sides).await? {
            opened |= service::reopen(tx, app, &before, made).await?;
        } else {
            continue;
        }
        if let Some(kept) = store::pair(tx, app.organization, &sides).await? {
            store::judged(tx, kept, app.embeddings.judging().unwrap_or(0)).await?;
        }
    }
    Ok(opened)
}

/// One round: open suggestions whose sides went, ended or were reworded at a moment when nobody saw the suggestion.
/// Returns how many. All open ones are looked at, some at a time, with long rests in between.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn sweep(app: &App) -> Result<usize, Error> {
    let mut found = 0;
    let mut after = OverlapId::from_uuid(Uuid::nil());
    while !app.stop.is_cancelled() {
        let patient = Patient::begin(app);
        let last = store::window(&mut app.db.begin_read().await?, app.organization, after, WINDOW).await?;
        found += settle_stale(app, (after, last.unwrap_or(OverlapId::from_uuid(Uuid::max())))).await?;
        let Some(last) = last else { break };
        after = last;
        patient.rest_long().await;
    }
    Ok(found)
}

async fn settle_stale(app: &App, range: (OverlapId, OverlapId)) -> Result<usize, Error> {
    let judging = app.embeddings.judging();
    let stale = store::stale(&mut app.db.begin_read().await?, app.organization, judging, range).await?;
    let found = stale.len();
    for one in stale {
        if app.stop.is_cancelled() {
            break;
        }
        system_tx!(app, |tx| {
            store::lock(tx, one.id).await?;
            let wanted = store::Wanted { id: Some(one.id), limit: 1, ..store::Wanted::default() };
            let before = store::list(tx, Scope::Organization(app.organization), wanted).await?.pop();
            let Some(before) = before.filter(|before| before.state == OverlapState::Open) else {
                return Ok(());
            };
            let subject = index::of(tx, app.organization, one.subject).await?;
            let candidate = index::of(tx, app.organization, one.candidate).await?;
            service::settle(tx, app, before, subject, candidate).await
        })?;
    }
    Ok(found)
}
