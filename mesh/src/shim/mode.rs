//! The mode that the agent works in: told to it, and again to the next one after it died.

use mc_acp::{RpcError, outgoing};
use mc_journal::Kind;

use super::Error;
use super::core::Core;
use crate::payload::EpochEvent;

impl Core {
    /// Tells the agent a mode.
    pub(super) fn send_mode(&mut self, mode: String) -> Result<(), Error> {
        let id = self.next_rpc_id;
        self.next_rpc_id += 1;
        let session = self.model.agent_session.clone().unwrap_or_default();
        let line = outgoing::set_mode(id, &session, &mode);
        self.mode_call = Some((id, mode));
        self.send_line(&line)
    }

    /// An agent that has just opened the session begins with a mode of its own, which it said or not; the one it is to
    /// work in may be another.
    pub(super) fn repeat_mode(&mut self, is_said: bool) -> Result<(), Error> {
        let Some(mode) = self.model.mode.clone() else { return Ok(()) };
        let is_due = |modes: &mc_acp::view::Modes| modes.offers(&mode) && (!is_said || modes.current != mode);
        if self.model.modes.as_ref().is_some_and(is_due) { self.send_mode(mode) } else { Ok(()) }
    }

    /// The agent answered whether it takes the mode.
    pub(super) fn on_mode_answer(&mut self, mode: String, result: Result<(), RpcError>) -> Result<(), Error> {
        match result {
            Ok(()) => self.on_mode(mode),
            Err(error) => {
                let (epoch, reason) = (self.model.epoch, error.to_string());
                let refused = EpochEvent::ModeRefused { epoch, mode, reason };
                self.record(Kind::Epoch, &refused).map(drop)
            }
        }
    }

    /// The agent works in a mode from here on, because it was told to or by itself. Said once.
    pub(super) fn on_mode(&mut self, mode: String) -> Result<(), Error> {
        let is_known = self.model.modes.as_ref().is_some_and(|modes| modes.current == mode);
        if is_known && self.model.mode.as_ref() == Some(&mode) {
            return Ok(());
        }
        let epoch = self.model.epoch;
        self.record(Kind::Epoch, &EpochEvent::Mode { epoch, mode }).map(drop)
    }
}
