//! Commands: deduplicated, decided, recorded, then answered.

use std::collections::BTreeMap;

use mc_journal::Kind;
use serde_json::Value;

use super::Error;
use super::core::{Core, Phase};
use super::ending::Then;
use crate::payload::{OpRecord, PermAnswer, PermOutcome};
use crate::protocol::{Code, Decision, Op, OpRequest, OpResult};

impl Core {
    /// Carries a command out at most once. The answer is durable before it is given.
    pub(super) fn on_op(&mut self, request: OpRequest) -> Result<OpResult, Error> {
        let hash = hash(&request.op)?;
        let unavailable = |op_id: &str| OpResult {
            op_id: op_id.to_owned(),
            code: Code::Unavailable,
            winner: None,
            at_seq: 0,
        };
        if let Some(known) = self.model.known_op(&request.op_id) {
            if known.result.at_seq > self.journal.durable_seq() {
                return Ok(unavailable(&request.op_id));
            }
            return Ok(if known.hash == hash {
                known.result.clone()
            } else {
                OpResult { op_id: request.op_id, code: Code::OpIdReused, winner: None, at_seq: 0 }
            });
        }
        let (code, winner) = self.decide(&request.op);
        let mut result = OpResult { op_id: request.op_id.clone(), code, winner, at_seq: 0 };
        if code == Code::Unavailable {
            // Not recorded: the same command may succeed later.
            return Ok(result);
        }
        let record = OpRecord { hash, request, result: result.clone() };
        result.at_seq = self.record(Kind::Op, &record)?;
        let is_durable = self.sync()?;
        if code == Code::Ok {
            self.effect(record.request)?;
        }
        // Asked again with the same id, the answer is given once the record is durable.
        Ok(if is_durable { result } else { unavailable(&result.op_id) })
    }

    fn decide(&self, op: &Op) -> (Code, Option<String>) {
        let is_stopping = self.model.stop_requested || matches!(self.phase, Phase::Finished);
        let code = match op {
            Op::Stop => Code::Ok,
            _ if is_stopping => Code::Unavailable,
            Op::Prompt { .. } if self.room.is_full() => Code::Unavailable,
            Op::Prompt { blocks } if blocks.is_empty() => Code::Invalid,
            Op::Prompt { .. } => Code::Ok,
            Op::RemoveQueued { prompt } => {
                let is_queued = self.model.queue.iter().any(|queued| queued.op_id == *prompt);
                if is_queued || self.is_running(prompt) { Code::Ok } else { Code::NotFound }
            }
            Op::Cancel if self.model.turn.is_some() => Code::Ok,
            Op::Cancel => Code::NotFound,
            Op::AnswerPermission { permission, option } => {
                let Some(known) = self.model.permissions.get(permission) else {
                    return (Code::NotFound, None);
                };
                if !known.is_open {
                    return (Code::AlreadyAnswered, known.winner.clone());
                }
                let is_offered =
                    option.as_ref().is_none_or(|option| known.options.iter().any(|o| o.option_id == *option));
                if is_offered { Code::Ok } else { Code::Invalid }
            }
            Op::SetMode { mode } => {
                let is_offered = self.model.modes.as_ref().is_some_and(|modes| modes.offers(mode));
                if is_offered { Code::Ok } else { Code::Invalid }
            }
            Op::Decide { .. } if matches!(self.phase, Phase::NeedsDecision) => Code::Ok,
            Op::Decide { .. } => Code::Invalid,
        };
        (code, None)
    }

    /// Whether the running turn is this prompt's.
    fn is_running(&self, prompt: &str) -> bool {
        self.model.turn.as_ref().is_some_and(|turn| turn.op_id == prompt)
    }

    fn effect(&mut self, request: OpRequest) -> Result<(), Error> {
        match request.op {
            // It went to the agent before it could be taken back.
            Op::RemoveQueued { prompt } if self.is_running(&prompt) => self.request_cancel(),
            Op::Cancel => self.request_cancel(),
            Op::AnswerPermission { permission, option } => {
                self.answer_permission(&permission, option, Some(request.op_id))
            }
            Op::SetMode { mode } if matches!(self.phase, Phase::Serving) => self.send_mode(mode),
            // The queue is state: the next look at it acts. An agent that does not serve is told its mode when it does.
            Op::Prompt { .. } | Op::RemoveQueued { .. } | Op::SetMode { .. } => Ok(()),
            Op::Decide { decision: Decision::Retry } => self.begin_restore(),
            Op::Decide { decision: Decision::NewSession } => self.open_new_session(),
            Op::Stop => {
                self.cancel_permissions()?;
                self.begin_ending(Then::Stop);
                Ok(())
            }
        }
    }

    /// Answers an open permission; the record is durable before the line leaves.
    pub(super) fn answer_permission(
        &mut self,
        id: &str,
        option: Option<String>,
        op_id: Option<String>,
    ) -> Result<(), Error> {
        let Some(permission) = self.model.permissions.get(id).filter(|permission| permission.is_open) else {
            return Ok(());
        };
        let (line, outcome) = match &option {
            Some(option) => {
                (mc_acp::outgoing::permission_selected(&permission.rpc_id, option), PermOutcome::Selected)
            }
            None => (mc_acp::outgoing::permission_cancelled(&permission.rpc_id), PermOutcome::Cancelled),
        };
        let raw = serde_json::value::RawValue::from_string(line.clone()).map_err(std::io::Error::other)?;
        let answer = PermAnswer { id: id.to_owned(), outcome, option, op_id, line: Some(raw) };
        self.record(Kind::PermAnswer, &answer)?;
        self.write_after_sync(line)
    }

    /// Answers every open permission `cancelled`, as the protocol asks when a turn is cancelled.
    pub(super) fn cancel_permissions(&mut self) -> Result<(), Error> {
        for (id, _) in self.model.open_permissions() {
            self.answer_permission(&id, None, None)?;
        }
        Ok(())
    }
}

/// The value with its keys in order, however this build of the JSON library keeps them.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<String, Value> =
                fields.into_iter().map(|(k, v)| (k, canonical(v))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        other => other,
    }
}

/// SHA-256 of the command itself, in hex.
fn hash(op: &Op) -> Result<String, Error> {
    use std::fmt::Write;
    let bytes = canonical(serde_json::to_value(op).map_err(std::io::Error::other)?).to_string();
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes.as_bytes());
    Ok(digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_depends_on_content_and_not_on_key_order() {
        let prompt =
            |block: &str| hash(&Op::Prompt { blocks: vec![serde_json::from_str(block).unwrap()] }).unwrap();
        assert_eq!(prompt(r#"{"type":"text","text":"a"}"#), prompt(r#"{"text":"a","type":"text"}"#));
        assert_ne!(prompt(r#"{"type":"text","text":"a"}"#), prompt(r#"{"text":"b","type":"text"}"#));
    }
}
