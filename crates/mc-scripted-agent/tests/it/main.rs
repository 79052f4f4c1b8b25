//! Drives the real binary over its pipes.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code; the setting for tests sees test functions only"
)]

mod conversation;
mod faults;
mod harness;
mod load;
mod mcp;
mod protocol;
mod sdk;
mod witness;
