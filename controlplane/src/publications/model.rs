//! What is approved and what is committed, as exact texts.

use mc_api::Timestamp;
use mc_api::approval::Approval;
use mc_api::id::{BatchId, MissionId, OrganizationId};
use mc_api::persistence::{EntityKind, EntityRef, ItemOperation, PublicationItem};
use mc_api::publication::{CreatePublication, Publication};
use mc_ledger::{canonical::NotCanonical, to_canonical};
use serde::Serialize;

use crate::error::Error;

/// At most this many entities in one publication.
pub(crate) const MAX_ITEMS: usize = 256;

/// A publication with what only the executor needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What everybody in scope may see.
    pub publication: Publication,
    pub(crate) organization: OrganizationId,
    /// Its statement is in the ledger, and it may be in Git: set before anything is done, and taken back when it certainly
    /// is not there.
    pub(crate) is_begun: bool,
    /// The ledger positions that its commit carries, once fixed; the last is its statement.
    pub(crate) range: Option<(i64, i64)>,
    pub(crate) queued_at: Option<Timestamp>,
    /// The request that asked for it.
    pub(crate) request_id: String,
}

/// Refuses empty and oversized requests; gives every entity that is asked for, with the place in the request.
pub(crate) fn check(request: &CreatePublication) -> Result<Vec<(String, EntityRef)>, Error> {
    let artifacts = request.artifacts.iter().enumerate().map(|(index, id)| {
        let entity = EntityRef { entity_type: EntityKind::Artifact, entity_id: id.to_string() };
        (format!("/artifacts/{index}"), entity)
    });
    let entities = request.entities.iter().enumerate();
    let entities = entities.map(|(index, entity)| (format!("/entities/{index}"), entity.clone()));
    let wanted: Vec<_> = artifacts.chain(entities).collect();
    if !(1..=MAX_ITEMS).contains(&wanted.len()) {
        let pointer = if request.entities.is_empty() { "/artifacts" } else { "/entities" };
        return Err(Error::invalid(pointer, format!("1 to {MAX_ITEMS} artifacts and entities")));
    }
    check_references(wanted.iter().map(|(pointer, entity)| (pointer.as_str(), entity)))?;
    if let Some(message) = &request.message
        && (message.trim().is_empty()
            || message.chars().count() > 200
            || message.chars().any(char::is_control))
    {
        return Err(Error::invalid("/message", "one line of 1 to 200 characters"));
    }
    Ok(wanted)
}

/// Refuses what can be no reference.
pub(crate) fn check_references<'a>(
    wanted: impl Iterator<Item = (&'a str, &'a EntityRef)>,
) -> Result<(), Error> {
    for (pointer, entity) in wanted {
        let id = &entity.entity_id;
        if !(1..=255).contains(&id.len()) || id.chars().any(char::is_control) {
            return Err(Error::invalid(format!("{pointer}/entity_id"), "an id, key or name"));
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct PublishAction<'a> {
    action: &'static str,
    mission_id: MissionId,
    publication_id: BatchId,
    message: &'a str,
    target: &'a str,
    items: &'a [PublicationItem],
}

/// The canonical text of the action that is approved: which state of what goes where.
pub(crate) fn action(publication: &Publication, target: &str) -> Result<String, NotCanonical> {
    to_canonical(&PublishAction {
        action: "publication.publish",
        mission_id: publication.mission_id,
        publication_id: publication.id,
        message: &publication.message,
        target,
        items: &publication.items,
    })
}

/// Where the ledger's part lies. A rebuilt installation has a chain of its own, beside the one it was rebuilt from.
pub(crate) fn ledger_path(base: &str, origin: Option<&str>, (from, to): (i64, i64)) -> String {
    format!("{}/{from:012}-{to:012}.jsonl", ledger_folder(base, origin))
}

/// The folder of the chain.
pub(crate) fn ledger_folder(base: &str, origin: Option<&str>) -> String {
    let top = if base.is_empty() { "ledger".to_owned() } else { format!("{base}/ledger") };
    match origin {
        Some(hash) => format!("{top}/after-{}", &hash[..16.min(hash.len())]),
        None => top,
    }
}

/// The trailer by which a commit is recognised.
pub(crate) fn trailer(id: BatchId) -> String {
    format!("Publication: {id}")
}

/// The commit message with its trailers.
pub(crate) fn message(record: &Record, approval: &Approval, (from, to): (i64, i64)) -> String {
    let publication = &record.publication;
    let decider = approval.decider.as_deref().unwrap_or("-");
    let removed = publication.items.iter().filter(|item| item.operation == ItemOperation::Remove);
    let removed = removed.fold(String::new(), |lines, item| {
        lines + &format!("Removed: {}/{} {}\n", item.entity_type, item.entity_id, item.path)
    });
    format!(
        "{}\n\nMission: {} ({})\n{}\nRequest: {}\nApproval: {}\nAction-SHA256: {}\nRequested-by: {}\nApproved-by: {decider}\n{removed}Ledger: {from}-{to}\n",
        publication.message,
        publication.mission,
        publication.mission_id,
        trailer(publication.id),
        record.request_id,
        approval.id,
        approval.action_sha256,
        approval.requester,
    )
}

/// How long to wait after a number of failures: 1 s, 2 s, 4 s … 5 minutes, with a part that differs between targets.
pub(crate) fn backoff(failures: i64, jitter: u8) -> std::time::Duration {
    let doubled = u32::try_from(failures.clamp(1, 16) - 1).unwrap_or(15);
    let base = std::time::Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(doubled));
    let base = base.min(std::time::Duration::from_mins(5));
    base + base.mul_f64(f64::from(jitter) / 1024.0)
}

/// After this many failures that might have passed, somebody has to look: a good hour after the first.
pub(crate) const MAX_TRIES: i64 = 20;

/// Refuses files of one commit that stand in each other's way; names the path.
pub(crate) fn check_paths(paths: &std::collections::HashSet<String>) -> Result<(), Error> {
    for path in paths {
        for (end, _) in path.match_indices('/') {
            if paths.contains(&path[..end]) {
                let message = format!("{} would be a file and a folder; change a route", &path[..end]);
                return Err(Error::invalid("/entities", message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_chain_of_a_rebuilt_installation_is_beside_the_old_one() {
        assert_eq!(ledger_path("", None, (1, 42)), "ledger/000000000001-000000000042.jsonl");
        let hash = "ab".repeat(32);
        assert_eq!(
            ledger_path("missions/x", Some(&hash), (1, 2)),
            "missions/x/ledger/after-abababababababab/000000000001-000000000002.jsonl"
        );
    }

    #[test]
    fn a_file_is_no_folder_of_another() {
        let paths = |all: &[&str]| all.iter().map(|path| (*path).to_owned()).collect();
        assert!(check_paths(&paths(&["a/b", "a/c", "a/bc", "ab"])).is_ok());
        assert!(check_paths(&paths(&["a/b", "a/b/c"])).is_err());
    }

    #[test]
    fn waiting_doubles_up_to_five_minutes() {
        assert_eq!(backoff(1, 0), Duration::from_secs(1));
        assert_eq!(backoff(4, 0), Duration::from_secs(8));
        for failures in [9, 10, 100, i64::MAX] {
            let wait = backoff(failures, u8::MAX);
            assert!(wait >= Duration::from_secs(256) && wait < Duration::from_secs(400), "{wait:?}");
        }
    }
}
