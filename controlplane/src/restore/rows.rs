//! The rows of what is rebuilt, with their ids, versions and times as they were.

use mc_api::Timestamp;
use mc_api::id::PrincipalId;
use mc_api::persistence::RestoredLedger;
use mc_api::task::Task;

use super::State;
use crate::db::{DbError, Sql, Tx};
use crate::error::Error;
use crate::missions::store::policy_text;
use crate::op::OpCtx;
use crate::{artifacts, docs, klusters, missions, tasks};

/// Whether the installation has, or had, missions.
pub(super) async fn is_used(tx: &mut Tx) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM mission) OR EXISTS (SELECT 1 FROM ledger_origin)")
        .fetch_one()
        .await?;
    Ok(found)
}

/// Keeps others from making missions until the transaction ends.
pub(super) async fn lock(tx: &mut Tx) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "LOCK TABLE mission IN SHARE ROW EXCLUSIVE MODE",
        // The single writer is the lock.
        sqlite: "UPDATE ledger_origin SET seq = seq WHERE ledger_origin_id = 0",
    })
    .execute()
    .await
    .map(drop)
}

pub(super) async fn write(
    tx: &mut Tx,
    cx: &OpCtx,
    state: &State,
    restored: &RestoredLedger,
) -> Result<(), Error> {
    let organization = cx.caller.organization;
    tx.query(
        "INSERT INTO ledger_origin (ledger_origin_id, commit_id, seq, hash, restored_at) VALUES (1, $1, $2, $3, $4)",
    )
    .bind(restored.commit.clone())
    .bind(restored.verified_seq)
    .bind(restored.verified_hash.clone())
    .bind(cx.now())
    .execute()
    .await?;
    for id in &state.principals {
        principal(tx, cx, *id, cx.now()).await?;
    }
    for mission in state.missions.values() {
        missions::store::insert(tx, organization, mission).await?;
        tx.query("UPDATE mission SET next_number = $2, overlap_policy = $3 WHERE mission_id = $1")
            .bind(mission.id)
            .bind(state.next_numbers.get(&mission.id).copied().unwrap_or(1))
            .bind(policy_text(mission.overlap_policy)?)
            .execute()
            .await?;
    }
    for kluster in state.klusters.values() {
        klusters::store::insert(tx, organization, kluster).await?;
        tx.query("UPDATE kluster SET overlap_policy = $2 WHERE kluster_id = $1")
            .bind(kluster.id)
            .bind(policy_text(kluster.overlap_policy)?)
            .execute()
            .await?;
    }
    for task in &state.tasks {
        let alone = Task { parent_id: None, depends_on: Vec::new(), ..task.clone() };
        tasks::store::insert(tx, organization, &alone).await?;
    }
    for task in &state.tasks {
        rest_of(tx, task).await?;
        for dependency in &task.depends_on {
            tasks::store::insert_edge(tx, task.id, dependency.id).await?;
        }
    }
    for artifact in &state.artifacts {
        artifacts::store::insert(tx, organization, artifact).await?;
    }
    for (doc, version) in &state.docs {
        docs::store::insert(tx, organization, doc).await?;
        docs::store::insert_version(tx, doc.mission_id, version).await?;
    }
    for file in &state.standing {
        tx.query(
            "INSERT INTO restored_file (entity_id, path, entity_kind, sha256, meta) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(file.entity.clone())
        .bind(file.path.clone())
        .bind(file.kind.clone())
        .bind(file.sha256.clone())
        .bind(file.meta.clone())
        .execute()
        .await?;
    }
    Ok(())
}

/// Somebody who made something once: a name without login and without role, so that ids mean somebody.
async fn principal(tx: &mut Tx, cx: &OpCtx, id: PrincipalId, now: Timestamp) -> Result<(), DbError> {
    let text = id.to_string();
    let name = format!("restored-{}", &text[text.len() - 12..]);
    tx.query(
        "INSERT INTO principal (principal_id, organization_id, name, kind, version, created_at)
         VALUES ($1, $2, $3, 'user', 1, $4) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(cx.caller.organization)
    .bind(name)
    .bind(now)
    .execute()
    .await
    .map(drop)
}

/// What a task has only after it was created.
pub(crate) async fn rest_of(tx: &mut Tx, task: &Task) -> Result<(), DbError> {
    tx.query(
        "UPDATE task SET parent_id = $2, attempt = $3, progress_percent = $4, progress_note = $5,
             result_artifact_id = $6, result = $7, version = $8, updated_at = $9
         WHERE task_id = $1",
    )
    .bind(task.id)
    .bind(task.parent_id)
    .bind(task.attempt)
    .bind(task.progress_percent)
    .bind(task.progress_note.clone())
    .bind(task.result_artifact_id)
    .bind(task.result.clone())
    .bind(task.version)
    .bind(task.updated_at)
    .execute()
    .await
    .map(drop)
}
