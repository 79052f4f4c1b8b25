//! Filling empty tables in one transaction: what slows insertions down is taken away before and made again afterwards.
//!
//! Foreign keys are checked once for each table instead of once for each row, and indexes are built from sorted entries.
//! Primary keys and unique constraints stay: rows come in the order of the former.

use std::collections::BTreeMap;

use super::{Backend, DbError, Table, run, unreadable};
use crate::db::{Sql, Tx};

/// What was taken away.
#[must_use = "without `finish` the tables have no indexes"]
pub(crate) struct Load {
    /// Statements that make it again, in their order.
    again: Vec<String>,
}

/// What is made again, and what takes it away, in the order of the making.
const TAKEN: Sql = Sql::Each {
    postgres: "SELECT again, away FROM (
             SELECT 1 AS place, pg_get_indexdef(i.indexrelid) AS again, format('DROP INDEX %I', x.relname) AS away
             FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
             WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relname <> '_sqlx_migrations'
                 AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
             UNION ALL
             SELECT 2, format('ALTER TABLE %I ADD CONSTRAINT %I %s', c.relname, k.conname, pg_get_constraintdef(k.oid)),
                 format('ALTER TABLE %I DROP CONSTRAINT %I', c.relname, k.conname)
             FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
             WHERE k.contype = 'f' AND c.relkind = 'r' AND NOT c.relispartition) AS parts ORDER BY place, again",
    sqlite: "SELECT sql, 'DROP INDEX \"' || name || '\"' FROM sqlite_schema
         WHERE type = 'index' AND sql IS NOT NULL ORDER BY sql",
};

impl Load {
    /// Locks the tables of Postgres against everybody, and takes away what is made again by [`Load::finish`].
    ///
    /// # Errors
    /// Database failures; a lock that is not had within 30 seconds.
    pub(crate) async fn begin(tx: &mut Tx, tables: &[Table]) -> Result<Self, DbError> {
        if tx.backend() == Backend::Postgres {
            tx.unlimited().await?;
            for set in [
                "SET LOCAL lock_timeout = '30s'",
                "SET LOCAL maintenance_work_mem = '128MB'",
                "SET LOCAL synchronous_commit = on",
            ] {
                tx.query(set).execute().await?;
            }
            let names: Vec<String> = tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
            run(tx, format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "))).await?;
        }
        let taken: Vec<(String, String)> = tx.query(TAKEN).fetch_all().await?;
        // An index may serve a key that refers to it.
        for (_, away) in taken.iter().rev() {
            run(tx, away.clone()).await?;
        }
        Ok(Self { again: taken.into_iter().map(|(again, _)| again).collect() })
    }

    /// Makes indexes and keys again, which checks them, and goes on numbering where the tables were.
    ///
    /// # Errors
    /// Database failures: a row that breaks a key, for one.
    pub(crate) async fn finish(
        self,
        tx: &mut Tx,
        tables: &[Table],
        sequences: &BTreeMap<String, i64>,
    ) -> Result<(), DbError> {
        for again in self.again {
            run(tx, again).await?;
        }
        if tx.backend() == Backend::Sqlite {
            let broken: Option<(String,)> =
                tx.query("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1").fetch_optional().await?;
            if let Some((table,)) = broken {
                return Err(unreadable(format!("a row of {table} refers to one that is not there")));
            }
        }
        for table in tables {
            let Some(column) = &table.numbered else { continue };
            let last = sequences.get(&table.name).copied().unwrap_or(0);
            if last < 1 {
                continue;
            }
            match tx.backend() {
                Backend::Postgres => {
                    tx.query(
                        "SELECT setval(CAST(pg_get_serial_sequence(quote_ident($1), $2) AS regclass), $3)",
                    )
                    .bind(table.name.clone())
                    .bind(column.clone())
                    .bind(last)
                    .execute()
                    .await?;
                }
                Backend::Sqlite => {
                    tx.query("DELETE FROM sqlite_sequence WHERE name = $1")
                        .bind(table.name.clone())
                        .execute()
                        .await?;
                    tx.query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)")
                        .bind(table.name.clone())
                        .bind(last)
                        .execute()
                        .await?;
                }
            }
        }
        Ok(())
    }
}
