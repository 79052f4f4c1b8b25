//! Paired migrations, embedded in the binary.

use sqlx::migrate::Migrator;

/// `migrations/postgres`.
pub(super) static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");
/// `migrations/sqlite`.
pub(super) static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
