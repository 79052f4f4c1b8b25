//! Authentication: bearer tokens, login sessions, principals and their roles.
//!
//! A token is random (256 bit) and stored as SHA-256 only. `mcs_…` is a login session; the bootstrap token is
//! whatever the operator gave or `DIR/token` holds; `mcg_…` is an agent's [grant](grants). Revoked and expired
//! tokens are refused at once.

pub mod bootstrap;
pub mod grants;
pub mod members;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
