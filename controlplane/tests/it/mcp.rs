//! Tools: the protocol through the official client, the plain HTTP door, and what is refused at both.

use std::collections::BTreeSet;

use base64::Engine as _;
use controlplane::mcp::registry;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService, ServiceExt as _};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};
use crate::operations::{Operation, TOOLS, Who};

type Agent = RunningService<RoleClient, ()>;

async fn connect(app: &TestApp, token: &str) -> Agent {
    let address = format!("{}/mcp", app.client.base());
    let config = StreamableHttpClientTransportConfig::with_uri(address).auth_header(token);
    let transport = StreamableHttpClientTransport::from_config(config);
    ().serve(transport).await.unwrap()
}

async fn use_tool(agent: &Agent, name: &'static str, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    agent.call_tool(CallToolRequestParams::new(name).with_arguments(arguments)).await.unwrap()
}

async fn done(agent: &Agent, name: &'static str, arguments: Value) -> Value {
    let result = use_tool(agent, name, arguments).await;
    assert_eq!(result.is_error, Some(false), "{result:?}");
    result.structured_content.unwrap()
}

async fn work(app: &TestApp) -> Value {
    app.mission("apollo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "work" })).await.ok(201);
    let body = json!({ "mission": "apollo", "kluster": "work", "title": "land" });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

async fn call(app: &TestApp, token: &str, tool: &str, arguments: Value) -> Answer {
    app.post(token, "/mcp/call", json!({ "tool": tool, "arguments": arguments })).await
}

async fn an_agent_works_through_the_protocol(app: TestApp) {
    let task = work(&app).await;
    let key = task["key"].as_str().unwrap();
    let grant = app.post(app.admin(), "/api/v1/auth/grants", json!({ "principal": "worker" })).await.ok(201);
    let agent = connect(&app, grant["token"].as_str().unwrap()).await;
    let server = agent.peer_info().unwrap();
    assert_eq!(server.server_info.as_ref().unwrap().name, "missioncontrol");
    assert!(server.instructions.as_ref().is_some_and(|text| text.contains("whoami")));
    let tools = agent.list_all_tools().await.unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, registry::all().iter().map(|tool| tool.name).collect::<Vec<_>>());

    assert_eq!(done(&agent, "whoami", json!({})).await["principal"]["name"], "worker");
    let listed = done(&agent, "list_tasks", json!({ "mission": "apollo", "states": ["ready"] })).await;
    assert_eq!(listed["items"][0]["id"], task["id"]);
    assert_eq!(done(&agent, "claim_next_task", json!({ "mission": "apollo" })).await["attempt"], 1);
    let report = json!({ "task": key, "attempt": 1, "percent": 50, "note": "half way" });
    assert_eq!(done(&agent, "progress_task", report).await["state"], "running");
    let stored = json!({ "mission": "apollo", "task": key, "name": "log.txt", "text": "one small step" });
    let artifact = done(&agent, "create_artifact", stored).await;
    let content = done(&agent, "download_artifact", json!({ "artifact": artifact["id"] })).await;
    assert_eq!(
        (&content["text"], &content["artifact"]["sha256"]),
        (&json!("one small step"), &artifact["sha256"])
    );
    let result = json!({ "task": key, "attempt": 1, "result": "landed", "artifact": artifact["id"] });
    assert_eq!(done(&agent, "complete_task", result).await["state"], "done");
    let asked = json!({ "mission": "apollo", "artifacts": [artifact["id"]] });
    let publication = done(&agent, "request_publication", asked).await;
    let approval = done(&agent, "get_approval", json!({ "approval": publication["approval_id"] })).await;
    assert_eq!((&approval["state"], &approval["requester"]), (&json!("open"), &json!("worker")));
    app.sealed().await;
    let history = done(&agent, "get_entity_history", json!({ "entity": task["id"] })).await;
    let actions: Vec<_> = history["items"].as_array().unwrap().iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["task.create", "task.claim", "task.progress", "task.complete"]);
    agent.cancel().await.unwrap();
}

async fn a_refusal_is_a_tool_error_with_the_problem(app: TestApp) {
    let task = work(&app).await;
    let agent = connect(&app, &app.login_as("viewer", "viewer").await).await;
    let refused = async |name, arguments| {
        let result = use_tool(&agent, name, arguments).await;
        assert_eq!(result.is_error, Some(true), "{result:?}");
        let problem = result.structured_content.unwrap();
        assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
        assert_eq!(result.content[0].as_text().unwrap().text, problem.to_string());
        problem
    };
    let slug = |problem: &Value| problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let problem = refused("claim_task", json!({ "task": task["id"] })).await;
    assert_eq!((slug(&problem).as_str(), &problem["status"]), ("forbidden", &json!(403)));
    assert_eq!(slug(&refused("get_task", json!({ "task": "apollo-99" })).await), "not-found");
    for (arguments, pointer) in [
        (json!({ "task": "a", "colour": 1 }), "/colour"),
        (json!({}), ""),
        (json!({ "task": 5 }), "/task"),
        (json!({ "task": "a\u{0}" }), ""),
    ] {
        let problem = refused("get_task", arguments).await;
        assert_eq!(
            (slug(&problem).as_str(), &problem["errors"][0]["pointer"]),
            ("validation", &json!(pointer))
        );
    }
    let unknown = agent.call_tool(CallToolRequestParams::new("fly")).await.unwrap_err();
    assert!(unknown.to_string().contains("no tool"), "{unknown}");
}

async fn only_a_living_token_and_a_known_host_open_the_door(app: TestApp) {
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let accept = ("accept", "application/json, text/event-stream");
    let send = async |token: &str, method: &str, more: (&str, &str)| {
        app.client
            .send(method, "/mcp", token, &[accept, more], (method == "POST").then(|| hello.clone()))
            .await
    };
    let none = ("x-none", "x");
    for (token, method) in [("", "POST"), ("mcg_junk", "POST"), ("", "GET"), ("", "DELETE")] {
        let answer = send(token, method, none).await;
        answer.problem(401, "unauthenticated");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let token = app.login_as("someone", "viewer").await;
    let answer = send(&token, "POST", ("x-request-id", "mine")).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, "mine"), "{}", answer.text);
    assert_eq!(answer.body["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(answer.header("mcp-session-id"), "", "no session is kept");
    for (header, status) in [
        (("host", "evil.example"), 403),
        (("host", "localhost:1"), 200),
        (("origin", "https://evil.example"), 403),
        (("origin", "http://localhost:5173"), 200),
    ] {
        assert_eq!(send(&token, "POST", header).await.status, status, "{header:?}");
    }
    assert_eq!(send(&token, "GET", none).await.status, 405);
    app.post(&token, "/api/v1/auth/logout", json!({})).await.ok(204);
    send(&token, "POST", none).await.problem(401, "unauthenticated");
}

async fn a_configured_host_is_let_in(mut app: TestApp) {
    assert!(app.stop().await);
    app.config.allowed_hosts = vec!["mc.example.org".into()];
    let app = app.revive().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for (host, status) in [("mc.example.org", 200), ("127.0.0.1", 200), ("other.example.org", 403)] {
        let headers = [("accept", "application/json, text/event-stream"), ("host", host)];
        let answer = app.client.send("POST", "/mcp", app.admin(), &headers, Some(ping.clone())).await;
        assert_eq!(answer.status, status, "{host}: {}", answer.text);
    }
}

async fn the_plain_door_answers_like_the_operation(app: TestApp) {
    let task = work(&app).await;
    let list = app.get(app.admin(), "/mcp/tools").await.ok(200);
    assert_eq!(list["tools"].as_array().unwrap().len(), registry::all().len());
    let seen = call(&app, app.admin(), "get_task", json!({ "task": task["key"] })).await.ok(200);
    let now = app.get(app.admin(), &format!("/api/v1/tasks/{}", task["key"].as_str().unwrap())).await.ok(200);
    assert_eq!(seen, json!({ "ok": true, "result": now }));
    let seeds = json!({ "tool": "get_task", "args": { "task": task["key"] } });
    app.post(app.admin(), "/mcp/call", seeds).await.ok(200);
    let metrics = app.get(app.admin(), "/metrics").await.text;
    assert!(metrics.contains("mc_tool_calls_total{tool=\"get_task\",outcome=\"ok\"}"), "{metrics}");
    call(&app, app.admin(), "fly", json!({})).await.problem(404, "not-found");
    call(&app, app.admin(), "get_task", json!({ "task": "none-1" })).await.problem(404, "not-found");
    let body = json!({ "tool": "whoami", "colour": 1 });
    app.post(app.admin(), "/mcp/call", body).await.problem(422, "validation");

    let create = json!({ "tool": "create_task", "arguments":
        { "mission": "apollo", "kluster": "work", "title": "once" } });
    let send = async |body: &Value| {
        let headers = [("idempotency-key", "once")];
        app.client.send("POST", "/mcp/call", app.admin(), &headers, Some(body.clone())).await
    };
    let (first, again) = (send(&create).await.ok(200), send(&create).await.ok(200));
    assert_eq!(first, again);
    assert_eq!(app.count("SELECT COUNT(*) FROM task WHERE title = 'once'").await, 1);
    let mut other = create.clone();
    other["arguments"]["title"] = json!("twice");
    send(&other).await.problem(422, "idempotency-key-reused");
}

async fn artifacts_travel_as_text_or_base64(app: TestApp) {
    work(&app).await;
    let bytes = base64::engine::general_purpose::STANDARD.encode([0_u8, 255, 128]);
    let put = async |more: Value| {
        let mut arguments = json!({ "mission": "apollo", "name": "a" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&app, app.admin(), "create_artifact", arguments).await
    };
    let artifact = put(json!({ "content_base64": bytes })).await.ok(200)["result"].clone();
    assert_eq!(
        (&artifact["size_bytes"], &artifact["media_type"]),
        (&json!(3), &json!("application/octet-stream"))
    );
    let reference = json!({ "artifact": artifact["id"] });
    let content = call(&app, app.admin(), "download_artifact", reference).await.ok(200);
    assert_eq!(
        (&content["result"]["content_base64"], &content["result"]["text"]),
        (&json!(bytes), &json!(null))
    );
    for bad in [
        json!({}),
        json!({ "text": "a", "content_base64": "YQ==" }),
        json!({ "content_base64": "?" }),
        json!({ "text": "a", "sha256": "0".repeat(64) }),
    ] {
        put(bad).await.problem(422, "validation");
    }
    let large = "x".repeat(600 * 1024);
    let artifact = put(json!({ "text": large })).await.ok(200)["result"].clone();
    let reference = json!({ "artifact": artifact["id"] });
    call(&app, app.admin(), "download_artifact", reference).await.problem(422, "validation");
    put(json!({ "text": "x".repeat(1100 * 1024) })).await.problem(413, "body-too-large");
}

fn name(operation: &Operation) -> String {
    let body: Value = serde_json::from_str(operation.3).unwrap();
    body["tool"].as_str().unwrap().to_owned()
}

#[test]
fn every_tool_is_in_the_table() {
    let listed: BTreeSet<_> = TOOLS.iter().map(name).collect();
    let offered: BTreeSet<_> = registry::all().iter().map(|tool| tool.name.to_owned()).collect();
    assert_eq!(listed, offered, "each tool has a line in tests/it/operations.rs");
    assert_eq!(registry::all().len(), offered.len(), "names are unique");
    for operation in TOOLS {
        let tool = registry::find(&name(operation)).unwrap();
        let expected = tool.action.map_or(Who::Anyone, Who::Needs);
        let listed = if let Who::Mine(action) = operation.2 { Who::Needs(action) } else { operation.2 };
        assert_eq!(listed, expected, "{}", tool.name);
        let reads = tool.action.is_none_or(|action| action.least_role() == mc_api::Role::Viewer);
        assert_eq!(tool.read_only, reads, "{}", tool.name);
        assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
    }
}

/// The whole schema of each tool is API: agents are told it.
#[test]
fn the_tools_are_as_they_were() {
    let mut text = String::new();
    for tool in registry::all() {
        use std::fmt::Write as _;
        let members = tool.input_schema["properties"].as_object().unwrap().keys();
        let required = tool.input_schema.get("required").cloned().unwrap_or(json!([]));
        let mut members: Vec<_> = members.cloned().collect();
        members.sort();
        writeln!(text, "{} needs {required} of {}", tool.name, members.join(" ")).unwrap();
    }
    insta::assert_snapshot!(text);
}

both!(
    an_agent_works_through_the_protocol,
    a_refusal_is_a_tool_error_with_the_problem,
    only_a_living_token_and_a_known_host_open_the_door,
    a_configured_host_is_let_in,
    the_plain_door_answers_like_the_operation,
    artifacts_travel_as_text_or_base64,
);
