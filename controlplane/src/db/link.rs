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
/// How long giving a transaction up may take, and how long giving a connection back.
const RETURN: Duration = Duration::from_secs(5);
/// How long an answer is waited for that takes as long as it takes: a server that has not answered by then is gone.
const LONGEST: Duration = Duration::from_hours(6);

/// A connection of the pool, inside a transaction or not.
pub(super) struct Link {
    /// Absent: it was thrown away.
    connection: Option<PoolConnection<Postgres>>,
    /// A transaction is open.
    is_open: bool,
    /// What comes on it next may belong to a question of before.
    is_spoiled: bool,
    /// How long an answer is waited for.
    patience: Duration,
}

/// Waits for an answer on a connection, and throws the connection away when there is none in time.
macro_rules! ask {
    ($link:expr, |$connection:ident| $future:expr) => {{
        let link: &mut $crate::db::link::Link = $link;
        let patience = link.patience();
        let $connection = link.connection()?;
        let answer = tokio::time::timeout(patience, $future).await;
        answer.map_or_else(|_| Err(link.lose()), |answer| answer.map_err($crate::db::DbError::from))
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
        Self { connection: Some(connection), is_open: false, is_spoiled: false, patience: limit + GRACE }
    }

    /// In a transaction.
    ///
    /// # Errors
    /// Database failures.
    pub(super) async fn begin(mut self, statement: &'static str) -> Result<Self, DbError> {
        // Before it is known to have begun it is given up as one that has. It waits for nobody: no answer is an outage.
        self.is_open = true;
        let patience = std::mem::replace(&mut self.patience, GRACE);
        ask!(&mut self, |connection| sqlx::raw_sql(statement).execute(connection))?;
        self.patience = patience;
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
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Waits longer than the server may take from now on; `None`: for as long as it takes, within hours.
    pub(super) fn wait_for(&mut self, limit: Option<Duration>) {
        self.patience = limit.map_or(LONGEST, |limit| limit + GRACE);
    }

    /// Nobody else gets this connection.
    pub(super) fn spoil(&mut self) {
        self.is_spoiled = true;
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
        count();
        drop(self.connection.take().map(PoolConnection::detach));
        lost()
    }
}

fn count() {
    tracing::warn!("a connection to the database is closed: no answer in time");
    metrics::counter!("mc_database_connections_lost_total").increment(1);
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let runtime = tokio::runtime::Handle::try_current();
        let (Ok(runtime), false) = (runtime, self.is_spoiled) else {
            // The server rolls back what was open on a connection that ends.
            drop(connection.detach());
            return;
        };
        let is_open = self.is_open;
        runtime.spawn(async move {
            if is_open {
                let given_up = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
                match tokio::time::timeout(RETURN, given_up).await {
                    Ok(Ok(_)) => {}
                    answer => {
                        if answer.is_err() {
                            count();
                        }
                        drop(connection.detach());
                        return;
                    }
                }
            }
            // The pool asks whether it lives, and would wait for ever. Who hung up in the middle of a question comes here, too.
            if tokio::time::timeout(RETURN, connection.return_to_pool()).await.is_err() {
                count();
            }
        });
    }
}
