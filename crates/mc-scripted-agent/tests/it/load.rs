//! `session/load` and `session/resume`, right and wrong, in the process and after its death.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::Agent;

fn start(folder: TempDir, arguments: &[&str]) -> Agent {
    let mut agent = Agent::start_in(folder, |command| command.args(["--state", "state"]).args(arguments));
    agent.initialize();
    agent
}

/// One turn of two updates, then SIGKILL; the folder is handed on.
fn killed_conversation() -> (TempDir, String) {
    let mut agent = start(tempfile::tempdir().unwrap(), &[]);
    let session = agent.open(&json!([]));
    agent.turn(&session, "/say hello\n/tool grep");
    agent.child.kill().unwrap();
    agent.wait();
    (std::mem::replace(&mut agent.folder, tempfile::tempdir().unwrap()), session)
}

fn open_again(agent: &mut Agent, method: &str, session: &str) -> Vec<Value> {
    let params = json!({"sessionId": session, "cwd": agent.folder.path(), "mcpServers": []});
    let id = agent.request(method, &params);
    agent.until(|message| message["id"] == id)
}

fn replayed(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|message| message["params"]["update"]["sessionUpdate"].as_str()).collect()
}

const WHOLE: [&str; 4] = ["user_message_chunk", "agent_message_chunk", "tool_call", "tool_call_update"];

#[test]
fn load_replays_a_killed_conversation_as_configured() {
    for (load, expected, works) in
        [("full", &WHOLE[..], true), ("partial", &WHOLE[..2], true), ("false-success", &[], true)]
    {
        let (folder, session) = killed_conversation();
        let mut agent = start(folder, &["--load", load]);
        let messages = open_again(&mut agent, "session/load", &session);
        assert_eq!(replayed(&messages), expected, "{load}");
        assert_eq!(messages.last().unwrap()["result"].is_object(), works);
        assert_eq!(agent.ask(&session, "/say on"), "on");
    }
}

#[test]
fn load_fails_as_configured() {
    for (arguments, code) in
        [(&["--load", "error"][..], -32603), (&["--load", "none"], -32601), (&["--no-load"], -32601)]
    {
        let (folder, session) = killed_conversation();
        let messages = open_again(&mut start(folder, arguments), "session/load", &session);
        assert_eq!(messages.last().unwrap()["error"]["code"], code);
    }
}

#[test]
fn unknown_session_is_not_found_unless_success_is_a_lie() {
    let mut agent = start(tempfile::tempdir().unwrap(), &[]);
    assert_eq!(open_again(&mut agent, "session/load", "who").pop().unwrap()["error"]["code"], -32002);
    let mut liar = start(tempfile::tempdir().unwrap(), &["--load", "false-success"]);
    assert!(open_again(&mut liar, "session/load", "who").pop().unwrap()["result"].is_object());
}

#[test]
fn resume_replays_nothing_and_tool_call_ids_go_on() {
    let (folder, session) = killed_conversation();
    let mut agent = start(folder, &["--resume"]);
    assert_eq!(replayed(&open_again(&mut agent, "session/resume", &session)), [""; 0]);
    let (updates, _) = agent.turn(&session, "/tool grep");
    assert_eq!(updates[0]["toolCallId"], "call-2");
}
