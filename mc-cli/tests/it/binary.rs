//! The binary itself, without a server: exit codes, where things are printed, files.

use std::path::Path;
use std::process::{Command, Output};

fn mc(config: &Path, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mc"))
        .args(words.split_whitespace())
        .env_clear()
        .env("MC_CONFIG", config)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_and_completion_are_answers_and_a_wrong_word_is_usage() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c");
    let help = mc(&config, "--help");
    assert!(help.status.success() && text(&help.stdout).contains("Usage: mc"));
    for shell in ["bash", "zsh", "fish"] {
        let script = mc(&config, &format!("completion {shell}"));
        assert!(script.status.success() && text(&script.stdout).contains("MC_COMPLETE"), "{shell}");
    }
    let wrong = mc(&config, "get gizmos");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stdout.is_empty() && text(&wrong.stderr).contains("no such kind"));
}

#[test]
fn contexts_are_kept_switched_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("deep/config.yaml");
    assert!(mc(&config, "config set-context local --server http://127.0.0.1:9 -m apollo").status.success());
    assert!(mc(&config, "config set-context far --server https://mc.example.org").status.success());
    assert!(mc(&config, "config use-context far").status.success());
    let list = text(&mc(&config, "config get-contexts").stdout);
    insta::assert_snapshot!("contexts", list);
    assert_eq!(mc(&config, "config use-context none").status.code(), Some(4));
    assert_eq!(mc(&config, "config set-context bad --server http://10.0.0.1").status.code(), Some(2));
    assert!(mc(&config, "config delete-context far").status.success());
    let view = text(&mc(&config, "config view -o json").stdout);
    assert!(view.contains("\"local\"") && !view.contains("far"), "{view}");
    assert_eq!(text(&mc(&config, "config path").stdout).trim(), config.to_str().unwrap());
}

#[test]
fn no_server_says_which_address_and_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c");
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let call = format!("get missions --server http://{address}");
    let plain = mc(&config, &call);
    assert_eq!(plain.status.code(), Some(6));
    let said = text(&plain.stderr);
    assert!(said.contains(&address.to_string()) && said.contains("fix: start a server"), "{said}");
    let json = mc(&config, &format!("{call} -o json"));
    assert_eq!((json.status.code(), json.stdout.len()), (Some(6), 0));
    let problem: mc_api::Problem = serde_json::from_slice(&json.stderr).unwrap();
    assert_eq!(problem.kind, "urn:missioncontrol:client:unreachable");
}

#[test]
fn what_is_wrong_on_this_side_is_found_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c");
    let code = |words: &str| mc(&config, words).status.code();
    assert_eq!(code("create kluster k"), Some(2), "no mission");
    assert_eq!(code("apply -f /nonexistent.yaml"), Some(2));
    assert_eq!(code("delete approval apr_1"), Some(2));
    assert_eq!(code("wait mission a --for state=done"), Some(2));
    assert_eq!(code("wait task a --for state=finished"), Some(2));
    assert_eq!(code("ledger verify --git /nonexistent"), Some(4));
    std::fs::write(dir.path().join("export"), "{}\n").unwrap();
    let bad = format!("ledger verify -o json --file {}", dir.path().join("export").display());
    let answer = mc(&config, &bad);
    assert_eq!(answer.status.code(), Some(3));
    assert!(text(&answer.stdout).contains("\"ok\": false") && text(&answer.stderr).contains("line 1"));
}
