//! Skill bundles, and who has which skills, in the database.

use mc_api::bundle::{BundleFile, Drift};
use mc_api::doctor::ContentName;
use mc_api::id::{KlusterId, MissionId, OrganizationId, PrincipalId, SessionId, SkillBundleId, SkillSyncId};
use mc_api::skill::{SkillBundle, SkillState, SkillSync, SkillSyncState};
use mc_api::{Name, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::model;
use crate::db::{DbError, Filter, Tx};
use crate::doctor::NamedContent;
use crate::op::Scope;

/// Reads a document of a column.
pub(crate) fn document<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Inconsistent { table, message: error.to_string() })
}

/// The text of a document.
///
/// # Panics
/// Never: these documents are lists and texts.
pub(crate) fn text_of(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("lists and texts are JSON")
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    skill_bundle_id: SkillBundleId,
    mission_id: MissionId,
    mission: Name,
    kluster_id: Option<KlusterId>,
    kluster: Option<Name>,
    number: i64,
    state: SkillState,
    sha256: String,
    size_bytes: i64,
    file_count: i64,
    removes: String,
    note: String,
    key_id: String,
    signature: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT b.skill_bundle_id, b.mission_id, m.name AS mission, b.kluster_id, k.name AS kluster, b.number,
    b.state, b.sha256, b.size_bytes, b.file_count, b.removes, b.note, b.key_id, b.signature, b.version, b.created_by,
    b.created_at, b.updated_at
    FROM skill_bundle b JOIN mission m ON m.mission_id = b.mission_id LEFT JOIN kluster k ON k.kluster_id = b.kluster_id";

impl TryFrom<Row> for SkillBundle {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            kind: "skill".into(),
            id: row.skill_bundle_id,
            name: model::name(row.kluster_id.is_some(), row.number),
            mission_id: row.mission_id,
            mission: row.mission,
            kluster_id: row.kluster_id,
            kluster: row.kluster,
            number: row.number,
            state: row.state,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            file_count: row.file_count,
            removes: document("skill_bundle", &row.removes)?,
            note: row.note,
            key_id: row.key_id,
            signature: row.signature,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Which versions.
#[derive(Default, Clone)]
pub(crate) struct Wanted {
    pub(crate) id: Option<SkillBundleId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) kluster: Option<KlusterId>,
    /// Only those of missions themselves.
    pub(crate) direct: bool,
    pub(crate) number: Option<i64>,
    pub(crate) state: Option<SkillState>,
    pub(crate) after: Option<SkillBundleId>,
    pub(crate) limit: i64,
}

/// Versions of living missions and klusters in the order of their ids.
pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<SkillBundle>, DbError> {
    let filter = Filter::new(tx, SELECT).always("k.deleted_at IS NULL").always("m.deleted_at IS NULL");
    let mut filter = scope
        .apply(filter, "b.organization_id = ?", "b.mission_id")
        .and_some("b.skill_bundle_id = ?", wanted.id)
        .and_some("b.mission_id = ?", wanted.mission)
        .and_some("b.kluster_id = ?", wanted.kluster)
        .and_some("b.number = ?", wanted.number)
        .and_some("b.state = ?", wanted.state)
        .and_some("b.skill_bundle_id > ?", wanted.after);
    if wanted.direct {
        filter = filter.always("b.kluster_id IS NULL");
    }
    let rows: Vec<Row> = filter.finish(tx, "b.skill_bundle_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(SkillBundle::try_from).collect()
}

fn of_place(filter: Filter, mission: MissionId, kluster: Option<KlusterId>) -> Filter {
    let filter = filter.and("b.mission_id = ?", mission);
    match kluster {
        Some(kluster) => filter.and("b.kluster_id = ?", kluster),
        None => filter.always("b.kluster_id IS NULL"),
    }
}

/// The newest version of a mission itself or of a kluster, in a state when one is named.
pub(crate) async fn newest(
    tx: &mut Tx,
    mission: MissionId,
    kluster: Option<KlusterId>,
    state: Option<SkillState>,
) -> Result<Option<SkillBundle>, DbError> {
    let filter = of_place(Filter::new(tx, SELECT), mission, kluster).and_some("b.state = ?", state);
    let row: Option<Row> = filter.finish(tx, "b.number DESC", 1).fetch_optional().await?;
    row.map(SkillBundle::try_from).transpose()
}

/// One version by its number.
pub(crate) async fn numbered(
    tx: &mut Tx,
    mission: MissionId,
    kluster: Option<KlusterId>,
    number: i64,
) -> Result<Option<SkillBundle>, DbError> {
    let filter = of_place(Filter::new(tx, SELECT), mission, kluster).and("b.number = ?", number);
    let row: Option<Row> = filter.finish(tx, "b.number", 1).fetch_optional().await?;
    row.map(SkillBundle::try_from).transpose()
}

/// The files of a version.
pub(crate) async fn files(tx: &mut Tx, id: SkillBundleId) -> Result<Vec<BundleFile>, DbError> {
    let (text,): (String,) =
        tx.query("SELECT files FROM skill_bundle WHERE skill_bundle_id = $1").bind(id).fetch_one().await?;
    document("skill_bundle", &text)
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    bundle: &SkillBundle,
    files: &[BundleFile],
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO skill_bundle (skill_bundle_id, organization_id, mission_id, kluster_id, number, state, sha256,
             size_bytes, file_count, files, removes, note, key_id, signature, version, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(bundle.id)
    .bind(organization)
    .bind(bundle.mission_id)
    .bind(bundle.kluster_id)
    .bind(bundle.number)
    .bind(bundle.state)
    .bind(bundle.sha256.clone())
    .bind(bundle.size_bytes)
    .bind(bundle.file_count)
    .bind(text_of(&files))
    .bind(text_of(&bundle.removes))
    .bind(bundle.note.clone())
    .bind(bundle.key_id.clone())
    .bind(bundle.signature.clone())
    .bind(bundle.version)
    .bind(bundle.created_by)
    .bind(bundle.created_at)
    .bind(bundle.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Saves another state; whether the version was still the one read.
pub(crate) async fn replace(tx: &mut Tx, before: &SkillBundle, after: &SkillBundle) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE skill_bundle SET state = $4, version = $5, updated_at = $6
             WHERE skill_bundle_id = $1 AND version = $2 AND state = $3",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(before.state)
        .bind(after.state)
        .bind(after.version)
        .bind(after.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Whether a version of any state has this archive: versions are history, and older ones can be asked for.
pub(crate) async fn names_content(tx: &mut Tx, mission: MissionId, sha256: String) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query("SELECT EXISTS (SELECT 1 FROM skill_bundle WHERE mission_id = $1 AND sha256 = $2)")
        .bind(mission)
        .bind(sha256)
        .fetch_one()
        .await?;
    Ok(found)
}

/// What versions of any state name after a place, in the order of keys: where, and the least and the most bytes.
pub(crate) async fn named(
    tx: &mut Tx,
    (mission, sha256): (MissionId, String),
    limit: i64,
) -> Result<Vec<NamedContent>, DbError> {
    tx.query(
        "SELECT mission_id, sha256, MIN(size_bytes), MAX(size_bytes) FROM skill_bundle
         WHERE (mission_id, sha256) > ($1, $2)
         GROUP BY mission_id, sha256 ORDER BY mission_id, sha256 LIMIT $3",
    )
    .bind(mission)
    .bind(sha256)
    .bind(limit)
    .fetch_all()
    .await
}

/// Which versions have this archive, oldest first.
pub(crate) async fn names_of(
    tx: &mut Tx,
    mission: MissionId,
    sha256: String,
    limit: i64,
) -> Result<Vec<ContentName>, DbError> {
    let rows: Vec<(SkillBundleId, Option<KlusterId>, i64)> = tx
        .query(
            "SELECT skill_bundle_id, kluster_id, number FROM skill_bundle WHERE mission_id = $1 AND sha256 = $2
             ORDER BY skill_bundle_id LIMIT $3",
        )
        .bind(mission)
        .bind(sha256)
        .bind(limit)
        .fetch_all()
        .await?;
    let of = |(id, kluster, number): (SkillBundleId, Option<KlusterId>, i64)| ContentName {
        kind: "skill".into(),
        id: id.to_string(),
        name: model::name(kluster.is_some(), number),
    };
    Ok(rows.into_iter().map(of).collect())
}

#[derive(sqlx_macros::FromRow)]
struct SyncRow {
    skill_sync_id: SkillSyncId,
    mission_id: MissionId,
    mission: Name,
    kluster_id: Option<KlusterId>,
    kluster: Option<Name>,
    principal_id: PrincipalId,
    session_id: Option<SessionId>,
    place: String,
    effective_version: String,
    sha256: String,
    drift: String,
    reported_at: Timestamp,
    of_mission: Option<i64>,
    of_kluster: Option<i64>,
}

const SELECT_SYNC: &str = "SELECT s.skill_sync_id, s.mission_id, m.name AS mission, s.kluster_id, k.name AS kluster,
    s.principal_id, s.session_id, s.place, s.effective_version, s.sha256, s.drift, s.reported_at,
    (SELECT MAX(b.number) FROM skill_bundle b WHERE b.mission_id = s.mission_id AND b.kluster_id IS NULL
        AND b.state = 'published') AS of_mission,
    (SELECT MAX(b.number) FROM skill_bundle b WHERE b.kluster_id = s.kluster_id AND b.state = 'published') AS of_kluster
    FROM skill_sync s JOIN mission m ON m.mission_id = s.mission_id LEFT JOIN kluster k ON k.kluster_id = s.kluster_id";

impl TryFrom<SyncRow> for SkillSync {
    type Error = DbError;
    fn try_from(row: SyncRow) -> Result<Self, DbError> {
        let drift: Drift = document("skill_sync", &row.drift)?;
        let wanted_version = model::effective_version(row.of_mission, row.of_kluster);
        let state = if !drift.is_empty() {
            SkillSyncState::Drifted
        } else if wanted_version == row.effective_version {
            SkillSyncState::InSync
        } else {
            SkillSyncState::Outdated
        };
        Ok(Self {
            kind: "skill_sync".into(),
            id: row.skill_sync_id,
            mission_id: row.mission_id,
            mission: row.mission,
            kluster_id: row.kluster_id,
            kluster: row.kluster,
            principal_id: row.principal_id,
            session_id: row.session_id,
            place: row.place,
            effective_version: row.effective_version,
            sha256: row.sha256,
            wanted_version,
            state,
            drift,
            reported_at: row.reported_at,
        })
    }
}

/// Which copies.
#[derive(Debug, Default, Clone)]
pub(crate) struct SyncWanted {
    pub(crate) mission: Option<MissionId>,
    pub(crate) kluster: Option<KlusterId>,
    pub(crate) session: Option<SessionId>,
    pub(crate) principal: Option<PrincipalId>,
    pub(crate) place: Option<String>,
    pub(crate) after: Option<SkillSyncId>,
    pub(crate) limit: i64,
}

/// Copies in the order of their ids.
pub(crate) async fn list_sync(
    tx: &mut Tx,
    scope: Scope,
    wanted: SyncWanted,
) -> Result<Vec<SkillSync>, DbError> {
    let filter = Filter::new(tx, SELECT_SYNC).always("m.deleted_at IS NULL");
    let rows: Vec<SyncRow> = scope
        .apply(filter, "s.organization_id = ?", "s.mission_id")
        .and_some("s.mission_id = ?", wanted.mission)
        .and_some("s.kluster_id = ?", wanted.kluster)
        .and_some("s.session_id = ?", wanted.session)
        .and_some("s.principal_id = ?", wanted.principal)
        .and_some("s.place = ?", wanted.place)
        .and_some("s.skill_sync_id > ?", wanted.after)
        .finish(tx, "s.skill_sync_id", wanted.limit)
        .fetch_all()
        .await?;
    rows.into_iter().map(SkillSync::try_from).collect()
}

/// What was said of a copy.
pub(crate) struct Said<'a> {
    pub(crate) id: SkillSyncId,
    pub(crate) organization: OrganizationId,
    pub(crate) mission: MissionId,
    pub(crate) kluster: Option<KlusterId>,
    pub(crate) principal: PrincipalId,
    pub(crate) session: Option<SessionId>,
    pub(crate) place: &'a str,
    pub(crate) effective_version: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) drift: &'a Drift,
    pub(crate) at: Timestamp,
}

/// Writes down what was said last of a copy.
pub(crate) async fn put_sync(tx: &mut Tx, said: &Said<'_>) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO skill_sync (skill_sync_id, organization_id, mission_id, kluster_id, principal_id, session_id, place,
             effective_version, sha256, drift, reported_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (principal_id, mission_id, place) DO UPDATE SET kluster_id = excluded.kluster_id,
             session_id = excluded.session_id, effective_version = excluded.effective_version,
             sha256 = excluded.sha256, drift = excluded.drift, reported_at = excluded.reported_at",
    )
    .bind(said.id)
    .bind(said.organization)
    .bind(said.mission)
    .bind(said.kluster)
    .bind(said.principal)
    .bind(said.session)
    .bind(said.place.to_owned())
    .bind(said.effective_version.to_owned())
    .bind(said.sha256.to_owned())
    .bind(text_of(said.drift))
    .bind(said.at)
    .execute()
    .await?;
    Ok(())
}

/// How many copies a principal has in a mission.
pub(crate) async fn count_sync(
    tx: &mut Tx,
    principal: PrincipalId,
    mission: MissionId,
) -> Result<i64, DbError> {
    let (count,): (i64,) = tx
        .query("SELECT COUNT(*) FROM skill_sync WHERE principal_id = $1 AND mission_id = $2")
        .bind(principal)
        .bind(mission)
        .fetch_one()
        .await?;
    Ok(count)
}
