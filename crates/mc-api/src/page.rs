//! Lists: pages with opaque cursors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list, in the list's total order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The objects of this page, at most `limit`.
    pub items: Vec<T>,
    /// Given back as `cursor` reads the next page; absent on the last one. Opaque and bound to the filter.
    pub next_cursor: Option<String>,
}

crate::text_enum! {
    /// In which order a list is read.
    pub enum ListOrder {
        /// Oldest first.
        Asc = "asc",
        /// Newest first.
        Desc = "desc",
    }
}

/// Objects asked for when `limit` is absent.
pub const DEFAULT_LIMIT: u32 = 50;
/// The largest `limit`; a larger one is refused.
pub const MAX_LIMIT: u32 = 500;
