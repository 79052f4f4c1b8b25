//! Node daemon of MissionControl.
//!
//! ```text
//! mc-mesh run (daemon, may die at any time) ── socket ── mc-mesh shim (one per session) ── pipes ── agent
//!        └ mesh.sock: local commands                          └ journal: the only truth
//! ```
//!
//! - The daemon holds no session state: what should be is in `spec.json`, what was is in the journal. After
//!   `kill -9` it finds living shims by their locks and takes them over.
//! - [`daemon::Node`] is the one door to sessions: the local socket uses it, and so does every uplink.
//! - Threads, not a runtime: a shim is counted in hundreds per node and must stay below 3 MiB.

pub mod cli;
mod clock;
pub mod daemon;
pub mod exec;
mod files;
mod ids;
pub mod payload;
mod procs;
pub mod protocol;
mod runtimes;
pub mod shim;
pub mod spec;
pub mod uplink;
mod wire;

pub use files::{SessionDir, StateDir};
pub use ids::{InvalidSessionId, SessionId, mint_op_id};
pub use runtimes::{Runtime, RuntimeStatus, SignIn, Timing};

/// Identifies the build, as `--version` prints it; the parts of one installation must agree.
pub const BUILD_ID: &str = match option_env!("MC_BUILD_ID") {
    Some(id) => id,
    None => env!("CARGO_PKG_VERSION"),
};
