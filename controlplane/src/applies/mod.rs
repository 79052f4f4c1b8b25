//! Applying manifests on the server: missions, klusters, tasks and docs, all of a request in one transaction.
//!
//! What is written is compared with what is there, field by field; [`crate::fields`] decides about owners. Objects are
//! created and changed by the operations of their own subjects, so that validation, authorization, detection of overlaps
//! and the ledger are theirs. A dry run does all of it and rolls back.

mod docs;
pub mod routes;
pub mod service;
pub mod tools;
