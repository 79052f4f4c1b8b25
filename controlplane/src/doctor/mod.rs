//! Whether the object store and the database agree, and mending where they do not.
//!
//! ```text
//! rows that name content ──┐ both in the order of keys
//!                          ├──► joined part by part ──► findings ──► recorded ──► mended
//! what the store lists ────┘
//! ```
//! Invariants:
//! - Nothing is lost by mending. What nothing names goes by the rules of the sweep and under its lock; what has not the
//!   digest of its key is moved to `quarantine/`; what is missing cannot be invented and is told.
//! - What is mended is in the ledger before it is done. A call that breaks off leaves something that the next one finds again.
//! - A call takes seconds, whatever is stored: it stops at a place, and the cursor goes on there.
//!
//! Rows are read before the listing, since bytes are stored before their row: what is named and not listed was not there.
//! What is found is asked for once more before it is told, for both sides change meanwhile.

mod compare;
mod mend;
mod place;
pub mod routes;
pub mod service;

use mc_api::id::MissionId;

/// Content that rows of one subject name: mission, digest, and the least and the most bytes they say it has.
pub(crate) type NamedContent = (MissionId, String, i64, i64);
