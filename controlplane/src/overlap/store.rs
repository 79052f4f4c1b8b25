//! Suggestions in the database.

use mc_api::Timestamp;
use mc_api::id::{MissionId, OrganizationId, OverlapId, PrincipalId};
use mc_api::overlap::{OverlapAction, OverlapEvidence, OverlapSide, OverlapState, OverlapSuggestion};
use uuid::Uuid;

use crate::db::{DbError, Filter, Query, Sql, Tx, placeholders};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    suggestion_id: OverlapId,
    subject_kind: String,
    subject_id: Uuid,
    subject_key: Option<String>,
    subject_title: String,
    mission_id: MissionId,
    candidate_kind: String,
    candidate_id: Uuid,
    candidate_key: Option<String>,
    candidate_title: String,
    candidate_mission_id: MissionId,
    candidate_done: bool,
    score: i32,
    lexical: i32,
    vector: i32,
    action: OverlapAction,
    evidence: String,
    acknowledged: bool,
    state: OverlapState,
    resolution: Option<OverlapAction>,
    note: Option<String>,
    decided_by: Option<PrincipalId>,
    decided_at: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT suggestion_id, subject_kind, subject_id, subject_key, subject_title, mission_id, candidate_kind,
    candidate_id, candidate_key, candidate_title, candidate_mission_id, candidate_done, score, lexical, vector, action,
    evidence, acknowledged, state, resolution, note, decided_by, decided_at, version, created_at, updated_at
    FROM overlap_suggestion";

/// A share as it is stored: thousandths.
pub(crate) fn thousandths(share: f64) -> i32 {
    // Of a share from 0 to 1, so it fits.
    #[expect(clippy::cast_possible_truncation, reason = "clamped to 0..=1000")]
    let whole = (share.clamp(0.0, 1.0) * 1000.0).round() as i32;
    whole
}

fn share(thousandths: i32) -> f64 {
    f64::from(thousandths) / 1000.0
}

/// The id of an object as it is shown.
pub(crate) fn shown(kind: &str, id: Uuid) -> String {
    match kind {
        "task" => mc_api::id::TaskId::from_uuid(id).to_string(),
        "doc" => mc_api::id::DocId::from_uuid(id).to_string(),
        "artifact" => mc_api::id::ArtifactId::from_uuid(id).to_string(),
        _ => id.simple().to_string(),
    }
}

impl TryFrom<Row> for OverlapSuggestion {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        let evidence: Vec<OverlapEvidence> = serde_json::from_str(&row.evidence).map_err(|error| {
            DbError::Inconsistent { table: "overlap_suggestion", message: error.to_string() }
        })?;
        Ok(Self {
            kind: "overlap".into(),
            id: row.suggestion_id,
            subject: OverlapSide {
                id: shown(&row.subject_kind, row.subject_id),
                kind: row.subject_kind,
                key: row.subject_key,
                title: row.subject_title,
                mission_id: row.mission_id,
                done: false,
            },
            candidate: OverlapSide {
                id: shown(&row.candidate_kind, row.candidate_id),
                kind: row.candidate_kind,
                key: row.candidate_key,
                title: row.candidate_title,
                mission_id: row.candidate_mission_id,
                done: row.candidate_done,
            },
            score: share(row.score),
            lexical: share(row.lexical),
            vector: share(row.vector),
            action: row.action,
            evidence,
            acknowledged: row.acknowledged,
            state: row.state,
            resolution: row.resolution,
            note: row.note,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Which suggestions are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<OverlapId>,
    pub(crate) mission: Option<MissionId>,
    /// One of both sides.
    pub(crate) side: Option<Uuid>,
    pub(crate) state: Option<OverlapState>,
    pub(crate) after: Option<OverlapId>,
    pub(crate) limit: i64,
}

/// Suggestions of which the caller may read both sides.
pub(crate) async fn list(
    tx: &mut Tx,
    scope: Scope,
    wanted: Wanted,
) -> Result<Vec<OverlapSuggestion>, DbError> {
    let filter = Filter::new(tx, SELECT);
    let filter = scope.clone().apply(filter, "organization_id = ?", "mission_id");
    let mut filter = scope
        .apply(filter, "organization_id = ?", "candidate_mission_id")
        .and_some("suggestion_id = ?", wanted.id)
        .and_some("mission_id = ?", wanted.mission)
        .and_some("state = ?", wanted.state)
        .and_some("suggestion_id > ?", wanted.after);
    if let Some(side) = wanted.side {
        filter = filter.and_either("subject_id = ?", side, "candidate_id = ?", side);
    }
    let rows: Vec<Row> = filter.finish(tx, "suggestion_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(OverlapSuggestion::try_from).collect()
}

/// A suggestion as it is stored beside what it shows.
pub(crate) struct Sides {
    pub(crate) subject: Uuid,
    pub(crate) candidate: Uuid,
}

/// Keeps a suggestion. `false` when there is one for these two already, whichever of them came first.
pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    sides: &Sides,
    made: &OverlapSuggestion,
) -> Result<bool, DbError> {
    let query = tx
        .query(
            "INSERT INTO overlap_suggestion (suggestion_id, organization_id, subject_kind, subject_id, subject_key, subject_title,
                 mission_id, candidate_kind, candidate_id, candidate_key, candidate_title, candidate_mission_id, candidate_done,
                 score, lexical, vector, action, evidence, acknowledged, state, version, created_at, updated_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $22
             WHERE NOT EXISTS (SELECT 1 FROM overlap_suggestion WHERE subject_id = $9 AND candidate_id = $4)
             ON CONFLICT (subject_id, candidate_id) DO NOTHING",
        );
    let inserted = bound(query, organization, sides, made)?.execute().await?;
    Ok(inserted == 1)
}

/// Keeps suggestions about an object that was just made, so that none about it exists.
pub(crate) async fn insert_fresh(
    tx: &mut Tx,
    organization: OrganizationId,
    fresh: &[(Sides, OverlapSuggestion)],
) -> Result<(), DbError> {
    const INSERT: &str = "INSERT INTO overlap_suggestion (suggestion_id, organization_id, subject_kind, subject_id, subject_key,
         subject_title, mission_id, candidate_kind, candidate_id, candidate_key, candidate_title, candidate_mission_id,
         candidate_done, score, lexical, vector, action, evidence, acknowledged, state, version, created_at, updated_at) VALUES ";
    if fresh.is_empty() {
        return Ok(());
    }
    let mut query = tx.query(Sql::Built(format!("{INSERT}{}", placeholders(fresh.len(), 23))));
    for (sides, made) in fresh {
        query = bound(query, organization, sides, made)?.bind(made.updated_at);
    }
    query.execute().await?;
    Ok(())
}

/// Gives the values of all columns but the last their places.
fn bound<'t>(
    query: Query<'t>,
    organization: OrganizationId,
    sides: &Sides,
    made: &OverlapSuggestion,
) -> Result<Query<'t>, DbError> {
    let evidence = serde_json::to_string(&made.evidence)
        .map_err(|error| DbError::Inconsistent { table: "overlap_suggestion", message: error.to_string() })?;
    Ok(query
        .bind(made.id)
        .bind(organization)
        .bind(made.subject.kind.clone())
        .bind(sides.subject)
        .bind(made.subject.key.clone())
        .bind(made.subject.title.clone())
        .bind(made.subject.mission_id)
        .bind(made.candidate.kind.clone())
        .bind(sides.candidate)
        .bind(made.candidate.key.clone())
        .bind(made.candidate.title.clone())
        .bind(made.candidate.mission_id)
        .bind(made.candidate.done)
        .bind(thousandths(made.score))
        .bind(thousandths(made.lexical))
        .bind(thousandths(made.vector))
        .bind(made.action)
        .bind(evidence)
        .bind(made.acknowledged)
        .bind(made.state)
        .bind(made.version)
        .bind(made.created_at))
}

/// Locks the open suggestions of an object, in the order of their ids.
pub(crate) async fn lock_open(tx: &mut Tx, own: Uuid) -> Result<(), DbError> {
    const OPEN: &str = "SELECT version FROM overlap_suggestion
         WHERE (subject_id = $1 OR candidate_id = $1) AND state = 'open' ORDER BY suggestion_id";
    let locked: Vec<(i64,)> = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM overlap_suggestion
                 WHERE (subject_id = $1 OR candidate_id = $1) AND state = 'open' ORDER BY suggestion_id FOR UPDATE",
            // The single writer is the lock.
            sqlite: OPEN,
        })
        .bind(own)
        .fetch_all()
        .await?;
    drop(locked);
    Ok(())
}

/// Locks one suggestion.
pub(crate) async fn lock(tx: &mut Tx, id: OverlapId) -> Result<(), DbError> {
    tx.query(Sql::Each {
        postgres: "SELECT version FROM overlap_suggestion WHERE suggestion_id = $1 FOR UPDATE",
        sqlite: "SELECT version FROM overlap_suggestion WHERE suggestion_id = $1",
    })
    .bind(id)
    .fetch_optional::<(i64,)>()
    .await
    .map(|_| ())
}

/// The last of the next so many open suggestions behind one of them; `None`: there are fewer.
pub(crate) async fn window(
    tx: &mut Tx,
    organization: OrganizationId,
    after: OverlapId,
    window: i64,
) -> Result<Option<OverlapId>, DbError> {
    let last: Option<(OverlapId,)> = tx
        .query(
            "SELECT suggestion_id FROM overlap_suggestion WHERE organization_id = $1 AND state = 'open' AND suggestion_id > $2
             ORDER BY suggestion_id LIMIT 1 OFFSET CAST($3 AS BIGINT) - 1",
        )
        .bind(organization)
        .bind(after)
        .bind(window)
        .fetch_optional()
        .await?;
    Ok(last.map(|(id,)| id))
}

/// Open suggestions that do not fit their sides any more: one is gone, ended or reworded, or their vectors are now those
/// of another model (`judging`); oldest first, those behind one suggestion and up to another. Whatever made that so and did
/// not see them, they are found here.
pub(crate) async fn stale(
    tx: &mut Tx,
    organization: OrganizationId,
    judging: Option<i64>,
    (after, up_to): (OverlapId, OverlapId),
) -> Result<Vec<Stale>, DbError> {
    tx.query(
        "SELECT s.suggestion_id AS id, s.subject_id AS subject, s.candidate_id AS candidate FROM overlap_suggestion s
         LEFT JOIN search_document a ON a.subject_id = s.subject_id
         LEFT JOIN search_document b ON b.subject_id = s.candidate_id
         WHERE s.state = 'open' AND s.organization_id = $1 AND s.suggestion_id > $2 AND s.suggestion_id <= $3
           AND (a.document_no IS NULL OR b.document_no IS NULL OR a.done
                OR b.done <> s.candidate_done OR a.title <> s.subject_title OR b.title <> s.candidate_title
                OR (s.judged_by <> $4 AND ($4 = 0 OR (a.embedded_by = $4 AND b.embedded_by = $4))))
         ORDER BY s.suggestion_id",
    )
    .bind(organization)
    .bind(after)
    .bind(up_to)
    .bind(judging.unwrap_or(i64::MIN))
    .fetch_all()
    .await
}

/// Notes whose vectors a suggestion is judged with: those of the model when both sides have one, else the built-in ones.
pub(crate) async fn judged(tx: &mut Tx, id: OverlapId, model: i64) -> Result<(), DbError> {
    tx.query(
        "UPDATE overlap_suggestion SET judged_by = CASE WHEN 2 = (SELECT COUNT(*) FROM search_document d
             WHERE d.subject_id IN (overlap_suggestion.subject_id, overlap_suggestion.candidate_id) AND d.embedded_by = $2)
             THEN $2 ELSE 0 END
         WHERE suggestion_id = $1",
    )
    .bind(id)
    .bind(model)
    .execute()
    .await?;
    Ok(())
}

/// A suggestion that does not fit its sides.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Stale {
    pub(crate) id: OverlapId,
    pub(crate) subject: Uuid,
    pub(crate) candidate: Uuid,
}

/// The suggestion about two objects, whichever came first.
pub(crate) async fn pair(
    tx: &mut Tx,
    organization: OrganizationId,
    sides: &Sides,
) -> Result<Option<OverlapId>, DbError> {
    let row: Option<(OverlapId,)> = tx
        .query(
            "SELECT suggestion_id FROM overlap_suggestion WHERE organization_id = $1
                 AND ((subject_id = $2 AND candidate_id = $3) OR (subject_id = $3 AND candidate_id = $2))",
        )
        .bind(organization)
        .bind(sides.subject)
        .bind(sides.candidate)
        .fetch_optional()
        .await?;
    Ok(row.map(|(id,)| id))
}

/// The suggestion about two objects, whichever came first, when it has expired.
pub(crate) async fn expired_pair(
    tx: &mut Tx,
    organization: OrganizationId,
    sides: &Sides,
) -> Result<Option<OverlapSuggestion>, DbError> {
    let filter = Filter::new(tx, SELECT)
        .and("organization_id = ?", organization)
        .always("state = 'expired'")
        .and_either("subject_id = ?", sides.subject, "candidate_id = ?", sides.subject)
        .and_either("subject_id = ?", sides.candidate, "candidate_id = ?", sides.candidate);
    let row: Option<Row> = filter.finish(tx, "suggestion_id", 1).fetch_optional().await?;
    row.map(OverlapSuggestion::try_from).transpose()
}

/// Writes the changeable part when the version is still the one before. `false` when it is not.
pub(crate) async fn replace(
    tx: &mut Tx,
    before: &OverlapSuggestion,
    after: &OverlapSuggestion,
) -> Result<bool, DbError> {
    let evidence = serde_json::to_string(&after.evidence)
        .map_err(|error| DbError::Inconsistent { table: "overlap_suggestion", message: error.to_string() })?;
    let changed = tx
        .query(
            "UPDATE overlap_suggestion SET subject_title = $3, candidate_title = $4, candidate_done = $5, score = $6, lexical = $7,
                 vector = $8, action = $9, evidence = $10, acknowledged = $11, state = $12, resolution = $13, note = $14,
                 decided_by = $15, decided_at = $16, version = $17, updated_at = $18
             WHERE suggestion_id = $1 AND version = $2",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(after.subject.title.clone())
        .bind(after.candidate.title.clone())
        .bind(after.candidate.done)
        .bind(thousandths(after.score))
        .bind(thousandths(after.lexical))
        .bind(thousandths(after.vector))
        .bind(after.action)
        .bind(evidence)
        .bind(after.acknowledged)
        .bind(after.state)
        .bind(after.resolution)
        .bind(after.note.clone())
        .bind(after.decided_by)
        .bind(after.decided_at)
        .bind(after.version)
        .bind(after.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}
