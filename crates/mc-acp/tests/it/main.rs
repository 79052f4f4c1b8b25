//! The lines built here, checked against the schema types of the official SDK.
#![expect(clippy::unwrap_used, reason = "test code")]

use agent_client_protocol::v1::schema as sdk;
use mc_acp::view::{self, AgentCaps, Update, UpdateKind};
use mc_acp::{Id, Message, outgoing};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn params<T: DeserializeOwned>(line: &str, method: &str) -> T {
    assert!(!line.contains('\n'));
    let value: Value = serde_json::from_str(line).unwrap();
    assert_eq!((value["jsonrpc"].as_str(), value["method"].as_str()), (Some("2.0"), Some(method)));
    serde_json::from_value(value["params"].clone()).unwrap()
}

fn result<T: DeserializeOwned>(line: &str) -> T {
    serde_json::from_value(serde_json::from_str::<Value>(line).unwrap()["result"].clone()).unwrap()
}

#[test]
fn built_lines_are_what_the_sdk_reads() {
    let initialize: sdk::InitializeRequest = params(&outgoing::initialize(0, "1.0"), "initialize");
    assert!(!initialize.client_capabilities.terminal);
    assert_eq!(initialize.client_info.unwrap().name, "missioncontrol");
    let mcp = [json!({"name": "mc", "command": "/bin/mc", "args": ["mcp"], "env": []})];
    let new: sdk::NewSessionRequest = params(&outgoing::new_session(1, "/w", &mcp), "session/new");
    assert_eq!((new.cwd.to_str(), new.mcp_servers.len()), (Some("/w"), 1));
    let load: sdk::LoadSessionRequest = params(&outgoing::load_session(2, "s", "/w", &mcp), "session/load");
    assert_eq!((load.session_id.to_string(), load.mcp_servers.len()), ("s".to_owned(), 1));
    let resume: sdk::ResumeSessionRequest =
        params(&outgoing::resume_session(2, "s", "/w", &[]), "session/resume");
    assert_eq!(resume.session_id.to_string(), "s");
    let prompt: sdk::PromptRequest =
        params(&outgoing::prompt(3, "s", &[outgoing::text_block("hi\nthere")]), "session/prompt");
    assert!(matches!(&prompt.prompt[0], sdk::ContentBlock::Text(text) if text.text == "hi\nthere"));
    let cancel: sdk::CancelNotification = params(&outgoing::cancel("s"), "session/cancel");
    assert_eq!(cancel.session_id.to_string(), "s");
    let auth: sdk::AuthenticateRequest = params(&outgoing::authenticate(4, "key"), "authenticate");
    assert_eq!(auth.method_id.to_string(), "key");
    let selected: sdk::RequestPermissionResponse =
        result(&outgoing::permission_selected(&Id::Number(7), "yes"));
    assert!(
        matches!(selected.outcome, sdk::RequestPermissionOutcome::Selected(s) if s.option_id.to_string() == "yes")
    );
    let cancelled: sdk::RequestPermissionResponse =
        result(&outgoing::permission_cancelled(&Id::Text("x".into())));
    assert!(matches!(cancelled.outcome, sdk::RequestPermissionOutcome::Cancelled));
}

fn raw(value: &impl serde::Serialize) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

#[test]
fn what_the_sdk_writes_is_read_here() {
    let caps = sdk::AgentCapabilities::new().load_session(true);
    let answer = sdk::InitializeResponse::new(sdk_version()).agent_capabilities(caps);
    let caps = AgentCaps::read(&raw(&answer));
    assert_eq!((caps.protocol_version, caps.can_load, caps.can_resume), (1, true, false));
    assert_eq!(view::session_id(&raw(&sdk::NewSessionResponse::new("abc"))).unwrap(), "abc");
    let stop = sdk::PromptResponse::new(sdk::StopReason::EndTurn);
    assert_eq!(view::stop_reason(&raw(&stop)).unwrap(), "end_turn");
    let chunk = sdk::SessionUpdate::AgentMessageChunk(sdk::ContentChunk::new(sdk::ContentBlock::Text(
        sdk::TextContent::new("hello"),
    )));
    let update = Update::read(&raw(&sdk::SessionNotification::new("s", chunk))).unwrap();
    assert_eq!((update.kind, update.text()), (UpdateKind::Message, Some("hello")));
}

fn sdk_version() -> agent_client_protocol::schema::ProtocolVersion {
    agent_client_protocol::schema::ProtocolVersion::V1
}

#[test]
fn unknown_update_keeps_its_raw_form() {
    let line = br#"{"method":"session/update","params":{"sessionId":"s","update":{"sessionUpdate":"brand_new","x":[1]}}}"#;
    let Message::Notification { params, .. } = Message::parse(line).unwrap() else {
        panic!("no notification")
    };
    let update = Update::read(params).unwrap();
    assert_eq!((update.kind, &update.raw["x"]), (UpdateKind::Other, &json!([1])));
}
