//! The ledger as the API shows it. Hashing and verification are in the crate `mc-ledger`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;
use crate::id::{EventId, MissionId, PrincipalId};

/// One ledger event. `seq`, `prev` and `hash` are present once the event is sealed into the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEvent {
    /// The id.
    pub id: EventId,
    /// Position in the chain, dense from 1.
    pub seq: i64,
    /// What was done: `subject.verb`.
    pub action: String,
    /// The kind of the subject, such as `task`.
    pub subject_kind: String,
    /// The subject's id.
    pub subject_id: String,
    /// The mission it belongs to.
    pub mission_id: Option<MissionId>,
    /// Who did it.
    pub principal_id: PrincipalId,
    /// The name of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// When.
    pub occurred_at: Timestamp,
    /// SHA-256 of the body's canonical text, lowercase hex.
    pub body_sha256: String,
    /// Hash of the event before, lowercase hex.
    pub prev: String,
    /// Hash of this event, lowercase hex.
    pub hash: String,
    /// The body's canonical text (RFC 8785).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// The state of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerHead {
    /// The last sealed position; 0 when empty.
    pub seq: i64,
    /// Its hash, lowercase hex.
    pub hash: String,
    /// Events committed but not yet sealed.
    pub unsealed: i64,
}
