//! Principals, roles and login sessions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{MissionId, NodeId, PrincipalId, SessionId, TaskId, TokenId};
use crate::{Name, Role, Timestamp};

crate::text_enum! {
    /// What sort of acting subject a principal is.
    pub enum PrincipalKind {
        /// The holder of the bootstrap token.
        Bootstrap = "bootstrap",
        /// A person.
        User = "user",
        /// An agent.
        Agent = "agent",
        /// A node.
        Node = "node",
        /// A program.
        ServiceAccount = "service_account",
    }
}

/// A principal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Principal {
    /// Always `principal`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The id.
    pub id: PrincipalId,
    /// Unique in the organization.
    pub name: Name,
    /// The sort of subject.
    pub principal_kind: PrincipalKind,
    /// The role in the organization.
    pub role: Option<Role>,
    /// Roles in single missions, beside the organization's.
    pub mission_roles: Vec<MissionRole>,
    /// Optimistic lock.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

fn kind() -> String {
    "principal".into()
}

/// The name behind the id of a principal (`GET /api/v1/principal-names`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PrincipalName {
    /// Always `principal_name`.
    #[serde(default = "name_kind")]
    pub kind: String,
    /// The id.
    pub id: PrincipalId,
    /// The name.
    pub name: Name,
    /// The sort of subject.
    pub principal_kind: PrincipalKind,
    /// The agent session that an agent was made for, when the caller may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The node that it is, when the caller may read nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
}

fn name_kind() -> String {
    "principal_name".into()
}

/// A role in one mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MissionRole {
    /// The mission.
    pub mission_id: MissionId,
    /// The role.
    pub role: Role,
}

/// Creates a principal (`POST /api/v1/principals`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePrincipal {
    /// Unique in the organization.
    pub name: Name,
    /// `user`, `agent` or `service_account`.
    pub principal_kind: PrincipalKind,
    /// The role in the organization.
    #[serde(default)]
    pub role: Option<Role>,
}

/// Sets or removes a role (`PUT /api/v1/principals/{ref}/role`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRole {
    /// In this mission (id or name); absent: in the organization.
    #[serde(default)]
    pub mission: Option<String>,
    /// The role; `null` removes it.
    pub role: Option<Role>,
}

/// Makes a login session (`POST /api/v1/auth/login`) with the bearer token presented.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Log in as this user, made when absent; needs Admin.
    #[serde(default)]
    pub principal: Option<Name>,
    /// The role of a user made here; default `contributor`.
    #[serde(default)]
    pub role: Option<Role>,
    /// Lifetime in seconds, 60 to 2 592 000; default 43 200 (12 h).
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
}

/// A login session. The token is shown once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoginSession {
    /// The id.
    pub id: TokenId,
    /// Who.
    pub principal: Principal,
    /// `mcs_…`; absent when the answer is repeated for the same idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Makes a login session that a browser keeps as a cookie (`POST /api/v1/auth/cookie`) with the bearer token presented.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CookieLogin {
    /// Lifetime in seconds, 60 to 2 592 000; default 43 200 (12 h).
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
}

/// A login session, without its token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Login {
    /// Always `login`.
    #[serde(default = "login_kind")]
    pub kind: String,
    /// The id.
    pub id: TokenId,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<PrincipalId>,
    /// Whose, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Name>,
    /// Whether it is the one in use.
    pub is_current: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

fn login_kind() -> String {
    "login".into()
}

/// What `POST /api/v1/auth/logout-everywhere` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoggedOut {
    /// How many login sessions ended.
    pub ended: u64,
}

/// Makes a grant for an agent (`POST /api/v1/auth/grants`). A grant itself makes none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGrant {
    /// The agent, made when absent; default `<caller>-agent`.
    #[serde(default)]
    pub principal: Option<Name>,
    /// Only in this mission (id or name).
    #[serde(default)]
    pub mission: Option<String>,
    /// For this task (id or key), which the agent has claimed: its reports then need no attempt.
    #[serde(default)]
    pub task: Option<String>,
    /// Lifetime in seconds, 60 to 43 200; default 900.
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
}

/// What an agent acts with for a short time. The token is shown once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Always `grant`.
    #[serde(default = "grant_kind")]
    pub kind: String,
    /// The id.
    pub id: TokenId,
    /// The agent.
    pub principal_id: PrincipalId,
    /// The agent's name.
    pub principal: String,
    /// The only mission in which it counts; absent: wherever the agent has a role.
    pub mission_id: Option<MissionId>,
    /// The agent session that it was made for.
    pub session_id: Option<SessionId>,
    /// The task whose reports need no attempt.
    pub task_id: Option<TaskId>,
    /// The attempt that counts for them.
    pub attempt: Option<i32>,
    /// `mcg_…`; absent when the answer is repeated for the same idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A file (0600) by which an agent's MCP bridge is told server and grant. Whoever renews the grant replaces the file as
/// a whole; the bridge reads it again before each call.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct GrantFile {
    /// The server's address.
    pub base_url: String,
    /// `mcg_…`.
    pub token: String,
    /// When the token ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

fn grant_kind() -> String {
    "grant".into()
}

/// Who the caller is (`GET /api/v1/auth/whoami`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// The principal.
    pub principal: Principal,
    /// The login session in use; absent for the bootstrap token.
    pub login_session_id: Option<TokenId>,
    /// The grant in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// When the login session or the grant ends.
    pub expires_at: Option<Timestamp>,
    /// The governance profile of the server.
    pub governance_profile: GovernanceProfile,
}

crate::text_enum! {
    /// How strict governance is (`MC_GOV_PROFILE`).
    pub enum GovernanceProfile {
        /// One person may approve an own request, flagged `self_approved`.
        Development = "development",
        /// Requester and approver differ.
        Standard = "standard",
        /// As `standard`, with the strictest defaults.
        Production = "production",
    }
}
