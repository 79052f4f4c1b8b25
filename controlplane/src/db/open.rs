//! Opening pools, beginning and committing.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mc_api::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _};

use super::link::Link;
use super::migrate::{self, Migrated};
use super::presence;
use super::reach::{self, Reach};
use super::tx::Conn;
use super::{Backend, DbError, Sql, Tx};

/// How long a request waits for a connection before it is told to come back.
const ACQUIRE: Duration = Duration::from_secs(10);

/// After this long without use a connection is tested before it is used again.
const RESTED: Duration = Duration::from_secs(1);

/// What every connection to Postgres begins with.
///
/// How approximate neighbours are looked for: go on until enough fit the caller's scope, up to a bound. And how soon the
/// server lets go of the locks of a control plane that is not there any more: 25 s after its machine vanished, which
/// says no goodbye, and 60 s after it stood still inside a transaction.
const SETTINGS: &str = "SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = 64; SET hnsw.max_scan_tuples = 8000; \
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
    SET idle_in_transaction_session_timeout = '60s'";

/// What a control plane takes of a Postgres server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At most this many connections.
    pub connections: u32,
    /// How long a statement may take, waiting for locks included. Copies, migrations and indexes take as long as they take.
    pub statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 16, statement: Duration::from_mins(1) }
    }
}

/// What every connection begins with, with its limit.
fn settings(limits: Limits) -> String {
    format!("{SETTINGS}; SET statement_timeout = {}", limits.statement.as_millis())
}

const EXPECTED: &str = "expected sqlite:PATH or postgres://…";

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn postgres_options(url: &str) -> Result<PgConnectOptions, DbError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| DbError::Address(error.to_string()))?;
    Ok(options.application_name("mc-controlplane"))
}

/// Whether an address can be understood; asks nobody.
///
/// # Errors
/// Why not, without the address, which holds a password.
pub fn check_address(url: &str) -> Result<(), String> {
    if is_postgres(url) {
        return postgres_options(url).map(drop).map_err(|error| error.to_string());
    }
    let is_file = url.strip_prefix("sqlite:").is_some_and(|path| !path.trim_start_matches("//").is_empty());
    if is_file { Ok(()) } else { Err(DbError::Address(EXPECTED.into()).to_string()) }
}

/// The database of an installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db(Pools);

#[derive(Clone, Debug)]
enum Pools {
    Postgres(Server),
    Sqlite { writer: SqlitePool, readers: SqlitePool },
}

#[derive(Clone, Debug)]
struct Server {
    pool: PgPool,
    reach: Arc<Reach>,
    limits: Limits,
}

impl Server {
    /// A connection of the pool.
    async fn link(&self) -> Result<Link, DbError> {
        let connection = self.reach.patiently(Box::pin(self.pool.acquire())).await?;
        Ok(Link::new(connection, self.limits.statement))
    }
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…` and applies the migrations.
    ///
    /// # Errors
    /// [`DbError::Address`], [`DbError::Unavailable`], [`DbError::Newer`], [`DbError::Migrate`].
    pub async fn open(url: &str) -> Result<Self, DbError> {
        Self::open_within(url, Limits::default()).await
    }

    /// The same, within limits.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_within(url: &str, limits: Limits) -> Result<Self, DbError> {
        let db = Self::connect(url, limits).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Applies the migrations that are missing, one program at a time.
    ///
    /// # Errors
    /// [`DbError::Newer`], [`DbError::Migrate`].
    pub async fn migrate(&self) -> Result<Migrated, DbError> {
        match &self.0 {
            Pools::Postgres(Server { pool, .. }) => migrate::postgres(pool).await,
            Pools::Sqlite { writer, .. } => migrate::sqlite(writer).await,
        }
    }

    /// Opens `sqlite:PATH` or `postgres://…` as it is.
    ///
    /// # Errors
    /// [`DbError::Address`], [`DbError::Unavailable`].
    pub async fn connect(url: &str, limits: Limits) -> Result<Self, DbError> {
        let pools = if is_postgres(url) {
            let options = postgres_options(url)?;
            // The pool asks again and again and then only says that time ran out: the cause is wanted.
            reach::ask(&options).await?;
            let reach = Arc::new(Reach::new(options.clone()));
            let pool = PgPoolOptions::new()
                .max_connections(limits.connections)
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
                .after_connect(move |connection, _| {
                    let settings = settings(limits);
                    Box::pin(async move {
                        sqlx::raw_sql(AssertSqlSafe(settings)).execute(connection).await.map(|_| ())
                    })
                })
                .connect_with(options)
                .await?;
            Pools::Postgres(Server { pool, reach, limits })
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
            return Err(DbError::Address(EXPECTED.into()));
        };
        Ok(Self(pools))
    }

    /// A SQLite file that is nobody's yet, to be filled by one transaction: nothing is flushed and nothing can be rolled back,
    /// so that what is left of a failure is thrown away. Foreign keys are for the end.
    pub(crate) fn connect_to_fill(path: &std::path::Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .foreign_keys(false)
            .pragma("cache_size", "-65536")
            .row_buffer_size(512);
        let pool = |options| {
            SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE).connect_lazy_with(options)
        };
        Self(Pools::Sqlite { writer: pool(options.clone()), readers: pool(options) })
    }

    /// The newest version of the schema that this program knows.
    pub(crate) fn newest_schema(&self) -> i64 {
        migrate::newest_of(self.backend())
    }

    /// The version of the schema; 0: there is none.
    ///
    /// # Errors
    /// Database failures.
    pub(crate) async fn schema(&self) -> Result<i64, DbError> {
        let mut tx = self.begin_read().await?;
        let (known,): (bool,) = tx
            .query(Sql::Each {
                postgres: "SELECT to_regclass('_sqlx_migrations') IS NOT NULL",
                sqlite: "SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = '_sqlx_migrations'",
            })
            .fetch_one()
            .await?;
        if !known {
            return Ok(0);
        }
        let (version,): (i64,) =
            tx.query("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one().await?;
        Ok(version)
    }

    /// Applies the migrations that are missing up to a version.
    ///
    /// # Errors
    /// [`DbError::Newer`], [`DbError::Migrate`].
    pub(crate) async fn migrate_to(&self, version: i64) -> Result<(), DbError> {
        match &self.0 {
            Pools::Postgres(Server { pool, .. }) => migrate::postgres_to(pool, version).await,
            Pools::Sqlite { writer, .. } => migrate::sqlite_to(writer, version).await,
        }
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
            Pools::Postgres(server) => Conn::Pg(server.link().await?),
            Pools::Sqlite { readers, .. } => Conn::SqliteRead(readers.acquire().await?),
        }))
    }

    /// A transaction that sees one moment of the database, for long reads; dropping it ends it.
    pub async fn begin_snapshot(&self) -> Result<Tx, DbError> {
        match &self.0 {
            Pools::Postgres(server) => {
                let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let mut tx = Tx::new(Conn::Pg(server.link().await?.begin(begin).await?));
                // It locks nobody out, and whoever reads may be slow.
                tx.unlimited().await?;
                Ok(tx)
            }
            Pools::Sqlite { readers, .. } => {
                Ok(Tx::new(Conn::SqliteWrite(readers.begin_with("BEGIN DEFERRED").await?)))
            }
        }
    }

    /// A write transaction; on SQLite it waits its turn for the only writer.
    pub async fn begin_write(&self) -> Result<Tx, DbError> {
        Ok(Tx::new(match &self.0 {
            Pools::Postgres(server) => Conn::Pg(server.link().await?.begin("BEGIN").await?),
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

    /// The time of the Postgres server, which all replicas go by; `None`: there is no other machine.
    pub async fn now(&self) -> Result<Option<Timestamp>, DbError> {
        if self.backend() == Backend::Sqlite {
            return Ok(None);
        }
        let mut tx = self.begin_read().await?;
        let asked = Instant::now();
        let (micros,): (i64,) =
            tx.query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetch_one().await?;
        Ok(Some(Timestamp::from_micros(micros).plus(asked.elapsed() / 2)))
    }

    /// A listener for the sequencer's notifications, which also shows to others that this process is here; `None` where
    /// commits are seen in process.
    pub async fn listen(&self) -> Result<Option<Listener>, DbError> {
        match &self.0 {
            Pools::Postgres(Server { pool, .. }) => {
                let mut listener = PgListener::connect_with(pool).await?;
                // A new connection is a new listener: what the old one held went with it.
                listener.eager_reconnect(false);
                listener.listen("mc_ledger").await?;
                presence::enter(&mut listener).await?;
                Ok(Some(Listener(listener)))
            }
            Pools::Sqlite { .. } => Ok(None),
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Postgres(Server { pool, .. }) => pool.close().await,
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
    /// Returns when the ledger grew; `false`: the connection was lost, and another listener is needed.
    ///
    /// # Cancel safety
    /// Safe: a notification lost with the future is repeated by the next batch or found by the period.
    pub async fn wait(&mut self) -> Result<bool, DbError> {
        Ok(self.0.try_recv().await?.is_some())
    }

    /// Says goodbye, so that a start right after this one's end finds nobody here.
    pub async fn leave(mut self) -> Result<(), DbError> {
        presence::leave(&mut self.0).await
    }
}
