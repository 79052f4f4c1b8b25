//! Journals of agent sessions, as a shim writes them.

use controlplane::sessions::ingest::{self, Ack, Batch, Entry, Received};
use mc_api::id::{NodeId, SessionId};
use mc_journal::Kind;
use serde_json::{Value, json};

use crate::harness::TestApp;

/// Writes a journal as a shim would.
pub(crate) struct Journal {
    pub(crate) session: SessionId,
    pub(crate) entries: Vec<Entry>,
}

impl Journal {
    pub(crate) fn of(session: &Value) -> Self {
        Self { session: session["id"].as_str().unwrap().parse().unwrap(), entries: Vec::new() }
    }

    pub(crate) fn raw(&mut self, kind: u32, payload: &[u8]) -> u64 {
        let seq = self.entries.len() as u64 + 1;
        self.entries.push(Entry {
            seq,
            seq_hi: 0,
            kind,
            flags: 0,
            wall_us: 1_800_000_000_000_000,
            payload: payload.to_vec(),
            crc32c: crc32c::crc32c(payload),
        });
        seq
    }

    pub(crate) fn add(&mut self, kind: Kind, payload: &Value) -> u64 {
        self.raw(kind.code().into(), payload.to_string().as_bytes())
    }

    pub(crate) fn state(&mut self, state: &str) {
        self.add(Kind::State, &json!({"state": state}));
    }

    pub(crate) fn begin(&mut self) {
        self.state("starting");
        self.add(Kind::Epoch, &json!({"event": "started", "epoch": 1, "pid": 4711}));
        self.add(
            Kind::Epoch,
            &json!({"event": "opened", "epoch": 1, "agent_session": "a-1", "how": "new", "replayed": 0}),
        );
        self.state("idle");
    }

    pub(crate) fn sent(&mut self, op: &str) {
        let line = json!({"params": {"prompt": [{"type": "text", "text": "go"}]}});
        self.add(Kind::PromptSent, &json!({"op_id": op, "turn": 1, "rpc_id": 1, "line": line}));
        self.state("running");
    }

    pub(crate) fn say(&mut self, text: &str) {
        let update =
            json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}});
        self.add(Kind::In, &json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "a-1", "update": update}}));
    }

    pub(crate) fn ask(&mut self) -> String {
        let id = format!("p-1-{}", self.entries.len() + 1);
        let option = |id: &str, kind: &str| json!({"optionId": id, "name": id, "kind": kind});
        let options = json!([
            option("yes", "allow_once"),
            option("always", "allow_always"),
            option("no", "reject_once")
        ]);
        let request = json!({"sessionId": "a-1", "toolCall": {"title": "write result", "toolCallId": "c", "rawInput": {"x": 1.5}}, "options": options});
        self.add(Kind::PermOpen, &json!({"id": id, "rpc_id": 9, "options": options, "request": request}));
        id
    }

    pub(crate) fn answer(&mut self, id: &str, op: Option<&str>) {
        self.add(Kind::PermAnswer, &json!({"id": id, "outcome": "selected", "option": "yes", "op_id": op}));
    }

    pub(crate) fn done(&mut self, op: &str, outcome: &str) {
        self.add(Kind::OpDone, &json!({"op_id": op, "turn": 1, "outcome": outcome}));
        self.state("idle");
    }

    pub(crate) fn from(&self, first: u64) -> Batch {
        let entries = self.entries.iter().filter(|entry| entry.seq >= first).cloned().collect();
        Batch { session: self.session, fence: 1, entries }
    }

    pub(crate) async fn send(&self, app: &TestApp, node: NodeId) -> Ack {
        acked(ingest::batch(app.app(), node, &self.from(1)).await.unwrap())
    }
}

#[track_caller]
pub(crate) fn acked(received: Received) -> Ack {
    match received {
        Received::Acked(ack) => ack,
        Received::Refused(why) => panic!("refused: {why}"),
    }
}
