//! Grammar of agent sessions.

use std::time::Duration;

use clap::{Args, Subcommand};
use mc_api::session::SessionDecision;

use super::{Selector, parse_selector};
use crate::age::parse_duration;
use crate::complete;
use crate::kind::Kind;

/// `mc create session`.
#[derive(Debug, Args)]
pub struct CreateSession {
    /// Runtime of the agent; default: the task's or its kluster's
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<String>,
    /// Ready task to claim for the agent, by id or key; it becomes the first prompt
    #[arg(long, value_name = "REF", add = complete::of(Kind::Task))]
    pub task: Option<String>,
    /// Node to run on; default: one that has the runtime and room
    #[arg(long, value_name = "REF", add = complete::of(Kind::Node))]
    pub node: Option<String>,
    /// Working directory on the node; default: a folder of its own
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<String>,
    /// Labels: key=value,…
    #[arg(long, value_parser = parse_selector)]
    pub labels: Option<Selector>,
}

/// `mc prompt`.
#[derive(Debug, Args)]
pub struct Prompt {
    /// Id of the session
    #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
    pub session: String,
    /// The prompt
    pub text: String,
    /// Wait until the turn is over; permissions may be answered from elsewhere meanwhile
    #[arg(long)]
    pub wait: bool,
    /// How long at most; then it ends with 9 when the turn waits for an approval, which it names, and with 7 otherwise
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// `mc logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Id of the session
    #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
    pub session: String,
    /// Begin at this event
    #[arg(long, value_name = "SEQ", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub from: i64,
    /// Go on until the session has ended
    #[arg(long)]
    pub follow: bool,
}

/// `mc attach`.
#[derive(Debug, Args)]
pub struct Attach {
    /// Id of the session
    #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
    pub session: String,
    /// Begin at this event; default: the beginning
    #[arg(long, value_name = "SEQ", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub from: i64,
}

/// `mc session`.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Cancel the running turn, or the newest prompt that waits
    Cancel {
        /// Id of the session
        #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
        session: String,
    },
    /// Take a prompt back that waits
    Dequeue {
        /// Id of its turn
        #[arg(value_name = "TURN", add = complete::of(Kind::Turn))]
        turn: String,
    },
    /// Let the agent work in another mode that it offers
    Mode {
        /// Id of the session
        #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
        session: String,
        /// Id of the mode, as `mc describe session` shows them
        #[arg(value_name = "MODE")]
        mode: String,
    },
    /// Show the end of the conversation, folded: words, tools, permissions
    Conversation {
        /// Id of the session
        #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
        session: String,
        /// At most so many items
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Go on before where a page began (its next_cursor)
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Stop a session for good
    Stop {
        /// Id of the session
        #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
        session: String,
    },
    /// Decide for a session whose agent forgot the conversation
    Decide {
        /// Id of the session
        #[arg(value_name = "SESSION", add = complete::of(Kind::Session))]
        session: String,
        /// `new_session` or retry
        decision: SessionDecision,
    },
}
