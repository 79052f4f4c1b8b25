//! Agent sessions, their turns and their events.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::id::{MissionId, NodeId, PrincipalId, SessionId, TaskId, TurnId};
use crate::{Labels, Name, Timestamp};

crate::text_enum! {
    /// The state of an agent session, as its node last saw it.
    pub enum SessionState {
        /// Not yet on a node, or its agent is being started.
        Starting = "starting",
        /// Waits for a prompt.
        Idle = "idle",
        /// A turn is running.
        Running = "running",
        /// Waits for a person: a permission, or a decision named by `reason`.
        RequiresAction = "requires_action",
        /// The agent or its shim died and the session is being restored.
        Recovering = "recovering",
        /// Ended on request.
        Stopped = "stopped",
        /// Given up; `reason` says why.
        Failed = "failed",
    }
}

impl SessionState {
    /// Whether the session has ended.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }
}

crate::text_enum! {
    /// The state of a turn.
    pub enum TurnState {
        /// Accepted; not yet given to the agent.
        Queued = "queued",
        /// Given to the agent, once.
        Running = "running",
        /// The agent answered; `stop_reason` says how.
        Done = "done",
        /// Cancelled on request, before or after it began.
        Cancelled = "cancelled",
        /// The agent or its shim died in the middle. It is never sent again.
        Interrupted = "interrupted",
        /// It could not be given to the agent, or the agent answered with an error.
        Failed = "failed",
    }
}

impl TurnState {
    /// Every legal move; what is not listed is refused.
    pub const fn allows(self, next: Self) -> bool {
        use TurnState::{Cancelled, Done, Failed, Interrupted, Queued, Running};
        matches!(
            (self, next),
            (Queued, Running | Cancelled | Failed | Interrupted)
                | (Running, Done | Cancelled | Interrupted | Failed)
        )
    }

    /// Whether nothing more comes.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// An agent session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentSession {
    /// Always `session`.
    #[serde(default = "session_kind")]
    pub kind: String,
    /// The id.
    pub id: SessionId,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// The mission's name.
    pub mission: Name,
    /// The task it works on.
    pub task_id: Option<TaskId>,
    /// The task's key.
    pub task: Option<String>,
    /// The attempt of the claim it holds on the task: its fence.
    pub attempt: Option<i64>,
    /// The runtime.
    pub runtime: String,
    /// Working directory on the node; empty: a folder of the session's own.
    pub cwd: String,
    /// The node it is on; absent: not yet scheduled.
    pub node_id: Option<NodeId>,
    /// The node's name.
    pub node: Option<String>,
    /// The state, as last reported.
    pub state: SessionState,
    /// Why, when the state alone does not say it.
    pub reason: Option<String>,
    /// Whether the node's lease holds; when not, `state` is the last known one.
    pub is_node_reachable: bool,
    /// The process of the agent on its node, while it lives.
    pub agent_pid: Option<i64>,
    /// Number of agent processes so far.
    pub epoch: i64,
    /// The agent's own session id.
    pub agent_session: Option<String>,
    /// The mode that the agent works in, when it has modes.
    #[serde(default)]
    pub mode: Option<String>,
    /// The modes that it offers.
    #[serde(default)]
    pub modes: Vec<SessionMode>,
    /// The newest event that is stored; 0: none.
    pub last_seq: i64,
    /// The newest turn that is not over.
    pub turn_id: Option<TurnId>,
    /// The principal that the agent acts as.
    pub principal_id: PrincipalId,
    /// Labels.
    pub labels: Labels,
    /// Optimistic lock; also the `ETag`.
    pub version: i64,
    /// Who created it.
    pub created_by: PrincipalId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn session_kind() -> String {
    "session".into()
}

/// A mode that an agent can work in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionMode {
    /// Id to choose it by.
    pub id: String,
    /// Label.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

/// Lets an agent work in another mode (`PUT /api/v1/sessions/{ref}/mode`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSessionMode {
    /// The id of a mode that it offers.
    pub mode: String,
}

/// Creates an agent session (`POST /api/v1/sessions`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The mission: id or name.
    pub mission: String,
    /// The runtime; may be absent when the task or its kluster names one.
    #[serde(default)]
    pub runtime: Option<String>,
    /// A ready task (id or key) to claim for the agent; it becomes the first prompt.
    #[serde(default)]
    pub task: Option<String>,
    /// The node (id or name); absent: one that has the runtime and room.
    #[serde(default)]
    pub node: Option<String>,
    /// Absolute working directory on the node; absent: a folder of the session's own.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Labels.
    #[serde(default)]
    pub labels: Labels,
}

/// A turn: one prompt and its reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Turn {
    /// Always `turn`.
    #[serde(default = "turn_kind")]
    pub kind: String,
    /// The id.
    pub id: TurnId,
    /// The agent session.
    pub session_id: SessionId,
    /// 1, 2, … in the session.
    pub number: i64,
    /// The state.
    pub state: TurnState,
    /// The prompt's text.
    pub prompt: String,
    /// How the agent ended it: `end_turn`, `max_tokens`, `max_turn_requests`, `refusal`, `cancelled`.
    pub stop_reason: Option<String>,
    /// The agent's words in this turn, at most 64 KiB of them.
    pub message: String,
    /// Its first event.
    pub first_seq: Option<i64>,
    /// Its last event.
    pub last_seq: Option<i64>,
    /// Who prompted.
    pub requester_id: PrincipalId,
    /// Optimistic lock.
    pub version: i64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn turn_kind() -> String {
    "turn".into()
}

/// Prompts an agent session (`POST /api/v1/sessions/{ref}/prompt`). Prompts queue; one is with the agent at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptSession {
    /// The prompt, 1 byte to 256 KiB.
    pub text: String,
}

crate::text_enum! {
    /// What becomes of a session whose agent forgot the conversation.
    pub enum SessionDecision {
        /// Go on with an empty conversation.
        NewSession = "new_session",
        /// Try to restore it again.
        Retry = "retry",
    }
}

/// Decides about a session that asks (`POST /api/v1/sessions/{ref}/decide`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideSession {
    /// The choice.
    pub decision: SessionDecision,
}

/// An event of an agent session, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionEvent {
    /// Position in the session, rising; numbers of records that only serve the protocol are skipped.
    pub seq: i64,
    /// `prompt message thought tool_call plan permission_open permission_answer turn_end state interrupted gap
    /// context_lost stderr other`.
    pub kind: String,
    /// When the node recorded it.
    pub at: Timestamp,
    /// Content; its form depends on the kind. Those of permissions name the approval that decides: `approval_id`.
    #[schema(value_type = Object)]
    pub body: Value,
}

crate::text_enum! {
    /// What an item of a conversation is.
    pub enum ItemKind {
        /// What the agent was told.
        Prompt = "prompt",
        /// Words of the agent.
        Message = "message",
        /// What it thought.
        Thought = "thought",
        /// A tool that it used, with all updates.
        ToolCall = "tool_call",
        /// The plan of the turn, as it was last.
        Plan = "plan",
        /// A permission that it asked for, with the answer.
        Permission = "permission",
        /// The end of a turn.
        TurnEnd = "turn_end",
        /// Something that happened to the session: see `mark`.
        Mark = "mark",
        /// What the agent wrote beside the protocol.
        Stderr = "stderr",
    }
}

/// A permission in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemPermission {
    /// The permission's own id.
    pub id: String,
    /// The approval that decides it.
    pub approval_id: Option<String>,
    /// What it is for, in a line.
    pub title: Option<String>,
    /// The tool call that it is for, as the agent sent it.
    #[schema(value_type = Object)]
    pub tool_call: Value,
    /// The options: `[{optionId, name, kind}]`.
    #[schema(value_type = Vec<Object>)]
    pub options: Value,
    /// Whether it was answered.
    pub is_answered: bool,
    /// The option that was chosen.
    pub option: Option<String>,
}

/// An item of a conversation. Which fields are there depends on the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConversationItem {
    /// What it is.
    pub kind: ItemKind,
    /// Its first event; the id of the item in its session.
    pub seq: i64,
    /// Its last event in this page.
    pub last_seq: i64,
    /// When it began.
    pub at: Timestamp,
    /// When it last changed.
    pub last_at: Timestamp,
    /// Its beginning is in the page before: of words the text goes in front, of a tool call or permission it is the item
    /// with the same id.
    pub is_partial: bool,
    /// Something of it is longer than 64 KiB and was left out; the events have all of it.
    pub is_cut: bool,
    /// The words: `prompt`, `message`, `thought`, `stderr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The command that brought the prompt; that of a turn is the turn's id: `prompt`, `turn_end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// The fields of the call, of each the newest: `toolCallId`, `title`, `kind`, `status`, `rawInput`, `rawOutput`,
    /// `content`, `locations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub tool_call: Option<Value>,
    /// The entries of the plan: `[{content, priority, status}]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub entries: Option<Value>,
    /// The permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<ItemPermission>,
    /// How the turn ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// `interrupted`, `gap`, `context_lost`, `state`, `agent` (a new agent process), `mode_refused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// More about a mark or the end of a turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
}

/// A page of a conversation (`GET /api/v1/sessions/{ref}/conversation`), oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// Always `conversation`.
    #[serde(default = "conversation_kind")]
    pub kind: String,
    /// The agent session.
    pub session_id: SessionId,
    /// The items, at most as many as asked for and parts of earlier ones.
    pub items: Vec<ConversationItem>,
    /// Given back as `cursor` reads the page before this one; absent at the beginning.
    pub next_cursor: Option<String>,
    /// The newest event of this page; 0: none. New ones follow from `seq` + 1.
    pub seq: i64,
    /// The agent's name for the conversation, as far as this page tells.
    pub title: Option<String>,
    /// The mode that the agent works in.
    pub mode: Option<String>,
    /// What was used, as the agent last said in this page.
    #[schema(value_type = Option<Object>)]
    pub usage: Option<Value>,
}

fn conversation_kind() -> String {
    "conversation".into()
}
