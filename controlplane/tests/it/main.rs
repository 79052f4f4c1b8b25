//! The control plane as a whole, over HTTP.

#![expect(clippy::unwrap_used, reason = "a broken expectation fails the test")]

mod approvals;
mod artifacts;
mod local;
mod publications;
