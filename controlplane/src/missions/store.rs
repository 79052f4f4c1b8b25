//! Missions in the database.

use mc_api::id::{MissionId, OrganizationId, PrincipalId};
use mc_api::mission::{Mission, MissionState};
use mc_api::overlap::OverlapPolicy;
use mc_api::{Labels, Name, Timestamp};

use crate::db::{self, DbError, Filter, Tx};
use crate::error::Error;
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    mission_id: MissionId,
    name: Name,
    description: String,
    key_prefix: String,
    overlap_policy: Option<String>,
    paused: bool,
    labels: String,
    annotations: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT mission_id, name, description, key_prefix, overlap_policy, paused, labels, annotations, version,
    created_by, created_at, updated_at FROM mission";

/// Reads labels as they were written.
pub(crate) fn labels(table: &'static str, text: &str) -> Result<Labels, DbError> {
    serde_json::from_str(text)
        .map_err(|error| DbError::Inconsistent { table, message: format!("labels: {error}") })
}

/// Reads a policy as it was written.
pub(crate) fn policy(table: &'static str, text: Option<&str>) -> Result<Option<OverlapPolicy>, DbError> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|error| DbError::Inconsistent { table, message: format!("overlap_policy: {error}") })
}

/// A policy as JSON text.
pub(crate) fn policy_text(policy: Option<OverlapPolicy>) -> Result<Option<String>, DbError> {
    policy
        .map(|policy| serde_json::to_string(&policy))
        .transpose()
        .map_err(|error| DbError::Inconsistent { table: "mission", message: error.to_string() })
}

/// Labels as JSON text.
pub(crate) fn text_of(labels: &Labels) -> String {
    serde_json::Value::from_iter(labels.0.clone()).to_string()
}

impl TryFrom<Row> for Mission {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            kind: "mission".into(),
            id: row.mission_id,
            name: row.name,
            description: row.description,
            key_prefix: row.key_prefix,
            overlap_policy: policy("mission", row.overlap_policy.as_deref())?,
            state: MissionState::of(row.paused),
            paused: row.paused,
            labels: labels("mission", &row.labels)?,
            annotations: labels("mission", &row.annotations)?,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(crate) async fn find(
    tx: &mut Tx,
    organization: OrganizationId,
    reference: &str,
) -> Result<Option<Mission>, DbError> {
    let filter =
        Filter::new(tx, SELECT).and("organization_id = ?", organization).always("deleted_at IS NULL");
    let filter = match reference.parse::<MissionId>() {
        Ok(id) => filter.and("mission_id = ?", id),
        // What is no name is the name of nothing; it may hold U+0000, which Postgres does not take.
        Err(_) => match reference.parse::<Name>() {
            Ok(name) => filter.and("name = ?", name),
            Err(_) => return Ok(None),
        },
    };
    filter.finish(tx, "mission_id", 1).fetch_optional::<Row>().await?.map(Mission::try_from).transpose()
}

pub(crate) struct Wanted {
    pub(crate) after: Option<MissionId>,
    pub(crate) limit: i64,
    pub(crate) labels: Vec<(String, Option<String>)>,
}

pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Mission>, DbError> {
    let filter = Filter::new(tx, SELECT).always("deleted_at IS NULL");
    let filter = scope
        .apply(filter, "organization_id = ?", "mission_id")
        .and_some("mission_id > ?", wanted.after)
        .labels("labels", wanted.labels);
    let rows: Vec<Row> = filter.finish(tx, "mission_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(Mission::try_from).collect()
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    mission: &Mission,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO mission (mission_id, organization_id, name, description, key_prefix, next_number, labels,
             annotations, version, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11)",
    )
    .bind(mission.id)
    .bind(organization)
    .bind(mission.name.clone())
    .bind(mission.description.clone())
    .bind(mission.key_prefix.clone())
    .bind(text_of(&mission.labels))
    .bind(text_of(&mission.annotations))
    .bind(mission.version)
    .bind(mission.created_by)
    .bind(mission.created_at)
    .bind(mission.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes the changeable part when the version is still the one before. `false` when it is not.
pub(crate) async fn replace(tx: &mut Tx, before: &Mission, after: &Mission) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE mission SET description = $3, labels = $4, annotations = $5, version = $6, updated_at = $7, overlap_policy = $8,
                 paused = $9
             WHERE mission_id = $1 AND version = $2 AND deleted_at IS NULL",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(after.description.clone())
        .bind(text_of(&after.labels))
        .bind(text_of(&after.annotations))
        .bind(after.version)
        .bind(after.updated_at)
        .bind(policy_text(after.overlap_policy)?)
        .bind(after.paused)
        .execute()
        .await?;
    Ok(changed == 1)
}

pub(crate) async fn delete(tx: &mut Tx, mission: &Mission, now: Timestamp) -> Result<bool, DbError> {
    db::bury(tx, "mission", (mission.id.as_uuid(), mission.version), now).await
}

/// Locks the mission's row: the first lock in the documented order, and the one that orders edges of its graph.
///
/// Rows that refer to the mission may be written beside it, such as a suggestion that names a task of it as the other
/// side: with a stronger lock, two missions that name each other's tasks would wait for each other.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`] when it was deleted since the caller found it.
pub(crate) async fn lock(tx: &mut Tx, mission: MissionId) -> Result<(), Error> {
    let locked = tx
        .query(crate::db::Sql::Each {
            postgres: "SELECT version FROM mission WHERE mission_id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE",
            // The single writer is the lock.
            sqlite: "SELECT version FROM mission WHERE mission_id = $1 AND deleted_at IS NULL",
        })
        .bind(mission)
        .fetch_optional::<(i64,)>()
        .await?;
    locked.map(|_| ()).ok_or_else(|| Error::not_found("mission", mission))
}

/// As [`lock`], but beside others that share it: for what only needs the mission to stay and touches no edge.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`] when it was deleted since the caller found it.
pub(crate) async fn lock_shared(tx: &mut Tx, mission: MissionId) -> Result<(), Error> {
    let locked = tx
        .query(crate::db::Sql::Each {
            postgres: "SELECT version FROM mission WHERE mission_id = $1 AND deleted_at IS NULL FOR SHARE",
            sqlite: "SELECT version FROM mission WHERE mission_id = $1 AND deleted_at IS NULL",
        })
        .bind(mission)
        .fetch_optional::<(i64,)>()
        .await?;
    locked.map(|_| ()).ok_or_else(|| Error::not_found("mission", mission))
}

/// Whether an agent session of the mission has not ended.
pub(crate) async fn has_live_sessions(tx: &mut Tx, mission: MissionId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM agent_session WHERE mission_id = $1 AND state NOT IN ('stopped', 'failed'))",
        )
        .bind(mission)
        .fetch_one()
        .await?;
    Ok(found)
}

pub(crate) async fn has_klusters(tx: &mut Tx, mission: MissionId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM kluster WHERE mission_id = $1 AND deleted_at IS NULL)")
        .bind(mission)
        .fetch_one()
        .await?;
    Ok(found)
}

pub(crate) async fn prefix_taken(
    tx: &mut Tx,
    organization: OrganizationId,
    prefix: &str,
) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM mission WHERE organization_id = $1 AND key_prefix = $2)")
        .bind(organization)
        .bind(prefix.to_owned())
        .fetch_one()
        .await?;
    Ok(found)
}

/// Every task number that was given is below this.
pub(crate) async fn next_number(tx: &mut Tx, mission: MissionId) -> Result<i64, DbError> {
    let (next,): (i64,) =
        tx.query("SELECT next_number FROM mission WHERE mission_id = $1").bind(mission).fetch_one().await?;
    Ok(next)
}

/// Reserves a block of task numbers; the first of them.
pub(crate) async fn reserve_numbers(tx: &mut Tx, mission: MissionId, count: i64) -> Result<i64, DbError> {
    let (next,): (i64,) = tx
        .query(
            "UPDATE mission SET next_number = next_number + $2 WHERE mission_id = $1 RETURNING next_number",
        )
        .bind(mission)
        .bind(count)
        .fetch_one()
        .await?;
    Ok(next - count)
}

/// A mission's name, also when it was deleted; `None`: there is none with this id.
pub(crate) async fn name_of(tx: &mut Tx, mission: MissionId) -> Result<Option<String>, DbError> {
    let found: Option<(String,)> =
        tx.query("SELECT name FROM mission WHERE mission_id = $1").bind(mission).fetch_optional().await?;
    Ok(found.map(|(name,)| name))
}
