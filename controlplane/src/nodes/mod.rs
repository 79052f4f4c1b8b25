//! Nodes: machines that run `mc-mesh`, how they join, and whether they can be relied on.
//!
//! ```text
//! join token ──Join (once per use)──► node, ready ──lease runs out──► not ready ──renewed──► ready
//!                                      └──revoke──► revoked (for ever; its certificate is refused from then on)
//! ```
//!
//! A node is an Ed25519 key: the certificate only shows it for 24 hours, and a node that was off for longer comes back
//! with the key. Whether it is ready is computed from its lease when it is read; lease renewals are not recorded in
//! the ledger, a change of readiness is, for those who watch. A node acts as a principal of its own without any role: what it may do follows from what is its own.

pub mod join;
pub mod model;
pub mod reconcile;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tokens;
