//! Typed HTTP client of the MissionControl API, over the types of `mc-api`.
//!
//! Invariants: every mutation carries an `Idempotency-Key` that stays the same when the request is repeated, so a
//! lost answer never does the work twice; every wait on the server has a deadline; a bearer token goes only to
//! loopback or over TLS. Repeating happens here and nowhere above: connection errors, 502, 503, 504 and
//! `idempotency-in-flight`, with jittered exponential backoff.
//!
//! The crate installs no TLS provider: a binary does that once (`rustls::crypto::ring`), before [`Client::new`].
//! It reads no configuration and no environment.

mod artifacts;
mod docs;
mod error;
mod ledger;
mod nodes;
mod operations;
mod options;
mod packs;
mod persistence;
mod planning;
mod profiles;
mod query;
mod reservations;
mod resource;
mod sessions;
mod skills;
mod sse;
mod tasks;
mod tools;
mod transport;
mod watch;
mod workspaces;

pub use artifacts::{Have, Upload, sha256_of};
pub use error::Error;
pub use ledger::Lines;
pub use operations::Decision;
pub use options::{Options, Retry, Server, Token};
pub use packs::Exported;
pub use query::{ListQuery, Scope};
pub use resource::{Creatable, Deletable, Patchable, Resource};
pub use sessions::Follow;
pub use tools::CallKey;
pub use transport::Client;
pub use watch::{Deleted, Event, Watch};
