//! `mc system support-bundle` with a real server: what is in the file, and what is not.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::server::Server;

/// Name and content of the files of an archive, without the folder they are in.
fn read(path: &Path) -> BTreeMap<String, String> {
    let file = std::fs::File::open(path).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let (folder, name) = name.split_once('/').unwrap();
        assert!(folder.starts_with("mc-support-"), "{folder}");
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name.to_owned(), text);
    }
    files
}

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn token() -> String {
    format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p')
}

/// A server whose log has secrets in it.
fn server() -> Server {
    let server = Server::start();
    server.mission();
    let logs = server.dir.path().join("data/logs");
    std::fs::create_dir_all(&logs).unwrap();
    let log = format!("INFO {} and {} and DB_PASSWORD=correct7horse\nINFO end\n", token(), server.token());
    std::fs::write(logs.join("controlplane.log"), log).unwrap();
    server
}

#[test]
fn a_bundle_has_what_is_needed_and_no_secret_in_its_bytes() {
    let server = server();
    // What the doctor tells of has a name that is a secret.
    let from = server.dir.path().join("from");
    std::fs::write(&from, "x").unwrap();
    let artifact = server.json(&format!("artifact put {} --name {} -m apollo", from.display(), token()));
    let text = |key: &str| artifact[key].as_str().unwrap().to_owned();
    let objects = server.dir.path().join("data/objects/missions");
    std::fs::remove_file(objects.join(text("mission_id")).join("sha256").join(text("sha256"))).unwrap();

    let path = server.dir.path().join("bundle.tar.gz");
    let words = format!("system support-bundle --file {}", path.display());
    let output = server.output(&words);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("Read it before you send it") && told.contains("logs/controlplane.log"), "{told}");
    let files = read(&path);
    for name in [
        "README.txt",
        "client.json",
        "server.json",
        "configuration.json",
        "readyz.json",
        "doctor.json",
        "contents.json",
        "database.json",
        "nodes.json",
        "machine.json",
        "metrics.txt",
        "scrubbed.json",
        "logs/controlplane.log",
    ] {
        assert!(files.contains_key(name) && told.contains(name), "{name}: {told}");
    }
    for (name, text) in &files {
        for secret in [token(), server.token(), "correct7horse".into()] {
            assert!(!text.contains(&secret), "{name} has {secret}");
        }
    }
    assert!(!told.contains(&token()) && !told.contains(&server.token()), "{told}");
    assert!(files["logs/controlplane.log"].contains("INFO end"));
    assert!(files["contents.json"].contains("\"missing\""), "{}", files["contents.json"]);
    assert!(files["scrubbed.json"].contains("github-token"), "{}", files["scrubbed.json"]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let before = std::fs::read(&path).unwrap();
    assert_eq!(server.output(&words).status.code(), Some(5), "it exists");
    assert!(std::fs::read(&path).unwrap() == before);
    let other = server.dir.path().join("other.tar.gz");
    let summary = server.json(&format!("system support-bundle --no-objects --file {}", other.display()));
    assert_eq!(summary["sha256"], mc_ledger::sha256(&std::fs::read(&other).unwrap()).to_string());
    assert!(!read(&other).contains_key("contents.json"));
}

#[test]
fn who_may_not_gets_no_file_and_a_server_that_is_away_leaves_what_is_here() {
    let mut server = server();
    let path = server.dir.path().join("bundle.tar.gz");
    let words = format!("system support-bundle --file {}", path.display());
    let login = server.json("auth login --as reader --role viewer");
    let refused = server.mc(&words).env("MC_TOKEN", login["token"].as_str().unwrap()).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(!path.exists());
    let nowhere = server.output("system support-bundle --file /nonexistent/folder/x.tar.gz");
    assert!(
        !nowhere.status.success() && said(&nowhere).contains("/nonexistent/folder"),
        "{}",
        said(&nowhere)
    );

    let own = server.token();
    server.kill();
    let words = format!("{words} --data-dir {}", server.dir.path().join("data").display());
    let output = server.output(&words);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert!(said(&output).contains("only this side's part was written"), "{}", said(&output));
    let files = read(&path);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["README.txt", "client.json", "error.txt", "logs/controlplane.log", "scrubbed.json"]);
    for text in files.values() {
        assert!(!text.contains(&token()) && !text.contains(&own) && !text.contains("correct7"), "{text}");
    }
}
