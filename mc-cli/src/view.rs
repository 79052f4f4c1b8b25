//! How each kind of object is shown: as a row, as fields, as a manifest.

mod fleet;
mod persistence;
pub(crate) mod skills;

use mc_api::approval::Approval;
use mc_api::artifact::Artifact;
use mc_api::doc::Doc;
use mc_api::kluster::Kluster;
use mc_api::ledger::LedgerEvent;
use mc_api::manifest::Manifest;
use mc_api::mission::Mission;
use mc_api::overlap::{OverlapPolicy, OverlapSide, OverlapSuggestion};
use mc_api::persistence::ItemOperation;
use mc_api::publication::Publication;
use mc_api::reservation::Reservation;
use mc_api::task::{ClaimState, Task};
use mc_api::template::TaskTemplate;
use mc_api::{Labels, Timestamp};
use mc_client::Resource;

use crate::age::{self, age, until};
use crate::table;

/// Fields of a description, in order.
pub type Fields = Vec<(&'static str, String)>;

/// Something that `get` and `describe` show.
pub trait View: Resource {
    /// The columns; the wide format has more.
    fn columns(wide: bool) -> Vec<&'static str>;
    /// The cells of one row.
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String>;
    /// What people type to mean this object.
    fn reference(&self) -> String;
    /// Everything about it.
    fn fields(&self, now: Timestamp) -> Fields;
    /// The manifest, for kinds that can be applied.
    fn manifest(&self) -> Option<Manifest> {
        None
    }
}

/// A table of objects.
pub fn rows<V: View>(items: &[V], now: Timestamp, wide: bool) -> String {
    let rows = items.iter().map(|item| item.row(now, wide)).collect();
    table::render(&V::columns(wide), rows, !wide)
}

/// The object as YAML: its manifest, or its fields when it cannot be applied.
pub fn yaml<V: View>(item: &V) -> anyhow::Result<String> {
    Ok(match item.manifest() {
        Some(manifest) => serde_yaml_ng::to_string(&manifest)?,
        None => serde_yaml_ng::to_string(item)?,
    })
}

/// `kind/name`.
pub fn name<V: View>(item: &V) -> String {
    format!("{}/{}", V::KIND, item.reference())
}

fn either(narrow: &[&'static str], wide: &[&'static str], is_wide: bool) -> Vec<&'static str> {
    if is_wide { wide.to_vec() } else { narrow.to_vec() }
}

fn dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}

fn labels(labels: &Labels) -> String {
    if labels.0.is_empty() {
        return "-".into();
    }
    let pairs: Vec<String> = labels.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

fn when(at: Timestamp, now: Timestamp) -> String {
    format!("{at} ({} ago)", age(at, now))
}

/// A number of bytes, such as `1.4 KiB`.
fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let bytes = u64::try_from(bytes).unwrap_or_default();
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", tenths / 10, UNITS[unit])
    }
}

impl View for Mission {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "STATE", "AGE", "DESCRIPTION"],
            &["NAME", "STATE", "KEYS", "AGE", "VERSION", "ID", "LABELS", "DESCRIPTION"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let (name, state) = (self.name.to_string(), self.state.to_string());
        let (age, description) = (age(self.created_at, now), self.description.clone());
        if !wide {
            return vec![name, state, age, description];
        }
        let (version, id) = (self.version.to_string(), self.id.to_string());
        vec![
            name,
            state,
            format!("{}-", self.key_prefix),
            age,
            version,
            id,
            labels(&self.labels),
            description,
        ]
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("Keys", format!("{}-…", self.key_prefix)),
            ("Description", self.description.clone()),
            ("Paused", if self.paused { "yes: nobody claims its tasks" } else { "no" }.to_owned()),
            (OVERLAP, in_force(self.overlap_policy.as_ref(), None)),
            ("Labels", labels(&self.labels)),
            ("Annotations", labels(&self.annotations)),
            ("Version", self.version.to_string()),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
            ("Changed", when(self.updated_at, now)),
        ]
    }
    fn manifest(&self) -> Option<Manifest> {
        Some(self.into())
    }
}

impl View for Kluster {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "MISSION", "RUNTIME", "AGE", "DESCRIPTION"],
            &["NAME", "MISSION", "RUNTIME", "AGE", "VERSION", "ID", "LABELS", "DESCRIPTION"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![
            self.name.to_string(),
            self.mission.to_string(),
            dash(self.runtime.as_ref()),
            age(self.created_at, now),
        ];
        if wide {
            row.extend([self.version.to_string(), self.id.to_string(), labels(&self.labels)]);
        }
        row.push(self.description.clone());
        row
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("Mission", self.mission.to_string()),
            ("Runtime", dash(self.runtime.as_ref())),
            ("Capacity", self.max_running.map_or("no limit".to_owned(), |most| format!("{most} at once"))),
            ("Description", self.description.clone()),
            (
                OVERLAP,
                self.overlap_policy
                    .as_ref()
                    .map_or_else(|| "as its mission".into(), |own| in_force(Some(own), None)),
            ),
            ("Labels", labels(&self.labels)),
            ("Annotations", labels(&self.annotations)),
            ("Version", self.version.to_string()),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
            ("Changed", when(self.updated_at, now)),
        ]
    }
    fn manifest(&self) -> Option<Manifest> {
        Some(self.into())
    }
}

impl View for Task {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["KEY", "NAME", "STATE", "HOLDER", "AGE", "TITLE"],
            &[
                "KEY", "NAME", "STATE", "HOLDER", "AGE", "MISSION", "KLUSTER", "RUNTIME", "PRIORITY",
                "ATTEMPT", "WAITS", "ID", "TITLE",
            ],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let holder = self.claim.as_ref().filter(|claim| claim.state == ClaimState::Active);
        let mut row = vec![
            self.key.clone(),
            dash(
                self.name
                    .as_ref()
                    .map(|name| if wide { name.to_string() } else { table::narrow(name.as_str(), 20) }),
            ),
            self.state.to_string(),
            dash(holder.map(|claim| {
                if wide { claim.principal.clone() } else { table::narrow(&claim.principal, 12) }
            })),
            age(self.created_at, now),
        ];
        if wide {
            row.extend([
                self.mission.to_string(),
                self.kluster.to_string(),
                dash(self.runtime.as_ref()),
                self.priority.to_string(),
                format!("{}/{}", self.attempt, self.max_attempts),
                self.open_dependency_count.to_string(),
                self.id.to_string(),
            ]);
        }
        row.push(self.title.clone());
        row
    }
    fn reference(&self) -> String {
        self.key.clone()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let state = match &self.reason {
            Some(reason) => format!("{} ({reason})", self.state),
            None => self.state.to_string(),
        };
        let mut fields = vec![
            ("Key", self.key.clone()),
            ("Name", dash(self.name.as_ref())),
            ("Id", self.id.to_string()),
            ("Title", self.title.clone()),
            ("State", state),
            ("Mission", self.mission.to_string()),
            ("Kluster", self.kluster.to_string()),
            ("Description", self.description.clone()),
            ("Done when", self.definition_of_done.clone()),
            ("Priority", self.priority.to_string()),
            ("Runtime", dash(self.runtime.as_ref())),
        ];
        for (name, list) in [("Capabilities", &self.capabilities), ("Paths", &self.paths)] {
            if !list.is_empty() {
                fields.push((name, list.join(", ")));
            }
        }
        if self.review_gates > 0 {
            fields.push(("Review gates", self.review_gates.to_string()));
        }
        fields.extend([
            ("Labels", labels(&self.labels)),
            ("Attempts", format!("{} of {}", self.attempt, self.max_attempts)),
        ]);
        fields.extend([
            ("Claim", claim(self, now)),
            ("Progress", progress(self)),
            ("Depends on", dependencies(self)),
        ]);
        if let Some(artifact) = self.result_artifact_id {
            fields.push(("Artifact", artifact.to_string()));
        }
        if let Some(result) = &self.result {
            fields.push(("Result", result.clone()));
        }
        fields.extend([
            ("Version", self.version.to_string()),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
            ("Changed", when(self.updated_at, now)),
        ]);
        fields
    }
    fn manifest(&self) -> Option<Manifest> {
        Some(self.into())
    }
}

fn claim(task: &Task, now: Timestamp) -> String {
    let Some(claim) = &task.claim else { return "-".into() };
    let head = format!("attempt {} by {}, {}", claim.attempt, claim.principal, claim.state);
    match claim.state {
        ClaimState::Active if claim.lease_until > now => {
            format!("{head}, lease ends in {}", until(claim.lease_until, now))
        }
        ClaimState::Active | ClaimState::Expired => {
            format!("{head}, lease ended {} ago", age(claim.lease_until, now))
        }
        ClaimState::Released | ClaimState::Ended | ClaimState::Superseded => head,
    }
}

fn progress(task: &Task) -> String {
    match (task.progress_percent, &task.progress_note) {
        (None, None) => "-".into(),
        (Some(percent), None) => format!("{percent} %"),
        (None, Some(note)) => note.clone(),
        (Some(percent), Some(note)) => format!("{percent} %, {note}"),
    }
}

fn dependencies(task: &Task) -> String {
    let lines: Vec<String> = task.depends_on.iter().map(|on| format!("{}  {}", on.key, on.state)).collect();
    lines.join("\n")
}

impl View for Artifact {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["ID", "SIZE", "AGE", "NAME"],
            &["ID", "SIZE", "AGE", "MISSION", "TASK", "TYPE", "SHA256", "NAME"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![self.id.to_string(), size(self.size_bytes), age(self.created_at, now)];
        if wide {
            let task = dash(self.task_id);
            row.extend([self.mission.to_string(), task, self.media_type.clone(), self.sha256.clone()]);
        }
        row.push(self.name.clone());
        row
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Name", self.name.clone()),
            ("Id", self.id.to_string()),
            ("Mission", self.mission.to_string()),
            ("Task", dash(self.task_id)),
            ("Type", self.media_type.clone()),
            ("Size", format!("{} ({} bytes)", size(self.size_bytes), self.size_bytes)),
            ("SHA-256", self.sha256.clone()),
            ("Labels", labels(&self.labels)),
            ("Stored", format!("{} by {}", when(self.created_at, now), self.created_by)),
        ]
    }
}

impl View for Doc {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "STATE", "VERSION", "KLUSTER", "AGE", "TITLE"],
            &[
                "NAME",
                "STATE",
                "VERSION",
                "PUBLISHED",
                "MISSION",
                "KLUSTER",
                "SIZE",
                "AGE",
                "TYPE",
                "KEYSTONE",
                "ID",
                "SHA256",
                "TITLE",
            ],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![self.name.to_string(), self.state.to_string(), self.latest_version.to_string()];
        if wide {
            row.extend([dash(self.published_version), self.mission.to_string()]);
        }
        row.push(dash(self.kluster.as_ref()));
        if wide {
            row.push(size(self.size_bytes));
        }
        row.push(age(self.updated_at, now));
        if wide {
            let keystone = if self.keystone { "yes" } else { "no" };
            row.extend([self.media_type.clone(), keystone.into(), self.id.to_string(), self.sha256.clone()]);
        }
        row.push(self.title.clone());
        row
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("Title", self.title.clone()),
            ("Mission", self.mission.to_string()),
            ("Kluster", dash(self.kluster.as_ref())),
            ("Keystone", if self.keystone { "yes" } else { "no" }.into()),
            ("State", self.state.to_string()),
            ("Newest", format!("version {}, {}", self.latest_version, size(self.size_bytes))),
            ("Published", self.published_version.map_or_else(|| "-".into(), |n| format!("version {n}"))),
            ("Type", self.media_type.clone()),
            ("SHA-256", self.sha256.clone()),
            ("Labels", labels(&self.labels)),
            ("Annotations", labels(&self.annotations)),
            ("Version", self.version.to_string()),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
            ("Changed", when(self.updated_at, now)),
        ]
    }
    fn manifest(&self) -> Option<Manifest> {
        Some(self.into())
    }
}

impl View for TaskTemplate {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "VERSION", "PARAMETERS", "AGE", "TITLE"],
            &["NAME", "VERSION", "PARAMETERS", "AGE", "MISSION", "ID", "TITLE"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let names: Vec<&str> = self.parameters.iter().map(|one| one.name.as_str()).collect();
        let names = if names.is_empty() { "-".to_owned() } else { names.join(",") };
        let names = if wide { names } else { table::narrow(&names, 24) };
        let mut row = vec![self.name.to_string(), self.number.to_string(), names, age(self.updated_at, now)];
        if wide {
            row.extend([self.mission.to_string(), self.id.to_string()]);
        }
        row.push(self.task.title.clone());
        row
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let of = |one: &mc_api::template::Parameter| {
            let value = one.default.as_ref().map_or("must be given".to_owned(), |text| format!("{text:?}"));
            let choices = if one.choices.is_empty() {
                String::new()
            } else {
                format!(", one of {}", one.choices.join(", "))
            };
            format!("{}  {value}{choices}  {}", one.name, one.description).trim_end().to_owned()
        };
        let parameters: Vec<String> = self.parameters.iter().map(of).collect();
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("Mission", self.mission.to_string()),
            ("Description", self.description.clone()),
            ("Newest", format!("version {}", self.latest_version)),
            ("Parameters", parameters.join("\n")),
            ("Title", self.task.title.clone()),
            ("Text", self.task.description.clone()),
            ("Done when", self.task.definition_of_done.clone()),
            ("Runtime", dash(self.task.runtime.as_ref())),
            ("Version", self.version.to_string()),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
            ("Changed", format!("{} by {}", when(self.updated_at, now), self.author_id)),
        ]
    }
}

impl View for Approval {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["ID", "STATE", "ASKED BY", "AGE", "TITLE"],
            &["ID", "STATE", "ASKED BY", "AGE", "KIND", "MISSION", "DECIDED BY", "EXPIRES", "TITLE"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let requester = if wide { self.requester.clone() } else { table::narrow(&self.requester, 12) };
        let mut row = vec![self.id.to_string(), self.state.to_string(), requester, age(self.created_at, now)];
        if wide {
            let (kind, mission) = (self.approval_kind.to_string(), self.mission.to_string());
            row.extend([kind, mission, dash(self.decider.as_ref()), remaining(self.expires_at, now)]);
        }
        row.push(self.title.clone());
        row
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let mut fields = vec![
            ("Id", self.id.to_string()),
            ("Title", self.title.clone()),
            ("State", self.state.to_string()),
            ("Kind", self.approval_kind.to_string()),
            ("Mission", self.mission.to_string()),
            ("Asked by", format!("{}, {}", self.requester, when(self.created_at, now))),
            ("Action", self.action.clone()),
            ("SHA-256", self.action_sha256.clone()),
            ("Carried out", self.execute.to_string()),
            ("Expires", format!("{} ({})", self.expires_at, remaining(self.expires_at, now))),
        ];
        if let Some(review) = &self.review {
            fields.push(("Risk", format!("{}: {}", review.risk, review.risk_reason)));
            fields.push(("Rule", review.policy.clone()));
            if self.state == mc_api::approval::ApprovalState::Open {
                let names: Vec<&str> = review.deciders.iter().map(|person| person.name.as_str()).collect();
                let more = if review.more_deciders { " and more" } else { "" };
                fields.push(("May decide", format!("{}{more}", names.join(", "))));
                let you =
                    review.why_not.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
                fields.push(("You may", you));
            }
        }
        if let Some(decider) = &self.decider {
            let at = self.decided_at.map(|at| format!(", {}", when(at, now))).unwrap_or_default();
            let own = if self.self_approved { " (own request)" } else { "" };
            fields.push(("Decided by", format!("{decider}{own}{at}")));
        }
        fields.push(("Note", dash(self.note.as_ref())));
        fields.push(("Outcome", dash(self.outcome.as_ref())));
        fields
    }
}

fn remaining(until: Timestamp, now: Timestamp) -> String {
    if until > now { format!("in {}", age::until(until, now)) } else { format!("{} ago", age(until, now)) }
}

/// A policy about overlapping work, in a few words.
/// The field that says what is done about overlapping work.
pub const OVERLAP: &str = "Overlap";

/// The policy in force and where it comes from: its own, else that of the mission, else the default.
pub fn in_force(own: Option<&OverlapPolicy>, mission: Option<(&str, Option<&OverlapPolicy>)>) -> String {
    match (own, mission) {
        (Some(own), _) => format!("{} (its own)", policy(own)),
        (None, Some((name, Some(theirs)))) => format!("{} (of mission {name})", policy(theirs)),
        (None, Some((name, None))) => {
            format!("{} (the default; mission {name} sets none)", policy(&OverlapPolicy::default()))
        }
        (None, None) => format!("{} (the default)", policy(&OverlapPolicy::default())),
    }
}

fn policy(policy: &OverlapPolicy) -> String {
    let point = |word: &str, at: Option<i32>| at.map_or(String::new(), |at| format!(", {word} {at} %"));
    let (acknowledge, block) = (
        point("acknowledge from", policy.acknowledge_at_percent),
        point("block from", policy.block_at_percent),
    );
    format!("{}{acknowledge}{block}", policy.mode)
}

/// A share as people read it.
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn key_of(side: &OverlapSide) -> String {
    side.key.clone().unwrap_or_else(|| side.id.clone())
}

fn title_of(side: &OverlapSide) -> String {
    format!("{} {}", side.key.as_deref().unwrap_or(&side.id), side.title)
}

impl View for OverlapSuggestion {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["ID", "STATE", "SCORE", "ACTION", "NEW", "EXISTING", "EXISTING TITLE"],
            &["ID", "STATE", "SCORE", "LEXICAL", "VECTOR", "ACTION", "ACK", "AGE", "NEW", "EXISTING"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![self.id.to_string(), self.state.to_string(), percent(self.score)];
        if wide {
            row.extend([percent(self.lexical), percent(self.vector)]);
        }
        row.push(self.resolution.unwrap_or(self.action).to_string());
        if wide {
            let acknowledged = if self.acknowledged { "yes" } else { "no" };
            row.extend([acknowledged.to_owned(), age(self.created_at, now)]);
        }
        if wide {
            row.extend([title_of(&self.subject), title_of(&self.candidate)]);
        } else {
            row.extend([key_of(&self.subject), key_of(&self.candidate), self.candidate.title.clone()]);
        }
        row
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let evidence: Vec<String> =
            self.evidence.iter().map(|found| format!("{}: {}", found.kind, found.detail)).collect();
        let finished = if self.candidate.done { " (finished)" } else { "" };
        let decided = self.decided_by.zip(self.decided_at);
        vec![
            ("Id", self.id.to_string()),
            ("State", self.state.to_string()),
            ("New", title_of(&self.subject)),
            ("Existing", format!("{}{finished}", title_of(&self.candidate))),
            ("Score", percent(self.score)),
            ("Lexical", percent(self.lexical)),
            ("Vector", percent(self.vector)),
            ("Proposed", self.action.to_string()),
            ("Evidence", if evidence.is_empty() { "-".to_owned() } else { evidence.join("\n") }),
            ("Acknowledged", if self.acknowledged { "yes" } else { "no" }.to_owned()),
            ("Resolution", dash(self.resolution)),
            ("Note", dash(self.note.as_ref())),
            ("Decided", dash(decided.map(|(who, at)| format!("{who}, {}", when(at, now))))),
            ("Found", when(self.created_at, now)),
        ]
    }
}

impl View for Publication {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["ID", "STATE", "AGE", "MESSAGE"],
            &["ID", "STATE", "AGE", "MISSION", "ITEMS", "BINDING", "APPROVAL", "COMMIT", "MESSAGE", "CAUSE"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![self.id.to_string(), self.state.to_string(), age(self.created_at, now)];
        if wide {
            let (mission, count) = (self.mission.to_string(), self.items.len().to_string());
            let binding = dash(self.binding.as_ref());
            row.extend([mission, count, binding, self.approval_id.to_string(), dash(self.commit.as_ref())]);
        }
        match &self.last_error {
            cause if wide => row.extend([self.message.clone(), dash(cause.as_ref())]),
            Some(cause) => row.push(format!("{}: {cause}", self.message)),
            None => row.push(self.message.clone()),
        }
        row
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let items = self.items.iter().map(|item| match item.operation {
            ItemOperation::Write => item.path.clone(),
            ItemOperation::Remove => format!("{} (removed)", item.path),
        });
        let items: Vec<String> = items.collect();
        let tried = match (&self.last_error, self.next_attempt_at) {
            (Some(error), Some(at)) => format!("{} times, again at {at}: {error}", self.failures),
            (Some(error), None) => format!("{} times: {error}", self.failures),
            (None, _) => "-".to_owned(),
        };
        vec![
            ("Id", self.id.to_string()),
            ("State", self.state.to_string()),
            ("Mission", self.mission.to_string()),
            ("Message", self.message.clone()),
            ("Items", items.join("\n")),
            ("Binding", dash(self.binding.as_ref())),
            ("Failed", tried),
            ("Replaces", dash(self.replaces)),
            ("Approval", self.approval_id.to_string()),
            ("Commit", dash(self.commit.as_ref())),
            ("Asked by", format!("{}, {}", self.requester_id, when(self.created_at, now))),
            ("Changed", when(self.updated_at, now)),
        ]
    }
}

impl View for Reservation {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["ID", "STATE", "HOLDER", "TASK", "ENDS", "PATHS"],
            &[
                "ID",
                "STATE",
                "MODE",
                "HOLDER",
                "TASK",
                "ENDS",
                "SESSION",
                "MISSION",
                "AGE",
                "REPOSITORY",
                "PATHS",
            ],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let ends = match (self.state.is_terminal(), self.expires_at > now) {
            (true, _) => "-".to_owned(),
            (false, true) => age::until(self.expires_at, now),
            (false, false) => "over".to_owned(),
        };
        let (id, state, task) = (self.id.to_string(), self.state.to_string(), dash(self.task.as_ref()));
        let globs = self.globs.join(" ");
        if !wide {
            return vec![id, state, table::narrow(&self.principal, 12), task, ends, globs];
        }
        let (mode, holder, session) = (self.mode.to_string(), self.principal.clone(), dash(self.session_id));
        let (mission, age) = (self.mission.to_string(), age(self.created_at, now));
        vec![id, state, mode, holder, task, ends, session, mission, age, self.repository.to_string(), globs]
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Id", self.id.to_string()),
            ("State", self.state.to_string()),
            ("Repository", self.repository.to_string()),
            ("Paths", self.globs.join("\n")),
            ("Mode", self.mode.to_string()),
            ("Holder", self.principal.clone()),
            ("Mission", self.mission.to_string()),
            ("Task", dash(self.task.as_ref())),
            ("Session", dash(self.session_id)),
            ("Reason", dash(self.reason.as_ref())),
            (
                "Lease",
                format!(
                    "{} s, ends {} ({})",
                    self.ttl_seconds,
                    remaining(self.expires_at, now),
                    self.expires_at
                ),
            ),
            ("Version", self.version.to_string()),
            ("Created", when(self.created_at, now)),
            ("Changed", when(self.updated_at, now)),
        ]
    }
}

/// Columns of ledger events.
pub const EVENT_COLUMNS: [&str; 5] = ["SEQ", "AGE", "BY", "ACTION", "SUBJECT"];
/// Columns of ledger events, wide.
pub const EVENT_COLUMNS_WIDE: [&str; 7] = ["SEQ", "TIME", "ACTION", "SUBJECT", "BY", "MISSION", "HASH"];

/// The cells of one ledger event.
pub fn event_row(event: &LedgerEvent, now: Timestamp, wide: bool) -> Vec<String> {
    let (seq, action, subject) = (event.seq.to_string(), event.action.clone(), event.subject_id.clone());
    let by = event.principal.clone().unwrap_or_else(|| event.principal_id.to_string());
    if !wide {
        return vec![seq, age(event.occurred_at, now), by, action, subject];
    }
    let (at, mission) = (event.occurred_at, dash(event.mission_id));
    vec![seq, at.to_string(), action, subject, by, mission, event.hash.clone()]
}

/// A table of ledger events.
pub fn events(events: &[LedgerEvent], now: Timestamp, wide: bool) -> String {
    let columns: &[&str] = if wide { &EVENT_COLUMNS_WIDE } else { &EVENT_COLUMNS };
    table::render(columns, events.iter().map(|event| event_row(event, now, wide)).collect(), !wide)
}
