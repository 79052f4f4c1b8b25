//! Grammar of agents: the tools, and command lines that use them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `mc mcp`.
#[derive(Debug, Subcommand)]
pub enum McpCommand {
    /// Speak MCP on standard input and output
    Serve {
        /// Server and token: {"base_url","token","expires_at"}; read again when it changes
        #[arg(long, value_name = "FILE", env = "MC_GRANT_FILE", hide_env = true)]
        grant_file: Option<PathBuf>,
    },
}

/// `mc run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Which agent
    #[arg(value_enum, value_name = "AGENT")]
    pub agent: AgentProgram,
    /// Only say what is missing
    #[arg(long)]
    pub preflight_only: bool,
    /// Arguments for the agent
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<OsString>,
}

/// Agents whose command line can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum AgentProgram {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
}
