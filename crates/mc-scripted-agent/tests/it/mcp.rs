//! The agent as a client of MCP servers.

use serde_json::{Value, json};

use crate::harness::{Agent, eventually, is_alive, said};

/// Checks the order of the handshake, pings its client, pages its tools, writes its pid and its end to files.
const SERVER: &str = r#"
import json, os, sys
name, version = sys.argv[1], sys.argv[2]
open(name + ".pid", "w").write(str(os.getpid()))
ready = False
def send(message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    m = json.loads(line)
    method, id = m.get("method"), m.get("id")
    if method == "initialize":
        assert m["params"]["clientInfo"]["name"]
        send({"id": id, "result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": name, "version": "1"}}})
    elif method == "notifications/initialized":
        ready = True
        send({"id": "ping-1", "method": "ping"})
    elif method is None:
        open(name + ".pong", "w").write(json.dumps(m))
    elif method == "tools/list" and ready:
        if (m.get("params") or {}).get("cursor") == "2":
            send({"id": id, "result": {"tools": [{"name": "fail", "inputSchema": {}}, {"name": "wait", "inputSchema": {}}, {"name": "die", "inputSchema": {}}]}})
        else:
            send({"id": id, "result": {"tools": [{"name": "add", "inputSchema": {}}], "nextCursor": "2"}})
    elif method == "tools/call":
        tool, a = m["params"]["name"], m["params"]["arguments"]
        if tool == "add":
            send({"method": "notifications/message", "params": {"level": "info", "data": "adding"}})
            text = "%s with %s: %d" % (name, os.environ["GRANT"], a["x"] + a["y"])
            send({"id": id, "result": {"content": [{"type": "text", "text": text}]}})
        elif tool == "fail":
            send({"id": id, "result": {"content": [{"type": "text", "text": "it failed"}], "isError": True}})
        elif tool == "die":
            os._exit(3)
    elif method == "notifications/cancelled":
        open(name + ".cancelled", "w").write(json.dumps(m["params"]))
open(name + ".end", "w").write("input ended")
"#;

fn server(agent: &Agent, name: &str, version: &str) -> Value {
    let script = agent.folder.path().join("server.py");
    std::fs::write(&script, SERVER).unwrap();
    json!({
        "name": name, "command": "python3", "args": [script, name, version],
        "env": [{"name": "GRANT", "value": "a grant"}],
    })
}

fn connected() -> (Agent, String) {
    let mut agent = Agent::start(&[]);
    agent.initialize();
    let servers = json!([
        {"name": "gone", "command": "/no/such/program", "args": [], "env": []},
        server(&agent, "first", "2025-06-18"),
        server(&agent, "second", "2024-11-05"),
    ]);
    let session = agent.open(&servers);
    (agent, session)
}

#[test]
fn tool_result_is_message_and_tool_call_content() {
    let (mut agent, session) = connected();
    let (updates, reason) = agent.turn(&session, "/mcp add {\"x\": 2, \"y\": 40}");
    assert_eq!(reason, "end_turn");
    assert_eq!(said(&updates), "first with a grant: 42");
    assert_eq!(updates[0]["title"], "first/add");
    assert_eq!(updates[1]["status"], "completed");
    assert_eq!(updates[1]["content"][0]["content"]["text"], "first with a grant: 42");
    let (updates, _) = agent.turn(&session, "/mcp fail");
    assert_eq!((&updates[1]["status"], said(&updates).as_str()), (&json!("failed"), "it failed"));
    let pong = agent.folder.path().join("first.pong");
    eventually("the server's ping is answered", || {
        std::fs::read_to_string(&pong)
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(&text).ok())
            .is_some_and(|answer| answer["id"] == "ping-1" && answer["result"] == json!({}))
    });
}

#[test]
fn missing_tool_and_failed_servers_are_told() {
    let (mut agent, session) = connected();
    let said = agent.ask(&session, "/mcp fly");
    assert!(
        said.starts_with("no connected MCP server offers fly; gone: cannot start /no/such/program: "),
        "{said}"
    );
    let future = server(&agent, "third", "1999-01-01");
    let session = agent.open(&json!([future]));
    let said = agent.ask(&session, "/mcp add {}");
    assert_eq!(said, "no connected MCP server offers add; third: speaks protocol version \"1999-01-01\"");
}

#[test]
fn cancelled_call_is_cancelled_at_the_server() {
    let (mut agent, session) = connected();
    let id = agent.prompt(&session, "/mcp wait\n/say no");
    agent.until(|message| message["params"]["update"]["sessionUpdate"] == "tool_call");
    agent.notify("session/cancel", &json!({"sessionId": session}));
    let (updates, reason) = agent.finish(id);
    assert_eq!((said(&updates).as_str(), reason.as_str()), ("", "cancelled"));
    let told = agent.folder.path().join("first.cancelled");
    eventually("the server hears of it", || told.exists());
}

#[test]
fn server_that_dies_fails_the_call_and_leaves_the_next_one_its_tools() {
    let (mut agent, session) = connected();
    assert!(agent.ask(&session, "/mcp die").starts_with("the MCP server ended"));
    assert_eq!(agent.ask(&session, "/mcp add {\"x\":1,\"y\":1}"), "second with a grant: 2");
}

#[test]
fn servers_end_with_the_session_and_with_the_agent() {
    let (mut agent, session) = connected();
    let pid = std::fs::read_to_string(agent.folder.path().join("first.pid")).unwrap();
    agent.call("session/close", &json!({"sessionId": session}));
    assert!(!is_alive(&pid));
    let third = server(&agent, "third", "2025-11-25");
    agent.open(&json!([third]));
    agent.close_input();
    assert!(agent.wait().success());
    for name in ["first.end", "second.end", "third.end"] {
        assert!(agent.folder.path().join(name).exists(), "{name}: ended by the end of its input");
    }
}
