//! Events of a session as people and the control plane see them: the journal, folded record by record.
//!
//! Folding is stateless, so reading may begin at any sequence. Records that only serve the protocol (raw
//! output, handshakes) have no event; their sequence numbers are skipped.

use mc_acp::Message;
use mc_acp::view::{Update, UpdateKind};
use mc_journal::{Kind, Record, flag};
use serde::Serialize;
use serde_json::{Value, json};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Position in the journal.
    pub seq: u64,
    /// Microseconds since 1970.
    pub time_us: i64,
    /// `prompt message thought tool_call plan permission_open permission_answer turn_end state interrupted
    /// gap context_lost stderr other`.
    pub kind: &'static str,
    /// Content; its form depends on the kind.
    pub body: Value,
}

impl Event {
    /// The event of a record, if it has one.
    pub fn of(record: &Record) -> Option<Self> {
        let (kind, body) = fold(record)?;
        Some(Self { seq: record.seq, time_us: record.stamp.wall_us, kind, body })
    }
}

fn fold(record: &Record) -> Option<(&'static str, Value)> {
    let json = || serde_json::from_slice::<Value>(&record.payload).unwrap_or_default();
    Some(match record.kind {
        Kind::In => return fold_line(&record.payload),
        Kind::PromptSent => {
            let mut sent = json();
            let prompt = taken(&mut sent, "/line/params/prompt");
            ("prompt", json!({"turn": sent["turn"], "op_id": sent["op_id"], "prompt": prompt}))
        }
        Kind::OpDone => {
            let done = json();
            (if done["outcome"] == "interrupted" { "interrupted" } else { "turn_end" }, done)
        }
        Kind::PermOpen => {
            let mut open = json();
            let tool_call = taken(&mut open, "/request/toolCall");
            ("permission_open", json!({"id": open["id"], "options": open["options"], "tool_call": tool_call}))
        }
        Kind::PermAnswer => {
            let mut answer = json();
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("line");
            }
            ("permission_answer", answer)
        }
        Kind::State => ("state", json()),
        Kind::Gap => ("gap", json()),
        Kind::ContextLost => ("context_lost", json()),
        Kind::Stderr => {
            let is_garbage = record.flags & flag::GARBAGE != 0;
            let text = String::from_utf8_lossy(&record.payload);
            ("stderr", json!({"text": text, "is_garbage": is_garbage}))
        }
        Kind::Epoch | Kind::Limit => ("other", json()),
        _ => return None,
    })
}

/// Takes a member out; `null` when it is not there, or what should hold it is of another form.
pub(crate) fn taken(value: &mut Value, pointer: &str) -> Value {
    value.pointer_mut(pointer).map(Value::take).unwrap_or_default()
}

fn fold_line(line: &[u8]) -> Option<(&'static str, Value)> {
    match Message::parse(line).ok()? {
        Message::Notification { method, params } if method == "session/update" => {
            let Some(update) = Update::read(params) else {
                return Some(("other", serde_json::from_str(params.get()).unwrap_or_default()));
            };
            let kind = match update.kind {
                UpdateKind::Message => "message",
                UpdateKind::Thought => "thought",
                UpdateKind::ToolCall => "tool_call",
                UpdateKind::Plan => "plan",
                UpdateKind::UserMessage | UpdateKind::Other => "other",
            };
            Some((kind, update.raw))
        }
        Message::Notification { .. } | Message::Request { .. } => {
            Some(("other", serde_json::from_slice(line).unwrap_or_default()))
        }
        Message::Response { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_journal::Stamp;

    fn kind(kind: Kind, payload: &str) -> Option<&'static str> {
        let payload = payload.as_bytes().to_vec();
        Event::of(&Record { seq: 1, stamp: Stamp::default(), kind, flags: 0, payload })
            .map(|event| event.kind)
    }

    #[test]
    fn no_bytes_upset_it() {
        for payload in [
            "",
            "null",
            "[1]",
            "7",
            "\"x\"",
            r#"{"line":[1],"request":[2],"id":3}"#,
            r#"{"line":{"params":4}}"#,
        ] {
            for known in Kind::ALL {
                let _whatever = kind(*known, payload);
            }
        }
    }

    #[test]
    fn records_fold_to_published_kinds() {
        let update = |word: &str| {
            format!(r#"{{"method":"session/update","params":{{"update":{{"sessionUpdate":"{word}"}}}}}}"#)
        };
        assert_eq!(kind(Kind::In, &update("agent_message_chunk")), Some("message"));
        assert_eq!(kind(Kind::In, &update("tool_call_update")), Some("tool_call"));
        assert_eq!(kind(Kind::In, &update("usage_update")), Some("other"));
        assert_eq!(kind(Kind::In, r#"{"id":1,"result":{}}"#), None);
        assert_eq!(kind(Kind::OpDone, r#"{"outcome":"interrupted"}"#), Some("interrupted"));
        assert_eq!(kind(Kind::OpDone, r#"{"outcome":"end_turn"}"#), Some("turn_end"));
        assert_eq!(kind(Kind::Out, "{}"), None);
    }
}
