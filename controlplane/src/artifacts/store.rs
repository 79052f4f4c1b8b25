//! Artifacts in the database.

use mc_api::artifact::Artifact;
use mc_api::doctor::ContentName;
use mc_api::id::{ArtifactId, KlusterId, MissionId, OrganizationId, PrincipalId, TaskId};
use mc_api::{Name, Timestamp};

use crate::db::{self, DbError, Filter, Tx};
use crate::doctor::NamedContent;
use crate::missions::store::{labels, text_of};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    artifact_id: ArtifactId,
    mission_id: MissionId,
    mission: Name,
    task_id: Option<TaskId>,
    kluster_id: Option<KlusterId>,
    name: String,
    media_type: String,
    sha256: String,
    size_bytes: i64,
    labels: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT a.artifact_id, a.mission_id, m.name AS mission, a.task_id, a.kluster_id, a.name, a.media_type, a.sha256, a.size_bytes,
    a.labels, a.version, a.created_by, a.created_at, a.updated_at
    FROM artifact a JOIN mission m ON m.mission_id = a.mission_id";

impl TryFrom<Row> for Artifact {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            kind: "artifact".into(),
            id: row.artifact_id,
            name: row.name,
            mission_id: row.mission_id,
            mission: row.mission,
            task_id: row.task_id,
            kluster_id: row.kluster_id,
            media_type: row.media_type,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            labels: labels("artifact", &row.labels)?,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) ids: Option<Vec<ArtifactId>>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) task: Option<TaskId>,
    /// Directly in this kluster.
    pub(crate) kluster: Option<KlusterId>,
    /// Directly in this kluster, or of its living tasks.
    pub(crate) within: Option<KlusterId>,
    /// Of the living tasks of this kluster.
    pub(crate) of_tasks_in: Option<KlusterId>,
    pub(crate) labels: Vec<(String, Option<String>)>,
    pub(crate) after: Option<ArtifactId>,
    pub(crate) limit: i64,
}

/// Living artifacts in the order of their ids.
pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Artifact>, DbError> {
    let filter = Filter::new(tx, SELECT).always("a.deleted_at IS NULL");
    let mut filter = scope
        .apply(filter, "a.organization_id = ?", "a.mission_id")
        .and_some("a.mission_id = ?", wanted.mission)
        .and_some("a.task_id = ?", wanted.task)
        .and_some("a.kluster_id = ?", wanted.kluster)
        .and_some(
            "a.task_id IN (SELECT task_id FROM task WHERE kluster_id = ? AND deleted_at IS NULL)",
            wanted.of_tasks_in,
        )
        .and_some(
            "EXISTS (SELECT 1 FROM kluster w WHERE w.kluster_id = ? AND (a.kluster_id = w.kluster_id
                 OR a.task_id IN (SELECT task_id FROM task WHERE kluster_id = w.kluster_id AND deleted_at IS NULL)))",
            wanted.within,
        )
        .and_some("a.artifact_id > ?", wanted.after)
        .labels("a.labels", wanted.labels);
    if let Some(ids) = wanted.ids {
        filter = filter.one_of("a.artifact_id", ids);
    }
    let rows: Vec<Row> = filter.finish(tx, "a.artifact_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(Artifact::try_from).collect()
}

/// Artifacts that the index lacks or has in another version, oldest first.
pub(crate) async fn not_indexed(
    tx: &mut Tx,
    organization: OrganizationId,
    version: i32,
    limit: i64,
) -> Result<Vec<(ArtifactId,)>, DbError> {
    tx.query(
        "SELECT a.artifact_id FROM artifact a LEFT JOIN search_document d ON d.subject_id = a.artifact_id
         WHERE a.organization_id = $1 AND a.deleted_at IS NULL AND (d.document_no IS NULL OR d.index_version <> $2)
         ORDER BY a.artifact_id LIMIT $3",
    )
    .bind(organization)
    .bind(version)
    .bind(limit)
    .fetch_all()
    .await
}

/// The kluster that an artifact stands in: its own, or that of its task.
pub(crate) async fn kluster_of(tx: &mut Tx, artifact: &Artifact) -> Result<Option<KlusterId>, DbError> {
    match (artifact.kluster_id, artifact.task_id) {
        (Some(kluster), _) => Ok(Some(kluster)),
        (None, Some(task)) => kluster_of_task(tx, task).await,
        (None, None) => Ok(None),
    }
}

/// The kluster of a task.
pub(crate) async fn kluster_of_task(tx: &mut Tx, task: TaskId) -> Result<Option<KlusterId>, DbError> {
    let found: Option<(KlusterId,)> =
        tx.query("SELECT kluster_id FROM task WHERE task_id = $1").bind(task).fetch_optional().await?;
    Ok(found.map(|(kluster,)| kluster))
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    artifact: &Artifact,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO artifact (artifact_id, organization_id, mission_id, task_id, kluster_id, name, media_type, sha256, size_bytes,
             labels, version, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(artifact.id)
    .bind(organization)
    .bind(artifact.mission_id)
    .bind(artifact.task_id)
    .bind(artifact.kluster_id)
    .bind(artifact.name.clone())
    .bind(artifact.media_type.clone())
    .bind(artifact.sha256.clone())
    .bind(artifact.size_bytes)
    .bind(text_of(&artifact.labels))
    .bind(artifact.version)
    .bind(artifact.created_by)
    .bind(artifact.created_at)
    .bind(artifact.updated_at)
    .execute()
    .await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, artifact: &Artifact, now: Timestamp) -> Result<bool, DbError> {
    db::bury(tx, "artifact", (artifact.id.as_uuid(), artifact.version), now).await
}

/// The living artifact of the kluster itself with this name.
pub(crate) async fn find_in_kluster(
    tx: &mut Tx,
    kluster: KlusterId,
    name: &str,
) -> Result<Option<ArtifactId>, DbError> {
    let found: Option<(ArtifactId,)> = tx
        .query("SELECT artifact_id FROM artifact WHERE kluster_id = $1 AND name = $2 AND deleted_at IS NULL")
        .bind(kluster)
        .bind(name.to_owned())
        .fetch_optional()
        .await?;
    Ok(found.map(|(id,)| id))
}

/// Whether a living artifact belongs to the kluster itself.
pub(crate) async fn has_of_kluster(tx: &mut Tx, kluster: KlusterId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM artifact WHERE kluster_id = $1 AND deleted_at IS NULL)")
        .bind(kluster)
        .fetch_one()
        .await?;
    Ok(found)
}

/// Whether a publication that is queued, failed or published contains the artifact.
pub(crate) async fn is_published(tx: &mut Tx, artifact: ArtifactId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM publication_artifact pa
                 JOIN publication p ON p.publication_id = pa.publication_id
                 WHERE pa.artifact_id = $1 AND p.state IN ('queued', 'failed', 'published'))",
        )
        .bind(artifact)
        .fetch_one()
        .await?;
    Ok(found)
}

/// Whether a living artifact has these bytes.
pub(crate) async fn names_content(tx: &mut Tx, mission: MissionId, sha256: String) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM artifact WHERE mission_id = $1 AND sha256 = $2 AND deleted_at IS NULL)")
        .bind(mission)
        .bind(sha256)
        .fetch_one()
        .await?;
    Ok(found)
}

/// What living artifacts name after a place, in the order of keys: where, and the least and the most bytes they say it has.
pub(crate) async fn named(
    tx: &mut Tx,
    (mission, sha256): (MissionId, String),
    limit: i64,
) -> Result<Vec<NamedContent>, DbError> {
    tx.query(
        "SELECT mission_id, sha256, MIN(size_bytes), MAX(size_bytes) FROM artifact
         WHERE (mission_id, sha256) > ($1, $2) AND deleted_at IS NULL
         GROUP BY mission_id, sha256 ORDER BY mission_id, sha256 LIMIT $3",
    )
    .bind(mission)
    .bind(sha256)
    .bind(limit)
    .fetch_all()
    .await
}

/// Which living artifacts have these bytes, oldest first.
pub(crate) async fn names_of(
    tx: &mut Tx,
    mission: MissionId,
    sha256: String,
    limit: i64,
) -> Result<Vec<ContentName>, DbError> {
    let rows: Vec<(ArtifactId, String)> = tx
        .query(
            "SELECT artifact_id, name FROM artifact WHERE mission_id = $1 AND sha256 = $2 AND deleted_at IS NULL
             ORDER BY artifact_id LIMIT $3",
        )
        .bind(mission)
        .bind(sha256)
        .bind(limit)
        .fetch_all()
        .await?;
    let of =
        |(id, name): (ArtifactId, String)| ContentName { kind: "artifact".into(), id: id.to_string(), name };
    Ok(rows.into_iter().map(of).collect())
}

/// A living task by id or key, with its mission.
pub(crate) async fn find_task(
    tx: &mut Tx,
    organization: OrganizationId,
    reference: &str,
) -> Result<Option<(TaskId, MissionId)>, DbError> {
    let filter = Filter::new(tx, "SELECT task_id, mission_id FROM task")
        .and("organization_id = ?", organization)
        .always("deleted_at IS NULL");
    let filter = match reference.parse::<TaskId>() {
        Ok(id) => filter.and("task_id = ?", id),
        Err(_) => filter.and("task_key = ?", reference.to_owned()),
    };
    filter.finish(tx, "task_id", 1).fetch_optional().await
}
