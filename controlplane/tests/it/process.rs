//! The real program, killed and refused.

use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Client, TestApp, eventually};

pub(crate) fn program(data_dir: &Path, database: Option<&str>) -> Command {
    program_at("127.0.0.1:0", data_dir, database)
}

pub(crate) fn program_at(http: &str, data_dir: &Path, database: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mc-controlplane"));
    command.env_clear().env("NO_COLOR", "1").arg("--data-dir").arg(data_dir).args(["--http", http]);
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts it and waits until it says where it serves.
async fn serve(data_dir: &Path, database: Option<&str>) -> (Child, Client, tokio::task::JoinSet<()>) {
    serving(program(data_dir, database)).await
}

pub(crate) async fn serving(mut command: Command) -> (Child, Client, tokio::task::JoinSet<()>) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let base = tokio::time::timeout(crate::harness::DEADLINE, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, rest)) = line.split_once("serving http://") {
                return format!("http://{}", rest.split_whitespace().next().unwrap());
            }
            said += &line;
        }
        panic!("it ended: {said}")
    });
    let base = base.await.expect("it serves in time");
    // Read to the end, so that the program never waits for us.
    let mut reader = tokio::task::JoinSet::new();
    reader.spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            eprintln!("{line}");
        }
    });
    (child, Client::new(&base), reader)
}

/// Waits until a service manager hears a line, and gives the message that it stands in.
pub(crate) async fn heard(manager: &tokio::net::UnixDatagram, starts: &str) -> String {
    let listening = async {
        loop {
            let mut message = [0; 4096];
            let length = manager.recv(&mut message).await.unwrap();
            let text = std::str::from_utf8(&message[..length]).unwrap();
            if text.lines().any(|line| line.starts_with(starts)) {
                return text.to_owned();
            }
        }
    };
    let said = tokio::time::timeout(crate::harness::DEADLINE, listening).await;
    said.unwrap_or_else(|_| panic!("nobody said {starts}"))
}

#[tokio::test]
async fn the_service_manager_hears_that_it_serves_lives_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = tokio::net::UnixDatagram::bind(&socket).unwrap();
    let mut command = program(&folder.path().join("data"), None);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "300000");
    let (mut child, client, _reader) = serving(command).await;
    let ready = heard(&manager, "READY=1").await;
    assert!(ready.contains("STATUS=serving http://127.0.0.1:"), "{ready}");
    assert_eq!(client.send("GET", "/readyz", "", &[], None).await.status, 200);
    for _ in 0..3 {
        heard(&manager, "WATCHDOG=1").await;
    }
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    heard(&manager, "STOPPING=1").await;
    assert!(child.wait().await.unwrap().success());
}

struct Sent {
    key: String,
    name: String,
    /// `None`: nobody knows whether it happened.
    answer: Option<Value>,
}

async fn post(
    client: &Client,
    token: &str,
    key: &str,
    name: &str,
) -> reqwest::Result<crate::harness::Answer> {
    let body = Some(json!({ "name": name }));
    client.try_send("POST", "/api/v1/missions", token, &[("idempotency-key", key)], body).await
}

async fn nothing_acknowledged_is_lost_by_a_kill(mut app: TestApp) {
    assert!(app.stop().await);
    let (data, database) = (app.data_dir(), app.config.database.clone());
    let token = app.admin().to_owned();
    let sent: Mutex<Vec<Sent>> = Mutex::new(Vec::new());
    for round in 0..2 {
        let (mut child, client, _reader) = serve(&data, database.as_deref()).await;
        let writers = (0..8).map(|writer| {
            let (client, token, sent) = (&client, &token, &sent);
            async move {
                for n in 0.. {
                    let (key, name) = (format!("{round}-{writer}-{n}"), format!("m-{round}-{writer}-{n}"));
                    let answer = post(client, token, &key, &name).await.ok().map(|answer| answer.ok(201));
                    let lost = answer.is_none();
                    sent.lock().unwrap().push(Sent { key, name, answer });
                    if lost {
                        return;
                    }
                }
            }
        });
        let kill = async {
            let before = sent.lock().unwrap().len();
            eventually("80 writes were acknowledged", || async {
                (sent.lock().unwrap().len() >= before + 80).then_some(())
            })
            .await;
            // SIGKILL, by the id of the process that was started above.
            child.start_kill().unwrap();
            child.wait().await.unwrap();
        };
        tokio::join!(futures_util::future::join_all(writers), kill);
    }
    let sent = sent.into_inner().unwrap();
    let lost = sent.iter().filter(|one| one.answer.is_none()).count();
    assert_eq!(lost, 16, "every writer was cut off while it asked");

    let (mut child, client, _reader) = serve(&data, database.as_deref()).await;
    for one in &sent {
        let again = post(&client, &token, &one.key, &one.name).await.unwrap();
        let replayed = again.header("idempotency-replayed").to_owned();
        let again = again.ok(201);
        if let Some(first) = &one.answer {
            assert_eq!((&again, replayed.as_str()), (first, "true"));
        }
        let third = post(&client, &token, &one.key, &one.name).await.unwrap().ok(201);
        assert_eq!(third, again);
    }
    child.start_kill().unwrap();
    child.wait().await.unwrap();

    let app = app.revive().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM mission").await, i64::try_from(sent.len()).unwrap());
    let events = app.events().await;
    let created: std::collections::BTreeSet<&str> = events
        .iter()
        .filter(|event| event.envelope.action == "mission.create")
        .map(|event| event.envelope.subject_id.as_str())
        .collect();
    assert_eq!(created.len(), sent.len(), "one event for each");
    for one in sent.iter().filter_map(|one| one.answer.as_ref()) {
        assert!(created.contains(one["id"].as_str().unwrap()));
    }
}

/// How many docs one commit makes: enough that its bytes and its transaction take a while.
const CHANGES: usize = 200;

/// The docs of one round that are there.
async fn docs_of(client: &Client, token: &str, round: usize) -> usize {
    let mut found = 0;
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/docs?mission=apollo&kluster=work&limit=500{cursor}");
        let page = client.send("GET", &path, token, &[], None).await.ok(200);
        let items = page["items"].as_array().unwrap().iter();
        found += items.filter(|doc| doc["name"].as_str().unwrap().starts_with(&format!("r{round}-"))).count();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

async fn a_commit_that_is_killed_is_whole_or_nothing(mut app: TestApp) {
    let mission = app.mission("apollo").await["id"].as_str().unwrap().to_owned();
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "work" })).await.ok(201);
    assert!(app.stop().await);
    let (data, database) = (app.data_dir(), app.config.database.clone());
    let token = app.admin().to_owned();
    let objects = data.join("objects/missions").join(&mission).join("sha256");
    let stored = || std::fs::read_dir(&objects).map_or(0, Iterator::count);
    let mut lost = 0;
    // Killed while the bytes are stored, and so many milliseconds into the transaction, which begins after the last: a
    // plan of faults, not a wait for a condition.
    let moments =
        [(CHANGES / 2, 0), (CHANGES, 0), (CHANGES, 25), (CHANGES, 75), (CHANGES, 150), (CHANGES, 300)];
    for (round, (moment, later)) in moments.into_iter().enumerate() {
        let (mut child, client, _reader) = serve(&data, database.as_deref()).await;
        let body = json!({ "mission": "apollo", "kluster": "work" });
        let loaded = client.send("POST", "/api/v1/workspaces", &token, &[], Some(body)).await.ok(201);
        let path = format!("/api/v1/workspaces/{}/commit", loaded["workspace"]["id"].as_str().unwrap());
        let change = |n: usize| json!({ "path": format!("docs/r{round}-{n}.md"), "op": "create", "text": format!("{round} {n}") });
        let changes: Vec<Value> = (0..CHANGES).map(change).collect();
        let body = json!({ "changes": changes });
        let key = format!("round-{round}");
        let headers = [("idempotency-key", key.as_str())];
        let before = stored();
        let send = client.try_send("POST", &path, &token, &headers, Some(body.clone()));
        let kill = async {
            eventually("so many texts are stored", || async { (stored() >= before + moment).then_some(()) })
                .await;
            tokio::time::sleep(Duration::from_millis(later)).await;
            // SIGKILL, by the id of the process that was started above.
            child.start_kill().unwrap();
            child.wait().await.unwrap();
        };
        let (answer, ()) = tokio::join!(send, kill);
        lost += usize::from(answer.is_err());
        // The index is written with the docs, not after them: nothing is there to be filled in.
        let lacking = "SELECT COUNT(*) FROM doc c LEFT JOIN search_document d ON d.subject_id = c.doc_id WHERE d.document_no IS NULL";
        let over = "SELECT COUNT(*) FROM search_document d LEFT JOIN doc c ON c.doc_id = d.subject_id WHERE d.subject_kind = 'doc' AND c.doc_id IS NULL";
        assert_eq!((app.count(lacking).await, app.count(over).await), (0, 0));

        let (mut child, client, _reader) = serve(&data, database.as_deref()).await;
        let there = docs_of(&client, &token, round).await;
        eprintln!("killed {later} ms after {moment} texts: {there} docs, answered: {}", answer.is_ok());
        assert!(there == 0 || there == CHANGES, "round {round}: {there} of {CHANGES} docs");
        if let Ok(answer) = answer {
            answer.ok(200);
            assert_eq!(there, CHANGES, "round {round}: it was acknowledged");
        }
        // Asked again with the same key it is the same one commit.
        client.send("POST", &path, &token, &headers, Some(body)).await.ok(200);
        assert_eq!(docs_of(&client, &token, round).await, CHANGES);
        child.start_kill().unwrap();
        child.wait().await.unwrap();
    }
    assert!(lost > 0, "no commit was cut off");
    let app = app.revive().await;
    let docs = i64::try_from(CHANGES * moments.len()).unwrap();
    assert_eq!(app.count("SELECT COUNT(*) FROM doc").await, docs);
    assert_eq!(app.count("SELECT COUNT(*) FROM doc_version").await, docs);
    let events = app.events().await;
    let count = |action: &str| events.iter().filter(|event| event.envelope.action == action).count();
    assert_eq!((count("doc.create"), count("workspace.commit")), (CHANGES * moments.len(), moments.len()));
}

both!(nothing_acknowledged_is_lost_by_a_kill, a_commit_that_is_killed_is_whole_or_nothing);

/// A control plane whose objects are in a bucket, killed while it sends the second of three parts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_a_kill_cuts_off_is_never_visible_and_is_swept() {
    use controlplane::artifacts::reconcile::sweep;
    use std::sync::atomic::Ordering;

    let (folder, s3) = (tempfile::tempdir().unwrap(), crate::harness::s3::S3Server::start());
    let data = folder.path().join("data");
    let mut command = program(&data, None);
    command.envs(s3.variables());
    let (mut child, client, _reader) = serving(command).await;
    let token = std::fs::read_to_string(data.join("token")).unwrap();
    let mission =
        client.send("POST", "/api/v1/missions", &token, &[], Some(json!({ "name": "cut" }))).await.ok(201);
    let upload = || {
        let path = "/api/v1/artifacts?mission=cut&name=large";
        client.request("POST", path, &token).body(vec![7_u8; 20 << 20])
    };
    s3.faults.hold_second_part.store(true, Ordering::SeqCst);
    let kill = async {
        eventually("the second part is on its way", || async { s3.faults.has("partNumber=2").then_some(()) })
            .await;
        // SIGKILL, by the id of the process that was started above.
        child.start_kill().unwrap();
        child.wait().await.unwrap();
    };
    let (sent, ()) = tokio::join!(upload().send(), kill);
    assert!(sent.is_err(), "nobody answered");
    assert_eq!(s3.keys(), [""; 0], "no half object");
    assert_eq!(s3.open_uploads().len(), 1);
    let incoming = data.join("objects/incoming");
    assert_eq!(crate::harness::files(&incoming).len(), 1);

    s3.faults.hold_second_part.store(false, Ordering::SeqCst);
    let mut config = crate::harness::config(&data, None);
    config.object_storage = s3.storage(&[]);
    let server = controlplane::server::Server::start(&config, crate::harness::metrics()).await.unwrap();
    let client = Client::new(&format!("http://{}", server.address));
    assert_eq!(crate::harness::files(&incoming), [""; 0], "what was received is gone");
    let listed = client.send("GET", "/api/v1/artifacts", &token, &[], None).await.ok(200);
    assert_eq!(listed["items"], json!([]));
    sweep(&server.app).await.unwrap();
    assert_eq!(s3.open_uploads().len(), 1, "it may be that of another replica");
    server.app.clock.advance(Duration::from_hours(25));
    sweep(&server.app).await.unwrap();
    assert_eq!(s3.open_uploads(), [""; 0]);
    let path = format!("/api/v1/artifacts?mission={}&name=large", mission["id"].as_str().unwrap());
    let again = client.request("POST", &path, &token).body(vec![7_u8; 20 << 20]);
    assert_eq!(Client::finish(again).await.unwrap().status, 201);
    assert_eq!(s3.keys().len(), 1);
    assert!(server.stop().await);
}

#[tokio::test]
async fn bad_object_storage_keeps_it_from_starting_and_is_told_without_secrets() {
    let (folder, s3) = (tempfile::tempdir().unwrap(), crate::harness::s3::S3Server::start());
    let secret = "MC_OBJECT_STORAGE_ACCESS_SECRET";
    let mut command = program(folder.path(), None);
    command.envs(s3.variables()).env(secret, "wrong-secret");
    let text = failure(command).await;
    assert!(text.contains(secret) && text.contains("403") && !text.contains("wrong-secret"), "{text}");
    let mut command = program(folder.path(), None);
    command.envs(s3.variables()).env("MC_OBJECT_STORAGE_SECURE", "perhaps");
    let text = failure(command).await;
    assert!(
        text.contains("MC_OBJECT_STORAGE_SECURE") && !text.contains(crate::harness::s3::SECRET),
        "{text}"
    );
}

async fn failure(mut command: Command) -> String {
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.unwrap().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_refused_start_is_told_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, client, _reader) = serve(folder.path(), None).await;
    let text = failure(program(folder.path(), None)).await;
    assert!(text.contains("another control plane uses the data folder"), "{text}");

    let token = std::fs::read_to_string(folder.path().join("token")).unwrap();
    assert_eq!(client.send("GET", "/api/v1/auth/whoami", &token, &[], None).await.status, 200);
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(15), child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "SIGTERM ends it in order: {status}");

    let mut differs = program(folder.path(), None);
    differs.env("MC_TOKEN", "another-token");
    let text = failure(differs).await;
    assert!(text.contains("MC_TOKEN") && text.contains("/token"), "{text}");
    assert!(!text.contains(&token) && !text.contains("another-token"), "{text}");
    // A login token in the environment is for clients and means nothing here.
    let mut login = program(folder.path(), None);
    login.env("MC_TOKEN", "mcs_whatever").env("MC_ROOT_KEY_FILE", "/nonexistent/key");
    let text = failure(login).await;
    assert!(text.contains("/nonexistent/key"), "{text}");
}
