//! Ending an agent: close its input, TERM, KILL, then make sure that no process of the session is left.

use std::time::{Duration, Instant};

use mc_journal::Kind;
use rustix::process::Signal;

use super::Error;
use super::core::{Core, Phase};
use crate::payload::{EpochEvent, OpDone, PermAnswer, PermOutcome};
use crate::procs::Hunt;
use crate::protocol::{Op, OpRequest};
use crate::runtimes::millis;
use crate::spec::OnInterrupt;

/// How often the end is checked once everything was killed.
const CHECK_EVERY: Duration = Duration::from_millis(20);
/// When a process that survives KILL (in uninterruptible sleep) is no longer waited for.
const GIVE_UP: Duration = Duration::from_secs(30);

/// What follows the end of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Restart,
    Stop,
}

enum Stage {
    InputClosed,
    Terminated,
    Killed { give_up: Instant },
}

pub(super) struct Ending {
    then: Then,
    stage: Stage,
    due: Instant,
    hunt: Hunt,
}

impl Ending {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due <= now
    }

    pub(super) fn deadline(&self) -> Instant {
        self.due
    }

    pub(super) fn then(&self) -> Then {
        self.then
    }
}

impl Core {
    /// Begins to end the agent. A stop overrules a restart that is under way, never the other way round.
    pub(super) fn begin_ending(&mut self, then: Then) {
        match &mut self.phase {
            Phase::Finished => return,
            Phase::Ending(ending) => {
                if then == Then::Stop {
                    ending.then = Then::Stop;
                }
                return;
            }
            _ => {}
        }
        let pause = match &mut self.agent {
            Some(agent) if then == Then::Stop => {
                agent.close_stdin();
                millis(self.runtime.timing.stop_eof_ms)
            }
            // An agent that is restarted is broken already; one that is gone needs no waiting.
            _ => Duration::ZERO,
        };
        let (stage, due) = (Stage::InputClosed, Instant::now() + pause);
        self.phase = Phase::Ending(Ending { then, stage, due, hunt: Hunt::default() });
    }

    /// The agent itself is gone: go on with what it left behind.
    pub(super) fn hurry_ending(&mut self) {
        if let Phase::Ending(ending) = &mut self.phase
            && !matches!(ending.stage, Stage::Killed { .. })
        {
            let now = Instant::now();
            ending.stage = Stage::Killed { give_up: now + GIVE_UP };
            ending.due = now;
        }
    }

    pub(super) fn on_ending_due(&mut self, now: Instant) -> Result<(), Error> {
        let Phase::Ending(ending) = &mut self.phase else { return Ok(()) };
        match ending.stage {
            Stage::InputClosed => {
                if let Some(agent) = &mut self.agent {
                    agent.close_stdin();
                    agent.signal_group(Signal::TERM);
                    ending.stage = Stage::Terminated;
                    ending.due = now + millis(self.runtime.timing.stop_term_ms);
                } else {
                    ending.stage = Stage::Killed { give_up: now + GIVE_UP };
                }
            }
            Stage::Terminated => ending.stage = Stage::Killed { give_up: now + GIVE_UP },
            Stage::Killed { give_up } => {
                let then = ending.then;
                ending.due = now + CHECK_EVERY;
                if let Some(agent) = &self.agent
                    && agent.exit.is_none()
                {
                    agent.signal_group(Signal::KILL);
                }
                let is_full = self.room.is_full();
                let left = ending.hunt.round(&self.spec.id);
                let is_reaped = self.agent.as_ref().is_none_or(|agent| {
                    // A reader that waits for room does not see the end of the pipe.
                    agent.exit.is_some() && (agent.is_eof || is_full)
                });
                if left.is_empty() && is_reaped {
                    return self.after_ending(then);
                }
                if now >= give_up {
                    tracing::error!("processes {left:?} survive SIGKILL");
                    return self.after_ending(then);
                }
            }
        }
        Ok(())
    }

    /// Writes down that the agent is gone: open permissions are void, the running turn is interrupted.
    pub(super) fn close_epoch(&mut self, status: &str) -> Result<(), Error> {
        self.forget_held()?;
        for (id, _) in self.model.open_permissions() {
            let outcome = PermOutcome::Voided;
            self.record(
                Kind::PermAnswer,
                &PermAnswer { id, outcome, option: None, op_id: None, line: None },
            )?;
        }
        if let Some(turn) = self.model.turn.clone() {
            let was_cancelled = self.cancel.is_requested();
            let done = OpDone {
                op_id: turn.op_id.clone(),
                turn: turn.number,
                outcome: if was_cancelled { "cancelled" } else { "interrupted" }.to_owned(),
                detail: Some(format!("agent process ended: {status}")),
            };
            self.record(Kind::OpDone, &done)?;
            self.continue_after(&turn.op_id, turn.number, was_cancelled)?;
        }
        self.cancel = super::turn::Cancel::default();
        let epoch = self.model.epoch;
        self.record(Kind::Epoch, &EpochEvent::Exited { epoch, status: status.to_owned() })?;
        self.sync().map(drop)
    }

    /// With [`OnInterrupt::ContinueNote`], queues one marked prompt; never for a turn that was one itself.
    fn continue_after(&mut self, op_id: &str, turn: u64, was_cancelled: bool) -> Result<(), Error> {
        let is_note = op_id.starts_with("continue-");
        if self.spec.on_interrupt != OnInterrupt::ContinueNote
            || was_cancelled
            || is_note
            || self.model.stop_requested
        {
            return Ok(());
        }
        let note = "You were interrupted in the middle of the previous request. Its effects may be incomplete. \
                    Check the present state first, then continue.";
        let request = OpRequest {
            op_id: format!("continue-{turn}"),
            actor: "mesh".to_owned(),
            op: Op::Prompt { blocks: vec![mc_acp::outgoing::text_block(note)] },
        };
        self.on_op(request).map(drop)
    }
}
