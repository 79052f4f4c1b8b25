//! Publications: approved states of entities with their provenance, and the ledger itself, as commits in Git.
//!
//! What is asked for is kept as it was then; the approval covers its digests and its place, and queues the publication in
//! its own transaction; an executor commits to the Git ledger of the installation, or pushes to the binding. A commit is a
//! pure function of the row, the sealed ledger and the parent, and every step is written before the next begins, so that
//! after a crash at any point nothing is published twice.
//!
//! ```text
//! awaiting_approval ─► queued ─► (ledger range fixed) ─► (commit made, branch moved) ─► published
//!        │               └─◄── a failure is shown and tried again
//!        └───────────► rejected
//! ```

mod failure;
mod git;
mod model;
pub mod reconcile;
pub mod routes;
pub mod service;
mod snapshot;
pub(crate) mod store;
mod target;
pub mod tools;

pub use model::Record;

pub(crate) use reconcile::probe_commit;
