//! What a session should be (`spec.json`, written by the daemon) and what it was last seen to be
//! (`meta.json`, written by the shim).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SessionId;
use crate::protocol::SessionState;

/// Wanted life of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// Keep it alive.
    Running,
    /// End it.
    Stopped,
}

/// What happens after a turn was interrupted by a crash. The interrupted prompt is never sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInterrupt {
    /// Wait for a person.
    #[default]
    Hold,
    /// Send one marked prompt that tells the agent to check the state first.
    ContinueNote,
}

/// Wanted state of one agent session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// Its id.
    pub id: SessionId,
    /// Rises with every change of the specification.
    pub generation: u64,
    /// Wanted life.
    pub desired: Desired,
    /// Runtime by name.
    pub runtime: String,
    /// Working directory of the agent.
    pub cwd: String,
    /// MCP servers handed to the agent, as ACP describes them.
    #[serde(default)]
    pub mcp_servers: Vec<Value>,
    /// More environment for the agent.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// After an interrupted turn.
    #[serde(default)]
    pub on_interrupt: OnInterrupt,
}

/// Last observation of one agent session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMeta {
    /// Protocol of the shim that wrote this.
    pub proto: u32,
    /// Kernel boot the pids belong to.
    pub boot_id: String,
    /// Process of the shim and its start time in clock ticks.
    pub shim_pid: i32,
    /// Start time of the shim.
    pub shim_start_time: u64,
    /// Process of the agent, while it lives.
    pub agent_pid: Option<i32>,
    /// Start time of the agent.
    pub agent_start_time: Option<u64>,
    /// The agent's own session id.
    pub agent_session: Option<String>,
    /// Number of agent processes so far.
    pub epoch: u64,
    /// Published state.
    pub state: SessionState,
    /// Why, when the state alone does not say it.
    pub reason: Option<String>,
    /// Generation of the specification this follows.
    pub observed_generation: u64,
    /// Newest record when this was written.
    pub last_seq: u64,
}
