//! `mc mcp serve` between an MCP client and a real control plane.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService, ServiceExt as _};
use serde_json::{Value, json};

use crate::server::{Server, program};

type Agent = RunningService<RoleClient, ()>;

/// The bridge as a child, and the official client connected to it.
async fn connect(grant: &Path) -> (tokio::process::Child, Agent) {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_mc"))
        .args(["mcp", "serve", "--grant-file"])
        .arg(grant)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    (child, ().serve(streams).await.unwrap())
}

async fn use_tool(agent: &Agent, name: &'static str, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    agent.call_tool(CallToolRequestParams::new(name).with_arguments(arguments)).await.unwrap()
}

fn titles(server: &Server) -> Vec<String> {
    let tasks = server.json("get tasks -m apollo");
    tasks["items"].as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_bridge_offers_the_tools_of_the_server_as_the_grants_agent() {
    let server = Server::start();
    server.mission();
    let grant = server.grant("");
    assert_eq!(std::fs::metadata(&grant).unwrap().permissions().mode() & 0o777, 0o600);
    let (mut child, agent) = connect(&grant).await;
    assert_eq!(agent.peer_info().unwrap().server_info.as_ref().unwrap().name, "missioncontrol");
    let tools = agent.list_all_tools().await.unwrap();
    let complete = tools.iter().find(|tool| tool.name == "complete_task").unwrap();
    assert_eq!(complete.input_schema["required"], json!(["task"]));
    let who = use_tool(&agent, "whoami", json!({})).await.structured_content.unwrap();
    assert_eq!(who["principal"]["name"], "worker");
    let refused = use_tool(&agent, "get_task", json!({ "task": "apollo-9" })).await;
    assert_eq!(refused.is_error, Some(true));
    assert_eq!(refused.structured_content.unwrap()["type"], "urn:missioncontrol:problem:not-found");
    agent.cancel().await.unwrap();
    let ended =
        tokio::time::timeout(Duration::from_secs(10), child.wait()).await.expect("it ends with its input");
    assert!(ended.unwrap().success());
}

#[tokio::test]
async fn a_renewed_grant_is_taken_up_in_the_middle_of_a_call() {
    let server = Server::start();
    let grant = server.grant("");
    let (_child, agent) = connect(&grant).await;
    use_tool(&agent, "whoami", json!({})).await.structured_content.unwrap();
    let held: Value = serde_json::from_slice(&std::fs::read(&grant).unwrap()).unwrap();
    // As after the renewal of a node, with a token that has ended meanwhile in between.
    let ended = json!({ "base_url": held["base_url"], "token": "mcg_ended", "expires_at": null });
    std::fs::write(&grant, ended.to_string()).unwrap();
    let renew = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.grant("");
    };
    let (answer, ()) = tokio::join!(use_tool(&agent, "whoami", json!({})), renew);
    assert_eq!(answer.is_error, Some(false), "{answer:?}");
    std::fs::write(&grant, "{").unwrap();
    let answer = use_tool(&agent, "whoami", json!({})).await;
    let problem = answer.structured_content.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("cannot be used"), "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_outlive_kills_of_the_control_plane_and_happen_once() {
    let mut server = Server::start();
    server.mission();
    let grant = server.grant("");
    let (_child, agent) = connect(&grant).await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let calls = async {
        let mut made = 0_u32;
        while !*stopped.borrow_and_update() || made < 20 {
            let arguments = json!({ "mission": "apollo", "kluster": "work", "title": format!("t-{made}") });
            let answer = use_tool(&agent, "create_task", arguments).await;
            assert_eq!(answer.is_error, Some(false), "{answer:?}");
            made += 1;
        }
        made
    };
    let kills = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            tokio::task::block_in_place(|| {
                server.kill();
                std::thread::sleep(Duration::from_millis(300));
                server.serve();
            });
        }
        stop.send(true).unwrap();
    };
    let (made, ()) = tokio::join!(calls, kills);
    let mut titles = titles(&server);
    titles.sort();
    let mut expected: Vec<_> = (0..made).map(|n| format!("t-{n}")).collect();
    expected.sort();
    assert_eq!(titles, expected, "each call happened once");
}

#[test]
fn the_bridge_says_what_is_wrong_with_its_input() {
    let server = Server::start();
    let mut bridge = server.mc("mcp serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(bridge.stdin.take());
    assert!(bridge.wait().unwrap().success(), "input that ends at once is no failure");
}

/// Speaks ACP to the scripted agent, as a node would.
struct Scripted {
    child: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    last_id: u64,
}

impl Scripted {
    fn start(folder: &Path) -> Self {
        let mut child = std::process::Command::new(program("mc-scripted-agent"))
            .current_dir(folder)
            .env("MC_WITNESS", folder.join("witness"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, last_id: 0 }
    }

    /// The answer to a request, and what the agent said before it.
    fn call(&mut self, method: &str, params: &Value) -> (Value, String) {
        self.last_id += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        writeln!(self.child.stdin.as_ref().unwrap(), "{request}").unwrap();
        let mut said = String::new();
        loop {
            let message: Value = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
            let update = &message["params"]["update"];
            if update["sessionUpdate"] == "agent_message_chunk" {
                said += update["content"]["text"].as_str().unwrap_or_default();
            }
            if message["id"] == self.last_id && message.get("method").is_none() {
                assert!(message["error"].is_null(), "{message}");
                return (message["result"].clone(), said);
            }
        }
    }

    fn prompt(&mut self, session: &str, text: &str) -> String {
        let prompt = json!({ "sessionId": session, "prompt": [{ "type": "text", "text": text }] });
        let (result, said) = self.call("session/prompt", &prompt);
        assert_eq!(result["stopReason"], "end_turn");
        said
    }
}

#[test]
fn the_scripted_agent_finishes_its_task_through_the_bridge() {
    let server = Server::start();
    server.mission();
    let task = server.json("create task -m apollo -k work --title land");
    let key = task["key"].as_str().unwrap();
    // As the node does: the claim is the agent's, the grant names task and attempt.
    let grant = server.grant("");
    let token: Value = serde_json::from_slice(&std::fs::read(&grant).unwrap()).unwrap();
    let claim =
        server.mc(&format!("task claim {key}")).env("MC_TOKEN", token["token"].as_str().unwrap()).status();
    assert!(claim.unwrap().success());
    let grant = server.grant(&format!("--task {key}"));

    let mut agent = Scripted::start(server.dir.path());
    agent.call("initialize", &json!({ "protocolVersion": 1, "clientCapabilities": {} }));
    let bridge = json!({ "name": "missioncontrol", "command": env!("CARGO_BIN_EXE_mc"),
        "args": ["mcp", "serve", "--grant-file", grant], "env": [] });
    let params = json!({ "cwd": server.dir.path(), "mcpServers": [bridge] });
    let session = agent.call("session/new", &params).0["sessionId"].as_str().unwrap().to_owned();
    let who: Value = serde_json::from_str(&agent.prompt(&session, "/mcp whoami {}")).unwrap();
    assert_eq!((&who["grant"]["task_id"], &who["grant"]["attempt"]), (&task["id"], &json!(1)));
    let call = |tool: &str, arguments: Value| format!("/mcp {tool} {arguments}");
    agent.prompt(&session, &call("progress_task", json!({ "task": key, "percent": 50 })));
    let stored =
        call("create_artifact", json!({ "mission": "apollo", "task": key, "name": "r", "text": "landed" }));
    let artifact: Value = serde_json::from_str(&agent.prompt(&session, &stored)).unwrap();
    let done = json!({ "task": key, "result": "landed", "artifact": artifact["id"] });
    let done: Value = serde_json::from_str(&agent.prompt(&session, &call("complete_task", done))).unwrap();
    assert_eq!(done["state"], "done", "{done}");
    let after = server.json(&format!("get task {key}"));
    assert_eq!((&after["state"], &after["result_artifact_id"]), (&json!("done"), &artifact["id"]));
    let missing = agent.prompt(&session, "/mcp fly {}");
    assert!(missing.starts_with("no connected MCP server offers fly"), "{missing}");
    drop(agent.child.stdin.take());
    assert!(agent.child.wait().unwrap().success());
}

#[test]
fn a_grant_is_printed_once_and_alone() {
    let server = Server::start();
    let output = server.output("auth grant --as worker --ttl 5m");
    let token = String::from_utf8(output.stdout).unwrap();
    assert!(token.starts_with("mcg_") && token.trim_end().len() > 40, "{token}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("worker"));
    let who = server.mc("auth whoami -o name").env("MC_TOKEN", token.trim()).output().unwrap();
    assert_eq!(String::from_utf8(who.stdout).unwrap(), "principal/worker\n");
    let file = server.dir.path().join("none/grant.json");
    let output = server.output(&format!("auth grant --file {}", file.display()));
    assert!(!output.status.success() && output.stdout.is_empty());
}
