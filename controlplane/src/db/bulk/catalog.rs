//! What a database says of its tables.

use std::collections::{BTreeMap, BTreeSet};

use super::{Backend, DbError, Kind, unreadable};
use crate::db::{Sql, Tx};

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// In the order of their names.
    pub(crate) columns: Vec<Column>,
    /// Of its rows: by the primary key, else by every column.
    pub(super) order: String,
    /// The column that the database numbers.
    pub(super) numbered: Option<String>,
}

#[derive(sqlx_macros::FromRow)]
struct ColumnRow {
    relation: String,
    attribute: String,
    kind: String,
    numbered: bool,
}

const COLUMNS: Sql = Sql::Each {
    postgres: "SELECT CAST(c.relname AS TEXT) AS relation, CAST(a.attname AS TEXT) AS attribute, CAST(t.typname AS TEXT) AS kind,
             a.attidentity <> '' AS numbered
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         JOIN pg_type t ON t.oid = a.atttypid
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '_sqlx_migrations'",
    sqlite: "SELECT m.name AS relation, c.name AS attribute, 'any' AS kind,
             c.pk = 1 AND instr(m.sql, 'AUTOINCREMENT') > 0 AS numbered
         FROM sqlite_schema m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND substr(m.name, 1, 7) <> 'sqlite_' AND m.name <> '_sqlx_migrations'",
};

const KEYS: Sql = Sql::Each {
    postgres: "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), k.place
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
         CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (attnum, place)
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
         WHERE i.indisprimary ORDER BY 1, 3",
    sqlite: "SELECT m.name, c.name, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND c.pk > 0 ORDER BY 1, 3",
};

const PARENTS: Sql = Sql::Each {
    postgres: "SELECT CAST(c.relname AS TEXT), CAST(f.relname AS TEXT) FROM pg_constraint k
         JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
         WHERE k.contype = 'f'",
    sqlite: "SELECT m.name, k.\"table\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) k WHERE m.type = 'table'",
};

fn kind(row: &ColumnRow) -> Result<Kind, DbError> {
    Ok(match row.kind.as_str() {
        "int8" => Kind::Big,
        "int4" => Kind::Integer,
        "int2" => Kind::Small,
        "bool" => Kind::Boolean,
        "uuid" => Kind::Id,
        "bytea" => Kind::Bytes,
        "text" => Kind::Text,
        "vector" => Kind::Vector,
        "any" => Kind::Any,
        other => {
            return Err(unreadable(format!(
                "{}.{} has the type {other}, which no copy can hold",
                row.relation, row.attribute
            )));
        }
    })
}

/// How rows are ordered, the same in both databases.
fn order(columns: &[Column], key: &[String]) -> String {
    let place = |column: &Column, nulls: &str| {
        let collation = if column.kind == Kind::Text { " COLLATE \"C\"" } else { "" };
        format!("\"{}\"{collation}{nulls}", column.name)
    };
    let of_key: Vec<String> = key
        .iter()
        .filter_map(|name| columns.iter().find(|column| column.name == *name))
        .map(|column| place(column, ""))
        .collect();
    if of_key.is_empty() {
        let all: Vec<String> = columns.iter().map(|column| place(column, " NULLS FIRST")).collect();
        return all.join(", ");
    }
    of_key.join(", ")
}

/// All tables but that of the migrations, each behind those that it refers to, else by name.
///
/// # Errors
/// Database failures, and a type that has no form.
pub(crate) async fn tables(tx: &mut Tx) -> Result<Vec<Table>, DbError> {
    let rows: Vec<ColumnRow> = tx.query(COLUMNS).fetch_all().await?;
    let (mut columns, mut numbered) = (BTreeMap::<String, Vec<Column>>::new(), BTreeMap::new());
    for row in rows {
        let column = Column { name: row.attribute.clone(), kind: kind(&row)? };
        if row.numbered {
            numbered.insert(row.relation.clone(), row.attribute);
        }
        columns.entry(row.relation).or_default().push(column);
    }
    let mut keys = BTreeMap::<String, Vec<String>>::new();
    for (table, column, _) in tx.query(KEYS).fetch_all::<(String, String, i64)>().await? {
        keys.entry(table).or_default().push(column);
    }
    let mut parents = BTreeMap::<String, BTreeSet<String>>::new();
    for (table, parent) in tx.query(PARENTS).fetch_all::<(String, String)>().await? {
        if table != parent {
            parents.entry(table).or_default().insert(parent);
        }
    }
    let mut all: Vec<Table> = columns
        .into_iter()
        .map(|(name, mut columns)| {
            columns.sort_by(|a, b| a.name.cmp(&b.name));
            let order = order(&columns, keys.get(&name).map_or(&[], Vec::as_slice));
            Table { order, numbered: numbered.remove(&name), columns, name }
        })
        .collect();
    let mut sorted: Vec<Table> = Vec::with_capacity(all.len());
    while !all.is_empty() {
        let is_free = |table: &Table| {
            parents.get(&table.name).is_none_or(|parents| {
                parents.iter().all(|parent| sorted.iter().any(|done| done.name == *parent))
            })
        };
        let Some(next) = all.iter().position(is_free) else {
            return Err(unreadable(format!("{} refers to itself by others", all[0].name)));
        };
        sorted.push(all.remove(next));
    }
    Ok(sorted)
}

/// The last number that each table gave, for those whose rows the database numbers.
///
/// # Errors
/// Database failures.
pub(crate) async fn sequences(tx: &mut Tx, tables: &[Table]) -> Result<BTreeMap<String, i64>, DbError> {
    let mut found = BTreeMap::new();
    for table in tables {
        let Some(column) = &table.numbered else { continue };
        let (last,): (Option<i64>,) = match tx.backend() {
            Backend::Postgres => {
                tx.query("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(quote_ident($1), $2) AS regclass))")
                    .bind(table.name.clone())
                    .bind(column.clone())
                    .fetch_one()
                    .await?
            }
            Backend::Sqlite => {
                tx.query("SELECT MAX(seq) FROM sqlite_sequence WHERE name = $1")
                    .bind(table.name.clone())
                    .fetch_one()
                    .await?
            }
        };
        found.insert(table.name.clone(), last.unwrap_or(0));
    }
    Ok(found)
}
