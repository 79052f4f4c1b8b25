//! What the README says of agents that others wrote: codex under a whole installation, against a local model stub.
//!
//! `scripts/third-party-agents.sh codex` installs it; without it the test is skipped, and says so, unless
//! `MC_TEST_AGENTS` names it.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::fleet::{Fleet, eventually, marked};
use crate::model_stub::{PONG, Stub};

/// The folder of the program `codex-acp`; `None` when it is not installed and nobody asked for it.
fn bin() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = set("MC_AGENTS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/agents"), PathBuf::from);
    if cache.join("codex/installed").is_file() {
        return Some(fs::canonicalize(cache).unwrap().join("codex/node_modules/.bin"));
    }
    let wanted = set("MC_TEST_AGENTS").unwrap_or_default().into_string().unwrap();
    assert!(!wanted.split(',').any(|name| name == "codex"), "run scripts/third-party-agents.sh codex");
    let reason = "codex under mc up: run scripts/third-party-agents.sh codex";
    eprintln!("SKIPPED {reason}");
    if let Some(path) = set("MC_TEST_SKIPPED_FILE") {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{reason}").unwrap();
    }
    None
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn codex_works_as_the_readme_says() {
    let Some(bin) = bin() else { return };
    let stub = Stub::start();
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    // As npm installs it: the program is on PATH. The key stands in the environment of `mc up`.
    let mut path = bin.into_os_string();
    path.push(":");
    path.push(inherited);
    let fleet = Fleet::with_env(vec![("PATH", path), ("OPENAI_API_KEY", OsString::from("stub"))]);
    // All that is different from a real one: where codex finds its model.
    fs::create_dir_all(fleet.path("home/.codex")).unwrap();
    let config = format!("openai_base_url = \"{}/v1\"\n", stub.url());
    fs::write(fleet.path("home/.codex/config.toml"), config).unwrap();
    fleet.up();
    let nodes = fleet.ok(&["get", "nodes", "-o", "wide"]);
    assert!(nodes.contains("codex"), "{nodes}");

    fleet.ok(&["create", "mission", "third-party"]);
    let made =
        fleet.json(&["create", "session", "-m", "third-party", "--runtime", "codex", "-o", "json"]).unwrap();
    let session = made["id"].as_str().unwrap();
    let answer = fleet.ok(&["prompt", session, "STUB-PONG", "--wait", "--timeout", "60s"]);
    assert!(answer.contains(PONG), "{answer}");

    // A command that the model wants to run is asked for; nobody answers in time, and the caller hears what waits.
    let witness = fleet.path("ran");
    let prompt = format!("STUB-RUN:touch {};", witness.display());
    let waits = fleet.mc(&["prompt", session, &prompt, "--wait", "--timeout", "8s"]);
    assert_eq!(waits.status.code(), Some(9), "{}", said(&waits));
    let approvals = fleet.json(&["get", "approvals", "-m", "third-party", "--state", "open", "-o", "json"]);
    let approval = approvals.unwrap()["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(said(&waits).contains(&format!("mc approve {approval}")), "{}", said(&waits));
    assert!(!witness.exists(), "it ran before it was allowed");
    fleet.ok(&["approve", &approval]);
    eventually("the command runs", || witness.exists().then_some(()));
    fleet.ok(&["wait", "session", session, "--for", "state=idle", "--timeout", "60s"]);

    fleet.ok(&["prompt", session, "STUB-SLOW"]);
    eventually("the slow answer begins", || fleet.ok(&["logs", session]).contains("slow slow").then_some(()));
    fleet.ok(&["session", "cancel", session]);
    assert_eq!(eventually("the turn is over", || fleet.ended_turn(session, 3))["state"], "cancelled");
    eventually("codex hangs up", || (stub.hung_up() > 0).then_some(()));
    let logs = fleet.ok(&["logs", session]);
    for words in [PONG, approval.as_str(), "ended: cancelled"] {
        assert!(logs.contains(words), "{words}: {logs}");
    }
    assert!(stub.requests().iter().any(|body| body.contains("missioncontrol")), "codex has our MCP server");

    let agent = fleet.get_session(session).unwrap()["agent_pid"].as_i64().unwrap();
    let mark = fleet.mark();
    assert!(marked(&mark).contains(&i32::try_from(agent).unwrap()));
    fleet.ok(&["session", "stop", session]);
    fleet.ok(&["wait", "session", session, "--for", "state=stopped", "--timeout", "60s"]);
    assert_eq!(marked(&mark).len(), 2, "only the control plane and the node are left");
    fleet.down();
    assert_eq!(marked(&mark), Vec::<i32>::new());
}
