//! Workspaces in the database.

use mc_api::id::{KlusterId, MissionId, PrincipalId, WorkspaceId};
use mc_api::workspace::{IndexEntry, Workspace, WorkspaceState};
use mc_api::{Name, Timestamp};

use crate::db::{DbError, Filter, Sql, Tx};
use crate::op::Scope;

/// A workspace with what it loaded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) workspace: Workspace,
    pub(crate) index: Vec<IndexEntry>,
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    workspace_id: WorkspaceId,
    mission_id: MissionId,
    mission: Name,
    kluster_id: KlusterId,
    kluster: Name,
    principal_id: PrincipalId,
    label: String,
    agent: Option<String>,
    lease_seconds: i64,
    lease_until: Timestamp,
    released_at: Option<Timestamp>,
    reason: Option<String>,
    commits: i64,
    paths: String,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT w.workspace_id, w.mission_id, m.name AS mission, w.kluster_id, k.name AS kluster, w.principal_id,
    w.label, w.agent, w.lease_seconds, w.lease_until, w.released_at, w.reason, w.commits, w.paths, w.version, w.created_at,
    w.updated_at
    FROM workspace w JOIN mission m ON m.mission_id = w.mission_id JOIN kluster k ON k.kluster_id = w.kluster_id";

impl Row {
    fn into_record(self, now: Timestamp) -> Result<Record, DbError> {
        let state = match self.released_at {
            Some(_) => WorkspaceState::Released,
            None if self.lease_until <= now => WorkspaceState::Expired,
            None => WorkspaceState::Active,
        };
        let id = self.workspace_id;
        let index = serde_json::from_str(&self.paths).map_err(|error| DbError::Inconsistent {
            table: "workspace",
            message: format!("paths of {id}: {error}"),
        })?;
        let workspace = Workspace {
            kind: "workspace".into(),
            id,
            label: self.label,
            agent_id: self.agent,
            mission_id: self.mission_id,
            mission: self.mission,
            kluster_id: self.kluster_id,
            kluster: self.kluster,
            holder: self.principal_id,
            state,
            lease_seconds: self.lease_seconds,
            lease_until: self.lease_until,
            commits: self.commits,
            reason: self.reason,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        Ok(Record { workspace, index })
    }
}

/// A workspace of the scope.
pub(crate) async fn find(
    tx: &mut Tx,
    scope: Scope,
    id: WorkspaceId,
    now: Timestamp,
) -> Result<Option<Record>, DbError> {
    let filter = Filter::new(tx, SELECT).and("w.workspace_id = ?", id);
    let filter = scope.apply(filter, "w.organization_id = ?", "w.mission_id");
    let row: Option<Row> = filter.finish(tx, "w.workspace_id", 1).fetch_optional().await?;
    row.map(|row| row.into_record(now)).transpose()
}

/// Locks a workspace's row.
pub(crate) async fn lock(tx: &mut Tx, id: WorkspaceId) -> Result<bool, DbError> {
    let locked = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM workspace WHERE workspace_id = $1 FOR UPDATE",
            // The single writer is the lock.
            sqlite: "SELECT version FROM workspace WHERE workspace_id = $1",
        })
        .bind(id)
        .fetch_optional::<(i64,)>()
        .await?;
    Ok(locked.is_some())
}

fn text_of(index: &[IndexEntry]) -> String {
    serde_json::to_string(index).expect("entries have text keys and no failing members")
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: mc_api::id::OrganizationId,
    record: &Record,
) -> Result<(), DbError> {
    let workspace = &record.workspace;
    tx.query(
        "INSERT INTO workspace (workspace_id, organization_id, mission_id, kluster_id, principal_id, label,
             lease_seconds, lease_until, commits, paths, version, created_at, updated_at, agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(workspace.id)
    .bind(organization)
    .bind(workspace.mission_id)
    .bind(workspace.kluster_id)
    .bind(workspace.holder)
    .bind(workspace.label.clone())
    .bind(workspace.lease_seconds)
    .bind(workspace.lease_until)
    .bind(workspace.commits)
    .bind(text_of(&record.index))
    .bind(workspace.version)
    .bind(workspace.created_at)
    .bind(workspace.updated_at)
    .bind(workspace.agent_id.clone())
    .execute()
    .await?;
    Ok(())
}

/// Saves a changed workspace; whether its version was still the one read.
pub(crate) async fn replace(
    tx: &mut Tx,
    before: &Record,
    after: &Record,
    released_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let workspace = &after.workspace;
    let changed = tx
        .query(
            "UPDATE workspace SET lease_seconds = $3, lease_until = $4, released_at = $5, reason = $6, commits = $7,
                 paths = $8, version = $9, updated_at = $10
             WHERE workspace_id = $1 AND version = $2",
        )
        .bind(before.workspace.id)
        .bind(before.workspace.version)
        .bind(workspace.lease_seconds)
        .bind(workspace.lease_until)
        .bind(released_at)
        .bind(workspace.reason.clone())
        .bind(workspace.commits)
        .bind(text_of(&after.index))
        .bind(workspace.version)
        .bind(workspace.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// How many workspaces of a principal have a living lease.
pub(crate) async fn living(tx: &mut Tx, principal: PrincipalId, now: Timestamp) -> Result<i64, DbError> {
    let (count,): (i64,) = tx
        .query(
            "SELECT COUNT(*) FROM workspace WHERE principal_id = $1 AND released_at IS NULL AND lease_until > $2",
        )
        .bind(principal)
        .bind(now)
        .fetch_one()
        .await?;
    Ok(count)
}

/// Gives every lease that lived at `since` a whole length from now.
pub(crate) async fn extend_leases(tx: &mut Tx, since: Timestamp, now: Timestamp) -> Result<u64, DbError> {
    tx.query(
        "UPDATE workspace SET lease_until = $1 + lease_seconds * 1000000
         WHERE released_at IS NULL AND lease_until > $2 AND lease_until < $1 + lease_seconds * 1000000",
    )
    .bind(now)
    .bind(since)
    .execute()
    .await
}

/// Forgets workspaces whose lease ended before a moment.
pub(crate) async fn forget(tx: &mut Tx, before: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM workspace WHERE lease_until < $1").bind(before).execute().await
}
