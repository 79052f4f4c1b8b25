//! A whole installation as a stream of parts: backup, restore, and the move to another database.
//!
//! ```text
//! snapshot of an installation ──► parts ──► archive ──► parts ──► empty installation      backup, restore
//!                                      └──────────────────────► empty installation      copy
//! ```
//! Invariants:
//! - One moment: every row comes from one snapshot; the bytes it names are held meanwhile; the Git ledger is cut at the
//!   commit that the snapshot names last.
//! - Nothing is believed before it is checked, and nothing is applied before everything is: an archive is read twice.
//! - What is applied becomes an installation in one moment, the commit of its database. Whatever was there before is only
//!   what the same restore may find again: bytes under their digest, keys and a repository that are the same.
//! - In the end the target is read again: every table that is no index has the digest that the source had, every object that
//!   of its name, the ledger's chain is recomputed.
//!
//! Indexes of search are copied too, for making them again takes longer than everything else; of them rows are counted. The
//! journals of nodes are not here: they are on the nodes. See docs/adr/0013-backup.md.

mod archive;
mod around;
mod form;
mod frame;
mod git;
mod hold;
mod keys;
mod run;
mod source;
mod tables;
mod tally;
mod target;
mod words;

use std::path::Path;

pub(crate) use hold::Sweeping;
pub(crate) use run::{backup, copy, refuse_start, restore};
pub(crate) use words::{problem, words};

/// The folder that a file stands in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What is asked of a backup.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct BackupArgs {
    /// File to write, which must not exist; `-`: standard output.
    #[arg(long, value_name = "FILE")]
    pub to: std::path::PathBuf,
    /// Encrypt it with the passphrase on the first line of this file; the keys of the installation come with it.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<std::path::PathBuf>,
    /// Put the root key and the bootstrap token into it although it is not encrypted: whoever reads it owns the installation.
    #[arg(long, conflicts_with = "without_keys")]
    pub with_keys: bool,
    /// Leave the root key and the bootstrap token out although it is encrypted.
    #[arg(long)]
    pub without_keys: bool,
    /// Go on when content that rows name is not stored; it is counted, and missing after a restore too.
    #[arg(long)]
    pub allow_missing: bool,
}

/// What is asked of a restore.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct RestoreArgs {
    /// The archive.
    #[arg(long, value_name = "FILE")]
    pub from: std::path::PathBuf,
    /// File with the passphrase of the archive.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<std::path::PathBuf>,
    /// Read and check all of it, and change nothing.
    #[arg(long)]
    pub check: bool,
}

/// What is asked of a copy.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct CopyArgs {
    /// The database to copy to: postgres://USER:PASSWORD@HOST:5432/DATABASE. Objects, Git ledger and keys stay where they are.
    #[arg(
        long,
        value_name = "URL",
        env = "MC_COPY_TO",
        hide_env_values = true,
        required_unless_present = "to_config"
    )]
    pub to: Option<String>,
    /// Configuration file of the installation to copy to; objects, Git ledger and keys go where it says.
    #[arg(long, value_name = "FILE")]
    pub to_config: Option<std::path::PathBuf>,
}
