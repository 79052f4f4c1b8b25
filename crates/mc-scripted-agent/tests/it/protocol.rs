//! Errors and the methods beside the turn.

use serde_json::json;

use crate::harness::Agent;

#[test]
fn initialize_tells_what_the_agent_can() {
    let answer = Agent::start(&[]).initialize();
    assert_eq!(answer["result"]["protocolVersion"], 1);
    assert_eq!(answer["result"]["agentCapabilities"]["loadSession"], true);
    assert_eq!(answer["result"]["agentCapabilities"]["sessionCapabilities"], json!({"close": {}}));
    let answer = Agent::start(&["--no-load", "--resume"]).initialize();
    assert_eq!(answer["result"]["agentCapabilities"]["loadSession"], false);
    assert_eq!(
        answer["result"]["agentCapabilities"]["sessionCapabilities"],
        json!({"close": {}, "resume": {}})
    );
}

#[test]
fn faults_of_the_client_have_their_codes() {
    let mut agent = Agent::start(&[]);
    let mut code = |method: &str, params| agent.call(method, &params)["error"]["code"].clone();
    assert_eq!(code("session/new", json!({"cwd": "/"})), -32600);
    assert_eq!(code("initialize", json!({})), -32602);
    assert!(code("initialize", json!({"protocolVersion": 7})).is_null());
    assert_eq!(code("session/dance", json!({})), -32601);
    assert_eq!(code("session/resume", json!({})), -32601);
    assert_eq!(code("session/new", json!({"cwd": "relative"})), -32602);
    assert_eq!(code("session/new", json!({"cwd": 7})), -32602);
    let http = json!({"type": "http", "name": "h", "url": "http://x", "command": "", "headers": []});
    assert_eq!(code("session/new", json!({"cwd": "/", "mcpServers": [http]})), -32602);
    assert_eq!(code("session/load", json!({"cwd": "/"})), -32602);
    assert_eq!(code("session/prompt", json!({"sessionId": "none", "prompt": []})), -32002);
    assert_eq!(code("session/prompt", json!({"sessionId": 1})), -32602);
    assert_eq!(code("authenticate", json!({})), -32602);
    assert!(code("authenticate", json!({"methodId": "any"})).is_null());
}

#[test]
fn unreadable_lines_are_answered_without_id() {
    let mut agent = Agent::start(&[]);
    for (line, code) in [(&b"{\"id\":1"[..], -32700), (b"\xff\xfe", -32700), (b"[1]", -32600)] {
        agent.send_raw(line);
        let answer = agent.next();
        assert_eq!((&answer["error"]["code"], answer.get("id")), (&json!(code), Some(&json!(null))));
    }
    agent.send_raw(b"  ");
    agent.send(&json!({"id": 99, "result": {}}));
    agent.notify("no/such", &json!(1));
    agent.notify("session/cancel", &json!(1));
    assert!(agent.initialize()["result"].is_object());
}

#[test]
fn second_prompt_in_a_turn_is_refused() {
    let (mut agent, session) = Agent::with_session(&[]);
    let first = agent.prompt(&session, "/sleep 3600000");
    let second = agent.prompt(&session, "/say no");
    let answer = agent.next();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(second), &json!(-32600)));
    let other = agent.open(&json!([]));
    assert_eq!(agent.ask(&other, "/say beside it"), "beside it");
    agent.notify("session/cancel", &json!({"sessionId": session}));
    assert_eq!(agent.finish(first).1, "cancelled");
}

#[test]
fn modes_can_be_set() {
    let (mut agent, session) = Agent::with_session(&[]);
    let answer = agent.call("session/set_mode", &json!({"sessionId": session, "modeId": "plan"}));
    assert_eq!(answer["result"], json!({}));
    let answer = agent.call("session/set_mode", &json!({"sessionId": session, "modeId": "loud"}));
    assert_eq!(answer["error"]["code"], -32602);
}

#[test]
fn closed_session_is_gone() {
    let (mut agent, session) = Agent::with_session(&[]);
    assert_eq!(agent.call("session/close", &json!({"sessionId": session}))["result"], json!({}));
    let id = agent.prompt(&session, "/say x");
    let answer = agent.next();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32002)));
}
