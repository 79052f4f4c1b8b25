//! Publications: artifacts with their provenance, and the ledger itself, as commits in a bare Git repository.
//!
//! The approval covers the canonical action and queues the publication in its own transaction; an executor commits.
//! A commit is a pure function of the row, the sealed ledger and the parent, and every step is written before the
//! next begins, so that after a crash at any point the same commit id is made again.
//!
//! ```text
//! awaiting_approval ─► queued ─► (ledger range fixed) ─► (commit made, main moved) ─► published
//!        └───────────► rejected
//! ```

mod git;
mod model;
pub mod reconcile;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;

pub use model::Record;
