//! One moment of a mission as plain records, in a nameless file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};

use mc_api::doc::Doc;
use mc_api::id::{MissionId, OrganizationId, PrincipalId};
use mc_api::mission::Mission;
use mc_api::overlap::OverlapSuggestion;
use mc_api::pack::{FORMAT, PackCounts, Record, VERSION};
use mc_api::task::{Task, TaskState};
use uuid::Uuid;

use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::op::Scope;
use crate::tasks::model::waiting_state;
use crate::{artifacts, authn, docs, klusters, missions, overlap, persistence, tasks, templates};

/// How many rows are read at once.
const PAGE: i64 = 200;

/// What was collected.
pub(super) struct Collected {
    pub(super) file: File,
    pub(super) counts: PackCounts,
    /// Every object in it.
    pub(super) ids: HashSet<Uuid>,
    pub(super) notes: Vec<String>,
}

struct Collector<'t> {
    tx: &'t mut Tx,
    organization: OrganizationId,
    mission: &'t Mission,
    /// It came from a pack itself.
    imported: bool,
    names: HashMap<PrincipalId, String>,
    out: BufWriter<File>,
    counts: PackCounts,
    ids: HashSet<Uuid>,
    open: i64,
    elsewhere: i64,
}

/// Writes all records of a mission but contents to a file.
pub(super) async fn collect(app: &App, mission: &Mission, file: File) -> Result<Collected, Error> {
    let mut tx = app.db.begin_snapshot().await?;
    let imported = store::pack_of(&mut tx, mission.id).await?.is_some();
    let mut collector = Collector {
        tx: &mut tx,
        organization: app.organization,
        mission,
        imported,
        names: HashMap::new(),
        out: BufWriter::new(file),
        counts: PackCounts::default(),
        ids: HashSet::from([mission.id.as_uuid()]),
        open: 0,
        elsewhere: 0,
    };
    collector.all().await?;
    let mut notes = Vec::new();
    if collector.open > 0 {
        notes.push(format!("{} tasks that somebody works on are open in the pack", collector.open));
    }
    if collector.elsewhere > 0 {
        let n = collector.elsewhere;
        notes.push(format!("{n} suggestions about objects that are not in this mission are left out"));
    }
    let Collector { out, counts, ids, .. } = collector;
    let file = out.into_inner().map_err(|error| Error::internal(error.into_error()))?;
    Ok(Collected { file, counts, ids, notes })
}

/// A task that nobody holds.
fn released(mut task: Task) -> (Task, bool) {
    let held = matches!(task.state, TaskState::Claimed | TaskState::Running);
    if held {
        task.state = waiting_state(&task);
        task.progress_percent = None;
        task.progress_note = None;
    }
    task.claim = None;
    for on in &mut task.depends_on {
        if matches!(on.state, TaskState::Claimed | TaskState::Running) {
            on.state = TaskState::Ready;
        }
    }
    (task, held)
}

impl Collector<'_> {
    fn scope(&self) -> Scope {
        Scope::Organization(self.organization)
    }

    fn put(&mut self, record: &Record) -> Result<(), Error> {
        let mut text = serde_json::to_vec(record).map_err(Error::internal)?;
        text.push(b'\n');
        self.out.write_all(&text).map_err(Error::internal)
    }

    /// Who made an object: where it came from, when it came from a pack.
    async fn by(&mut self, subject: &str, principal: PrincipalId) -> Result<String, Error> {
        if self.imported
            && let Some(name) = store::made_by(self.tx, subject).await?
        {
            return Ok(name);
        }
        if let Some(name) = self.names.get(&principal) {
            return Ok(name.clone());
        }
        let found = authn::store::find(self.tx, self.organization, &principal.to_string()).await?;
        let name = found.map_or_else(|| principal.to_string(), |found| found.name.to_string());
        self.names.insert(principal, name.clone());
        Ok(name)
    }

    async fn all(&mut self) -> Result<(), Error> {
        // As it is in the snapshot.
        let found = missions::store::find(self.tx, self.organization, &self.mission.id.to_string()).await?;
        let mission = found.ok_or_else(|| Error::not_found("mission", self.mission.id))?;
        self.put(&Record::Pack { format: FORMAT.into(), version: VERSION, mission: mission.name.clone() })?;
        let by = self.by(&mission.id.to_string(), mission.created_by).await?;
        let next_number = missions::store::next_number(self.tx, mission.id).await?;
        let policy = persistence::store::policy(self.tx, &mission).await?;
        let policy = (policy.version > 0).then(|| Box::new(policy));
        self.put(&Record::Mission { object: Box::new(mission), by, next_number, policy })?;
        self.klusters().await?;
        self.templates().await?;
        self.tasks().await?;
        self.artifacts().await?;
        self.docs().await?;
        self.bindings().await?;
        self.overlaps().await?;
        self.owners().await
    }

    fn id(&self) -> MissionId {
        self.mission.id
    }

    async fn klusters(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mission = Some(self.id());
            let wanted =
                klusters::store::Wanted { mission, after, limit: PAGE, ..klusters::store::Wanted::one() };
            let scope = self.scope();
            let page = klusters::store::list(self.tx, scope, wanted).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for kluster in page {
                self.ids.insert(kluster.id.as_uuid());
                self.counts.klusters += 1;
                let by = self.by(&kluster.id.to_string(), kluster.created_by).await?;
                self.put(&Record::Kluster { object: Box::new(kluster), by })?;
            }
        }
    }

    async fn templates(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mission = Some(self.id());
            let wanted = templates::store::Wanted { mission, after, limit: PAGE, ..Default::default() };
            let scope = self.scope();
            let page = templates::store::list(self.tx, scope, wanted).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for template in page {
                self.ids.insert(template.id.as_uuid());
                self.counts.templates += 1;
                let by = self.by(&template.id.to_string(), template.created_by).await?;
                let mut number = 0;
                loop {
                    let versions = templates::store::versions(self.tx, template.id, number, PAGE).await?;
                    let Some(last) = versions.last() else { break };
                    number = last.number;
                    for version in versions {
                        let subject = format!("{}/{}", version.id, version.number);
                        let author = self.by(&subject, version.author_id).await?;
                        self.put(&Record::Template { object: Box::new(version), by: by.clone(), author })?;
                    }
                }
            }
        }
    }

    async fn tasks(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mission = Some(self.id());
            let wanted = tasks::store::Wanted { mission, after, limit: PAGE, ..Default::default() };
            let scope = self.scope();
            let page = tasks::store::list(self.tx, scope, wanted).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.task.id);
            let ids = page.iter().map(|loaded| loaded.task.id).collect();
            let mut external: HashMap<_, Vec<_>> = HashMap::new();
            for row in store::external(self.tx, ids).await? {
                external.entry(row.task_id).or_default().push(row.into());
            }
            for loaded in page {
                self.ids.insert(loaded.task.id.as_uuid());
                self.counts.tasks += 1;
                let (task, held) = released(loaded.task);
                self.open += i64::from(held);
                let by = self.by(&task.id.to_string(), task.created_by).await?;
                let external = external.remove(&task.id).unwrap_or_default();
                self.put(&Record::Task { object: Box::new(task), by, external })?;
            }
        }
    }

    async fn artifacts(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mission = Some(self.id());
            let wanted = artifacts::store::Wanted { mission, after, limit: PAGE, ..Default::default() };
            let scope = self.scope();
            let page = artifacts::store::list(self.tx, scope, wanted).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for artifact in page {
                self.ids.insert(artifact.id.as_uuid());
                self.counts.artifacts += 1;
                let by = self.by(&artifact.id.to_string(), artifact.created_by).await?;
                self.put(&Record::Artifact { object: Box::new(artifact), by })?;
            }
        }
    }

    async fn docs(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mission = Some(self.id());
            let wanted = docs::store::Wanted { mission, after, limit: PAGE, ..Default::default() };
            let scope = self.scope();
            let page = docs::store::list(self.tx, scope, wanted).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for doc in page {
                self.doc(doc).await?;
            }
        }
    }

    async fn doc(&mut self, doc: Doc) -> Result<(), Error> {
        self.ids.insert(doc.id.as_uuid());
        self.counts.docs += 1;
        let id = doc.id;
        let by = self.by(&id.to_string(), doc.created_by).await?;
        self.put(&Record::Doc { object: Box::new(doc), by })?;
        let mut number = 0;
        loop {
            let versions = docs::store::versions(self.tx, id, number, PAGE).await?;
            let Some(last) = versions.last() else { return Ok(()) };
            number = last.number;
            for version in versions {
                self.counts.doc_versions += 1;
                let by = self.by(&format!("{id}/{}", version.number), version.author).await?;
                self.put(&Record::DocVersion { object: version, by })?;
            }
        }
    }

    async fn bindings(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mission = Some(self.id());
            let wanted = persistence::store::Wanted { mission, after, limit: PAGE, ..Default::default() };
            let scope = self.scope();
            let page = persistence::store::bindings(self.tx, scope, wanted).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for binding in page {
                self.ids.insert(binding.id.as_uuid());
                self.counts.bindings += 1;
                let reference = binding.connection_id.to_string();
                let found =
                    persistence::store::find_connection(self.tx, self.organization, &reference).await?;
                let url = found.map(|sealed| sealed.connection.url).unwrap_or_default();
                let by = self.by(&binding.id.to_string(), binding.created_by).await?;
                self.put(&Record::Binding { object: Box::new(binding), url, by })?;
            }
        }
    }

    /// Whether both sides are in the pack.
    fn has_sides(&self, suggestion: &OverlapSuggestion) -> bool {
        [&suggestion.subject, &suggestion.candidate]
            .iter()
            .all(|side| uuid_of(&side.id).is_some_and(|id| self.ids.contains(&id)))
    }

    async fn overlaps(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let mission = Some(self.id());
            let wanted = overlap::store::Wanted { mission, after, limit: PAGE, ..Default::default() };
            let scope = self.scope();
            let page = overlap::store::list(self.tx, scope, wanted).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for suggestion in page {
                if !self.has_sides(&suggestion) {
                    self.elsewhere += 1;
                    continue;
                }
                self.counts.overlaps += 1;
                let by = match suggestion.decided_by {
                    Some(who) => Some(self.by(&suggestion.id.to_string(), who).await?),
                    None => None,
                };
                self.put(&Record::Overlap { object: Box::new(suggestion), by })?;
            }
        }
    }

    async fn owners(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = store::owners(self.tx, self.mission.id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            for row in page {
                // Owners of what is gone stay behind.
                if !uuid_of(&row.subject_id).is_some_and(|id| self.ids.contains(&id)) {
                    continue;
                }
                let store::OwnerRow { subject_id: subject, field, manager, operation } = row;
                self.put(&Record::Owner { subject, field, manager, operation })?;
            }
        }
    }
}

/// The UUID in an id of any kind.
pub(super) fn uuid_of(id: &str) -> Option<Uuid> {
    let (_, hex) = id.split_once('_')?;
    (hex.len() == 32).then(|| Uuid::try_parse(hex).ok()).flatten()
}
