//! Runtime definitions: how agents are started, as data. No code knows an agent family.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::{self, StateDir};
use crate::ids::SessionId;

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
    // The mark of an installation that `mc up` started: `mc down` finds by it what survived.
    "MC_INSTANCE",
];

/// How one kind of agent is started and what is known about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Methods called when the agent asks for authentication: the first whose variable is set for it. Some agents
    /// write the key into the user's files then, so none is called unasked.
    #[serde(default)]
    pub sign_in: Vec<SignIn>,
    /// The vendor's own program, when it speaks no ACP and needs an adapter. That it is installed does not make the
    /// runtime available.
    #[serde(default)]
    pub cli: Option<String>,
    /// Command that installs the program.
    #[serde(default)]
    pub install: Option<String>,
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

/// A way to authenticate without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The agent's word for it.
    pub method: String,
    /// Variable of the agent's environment that holds the key.
    pub env: String,
}

/// A runtime as this node has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeStatus {
    /// Its name.
    pub name: String,
    /// Sessions can be started.
    pub available: bool,
    /// Full path of the program.
    pub program: Option<String>,
    /// Why it is not available, and what to do.
    pub hint: Option<String>,
    /// Name and version of an agent of this runtime whose restored sessions were empty; its sessions ask first.
    pub restore_broken: Option<String>,
}

/// Content of [`StateDir::restore_mark`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RestoreBroken {
    /// Name and version of the agent it is true of.
    pub(crate) agent: String,
    /// Where it was seen.
    pub(crate) session: SessionId,
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
    let mut all: BTreeMap<String, Runtime> = built_in().map(|(name, it)| (name.to_owned(), it)).into();
    all.extend(files::read_json::<BTreeMap<String, Runtime>>(&state.runtimes())?.unwrap_or_default());
    Ok(all)
}

/// All runtimes and whether they can be used, by name.
pub(crate) fn list(state: &StateDir) -> io::Result<Vec<RuntimeStatus>> {
    let of = |(name, runtime): (String, Runtime)| -> io::Result<RuntimeStatus> {
        let broken: Option<RestoreBroken> = files::read_json(&state.restore_mark(&name))?;
        Ok(RuntimeStatus { restore_broken: broken.map(|mark| mark.agent), ..runtime.status(name) })
    };
    load(state)?.into_iter().map(of).collect()
}

/// Each agent sees the keys of its own vendor only.
fn built_in() -> [(&'static str, Runtime); 5] {
    let npm = |package: &str| Some(format!("npm install --global {package}"));
    let sign_in = |ways: &[(&str, &str)]| {
        ways.iter().map(|(method, env)| SignIn { method: (*method).into(), env: (*env).into() }).collect()
    };
    [
        ("scripted", define(&["mc-scripted-agent"], &["MC_WITNESS", "MC_SCRIPTED_TASK"])),
        (
            "claude",
            Runtime {
                cli: Some("claude".into()),
                install: npm("@agentclientprotocol/claude-agent-acp").map(|npm| npm + " (needs Node 22)"),
                // As root, Claude works only where IS_SANDBOX says that it is fenced in; that is for the operator to say.
                ..define(&["claude-agent-acp"], &["ANTHROPIC_", "CLAUDE_", "IS_SANDBOX"])
            },
        ),
        (
            "codex",
            Runtime {
                cli: Some("codex".into()),
                install: npm("@zed-industries/codex-acp"),
                sign_in: sign_in(&[("codex-api-key", "CODEX_API_KEY"), ("openai-api-key", "OPENAI_API_KEY")]),
                ..define(&["codex-acp"], &["OPENAI_", "CODEX_"])
            },
        ),
        (
            "gemini",
            Runtime {
                install: npm("@google/gemini-cli"),
                sign_in: sign_in(&[("gemini-api-key", "GEMINI_API_KEY")]),
                ..define(&["gemini", "--acp"], &["GEMINI_", "GOOGLE_"])
            },
        ),
        (
            "opencode",
            Runtime {
                install: npm("opencode-ai"),
                // It speaks to every vendor.
                ..define(
                    &["opencode", "acp"],
                    &["OPENCODE_", "ANTHROPIC_", "OPENAI_", "GEMINI_", "GOOGLE_", "OPENROUTER_"],
                )
            },
        ),
    ]
}

fn define(command: &[&str], pass_env: &[&str]) -> Runtime {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    Runtime { command: words(command), pass_env: words(pass_env), ..Runtime::default() }
}

impl Runtime {
    /// Full path of the program, or `None` when it is not installed.
    pub fn program(&self) -> Option<PathBuf> {
        find(self.command.first()?)
    }

    /// Whether it can be used here, and if not, why; without a look at the marks.
    pub(crate) fn status(&self, name: String) -> RuntimeStatus {
        let program = self.program();
        let hint = program.is_none().then(|| {
            let wanted = self.command.first().map_or("", String::as_str);
            let cli = self.cli.as_ref().filter(|cli| find(cli).is_some());
            let cause = cli.map_or_else(
                || format!("{wanted} is not installed"),
                |cli| format!("{cli} is installed, but its ACP adapter {wanted} is not"),
            );
            self.install.as_ref().map_or_else(|| cause.clone(), |install| format!("{cause}; run: {install}"))
        });
        let program = program.map(|path| path.display().to_string());
        RuntimeStatus { name, available: hint.is_none(), program, hint, restore_broken: None }
    }

    /// The method to authenticate with when the agent asks, given its environment.
    pub(crate) fn sign_in(&self, env: &BTreeMap<String, String>) -> Option<&str> {
        let set = |name: &String| env.get(name).is_some_and(|value| !value.is_empty());
        self.sign_in.iter().find(|way| set(&way.env)).map(|way| way.method.as_str())
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

/// A program: a path, or a name looked up beside our own programs, then in `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_agent_has_its_own_keys_and_says_how_it_is_installed() {
        for (name, runtime) in built_in() {
            assert_eq!(runtime.install.is_none(), name == "scripted", "{name}");
            let passes_openai = runtime.pass_env.iter().any(|pass| pass == "OPENAI_");
            assert_eq!(passes_openai, ["codex", "opencode"].contains(&name), "{name}");
        }
    }

    #[test]
    fn the_bare_program_of_a_vendor_is_no_runtime() {
        let runtime = Runtime {
            command: vec!["/nonexistent/adapter".into()],
            cli: Some("sh".into()),
            install: Some("npm install adapter".into()),
            ..Runtime::default()
        };
        let status = runtime.status("vendor".into());
        let hint =
            "sh is installed, but its ACP adapter /nonexistent/adapter is not; run: npm install adapter";
        assert_eq!((status.available, status.program, status.hint.as_deref()), (false, None, Some(hint)));
        let runtime = Runtime { command: vec!["sh".into()], ..runtime };
        let status = runtime.status("vendor".into());
        assert!(status.available && status.hint.is_none() && status.program.unwrap().starts_with('/'));
    }

    #[test]
    fn the_first_key_that_is_set_signs_in() {
        let codex = built_in().into_iter().find(|(name, _)| *name == "codex").unwrap().1;
        let env = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(codex.sign_in(&env("OPENAI_API_KEY", "k")), Some("openai-api-key"));
        assert_eq!(codex.sign_in(&env("OPENAI_API_KEY", "")), None);
        assert_eq!(codex.sign_in(&env("GEMINI_API_KEY", "k")), None);
    }
}
