//! The ledger's arithmetic: canonical JSON, the hash chain, the export format and its offline verification.
//!
//! A chain is a dense sequence of events from 1. Each event's hash covers the hash before it, its position, its
//! envelope and the digest of its body:
//!
//! `hash = SHA-256(prev ‖ seq as u64 big endian ‖ canonical envelope ‖ body_sha256)`
//!
//! so that one changed byte anywhere is found, and found at the first bad event. Bodies may be left out of an
//! export; the chain stays checkable, because only their digests are hashed. The crate does no I/O of its own.

pub mod canonical;
pub mod chain;
pub mod export;
mod line;
pub mod published;
pub mod tree;

pub use canonical::to_canonical;
pub use chain::{Digest, Envelope, SealedEvent, sha256};
pub use export::{Fault, Report, verify_lines};
