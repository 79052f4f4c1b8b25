//! What backup, restore and migration of an installation tell.

use serde::{Deserialize, Serialize};

crate::text_enum! {
    /// What was done with an installation.
    pub enum CopyAction {
        /// It was written to an archive.
        Backup = "backup",
        /// An archive was read and checked, and nothing was changed.
        Check = "check",
        /// It was made of an archive.
        Restore = "restore",
        /// It was copied to another database.
        Migrate = "migrate",
    }
}

/// A migration that a program can apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The version that the schema has afterwards.
    pub version: i64,
    /// What it is about.
    pub description: String,
}

/// What a control plane's program is, without an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramAbout {
    /// The product's version.
    pub version: String,
    /// The build.
    pub build_id: String,
    /// The version it brings a schema to.
    pub schema: i64,
    /// All its migrations, in order.
    pub migrations: Vec<Migration>,
}

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of its rows, the same from either database.
    pub sha256: String,
}

/// An archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// The file, as it was named.
    pub file: String,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 of all of it.
    pub sha256: String,
    /// Whether a passphrase opens it.
    pub encrypted: bool,
    /// Whether the root key and the bootstrap token are in it.
    pub has_keys: bool,
}

/// What was done with an installation. Everything in it was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySummary {
    /// What was done.
    pub action: CopyAction,
    /// Where it went, without secrets; absent for a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The copy was there already, whole; nothing was changed.
    pub already_there: bool,
    /// The archive, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveFile>,
    /// Version of the schema.
    pub schema: i64,
    /// The moment that it shows, RFC 3339.
    pub made_at: String,
    /// The tables, each behind those that it refers to.
    pub tables: Vec<CopiedTable>,
    /// Rows of all tables.
    pub rows: u64,
    /// Contents of artifacts, docs, skills and profiles.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Contents that rows name and that are not stored.
    pub missing_objects: u64,
    /// Position of the last sealed event of the ledger.
    pub ledger_seq: u64,
    /// Its hash.
    pub ledger_hash: String,
    /// Events that were not sealed yet.
    pub ledger_unsealed: u64,
    /// The newest commit of the Git ledger, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// Rows in a second, over all of it.
    pub rows_per_second: u64,
}
