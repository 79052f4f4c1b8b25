//! A pack is believed only after this: digests, order, references, limits and rules of every entry, before anything is
//! kept. What the operations of a subject refuse is refused here by the same checks.

use std::collections::{HashMap, HashSet};
use std::fs::File;

use base64::Engine as _;
use mc_api::doc::MAX_CONTENT_BYTES as MAX_TEXT;
use mc_api::id::{ArtifactId, BindingId, DocId, KlusterId, MissionId, OverlapId, TaskId, TemplateId};
use mc_api::mission::Mission;
use mc_api::pack::{CHUNK_BYTES, FORMAT, PackCounts, Record, VERSION};
use mc_api::persistence::PublicationPolicy;
use mc_api::task::{Task, TaskState};
use mc_api::template::TemplateBody;
use mc_ledger::Digest;
use ring::digest::{Context, SHA256};
use uuid::Uuid;

use super::collect::uuid_of;
use super::format::{Reader, fault, finish, invalid};
use crate::artifacts::model::{MAX_CONTENT_BYTES, check_media_type, check_name};
use crate::error::Error;
use crate::missions::service::{MAX_TEXT_BYTES, check_text};
use crate::{docs, overlap, persistence, tasks, templates};

/// More objects than this are no pack.
const MAX_OBJECTS: usize = 2_000_000;
/// A name of a person, an agent or a node.
const MAX_BY: usize = 256;

/// A pack that was verified.
pub(super) struct Plan {
    pub(super) sha256: String,
    pub(super) mission: Mission,
    pub(super) next_number: i64,
    pub(super) policy: Option<PublicationPolicy>,
    pub(super) counts: PackCounts,
    /// Every object in the order of the pack.
    pub(super) order: Vec<Uuid>,
}

/// What a task's neighbours need to know of it.
struct Node {
    line: i64,
    key: String,
    depends_on: Vec<Uuid>,
    parent: Option<Uuid>,
}

/// The doc or template whose versions are read.
struct Series {
    id: Uuid,
    name: String,
    latest: i64,
    next: i64,
}

#[derive(Default)]
struct Content {
    digest: Option<Context>,
    at: i64,
    last: usize,
}

struct Verifier {
    line: i64,
    rank: u8,
    mission: Option<Mission>,
    next_number: i64,
    policy: Option<PublicationPolicy>,
    counts: PackCounts,
    ids: HashSet<Uuid>,
    order: Vec<Uuid>,
    klusters: HashSet<Uuid>,
    names: HashSet<(Option<Uuid>, &'static str, String)>,
    tasks: HashMap<Uuid, Node>,
    /// What must be in the pack in the end: line, entry, id.
    wanted: Vec<(i64, Uuid)>,
    contents: HashMap<String, i64>,
    content: Content,
    series: Option<Series>,
}

/// Reads all of a pack and checks it. CPU work.
pub(super) fn verify(file: &File) -> Result<Plan, Error> {
    let mut reader = Reader::new(file)?;
    let mut verifier = Verifier {
        line: 0,
        rank: 0,
        mission: None,
        next_number: 1,
        policy: None,
        counts: PackCounts::default(),
        ids: HashSet::new(),
        order: Vec::new(),
        klusters: HashSet::new(),
        names: HashSet::new(),
        tasks: HashMap::new(),
        wanted: Vec::new(),
        contents: HashMap::new(),
        content: Content::default(),
        series: None,
    };
    while let Some(record) = reader.next()? {
        verifier.line = reader.line;
        let entry = record.entry();
        verifier.record(record).map_err(|error| match error.kind {
            mc_api::ProblemKind::PackInvalid | mc_api::ProblemKind::Internal => error,
            _ => fault(reader.line, &entry, error.detail),
        })?;
    }
    let sha256 = reader.sha256.take().ok_or_else(|| invalid("it has no end"))?;
    verifier.end()?;
    let Verifier { mission, next_number, policy, counts, order, .. } = verifier;
    let mission = mission.ok_or_else(|| invalid("there is no mission in it"))?;
    Ok(Plan { sha256, mission, next_number, policy, counts, order })
}

fn rule(detail: impl Into<String>) -> Error {
    Error::invalid("", detail)
}

fn require(holds: bool, detail: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(rule(detail)) }
}

fn by(name: &str) -> Result<(), Error> {
    require(
        (1..=MAX_BY).contains(&name.len()) && !name.chars().any(char::is_control),
        "a name of who made it has 1 to 256 bytes without control characters",
    )
}

/// The number of a task key with this prefix.
pub(super) fn number(prefix: &str, key: &str) -> Option<i64> {
    let digits = key.strip_prefix(prefix)?.strip_prefix('-')?;
    let number: i64 = digits.parse().ok()?;
    (number > 0 && number.to_string() == digits).then_some(number)
}

impl Verifier {
    #[expect(clippy::too_many_lines, reason = "one arm per sort of record: the rules of a pack in one place")]
    fn record(&mut self, record: Record) -> Result<(), Error> {
        let rank = match &record {
            Record::Chunk { .. } => self.rank.max(5),
            other => other.rank(),
        };
        require(rank >= self.rank && (self.line > 1 || rank == 0), "stands at the wrong place")?;
        require(rank > 1 || i64::from(rank) + 1 == self.line, "is there twice")?;
        self.rank = if matches!(record, Record::Chunk { .. }) { self.rank } else { rank };
        let is_content =
            matches!(record, Record::Chunk { .. } | Record::Artifact { .. } | Record::DocVersion { .. });
        require(
            is_content || self.content.digest.is_none(),
            "stands behind content that belongs to nothing",
        )?;
        if !matches!(record, Record::Chunk { .. } | Record::DocVersion { .. } | Record::Template { .. }) {
            self.finish_series()?;
        }
        match record {
            Record::Pack { format, version, .. } => {
                require(format == FORMAT, "is no pack of a mission")?;
                require(
                    version == VERSION,
                    "is of another version than 1, which is the one that is understood here",
                )
            }
            Record::Mission { object, by: who, next_number, policy } => {
                by(&who)?;
                self.mission(*object, next_number, policy.map(|policy| *policy))
            }
            Record::Kluster { object, by: who } => {
                by(&who)?;
                self.object(KlusterId::as_uuid(&object.id), object.mission_id)?;
                self.klusters.insert(object.id.as_uuid());
                self.named(None, "kluster", object.name.as_str())?;
                check_text("/description", &object.description, MAX_TEXT_BYTES)?;
                require(
                    object.max_running.is_none_or(|most| (1..=10_000).contains(&most)),
                    "/max_running: 1 to 10000",
                )?;
                if let Some(policy) = &object.overlap_policy {
                    overlap::model::check_policy(policy)?;
                }
                self.counts.klusters += 1;
                Ok(())
            }
            Record::Template { object, by: who, author } => {
                by(&who)?;
                by(&author)?;
                let id = TemplateId::as_uuid(&object.id);
                if self.series.as_ref().is_none_or(|series| series.id != id) {
                    self.finish_series()?;
                    self.object(id, object.mission_id)?;
                    self.named(None, "template", object.name.as_str())?;
                    self.begin_series(id, object.name.to_string(), object.latest_version);
                    self.counts.templates += 1;
                }
                self.next_of_series(object.number)?;
                let (description, parameters, task) =
                    (object.description.clone(), object.parameters.clone(), object.task.clone());
                templates::model::check(&TemplateBody { description, parameters, task })
            }
            Record::Task { object, by: who, external } => {
                by(&who)?;
                for one in &external {
                    let fits = |text: &str, most| {
                        (1..=most).contains(&text.len()) && !text.chars().any(char::is_control)
                    };
                    require(
                        fits(&one.source, 128) && fits(&one.external_id, 256),
                        "/external: it is no id elsewhere",
                    )?;
                    require(one.row_sha256.parse::<Digest>().is_ok(), "/external/row_sha256: 64 hex digits")?;
                    self.named(None, "external", &format!("{}\0{}", one.source, one.external_id))?;
                }
                self.task(&object)
            }
            Record::Chunk { at, base64 } => self.chunk(at, &base64),
            Record::Artifact { object, by: who } => {
                by(&who)?;
                self.object(ArtifactId::as_uuid(&object.id), object.mission_id)?;
                self.refer(object.task_id.map(|id| id.as_uuid()));
                self.refer(object.kluster_id.map(|id| id.as_uuid()));
                check_name(&object.name)?;
                check_media_type(&object.media_type)?;
                if let Some(kluster) = object.kluster_id {
                    self.named(Some(kluster.as_uuid()), "artifact", &object.name)?;
                }
                self.counts.artifacts += 1;
                self.content(&object.sha256, object.size_bytes, MAX_CONTENT_BYTES)
            }
            Record::Doc { object, by: who } => {
                by(&who)?;
                let id = DocId::as_uuid(&object.id);
                self.object(id, object.mission_id)?;
                let kluster = object.kluster_id.map(|id| id.as_uuid());
                require(
                    kluster.is_none_or(|id| self.klusters.contains(&id)),
                    "/kluster_id: that kluster is not in the pack",
                )?;
                self.named(kluster, "doc", object.name.as_str())?;
                docs::model::check_title("/title", &object.title)?;
                check_media_type(&object.media_type)?;
                let keystone = docs::model::is_keystone(object.name.as_str(), kluster.is_some())?;
                require(keystone == object.keystone, "/keystone: does not fit the name")?;
                require(
                    object
                        .published_version
                        .is_none_or(|number| (1..=object.latest_version).contains(&number)),
                    "/published_version: there is no such version",
                )?;
                let state = docs::model::state(object.latest_version, object.published_version);
                require(state == object.state, "/state: does not fit the published version")?;
                self.begin_series(id, object.name.to_string(), object.latest_version);
                self.counts.docs += 1;
                Ok(())
            }
            Record::DocVersion { object, by: who } => {
                by(&who)?;
                let is_of = self.series.as_ref().is_some_and(|series| series.id == object.doc_id.as_uuid());
                require(is_of, "belongs to another doc than the one before it")?;
                self.next_of_series(object.number)?;
                docs::model::check_note(&object.note)?;
                self.counts.doc_versions += 1;
                self.content(&object.sha256, object.size_bytes, MAX_TEXT as u64)
            }
            Record::Binding { object, url, by: who } => {
                by(&who)?;
                self.object(BindingId::as_uuid(&object.id), object.mission_id)?;
                self.named(None, "binding", object.name.as_str())?;
                require(url.len() <= 2048, "/url: at most 2048 bytes")?;
                persistence::model::check_repository(&object.repository)?;
                persistence::model::check_branch(&object.branch)?;
                persistence::model::check_base_path(&object.base_path)?;
                self.counts.bindings += 1;
                Ok(())
            }
            Record::Overlap { object, by: who } => {
                who.as_deref().map_or(Ok(()), by)?;
                require(
                    who.is_some() == object.decided_by.is_some(),
                    "/decided_by: does not fit who decided",
                )?;
                let id = OverlapId::as_uuid(&object.id);
                self.object(id, object.subject.mission_id)?;
                for side in [&object.subject, &object.candidate] {
                    let id = uuid_of(&side.id).ok_or_else(|| rule("a side has no id"))?;
                    require(
                        matches!(side.kind.as_str(), "task" | "doc" | "artifact"),
                        "a side is of an unknown kind",
                    )?;
                    require(self.ids.contains(&id), "a side is not in the pack")?;
                    check_text("/title", &side.title, 4096)?;
                }
                require(object.subject.id != object.candidate.id, "both sides are the same")?;
                for share in [object.score, object.lexical, object.vector] {
                    require((0.0..=1.0).contains(&share), "a score is not from 0 to 1")?;
                }
                check_text("/note", object.note.as_deref().unwrap_or_default(), MAX_TEXT_BYTES)?;
                self.named(None, "overlap", &format!("{}\0{}", object.subject.id, object.candidate.id))?;
                self.counts.overlaps += 1;
                Ok(())
            }
            Record::Owner { subject, field, manager, operation } => {
                let id = uuid_of(&subject).ok_or_else(|| rule("/subject: it is no id"))?;
                require(self.ids.contains(&id), "/subject: it is not in the pack")?;
                require(matches!(operation.as_str(), "apply" | "update"), "/operation: apply or update")?;
                for text in [&field, &manager] {
                    require(
                        (1..=512).contains(&text.len()) && !text.contains('\0'),
                        "a field or manager has 1 to 512 bytes",
                    )?;
                }
                self.named(Some(id), "owner", &format!("{field}\0{manager}"))
            }
            Record::End { .. } => Ok(()),
        }
    }

    fn mission(
        &mut self,
        mission: Mission,
        next: i64,
        policy: Option<PublicationPolicy>,
    ) -> Result<(), Error> {
        self.ids.insert(MissionId::as_uuid(&mission.id));
        self.order.push(mission.id.as_uuid());
        check_text("/description", &mission.description, MAX_TEXT_BYTES)?;
        let prefix_fits = (1..=80).contains(&mission.key_prefix.len())
            && mission.key_prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        require(prefix_fits, "/key_prefix: lowercase letters, digits and `-`")?;
        require((1..=1_000_000_000_000).contains(&next), "/next_number: out of range")?;
        if let Some(policy) = &mission.overlap_policy {
            overlap::model::check_policy(policy)?;
        }
        if let Some(policy) = &policy {
            persistence::model::check_routes(&policy.routes)?;
        }
        (self.mission, self.next_number, self.policy) = (Some(mission), next, policy);
        Ok(())
    }

    /// Notes an object: its id is new, and it belongs to the mission.
    fn object(&mut self, id: Uuid, mission: MissionId) -> Result<(), Error> {
        let of = self.mission.as_ref().map(|mission| mission.id);
        require(of == Some(mission), "/mission_id: it belongs to another mission")?;
        require(self.ids.insert(id), "its id is there twice")?;
        require(self.order.len() < MAX_OBJECTS, "there are too many objects")?;
        self.order.push(id);
        Ok(())
    }

    fn named(&mut self, within: Option<Uuid>, kind: &'static str, name: &str) -> Result<(), Error> {
        let is_new = self.names.insert((within, kind, name.to_owned()));
        require(is_new, &format!("there is another {kind} of this name"))
    }

    fn refer(&mut self, id: Option<Uuid>) {
        self.wanted.extend(id.map(|id| (self.line, id)));
    }

    fn task(&mut self, task: &Task) -> Result<(), Error> {
        let id = TaskId::as_uuid(&task.id);
        self.object(id, task.mission_id)?;
        let kluster = task.kluster_id.as_uuid();
        require(self.klusters.contains(&kluster), "/kluster_id: that kluster is not in the pack")?;
        if let Some(name) = &task.name {
            self.named(Some(kluster), "task", name.as_str())?;
        }
        self.named(None, "key", &task.key)?;
        let prefix = self.mission.as_ref().map(|mission| mission.key_prefix.as_str()).unwrap_or_default();
        let number = number(prefix, &task.key).ok_or_else(|| rule("/key: it is no key of this mission"))?;
        require(number < self.next_number, "/key: its number was not given yet")?;
        tasks::service::check_stored(task)?;
        let held = matches!(task.state, TaskState::Claimed | TaskState::Running) || task.claim.is_some();
        require(!held, "/state: somebody holds it; nobody does in a pack")?;
        self.refer(task.result_artifact_id.map(|id| id.as_uuid()));
        let node = Node {
            line: self.line,
            key: task.key.clone(),
            depends_on: task.depends_on.iter().map(|on| on.id.as_uuid()).collect(),
            parent: task.parent_id.map(|id| id.as_uuid()),
        };
        self.tasks.insert(id, node);
        self.counts.tasks += 1;
        Ok(())
    }

    fn chunk(&mut self, at: i64, text: &str) -> Result<(), Error> {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|_| rule("/base64: it is no base64"))?;
        require(bytes.len() <= CHUNK_BYTES, "holds too many bytes")?;
        require(at == self.content.at, "/at: a part of the content is missing")?;
        require(
            self.content.digest.is_none() || self.content.last == CHUNK_BYTES,
            "only the last part may be short",
        )?;
        self.content.digest.get_or_insert_with(|| Context::new(&SHA256)).update(&bytes);
        self.content.at += i64::try_from(bytes.len()).map_err(Error::internal)?;
        self.content.last = bytes.len();
        let most = i64::try_from(MAX_CONTENT_BYTES).unwrap_or(i64::MAX);
        require(self.content.at <= most, "the content is too large")
    }

    /// The content that a record names: the chunks before it, or one that was there already.
    fn content(&mut self, sha256: &str, size: i64, most: u64) -> Result<(), Error> {
        require(u64::try_from(size).is_ok_and(|size| size <= most), "/size_bytes: the content is too large")?;
        let content = std::mem::take(&mut self.content);
        if let Some(digest) = content.digest {
            let is = finish(digest).to_string();
            require(is == sha256 && content.at == size, "the content before it has another digest or size")?;
            require(self.contents.insert(is, size).is_none(), "its content is there twice")?;
            self.counts.content_bytes += size;
            return Ok(());
        }
        require(self.contents.get(sha256) == Some(&size), "its content is not in the pack")
    }

    fn begin_series(&mut self, id: Uuid, name: String, latest: i64) {
        self.series = Some(Series { id, name, latest, next: 1 });
    }

    fn next_of_series(&mut self, number: i64) -> Result<(), Error> {
        let Some(series) = &mut self.series else { return Err(rule("belongs to nothing")) };
        require(number == series.next, "a version before it is missing")?;
        series.next += 1;
        Ok(())
    }

    fn finish_series(&mut self) -> Result<(), Error> {
        match self.series.take() {
            Some(series) if series.next != series.latest + 1 => {
                Err(invalid(format!("line {}: versions of {} are missing before it", self.line, series.name)))
            }
            _ => Ok(()),
        }
    }

    fn end(&self) -> Result<(), Error> {
        for (line, id) in &self.wanted {
            if !self.ids.contains(id) {
                return Err(invalid(format!("line {line}: it names an object that is not in the pack")));
            }
        }
        for node in self.tasks.values() {
            let all = node.depends_on.iter().chain(&node.parent);
            if all.into_iter().any(|id| !self.tasks.contains_key(id)) {
                return Err(fault(
                    node.line,
                    &format!("task {}", node.key),
                    "names a task that is not in the pack",
                ));
            }
        }
        self.acyclic("waits in a circle", |node| node.depends_on.as_slice())?;
        self.acyclic("is its own parent in the end", |node| node.parent.as_slice())
    }

    /// Takes away tasks that lead to none that is left, until none can be: what stays stands in a circle.
    fn acyclic(&self, what: &str, leads_to: impl Fn(&Node) -> &[Uuid]) -> Result<(), Error> {
        let mut open: HashMap<Uuid, usize> = HashMap::new();
        let mut followers: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        let mut free = Vec::new();
        for (id, node) in &self.tasks {
            let to = leads_to(node);
            open.insert(*id, to.len());
            if to.is_empty() {
                free.push(*id);
            }
            for one in to {
                followers.entry(*one).or_default().push(*id);
            }
        }
        while let Some(id) = free.pop() {
            open.remove(&id);
            for follower in followers.get(&id).map(Vec::as_slice).unwrap_or_default() {
                if let Some(count) = open.get_mut(follower) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(*follower);
                    }
                }
            }
        }
        let first = open.keys().filter_map(|id| self.tasks.get(id)).min_by_key(|node| node.line);
        first.map_or(Ok(()), |node| Err(fault(node.line, &format!("task {}", node.key), what)))
    }
}
