//! Grammar of knowledge: docs, keystones, workspaces.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use mc_api::Name;

use crate::age::parse_duration;
use crate::complete;
use crate::kind::Kind;

/// `mc doc`. The doc is looked for in the mission of -m and the kluster of -k.
#[derive(Debug, Subcommand)]
pub enum DocCommand {
    /// Create a doc, or write a new version of it
    Put {
        /// Name in the kluster of -k, or directly in the mission of -m
        #[arg(add = complete::of(Kind::Doc))]
        name: Name,
        /// The text, `-` for standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// One line; default for a new doc: its name
        #[arg(long)]
        title: Option<String>,
        /// Why it was written
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        /// Version that the text was made of; without it the newest there is now
        #[arg(long, value_name = "N")]
        base: Option<i64>,
        /// Media type of a new doc; default: text/markdown
        #[arg(long = "type", value_name = "MEDIA")]
        media_type: Option<String>,
        /// Overlapping text that you have seen and take into account, by name or id; may be repeated
        #[arg(long, value_name = "REF", value_delimiter = ',')]
        acknowledge_overlap: Vec<String>,
    },
    /// Print the text
    #[command(disable_version_flag = true)]
    Get {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Doc))]
        reference: String,
        /// Which version; without it the newest
        #[arg(long, value_name = "N")]
        version: Option<i64>,
    },
    /// List the versions
    Versions {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Doc))]
        reference: String,
    },
    /// Compare two versions; by default the newest with the one before it
    Diff {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Doc))]
        reference: String,
        /// The older side
        #[arg(long, value_name = "N")]
        from: Option<i64>,
        /// The newer side
        #[arg(long, value_name = "N")]
        to: Option<i64>,
    },
    /// Publish a version
    #[command(disable_version_flag = true)]
    Publish {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Doc))]
        reference: String,
        /// Which version; without it the newest there is now
        #[arg(long, value_name = "N")]
        version: Option<i64>,
    },
}

/// `mc keystone`. With -k the kluster's workstream, else the north star of the mission of -m.
#[derive(Debug, Subcommand)]
pub enum KeystoneCommand {
    /// Make it from the template, unless it is there
    Init,
    /// Print it
    Show,
    /// Write a new version: of --file, or in the editor of VISUAL or EDITOR
    Edit {
        /// The text, `-` for standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Why it was written
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
    },
}

/// `mc workspace`.
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Load the kluster of -k into a new folder, under a lease
    Load {
        /// The folder
        dir: PathBuf,
        /// What you call it
        #[arg(long)]
        label: Option<String>,
        /// Length of the lease: 15m
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        lease: Option<Duration>,
    },
    /// Show the lease and what has changed in the folder
    Status {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Commit what has changed in the folder: all of it, or nothing
    Commit {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Why
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        /// Overlapping text that you have seen and take into account, by name or id; may be repeated
        #[arg(long, value_name = "REF", value_delimiter = ',')]
        acknowledge_overlap: Vec<String>,
    },
    /// Renew the lease
    Heartbeat {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Length of the lease; without it as before
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        lease: Option<Duration>,
    },
    /// Give the workspace back; the files stay
    Release {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
}
