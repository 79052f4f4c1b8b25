//! Owners of fields in the database.

use std::collections::{BTreeMap, BTreeSet};

use mc_api::Timestamp;
use mc_api::apply::FieldOwner;
use mc_api::id::{MissionId, OrganizationId};

use crate::db::{DbError, Filter, Tx};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    field: String,
    manager: String,
    updated_at: Timestamp,
}

/// The owners of an object's fields, in the scope of a caller.
pub(crate) async fn list(tx: &mut Tx, scope: Scope, subject: &str) -> Result<Vec<FieldOwner>, DbError> {
    let filter = Filter::new(tx, "SELECT o.field, o.manager, o.updated_at FROM field_owner o");
    let rows: Vec<Row> = scope
        .apply(filter, "o.organization_id = ?", "o.mission_id")
        .and("o.subject_id = ?", subject.to_owned())
        .finish(tx, "o.field, o.manager", 10_000)
        .fetch_all()
        .await?;
    let owner = |row: Row| FieldOwner { field: row.field, manager: row.manager, updated_at: row.updated_at };
    Ok(rows.into_iter().map(owner).collect())
}

/// Managers by field.
pub(crate) type Owners = BTreeMap<String, BTreeSet<String>>;

/// The owners of an object's fields.
pub(crate) async fn owners(tx: &mut Tx, subject: &str) -> Result<Owners, DbError> {
    let rows: Vec<(String, String)> = tx
        .query("SELECT field, manager FROM field_owner WHERE subject_id = $1")
        .bind(subject.to_owned())
        .fetch_all()
        .await?;
    let mut owners = Owners::new();
    for (field, manager) in rows {
        owners.entry(field).or_default().insert(manager);
    }
    Ok(owners)
}

/// An object whose fields are owned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'s> {
    pub(crate) organization: OrganizationId,
    pub(crate) mission: MissionId,
    pub(crate) id: &'s str,
}

/// Makes the stored owners of one manager of what they were what they should be; other managers' rows are taken away
/// where they are in `before` and not in `after`.
pub(crate) async fn replace(
    tx: &mut Tx,
    subject: Subject<'_>,
    (before, after): (&Owners, &Owners),
    now: Timestamp,
) -> Result<(), DbError> {
    let pairs = |owners: &Owners| -> BTreeSet<(String, String)> {
        owners
            .iter()
            .flat_map(|(field, managers)| managers.iter().map(|one| (field.clone(), one.clone())))
            .collect()
    };
    let (old, new) = (pairs(before), pairs(after));
    for (field, manager) in old.difference(&new) {
        tx.query("DELETE FROM field_owner WHERE subject_id = $1 AND field = $2 AND manager = $3")
            .bind(subject.id.to_owned())
            .bind(field.clone())
            .bind(manager.clone())
            .execute()
            .await?;
    }
    for (field, manager) in new.difference(&old) {
        let operation = if manager.starts_with(super::UPDATE) { "update" } else { "apply" };
        tx.query(
            "INSERT INTO field_owner (subject_id, field, manager, organization_id, mission_id, operation, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (subject_id, field, manager) DO UPDATE SET updated_at = excluded.updated_at",
        )
        .bind(subject.id.to_owned())
        .bind(field.clone())
        .bind(manager.clone())
        .bind(subject.organization)
        .bind(subject.mission)
        .bind(operation)
        .bind(now)
        .execute()
        .await?;
    }
    Ok(())
}
