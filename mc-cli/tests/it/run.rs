//! `mc run` with programs that stand for the agents' own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::server::Server;

/// A home with files of the user, and a PATH with the agents.
struct Desk {
    dir: tempfile::TempDir,
}

const USERS: [&str; 4] = [
    ".claude/settings.json",
    ".codex/config.toml",
    ".gemini/settings.json",
    ".config/opencode/opencode.json",
];

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in USERS {
            let file = dir.path().join("home").join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "the user's own").unwrap();
        }
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for agent in ["claude", "codex", "gemini", "opencode"] {
            let program = bin.join(agent);
            std::fs::write(&program, include_str!("agent.py")).unwrap();
            std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { dir }
    }

    fn run(&self, server: &Server, words: &str) -> Command {
        let mut command = server.mc(words);
        let path = format!("{}:/usr/bin:/bin", self.dir.path().join("bin").display());
        command.env("HOME", self.home()).env("PATH", path).env("SEEN", self.seen());
        command
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn seen(&self) -> PathBuf {
        self.dir.path().join("seen")
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn started(agent: &str, home_variable: &str) -> Value {
    let server = Server::start();
    let desk = Desk::new();
    let output = desk.run(&server, &format!("run {agent} -- do --this")).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&std::fs::read(desk.seen()).unwrap()).unwrap();

    assert_eq!(seen["who"]["principal"]["name"], format!("bootstrap-{agent}"));
    let arguments = seen["arguments"].as_array().unwrap();
    assert!(arguments.ends_with(&["do".into(), "--this".into()]), "{arguments:?}");
    let token = seen["grant"]["token"].as_str().unwrap();
    assert!(
        !seen["arguments"].to_string().contains(token) && !seen["environment"].to_string().contains(token)
    );
    assert!(seen["environment"]["MC_TOKEN"].is_null(), "the agent is not the user");
    let home = desk.home().join(".local/state/mc/run").join(agent);
    assert!(
        seen["environment"][home_variable].as_str().unwrap().starts_with(home.to_str().unwrap()),
        "{seen}"
    );
    assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);

    // What is the user's stays as it was, and the grant is gone with the agent.
    let mut left = Vec::new();
    files(&desk.home(), &mut left);
    for file in USERS {
        let file = desk.home().join(file);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "the user's own");
        left.retain(|path| *path != file);
    }
    assert!(left.iter().all(|path| path.starts_with(&home)), "{left:?}");
    assert!(!Path::new(seen["grant_file"].as_str().unwrap()).exists());
    let after = server.mc("auth whoami").env("MC_TOKEN", token).output().unwrap();
    assert_eq!(after.status.code(), Some(3), "the grant is revoked");
    seen
}

#[test]
fn claude_gets_a_file_with_the_server_and_a_home_of_its_own() {
    let seen = started("claude", "CLAUDE_CONFIG_DIR");
    assert!(seen["arguments"][0].as_str().unwrap().starts_with("--mcp-config=/"));
}

#[test]
fn codex_gets_the_server_as_settings() {
    started("codex", "CODEX_HOME");
}

#[test]
fn gemini_gets_settings_that_name_the_grant_by_a_variable() {
    started("gemini", "GEMINI_CLI_HOME");
}

#[test]
fn opencode_gets_a_configuration_of_its_own() {
    started("opencode", "OPENCODE_CONFIG");
}

#[test]
fn preflight_says_all_that_is_missing_and_starts_nothing() {
    let server = Server::start();
    let desk = Desk::new();
    let preflight = |words: &str, change: &dyn Fn(&mut Command)| {
        let mut command = desk.run(&server, &format!("run {words} --preflight-only -o json"));
        change(&mut command);
        let output = command.output().unwrap();
        let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ok: Vec<_> =
            checks.as_array().unwrap().iter().map(|check| check["ok"].as_bool().unwrap()).collect();
        (output.status.code().unwrap(), ok, checks.to_string())
    };
    assert_eq!(preflight("claude", &|_| {}).1, [true, true, true]);
    assert_eq!(preflight("claude", &|_| {}).0, 0);
    let (code, ok, text) = preflight("codex", &|command| {
        command.env("PATH", "/nonexistent");
    });
    assert_eq!((code, ok), (4, vec![false, true, true]));
    assert!(text.contains("npm install -g @openai/codex"), "{text}");
    let (code, ok, _) = preflight("gemini", &|command| {
        command.env("MC_TOKEN", "mcs_junk");
    });
    assert_eq!((code, ok), (3, vec![true, true, false]));
    let (code, ok, text) = preflight("opencode", &|command| {
        command.env("MC_BASE_URL", "http://127.0.0.1:1").env("PATH", "/nonexistent");
    });
    assert_eq!((code, ok), (6, vec![false, false]));
    assert!(text.contains("127.0.0.1:1"), "{text}");
    server.json("create principal looker --role viewer");
    let viewer = server.json("auth login --as looker");
    let (code, ok, text) = preflight("claude", &|command| {
        command.env("MC_TOKEN", viewer["token"].as_str().unwrap());
    });
    assert_eq!((code, ok), (3, vec![true, true, false]));
    assert!(text.contains("contributor"), "{text}");
    assert!(!desk.seen().exists() && !desk.home().join(".local").exists());
}
