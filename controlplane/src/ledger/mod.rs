//! The ledger: one event per change, written in the change's own transaction, sealed into a hash chain afterwards.
//!
//! Invariants: an event is inserted before its change is committed, or neither is; `seq` is dense and given only to
//! committed rows, so that a reader who follows it misses nothing; sealed rows never change. On SQLite the single
//! writer seals inside the transaction; on Postgres one sequencer at a time, held by an advisory lock, seals
//! committed rows in batches and notifies once per batch.
//!
//! ```text
//! record (in the change's tx) ─► committed, unsealed ─► seal_batch ─► seq, prev, hash ─► watch, publish, verify
//! ```

mod record;
pub mod routes;
mod seal;
mod sequencer;
pub mod service;
pub(crate) mod store;
pub mod tools;

pub use record::{Event, record, record_as, record_refusal, record_system};
pub(crate) use record::{digest_of, record_at_start, record_each};
pub use seal::{BATCH, seal_batch};
pub use sequencer::Sequencer;
