//! Every operation of the API with who may call it: one line each. `documents::every_operation_is_in_the_table` compares
//! it with the OpenAPI document; `roles` calls every line as every role.

use mc_api::Action;

use Who::{Anonymous, Anyone, Needs};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody, also without a token.
    Anonymous,
    /// Whoever has a valid token, also without any role.
    Anyone,
    /// Whoever has the least role of this action.
    Needs(Action),
}

/// Method, path, who may, and the body to send (empty: none). In path and body `{ref}`, `{mission}`,
/// `{artifact}` and `{new}` are filled in: the object of the path's collection, ids, and a name that nobody has yet.
pub(crate) type Operation = (&'static str, &'static str, Who, &'static str);

pub(crate) const OPERATIONS: &[Operation] = &[
    ("GET", "/healthz", Anonymous, ""),
    ("GET", "/health", Anonymous, ""),
    ("GET", "/readyz", Anonymous, ""),
    ("GET", "/versionz", Anonymous, ""),
    // On loopback; `authn::metrics_beyond_loopback_need_a_token` covers the rest.
    ("GET", "/metrics", Anonymous, ""),
    ("GET", "/api/v1/system/doctor", Needs(Action::ReadSystem), ""),
    ("POST", "/api/v1/auth/login", Needs(Action::Login), "{}"),
    ("GET", "/api/v1/auth/whoami", Anyone, ""),
    ("POST", "/api/v1/auth/logout", Needs(Action::Logout), ""),
    ("GET", "/api/v1/principals", Needs(Action::ReadPrincipal), ""),
    (
        "POST",
        "/api/v1/principals",
        Needs(Action::ManagePrincipal),
        r#"{"name":"{new}","principal_kind":"user"}"#,
    ),
    ("GET", "/api/v1/principals/{ref}", Needs(Action::ReadPrincipal), ""),
    ("PUT", "/api/v1/principals/{ref}/role", Needs(Action::ManagePrincipal), r#"{"role":"viewer"}"#),
    ("GET", "/api/v1/missions", Needs(Action::ReadMission), ""),
    ("POST", "/api/v1/missions", Needs(Action::CreateMission), r#"{"name":"{new}"}"#),
    ("GET", "/api/v1/missions/{ref}", Needs(Action::ReadMission), ""),
    ("PATCH", "/api/v1/missions/{ref}", Needs(Action::UpdateMission), r#"{"description":"{new}"}"#),
    ("DELETE", "/api/v1/missions/{ref}", Needs(Action::DeleteMission), ""),
    ("GET", "/api/v1/klusters", Needs(Action::ReadKluster), ""),
    ("POST", "/api/v1/klusters", Needs(Action::CreateKluster), r#"{"mission":"{mission}","name":"{new}"}"#),
    ("GET", "/api/v1/klusters/{ref}", Needs(Action::ReadKluster), ""),
    ("PATCH", "/api/v1/klusters/{ref}", Needs(Action::UpdateKluster), r#"{"description":"{new}"}"#),
    ("DELETE", "/api/v1/klusters/{ref}", Needs(Action::DeleteKluster), ""),
    ("GET", "/api/v1/tasks", Needs(Action::ReadTask), ""),
    (
        "POST",
        "/api/v1/tasks",
        Needs(Action::CreateTask),
        r#"{"mission":"{mission}","kluster":"fixture","title":"{new}"}"#,
    ),
    ("POST", "/api/v1/tasks/claim", Needs(Action::ClaimTask), "{}"),
    ("GET", "/api/v1/tasks/{ref}", Needs(Action::ReadTask), ""),
    ("PATCH", "/api/v1/tasks/{ref}", Needs(Action::UpdateTask), r#"{"title":"{new}"}"#),
    ("DELETE", "/api/v1/tasks/{ref}", Needs(Action::DeleteTask), ""),
    ("POST", "/api/v1/tasks/{ref}/claim", Needs(Action::ClaimTask), "{}"),
    ("POST", "/api/v1/tasks/{ref}/heartbeat", Needs(Action::WorkTask), r#"{"attempt":1}"#),
    ("POST", "/api/v1/tasks/{ref}/progress", Needs(Action::WorkTask), r#"{"attempt":1}"#),
    ("POST", "/api/v1/tasks/{ref}/complete", Needs(Action::WorkTask), r#"{"attempt":1}"#),
    ("POST", "/api/v1/tasks/{ref}/fail", Needs(Action::WorkTask), r#"{"attempt":1,"reason":"x"}"#),
    ("POST", "/api/v1/tasks/{ref}/release", Needs(Action::WorkTask), r#"{"attempt":1}"#),
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
    ("DELETE", "/api/v1/artifacts/{ref}", Needs(Action::DeleteArtifact), ""),
    ("GET", "/api/v1/publications", Needs(Action::ReadPublication), ""),
    (
        "POST",
        "/api/v1/publications",
        Needs(Action::RequestPublication),
        r#"{"mission":"{mission}","artifacts":["{artifact}"],"message":"{new}"}"#,
    ),
    ("GET", "/api/v1/publications/{ref}", Needs(Action::ReadPublication), ""),
    ("GET", "/api/v1/approvals", Needs(Action::ReadApproval), ""),
    ("GET", "/api/v1/approvals/{ref}", Needs(Action::ReadApproval), ""),
    ("POST", "/api/v1/approvals/{ref}/approve", Needs(Action::DecideApproval), "{}"),
    ("POST", "/api/v1/approvals/{ref}/reject", Needs(Action::DecideApproval), "{}"),
    // Only the requester withdraws; `approvals::only_the_requester_withdraws` covers that.
    ("POST", "/api/v1/approvals/{ref}/cancel", Needs(Action::CancelApproval), ""),
    ("GET", "/api/v1/nodes", Needs(Action::ReadNode), ""),
    ("GET", "/api/v1/nodes/{ref}", Needs(Action::ReadNode), ""),
    ("DELETE", "/api/v1/nodes/{ref}", Needs(Action::ManageNode), ""),
    ("POST", "/api/v1/nodes/{ref}/cordon", Needs(Action::ManageNode), ""),
    ("POST", "/api/v1/nodes/{ref}/uncordon", Needs(Action::ManageNode), ""),
    ("GET", "/api/v1/join-tokens", Needs(Action::ManageNode), ""),
    ("POST", "/api/v1/join-tokens", Needs(Action::ManageNode), "{}"),
    ("GET", "/api/v1/join-tokens/{ref}", Needs(Action::ManageNode), ""),
    ("DELETE", "/api/v1/join-tokens/{ref}", Needs(Action::ManageNode), ""),
    ("GET", "/api/v1/ledger/events", Needs(Action::ReadLedger), ""),
    ("GET", "/api/v1/ledger/head", Needs(Action::ReadLedger), ""),
    ("GET", "/api/v1/ledger/export", Needs(Action::ExportLedger), ""),
];
