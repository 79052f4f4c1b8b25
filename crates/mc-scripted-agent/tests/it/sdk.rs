//! The official client library as a third party's opinion.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    ContentBlock, InitializeRequest, NewSessionRequest, PermissionOptionKind, PromptRequest,
    RequestPermissionOutcome, RequestPermissionRequest, RequestPermissionResponse, SelectedPermissionOutcome,
    SessionNotification, SessionUpdate, StopReason, TextContent,
};
use agent_client_protocol::{Agent, ByteStreams, Client};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use crate::harness::BINARY;

const PROMPT: &str = "/think hm\n/plan a;b\n/tool grep {\"for\":1}\n/ask delete it\n/say after";

#[tokio::test]
async fn official_client_completes_a_turn_with_permission() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = tokio::process::Command::new(BINARY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let streams =
        ByteStreams::new(child.stdin.take().unwrap().compat_write(), child.stdout.take().unwrap().compat());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let client = Client
        .v1()
        .on_receive_notification(
            async move |notification: SessionNotification, _cx| {
                noted.lock().unwrap().push(notification.update);
                Ok(())
            },
            agent_client_protocol::on_receive_notification!(),
        )
        .on_receive_request(
            async move |request: RequestPermissionRequest, responder, _cx| {
                let allow =
                    request.options.iter().find(|option| option.kind == PermissionOptionKind::AllowOnce);
                let id = allow.expect("allow_once is offered").option_id.clone();
                let outcome = RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(id));
                responder.respond(RequestPermissionResponse::new(outcome))
            },
            agent_client_protocol::on_receive_request!(),
        )
        .connect_with(streams, |connection: ConnectionTo<Agent>| async move {
            let hello = InitializeRequest::new(ProtocolVersion::V1);
            let agent = connection.send_request(hello).block_task().await?;
            assert_eq!(agent.protocol_version, ProtocolVersion::V1);
            assert!(agent.agent_capabilities.load_session);
            let new = NewSessionRequest::new(folder.path());
            let session = connection.send_request(new).block_task().await?;
            assert_eq!(session.modes.expect("modes").available_modes.len(), 2);
            let text = ContentBlock::Text(TextContent::new(PROMPT));
            let prompt = PromptRequest::new(session.session_id, vec![text]);
            connection.send_request(prompt).block_task().await
        });
    let answer = tokio::time::timeout(Duration::from_secs(30), client).await.expect("in time").unwrap();
    assert_eq!(answer.stop_reason, StopReason::EndTurn);
    let seen = seen.lock().unwrap();
    let kinds: Vec<_> = seen
        .iter()
        .map(|update| match update {
            SessionUpdate::AgentThoughtChunk(_) => "thought",
            SessionUpdate::Plan(_) => "plan",
            SessionUpdate::ToolCall(_) => "call",
            SessionUpdate::ToolCallUpdate(_) => "call update",
            SessionUpdate::AgentMessageChunk(_) => "message",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["thought", "plan", "call", "call update", "call", "call update", "message"]);
}
