//! Wire vocabulary of MissionControl: ids, published enums, requests, answers and problem kinds.
//!
//! Server and clients share these types and nothing else. The crate does no I/O and reads no clock.
//! All JSON is `snake_case`; unknown fields in requests are refused.
//!
//! Invariants: an id's prefix names its kind; every legal state move is listed in one table
//! ([`task::TaskState::allows`]); a problem slug, once published, is never renamed.

pub mod action;
pub mod apply;
pub mod approval;
pub mod artifact;
pub mod auth;
pub mod broker;
pub mod bundle;
pub mod doc;
pub mod doctor;
pub mod fields;
pub mod id;
pub mod installation;
pub mod kluster;
pub mod ledger;
pub mod manifest;
pub mod mission;
pub mod name;
pub mod node;
pub mod overlap;
pub mod pack;
pub mod page;
pub mod patch;
pub mod persistence;
pub mod problem;
pub mod profile;
pub mod publication;
pub mod repository;
pub mod reservation;
pub mod restore;
pub mod search;
pub mod session;
pub mod skill;
pub mod support;
pub mod system;
pub mod task;
pub mod template;
mod text_enum;
pub mod time;
pub mod tool;
pub mod why;
pub mod workspace;

pub use action::{Action, Role};
pub use name::{Labels, Name};
pub use page::Page;
pub use problem::{Conflict, ConflictReason, FieldError, Problem, ProblemKind};
pub use repository::Repository;
pub use time::Timestamp;

/// The API group and version of manifests.
pub const API_VERSION: &str = "missioncontrol.dev/v1";

/// Identifies the build, as `--version` prints it: `MC_BUILD_ID` of the compiler's environment (the version with the
/// commit behind a `+`), else the version. Parts of one installation must agree.
pub const BUILD_ID: &str = match option_env!("MC_BUILD_ID") {
    Some(id) => id,
    None => env!("CARGO_PKG_VERSION"),
};
