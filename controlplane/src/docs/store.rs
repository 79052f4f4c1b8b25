//! Docs and their versions in the database.

use mc_api::doc::{Doc, DocState, DocVersion};
use mc_api::doctor::ContentName;
use mc_api::id::{DocId, KlusterId, MissionId, OrganizationId, PrincipalId};
use mc_api::{Name, Timestamp};

use crate::db::{self, DbError, Filter, Sql, Tx};
use crate::doctor::NamedContent;
use crate::missions::store::{labels, text_of};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    doc_id: DocId,
    mission_id: MissionId,
    mission: Name,
    kluster_id: Option<KlusterId>,
    kluster: Option<Name>,
    name: Name,
    title: String,
    media_type: String,
    keystone: bool,
    state: DocState,
    latest_version: i64,
    published_version: Option<i64>,
    sha256: String,
    size_bytes: i64,
    labels: String,
    annotations: String,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT d.doc_id, d.mission_id, m.name AS mission, d.kluster_id, k.name AS kluster, d.name, d.title,
    d.media_type, d.keystone, d.state, d.latest_version, d.published_version, v.sha256, v.size_bytes, d.labels,
    d.annotations, d.version, d.created_by, d.created_at, d.updated_at
    FROM doc d JOIN mission m ON m.mission_id = d.mission_id LEFT JOIN kluster k ON k.kluster_id = d.kluster_id
    JOIN doc_version v ON v.doc_id = d.doc_id AND v.number = d.latest_version";

impl TryFrom<Row> for Doc {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            kind: "doc".into(),
            id: row.doc_id,
            name: row.name,
            title: row.title,
            mission_id: row.mission_id,
            mission: row.mission,
            kluster_id: row.kluster_id,
            kluster: row.kluster,
            media_type: row.media_type,
            keystone: row.keystone,
            state: row.state,
            latest_version: row.latest_version,
            published_version: row.published_version,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            labels: labels("doc", &row.labels)?,
            annotations: labels("doc", &row.annotations)?,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Which docs.
#[derive(Default, Clone)]
pub(crate) struct Wanted {
    pub(crate) id: Option<DocId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) kluster: Option<KlusterId>,
    /// Only those directly in a mission.
    pub(crate) direct: bool,
    pub(crate) name: Option<String>,
    pub(crate) state: Option<DocState>,
    pub(crate) labels: Vec<(String, Option<String>)>,
    pub(crate) after: Option<DocId>,
    pub(crate) limit: i64,
}

/// Living docs in the order of their ids.
pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Doc>, DbError> {
    let filter = Filter::new(tx, SELECT).always("d.deleted_at IS NULL");
    let mut filter = scope
        .apply(filter, "d.organization_id = ?", "d.mission_id")
        .and_some("d.doc_id = ?", wanted.id)
        .and_some("d.mission_id = ?", wanted.mission)
        .and_some("d.kluster_id = ?", wanted.kluster)
        .and_some("d.name = ?", wanted.name)
        .and_some("d.state = ?", wanted.state)
        .and_some("d.doc_id > ?", wanted.after)
        .labels("d.labels", wanted.labels);
    if wanted.direct {
        filter = filter.always("d.kluster_id IS NULL");
    }
    let rows: Vec<Row> = filter.finish(tx, "d.doc_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(Doc::try_from).collect()
}

/// Docs that the index lacks or has in another version, oldest first.
pub(crate) async fn not_indexed(
    tx: &mut Tx,
    organization: OrganizationId,
    version: i32,
    limit: i64,
) -> Result<Vec<(DocId,)>, DbError> {
    tx.query(
        "SELECT c.doc_id FROM doc c LEFT JOIN search_document d ON d.subject_id = c.doc_id
         WHERE c.organization_id = $1 AND c.deleted_at IS NULL AND (d.document_no IS NULL OR d.index_version <> $2)
         ORDER BY c.doc_id LIMIT $3",
    )
    .bind(organization)
    .bind(version)
    .bind(limit)
    .fetch_all()
    .await
}

/// Locks a living doc's row; whether there is one.
pub(crate) async fn lock(tx: &mut Tx, doc: DocId) -> Result<bool, DbError> {
    let locked = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM doc WHERE doc_id = $1 AND deleted_at IS NULL FOR UPDATE",
            // The single writer is the lock.
            sqlite: "SELECT version FROM doc WHERE doc_id = $1 AND deleted_at IS NULL",
        })
        .bind(doc)
        .fetch_optional::<(i64,)>()
        .await?;
    Ok(locked.is_some())
}

pub(crate) async fn insert(tx: &mut Tx, organization: OrganizationId, doc: &Doc) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO doc (doc_id, organization_id, mission_id, kluster_id, name, title, media_type, keystone, state,
             latest_version, published_version, labels, annotations, version, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(doc.id)
    .bind(organization)
    .bind(doc.mission_id)
    .bind(doc.kluster_id)
    .bind(doc.name.clone())
    .bind(doc.title.clone())
    .bind(doc.media_type.clone())
    .bind(doc.keystone)
    .bind(doc.state)
    .bind(doc.latest_version)
    .bind(doc.published_version)
    .bind(text_of(&doc.labels))
    .bind(text_of(&doc.annotations))
    .bind(doc.version)
    .bind(doc.created_by)
    .bind(doc.created_at)
    .bind(doc.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Saves a changed doc; whether its version was still the one read.
pub(crate) async fn replace(tx: &mut Tx, before: &Doc, after: &Doc) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE doc SET title = $3, media_type = $4, state = $5, latest_version = $6, published_version = $7,
                 labels = $8, annotations = $9, version = $10, updated_at = $11
             WHERE doc_id = $1 AND version = $2 AND deleted_at IS NULL",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(after.title.clone())
        .bind(after.media_type.clone())
        .bind(after.state)
        .bind(after.latest_version)
        .bind(after.published_version)
        .bind(text_of(&after.labels))
        .bind(text_of(&after.annotations))
        .bind(after.version)
        .bind(after.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

pub(crate) async fn delete(tx: &mut Tx, doc: &Doc, now: Timestamp) -> Result<bool, DbError> {
    db::bury(tx, "doc", (doc.id.as_uuid(), doc.version), now).await
}

#[derive(sqlx_macros::FromRow)]
struct VersionRow {
    doc_id: DocId,
    number: i64,
    sha256: String,
    size_bytes: i64,
    note: String,
    author_id: PrincipalId,
    created_at: Timestamp,
}

impl From<VersionRow> for DocVersion {
    fn from(row: VersionRow) -> Self {
        Self {
            doc_id: row.doc_id,
            number: row.number,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            note: row.note,
            author: row.author_id,
            created_at: row.created_at,
        }
    }
}

pub(crate) async fn insert_version(
    tx: &mut Tx,
    mission: MissionId,
    version: &DocVersion,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO doc_version (doc_id, number, mission_id, sha256, size_bytes, note, author_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(version.doc_id)
    .bind(version.number)
    .bind(mission)
    .bind(version.sha256.clone())
    .bind(version.size_bytes)
    .bind(version.note.clone())
    .bind(version.author)
    .bind(version.created_at)
    .execute()
    .await?;
    Ok(())
}

const SELECT_VERSION: &str =
    "SELECT doc_id, number, sha256, size_bytes, note, author_id, created_at FROM doc_version";

/// Versions after a number, ascending.
pub(crate) async fn versions(
    tx: &mut Tx,
    doc: DocId,
    after: i64,
    limit: i64,
) -> Result<Vec<DocVersion>, DbError> {
    let filter = Filter::new(tx, SELECT_VERSION).and("doc_id = ?", doc).and("number > ?", after);
    let rows: Vec<VersionRow> = filter.finish(tx, "number", limit).fetch_all().await?;
    Ok(rows.into_iter().map(DocVersion::from).collect())
}

pub(crate) async fn find_version(
    tx: &mut Tx,
    doc: DocId,
    number: i64,
) -> Result<Option<DocVersion>, DbError> {
    let filter = Filter::new(tx, SELECT_VERSION).and("doc_id = ?", doc).and("number = ?", number);
    let row: Option<VersionRow> = filter.finish(tx, "number", 1).fetch_optional().await?;
    Ok(row.map(DocVersion::from))
}

/// Whether a version of a living doc has this text.
pub(crate) async fn names_content(tx: &mut Tx, mission: MissionId, sha256: String) -> Result<bool, DbError> {
    let (found,): (bool,) = tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM doc_version v JOIN doc d ON d.doc_id = v.doc_id
                 WHERE v.mission_id = $1 AND v.sha256 = $2 AND d.deleted_at IS NULL)",
        )
        .bind(mission)
        .bind(sha256)
        .fetch_one()
        .await?;
    Ok(found)
}

/// What versions of living docs name after a place, in the order of keys: where, and the least and the most bytes.
pub(crate) async fn named(
    tx: &mut Tx,
    (mission, sha256): (MissionId, String),
    limit: i64,
) -> Result<Vec<NamedContent>, DbError> {
    tx.query(
        "SELECT v.mission_id, v.sha256, MIN(v.size_bytes), MAX(v.size_bytes)
         FROM doc_version v JOIN doc d ON d.doc_id = v.doc_id
         WHERE (v.mission_id, v.sha256) > ($1, $2) AND d.deleted_at IS NULL
         GROUP BY v.mission_id, v.sha256 ORDER BY v.mission_id, v.sha256 LIMIT $3",
    )
    .bind(mission)
    .bind(sha256)
    .bind(limit)
    .fetch_all()
    .await
}

/// Which versions of living docs have this text, oldest first.
pub(crate) async fn names_of(
    tx: &mut Tx,
    mission: MissionId,
    sha256: String,
    limit: i64,
) -> Result<Vec<ContentName>, DbError> {
    let rows: Vec<(DocId, String, i64)> = tx
        .query(
            "SELECT d.doc_id, d.name, v.number FROM doc_version v JOIN doc d ON d.doc_id = v.doc_id
             WHERE v.mission_id = $1 AND v.sha256 = $2 AND d.deleted_at IS NULL
             ORDER BY d.doc_id, v.number LIMIT $3",
        )
        .bind(mission)
        .bind(sha256)
        .bind(limit)
        .fetch_all()
        .await?;
    let of = |(id, name, number): (DocId, String, i64)| ContentName {
        kind: "doc".into(),
        id: id.to_string(),
        name: format!("{name} version {number}"),
    };
    Ok(rows.into_iter().map(of).collect())
}

/// Whether a living doc is in the kluster, or (without one) directly in the mission.
pub(crate) async fn has_docs(
    tx: &mut Tx,
    mission: MissionId,
    kluster: Option<KlusterId>,
) -> Result<bool, DbError> {
    let filter = Filter::new(tx, "SELECT d.version FROM doc d")
        .always("d.deleted_at IS NULL")
        .and("d.mission_id = ?", mission);
    let filter = match kluster {
        Some(kluster) => filter.and("d.kluster_id = ?", kluster),
        None => filter.always("d.kluster_id IS NULL"),
    };
    Ok(filter.finish(tx, "d.doc_id", 1).fetch_optional::<(i64,)>().await?.is_some())
}
