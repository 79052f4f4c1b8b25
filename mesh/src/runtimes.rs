//! Runtime definitions: how agents are started, as data. No code knows an agent family.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::{self, StateDir};

/// Environment handed to every agent when set for the shim.
const PASSED: &[&str] = &[
    "HOME",
    "PATH",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TERM",
    "TMPDIR",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// How one kind of agent is started and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Program and arguments. A bare name is looked up beside our own programs, then in `PATH`.
    pub command: Vec<String>,
    /// More environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names of further variables taken from the node's environment.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// Authentication method called after `initialize`.
    #[serde(default)]
    pub authenticate: Option<String>,
    /// `session/resume` was proven to work and is preferred to `session/load`.
    #[serde(default)]
    pub resume_proven: bool,
    /// Journal size at which the agent has to wait for acknowledgements; 256 MiB when absent.
    #[serde(default)]
    pub journal_quota_bytes: Option<u64>,
    /// Waiting times.
    #[serde(default)]
    pub timing: Timing,
}

/// Waiting times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// Limit for `initialize`, and for opening a session.
    pub open_ms: u64,
    /// From `session/cancel` to `$/cancel_request`.
    pub cancel_ms: u64,
    /// From `$/cancel_request` to the kill.
    pub cancel_kill_ms: u64,
    /// From closing standard input to TERM.
    pub stop_eof_ms: u64,
    /// From TERM to KILL.
    pub stop_term_ms: u64,
    /// First pause before an agent that died is started again; doubles up to 60 s.
    pub restart_ms: u64,
    /// Pause before the last attempt to restore a session.
    pub restore_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            open_ms: 90_000,
            cancel_ms: 30_000,
            cancel_kill_ms: 10_000,
            stop_eof_ms: 3_000,
            stop_term_ms: 5_000,
            restart_ms: 1_000,
            restore_ms: 5_000,
        }
    }
}

pub(crate) fn millis(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// All runtimes: the built-in ones, overlaid by `runtimes.json`.
pub(crate) fn load(state: &StateDir) -> io::Result<BTreeMap<String, Runtime>> {
    let mut all: BTreeMap<String, Runtime> = [
        ("scripted", &["mc-scripted-agent"][..]),
        ("codex", &["codex-acp"]),
        ("claude", &["claude-agent-acp"]),
        ("gemini", &["gemini", "--acp"]),
        ("opencode", &["opencode", "acp"]),
    ]
    .into_iter()
    .map(|(name, command)| (name.to_owned(), built_in(command)))
    .collect();
    all.extend(files::read_json::<BTreeMap<String, Runtime>>(&state.runtimes())?.unwrap_or_default());
    Ok(all)
}

fn built_in(command: &[&str]) -> Runtime {
    Runtime {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        env: BTreeMap::new(),
        pass_env: ["OPENAI_", "CODEX_", "ANTHROPIC_", "CLAUDE_", "GEMINI_", "GOOGLE_"]
            .map(str::to_owned)
            .into(),
        authenticate: None,
        resume_proven: false,
        journal_quota_bytes: None,
        timing: Timing::default(),
    }
}

/// Finds a program: a path as it is, a bare name beside our own programs and then in `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let name = Path::new(name);
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_owned());
    }
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    env::var_os("MC_BIN_DIR")
        .map(PathBuf::from)
        .into_iter()
        .chain(beside)
        .chain(env::var_os("PATH").iter().flat_map(env::split_paths))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

impl Runtime {
    /// Full path of the program, or `None` when it is not installed.
    pub fn program(&self) -> Option<PathBuf> {
        find_program(self.command.first()?)
    }

    /// How to install the program of a built-in runtime, else what is missing.
    pub(crate) fn hint(&self) -> String {
        let program = self.command.first().map_or("", String::as_str);
        match program {
            "codex-acp" => "npm install -g @agentclientprotocol/codex-acp".to_owned(),
            "claude-agent-acp" => "npm install -g @agentclientprotocol/claude-agent-acp".to_owned(),
            "gemini" => "npm install -g @google/gemini-cli".to_owned(),
            "opencode" => "npm install -g opencode-ai".to_owned(),
            other => format!("{other:?} is neither beside mc-mesh nor on PATH"),
        }
    }

    /// Environment of the agent: allowed variables of this process, then the definition's own. An entry of
    /// `pass_env` that ends in `_` passes every variable with that prefix.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| {
                PASSED.contains(&name.as_str())
                    || name.starts_with("LC_")
                    || name.starts_with("XDG_")
                    || self
                        .pass_env
                        .iter()
                        .any(|pass| name == pass || (pass.ends_with('_') && name.starts_with(pass.as_str())))
            })
            .collect();
        all.extend(self.env.clone());
        all
    }
}
