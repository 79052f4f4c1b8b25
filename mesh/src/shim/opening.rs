//! From a fresh agent process to an open session: initialise, authenticate, then restore or create.
//!
//! A session that ever had a prompt is restored or nothing: `session/new` then needs a decision.

use std::time::Instant;

use mc_acp::view::{self, AgentCaps, Modes};
use mc_acp::{RpcError, code, outgoing};
use mc_journal::Kind;
use serde_json::value::RawValue;

use super::Error;
use super::core::{Core, Phase};
use super::ending::Then;
use crate::payload::{ContextLost, EpochEvent, Gap};
use crate::runtimes::millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Initialize,
    Authenticate,
    New,
    /// Restore: as specified, then without MCP servers, then once more after a pause.
    Restore {
        attempt: u32,
    },
    /// The pause before the last attempt.
    Pause,
}

pub(super) struct Opening {
    step: Step,
    rpc_id: i64,
    due: Instant,
    caps: AgentCaps,
    has_signed_in: bool,
    /// Lines of a history replay, which the journal has already.
    replayed: u64,
}

impl Opening {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due <= now
    }

    pub(super) fn deadline(&self) -> Instant {
        self.due
    }
}

impl Core {
    pub(super) fn begin_opening(&mut self) -> Result<(), Error> {
        let line = outgoing::initialize(self.next_rpc_id, env!("CARGO_PKG_VERSION"));
        self.open_step(Step::Initialize, AgentCaps::default(), &line)
    }

    fn open_step(&mut self, step: Step, caps: AgentCaps, line: &str) -> Result<(), Error> {
        let due = Instant::now() + millis(self.runtime.timing.open_ms);
        let has_signed_in = step == Step::Authenticate
            || matches!(&self.phase, Phase::Opening(opening) if opening.has_signed_in);
        let rpc_id = self.next_rpc_id;
        self.phase = Phase::Opening(Opening { step, rpc_id, due, caps, has_signed_in, replayed: 0 });
        self.next_rpc_id += 1;
        self.send_line(line)
    }

    /// A limit passed, or the pause before the last attempt is over.
    pub(super) fn on_opening_due(&mut self) -> Result<(), Error> {
        let Phase::Opening(opening) = &self.phase else { return Ok(()) };
        if opening.step == Step::Pause {
            let caps = opening.caps.clone();
            return self.restore(3, caps);
        }
        self.record(Kind::Gap, &Gap { reason: "agent did not answer while the session was opened".into() })?;
        self.begin_ending(Then::Restart);
        Ok(())
    }

    /// True when the line belongs to a history replay and must not be journaled again.
    pub(super) fn is_replay(&mut self) -> bool {
        if let Phase::Opening(opening) = &mut self.phase
            && matches!(opening.step, Step::Restore { .. })
        {
            opening.replayed += 1;
            return true;
        }
        false
    }

    /// An answer of the agent while the session is being opened.
    pub(super) fn on_opening_answer(
        &mut self,
        id: i64,
        result: Result<&RawValue, RpcError>,
    ) -> Result<(), Error> {
        let Phase::Opening(opening) = &self.phase else { return Ok(()) };
        if opening.rpc_id != id {
            return Ok(());
        }
        let (caps, replayed, has_signed_in) = (opening.caps.clone(), opening.replayed, opening.has_signed_in);
        match (opening.step, result) {
            (Step::Initialize, Ok(result)) => {
                let caps = AgentCaps::read(result);
                if let Some(method) = self.runtime.authenticate.clone() {
                    let line = outgoing::authenticate(self.next_rpc_id, &method);
                    return self.open_step(Step::Authenticate, caps, &line);
                }
                self.open_or_restore(caps)
            }
            (Step::Authenticate, Ok(_)) => self.open_or_restore(caps),
            (Step::New | Step::Restore { attempt: 1 }, Err(error))
                if error.code == code::AUTH_REQUIRED && !has_signed_in =>
            {
                self.sign_in(caps, &error)
            }
            (Step::New, Ok(result)) => match view::session_id(result) {
                Some(agent_session) => self.opened(agent_session, "new", 0, view::modes(result)),
                None => self.refused("the agent named no session"),
            },
            (Step::Restore { attempt }, Ok(result)) => {
                if attempt == 2 && !self.spec.mcp_servers.is_empty() {
                    let reason = "restored without its MCP servers, which the agent refused".to_owned();
                    self.record(Kind::Gap, &Gap { reason })?;
                }
                let agent_session = self.model.agent_session.clone().unwrap_or_default();
                let how = if self.can_resume(&caps) { "resume" } else { "load" };
                // Without a turn there is no conversation that could be missing.
                if self.model.turns > 0 {
                    self.was_restored(caps.agent);
                }
                self.opened(agent_session, how, replayed, view::modes(result))
            }
            (Step::Restore { attempt: 1 }, Err(_)) => self.restore(2, caps),
            (Step::Restore { attempt: 2 }, Err(_)) => {
                let due = Instant::now() + millis(self.runtime.timing.restore_ms);
                let (step, rpc_id) = (Step::Pause, -1);
                self.phase = Phase::Opening(Opening { step, rpc_id, due, caps, has_signed_in, replayed: 0 });
                Ok(())
            }
            (Step::Restore { .. }, Err(error)) => {
                let reason = format!("the agent cannot restore the session: {error}");
                if self.model.turns == 0 { self.open_anew(&reason, caps) } else { self.lost(&reason) }
            }
            (Step::Pause, _) => Ok(()),
            (Step::Initialize | Step::Authenticate | Step::New, Err(error)) => {
                self.refused(&error.to_string())
            }
        }
    }

    fn opened(
        &mut self,
        agent_session: String,
        how: &str,
        replayed: u64,
        modes: Option<Modes>,
    ) -> Result<(), Error> {
        let (epoch, how, is_mode_said) = (self.model.epoch, how.to_owned(), modes.is_some());
        self.record(Kind::Epoch, &EpochEvent::Opened { epoch, agent_session, how, replayed, modes })?;
        self.phase = Phase::Serving;
        self.repeat_mode(is_mode_said)
    }

    /// The agent asks for authentication: with a key of its environment, if there is one.
    fn sign_in(&mut self, caps: AgentCaps, error: &RpcError) -> Result<(), Error> {
        let mut env = self.runtime.environment();
        env.extend(self.spec.env.clone());
        let Some(method) = self.runtime.sign_in(&env) else {
            let known: Vec<&str> = self.runtime.sign_in.iter().map(|way| way.env.as_str()).collect();
            return self
                .refused(&format!("{error}; log in as the agent's vendor says, or set one of {known:?}"));
        };
        let line = outgoing::authenticate(self.next_rpc_id, method);
        self.open_step(Step::Authenticate, caps, &line)
    }

    fn refused(&mut self, reason: &str) -> Result<(), Error> {
        self.append(Kind::Stderr, 0, format!("session not opened: {reason}").as_bytes())?;
        self.begin_ending(Then::Restart);
        Ok(())
    }

    fn can_resume(&self, caps: &AgentCaps) -> bool {
        caps.can_resume && (self.runtime.resume_proven || !caps.can_load)
    }

    fn open_or_restore(&mut self, caps: AgentCaps) -> Result<(), Error> {
        if self.model.agent_session.is_none() {
            return self.open_new(caps);
        }
        if caps.can_load || caps.can_resume {
            let is_retry = std::mem::take(&mut self.is_retry);
            if self.model.turns > 0 && !is_retry && self.restore_mark.is_set_for(&caps.agent)? {
                return self.lost("this agent is known to restore sessions without their conversation");
            }
            return self.restore(1, caps);
        }
        let reason = "the agent cannot restore sessions";
        if self.model.turns == 0 { self.open_anew(reason, caps) } else { self.lost(reason) }
    }

    /// There was no conversation to lose; says that the agent's session changes all the same.
    fn open_anew(&mut self, reason: &str, caps: AgentCaps) -> Result<(), Error> {
        self.context_lost(&format!("{reason}; no prompt was sent yet"), false)?;
        self.open_new(caps)
    }

    fn open_new(&mut self, caps: AgentCaps) -> Result<(), Error> {
        let line = outgoing::new_session(self.next_rpc_id, &self.spec.cwd, &self.spec.mcp_servers);
        self.open_step(Step::New, caps, &line)
    }

    fn restore(&mut self, attempt: u32, caps: AgentCaps) -> Result<(), Error> {
        let session = self.model.agent_session.clone().unwrap_or_default();
        let mcp = if attempt == 2 { &[][..] } else { &self.spec.mcp_servers };
        let line = if self.can_resume(&caps) {
            outgoing::resume_session(self.next_rpc_id, &session, &self.spec.cwd, mcp)
        } else {
            outgoing::load_session(self.next_rpc_id, &session, &self.spec.cwd, mcp)
        };
        self.open_step(Step::Restore { attempt }, caps, &line)
    }

    pub(super) fn lost(&mut self, reason: &str) -> Result<(), Error> {
        self.context_lost(reason, true)?;
        self.phase = Phase::NeedsDecision;
        Ok(())
    }

    fn context_lost(&mut self, reason: &str, needs_decision: bool) -> Result<(), Error> {
        let agent_session = self.model.agent_session.clone();
        let lost = ContextLost { agent_session, reason: reason.to_owned(), needs_decision };
        self.record(Kind::ContextLost, &lost).map(drop)
    }

    /// Decision: go on with an empty agent session.
    pub(super) fn open_new_session(&mut self) -> Result<(), Error> {
        self.restored = None;
        self.open_new(AgentCaps::default())
    }

    /// Decision: start over with a fresh process and try to restore again.
    #[expect(clippy::unnecessary_wraps, reason = "same form as the other effects of commands")]
    pub(super) fn begin_restore(&mut self) -> Result<(), Error> {
        self.is_retry = true;
        // What an operator asks for is no crash loop.
        self.crashes.clear();
        self.begin_ending(Then::Restart);
        Ok(())
    }
}
