//! Payloads of journal records that are not raw lines, as JSON.

use mc_acp::Id;
use mc_acp::view::{Modes, PermissionOption};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::protocol::{OpRequest, OpResult, SessionState};

/// `op`: a command together with the answer it got.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpRecord {
    /// SHA-256 of the command without its id and actor, in hex.
    pub hash: String,
    /// The command.
    pub request: OpRequest,
    /// The answer; its `at_seq` is this record.
    pub result: OpResult,
}

/// `op_done`: the turn of a prompt is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpDone {
    /// Command that queued the prompt.
    pub op_id: String,
    /// Number of the turn.
    pub turn: u64,
    /// The agent's stop reason, or `error`, or `interrupted`.
    pub outcome: String,
    /// More about an error or interruption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// `prompt_sent`: durable before the line goes to the agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PromptSent {
    /// Command that queued the prompt.
    pub op_id: String,
    /// Number of the turn, from 1.
    pub turn: u64,
    /// Id of the JSON-RPC request.
    pub rpc_id: i64,
    /// The line, byte for byte.
    pub line: Box<RawValue>,
}

/// `perm_open`: the agent asks for a permission.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PermOpen {
    /// `p-<epoch>-<seq of this record>`.
    pub id: String,
    /// Id of the agent's request.
    pub rpc_id: Id,
    /// The choices.
    pub options: Vec<PermissionOption>,
    /// Parameters as the agent wrote them.
    pub request: Box<RawValue>,
}

/// How a permission request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermOutcome {
    /// An option was chosen.
    Selected,
    /// Declined, or its turn was cancelled.
    Cancelled,
    /// The agent that asked is gone; nothing was answered.
    Voided,
}

/// `perm_answer`: durable before the line goes to the agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PermAnswer {
    /// Id of the request.
    pub id: String,
    /// How it ended.
    pub outcome: PermOutcome,
    /// The chosen option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// Command that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// The line sent, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Box<RawValue>>,
}

/// `state`: the published state from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The state.
    pub state: SessionState,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `epoch`: life cycle of an agent process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EpochEvent {
    /// A new agent process.
    Started {
        /// Its number, from 1.
        epoch: u64,
        /// Its process id.
        pid: i32,
    },
    /// The agent has the session.
    Opened {
        /// Agent process.
        epoch: u64,
        /// The agent's session id.
        agent_session: String,
        /// `new`, `load` or `resume`.
        how: String,
        /// Replayed lines that were left out, because the journal has them already.
        replayed: u64,
        /// The modes that the agent offers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modes: Option<Modes>,
    },
    /// The agent works in this mode from here on.
    Mode {
        /// Agent process.
        epoch: u64,
        /// The mode's id.
        mode: String,
    },
    /// The agent did not take a mode.
    ModeRefused {
        /// Agent process.
        epoch: u64,
        /// The mode's id.
        mode: String,
        /// Why.
        reason: String,
    },
    /// The agent process is gone with all its children.
    Exited {
        /// Agent process.
        epoch: u64,
        /// Exit code or signal.
        status: String,
    },
}

/// `gap`: something may be missing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Why.
    pub reason: String,
}

/// `context_lost`: the agent does not have the conversation any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextLost {
    /// Agent session that was lost.
    pub agent_session: Option<String>,
    /// Why.
    pub reason: String,
    /// Nothing goes on before an operator decides.
    pub needs_decision: bool,
}
