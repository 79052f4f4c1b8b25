//! Approvals: one entity for every kind of human decision.
//!
//! The database decides: one compare-and-set moves an open approval to its decision, everybody later gets 409. What is
//! approved is the canonical text of one action and nothing else; an approval is used once, in the transaction of the
//! action itself.
//!
//! ```text
//! open ─► approved ─► executed
//!   ├───► rejected      (approved, executed: who decided and when stay on the row)
//!   ├───► expired
//!   └───► voided        (withdrawn by the requester)
//! ```

pub mod batch;
mod effects;
pub(crate) mod model;
pub(crate) mod permission;
pub mod reconcile;
mod review;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod token;
pub mod tools;
