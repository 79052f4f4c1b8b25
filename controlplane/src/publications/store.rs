//! Publications in the database.

use std::collections::HashMap;

use mc_api::id::{
    ApprovalId, ArtifactId, BatchId, BindingId, ConnectionId, MissionId, OrganizationId, PrincipalId,
};
use mc_api::persistence::{EntityKind, ItemOperation, PublicationItem, PublishFormat};
use mc_api::publication::{Publication, PublicationState};
use mc_api::{Name, Timestamp};

use super::model::Record;
use super::snapshot::RestoredFrom;
use crate::db::{DbError, Filter, Sql, Tx};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
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
    binding_id: Option<BindingId>,
    binding: Option<Name>,
    failures: i64,
    last_error: Option<String>,
    next_attempt_at: Option<Timestamp>,
    request_id: String,
    task_numbers_below: i64,
    replaces_id: Option<BatchId>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT p.publication_id, p.organization_id, p.mission_id, m.name AS mission, p.state, p.message, p.approval_id,
    p.ledger_from, p.ledger_to, p.commit_id, p.requester_id, p.queued_at, p.binding_id, b.name AS binding,
    p.failures, p.last_error, p.next_attempt_at, p.request_id, p.task_numbers_below, p.replaces_id, p.version, p.created_at, p.updated_at
    FROM publication p JOIN mission m ON m.mission_id = p.mission_id LEFT JOIN git_binding b ON b.binding_id = p.binding_id";

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
    let mut items = items(tx, rows.iter().map(|row| row.publication_id).collect()).await?;
    let records = rows.into_iter().map(|row| Record {
        organization: row.organization_id,
        is_begun: row.ledger_from.is_some(),
        range: row.ledger_from.zip(row.ledger_to),
        queued_at: row.queued_at,
        request_id: row.request_id,
        publication: Publication {
            kind: "publication".into(),
            id: row.publication_id,
            state: row.state,
            mission_id: row.mission_id,
            mission: row.mission,
            message: row.message,
            artifacts: artifacts.remove(&row.publication_id).unwrap_or_default(),
            items: items.remove(&row.publication_id).unwrap_or_default(),
            binding_id: row.binding_id,
            binding: row.binding,
            approval_id: row.approval_id,
            commit: row.commit_id,
            failures: row.failures,
            last_error: row.last_error,
            next_attempt_at: row.next_attempt_at,
            task_numbers_below: row.task_numbers_below,
            replaces: row.replaces_id,
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

/// One publication, whoever asks: for the executor.
pub(crate) async fn find(tx: &mut Tx, id: BatchId) -> Result<Record, DbError> {
    let rows: Vec<Row> = Filter::new(tx, SELECT)
        .and("p.publication_id = ?", id)
        .finish(tx, "p.publication_id", 1)
        .fetch_all()
        .await?;
    let vanished = || DbError::Inconsistent { table: "publication", message: format!("{id} vanished") };
    whole(tx, rows).await?.pop().ok_or_else(vanished)
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

/// A place that publications go to: a binding, or the installation's own Git ledger.
pub(crate) type Target = Option<BindingId>;

fn of_target(filter: Filter, target: Target) -> Filter {
    match target {
        Some(binding) => filter.and("p.binding_id = ?", binding),
        None => filter.always("p.binding_id IS NULL"),
    }
}

/// The targets that something waits for, and may be tried now.
pub(crate) async fn due_targets(tx: &mut Tx, now: Timestamp) -> Result<Vec<Target>, DbError> {
    let rows: Vec<(Option<BindingId>,)> = tx
        .query(
            "SELECT DISTINCT binding_id FROM publication
             WHERE state = 'queued' AND (next_attempt_at IS NULL OR next_attempt_at <= $1)",
        )
        .bind(now)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(target,)| target).collect())
}

/// The publication that is committed next to a target; one that waits to be tried again does not hold up the others.
pub(crate) async fn next_queued(
    tx: &mut Tx,
    target: Target,
    now: Timestamp,
) -> Result<Option<Record>, DbError> {
    let filter = of_target(Filter::new(tx, SELECT).always("p.state = 'queued'"), target)
        .and("(p.next_attempt_at IS NULL OR p.ledger_from IS NOT NULL OR p.next_attempt_at <= ?)", now);
    // One that was begun may be in Git already, and goes first, whatever the clock says.
    let order = "CASE WHEN p.ledger_from IS NULL THEN 1 ELSE 0 END, p.queued_at, p.publication_id";
    let rows: Vec<Row> = filter.finish(tx, order, 1).fetch_all().await?;
    Ok(whole(tx, rows).await?.pop())
}

/// Publications that ended while nobody knew whether their last push had arrived.
pub(crate) async fn uncertain(tx: &mut Tx, target: Target) -> Result<Vec<Record>, DbError> {
    let filter = Filter::new(tx, SELECT)
        .always("p.state IN ('failed', 'withdrawn')")
        .always("p.ledger_from IS NOT NULL");
    let rows: Vec<Row> = of_target(filter, target).finish(tx, "p.publication_id", 256).fetch_all().await?;
    whole(tx, rows).await
}

/// Everything that waits for a target waits at least until then: it is the target that cannot be written now.
pub(crate) async fn hold(tx: &mut Tx, target: Target, until: Timestamp) -> Result<(), DbError> {
    let held = match target {
        Some(binding) => tx
            .query(
                "UPDATE publication SET next_attempt_at = $1 WHERE state = 'queued' AND binding_id = $2
                     AND (next_attempt_at IS NULL OR next_attempt_at < $1)",
            )
            .bind(until)
            .bind(binding),
        None => tx
            .query(
                "UPDATE publication SET next_attempt_at = $1 WHERE state = 'queued' AND binding_id IS NULL
                     AND (next_attempt_at IS NULL OR next_attempt_at < $1)",
            )
            .bind(until),
    };
    held.execute().await.map(drop)
}

/// The place of the newest statement of a publication in the chain; `None`: it is not sealed yet.
pub(crate) async fn statement_seq(tx: &mut Tx, id: BatchId) -> Result<Option<i64>, DbError> {
    let row: Option<(Option<i64>,)> = tx
        .query(
            "SELECT seq FROM ledger_event WHERE subject_id = $1 AND action = 'publication.commit'
             ORDER BY ordinal DESC LIMIT 1",
        )
        .bind(id.to_string())
        .fetch_optional()
        .await?;
    Ok(row.and_then(|(seq,)| seq))
}

/// The end of the last range that was fixed, and the last commit.
pub(crate) async fn last_published(tx: &mut Tx, target: Target) -> Result<(i64, Option<String>), DbError> {
    let filter = Filter::new(tx, "SELECT p.ledger_to, p.commit_id FROM publication p");
    let filter = of_target(filter.always("p.state = 'published'"), target);
    let last: Option<(i64, Option<String>)> =
        filter.finish(tx, "p.ledger_to DESC", 1).fetch_optional().await?;
    Ok(last.unwrap_or((0, None)))
}

/// Takes or renews the lease of a target, by the time of the database. `false`: somebody else has it.
///
/// On SQLite there is one process: a lease that is there is that of one that was killed.
pub(crate) async fn lease(
    tx: &mut Tx,
    target: Target,
    holder: uuid::Uuid,
    length: std::time::Duration,
) -> Result<bool, DbError> {
    let taken = tx
        .query(Sql::Each {
            postgres: "INSERT INTO publication_lease (target, holder, until)
                 VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $3)
                 ON CONFLICT (target) DO UPDATE SET holder = excluded.holder, until = excluded.until
                 WHERE publication_lease.holder = excluded.holder
                     OR publication_lease.until <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
            sqlite: "INSERT INTO publication_lease (target, holder, until) VALUES ($1, $2, $3)
                 ON CONFLICT (target) DO UPDATE SET holder = excluded.holder, until = excluded.until",
        })
        .bind(name_of(target))
        .bind(holder)
        .bind(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
        .execute()
        .await?;
    Ok(taken == 1)
}

/// Gives a lease back.
pub(crate) async fn release(tx: &mut Tx, target: Target, holder: uuid::Uuid) -> Result<(), DbError> {
    tx.query("DELETE FROM publication_lease WHERE target = $1 AND holder = $2")
        .bind(name_of(target))
        .bind(holder)
        .execute()
        .await
        .map(drop)
}

fn name_of(target: Target) -> String {
    target.map_or_else(|| "ledger".to_owned(), |binding| binding.to_string())
}

/// Publications that wait for a connection are tried at once.
pub(crate) async fn retry_now(tx: &mut Tx, connection: ConnectionId) -> Result<u64, DbError> {
    tx.query(
        "UPDATE publication SET next_attempt_at = NULL WHERE state = 'queued' AND next_attempt_at IS NOT NULL
             AND binding_id IN (SELECT binding_id FROM git_binding WHERE connection_id = $1)",
    )
    .bind(connection)
    .execute()
    .await
}

#[derive(sqlx_macros::FromRow)]
struct ItemRow {
    publication_id: BatchId,
    entity_kind: EntityKind,
    entity_id: String,
    entity_version: i64,
    path: String,
    format: PublishFormat,
    sha256: String,
    operation: ItemOperation,
}

impl ItemRow {
    fn item(self) -> (BatchId, PublicationItem) {
        let item = PublicationItem {
            entity_type: self.entity_kind,
            entity_id: self.entity_id,
            entity_version: self.entity_version,
            path: self.path,
            format: self.format,
            sha256: self.sha256,
            operation: self.operation,
        };
        (self.publication_id, item)
    }
}

async fn items(tx: &mut Tx, ids: Vec<BatchId>) -> Result<HashMap<BatchId, Vec<PublicationItem>>, DbError> {
    let rows: Vec<ItemRow> = Filter::new(
        tx,
        "SELECT publication_id, entity_kind, entity_id, entity_version, path, format, sha256, operation
         FROM publication_item",
    )
    .one_of("publication_id", ids)
    .finish(tx, "publication_id, position", i64::MAX)
    .fetch_all()
    .await?;
    let mut items: HashMap<BatchId, Vec<PublicationItem>> = HashMap::new();
    for (publication, item) in rows.into_iter().map(ItemRow::item) {
        items.entry(publication).or_default().push(item);
    }
    Ok(items)
}

/// What is stored of each item, in their order: state and text.
pub(crate) async fn contents(tx: &mut Tx, id: BatchId) -> Result<Vec<(String, Option<String>)>, DbError> {
    tx.query("SELECT meta, content FROM publication_item WHERE publication_id = $1 ORDER BY position")
        .bind(id)
        .fetch_all()
        .await
}

/// An item with what is written of it.
pub(crate) struct NewItem {
    pub(crate) item: PublicationItem,
    pub(crate) meta: String,
    pub(crate) content: Option<String>,
}

/// Writes the items of a new publication.
pub(crate) async fn insert_items(tx: &mut Tx, id: BatchId, items: &[NewItem]) -> Result<(), DbError> {
    for (position, new) in (0_i64..).zip(items) {
        tx.query(
            "INSERT INTO publication_item (publication_id, position, entity_kind, entity_id, entity_version,
                 ledger_ordinal, path, format, sha256, meta, content, operation)
             VALUES ($1, $2, $3, $4, $5,
                 (SELECT COALESCE(MAX(ordinal), 0) FROM ledger_event WHERE subject_id = $6), $7, $8, $9, $10, $11, $12)",
        )
        .bind(id)
        .bind(position)
        .bind(new.item.entity_type)
        .bind(new.item.entity_id.clone())
        .bind(new.item.entity_version)
        .bind(new.item.entity_id.clone())
        .bind(new.item.path.clone())
        .bind(new.item.format)
        .bind(new.item.sha256.clone())
        .bind(new.meta.clone())
        .bind(new.content.clone())
        .bind(new.item.operation)
        .execute()
        .await?;
    }
    Ok(())
}

/// The texts are in Git; here they are needed no more.
pub(crate) async fn forget_contents(tx: &mut Tx, id: BatchId) -> Result<(), DbError> {
    tx.query("UPDATE publication_item SET content = NULL WHERE publication_id = $1 AND content IS NOT NULL")
        .bind(id)
        .execute()
        .await
        .map(drop)
}

/// The digest of the state that was published, or (with `asked`) asked for, last at a target.
pub(crate) async fn last_state(
    tx: &mut Tx,
    entity: &str,
    target: Target,
    asked: bool,
) -> Result<Option<String>, DbError> {
    let filter = Filter::new(
        tx,
        "SELECT i.sha256, i.operation FROM publication_item i
         JOIN publication p ON p.publication_id = i.publication_id",
    )
    .and("i.entity_id = ?", entity.to_owned());
    let filter = filter.always(if asked {
        "p.state NOT IN ('rejected', 'withdrawn')"
    } else {
        "p.state = 'published'"
    });
    let order = "p.publication_id DESC";
    let last: Option<(String, ItemOperation)> =
        of_target(filter, target).finish(tx, order, 1).fetch_optional().await?;
    Ok(last.and_then(|(digest, operation)| (operation == ItemOperation::Write).then_some(digest)))
}

/// An entity that changed, and may wait for a target.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct Candidate {
    pub(crate) subject_kind: EntityKind,
    pub(crate) subject_id: String,
    pub(crate) events: i64,
    pub(crate) last_seq: i64,
    pub(crate) is_gone: bool,
}

/// What may wait in a mission, oldest change first, after a place in this order: what changed since it was last asked for,
/// everything that was last asked for before the routes were changed, and what is gone but stands in Git.
pub(crate) async fn candidates(
    tx: &mut Tx,
    mission: MissionId,
    routes_since: Timestamp,
    after: (i64, String),
    limit: i64,
) -> Result<Vec<Candidate>, DbError> {
    tx.query(
        "SELECT subject_kind, subject_id, events, last_seq, is_gone FROM (
             SELECT e.subject_kind, e.subject_id, COUNT(*) AS events, MAX(e.seq) AS last_seq,
                 EXISTS (SELECT 1 FROM ledger_event d
                     WHERE d.subject_id = e.subject_id AND d.action = e.subject_kind || '.delete') AS is_gone,
                 EXISTS (SELECT 1 FROM publication_item i JOIN publication p ON p.publication_id = i.publication_id
                     WHERE i.entity_id = e.subject_id AND p.state = 'published' AND i.operation = 'write')
                 OR EXISTS (SELECT 1 FROM restored_file r
                     WHERE r.organization_id = e.organization_id AND r.entity_id = e.subject_id) AS is_in_git
             FROM ledger_event e
             WHERE e.mission_id = $1 AND e.seq IS NOT NULL
                 AND e.subject_kind IN ('mission', 'kluster', 'task', 'doc', 'artifact')
                 AND e.ordinal > COALESCE((SELECT MAX(i.ledger_ordinal) FROM publication_item i
                     JOIN publication p ON p.publication_id = i.publication_id
                     WHERE i.entity_id = e.subject_id AND p.state NOT IN ('rejected', 'withdrawn')
                         AND p.created_at >= $2), 0)
             GROUP BY e.subject_kind, e.subject_id, e.organization_id) c
         WHERE (last_seq > $3 OR (last_seq = $3 AND subject_id > $4)) AND (NOT is_gone OR is_in_git)
         ORDER BY last_seq, subject_id LIMIT $5",
    )
    .bind(mission)
    .bind(routes_since)
    .bind(after.0)
    .bind(after.1)
    .bind(limit)
    .fetch_all()
    .await
}

/// A file that stands in Git, with the state in it.
#[derive(Debug, Clone, PartialEq, sqlx_macros::FromRow)]
pub(crate) struct Standing {
    pub(crate) binding_id: Option<BindingId>,
    pub(crate) entity_kind: EntityKind,
    pub(crate) entity_version: i64,
    pub(crate) path: String,
    pub(crate) format: PublishFormat,
    pub(crate) sha256: String,
    pub(crate) meta: String,
    pub(crate) operation: ItemOperation,
    pub(crate) state: PublicationState,
}

/// What was asked for an entity that is not rejected or withdrawn, newest first.
pub(crate) async fn asked(tx: &mut Tx, entity: &str) -> Result<Vec<Standing>, DbError> {
    tx.query(
        "SELECT p.binding_id, i.entity_kind, i.entity_version, i.path, i.format, i.sha256, i.meta, i.operation, p.state
         FROM publication_item i JOIN publication p ON p.publication_id = i.publication_id
         WHERE i.entity_id = $1 AND p.state NOT IN ('rejected', 'withdrawn') ORDER BY p.publication_id DESC",
    )
    .bind(entity.to_owned())
    .fetch_all()
    .await
}

/// Where an entity stood in the repository that this installation was rebuilt from: kind, path, digest and state.
pub(crate) async fn restored(
    tx: &mut Tx,
    mission: MissionId,
    entity: &str,
) -> Result<Vec<(EntityKind, String, String, String)>, DbError> {
    tx.query(
        "SELECT r.entity_kind, r.path, r.sha256, r.meta FROM restored_file r
         JOIN mission m ON m.organization_id = r.organization_id
         WHERE m.mission_id = $1 AND r.entity_id = $2 ORDER BY r.path",
    )
    .bind(mission)
    .bind(entity.to_owned())
    .fetch_all()
    .await
}

/// How many publications of a mission are in each state, by target; only those that have not ended.
pub(crate) async fn open_by_target(
    tx: &mut Tx,
    mission: MissionId,
) -> Result<Vec<(Option<BindingId>, PublicationState, i64)>, DbError> {
    tx.query(
        "SELECT binding_id, state, COUNT(*) FROM publication
         WHERE mission_id = $1 AND state IN ('awaiting_approval', 'queued', 'failed') GROUP BY binding_id, state",
    )
    .bind(mission)
    .fetch_all()
    .await
}

/// How many publications of a mission are in each state; of the queued also how many failed.
pub(crate) async fn counts(
    tx: &mut Tx,
    mission: MissionId,
) -> Result<Vec<(PublicationState, i64, i64)>, DbError> {
    tx.query(
        "SELECT state, COUNT(*), COUNT(CASE WHEN failures > 0 THEN 1 END) FROM publication
         WHERE mission_id = $1 GROUP BY state",
    )
    .bind(mission)
    .fetch_all()
    .await
}

/// The newest publications of a mission, newest first.
pub(crate) async fn newest(tx: &mut Tx, mission: MissionId, limit: i64) -> Result<Vec<Record>, DbError> {
    let filter = Filter::new(tx, SELECT).and("p.mission_id = ?", mission);
    let rows: Vec<Row> = filter.finish(tx, "p.publication_id DESC", limit).fetch_all().await?;
    whole(tx, rows).await
}

/// What this installation was rebuilt from.
pub(crate) async fn origin(tx: &mut Tx) -> Result<Option<RestoredFrom>, DbError> {
    tx.query("SELECT commit_id, seq, hash FROM ledger_origin WHERE ledger_origin_id = 1")
        .fetch_optional()
        .await
}

pub(crate) async fn insert(tx: &mut Tx, record: &Record) -> Result<(), DbError> {
    let publication = &record.publication;
    tx.query(
        "INSERT INTO publication (publication_id, organization_id, mission_id, state, message, approval_id, requester_id,
             version, created_at, updated_at, binding_id, request_id, task_numbers_below, replaces_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
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
    .bind(publication.binding_id)
    .bind(record.request_id.clone())
    .bind(publication.task_numbers_below)
    .bind(publication.replaces)
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
                 version = $9, updated_at = $10, failures = $11, last_error = $12, next_attempt_at = $13
             WHERE publication_id = $1 AND version = $2 AND state = $3",
        )
        .bind(old.id)
        .bind(old.version)
        .bind(old.state)
        .bind(new.state)
        .bind(after.range.map(|(from, _)| from).or(after.is_begun.then_some(0)))
        .bind(after.range.map(|(_, to)| to))
        .bind(new.commit.clone())
        .bind(after.queued_at)
        .bind(new.version)
        .bind(new.updated_at)
        .bind(new.failures)
        .bind(new.last_error.clone())
        .bind(new.next_attempt_at)
        .execute()
        .await?;
    Ok(changed == 1)
}
