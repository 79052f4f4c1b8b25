//! The real program, killed and refused.

use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Client, TestApp, eventually};

fn program(data_dir: &Path, database: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mc-controlplane"));
    command.env_clear().env("NO_COLOR", "1").arg("--data-dir").arg(data_dir).args(["--http", "127.0.0.1:0"]);
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts it and waits until it says where it serves.
async fn serve(data_dir: &Path, database: Option<&str>) -> (Child, Client, tokio::task::JoinSet<()>) {
    let mut child = program(data_dir, database).spawn().unwrap();
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
    reader.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, Client::new(&base), reader)
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

both!(nothing_acknowledged_is_lost_by_a_kill);

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
