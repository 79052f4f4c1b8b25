//! What somebody else needs to look into a problem of this installation.
//!
//! Invariants: nothing is in it that an operator would not show a stranger who repairs the machine: no content, no texts of
//! tasks, docs or sessions; of settings that are secret only where they were found. What remains is looked through for
//! credentials of a known shape and for the very secrets of this installation ([`Known`]). A part that cannot be collected
//! is told in its place, for it is asked for when something is broken.

mod facts;
mod known;
mod report;
pub mod routes;
pub mod service;

pub(crate) use known::Known;
