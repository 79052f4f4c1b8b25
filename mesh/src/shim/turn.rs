//! The running turn: lines of the agent, one prompt in flight, cancellation.

use std::time::{Duration, Instant};

use mc_acp::view::{self, Update};
use mc_acp::{Id, Message, RpcError, code, outgoing};
use mc_journal::Kind;
use serde_json::value::RawValue;

use super::Error;
use super::core::{Core, Phase};
use super::ending::Then;
use crate::payload::{OpDone, PermOpen, PromptSent};
use crate::runtimes::millis;

/// A cancel is held back until the agent has shown that it works on the prompt, at most this long.
const HOLD_CANCEL: Duration = Duration::from_millis(250);

/// How far the cancellation of the running turn has come. One notification per turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cancel {
    stage: Stage,
    sent_at: Option<Instant>,
    has_update: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Stage {
    #[default]
    None,
    Held(Instant),
    Notified(Instant),
    Requested(Instant),
}

impl Cancel {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::None => None,
            Stage::Held(at) | Stage::Notified(at) | Stage::Requested(at) => Some(at),
        }
    }

    pub(super) fn is_requested(&self) -> bool {
        !matches!(self.stage, Stage::None)
    }
}

impl Core {
    /// One line of the agent.
    pub(super) fn on_line(&mut self, line: &[u8]) -> Result<(), Error> {
        let Ok(message) = Message::parse(line) else { return self.on_garbage(line) };
        self.watch_restored(&message);
        match message {
            Message::Notification { method, params } => {
                if method == "session/update" && self.is_replay() {
                    return Ok(());
                }
                self.append(Kind::In, 0, line)?;
                self.cancel.has_update = true;
                let update = if method == "session/update" { Update::read(params) } else { None };
                match update.as_ref().and_then(Update::mode) {
                    Some(mode) => self.on_mode(mode.to_owned()),
                    None => Ok(()),
                }
            }
            Message::Request { id, method, params } => {
                if method == "session/request_permission" {
                    return self.on_permission_request(id, params, line);
                }
                self.append(Kind::In, 0, line)?;
                let answer =
                    outgoing::error(&id, code::METHOD_NOT_FOUND, &format!("{method} is not offered"));
                self.send_line(&answer)
            }
            Message::Response { id, result } => {
                self.append(Kind::In, 0, line)?;
                let Id::Number(id) = id else { return Ok(()) };
                if matches!(self.phase, Phase::Opening(_)) {
                    return self.on_opening_answer(id, result);
                }
                self.on_turn_answer(id, result)
            }
        }
    }

    fn on_permission_request(&mut self, rpc_id: Id, params: &RawValue, line: &[u8]) -> Result<(), Error> {
        let Some(options) = view::permission_options(params) else {
            self.append(Kind::In, 0, line)?;
            let answer = outgoing::error(&rpc_id, code::INVALID_PARAMS, "options cannot be read");
            return self.send_line(&answer);
        };
        // The raw line adds nothing to the record: id and parameters are kept whole.
        let id = format!("p-{}-{}", self.model.epoch, self.journal.last_seq() + 1);
        let open = PermOpen { id: id.clone(), rpc_id, options, request: params.to_owned() };
        self.record(Kind::PermOpen, &open)?;
        self.cancel.has_update = true;
        if self.cancel.is_requested() {
            return self.answer_permission(&id, None, None);
        }
        Ok(())
    }

    fn on_turn_answer(&mut self, id: i64, result: Result<&RawValue, RpcError>) -> Result<(), Error> {
        if let Some((_, mode)) = self.mode_call.take_if(|(call, _)| *call == id) {
            return self.on_mode_answer(mode, result.map(drop));
        }
        let Some(turn) = self.model.turn.clone().filter(|turn| turn.rpc_id == id) else { return Ok(()) };
        let (outcome, detail) = match result {
            Ok(result) => (view::stop_reason(result).unwrap_or_else(|| "unknown".into()), None),
            Err(error) if error.code == code::CANCELLED => ("cancelled".into(), None),
            Err(error) => ("error".into(), Some(error.to_string())),
        };
        // A permission that outlives its turn still gets its one answer.
        self.cancel_permissions()?;
        let done = OpDone { op_id: turn.op_id, turn: turn.number, outcome, detail };
        self.record(Kind::OpDone, &done)?;
        self.cancel = Cancel::default();
        self.judge_restored(&done.outcome)
    }

    /// Sends the next prompt when the agent is idle, and moves a cancellation on.
    pub(super) fn advance_turn(&mut self, now: Instant) -> Result<(), Error> {
        let Some(turn) = self.model.turn.clone() else { return self.send_next_prompt(now) };
        let timing = self.runtime.timing;
        match self.cancel.stage {
            Stage::Held(until) if until <= now || self.cancel.has_update => {
                let session = self.model.agent_session.clone().unwrap_or_default();
                self.cancel.stage = Stage::Notified(now + millis(timing.cancel_ms));
                self.send_line(&outgoing::cancel(&session))
            }
            Stage::Notified(until) if until <= now => {
                self.cancel.stage = Stage::Requested(now + millis(timing.cancel_kill_ms));
                self.send_line(&outgoing::cancel_request(turn.rpc_id))
            }
            Stage::Requested(until) if until <= now => {
                self.begin_ending(Then::Restart);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn send_next_prompt(&mut self, now: Instant) -> Result<(), Error> {
        if self.model.stop_requested || self.room.is_full() {
            return Ok(());
        }
        let Some(next) = self.model.queue.front().cloned() else { return Ok(()) };
        let (rpc_id, turn) = (self.next_rpc_id, self.model.turns + 1);
        self.next_rpc_id += 1;
        let session = self.model.agent_session.clone().unwrap_or_default();
        let line = outgoing::prompt(rpc_id, &session, &next.blocks);
        let raw = RawValue::from_string(line.clone()).map_err(std::io::Error::other)?;
        self.record(Kind::PromptSent, &PromptSent { op_id: next.op_id, turn, rpc_id, line: raw })?;
        // From here on the turn exists, whatever dies next; the line may leave.
        self.cancel = Cancel { sent_at: Some(now), ..Cancel::default() };
        self.write_after_sync(line)
    }

    /// Begins to cancel the running turn; a second request changes nothing.
    pub(super) fn request_cancel(&mut self) -> Result<(), Error> {
        if self.cancel.is_requested() {
            return Ok(());
        }
        let now = Instant::now();
        self.cancel.stage = Stage::Held(self.cancel.sent_at.unwrap_or(now) + HOLD_CANCEL);
        self.cancel_permissions()
    }
}
