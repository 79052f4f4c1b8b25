//! What is rebuilt, in which order: found by verifying everything that was sent, before anything is written.
//!
//! Memory holds ids, keys and places, no texts: each is read again when its row is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mc_api::artifact::Artifact;
use mc_api::doc::{Doc, DocVersion};
use mc_api::id::{ArtifactId, DocId, KlusterId, MissionId, PrincipalId, TaskId};
use mc_api::kluster::{Kluster, KlusterState};
use mc_api::mission::{Mission, MissionState};
use mc_api::persistence::RestoredLedger;
use mc_api::task::{Task, TaskState};
use mc_api::{Labels, Name, ProblemKind, Timestamp};
use mc_ledger::published::PublishedFile;
use mc_ledger::tree::{self, Order, Tree, Verified, lineage};
use serde::de::DeserializeOwned;

use super::spool::{Place, Spool};
use crate::error::Error;
use crate::write::hex_digest;

/// At most this many notes are kept.
const MAX_NOTES: usize = 100;
/// Task numbers go on at the next thousand that leaves at least this many free.
const NUMBER_GAP: i64 = 500;

pub(super) fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ProblemKind::LedgerInvalid, detail)
}

/// Where a state lies: the file, and the file beside it.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) path: String,
    place: Place,
    /// The text of an artifact.
    beside: Option<Place>,
    order: Order,
    version: i64,
    sha256: String,
}

impl Source {
    /// The newest of two.
    fn is_newer(&self, other: &Self) -> bool {
        (self.version, self.order) > (other.version, other.order)
    }
}

/// A task, as far as others need it.
struct TaskFacts {
    source: Source,
    key: String,
    state: TaskState,
    depends_on: Vec<TaskId>,
}

/// A doc: its newest state, and every version of its text by number.
pub(super) struct DocFacts {
    pub(super) source: Option<Source>,
    pub(super) name: String,
    pub(super) keystone: bool,
    pub(super) versions: BTreeMap<i64, Source>,
}

/// One row, or the few that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Mission(MissionId),
    Kluster(KlusterId),
    Task(TaskId),
    Artifact(ArtifactId),
    Doc(DocId),
    /// What a task has only when the others are there.
    Tie(TaskId),
    /// The place of a file in `standing`.
    Standing(usize),
}

/// Everything that is rebuilt.
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Names what is rebuilt: the same texts give the same.
    pub(super) sha256: String,
    pub(super) missions: BTreeMap<MissionId, Mission>,
    pub(super) klusters: BTreeMap<KlusterId, Kluster>,
    pub(super) principals: BTreeSet<PrincipalId>,
    pub(super) next_numbers: BTreeMap<MissionId, i64>,
    pub(super) docs: BTreeMap<DocId, DocFacts>,
    /// Files that stand in the repository, so that a deletion can be published too: entity and place.
    pub(super) standing: Vec<(String, Source)>,
    artifacts: BTreeMap<ArtifactId, Source>,
    tasks: BTreeMap<TaskId, TaskFacts>,
    /// What is told in the end.
    pub(super) restored: RestoredLedger,
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

fn object<T: DeserializeOwned>(path: &str, file: &PublishedFile) -> Result<T, Error> {
    serde_json::from_value(file.object.clone())
        .map_err(|error| invalid(format!("{path}: it is no {}: {error}", file.kind)))
}

fn version_of(path: &str, file: &PublishedFile) -> Result<DocVersion, Error> {
    serde_json::from_value(file.version.clone().unwrap_or_default())
        .map_err(|error| invalid(format!("{path}: it has no version: {error}")))
}

/// Reads texts into a plan.
struct Reader<'a> {
    spool: &'a Spool,
    /// By path: what counts, and whether it was found.
    last: HashMap<String, (Order, bool)>,
    /// By entity: when a removal of it was published last.
    removed: BTreeMap<String, Order>,
    line: Vec<(usize, u64)>,
    plan: Plan,
    /// Missions and klusters that others name.
    named_missions: BTreeMap<MissionId, (Name, PrincipalId)>,
    named_klusters: BTreeMap<KlusterId, (Name, MissionId, Name, PrincipalId)>,
    /// By mission: prefix of its keys, and the number behind the highest.
    prefixes: BTreeMap<MissionId, (String, i64)>,
}

/// Verifies everything and says what is to be done. CPU work.
///
/// # Errors
/// [`ProblemKind::LedgerInvalid`] that names the first bad place or the installations to choose from.
pub(super) fn plan(spool: &Spool, now: Timestamp) -> Result<Plan, Error> {
    let mut tree = tree::survey(spool);
    if let Some((folder, chain)) = tree.bad_chain()
        && let Some(fault) = &chain.fault
    {
        return Err(invalid(format!("{folder}: {fault}")));
    }
    let chosen = lineage::choose(&tree.installations, spool.installation.as_deref());
    let chosen = chosen.map_err(|error| invalid(error.to_string()))?;
    let mut reader = Reader::new(spool, &tree, chosen)?;
    let mut failure = None;
    tree.check(spool, &mut |found| {
        reader.file(&found).map_err(|error| {
            let said = error.detail.clone();
            failure = Some(error);
            said
        })
    });
    if let Some(error) = failure {
        return Err(error);
    }
    if let Some(fault) = &tree.fault {
        return Err(invalid(fault.clone()));
    }
    for (path, place) in &spool.earlier {
        let text = spool.read(*place).map_err(|error| invalid(format!("{path}: {error}")))?;
        let Some(text) = text else { continue };
        let found = tree
            .earlier(spool, chosen, (path, &text))
            .map_err(|error| invalid(format!("{path}, as it was before: {error}")))?;
        if let Some(found) = found {
            reader.state(&found, *place, false)?;
        }
    }
    reader.finish(&tree, chosen, now)
}

impl<'a> Reader<'a> {
    fn new(spool: &'a Spool, tree: &Tree, chosen: usize) -> Result<Self, Error> {
        let one = &tree.installations[chosen];
        let restored = RestoredLedger {
            kind: "restored_ledger".into(),
            commit: spool.commit.clone(),
            verified_seq: i64::try_from(one.last_seq).map_err(Error::internal)?,
            verified_hash: one.head.to_string(),
            missions: 0,
            klusters: 0,
            tasks: 0,
            docs: 0,
            doc_versions: 0,
            keystones: 0,
            artifacts: 0,
            installation: one.id.clone(),
            notes: Vec::new(),
        };
        let plan = Plan {
            steps: Vec::new(),
            sha256: String::new(),
            missions: BTreeMap::new(),
            klusters: BTreeMap::new(),
            principals: BTreeSet::new(),
            next_numbers: BTreeMap::new(),
            docs: BTreeMap::new(),
            standing: Vec::new(),
            artifacts: BTreeMap::new(),
            tasks: BTreeMap::new(),
            restored,
        };
        let last = tree.last_said(chosen).filter(|last| !last.is_removed);
        Ok(Self {
            spool,
            last: last.map(|last| (last.path.to_owned(), (last.order, false))).collect(),
            removed: tree.removed_in(chosen),
            line: lineage::line_of(&tree.installations, chosen),
            plan,
            named_missions: BTreeMap::new(),
            named_klusters: BTreeMap::new(),
            prefixes: BTreeMap::new(),
        })
    }

    fn note(&mut self, text: String) {
        self.plan.note(text);
    }

    /// A file of the commit.
    fn file(&mut self, found: &Verified) -> Result<(), Error> {
        let counts = self.line.iter().any(|(one, upto)| *one == found.installation && found.order.1 <= *upto);
        if !counts {
            self.note(format!(
                "{} holds what an installation says that this one does not go on from",
                found.path
            ));
            return Ok(());
        }
        let place = self.spool.place(&found.path).ok_or_else(|| invalid("a file is gone"))?;
        self.state(found, place, true)
    }

    /// A state that the line of the installation published.
    fn state(&mut self, found: &Verified, place: Place, stands: bool) -> Result<(), Error> {
        let entity = found.file.object.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
        if self.removed.get(entity).is_some_and(|at| *at > found.order) {
            if stands {
                self.note(format!("{entity} was deleted; a file of it that stayed is not brought back"));
            }
            return Ok(());
        }
        let is_last = match self.last.get_mut(&found.path) {
            Some((order, is_there)) if *order == found.order => {
                *is_there = true;
                true
            }
            _ => false,
        };
        let is_doc = matches!(found.file.kind.as_str(), "doc" | "keystone");
        if !is_last && !is_doc {
            return Ok(());
        }
        let version = found.file.object.get("version").and_then(serde_json::Value::as_i64).unwrap_or(0);
        let beside = found.file.content_path.as_deref().filter(|_| found.artifact.is_some());
        let source = Source {
            path: found.path.clone(),
            place,
            beside: beside.and_then(|path| self.spool.place(path)),
            order: found.order,
            version,
            sha256: found.sha256.clone(),
        };
        if stands {
            self.plan.standing.push((entity.to_owned(), source.clone()));
        }
        self.entity(found, source, is_last)
    }

    fn entity(&mut self, found: &Verified, source: Source, is_last: bool) -> Result<(), Error> {
        let (path, file) = (found.path.as_str(), &found.file);
        match file.kind.as_str() {
            "mission" => {
                let mission: Mission = object(path, file)?;
                self.plan.principals.insert(mission.created_by);
                let known = self.plan.missions.get(&mission.id);
                if known.is_none_or(|known| known.version <= mission.version) {
                    self.plan.missions.insert(mission.id, mission);
                }
            }
            "kluster" => {
                let kluster: Kluster = object(path, file)?;
                self.names((kluster.mission_id, &kluster.mission), None, kluster.created_by);
                let known = self.plan.klusters.get(&kluster.id);
                if known.is_none_or(|known| known.version <= kluster.version) {
                    self.plan.klusters.insert(kluster.id, kluster);
                }
            }
            "task" => {
                let task: Task = object(path, file)?;
                let mission = (task.mission_id, &task.mission);
                self.names(mission, Some((task.kluster_id, &task.kluster)), task.created_by);
                let (prefix, number) = number(&task.key)
                    .ok_or_else(|| invalid(format!("{:?} is no key of a task", task.key)))?;
                let known = self.prefixes.entry(task.mission_id).or_insert_with(|| (prefix.to_owned(), 0));
                known.1 = known.1.max(number + 1);
                let depends_on = task.depends_on.iter().map(|dependency| dependency.id).collect();
                let facts = TaskFacts { source, key: task.key, state: task.state, depends_on };
                let known = self.plan.tasks.get(&task.id);
                if known.is_none_or(|known| facts.source.is_newer(&known.source)) {
                    self.plan.tasks.insert(task.id, facts);
                }
            }
            "doc" | "keystone" => {
                let (version, doc): (_, Doc) = (version_of(path, file)?, object(path, file)?);
                self.doc(&doc, &version, source, is_last);
            }
            "artifact" => {
                let artifact: Artifact = object(path, file)?;
                let kluster = None;
                self.names((artifact.mission_id, &artifact.mission), kluster, artifact.created_by);
                if source.beside.is_none() {
                    self.note(format!(
                        "the bytes of artifact {} ({}) are not in Git: only its metadata is back",
                        artifact.id, artifact.name
                    ));
                }
                let known = self.plan.artifacts.get(&artifact.id);
                if known.is_none_or(|known| source.is_newer(known)) {
                    self.plan.artifacts.insert(artifact.id, source);
                }
            }
            other => return Err(invalid(format!("{path}: nothing is known of the kind {other:?}"))),
        }
        Ok(())
    }

    fn doc(&mut self, doc: &Doc, version: &DocVersion, source: Source, is_last: bool) {
        if is_last {
            let kluster = doc.kluster_id.zip(doc.kluster.as_ref());
            self.names((doc.mission_id, &doc.mission), kluster, doc.created_by);
        }
        self.plan.principals.extend([doc.created_by, version.author]);
        let facts = self.plan.docs.entry(doc.id).or_insert_with(|| DocFacts {
            source: None,
            name: doc.name.to_string(),
            keystone: doc.keystone,
            versions: BTreeMap::new(),
        });
        if facts.versions.get(&version.number).is_none_or(|known| source.is_newer(known)) {
            facts.versions.insert(version.number, source.clone());
        }
        if is_last && facts.source.as_ref().is_none_or(|known| source.is_newer(known)) {
            facts.source = Some(source);
        }
    }

    fn names(
        &mut self,
        (mission_id, mission): (MissionId, &Name),
        kluster: Option<(KlusterId, &Name)>,
        by: PrincipalId,
    ) {
        self.plan.principals.insert(by);
        self.named_missions.entry(mission_id).or_insert_with(|| (mission.clone(), by));
        if let Some((id, name)) = kluster {
            self.named_klusters.entry(id).or_insert_with(|| (name.clone(), mission_id, mission.clone(), by));
        }
    }

    fn finish(mut self, tree: &Tree, chosen: usize, now: Timestamp) -> Result<Plan, Error> {
        let missing = self.last.iter().filter(|(_, (_, is_there))| !is_there).map(|(path, _)| path).min();
        if let Some(path) = missing {
            return Err(invalid(format!(
                "{path}: what this installation published there last is neither at this commit nor among what was sent \
                 of earlier ones; a clone with the whole history has it"
            )));
        }
        self.plan.docs.retain(|_, facts| facts.source.is_some());
        self.tell_line(tree, chosen);
        self.complete(tree, now);
        self.plan.untied();
        self.plan.order();
        Ok(self.plan)
    }

    /// Says which chain was taken, when there are several.
    fn tell_line(&mut self, tree: &Tree, chosen: usize) {
        if tree.installations.len() < 2 {
            return;
        }
        let (one, depth) = (&tree.installations[chosen], tree.installations[chosen].depth);
        let why = if self.spool.installation.is_some() { "the chosen one" } else { "the last" };
        self.note(format!(
            "of {} installations that published here {why} was taken: {}, rebuilt {depth} times before",
            tree.installations.len(),
            one.told()
        ));
    }

    /// Makes the missions and klusters that are only named, and says where numbers go on.
    fn complete(&mut self, tree: &Tree, now: Timestamp) {
        for (id, (name, by)) in std::mem::take(&mut self.named_missions) {
            if !self.plan.missions.contains_key(&id) {
                self.note(format!("mission {name} was not published itself: only its name is back"));
                let prefix =
                    self.prefixes.get(&id).map_or_else(|| name.to_string(), |(prefix, _)| prefix.clone());
                self.plan.missions.insert(id, named_mission(id, name, prefix, by, now));
            }
        }
        for (id, (name, mission_id, mission, by)) in std::mem::take(&mut self.named_klusters) {
            if !self.plan.klusters.contains_key(&id) {
                self.note(format!("kluster {name} was not published itself: only its name is back"));
                self.plan.klusters.insert(id, named_kluster(id, name, (mission_id, mission), by, now));
            }
        }
        self.plan.rename();
        for id in self.plan.missions.keys() {
            let said = tree.task_numbers_below.get(&id.to_string()).copied().unwrap_or(1);
            let seen = self.prefixes.get(id).map_or(1, |(_, next)| *next);
            self.plan.next_numbers.insert(*id, next_number(said.max(seen)));
        }
    }
}

impl Plan {
    fn note(&mut self, text: String) {
        let notes = &mut self.restored.notes;
        if notes.len() < MAX_NOTES && !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Of missions with one name, of which one was deleted before the other was made, the newest keeps it.
    fn rename(&mut self) {
        let mut taken: BTreeSet<String> = self.missions.values().map(|one| one.name.to_string()).collect();
        let (mut seen, mut notes) = (BTreeSet::new(), Vec::new());
        for mission in self.missions.values_mut().rev() {
            let name = mission.name.to_string();
            if seen.insert(name.clone()) {
                continue;
            }
            let free = (2..10_000).map(|n| format!("{name}-{n}")).find(|free| !taken.contains(free));
            if let Some(Ok(free)) = free.map(|free| free.parse::<Name>()) {
                notes.push(format!("two missions were called {name}: the older one is called {free}"));
                taken.insert(free.to_string());
                mission.name = free;
            }
        }
        for note in notes {
            self.note(note);
        }
    }

    /// Tells what will be taken away because it refers to what is not back.
    fn untied(&mut self) {
        let mut notes = Vec::new();
        for facts in self.tasks.values() {
            if facts.depends_on.iter().any(|on| !self.tasks.contains_key(on)) {
                notes.push(format!("task {} waited for tasks that were not published", facts.key));
            }
        }
        for facts in self.docs.values() {
            let latest = facts.versions.keys().next_back().copied().unwrap_or(0);
            let there = facts.versions.len();
            if i64::try_from(there).unwrap_or(i64::MAX) < latest {
                notes.push(format!("of doc {} {there} of {latest} versions were published", facts.name));
            }
        }
        for note in notes {
            self.note(note);
        }
    }

    /// Puts the steps in order, and gives the whole its digest.
    fn order(&mut self) {
        self.standing.sort_by(|a, b| (&a.0, &a.1.path).cmp(&(&b.0, &b.1.path)));
        let mut steps: Vec<Step> = self.missions.keys().copied().map(Step::Mission).collect();
        steps.extend(self.klusters.keys().copied().map(Step::Kluster));
        steps.extend(self.tasks.keys().copied().map(Step::Task));
        steps.extend(self.artifacts.keys().copied().map(Step::Artifact));
        steps.extend(self.docs.keys().copied().map(Step::Doc));
        steps.extend(self.tasks.keys().copied().map(Step::Tie));
        steps.extend((0..self.standing.len()).map(Step::Standing));
        let mut said = vec![self.restored.commit.clone(), self.restored.verified_hash.clone()];
        for step in &steps {
            said.push(format!("{step:?}"));
            for source in self.sources(*step) {
                said.push(format!("{:?}", source.order));
                said.extend([source.path.clone(), source.sha256.clone()]);
            }
        }
        self.sha256 = hex_digest(said.join("\0").as_bytes());
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let keystones = self.docs.values().filter(|facts| facts.keystone).count();
        let restored = &mut self.restored;
        restored.missions = count(self.missions.len());
        restored.klusters = count(self.klusters.len());
        restored.tasks = count(self.tasks.len());
        restored.docs = count(self.docs.len() - keystones);
        restored.doc_versions = count(self.docs.values().map(|facts| facts.versions.len()).sum());
        restored.keystones = count(keystones);
        restored.artifacts = count(self.artifacts.len());
        self.steps = steps;
    }

    fn sources(&self, step: Step) -> Vec<&Source> {
        match step {
            Step::Mission(_) | Step::Kluster(_) => Vec::new(),
            Step::Task(id) | Step::Tie(id) => {
                self.tasks.get(&id).map(|facts| &facts.source).into_iter().collect()
            }
            Step::Artifact(id) => self.artifacts.get(&id).into_iter().collect(),
            Step::Doc(id) => self
                .docs
                .get(&id)
                .into_iter()
                .flat_map(|facts| facts.source.iter().chain(facts.versions.values()))
                .collect(),
            Step::Standing(index) => vec![&self.standing[index].1],
        }
    }

    /// Bytes that a step reads, about.
    pub(super) fn weight(&self, step: Step) -> u64 {
        let bytes = |source: &&Source| source.place.bytes() + source.beside.map_or(0, Place::bytes);
        self.sources(step).iter().map(bytes).sum()
    }

    /// How many edges the graph has.
    pub(super) fn edges(&self) -> usize {
        let is_there = |on: &&TaskId| self.tasks.contains_key(on);
        self.tasks.values().map(|facts| facts.depends_on.iter().filter(is_there).count()).sum()
    }

    /// A task as it comes back: without what is not there, without its claim, open when nothing is in the way.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn task(&self, spool: &Spool, id: TaskId) -> Result<Task, Error> {
        let (source, file) = (&self.tasks[&id].source, read(spool, &self.tasks[&id].source)?);
        let mut task: Task = object(&source.path, &file)?;
        task.depends_on.retain(|dependency| self.tasks.contains_key(&dependency.id));
        let is_open = |on: &TaskId| self.tasks[on].state != TaskState::Done;
        let open = task.depends_on.iter().filter(|dependency| is_open(&dependency.id)).count();
        task.open_dependency_count = i32::try_from(open).unwrap_or(i32::MAX);
        task.parent_id = task.parent_id.filter(|parent| self.tasks.contains_key(parent));
        task.result_artifact_id =
            task.result_artifact_id.filter(|artifact| self.artifacts.contains_key(artifact));
        task.claim = None;
        task.state =
            match task.state {
                TaskState::Claimed | TaskState::Running | TaskState::Pending | TaskState::Ready => {
                    if open == 0 { TaskState::Ready } else { TaskState::Pending }
                }
                state @ (TaskState::InReview
                | TaskState::Done
                | TaskState::Blocked
                | TaskState::Failed
                | TaskState::Cancelled) => state,
            };
        Ok(task)
    }

    /// An artifact, and its text when that is in Git.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn artifact(
        &self,
        spool: &Spool,
        id: ArtifactId,
    ) -> Result<(Artifact, Option<String>), Error> {
        let source = &self.artifacts[&id];
        let mut artifact: Artifact = object(&source.path, &read(spool, source)?)?;
        artifact.task_id = artifact.task_id.filter(|task| self.tasks.contains_key(task));
        artifact.kluster_id = artifact.kluster_id.filter(|kluster| self.klusters.contains_key(kluster));
        let text = source.beside.map(|place| text(spool, &source.path, place)).transpose()?;
        Ok((artifact, text))
    }

    /// A doc without its versions.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn doc(&self, spool: &Spool, id: DocId) -> Result<Doc, Error> {
        let facts = &self.docs[&id];
        let source = facts.source.as_ref().ok_or_else(|| invalid("a doc has no state"))?;
        let mut doc: Doc = object(&source.path, &read(spool, source)?)?;
        doc.published_version = doc.published_version.filter(|number| facts.versions.contains_key(number));
        doc.state = crate::docs::model::state(doc.latest_version, doc.published_version);
        Ok(doc)
    }

    /// What stands at a path: the kind, the digest, and the state as publications keep it.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn standing(&self, spool: &Spool, index: usize) -> Result<Standing, Error> {
        let (entity, source) = &self.standing[index];
        let file = read(spool, source)?;
        let meta = serde_json::json!({ "object": file.object, "version": file.version }).to_string();
        let (entity, path, sha256) = (entity.clone(), source.path.clone(), source.sha256.clone());
        Ok(Standing { entity, kind: file.kind, path, sha256, meta })
    }
}

/// A file that stands in the repository.
pub(super) struct Standing {
    pub(super) entity: String,
    pub(super) kind: String,
    pub(super) path: String,
    pub(super) sha256: String,
    /// The state in it, as publications keep it.
    pub(super) meta: String,
}

/// A version of a doc with its text.
///
/// # Errors
/// The disk failed.
pub(super) fn version(spool: &Spool, source: &Source) -> Result<(DocVersion, String), Error> {
    let file = read(spool, source)?;
    Ok((version_of(&source.path, &file)?, file.content.unwrap_or_default()))
}

fn text(spool: &Spool, path: &str, place: Place) -> Result<String, Error> {
    let text = spool.read(place).map_err(|error| invalid(format!("{path}: {error}")))?;
    text.ok_or_else(|| invalid(format!("{path}: it is no text")))
}

fn read(spool: &Spool, source: &Source) -> Result<PublishedFile, Error> {
    let text = text(spool, &source.path, source.place)?;
    let parsed = PublishedFile::parse(&text);
    Ok(parsed.map_err(|error| invalid(format!("{}: {error}", source.path)))?.0)
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
        state: MissionState::Active,
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
        state: KlusterState::Active,
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
