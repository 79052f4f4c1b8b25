//! What the system says of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// Version of a running part (`GET /versionz`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// The product's version.
    pub version: String,
    /// Identifies the build; parts of one installation must agree.
    pub build_id: String,
    /// The API group and version.
    pub api_version: String,
}

/// One check of `GET /readyz` and `GET /api/v1/system/doctor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found, and the fix when it is not well.
    pub detail: String,
}

/// All checks, with the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Every check is well.
    pub ok: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// The server's time.
    pub now: Timestamp,
}
