//! Prompting, cancelling, deciding and stopping.

use mc_api::session::{
    AgentSession, DecideSession, PromptSession, SessionDecision, SessionState, SetSessionMode, Turn,
    TurnState,
};
use mc_api::{Action, ProblemKind};
use mc_proto::mesh_v1 as wire;
use serde::Serialize;
use serde_json::json;

use super::create::new_turn;
use super::{command, prompt_command, resolve};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::missions::service::{changed_meanwhile, check_text};
use crate::op::{OpCtx, Proof};
use crate::sessions::ingest::{end_session, end_turn, lock_mission};
use crate::sessions::model::{MAX_PROMPT_BYTES, MAX_QUEUED, Record, StoredTurn};
use crate::sessions::store;
use crate::write::hex_digest;
use crate::write_tx;

/// Finds a session for a change, asks for the action, and locks and reads it again.
async fn open(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<(Record, Proof), Error> {
    let seen = resolve(tx, cx, reference).await?;
    let proof = cx.authorize_in(Action::SteerSession, seen.session.mission_id)?;
    // An end closes approvals as well, and they come after the mission in the order of locks.
    lock_mission(tx, seen.session.mission_id).await?;
    let record = store::find_locked(tx, seen.id(), cx.now())
        .await?
        .ok_or_else(|| Error::not_found("agent session", reference))?;
    cx.check_version(record.session.version)?;
    Ok((record, proof))
}

/// Writes a locked session that somebody steered, as a new version.
async fn save(tx: &mut Tx, cx: &OpCtx, mut after: Record) -> Result<AgentSession, Error> {
    let before = after.session.version;
    after.session.version += 1;
    after.session.updated_at = cx.now().max(after.session.updated_at);
    if !store::put(tx, before, &after).await? {
        return Err(changed_meanwhile());
    }
    Ok(after.session)
}

/// Records what somebody asked of a session; prompts are digests there, their texts are the session's own.
async fn record_deed(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    record: &Record,
    deed: &impl Serialize,
) -> Result<(), Error> {
    let event = Event {
        subject_kind: "session",
        subject_id: record.id().to_string(),
        body: deed,
        before_sha256: None,
    };
    ledger::record(tx, cx, proof, event).await
}

/// Prompts a session. The prompt waits until the agent is idle, and until the session is on a node.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when the session ends or has ended, [`ProblemKind::RateLimited`] when too many
/// prompts wait, [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn prompt(app: &App, cx: &OpCtx, reference: &str, request: PromptSession) -> Result<Turn, Error> {
    check_text("/text", &request.text, MAX_PROMPT_BYTES)?;
    if request.text.trim().is_empty() {
        return Err(Error::invalid("/text", "say something"));
    }
    write_tx!(app, cx, |tx| {
        let (mut record, proof) = open(tx, cx, reference).await?;
        record.check_open()?;
        if store::queued_count(tx, record.id()).await? >= MAX_QUEUED {
            let error = Error::new(ProblemKind::RateLimited, format!("{MAX_QUEUED} prompts wait already"));
            return Err(Error { retry_after: Some(5), ..error });
        }
        record.turn_count += 1;
        let stored = new_turn(cx, &record, request.text.clone());
        store::insert_turn(tx, &stored).await?;
        if let Some(node) = record.session.node_id {
            store::enqueue(tx, node, prompt_command(&record, &stored)?, cx.now()).await?;
        }
        let deed = json!({
            "verb": "prompt", "turn": stored.turn.id, "number": stored.turn.number,
            "prompt_sha256": hex_digest(request.text.as_bytes()), "size_bytes": request.text.len(),
        });
        record_deed(tx, cx, proof, &record, &deed).await?;
        save(tx, cx, record).await?;
        Ok(stored.turn)
    })
}

/// Gives a command with an id of its own to the session's node.
async fn give(tx: &mut Tx, cx: &OpCtx, record: &Record, verb: &str, op: wire::op::Op) -> Result<(), Error> {
    let op_id = format!("{verb}-{}", cx.new_uuid());
    give_as(tx, cx, record, op_id, op).await
}

/// Gives a command with this id to the session's node.
async fn give_as(
    tx: &mut Tx,
    cx: &OpCtx,
    record: &Record,
    op_id: String,
    op: wire::op::Op,
) -> Result<(), Error> {
    let Some(node) = record.session.node_id else { return Ok(()) };
    store::enqueue(tx, node, command(record, op_id, &cx.caller.id.to_string(), op), cx.now()).await?;
    Ok(())
}

/// Cancels what the session works on: the running turn, or without one the newest prompt that waits.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when there is no turn to cancel.
pub async fn cancel(app: &App, cx: &OpCtx, reference: &str) -> Result<AgentSession, Error> {
    let session = write_tx!(app, cx, |tx| {
        let (record, proof) = open(tx, cx, reference).await?;
        record.check_open()?;
        let open_turns = store::open_turns(tx, record.id()).await?;
        let running = open_turns.iter().any(|stored| stored.turn.state == TurnState::Running);
        let Some(mut newest) = open_turns.into_iter().next_back() else {
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("agent session {} has no turn to cancel", record.id()),
            ));
        };
        if running {
            give(tx, cx, &record, "cancel", wire::op::Op::Cancel(wire::Cancel {})).await?;
        } else if store::has_command(tx, &newest.op_id).await? {
            let prompt = newest.op_id.clone();
            let op = wire::op::Op::RemoveQueued(wire::RemoveQueued { prompt });
            give(tx, cx, &record, "cancel", op).await?;
        } else {
            end_turn(tx, app, &record, &mut newest, TurnState::Cancelled).await?;
        }
        record_deed(tx, cx, proof, &record, &json!({ "verb": "cancel" })).await?;
        save(tx, cx, record).await
    })?;
    app.sessions.nudge();
    Ok(session)
}

/// Takes a prompt back that waits for the agent. One that begins at that very moment is cancelled.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when it began or is over; [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn cancel_turn(app: &App, cx: &OpCtx, reference: &str) -> Result<Turn, Error> {
    let meant = super::get_turn(app, cx, reference).await?;
    let session = meant.session_id.to_string();
    let turn = write_tx!(app, cx, |tx| {
        let (record, proof) = open(tx, cx, &session).await?;
        let waiting = store::open_turns(tx, record.id()).await?;
        let is_meant =
            |stored: &StoredTurn| stored.turn.id == meant.id && stored.turn.state == TurnState::Queued;
        let Some(mut stored) = waiting.into_iter().find(is_meant) else {
            let detail = "the prompt does not wait any more; a running turn is cancelled by its session";
            return Err(Error::new(ProblemKind::InvalidTransition, detail));
        };
        if store::has_command(tx, &stored.op_id).await? {
            let op_id = format!("remove-{}", stored.turn.id);
            // Asked for twice it is one command.
            if !store::has_command(tx, &op_id).await? {
                let op = wire::op::Op::RemoveQueued(wire::RemoveQueued { prompt: stored.op_id.clone() });
                give_as(tx, cx, &record, op_id, op).await?;
            }
        } else {
            end_turn(tx, app, &record, &mut stored, TurnState::Cancelled).await?;
        }
        record_deed(tx, cx, proof, &record, &json!({ "verb": "cancel_turn", "turn": stored.turn.id }))
            .await?;
        save(tx, cx, record).await?;
        Ok(stored.turn)
    })?;
    app.sessions.nudge();
    Ok(turn)
}

/// Lets the agent work in another mode that it offers. The session says so when the agent has taken it.
///
/// # Errors
/// [`ProblemKind::Validation`] for a mode that is not offered, [`ProblemKind::InvalidTransition`] when the session ends
/// or has ended; [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn set_mode(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: SetSessionMode,
) -> Result<AgentSession, Error> {
    let session = write_tx!(app, cx, |tx| {
        let (record, proof) = open(tx, cx, reference).await?;
        record.check_open()?;
        let offered: Vec<&str> = record.session.modes.iter().map(|mode| mode.id.as_str()).collect();
        if !offered.contains(&request.mode.as_str()) {
            let rule = match offered.as_slice() {
                [] => "the agent offers no modes".to_owned(),
                some => format!("of {}", some.join(", ")),
            };
            return Err(Error::invalid("/mode", rule));
        }
        let op = wire::op::Op::SetMode(wire::SetMode { mode: request.mode.clone() });
        give(tx, cx, &record, "mode", op).await?;
        record_deed(tx, cx, proof, &record, &json!({ "verb": "set_mode", "mode": request.mode })).await?;
        save(tx, cx, record).await
    })?;
    app.sessions.nudge();
    Ok(session)
}

/// Decides for a session whose agent forgot the conversation.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when it does not ask.
pub async fn decide(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: DecideSession,
) -> Result<AgentSession, Error> {
    write_tx!(app, cx, |tx| {
        let (record, proof) = open(tx, cx, reference).await?;
        record.check_open()?;
        let asks = record.session.state == SessionState::RequiresAction
            && record.session.reason.as_deref() == Some("context_lost");
        if !asks {
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("agent session {} is {} and asks for no decision", record.id(), record.session.state),
            ));
        }
        let decision = match request.decision {
            SessionDecision::NewSession => "new_session",
            SessionDecision::Retry => "retry",
        };
        let op = wire::op::Op::Decide(wire::Decide { decision: decision.to_owned() });
        give(tx, cx, &record, "decide", op).await?;
        record_deed(tx, cx, proof, &record, &json!({ "verb": "decide", "decision": decision })).await?;
        save(tx, cx, record).await
    })
}

/// Stops a session for good. Stopping what is stopped or stopping changes nothing.
///
/// # Errors
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn stop(app: &App, cx: &OpCtx, reference: &str) -> Result<AgentSession, Error> {
    let session = write_tx!(app, cx, |tx| {
        let (record, proof) = open(tx, cx, reference).await?;
        if record.check_open().is_err() {
            return Ok(record.session);
        }
        stop_in(tx, app, cx, proof, record).await
    })?;
    app.sessions.nudge();
    app.sessions.stored(session.id);
    Ok(session)
}

/// Stops a locked session that is open.
pub(in crate::sessions) async fn stop_in(
    tx: &mut Tx,
    app: &App,
    cx: &OpCtx,
    proof: Proof,
    mut record: Record,
) -> Result<AgentSession, Error> {
    record.is_stop_wanted = true;
    record.generation += 1;
    let is_nowhere = !record.session.is_node_reachable && record.is_untaken();
    if record.session.node_id.is_some() && !is_nowhere {
        give(tx, cx, &record, "stop", wire::op::Op::Stop(wire::Stop {})).await?;
    } else {
        record.session.state = SessionState::Stopped;
        end_session(tx, app, &mut record).await?;
    }
    record_deed(tx, cx, proof, &record, &json!({ "verb": "stop" })).await?;
    save(tx, cx, record).await
}
