//! Missions: the outer frame of work. A name is unique among the living; a key prefix is never used again.
//!
//! Deleting needs an empty mission (no living kluster) and leaves a tombstone, so that keys and ledger stay valid.

pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
