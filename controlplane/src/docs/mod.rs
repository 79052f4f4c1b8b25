//! Docs: versioned texts in a kluster or directly in a mission.
//!
//! A version never changes; its text is in the object store under its digest, stored before its row. A new version names
//! the version it was made of, so that nobody writes over what he has not read. Publishing names a version; a newer
//! version makes the doc a draft again. Deleting leaves a tombstone, and texts that no living doc names are swept after a
//! day. The keystones are the docs with the reserved names `north-star` (of a mission) and `workstream` (of a kluster).
//!
//! ```text
//! draft ── publish the newest ──► published ── write a newer ──► draft
//! ```

pub mod keystone;
pub(crate) mod model;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
