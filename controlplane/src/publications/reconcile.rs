//! The executor: commits queued publications, one at a time, in the order in which they were queued.
//!
//! Each step may be repeated after a crash: [`fix_range`] writes once, [`commit`] computes the same id again and moves
//! `main` by compare-and-set, [`record`] is one transaction.

use mc_api::publication::PublicationState;
use mc_ledger::Digest;

use super::git::{self, GitError, Plan, Source};
use super::model::{self, Record};
use super::{service, store};
use crate::app::App;
use crate::db::{Backend, DbError, Tx};
use crate::error::Error;
use crate::objects::ObjectStore as _;
use crate::{approvals, artifacts, ledger};

/// Key of the advisory lock that makes the executor single among replicas.
const LOCK: i64 = 0x6d63_5f70_7562;

impl From<GitError> for Error {
    fn from(error: GitError) -> Self {
        match &error {
            GitError::Git(_) | GitError::Content(..) => Self {
                source: Some(Box::new(error)),
                ..Self::unavailable("the Git ledger cannot be written now; it is tried again")
            },
            GitError::Digest(_) | GitError::Moved { .. } => Self::internal(error),
        }
    }
}

/// Publishes everything that is queued. Returns how many were published.
///
/// # Errors
/// What keeps the first queued publication from being published; it stays queued and is tried again.
pub async fn publish(app: &App) -> Result<u64, Error> {
    // One at a time in this process, and on Postgres one among all replicas; nothing else is done in this transaction.
    let _only = app.publishing.lock().await;
    if next(app).await?.is_none() {
        return Ok(0);
    }
    let held = hold(app).await?;
    if app.db.backend() == Backend::Postgres && held.is_none() {
        return Ok(0);
    }
    let mut published = 0;
    let outcome = loop {
        match step(app).await {
            Ok(true) => published += 1,
            Ok(false) => break Ok(published),
            Err(error) => break Err(error),
        }
    };
    metrics::gauge!("mc_publication_blocked").set(if outcome.is_err() { 1.0 } else { 0.0 });
    drop(held);
    outcome
}

/// The transaction that holds the lock of all replicas; SQLite has one process and needs none.
async fn hold(app: &App) -> Result<Option<Tx>, DbError> {
    if app.db.backend() == Backend::Sqlite {
        return Ok(None);
    }
    let mut tx = app.db.begin_write().await?;
    let (mine,): (bool,) = tx.query("SELECT pg_try_advisory_xact_lock($1)").bind(LOCK).fetch_one().await?;
    Ok(mine.then_some(tx))
}

async fn step(app: &App) -> Result<bool, Error> {
    let Some(next) = next(app).await? else { return Ok(false) };
    let Some(next) = fix_range(app, next).await? else { return Ok(false) };
    let id = next.publication.id;
    let commit = commit(app, &next).await?;
    record(app, &next, &commit).await?;
    metrics::counter!("mc_publications_published_total").increment(1);
    tracing::info!(publication = %id, commit, "publication {id} is in the Git ledger as {commit}");
    Ok(true)
}

/// The publication that is committed next.
///
/// # Errors
/// Database failures.
pub async fn next(app: &App) -> Result<Option<Record>, Error> {
    Ok(store::next_queued(&mut app.db.begin_read().await?).await?)
}

/// Fixes which part of the ledger the commit carries, before there is a commit. `None`: wait for the seal.
pub async fn fix_range(app: &App, before: Record) -> Result<Option<Record>, Error> {
    if before.range.is_some() {
        return Ok(Some(before));
    }
    let mut tx = app.db.begin_write().await?;
    store::lock(&mut tx, before.publication.id).await?;
    if store::has_unsealed(&mut tx, &before).await? {
        app.sequencer.nudge();
        return Ok(None);
    }
    let from = store::last_published(&mut tx).await?.0 + 1;
    let to = ledger::store::head(&mut tx).await?.seq;
    if to < from {
        return Ok(None);
    }
    let mut after = before.clone();
    after.range = Some((from, to));
    // The version stays: nothing that anybody sees has changed.
    if !store::replace(&mut tx, &before, &after).await? {
        return Err(crate::missions::service::changed_meanwhile());
    }
    app.db.commit(tx).await?;
    Ok(Some(after))
}

fn missing(what: &str) -> Error {
    Error::internal(DbError::Inconsistent { table: "publication", message: format!("{what} is missing") })
}

/// Makes the commit and moves `main` to it. Doing it again gives the same commit.
pub async fn commit(app: &App, record: &Record) -> Result<String, Error> {
    let plan = plan(app, record).await?;
    let (path, parent) = (app.git_ledger.clone(), plan.parent.clone());
    let made = tokio::task::spawn_blocking(move || {
        let commit = git::commit(&path, plan)?;
        git::advance(&path, parent.as_deref(), &commit)?;
        Ok::<_, GitError>(commit)
    });
    Ok(made.await.map_err(Error::internal)??)
}

async fn plan(app: &App, record: &Record) -> Result<Plan, Error> {
    let publication = &record.publication;
    let range = record.range.ok_or_else(|| missing("the ledger range"))?;
    let at = record.queued_at.ok_or_else(|| missing("the time of queueing"))?;
    let mut tx = app.db.begin_read().await?;
    let approval = approvals::store::find(&mut tx, publication.approval_id)
        .await?
        .ok_or_else(|| missing("the approval"))?
        .approval;
    let found =
        artifacts::service::find_in(&mut tx, record.organization, publication.artifacts.clone()).await?;
    if found.len() != publication.artifacts.len() {
        return Err(missing("an artifact"));
    }
    let parent = store::last_published(&mut tx).await?.1;
    let mut bodies: Vec<String> = found.iter().map(|artifact| artifact.id.to_string()).collect();
    bodies.extend([publication.id.to_string(), approval.id.to_string()]);
    let mut files = vec![(model::ledger_path(range), Source::Text(lines(&mut tx, range, &bodies).await?))];
    drop(tx);
    for artifact in &found {
        let (folder, file) = model::paths(artifact);
        let digest: Digest = artifact.sha256.parse().map_err(Error::internal)?;
        let content = app.objects.get(artifact.mission_id, digest, None).await?;
        files.push((file, Source::Content(content, digest)));
        let provenance = model::provenance(artifact, publication.id, &approval)?;
        files.push((format!("{folder}/provenance.json"), Source::Text(provenance)));
    }
    Ok(Plan { parent, files, message: model::message(publication, &approval, range), at })
}

/// The sealed events of a range, one per line; bodies only of what is published.
async fn lines(tx: &mut Tx, (from, to): (i64, i64), bodies: &[String]) -> Result<String, Error> {
    let mut text = String::new();
    let mut after = from - 1;
    while after < to {
        let events = ledger::service::range(tx, after, to).await?;
        let last = events.last().and_then(|event| i64::try_from(event.seq).ok());
        after = last.ok_or_else(|| missing("a ledger event"))?;
        for mut event in events {
            if !bodies.contains(&event.envelope.subject_id) {
                event.body = None;
            }
            text.push_str(&serde_json::to_string(&event).map_err(Error::internal)?);
            text.push('\n');
        }
    }
    Ok(text)
}

/// Writes down that the publication is in Git.
pub async fn record(app: &App, before: &Record, commit: &str) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let publication = &before.publication;
    crate::missions::store::lock(&mut tx, publication.mission_id).await?;
    let outcome = format!("published as {commit}");
    approvals::service::conclude_in(app, &mut tx, publication.approval_id, outcome).await?;
    let mut after = before.clone();
    after.publication.state = PublicationState::Published;
    after.publication.commit = Some(commit.to_owned());
    service::save(app, &mut tx, before, after, "publication.publish").await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}
