//! The pure rules of agent sessions and their turns.

use mc_api::ProblemKind;
use mc_api::id::{OrganizationId, SessionId};
use mc_api::session::{AgentSession, SessionState, Turn, TurnState};
use mc_api::task::Task;
use mc_transcript::PermissionOption;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// At most this many bytes of a turn's message.
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// At most this many bytes of a prompt.
pub(crate) const MAX_PROMPT_BYTES: usize = 256 * 1024;
/// At most this many bytes of the id that a node gives a permission.
pub(super) const MAX_PERMISSION: usize = 128;
/// An id of a mode is at most this long.
pub(super) const MAX_MODE: usize = 128;
/// At most this many prompts wait in one session.
pub(crate) const MAX_QUEUED: i64 = 100;

/// An agent session with what is never shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// What everybody in scope may see.
    pub session: AgentSession,
    pub(crate) organization: OrganizationId,
    /// Made by a node for a task: stopped when the task is over.
    pub(crate) is_unattended: bool,
    pub(crate) is_stop_wanted: bool,
    /// After an interruption the node sends one marked prompt instead of waiting for a person.
    pub(crate) continues: bool,
    /// Counts what was wanted of it. 1: as it was opened; the scheduler counts each placement.
    pub(crate) generation: i64,
    pub(crate) observed_generation: i64,
    pub(crate) fence: i64,
    pub(crate) turn_count: i64,
}

impl Record {
    /// Whether its node has certainly not started it: it got no leave to, and said nothing of it.
    pub(crate) fn is_untaken(&self) -> bool {
        self.session.state == SessionState::Starting
            && self.observed_generation == 0
            && self.session.last_seq == 0
            && self.session.epoch == 0
    }
}

/// A turn with what is never shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredTurn {
    /// What everybody in scope may see.
    pub turn: Turn,
    pub(crate) organization: OrganizationId,
    /// Id of the command that queued the prompt.
    pub(crate) op_id: String,
    /// What the turn meant for the session's task is done.
    pub(crate) is_settled: bool,
}

/// An option as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offered {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
}

impl From<&PermissionOption> for Offered {
    fn from(option: &PermissionOption) -> Self {
        Self { id: option.option_id.clone(), name: option.name.clone(), kind: option.kind.clone() }
    }
}

/// Text of an agent or node as a text column takes it: without NUL, cut at a character.
pub(crate) fn clean(text: &str, max_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_bytes));
    append(&mut out, text, max_bytes);
    out
}

/// Appends as [`clean`] would, up to a total.
pub(crate) fn append(out: &mut String, text: &str, max_bytes: usize) {
    for character in text.chars().filter(|character| *character != '\0') {
        if out.len() + character.len_utf8() > max_bytes {
            return;
        }
        out.push(character);
    }
}

/// The first prompt of a session that was started for a task. Lines of the description stay as they are.
pub(crate) fn task_prompt(task: &Task) -> String {
    let mut text = format!("Task {}: {}\n", task.key, task.title);
    for (head, part) in [("", &task.description), ("Done when:\n", &task.definition_of_done)] {
        if !part.trim().is_empty() {
            text.extend(["\n", head, part.trim_end(), "\n"]);
        }
    }
    text
}

/// The option that a decision means; `None`: declined.
///
/// # Errors
/// [`ProblemKind::Validation`] that names `/option`.
pub(crate) fn choose(
    options: &[Offered],
    approve: bool,
    wanted: Option<&str>,
) -> Result<Option<String>, Error> {
    let list = || {
        let offered: Vec<String> = options.iter().map(|o| format!("{} ({})", o.id, o.kind)).collect();
        if offered.is_empty() { "none".to_owned() } else { offered.join(", ") }
    };
    let refuse = |why: String| Err(Error::invalid("/option", why));
    if let Some(wanted) = wanted {
        let Some(option) = options.iter().find(|option| option.id == wanted) else {
            let wanted: String = wanted.chars().take(128).collect();
            return refuse(format!("{wanted:?} is not offered; the agent offers {}", list()));
        };
        return match (approve, option.kind.as_str()) {
            (true, "reject_once" | "reject_always") => {
                refuse(format!("{:?} rejects; decide against the approval to choose it", option.id))
            }
            (false, "allow_once" | "allow_always") => {
                refuse(format!("{:?} allows; decide for the approval to choose it", option.id))
            }
            _ => Ok(Some(option.id.clone())),
        };
    }
    let kinds = if approve { ["allow_once", "allow_always"] } else { ["reject_once", "reject_always"] };
    let found = kinds.iter().find_map(|kind| options.iter().find(|option| option.kind == *kind));
    match (found, approve) {
        (Some(option), _) => Ok(Some(option.id.clone())),
        (None, false) => Ok(None),
        (None, true) => refuse(format!("no option is known to allow; name one of {}", list())),
    }
}

/// What the end of a turn means for the task that the session works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The work is complete; the turn's message is the result.
    Complete,
    /// The attempt failed.
    Fail { retryable: bool },
    /// The claim is given back.
    Release,
    /// The work goes on.
    GoesOn,
}

/// Reads the end of a turn.
pub(crate) fn meaning(record: &Record, ended: &StoredTurn) -> Meaning {
    // A later prompt that never came to the agent says nothing of the work; the task's own prompt is the first.
    if ended.turn.first_seq.is_none() && ended.turn.number > 1 {
        return Meaning::GoesOn;
    }
    match ended.turn.state {
        TurnState::Done => match ended.turn.stop_reason.as_deref() {
            Some("end_turn") => Meaning::Complete,
            Some("refusal" | "max_tokens" | "max_turn_requests") => Meaning::Fail { retryable: false },
            _ => Meaning::Fail { retryable: true },
        },
        TurnState::Cancelled => Meaning::Release,
        TurnState::Failed => Meaning::Fail { retryable: true },
        // The node continues once by itself; a continuation that is interrupted too is not continued.
        TurnState::Interrupted if record.is_unattended && ended.op_id.starts_with("continue-") => {
            Meaning::Fail { retryable: true }
        }
        TurnState::Queued | TurnState::Running | TurnState::Interrupted => Meaning::GoesOn,
    }
}

impl Record {
    /// The session's id.
    pub(crate) fn id(&self) -> SessionId {
        self.session.id
    }

    /// Refuses what a session that ends or has ended cannot take.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidTransition`].
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.session.state.is_terminal() || self.is_stop_wanted {
            let word =
                if self.session.state.is_terminal() { self.session.state.as_str() } else { "stopping" };
            return Err(Error::new(
                ProblemKind::InvalidTransition,
                format!("agent session {} is {word}", self.session.id),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(kinds: &[&str]) -> Vec<Offered> {
        let option =
            |kind: &&str| Offered { id: format!("id-{kind}"), name: String::new(), kind: (*kind).into() };
        kinds.iter().map(option).collect()
    }

    #[test]
    fn the_mildest_option_is_chosen_and_only_offered_ones() {
        let all = offered(&["allow_always", "allow_once", "reject_always", "reject_once", "newer"]);
        assert_eq!(choose(&all, true, None).unwrap().as_deref(), Some("id-allow_once"));
        assert_eq!(choose(&all, false, None).unwrap().as_deref(), Some("id-reject_once"));
        assert_eq!(choose(&all[..1], true, None).unwrap().as_deref(), Some("id-allow_always"));
        assert_eq!(choose(&all[..1], false, None).unwrap(), None);
        assert_eq!(choose(&all, true, Some("id-newer")).unwrap().as_deref(), Some("id-newer"));
        for (approve, wanted) in
            [(true, Some("x")), (true, Some("id-reject_once")), (false, Some("id-allow_once"))]
        {
            let error = choose(&all, approve, wanted).unwrap_err();
            assert_eq!(error.errors[0].pointer, "/option");
        }
        assert_eq!(choose(&all[2..4], true, None).unwrap_err().errors[0].pointer, "/option");
    }

    #[test]
    fn text_is_cut_at_characters_and_has_no_nul() {
        assert_eq!(clean("a\0äb", 3), "aä");
        assert_eq!(clean("äää", 3), "ä");
    }
}
