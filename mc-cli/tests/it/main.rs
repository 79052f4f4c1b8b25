//! What users see: tables and descriptions from fixed objects, and the binary itself.
#![expect(clippy::unwrap_used, reason = "a test ends where its helper fails")]

mod binary;
mod tables;
mod up;
