//! `mc` as a program: what it prints, and what it does with a real server.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code; the setting for tests sees test functions only"
)]

mod applying;
mod attach;
mod backup;
mod binary;
mod bridge;
mod broker;
mod called_off;
mod codex;
mod completion;
mod docs;
mod doctor;
mod downloads;
mod fleet;
mod kills;
#[path = "../../../mesh/tests/it/model_stub.rs"]
mod model_stub;
mod planning;
mod reservations;
mod restore;
mod run;
mod selectors;
mod server;
mod shims;
mod skills;
mod support;
mod tables;
mod transports;
mod up;
mod upgrade;
mod workspace;
