//! `mc system backup`, `restore` and `migrate` with real processes.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::server::Server;

fn exit(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_installation_is_backed_up_while_it_runs_and_comes_back() {
    let mut server = Server::start();
    server.mission();
    server.json("create task -m apollo -k work --title landing --name landing");
    let dir = server.dir.path().to_owned();
    let (data, archive, other) = (dir.join("data"), dir.join("mc.backup"), dir.join("other"));
    std::fs::write(dir.join("pass"), "a passphrase of ours\n").unwrap();
    let pass = format!("--passphrase-file {}", text(&dir.join("pass")));
    let backup = format!("system backup --to {} {pass} --data-dir {}", text(&archive), text(&data));
    let summary = server.json(&backup);
    assert_eq!((&summary["action"], &summary["archive"]["encrypted"]), (&"backup".into(), &true.into()));
    assert_eq!(exit(&server.output(&backup)), 5, "the file exists");

    let restore = format!("system restore --from {} --data-dir {}", text(&archive), text(&other));
    let sealed = server.output(&format!("{restore} -o json"));
    let problem: Value =
        serde_json::from_slice(&sealed.stderr).unwrap_or_else(|_| panic!("{}", said(&sealed)));
    assert_eq!((exit(&sealed), &problem["status"]), (2, &422.into()));
    let restored = server.output(&format!("{restore} {pass}"));
    let told = String::from_utf8(restored.stdout.clone()).unwrap();
    assert!(restored.status.success() && told.contains("restored into"), "{told} {}", said(&restored));
    assert!(told.contains(summary["ledger_hash"].as_str().unwrap()), "{told}");

    let running =
        server.output(&format!("system migrate --to postgres://127.0.0.1:1/x --data-dir {}", text(&data)));
    assert!(
        exit(&running) == 5 && said(&running).contains("is running: stop it first"),
        "{}",
        said(&running)
    );
    server.kill();
    let away =
        server.output(&format!("system migrate --to postgres://127.0.0.1:1/x --data-dir {}", text(&data)));
    assert!(exit(&away) == 6 && said(&away).contains("postgres://127.0.0.1:1/x"), "{}", said(&away));

    // It is the same installation, under the same token.
    std::fs::rename(&data, dir.join("old")).unwrap();
    std::fs::rename(&other, &data).unwrap();
    server.serve();
    assert_eq!(server.json("get task apollo-1")["title"], "landing");
    assert_eq!(server.json("ledger verify")["ok"], true);
}

#[test]
fn a_stream_is_an_archive_too() {
    let server = Server::start();
    server.mission();
    let (data, archive) = (server.dir.path().join("data"), server.dir.path().join("mc.backup"));
    let stream = server.output(&format!("system backup --to - --data-dir {}", text(&data)));
    assert!(stream.status.success(), "{}", said(&stream));
    std::fs::write(&archive, &stream.stdout).unwrap();
    let checked =
        server.json(&format!("system restore --check --from {} --data-dir {}", text(&archive), text(&data)));
    assert_eq!(checked["action"], "check");
    let sha256 = checked["archive"]["sha256"].as_str().unwrap();
    assert!(said(&stream).contains(sha256), "{}", said(&stream));
}
