//! Workspaces: a kluster is loaded under a lease, worked on elsewhere, and committed at once.
//!
//! Loading takes nothing away from others: several leases may be open on one kluster. A commit names for every path the
//! version it was made of. Either all of its changes fit and are made in one transaction, or none is made and the answer
//! lists every one that does not fit. Bytes are stored before the transaction, as everywhere. A lease that ran out or was
//! given back commits nothing any more, and is forgotten after a week.
//!
//! ```text
//! active ── time ──► expired
//!   └── release ──► released
//! ```

mod commit;
pub(crate) mod model;
pub mod reconcile;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
