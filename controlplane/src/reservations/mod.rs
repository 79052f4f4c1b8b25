//! Path reservations: who works on which files of a repository, known before anybody edits them.
//!
//! ```text
//! pending ─► active ─► released | expired | ended
//!    └───────────────────┘
//! ```
//!
//! Invariants: in one repository of an organization no two active reservations of different holders share a path, unless
//! both are shared; a pending one becomes active only when nothing active and nothing pending before it stands in its
//! way, so that nobody is overtaken. Both hold because every change happens under the lock of the repository's row, the
//! last lock in the documented order (mission → task → claim → repository), and `reconcile::settle` runs under it:
//! it ends what has no lease, no task or no agent session any more, and lets in who is next. Whoever decides settles
//! first, so that a decision never waits for the background work.
//!
//! Missions share repositories. Whoever may not read the mission of a reservation learns that paths are held and until
//! when, nothing else.

pub mod model;
pub mod reconcile;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
