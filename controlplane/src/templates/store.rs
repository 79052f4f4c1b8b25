//! Templates in the database.

use mc_api::id::{MissionId, OrganizationId, PrincipalId, TemplateId};
use mc_api::template::{TaskTemplate, TemplateBody};
use mc_api::{Name, Timestamp};

use crate::db::{self, DbError, Filter, Sql, Tx};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    task_template_id: TemplateId,
    name: Name,
    mission_id: MissionId,
    mission: Name,
    latest_version: i64,
    number: i64,
    body: String,
    author_id: PrincipalId,
    version: i64,
    created_by: PrincipalId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT t.task_template_id, t.name, t.mission_id, m.name AS mission, t.latest_version, v.number,
    v.body, v.author_id, t.version, t.created_by, t.created_at, t.updated_at
    FROM task_template t JOIN mission m ON m.mission_id = t.mission_id
    JOIN task_template_version v ON v.task_template_id = t.task_template_id";

impl TryFrom<Row> for TaskTemplate {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        let body: TemplateBody = serde_json::from_str(&row.body).map_err(|error| DbError::Inconsistent {
            table: "task_template_version",
            message: error.to_string(),
        })?;
        Ok(Self {
            kind: "template".into(),
            id: row.task_template_id,
            name: row.name,
            mission_id: row.mission_id,
            mission: row.mission,
            latest_version: row.latest_version,
            number: row.number,
            description: body.description,
            parameters: body.parameters,
            task: body.task,
            author_id: row.author_id,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Which templates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<TemplateId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) name: Option<String>,
    /// Of this version instead of the newest.
    pub(crate) number: Option<i64>,
    pub(crate) after: Option<TemplateId>,
    pub(crate) limit: i64,
}

/// Living templates in the order of their ids.
pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<TaskTemplate>, DbError> {
    let filter = Filter::new(tx, SELECT).always("t.deleted_at IS NULL AND m.deleted_at IS NULL");
    let filter = scope
        .apply(filter, "t.organization_id = ?", "t.mission_id")
        .and_some("t.task_template_id = ?", wanted.id)
        .and_some("t.mission_id = ?", wanted.mission)
        .and_some("t.name = ?", wanted.name)
        .and_some("t.task_template_id > ?", wanted.after);
    let filter = match wanted.number {
        Some(number) => filter.and("v.number = ?", number),
        None => filter.always("v.number = t.latest_version"),
    };
    let rows: Vec<Row> = filter.finish(tx, "t.task_template_id", wanted.limit).fetch_all().await?;
    rows.into_iter().map(TaskTemplate::try_from).collect()
}

/// Versions of one template after a number, ascending.
pub(crate) async fn versions(
    tx: &mut Tx,
    id: TemplateId,
    after: i64,
    limit: i64,
) -> Result<Vec<TaskTemplate>, DbError> {
    let rows: Vec<Row> = Filter::new(tx, SELECT)
        .and("t.task_template_id = ?", id)
        .and("v.number > ?", after)
        .finish(tx, "v.number", limit)
        .fetch_all()
        .await?;
    rows.into_iter().map(TaskTemplate::try_from).collect()
}

/// The text of a version as it is stored.
fn text(template: &TaskTemplate) -> Result<String, DbError> {
    let body = TemplateBody {
        description: template.description.clone(),
        parameters: template.parameters.clone(),
        task: template.task.clone(),
    };
    serde_json::to_string(&body)
        .map_err(|error| DbError::Inconsistent { table: "task_template_version", message: error.to_string() })
}

pub(crate) async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    template: &TaskTemplate,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO task_template (task_template_id, organization_id, mission_id, name, latest_version, version,
             created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(template.id)
    .bind(organization)
    .bind(template.mission_id)
    .bind(template.name.clone())
    .bind(template.latest_version)
    .bind(template.version)
    .bind(template.created_by)
    .bind(template.created_at)
    .bind(template.updated_at)
    .execute()
    .await?;
    insert_version(tx, template).await
}

/// Adds the version that the template shows.
pub(crate) async fn insert_version(tx: &mut Tx, template: &TaskTemplate) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO task_template_version (task_template_id, number, body, author_id, created_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(template.id)
    .bind(template.number)
    .bind(text(template)?)
    .bind(template.author_id)
    .bind(template.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Compare-and-set on the version. `false` when it is another.
pub(crate) async fn replace(tx: &mut Tx, before: i64, after: &TaskTemplate) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE task_template SET latest_version = $3, version = $4, updated_at = $5
             WHERE task_template_id = $1 AND version = $2 AND deleted_at IS NULL",
        )
        .bind(after.id)
        .bind(before)
        .bind(after.latest_version)
        .bind(after.version)
        .bind(after.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

pub(crate) async fn delete(tx: &mut Tx, template: &TaskTemplate, now: Timestamp) -> Result<bool, DbError> {
    db::bury(tx, "task_template", (template.id.as_uuid(), template.version), now).await
}

/// Locks a living template's row; whether there is one.
pub(crate) async fn lock(tx: &mut Tx, id: TemplateId) -> Result<bool, DbError> {
    let locked: Option<(i64,)> = tx
        .query(Sql::Each {
            postgres: "SELECT version FROM task_template WHERE task_template_id = $1 AND deleted_at IS NULL FOR UPDATE",
            // The single writer is the lock.
            sqlite: "SELECT version FROM task_template WHERE task_template_id = $1 AND deleted_at IS NULL",
        })
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(locked.is_some())
}
