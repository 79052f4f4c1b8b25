//! What somebody else needs to look into a problem, without secrets.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// A file of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupportFile {
    /// Its path, such as `logs/controlplane.log`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A secret that was taken out of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scrubbed {
    /// The file.
    pub file: String,
    /// What it looked like, such as `github-token`; `known-secret` is one of the server's own.
    pub sort: String,
    /// How many.
    pub count: u64,
}

/// The server's part (`GET /api/v1/system/support`). Credentials were looked for in all of it, and taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupportReport {
    /// Always `support_report`.
    pub kind: String,
    /// When it was put together, by the server's clock.
    pub made_at: Timestamp,
    /// The files.
    pub files: Vec<SupportFile>,
    /// What was taken out of them.
    pub scrubbed: Vec<Scrubbed>,
}
