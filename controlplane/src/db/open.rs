//! Opening pools, beginning and committing.

use std::str::FromStr;
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::tx::Conn;
use super::{Backend, DbError, Tx, migrate};

/// How long a request waits for a connection before it is told to come back.
const ACQUIRE: Duration = Duration::from_secs(10);

/// After this long without use a connection is tested before it is used again.
const RESTED: Duration = Duration::from_secs(1);

/// The database of an installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db(Pools);

#[derive(Clone, Debug)]
enum Pools {
    Postgres(PgPool),
    Sqlite { writer: SqlitePool, readers: SqlitePool },
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…` and applies the migrations.
    ///
    /// # Errors
    /// [`DbError::Address`], [`DbError::Unavailable`], [`DbError::Migrate`].
    pub async fn open(url: &str) -> Result<Self, DbError> {
        let pools = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url)
                .map_err(|error| DbError::Address(error.to_string()))?
                .application_name("mc-controlplane");
            Pools::Postgres(
                PgPoolOptions::new()
                    .max_connections(16)
                    .acquire_timeout(ACQUIRE)
                    // Asked whether it still lives only when it has rested: a question costs a round trip.
                    .test_before_acquire(false)
                    .before_acquire(|connection, about| {
                        Box::pin(async move {
                            if about.idle_for >= RESTED {
                                connection.ping().await?;
                            }
                            Ok(true)
                        })
                    })
                    // How approximate neighbours are looked for: go on until enough fit the caller's scope, up to a bound.
                    .after_connect(|connection, _| {
                        Box::pin(async move {
                            let sets = "SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = 64; \
                                 SET hnsw.max_scan_tuples = 8000";
                            sqlx::Executor::execute(connection, sets).await.map(|_| ())
                        })
                    })
                    .connect_with(options)
                    .await?,
            )
        } else if let Some(path) = url.strip_prefix("sqlite:") {
            let options = SqliteConnectOptions::new()
                .filename(path.trim_start_matches("//"))
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                // In KiB, of each connection, taken when it is needed: entries of the index are written all over it.
                .pragma("cache_size", "-8192")
                // In pages: those that are written again and again reach the database file once.
                .pragma("wal_autocheckpoint", "4000")
                // A search reads hundreds of rows: each hand-over between two threads costs more than some rows.
                .row_buffer_size(512)
                .busy_timeout(Duration::from_secs(5));
            let writer = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(ACQUIRE)
                .connect_with(options.clone())
                .await?;
            let readers = SqlitePoolOptions::new()
                .max_connections(4)
                .acquire_timeout(ACQUIRE)
                .connect_with(options.pragma("query_only", "ON"))
                .await?;
            Pools::Sqlite { writer, readers }
        } else {
            return Err(DbError::Address("expected sqlite:PATH or postgres://…".into()));
        };
        match &pools {
            Pools::Postgres(pool) => migrate::POSTGRES.run(pool).await?,
            Pools::Sqlite { writer, .. } => migrate::SQLITE.run(writer).await?,
        }
        Ok(Self(pools))
    }

    /// Which database.
    pub fn backend(&self) -> Backend {
        match self.0 {
            Pools::Postgres(_) => Backend::Postgres,
            Pools::Sqlite { .. } => Backend::Sqlite,
        }
    }

    /// A connection for reads that need no transaction.
    pub async fn begin_read(&self) -> Result<Tx, DbError> {
        Ok(Tx::new(match &self.0 {
            Pools::Postgres(pool) => Conn::PgRead(pool.acquire().await?),
            Pools::Sqlite { readers, .. } => Conn::SqliteRead(readers.acquire().await?),
        }))
    }

    /// A transaction that sees one moment of the database, for long reads; dropping it ends it.
    pub async fn begin_snapshot(&self) -> Result<Tx, DbError> {
        Ok(Tx::new(match &self.0 {
            Pools::Postgres(pool) => Conn::PgWrite(
                pool.begin_with("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
            ),
            Pools::Sqlite { readers, .. } => Conn::SqliteWrite(readers.begin_with("BEGIN DEFERRED").await?),
        }))
    }

    /// A write transaction; on SQLite it waits its turn for the only writer.
    pub async fn begin_write(&self) -> Result<Tx, DbError> {
        Ok(Tx::new(match &self.0 {
            Pools::Postgres(pool) => Conn::PgWrite(pool.begin().await?),
            Pools::Sqlite { writer, .. } => Conn::SqliteWrite(writer.begin_with("BEGIN IMMEDIATE").await?),
        }))
    }

    /// Commits. On SQLite the ledger events of the transaction are sealed in it, by the single writer.
    pub async fn commit(&self, mut tx: Tx) -> Result<(), DbError> {
        if tx.recorded && tx.backend() == Backend::Sqlite {
            // Nobody seals later here, so that the last batch is a part of one.
            while crate::ledger::seal_batch(&mut tx).await?.0 == crate::ledger::BATCH {}
        }
        tx.commit_raw().await
    }

    /// A listener for the sequencer's notifications; `None` where commits are seen in process.
    pub async fn listen(&self) -> Result<Option<Listener>, DbError> {
        match &self.0 {
            Pools::Postgres(pool) => {
                let mut listener = PgListener::connect_with(pool).await?;
                listener.listen("mc_ledger").await?;
                Ok(Some(Listener(listener)))
            }
            Pools::Sqlite { .. } => Ok(None),
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Postgres(pool) => pool.close().await,
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// Waits for the sequencer of any replica.
pub struct Listener(PgListener);

impl Listener {
    /// Returns when the ledger grew, or the connection was renewed.
    ///
    /// # Cancel safety
    /// Safe: a notification lost with the future is repeated by the next batch or found by the period.
    pub async fn wait(&mut self) -> Result<(), DbError> {
        self.0.try_recv().await?;
        Ok(())
    }
}
