//! Profiles: what a person or an agent carries from place to place, as versions of a tree of files.
//!
//! A profile belongs to one principal; everybody else, whatever the role, finds nothing. A version never changes; a new one
//! names the version it was made of. Archives are in an area of the object store that is the owner's own, under their
//! digests, stored before their rows.

pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
