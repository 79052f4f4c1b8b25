//! `mc system upgrade --check` with a real server and programs that tell of other versions.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{Server, program};

/// What the real program tells of itself.
fn about() -> Value {
    let output =
        Command::new(program("mc-controlplane")).args(["about", "-o", "json"]).env_clear().output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A program that says this, whatever it is asked.
fn saying(server: &Server, name: &str, text: &str) -> PathBuf {
    let path = server.dir.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\ncat <<'END'\n{text}\nEND\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[track_caller]
fn says(server: &Server, code: i32, words: &str) -> String {
    let output = server.mc(words).env("PATH", "/usr/bin:/bin").output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "mc {words}: {said}");
    said
}

#[test]
fn what_an_upgrade_would_do_is_told_and_nothing_is_changed() {
    let server = Server::start();
    server.mission();
    let same = says(&server, 0, "system upgrade --check");
    assert!(same.contains("nothing to migrate") && same.contains("nothing to do"), "{same}");
    assert!(same.contains("none was named"), "{same}");

    let real = about();
    let schema = real["schema"].as_i64().unwrap();
    let mut newer = real.clone();
    newer["schema"] = json!(schema + 1);
    let more = json!({"version": schema + 1, "description": "something new"});
    newer["migrations"].as_array_mut().unwrap().push(more);
    let path = saying(&server, "newer", &newer.to_string());
    let report = server.json(&format!("system upgrade --check --program {}", path.display()));
    assert_eq!((&report["ok"], &report["is_upgrade"]), (&json!(true), &json!(true)), "{report}");
    assert_eq!(report["migrations"], json!([{"version": schema + 1, "description": "something new"}]));
    let told = says(&server, 0, &format!("system upgrade --check --program {}", path.display()));
    assert!(told.contains("something new") && told.contains("make one first"), "{told}");

    let mut older = real.clone();
    (older["version"], older["schema"]) = (json!("0.0.9"), json!(schema - 1));
    let path = saying(&server, "older", &older.to_string());
    let told = says(&server, 3, &format!("system upgrade --check --program {}", path.display()));
    assert!(told.contains("newer than the") && told.contains("not well: server, database"), "{told}");
    let mut other = real;
    other["build_id"] = json!("0.1.0+other");
    let path = saying(&server, "other", &other.to_string());
    let told = says(&server, 3, &format!("system upgrade --check --program {}", path.display()));
    assert!(told.contains("belong together"), "{told}");
}

#[test]
fn a_backup_is_checked_and_wrong_inputs_are_told() {
    let mut server = Server::start();
    server.mission();
    let (data, archive) = (server.dir.path().join("data"), server.dir.path().join("mc.backup"));
    says(&server, 0, &format!("system backup --to {} --data-dir {}", archive.display(), data.display()));
    let told = says(&server, 0, &format!("system upgrade --check --backup {}", archive.display()));
    assert!(told.contains("it is whole"), "{told}");
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    let damaged = server.output(&format!("system upgrade --check --backup {}", archive.display()));
    assert!(!damaged.status.success(), "{}", String::from_utf8_lossy(&damaged.stdout));

    says(&server, 2, "system upgrade");
    says(&server, 2, "system upgrade --check --passphrase-file x");
    let garbage = saying(&server, "garbage", "not json");
    let told = says(&server, 2, &format!("system upgrade --check --program {}", garbage.display()));
    assert!(told.contains("does not tell what it is"), "{told}");
    let told = says(&server, 2, "system upgrade --check --program /nonexistent/program");
    assert!(told.contains("/nonexistent/program"), "{told}");
    server.kill();
    says(&server, 6, "system upgrade --check");
}
