//! `mc search`, `mc overlap` and `mc set`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mc_api::overlap::{OverlapAction, OverlapKind, OverlapMode};
use mc_api::search::SearchKind;
use mc_api::{Name, Role};

use crate::complete;
use crate::kind::Kind;

/// `mc search`.
#[derive(Debug, Args)]
pub struct Search {
    /// Words; what stands between quotation marks must be there as it is
    #[arg(value_name = "QUERY", required = true)]
    pub query: Vec<String>,
    /// Only this kind: task, kluster, doc, artifact, or event alone; may be repeated
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<SearchKind>,
    /// Only in this state; may be repeated
    #[arg(long, value_name = "STATE")]
    pub state: Vec<String>,
    /// Labels: key=value or key, separated by commas
    #[arg(short, long, value_name = "LABELS")]
    pub labels: Option<String>,
    /// Changed at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Changed before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// In every mission, also when the context names one
    #[arg(short = 'A', long)]
    pub all_missions: bool,
    /// At most this many
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// `mc overlap`.
#[derive(Debug, Subcommand)]
pub enum OverlapCommand {
    /// Say what a new task, doc or artifact would overlap; changes nothing
    Check {
        /// task (default), doc or artifact
        #[arg(long)]
        kind: Option<OverlapKind>,
        /// One line; of an artifact its name
        #[arg(long)]
        title: String,
        /// Markdown; of a doc or artifact its text
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Read the text of a doc or artifact here, `-` for standard input
        #[arg(long, value_name = "FILE", conflicts_with = "description", requires = "kind")]
        file: Option<PathBuf>,
        /// Glob of paths it would touch; may be repeated
        #[arg(long = "path", value_name = "GLOB")]
        paths: Vec<String>,
        /// At most this many suggestions
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
    },
    /// Act on a suggestion: link both, let the new task wait, or merge it into the existing one
    Accept {
        /// The suggestion
        #[arg(value_name = "ID")]
        reference: String,
        /// link, wait or merge; default: what the suggestion proposes
        #[arg(long = "as", value_name = "ACTION")]
        resolution: Option<OverlapAction>,
        /// What people should know
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Say that a suggestion is none
    Dismiss {
        /// The suggestion
        #[arg(value_name = "ID")]
        reference: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `mc set`.
#[derive(Debug, Subcommand)]
pub enum SetCommand {
    /// Set a policy
    #[command(subcommand)]
    Policy(SetPolicy),
    /// Set how many tasks of the kluster of -k may be claimed or running at once
    Capacity {
        /// 1 to 10000
        #[arg(value_name = "N", required_unless_present = "none")]
        most: Option<i32>,
        /// As many as there are
        #[arg(long, conflicts_with = "most")]
        none: bool,
    },
    /// Set the runtime that the tasks of the kluster of -k inherit
    Runtime {
        /// The runtime
        #[arg(value_name = "NAME", required_unless_present = "none")]
        runtime: Option<Name>,
        /// None: nodes take no task that names none itself
        #[arg(long, conflicts_with = "runtime")]
        none: bool,
    },
    /// Set the role of a principal in the organization, or with -m in that mission
    Role {
        /// Name or id
        #[arg(value_name = "PRINCIPAL", add = complete::of(Kind::Principal))]
        principal: String,
        /// viewer, contributor or admin
        #[arg(value_name = "ROLE", required_unless_present = "none")]
        role: Option<Role>,
        /// Take the role away
        #[arg(long, conflicts_with = "role")]
        none: bool,
    },
    /// Set the priority of a task
    Priority {
        /// Id, key or name
        #[arg(value_name = "REF", add = complete::of(Kind::Task))]
        reference: String,
        /// 0 to 100, higher is claimed first
        #[arg(value_name = "N")]
        priority: i32,
    },
}

/// `mc set policy`.
#[derive(Debug, Subcommand)]
pub enum SetPolicy {
    /// What creating and changing tasks does about overlapping work, in the mission of -m or the kluster of -k
    Overlap {
        /// suggest, require_ack or block
        #[arg(long, required_unless_present = "inherit")]
        mode: Option<OverlapMode>,
        /// Score in hundredths from which the caller must acknowledge; default: the measured point
        #[arg(long, value_name = "PERCENT", requires = "mode")]
        acknowledge_at: Option<i32>,
        /// Score in hundredths from which `block` refuses; default: the measured point
        #[arg(long, value_name = "PERCENT", requires = "mode")]
        block_at: Option<i32>,
        /// Take the policy away: a kluster then follows its mission, a mission the default
        #[arg(long, conflicts_with = "mode")]
        inherit: bool,
    },
}
