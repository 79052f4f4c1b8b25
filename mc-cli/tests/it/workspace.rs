//! `mc workspace` and `mc keystone` with a real server.

use std::process::Output;

use serde_json::json;

use crate::server::Server;

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A server with the doc `plan` in `apollo/work`, and the kluster in a folder.
fn loaded(server: &Server, name: &str) -> std::path::PathBuf {
    let dir = server.dir.path().join(name);
    said(&server.output(&format!("workspace load {} -m apollo -k work", dir.display())));
    dir
}

fn plan(server: &Server) {
    server.mission();
    let file = server.dir.path().join("plan.md");
    std::fs::write(&file, "one\n").unwrap();
    said(&server.output(&format!("doc put plan --file {} -m apollo -k work", file.display())));
    server.json("keystone init -m apollo");
    server.json("keystone init -m apollo -k work");
}

#[test]
fn a_kluster_is_worked_on_in_a_folder_and_committed_at_once() {
    let server = Server::start();
    plan(&server);
    let dir = loaded(&server, "desk");
    let at = dir.display();
    assert_eq!(std::fs::read_to_string(dir.join("docs/plan.md")).unwrap(), "one\n");
    let star = std::fs::read_to_string(dir.join("keystones/north-star.md")).unwrap();
    assert!(star.starts_with("# North star: apollo"), "{star}");
    assert_eq!(server.output(&format!("workspace load {at} -m apollo -k work")).status.code(), Some(2));
    let nothing = server.output(&format!("workspace commit {at}"));
    assert!(nothing.status.success() && nothing.stdout.is_empty());

    std::fs::write(dir.join("docs/plan.md"), "two\n").unwrap();
    std::fs::write(dir.join("docs/new.md"), "new\n").unwrap();
    std::fs::write(dir.join("artifacts/data.csv"), "a,b\n").unwrap();
    std::fs::write(dir.join("keystones/workstream.md"), "what we do\n").unwrap();
    std::fs::write(dir.join("notes.txt"), "mine").unwrap();
    // A link is not followed, wherever it leads.
    std::os::unix::fs::symlink(server.dir.path().join("data/token"), dir.join("docs/token.md")).unwrap();
    let status = server.json(&format!("workspace status {at}"));
    assert_eq!(
        status["changes"],
        json!([
            { "path": "artifacts/data.csv", "change": "create" },
            { "path": "docs/new.md", "change": "create" },
            { "path": "docs/plan.md", "change": "update" },
            { "path": "keystones/workstream.md", "change": "update" },
        ])
    );
    assert_eq!(status["ignored"], json!(["docs/token.md", "notes.txt"]));
    let done = said(&server.output(&format!("workspace commit {at} --note together")));
    assert!(done.ends_with("committed, 4 changes\n"), "{done}");
    assert_eq!(said(&server.output("doc get plan -m apollo -k work")), "two\n");
    assert_eq!(said(&server.output("keystone show -m apollo -k work")), "what we do\n");
    assert_eq!(server.json("doc versions plan -m apollo -k work")["items"][1]["note"], "together");
    let artifact = server.json("get artifacts -m apollo")["items"][0].clone();
    assert_eq!((&artifact["name"], &artifact["media_type"]), (&json!("data.csv"), &json!("text/csv")));

    std::fs::remove_file(dir.join("docs/new.md")).unwrap();
    std::fs::write(dir.join("artifacts/data.csv"), "c,d\n").unwrap();
    said(&server.output(&format!("workspace commit {at}")));
    assert_eq!(server.output("doc get new -m apollo -k work").status.code(), Some(4));
    // What was committed is what is loaded.
    let second = loaded(&server, "second");
    assert_eq!(std::fs::read_to_string(second.join("artifacts/data.csv")).unwrap(), "c,d\n");
    assert!(!second.join("docs/new.md").exists());
    assert_eq!(server.json(&format!("workspace status {}", second.display()))["changes"], json!([]));
    let until = server.json(&format!("workspace heartbeat {at} --lease 1h"))["lease_seconds"].clone();
    assert_eq!(until, 3600);
    said(&server.output(&format!("workspace release {at} --reason done")));
    assert_eq!(server.output(&format!("workspace status {at}")).status.code(), Some(2));
}

#[test]
fn who_comes_second_is_told_what_does_not_fit_and_loses_nothing() {
    let server = Server::start();
    plan(&server);
    let (first, second) = (loaded(&server, "first"), loaded(&server, "second"));
    std::fs::write(first.join("docs/plan.md"), "first\n").unwrap();
    std::fs::write(second.join("docs/plan.md"), "second\n").unwrap();
    std::fs::write(second.join("docs/more.md"), "more\n").unwrap();
    said(&server.output(&format!("workspace commit {}", first.display())));
    let late = server.output(&format!("workspace commit {}", second.display()));
    assert_eq!(late.status.code(), Some(5));
    let text = String::from_utf8(late.stderr).unwrap();
    assert!(text.contains("docs/plan.md: base_mismatch, made of version 1, there is version 2"), "{text}");
    assert_eq!(
        server.output("doc get more -m apollo -k work").status.code(),
        Some(4),
        "nothing was committed"
    );
    assert_eq!(std::fs::read_to_string(second.join("docs/plan.md")).unwrap(), "second\n");
}

#[test]
fn a_commit_whose_answer_was_lost_is_made_once() {
    let server = Server::start();
    plan(&server);
    let dir = loaded(&server, "desk");
    let state = std::fs::read(dir.join(".mc-workspace.json")).unwrap();
    std::fs::write(dir.join("docs/plan.md"), "two\n").unwrap();
    std::fs::write(dir.join("docs/new.md"), "new\n").unwrap();
    let commit = format!("workspace commit {}", dir.display());
    said(&server.output(&commit));
    // As if the answer had never come: the folder knows nothing of the commit.
    std::fs::write(dir.join(".mc-workspace.json"), state).unwrap();
    said(&server.output(&commit));
    assert_eq!(server.json("get doc plan -m apollo -k work")["latest_version"], 2);
    assert_eq!(server.json(&format!("workspace status {}", dir.display()))["workspace"]["commits"], 1);
}

#[test]
fn a_keystone_is_edited_in_the_editor_or_from_a_file() {
    let server = Server::start();
    server.mission();
    assert_eq!(server.output("keystone show -m apollo").status.code(), Some(4));
    assert_eq!(said(&server.output("keystone init -m apollo")), "doc/north-star is there, version 1\n");
    assert_eq!(server.output("keystone edit -m apollo").status.code(), Some(2), "no editor is named");
    let editor = server.dir.path().join("editor");
    std::fs::write(&editor, "#!/bin/sh\nprintf 'by hand\\n' >> \"$1\"\n").unwrap();
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let edit = |editor: &str| server.mc("keystone edit -m apollo").env("EDITOR", editor).output().unwrap();
    assert_eq!(said(&edit(editor.to_str().unwrap())), "doc/north-star version 2 written\n");
    assert!(said(&server.output("keystone show -m apollo")).ends_with("by hand\n"));
    assert_eq!(said(&edit("true")), "doc/north-star unchanged, version 2\n");
    assert_eq!(edit("false").status.code(), Some(3));
    assert_eq!(said(&server.output("keystone init -m apollo")), "doc/north-star is there, version 2\n");
    let file = server.dir.path().join("star.md");
    std::fs::write(&file, "short\n").unwrap();
    said(&server.output(&format!("keystone edit -m apollo --file {}", file.display())));
    assert_eq!(said(&server.output("keystone show -m apollo")), "short\n");
}
