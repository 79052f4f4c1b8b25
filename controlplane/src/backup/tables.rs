//! What each table is to a copy. A table that does not stand here is refused, and a test finds it first.

use crate::db::Backend;
use crate::db::bulk::{Reading, Value};

/// What a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Rows are the same afterwards, byte by byte.
    Truth,
    /// Entries of an index, made of other rows: as many afterwards.
    Index,
    /// Entries of an index of SQLite alone.
    SqliteIndex,
}

use Class::{Index, SqliteIndex, Truth};

/// Every table.
pub(super) const CLASSES: &[(&str, Class)] = &[
    ("agent_session", Truth),
    ("approval", Truth),
    ("artifact", Truth),
    ("doc", Truth),
    ("doc_version", Truth),
    ("embedding_model", Truth),
    ("embedding_spend", Truth),
    ("embedding_target", Truth),
    ("field_owner", Truth),
    ("git_binding", Truth),
    ("git_connection", Truth),
    ("idempotency", Truth),
    ("join_token", Truth),
    ("keyring", Truth),
    ("kluster", Truth),
    ("ledger_event", Truth),
    ("ledger_head", Truth),
    ("ledger_origin", Truth),
    ("ledger_restore", Truth),
    ("mission", Truth),
    ("mission_pack", Truth),
    ("node", Truth),
    ("node_command", Truth),
    ("organization", Truth),
    ("overlap_suggestion", Truth),
    ("pack_origin", Truth),
    ("principal", Truth),
    ("profile", Truth),
    ("profile_version", Truth),
    ("publication", Truth),
    ("publication_artifact", Truth),
    ("publication_item", Truth),
    ("publication_lease", Truth),
    ("publication_policy", Truth),
    ("reservation", Truth),
    ("reservation_repository", Truth),
    ("restored_file", Truth),
    ("role_binding", Truth),
    ("seal_key", Truth),
    ("search_cell", SqliteIndex),
    ("search_cell_pack", SqliteIndex),
    ("search_document", Index),
    ("search_part", Index),
    ("search_posting", Index),
    ("search_vector", Index),
    ("session_event", Truth),
    ("session_permission", Truth),
    ("skill_bundle", Truth),
    ("skill_sync", Truth),
    ("task", Truth),
    ("task_claim", Truth),
    ("task_dependency", Truth),
    ("task_external", Truth),
    ("task_template", Truth),
    ("task_template_version", Truth),
    ("token", Truth),
    ("turn", Truth),
    ("workspace", Truth),
];

/// What a table is; `None`: nobody has said.
pub(super) fn class(table: &str) -> Option<Class> {
    CLASSES.iter().find(|(name, _)| *name == table).map(|(_, class)| *class)
}

/// How a table is read.
pub(super) fn reading(table: &str) -> Reading {
    match table {
        // As the chain goes, so that it is checked on the way.
        "ledger_event" => Reading { order: Some("seq NULLS LAST, ordinal"), instead: &[] },
        // Numbers of transactions mean nothing in another database: what was not compared yet is compared with everything.
        "search_document" => Reading {
            order: None,
            instead: &[
                ("made_in", "CAST(0 AS BIGINT)"),
                ("saw_before", "CAST(0 AS BIGINT)"),
                ("look", "CASE WHEN look = 1 THEN 2 ELSE look END"),
            ],
        },
        _ => Reading::default(),
    }
}

/// Whether rows of a table mean anything in the database they are copied to, and which columns are written instead.
pub(super) fn writing(
    table: &str,
    from: &str,
    to: Backend,
) -> Option<&'static [(&'static str, Value<'static>)]> {
    let was_sqlite = from == Backend::Sqlite.as_str();
    match (table, to) {
        ("search_cell" | "search_cell_pack", Backend::Postgres) => None,
        // HNSW does their work.
        ("search_vector", Backend::Postgres) => Some(&[("cell_no", Value::Null), ("sketch", Value::Null)]),
        // There are no cells to find vectors by: they are made again.
        ("search_vector" | "search_cell" | "search_cell_pack", Backend::Sqlite) if !was_sqlite => None,
        ("search_document", Backend::Sqlite) if !was_sqlite => Some(&[("embedded_by", Value::Integer(0))]),
        _ => Some(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Db, bulk};

    #[tokio::test]
    async fn every_table_has_its_class() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("x.db").display())).await.unwrap();
        let tables = bulk::tables(&mut db.begin_read().await.unwrap()).await.unwrap();
        let mut found: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        found.sort_unstable();
        let listed: Vec<&str> = CLASSES.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, listed, "what is a new table to a backup? say it in tables.rs");
        for name in listed {
            let reading = reading(name);
            for (column, _) in reading.instead {
                let table = tables.iter().find(|table| table.name == name).unwrap();
                assert!(table.columns.iter().any(|found| found.name == *column), "{name}.{column}");
            }
        }
    }
}
