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
        /// A doc, by its newest text.
        Doc = "doc",
        /// An artifact, by its name and its text.
        Artifact = "artifact",
        /// An event of the ledger; asked for alone.
        Event = "event",
    }
}

/// Where a hit matches: a piece of a text with the matching words between `**`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Highlight {
    /// `title` or `body`.
    pub field: String,
    /// The piece.
    pub text: String,
    /// Where the first match begins in the whole text, in bytes from 0.
    #[serde(default)]
    pub at_byte: i64,
    /// In which line it is, from 1.
    #[serde(default)]
    pub line: i64,
}

/// How many hits of a kind there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchCount {
    /// The kind.
    pub kind: SearchKind,
    /// How many, of what the caller may read; all pages together have at most 120 hits.
    pub count: u32,
}

/// A page of what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchPage {
    /// The hits of this page, best first.
    pub items: Vec<SearchHit>,
    /// Given back as `cursor` reads the next page; absent on the last one. What is written after the first page is on none.
    pub next_cursor: Option<String>,
    /// How many hits of each kind all pages have; empty for events.
    #[serde(default)]
    pub counts: Vec<SearchCount>,
}

/// One object that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// What it is.
    pub kind: SearchKind,
    /// Its id.
    pub id: String,
    /// Its key, or its name where it has no key; the action of an event.
    pub key: Option<String>,
    /// Its title.
    pub title: String,
    /// The mission it belongs to; absent for an event of the organization.
    pub mission_id: Option<MissionId>,
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
