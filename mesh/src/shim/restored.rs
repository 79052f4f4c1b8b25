//! Restored conversations are not believed before the agent has shown work on a prompt.
//!
//! Some agents answer `session/load` with success and have nothing: their first turn then ends at once and empty.
//! Such a runtime is marked in the state directory, for this version of the agent; sessions that would be restored by
//! it ask for a decision instead. The mark goes when a restored session works.

use std::fs;
use std::io;
use std::path::PathBuf;

use mc_acp::Message;
use mc_acp::view::Update;

use super::Error;
use super::core::Core;
use crate::files;
use crate::ids::SessionId;
use crate::runtimes::RestoreBroken;

/// What is known about a conversation that came back and was not used yet.
#[derive(Debug)]
pub(super) struct Restored {
    /// Name and version of the agent.
    pub(super) agent: String,
    has_worked: bool,
}

/// The file that says that a runtime restores nothing.
#[derive(Debug)]
pub(super) struct RestoreMark(PathBuf);

impl RestoreMark {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Whether this version of the agent is known to restore nothing.
    pub(super) fn is_set_for(&self, agent: &str) -> io::Result<bool> {
        Ok(files::read_json::<RestoreBroken>(&self.0)?.is_some_and(|marked| marked.agent == agent))
    }

    fn set(&self, agent: String, session: SessionId) -> io::Result<()> {
        files::write_json(&self.0, &RestoreBroken { agent, session })
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Core {
    pub(super) fn was_restored(&mut self, agent: String) {
        self.restored = Some(Restored { agent, has_worked: false });
    }

    /// Looks at what the agent sends in the first turn after a restore.
    pub(super) fn watch_restored(&mut self, message: &Message) {
        let Some(restored) = &mut self.restored else { return };
        restored.has_worked |= self.model.turn.is_some()
            && match message {
                Message::Notification { method, params } => {
                    *method == "session/update" && Update::read(params).is_some_and(|update| update.is_work())
                }
                // A permission, a file, a terminal: it is at work.
                Message::Request { .. } => true,
                Message::Response { .. } => false,
            };
    }

    /// A turn is over. One that ended well and empty right after a restore means that nothing was restored.
    pub(super) fn judge_restored(&mut self, outcome: &str) -> Result<(), Error> {
        let Some(restored) = self.restored.take() else { return Ok(()) };
        // A mark only spares other sessions the same discovery, so a failure to write it stops nothing.
        let warn = |error| tracing::warn!("cannot change the mark of runtime {}: {error}", self.spec.runtime);
        if restored.has_worked {
            self.restore_mark.clear().unwrap_or_else(warn);
        } else if outcome == "end_turn" {
            self.restore_mark.set(restored.agent, self.spec.id.clone()).unwrap_or_else(warn);
            return self.lost("the first prompt after the restore ended at once and without any work");
        } else {
            self.restored = Some(restored);
        }
        Ok(())
    }
}
