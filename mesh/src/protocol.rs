//! Messages between daemon and shim, and between local commands and daemon.
//!
//! A connection begins with [`ToShim::Hello`]. The newest controller epoch owns the session: its arrival
//! closes the older connection with [`FromShim::Displaced`]; an older epoch is refused. Read-only
//! connections may ask for [`ToShim::Status`] only. Events do not travel here: readers follow the journal
//! files, and [`FromShim::Progress`] tells how far they reach.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SessionId;

/// Version of the shim protocol; a daemon speaks this one and the one before.
pub const PROTO: u32 = 2;
/// The first version that knows [`Op::SetMode`].
pub const PROTO_MODES: u32 = 2;

/// Published state of an agent session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The agent is being started for the first time.
    Starting,
    /// Waits for a prompt.
    Idle,
    /// A turn is running.
    Running,
    /// Waits for a permission answer or a decision.
    RequiresAction,
    /// The agent or the shim died and the session is being restored.
    Recovering,
    /// Ended on request.
    Stopped,
    /// Given up after repeated crashes.
    Failed,
}

impl SessionState {
    /// Published word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Running => "running",
            Self::RequiresAction => "requires_action",
            Self::Recovering => "recovering",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether the session has ended.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }
}

/// What an operator chooses when the agent has forgotten the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on with a new, empty agent session.
    NewSession,
    /// Try to restore the old one again.
    Retry,
}

/// A command to a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// Queue a prompt; sent when the agent is idle.
    Prompt {
        /// ACP content blocks.
        blocks: Vec<Value>,
    },
    /// Take a prompt back: out of the queue, or by cancelling its turn when that runs already.
    RemoveQueued {
        /// Op id of the prompt.
        prompt: String,
    },
    /// Cancel the running turn.
    Cancel,
    /// Answer an open permission request.
    AnswerPermission {
        /// Id as listed in [`Status::pending`].
        permission: String,
        /// An offered option; `None` declines as cancelled.
        option: Option<String>,
    },
    /// Decide about a lost context.
    Decide {
        /// The choice.
        decision: Decision,
    },
    /// Let the agent work in another mode that it offers.
    SetMode {
        /// The mode's id.
        mode: String,
    },
    /// End the session and every process of it.
    Stop,
}

/// A command with its identity. The same id with the same content is carried out once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpRequest {
    /// Minted by whoever gives the command.
    pub op_id: String,
    /// Who gives it.
    pub actor: String,
    /// The command.
    #[serde(flatten)]
    pub op: Op,
}

/// How a command was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Accepted and durable.
    Ok,
    /// The id was used for another command.
    OpIdReused,
    /// The permission has an answer already; see `winner`.
    AlreadyAnswered,
    /// No such permission, prompt or turn.
    NotFound,
    /// The option was not offered, or the command does not fit the state.
    Invalid,
    /// Another controller has taken over.
    StaleEpoch,
    /// The session cannot take it now: it is ending, unreachable or out of space.
    Unavailable,
}

/// Answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpResult {
    /// Id of the command.
    pub op_id: String,
    /// Outcome.
    pub code: Code,
    /// The command that answered first, with [`Code::AlreadyAnswered`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<String>,
    /// Journal position of the accepted command; 0 when it was not recorded.
    #[serde(default)]
    pub at_seq: u64,
}

/// An open permission request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// `p-<epoch>-<seq>`, minted once.
    pub id: String,
    /// The choices.
    pub options: Vec<mc_acp::view::PermissionOption>,
}

/// What a session is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The session.
    pub session: SessionId,
    /// Published state.
    pub state: SessionState,
    /// Why, when the state alone does not say it.
    pub reason: Option<String>,
    /// Number of agent processes so far.
    pub epoch: u64,
    /// Process of the agent, while it lives.
    pub agent_pid: Option<i32>,
    /// Process of the shim.
    pub shim_pid: i32,
    /// The agent's own session id.
    pub agent_session: Option<String>,
    /// Running turn.
    pub turn: Option<u64>,
    /// Op ids of queued prompts.
    pub queue: Vec<String>,
    /// Open permission requests.
    pub pending: Vec<Pending>,
    /// Oldest record kept.
    pub first_seq: u64,
    /// Newest record readable.
    pub last_seq: u64,
    /// Newest record that survives power loss.
    pub durable_seq: u64,
}

/// Daemon to shim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToShim {
    /// First message.
    Hello {
        /// [`PROTO`] of the caller.
        proto: u32,
        /// Counter of daemon starts; ignored when read-only.
        controller_epoch: u64,
        /// Asks for status only.
        read_only: bool,
    },
    /// A command.
    Op(OpRequest),
    /// Asks for [`FromShim::Status`].
    Status,
    /// Everything up to here is safe elsewhere and may be trimmed.
    Acked {
        /// Last such sequence.
        seq: u64,
    },
}

/// Shim to daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromShim {
    /// Answers `Hello`.
    Attached {
        /// [`PROTO`] of the shim.
        proto: u32,
        /// State at this moment.
        status: Box<Status>,
    },
    /// Answers `Hello` of an older controller; the connection closes.
    Refused {
        /// Epoch of the present controller.
        controller_epoch: u64,
    },
    /// A newer controller took over; the connection closes.
    Displaced,
    /// Answers `Op`.
    Result(OpResult),
    /// Answers `Status`.
    Status(Box<Status>),
    /// The journal or the state moved.
    Progress {
        /// Newest record readable.
        last_seq: u64,
        /// Newest record that survives power loss.
        durable_seq: u64,
        /// Published state.
        state: SessionState,
    },
}

/// Local command to daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToMesh {
    /// Create a session.
    NewSession {
        /// Runtime by name.
        runtime: String,
        /// Working directory of the agent.
        cwd: String,
        /// Id, when the caller chose one.
        session: Option<SessionId>,
    },
    /// Give a command to a session.
    Op {
        /// The session.
        session: SessionId,
        /// The command.
        request: OpRequest,
    },
    /// Ask for all sessions.
    List,
    /// Ask how this node is connected.
    Status,
}

/// Daemon to local command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromMesh {
    /// The session exists from now on.
    Created {
        /// Its id.
        session: SessionId,
    },
    /// Answer to a command.
    Result(OpResult),
    /// All sessions.
    Sessions {
        /// Oldest first.
        sessions: Vec<Summary>,
    },
    /// How this node is connected; `None` when it works alone.
    Status {
        /// State of the uplink.
        uplink: Option<UplinkStatus>,
    },
    /// The request was refused.
    Error {
        /// Why.
        message: String,
    },
}

/// A session as listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What it should be.
    pub spec: crate::spec::SessionSpec,
    /// What its shim last wrote; absent before the first start.
    pub meta: Option<crate::spec::SessionMeta>,
    /// Whether a shim lives.
    pub is_live: bool,
}

/// State of the uplink.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UplinkStatus {
    /// Address of the control plane.
    pub server: String,
    /// `node_<32 hex>`; empty before the node has joined.
    pub node_id: String,
    /// Name of the node.
    pub name: String,
    /// Since when it is connected, in microseconds since 1970; absent while it is not.
    pub connected_since_us: Option<i64>,
    /// Number of this or the last connection.
    pub conn_seq: u64,
    /// Why the last connection ended or could not be made.
    pub last_error: Option<String>,
    /// Agent sessions this node takes at once.
    pub slots: u32,
    /// Batches of records sent since the daemon started, by path.
    #[serde(default)]
    pub batches: Batches,
    /// Sessions of the control plane, oldest first.
    pub sessions: Vec<Backlog>,
}

/// Batches of records by the path they were sent on. A batch that was sent again counts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Batches {
    /// By gRPC.
    pub grpc: u64,
    /// By MQTT.
    pub mqtt: u64,
}

/// How far a session is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// The session.
    pub session: SessionId,
    /// Everything up to here is stored by the control plane.
    pub acked_seq: u64,
    /// Newest record that may be reported; unknown before its shim is found.
    pub durable_seq: Option<u64>,
    /// Why it cannot be made on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}
