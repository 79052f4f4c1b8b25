//! Comparing what was committed at the same moment, when nobody waited for the other.

use std::time::Duration;

use mc_api::Action;
use mc_api::id::OverlapId;
use mc_api::overlap::OverlapSide;

use super::service::{self, Asked};
use super::store;
use crate::app::App;
use crate::error::Error;
use crate::op::{Scope, system_proof};
use crate::search::index::{self, Look, Waiting};
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
    let document = &waiting.document;
    let paths = document.paths()?;
    let text = service::prepare(&document.title, &document.body, &paths);
    let beside = waiting.look == Look::Beside as i32;
    let asked = Asked {
        mission: document.mission_id,
        own: Some(document.subject_id),
        scope: Scope::Missions(app.organization, Vec::new()),
        after: if beside { waiting.document_no } else { 0 },
    };
    let opened = system_tx!(app, |tx| {
        let found = service::examine(tx, app.organization, &asked, &text, MOST).await?;
        let mut opened = false;
        for compared in found {
            let own = OverlapSide {
                kind: document.subject_kind.clone(),
                id: store::shown(&document.subject_kind, document.subject_id),
                key: document.subject_key.clone(),
                title: document.title.clone(),
                mission_id: document.mission_id,
                done: document.done,
            };
            let mut finding = compared.finding;
            let mut sides = store::Sides { subject: document.subject_id, candidate: compared.id };
            let mut subject = own;
            if beside {
                // The later document is the one that came to existing work.
                std::mem::swap(&mut subject, &mut finding.candidate);
                std::mem::swap(&mut sides.subject, &mut sides.candidate);
            }
            let at = app.clock.now();
            let id = OverlapId::from_uuid(app.ids.uuid(at));
            let made = service::made(id, subject, finding, &[], at);
            if store::insert(tx, app.organization, &sides, &made).await? {
                let proof = system_proof(Action::ReadOverlap, made.subject.mission_id);
                service::record_opened(tx, app, proof, &made).await?;
                opened = true;
            }
        }
        index::looked(tx, waiting).await?;
        Ok(opened)
    })?;
    if opened {
        metrics::counter!("mc_overlaps_found_beside_total").increment(1);
    }
    Ok(())
}
