//! What the Postgres planner knows of tables that grow fast.
//!
//! A plan that was made while a table was empty is kept by each connection until the table is analysed, and autovacuum
//! looks once a minute: until then a table of thousands of rows is read whole again and again.

use std::time::Duration;

use super::{Backend, Db, DbError, Sql};

/// How long looking at one table may take.
const LIMIT: Duration = Duration::from_mins(10);

/// Analyses the tables that changed by more than half since somebody did. Idempotent; another replica's work is skipped.
///
/// # Errors
/// Database failures; the next round tries again.
pub(crate) async fn refresh(db: &Db) -> Result<(), DbError> {
    if db.backend() != Backend::Postgres {
        return Ok(());
    }
    let mut tx = db.begin_read().await?;
    let grown: Vec<(String,)> = tx
        .query(
            "SELECT quote_ident(relname) FROM pg_stat_user_tables
             WHERE schemaname = current_schema() AND n_mod_since_analyze > 200 AND n_mod_since_analyze * 2 > n_live_tup
             ORDER BY relname LIMIT 8",
        )
        .fetch_all()
        .await?;
    drop(tx);
    for (table,) in grown {
        // The name comes from the catalog, quoted.
        let mut tx = db.begin_write().await?;
        tx.limited(Some(LIMIT)).await?;
        tx.query(Sql::Built(format!("ANALYZE (SKIP_LOCKED) {table}"))).execute().await?;
        tx.commit_raw().await?;
    }
    Ok(())
}
