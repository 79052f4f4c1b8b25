//! Rebuilding published state from a Git ledger, in an installation without missions.
//!
//! The texts are received into a file without a name ([`spool`]). All chains and every published file are verified, and
//! what is to be rebuilt is put in order ([`plan`]), before anything is written. Then come batches, each one transaction
//! that counts its steps ([`rows`]): a restore that was killed goes on behind the last whole batch when the same is sent
//! again, and another one that is sent meanwhile takes over. Until the last transaction everything is marked as deleted, so
//! nobody sees a part of it; that transaction counts what is there, unveils it and records the one event.
//!
//! What was never published is not known: a mission or kluster of which only the name is known comes without description,
//! claims are over, and task numbers go on far above every number that was given.

mod plan;
mod rows;
mod spool;

pub(crate) use rows::{is_unfinished, refuse_unfinished, rest_of};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mc_api::id::MissionId;
use mc_api::persistence::{RestoreLedger, RestoredLedger};
use mc_api::{Action, ProblemKind};
use mc_ledger::Digest;
use ring::digest::{Context, SHA256};

use crate::app::App;
use crate::artifacts::model::MAX_CONTENT_BYTES;
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::objects::{ByteStream, ObjectError, ObjectStore as _};
use crate::op::OpCtx;
use crate::write::hex_digest;
use crate::{crash, system_tx, write, write_tx};

use plan::{Plan, Step, invalid};
use rows::{Counts, Row, Run};
use spool::Spool;

/// The largest request in one piece; a stream may be larger.
pub const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// So many rows, or so many bytes of texts, in one transaction.
const BATCH_STEPS: usize = 256;
const BATCH_BYTES: u64 = 8 << 20;

/// What is restored: in one piece, or as a stream of [`mc_api::restore::RestorePart`].
pub enum Sent {
    /// In one piece.
    Whole(RestoreLedger),
    /// As a stream.
    Stream(ByteStream),
}

/// Rebuilds what was published. Sent again after a crash it goes on where it was.
///
/// # Errors
/// [`ProblemKind::NotEmpty`] when the installation ever had a mission, [`ProblemKind::LedgerInvalid`] that names the
/// first bad place or the installations to choose from, [`ProblemKind::InvalidTransition`] when another restore took over,
/// [`ProblemKind::MalformedBody`], [`ProblemKind::BodyTooLarge`], [`ProblemKind::Forbidden`].
pub async fn restore(app: &App, mut cx: OpCtx, sent: Sent) -> Result<(OpCtx, RestoredLedger), Error> {
    if let Err(error) = cx.authorize(Action::RestoreLedger) {
        return Err(write::refused(app, &cx, error).await);
    }
    if rows::is_used(&mut app.db.begin_read().await?).await? && cx.idempotency.is_none() {
        return Err(not_empty());
    }
    let file = tempfile::tempfile_in(&app.data_dir).map_err(Error::internal)?;
    let now = cx.now();
    let spool = match sent {
        Sent::Stream(content) => Spool::receive(file, content).await?,
        Sent::Whole(request) => Spool::of(file, request)?,
    };
    let work = move || plan::plan(&spool, now).map(|plan| (spool, plan));
    let (spool, mut plan) = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
    if let Some(key) = &mut cx.idempotency {
        key.body_sha256 = hex_digest(format!("{}\0{}", key.body_sha256, plan.sha256).as_bytes());
    }
    if !rows::is_used(&mut app.db.begin_read().await?).await? {
        batches(app, &cx, &spool, &mut plan).await?;
    }
    let restored = finish(app, &cx, &plan).await?;
    Ok((cx, restored))
}

/// Writes what is not written yet.
async fn batches(app: &App, cx: &OpCtx, spool: &Spool, plan: &mut Plan) -> Result<(), Error> {
    let mut run = Run { holder: cx.new_uuid(), organization: cx.caller.organization, started_at: cx.now() };
    let (done, started_at) = begin(app, cx, plan, &run).await?;
    run.started_at = started_at;
    if done > 0 {
        tracing::info!(done, steps = plan.steps.len(), "a restore that had begun goes on");
        plan.restored
            .notes
            .push(format!("it had begun before, and went on behind {done} of {} steps", plan.steps.len()));
    }
    let (mut at, mut number) = (done, 0_u32);
    while at < plan.steps.len() {
        let end = batch_end(plan, at);
        let mut written = Vec::with_capacity(end - at);
        for step in &plan.steps[at..end] {
            written.push(row(app, spool, plan, *step).await?);
        }
        system_tx!(app, |tx| {
            rows::advance(tx, &run, (at, end), cx.now()).await?;
            for row in &written {
                rows::write(tx, &run, row).await?;
            }
            Ok(())
        })?;
        (at, number) = (end, number + 1);
        crash::point(&format!("restore-batch-{number}")).await;
    }
    contents(app, plan, spool).await
}

/// How many steps of this plan are done; a part of another plan is thrown away.
async fn begin(app: &App, cx: &OpCtx, plan: &Plan, run: &Run) -> Result<(usize, mc_api::Timestamp), Error> {
    system_tx!(app, |tx| {
        // What a plan before this one wrote may be much.
        tx.unlimited().await?;
        rows::lock(tx).await?;
        if rows::is_used(tx).await? {
            return Err(not_empty());
        }
        for id in &plan.principals {
            rows::principal(tx, cx, *id).await?;
        }
        Ok(rows::begin(tx, run, &plan.restored.commit, &plan.sha256).await?)
    })
}

/// The end of the batch that begins at a step.
fn batch_end(plan: &Plan, at: usize) -> usize {
    let mut bytes = 0;
    let steps = plan.steps[at..].iter().take(BATCH_STEPS);
    let fitting = steps.take_while(|step| {
        let fits = bytes < BATCH_BYTES;
        bytes += plan.weight(**step);
        fits
    });
    at + fitting.count()
}

/// Stores the texts of a step and gives its row. What is not named by a row in the end is swept.
async fn row(app: &App, spool: &Spool, plan: &Plan, step: Step) -> Result<Row, Error> {
    Ok(match step {
        Step::Mission(id) => {
            let next = plan.next_numbers.get(&id).copied().unwrap_or(1);
            Row::Mission(Box::new(plan.missions[&id].clone()), next)
        }
        Step::Kluster(id) => Row::Kluster(Box::new(plan.klusters[&id].clone())),
        Step::Task(id) => Row::Task(Box::new(plan.task(spool, id)?)),
        Step::Tie(id) => Row::Tie(Box::new(plan.task(spool, id)?)),
        Step::Artifact(id) => {
            let (artifact, text) = plan.artifact(spool, id)?;
            if let Some(text) = text {
                put(app, artifact.mission_id, &artifact.sha256, text).await?;
            }
            Row::Artifact(Box::new(artifact))
        }
        Step::Doc(id) => {
            let doc = plan.doc(spool, id)?;
            let mut versions = Vec::new();
            for source in plan.docs[&id].versions.values() {
                let (version, text) = plan::version(spool, source)?;
                put(app, doc.mission_id, &version.sha256, text).await?;
                versions.push(version);
            }
            Row::Doc(Box::new(doc), versions)
        }
        Step::Standing(index) => Row::Standing(plan.standing(spool, index)?),
    })
}

async fn put(app: &App, mission: MissionId, sha256: &str, text: String) -> Result<(), Error> {
    let part = stream::iter([Ok(Bytes::from(text))]);
    let stored = app.objects.put(mission, Box::pin(part), MAX_CONTENT_BYTES).await?;
    if stored.sha256.to_string() == sha256 { Ok(()) } else { Err(invalid("a text does not have its digest")) }
}

/// Reads every stored text back: what another process stored before it was killed is not taken on trust.
async fn contents(app: &App, plan: &Plan, spool: &Spool) -> Result<(), Error> {
    for step in &plan.steps {
        let named = match step {
            Step::Artifact(id) => {
                let (artifact, text) = plan.artifact(spool, *id)?;
                text.map(|_| (artifact.mission_id, vec![artifact.sha256]))
            }
            Step::Doc(id) => {
                let doc = plan.doc(spool, *id)?;
                let versions = plan.docs[id].versions.values().map(|source| plan::version(spool, source));
                let digests = versions.map(|version| version.map(|(version, _)| version.sha256));
                Some((doc.mission_id, digests.collect::<Result<_, _>>()?))
            }
            _ => None,
        };
        let Some((mission, digests)) = named else { continue };
        for sha256 in digests {
            let digest: Digest = sha256.parse().map_err(Error::internal)?;
            let mut content = app.objects.get(mission, digest, None).await?;
            let mut seen = Context::new(&SHA256);
            while let Some(part) = content.next().await {
                seen.update(&part.map_err(ObjectError::Store)?);
            }
            if seen.finish().as_ref() != digest.0 {
                return Err(invalid(format!("the stored text {sha256} does not have its digest")));
            }
        }
    }
    Ok(())
}

/// Counts what is there, unveils it, and records the event.
async fn finish(app: &App, cx: &OpCtx, plan: &Plan) -> Result<RestoredLedger, Error> {
    let restored = &plan.restored;
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::RestoreLedger)?;
        // All that was restored is written once more.
        tx.unlimited().await?;
        rows::lock(tx).await?;
        if rows::is_used(tx).await? {
            return Err(not_empty());
        }
        rows::end(tx, &plan.sha256, plan.steps.len()).await?;
        let (expected, found) = (Counts::of(plan), rows::counts(tx).await?);
        if expected != found {
            let detail = format!("what was written is not what was to be: {found:?} instead of {expected:?}");
            return Err(Error::new(ProblemKind::Internal, detail));
        }
        rows::unveil(tx, restored, cx.now()).await?;
        let event = Event {
            subject_kind: "ledger",
            subject_id: "ledger".into(),
            body: restored,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        crash::point("restore-before-commit").await;
        Ok(restored.clone())
    })
}

fn not_empty() -> Error {
    Error::new(
        ProblemKind::NotEmpty,
        "this installation has, or had, missions; a ledger is restored into an empty one",
    )
}
