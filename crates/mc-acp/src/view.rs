//! Typed views of the few fields a supervisor acts on. Everything else stays raw.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// What an agent can do, from its `initialize` answer. Absent means no.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentCaps {
    /// Version the agent chose.
    pub protocol_version: i64,
    /// `session/load` is offered.
    pub can_load: bool,
    /// `session/resume` is offered.
    pub can_resume: bool,
    /// Ids of the offered authentication methods.
    pub auth_methods: Vec<String>,
    /// Name and version of the agent as it tells them; empty when it does not.
    pub agent: String,
}

impl AgentCaps {
    /// Reads an `initialize` result; fields of an unexpected form count as absent.
    pub fn read(result: &RawValue) -> Self {
        let value: Value = serde_json::from_str(result.get()).unwrap_or_default();
        let caps = &value["agentCapabilities"];
        let methods = value["authMethods"].as_array().map(Vec::as_slice).unwrap_or_default();
        let info = |field: &str| value["agentInfo"][field].as_str().unwrap_or_default();
        Self {
            agent: format!("{} {}", info("name"), info("version")).trim().to_owned(),
            protocol_version: value["protocolVersion"].as_i64().unwrap_or_default(),
            can_load: caps["loadSession"].as_bool().unwrap_or_default(),
            can_resume: caps["sessionCapabilities"]["resume"].is_object(),
            auth_methods: methods.iter().filter_map(|m| m["id"].as_str()).map(str::to_owned).collect(),
        }
    }
}

/// The agent's session id in a `session/new` result.
pub fn session_id(result: &RawValue) -> Option<String> {
    let value: Value = serde_json::from_str(result.get()).ok()?;
    value["sessionId"].as_str().map(str::to_owned)
}

/// A mode that an agent can work in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mode {
    /// Id to choose it by.
    pub id: String,
    /// Label.
    #[serde(default)]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The modes of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modes {
    /// The one in force.
    #[serde(rename = "currentModeId")]
    pub current: String,
    /// Those that are offered.
    #[serde(rename = "availableModes")]
    pub available: Vec<Mode>,
}

impl Modes {
    /// So many are kept.
    const MOST: usize = 64;

    /// Whether a mode is offered.
    pub fn offers(&self, mode: &str) -> bool {
        self.available.iter().any(|known| known.id == mode)
    }
}

/// The modes in a `session/new`, `session/load` or `session/resume` result, when the agent has any.
pub fn modes(result: &RawValue) -> Option<Modes> {
    #[derive(Deserialize)]
    struct Answer {
        modes: Option<Modes>,
    }
    let mut modes = serde_json::from_str::<Answer>(result.get()).ok()?.modes?;
    modes.available.truncate(Modes::MOST);
    Some(modes).filter(|modes| !modes.available.is_empty())
}

/// The stop reason in a `session/prompt` result.
pub fn stop_reason(result: &RawValue) -> Option<String> {
    let value: Value = serde_json::from_str(result.get()).ok()?;
    value["stopReason"].as_str().map(str::to_owned)
}

/// One choice of a permission request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// The options offered by `session/request_permission`; `None` when the parameters cannot be read.
pub fn permission_options(params: &RawValue) -> Option<Vec<PermissionOption>> {
    #[derive(Deserialize)]
    struct Params {
        options: Vec<PermissionOption>,
    }
    serde_json::from_str::<Params>(params.get()).ok().map(|params| params.options)
}

/// Families of session updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateKind {
    /// Text the user wrote, repeated by the agent.
    UserMessage,
    /// Text of the agent.
    Message,
    /// Reasoning of the agent.
    Thought,
    /// A tool call or a change to one.
    ToolCall,
    /// The agent's plan.
    Plan,
    /// Any other update.
    Other,
}

/// One `session/update`.
#[derive(Debug, Clone)]
pub struct Update {
    /// Family.
    pub kind: UpdateKind,
    /// The update as the agent wrote it.
    pub raw: Value,
}

impl Update {
    /// Reads the parameters of a `session/update`; `None` when they hold no update.
    pub fn read(params: &RawValue) -> Option<Self> {
        let mut value: Value = serde_json::from_str(params.get()).ok()?;
        let raw = value.get_mut("update")?.take();
        let kind = match raw["sessionUpdate"].as_str()? {
            "user_message_chunk" => UpdateKind::UserMessage,
            "agent_message_chunk" => UpdateKind::Message,
            "agent_thought_chunk" => UpdateKind::Thought,
            "tool_call" | "tool_call_update" => UpdateKind::ToolCall,
            "plan" => UpdateKind::Plan,
            _ => UpdateKind::Other,
        };
        Some(Self { kind, raw })
    }

    /// Whether it shows work of the agent: text, thought, tool call or plan.
    pub fn is_work(&self) -> bool {
        match self.kind {
            UpdateKind::Message | UpdateKind::Thought | UpdateKind::ToolCall | UpdateKind::Plan => true,
            UpdateKind::UserMessage | UpdateKind::Other => false,
        }
    }

    /// The mode that the agent says it works in from here on.
    pub fn mode(&self) -> Option<&str> {
        let is_mode = self.raw["sessionUpdate"] == "current_mode_update";
        self.raw["currentModeId"].as_str().filter(|_| is_mode)
    }

    /// Text of a message or thought chunk, when it is text.
    pub fn text(&self) -> Option<&str> {
        self.raw["content"]["text"].as_str()
    }
}
