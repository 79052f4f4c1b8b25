//! Grammar of exporting.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is exported.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Write a mission as a pack: everything it holds, in one file that `mc import` reads
    Mission(ExportMission),
}

/// `mc export mission`.
#[derive(Debug, Args)]
pub struct ExportMission {
    /// Name or id; default: the mission of -m
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Write to this file instead of standard output
    #[arg(short, long = "filename", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Replace texts that look like credentials by a marker
    #[arg(long, conflicts_with = "keep_secrets")]
    pub scrub: bool,
    /// Leave texts that look like credentials as they are (Admin)
    #[arg(long)]
    pub keep_secrets: bool,
    /// Say what would be in the pack
    #[arg(long)]
    pub dry_run: bool,
}
