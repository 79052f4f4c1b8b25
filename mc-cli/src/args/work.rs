//! Grammar of working: tasks, artifacts, decisions, publications.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use mc_api::Name;
use mc_api::task::CountBy;

use super::{Selector, parse_selector};
use crate::age::parse_duration;
use crate::complete;
use crate::kind::Kind;

/// One task and the attempt that works on it.
#[derive(Debug, Args)]
pub struct Attempt {
    /// Id, key or name
    #[arg(value_name = "REF", add = complete::of(Kind::Task))]
    pub reference: String,
    /// Attempt that holds the claim; without it the newest, if it is yours
    #[arg(long, value_name = "N")]
    pub attempt: Option<i32>,
}

/// One task and a note.
#[derive(Debug, Args)]
pub struct Noted {
    /// Id, key or name
    #[arg(value_name = "REF", add = complete::of(Kind::Task))]
    pub reference: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `mc task`.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Count tasks by state, for each mission, or for each kluster of the mission of -m
    Counts {
        /// mission or kluster; default: kluster with -m or -k
        #[arg(long, value_name = "WHAT")]
        by: Option<CountBy>,
    },
    /// Claim a task; without REF the best ready one
    Claim {
        /// Id, key or name
        #[arg(value_name = "REF", add = complete::of(Kind::Task))]
        reference: Option<String>,
        /// Length of the lease: 60s
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        lease: Option<Duration>,
        /// What you are capable of; may be repeated (only without REF)
        #[arg(long = "capability", value_name = "WORD", conflicts_with = "reference")]
        capabilities: Vec<String>,
        /// Only tasks that name one of these runtimes; may be repeated (only without REF)
        #[arg(long = "runtime", value_name = "NAME", conflicts_with = "reference")]
        runtimes: Vec<Name>,
        /// Only tasks with these labels: key=value,key2=value2 (only without REF)
        #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "reference", value_parser = parse_selector)]
        selector: Option<Selector>,
    },
    /// Renew the lease
    Heartbeat {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// Length of the lease: 60s
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        lease: Option<Duration>,
    },
    /// Report progress and renew the lease
    Progress {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// 0 to 100
        #[arg(long, value_name = "N")]
        percent: Option<i32>,
        /// What happened
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Complete a task
    Complete {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// The result in words
        #[arg(long, value_name = "TEXT")]
        result: Option<String>,
        /// The result's artifact, by id or name
        #[arg(long, value_name = "REF")]
        artifact: Option<String>,
    },
    /// Give a task up
    Fail {
        /// Which task.
        #[command(flatten)]
        task: Attempt,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Another attempt may help
        #[arg(long)]
        retryable: bool,
    },
    /// Give the claim back; an operator may do it without the attempt
    Release {
        /// Id, key or name
        #[arg(value_name = "REF", add = complete::of(Kind::Task))]
        reference: String,
        /// Attempt that holds the claim
        #[arg(long, value_name = "N")]
        attempt: Option<i32>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Call a task off
    Cancel(Noted),
    /// Hold a task back
    Block(Noted),
    /// Let a held task go on
    Unblock(Noted),
    /// Bring a failed task back
    Retry(Noted),
    /// Accept a task in review
    Accept(Noted),
    /// Send a task in review back
    Reject(Noted),
}

/// `mc artifact`.
#[derive(Debug, Subcommand)]
pub enum ArtifactCommand {
    /// Store a file in the mission of -m
    Put {
        /// The file, `-` for standard input
        file: PathBuf,
        /// Name for people; default: the file's
        #[arg(long)]
        name: Option<String>,
        /// Task it belongs to
        #[arg(long, value_name = "REF")]
        task: Option<String>,
        /// Media type; default: by the name's ending
        #[arg(long = "type", value_name = "MEDIA")]
        media_type: Option<String>,
        /// Overlapping text that you have seen and take into account, by name or id; may be repeated
        #[arg(long, value_name = "REF", value_delimiter = ',')]
        acknowledge_overlap: Vec<String>,
    },
    /// Fetch the bytes; what an interrupted call left is taken up
    #[command(visible_alias = "get")]
    Download {
        /// Id, or name in the mission of -m
        #[arg(value_name = "REF")]
        reference: String,
        /// Write here, after the digest was checked; default: standard output
        #[arg(long, value_name = "FILE", conflicts_with = "url")]
        file: Option<PathBuf>,
        /// Print a URL instead that gives the bytes without a token until it expires
        #[arg(long)]
        url: bool,
        /// How long the URL is good; default 15m
        #[arg(long, value_name = "DURATION", requires = "url", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
}

/// `mc approve`, `mc reject`.
#[derive(Debug, Args)]
pub struct Decide {
    /// Ids of approvals; ID=HEX says which action was seen, by its SHA-256
    #[arg(value_name = "ID", required = true, add = complete::of(Kind::Approval))]
    pub references: Vec<String>,
    /// Words that go with the decision
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Refuse unless the action has this SHA-256 (as `mc describe approval` shows it)
    #[arg(long, value_name = "HEX")]
    pub action_sha256: Option<String>,
    /// Answer an agent with this option that it offers; default: allow or reject once
    #[arg(long, value_name = "ID")]
    pub option: Option<String>,
}

/// `mc publish withdraw|retry`.
#[derive(Debug, Subcommand)]
pub enum PublishCommand {
    /// Give up a publication that is not in Git, such as one that failed
    Withdraw {
        /// Its id
        #[arg(required = true)]
        publications: Vec<String>,
    },
    /// Try again what failed or waits: as it was approved, or anew where its routes lead now
    Retry {
        /// Its id
        #[arg(required = true)]
        publications: Vec<String>,
    },
}

/// `mc publish`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Publish {
    /// What is done with a publication that is there
    #[command(subcommand)]
    pub command: Option<PublishCommand>,
    /// KIND/REF of a mission, kluster, task, doc, keystone or artifact; without a kind: an artifact, by id or name
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Everything of the mission that changed since it was last published
    #[arg(long, conflicts_with_all = ["entities", "task", "message", "plan"])]
    pub pending: bool,
    /// With --pending: only what goes to this binding, by name or id; `-`: to the Git ledger of the installation
    #[arg(long, value_name = "BINDING", requires = "pending", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// Only say what would be published where
    #[arg(long, conflicts_with_all = ["wait", "message"])]
    pub plan: bool,
    /// All artifacts of this task
    #[arg(long, value_name = "REF")]
    pub task: Option<String>,
    /// First line of the commit message
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Wait for the approval and the commit
    #[arg(long)]
    pub wait: bool,
    /// How long at most
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub timeout: Duration,
}
