//! Transactions and statements.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Encode, FromRow, Transaction, Type};

use super::link::{Link, ask};
use super::{Backend, DbError};

/// A value that both databases take.
pub trait Bind:
    for<'q> Encode<'q, Postgres> + Type<Postgres> + for<'q> Encode<'q, Sqlite> + Type<Sqlite> + Send
{
}
impl<T> Bind for T where
    T: for<'q> Encode<'q, Postgres> + Type<Postgres> + for<'q> Encode<'q, Sqlite> + Type<Sqlite> + Send
{
}

/// A row type that both databases give.
pub trait FromDb: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}
impl<T> FromDb for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// The text of a statement.
pub enum Sql {
    /// The same text for both.
    Same(&'static str),
    /// A text for each.
    Each {
        /// For Postgres.
        postgres: &'static str,
        /// For SQLite.
        sqlite: &'static str,
    },
    /// Built by [`super::Filter`] from static pieces.
    Built(String),
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::Same(text)
    }
}

pub(super) enum Conn {
    Pg(Link),
    SqliteWrite(Transaction<'static, Sqlite>),
    SqliteRead(PoolConnection<Sqlite>),
}

/// A transaction, or a plain connection when made by `begin_read`. Dropping it rolls back.
pub struct Tx {
    pub(super) conn: Conn,
    /// Ledger events were recorded and wait for their seal.
    pub(crate) recorded: bool,
}

impl Tx {
    pub(super) fn new(conn: Conn) -> Self {
        Self { conn, recorded: false }
    }

    /// Which database.
    pub fn backend(&self) -> Backend {
        match self.conn {
            Conn::Pg(_) => Backend::Postgres,
            Conn::SqliteWrite(_) | Conn::SqliteRead(_) => Backend::Sqlite,
        }
    }

    /// A statement.
    pub fn query(&mut self, sql: impl Into<Sql>) -> Query<'_> {
        let sql = sql.into();
        let inner = match (self.backend(), sql) {
            (Backend::Postgres, Sql::Same(text) | Sql::Each { postgres: text, .. }) => {
                Inner::Pg(sqlx::query(text))
            }
            (Backend::Sqlite, Sql::Same(text) | Sql::Each { sqlite: text, .. }) => {
                Inner::Sqlite(sqlx::query(text))
            }
            (Backend::Postgres, Sql::Built(text)) => Inner::Pg(sqlx::query(AssertSqlSafe(text))),
            (Backend::Sqlite, Sql::Built(text)) => Inner::Sqlite(sqlx::query(AssertSqlSafe(text))),
        };
        Query { tx: self, inner }
    }

    /// On Postgres, takes away what the server's configuration says of how long this transaction and its statements may take.
    ///
    /// # Errors
    /// Database failures.
    pub(crate) async fn unlimited(&mut self) -> Result<(), DbError> {
        self.limited(None).await
    }

    /// The same, and gives each statement a limit of its own; `None`: none.
    ///
    /// # Errors
    /// Database failures.
    pub(crate) async fn limited(&mut self, limit: Option<Duration>) -> Result<(), DbError> {
        if self.backend() == Backend::Postgres {
            // `transaction_timeout` is there from version 17 on.
            let limits = "SELECT set_config(name, CASE name WHEN 'statement_timeout' THEN $1 ELSE '0' END, true)
                 FROM pg_settings
                 WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')";
            let statement = limit.unwrap_or_default().as_millis().to_string();
            self.query(limits).bind(statement).execute().await?;
        }
        if let Conn::Pg(link) = &mut self.conn {
            link.wait_for(limit);
        }
        Ok(())
    }

    pub(super) async fn commit_raw(self) -> Result<(), DbError> {
        match self.conn {
            Conn::Pg(link) => link.commit().await?,
            Conn::SqliteWrite(tx) => tx.commit().await?,
            Conn::SqliteRead(_) => {}
        }
        Ok(())
    }
}

enum Inner {
    Pg(sqlx::query::Query<'static, Postgres, PgArguments>),
    Sqlite(sqlx::query::Query<'static, Sqlite, SqliteArguments>),
}

/// A statement with its values.
pub struct Query<'t> {
    tx: &'t mut Tx,
    inner: Inner,
}

macro_rules! on_connection {
    ($self:ident, |$query:ident, $connection:ident| $run:expr, |$done:ident| $then:expr) => {
        match ($self.inner, &mut $self.tx.conn) {
            (Inner::Pg($query), Conn::Pg(link)) => ask!(link, |$connection| $run).map(|$done| $then),
            (Inner::Sqlite($query), Conn::SqliteWrite(tx)) => {
                let $connection = &mut **tx;
                let $done = $run.await?;
                Ok($then)
            }
            (Inner::Sqlite($query), Conn::SqliteRead(connection)) => {
                let $connection = &mut **connection;
                let $done = $run.await?;
                Ok($then)
            }
            (Inner::Pg(_), Conn::SqliteWrite(_) | Conn::SqliteRead(_)) | (Inner::Sqlite(_), Conn::Pg(_)) => {
                unreachable!("a statement is made for the connection it runs on")
            }
        }
    };
}

enum Row {
    Pg(PgRow),
    Sqlite(SqliteRow),
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self::Pg(row)
    }
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl Row {
    fn read<T: FromDb>(&self) -> Result<T, DbError> {
        Ok(match self {
            Self::Pg(row) => T::from_row(row)?,
            Self::Sqlite(row) => T::from_row(row)?,
        })
    }
}

impl Query<'_> {
    /// Gives the next placeholder its value.
    #[must_use]
    pub fn bind<T: Bind>(mut self, value: T) -> Self {
        self.inner = match self.inner {
            Inner::Pg(query) => Inner::Pg(query.bind(value)),
            Inner::Sqlite(query) => Inner::Sqlite(query.bind(value)),
        };
        self
    }

    /// Runs it; the number of rows affected.
    pub async fn execute(self) -> Result<u64, DbError> {
        on_connection!(self, |query, connection| query.execute(connection), |done| done.rows_affected())
    }

    // What depends on the type of a row is compiled for each of hundreds: it is kept small.
    async fn row(self) -> Result<Option<Row>, DbError> {
        on_connection!(self, |query, connection| query.fetch_optional(connection), |row| row.map(Row::from))
    }

    async fn rows(self) -> Result<Vec<Row>, DbError> {
        on_connection!(self, |query, connection| query.fetch_all(connection), |rows| {
            rows.into_iter().map(Row::from).collect()
        })
    }

    /// The first row.
    pub async fn fetch_optional<T: FromDb>(self) -> Result<Option<T>, DbError> {
        self.row().await?.map(|row| row.read()).transpose()
    }

    /// The only row.
    pub async fn fetch_one<T: FromDb>(self) -> Result<T, DbError> {
        self.fetch_optional().await?.ok_or(DbError::Statement(sqlx::Error::RowNotFound))
    }

    /// All rows.
    pub async fn fetch_all<T: FromDb>(self) -> Result<Vec<T>, DbError> {
        self.rows().await?.iter().map(Row::read).collect()
    }
}
