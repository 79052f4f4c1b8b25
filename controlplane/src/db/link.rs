//! A connection to Postgres on which nobody waits for ever.
//!
//! The server ends a statement that takes too long. What it cannot end is the waiting of whoever hears nothing of it any
//! more: over a network that swallows packets, or of a server that stands still, that takes until the kernel gives up, a
//! quarter of an hour. Such a connection is thrown away, and what it held open is rolled back by the server.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, Postgres};

use super::DbError;

/// How much longer than the server's own limit an answer is waited for.
const GRACE: Duration = Duration::from_secs(5);
/// How long giving a transaction up may take.
const ROLLBACK: Duration = Duration::from_secs(5);

/// A connection of the pool, inside a transaction or not.
pub(super) struct Link {
    /// Absent: it was thrown away.
    connection: Option<PoolConnection<Postgres>>,
    /// A transaction is open.
    is_open: bool,
    /// How long an answer is waited for; `None`: for as long as it takes.
    patience: Option<Duration>,
}

/// Waits for an answer on a connection, and throws the connection away when there is none in time.
macro_rules! ask {
    ($link:expr, |$connection:ident| $future:expr) => {{
        let link: &mut $crate::db::link::Link = $link;
        let patience = link.patience();
        let $connection = link.connection()?;
        match patience {
            None => $future.await.map_err($crate::db::DbError::from),
            Some(patience) => {
                let answer = tokio::time::timeout(patience, $future).await;
                answer.map_or_else(|_| Err(link.lose()), |answer| answer.map_err($crate::db::DbError::from))
            }
        }
    }};
}
pub(super) use ask;

fn lost() -> DbError {
    let why = "the database did not answer in time, and the connection was closed";
    DbError::Unavailable(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, why)))
}

impl Link {
    /// Without a transaction.
    pub(super) fn new(connection: PoolConnection<Postgres>, limit: Duration) -> Self {
        Self { connection: Some(connection), is_open: false, patience: Some(limit + GRACE) }
    }

    /// In a transaction.
    ///
    /// # Errors
    /// Database failures.
    pub(super) async fn begin(mut self, statement: &'static str) -> Result<Self, DbError> {
        // Before it is known to have begun it is given up as one that has.
        self.is_open = true;
        ask!(&mut self, |connection| sqlx::raw_sql(statement).execute(connection))?;
        Ok(self)
    }

    /// Commits, if there is what to commit.
    ///
    /// # Errors
    /// Database failures. After one nobody knows whether it was committed.
    pub(super) async fn commit(mut self) -> Result<(), DbError> {
        if self.is_open {
            ask!(&mut self, |connection| sqlx::raw_sql("COMMIT").execute(connection))?;
            self.is_open = false;
        }
        Ok(())
    }

    /// Whether a transaction is open.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// How long an answer is waited for.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Waits for as long as it takes from now on.
    pub(super) fn be_patient(&mut self) {
        self.patience = None;
    }

    /// The connection itself.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it was thrown away.
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, DbError> {
        self.connection.as_deref_mut().ok_or_else(lost)
    }

    /// Throws the connection away: what comes on it now belongs to nobody.
    pub(super) fn lose(&mut self) -> DbError {
        tracing::warn!("a connection to the database is closed: no answer in time");
        metrics::counter!("mc_database_connections_lost_total").increment(1);
        drop(self.connection.take().map(PoolConnection::detach));
        lost()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take_if(|_| self.is_open) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The server rolls back what was open on a connection that ends.
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            let given_up = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
            if !matches!(tokio::time::timeout(ROLLBACK, given_up).await, Ok(Ok(_))) {
                drop(connection.detach());
            }
        });
    }
}
