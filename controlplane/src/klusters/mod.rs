//! Klusters: groups of tasks and knowledge inside a mission. A name is unique in its mission.
//!
//! Deleting needs an empty kluster (no living task, doc or artifact of its own) and leaves a tombstone.

pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
