//! Klusters in the database.

use mc_api::id::{KlusterId, MissionId, OrganizationId, PrincipalId};
use mc_api::kluster::{Kluster, KlusterState};
use mc_api::overlap::OverlapPolicy;
use mc_api::{Name, Timestamp};

use crate::db::{self, DbError, Filter, Sql, Tx};
use crate::missions::store::{labels, policy as policy_of, policy_text, text_of};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    kluster_id: KlusterId,
    mission_id: MissionId,
    mission: Name,
    name: Name,
    description: String,
    runtime: Option<Name>,
    max_running: Option<i32>,
    overlap_policy: Option<String>,
    labels: String,
    annotations: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT k.kluster_id, k.mission_id, m.name AS mission, k.name, k.description, k.runtime, k.max_running, k.overlap_policy,
    k.labels, k.annotations, k.version, k.created_by, k.created_at, k.updated_at
    FROM kluster k JOIN mission m ON m.mission_id = k.mission_id";

const SELECT_PLACE: &str =
    "SELECT k.kluster_id, k.mission_id, m.name AS mission, k.name, k.description, k.runtime, k.max_running, k.overlap_policy,
    k.labels, k.annotations, k.version, k.created_by, k.created_at, k.updated_at, m.key_prefix,
    m.overlap_policy AS inherited
    FROM kluster k JOIN mission m ON m.mission_id = k.mission_id";

impl TryFrom<Row> for Kluster {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            kind: "kluster".into(),
            id: row.kluster_id,
            name: row.name,
            mission_id: row.mission_id,
            mission: row.mission,
            state: KlusterState::Active,
            description: row.description,
            runtime: row.runtime,
            max_running: row.max_running,
            overlap_policy: policy_of("kluster", row.overlap_policy.as_deref())?,
            labels: labels("kluster", &row.labels)?,
            annotations: labels("kluster", &row.annotations)?,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(crate) struct Wanted {
    pub(crate) id: Option<KlusterId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) name: Option<String>,
    pub(crate) labels: Vec<(String, Option<String>)>,
    pub(crate) after: Option<KlusterId>,
    pub(crate) limit: i64,
}

impl Wanted {
    /// One of all.
    pub(crate) fn one() -> Self {
        Self { id: None, mission: None, name: None, labels: Vec::new(), after: None, limit: 1 }
    }
}

/// Klusters that the index lacks or has in another version, oldest first.
pub(crate) async fn not_indexed(
    tx: &mut Tx,
    organization: OrganizationId,
    version: i32,
    limit: i64,
) -> Result<Vec<(KlusterId,)>, DbError> {
    tx.query(
        "SELECT k.kluster_id FROM kluster k LEFT JOIN search_document d ON d.subject_id = k.kluster_id
         WHERE k.organization_id = $1 AND k.deleted_at IS NULL AND (d.document_no IS NULL OR d.index_version <> $2)
         ORDER BY k.kluster_id LIMIT $3",
    )
    .bind(organization)
    .bind(version)
    .bind(limit)
    .fetch_all()
    .await
}

pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Kluster>, DbError> {
    let filter = Filter::new(tx, SELECT).always("k.deleted_at IS NULL");
    let filter = scope
        .apply(filter, "k.organization_id = ?", "k.mission_id")
        .and_some("k.kluster_id = ?", wanted.id)
        .and_some("k.mission_id = ?", wanted.mission)
        .and_some("k.name = ?", wanted.name)
        .and_some("k.kluster_id > ?", wanted.after)
        .labels("k.labels", wanted.labels);
    let rows: Vec<Row> = filter.finish(tx, "k.kluster_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(Kluster::try_from).collect()
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    kluster: &Kluster,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO kluster (kluster_id, organization_id, mission_id, name, description, runtime, labels, annotations,
             version, created_by, created_at, updated_at, max_running)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(kluster.id)
    .bind(organization)
    .bind(kluster.mission_id)
    .bind(kluster.name.clone())
    .bind(kluster.description.clone())
    .bind(kluster.runtime.clone())
    .bind(text_of(&kluster.labels))
    .bind(text_of(&kluster.annotations))
    .bind(kluster.version)
    .bind(kluster.created_by)
    .bind(kluster.created_at)
    .bind(kluster.updated_at)
    .bind(kluster.max_running)
    .execute()
    .await?;
    Ok(())
}

pub(crate) async fn replace(tx: &mut Tx, before: &Kluster, after: &Kluster) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE kluster SET description = $3, runtime = $4, labels = $5, annotations = $6, version = $7, updated_at = $8, overlap_policy = $9,
                 max_running = $10
             WHERE kluster_id = $1 AND version = $2 AND deleted_at IS NULL",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(after.description.clone())
        .bind(after.runtime.clone())
        .bind(text_of(&after.labels))
        .bind(text_of(&after.annotations))
        .bind(after.version)
        .bind(after.updated_at)
        .bind(policy_text(after.overlap_policy)?)
        .bind(after.max_running)
        .execute()
        .await?;
    Ok(changed == 1)
}

#[derive(sqlx_macros::FromRow)]
struct Policies {
    own: Option<String>,
    inherited: Option<String>,
}

impl Policies {
    /// The kluster's own policy, else its mission's, else the default.
    fn in_force(self) -> Result<OverlapPolicy, DbError> {
        let own = policy_of("kluster", self.own.as_deref())?;
        let inherited = policy_of("mission", self.inherited.as_deref())?;
        Ok(own.or(inherited).unwrap_or_default())
    }
}

/// The policy about overlapping work that is in force in a kluster.
pub(crate) async fn policy(tx: &mut Tx, kluster: KlusterId) -> Result<OverlapPolicy, DbError> {
    let found: Policies = tx
        .query(
            "SELECT k.overlap_policy AS own, m.overlap_policy AS inherited
             FROM kluster k JOIN mission m ON m.mission_id = k.mission_id WHERE k.kluster_id = $1",
        )
        .bind(kluster)
        .fetch_one()
        .await?;
    found.in_force()
}

/// What a task that is to be created stands in.
pub(crate) struct Place {
    pub(crate) kluster: Kluster,
    /// The mission's prefix of task keys.
    pub(crate) key_prefix: String,
    /// The policy about overlapping work that is in force.
    pub(crate) policy: OverlapPolicy,
}

#[derive(sqlx_macros::FromRow)]
struct PlaceRow {
    #[sqlx(flatten)]
    kluster: Row,
    key_prefix: String,
    inherited: Option<String>,
}

/// Finds a kluster with what its mission says, both by id or name: one statement for the most frequent write.
pub(crate) async fn place(
    tx: &mut Tx,
    scope: Scope,
    mission: &str,
    kluster: &str,
) -> Result<Option<Place>, DbError> {
    let filter = Filter::new(tx, SELECT_PLACE).always("k.deleted_at IS NULL").always("m.deleted_at IS NULL");
    let filter = scope.apply(filter, "k.organization_id = ?", "k.mission_id");
    let filter = match (mission.parse::<MissionId>(), mission.parse::<Name>()) {
        (Ok(id), _) => filter.and("m.mission_id = ?", id),
        (_, Ok(name)) => filter.and("m.name = ?", name),
        (Err(_), Err(_)) => return Ok(None),
    };
    let filter = match (kluster.parse::<KlusterId>(), kluster.parse::<Name>()) {
        (Ok(id), _) => filter.and("k.kluster_id = ?", id),
        (_, Ok(name)) => filter.and("k.name = ?", name),
        (Err(_), Err(_)) => return Ok(None),
    };
    let row: Option<PlaceRow> = filter.finish(tx, "k.kluster_id", 1).fetch_optional().await?;
    let Some(row) = row else { return Ok(None) };
    let kluster = Kluster::try_from(row.kluster)?;
    let inherited = policy_of("mission", row.inherited.as_deref())?;
    let policy = kluster.overlap_policy.or(inherited).unwrap_or_default();
    Ok(Some(Place { kluster, key_prefix: row.key_prefix, policy }))
}

/// Whether kluster and mission are still there. After a row that refers to them was written they stay until the
/// transaction ends, since deleting locks them first.
pub(crate) async fn stands(tx: &mut Tx, kluster: KlusterId) -> Result<bool, DbError> {
    let (stands,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM kluster k JOIN mission m ON m.mission_id = k.mission_id
             WHERE k.kluster_id = $1 AND k.deleted_at IS NULL AND m.deleted_at IS NULL)",
        )
        .bind(kluster)
        .fetch_one()
        .await?;
    Ok(stands)
}

/// Locks the row, against writers of rows that refer to it too.
pub(crate) async fn lock(tx: &mut Tx, kluster: KlusterId) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT version FROM kluster WHERE kluster_id = $1 FOR UPDATE",
        // The single writer is the lock.
        sqlite: "SELECT version FROM kluster WHERE kluster_id = $1",
    })
    .bind(kluster)
    .fetch_optional::<(i64,)>()
    .await
    .map(|_| ())
}

pub(crate) async fn delete(tx: &mut Tx, kluster: &Kluster, now: Timestamp) -> Result<bool, DbError> {
    db::bury(tx, "kluster", (kluster.id.as_uuid(), kluster.version), now).await
}

pub(crate) async fn has_tasks(tx: &mut Tx, kluster: KlusterId) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM task WHERE kluster_id = $1 AND deleted_at IS NULL)")
        .bind(kluster)
        .fetch_one()
        .await?;
    Ok(found)
}
