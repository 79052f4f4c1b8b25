//! Drives the control plane through its HTTP door, on SQLite always and on Postgres when MC_TEST_POSTGRES_URL is set.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code; the setting for tests sees test functions only"
)]

#[macro_use]
mod harness;

mod applies;
mod approvals;
mod artifacts;
mod authn;
mod blobs;
mod broker;
mod commands;
mod conversation;
mod copies;
mod counts;
mod crashes;
mod docs;
mod doctor;
mod documents;
mod draining;
mod drills;
mod embeddings;
#[cfg(feature = "local-embeddings")]
mod embeddings_local;
mod frame;
mod grants;
mod idempotency;
mod journal;
mod keystones;
mod leaders;
mod ledger;
mod lists;
mod local;
mod locks;
mod mcp;
mod members;
mod migrations;
mod mqtt;
mod nodes;
mod objects;
mod operations;
mod outages;
mod overlaps;
mod packs;
mod persistence;
mod planning;
mod process;
mod profiles;
mod publication_ends;
mod publications;
mod remotes;
mod replicas;
mod reservations;
mod restore;
mod restores;
mod roles;
mod search;
mod sessions;
mod skills;
mod start;
mod steering;
mod strangers;
mod support;
mod tasks;
mod templates;
mod texts;
mod tools;
mod validation;
mod watch;
mod workspaces;
