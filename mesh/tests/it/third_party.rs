//! Agents that others wrote, under `mc-mesh`, against a local model stub.
//!
//! `scripts/third-party-agents.sh` installs them; `MC_TEST_AGENTS` names those that must be there (`codex,claude`).
//! An agent that is neither named nor installed is skipped, and said to be.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::model_stub::{PONG, Stub};
use crate::rig::{Rig, eventually, kill, marked, start_time};

const NO_GROUP: i64 = -1;
/// In the arguments of no process.
const NO_WORDS: &str = "\u{0}";

/// A third-party agent that is installed.
struct Agent {
    name: &'static str,
    bin: PathBuf,
}

impl Agent {
    /// `None` when it is not installed and nobody asked for it.
    fn find(name: &'static str) -> Option<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let cache = set("MC_AGENTS_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/agents"), PathBuf::from);
        let wanted = set("MC_TEST_AGENTS").unwrap_or_default().into_string().unwrap();
        let bin = cache.join(name).join("node_modules/.bin");
        let is_installed = cache.join(name).join("installed").is_file();
        let is_wanted = wanted.split(',').any(|wanted| wanted == name);
        assert!(is_installed || !is_wanted, "{name} is wanted: scripts/third-party-agents.sh {name}");
        if is_installed && (is_wanted || name == "codex") {
            return Some(Self { name, bin });
        }
        let reason =
            format!("third-party agent {name}: run scripts/third-party-agents.sh {name}, set MC_TEST_AGENTS");
        eprintln!("SKIPPED {reason}");
        // The others are on demand, so their absence is no gap in a run.
        if name == "codex"
            && let Some(path) = set("MC_TEST_SKIPPED_FILE")
        {
            let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            writeln!(file, "{reason}").unwrap();
        }
        None
    }

    /// Whether this version gets a conversation back from a process that was killed in a turn.
    /// Gemini writes its conversation when it finds time: killed, it comes back with it or without.
    fn always_restores(&self) -> bool {
        self.name != "gemini"
    }

    /// A node whose runtime is this agent, pointed at the stub; its home is in the rig's folder.
    fn rig(&self, stub: &Stub) -> Rig {
        Rig::with_runtime(|dir| {
            let home = dir.join("home");
            fs::create_dir(&home).unwrap();
            let mut path = OsString::from(&self.bin);
            path.extend([OsString::from(":"), env::var_os("PATH").unwrap_or_default()]);
            let (program, arguments, own_env, sign_in) = self.definition(&home, stub);
            let mut command = vec![self.bin.join(program).display().to_string()];
            command.extend(arguments.iter().map(|&argument| argument.to_owned()));
            let mut env = json!({"HOME": home, "PATH": path.to_str().unwrap()});
            env.as_object_mut().unwrap().extend(own_env.as_object().unwrap().clone());
            json!({
                "command": command, "env": env, "sign_in": sign_in,
                "timing": {"cancel_ms": 20_000, "stop_eof_ms": 500, "stop_term_ms": 1_000, "restart_ms": 20},
            })
        })
    }

    fn definition(&self, home: &Path, stub: &Stub) -> (&'static str, &'static [&'static str], Value, Value) {
        match self.name {
            "codex" => {
                let config = format!(
                    "model = \"stub\"\nmodel_provider = \"stub\"\n[model_providers.stub]\nname = \"stub\"\n\
                     base_url = \"{}/v1\"\nwire_api = \"responses\"\nenv_key = \"OPENAI_API_KEY\"\n\
                     requires_openai_auth = false\n",
                    stub.url()
                );
                fs::write(home.join("config.toml"), config).unwrap();
                ("codex-acp", &[], json!({"CODEX_HOME": home, "OPENAI_API_KEY": "stub"}), json!([]))
            }
            "claude" => {
                let env = json!({
                    "ANTHROPIC_BASE_URL": stub.url(), "ANTHROPIC_API_KEY": "stub", "IS_SANDBOX": "1",
                    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                });
                ("claude-agent-acp", &[], env, json!([]))
            }
            "gemini" => {
                let env = json!({"GEMINI_API_KEY": "stub", "GOOGLE_GEMINI_BASE_URL": stub.url()});
                let sign_in = json!([{"method": "gemini-api-key", "env": "GEMINI_API_KEY"}]);
                ("gemini", &["--acp", "-m", "gemini-2.5-flash"], env, sign_in)
            }
            "opencode" => {
                let folder = home.join(".config/opencode");
                fs::create_dir_all(&folder).unwrap();
                let config = json!({
                    "autoupdate": false, "model": "stub/stub-model",
                    "provider": {"stub": {
                        "npm": "@ai-sdk/openai-compatible", "name": "stub", "models": {"stub-model": {}},
                        "options": {"baseURL": format!("{}/v1", stub.url()), "apiKey": "stub"},
                    }},
                });
                fs::write(folder.join("opencode.json"), config.to_string()).unwrap();
                ("opencode", &["acp"], json!({"OPENCODE_DISABLE_AUTOUPDATE": "1"}), json!([]))
            }
            other => panic!("no definition of {other}"),
        }
    }
}

fn pid(rig: &Rig, id: &str, key: &str) -> i64 {
    rig.meta(id).unwrap()[key].as_i64().unwrap()
}

/// Processes whose arguments contain `words`, or that belong to process group `group`.
fn processes(words: &str, group: i64) -> Vec<i64> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i64>().ok())
        .filter(|pid| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let of_group = stat.rsplit(')').next().and_then(|fields| fields.split(' ').nth(3)?.parse().ok());
            (arguments.contains(words) || of_group == Some(group)) && start_time(*pid).is_some()
        })
        .collect()
}

/// Kills one process of the running turn and asserts that everything else went with it and the session came back.
fn kill_and_recover(rig: &Rig, id: &str, key: &str, words: &str, count: usize) {
    let agent = pid(rig, id, "agent_pid");
    let old = marked(id);
    kill(pid(rig, id, key));
    rig.wait_event(id, "interrupted", count);
    let epoch = count + 1;
    eventually("a new agent process", || rig.meta(id).filter(|meta| meta["epoch"] == epoch));
    let left: Vec<i64> = old.into_iter().filter(|pid| start_time(*pid).is_some()).collect();
    assert_eq!((left, processes(words, agent)), (Vec::new(), Vec::new()));
}

fn talks_and_cancels(agent: &Agent) {
    let stub = Stub::start();
    let rig = agent.rig(&stub);
    let id = rig.session();
    rig.prompt(&id, "STUB-PONG and my word is walrus");
    assert_eq!(rig.wait_event(&id, "turn_end", 1)["outcome"], "end_turn");
    assert!(rig.text(&id).ends_with(PONG), "{}", rig.text(&id));
    assert!(stub.requests().iter().any(|body| body.contains("my word is walrus")));
    rig.prompt(&id, "STUB-SLOW");
    eventually("the slow answer begins", || rig.text(&id).contains("slow slow").then_some(()));
    rig.ok(&["cancel", &id]);
    assert_eq!(rig.wait_event(&id, "turn_end", 2)["outcome"], "cancelled");
    eventually("the agent hangs up", || (stub.hung_up() > 0).then_some(()));
    rig.prompt(&id, "STUB-PONG");
    assert_eq!(rig.wait_event(&id, "turn_end", 3)["outcome"], "end_turn");
    let group = pid(&rig, &id, "agent_pid");
    rig.ok(&["stop", &id]);
    assert_eq!((marked(&id), processes(NO_WORDS, group)), (Vec::new(), Vec::new()));
    assert_eq!(rig.wait_state(&id, "stopped")["epoch"], 1);
}

fn killed_in_a_turn_leaves_no_process(agent: &Agent) {
    let stub = Stub::start();
    let rig = agent.rig(&stub);
    let id = rig.session();
    let (mut session, mut is_lost) = (rig.meta(&id).unwrap()["agent_session"].clone(), false);
    rig.prompt(&id, "STUB-PONG and my word is walrus");
    rig.wait_event(&id, "turn_end", 1);
    for (count, key) in [(1, "agent_pid"), (2, "shim_pid")] {
        let before = stub.requests().len();
        rig.prompt(&id, "STUB-SLOW");
        eventually("the model is asked", || (stub.requests().len() > before).then_some(()));
        rig.wait_state(&id, "running");
        kill_and_recover(&rig, &id, key, NO_WORDS, count);
        let back = eventually("the session is back", || {
            rig.meta(&id).filter(|meta| meta["state"] == "idle" || meta["state"] == "requires_action")
        });
        if back["state"] == "idle" {
            assert_eq!(back["agent_session"], session);
            continue;
        }
        assert!(!agent.always_restores(), "{back}");
        assert_eq!(back["reason"], "context_lost");
        rig.ok(&["decide", &id, "new-session"]);
        session = rig.wait_state(&id, "idle")["agent_session"].clone();
        is_lost = true;
    }
    let before = stub.requests().len();
    rig.prompt(&id, "STUB-PONG");
    assert_eq!(rig.wait_event(&id, "turn_end", 2)["outcome"], "end_turn");
    // Success is not believed: what the model is told shows whether the agent still has the conversation.
    let remembers = stub.requests()[before..].iter().any(|body| body.contains("my word is walrus"));
    assert_eq!(remembers, !is_lost);
    rig.ok(&["stop", &id]);
    assert_eq!(marked(&id), Vec::<i64>::new());
}

#[test]
fn codex_talks_and_cancels() {
    Agent::find("codex").iter().for_each(talks_and_cancels);
}

#[test]
fn claude_talks_and_cancels() {
    Agent::find("claude").iter().for_each(talks_and_cancels);
}

#[test]
fn gemini_talks_and_cancels() {
    Agent::find("gemini").iter().for_each(talks_and_cancels);
}

#[test]
fn opencode_talks_and_cancels() {
    Agent::find("opencode").iter().for_each(talks_and_cancels);
}

#[test]
fn codex_killed_in_a_turn_leaves_no_process() {
    Agent::find("codex").iter().for_each(killed_in_a_turn_leaves_no_process);
}

#[test]
fn claude_killed_in_a_turn_leaves_no_process() {
    Agent::find("claude").iter().for_each(killed_in_a_turn_leaves_no_process);
}

#[test]
fn gemini_killed_in_a_turn_leaves_no_process() {
    Agent::find("gemini").iter().for_each(killed_in_a_turn_leaves_no_process);
}

#[test]
fn opencode_killed_in_a_turn_leaves_no_process() {
    Agent::find("opencode").iter().for_each(killed_in_a_turn_leaves_no_process);
}

/// The command that the model wants runs only after a person said so, and dies with the agent, with the shim and with
/// the session.
#[test]
fn codex_asks_before_it_runs_a_command_and_the_command_ends_with_it() {
    let Some(agent) = Agent::find("codex") else { return };
    let stub = Stub::start();
    let rig = agent.rig(&stub);
    let id = rig.session();
    // Told apart from every other process of the machine by its length.
    let command = format!("sleep 86{:06}", std::process::id());
    let run = |count: usize, option: &str| {
        rig.prompt_again(&id, &format!("STUB-RUN:{command};"), &format!("run-{count}"));
        let open = rig.wait_event(&id, "permission_open", count);
        assert_eq!(processes(&command, NO_GROUP), Vec::<i64>::new(), "it runs before the permission");
        let options = open["options"].as_array().unwrap();
        let chosen = options.iter().find(|o| o["kind"] == option).unwrap_or_else(|| panic!("{options:?}"));
        rig.ok(&[
            "answer",
            &id,
            open["id"].as_str().unwrap(),
            "--option",
            chosen["optionId"].as_str().unwrap(),
        ]);
    };
    let runs = || {
        eventually("the command runs", || Some(processes(&command, NO_GROUP)).filter(|pids| !pids.is_empty()))
    };
    run(1, "reject_once");
    rig.wait_event(&id, "turn_end", 1);
    assert_eq!(processes(&command, NO_GROUP), Vec::<i64>::new());
    run(2, "allow_once");
    runs();
    kill_and_recover(&rig, &id, "agent_pid", &command, 1);
    rig.wait_state(&id, "idle");
    run(3, "allow_once");
    runs();
    kill_and_recover(&rig, &id, "shim_pid", &command, 2);
    rig.wait_state(&id, "idle");
    run(4, "allow_once");
    runs();
    rig.ok(&["stop", &id]);
    assert_eq!((marked(&id), processes(&command, NO_GROUP)), (Vec::new(), Vec::new()));
}
