//! What a list is filtered by, and where a name is looked up.

use mc_api::auth::PrincipalKind;
use mc_api::page::ListOrder;
use mc_api::{Role, Timestamp};

/// Where a name is looked up: names of klusters are unique in a mission, names of tasks in a kluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
}

impl Scope {
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        push(&mut pairs, "mission", self.mission.as_ref());
        push(&mut pairs, "kluster", self.kluster.as_ref());
        pairs
    }
}

/// Filter and place of a list. What is absent is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only this one (tasks and approvals).
    pub id: Option<String>,
    /// Mission id or name.
    pub mission: Option<String>,
    /// Kluster id or name.
    pub kluster: Option<String>,
    /// Task id or key (artifacts).
    pub task: Option<String>,
    /// Doc id (overlaps).
    pub doc: Option<String>,
    /// Artifact id (overlaps).
    pub artifact: Option<String>,
    /// Agent session id (turns).
    pub session: Option<String>,
    /// Node id or name (agent sessions).
    pub node: Option<String>,
    /// Repository, as a remote is written (reservations).
    pub repository: Option<String>,
    /// Only what this path falls under (reservations).
    pub path: Option<String>,
    /// Only what crosses the declared paths of this task (reservations).
    pub crosses: Option<String>,
    /// Any of these states.
    pub states: Vec<String>,
    /// Exactly this name (tasks).
    pub name: Option<String>,
    /// Exactly this runtime (tasks).
    pub runtime: Option<String>,
    /// Who holds this role (principals).
    pub role: Option<Role>,
    /// Only of this sort (principals).
    pub principal_kind: Option<PrincipalKind>,
    /// All of these labels.
    pub labels: Vec<(String, String)>,
    /// Only this subject's id (ledger).
    pub subject: Option<String>,
    /// Only this action (ledger).
    pub action: Option<String>,
    /// Only subjects of this kind (ledger).
    pub subject_kind: Option<String>,
    /// Only by this principal, by id or name (ledger).
    pub actor: Option<String>,
    /// Only at this time or later (ledger).
    pub since: Option<Timestamp>,
    /// Only before this time (ledger).
    pub until: Option<Timestamp>,
    /// Only events after this position (ledger).
    pub after: Option<i64>,
    /// Only events before this position (ledger).
    pub before: Option<i64>,
    /// In which order; without it the oldest first (ledger).
    pub order: Option<ListOrder>,
    /// Objects in one page.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl ListQuery {
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        push(&mut pairs, "id", self.id.as_ref());
        push(&mut pairs, "mission", self.mission.as_ref());
        push(&mut pairs, "kluster", self.kluster.as_ref());
        push(&mut pairs, "task", self.task.as_ref());
        push(&mut pairs, "doc", self.doc.as_ref());
        push(&mut pairs, "artifact", self.artifact.as_ref());
        push(&mut pairs, "session", self.session.as_ref());
        push(&mut pairs, "node", self.node.as_ref());
        push(&mut pairs, "repository", self.repository.as_ref());
        push(&mut pairs, "path", self.path.as_ref());
        push(&mut pairs, "crosses", self.crosses.as_ref());
        push(&mut pairs, "name", self.name.as_ref());
        push(&mut pairs, "runtime", self.runtime.as_ref());
        push(&mut pairs, "role", self.role.as_ref());
        push(&mut pairs, "principal_kind", self.principal_kind.as_ref());
        push(&mut pairs, "subject", self.subject.as_ref());
        push(&mut pairs, "action", self.action.as_ref());
        push(&mut pairs, "subject_kind", self.subject_kind.as_ref());
        push(&mut pairs, "actor", self.actor.as_ref());
        push(&mut pairs, "since", self.since.as_ref());
        push(&mut pairs, "until", self.until.as_ref());
        push(&mut pairs, "after", self.after.as_ref());
        push(&mut pairs, "before", self.before.as_ref());
        push(&mut pairs, "order", self.order.as_ref());
        if !self.states.is_empty() {
            pairs.push(("state", self.states.join(",")));
        }
        if !self.labels.is_empty() {
            let labels: Vec<String> =
                self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            pairs.push(("labels", labels.join(",")));
        }
        push(&mut pairs, "limit", self.limit.as_ref());
        push(&mut pairs, "cursor", self.cursor.as_ref());
        pairs
    }
}

fn push(pairs: &mut Vec<(&'static str, String)>, name: &'static str, value: Option<&impl ToString>) {
    if let Some(value) = value {
        pairs.push((name, value.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_sent() {
        assert!(ListQuery::default().pairs().is_empty());
        let query = ListQuery {
            mission: Some("apollo".into()),
            states: vec!["ready".into(), "claimed".into()],
            labels: vec![("a".into(), "1".into()), ("b".into(), "2".into())],
            limit: Some(7),
            ..ListQuery::default()
        };
        let expected =
            [("mission", "apollo"), ("state", "ready,claimed"), ("labels", "a=1,b=2"), ("limit", "7")];
        assert_eq!(query.pairs(), expected.map(|(k, v)| (k, v.to_owned())));
    }
}
