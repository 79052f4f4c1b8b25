//! The index: what can be found, by whom, at a cost that does not grow with the tables.
//!
//! One document per object, and an inverted index of its weightiest terms. A term's entries are read newest first and
//! only up to a cap, so a word that stands in every task costs no more than a rare one. Pairs of the weightiest terms
//! are entries of their own: they stay rare where their words are common, so old work is found in large missions.
//!
//! Permission is a part of the lookup: the entries of a mission that the caller may not read are never touched.

use crate::app::App;
use crate::error::Error;
use crate::{artifacts, docs, klusters, tasks};

pub(crate) mod content;
mod events;
mod find;
mod highlight;
pub(crate) mod index;
pub(crate) mod packed;
mod pages;
pub mod routes;
pub mod service;
mod sketch;
pub mod tools;

/// Indexes everything that the index lacks.
///
/// # Errors
/// Database failures; the next round tries again.
pub(crate) async fn fill(app: &App) -> Result<(), Error> {
    if !app.detects_overlap {
        return Ok(());
    }
    while !app.stop.is_cancelled() {
        let indexed = tasks::service::index_missing(app).await?
            + klusters::service::index_missing(app).await?
            + docs::service::index_missing(app).await?
            + artifacts::service::index_missing(app).await?;
        if indexed == 0 {
            break;
        }
        tracing::info!(indexed, "indexed {indexed} objects that the index lacked");
    }
    Ok(())
}
