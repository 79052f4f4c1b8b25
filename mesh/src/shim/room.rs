//! When the journal has no room: a full disk, or the quota without an acknowledgement.
//!
//! The agent's output is not read any more, so its pipe blocks it; new prompts are refused; nothing that
//! depends on a record leaves before the record is durable. Commands and the end of the session go on.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mc_journal::Kind;

use super::Error;
use super::core::Core;
use crate::payload::Gap;

const RETRY_EVERY: Duration = Duration::from_millis(200);

/// What waits for room.
#[derive(Default)]
pub(super) struct Room {
    retry_at: Option<Instant>,
    /// Lines of the agent that were read already.
    held: VecDeque<Vec<u8>>,
    /// Lines to the agent whose records are not durable yet.
    unsent: Vec<String>,
}

impl Room {
    pub(super) fn is_full(&self) -> bool {
        self.retry_at.is_some()
    }

    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }
}

impl Error {
    fn is_out_of_space(&self) -> bool {
        matches!(self, Self::Journal(error) if error.is_out_of_space())
    }
}

impl Core {
    pub(super) fn ran_out_of_room(&mut self, error: &dyn std::error::Error) {
        if !self.room.is_full() {
            tracing::error!("journal has no room: {error}");
            if let Some(agent) = &self.agent {
                agent.pause_reading(true);
            }
        }
        self.room.retry_at = Some(Instant::now() + RETRY_EVERY);
    }

    /// A line of the agent, in its order, as soon as it can be journaled.
    pub(super) fn take_line(&mut self, line: Vec<u8>) -> Result<(), Error> {
        if !self.room.held.is_empty() {
            self.room.held.push_back(line);
            return Ok(());
        }
        match self.on_line(&line) {
            Err(error) if error.is_out_of_space() => {
                self.ran_out_of_room(&error);
                self.room.held.push_back(line);
                Ok(())
            }
            other => other,
        }
    }

    /// Writes a line to the agent once everything recorded so far is durable.
    pub(super) fn write_after_sync(&mut self, line: String) -> Result<(), Error> {
        if self.sync()? {
            self.write_line(&line);
        } else {
            self.room.unsent.push(line);
        }
        Ok(())
    }

    /// Tries again when it is time, and picks up everything that waited.
    pub(super) fn retry_room(&mut self) -> Result<(), Error> {
        if self.room.retry_at.is_none_or(|at| at > Instant::now()) || !self.sync()? {
            return Ok(());
        }
        for line in std::mem::take(&mut self.room.unsent) {
            self.write_line(&line);
        }
        for line in std::mem::take(&mut self.room.held) {
            self.take_line(line)?;
        }
        if self.room.held.is_empty() {
            self.room.retry_at = None;
            if let Some(agent) = &self.agent {
                agent.pause_reading(false);
            }
        }
        Ok(())
    }

    /// The agent is gone: what waited for room is lost, and the journal says so.
    pub(super) fn forget_held(&mut self) -> Result<(), Error> {
        let lost = self.room.held.len();
        self.room = Room::default();
        if lost > 0 {
            let reason = format!("no room: at least {lost} lines of the agent lost");
            self.record(Kind::Gap, &Gap { reason })?;
        }
        Ok(())
    }
}
