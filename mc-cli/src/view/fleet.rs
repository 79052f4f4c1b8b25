//! How agent sessions, turns, principals, nodes and join tokens are shown.

use mc_api::Timestamp;
use mc_api::auth::Principal;
use mc_api::node::{JoinToken, Node};
use mc_api::session::{AgentSession, Turn};

use super::{Fields, View, dash, either, labels, remaining, when};
use crate::age::age;
use crate::table;

impl View for AgentSession {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["ID", "STATE", "RUNTIME", "NODE", "TASK", "EVENTS", "AGE"],
            &[
                "ID",
                "STATE",
                "REASON",
                "RUNTIME",
                "NODE",
                "REACHABLE",
                "PID",
                "TASK",
                "EVENTS",
                "MISSION",
                "AGE",
                "LABELS",
            ],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let (id, state, runtime) = (self.id.to_string(), self.state.to_string(), self.runtime.clone());
        let (node, task) = (dash(self.node.as_ref()), dash(self.task.as_ref()));
        let (events, age) = (self.last_seq.to_string(), age(self.created_at, now));
        if !wide {
            return vec![id, state, runtime, node, task, events, age];
        }
        let (reason, pid) = (dash(self.reason.as_ref()), dash(self.agent_pid));
        let reachable = if self.is_node_reachable { "yes" } else { "no" }.to_owned();
        let (mission, labels) = (self.mission.to_string(), labels(&self.labels));
        vec![id, state, reason, runtime, node, reachable, pid, task, events, mission, age, labels]
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let task = match (&self.task, self.attempt) {
            (Some(task), Some(attempt)) => format!("{task}, attempt {attempt}"),
            (task, _) => dash(task.as_ref()),
        };
        let node = match &self.node {
            Some(node) if self.is_node_reachable => node.clone(),
            Some(node) => format!("{node} (silent: the state is the last known one)"),
            None => "- (not yet scheduled)".to_owned(),
        };
        vec![
            ("Id", self.id.to_string()),
            ("State", self.state.to_string()),
            ("Reason", dash(self.reason.as_ref())),
            ("Mission", self.mission.to_string()),
            ("Task", task),
            ("Runtime", self.runtime.clone()),
            ("Node", node),
            ("Folder", if self.cwd.is_empty() { "-".to_owned() } else { self.cwd.clone() }),
            ("Agent pid", dash(self.agent_pid)),
            ("Agent starts", self.epoch.to_string()),
            ("Agent's own id", dash(self.agent_session.as_ref())),
            ("Mode", dash(self.mode.as_ref())),
            (
                "Modes",
                self.modes
                    .iter()
                    .map(|mode| format!("{}  {}", mode.id, mode.name))
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
            ("Last event", self.last_seq.to_string()),
            ("Open turn", dash(self.turn_id)),
            ("Acts as", self.principal_id.to_string()),
            ("Labels", labels(&self.labels)),
            ("Version", self.version.to_string()),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
            ("Changed", when(self.updated_at, now)),
        ]
    }
}

impl View for Turn {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["ID", "NUMBER", "STATE", "STOP", "AGE", "PROMPT"],
            &["ID", "NUMBER", "STATE", "STOP", "AGE", "SESSION", "EVENTS", "PROMPT"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let (stop, age) = (dash(self.stop_reason.as_ref()), age(self.created_at, now));
        let mut row = vec![self.id.to_string(), self.number.to_string(), self.state.to_string(), stop, age];
        if wide {
            let events = format!("{}..{}", dash(self.first_seq), dash(self.last_seq));
            row.extend([self.session_id.to_string(), events]);
        }
        row.push(table::one_line(&self.prompt));
        row
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Id", self.id.to_string()),
            ("Session", self.session_id.to_string()),
            ("Number", self.number.to_string()),
            ("State", self.state.to_string()),
            ("Stop reason", dash(self.stop_reason.as_ref())),
            ("Events", format!("{}..{}", dash(self.first_seq), dash(self.last_seq))),
            ("Prompt", self.prompt.clone()),
            ("Message", self.message.clone()),
            ("Asked by", format!("{}, {}", self.requester_id, when(self.created_at, now))),
            ("Changed", when(self.updated_at, now)),
        ]
    }
}

impl View for Principal {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "KIND", "ROLE", "AGE"],
            &["NAME", "KIND", "ROLE", "AGE", "MISSION ROLES", "ID"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![
            self.name.to_string(),
            self.principal_kind.to_string(),
            dash(self.role),
            age(self.created_at, now),
        ];
        if wide {
            row.extend([self.mission_roles.len().to_string(), self.id.to_string()]);
        }
        row
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let roles: Vec<String> =
            self.mission_roles.iter().map(|held| format!("{} in {}", held.role, held.mission_id)).collect();
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("Kind", self.principal_kind.to_string()),
            ("Role", dash(self.role)),
            ("Mission roles", roles.join("\n")),
            ("Created", when(self.created_at, now)),
        ]
    }
}

impl View for Node {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "STATE", "SESSIONS", "SEEN", "AGE", "RUNTIMES"],
            &["NAME", "STATE", "SESSIONS", "SEEN", "AGE", "VERSION", "SYSTEM", "TIER", "ID", "RUNTIMES"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![
            self.name.to_string(),
            node_state(self),
            format!("{}/{}", self.live_sessions, self.facts.slots),
            age(self.last_seen_at, now),
            age(self.created_at, now),
        ];
        if wide {
            let facts = &self.facts;
            row.extend([
                facts.version.clone(),
                format!("{}/{}", facts.os, facts.arch),
                facts.sandbox_tier.clone(),
                self.id.to_string(),
            ]);
        }
        let runtimes = self.facts.runtimes.iter().filter(|runtime| runtime.available);
        let names: Vec<&str> = runtimes.map(|runtime| runtime.name.as_str()).collect();
        row.push(if names.is_empty() { "-".into() } else { names.join(",") });
        row
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let facts = &self.facts;
        let runtimes: Vec<String> = facts
            .runtimes
            .iter()
            .map(|runtime| {
                let version = runtime.version.as_deref().unwrap_or_default();
                match (runtime.available, &runtime.hint) {
                    (true, _) => format!("{} {version}", runtime.name).trim_end().to_owned(),
                    (false, None) => format!("{} (not available)", runtime.name),
                    (false, Some(hint)) => format!("{} (not available: {hint})", runtime.name),
                }
            })
            .collect();
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("State", node_state(self)),
            ("Sessions", format!("{} of {}", self.live_sessions, facts.slots)),
            ("Runtimes", runtimes.join("\n")),
            ("Host", facts.hostname.clone()),
            ("System", format!("{}/{}", facts.os, facts.arch)),
            ("Mesh", facts.version.clone()),
            ("Sandbox", facts.sandbox_tier.clone()),
            ("Boot", facts.boot_id.clone()),
            ("Principal", self.principal_id.to_string()),
            ("Version", self.version.to_string()),
            ("Seen", when(self.last_seen_at, now)),
            ("Joined", when(self.created_at, now)),
            ("Changed", when(self.updated_at, now)),
        ]
    }
}

fn node_state(node: &Node) -> String {
    match (node.is_drained, node.draining, node.cordoned) {
        (true, _, _) => format!("{},drained", node.state),
        (_, true, _) => format!("{},draining", node.state),
        (_, _, true) => format!("{},cordoned", node.state),
        _ => node.state.to_string(),
    }
}

impl View for JoinToken {
    fn columns(_: bool) -> Vec<&'static str> {
        vec!["ID", "NODE", "USED", "EXPIRES", "AGE"]
    }
    fn row(&self, now: Timestamp, _: bool) -> Vec<String> {
        vec![
            self.id.to_string(),
            dash(self.node_name.as_ref()),
            format!("{}/{}", self.used, self.uses),
            remaining(self.expires_at, now),
            age(self.created_at, now),
        ]
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Id", self.id.to_string()),
            ("Node", dash(self.node_name.as_ref())),
            ("Used", format!("{} of {}", self.used, self.uses)),
            ("Server", self.server.clone()),
            ("CA SHA-256", self.ca_sha256.clone()),
            ("Expires", format!("{} ({})", self.expires_at, remaining(self.expires_at, now))),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
        ]
    }
}
