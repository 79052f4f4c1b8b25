//! Rebuilding published state from a Git ledger, in an installation without missions.
//!
//! The chains and every published file are verified first; then the texts are stored, then all rows and one event are
//! written in one transaction. What was never published is not known: a mission or kluster of which only the name is
//! known comes without description, claims are over, and task numbers go on far above every number that was given.

mod rows;

pub(crate) use rows::rest_of;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::stream;
use mc_api::artifact::Artifact;
use mc_api::doc::{Doc, DocVersion};
use mc_api::id::{KlusterId, MissionId, PrincipalId};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::persistence::{RestoreLedger, RestoredLedger};
use mc_api::task::{Task, TaskState};
use mc_api::{Action, Labels, Name, ProblemKind, Timestamp};
use mc_ledger::tree::{self, Tree, Verified, lineage};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::artifacts::model::MAX_CONTENT_BYTES;
use crate::crash;
use crate::error::Error;
use crate::ledger::{self, Event};
use crate::objects::ObjectStore as _;
use crate::op::OpCtx;
use crate::{write, write_tx};

/// The largest request: all text files of a Git ledger.
pub const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// At most this many notes are kept.
const MAX_NOTES: usize = 100;
/// Task numbers go on at the next thousand that leaves at least this many free.
const NUMBER_GAP: i64 = 500;

/// Everything that is rebuilt, in the order in which it is written.
#[derive(Default)]
struct State {
    missions: BTreeMap<MissionId, Mission>,
    klusters: BTreeMap<KlusterId, Kluster>,
    tasks: Vec<Task>,
    docs: Vec<(Doc, DocVersion)>,
    artifacts: Vec<Artifact>,
    principals: BTreeSet<PrincipalId>,
    /// Texts with their mission and digest.
    texts: Vec<(MissionId, String, String)>,
    next_numbers: BTreeMap<MissionId, i64>,
    /// What stands in the repository, so that a deletion can be published too.
    standing: Vec<Standing>,
    notes: Vec<String>,
}

/// A file that stands in the repository.
struct Standing {
    entity: String,
    kind: String,
    path: String,
    sha256: String,
    /// The state in it, as publications keep it.
    meta: String,
}

fn standing(found: &Verified) -> Option<Standing> {
    let entity = found.file.object.get("id")?.as_str()?.to_owned();
    let meta = serde_json::json!({ "object": found.file.object, "version": found.file.version }).to_string();
    let (path, sha256) = (found.path.clone(), found.sha256.clone());
    Some(Standing { entity, kind: found.file.kind.clone(), path, sha256, meta })
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ProblemKind::LedgerInvalid, detail)
}

fn object<T: DeserializeOwned>(found: &Verified) -> Result<T, Error> {
    serde_json::from_value(found.file.object.clone())
        .map_err(|error| invalid(format!("{}: it is no {}: {error}", found.path, found.file.kind)))
}

/// The number of a key, and its prefix.
fn number(key: &str) -> Option<(&str, i64)> {
    let (prefix, number) = key.rsplit_once('-')?;
    Some((prefix, number.parse().ok()?))
}

/// Where numbers go on: the next thousand, and never close to what may have been given after the last publication.
fn next_number(below: i64) -> i64 {
    below.saturating_add(NUMBER_GAP).div_euclid(1000).saturating_add(1).saturating_mul(1000).saturating_add(1)
}

impl State {
    fn note(&mut self, text: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(text);
        }
    }

    /// Reads what the line of an installation published last.
    fn read(tree: &Tree, newest: usize, now: Timestamp) -> Result<Self, Error> {
        let mut state = Self::default();
        let line = lineage::line_of(&tree.installations, newest);
        let mut removed = BTreeSet::new();
        for found in &tree.files {
            let counts = line.iter().any(|(one, upto)| *one == found.installation && found.order.1 <= *upto);
            if !counts {
                state.note(format!("{} is of an installation that this one does not go on from", found.path));
                continue;
            }
            let entity = found.file.object.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
            if tree.removed.get(entity).is_some_and(|at| *at > found.order) {
                removed.insert(entity.to_owned());
                continue;
            }
            state.standing.extend(standing(found));
            match found.file.kind.as_str() {
                "mission" => {
                    let mission: Mission = object(found)?;
                    state.principals.insert(mission.created_by);
                    state.missions.insert(mission.id, mission);
                }
                "kluster" => {
                    let kluster: Kluster = object(found)?;
                    state.principals.insert(kluster.created_by);
                    state.klusters.insert(kluster.id, kluster);
                }
                "task" => state.tasks.push(object(found)?),
                "doc" | "keystone" => {
                    let version = found.file.version.clone().unwrap_or_default();
                    let version: DocVersion = serde_json::from_value(version)
                        .map_err(|error| invalid(format!("{}: it has no version: {error}", found.path)))?;
                    let doc: Doc = object(found)?;
                    let text = found.file.content.clone().unwrap_or_default();
                    state.principals.extend([doc.created_by, version.author]);
                    state.texts.push((doc.mission_id, version.sha256.clone(), text));
                    state.docs.push((doc, version));
                }
                "artifact" => {
                    let artifact: Artifact = object(found)?;
                    match &found.artifact {
                        Some(text) => {
                            state.texts.push((artifact.mission_id, artifact.sha256.clone(), text.clone()));
                        }
                        None => state.note(format!(
                            "the bytes of artifact {} ({}) are not in Git: only its metadata is back",
                            artifact.id, artifact.name
                        )),
                    }
                    state.artifacts.push(artifact);
                }
                other => {
                    return Err(invalid(format!("{}: nothing is known of the kind {other:?}", found.path)));
                }
            }
        }
        for entity in removed {
            state.note(format!("{entity} was deleted; a file of it that stayed is not brought back"));
        }
        state.tell_line(tree, newest);
        state.latest();
        state.complete(tree, now)?;
        Ok(state)
    }

    /// Says which chain was taken, when there are several.
    fn tell_line(&mut self, tree: &Tree, newest: usize) {
        if tree.installations.len() < 2 {
            return;
        }
        let one = &tree.installations[newest];
        let depth = one.depth;
        self.note(format!(
            "of {} installations that published here the last was taken: {} ({} events, rebuilt {depth} times before)",
            tree.installations.len(),
            one.folders.join(", "),
            one.events
        ));
    }

    /// An entity that was published to several files counts once, as it was last.
    fn latest(&mut self) {
        self.tasks.sort_by_key(|task| (task.id, std::cmp::Reverse(task.version)));
        self.tasks.dedup_by_key(|task| task.id);
        self.docs.sort_by_key(|(doc, _)| (doc.id, std::cmp::Reverse(doc.version)));
        self.docs.dedup_by_key(|(doc, _)| doc.id);
        self.artifacts.sort_by_key(|artifact| (artifact.id, std::cmp::Reverse(artifact.version)));
        self.artifacts.dedup_by_key(|artifact| artifact.id);
    }

    /// Makes the missions and klusters that are only named, and takes away what refers to nothing.
    fn complete(&mut self, tree: &Tree, now: Timestamp) -> Result<(), Error> {
        let klusters = self.klusters.values().map(|k| (k.mission_id, k.mission.clone(), k.created_by));
        let tasks = self.tasks.iter().map(|t| (t.mission_id, t.mission.clone(), t.created_by));
        let docs = self.docs.iter().map(|(d, _)| (d.mission_id, d.mission.clone(), d.created_by));
        let artifacts = self.artifacts.iter().map(|a| (a.mission_id, a.mission.clone(), a.created_by));
        let named: Vec<_> = klusters.chain(tasks).chain(docs).chain(artifacts).collect();
        let mut prefixes: BTreeMap<MissionId, (String, i64)> = BTreeMap::new();
        for task in &self.tasks {
            let (prefix, number) =
                number(&task.key).ok_or_else(|| invalid(format!("{:?} is no key of a task", task.key)))?;
            let entry = prefixes.entry(task.mission_id).or_insert_with(|| (prefix.to_owned(), 0));
            entry.1 = entry.1.max(number + 1);
        }
        for (id, name, by) in named {
            self.principals.insert(by);
            if !self.missions.contains_key(&id) {
                self.note(format!("mission {name} was not published itself: only its name is back"));
                let prefix = prefixes.get(&id).map_or_else(|| name.to_string(), |(prefix, _)| prefix.clone());
                self.missions.insert(id, named_mission(id, name, prefix, by, now));
            }
        }
        let in_klusters: Vec<_> = (self.tasks.iter())
            .map(|t| (t.kluster_id, t.kluster.clone(), t.mission_id, t.mission.clone(), t.created_by))
            .chain(self.docs.iter().filter_map(|(d, _)| {
                Some((d.kluster_id?, d.kluster.clone()?, d.mission_id, d.mission.clone(), d.created_by))
            }))
            .collect();
        for (id, name, mission_id, mission, by) in in_klusters {
            if !self.klusters.contains_key(&id) {
                self.note(format!("kluster {name} was not published itself: only its name is back"));
                self.klusters.insert(id, named_kluster(id, name, (mission_id, mission), by, now));
            }
        }
        for id in self.missions.keys() {
            let said = tree.task_numbers_below.get(&id.to_string()).copied().unwrap_or(1);
            let seen = prefixes.get(id).map_or(1, |(_, next)| *next);
            self.next_numbers.insert(*id, next_number(said.max(seen)));
        }
        self.untie();
        Ok(())
    }

    /// Takes away references to what is not back, ends claims, and opens what waited for nothing that is there.
    fn untie(&mut self) {
        let states: BTreeMap<_, _> = self.tasks.iter().map(|task| (task.id, task.state)).collect();
        let artifacts: BTreeSet<_> = self.artifacts.iter().map(|artifact| artifact.id).collect();
        let mut notes = Vec::new();
        for task in &mut self.tasks {
            let all = task.depends_on.len();
            task.depends_on.retain(|dependency| states.contains_key(&dependency.id));
            if task.depends_on.len() < all {
                notes.push(format!("task {} waited for tasks that were not published", task.key));
            }
            let open = task.depends_on.iter().filter(|d| states.get(&d.id) != Some(&TaskState::Done)).count();
            task.open_dependency_count = i32::try_from(open).unwrap_or(i32::MAX);
            task.parent_id = task.parent_id.filter(|parent| states.contains_key(parent));
            task.result_artifact_id = task.result_artifact_id.filter(|artifact| artifacts.contains(artifact));
            task.claim = None;
            task.state = match task.state {
                TaskState::Claimed | TaskState::Running | TaskState::Pending | TaskState::Ready => {
                    if open == 0 { TaskState::Ready } else { TaskState::Pending }
                }
                state @ (TaskState::InReview
                | TaskState::Done
                | TaskState::Blocked
                | TaskState::Failed
                | TaskState::Cancelled) => state,
            };
        }
        for artifact in &mut self.artifacts {
            artifact.task_id = artifact.task_id.filter(|task| states.contains_key(task));
            artifact.kluster_id = artifact.kluster_id.filter(|kluster| self.klusters.contains_key(kluster));
        }
        for (doc, version) in &mut self.docs {
            if doc.latest_version > 1 {
                notes.push(format!("doc {} is back with version {} only", doc.name, version.number));
            }
            doc.published_version = doc.published_version.filter(|number| *number == version.number);
            doc.state = crate::docs::model::state(doc.latest_version, doc.published_version);
        }
        for note in notes {
            self.note(note);
        }
    }
}

fn named_mission(
    id: MissionId,
    name: Name,
    key_prefix: String,
    created_by: PrincipalId,
    now: Timestamp,
) -> Mission {
    Mission {
        kind: "mission".into(),
        id,
        name,
        description: String::new(),
        key_prefix,
        overlap_policy: None,
        paused: false,
        labels: Labels::default(),
        annotations: Labels::default(),
        version: 1,
        created_by,
        created_at: now,
        updated_at: now,
    }
}

fn named_kluster(
    id: KlusterId,
    name: Name,
    (mission_id, mission): (MissionId, Name),
    created_by: PrincipalId,
    now: Timestamp,
) -> Kluster {
    Kluster {
        kind: "kluster".into(),
        id,
        name,
        mission_id,
        mission,
        description: String::new(),
        runtime: None,
        max_running: None,
        overlap_policy: None,
        labels: Labels::default(),
        annotations: Labels::default(),
        version: 1,
        created_by,
        created_at: now,
        updated_at: now,
    }
}

/// The verified tree, and the place of the installation whose state is restored.
fn verify(request: &RestoreLedger) -> Result<(Tree, usize), Error> {
    if !(7..=64).contains(&request.commit.len()) || !request.commit.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::invalid("/commit", "a commit id"));
    }
    let mut files = BTreeMap::new();
    for (index, file) in request.files.iter().enumerate() {
        if files.insert(file.path.clone(), Some(file.text.clone())).is_some() {
            return Err(Error::invalid(format!("/files/{index}/path"), "the path is there twice"));
        }
    }
    let tree = tree::verify(&files);
    for (folder, chain) in &tree.chains {
        if let Some(fault) = &chain.fault {
            return Err(invalid(format!("{folder}: {fault}")));
        }
    }
    if let Some(fault) = &tree.fault {
        return Err(invalid(fault.clone()));
    }
    if tree.installations.is_empty() {
        return Err(invalid("there is no chain in it: no folder ledger with files <from>-<to>.jsonl"));
    }
    // The last of the line, however short: a rebuilt installation goes on from the one it was rebuilt from.
    let newest = lineage::newest(&tree.installations).map_err(|several| {
        invalid(format!(
            "{} installations publish here and none of them goes on from all others: {}; restore a commit at which one \
             was the last",
            several.len(),
            several.join(", ")
        ))
    })?;
    Ok((tree, newest))
}

/// Rebuilds what was published, everything or nothing.
///
/// # Errors
/// [`ProblemKind::NotEmpty`] when the installation ever had a mission, [`ProblemKind::LedgerInvalid`] that names the
/// first bad place, [`ProblemKind::Forbidden`].
pub async fn restore(app: &App, cx: &OpCtx, request: RestoreLedger) -> Result<RestoredLedger, Error> {
    if let Err(error) = cx.authorize(Action::RestoreLedger) {
        return Err(write::refused(app, cx, error).await);
    }
    if rows::is_used(&mut app.db.begin_read().await?).await? && cx.idempotency.is_none() {
        return Err(not_empty());
    }
    let commit = request.commit.clone();
    let now = cx.now();
    let work = move || {
        let (tree, newest) = verify(&request)?;
        let one = &tree.installations[newest];
        let seq = i64::try_from(one.last_seq).map_err(Error::internal)?;
        Ok::<_, Error>((State::read(&tree, newest, now)?, seq, one.head.to_string()))
    };
    let (state, seq, head) = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
    // Bytes first; what is not named by a row in the end is swept.
    for (mission, sha256, text) in &state.texts {
        let part = stream::iter([Ok(Bytes::from(text.clone()))]);
        let stored = app.objects.put(*mission, Box::pin(part), MAX_CONTENT_BYTES).await?;
        if stored.sha256.to_string() != *sha256 {
            return Err(invalid("a text does not have its digest"));
        }
    }
    let keystones = state.docs.iter().filter(|(doc, _)| doc.keystone).count();
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let restored = RestoredLedger {
        kind: "restored_ledger".into(),
        commit,
        verified_seq: seq,
        verified_hash: head,
        missions: count(state.missions.len()),
        klusters: count(state.klusters.len()),
        tasks: count(state.tasks.len()),
        docs: count(state.docs.len() - keystones),
        keystones: count(keystones),
        artifacts: count(state.artifacts.len()),
        notes: state.notes.clone(),
    };
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::RestoreLedger)?;
        rows::lock(tx).await?;
        if rows::is_used(tx).await? {
            return Err(not_empty());
        }
        rows::write(tx, cx, &state, &restored).await?;
        let event = Event {
            subject_kind: "ledger",
            subject_id: "ledger".into(),
            body: &restored,
            before_sha256: None,
        };
        ledger::record(tx, cx, proof, event).await?;
        crash::point("restore-before-commit").await;
        Ok(restored.clone())
    })
}

fn not_empty() -> Error {
    Error::new(
        ProblemKind::NotEmpty,
        "this installation has, or had, missions; a ledger is restored into an empty one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_far_above_what_was_given() {
        for (below, next) in [(1, 1001), (33, 1001), (499, 1001), (500, 2001), (1001, 2001), (1500, 3001)] {
            assert_eq!(next_number(below), next, "{below}");
            assert!(next_number(below) - below >= NUMBER_GAP);
        }
        assert_eq!(number("my-app-12"), Some(("my-app", 12)));
        assert_eq!(number("x"), None);
    }
}
