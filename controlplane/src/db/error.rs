//! What can go wrong in the database.

/// A database failure.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A serialization failure or deadlock: the same transaction may be run again.
    #[error("the transaction must be run again")]
    Retry(#[source] sqlx::Error),
    /// Another transaction made the same at the same moment: run again, this one finds what it made.
    #[error("another transaction was first")]
    Met,
    /// A unique key is taken; names the constraint or its columns.
    #[error("a unique key is taken: {0}")]
    Unique(String),
    /// Stored data breaks an invariant that only a bug or a foreign hand can break.
    #[error("inconsistent data in {table}: {message}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// What is wrong, without secrets.
        message: String,
    },
    /// The database cannot be reached, is full, or did not answer in time; a retry may help later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The migrations cannot be applied.
    #[error("the schema cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The schema was made by a newer program; this one must not touch it.
    #[error(
        "the database has schema version {database}, newer than the {program} of this program: start the newer program, or restore the backup made before the upgrade"
    )]
    Newer {
        /// The version of the schema.
        database: i64,
        /// The newest that this program knows.
        program: i64,
    },
    /// Anything else: a bug in a statement.
    #[error("a statement failed")]
    Statement(#[source] sqlx::Error),
    /// The address is not understood.
    #[error("the database address is not usable: {0}")]
    Address(String),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                if database.is_unique_violation() {
                    let name =
                        database.constraint().map_or_else(|| database.message().to_owned(), str::to_owned);
                    return Self::Unique(name);
                }
                match code.as_str() {
                    // Postgres: serialization failure, deadlock. SQLite: BUSY_SNAPSHOT.
                    "40001" | "40P01" | "517" => Self::Retry(error),
                    // Postgres: connection, resources, operator intervention. SQLite: BUSY, IOERR, FULL, CANTOPEN.
                    // And what Postgres ended because it stood still or took too long.
                    "5" | "10" | "13" | "14" | "25P03" | "57014" => Self::Unavailable(error),
                    _ if code.len() == 5
                        && (code.starts_with("08") || code.starts_with("53") || code.starts_with("57P")) =>
                    {
                        Self::Unavailable(error)
                    }
                    _ => Self::Statement(error),
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            // A connection that broke while a part of an answer was on its way.
            | sqlx::Error::Protocol(_)
            | sqlx::Error::Tls(_) => Self::Unavailable(error),
            _ => Self::Statement(error),
        }
    }
}
