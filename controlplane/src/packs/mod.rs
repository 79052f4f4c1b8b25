//! Packs: a mission in one file, out of this installation and into another.
//!
//! Export: one snapshot of the database goes to a nameless file as plain records ([`collect`]); then each text is looked
//! through for credentials ([`mc_secrets`]), contents are put in, and every line gets its digest ([`format`]). Import: the
//! file is received and verified as a whole ([`verify`]), contents are stored under the new mission, and all rows with
//! their ledger events are written in one transaction ([`rows`]). Memory holds one line and the ids, never the pack.
//!
//! Invariants: nothing secret is read for a pack; nothing of a pack is believed that is not checked; a row that came
//! from a pack has its event, which names the digest of the pack and the id there.

mod collect;
mod export;
mod format;
mod import;
pub mod routes;
mod rows;
pub mod service;
mod store;
pub mod tools;
mod verify;
