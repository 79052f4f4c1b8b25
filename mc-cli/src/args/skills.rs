//! Grammar of skills.

use std::path::PathBuf;

use clap::Subcommand;

use crate::complete;
use crate::kind::Kind;

/// `mc skill`. Of the mission of -m, with -k of that kluster.
#[derive(Debug, Subcommand)]
pub enum SkillCommand {
    /// Store a folder, or a tar archive, as the next version: a draft
    Push {
        /// Folder with a folder for each skill, or archive (tar, also gzipped), `-` for standard input
        #[arg(value_name = "DIR|FILE")]
        path: PathBuf,
        /// What a kluster takes out of its mission's skills: file or folder; may be repeated
        #[arg(long, value_name = "PATH")]
        remove: Vec<String>,
        /// Why it is stored
        #[arg(long)]
        note: Option<String>,
        /// Publish it at once
        #[arg(long)]
        publish: bool,
    },
    /// Publish a version: agents follow it from their next turn on
    Publish {
        /// Id, m<n>, or k<n> with -k
        #[arg(value_name = "REF", add = complete::of(Kind::Skill))]
        reference: String,
    },
    /// Take a version out of use: the newest one still published holds again
    Deprecate {
        /// Id, m<n>, or k<n> with -k
        #[arg(value_name = "REF", add = complete::of(Kind::Skill))]
        reference: String,
    },
    /// Show what holds: each file, and the version it comes from
    #[command(disable_version_flag = true)]
    Effective {
        /// Another than what holds now: m<n>-k<n>
        #[arg(long = "at", value_name = "VERSION")]
        version: Option<String>,
    },
    /// Write the files of a version to a new folder, to be changed and pushed
    Pull {
        /// The folder
        dir: PathBuf,
        /// Id, m<n>, or k<n> with -k; without it the newest
        #[arg(long, value_name = "REF")]
        from: Option<String>,
    },
    /// Compare two versions
    Diff {
        /// Id, m<n>, or k<n> with -k
        from: String,
        /// Id, m<n>, or k<n> with -k
        to: String,
    },
    /// Bring what holds into a folder where agents work, and say so
    Sync {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Also when files were changed there; the changed ones stay beside
        #[arg(long)]
        force: bool,
    },
    /// Make what was changed in a folder the next version: a draft, of the kluster the folder is synced with, or of the mission
    Promote {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Of the mission itself, also when the folder is synced with a kluster
        #[arg(long)]
        to_mission: bool,
        /// Why
        #[arg(long)]
        note: Option<String>,
        /// Publish it at once
        #[arg(long)]
        publish: bool,
    },
    /// Show what was changed: in a folder, or without one in all copies and agent sessions
    Drift {
        /// The folder
        dir: Option<PathBuf>,
    },
}
