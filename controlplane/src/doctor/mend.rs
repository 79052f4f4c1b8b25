//! Mending what can be mended, after it was written into the ledger.

use std::time::Duration;

use mc_api::doctor::{ContentName, FindingKind, FindingState};
use mc_api::id::MissionId;
use serde::Serialize;
use tokio::time::Instant;

use super::compare::{Deed, Suspect, bring};
use super::place::Key;
use crate::app::App;
use crate::artifacts::reconcile::{KEEP_ORPHANS, is_named};
use crate::backup::Sweeping;
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::objects::{Area, ObjectError, ObjectStore as _, Place};
use crate::op::{OpCtx, Proof};
use crate::write_tx;

/// How long a sweep that runs is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// After this long a call mends no more. One deed more may be done after it.
const BUDGET: Duration = Duration::from_secs(6);

/// What an event says.
#[derive(Serialize)]
struct Mending<'a> {
    deed: &'static str,
    finding: FindingKind,
    cause: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<MissionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    named_by: &'a [ContentName],
}

/// How mending ended.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// Why nothing was mended, when somebody else is at the objects.
    pub(super) held: Option<String>,
    /// Time ran out after this place.
    pub(super) stopped_at: Option<Place>,
}

/// Mends one after the other, for some seconds.
///
/// # Errors
/// Failures of database and store. What was recorded and not done is found, and recorded, again.
pub(super) async fn mend(
    app: &App,
    cx: &OpCtx,
    proof: Proof,
    suspects: &mut [Suspect],
) -> Result<Mended, Error> {
    if suspects.iter().all(|suspect| suspect.deed == Deed::Nothing) {
        return Ok(Mended::default());
    }
    let Some(_alone) = Sweeping::begin_within(&app.db, &app.data_dir, PATIENCE).await? else {
        let why =
            "a backup or a sweep of objects is running, and nothing may be moved beside it: run it again";
        return Ok(Mended { held: Some(why.to_owned()), stopped_at: None });
    };
    let began = Instant::now();
    for suspect in suspects {
        if suspect.deed == Deed::Nothing {
            continue;
        }
        record(app, cx, proof, suspect).await?;
        match (suspect.deed, suspect.place) {
            (Deed::Remove, Some(place)) => remove(app, place, suspect).await?,
            (Deed::BringBack, Some(place)) => bring_back(app, place, suspect).await?,
            (Deed::SetApart, Some(place)) => set_apart(app, place, suspect).await?,
            (Deed::EndUploads, _) => end_uploads(app, suspect).await?,
            (Deed::Nothing, _) | (Deed::Remove | Deed::BringBack | Deed::SetApart, None) => {}
        }
        if suspect.place.is_some() && began.elapsed() > BUDGET {
            return Ok(Mended { held: None, stopped_at: suspect.place });
        }
    }
    Ok(Mended::default())
}

/// Writes into the ledger what is about to be done.
async fn record(app: &App, cx: &OpCtx, proof: Proof, suspect: &Suspect) -> Result<(), Error> {
    let finding = &suspect.finding;
    // The area of a profile is its owner's, and no mission.
    let proof = match (finding.mission_id, &finding.mission) {
        (Some(mission), Some(_)) => proof.within(mission),
        _ => proof,
    };
    let body = Mending {
        deed: suspect.deed.word(),
        finding: finding.kind,
        cause: &finding.cause,
        area: finding.mission_id,
        sha256: finding.sha256.as_deref(),
        named_by: &finding.named_by,
    };
    write_tx!(app, cx, |tx| {
        let subject_id =
            suspect.place.map_or_else(|| finding.subject.clone(), |place| Key(place).to_string());
        let event = Event { subject_kind: "object", subject_id, body: &body, before_sha256: None };
        ledger::record(tx, cx, proof, event).await
    })
}

fn became(suspect: &mut Suspect, state: FindingState, done: impl Into<String>) {
    suspect.finding.state = state;
    suspect.finding.done = Some(done.into());
}

async fn remove(app: &App, place: Place, suspect: &mut Suspect) -> Result<(), Error> {
    let (mission, sha256) = place;
    if is_named(app, mission, sha256).await? {
        became(suspect, FindingState::Fine, "left alone: something names it by now");
        return Ok(());
    }
    let before = app.clock.now().minus(KEEP_ORPHANS);
    match app.objects.remove_if_older(mission, sha256, before).await {
        Ok(true) => {
            metrics::counter!("mc_objects_swept_total").increment(1);
            let is_aside = app.objects.find(Area::Aside, place).await?.is_some();
            let done = if is_aside { "set aside; it is thrown away after a day" } else { "removed" };
            became(suspect, FindingState::Mended, done);
        }
        Ok(false) | Err(ObjectError::Missing) => {
            became(suspect, FindingState::Fine, "left alone: it was stored again, or swept, by now");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn bring_back(app: &App, (mission, sha256): Place, suspect: &mut Suspect) -> Result<(), Error> {
    if app.objects.restore(mission, sha256).await? {
        became(suspect, FindingState::Mended, "brought back");
    } else {
        suspect.finding.fix = bring(&suspect.finding);
    }
    Ok(())
}

async fn set_apart(app: &App, place: Place, suspect: &mut Suspect) -> Result<(), Error> {
    suspect.finding.fix = bring(&suspect.finding);
    if let Some(moved) = app.objects.quarantine(place).await? {
        metrics::counter!("mc_objects_quarantined_total").increment(1);
        tracing::error!("{}: {}; moved to {moved}", suspect.finding.subject, suspect.finding.cause);
        became(suspect, FindingState::Left, format!("the wrong bytes were moved to {moved}"));
        return Ok(());
    }
    match app.objects.find(Area::Stored, place).await? {
        Some(_) if suspect.finding.kind == FindingKind::WrongSize => {
            "nothing here: the bytes have their digest, so the row that says another size is wrong; restore a backup"
                .clone_into(&mut suspect.finding.fix);
        }
        Some(_) => became(suspect, FindingState::Mended, "stored again by somebody else meanwhile"),
        None => {}
    }
    Ok(())
}

async fn end_uploads(app: &App, suspect: &mut Suspect) -> Result<(), Error> {
    let ended = app.objects.abort_uploads(app.clock.now().minus(KEEP_ORPHANS)).await?;
    metrics::counter!("mc_objects_uploads_aborted_total").increment(ended);
    became(suspect, FindingState::Mended, format!("{ended} ended"));
    Ok(())
}
