//! The few records that move a session's state, read leniently.

use mc_acp::Message;
use mc_acp::view::{Modes, Update, UpdateKind};
use mc_journal::{Kind, Record};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One choice of a permission request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PermissionOption {
    /// Id to answer with.
    #[serde(rename = "optionId")]
    pub option_id: String,
    /// Label.
    #[serde(default)]
    pub name: String,
    /// `allow_once`, `allow_always`, `reject_once`, `reject_always`, or newer words.
    #[serde(default)]
    pub kind: String,
}

/// What a command was, as far as it matters afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A prompt was queued.
    Prompt,
    /// A queued prompt, by its op id, was taken back.
    RemoveQueued(String),
    /// Anything else.
    Other,
}

/// What a record changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// A command got its answer.
    Answered {
        /// Id of the command.
        op_id: String,
        /// The command.
        command: Command,
        /// `ok`, or why not.
        code: String,
    },
    /// A prompt goes to the agent.
    PromptSent {
        /// Id of the command that queued it.
        op_id: String,
        /// The prompt's text blocks, joined by newlines.
        text: String,
    },
    /// Words of the agent.
    Message(String),
    /// A turn is over.
    TurnEnd {
        /// Id of the command that queued the prompt.
        op_id: String,
        /// The agent's stop reason, or `error`, or `interrupted`.
        outcome: String,
    },
    /// The agent asks for a permission.
    PermissionOpen {
        /// `p-<epoch>-<seq>`.
        id: String,
        /// The choices.
        options: Vec<PermissionOption>,
        /// What it wants to do, as the agent wrote it.
        tool_call: Value,
    },
    /// A permission has its one answer.
    PermissionAnswer {
        /// Id of the request.
        id: String,
        /// The chosen option; absent: declined, or void.
        option: Option<String>,
        /// Id of the command that answered; absent: nobody did.
        op_id: Option<String>,
    },
    /// The published state from here on.
    State {
        /// The state's word.
        state: String,
        /// Why.
        reason: Option<String>,
    },
    /// A new agent process.
    AgentStarted {
        /// Its number, from 1.
        epoch: i64,
        /// Its process id.
        pid: i64,
    },
    /// The agent has the session.
    AgentOpened {
        /// The agent's own session id.
        agent_session: String,
        /// The modes that it offers.
        modes: Option<Modes>,
    },
    /// The agent works in this mode from here on.
    Mode(String),
    /// The agent process is gone.
    AgentExited,
}

#[derive(Deserialize)]
struct Answer {
    request: Request,
    result: CodeOnly,
}
#[derive(Deserialize)]
struct Request {
    op_id: String,
    op: String,
    #[serde(default)]
    prompt: Option<String>,
}
#[derive(Deserialize)]
struct CodeOnly {
    code: String,
}
#[derive(Deserialize)]
struct Sent {
    op_id: String,
    #[serde(default)]
    line: Value,
}
#[derive(Deserialize)]
struct Done {
    op_id: String,
    outcome: String,
}
#[derive(Deserialize)]
struct Open {
    id: String,
    options: Vec<PermissionOption>,
    #[serde(default)]
    request: Value,
}
#[derive(Deserialize)]
struct Answered {
    id: String,
    #[serde(default)]
    option: Option<String>,
    #[serde(default)]
    op_id: Option<String>,
}
#[derive(Deserialize)]
struct Change {
    state: String,
    #[serde(default)]
    reason: Option<String>,
}
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Epoch {
    Started {
        epoch: i64,
        pid: i64,
    },
    Opened {
        agent_session: String,
        #[serde(default)]
        modes: Option<Modes>,
    },
    Mode {
        mode: String,
    },
    Exited {},
}

fn read<T: DeserializeOwned>(record: &Record) -> Option<T> {
    serde_json::from_slice(&record.payload).ok()
}

/// The text of ACP content blocks.
fn text_of(prompt: &Value) -> String {
    let blocks = prompt.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    texts.join("\n")
}

impl Signal {
    /// The signal of a record, if it has one that can be read.
    pub fn of(record: &Record) -> Option<Self> {
        Some(match record.kind {
            Kind::In => return message(&record.payload),
            Kind::Op => {
                let Answer { request, result } = read(record)?;
                let command = match (request.op.as_str(), request.prompt) {
                    ("prompt", _) => Command::Prompt,
                    ("remove_queued", Some(prompt)) => Command::RemoveQueued(prompt),
                    _ => Command::Other,
                };
                Self::Answered { op_id: request.op_id, command, code: result.code }
            }
            Kind::PromptSent => {
                let sent: Sent = read(record)?;
                Self::PromptSent { op_id: sent.op_id, text: text_of(&sent.line["params"]["prompt"]) }
            }
            Kind::OpDone => {
                let Done { op_id, outcome } = read(record)?;
                Self::TurnEnd { op_id, outcome }
            }
            Kind::PermOpen => {
                let mut open: Open = read(record)?;
                let tool_call = crate::event::taken(&mut open.request, "/toolCall");
                Self::PermissionOpen { id: open.id, options: open.options, tool_call }
            }
            Kind::PermAnswer => {
                let Answered { id, option, op_id } = read(record)?;
                Self::PermissionAnswer { id, option, op_id }
            }
            Kind::State => {
                let Change { state, reason } = read(record)?;
                Self::State { state, reason }
            }
            Kind::Epoch => match read(record)? {
                Epoch::Started { epoch, pid } => Self::AgentStarted { epoch, pid },
                Epoch::Opened { agent_session, modes } => Self::AgentOpened { agent_session, modes },
                Epoch::Mode { mode } => Self::Mode(mode),
                Epoch::Exited {} => Self::AgentExited,
            },
            // Newer kinds of record are for newer readers.
            _ => return None,
        })
    }
}

fn message(line: &[u8]) -> Option<Signal> {
    let Ok(Message::Notification { method, params }) = Message::parse(line) else { return None };
    if method != "session/update" {
        return None;
    }
    let update = Update::read(params)?;
    match update.kind {
        UpdateKind::Message => update.text().map(|text| Signal::Message(text.to_owned())),
        UpdateKind::UserMessage
        | UpdateKind::Thought
        | UpdateKind::ToolCall
        | UpdateKind::Plan
        | UpdateKind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_journal::Stamp;

    fn signal(kind: Kind, payload: &[u8]) -> Option<Signal> {
        Signal::of(&Record { seq: 1, stamp: Stamp::default(), kind, flags: 0, payload: payload.to_vec() })
    }

    #[test]
    fn control_records_are_read() {
        let sent = br#"{"op_id":"a","turn":1,"rpc_id":3,"line":{"params":{"prompt":[{"type":"text","text":"x"},{"type":"text","text":"y"}]}}}"#;
        assert_eq!(
            signal(Kind::PromptSent, sent),
            Some(Signal::PromptSent { op_id: "a".into(), text: "x\ny".into() })
        );
        let removed = br#"{"hash":"","request":{"op_id":"b","actor":"u","op":"remove_queued","prompt":"a"},"result":{"op_id":"b","code":"ok"}}"#;
        assert_eq!(
            signal(Kind::Op, removed),
            Some(Signal::Answered {
                op_id: "b".into(),
                command: Command::RemoveQueued("a".into()),
                code: "ok".into()
            })
        );
        let opened = br#"{"event":"opened","epoch":1,"agent_session":"a","how":"new","replayed":0,"modes":{"currentModeId":"code","availableModes":[{"id":"code"},{"id":"plan","name":"Plan"}]}}"#;
        let Some(Signal::AgentOpened { modes: Some(modes), .. }) = signal(Kind::Epoch, opened) else {
            panic!("no modes")
        };
        assert!(modes.current == "code" && modes.offers("plan") && !modes.offers("loud"));
        assert_eq!(
            signal(Kind::Epoch, br#"{"event":"mode","epoch":1,"mode":"plan"}"#),
            Some(Signal::Mode("plan".into()))
        );
        assert_eq!(
            signal(Kind::Epoch, br#"{"event":"exited","epoch":1,"status":"0"}"#),
            Some(Signal::AgentExited)
        );
    }

    #[test]
    fn no_bytes_upset_it() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(signal(Kind::PermOpen, br#"{"id":"p","options":[],"request":[1]}"#).is_some());
        assert!(signal(Kind::PromptSent, br#"{"op_id":"p","line":[1]}"#).is_some());
        for bytes in [&b""[..], b"\xff\xfe", b"{}", b"null", b"[1]", br#"{"id":5,"options":7}"#, &deep] {
            for kind in Kind::ALL {
                assert_eq!(signal(*kind, bytes), None, "{kind:?}");
            }
            assert_eq!(signal(Kind::Unknown(200), bytes), None);
        }
    }
}
