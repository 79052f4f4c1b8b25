//! Search over everything that is indexed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;
use crate::id::MissionId;

crate::text_enum! {
    /// What can be found.
    pub enum SearchKind {
        /// A task.
        Task = "task",
        /// A kluster.
        Kluster = "kluster",
    }
}

/// Where a hit matches: a piece of a text with the matching words between `**`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Highlight {
    /// `title` or `body`.
    pub field: String,
    /// The piece.
    pub text: String,
}

/// One object that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// What it is.
    pub kind: SearchKind,
    /// Its id.
    pub id: String,
    /// Its key, or its name where it has no key.
    pub key: Option<String>,
    /// Its title.
    pub title: String,
    /// The mission it belongs to.
    pub mission_id: MissionId,
    /// Its state, for kinds that have one.
    pub state: Option<String>,
    /// Both ranks together (reciprocal rank fusion), 0 to 1; 1 is the first by both.
    pub score: f64,
    /// The share of the query's words that it has, by weight, 0 to 1.
    pub lexical: f64,
    /// How near its meaning is to the query's, 0 to 1.
    pub vector: f64,
    /// Where it matches.
    pub highlights: Vec<Highlight>,
    /// When it last changed.
    pub updated_at: Timestamp,
}
