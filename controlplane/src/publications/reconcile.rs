//! The executor: commits queued publications, for each target one at a time, in the order in which they were queued.
//!
//! A target is a binding, or the Git ledger of the installation. A lease in the database makes the executor of a target
//! single among replicas; should it be held twice, the branch's compare-and-set decides. Each step may be repeated after
//! a crash: [`fix_range`] writes once; [`commit`] makes the same commit again, or finds by its trailer the one that was
//! pushed; [`record`] is one transaction. A failure is written down and tried again later, with doubling waits.

use std::time::Duration;

use futures_util::StreamExt as _;
use mc_api::id::BatchId;
use mc_api::persistence::ItemOperation;
use mc_api::publication::PublicationState;
use mc_api::{Action, ProblemKind};

use super::failure::{Failure, missing};
use super::git::{self, GitError, Plan};
use super::model::{self, Record};
use super::service;
use super::snapshot::{self, Meta, Origin};
use super::store::{self, Target};
use crate::app::App;
use crate::crash;
use crate::db::{Backend, Tx};
use crate::error::Error;
use crate::ledger::Event;
use crate::op::system_proof;
use crate::persistence::remote::{self, Remote, RemoteError};
use crate::{approvals, ledger, persistence};

/// How long a lease holds without being renewed: after a crash of its holder others wait this long.
const LEASE: Duration = Duration::from_secs(6);
/// How often a lease is renewed while work is done under it.
const BEAT: Duration = Duration::from_millis(1500);
/// How often a commit is rebuilt on top of what others pushed, before it counts as a failure.
const RACES: u32 = 5;
/// How many targets are worked on at once.
const AT_ONCE: usize = 4;
/// The most of an error that is kept.
const MAX_ERROR: usize = 600;
/// How long the seal of a statement is waited for, and how often it is looked for.
const SEAL: (u32, Duration) = (100, Duration::from_millis(20));

/// Publishes everything that is queued and due. Returns how many were published.
///
/// # Errors
/// The first failure of a target; its publications stay queued, the one that was tried shows why. Other targets go on.
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
    if !lease(app, target).await? {
        return Ok(0);
    }
    let work = async {
        let mut published = 0;
        // What is left waits for who comes next, with the lease given back.
        while !app.stop.is_cancelled() {
            match step(app, target).await {
                Ok(Step::Published) => published += 1,
                Ok(Step::Again) => {}
                Ok(Step::Idle) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(published)
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        // What was begun is found again by its trailer; the branch's compare-and-set keeps two from writing.
        () = lost(app, target) => return Err(Error::unavailable("the lease of a target was lost")),
    };
    let mut tx = app.db.begin_write().await?;
    store::release(&mut tx, target, app.instance).await?;
    app.db.commit(tx).await?;
    outcome
}

async fn lease(app: &App, target: Target) -> Result<bool, Error> {
    let mut tx = app.db.begin_write().await?;
    let mine = store::lease(&mut tx, target, app.instance, LEASE).await?;
    app.db.commit(tx).await?;
    Ok(mine)
}

/// Renews a lease for as long as it can be renewed.
async fn lost(app: &App, target: Target) {
    if app.db.backend() == Backend::Sqlite {
        return std::future::pending().await;
    }
    let mut renewed = tokio::time::Instant::now();
    while renewed.elapsed() + BEAT < LEASE {
        tokio::time::sleep(BEAT).await;
        let began = tokio::time::Instant::now();
        match tokio::time::timeout(BEAT, lease(app, target)).await {
            Ok(Ok(true)) => renewed = began,
            Ok(Ok(false)) => return,
            // The database is away; it may come back in time.
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

/// What a step came to.
enum Step {
    Published,
    /// Something ended or is to be looked at anew; there may be more.
    Again,
    Idle,
}

async fn step(app: &App, target: Target) -> Result<Step, Error> {
    let Some(next) = next(app, target).await? else { return Ok(Step::Idle) };
    let Some(next) = fix_range(app, next).await? else { return Ok(Step::Idle) };
    let id = next.publication.id;
    let commit = match commit(app, &next).await {
        Ok(commit) => commit,
        Err(Failure::Stale) => {
            begin_again(app, id).await?;
            return Ok(Step::Again);
        }
        Err(Failure::Failed { error, permanent, own, uncertain }) => {
            failed(app, &next, &error, (permanent, own, uncertain)).await?;
            return if own { Ok(Step::Again) } else { Err(error) };
        }
    };
    crash::point("publish-after-push").await;
    record(app, &next, &commit).await?;
    metrics::counter!("mc_publications_published_total").increment(1);
    tracing::info!(publication = %id, commit, "publication {id} is in Git as {commit}");
    Ok(Step::Published)
}

/// Writes down that it failed and why: it is tried again later, or ends as failed.
async fn failed(
    app: &App,
    before: &Record,
    error: &Error,
    (permanent, own, uncertain): (bool, bool, bool),
) -> Result<(), Error> {
    let (id, target) = (before.publication.id, before.publication.binding_id);
    let mut tx = app.db.begin_write().await?;
    crate::missions::store::lock(&mut tx, before.publication.mission_id).await?;
    let before = service::locked(&mut tx, id).await?;
    if before.publication.state != PublicationState::Queued {
        return Ok(());
    }
    let mut after = before.clone();
    let publication = &mut after.publication;
    publication.failures += 1;
    let why: String = error.detail.chars().take(MAX_ERROR).collect();
    publication.last_error = Some(why.clone());
    if !uncertain {
        (after.is_begun, after.range) = (false, None);
    }
    metrics::counter!("mc_publication_failures_total").increment(1);
    if permanent || publication.failures >= model::MAX_TRIES {
        publication.state = PublicationState::Failed;
        publication.next_attempt_at = None;
        let approval = publication.approval_id;
        approvals::service::conclude_in(app, &mut tx, approval, format!("failed: {why}")).await?;
        service::save(app, &mut tx, &before, after, "publication.fail").await?;
        tracing::warn!(publication = %id, "publication {id} failed: {why}");
    } else {
        let wait = model::backoff(publication.failures, app.ids.bytes::<1>()[0]);
        let until = app.clock.now().plus(wait);
        publication.next_attempt_at = Some(until);
        service::save(app, &mut tx, &before, after, "publication.retry").await?;
        if !own {
            store::hold(&mut tx, target, until).await?;
        }
    }
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}

/// Takes back what was fixed for a commit that is certainly not in Git.
async fn begin_again(app: &App, id: BatchId) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let before = service::locked(&mut tx, id).await?;
    if before.publication.state == PublicationState::Published {
        return Ok(());
    }
    let mut after = before.clone();
    (after.is_begun, after.range) = (false, None);
    // The version stays: nothing that anybody sees has changed.
    if store::replace(&mut tx, &before, &after).await? {
        app.db.commit(tx).await?;
    }
    Ok(())
}

/// The publication that is committed next to a target.
///
/// # Errors
/// Database failures.
pub async fn next(app: &App, target: Target) -> Result<Option<Record>, Error> {
    Ok(store::next_queued(&mut app.db.begin_read().await?, target, app.clock.now()).await?)
}

/// Says in the ledger what is about to be committed, and fixes which part of the ledger the commit carries, before there is
/// a commit: that part ends with the statement. `None`: it is not queued any more, or its statement has no seal yet.
///
/// # Errors
/// Database failures.
pub async fn fix_range(app: &App, before: Record) -> Result<Option<Record>, Error> {
    let id = before.publication.id;
    if !begin(app, id).await? {
        return Ok(None);
    }
    let mut look = 0;
    loop {
        let mut tx = app.db.begin_write().await?;
        let before = service::locked(&mut tx, id).await?;
        if before.publication.state != PublicationState::Queued || !before.is_begun {
            return Ok(None);
        }
        if before.range.is_some() {
            return Ok(Some(before));
        }
        if let Some(to) = store::statement_seq(&mut tx, id).await? {
            let from = store::last_published(&mut tx, before.publication.binding_id).await?.0 + 1;
            let mut after = before.clone();
            after.range = Some((from, to));
            // The version stays: nothing that anybody sees has changed.
            if !store::replace(&mut tx, &before, &after).await? {
                return Err(crate::missions::service::changed_meanwhile());
            }
            app.db.commit(tx).await?;
            return Ok(Some(after));
        }
        drop(tx);
        look += 1;
        if look > SEAL.0 {
            return Ok(None);
        }
        app.sequencer.nudge();
        tokio::time::sleep(SEAL.1).await;
    }
}

/// Writes the statement of a publication into the ledger, once for each attempt. `false`: it is not queued any more.
async fn begin(app: &App, id: BatchId) -> Result<bool, Error> {
    let mut tx = app.db.begin_write().await?;
    let before = service::locked(&mut tx, id).await?;
    if before.publication.state != PublicationState::Queued {
        return Ok(false);
    }
    if before.is_begun {
        return Ok(true);
    }
    let publication = &before.publication;
    let approval = approvals::store::find(&mut tx, publication.approval_id)
        .await?
        .ok_or_else(|| missing("the approval"))?
        .approval;
    let from = store::origin(&mut tx).await?;
    let origin = Origin { publication: id, approval: &approval, request_id: &before.request_id };
    let statement = snapshot::statement(publication, &origin, from.as_ref())?;
    let event = Event {
        subject_kind: "publication",
        subject_id: id.to_string(),
        body: &statement,
        before_sha256: None,
    };
    let proof = system_proof(Action::Publish, publication.mission_id);
    ledger::record_system(&mut tx, app, before.organization, proof, "publication.commit", event).await?;
    let after = Record { is_begun: true, ..before.clone() };
    if !store::replace(&mut tx, &before, &after).await? {
        return Err(crate::missions::service::changed_meanwhile());
    }
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(true)
}

/// Makes the commit and moves the branch to it. Doing it again gives the same commit.
///
/// # Errors
/// [`Failure`], which says whether another attempt may help.
pub async fn commit(app: &App, record: &Record) -> Result<String, Failure> {
    match record.publication.binding_id {
        None => commit_here(app, record).await,
        Some(_) => commit_there(app, record).await,
    }
}

/// In the Git ledger of the installation, which nobody else writes.
async fn commit_here(app: &App, record: &Record) -> Result<String, Failure> {
    let parent = store::last_published(&mut app.db.begin_read().await?, None).await?.1;
    let path = app.git_ledger.clone();
    let head = blocking(move || git::head(&path)).await?;
    if let Some(head) = head.filter(|head| Some(head) != parent.as_ref()) {
        let found = Found { path: app.git_ledger.clone(), head, known: parent.clone() };
        if let Some(commit) = found.commit(record.publication.id).await? {
            return Ok(commit);
        }
        settle(app, None, Some(&found)).await?;
    } else {
        settle(app, None, None).await?;
    }
    let plan = plan(app, record, "", parent.clone()).await?;
    crash::point("publish-before-commit").await;
    let path = app.git_ledger.clone();
    let commit = blocking(move || git::commit(&path, plan)).await?;
    crash::point("publish-after-commit").await;
    let (path, wanted) = (app.git_ledger.clone(), commit.clone());
    match blocking(move || git::advance(&path, parent.as_deref(), &wanted)).await {
        Ok(()) => Ok(commit),
        Err(failure) => Err(failure.uncertain()),
    }
}

/// A branch as it was found.
struct Found {
    path: std::path::PathBuf,
    head: String,
    /// The last commit that is recorded.
    known: Option<String>,
}

impl Found {
    /// The commit of a publication, when it is there.
    async fn commit(&self, id: BatchId) -> Result<Option<String>, Failure> {
        let (path, head, known) = (self.path.clone(), self.head.clone(), self.known.clone());
        let line = model::trailer(id);
        blocking(move || git::find(&path, &head, known.as_deref(), &line)).await
    }
}

/// Publications that ended while nobody knew whether their last push had arrived: now it can be seen.
///
/// # Errors
/// [`Failure::Stale`] when one is there: it is recorded, and others go on behind it.
async fn settle(app: &App, target: Target, branch: Option<&Found>) -> Result<(), Failure> {
    let ended = store::uncertain(&mut app.db.begin_read().await?, target).await?;
    let mut is_stale = false;
    for record in ended {
        let there = match branch {
            Some(branch) => branch.commit(record.publication.id).await?,
            None => None,
        };
        match there {
            Some(commit) => {
                self::record(app, &record, &commit).await?;
                is_stale = true;
            }
            None => begin_again(app, record.publication.id).await?,
        }
    }
    if is_stale { Err(Failure::Stale) } else { Ok(()) }
}

/// In a repository that others write too: on top of what is there, and again when somebody was faster.
async fn commit_there(app: &App, record: &Record) -> Result<String, Failure> {
    let target = record.publication.binding_id;
    let (bound, known, origin) = {
        let mut tx = app.db.begin_read().await?;
        let id = target.ok_or_else(|| missing("the binding"))?;
        let bound = persistence::store::bound(&mut tx, record.organization, id).await?;
        let known = store::last_published(&mut tx, target).await?.1;
        (bound.ok_or_else(|| missing("the binding"))?, known, store::origin(&mut tx).await?)
    };
    let origin = origin.map(|origin| origin.hash);
    let remote = Remote::of(app, &bound)?;
    let mirror = remote::folder(app).join(format!("{}.git", bound.binding.id));
    let base = bound.binding.base_path.as_str();
    let path = mirror.clone();
    blocking(move || git::prepare(&path)).await?;
    for _ in 0..RACES {
        let head = remote.head().await?;
        if let Some(head) = head.clone() {
            let (path, wanted) = (mirror.clone(), head.clone());
            if !blocking(move || git::has(&path, &wanted)).await? {
                remote.fetch(&mirror).await?;
            }
            let branch = Found { path: mirror.clone(), head: head.clone(), known: known.clone() };
            if let Some(commit) = branch.commit(record.publication.id).await? {
                return Ok(commit);
            }
            let (path, there, before) = (mirror.clone(), head.clone(), known.clone());
            if let Some(before) = before {
                blocking(move || git::keeps(&path, Some(&there), &before)).await?;
            }
            settle(app, target, Some(&branch)).await?;
            let folder = model::ledger_folder(base, origin.as_deref());
            let (path, first) = (mirror.clone(), model::ledger_path(base, origin.as_deref(), range(record)?));
            let is_first = range(record)?.0 == 1;
            blocking(move || {
                let taken = if is_first { folder.as_str() } else { first.as_str() };
                if git::holds(&path, &head, taken)? { Err(GitError::Foreign(folder)) } else { Ok(()) }
            })
            .await?;
        } else {
            if let Some(before) = known.clone() {
                let path = mirror.clone();
                blocking(move || git::keeps(&path, None, &before)).await?;
            }
            settle(app, target, None).await?;
        }
        let plan = plan(app, record, base, head.clone()).await?;
        crash::point("publish-before-commit").await;
        let path = mirror.clone();
        let commit = blocking(move || git::commit(&path, plan)).await?;
        crash::point("publish-after-commit").await;
        match remote.push(&mirror, &commit, head.as_deref(), false).await {
            Ok(()) => return Ok(commit),
            Err(RemoteError::Race) => metrics::counter!("mc_publication_races_total").increment(1),
            // It was told no, so it is not there.
            Err(error @ RemoteError::Declined(_)) => return Err(error.into()),
            Err(error) => return Err(Failure::from(error).uncertain()),
        }
    }
    Err(RemoteError::Race.into())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, Failure> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)??)
}

/// Makes a commit that nobody sees, for a push that is only tried.
pub(crate) async fn probe_commit(path: &std::path::Path) -> Result<String, Error> {
    let path = path.to_owned();
    let made = blocking(move || {
        let files = vec![("probe".to_owned(), String::new())];
        let at = mc_api::Timestamp::from_micros(0);
        git::commit(&path, Plan { parent: None, files, removed: Vec::new(), message: "probe".into(), at })
    });
    made.await.map_err(Failure::into_error)
}

fn range(record: &Record) -> Result<(i64, i64), Failure> {
    record.range.ok_or_else(|| missing("the ledger range"))
}

async fn plan(app: &App, record: &Record, base: &str, parent: Option<String>) -> Result<Plan, Failure> {
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
    let from = store::origin(&mut tx).await?.map(|origin| origin.hash);
    let ledger_path = model::ledger_path(base, from.as_deref(), range);
    let mut files = vec![(ledger_path, lines(&mut tx, range, record).await?)];
    drop(tx);
    let origin = Origin { publication: publication.id, approval: &approval, request_id: &record.request_id };
    let mut removed = Vec::new();
    for (item, (meta, content)) in publication.items.iter().zip(contents) {
        match item.operation {
            ItemOperation::Remove => removed.push(item.path.clone()),
            ItemOperation::Write => {
                let meta: Meta =
                    serde_json::from_str(&meta).map_err(Error::internal).map_err(Failure::broken)?;
                files.extend(snapshot::files(item, meta, content, &origin).map_err(Failure::broken)?);
            }
        }
    }
    Ok(Plan { parent, files, removed, message: model::message(record, &approval, range), at })
}

/// Whether the body of an event goes to Git: of this publication, its statement among them, and its approval, of the
/// artifacts in it (which never change), and that something for the same target failed or was given up.
fn shows_body(event: &mc_ledger::SealedEvent, record: &Record) -> bool {
    let publication = &record.publication;
    let subject = event.envelope.subject_id.as_str();
    if subject == publication.id.to_string() || subject == publication.approval_id.to_string() {
        return true;
    }
    match event.envelope.subject_kind.as_str() {
        "artifact" => publication.artifacts.iter().any(|id| id.to_string() == subject),
        "publication"
            if matches!(event.envelope.action.as_str(), "publication.fail" | "publication.withdraw") =>
        {
            let body: Option<serde_json::Value> =
                event.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
            let target = body.as_ref().and_then(|body| body.pointer("/after/binding_id")?.as_str());
            target.map(str::to_owned) == publication.binding_id.map(|id| id.to_string())
        }
        _ => false,
    }
}

/// The sealed events of a range, one per line; bodies only of what is published.
async fn lines(tx: &mut Tx, (from, to): (i64, i64), record: &Record) -> Result<String, Failure> {
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

/// Writes down that the publication is in Git, whatever became of it here meanwhile.
///
/// # Errors
/// Database failures; it is found again by its trailer.
pub async fn record(app: &App, begun: &Record, commit: &str) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let (id, mission) = (begun.publication.id, begun.publication.mission_id);
    crate::missions::store::lock(&mut tx, mission).await?;
    let before = store::find(&mut tx, id).await?;
    if before.publication.state == PublicationState::Published {
        return Ok(());
    }
    let outcome = format!("published as {commit}");
    approvals::service::conclude_in(app, &mut tx, before.publication.approval_id, outcome).await?;
    let before = service::locked(&mut tx, id).await?;
    let mut after = before.clone();
    (after.is_begun, after.range) = (true, begun.range);
    after.publication.state = PublicationState::Published;
    after.publication.commit = Some(commit.to_owned());
    after.publication.last_error = None;
    after.publication.next_attempt_at = None;
    store::forget_contents(&mut tx, id).await?;
    match service::save(app, &mut tx, &before, after, "publication.publish").await {
        // Another replica recorded it at the same moment.
        Err(error) if error.kind == ProblemKind::StaleVersion => return Ok(()),
        saved => saved?,
    }
    app.db.commit(tx).await?;
    app.sequencer.nudge();
    Ok(())
}
