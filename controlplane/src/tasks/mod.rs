//! Tasks: a graph of work with claims, leases and fencing.
//!
//! ```text
//! pending ─► ready ─► claimed ─► running ─► in_review ─► done
//!              ▲         │          │           │
//!              └─────────┴──────────┴───────────┘   release, expiry, rejection, retryable failure
//! any open state ─► blocked | cancelled; claimed, running, ready ─► failed ─► ready (retry)
//! ```
//!
//! Invariants: every move is in [`mc_api::task::TaskState::allows`]; at most one claim of a task is active; the
//! attempt is the fence and rises only when a new claim is made; `open_dependency_count` is counted under the lock
//! of the waiting task, so that two dependencies that end at once cannot both overlook each other; the graph of a
//! mission has no cycle, because edges are changed under the lock of the mission; whether a task may be claimed is decided
//! by [`rules`] alone, also where it is only explained.

pub(crate) mod graph;
pub mod model;
mod numbers;
pub mod reconcile;
pub mod routes;
pub(crate) mod rules;
pub mod service;
pub(crate) mod store;
pub mod tools;

pub use numbers::Numbers;
