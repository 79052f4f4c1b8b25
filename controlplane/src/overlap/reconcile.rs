//! Comparing what was committed at the same moment, when nobody waited for the other.

use std::time::Duration;

use mc_api::Action;
use mc_api::id::OverlapId;
use mc_api::overlap::{OverlapSide, OverlapState};

use super::service::{self, Asked};
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::op::{Scope, system_proof};
use crate::search::index::{self, Candidate, Family, Look, Waiting};
use crate::system_tx;

/// How many documents one round looks at.
const BATCH: i64 = 64;
/// After this long, every transaction that ran beside a document has ended.
const SETTLED: Duration = Duration::from_secs(3);
/// At most this many suggestions are opened for one document.
const MOST: usize = 5;

/// One round: idempotent, and harmless beside itself in another replica. Returns how many documents it looked at.
///
/// Of two documents that were committed at once the one with the smaller number looks at the other: it is older in
/// the order of numbers, and when its turn comes the other is there.
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
    for document in waiting {
        look_at(app, &document).await?;
    }
    Ok(looked)
}

async fn look_at(app: &App, waiting: &Waiting) -> Result<(), Error> {
    let opened = system_tx!(app, |tx| {
        // Read again under its lock: its work may have ended, or its words changed, since it was listed.
        let Some(document) = index::lock(tx, waiting.document_no).await? else { return Ok(false) };
        let opened = if document.done { false } else { compare(tx, app, waiting, &document).await? };
        index::looked(tx, waiting).await?;
        Ok(opened)
    })?;
    if opened {
        metrics::counter!("mc_overlaps_found_beside_total").increment(1);
    }
    Ok(())
}

async fn compare(tx: &mut Tx, app: &App, waiting: &Waiting, document: &Candidate) -> Result<bool, Error> {
    let text =
        service::prepare_as(&document.subject_kind, &document.title, &document.body, &document.paths()?);
    let asked = Asked {
        family: Family::of(&document.subject_kind),
        mission: document.mission_id,
        own: Some(document.subject_id),
        scope: Scope::Missions(app.organization, Vec::new()),
        after: if waiting.look == Look::Beside as i32 { waiting.document_no } else { 0 },
        near: app.embeddings.stored(tx, document.subject_id, &document.title, &document.body).await?,
    };
    let mut found = service::examine(tx, app.organization, &asked, &text).await?;
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
/// Returns how many.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn sweep(app: &App) -> Result<usize, Error> {
    let judging = app.embeddings.judging();
    let stale = store::stale(&mut app.db.begin_read().await?, app.organization, judging, BATCH).await?;
    let found = stale.len();
    for one in stale {
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
