//! One SQL text, two databases: a small facade over sqlx.
//!
//! [`Db`] is the pool, [`Tx`] a transaction (or, for reads, a plain connection), [`Query`] a statement with its
//! values. Placeholders are `$1…$n` in both databases. Nothing outside this folder names a driver.
//!
//! SQLite has exactly one writer connection (FIFO, `BEGIN IMMEDIATE`) beside a pool of readers; Postgres runs
//! READ COMMITTED with explicit row locks in the order mission → task by id → claim →
//! repository (of reservations).

pub(crate) mod bulk;
mod dialect;
mod error;
mod filter;
mod link;
mod migrate;
mod open;
mod presence;
mod reach;
pub(crate) mod statistics;
mod tombstone;
mod tx;

pub use dialect::Backend;
pub(crate) use dialect::placeholders;
pub use error::DbError;
pub use filter::Filter;
pub use migrate::Migrated;
pub(crate) use migrate::{known as known_migrations, newest_schema};
pub use open::{Db, Limits, Listener, check_address};
pub use tombstone::bury;
pub use tx::{Bind, FromDb, Query, Sql, Tx};
