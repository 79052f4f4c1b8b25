//! What the journal says about a session, as pure state.
//!
//! [`Model::apply`] is the only way it changes, both while the shim runs and when the journal is read back, so
//! a restart ends in the same state. It does no I/O and reads no clock.

use std::collections::{BTreeMap, HashMap, VecDeque};

use mc_acp::Id;
use mc_acp::view::{Modes, PermissionOption};
use mc_journal::{Kind, Record};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::payload::{EpochEvent, OpDone, OpRecord, PermAnswer, PermOpen, PromptSent, StateChange};
use crate::protocol::{Code, Op, OpResult, SessionState};

/// Command ids remembered for deduplication.
const OPS_KEPT: usize = 4096;
/// Answered permissions remembered, so that a late answer learns the winner.
const PERMISSIONS_KEPT: usize = 256;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct QueuedPrompt {
    pub(super) op_id: String,
    pub(super) blocks: Vec<Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) number: u64,
    pub(super) op_id: String,
    pub(super) rpc_id: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Permission {
    pub(super) rpc_id: Id,
    pub(super) options: Vec<PermissionOption>,
    pub(super) seq: u64,
    pub(super) is_open: bool,
    /// Command that answered; `None` while open and when no command did.
    pub(super) winner: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KnownOp {
    pub(super) hash: String,
    pub(super) result: OpResult,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Model {
    pub(super) epoch: u64,
    pub(super) agent_session: Option<String>,
    pub(super) turns: u64,
    pub(super) turn: Option<Turn>,
    pub(super) queue: VecDeque<QueuedPrompt>,
    pub(super) permissions: BTreeMap<String, Permission>,
    pub(super) state: Option<StateChange>,
    pub(super) is_agent_running: bool,
    pub(super) stop_requested: bool,
    /// The modes that the agent offers, with the one in force as it said.
    #[serde(default)]
    pub(super) modes: Option<Modes>,
    /// The mode that it is to work in; absent: whichever it begins with.
    #[serde(default)]
    pub(super) mode: Option<String>,
    ops: HashMap<String, KnownOp>,
    ops_order: VecDeque<String>,
}

impl Model {
    pub(super) fn apply(&mut self, record: &Record) {
        match record.kind {
            Kind::Op => self.with(record, Self::apply_op),
            Kind::OpDone => self.with(record, |model, _, done: OpDone| {
                if model.turn.as_ref().is_some_and(|turn| turn.number == done.turn) {
                    model.turn = None;
                }
            }),
            Kind::PromptSent => self.with(record, |model, _, sent: PromptSent| {
                model.queue.retain(|queued| queued.op_id != sent.op_id);
                model.turns = sent.turn;
                model.turn = Some(Turn { number: sent.turn, op_id: sent.op_id, rpc_id: sent.rpc_id });
            }),
            Kind::PermOpen => self.with(record, |model, record, open: PermOpen| {
                let (rpc_id, options, seq) = (open.rpc_id, open.options, record.seq);
                let permission = Permission { rpc_id, options, seq, is_open: true, winner: None };
                model.permissions.insert(open.id, permission);
            }),
            Kind::PermAnswer => self.with(record, |model, _, answer: PermAnswer| {
                if let Some(permission) = model.permissions.get_mut(&answer.id) {
                    permission.is_open = false;
                    permission.winner = answer.op_id;
                }
                model.forget_permissions();
            }),
            Kind::State => self.with(record, |model, _, change: StateChange| model.state = Some(change)),
            Kind::Epoch => self.with(record, |model, _, event: EpochEvent| match event {
                EpochEvent::Started { epoch, .. } => {
                    model.epoch = epoch;
                    model.is_agent_running = true;
                }
                EpochEvent::Opened { agent_session, modes, .. } => {
                    model.agent_session = Some(agent_session);
                    model.modes = modes.or(model.modes.take());
                }
                EpochEvent::Mode { mode, .. } => {
                    if let Some(modes) = &mut model.modes {
                        modes.current.clone_from(&mode);
                    }
                    model.mode = Some(mode);
                }
                EpochEvent::ModeRefused { .. } => {
                    model.mode = model.modes.as_ref().map(|modes| modes.current.clone());
                }
                EpochEvent::Exited { .. } => model.is_agent_running = false,
            }),
            Kind::Checkpoint => self.with(record, |model, _, saved: Self| *model = saved),
            Kind::In
            | Kind::Out
            | Kind::Gap
            | Kind::ContextLost
            | Kind::Stderr
            | Kind::Limit
            | Kind::Unknown(_) => {}
            other => tracing::debug!("record kind {other:?} has no effect on the state"),
        }
    }

    /// A payload written by a newer version that cannot be read changes nothing.
    fn with<T: DeserializeOwned>(&mut self, record: &Record, f: impl FnOnce(&mut Self, &Record, T)) {
        match serde_json::from_slice(&record.payload) {
            Ok(payload) => f(self, record, payload),
            Err(error) => {
                tracing::error!(
                    record.seq,
                    "cannot read {} record {}: {error}",
                    record.kind.as_str(),
                    record.seq
                );
            }
        }
    }

    fn apply_op(&mut self, record: &Record, op: OpRecord) {
        let mut result = op.result;
        result.at_seq = record.seq;
        if result.code == Code::Ok {
            match op.request.op {
                Op::Prompt { blocks } => {
                    self.queue.push_back(QueuedPrompt { op_id: op.request.op_id.clone(), blocks });
                }
                Op::RemoveQueued { prompt } => self.queue.retain(|queued| queued.op_id != prompt),
                Op::SetMode { mode } => self.mode = Some(mode),
                Op::Stop => self.stop_requested = true,
                Op::Cancel | Op::AnswerPermission { .. } | Op::Decide { .. } => {}
            }
        }
        if self.ops.insert(op.request.op_id.clone(), KnownOp { hash: op.hash, result }).is_none() {
            self.ops_order.push_back(op.request.op_id);
        }
        while self.ops_order.len() > OPS_KEPT {
            if let Some(oldest) = self.ops_order.pop_front() {
                self.ops.remove(&oldest);
            }
        }
    }

    fn forget_permissions(&mut self) {
        let answered: Vec<(u64, String)> = self
            .permissions
            .iter()
            .filter(|(_, permission)| !permission.is_open)
            .map(|(id, permission)| (permission.seq, id.clone()))
            .collect();
        if answered.len() > PERMISSIONS_KEPT
            && let Some((_, oldest)) = answered.into_iter().min()
        {
            self.permissions.remove(&oldest);
        }
    }

    pub(super) fn known_op(&self, op_id: &str) -> Option<&KnownOp> {
        self.ops.get(op_id)
    }

    pub(super) fn open_permissions(&self) -> Vec<(String, Permission)> {
        let mut open: Vec<_> = self
            .permissions
            .iter()
            .filter(|(_, p)| p.is_open)
            .map(|(id, p)| (id.clone(), p.clone()))
            .collect();
        open.sort_by_key(|(_, permission)| permission.seq);
        open
    }

    pub(super) fn published(&self) -> SessionState {
        self.state.as_ref().map_or(SessionState::Starting, |change| change.state)
    }
}
