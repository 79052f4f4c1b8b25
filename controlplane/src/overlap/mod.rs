//! Overlap of work: found inside the transaction that would make it, judged by policy, kept as suggestions with a life.
//!
//! ```text
//! create, update ─► candidates (index) ─► compare ─► policy ─► refused (409)
//!                                                        └───► committed, with suggestions ─► accepted, dismissed, expired
//! ```
//!
//! Invariants: a mutation under `require_ack` or `block` holds the mission's lock, so that of two at once the second
//! sees the first; under `suggest` nobody waits, and what was committed beside it is compared afterwards. Only objects
//! that the caller may read are candidates; only those of the same mission can refuse a mutation.

pub(crate) mod model;
pub(crate) mod prepared;
pub mod reconcile;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub(crate) mod texts;
pub mod tools;
