//! Skills: what agents are taught, as bundles of files of a mission and of its klusters.
//!
//! A version of a bundle never changes: its archive is in the object store under its digest before its row is, and the
//! control plane signs what it is. What holds in a kluster (the snapshot) is the mission's newest published version with the
//! kluster's put over it; it is made of the two whenever it is asked for, and the same two give the same bytes. Whoever has
//! a copy says so, and what was changed in it.
//!
//! ```text
//! draft ── publish ──► published ── deprecate ──► deprecated
//!   └───────────────── deprecate ─────────────────────▲
//! ```

pub mod effective;
pub(crate) mod model;
pub mod promote;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod sync;
pub mod tools;
