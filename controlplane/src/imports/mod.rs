//! Importing tasks from elsewhere, by their ids there.
//!
//! A row becomes one task of a mission, whichever kluster it was imported into first; run again, a row that says the
//! same changes nothing. A batch is one transaction: one bad row means that none is kept, unless the caller asks for
//! each row by itself. Creation and change are the operations of tasks, with their policy about overlapping work.

pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
