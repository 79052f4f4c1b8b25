//! Arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::ids::SessionId;

/// Node daemon of MissionControl and its local commands.
#[derive(Debug, Parser)]
#[command(name = "mc-mesh", version = crate::BUILD_ID)]
pub struct Args {
    /// Folder that holds everything the node knows.
    #[arg(
        long,
        visible_alias = "state",
        global = true,
        env = "MC_MESH_STATE_DIR",
        default_value = "mesh-state"
    )]
    pub(super) state_dir: PathBuf,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the daemon.
    Run {
        /// Control plane to serve, as `https://HOST:PORT`; without it the node works alone.
        #[arg(long, env = "MC_MESH_SERVER")]
        server: Option<String>,
        /// File with the token to join with; used once, when the node has not joined yet.
        #[arg(long, requires = "server")]
        join_token_file: Option<PathBuf>,
        /// Agent sessions this node takes at once.
        #[arg(long, default_value_t = 8)]
        slots: u32,
        /// Hours that a session which has ended is kept after the control plane has everything of it.
        #[arg(long, default_value_t = 24)]
        keep_ended_hours: u32,
    },
    /// Show how this node is connected and what it has not reported yet.
    Status {
        #[arg(long, short, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Run the shim of one session (started by the daemon).
    #[command(hide = true)]
    Shim {
        #[arg(long)]
        session: SessionId,
    },
    /// Prepare a process and become it (started by daemon and shim).
    #[command(hide = true, subcommand)]
    Exec(Exec),
    /// Create and list sessions.
    #[command(subcommand)]
    Session(Session),
    /// Show the kinds of agents of this node.
    #[command(subcommand)]
    Runtime(Runtime),
    /// Queue a prompt.
    Prompt {
        session: SessionId,
        text: String,
        /// Id of this command; the same id again is carried out once.
        #[arg(long)]
        op_id: Option<String>,
    },
    /// Print events.
    Logs {
        session: SessionId,
        /// First sequence.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Go on until the session has ended.
        #[arg(long, short)]
        follow: bool,
        #[arg(long, short, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Answer a permission request.
    Answer {
        session: SessionId,
        permission: String,
        /// Option to choose; without it the request is declined.
        #[arg(long)]
        option: Option<String>,
        /// Id of this command.
        #[arg(long)]
        op_id: Option<String>,
    },
    /// Cancel the running turn.
    Cancel { session: SessionId },
    /// Let the agent work in another mode that it offers.
    Mode { session: SessionId, mode: String },
    /// Decide how to go on after the agent lost the conversation.
    Decide { session: SessionId, decision: Choice },
    /// End sessions and wait until no process of them is left; prints their ids.
    Stop {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        session: Option<SessionId>,
        /// Every session, also those that are created meanwhile.
        #[arg(long)]
        all: bool,
    },
    /// Show events and type prompts (`/answer ID [OPTION]`, `/cancel`, `/quit`).
    Attach {
        session: SessionId,
        /// Through this node's socket; works without a control plane.
        #[arg(long, required = true)]
        local: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Exec {
    /// Own session, death with the parent, no new privileges.
    Agent {
        #[arg(long)]
        parent: i32,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Leave the caller's session.
    Detached {
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// Create a session and print its id.
    New {
        #[arg(long)]
        runtime: String,
        /// Working directory of the agent.
        #[arg(long, default_value = ".")]
        cwd: PathBuf,
        /// Id to use; the same id again creates nothing.
        #[arg(long)]
        id: Option<SessionId>,
    },
    /// List sessions; needs no daemon.
    List {
        #[arg(long, short, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Runtime {
    /// List runtimes and whether they can be used; needs no daemon.
    List {
        #[arg(long, short, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    NewSession,
    Retry,
}
