//! Publications in the database.

use std::collections::HashMap;

use mc_api::id::{ApprovalId, ArtifactId, BatchId, MissionId, OrganizationId, PrincipalId};
use mc_api::publication::{Publication, PublicationState};
use mc_api::{Name, Timestamp};

use super::model::Record;
use crate::db::{DbError, Filter, Sql, Tx};
use crate::op::Scope;

#[derive(sqlx::FromRow)]
struct Row {
    publication_id: BatchId,
    organization_id: OrganizationId,
    mission_id: MissionId,
    mission: Name,
    state: PublicationState,
    message: String,
    approval_id: ApprovalId,
    ledger_from: Option<i64>,
    ledger_to: Option<i64>,
    commit_id: Option<String>,
    requester_id: PrincipalId,
    queued_at: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT p.publication_id, p.organization_id, p.mission_id, m.name AS mission, p.state, p.message, p.approval_id,
    p.ledger_from, p.ledger_to, p.commit_id, p.requester_id, p.queued_at, p.version, p.created_at, p.updated_at
    FROM publication p JOIN mission m ON m.mission_id = p.mission_id";

#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<BatchId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) state: Option<PublicationState>,
    pub(crate) after: Option<BatchId>,
    pub(crate) limit: i64,
}

async fn whole(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Record>, DbError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<BatchId> = rows.iter().map(|row| row.publication_id).collect();
    let pairs: Vec<(BatchId, ArtifactId)> =
        Filter::new(tx, "SELECT publication_id, artifact_id FROM publication_artifact")
            .one_of("publication_id", ids)
            .finish(tx, "artifact_id", i64::MAX)
            .fetch_all()
            .await?;
    let mut artifacts: HashMap<BatchId, Vec<ArtifactId>> = HashMap::new();
    for (publication, artifact) in pairs {
        artifacts.entry(publication).or_default().push(artifact);
    }
    let records = rows.into_iter().map(|row| Record {
        organization: row.organization_id,
        range: row.ledger_from.zip(row.ledger_to),
        queued_at: row.queued_at,
        publication: Publication {
            kind: "publication".into(),
            id: row.publication_id,
            state: row.state,
            mission_id: row.mission_id,
            mission: row.mission,
            message: row.message,
            artifacts: artifacts.remove(&row.publication_id).unwrap_or_default(),
            approval_id: row.approval_id,
            commit: row.commit_id,
            requester_id: row.requester_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        },
    });
    Ok(records.collect())
}

pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Record>, DbError> {
    let filter = Filter::new(tx, SELECT);
    let rows: Vec<Row> = scope
        .apply(filter, "p.organization_id = ?", "p.mission_id")
        .and_some("p.publication_id = ?", wanted.id)
        .and_some("p.mission_id = ?", wanted.mission)
        .and_some("p.state = ?", wanted.state)
        .and_some("p.publication_id > ?", wanted.after)
        .finish(tx, "p.publication_id", wanted.limit)
        .fetch_all()
        .await?;
    whole(tx, rows).await
}

/// The publication that an approval is for.
pub(crate) async fn of_approval(tx: &mut Tx, approval: ApprovalId) -> Result<Record, DbError> {
    let filter = Filter::new(tx, SELECT).and("p.approval_id = ?", approval);
    let rows: Vec<Row> = filter.finish(tx, "p.publication_id", 1).fetch_all().await?;
    whole(tx, rows).await?.pop().ok_or_else(|| DbError::Inconsistent {
        table: "publication",
        message: format!("none for {approval}"),
    })
}

/// The publication that is committed next.
pub(crate) async fn next_queued(tx: &mut Tx) -> Result<Option<Record>, DbError> {
    let filter = Filter::new(tx, SELECT).always("p.state = 'queued'");
    // One whose range is fixed was begun before a crash and goes first, whatever the clock said.
    let order = "CASE WHEN p.ledger_from IS NULL THEN 1 ELSE 0 END, p.queued_at, p.publication_id";
    let rows: Vec<Row> = filter.finish(tx, order, 1).fetch_all().await?;
    Ok(whole(tx, rows).await?.pop())
}

/// The end of the last range that was fixed, and the last commit.
pub(crate) async fn last_published(tx: &mut Tx) -> Result<(i64, Option<String>), DbError> {
    let last: Option<(i64, Option<String>)> = tx
        .query("SELECT ledger_to, commit_id FROM publication WHERE state = 'published' ORDER BY ledger_to DESC LIMIT 1")
        .fetch_optional()
        .await?;
    Ok(last.unwrap_or((0, None)))
}

/// Whether events of the publication or its approval still wait for their seal.
pub(crate) async fn has_unsealed(tx: &mut Tx, record: &Record) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM ledger_event WHERE seq IS NULL AND subject_id IN ($1, $2))")
        .bind(record.publication.id.to_string())
        .bind(record.publication.approval_id.to_string())
        .fetch_one()
        .await?;
    Ok(found)
}

pub(crate) async fn insert(tx: &mut Tx, record: &Record) -> Result<(), DbError> {
    let publication = &record.publication;
    tx.query(
        "INSERT INTO publication (publication_id, organization_id, mission_id, state, message, approval_id, requester_id,
             version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(publication.id)
    .bind(record.organization)
    .bind(publication.mission_id)
    .bind(publication.state)
    .bind(publication.message.clone())
    .bind(publication.approval_id)
    .bind(publication.requester_id)
    .bind(publication.version)
    .bind(publication.created_at)
    .bind(publication.updated_at)
    .execute()
    .await?;
    for artifact in &publication.artifacts {
        tx.query("INSERT INTO publication_artifact (publication_id, artifact_id) VALUES ($1, $2)")
            .bind(publication.id)
            .bind(*artifact)
            .execute()
            .await?;
    }
    Ok(())
}

pub(crate) async fn lock(tx: &mut Tx, id: BatchId) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT version FROM publication WHERE publication_id = $1 FOR UPDATE",
        sqlite: "SELECT version FROM publication WHERE publication_id = $1",
    })
    .bind(id)
    .fetch_optional::<(i64,)>()
    .await?
    .map(|_| ())
    .ok_or_else(|| DbError::Inconsistent { table: "publication", message: format!("{id} vanished") })
}

/// Compare-and-set on version and state. `false` when they are no longer those before.
pub(crate) async fn replace(tx: &mut Tx, before: &Record, after: &Record) -> Result<bool, DbError> {
    let (old, new) = (&before.publication, &after.publication);
    let changed = tx
        .query(
            "UPDATE publication SET state = $4, ledger_from = $5, ledger_to = $6, commit_id = $7, queued_at = $8,
                 version = $9, updated_at = $10
             WHERE publication_id = $1 AND version = $2 AND state = $3",
        )
        .bind(old.id)
        .bind(old.version)
        .bind(old.state)
        .bind(new.state)
        .bind(after.range.map(|(from, _)| from))
        .bind(after.range.map(|(_, to)| to))
        .bind(new.commit.clone())
        .bind(after.queued_at)
        .bind(new.version)
        .bind(new.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}
