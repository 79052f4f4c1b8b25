//! `mc doc` with a real server.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::json;

use crate::server::Server;

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// `mc …` with this standard input.
fn piped(server: &Server, words: &str, text: &str) -> Output {
    let mut child =
        server.mc(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_doc_is_put_read_compared_published_and_deleted() {
    let server = Server::start();
    server.mission();
    let at = "-m apollo -k work";
    let file = server.dir.path().join("guide.md");
    std::fs::write(&file, "one\n").unwrap();
    let put = format!("doc put guide --file {} {at}", file.display());
    assert_eq!(said(&server.output(&put)), "doc/guide created, version 1\n");
    assert_eq!(said(&server.output(&put)), "doc/guide has this text already, version 1\n");
    let second = piped(&server, &format!("doc put guide --file - --note why {at}"), "one\ntwo\n");
    assert_eq!(said(&second), "doc/guide version 2 written\n");
    let late = piped(&server, &format!("doc put guide --file - --base 1 {at}"), "mine\n");
    assert_eq!(late.status.code(), Some(5));
    let text = String::from_utf8(late.stderr).unwrap();
    assert!(text.contains("guide: base_mismatch, made of version 1, there is version 2"), "{text}");

    for bad in [vec![0xff, 0xfe], vec![b'x'; 1024 * 1024 + 1]] {
        std::fs::write(&file, bad).unwrap();
        assert_eq!(server.output(&put).status.code(), Some(2));
    }

    assert_eq!(said(&server.output(&format!("doc get guide {at}"))), "one\ntwo\n");
    assert_eq!(said(&server.output(&format!("doc get guide --version 1 {at}"))), "one\n");
    let diff = said(&server.output(&format!("doc diff guide {at}")));
    assert!(diff.contains("\n+two\n"), "{diff}");
    assert_eq!(server.json(&format!("doc versions guide {at}"))["items"][1]["note"], "why");
    assert_eq!(said(&server.output(&format!("doc publish guide {at}"))), "doc/guide version 2 published\n");
    assert_eq!(server.json("wait doc guide --for state=published -m apollo")["published_version"], 2);
    let listed = said(&server.output("get docs -m apollo"));
    assert!(listed.contains("guide") && listed.contains("published"), "{listed}");
    let described = said(&server.output(&format!("describe doc guide {at}")));
    assert!(described.contains("doc.publish") && described.contains("version 2"), "{described}");
    assert_eq!(said(&server.output(&format!("delete doc guide {at}"))), "doc/guide deleted\n");
    assert_eq!(server.output(&format!("doc get guide {at}")).status.code(), Some(4));
}

#[test]
fn a_manifest_makes_a_doc_and_leaves_what_it_does_not_mention() {
    let server = Server::start();
    server.mission();
    let file = server.dir.path().join("docs.yaml");
    let manifest = |content: &str| {
        let text = format!(
            "apiVersion: missioncontrol.dev/v1\nkind: Doc\nmetadata: {{name: guide, mission: apollo, kluster: work}}\n\
             spec: {{title: The guide, content: {content:?}}}\n---\n\
             apiVersion: missioncontrol.dev/v1\nkind: Doc\nmetadata: {{name: guide, mission: apollo}}\nspec: {{content: direct}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let applied = server.json(&format!("apply -f {}", file.display()));
        let items = applied["items"].as_array().unwrap();
        items.iter().map(|item| item["result"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(manifest("one"), ["created", "created"]);
    assert_eq!(manifest("one"), ["unchanged", "unchanged"]);
    assert_eq!(manifest("two"), ["configured", "unchanged"]);
    let doc = server.json("get doc guide -m apollo -k work");
    assert_eq!((&doc["latest_version"], &doc["title"]), (&json!(2), &json!("The guide")));
    // What `get -o yaml` prints changes nothing when it is applied again.
    let printed = said(&server.output("get doc guide -m apollo -k work -o yaml"));
    let again = piped(&server, "apply -f - -o json", &printed);
    assert!(said(&again).contains("unchanged"), "{printed}");
    assert_eq!(said(&server.output(&format!("delete -f {}", file.display()))).lines().count(), 2);
    assert_eq!(server.json("get docs -m apollo")["items"], json!([]));
}
