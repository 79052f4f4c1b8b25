//! Grammar of path reservations and of the Git hook that respects them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::age::parse_duration;
use crate::complete;
use crate::kind::Target;

/// `mc reserve`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Reserve {
    /// Globs (`*`, `**`, `?`, `[a-z]`, `{a,b}`) or folders, from the current folder; with a leading / from the top
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
    /// Remote or absolute path of the repository; default: `origin` of the current checkout
    #[arg(long, value_name = "REPOSITORY")]
    pub repo: Option<String>,
    /// Nobody else may have the paths (the default)
    #[arg(long, conflicts_with = "shared")]
    pub exclusive: bool,
    /// Others may have them shared too
    #[arg(long)]
    pub shared: bool,
    /// Length of the lease, 1m to 24h; default 15m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub ttl: Option<Duration>,
    /// Task it is for; default: `MC_TASK`
    #[arg(long, value_name = "REF")]
    pub task: Option<String>,
    /// Agent session it is for
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// What for
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Wait in line when others have the paths
    #[arg(long)]
    pub queue: bool,
    /// As --queue, and return when the paths are yours
    #[arg(long)]
    pub wait: bool,
    /// How long at most to wait; then the place in line is given up
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// `mc renew`.
#[derive(Debug, Args)]
pub struct Renew {
    /// Kind, or KIND/REF: only a reservation is renewed
    #[arg(add = complete::targets())]
    pub kind: Target,
    /// Ids of reservations
    #[arg(value_name = "ID", add = complete::of_target())]
    pub references: Vec<String>,
    /// Length of the lease from now, 1m to 24h; default: as it was
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub ttl: Option<Duration>,
}

/// `mc hook`.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// Write a Git pre-commit hook that refuses paths reserved by others; an existing hook runs first
    Install {
        /// Folder of the checkout
        #[arg(long, value_name = "DIR", default_value = ".")]
        repo: PathBuf,
        /// What becomes of a commit when the server cannot be asked.
        #[command(flatten)]
        policy: FailPolicy,
    },
    /// Remove the hook and put back what was there before
    Uninstall {
        /// Folder of the checkout
        #[arg(long, value_name = "DIR", default_value = ".")]
        repo: PathBuf,
    },
    /// Ask about the staged paths (run by the hook)
    PreCommit {
        /// What becomes of a commit when the server cannot be asked.
        #[command(flatten)]
        policy: FailPolicy,
    },
}

/// What becomes of a commit when the server cannot be asked.
#[derive(Clone, Copy, Debug, Args)]
pub struct FailPolicy {
    /// Let the commit through, with a warning, when the server cannot be asked (the default)
    #[arg(long, conflicts_with = "fail_closed")]
    pub fail_open: bool,
    /// Refuse the commit when the server cannot be asked
    #[arg(long)]
    pub fail_closed: bool,
}
