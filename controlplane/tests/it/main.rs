//! The control plane as a whole, over HTTP.

mod approvals;
mod artifacts;
mod local;
mod publications;
