//! Backup, restore and the move to another database, with the real program on real installations.

mod archives;
mod moves;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::harness::database::column;
use crate::harness::{DEADLINE, TestApp, eventually};
use crate::local::{Local, ROOT};
use crate::process::{program, serving};

/// A command of `mc-controlplane` on an installation.
struct Run {
    command: Command,
}

/// What became of it.
#[derive(Debug)]
struct Ended {
    ok: bool,
    /// The summary, or the problem.
    told: Value,
    said: String,
}

impl Ended {
    #[track_caller]
    fn summary(self) -> Value {
        assert!(self.ok, "{} {}", self.told, self.said);
        self.told
    }

    /// The kind of the problem, and its detail.
    #[track_caller]
    fn problem(&self) -> (String, String) {
        assert!(!self.ok, "{}", self.told);
        let slug = self.told["type"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}"));
        (slug.rsplit(':').next().unwrap().to_owned(), self.told["detail"].as_str().unwrap().to_owned())
    }
}

impl Run {
    fn of(data_dir: &Path, database: Option<&str>, words: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mc-controlplane"));
        command.env_clear().env("NO_COLOR", "1").arg("--data-dir").arg(data_dir);
        if let Some(url) = database {
            command.args(["--database", url]);
        }
        command.args(words).args(["-o", "json"]).stdin(Stdio::null()).kill_on_drop(true);
        Self { command }
    }

    async fn ended(mut self) -> Ended {
        let output = tokio::time::timeout(4 * DEADLINE, self.command.output()).await.unwrap().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let told = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("no JSON: {} {said}", String::from_utf8_lossy(&output.stdout)));
        Ended { ok: output.status.success(), told, said }
    }

    /// Stops it at a crash point, and kills it there.
    async fn killed_at(mut self, point: &str) {
        self.command.env("MC_CRASH_POINT", point).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let at_point = async {
            let mut said = String::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains("stopped at the crash point") {
                    return;
                }
                said += &line;
            }
            panic!("it ended before {point}: {said}");
        };
        tokio::time::timeout(2 * DEADLINE, at_point).await.expect("it comes to its point");
        // SIGKILL, by the id of the process that was started above.
        child.start_kill().unwrap();
        child.wait().await.unwrap();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Work of every sort: tasks with dependencies, contents, a doc, something published.
async fn filled(app: TestApp) -> Local {
    let local = Local::over(app, GovernanceProfile::Development).await;
    local.ok(ROOT, Method::POST, "/klusters", Some(json!({"mission": "demo", "name": "work"}))).await;
    for n in 0..12 {
        let task = json!({"mission": "demo", "kluster": "work", "title": format!("Write page {n} – größer"), "name": format!("t{n}")});
        local.ok(ROOT, Method::POST, "/tasks", Some(task)).await;
    }
    let doc = json!({"mission": "demo", "name": "plan", "title": "The plan", "content": "# Plan\n\nA text of some words.\n"});
    local.ok(ROOT, Method::POST, "/docs", Some(doc)).await;
    local.upload("empty", b"").await;
    local.upload("bytes", &[0, 255, 10, 0, 1]).await;
    local.upload("large", &vec![b'x'; 3 << 20]).await;
    let publication = local.publication(ROOT, "one.md").await;
    let path = format!("/approvals/{}/approve", publication["approval_id"].as_str().unwrap());
    local.ok(ROOT, Method::POST, &path, Some(json!({}))).await;
    let path = format!("/publications/{}", publication["id"].as_str().unwrap());
    eventually("it is published", || async {
        (local.ok(ROOT, Method::GET, &path, None).await["state"] == "published").then_some(())
    })
    .await;
    local.0.sealed().await;
    local
}

/// Tables of a summary as (name, rows, digest), those of indexes without their digest.
fn tables(summary: &Value) -> Vec<(String, u64, String)> {
    let table = |table: &Value| {
        let name = table["name"].as_str().unwrap().to_owned();
        let sha256 = if name.starts_with("search_") { "" } else { table["sha256"].as_str().unwrap() };
        (name, table["rows"].as_u64().unwrap(), sha256.to_owned())
    };
    let mut all: Vec<_> = summary["tables"].as_array().unwrap().iter().map(table).collect();
    all.sort();
    all
}

/// Every row of a SQLite database as SQL writes it, by table; what depends on the database alone is left out.
async fn dump(path: &Path) -> Vec<String> {
    let url = format!("sqlite:{}", path.display());
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations' ORDER BY 1";
    let mut all = Vec::new();
    for table in column(&url, names).await {
        let columns = format!(
            "SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')
             WHERE name NOT IN ('made_in', 'saw_before', 'look') ORDER BY cid"
        );
        let row = column(&url, &columns).await.join(" || ',' || ");
        for line in column(&url, &format!("SELECT '{table}: ' || {row} FROM \"{table}\" ORDER BY 1")).await {
            all.push(line);
        }
    }
    all
}

fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("missioncontrol.db")
}

/// A restored installation serves: who logs in, what is downloaded, what is done next; gives the export of its ledger.
async fn lives(data_dir: &Path, database: Option<&str>, token: &str) -> String {
    let (mut child, client, _reader) = serving(program(data_dir, database)).await;
    let get = |path: &str| client.request("GET", &format!("/api/v1{path}"), token).send();
    let post = |path: &str, body: Value| {
        let path = format!("/api/v1{path}");
        let client = client.clone();
        async move { client.send("POST", &path, token, &[], Some(body)).await }
    };
    post("/auth/login", json!({"principal": "after", "role": "contributor"})).await.ok(201);
    let artifacts =
        client.send("GET", "/api/v1/artifacts?mission=demo&limit=100", token, &[], None).await.ok(200);
    let artifacts = artifacts["items"].as_array().unwrap().clone();
    assert!(artifacts.len() >= 4, "{artifacts:?}");
    for artifact in artifacts {
        let content = get(&format!("/artifacts/{}/content", artifact["id"].as_str().unwrap())).await.unwrap();
        let bytes = content.bytes().await.unwrap();
        assert_eq!(mc_ledger::sha256(&bytes).to_string(), artifact["sha256"].as_str().unwrap(), "{artifact}");
    }
    let tasks = client.send("GET", "/api/v1/tasks?mission=demo&limit=1", token, &[], None).await.ok(200);
    let path = format!("/tasks/{}/claim", tasks["items"][0]["id"].as_str().unwrap());
    post(&path, json!({})).await.ok(200);
    let upload = client.request("POST", "/api/v1/artifacts?mission=demo&name=later.md", token).body("later");
    let upload = crate::harness::Client::finish(upload).await.unwrap().ok(201);
    let asked = json!({"mission": "demo", "artifacts": [upload["id"]], "message": "later"});
    let publication = post("/publications", asked).await.ok(201);
    post(&format!("/approvals/{}/approve", publication["approval_id"].as_str().unwrap()), json!({}))
        .await
        .ok(200);
    let path = format!("/api/v1/publications/{}", publication["id"].as_str().unwrap());
    eventually("it is published", || async {
        let now = client.send("GET", &path, token, &[], None).await.ok(200);
        (now["state"] == "published").then_some(())
    })
    .await;
    eventually("every event is sealed", || async {
        let head = client.send("GET", "/api/v1/ledger/head", token, &[], None).await.ok(200);
        (head["unsealed"] == 0).then_some(())
    })
    .await;
    let export = client.send("GET", "/api/v1/ledger/export", token, &[], None).await.text;
    let report = mc_ledger::verify_lines(export.lines());
    assert!(report.ok && report.first_seq == 1, "{report:?}");
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    export
}

/// A start is refused, and says this.
async fn is_refused(data_dir: &Path, says: &str) {
    let mut command = program(data_dir, None);
    let output = tokio::time::timeout(2 * DEADLINE, command.output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(says), "{said}");
}

/// What is in a folder, but locks.
fn files(folder: &Path) -> Vec<String> {
    let mut files = crate::harness::files(folder);
    files.retain(|file| Path::new(file).extension().is_none_or(|ending| ending != "lock"));
    files
}

const PATIENCE: Duration = Duration::from_secs(5);
