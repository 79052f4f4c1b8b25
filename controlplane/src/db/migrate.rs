//! Paired migrations, embedded in the binary.
//!
//! Postgres: under an advisory lock of the database, so that programs that start together wait for each other.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, PgPool, SqlitePool};

use super::{Backend, DbError};

/// `migrations/postgres`.
static POSTGRES: Migrator = sqlx_macros::migrate!("../migrations/postgres");
/// `migrations/sqlite`.
static SQLITE: Migrator = sqlx_macros::migrate!("../migrations/sqlite");

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version of the schema before; 0: there was none.
    pub from: i64,
    /// Its version now.
    pub to: i64,
}

fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// What is applied and not known here was applied by a newer program.
fn refused(error: MigrateError, migrator: &Migrator) -> DbError {
    match error {
        MigrateError::VersionMissing(database) if database > newest(migrator) => {
            DbError::Newer { database, program: newest(migrator) }
        }
        // The connection was lost on the way: nothing of the migration at hand was applied.
        MigrateError::Execute(error) => match DbError::from(error) {
            DbError::Unavailable(error) => DbError::Unavailable(error),
            DbError::Statement(error) => DbError::Migrate(MigrateError::Execute(error)),
            other => other,
        },
        error => DbError::Migrate(error),
    }
}

/// The newest version that this program knows.
pub(super) fn newest_of(backend: Backend) -> i64 {
    newest(match backend {
        Backend::Postgres => &POSTGRES,
        Backend::Sqlite => &SQLITE,
    })
}

/// The newest version that this program knows; migrations are paired, so that it is the same for both.
pub(crate) fn newest_schema() -> i64 {
    newest(&SQLITE)
}

/// Every migration that this program knows, in order: version and what it is about.
pub(crate) fn known() -> Vec<(i64, String)> {
    SQLITE.iter().map(|migration| (migration.version, migration.description.to_string())).collect()
}

/// A connection whose statements take as long as they take: what is large is rewritten by some migrations.
async fn patient(pool: &PgPool) -> Result<PgConnection, DbError> {
    let mut connection = pool.acquire().await?.detach();
    sqlx::raw_sql("SET statement_timeout = 0").execute(&mut connection).await?;
    Ok(connection)
}

/// Applies what is missing up to a version.
pub(super) async fn postgres_to(pool: &PgPool, version: i64) -> Result<(), DbError> {
    let mut connection = patient(pool).await?;
    POSTGRES.run_to(version, &mut connection).await.map_err(|error| refused(error, &POSTGRES))?;
    Ok(connection.close().await?)
}

/// Applies what is missing up to a version.
pub(super) async fn sqlite_to(pool: &SqlitePool, version: i64) -> Result<(), DbError> {
    SQLITE.run_to(version, pool).await.map_err(|error| refused(error, &SQLITE))
}

pub(super) async fn postgres(pool: &PgPool) -> Result<Migrated, DbError> {
    let (known,): (bool,) =
        sqlx::query_as("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    let from = if known { sqlx::query_as(APPLIED).fetch_one(pool).await? } else { (0,) };
    check(from, &POSTGRES)?;
    let mut connection = patient(pool).await?;
    POSTGRES.run(&mut connection).await.map_err(|error| refused(error, &POSTGRES))?;
    connection.close().await?;
    Ok(Migrated { from: from.0, to: newest(&POSTGRES) })
}

pub(super) async fn sqlite(pool: &SqlitePool) -> Result<Migrated, DbError> {
    let (known,): (bool,) =
        sqlx::query_as("SELECT COUNT(*) > 0 FROM sqlite_master WHERE name = '_sqlx_migrations'")
            .fetch_one(pool)
            .await?;
    let from = if known { sqlx::query_as(APPLIED).fetch_one(pool).await? } else { (0,) };
    check(from, &SQLITE)?;
    SQLITE.run(pool).await.map_err(|error| refused(error, &SQLITE))?;
    Ok(Migrated { from: from.0, to: newest(&SQLITE) })
}

const APPLIED: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";

/// Asked before anything is touched; a newer program that comes between is found by the migrator itself.
fn check((database,): (i64,), migrator: &Migrator) -> Result<(), DbError> {
    let program = newest(migrator);
    if database > program { Err(DbError::Newer { database, program }) } else { Ok(()) }
}
