//! Completion, by the script that `mc completion bash` prints, in a real bash.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::Server;

/// What bash offers for the last word of a line. Nothing may be said beside it.
fn offered(server: &Server, line: &str) -> Vec<String> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let script = format!(
        "source <(mc completion bash) && COMP_WORDS=({}) && COMP_CWORD={last} && _clap_complete_mc mc {} x && \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words[last]
    );
    let folder = Path::new(env!("CARGO_BIN_EXE_mc")).parent().unwrap();
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("MC_CONFIG", server.dir.path().join("config.yaml"))
        .env("MC_BASE_URL", server.url())
        .env("MC_TOKEN", server.token())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (said, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    // `compopt` has nothing to set outside of a line that is being typed.
    let errors: Vec<&str> = errors.lines().filter(|line| !line.contains("compopt")).collect();
    assert_eq!(errors, Vec::<&str>::new(), "{line}");
    // Options are offered beside.
    said.lines().filter(|line| !line.is_empty() && !line.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn kinds_and_names_are_completed_and_a_silent_server_is_no_obstacle() {
    let mut server = Server::start();
    server.mission();
    for name in ["artemis", "gemini"] {
        server.json(&format!("create mission {name}"));
    }
    let task =
        server.json("create task -m apollo -k work --title survey")["key"].as_str().unwrap().to_owned();
    assert_eq!(offered(&server, "mc get mis"), ["mission", "missions"]);
    assert_eq!(offered(&server, "mc describe mission a"), ["apollo", "artemis"]);
    assert_eq!(offered(&server, "mc get missions/ge"), ["missions/gemini"]);
    assert_eq!(offered(&server, "mc get tasks -m ar"), ["artemis"]);
    assert_eq!(offered(&server, "mc task cancel "), [task.as_str()]);
    assert_eq!(offered(&server, "mc get tasks -m apollo "), [task.as_str()]);
    assert_eq!(offered(&server, "mc get tasks -m gemini "), Vec::<String>::new());
    server.kill();
    let began = Instant::now();
    assert_eq!(offered(&server, "mc describe mission a"), Vec::<String>::new());
    assert_eq!(offered(&server, "mc get mis"), ["mission", "missions"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
