//! `mc system doctor` with a real server whose store is broken behind its back.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

use crate::server::Server;

#[track_caller]
fn says(server: &Server, code: i32, words: &str) -> String {
    let output = server.output(words);
    check(&output, code, words)
}

#[track_caller]
fn check(output: &Output, code: i32, words: &str) -> String {
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "mc {words}: {said}");
    said
}

fn objects(server: &Server, mission: &str) -> PathBuf {
    server.dir.path().join("data/objects/missions").join(mission).join("sha256")
}

#[expect(clippy::disallowed_methods, reason = "files have their age by the wall clock")]
fn plant_old(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    let at = SystemTime::now() - Duration::from_hours(48);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

#[test]
fn a_store_that_lost_something_is_told_mended_where_it_can_be_and_heals() {
    let server = Server::start();
    server.mission();
    let from = server.dir.path().join("report.txt");
    std::fs::write(&from, "the report").unwrap();
    let put = format!("artifact put {} -m apollo --name report", from.display());
    let artifact = server.json(&put);
    let said = says(&server, 0, "system doctor");
    assert!(said.contains("database") && said.contains("1 contents compared"), "{said}");

    let folder = objects(&server, artifact["mission_id"].as_str().unwrap());
    let path = folder.join(artifact["sha256"].as_str().unwrap());
    let orphan = folder.join("ab".repeat(32));
    std::fs::remove_file(&path).unwrap();
    plant_old(&orphan, b"nobody's");
    let said = says(&server, 3, "system doctor");
    let lost = said.lines().find(|line| line.starts_with("ERROR (missing, open)")).unwrap();
    assert!(lost.contains("artifact report (art_") && lost.contains("of mission apollo"), "{lost}");
    assert!(lost.contains("FIX: ") && lost.contains("mc system restore"), "{lost}");
    assert!(said.lines().any(|line| line.starts_with("WARNING (orphan, open)")), "{said}");
    assert!(said.contains("2 findings about stored contents"), "{said}");

    let said = says(&server, 3, "system doctor --fix");
    assert!(said.contains("(orphan, mended)") && said.contains("DONE: removed"), "{said}");
    assert!(!orphan.exists() && said.contains("1 mended, 1 left"), "{said}");
    let output = server.output("system doctor --fix -o json");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["ok"]), (Some(3), &false.into()));
    assert_eq!(report["objects"]["findings"][0]["kind"], "missing");
    assert_eq!((&report["objects"]["left"], &report["objects"]["mended"]), (&1.into(), &0.into()));

    says(&server, 0, &format!("{put}-again"));
    assert!(says(&server, 0, "system doctor --fix --deep").contains("10 bytes read"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the report");

    std::fs::write(&path, "THE REPORT").unwrap();
    says(&server, 0, "system doctor");
    let said = says(&server, 3, "system doctor --fix --deep");
    assert!(said.contains("(wrong_digest, left)") && said.contains("moved to"), "{said}");
    let log = says(&server, 0, "ledger log --action system.mend -o json");
    assert_eq!(log.matches("\"system.mend\"").count(), 2, "{log}");
}

#[test]
fn a_store_that_cannot_be_read_leaves_the_other_checks() {
    let server = Server::start();
    server.mission();
    let missions = server.dir.path().join("data/objects/missions");
    std::fs::write(&missions, "no folder").unwrap();
    let said = says(&server, 6, "system doctor");
    assert!(said.contains("database") && said.contains("not compared: "), "{said}");
    std::fs::remove_file(&missions).unwrap();
    says(&server, 0, "system doctor");
}

#[test]
fn only_an_admin_compares_contents_and_options_that_contradict_are_refused() {
    let server = Server::start();
    server.mission();
    let login = server.json("auth login --as reader --role viewer");
    let as_reader = |words: &str| {
        let mut command = server.mc(words);
        command.env("MC_TOKEN", login["token"].as_str().unwrap_or_default());
        command.output().unwrap()
    };
    let said = check(&as_reader("system doctor"), 0, "as viewer");
    assert!(said.contains("not compared") && said.contains("admin"), "{said}");
    check(&as_reader("system doctor --fix"), 3, "as viewer");
    let said = check(&as_reader("system doctor --no-objects"), 0, "as viewer");
    assert!(!said.contains("not compared"), "{said}");
    says(&server, 2, "system doctor --no-objects --fix");
    says(&server, 2, "system doctor --no-objects --deep");
    says(&server, 2, "system doctor --mend");
}
