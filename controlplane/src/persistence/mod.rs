//! Where missions publish to: connections with sealed credentials, bindings, and the policy with its routes.
//!
//! Invariants: a credential is sealed by a key of the keyring under the connection's id and leaves the server only towards
//! the URL it was given for, which never changes; bindings never change either, so that what was approved for one place
//! goes nowhere else. A host is spoken to by SSH only under a host key that somebody accepted. Credentials never reach a
//! node, an agent, a ledger body, a log or a problem.

pub mod bindings;
pub mod connections;
pub(crate) mod model;
pub(crate) mod remote;
pub mod routes;
pub(crate) mod store;
pub mod tools;
