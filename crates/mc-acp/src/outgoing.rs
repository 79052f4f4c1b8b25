//! The lines a client sends, without the line end.

use serde::Serialize;
use serde_json::{Value, json};

use crate::Id;

/// `initialize`: version 1, neither file system nor terminals, so that agents work inside their own sandbox.
pub fn initialize(id: i64, client_version: &str) -> String {
    request(
        id,
        "initialize",
        json!({
            "protocolVersion": 1,
            "clientCapabilities": {"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false},
            "clientInfo": {"name": "missioncontrol", "title": "MissionControl", "version": client_version},
        }),
    )
}

/// `authenticate` with a method the agent offered.
pub fn authenticate(id: i64, method_id: &str) -> String {
    request(id, "authenticate", json!({ "methodId": method_id }))
}

/// `session/new`.
pub fn new_session(id: i64, cwd: &str, mcp_servers: &[Value]) -> String {
    request(id, "session/new", json!({"cwd": cwd, "mcpServers": mcp_servers}))
}

/// `session/load`: the agent replays the whole history before it answers.
pub fn load_session(id: i64, session: &str, cwd: &str, mcp_servers: &[Value]) -> String {
    request(id, "session/load", json!({"sessionId": session, "cwd": cwd, "mcpServers": mcp_servers}))
}

/// `session/resume`: as load, without the replay.
pub fn resume_session(id: i64, session: &str, cwd: &str, mcp_servers: &[Value]) -> String {
    request(id, "session/resume", json!({"sessionId": session, "cwd": cwd, "mcpServers": mcp_servers}))
}

/// `session/prompt` with content blocks.
pub fn prompt(id: i64, session: &str, blocks: &[Value]) -> String {
    request(id, "session/prompt", json!({"sessionId": session, "prompt": blocks}))
}

/// `session/set_mode` with a mode the agent offered.
pub fn set_mode(id: i64, session: &str, mode: &str) -> String {
    request(id, "session/set_mode", json!({"sessionId": session, "modeId": mode}))
}

/// A text content block.
pub fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// `session/cancel` for the running turn.
pub fn cancel(session: &str) -> String {
    line(json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}}))
}

/// `$/cancel_request` for one of our requests.
pub fn cancel_request(id: i64) -> String {
    line(json!({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"requestId": id}}))
}

/// Answers a permission request with an option it offered.
pub fn permission_selected(id: &Id, option_id: &str) -> String {
    answer(id, &json!({"outcome": {"outcome": "selected", "optionId": option_id}}))
}

/// Answers a permission request of a cancelled turn.
pub fn permission_cancelled(id: &Id) -> String {
    answer(id, &json!({"outcome": {"outcome": "cancelled"}}))
}

/// Answers with a result.
pub fn answer(id: &Id, result: &impl Serialize) -> String {
    line(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// Answers with an error.
pub fn error(id: &Id, code: i64, message: &str) -> String {
    line(json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}))
}

#[expect(clippy::needless_pass_by_value, reason = "every caller builds the value for this call")]
fn request(id: i64, method: &str, params: Value) -> String {
    line(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

#[expect(clippy::needless_pass_by_value, reason = "every caller builds the value for this call")]
fn line(message: Value) -> String {
    message.to_string()
}
