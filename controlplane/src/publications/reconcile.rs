//! The executor: commits queued publications, for each target one at a time, in the order in which they were queued.
//!
//! A target is a binding, or the Git ledger of the installation. A lease in the database makes the executor of a target
//! single among replicas; should it be held twice, the branch's compare-and-set decides. Each step may be repeated after
//! a crash: [`fix_range`] writes once; [`commit`] makes the same commit again, or finds by its trailer the one that was
//! pushed; [`record`] is one transaction. A failure is written down and tried again later, with doubling waits.

use std::time::Duration;

use futures_util::StreamExt as _;
use mc_api::ProblemKind;
use mc_api::publication::PublicationState;

use super::git::{self, GitError, Plan};
use super::model::{self, Record};
use super::service;
use super::snapshot::{self, Meta, Origin};
use super::store::{self, Target};
use crate::app::App;
use crate::crash;
use crate::db::{Backend, DbError, Tx};
use crate::error::Error;
use crate::persistence::remote::{self, Remote, RemoteError};
use crate::{approvals, ledger, persistence};

/// How long a lease holds: longer than everything that is done under it before it is renewed.
const LEASE: Duration = Duration::from_secs(150);
/// How often a commit is rebuilt on top of what others pushed, before it counts as a failure.
const RACES: u32 = 5;
/// How many targets are worked on at once.
const AT_ONCE: usize = 4;
/// The most of an error that is kept.
const MAX_ERROR: usize = 600;

impl From<GitError> for Error {
    fn from(error: GitError) -> Self {
        match &error {
            GitError::Git(_) => Self {
                source: Some(Box::new(error)),
                ..Self::unavailable("the Git ledger cannot be written now; it is tried again")
            },
            GitError::Foreign(_) | GitError::Moved { .. } | GitError::Rewound { .. } => {
                let detail = error.to_string();
                Self { detail, ..Self::internal(error) }
            }
        }
    }
}

impl From<RemoteError> for Error {
    fn from(error: RemoteError) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// Publishes everything that is queued and due. Returns how many were published.
///
/// # Errors
/// The first failure; its publication stays queued, shows why, and is tried again later. Other targets go on.
pub async fn publish(app: &App) -> Result<u64, Error> {
    // One round at a time in this process.
    let _only = app.publishing.lock().await;
    let targets = store::due_targets(&mut app.db.begin_read().await?, app.clock.now()).await?;
    let outcomes =
        futures_util::stream::iter(targets).map(|target| to(app, target)).buffer_unordered(AT_ONCE);
    let outcomes: Vec<Result<u64, Error>> = outcomes.collect().await;
    let blocked = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    metrics::gauge!("mc_publication_blocked").set(if blocked > 0 { 1.0 } else { 0.0 });
    outcomes.into_iter().try_fold(0, |sum, outcome| Ok(sum + outcome?))
}

/// Publishes what is queued for one target, under its lease.
async fn to(app: &App, target: Target) -> Result<u64, Error> {
    let mut published = 0;
    if !lease(app, target).await? {
        return Ok(0);
    }
    let outcome = loop {
        match step(app, target).await {
            Ok(true) => published += 1,
            Ok(false) => break Ok(published),
            Err(error) => break Err(error),
        }
    };
    let mut tx = app.db.begin_write().await?;
    store::release(&mut tx, target, app.instance).await?;
    app.db.commit(tx).await?;
    outcome
}

async fn lease(app: &App, target: Target) -> Result<bool, Error> {
    let now = app.clock.now();
    // On SQLite there is one process: a lease that is there is that of one that was killed.
    let over = if app.db.backend() == Backend::Sqlite { now.plus(LEASE * 2) } else { now };
    let mut tx = app.db.begin_write().await?;
    let mine = store::lease(&mut tx, target, app.instance, over, now.plus(LEASE)).await?;
    app.db.commit(tx).await?;
    Ok(mine)
}

async fn step(app: &App, target: Target) -> Result<bool, Error> {
    let Some(next) = next(app, target).await? else { return Ok(false) };
    if next.publication.next_attempt_at.is_some_and(|at| at > app.clock.now()) {
        return Ok(false);
    }
    let Some(next) = fix_range(app, next).await? else { return Ok(false) };
    let id = next.publication.id;
    let commit = match commit(app, &next).await {
        Ok(commit) => commit,
        Err(error) => {
            failed(app, &next, &error).await?;
            return Err(error);
        }
    };
    crash::point("publish-after-push").await;
    record(app, &next, &commit).await?;
    metrics::counter!("mc_publications_published_total").increment(1);
    tracing::info!(publication = %id, commit, "publication {id} is in Git as {commit}");
    Ok(true)
}

/// Writes down that it failed, why, and when it is tried again.
async fn failed(app: &App, before: &Record, error: &Error) -> Result<(), Error> {
    let mut after = before.clone();
    let publication = &mut after.publication;
    publication.failures += 1;
    publication.last_error = Some(error.detail.chars().take(MAX_ERROR).collect());
    let wait = model::backoff(publication.failures, app.ids.bytes::<1>()[0]);
    publication.next_attempt_at = Some(app.clock.now().plus(wait));
    metrics::counter!("mc_publication_failures_total").increment(1);
    let mut tx = app.db.begin_write().await?;
    store::lock(&mut tx, before.publication.id).await?;
    match service::save(app, &mut tx, before, after, "publication.retry").await {
        // Another replica was faster.
        Err(error) if error.kind == ProblemKind::StaleVersion => return Ok(()),
        saved => saved?,
    }
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}

/// The publication that is committed next to a target.
///
/// # Errors
/// Database failures.
pub async fn next(app: &App, target: Target) -> Result<Option<Record>, Error> {
    Ok(store::next_queued(&mut app.db.begin_read().await?, target).await?)
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
    let from = store::last_published(&mut tx, before.publication.binding_id).await?.0 + 1;
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

/// Makes the commit and moves the branch to it. Doing it again gives the same commit.
pub async fn commit(app: &App, record: &Record) -> Result<String, Error> {
    match record.publication.binding_id {
        None => commit_here(app, record).await,
        Some(_) => commit_there(app, record).await,
    }
}

/// In the Git ledger of the installation, which nobody else writes.
async fn commit_here(app: &App, record: &Record) -> Result<String, Error> {
    let parent = store::last_published(&mut app.db.begin_read().await?, None).await?.1;
    let plan = plan(app, record, "", parent.clone()).await?;
    crash::point("publish-before-commit").await;
    let path = app.git_ledger.clone();
    let commit = blocking(move || git::commit(&path, plan)).await?;
    crash::point("publish-after-commit").await;
    let (path, wanted) = (app.git_ledger.clone(), commit.clone());
    blocking(move || git::advance(&path, parent.as_deref(), &wanted)).await?;
    Ok(commit)
}

/// In a repository that others write too: on top of what is there, and again when somebody was faster.
async fn commit_there(app: &App, record: &Record) -> Result<String, Error> {
    let target = record.publication.binding_id;
    let (bound, known, origin) = {
        let mut tx = app.db.begin_read().await?;
        let id = target.ok_or_else(|| missing("the binding"))?;
        let bound = persistence::store::bound(&mut tx, record.organization, id).await?;
        let known = store::last_published(&mut tx, target).await?.1;
        (bound.ok_or_else(|| missing("the binding"))?, known, store::origin(&mut tx).await?)
    };
    let remote = Remote::of(app, &bound)?;
    let mirror = remote::folder(app).join(format!("{}.git", bound.binding.id));
    let base = bound.binding.base_path.as_str();
    let path = mirror.clone();
    blocking(move || git::prepare(&path)).await?;
    let line = model::trailer(record.publication.id);
    for _ in 0..RACES {
        // Renewed before each round; without it somebody else is at work.
        if !lease(app, target).await? {
            return Err(Error::unavailable("another replica publishes to this binding"));
        }
        let head = remote.head().await?;
        if let Some(head) = head.clone() {
            let (path, wanted) = (mirror.clone(), head.clone());
            if !blocking(move || git::has(&path, &wanted)).await? {
                remote.fetch(&mirror).await?;
            }
            let (path, until, line) = (mirror.clone(), known.clone(), line.clone());
            let there = head.clone();
            if let Some(commit) = blocking(move || git::find(&path, &there, until.as_deref(), &line)).await? {
                return Ok(commit);
            }
            let (path, there, before) = (mirror.clone(), head.clone(), known.clone());
            if let Some(before) = before {
                blocking(move || git::keeps(&path, Some(&there), &before)).await?;
            }
            let folder = model::ledger_folder(base, origin.as_deref());
            let (path, first) = (mirror.clone(), model::ledger_path(base, origin.as_deref(), range(record)?));
            let is_first = range(record)?.0 == 1;
            blocking(move || {
                let taken = if is_first { folder.as_str() } else { first.as_str() };
                if git::holds(&path, &head, taken)? { Err(GitError::Foreign(folder)) } else { Ok(()) }
            })
            .await?;
        }
        if let (None, Some(before)) = (&head, known.clone()) {
            let path = mirror.clone();
            blocking(move || git::keeps(&path, None, &before)).await?;
        }
        let plan = plan(app, record, base, head.clone()).await?;
        crash::point("publish-before-commit").await;
        let path = mirror.clone();
        let commit = blocking(move || git::commit(&path, plan)).await?;
        crash::point("publish-after-commit").await;
        match remote.push(&mirror, &commit, head.as_deref(), false).await {
            Ok(()) => return Ok(commit),
            Err(RemoteError::Race) => metrics::counter!("mc_publication_races_total").increment(1),
            Err(error) => return Err(error.into()),
        }
    }
    Err(RemoteError::Race.into())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, Error> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)??)
}

/// Makes a commit that nobody sees, for a push that is only tried.
pub(crate) async fn probe_commit(path: &std::path::Path) -> Result<String, Error> {
    let path = path.to_owned();
    blocking(move || {
        let files = vec![("probe".to_owned(), String::new())];
        let at = mc_api::Timestamp::from_micros(0);
        git::commit(&path, Plan { parent: None, files, message: "probe".into(), at })
    })
    .await
}

fn range(record: &Record) -> Result<(i64, i64), Error> {
    record.range.ok_or_else(|| missing("the ledger range"))
}

async fn plan(app: &App, record: &Record, base: &str, parent: Option<String>) -> Result<Plan, Error> {
    let publication = &record.publication;
    let range = range(record)?;
    let at = record.queued_at.ok_or_else(|| missing("the time of queueing"))?;
    let mut tx = app.db.begin_read().await?;
    let approval = approvals::store::find(&mut tx, publication.approval_id)
        .await?
        .ok_or_else(|| missing("the approval"))?
        .approval;
    let contents = store::contents(&mut tx, publication.id).await?;
    if publication.items.is_empty() || contents.len() != publication.items.len() {
        return Err(missing("an item"));
    }
    let ledger_path = model::ledger_path(base, store::origin(&mut tx).await?.as_deref(), range);
    let mut files = vec![(ledger_path, lines(&mut tx, range, record).await?)];
    drop(tx);
    let origin = Origin { publication: publication.id, approval: &approval, request_id: &record.request_id };
    for (item, (meta, content)) in publication.items.iter().zip(contents) {
        let meta: Meta = serde_json::from_str(&meta).map_err(Error::internal)?;
        files.extend(snapshot::files(item, meta, content, &origin)?);
    }
    Ok(Plan { parent, files, message: model::message(record, &approval, range), at })
}

/// Whether the body of an event goes to Git: of this publication and its approval, of the artifacts in it (which never
/// change), and that something was queued for the same target, which is how files are found again.
fn shows_body(event: &mc_ledger::SealedEvent, record: &Record) -> bool {
    let publication = &record.publication;
    let subject = event.envelope.subject_id.as_str();
    if subject == publication.id.to_string() || subject == publication.approval_id.to_string() {
        return true;
    }
    match event.envelope.subject_kind.as_str() {
        "artifact" => publication.artifacts.iter().any(|id| id.to_string() == subject),
        "publication" if event.envelope.action == "publication.queue" => {
            let body: Option<serde_json::Value> =
                event.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
            let target = body.as_ref().and_then(|body| body.pointer("/after/binding_id")?.as_str());
            target.map(str::to_owned) == publication.binding_id.map(|id| id.to_string())
        }
        _ => false,
    }
}

/// The sealed events of a range, one per line; bodies only of what is published.
async fn lines(tx: &mut Tx, (from, to): (i64, i64), record: &Record) -> Result<String, Error> {
    let mut text = String::new();
    let mut after = from - 1;
    while after < to {
        let events = ledger::service::range(tx, after, to).await?;
        let last = events.last().and_then(|event| i64::try_from(event.seq).ok());
        after = last.ok_or_else(|| missing("a ledger event"))?;
        for mut event in events {
            if !shows_body(&event, record) {
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
    after.publication.last_error = None;
    after.publication.next_attempt_at = None;
    store::forget_contents(&mut tx, publication.id).await?;
    service::save(app, &mut tx, before, after, "publication.publish").await?;
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}
