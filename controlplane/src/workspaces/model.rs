//! Paths, and whether a change fits.

use mc_api::doc::{NORTH_STAR, WORKSTREAM};
use mc_api::workspace::{ChangeOp, EntryKind, IndexEntry};
use mc_api::{Conflict, ConflictReason, Name, Timestamp};

use crate::artifacts::model::safe_name;

/// The length of a lease that does not say one, in seconds.
pub(crate) const DEFAULT_LEASE_SECONDS: u32 = 900;
/// At most this many workspaces of one principal live at once.
pub(crate) const MOST_LIVING: i64 = 64;
/// At most this many docs, artifacts and tasks each are loaded.
pub(crate) const MOST_ENTRIES: i64 = 1000;
/// All texts of a snapshot together have at most this many bytes; others are fetched.
pub(crate) const MOST_TEXT_BYTES: i64 = 4 * 1024 * 1024;
/// At most this many changes in one commit.
pub(crate) const MOST_CHANGES: usize = 500;

/// The path of the mission's keystone.
pub(crate) const NORTH_STAR_PATH: &str = "keystones/north-star.md";
/// The path of the kluster's keystone.
pub(crate) const WORKSTREAM_PATH: &str = "keystones/workstream.md";

/// What a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The mission's keystone.
    NorthStar,
    /// A doc of the kluster, also its keystone.
    Doc(Name),
    /// An artifact directly in the kluster.
    Artifact(String),
    /// A task, or an artifact of a task: not changed here.
    Readonly,
    /// Nothing that there is.
    Unsupported,
}

/// Reads a path.
pub(crate) fn place(path: &str) -> Place {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        _ if path == NORTH_STAR_PATH => Place::NorthStar,
        _ if path == WORKSTREAM_PATH => WORKSTREAM.parse().map_or(Place::Unsupported, Place::Doc),
        ["docs", file] => match file.strip_suffix(".md").map(str::parse::<Name>) {
            Some(Ok(name)) if !matches!(name.as_str(), NORTH_STAR | WORKSTREAM) => Place::Doc(name),
            _ => Place::Unsupported,
        },
        // Only names that are a file name everywhere: a workspace is a folder on somebody's machine.
        ["artifacts", name] if safe_name(name) == *name => Place::Artifact((*name).to_owned()),
        ["artifacts", _, _] | ["tasks", _] => Place::Readonly,
        _ => Place::Unsupported,
    }
}

/// The path of a doc of the kluster, or of its mission's keystone.
pub(crate) fn doc_path(name: &str) -> String {
    match name {
        NORTH_STAR => NORTH_STAR_PATH.to_owned(),
        WORKSTREAM => WORKSTREAM_PATH.to_owned(),
        _ => format!("docs/{name}.md"),
    }
}

/// What is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) sha256: String,
    /// It stays as it is, whatever the version.
    pub(crate) held: bool,
}

/// What a change was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Base {
    /// The object that the path stood for, when the workspace knows it.
    pub(crate) id: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) sha256: Option<String>,
}

impl Base {
    /// The base of a change: the version it names, else the one of the index.
    pub(crate) fn of(entry: Option<&IndexEntry>, named: Option<i64>) -> Self {
        let version = named.or(entry.map(|entry| entry.version));
        let same = entry.filter(|entry| Some(entry.version) == version);
        Self {
            id: entry.map(|entry| entry.id.clone()),
            version,
            sha256: same.and_then(|entry| entry.sha256.clone()),
        }
    }
}

/// Why a change does not fit; `None` when it does.
pub(crate) fn misfit(op: ChangeOp, base: &Base, current: Option<&Current>) -> Option<ConflictReason> {
    match (op, current) {
        (ChangeOp::Create, None) => None,
        (ChangeOp::Create, Some(_)) => Some(ConflictReason::AlreadyExists),
        (ChangeOp::Update | ChangeOp::Delete, None) => Some(ConflictReason::MissingEntity),
        (ChangeOp::Update | ChangeOp::Delete, Some(current)) => {
            // An object that was deleted and made anew may have the same number and is another one.
            let other = base.id.as_ref().is_some_and(|id| *id != current.id)
                || base.sha256.as_ref().is_some_and(|sha256| *sha256 != current.sha256);
            if base.version != Some(current.version) || other {
                Some(ConflictReason::BaseMismatch)
            } else {
                current.held.then_some(ConflictReason::Readonly)
            }
        }
    }
}

/// A conflict with both sides.
pub(crate) fn conflict(path: &str, reason: ConflictReason, base: Base, current: Option<Current>) -> Conflict {
    let (current_version, current_sha256) =
        current.map_or((None, None), |current| (Some(current.version), Some(current.sha256)));
    Conflict {
        path: path.to_owned(),
        reason,
        expected_version: base.version,
        expected_sha256: base.sha256,
        current_version,
        current_sha256,
    }
}

/// An entry that can be changed.
pub(crate) fn entry(path: String, kind: EntryKind, id: String, version: i64, sha256: &str) -> IndexEntry {
    IndexEntry { path, kind, id, version, sha256: Some(sha256.to_owned()), readonly: false }
}

/// When a lease of this length ends.
pub(crate) fn lease_until(now: Timestamp, seconds: i64) -> Timestamp {
    now.plus(std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_one_place_and_nowhere_else() {
        let doc = |name: &str| Place::Doc(name.parse().unwrap());
        for (path, expected) in [
            ("docs/guide.md", doc("guide")),
            ("keystones/workstream.md", doc("workstream")),
            ("keystones/north-star.md", Place::NorthStar),
            ("artifacts/report.pdf", Place::Artifact("report.pdf".into())),
            ("artifacts/apollo-1/log.txt", Place::Readonly),
            ("tasks/apollo-1", Place::Readonly),
            ("docs/guide.txt", Place::Unsupported),
            ("docs/Guide.md", Place::Unsupported),
            ("docs/workstream.md", Place::Unsupported),
            ("docs/a/b.md", Place::Unsupported),
            ("keystones/other.md", Place::Unsupported),
            ("artifacts/..", Place::Unsupported),
            ("artifacts/", Place::Unsupported),
            ("artifacts/.hidden", Place::Unsupported),
            ("artifacts/a\\b", Place::Unsupported),
            ("../docs/guide.md", Place::Unsupported),
            ("/docs/guide.md", Place::Unsupported),
            ("", Place::Unsupported),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
        for name in ["guide", NORTH_STAR, WORKSTREAM] {
            assert_ne!(place(&doc_path(name)), Place::Unsupported, "{name}");
        }
    }

    #[test]
    fn a_change_fits_only_what_it_was_made_of() {
        use ChangeOp::{Create, Delete, Update};
        let current = |id: &str, version, held| {
            Some(Current { id: id.into(), version, sha256: format!("{id}{version}"), held })
        };
        let base = |version| Base { id: Some("a".into()), version, sha256: None };
        let fits = |op, base: &Base, current: Option<Current>| misfit(op, base, current.as_ref());
        assert_eq!(fits(Create, &Base::default(), None), None);
        assert_eq!(fits(Create, &base(Some(1)), current("a", 1, false)), Some(ConflictReason::AlreadyExists));
        for op in [Update, Delete] {
            assert_eq!(fits(op, &base(Some(1)), current("a", 1, false)), None);
            assert_eq!(fits(op, &base(Some(1)), None), Some(ConflictReason::MissingEntity));
            assert_eq!(fits(op, &base(Some(1)), current("a", 2, false)), Some(ConflictReason::BaseMismatch));
            assert_eq!(fits(op, &base(None), current("a", 1, false)), Some(ConflictReason::BaseMismatch));
            assert_eq!(fits(op, &base(Some(1)), current("b", 1, false)), Some(ConflictReason::BaseMismatch));
            assert_eq!(fits(op, &base(Some(1)), current("a", 1, true)), Some(ConflictReason::Readonly));
        }
    }
}
