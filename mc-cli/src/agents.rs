//! Command lines of agents as data: which program, how it is installed, and how it is told of our MCP server without
//! touching the user's own files.
//!
//! Each has an instance home of its own, which it keeps its login and history in, and which this program makes. What
//! names the grant of one invocation is given on the command line or in the environment, so that two invocations do
//! not meet; the grant's token itself is in a file only.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::args::AgentProgram;

/// The name that agents know our server by.
const SERVER: &str = "missioncontrol";

/// What an invocation of an agent is made of.
#[derive(Debug)]
pub struct Launch {
    /// Before the user's own arguments.
    pub arguments: Vec<OsString>,
    /// Added to the environment.
    pub environment: Vec<(&'static str, OsString)>,
}

impl AgentProgram {
    /// The program's name, also that of its instance home.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
        }
    }

    /// How to install it.
    pub const fn install(self) -> &'static str {
        match self {
            Self::Claude => "npm install -g @anthropic-ai/claude-code",
            Self::Codex => "npm install -g @openai/codex",
            Self::Gemini => "npm install -g @google/gemini-cli",
            Self::Opencode => "npm install -g opencode-ai",
        }
    }

    /// Prepares the instance home. `mc` is our own program, `grant` the file with the grant, `scratch` a folder that
    /// is gone after the invocation.
    ///
    /// # Errors
    /// When a file in the instance home cannot be written, or is not what the agent itself would read.
    pub fn prepare(self, home: &Path, scratch: &Path, mc: &Path, grant: &Path) -> anyhow::Result<Launch> {
        let serve = ["mcp".into(), "serve".into(), "--grant-file".into(), grant.display().to_string()];
        let serve: [String; 4] = serve;
        let mc = mc.display().to_string();
        let env = |name, value: &Path| (name, value.as_os_str().to_owned());
        Ok(match self {
            Self::Claude => {
                let file = scratch.join("mcp.json");
                let config =
                    json!({ "mcpServers": { SERVER: { "type": "stdio", "command": mc, "args": serve } } });
                write(&file, &config)?;
                // With "=", or the option would take the user's own arguments for more files.
                let mut option = OsString::from("--mcp-config=");
                option.push(&file);
                // Its logs of MCP servers go to the cache.
                let cache = home.join("cache");
                let environment = vec![env("CLAUDE_CONFIG_DIR", home), env("XDG_CACHE_HOME", &cache)];
                Launch { arguments: vec![option], environment }
            }
            Self::Codex => {
                // Strings and arrays of strings are written alike in TOML and JSON.
                let settings = [("command", json!(mc)), ("args", json!(serve))];
                let settings = settings.into_iter().flat_map(|(name, value)| {
                    ["-c".into(), format!("mcp_servers.{SERVER}.{name}={value}").into()]
                });
                Launch { arguments: settings.collect(), environment: vec![env("CODEX_HOME", home)] }
            }
            Self::Gemini => {
                // It has no option for this: the file stays, and names the grant by a variable.
                let serve = ["mcp", "serve", "--grant-file", "$MC_GRANT_FILE"];
                let folder = home.join(".gemini");
                std::fs::create_dir_all(&folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
                put_member(
                    &folder.join("settings.json"),
                    "mcpServers",
                    json!({ "command": mc, "args": serve }),
                )?;
                let environment = vec![env("GEMINI_CLI_HOME", home), env("MC_GRANT_FILE", grant)];
                Launch { arguments: vec![], environment }
            }
            Self::Opencode => {
                let file = scratch.join("opencode.json");
                let command: Vec<&String> = std::iter::once(&mc).chain(&serve).collect();
                let server = json!({ "type": "local", "command": command, "enabled": true });
                write(
                    &file,
                    &json!({ "$schema": "https://opencode.ai/config.json", "mcp": { SERVER: server } }),
                )?;
                let environment = vec![
                    env("OPENCODE_CONFIG", &file),
                    env("XDG_CONFIG_HOME", &home.join("config")),
                    env("XDG_DATA_HOME", &home.join("data")),
                    env("XDG_STATE_HOME", &home.join("state")),
                    env("XDG_CACHE_HOME", &home.join("cache")),
                ];
                Launch { arguments: vec![], environment }
            }
        })
    }
}

fn write(path: &Path, value: &Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// Sets our server in a settings file that the agent writes to as well; all else in it stays.
fn put_member(path: &Path, section: &str, server: Value) -> anyhow::Result<()> {
    let mut settings: Map<String, Value> = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no JSON object; repair or remove it", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let servers = settings.entry(section).or_insert_with(|| json!({}));
    match servers.as_object_mut() {
        Some(servers) => servers.insert(SERVER.into(), server),
        None => anyhow::bail!("{section} in {} is no object; repair or remove it", path.display()),
    };
    write(path, &Value::Object(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_agent_itself_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let prepare =
            || AgentProgram::Gemini.prepare(dir.path(), dir.path(), Path::new("/bin/mc"), Path::new("/g"));
        prepare().unwrap();
        let file = dir.path().join(".gemini/settings.json");
        let mut settings: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        settings["theme"] = json!("dark");
        settings["mcpServers"]["other"] = json!({ "command": "x" });
        write(&file, &settings).unwrap();
        prepare().unwrap();
        let after: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(after, settings);
        std::fs::write(&file, "[]").unwrap();
        assert!(prepare().is_err());
    }
}
