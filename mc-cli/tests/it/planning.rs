//! Planning with the real `mc`: why, templates, capacity, pauses, and small things that people meet.

use std::process::Command;

use serde_json::Value;

use crate::server::Server;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn task(server: &Server, more: &str) -> String {
    server.json(&format!("create task -m apollo -k work {more}"))["key"].as_str().unwrap().to_owned()
}

#[test]
fn why_says_what_is_in_the_way_and_what_helps() {
    let server = Server::start();
    server.mission();
    let one = task(&server, "--title one");
    let two = task(&server, &format!("--title two --depends-on {one}"));
    let said = text(&server.output(&format!("why task {two}")).stdout);
    assert!(said.starts_with(&format!("{two} is pending: it cannot be claimed\nCODE ")), "{said}");
    assert!(said.contains("dependency_unfinished") && said.contains(&format!("mc why task {one}")), "{said}");
    server.json("set capacity -m apollo -k work 1");
    let three = task(&server, "--title three");
    server.json(&format!("task claim {one}"));
    let refused = server.output(&format!("task claim {three}"));
    assert_eq!(refused.status.code(), Some(5), "{}", text(&refused.stderr));
    let fix = server.json(&format!("why task {three}"))["causes"][0]["fix"].as_str().unwrap().to_owned();
    assert_eq!(fix, "mc set capacity -m apollo -k work 2");
    server.json(fix.strip_prefix("mc ").unwrap());
    server.json("pause mission apollo");
    assert_eq!(server.output(&format!("task claim {three}")).status.code(), Some(5));
    let fix = server.json(&format!("why task {three}"))["causes"][0]["fix"].as_str().unwrap().to_owned();
    server.json(fix.strip_prefix("mc ").unwrap());
    server.json(&format!("task claim {three}"));
    assert_eq!(server.output("why mission apollo").status.code(), Some(2));
    assert_eq!(server.output("pause task apollo-1").status.code(), Some(2));
}

#[test]
fn a_claim_selects_by_label() {
    let server = Server::start();
    server.mission();
    task(&server, "--title one --priority 90 --labels area=a");
    let two = task(&server, "--title two --labels area=b");
    assert_eq!(server.json("task claim -m apollo -l area=b")["key"], two.as_str());
    assert_eq!(server.output("task claim -m apollo -l area=b").status.code(), Some(5));
}

#[test]
fn a_template_makes_tasks() {
    let server = Server::start();
    server.mission();
    let file = server.dir.path().join("bug.yaml");
    let body = "parameters: [{name: part}, {name: how, default: soon}]\ntask: {title: 'Fix {{ part }} {{ how }}', priority: 80}\n";
    std::fs::write(&file, body).unwrap();
    let put = format!("template put bug -m apollo -f {}", file.display());
    assert_eq!(server.json(&put)["number"], 1);
    assert_eq!(server.json(&put)["number"], 1, "the same text is no new version");
    let made = server.json("create task -m apollo -k work --template bug -p part=pump");
    assert_eq!((made["title"].as_str(), made["priority"].as_i64()), (Some("Fix pump soon"), Some(80)));
    let bad = server.output("create task -m apollo -k work --template bug -p part=x -p colour=red");
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad.stderr).contains("/parameters/colour"), "{}", text(&bad.stderr));
    std::fs::write(&file, "task: {title: 'Look at {{ x }}'}\n").unwrap();
    let bad = server.output(&put);
    assert!(
        bad.status.code() == Some(2) && text(&bad.stderr).contains("/task/title"),
        "{}",
        text(&bad.stderr)
    );
    std::fs::write(&file, "task: {title: Look}\n").unwrap();
    assert_eq!(server.json(&put)["number"], 2);
    assert_eq!(server.json("template versions bug -m apollo")["items"].as_array().unwrap().len(), 2);
    assert!(text(&server.output("describe template bug -m apollo").stdout).contains("version 2"));
    assert!(server.output("delete template bug -m apollo").status.success());
    assert_eq!(server.json("get templates -m apollo")["items"].as_array().unwrap().len(), 0);
}

#[test]
fn a_reservation_is_renewed() {
    let server = Server::start();
    server.mission();
    let made = server.json("reserve src/** --repo https://host.example/x/y.git -m apollo --ttl 5m");
    let id = made["id"].as_str().unwrap();
    let renewed = server.json(&format!("renew reservation {id} --ttl 1h"));
    assert_eq!(renewed["ttl_seconds"], 3600);
    assert!(renewed["expires_at"].as_str() > made["expires_at"].as_str());
    assert!(text(&server.output(&format!("renew reservation/{id}")).stdout).contains("renewed until"));
    assert_eq!(server.output("renew task apollo-1").status.code(), Some(2));
}

#[test]
fn the_hook_outside_of_a_checkout_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mc"));
    command.args(["hook", "pre-commit"]).current_dir(dir.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("MC_CONFIG", dir.path().join("none.yaml"));
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("in no Git checkout") && !said.contains("usage: git"), "{said}");
}

#[test]
fn a_description_says_which_policy_is_in_force_and_what_is_linked() {
    let server = Server::start();
    server.mission();
    let shown = |what: &str| text(&server.output(&format!("describe {what}")).stdout);
    let overlap = |text: &str| text.lines().find(|line| line.starts_with("Overlap:")).unwrap().to_owned();
    assert!(overlap(&shown("mission apollo")).ends_with("suggest (the default)"));
    assert!(
        overlap(&shown("kluster work -m apollo"))
            .ends_with("suggest (the default; mission apollo sets none)")
    );
    server.json("set policy overlap --mode block -m apollo");
    assert!(overlap(&shown("kluster work -m apollo")).ends_with("block (of mission apollo)"));
    server.json("set policy overlap --mode suggest -m apollo -k work");
    assert!(overlap(&shown("kluster work -m apollo")).ends_with("suggest (its own)"));
    let make = |title: &str| {
        let output = server
            .mc("create task -m apollo -k work -o json")
            .args([
                "--title",
                title,
                "--description",
                "Retry the upload with a growing pause when the store says 503",
            ])
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let first = make("Retry failed uploads to the object store");
    let second = make("Retry failed uploads to the object store");
    let id = second["overlap_suggestions"][0]["id"].as_str().unwrap();
    server.json(&format!("overlap accept {id} --as link"));
    let (first, second) = (first["key"].as_str().unwrap(), second["key"].as_str().unwrap());
    let text = shown(&format!("task {second}"));
    assert!(text.contains(&format!("\nLinked:\n  {first}  ")), "{text}");
    assert!(shown(&format!("task {first}")).contains(&format!("\nLinked:\n  {second}  ")));
}

#[test]
fn a_table_that_no_terminal_shows_is_not_cut() {
    let server = Server::start();
    server.mission();
    let title = "word ".repeat(40);
    let output = server.mc("create task -m apollo -k work").args(["--title", title.trim()]).output().unwrap();
    assert!(output.status.success());
    let shown = text(&server.output("get tasks -m apollo").stdout);
    assert!(shown.lines().nth(1).unwrap().ends_with(title.trim()), "{shown}");
}
