//! Who else is on the database.
//!
//! Each control plane holds a shared advisory lock of Postgres on its listening connection while it serves. The server
//! takes it back with the connection, so that one that was killed leaves nothing behind. A SQLite database has one
//! control plane, by the lock of its folder.

use sqlx::postgres::PgListener;

use super::{Backend, Db, DbError, Tx};

/// Key of the advisory lock.
const LOCK: i64 = 0x006d_635f_6865_7265;

/// Nobody else is here, and nobody comes before this is dropped.
pub(crate) struct Alone {
    _tx: Option<Tx>,
}

impl Db {
    /// Whether no other control plane serves this database. Of several that start at once one is told so, and the others
    /// wait here until it is done.
    ///
    /// # Errors
    /// Database failures.
    pub(crate) async fn alone(&self) -> Result<Option<Alone>, DbError> {
        if self.backend() == Backend::Sqlite {
            return Ok(Some(Alone { _tx: None }));
        }
        let mut tx = self.begin_write().await?;
        let (alone,): (bool,) =
            tx.query("SELECT pg_try_advisory_xact_lock($1)").bind(LOCK).fetch_one().await?;
        if alone {
            return Ok(Some(Alone { _tx: Some(tx) }));
        }
        tx.query("SELECT pg_advisory_xact_lock_shared($1)").bind(LOCK).execute().await?;
        Ok(None)
    }
}

pub(super) async fn enter(listener: &mut PgListener) -> Result<(), DbError> {
    sqlx::query("SELECT pg_advisory_lock_shared($1)").bind(LOCK).execute(listener).await?;
    Ok(())
}

pub(super) async fn leave(listener: &mut PgListener) -> Result<(), DbError> {
    sqlx::query("SELECT pg_advisory_unlock_shared($1)").bind(LOCK).execute(listener).await?;
    Ok(())
}
