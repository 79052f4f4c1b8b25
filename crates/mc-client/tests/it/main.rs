//! The client against a small real server in this process that answers by script.
#![expect(clippy::unwrap_used, reason = "a test ends where its helper fails")]

mod requests;
mod server;
mod streams;
