//! Every operation of the API with who may call it: one line each. `documents` compares it with the OpenAPI document and
//! with the routes of the router itself; `roles` calls every line as every role.

use mc_api::Action;

use Who::{Anonymous, Anyone, Mine, Needs, Signed};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody, also without a token.
    Anonymous,
    /// Whoever has a URL that we signed; without one it is refused as a token would be.
    Signed,
    /// Whoever has a valid token, also without any role.
    Anyone,
    /// Whoever has the least role of this action.
    Needs(Action),
    /// Its owner, with the least role of this action anywhere; everybody else finds nothing.
    Mine(Action),
}

/// Method, path, who may, and the body to send (empty: none). In path and body `{ref}`, `{mission}`,
/// `{task}`, `{artifact}`, `{doc}`, `{doomed}` (a doc that may go), `{doomed_task}`, `{workspace}`,
/// `{approval}`, `{reservation}` and `{new}` are filled in: the object of the path's collection, ids, and a name that nobody has yet.
pub(crate) type Operation = (&'static str, &'static str, Who, &'static str);

pub(crate) const OPERATIONS: &[Operation] = &[
    ("GET", "/healthz", Anonymous, ""),
    ("GET", "/health", Anonymous, ""),
    ("GET", "/readyz", Anonymous, ""),
    ("GET", "/versionz", Anonymous, ""),
    // On loopback; `authn::metrics_beyond_loopback_need_a_token` covers the rest.
    ("GET", "/metrics", Anonymous, ""),
    ("GET", "/api/v1/system/doctor", Needs(Action::ReadSystem), ""),
    ("POST", "/api/v1/system/doctor/objects", Needs(Action::MendSystem), "{}"),
    ("GET", "/api/v1/system/schema", Needs(Action::ReadSystem), ""),
    ("GET", "/api/v1/system/support", Needs(Action::ExportSystem), ""),
    (
        "POST",
        "/api/v1/system/broker-config",
        Needs(Action::ConfigureBroker),
        r#"{"format":"mosquitto","dir":"/etc/mosquitto/mc","listen":"0.0.0.0:8883","names":["mqtt.example.org"],"public_key":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}"#,
    ),
    ("GET", "/api/v1/system/embeddings", Needs(Action::ReadSystem), ""),
    ("POST", "/api/v1/auth/login", Needs(Action::Login), "{}"),
    ("GET", "/api/v1/auth/whoami", Anyone, ""),
    ("POST", "/api/v1/auth/cookie", Needs(Action::Login), "{}"),
    ("GET", "/api/v1/auth/logins", Anyone, ""),
    // A login session of somebody else is found by an Admin only; `members` tests that.
    ("DELETE", "/api/v1/auth/logins/{ref}", Mine(Action::Logout), ""),
    ("POST", "/api/v1/auth/logout", Needs(Action::Logout), ""),
    ("POST", "/api/v1/auth/logout-everywhere", Needs(Action::Logout), ""),
    // What a list shows is what its own operation shows: `watch::several_lists_are_one_stream`.
    ("GET", "/api/v1/watch?lists=tasks&follow=false", Anyone, ""),
    ("POST", "/api/v1/auth/grants", Needs(Action::IssueGrant), r#"{"principal":"{new}"}"#),
    ("GET", "/api/v1/auth/grants", Needs(Action::RevokeGrant), ""),
    ("DELETE", "/api/v1/auth/grants/{ref}", Needs(Action::RevokeGrant), ""),
    ("GET", "/mcp/tools", Anyone, ""),
    // What the tools need is in `TOOLS`.
    ("POST", "/mcp/call", Anyone, r#"{"tool":"whoami"}"#),
    ("GET", "/api/v1/principals", Needs(Action::ReadPrincipal), ""),
    (
        "POST",
        "/api/v1/principals",
        Needs(Action::ManagePrincipal),
        r#"{"name":"{new}","principal_kind":"user"}"#,
    ),
    ("GET", "/api/v1/principals/{ref}", Needs(Action::ReadPrincipal), ""),
    // What is told depends on who asks; `members` tests that.
    ("GET", "/api/v1/principal-names?id=prn_00000000000000000000000000000001", Anyone, ""),
    ("POST", "/api/v1/principals/{ref}/logout-everywhere", Needs(Action::ManagePrincipal), ""),
    ("PUT", "/api/v1/principals/{ref}/role", Needs(Action::ManagePrincipal), r#"{"role":"viewer"}"#),
    ("GET", "/api/v1/missions", Needs(Action::ReadMission), ""),
    ("POST", "/api/v1/missions", Needs(Action::CreateMission), r#"{"name":"{new}"}"#),
    ("GET", "/api/v1/missions/{ref}", Needs(Action::ReadMission), ""),
    ("PATCH", "/api/v1/missions/{ref}", Needs(Action::UpdateMission), r#"{"description":"{new}"}"#),
    ("DELETE", "/api/v1/missions/{ref}", Needs(Action::DeleteMission), ""),
    // With `secrets=keep` it needs Admin; `packs` tests that.
    ("GET", "/api/v1/missions/{ref}/export", Needs(Action::ExportMission), ""),
    // It is no pack: whoever may import is told so. `packs` tests the rest.
    ("POST", "/api/v1/packs/import", Needs(Action::ImportMission), "{}"),
    ("GET", "/api/v1/klusters", Needs(Action::ReadKluster), ""),
    ("POST", "/api/v1/klusters", Needs(Action::CreateKluster), r#"{"mission":"{mission}","name":"{new}"}"#),
    ("GET", "/api/v1/klusters/{ref}", Needs(Action::ReadKluster), ""),
    ("PATCH", "/api/v1/klusters/{ref}", Needs(Action::UpdateKluster), r#"{"description":"{new}"}"#),
    ("DELETE", "/api/v1/klusters/{ref}", Needs(Action::DeleteKluster), ""),
    (
        "POST",
        "/api/v1/overlap/check",
        Needs(Action::ReadOverlap),
        r#"{"mission":"{mission}","kluster":"fixture","title":"{new}"}"#,
    ),
    ("GET", "/api/v1/search?q=fixture", Needs(Action::ReadTask), ""),
    ("GET", "/api/search?q=fixture", Needs(Action::ReadTask), ""),
    ("GET", "/api/v1/overlaps", Needs(Action::ReadOverlap), ""),
    ("GET", "/api/v1/overlaps/{ref}", Needs(Action::ReadOverlap), ""),
    ("POST", "/api/v1/overlaps/{ref}/accept", Needs(Action::DecideOverlap), r#"{"as":"link"}"#),
    ("POST", "/api/v1/overlaps/{ref}/dismiss", Needs(Action::DecideOverlap), r#"{"reason":"{new}"}"#),
    ("GET", "/api/v1/tasks", Needs(Action::ReadTask), ""),
    (
        "POST",
        "/api/v1/tasks",
        Needs(Action::CreateTask),
        r#"{"mission":"{mission}","kluster":"fixture","title":"{new}"}"#,
    ),
    ("GET", "/api/v1/task-counts", Needs(Action::ReadTask), ""),
    ("POST", "/api/v1/tasks/claim", Needs(Action::ClaimTask), "{}"),
    ("GET", "/api/v1/tasks/{ref}", Needs(Action::ReadTask), ""),
    ("PATCH", "/api/v1/tasks/{ref}", Needs(Action::UpdateTask), r#"{"title":"{new}"}"#),
    ("DELETE", "/api/v1/tasks/{ref}", Needs(Action::DeleteTask), ""),
    ("GET", "/api/v1/tasks/{ref}/why", Needs(Action::ReadTask), ""),
    (
        "POST",
        "/api/v1/apply",
        Needs(Action::CreateTask),
        r#"{"documents":[{"apiVersion":"missioncontrol.dev/v1","kind":"Task","metadata":{"name":"{new}","mission":"fixture","kluster":"fixture"},"spec":{"title":"{new}"}}]}"#,
    ),
    ("GET", "/api/v1/apply/owners/{ref}", Needs(Action::ReadMission), ""),
    (
        "POST",
        "/api/v1/tasks/import",
        Needs(Action::CreateTask),
        r#"{"mission":"{mission}","kluster":"fixture","source":"s","rows":[{"line":1,"external_id":"{new}","title":"{new}"}]}"#,
    ),
    ("GET", "/api/v1/templates?mission={mission}", Needs(Action::ReadTemplate), ""),
    (
        "POST",
        "/api/v1/templates",
        Needs(Action::CreateTemplate),
        r#"{"mission":"{mission}","name":"{new}","task":{"title":"{new}"}}"#,
    ),
    ("GET", "/api/v1/templates/{ref}", Needs(Action::ReadTemplate), ""),
    ("DELETE", "/api/v1/templates/{ref}", Needs(Action::DeleteTemplate), ""),
    ("GET", "/api/v1/templates/{ref}/versions", Needs(Action::ReadTemplate), ""),
    (
        "POST",
        "/api/v1/templates/{ref}/versions",
        Needs(Action::UpdateTemplate),
        r#"{"task":{"title":"{new}"}}"#,
    ),
    (
        "POST",
        "/api/v1/templates/{ref}/tasks",
        Needs(Action::CreateTask),
        r#"{"kluster":"fixture","title":"{new}"}"#,
    ),
    ("POST", "/api/v1/tasks/{ref}/claim", Needs(Action::ClaimTask), "{}"),
    ("POST", "/api/v1/tasks/{ref}/heartbeat", Needs(Action::HeartbeatTask), r#"{"attempt":1}"#),
    ("POST", "/api/v1/tasks/{ref}/progress", Needs(Action::ProgressTask), r#"{"attempt":1}"#),
    ("POST", "/api/v1/tasks/{ref}/complete", Needs(Action::CompleteTask), r#"{"attempt":1}"#),
    ("POST", "/api/v1/tasks/{ref}/fail", Needs(Action::FailTask), r#"{"attempt":1,"reason":"x"}"#),
    ("POST", "/api/v1/tasks/{ref}/release", Needs(Action::ReleaseTask), r#"{"attempt":1}"#),
    ("POST", "/api/v1/tasks/{ref}/block", Needs(Action::SteerTask), r#"{"note":"x"}"#),
    ("POST", "/api/v1/tasks/{ref}/unblock", Needs(Action::SteerTask), "{}"),
    ("POST", "/api/v1/tasks/{ref}/retry", Needs(Action::SteerTask), "{}"),
    ("POST", "/api/v1/tasks/{ref}/accept", Needs(Action::ReviewTask), "{}"),
    ("POST", "/api/v1/tasks/{ref}/reject", Needs(Action::ReviewTask), "{}"),
    ("POST", "/api/v1/tasks/{ref}/cancel", Needs(Action::SteerTask), "{}"),
    ("GET", "/api/v1/artifacts", Needs(Action::ReadArtifact), ""),
    ("POST", "/api/v1/artifacts?mission={mission}&name={new}", Needs(Action::CreateArtifact), "{}"),
    ("GET", "/api/v1/artifacts/{ref}", Needs(Action::ReadArtifact), ""),
    ("GET", "/api/v1/artifacts/{ref}/content", Needs(Action::DownloadArtifact), ""),
    ("GET", "/api/v1/artifacts/{ref}/download-url", Needs(Action::DownloadArtifact), ""),
    // `artifacts::a_signed_url_is_for_one_artifact_and_expires` covers the good ones.
    ("GET", "/api/v1/artifacts/{ref}/signed-content?expires=1&by=x&key=x&signature=x", Signed, ""),
    ("DELETE", "/api/v1/artifacts/{ref}", Needs(Action::DeleteArtifact), ""),
    ("GET", "/api/v1/docs", Needs(Action::ReadDoc), ""),
    (
        "POST",
        "/api/v1/docs",
        Needs(Action::CreateDoc),
        r#"{"mission":"{mission}","kluster":"fixture","name":"{new}","content":"x"}"#,
    ),
    ("GET", "/api/v1/docs/{ref}", Needs(Action::ReadDoc), ""),
    ("PATCH", "/api/v1/docs/{ref}", Needs(Action::UpdateDoc), r#"{"title":"{new}"}"#),
    ("DELETE", "/api/v1/docs/{ref}", Needs(Action::DeleteDoc), ""),
    ("GET", "/api/v1/docs/{ref}/versions", Needs(Action::ReadDoc), ""),
    (
        "POST",
        "/api/v1/docs/{ref}/versions",
        Needs(Action::UpdateDoc),
        r#"{"base_version":999,"content":"{new}"}"#,
    ),
    ("GET", "/api/v1/docs/{ref}/content", Needs(Action::ReadDoc), ""),
    ("GET", "/api/v1/docs/{ref}/diff?from=1&to=2", Needs(Action::ReadDoc), ""),
    ("POST", "/api/v1/docs/{ref}/publish", Needs(Action::PublishDoc), r#"{"version":1}"#),
    ("GET", "/api/v1/keystones?mission={mission}", Needs(Action::ReadDoc), ""),
    ("POST", "/api/v1/keystones", Needs(Action::CreateDoc), r#"{"mission":"{mission}"}"#),
    (
        "POST",
        "/api/v1/workspaces",
        Needs(Action::LoadWorkspace),
        r#"{"mission":"{mission}","kluster":"fixture"}"#,
    ),
    ("GET", "/api/v1/workspaces/{ref}", Needs(Action::ReadWorkspace), ""),
    (
        "GET",
        "/api/v1/workspaces/{ref}/content?path=keystones/north-star.md",
        Needs(Action::ReadWorkspace),
        "",
    ),
    ("POST", "/api/v1/workspaces/{ref}/heartbeat", Needs(Action::LoadWorkspace), "{}"),
    (
        "POST",
        "/api/v1/workspaces/{ref}/commit",
        Needs(Action::CommitWorkspace),
        r#"{"changes":[{"path":"docs/{new}.md","op":"create","text":"x"}]}"#,
    ),
    ("POST", "/api/v1/workspaces/{ref}/release", Needs(Action::ReleaseWorkspace), "{}"),
    ("GET", "/api/v1/skills", Needs(Action::ReadSkill), ""),
    // What is sent is no archive: whoever has the right is told so.
    ("POST", "/api/v1/skills?mission={mission}", Needs(Action::CreateSkill), r#""{new}""#),
    ("GET", "/api/v1/skills/effective?mission={mission}", Needs(Action::ReadSkill), ""),
    ("GET", "/api/v1/skills/effective/content?mission={mission}", Needs(Action::ReadSkill), ""),
    ("GET", "/api/v1/skills/sync", Needs(Action::ReadSkill), ""),
    (
        "POST",
        "/api/v1/skills/sync",
        Needs(Action::ReportSkill),
        r#"{"mission":"{mission}","place":"{new}","effective_version":"m0-k0","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
    ),
    (
        "POST",
        "/api/v1/skills/promote",
        Needs(Action::CreateSkill),
        r#"{"mission":"{mission}","files":[{"path":"{new}/SKILL.md","text":"x"}]}"#,
    ),
    ("GET", "/api/v1/skills/{ref}", Needs(Action::ReadSkill), ""),
    ("GET", "/api/v1/skills/{ref}/manifest", Needs(Action::ReadSkill), ""),
    ("GET", "/api/v1/skills/{ref}/content", Needs(Action::ReadSkill), ""),
    ("POST", "/api/v1/skills/{ref}/publish", Needs(Action::PublishSkill), ""),
    ("POST", "/api/v1/skills/{ref}/deprecate", Needs(Action::DeprecateSkill), ""),
    ("GET", "/api/v1/profiles", Needs(Action::ReadProfile), ""),
    // What is sent is no archive: whoever has the right is told so.
    ("POST", "/api/v1/profiles?name={new}&base_version=0", Needs(Action::PushProfile), r#""{new}""#),
    // Nobody but its owner finds it; `profiles` tests that.
    ("GET", "/api/v1/profiles/{ref}", Mine(Action::ReadProfile), ""),
    ("DELETE", "/api/v1/profiles/{ref}", Mine(Action::DropProfile), ""),
    ("GET", "/api/v1/profiles/{ref}/versions", Mine(Action::ReadProfile), ""),
    ("GET", "/api/v1/profiles/{ref}/content", Mine(Action::ReadProfile), ""),
    ("POST", "/api/v1/profiles/{ref}/activate", Mine(Action::ActivateProfile), ""),
    ("POST", "/api/v1/profiles/{ref}/pin", Mine(Action::PinProfile), r#"{"number":1}"#),
    ("GET", "/api/v1/profiles/{ref}/status", Mine(Action::ReadProfile), ""),
    ("GET", "/api/v1/publications", Needs(Action::ReadPublication), ""),
    (
        "POST",
        "/api/v1/publications",
        Needs(Action::RequestPublication),
        r#"{"mission":"{mission}","artifacts":["{artifact}"],"message":"{new}"}"#,
    ),
    ("GET", "/api/v1/publications/{ref}", Needs(Action::ReadPublication), ""),
    ("POST", "/api/v1/publications/{ref}/withdraw", Needs(Action::WithdrawPublication), ""),
    ("POST", "/api/v1/publications/{ref}/retry", Needs(Action::RetryPublication), ""),
    (
        "POST",
        "/api/v1/publications/plan",
        Needs(Action::ReadPublication),
        r#"{"mission":"{mission}","entities":[{"entity_type":"task","entity_id":"{task}"}]}"#,
    ),
    ("GET", "/api/v1/publications/pending?mission={mission}", Needs(Action::ReadPublication), ""),
    (
        "POST",
        "/api/v1/publications/pending",
        Needs(Action::RequestPublication),
        r#"{"mission_id":"{mission}"}"#,
    ),
    ("GET", "/api/v1/publications/status?mission={mission}", Needs(Action::ReadPublication), ""),
    ("GET", "/api/v1/connections", Needs(Action::ReadConnection), ""),
    (
        "POST",
        "/api/v1/connections",
        Needs(Action::ManageConnection),
        r#"{"name":"{new}","connection_kind":"local","url":"/nowhere"}"#,
    ),
    ("GET", "/persistence/connections", Needs(Action::ReadConnection), ""),
    (
        "POST",
        "/persistence/connections",
        Needs(Action::ManageConnection),
        r#"{"name":"{new}","connection_kind":"local","url":"/nowhere"}"#,
    ),
    ("GET", "/api/v1/connections/{ref}", Needs(Action::ReadConnection), ""),
    ("DELETE", "/api/v1/connections/{ref}", Needs(Action::ManageConnection), ""),
    (
        "POST",
        "/api/v1/connections/{ref}/rotate",
        Needs(Action::ManageConnection),
        r#"{"credential":{"credential_kind":"none"}}"#,
    ),
    (
        "POST",
        "/api/v1/connections/{ref}/test",
        Needs(Action::ManageConnection),
        r#"{"repository":"absent.git"}"#,
    ),
    ("GET", "/api/v1/bindings", Needs(Action::ReadBinding), ""),
    (
        "POST",
        "/api/v1/bindings",
        Needs(Action::ManageBinding),
        r#"{"mission":"{mission}","name":"{new}","connection":"fixture","repository":"{new}.git"}"#,
    ),
    ("GET", "/persistence/bindings", Needs(Action::ReadBinding), ""),
    (
        "POST",
        "/persistence/bindings",
        Needs(Action::ManageBinding),
        r#"{"mission":"{mission}","name":"{new}","connection":"fixture","repository":"{new}.git"}"#,
    ),
    (
        "POST",
        "/api/v1/bindings/provision",
        Needs(Action::ManageBinding),
        r#"{"mission_id":"{mission}","connection":"fixture","repository":"fixture.git","binding":"fixture"}"#,
    ),
    ("GET", "/api/v1/bindings/{ref}", Needs(Action::ReadBinding), ""),
    ("DELETE", "/api/v1/bindings/{ref}", Needs(Action::ManageBinding), ""),
    ("GET", "/api/v1/publication-policies/{ref}", Needs(Action::ReadBinding), ""),
    ("PUT", "/api/v1/publication-policies/{ref}", Needs(Action::SetPublicationPolicy), "{}"),
    ("GET", "/api/v1/approvals", Needs(Action::ReadApproval), ""),
    ("GET", "/api/v1/approvals/{ref}", Needs(Action::ReadApproval), ""),
    (
        "POST",
        "/api/v1/approvals/decide",
        Needs(Action::DecideApproval),
        r#"{"items":[{"approval":"{approval}","decision":"approve"}]}"#,
    ),
    ("POST", "/api/v1/approvals/{ref}/approve", Needs(Action::DecideApproval), "{}"),
    ("POST", "/api/v1/approvals/{ref}/reject", Needs(Action::DecideApproval), "{}"),
    // Only the requester withdraws; `approvals::only_the_requester_withdraws` covers that.
    ("POST", "/api/v1/approvals/{ref}/cancel", Needs(Action::CancelApproval), ""),
    ("GET", "/api/v1/reservations", Needs(Action::ReadReservation), ""),
    (
        "POST",
        "/api/v1/reservations",
        Needs(Action::CreateReservation),
        r#"{"mission":"{mission}","repository":"https://host.example/x/y.git","globs":["{new}/**"]}"#,
    ),
    (
        "POST",
        "/api/v1/reservations/check",
        Needs(Action::ReadReservation),
        r#"{"repository":"https://host.example/x/y.git","paths":["a"]}"#,
    ),
    ("GET", "/api/v1/reservations/{ref}", Needs(Action::ReadReservation), ""),
    // Only the holder renews, only the holder or an Admin releases; `reservations` tests that.
    ("POST", "/api/v1/reservations/{ref}/renew", Needs(Action::RenewReservation), "{}"),
    ("POST", "/api/v1/reservations/{ref}/release", Needs(Action::ReleaseReservation), ""),
    ("GET", "/api/v1/sessions", Needs(Action::ReadSession), ""),
    (
        "POST",
        "/api/v1/sessions",
        Needs(Action::CreateSession),
        r#"{"mission":"{mission}","runtime":"nobody-has-it"}"#,
    ),
    ("GET", "/api/v1/sessions/{ref}", Needs(Action::ReadSession), ""),
    ("GET", "/api/v1/sessions/{ref}/events", Needs(Action::ReadSession), ""),
    ("GET", "/api/v1/sessions/{ref}/turns", Needs(Action::ReadSession), ""),
    ("GET", "/api/v1/sessions/{ref}/conversation", Needs(Action::ReadSession), ""),
    ("POST", "/api/v1/sessions/{ref}/prompt", Needs(Action::SteerSession), r#"{"text":"{new}"}"#),
    ("POST", "/api/v1/sessions/{ref}/cancel", Needs(Action::SteerSession), ""),
    ("POST", "/api/v1/sessions/{ref}/decide", Needs(Action::SteerSession), r#"{"decision":"retry"}"#),
    ("PUT", "/api/v1/sessions/{ref}/mode", Needs(Action::SteerSession), r#"{"mode":"plan"}"#),
    ("POST", "/api/v1/turns/{ref}/cancel", Needs(Action::SteerSession), ""),
    ("POST", "/api/v1/sessions/{ref}/stop", Needs(Action::SteerSession), ""),
    ("GET", "/api/v1/turns", Needs(Action::ReadSession), ""),
    ("GET", "/api/v1/turns/{ref}", Needs(Action::ReadSession), ""),
    ("GET", "/api/v1/nodes", Needs(Action::ReadNode), ""),
    ("GET", "/api/v1/nodes/{ref}", Needs(Action::ReadNode), ""),
    ("DELETE", "/api/v1/nodes/{ref}", Needs(Action::ManageNode), ""),
    ("POST", "/api/v1/nodes/{ref}/drain", Needs(Action::ManageNode), ""),
    ("POST", "/api/v1/nodes/{ref}/cordon", Needs(Action::ManageNode), ""),
    ("POST", "/api/v1/nodes/{ref}/uncordon", Needs(Action::ManageNode), ""),
    ("GET", "/api/v1/join-tokens", Needs(Action::ManageNode), ""),
    ("POST", "/api/v1/join-tokens", Needs(Action::ManageNode), "{}"),
    ("GET", "/api/v1/join-tokens/{ref}", Needs(Action::ManageNode), ""),
    ("DELETE", "/api/v1/join-tokens/{ref}", Needs(Action::ManageNode), ""),
    ("GET", "/api/v1/ledger/events", Needs(Action::ReadLedger), ""),
    ("GET", "/api/v1/ledger/head", Needs(Action::ReadLedger), ""),
    ("GET", "/api/v1/ledger/history", Needs(Action::ReadLedger), ""),
    // It verifies nothing here: the fixture is no empty installation. `restore` tests the rest.
    ("POST", "/api/v1/ledger/restore", Needs(Action::RestoreLedger), r#"{"files":[],"commit":"0000000"}"#),
    ("GET", "/api/v1/ledger/export", Needs(Action::ExportLedger), ""),
];

/// Routes that are no operations of the API, and not in its document: method (`*`: every one), path, who may.
/// `documents::every_route_is_in_a_table` calls each without a token.
pub(crate) const PLAIN: &[(&str, &str, Who)] = &[
    ("GET", "/api/docs", Anonymous),
    ("GET", "/api/docs/", Anonymous),
    ("GET", "/api/docs/{*rest}", Anonymous),
    ("GET", "/openapi.json", Anonymous),
    ("GET", "/ui", Anonymous),
    ("GET", "/ui/", Anonymous),
    ("GET", "/ui/{*path}", Anonymous),
    // What the tools need is in `TOOLS`.
    ("*", "/mcp", Anyone),
];

const fn tool(who: Who, body: &'static str) -> Operation {
    ("POST", "/mcp/call", who, body)
}

/// Every tool, called through the plain HTTP door; `mcp::every_tool_is_in_the_table` compares it with the registry.
pub(crate) const TOOLS: &[Operation] = &[
    tool(Anyone, r#"{"tool":"whoami","arguments":{}}"#),
    tool(Needs(Action::ReadSystem), r#"{"tool":"get_embedding_status","arguments":{}}"#),
    tool(Needs(Action::ReadMission), r#"{"tool":"list_missions","arguments":{}}"#),
    tool(Needs(Action::ReadMission), r#"{"tool":"get_mission","arguments":{"mission":"{mission}"}}"#),
    tool(Needs(Action::CreateMission), r#"{"tool":"create_mission","arguments":{"name":"{new}"}}"#),
    tool(
        Needs(Action::UpdateMission),
        r#"{"tool":"update_mission","arguments":{"mission_id":"{mission}","description":"{new}"}}"#,
    ),
    // There is something in them: whoever has the right is told so.
    tool(Needs(Action::DeleteMission), r#"{"tool":"delete_mission","arguments":{"mission":"{mission}"}}"#),
    tool(Needs(Action::ReadKluster), r#"{"tool":"list_klusters","arguments":{}}"#),
    tool(
        Needs(Action::ReadKluster),
        r#"{"tool":"get_kluster","arguments":{"kluster":"fixture","mission":"{mission}"}}"#,
    ),
    tool(
        Needs(Action::CreateKluster),
        r#"{"tool":"create_kluster","arguments":{"mission_id":"{mission}","name":"{new}"}}"#,
    ),
    tool(
        Needs(Action::UpdateKluster),
        r#"{"tool":"update_kluster","arguments":{"kluster":"fixture","mission":"{mission}","description":"{new}"}}"#,
    ),
    tool(
        Needs(Action::DeleteKluster),
        r#"{"tool":"delete_kluster","arguments":{"kluster":"fixture","mission":"{mission}"}}"#,
    ),
    tool(Needs(Action::ReadTask), r#"{"tool":"list_tasks","arguments":{}}"#),
    tool(Needs(Action::ReadTask), r#"{"tool":"list_task_assignments","arguments":{}}"#),
    tool(
        Needs(Action::SteerTask),
        r#"{"tool":"block_task","arguments":{"task":"{doomed_task}","note":"x"}}"#,
    ),
    tool(Needs(Action::SteerTask), r#"{"tool":"unblock_task","arguments":{"task":"{doomed_task}"}}"#),
    tool(Needs(Action::SteerTask), r#"{"tool":"cancel_task","arguments":{"task":"{doomed_task}"}}"#),
    tool(Needs(Action::SteerTask), r#"{"tool":"retry_task","arguments":{"task":"{doomed_task}"}}"#),
    tool(Needs(Action::DeleteTask), r#"{"tool":"delete_task","arguments":{"task":"{doomed_task}"}}"#),
    tool(
        Needs(Action::ExportMission),
        r#"{"tool":"inspect_mission_export","arguments":{"mission":"{mission}"}}"#,
    ),
    tool(Needs(Action::ReadTask), r#"{"tool":"count_tasks","arguments":{}}"#),
    tool(Needs(Action::ReadTask), r#"{"tool":"get_task","arguments":{"task":"{task}"}}"#),
    tool(Needs(Action::ReadTask), r#"{"tool":"why_task","arguments":{"task":"{task}"}}"#),
    tool(
        Needs(Action::UpdateTask),
        r#"{"tool":"apply_manifests","arguments":{"documents":[{"apiVersion":"missioncontrol.dev/v1","kind":"Task","metadata":{"name":"{new}","mission":"fixture","kluster":"fixture"},"spec":{"title":"{new}"}}]}}"#,
    ),
    tool(
        Needs(Action::CreateTask),
        r#"{"tool":"import_tasks","arguments":{"mission":"{mission}","kluster":"fixture","source":"s","rows":[{"line":1,"external_id":"{new}","title":"{new}"}]}}"#,
    ),
    tool(Needs(Action::ReadTemplate), r#"{"tool":"list_templates","arguments":{}}"#),
    tool(
        Needs(Action::CreateTask),
        r#"{"tool":"create_task_from_template","arguments":{"template":"fixture","kluster":"fixture","title":"{new}"}}"#,
    ),
    tool(
        Needs(Action::CreateTask),
        r#"{"tool":"create_task","arguments":{"mission":"{mission}","kluster":"fixture","title":"{new}"}}"#,
    ),
    tool(
        Needs(Action::UpdateTask),
        r#"{"tool":"update_task","arguments":{"task":"{task}","description":"{new}"}}"#,
    ),
    tool(
        Needs(Action::ReadOverlap),
        r#"{"tool":"check_overlap","arguments":{"mission":"{mission}","kluster":"fixture","title":"{new}"}}"#,
    ),
    tool(Needs(Action::ReadTask), r#"{"tool":"search_tasks","arguments":{"query":"fixture"}}"#),
    tool(Needs(Action::ReadTask), r#"{"tool":"search_klusters","arguments":{"query":"fixture"}}"#),
    tool(Needs(Action::ReadTask), r#"{"tool":"search","arguments":{"query":"fixture"}}"#),
    tool(
        Needs(Action::ReadOverlap),
        r#"{"tool":"get_overlap_suggestions","arguments":{"task_id":"{task}"}}"#,
    ),
    tool(
        Needs(Action::DecideOverlap),
        r#"{"tool":"accept_overlap","arguments":{"overlap":"{overlap}","as":"link"}}"#,
    ),
    tool(
        Needs(Action::DecideOverlap),
        r#"{"tool":"dismiss_overlap","arguments":{"overlap":"{overlap}","reason":"{new}"}}"#,
    ),
    tool(Needs(Action::ClaimTask), r#"{"tool":"claim_task","arguments":{"task":"{task}"}}"#),
    tool(Needs(Action::ClaimTask), r#"{"tool":"claim_next_task","arguments":{}}"#),
    tool(
        Needs(Action::HeartbeatTask),
        r#"{"tool":"heartbeat_task","arguments":{"task":"{task}","attempt":1}}"#,
    ),
    tool(
        Needs(Action::ProgressTask),
        r#"{"tool":"progress_task","arguments":{"task":"{task}","attempt":1}}"#,
    ),
    tool(
        Needs(Action::CompleteTask),
        r#"{"tool":"complete_task","arguments":{"task":"{task}","attempt":1}}"#,
    ),
    tool(
        Needs(Action::FailTask),
        r#"{"tool":"fail_task","arguments":{"task":"{task}","attempt":1,"reason":"x"}}"#,
    ),
    tool(Needs(Action::ReleaseTask), r#"{"tool":"release_task","arguments":{"task":"{task}","attempt":1}}"#),
    tool(
        Needs(Action::CreateArtifact),
        r#"{"tool":"create_artifact","arguments":{"mission":"{mission}","name":"{new}","text":"x"}}"#,
    ),
    tool(Needs(Action::ReadArtifact), r#"{"tool":"list_artifacts","arguments":{}}"#),
    tool(Needs(Action::ReadArtifact), r#"{"tool":"get_artifact","arguments":{"artifact":"{artifact}"}}"#),
    tool(
        Needs(Action::DownloadArtifact),
        r#"{"tool":"download_artifact","arguments":{"artifact":"{artifact}"}}"#,
    ),
    tool(
        Needs(Action::DownloadArtifact),
        r#"{"tool":"get_artifact_download_url","arguments":{"artifact":"{artifact}"}}"#,
    ),
    tool(
        Needs(Action::CreateDoc),
        r#"{"tool":"create_doc","arguments":{"mission":"{mission}","name":"{new}","content":"x"}}"#,
    ),
    tool(Needs(Action::ReadDoc), r#"{"tool":"get_doc","arguments":{"doc":"{doc}"}}"#),
    tool(Needs(Action::ReadDoc), r#"{"tool":"read_doc","arguments":{"doc_id":"{doc}"}}"#),
    tool(Needs(Action::ReadDoc), r#"{"tool":"list_docs","arguments":{}}"#),
    tool(
        Needs(Action::UpdateDoc),
        r#"{"tool":"update_doc","arguments":{"doc":"{doc}","base_version":999,"content":"{new}"}}"#,
    ),
    tool(Needs(Action::ReadDoc), r#"{"tool":"diff_doc","arguments":{"doc":"{doc}","from":1,"to":2}}"#),
    tool(Needs(Action::PublishDoc), r#"{"tool":"publish_doc","arguments":{"doc":"{doc}","version":1}}"#),
    tool(Needs(Action::ReadDoc), r#"{"tool":"get_keystone","arguments":{"mission":"{mission}"}}"#),
    tool(Needs(Action::DeleteDoc), r#"{"tool":"delete_doc","arguments":{"doc":"{doomed}"}}"#),
    tool(
        Needs(Action::LoadWorkspace),
        r#"{"tool":"load_kluster_workspace","arguments":{"mission":"{mission}","kluster":"fixture"}}"#,
    ),
    tool(
        Needs(Action::LoadWorkspace),
        r#"{"tool":"heartbeat_workspace_lease","arguments":{"workspace":"{workspace}"}}"#,
    ),
    tool(
        Needs(Action::ReadWorkspace),
        r#"{"tool":"fetch_workspace_artifact","arguments":{"workspace":"{workspace}","path":"keystones/north-star.md"}}"#,
    ),
    tool(
        Needs(Action::CommitWorkspace),
        r#"{"tool":"commit_kluster_workspace","arguments":{"workspace":"{workspace}","changes":[{"path":"docs/{new}.md","op":"create","text":"x"}]}}"#,
    ),
    tool(
        Needs(Action::ReleaseWorkspace),
        r#"{"tool":"release_kluster_workspace","arguments":{"workspace":"{workspace}"}}"#,
    ),
    tool(
        Needs(Action::RequestPublication),
        r#"{"tool":"request_publication","arguments":{"mission":"{mission}","artifacts":["{artifact}"]}}"#,
    ),
    tool(Needs(Action::ReadSkill), r#"{"tool":"list_skill_bundles","arguments":{}}"#),
    tool(Needs(Action::ReadSkill), r#"{"tool":"get_skill_bundle","arguments":{"skill":"{skill}"}}"#),
    tool(
        Needs(Action::CreateSkill),
        r#"{"tool":"push_skill_bundle","arguments":{"mission":"{mission}","files":[{"path":"{new}/SKILL.md","text":"x"}]}}"#,
    ),
    tool(Needs(Action::PublishSkill), r#"{"tool":"publish_skill_bundle","arguments":{"skill":"{skill}"}}"#),
    tool(
        Needs(Action::DeprecateSkill),
        r#"{"tool":"deprecate_skill_bundle","arguments":{"skill":"{skill}"}}"#,
    ),
    tool(
        Needs(Action::ReadSkill),
        r#"{"tool":"resolve_skill_snapshot","arguments":{"mission":"{mission}"}}"#,
    ),
    tool(
        Needs(Action::ReadSkill),
        r#"{"tool":"download_skill_snapshot","arguments":{"mission":"{mission}"}}"#,
    ),
    tool(Needs(Action::ReadSkill), r#"{"tool":"get_skill_sync_status","arguments":{}}"#),
    tool(
        Needs(Action::ReportSkill),
        r#"{"tool":"ack_skill_sync","arguments":{"mission":"{mission}","place":"{new}","effective_version":"m0-k0","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#,
    ),
    tool(
        Needs(Action::CreateSkill),
        r#"{"tool":"promote_local_skill_overlay","arguments":{"mission_id":"{mission}","files":[{"path":"{new}/SKILL.md","text":"x"}]}}"#,
    ),
    tool(Needs(Action::ReadProfile), r#"{"tool":"list_profiles","arguments":{}}"#),
    tool(Mine(Action::ReadProfile), r#"{"tool":"get_profile","arguments":{"profile":"somebodys"}}"#),
    tool(
        Needs(Action::PushProfile),
        r#"{"tool":"publish_profile","arguments":{"name":"{new}","base_version":0,"files":[]}}"#,
    ),
    tool(Mine(Action::ReadProfile), r#"{"tool":"download_profile","arguments":{"profile":"somebodys"}}"#),
    tool(Mine(Action::ActivateProfile), r#"{"tool":"activate_profile","arguments":{"name":"somebodys"}}"#),
    tool(Mine(Action::ReadProfile), r#"{"tool":"profile_status","arguments":{"name":"somebodys"}}"#),
    tool(Mine(Action::PinProfile), r#"{"tool":"pin_profile_version","arguments":{"name":"somebodys"}}"#),
    tool(Mine(Action::DropProfile), r#"{"tool":"delete_profile","arguments":{"profile":"somebodys"}}"#),
    tool(Needs(Action::ReadApproval), r#"{"tool":"list_approvals","arguments":{}}"#),
    tool(Needs(Action::ReadApproval), r#"{"tool":"get_approval","arguments":{"approval":"{approval}"}}"#),
    tool(
        Needs(Action::CreateReservation),
        r#"{"tool":"reserve_paths","arguments":{"mission":"{mission}","repository":"git@host.example:x/y","globs":["{new}/**"]}}"#,
    ),
    tool(
        Needs(Action::RenewReservation),
        r#"{"tool":"renew_paths","arguments":{"reservation":"{reservation}"}}"#,
    ),
    tool(
        Needs(Action::ReleaseReservation),
        r#"{"tool":"release_paths","arguments":{"reservation":"{reservation}"}}"#,
    ),
    tool(
        Needs(Action::ReadReservation),
        r#"{"tool":"check_paths","arguments":{"repository":"git@host.example:x/y","globs":["**"]}}"#,
    ),
    tool(Needs(Action::ReadReservation), r#"{"tool":"list_reservations","arguments":{}}"#),
    tool(
        Needs(Action::ReadPublication),
        r#"{"tool":"resolve_publish_plan","arguments":{"entity_type":"task","entity_id":"{task}","mission_id":"{mission}"}}"#,
    ),
    tool(
        Needs(Action::ReadPublication),
        r#"{"tool":"list_pending_ledger_events","arguments":{"mission_id":"{mission}"}}"#,
    ),
    tool(
        Needs(Action::RequestPublication),
        r#"{"tool":"publish_pending_ledger_events","arguments":{"mission_id":"{mission}"}}"#,
    ),
    tool(
        Needs(Action::WithdrawPublication),
        r#"{"tool":"withdraw_publication","arguments":{"publication_id":"{publication}"}}"#,
    ),
    tool(
        Needs(Action::RetryPublication),
        r#"{"tool":"retry_publication","arguments":{"publication_id":"{publication}"}}"#,
    ),
    tool(
        Needs(Action::ReadPublication),
        r#"{"tool":"get_publication_status","arguments":{"mission_id":"{mission}"}}"#,
    ),
    tool(Needs(Action::ReadBinding), r#"{"tool":"list_repo_bindings","arguments":{}}"#),
    tool(
        Needs(Action::ManageBinding),
        r#"{"tool":"provision_mission_persistence","arguments":{"mission_id":"{mission}","connection":"fixture","repository":"fixture.git","binding":"fixture"}}"#,
    ),
    tool(Needs(Action::ReadLedger), r#"{"tool":"get_entity_history","arguments":{}}"#),
];

/// The operations and the tools.
pub(crate) fn all() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(TOOLS)
}
