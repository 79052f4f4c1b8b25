//! Nodes and the tokens they join with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{NodeId, PrincipalId, TokenId};
use crate::{Name, Timestamp};

crate::text_enum! {
    /// Whether a node can be relied on.
    pub enum NodeState {
        /// Its lease holds.
        Ready = "ready",
        /// Its lease ran out; its sessions may well go on.
        NotReady = "not_ready",
        /// Removed: its certificate is refused.
        Revoked = "revoked",
    }
}

/// A runtime as a node found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeRuntime {
    /// Its name.
    pub name: String,
    /// Whether agent sessions can be started with it.
    pub available: bool,
    /// Its version, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How to install it, when it is not available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeFacts {
    /// Version of `mc-mesh`.
    pub version: String,
    /// Host name.
    pub hostname: String,
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Identifies the boot of the machine.
    pub boot_id: String,
    /// How many agent sessions it takes at once.
    pub slots: u32,
    /// `S0` … `S3`.
    pub sandbox_tier: String,
    /// Runtimes.
    pub runtimes: Vec<NodeRuntime>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Always `node`.
    #[serde(default = "node_kind")]
    pub kind: String,
    /// The id.
    pub id: NodeId,
    /// Unique among the nodes that are not revoked.
    pub name: Name,
    /// Whether it can be relied on.
    pub state: NodeState,
    /// Takes no new agent sessions.
    pub cordoned: bool,
    /// Takes nothing new until its last agent session has ended; it is cordoned then as well.
    #[serde(default)]
    pub draining: bool,
    /// It is being drained, and no agent session is left on it.
    #[serde(default)]
    pub is_drained: bool,
    /// When its last agent session had ended, after it was drained.
    #[serde(default)]
    pub drained_at: Option<Timestamp>,
    /// What it says of itself.
    pub facts: NodeFacts,
    /// Agent sessions on it that have not ended.
    pub live_sessions: i64,
    /// When it was last heard.
    pub last_seen_at: Timestamp,
    /// The principal it acts as.
    pub principal_id: PrincipalId,
    /// Optimistic lock; also the `ETag`.
    pub version: i64,
    /// When it joined.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn node_kind() -> String {
    "node".into()
}

/// Makes a join token (`POST /api/v1/join-tokens`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateJoinToken {
    /// The name of the node that joins with it; absent: the node's wish.
    #[serde(default)]
    pub node_name: Option<Name>,
    /// Lifetime in seconds, 60 to 86 400; default 900.
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
    /// How many nodes may join with it, 1 to 100; default 1. A named token joins one.
    #[serde(default)]
    pub uses: Option<u32>,
}

/// A join token. The token itself is shown once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JoinToken {
    /// Always `join_token`.
    #[serde(default = "join_token_kind")]
    pub kind: String,
    /// The id.
    pub id: TokenId,
    /// `mcj_<id>.<secret>.<ca_sha256>`; absent after it was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// SHA-256 of the installation's CA certificate (DER), lowercase hex.
    pub ca_sha256: String,
    /// The gRPC endpoint to join at, as this server advertises it.
    pub server: String,
    /// The name of the node that joins with it.
    pub node_name: Option<Name>,
    /// How many nodes may join with it.
    pub uses: i64,
    /// How many have.
    pub used: i64,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who made it.
    pub created_by: PrincipalId,
    /// When it was made.
    pub created_at: Timestamp,
}

fn join_token_kind() -> String {
    "join_token".into()
}
