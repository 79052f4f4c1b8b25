//! Arguments and environment of the binary.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Parser, ValueEnum};

/// An ACP agent that does what its prompt says. Talks JSON-RPC over standard input and output.
#[derive(Debug, Clone, Parser)]
#[command(name = "mc-scripted-agent", version)]
pub struct Config {
    /// Commands to run for prompts that contain none.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Treat prompts without commands as task assignments: plan, ask once for permission, report.
    #[arg(long, env = "MC_SCRIPTED_TASK", value_parser = FalseyValueParser::new())]
    pub task_mode: bool,
    /// Append every line received and sent to this file, synced before it takes effect.
    #[arg(long, env = "MC_WITNESS", value_name = "FILE")]
    pub witness: Option<PathBuf>,
    /// Keep the history of conversations in this file, so that another process can load them.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// What `session/load` does.
    #[arg(long, value_enum, default_value_t = Load::Full)]
    pub load: Load,
    /// Do not offer `session/load`.
    #[arg(long)]
    pub no_load: bool,
    /// Offer `session/resume`.
    #[arg(long)]
    pub resume: bool,
    /// Internal: start a process of its own session that lives this many seconds, print its pid, end.
    #[arg(long, hide = true, value_name = "SECONDS")]
    pub detach: Option<u64>,
    /// Internal: live this many seconds and do nothing.
    #[arg(long, hide = true, value_name = "SECONDS")]
    pub linger: Option<u64>,
}

/// How `session/load` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// Replays the whole history, then succeeds; unknown sessions are an error.
    Full,
    /// Replays the first half of the history, then succeeds.
    Partial,
    /// Fails for every session.
    Error,
    /// Succeeds for every session, known or not, replays nothing and remembers nothing.
    FalseSuccess,
    /// Is not there, though the capability says so.
    None,
}
