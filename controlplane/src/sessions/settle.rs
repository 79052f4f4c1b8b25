//! What the end of a turn, and of a session, means for its task.
//!
//! Idempotent: the bytes of a result come first, content-addressed; then one transaction stores artifact, task and the
//! mark that the turn is settled. A process that dies between them does the same again.

use futures_util::stream;
use mc_api::auth::PrincipalKind;
use mc_api::id::{SessionId, TurnId};
use mc_api::session::SessionState;
use mc_api::{Action, Timestamp};

use super::ingest::{end_session, lock_mission};
use super::model::{MAX_MESSAGE_BYTES, Meaning, Record, StoredTurn, meaning};
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::missions::service::changed_meanwhile;
use crate::objects::{ObjectStore as _, Stored};
use crate::op::{OpCtx, system_proof};
use crate::overlap::texts::Watch;
use crate::search::content::Content;
use crate::tasks::service::held::{self, Ending};
use crate::{artifacts, authn, system_tx};

/// How many turns and sessions one round settles.
const BATCH: i64 = 200;

/// Settles what is over.
///
/// # Errors
/// Database failures; the next round tries again.
pub(super) async fn run(app: &App) -> Result<(), Error> {
    let (turns, ended, lost, forsaken) = {
        let mut tx = app.db.begin_read().await?;
        (
            store::unsettled(&mut tx, BATCH).await?,
            store::ended_with_claim(&mut tx, BATCH).await?,
            store::on_revoked_nodes(&mut tx, BATCH).await?,
            store::forsaken(&mut tx, BATCH).await?,
        )
    };
    for turn in turns {
        settle(app, turn).await?;
    }
    for session in ended {
        let_go(app, session).await?;
    }
    for session in lost {
        give_up(app, session).await?;
    }
    for session in forsaken {
        stop_forsaken(app, session).await?;
    }
    Ok(())
}

/// Ends an agent that works on what is no longer its own.
async fn stop_forsaken(app: &App, id: SessionId) -> Result<(), Error> {
    let now = app.clock.now();
    system_tx!(app, |tx| {
        let Some(seen) = store::find(tx, id, now).await? else { return Ok(()) };
        lock_mission(tx, seen.session.mission_id).await?;
        let Some(record) = store::find_locked(tx, id, now).await? else { return Ok(()) };
        if record.check_open().is_ok() {
            let cx = agent_cx(app, &record);
            let proof = system_proof(Action::SteerSession, record.session.mission_id);
            super::service::stop_in(tx, app, &cx, proof, record).await?;
        }
        Ok(())
    })?;
    app.sessions.nudge();
    Ok(())
}

/// The agent of a session, as our own code acts for it.
pub(super) fn agent_cx(app: &App, record: &Record) -> OpCtx {
    let session = &record.session;
    let name = format!("agent-{}", &session.id.as_uuid().as_simple().to_string()[20..]);
    OpCtx::acting(app, (session.principal_id, name, PrincipalKind::Agent), session.mission_id)
}

/// The task and attempt that a session works on.
pub(super) fn work_of(record: &Record) -> Option<(mc_api::id::TaskId, i32)> {
    let attempt = i32::try_from(record.session.attempt?).ok()?;
    Some((record.session.task_id?, attempt))
}

async fn settle(app: &App, id: TurnId) -> Result<(), Error> {
    let now = app.clock.now();
    let (record, ended) = {
        let mut tx = app.db.begin_read().await?;
        let Some(ended) = store::find_turn(&mut tx, id).await? else { return Ok(()) };
        let Some(record) = store::find(&mut tx, ended.turn.session_id, now).await? else { return Ok(()) };
        (record, ended)
    };
    if ended.is_settled || !ended.turn.state.is_terminal() {
        return Ok(());
    }
    let meaning = meaning(&record, &ended);
    let stored = match meaning {
        Meaning::Complete if !ended.turn.message.trim().is_empty() => {
            Some(bytes_of(app, &record, &ended).await?)
        }
        _ => None,
    };
    system_tx!(app, |tx| { settle_in(tx, app, &record, &ended, meaning, stored.as_ref(), now).await })?;
    app.sessions.nudge();
    Ok(())
}

/// The message as bytes that are stored, and as a text that is found later.
async fn bytes_of(app: &App, record: &Record, ended: &StoredTurn) -> Result<(Stored, Content, Watch), Error> {
    let bytes = bytes::Bytes::from(ended.turn.message.clone());
    let content = Box::pin(stream::once(async move { Ok(bytes) }));
    let stored = app.objects.put(record.session.mission_id, content, MAX_MESSAGE_BYTES as u64).await?;
    let watch = Watch::quiet(app);
    let message = ended.turn.message.as_bytes();
    Ok((stored, artifacts::text::content("text/markdown", "result.md", message).await?, watch))
}

async fn settle_in(
    tx: &mut Tx,
    app: &App,
    record: &Record,
    ended: &StoredTurn,
    meaning: Meaning,
    stored: Option<&(Stored, Content, Watch)>,
    now: Timestamp,
) -> Result<(), Error> {
    let session = &record.session;
    lock_mission(tx, session.mission_id).await?;
    let cx = agent_cx(app, record);
    if let Some((task, attempt)) = work_of(record)
        && meaning != Meaning::GoesOn
        && held::is_held_in(tx, &cx, task, attempt).await?
    {
        let ending = ending(tx, &cx, record, ended, meaning, stored).await?;
        held::end_in(tx, &cx, task, attempt, ending).await?;
    }
    let Some(locked) = store::find_locked(tx, session.id, now).await? else { return Ok(()) };
    store::settle_turn(tx, ended.turn.id, now).await?;
    if locked.is_unattended && meaning != Meaning::GoesOn && locked.check_open().is_ok() {
        let proof = system_proof(Action::SteerSession, session.mission_id);
        super::service::stop_in(tx, app, &cx, proof, locked).await?;
    }
    Ok(())
}

async fn ending(
    tx: &mut Tx,
    cx: &OpCtx,
    record: &Record,
    ended: &StoredTurn,
    meaning: Meaning,
    stored: Option<&(Stored, Content, Watch)>,
) -> Result<Ending, Error> {
    let session = &record.session;
    let why = || match ended.turn.stop_reason.as_deref() {
        Some(reason) => format!("the agent ended its turn: {reason}"),
        None => format!("the agent's turn was {}", ended.turn.state),
    };
    let may = authn::service::may_in(
        tx,
        record.organization,
        session.principal_id,
        Action::CompleteTask,
        session.mission_id,
    );
    if !may.await? {
        return Ok(Ending::Release { note: "the agent's role was removed".to_owned() });
    }
    Ok(match meaning {
        Meaning::Complete => {
            let artifact = match (stored, session.task_id) {
                (Some(stored), Some(task)) => {
                    let mission = (session.mission_id, session.mission.clone());
                    let named = ("result.md", "text/markdown");
                    Some(artifacts::service::attach_in(tx, cx, mission, task, named, stored).await?)
                }
                _ => None,
            };
            let result = Some(ended.turn.message.clone()).filter(|message| !message.trim().is_empty());
            Ending::Complete { result, artifact }
        }
        Meaning::Fail { retryable } => Ending::Fail { reason: why(), retryable },
        Meaning::Release | Meaning::GoesOn => Ending::Release { note: why() },
    })
}

/// A session ended and holds its task still: stopped gives it back, failed is a failed attempt.
async fn let_go(app: &App, id: SessionId) -> Result<(), Error> {
    let now = app.clock.now();
    system_tx!(app, |tx| {
        let Some(record) = store::find(tx, id, now).await? else { return Ok(()) };
        lock_mission(tx, record.session.mission_id).await?;
        let Some((task, attempt)) = work_of(&record) else { return Ok(()) };
        let ending = if record.session.state == SessionState::Failed {
            let reason = record.session.reason.as_deref().unwrap_or("no reason given");
            Ending::Fail { reason: format!("the agent session failed: {reason}"), retryable: true }
        } else {
            Ending::Release { note: "the agent session was stopped".to_owned() }
        };
        held::end_in(tx, &agent_cx(app, &record), task, attempt, ending).await?;
        Ok(())
    })
}

/// The node of a session was removed: nobody will report of it again.
async fn give_up(app: &App, id: SessionId) -> Result<(), Error> {
    let now = app.clock.now();
    system_tx!(app, |tx| {
        let Some(mission) = store::mission_of(tx, id).await? else { return Ok(()) };
        lock_mission(tx, mission).await?;
        let Some(mut record) = store::find_locked(tx, id, now).await? else { return Ok(()) };
        if record.session.state.is_terminal() {
            return Ok(());
        }
        let before = record.session.version;
        record.session.state = SessionState::Failed;
        record.session.reason = Some("its node was removed".to_owned());
        end_session(tx, app, &mut record).await?;
        record.session.version += 1;
        record.session.updated_at = now.max(record.session.updated_at);
        if store::put(tx, before, &record).await? { Ok(()) } else { Err(changed_meanwhile()) }
    })?;
    app.sessions.stored(id);
    Ok(())
}
