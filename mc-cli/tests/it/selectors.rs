//! What is chosen by labels, and lists of one kluster.

use std::process::Output;

use crate::server::Server;

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn labels_choose_what_is_deleted_and_waited_for() {
    let server = Server::start();
    server.mission();
    for (name, label) in [("one", "part=hatch"), ("two", "part=hatch"), ("three", "part=leg")] {
        said(&server.output(&format!(
            "create task -m apollo -k work --name {name} --title Part-{name} --labels {label}"
        )));
    }
    let wait = "wait task -l part=hatch -m apollo -k work --for state=done --timeout 20s";
    for name in ["one", "two"] {
        assert_eq!(
            server.output("wait task -l part=hatch -m apollo --for state=done --timeout 0s").status.code(),
            Some(7)
        );
        said(&server.output(&format!("task claim {name} -m apollo -k work")));
        said(&server.output(&format!("task complete {name} -m apollo -k work --result ok")));
    }
    assert_eq!(said(&server.output(wait)).lines().count(), 2);
    // One that cannot come there any more ends it.
    said(&server.output("task cancel three -m apollo -k work"));
    refused(&server.output("wait task -l part=leg -m apollo --for state=done --timeout 20s"), 5);
    refused(&server.output("wait task -l part=none -m apollo --for state=done"), 4);
    said(&server.output("wait task -l part=none -m apollo --for delete"));
    refused(&server.output("wait task one -l part=hatch -m apollo --for delete"), 2);

    let several = refused(&server.output("delete task -l part=hatch -m apollo"), 2);
    assert!(several.contains("2 tasks have part=hatch") && several.contains("--yes"), "{several}");
    refused(&server.output("delete task one -l part=hatch -m apollo"), 2);
    refused(&server.output("delete task -m apollo --yes"), 2);
    refused(&server.output("delete node -l part=hatch"), 2);
    assert_eq!(said(&server.output("delete task -l part=hatch -m apollo --yes")).lines().count(), 2);
    assert_eq!(
        said(&server.output("delete task -l part=leg -m apollo")).lines().count(),
        1,
        "one needs no --yes"
    );
    let none = server.output("delete task -l part=hatch -m apollo --yes");
    assert!(said(&none).is_empty() && String::from_utf8_lossy(&none.stderr).contains("no tasks"));
}

#[test]
fn artifacts_are_listed_by_kluster() {
    let server = Server::start();
    server.mission();
    server.json("create kluster other -m apollo");
    let file = server.dir.path().join("log.txt");
    std::fs::write(&file, "log").unwrap();
    for kluster in ["work", "other"] {
        said(&server.output(&format!("create task -m apollo -k {kluster} --name log --title Log-{kluster}")));
        let key =
            server.json(&format!("get task log -m apollo -k {kluster}"))["key"].as_str().unwrap().to_owned();
        said(
            &server.output(&format!(
                "artifact put {} --name {kluster}.txt --task {key} -m apollo",
                file.display()
            )),
        );
    }
    let listed = server.json("get artifacts -m apollo -k work");
    let names: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["work.txt"]);
    assert_eq!(server.json("get artifacts -m apollo")["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_dry_run_on_the_server_tells_what_docs_would_overlap() {
    let server = Server::start();
    server.mission();
    let text = "Retry an upload with a growing pause whenever the object store answers that it is too busy.";
    let manifest = |name: &str, text: &str| {
        let path = server.dir.path().join(format!("{name}.yaml"));
        let yaml = format!(
            "apiVersion: missioncontrol.dev/v1\nkind: Doc\nmetadata: {{name: {name}, mission: apollo, kluster: work}}\nspec: {{content: \"{text}\"}}\n"
        );
        std::fs::write(&path, yaml).unwrap();
        path.display().to_string()
    };
    let (first, twin) = (manifest("retries", text), manifest("again", text));
    said(&server.output(&format!("apply -f {first}")));
    let dry = server.output(&format!("apply -f {twin} --dry-run=server"));
    let told = String::from_utf8_lossy(&dry.stderr);
    assert!(
        said(&dry).contains("created (dry run)") && told.contains("doc/again overlaps retries"),
        "{told}"
    );
    said(&server.output("set policy overlap -m apollo --mode block --block-at 60"));
    refused(&server.output(&format!("apply -f {twin} --dry-run=server")), 5);
    // The same text in its own place is no other text.
    let own = server
        .output(&format!("apply -f {} --dry-run=server", manifest("retries", &format!("{text} Twice."))));
    assert!(said(&own).contains("configured (dry run)"), "{own:?}");
    assert_eq!(server.json("get docs -m apollo")["items"].as_array().unwrap().len(), 1);
}
