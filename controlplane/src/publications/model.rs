//! What is approved and what is committed, as exact texts.

use mc_api::approval::Approval;
use mc_api::artifact::Artifact;
use mc_api::id::{ArtifactId, BatchId, MissionId, OrganizationId, PrincipalId, TaskId};
use mc_api::publication::{CreatePublication, Publication};
use mc_api::{Name, Timestamp};
use mc_ledger::{canonical::NotCanonical, to_canonical};
use serde::Serialize;

use crate::artifacts::model::safe_name;
use crate::error::Error;

/// At most this many artifacts in one publication.
const MAX_ARTIFACTS: usize = 256;

/// A publication with what only the executor needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What everybody in scope may see.
    pub publication: Publication,
    pub(crate) organization: OrganizationId,
    /// The ledger positions that its commit carries, once fixed.
    pub(crate) range: Option<(i64, i64)>,
    pub(crate) queued_at: Option<Timestamp>,
}

/// Refuses empty and oversized requests; the ids come back sorted and once each.
pub(crate) fn check(request: &CreatePublication) -> Result<Vec<ArtifactId>, Error> {
    let mut ids = request.artifacts.clone();
    ids.sort_unstable();
    ids.dedup();
    if !(1..=MAX_ARTIFACTS).contains(&ids.len()) {
        return Err(Error::invalid("/artifacts", format!("1 to {MAX_ARTIFACTS} artifacts")));
    }
    if let Some(message) = &request.message
        && (message.trim().is_empty()
            || message.chars().count() > 200
            || message.chars().any(char::is_control))
    {
        return Err(Error::invalid("/message", "one line of 1 to 200 characters"));
    }
    Ok(ids)
}

#[derive(Serialize)]
struct ActionArtifact<'a> {
    id: ArtifactId,
    name: &'a str,
    sha256: &'a str,
    size_bytes: i64,
}

#[derive(Serialize)]
struct PublishAction<'a> {
    action: &'static str,
    mission_id: MissionId,
    publication_id: BatchId,
    message: &'a str,
    artifacts: Vec<ActionArtifact<'a>>,
}

/// The canonical text of the action that is approved. `artifacts` are in the order of their ids.
pub(crate) fn action(
    mission: MissionId,
    id: BatchId,
    message: &str,
    artifacts: &[Artifact],
) -> Result<String, NotCanonical> {
    let artifacts = artifacts
        .iter()
        .map(|artifact| ActionArtifact {
            id: artifact.id,
            name: &artifact.name,
            sha256: &artifact.sha256,
            size_bytes: artifact.size_bytes,
        })
        .collect();
    to_canonical(&PublishAction {
        action: "publication.publish",
        mission_id: mission,
        publication_id: id,
        message,
        artifacts,
    })
}

/// The folder of an artifact in the repository, and its file there.
pub(crate) fn paths(artifact: &Artifact) -> (String, String) {
    let folder = format!("missions/{}/artifacts/{}", artifact.mission, artifact.id);
    let file = format!("{folder}/{}", safe_name(&artifact.name));
    (folder, file)
}

/// Where the ledger's part lies.
pub(crate) fn ledger_path((from, to): (i64, i64)) -> String {
    format!("ledger/{from:012}-{to:012}.jsonl")
}

#[derive(Serialize)]
struct Who<'a> {
    id: PrincipalId,
    name: &'a str,
}

#[derive(Serialize)]
struct ProvenanceArtifact<'a> {
    id: ArtifactId,
    name: &'a str,
    file: String,
    mission_id: MissionId,
    mission: &'a Name,
    task_id: Option<TaskId>,
    media_type: &'a str,
    sha256: &'a str,
    size_bytes: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Provenance<'a> {
    artifact: ProvenanceArtifact<'a>,
    publication_id: BatchId,
    approval_id: mc_api::id::ApprovalId,
    action_sha256: &'a str,
    requester: Who<'a>,
    decider: Option<Who<'a>>,
    self_approved: bool,
    decided_at: Option<Timestamp>,
}

/// The canonical text that says where a published file comes from and who answers for it.
pub(crate) fn provenance(
    artifact: &Artifact,
    id: BatchId,
    approval: &Approval,
) -> Result<String, NotCanonical> {
    let decider =
        approval.decider_id.map(|id| Who { id, name: approval.decider.as_deref().unwrap_or_default() });
    to_canonical(&Provenance {
        artifact: ProvenanceArtifact {
            id: artifact.id,
            name: &artifact.name,
            file: safe_name(&artifact.name),
            mission_id: artifact.mission_id,
            mission: &artifact.mission,
            task_id: artifact.task_id,
            media_type: &artifact.media_type,
            sha256: &artifact.sha256,
            size_bytes: artifact.size_bytes,
            created_by: artifact.created_by,
            created_at: artifact.created_at,
        },
        publication_id: id,
        approval_id: approval.id,
        action_sha256: &approval.action_sha256,
        requester: Who { id: approval.requester_id, name: &approval.requester },
        decider,
        self_approved: approval.self_approved,
        decided_at: approval.decided_at,
    })
}

/// The commit message with its trailers.
pub(crate) fn message(publication: &Publication, approval: &Approval, (from, to): (i64, i64)) -> String {
    let decider = approval.decider.as_deref().unwrap_or("-");
    format!(
        "{}\n\nMission: {} ({})\nPublication: {}\nApproval: {}\nAction-SHA256: {}\nRequested-by: {}\nApproved-by: {decider}\nLedger: {from}-{to}\n",
        publication.message,
        publication.mission,
        publication.mission_id,
        publication.id,
        approval.id,
        approval.action_sha256,
        approval.requester,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_action_is_one_exact_text() {
        let at = Timestamp::from_micros(0);
        let artifact = Artifact {
            kind: "artifact".into(),
            id: ArtifactId::from_uuid(Uuid::from_u128(3)),
            name: "a \"b\".md".into(),
            mission_id: MissionId::from_uuid(Uuid::from_u128(1)),
            mission: "demo".parse().unwrap(),
            task_id: None,
            kluster_id: None,
            media_type: "text/markdown".into(),
            sha256: "ab".repeat(32),
            size_bytes: 7,
            labels: mc_api::Labels::default(),
            version: 1,
            created_by: PrincipalId::from_uuid(Uuid::from_u128(9)),
            created_at: at,
            updated_at: at,
        };
        let id = BatchId::from_uuid(Uuid::from_u128(2));
        let text = action(artifact.mission_id, id, "first", std::slice::from_ref(&artifact)).unwrap();
        let digest = "ab".repeat(32);
        assert_eq!(
            text,
            format!(
                "{{\"action\":\"publication.publish\",\"artifacts\":[{{\"id\":\"art_00000000000000000000000000000003\",\
                 \"name\":\"a \\\"b\\\".md\",\"sha256\":\"{digest}\",\"size_bytes\":7}}],\"message\":\"first\",\
                 \"mission_id\":\"mis_00000000000000000000000000000001\",\
                 \"publication_id\":\"bat_00000000000000000000000000000002\"}}"
            )
        );
        assert_eq!(
            paths(&artifact).1,
            "missions/demo/artifacts/art_00000000000000000000000000000003/a__b_.md"
        );
        assert_eq!(ledger_path((1, 42)), "ledger/000000000001-000000000042.jsonl");
    }
}
