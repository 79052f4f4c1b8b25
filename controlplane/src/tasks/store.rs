//! Tasks, their edges and claims in the database.

pub(crate) mod counts;

use std::collections::HashMap;

use mc_api::id::{ArtifactId, KlusterId, MissionId, OrganizationId, PrincipalId, TaskId};
use mc_api::task::{Claim, ClaimState, Dependency, OnDependencyFailure, Task, TaskState};
use mc_api::{Name, Timestamp};

use super::model::Loaded;
use super::rules::Room;
use super::service::Holder;
use crate::db::{self, Backend, DbError, Filter, Sql, Tx};
use crate::missions::store::{labels, text_of};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    task_id: TaskId,
    task_key: String,
    name: Option<Name>,
    title: String,
    description: String,
    definition_of_done: String,
    mission_id: MissionId,
    mission: Name,
    kluster_id: KlusterId,
    kluster: Name,
    parent_id: Option<TaskId>,
    state: TaskState,
    reason: Option<String>,
    priority: i32,
    runtime: Option<Name>,
    capabilities: String,
    paths: String,
    open_dependency_count: i32,
    on_dependency_failure: OnDependencyFailure,
    review_gates: i32,
    reviewers: String,
    attempt: i32,
    max_attempts: i32,
    progress_percent: Option<i32>,
    progress_note: Option<String>,
    result_artifact_id: Option<ArtifactId>,
    result: Option<String>,
    labels: String,
    annotations: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT t.task_id, t.task_key, t.name, t.title, t.description, t.definition_of_done, t.mission_id,
    m.name AS mission, t.kluster_id, k.name AS kluster, t.parent_id, t.state, t.reason, t.priority, t.runtime,
    t.capabilities, t.paths, t.open_dependency_count, t.on_dependency_failure, t.review_gates, t.reviewers, t.attempt,
    t.max_attempts, t.progress_percent, t.progress_note, t.result_artifact_id, t.result, t.labels, t.annotations,
    t.version, t.created_by, t.created_at, t.updated_at
    FROM task t JOIN mission m ON m.mission_id = t.mission_id JOIN kluster k ON k.kluster_id = t.kluster_id";

fn list_of<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, DbError> {
    serde_json::from_str(text)
        .map_err(|error| DbError::Inconsistent { table: "task", message: error.to_string() })
}

impl TryFrom<Row> for Loaded {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        let task = Task {
            kind: "task".into(),
            id: row.task_id,
            key: row.task_key,
            name: row.name,
            title: row.title,
            description: row.description,
            definition_of_done: row.definition_of_done,
            mission_id: row.mission_id,
            mission: row.mission,
            kluster_id: row.kluster_id,
            kluster: row.kluster,
            parent_id: row.parent_id,
            state: row.state,
            reason: row.reason,
            priority: row.priority,
            runtime: row.runtime,
            capabilities: list_of(&row.capabilities)?,
            paths: list_of(&row.paths)?,
            depends_on: Vec::new(),
            open_dependency_count: row.open_dependency_count,
            on_dependency_failure: row.on_dependency_failure,
            review_gates: row.review_gates,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            claim: None,
            progress_percent: row.progress_percent,
            progress_note: row.progress_note,
            result_artifact_id: row.result_artifact_id,
            result: row.result,
            labels: labels("task", &row.labels)?,
            annotations: labels("task", &row.annotations)?,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        Ok(Self { task, reviewers: list_of(&row.reviewers)? })
    }
}

/// Which tasks are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) ids: Option<Vec<TaskId>>,
    pub(crate) key: Option<String>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) kluster: Option<KlusterId>,
    pub(crate) name: Option<String>,
    pub(crate) states: Option<Vec<TaskState>>,
    pub(crate) runtime: Option<Name>,
    pub(crate) labels: Vec<(String, Option<String>)>,
    pub(crate) held_by: Option<Holder>,
    pub(crate) after: Option<TaskId>,
    pub(crate) limit: i64,
}

pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Loaded>, DbError> {
    let mut filter = Filter::new(tx, SELECT).always("t.deleted_at IS NULL");
    // SQLite would rather read and sort all of the organization by its keys than go along the ids.
    let organization = match (tx.backend(), &wanted.key) {
        (Backend::Sqlite, None) => "+t.organization_id = ?",
        _ => "t.organization_id = ?",
    };
    filter = scope.apply(filter, organization, "t.mission_id");
    if let Some(ids) = wanted.ids {
        filter = filter.one_of("t.task_id", ids);
    }
    if let Some(states) = wanted.states {
        filter = filter.one_of("t.state", states);
    }
    filter = match wanted.held_by {
        Some(Holder::Id(id)) => filter.and(
            "EXISTS (SELECT 1 FROM task_claim c WHERE c.task_id = t.task_id AND c.attempt = t.attempt
                AND c.state = 'active' AND c.principal_id = ?)",
            id,
        ),
        Some(Holder::Name(name)) => filter.and(
            "EXISTS (SELECT 1 FROM task_claim c JOIN principal p ON p.principal_id = c.principal_id
                WHERE c.task_id = t.task_id AND c.attempt = t.attempt AND c.state = 'active' AND p.name = ?)",
            name,
        ),
        None => filter,
    };
    let rows: Vec<Row> = filter
        .and_some("t.task_key = ?", wanted.key)
        .and_some("t.mission_id = ?", wanted.mission)
        .and_some("t.kluster_id = ?", wanted.kluster)
        .and_some("t.name = ?", wanted.name)
        .and_some("t.runtime = ?", wanted.runtime)
        .and_some("t.task_id > ?", wanted.after)
        .labels("t.labels", wanted.labels)
        .finish(tx, "t.task_id", wanted.limit)
        .fetch_all()
        .await?;
    let mut loaded = rows.into_iter().map(Loaded::try_from).collect::<Result<Vec<_>, _>>()?;
    complete(tx, &mut loaded).await?;
    Ok(loaded)
}

#[derive(sqlx_macros::FromRow)]
struct Edge {
    task_id: TaskId,
    depends_on_id: TaskId,
    task_key: String,
    state: TaskState,
}

#[derive(sqlx_macros::FromRow)]
struct ClaimRow {
    task_id: TaskId,
    attempt: i32,
    principal_id: PrincipalId,
    principal: String,
    state: ClaimState,
    lease_until: Timestamp,
    claimed_at: Timestamp,
}

/// Adds dependencies and newest claims, two statements for the whole page.
async fn complete(tx: &mut Tx, loaded: &mut [Loaded]) -> Result<(), DbError> {
    if loaded.is_empty() {
        return Ok(());
    }
    let ids: Vec<TaskId> = loaded.iter().map(|loaded| loaded.task.id).collect();
    let most = i64::MAX;
    let edges: Vec<Edge> = Filter::new(
        tx,
        "SELECT d.task_id, d.depends_on_id, t.task_key, t.state FROM task_dependency d JOIN task t ON t.task_id = d.depends_on_id",
    )
    .one_of("d.task_id", ids.clone())
    .finish(tx, "d.task_id, d.depends_on_id", most)
    .fetch_all()
    .await?;
    let claims: Vec<ClaimRow> = Filter::new(
        tx,
        "SELECT c.task_id, c.attempt, c.principal_id, p.name AS principal, c.state, c.lease_until, c.claimed_at
         FROM task_claim c JOIN principal p ON p.principal_id = c.principal_id
         JOIN task t ON t.task_id = c.task_id AND t.attempt = c.attempt",
    )
    .one_of("c.task_id", ids)
    .finish(tx, "c.task_id", most)
    .fetch_all()
    .await?;
    let at: HashMap<TaskId, usize> =
        loaded.iter().enumerate().map(|(index, loaded)| (loaded.task.id, index)).collect();
    for edge in edges {
        if let Some(&index) = at.get(&edge.task_id) {
            let dependency = Dependency { id: edge.depends_on_id, key: edge.task_key, state: edge.state };
            loaded[index].task.depends_on.push(dependency);
        }
    }
    for row in claims {
        if let Some(&index) = at.get(&row.task_id) {
            loaded[index].task.claim = Some(Claim {
                attempt: row.attempt,
                principal_id: row.principal_id,
                principal: row.principal,
                state: row.state,
                lease_until: row.lease_until,
                claimed_at: row.claimed_at,
            });
        }
    }
    Ok(())
}

pub(crate) async fn find(
    tx: &mut Tx,
    organization: OrganizationId,
    id: TaskId,
) -> Result<Option<Loaded>, DbError> {
    let wanted = Wanted { ids: Some(vec![id]), limit: 1, ..Wanted::default() };
    Ok(list(tx, Scope::Organization(organization), wanted).await?.pop())
}

/// Tasks that the index lacks or has in another version, oldest first.
pub(crate) async fn not_indexed(
    tx: &mut Tx,
    organization: OrganizationId,
    version: i32,
    limit: i64,
) -> Result<Vec<(TaskId,)>, DbError> {
    tx.query(
        "SELECT t.task_id FROM task t LEFT JOIN search_document d ON d.subject_id = t.task_id
         WHERE t.organization_id = $1 AND t.deleted_at IS NULL AND (d.document_no IS NULL OR d.index_version <> $2)
         ORDER BY t.task_id LIMIT $3",
    )
    .bind(organization)
    .bind(version)
    .bind(limit)
    .fetch_all()
    .await
}

/// Locks the task's row. `false` when it is gone.
pub(crate) async fn lock(tx: &mut Tx, id: TaskId) -> Result<bool, DbError> {
    let row: Option<(i64,)> = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM task WHERE task_id = $1 AND deleted_at IS NULL FOR UPDATE",
            sqlite: "SELECT version FROM task WHERE task_id = $1 AND deleted_at IS NULL",
        })
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}

/// Locks the task's row if it is ready and nobody else holds it.
pub(crate) async fn lock_ready(tx: &mut Tx, id: TaskId) -> Result<bool, DbError> {
    let row: Option<(i64,)> = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM task WHERE task_id = $1 AND state = 'ready' AND deleted_at IS NULL FOR UPDATE SKIP LOCKED",
            sqlite: "SELECT version FROM task WHERE task_id = $1 AND state = 'ready' AND deleted_at IS NULL",
        })
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}

/// How much room there is for a task: what its mission and its kluster say, and what runs beside it.
pub(crate) async fn room(tx: &mut Tx, task: TaskId, kluster: KlusterId) -> Result<Room, DbError> {
    tx.query(
        "SELECT m.paused, k.max_running, (SELECT COUNT(*) FROM task b WHERE b.kluster_id = k.kluster_id
             AND b.state IN ('claimed', 'running') AND b.deleted_at IS NULL AND b.task_id <> $2) AS busy
         FROM kluster k JOIN mission m ON m.mission_id = k.mission_id WHERE k.kluster_id = $1",
    )
    .bind(kluster)
    .bind(task)
    .fetch_one()
    .await
}

/// Locks the row of a kluster that has a capacity, so that claims in it are counted one after the other. Before the
/// lock of a task in the documented order.
pub(crate) async fn lock_capacity(tx: &mut Tx, kluster: KlusterId) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT version FROM kluster WHERE kluster_id = $1 AND max_running IS NOT NULL FOR NO KEY UPDATE",
        // The single writer is the lock.
        sqlite: "SELECT version FROM kluster WHERE kluster_id = $1 AND max_running IS NOT NULL",
    })
    .bind(kluster)
    .fetch_optional::<(i64,)>()
    .await
    .map(|_| ())
}

/// The part of a claim query that [`super::rules::against_claim`] decides: ready, not paused, and room in the kluster.
const CLAIMABLE: &str = "t.state = 'ready' AND t.deleted_at IS NULL AND NOT m.paused
    AND (k.max_running IS NULL OR k.max_running > (SELECT COUNT(*) FROM task b
        WHERE b.kluster_id = t.kluster_id AND b.state IN ('claimed', 'running') AND b.deleted_at IS NULL))";

/// A ready task that might be claimed.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Candidate {
    pub(crate) task_id: TaskId,
    pub(crate) kluster_id: KlusterId,
    pub(crate) priority: i32,
    capabilities: String,
    pub(crate) runtime: Option<Name>,
}

impl Candidate {
    pub(crate) fn capabilities(&self) -> Result<Vec<String>, DbError> {
        list_of(&self.capabilities)
    }
}

/// Where a claimant looks for candidates.
#[derive(Debug, Clone)]
pub(crate) struct Among {
    pub(crate) scope: Scope,
    pub(crate) mission: Option<MissionId>,
    pub(crate) kluster: Option<KlusterId>,
    pub(crate) labels: Vec<(String, Option<String>)>,
}

/// Claimable tasks by priority, then age, from a place on.
pub(crate) async fn candidates(
    tx: &mut Tx,
    among: Among,
    after: Option<&Candidate>,
    limit: i64,
) -> Result<Vec<Candidate>, DbError> {
    let filter = Filter::new(
        tx,
        "SELECT t.task_id, t.kluster_id, t.priority, t.capabilities, COALESCE(t.runtime, k.runtime) AS runtime
         FROM task t JOIN kluster k ON k.kluster_id = t.kluster_id JOIN mission m ON m.mission_id = t.mission_id",
    )
    .always(CLAIMABLE);
    let mut filter = among
        .scope
        .apply(filter, "t.organization_id = ?", "t.mission_id")
        .and_some("t.mission_id = ?", among.mission)
        .and_some("t.kluster_id = ?", among.kluster)
        .labels("t.labels", among.labels);
    if let Some(last) = after {
        filter = filter.and("t.priority <= ?", last.priority).and_either(
            "t.priority < ?",
            last.priority,
            "t.task_id > ?",
            last.task_id,
        );
    }
    filter.finish(tx, "t.priority DESC, t.task_id", limit).fetch_all().await
}

/// Claimable tasks that name one of the runtimes, need no capability and have an attempt left: what
/// [`super::rules::against_node`] decides. With kluster and runtime, by priority, then age.
pub(crate) async fn ready_with_runtime(
    tx: &mut Tx,
    organization: OrganizationId,
    runtimes: Vec<String>,
    limit: i64,
) -> Result<Vec<(TaskId, KlusterId, String)>, DbError> {
    Filter::new(
        tx,
        "SELECT t.task_id, t.kluster_id, COALESCE(t.runtime, k.runtime) AS runtime
         FROM task t JOIN kluster k ON k.kluster_id = t.kluster_id JOIN mission m ON m.mission_id = t.mission_id",
    )
    .always(CLAIMABLE)
    .always("t.capabilities = '[]' AND t.attempt < t.max_attempts")
    .and("t.organization_id = ?", organization)
    .one_of("COALESCE(t.runtime, k.runtime)", runtimes)
    .finish(tx, "t.priority DESC, t.task_id", limit)
    .fetch_all()
    .await
}

/// Moves the end of an active claim. `false` when the attempt is not active, or not held by this principal.
pub(crate) async fn extend_claim(
    tx: &mut Tx,
    task: TaskId,
    attempt: i32,
    principal: PrincipalId,
    until: Timestamp,
) -> Result<bool, DbError> {
    let extended = tx
        .query(
            "UPDATE task_claim SET lease_until = $4
             WHERE task_id = $1 AND attempt = $2 AND principal_id = $3 AND state = 'active'",
        )
        .bind(task)
        .bind(attempt)
        .bind(principal)
        .bind(until)
        .execute()
        .await?;
    Ok(extended == 1)
}

/// Moves the end of active claims of agent sessions that wait for a node, where it is near.
pub(crate) async fn extend_waiting(tx: &mut Tx, until: Timestamp, before: Timestamp) -> Result<u64, DbError> {
    tx.query(
        "UPDATE task_claim SET lease_until = $1 WHERE state = 'active' AND lease_until < $2 AND EXISTS (
             SELECT 1 FROM agent_session s WHERE s.task_id = task_claim.task_id
                 AND s.task_attempt = task_claim.attempt AND s.principal_id = task_claim.principal_id
                 AND s.node_id IS NULL AND s.state = 'starting')",
    )
    .bind(until)
    .bind(before)
    .execute()
    .await
}

fn json(list: &impl serde::Serialize) -> String {
    serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
}

pub(crate) async fn insert(tx: &mut Tx, organization: OrganizationId, task: &Task) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO task (task_id, organization_id, mission_id, kluster_id, parent_id, task_key, name, title,
             description, definition_of_done, state, reason, priority, runtime, capabilities, paths,
             open_dependency_count, on_dependency_failure, review_gates, reviewers, attempt, max_attempts, labels,
             annotations, version, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, '[]', 0, $20,
             $21, $22, 1, $23, $24, $24)",
    )
    .bind(task.id)
    .bind(organization)
    .bind(task.mission_id)
    .bind(task.kluster_id)
    .bind(task.parent_id)
    .bind(task.key.clone())
    .bind(task.name.clone())
    .bind(task.title.clone())
    .bind(task.description.clone())
    .bind(task.definition_of_done.clone())
    .bind(task.state)
    .bind(task.reason.clone())
    .bind(task.priority)
    .bind(task.runtime.clone())
    .bind(json(&task.capabilities))
    .bind(json(&task.paths))
    .bind(task.open_dependency_count)
    .bind(task.on_dependency_failure)
    .bind(task.review_gates)
    .bind(task.max_attempts)
    .bind(text_of(&task.labels))
    .bind(text_of(&task.annotations))
    .bind(task.created_by)
    .bind(task.created_at)
    .execute()
    .await?;
    for dependency in &task.depends_on {
        insert_edge(tx, task.id, dependency.id).await?;
    }
    Ok(())
}

pub(crate) async fn insert_edge(tx: &mut Tx, task: TaskId, depends_on: TaskId) -> Result<(), DbError> {
    tx.query("INSERT INTO task_dependency (task_id, depends_on_id) VALUES ($1, $2)")
        .bind(task)
        .bind(depends_on)
        .execute()
        .await?;
    Ok(())
}

pub(crate) async fn delete_edges(tx: &mut Tx, task: TaskId) -> Result<(), DbError> {
    tx.query("DELETE FROM task_dependency WHERE task_id = $1").bind(task).execute().await?;
    Ok(())
}

/// Writes a changed task when its version is still the one before, and its newest claim.
pub(crate) async fn replace(tx: &mut Tx, before: &Loaded, after: &Loaded) -> Result<bool, DbError> {
    let task = &after.task;
    let changed = tx
        .query(
            "UPDATE task SET title = $3, description = $4, definition_of_done = $5, state = $6, reason = $7,
                 priority = $8, runtime = $9, capabilities = $10, paths = $11, open_dependency_count = $12,
                 on_dependency_failure = $13, review_gates = $14, reviewers = $15, attempt = $16, max_attempts = $17,
                 progress_percent = $18, progress_note = $19, result_artifact_id = $20, result = $21, labels = $22,
                 annotations = $23, version = $24, updated_at = $25
             WHERE task_id = $1 AND version = $2 AND deleted_at IS NULL",
        )
        .bind(before.task.id)
        .bind(before.task.version)
        .bind(task.title.clone())
        .bind(task.description.clone())
        .bind(task.definition_of_done.clone())
        .bind(task.state)
        .bind(task.reason.clone())
        .bind(task.priority)
        .bind(task.runtime.clone())
        .bind(json(&task.capabilities))
        .bind(json(&task.paths))
        .bind(task.open_dependency_count)
        .bind(task.on_dependency_failure)
        .bind(task.review_gates)
        .bind(json(&after.reviewers))
        .bind(task.attempt)
        .bind(task.max_attempts)
        .bind(task.progress_percent)
        .bind(task.progress_note.clone())
        .bind(task.result_artifact_id)
        .bind(task.result.clone())
        .bind(text_of(&task.labels))
        .bind(text_of(&task.annotations))
        .bind(task.version)
        .bind(task.updated_at)
        .execute()
        .await?;
    if changed != 1 {
        return Ok(false);
    }
    if before.task.claim != task.claim {
        if let Some(old) = &before.task.claim
            && task.claim.as_ref().is_none_or(|new| new.attempt != old.attempt)
        {
            let superseded = Claim { state: ClaimState::Superseded, ..old.clone() };
            put_claim(tx, task.id, &superseded).await?;
        }
        if let Some(claim) = &task.claim {
            put_claim(tx, task.id, claim).await?;
        }
    }
    Ok(true)
}

/// Writes a claim.
pub(crate) async fn put_claim(tx: &mut Tx, task: TaskId, claim: &Claim) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO task_claim (task_id, attempt, principal_id, state, lease_until, claimed_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (task_id, attempt) DO UPDATE SET state = excluded.state, lease_until = excluded.lease_until",
    )
    .bind(task)
    .bind(claim.attempt)
    .bind(claim.principal_id)
    .bind(claim.state)
    .bind(claim.lease_until)
    .bind(claim.claimed_at)
    .execute()
    .await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, task: &Task, now: Timestamp) -> Result<bool, DbError> {
    db::bury(tx, "task", (task.id.as_uuid(), task.version), now).await
}

/// Living tasks that wait for this one or are part of it.
pub(crate) async fn has_others(tx: &mut Tx, task: TaskId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM task_dependency d JOIN task t ON t.task_id = d.task_id
                 WHERE d.depends_on_id = $1 AND t.deleted_at IS NULL)
             OR EXISTS (SELECT 1 FROM task WHERE parent_id = $1 AND deleted_at IS NULL)",
        )
        .bind(task)
        .fetch_one()
        .await?;
    Ok(found)
}

/// The living tasks that wait for this one, in the order of their ids.
pub(crate) async fn dependents(tx: &mut Tx, task: TaskId) -> Result<Vec<TaskId>, DbError> {
    let rows: Vec<(TaskId,)> = tx
        .query(
            "SELECT d.task_id FROM task_dependency d JOIN task t ON t.task_id = d.task_id
             WHERE d.depends_on_id = $1 AND t.deleted_at IS NULL ORDER BY d.task_id",
        )
        .bind(task)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Which of some tasks wait for this one, directly or through others. One statement, however long the way is.
pub(crate) async fn waiting_for(
    tx: &mut Tx,
    task: TaskId,
    among: &[(TaskId, String)],
) -> Result<Vec<TaskId>, DbError> {
    let places: Vec<String> = (2..among.len() + 2).map(|place| format!("${place}")).collect();
    let text = format!(
        "WITH RECURSIVE behind(task_id) AS (
             SELECT task_id FROM task_dependency WHERE depends_on_id = $1
             UNION SELECT d.task_id FROM behind b JOIN task_dependency d ON d.depends_on_id = b.task_id)
         SELECT task_id FROM behind WHERE task_id IN ({})",
        places.join(", ")
    );
    let mut query = tx.query(Sql::Built(text)).bind(task);
    for (id, _) in among {
        query = query.bind(*id);
    }
    let rows: Vec<(TaskId,)> = query.fetch_all().await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Claims whose lease ran out, oldest first.
pub(crate) async fn expired(
    tx: &mut Tx,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TaskId, OrganizationId)>, DbError> {
    tx.query(
        "SELECT c.task_id, t.organization_id FROM task_claim c JOIN task t ON t.task_id = c.task_id
         WHERE c.state = 'active' AND c.lease_until <= $1 ORDER BY c.lease_until LIMIT $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all()
    .await
}

/// Gives every running lease at least until then: after a restart nobody loses a lease for our absence.
pub(crate) async fn extend_leases(tx: &mut Tx, until: Timestamp) -> Result<u64, DbError> {
    tx.query("UPDATE task_claim SET lease_until = $1 WHERE state = 'active' AND lease_until < $1")
        .bind(until)
        .execute()
        .await
}

/// Pending tasks whose count of open dependencies is wrong.
pub(crate) async fn miscounted(tx: &mut Tx, limit: i64) -> Result<Vec<(TaskId, OrganizationId)>, DbError> {
    tx.query(
        "SELECT t.task_id, t.organization_id FROM task t
         WHERE t.state = 'pending' AND t.deleted_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM task_dependency d JOIN task o ON o.task_id = d.depends_on_id
             WHERE d.task_id = t.task_id AND o.state <> 'done'
               AND NOT (t.on_dependency_failure = 'ignore' AND o.state IN ('failed', 'cancelled')))
         ORDER BY t.task_id LIMIT $1",
    )
    .bind(limit)
    .fetch_all()
    .await
}

/// Whether an artifact belongs to a mission.
pub(crate) async fn has_artifact(
    tx: &mut Tx,
    mission: MissionId,
    artifact: ArtifactId,
) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM artifact WHERE artifact_id = $1 AND mission_id = $2 AND deleted_at IS NULL)")
        .bind(artifact)
        .bind(mission)
        .fetch_one()
        .await?;
    Ok(found)
}
