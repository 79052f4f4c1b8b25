//! Permission requests. Anything but a clear permission is none.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Turn;
use crate::language::Choice;
use crate::rpc::RpcError;
use crate::wire::Event;

/// How long a cancelled turn waits for the answer that ACP obliges the client to give.
const ANSWER_AFTER_CANCEL: Duration = Duration::from_secs(5);

/// What the client said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Allowed,
    Rejected,
    Cancelled,
    Failed(String),
}

impl Turn {
    /// Announces a tool call, asks for it, and tells how it went.
    pub(super) fn ask(&mut self, title: &str, options: &[Choice]) -> Answer {
        let call = self.session.next_tool_call();
        self.update(json!({
            "sessionUpdate": "tool_call", "toolCallId": call, "title": title, "kind": "other", "status": "pending",
        }));
        let offered: Vec<_> = options
            .iter()
            .map(|choice| json!({"optionId": choice.as_str(), "name": choice.label(), "kind": choice.as_str()}))
            .collect();
        let params = json!({
            "sessionId": self.session.id,
            "toolCall": {"toolCallId": call, "title": title, "kind": "other", "status": "pending"},
            "options": offered,
        });
        let id = self.agent.wire.request("session/request_permission", &params, self.sender.clone());
        let answer = self.answer(id, options);
        let status = if answer == Answer::Allowed { "completed" } else { "failed" };
        self.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": call, "status": status}));
        answer
    }

    fn answer(&mut self, wanted: u64, options: &[Choice]) -> Answer {
        let mut deadline = None;
        loop {
            match self.wait(deadline) {
                Some(Event::Client { id, outcome }) if id == wanted => return read(outcome, options),
                None if self.cancelled && deadline.is_none() => {
                    deadline = Some(Instant::now() + ANSWER_AFTER_CANCEL);
                }
                None if deadline.is_some_and(|at| Instant::now() >= at) => return Answer::Cancelled,
                Some(_) | None => {}
            }
        }
    }
}

fn read(outcome: Result<Value, RpcError>, options: &[Choice]) -> Answer {
    let result = match outcome {
        Ok(result) => result,
        Err(e) => return Answer::Failed(e.to_string()),
    };
    let outcome = &result["outcome"];
    match outcome["outcome"].as_str() {
        Some("cancelled") => Answer::Cancelled,
        Some("selected") => {
            let word = outcome["optionId"].as_str().unwrap_or_default();
            match Choice::find(word).filter(|choice| options.contains(choice)) {
                Some(choice) if choice.allows() => Answer::Allowed,
                Some(_) => Answer::Rejected,
                None => Answer::Failed(format!("option {word:?} was not offered")),
            }
        }
        _ => Answer::Failed(format!("the answer has no known outcome: {result}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_offered_option_that_allows_is_a_permission() {
        let answer = |outcome: Value| read(Ok(json!({ "outcome": outcome })), &Choice::DEFAULT);
        let selected = |id: &str| answer(json!({"outcome": "selected", "optionId": id}));
        assert_eq!(selected("allow_once"), Answer::Allowed);
        assert_eq!(selected("allow_always"), Answer::Allowed);
        assert_eq!(selected("reject_once"), Answer::Rejected);
        assert!(matches!(selected("reject_always"), Answer::Failed(_)));
        assert!(matches!(selected("allow"), Answer::Failed(_)));
        assert_eq!(answer(json!({"outcome": "cancelled"})), Answer::Cancelled);
        assert!(matches!(answer(json!("selected")), Answer::Failed(_)));
        assert!(matches!(read(Err(RpcError::new(-1, "no")), &Choice::DEFAULT), Answer::Failed(_)));
    }
}
