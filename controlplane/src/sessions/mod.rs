//! Agent sessions: where they run, what they are told, what their journals say, what they ask people.
//!
//! ```text
//! create ─► scheduled on a node ─► commands down (prompt, answer, cancel, decide, stop)
//!                                  journal up ─► events, turns, permissions as approvals, state
//! ```
//!
//! Invariants: the journal of the node is the truth and arrives exactly once, in order (`acked_seq` moves in the
//! transaction that stores the records); a record that was stored is never overwritten; a command reaches a session
//! at most once by its `op_id`; a permission has one decision, made here, and one answer, told by the journal; a task
//! is settled by the turn that worked on it, after the journal said how that turn ended. The order of locks is mission,
//! task, approval or session, node; whoever needs both approval and session holds the mission.

pub mod conversation;
pub(crate) mod feed;
pub(crate) mod fit;
mod follow;
mod hub;
pub mod ingest;
mod model;
mod permissions;
pub mod reconcile;
pub mod routes;
mod schedule;
pub mod service;
mod settle;
pub(crate) mod skills;
pub(crate) mod store;
pub mod uplink;

pub use hub::Hub;
pub(crate) use permissions::{answer_in, choose_in};
