//! The rows of what is rebuilt, with their ids, versions and times as they were, and how far a restore is.

use mc_api::artifact::Artifact;
use mc_api::doc::{Doc, DocVersion};
use mc_api::id::{OrganizationId, PrincipalId};
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::persistence::RestoredLedger;
use mc_api::task::Task;
use mc_api::{ProblemKind, Timestamp};
use uuid::Uuid;

use super::plan::{Plan, Standing};
use crate::db::{DbError, Sql, Tx};
use crate::error::Error;
use crate::missions::store::policy_text;
use crate::op::OpCtx;
use crate::{artifacts, docs, klusters, missions, tasks};

/// What is rebuilt, in the order in which it may be deleted again: those that name others first.
const TABLES: [&str; 5] = ["doc", "artifact", "task", "kluster", "mission"];

/// Who writes, into what.
pub(super) struct Run {
    /// The newest is the only one that writes.
    pub(super) holder: Uuid,
    pub(super) organization: OrganizationId,
    /// When it began first: the mark of what is not unveiled yet.
    pub(super) started_at: Timestamp,
}

/// What one step writes.
pub(super) enum Row {
    /// With the number of its next task.
    Mission(Box<Mission>, i64),
    Kluster(Box<Kluster>),
    Task(Box<Task>),
    Artifact(Box<Artifact>),
    Doc(Box<Doc>, Vec<DocVersion>),
    /// What a task has only when the others are there.
    Tie(Box<Task>),
    Standing(Standing),
}

/// How much of each sort there is.
#[derive(Debug, PartialEq, Eq, sqlx_macros::FromRow)]
pub(super) struct Counts {
    missions: i64,
    klusters: i64,
    tasks: i64,
    edges: i64,
    artifacts: i64,
    docs: i64,
    versions: i64,
    standing: i64,
}

impl Counts {
    pub(super) fn of(plan: &Plan) -> Self {
        let (restored, count) = (&plan.restored, |length: usize| i64::try_from(length).unwrap_or(i64::MAX));
        Self {
            missions: restored.missions,
            klusters: restored.klusters,
            tasks: restored.tasks,
            edges: count(plan.edges()),
            artifacts: restored.artifacts,
            docs: restored.docs + restored.keystones,
            versions: restored.doc_versions,
            standing: count(plan.standing.len()),
        }
    }
}

/// Whether the installation has, or had, missions beside those of a restore that has not ended.
pub(super) async fn is_used(tx: &mut Tx) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM ledger_origin) OR
                 (EXISTS (SELECT 1 FROM mission) AND NOT EXISTS (SELECT 1 FROM ledger_restore))",
        )
        .fetch_one()
        .await?;
    Ok(found)
}

/// Whether a restore has begun and not ended.
pub(crate) async fn is_unfinished(tx: &mut Tx) -> Result<bool, DbError> {
    let (found,): (bool,) = tx.query("SELECT EXISTS (SELECT 1 FROM ledger_restore)").fetch_one().await?;
    Ok(found)
}

/// Refuses a mission that was made beside a restore. It is asked after the mission was inserted: see [`lock`].
///
/// # Errors
/// [`ProblemKind::InvalidTransition`].
pub(crate) async fn refuse_unfinished(tx: &mut Tx) -> Result<(), Error> {
    if is_unfinished(tx).await? {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            "a ledger is being restored into this installation; missions are made when that is done: run `mc ledger \
             restore` again if it was interrupted",
        ));
    }
    Ok(())
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

/// Takes over a restore of the same plan, or begins one. How many steps are done, and when it began.
pub(super) async fn begin(
    tx: &mut Tx,
    run: &Run,
    commit: &str,
    plan_sha256: &str,
) -> Result<(usize, Timestamp), DbError> {
    // Who writes a batch holds the row: what is read here is what the last of them left.
    let known: Option<(i64, Timestamp)> = tx
        .query(
            "UPDATE ledger_restore SET holder = $1, updated_at = $2 WHERE plan_sha256 = $3
             RETURNING steps_done, started_at",
        )
        .bind(run.holder)
        .bind(run.started_at)
        .bind(plan_sha256.to_owned())
        .fetch_optional()
        .await?;
    if let Some((done, started_at)) = known {
        return Ok((usize::try_from(done).unwrap_or_default(), started_at));
    }
    if is_unfinished(tx).await? {
        clear(tx).await?;
    }
    tx.query(
        "INSERT INTO ledger_restore (ledger_restore_id, organization_id, commit_id, plan_sha256, steps_done, holder,
             started_at, updated_at)
         VALUES (1, $1, $2, $3, 0, $4, $5, $5)",
    )
    .bind(run.organization)
    .bind(commit.to_owned())
    .bind(plan_sha256.to_owned())
    .bind(run.holder)
    .bind(run.started_at)
    .execute()
    .await?;
    Ok((0, run.started_at))
}

/// Throws away what a restore of another plan wrote: nobody has seen it, and nothing else is there. Its own row goes first,
/// which waits for a batch that is being written.
async fn clear(tx: &mut Tx) -> Result<(), DbError> {
    tx.query("DELETE FROM ledger_restore").execute().await?;
    tx.query("UPDATE task SET parent_id = NULL, result_artifact_id = NULL").execute().await?;
    let first = ["restored_file", "doc_version", "task_dependency"];
    for table in first.into_iter().chain(TABLES) {
        tx.query(Sql::Built(format!("DELETE FROM {table}"))).execute().await?;
    }
    Ok(())
}

/// Counts a batch, for the newest holder only.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when another one took over.
pub(super) async fn advance(
    tx: &mut Tx,
    run: &Run,
    (from, to): (usize, usize),
    now: Timestamp,
) -> Result<(), Error> {
    let count = |steps: usize| i64::try_from(steps).unwrap_or(i64::MAX);
    let moved = tx
        .query(
            "UPDATE ledger_restore SET steps_done = $3, updated_at = $4 WHERE holder = $1 AND steps_done = $2",
        )
        .bind(run.holder)
        .bind(count(from))
        .bind(count(to))
        .bind(now)
        .execute()
        .await?;
    if moved == 1 {
        return Ok(());
    }
    Err(Error::new(ProblemKind::InvalidTransition, "another restore took over; this one ends here"))
}

/// Ends a restore of which every step is done.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`] when another one took over.
pub(super) async fn end(tx: &mut Tx, plan_sha256: &str, steps: usize) -> Result<(), Error> {
    let ended = tx
        .query("DELETE FROM ledger_restore WHERE plan_sha256 = $1 AND steps_done = $2")
        .bind(plan_sha256.to_owned())
        .bind(i64::try_from(steps).unwrap_or(i64::MAX))
        .execute()
        .await?;
    if ended == 1 {
        return Ok(());
    }
    Err(Error::new(ProblemKind::InvalidTransition, "another restore took over; this one ends here"))
}

pub(super) async fn counts(tx: &mut Tx) -> Result<Counts, DbError> {
    tx.query(
        "SELECT (SELECT COUNT(*) FROM mission) AS missions, (SELECT COUNT(*) FROM kluster) AS klusters,
             (SELECT COUNT(*) FROM task) AS tasks, (SELECT COUNT(*) FROM task_dependency) AS edges,
             (SELECT COUNT(*) FROM artifact) AS artifacts, (SELECT COUNT(*) FROM doc) AS docs,
             (SELECT COUNT(*) FROM doc_version) AS versions, (SELECT COUNT(*) FROM restored_file) AS standing",
    )
    .fetch_one()
    .await
}

/// Marks everything as living, and keeps where it comes from.
///
/// # Errors
/// [`ProblemKind::LedgerInvalid`] when two of a kind have the same name.
pub(super) async fn unveil(tx: &mut Tx, restored: &RestoredLedger, now: Timestamp) -> Result<(), Error> {
    for table in TABLES {
        let all = Sql::Built(format!("UPDATE {table} SET deleted_at = NULL"));
        tx.query(all).execute().await.map_err(|error| match error {
            DbError::Unique(_) => Error::new(
                ProblemKind::LedgerInvalid,
                format!(
                    "two of the kind {table} have the same name: one was deleted, and its deletion is not published"
                ),
            ),
            other => other.into(),
        })?;
    }
    tx.query(
        "INSERT INTO ledger_origin (ledger_origin_id, commit_id, seq, hash, restored_at) VALUES (1, $1, $2, $3, $4)",
    )
    .bind(restored.commit.clone())
    .bind(restored.verified_seq)
    .bind(restored.verified_hash.clone())
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Marks a row as deleted until the restore ends.
async fn veil(tx: &mut Tx, run: &Run, table: &'static str, id: Uuid) -> Result<(), DbError> {
    tx.query(Sql::Built(format!("UPDATE {table} SET deleted_at = $2 WHERE {table}_id = $1")))
        .bind(id)
        .bind(run.started_at)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn write(tx: &mut Tx, run: &Run, row: &Row) -> Result<(), Error> {
    let organization = run.organization;
    match row {
        Row::Mission(mission, next_number) => {
            missions::store::insert(tx, organization, mission).await?;
            tx.query(
                "UPDATE mission SET next_number = $2, overlap_policy = $3, paused = $4 WHERE mission_id = $1",
            )
            .bind(mission.id)
            .bind(*next_number)
            .bind(policy_text(mission.overlap_policy)?)
            .bind(mission.paused)
            .execute()
            .await?;
            veil(tx, run, "mission", mission.id.as_uuid()).await?;
        }
        Row::Kluster(kluster) => {
            klusters::store::insert(tx, organization, kluster).await?;
            tx.query("UPDATE kluster SET overlap_policy = $2 WHERE kluster_id = $1")
                .bind(kluster.id)
                .bind(policy_text(kluster.overlap_policy)?)
                .execute()
                .await?;
            veil(tx, run, "kluster", kluster.id.as_uuid()).await?;
        }
        Row::Task(task) => {
            let alone = Task { parent_id: None, depends_on: Vec::new(), ..Task::clone(task) };
            tasks::store::insert(tx, organization, &alone).await?;
            veil(tx, run, "task", task.id.as_uuid()).await?;
        }
        Row::Artifact(artifact) => {
            artifacts::store::insert(tx, organization, artifact).await?;
            veil(tx, run, "artifact", artifact.id.as_uuid()).await?;
        }
        Row::Doc(doc, versions) => {
            docs::store::insert(tx, organization, doc).await?;
            for version in versions {
                docs::store::insert_version(tx, doc.mission_id, version).await?;
            }
            veil(tx, run, "doc", doc.id.as_uuid()).await?;
        }
        Row::Tie(task) => {
            rest_of(tx, task).await?;
            for dependency in &task.depends_on {
                tasks::store::insert_edge(tx, task.id, dependency.id).await?;
            }
        }
        Row::Standing(file) => standing(tx, organization, file).await?,
    }
    Ok(())
}

async fn standing(tx: &mut Tx, organization: OrganizationId, file: &Standing) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO restored_file (organization_id, entity_id, path, entity_kind, sha256, meta)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(organization)
    .bind(file.entity.clone())
    .bind(file.path.clone())
    .bind(file.kind.clone())
    .bind(file.sha256.clone())
    .bind(file.meta.clone())
    .execute()
    .await
    .map(drop)
}

/// Somebody who made something once: a name without login and without role, so that ids mean somebody.
pub(super) async fn principal(tx: &mut Tx, cx: &OpCtx, id: PrincipalId) -> Result<(), DbError> {
    let text = id.to_string();
    let name = format!("restored-{}", &text[text.len() - 12..]);
    tx.query(
        "INSERT INTO principal (principal_id, organization_id, name, kind, version, created_at)
         VALUES ($1, $2, $3, 'user', 1, $4) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(cx.caller.organization)
    .bind(name)
    .bind(cx.now())
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
