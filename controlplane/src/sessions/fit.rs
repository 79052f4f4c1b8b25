//! Whether a node may take one more session: the one rule of placing sessions, of claims by nodes, and of what is
//! explained about both.

use mc_api::Timestamp;

use super::store::NodeRow;
use crate::db::DbError;

/// Why a node takes no session of a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It does not have the runtime, or cannot start it.
    NoRuntime,
    /// It is not to take anything new.
    Cordoned,
    /// Nothing was heard of it for longer than its lease.
    Unreachable,
    /// All of its slots are taken.
    Full {
        /// How many it has.
        slots: i64,
    },
}

/// How many sessions the node takes at once, when it may take one of this runtime beside `live` others.
pub(crate) fn of(
    node: &NodeRow,
    runtime: &str,
    live: i64,
    now: Timestamp,
) -> Result<Result<i64, Unfit>, DbError> {
    Ok(among(node, &[runtime.to_owned()], live, now)?.map(|(_, slots)| slots))
}

/// As [`of`], for whichever of these runtimes: those that the node has, and its slots.
pub(crate) fn among(
    node: &NodeRow,
    runtimes: &[String],
    live: i64,
    now: Timestamp,
) -> Result<Result<(Vec<String>, i64), Unfit>, DbError> {
    let facts = node.facts()?;
    let has = |name: &&String| facts.runtimes.iter().any(|found| found.available && found.name == **name);
    let can: Vec<String> = runtimes.iter().filter(has).cloned().collect();
    let slots = i64::from(facts.slots);
    Ok(if can.is_empty() {
        Err(Unfit::NoRuntime)
    } else if node.cordoned {
        Err(Unfit::Cordoned)
    } else if node.lease_until <= now {
        Err(Unfit::Unreachable)
    } else if live >= slots {
        Err(Unfit::Full { slots })
    } else {
        Ok((can, slots))
    })
}
