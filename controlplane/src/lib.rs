//! The control plane of MissionControl: missions, klusters, tasks, approvals, artifacts and their ledger.
//!
//! One operation is one function in a subject's `service.rs`; HTTP and every later door call it. Transports and
//! storage (`http`, `db`) know no subject. See `ARCHITECTURE.md`.

pub mod app;
pub mod applies;
pub mod approvals;
pub mod artifacts;
pub mod authn;
pub mod background;
pub mod backup;
pub mod broker;
pub mod clock;
pub mod commands;
pub mod config;
pub mod counters;
mod crash;
pub mod db;
pub mod docs;
pub mod doctor;
pub mod embeddings;
pub mod endpoints;
pub mod error;
pub(crate) mod fields;
pub mod grpc;
pub mod http;
pub mod imports;
pub mod keyring;
pub mod klusters;
pub mod ledger;
pub mod lifetime;
pub mod mcp;
pub mod missions;
pub mod mqtt;
pub mod nodes;
pub mod objects;
pub mod op;
mod opening;
pub mod overlap;
pub mod packs;
pub mod persistence;
pub mod planning;
pub mod profiles;
pub mod publications;
pub mod reservations;
pub mod restore;
pub mod search;
pub mod server;
mod service_manager;
pub mod sessions;
pub mod skills;
pub mod support;
pub mod tasks;
pub mod templates;
pub mod watch;
pub mod workspaces;
pub mod write;
