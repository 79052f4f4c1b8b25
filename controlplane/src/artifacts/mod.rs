//! Artifacts: named bytes of a mission, stored by digest.
//!
//! Bytes are stored first and referenced afterwards, so that a row never names bytes that are not there. An artifact
//! never changes; deleting leaves a tombstone, and bytes that no living artifact names are swept after a day. What a
//! publication that is queued or published contains is not deleted. An artifact directly in a kluster has a name that is
//! unique there; committing a workspace puts another one in its place.

mod indexed;
pub(crate) mod link;
pub(crate) mod model;
pub(crate) mod range;
pub mod reconcile;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub(crate) mod text;
pub mod tools;
