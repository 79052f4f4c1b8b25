//! `mc ledger restore` and `mc ledger verify --git` with real processes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::server::Server;

fn publish(server: &Server) {
    for _ in 0..200 {
        if server.json("ledger verify")["unsealed"] == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let asked = said(&server.output("publish --pending -m demo"));
    for approval in asked.split_whitespace().filter(|word| word.starts_with("apr_")) {
        assert!(server.output(&format!("approve {approval}")).status.success(), "{asked}");
    }
    for _ in 0..400 {
        let states = server.json("get publications -m demo")["items"].to_string();
        if !states.contains("\"queued\"") && !states.contains("\"awaiting_approval\"") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it is not published: {asked}");
}

fn bind(server: &Server, root: &Path, base: &str) {
    server.json(&format!("create connection here --kind local --url {}", root.display()));
    let words =
        format!("persistence provision -m demo --connection here --repo ledger.git --base-path {base}");
    let output = server.output(&words);
    assert!(output.status.success(), "{}", said(&output));
}

fn restore(server: &Server, git: &Path, more: &str) -> std::process::Output {
    server.output(&format!("ledger restore --git {} {more}", git.display()))
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn bare(root: &Path) -> PathBuf {
    let path = root.join("ledger.git");
    let mut options = git2::RepositoryInitOptions::new();
    git2::Repository::init_opts(&path, options.bare(true).initial_head("main")).unwrap();
    path
}

#[test]
fn of_installations_side_by_side_all_are_named_and_one_is_chosen() {
    let root = tempfile::tempdir().unwrap();
    let git = bare(root.path());
    let first = Server::start();
    first.json("create mission demo");
    first.json("create kluster work -m demo");
    first.json("create task -m demo -k work --title first");
    let text = first.dir.path().join("guide.md");
    std::fs::write(&text, "one\n").unwrap();
    let put = format!("doc put guide -m demo -k work --file {}", text.display());
    assert!(first.output(&put).status.success(), "{}", said(&first.output(&put)));
    bind(&first, root.path(), "a");
    publish(&first);
    std::fs::write(&text, "two\n").unwrap();
    assert!(first.output(&put).status.success());
    publish(&first);
    drop(first);

    let (left, right) = (Server::start(), Server::start());
    for server in [&left, &right] {
        let output = restore(server, &git, "");
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("1 docs and 0 keystones with 2 versions"), "{}", said(&output));
        let old = server.output("doc get guide -m demo -k work --version 1");
        assert_eq!(said(&old), "one\n");
    }
    assert_eq!(restore(&left, &git, "").status.code(), Some(5), "it is not empty any more");
    bind(&left, root.path(), "a");
    bind(&right, root.path(), "b");
    for (server, title) in [(&left, "left"), (&right, "right")] {
        server.json(&format!("create task -m demo -k work --title {title}"));
        publish(server);
    }
    let shown = said(&left.output(&format!("ledger verify --git {}", git.display())));
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("ok: ") && lines.len() == 4, "{shown}");
    let id = |folder: &str| {
        let line = lines.iter().find(|line| line.contains(&format!(" in {folder}"))).unwrap();
        (line.split_whitespace().next().unwrap().to_owned(), line.contains(": current, goes on from "))
    };
    let ((left_id, left_current), (right_id, right_current)) = (id("a/ledger/after-"), id("b/ledger/after-"));
    assert!(left_current && right_current, "{shown}");
    assert!(shown.contains(" in a/ledger: superseded, the first; "), "{shown}");
    let whole = left.json(&format!("ledger verify --git {}", git.display()));
    assert_eq!(whole["installations"].as_array().unwrap().len(), 3, "{whole}");

    let last = Server::start();
    let refused = restore(&last, &git, "");
    assert_eq!(refused.status.code(), Some(3));
    let told = said(&refused);
    assert!(
        told.contains(&left_id) && told.contains(&right_id) && told.contains("--installation ID"),
        "{told}"
    );
    let unknown = restore(&last, &git, "--installation 0123456789");
    assert_eq!(unknown.status.code(), Some(4), "{}", said(&unknown));
    let chosen = restore(&last, &git, &format!("--installation {}", &right_id[..8]));
    assert!(chosen.status.success(), "{}", said(&chosen));
    assert!(said(&chosen).contains("the chosen one was taken"), "{}", said(&chosen));
    let titles: Vec<Value> = last.json("get tasks -m demo")["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["title"].clone())
        .collect();
    assert_eq!(titles, ["first", "right"]);
}
