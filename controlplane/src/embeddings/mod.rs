//! Vectors of texts: where they come from, how they are stored and kept up to date, and how near ones are found.
//!
//! ```text
//! search_document ─► reconcile ─► Embedder ─► search_vector ─► near ─► overlap, search
//!  (embedded_by)      batches      builtin      HNSW on Postgres
//!                     budget       local        cells on SQLite
//!                                  openai
//! ```
//!
//! Invariants: a vector is stored with the model that made it, and vectors of two models are never compared. No mutation
//! waits for a provider: the vector of a text follows it. Whatever stands in `search_document` gets one. A change of the
//! model makes every text wait anew; until all have their vectors the model before goes on serving, where it can.
//! The mission is a part of every lookup, so that nothing of a mission that the caller may not read is touched.

mod budget;
mod builtin;
mod cells;
#[cfg(feature = "local-embeddings")]
mod local;
mod near;
mod openai;
mod pack;
mod provider;
pub(crate) mod reconcile;
pub mod routes;
pub mod service;
mod sketch;
mod store;
pub mod tools;

pub use near::Where;
pub use provider::{Embedded, Embedder, Failure, FailureKind, Passage};
pub use service::{Embeddings, Near};
