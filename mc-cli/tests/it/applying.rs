//! `mc apply --server-side`, `mc diff`, `mc edit` and `mc import tasks` with real processes.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::server::Server;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(server: &Server, name: &str, content: &str) -> PathBuf {
    let path = server.dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn manifest(priority: i32) -> String {
    format!(
        "apiVersion: missioncontrol.dev/v1\nkind: Mission\nmetadata: {{name: apollo}}\n---\n\
         apiVersion: missioncontrol.dev/v1\nkind: Kluster\nmetadata: {{name: work, mission: apollo}}\n---\n\
         apiVersion: missioncontrol.dev/v1\nkind: Task\nmetadata: {{name: b, mission: apollo, kluster: work}}\nspec: {{title: B, dependsOn: [a]}}\n---\n\
         apiVersion: missioncontrol.dev/v1\nkind: Task\nmetadata: {{name: a, mission: apollo, kluster: work}}\nspec: {{title: A, priority: {priority}}}\n"
    )
}

#[test]
fn applying_on_the_server_keeps_owners_and_diff_tells_what_would_change() {
    let server = Server::start();
    let file = write(&server, "m.yaml", &manifest(60));
    let shown = file.display();
    let dry = text(&server.output(&format!("apply -f {shown} --dry-run")).stdout);
    assert_eq!(dry.lines().filter(|line| line.ends_with("created (dry run)")).count(), 4, "{dry}");
    assert_eq!(server.output("get mission apollo").status.code(), Some(4));
    assert_eq!(server.output(&format!("diff -f {shown}")).status.code(), Some(1));
    assert!(server.output(&format!("apply -f {shown} --server-side")).status.success());
    let same = server.output(&format!("diff -f {shown} --server-side"));
    assert_eq!((same.status.code(), text(&same.stdout).as_str()), (Some(0), ""), "{}", text(&same.stderr));
    std::fs::write(&file, manifest(80)).unwrap();
    let differs = server.output(&format!("diff -f {shown}"));
    let said = text(&differs.stdout);
    assert_eq!(differs.status.code(), Some(1), "{}", text(&differs.stderr));
    assert!(said.contains("-  priority: 60") && said.contains("+  priority: 80"), "{said}");
    let conflict = server.output(&format!("apply -f {shown} --server-side --field-manager other"));
    let said = text(&conflict.stderr);
    assert!(conflict.status.code() == Some(5) && said.contains("spec.priority (owned by mc)"), "{said}");
    assert!(
        server
            .output(&format!("apply -f {shown} --server-side --field-manager other --force-conflicts"))
            .status
            .success()
    );
    let described = text(&server.output("describe task a -m apollo -k work").stdout);
    assert!(
        described.contains("Fields owned by:\n  mc  spec.title\n  other  spec.priority, spec.title"),
        "{described}"
    );
    std::fs::write(&file, "nonsense").unwrap();
    assert!(server.output(&format!("diff -f {shown}")).status.code() > Some(1));
}

/// An editor that runs a command of sed on the file.
fn editor(server: &Server, name: &str, script: &str) -> PathBuf {
    let path = write(server, name, &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn edit(server: &Server, words: &str, editor: &Path) -> std::process::Output {
    server.mc(words).env("EDITOR", editor).env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap()
}

#[test]
fn an_edit_is_applied_once_and_kept_when_it_cannot_be() {
    let server = Server::start();
    server.mission();
    server.json("create task -m apollo -k work --name a --title Old --labels x=1");
    let good = editor(&server, "good.sh", "sed -i 's/title: Old/title: New/; /x: /d; /labels:/d' \"$1\"");
    let output = edit(&server, "edit task a -m apollo -k work", &good);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let task = server.json("get task a -m apollo -k work");
    assert_eq!(
        (task["title"].as_str(), task["labels"].as_object().map(serde_json::Map::len)),
        (Some("New"), Some(0))
    );
    let nothing = editor(&server, "nothing.sh", "true");
    let output = edit(&server, "edit task a -m apollo -k work", &nothing);
    assert!(output.status.success() && text(&output.stderr).contains("nothing was changed"));
    let kept = |output: &std::process::Output| {
        let said = text(&output.stderr);
        let path = said.split("kept in ").nth(1).unwrap_or_else(|| panic!("{said}"));
        PathBuf::from(path.split([':', '\n']).next().unwrap())
    };
    let bad = editor(&server, "bad.sh", "sed -i 's/priority: 50/priority: 500/' \"$1\"");
    let output = edit(&server, "edit task a -m apollo -k work", &bad);
    assert_eq!(output.status.code(), Some(2));
    assert!(std::fs::read_to_string(kept(&output)).unwrap().contains("priority: 500"));
    // Somebody else is faster.
    let other = format!(
        "MC_BASE_URL={} MC_TOKEN={} {} set priority a 10 -m apollo -k work && sed -i 's/title: New/title: Newer/' \"$1\"",
        server.url(),
        server.token(),
        env!("CARGO_BIN_EXE_mc")
    );
    let racing = editor(&server, "racing.sh", &other);
    let output = edit(&server, "edit task a -m apollo -k work", &racing);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(5) && said.contains("somebody changed it"), "{said}");
    assert!(std::fs::read_to_string(kept(&output)).unwrap().contains("title: Newer"));
    assert_eq!(server.json("get task a -m apollo -k work")["title"], "New");
}

#[test]
fn rows_are_imported_once_and_a_bad_one_is_named() {
    let server = Server::start();
    server.mission();
    let file = write(&server, "rows.csv", "Ref,Summary,depends_on\na,First,b\nb,Second,\n");
    let words = format!(
        "import tasks -m apollo -k work -f {} --format csv --map external_id=Ref --map title=Summary",
        file.display()
    );
    let dry = text(&server.output(&format!("{words} --dry-run")).stdout);
    assert_eq!(dry, "created 2, configured 0, unchanged 0, skipped 0, failed 0 (dry run)\n");
    assert_eq!(server.json("get tasks -m apollo")["items"].as_array().unwrap().len(), 0);
    assert!(server.output(&words).status.success());
    let again = text(&server.output(&words).stdout);
    assert_eq!(again, "created 0, configured 0, unchanged 2, skipped 0, failed 0\n");
    let states: Vec<Value> = server.json("get tasks -m apollo")["items"].as_array().unwrap().clone();
    assert_eq!(states.iter().filter(|task| task["state"] == "pending").count(), 1);
    std::fs::write(&file, "Ref,Summary,priority\nc,Third,\nd,Fourth,high\n").unwrap();
    let bad = server.output(&words);
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad.stdout).contains("line 3  d  failed  priority: "), "{}", text(&bad.stdout));
    let going_on = server.output(&format!("{words} --continue-on-error"));
    assert!(text(&going_on.stdout).contains("created 1, ") && going_on.status.code() == Some(2));
    assert_eq!(server.output("import").status.code(), Some(2));
}

#[test]
fn issues_are_imported_with_their_labels() {
    let server = Server::start();
    server.mission();
    let file = write(
        &server,
        "issues.json",
        r#"[{"number":1,"title":"One","body":"Blocked by #2","labels":[{"name":"area: ui"}],"state":"OPEN","assignees":[],"url":"https://github.com/o/n/issues/1"},
            {"number":2,"title":"Two","body":"","labels":[],"state":"OPEN","assignees":[],"url":"https://github.com/o/n/issues/2"},
            {"number":3,"title":"Three","body":"","labels":[],"state":"CLOSED","assignees":[],"url":"https://github.com/o/n/issues/3"}]"#,
    );
    let words = format!("import tasks -m apollo -k work -f {} --format github-issues", file.display());
    let said = text(&server.output(&words).stdout);
    assert!(said.ends_with("created 2, configured 0, unchanged 0, skipped 1, failed 0\n"), "{said}");
    assert_eq!(server.json("get tasks -m apollo -l area=ui")["items"][0]["state"], "pending");
}

#[test]
fn ten_thousand_rows_take_little_memory() {
    let server = Server::start();
    server.mission();
    let path = server.dir.path().join("many.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let filler = "x".repeat(2000);
    for n in 0..10_000 {
        // Every row is bad, so that reading is what is measured and not the server.
        writeln!(file, r#"{{"id":"r{n}","title":"","description":"{filler}"}}"#).unwrap();
    }
    file.flush().unwrap();
    let words = format!("import tasks -m apollo -k work -f {} --format jsonl", path.display());
    let limited = format!("ulimit -v 400000; exec \"$0\" {words}");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_mc")]).env_clear();
    command
        .env("MC_BASE_URL", server.url())
        .env("MC_TOKEN", server.token())
        .env("MC_CONFIG", server.dir.path().join("c.yaml"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("failed 10000\n"));
}

#[test]
fn docs_are_applied_compared_and_edited_with_their_texts() {
    let server = Server::start();
    server.mission();
    let manifest = |text: &str| {
        format!(
            "apiVersion: missioncontrol.dev/v1\nkind: Doc\nmetadata: {{name: guide, mission: apollo, kluster: work}}\n\
             spec:\n  title: Guide\n  content: |\n    {text}\n"
        )
    };
    let file = write(&server, "doc.yaml", &manifest("one"));
    let shown = file.display();
    let dry = text(&server.output(&format!("apply -f {shown} --dry-run")).stdout);
    assert_eq!(dry, "doc/guide created (dry run)\n");
    assert!(server.output(&format!("apply -f {shown} --server-side")).status.success());
    assert_eq!(server.output(&format!("diff -f {shown} --server-side")).status.code(), Some(0));
    write(&server, "doc.yaml", &manifest("two"));
    let differs = server.output(&format!("diff -f {shown}"));
    let said = text(&differs.stdout);
    assert_eq!(differs.status.code(), Some(1), "{}", text(&differs.stderr));
    assert!(said.lines().any(|line| line.starts_with('-') && line.contains("one")), "{said}");
    assert!(said.lines().any(|line| line.starts_with('+') && line.contains("two")), "{said}");
    let conflict = server.output(&format!("apply -f {shown} --server-side --field-manager other"));
    assert_eq!(conflict.status.code(), Some(5));
    assert!(text(&conflict.stderr).contains("spec.content (owned by mc)"), "{}", text(&conflict.stderr));
    let sed = editor(&server, "text", "sed -i -e 's/one/edited/' -e 's/title: Guide/title: All/' \"$1\"");
    let edited = edit(&server, "edit doc guide -m apollo -k work", &sed);
    assert!(edited.status.success(), "{}", text(&edited.stderr));
    assert_eq!(text(&server.output("doc get guide -m apollo -k work").stdout), "edited\n");
    let doc = server.json("get doc guide -m apollo -k work");
    assert_eq!((&doc["title"], &doc["latest_version"]), (&Value::from("All"), &Value::from(2)));
    let nothing = edit(&server, "edit doc guide -m apollo -k work", &editor(&server, "none", "true"));
    assert!(text(&nothing.stderr).contains("nothing was changed"), "{}", text(&nothing.stderr));
}
