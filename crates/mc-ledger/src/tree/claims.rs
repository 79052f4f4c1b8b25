//! What a chain says of files.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::FORMAT;
use crate::chain::{SealedEvent, sha256};
use crate::published::PublishedFile;

/// That a file holds a state, or is gone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    pub(super) path: String,
    /// SHA-256 of the state.
    digest: String,
    publication: String,
    /// The id of the entity.
    pub(super) entity: String,
    pub(super) removed: bool,
    /// Where in the chain it is said.
    pub(super) seq: u64,
    /// Who asked and who decided; absent in the first format.
    provenance: Option<Arc<Value>>,
}

impl Claim {
    /// Whether a file holds what is claimed.
    pub(super) fn is_of(&self, file: &PublishedFile, digest: &str) -> bool {
        let publication = file.provenance.get("publication_id").and_then(Value::as_str).unwrap_or_default();
        !self.removed && self.digest == digest && self.publication == publication
    }

    /// Refuses a file that names others than the chain.
    pub(super) fn check_provenance(&self, file: &PublishedFile) -> Result<(), String> {
        let Some(expected) = &self.provenance else { return Ok(()) };
        let mut found = file.provenance.clone();
        let state = found.as_object_mut().and_then(|members| members.remove("state_sha256"));
        if found == **expected && state.as_ref().and_then(Value::as_str) == Some(self.digest.as_str()) {
            return Ok(());
        }
        Err("its provenance is not what the chain says: who asked, who decided, or what was approved was changed".into())
    }
}

#[derive(Deserialize)]
struct Item {
    path: String,
    sha256: String,
    entity_id: String,
    #[serde(default)]
    operation: Option<String>,
}

/// The body of `publication.commit`, as far as it is checked.
#[derive(Deserialize)]
struct Statement {
    format: u32,
    publication_id: String,
    mission_id: String,
    task_numbers_below: i64,
    items: Vec<Value>,
    action: String,
    provenance: Value,
}

/// What was heard of a chain so far.
#[derive(Default)]
pub(super) struct Said {
    /// By path, oldest first: a doc has a file for each of its versions, one after the other.
    claims: BTreeMap<String, Vec<Claim>>,
    /// Of the part that is being read, in the first format.
    queued: Vec<Claim>,
    last: Option<SealedEvent>,
    pub(super) task_numbers_below: BTreeMap<String, i64>,
}

impl Said {
    pub(super) fn into_claims(self) -> impl Iterator<Item = Claim> {
        self.claims.into_values().flatten()
    }

    /// The next event. One without a body says nothing of files.
    pub(super) fn hear(&mut self, event: SealedEvent) {
        match event.envelope.action.as_str() {
            "publication.queue" => {
                // One without a body says nothing of files.
                let _nothing = self.queue(&event);
            }
            "publication.fail" | "publication.withdraw" if event.body.is_some() => {
                let gone = &event.envelope.subject_id;
                let stays = |claim: &Claim| claim.provenance.is_some() || claim.publication != *gone;
                self.claims.values_mut().for_each(|claims| claims.retain(stays));
                self.queued.retain(|claim| claim.publication != *gone);
            }
            _ => {}
        }
        self.last = Some(event);
    }

    fn queue(&mut self, event: &SealedEvent) -> Option<()> {
        let body: Value = serde_json::from_str(event.body.as_deref()?).ok()?;
        let after = body.get("after")?;
        let below = after.get("task_numbers_below").and_then(Value::as_i64).unwrap_or(0);
        self.number(after.get("mission_id")?.as_str()?, below);
        let publication = after.get("id")?.as_str()?;
        for item in after.get("items")?.as_array()? {
            let item: Item = serde_json::from_value(item.clone()).ok()?;
            self.queued.push(claim(item, publication, event.seq, None));
        }
        Some(())
    }

    fn number(&mut self, mission: &str, below: i64) {
        let known = self.task_numbers_below.entry(mission.to_owned()).or_default();
        *known = below.max(*known);
    }

    /// A part ended: its last event says what the commit did.
    pub(super) fn end_part(&mut self) -> Result<(), String> {
        let queued = std::mem::take(&mut self.queued);
        let Some(last) = self.last.take() else { return Ok(()) };
        let claims =
            if last.envelope.action == "publication.commit" { self.statement(&last)? } else { queued };
        for claim in claims {
            self.claims.entry(claim.path.clone()).or_default().push(claim);
        }
        Ok(())
    }

    fn statement(&mut self, event: &SealedEvent) -> Result<Vec<Claim>, String> {
        let bad = |what: &str| format!("the statement of its commit, seq {}, {what}", event.seq);
        let body = event.body.as_deref().ok_or_else(|| bad("was taken out"))?;
        let body: Value = serde_json::from_str(body).map_err(|error| bad(&error.to_string()))?;
        let after = body.get("after").ok_or_else(|| bad("is empty"))?;
        let format = after.get("format").and_then(Value::as_u64).unwrap_or_default();
        if format != u64::from(FORMAT) {
            return Err(bad(&format!("is of the format {format}; this version reads 1 and {FORMAT}")));
        }
        let said: Statement =
            serde_json::from_value(after.clone()).map_err(|error| bad(&error.to_string()))?;
        debug_assert_eq!(said.format, FORMAT);
        let word = |name: &str| said.provenance.get(name).and_then(Value::as_str).unwrap_or_default();
        let approved: Value = serde_json::from_str(&said.action).unwrap_or_default();
        let of_action = |name: &str| approved.get(name).and_then(Value::as_str).unwrap_or_default();
        if sha256(said.action.as_bytes()).to_string() != word("action_sha256")
            || of_action("publication_id") != said.publication_id
            || word("publication_id") != said.publication_id
            || event.envelope.subject_id != said.publication_id
            || approved.get("items").and_then(Value::as_array) != Some(&said.items)
        {
            return Err(bad("is not what was approved"));
        }
        self.number(&said.mission_id, said.task_numbers_below);
        let provenance = Arc::new(said.provenance);
        let mut claims = Vec::with_capacity(said.items.len());
        for item in said.items {
            let item: Item = serde_json::from_value(item).map_err(|error| bad(&error.to_string()))?;
            claims.push(claim(item, &said.publication_id, event.seq, Some(provenance.clone())));
        }
        Ok(claims)
    }
}

fn claim(item: Item, publication: &str, seq: u64, provenance: Option<Arc<Value>>) -> Claim {
    Claim {
        path: item.path,
        digest: item.sha256,
        publication: publication.to_owned(),
        entity: item.entity_id,
        removed: item.operation.as_deref() == Some("remove"),
        seq,
        provenance,
    }
}
