//! Rebuilding from Git, as a drill; and publishing and rebuilding that are killed at every named point.

use std::collections::HashMap;
use std::path::Path;

use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::harness::{Client, DEADLINE, Database, Fresh, TestApp, eventually};
use crate::local::{Local, ROOT, slug};
use crate::persistence::{approve, bare, bind, commits, files, post, published, work};
use crate::process::program;

/// A control plane of its own on a database, by default SQLite in its folder.
pub(crate) struct Process {
    child: Child,
    pub(crate) client: Client,
    pub(crate) token: String,
    reader: tokio::task::JoinSet<()>,
    stopped: tokio::sync::watch::Receiver<bool>,
}

impl Process {
    /// Starts it; at the crash point it stops.
    pub(crate) async fn start(folder: &Path, point: Option<&str>) -> Self {
        Self::start_on(folder, None, point).await
    }

    /// The same on a database of a server.
    pub(crate) async fn start_on(folder: &Path, database: Option<&str>, point: Option<&str>) -> Self {
        Self::start_with(folder, database, point, HashMap::new()).await
    }

    /// The same with more settings.
    pub(crate) async fn start_with(
        folder: &Path,
        database: Option<&str>,
        point: Option<&str>,
        more: HashMap<String, String>,
    ) -> Self {
        let mut command = program(folder, database);
        command.envs(more);
        command.envs(point.map(|point| ("MC_CRASH_POINT", point)));
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let (tell, stopped) = tokio::sync::watch::channel(false);
        let base = tokio::time::timeout(DEADLINE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                // Work in the background may come to its point before it serves.
                if line.contains("stopped at the crash point") {
                    tell.send_replace(true);
                }
                if let Some((_, rest)) = line.split_once("serving http://") {
                    return format!("http://{}", rest.split_whitespace().next().unwrap());
                }
                said += &line;
            }
            panic!("it ended: {said}")
        });
        let base = base.await.expect("it serves in time");
        let mut reader = tokio::task::JoinSet::new();
        reader.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains("stopped at the crash point") {
                    tell.send_replace(true);
                }
            }
        });
        let token = std::fs::read_to_string(folder.join("token")).unwrap();
        Self { child, client: Client::new(&base), token, reader, stopped }
    }

    /// Waits until it stands at its point.
    pub(crate) async fn at_point(self) -> Self {
        self.at_point_within(DEADLINE).await
    }

    /// The same where much is to be done before.
    pub(crate) async fn at_point_within(mut self, deadline: std::time::Duration) -> Self {
        tokio::time::timeout(deadline, self.stopped.wait_for(|at| *at))
            .await
            .expect("it comes to the point")
            .unwrap();
        self
    }

    /// SIGKILL, by the id of the process that was started here, once it stands at its point.
    pub(crate) async fn kill_at_point(self) {
        self.at_point().await.kill().await;
    }

    /// Bytes of memory that it held at most so far.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    pub(crate) async fn kill(mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
        self.reader.shutdown().await;
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.client.send("POST", &format!("/api/v1{path}"), &self.token, &[], Some(body)).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
        answer.body
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.client.send("GET", &format!("/api/v1{path}"), &self.token, &[], None).await.ok(200)
    }

    pub(crate) async fn published(&self, publication: &Value) -> Value {
        let path = format!("/publications/{}", publication["id"].as_str().unwrap());
        eventually("it is published", || async {
            let now = self.get(&path).await;
            (now["state"] == "published").then_some(now)
        })
        .await
    }

    pub(crate) async fn approve(&self, publication: &Value) {
        let path = format!("/approvals/{}/approve", publication["approval_id"].as_str().unwrap());
        self.post(&path, json!({})).await;
    }

    pub(crate) async fn sealed(&self) {
        eventually("all is sealed", || async {
            (self.get("/ledger/head").await["unsealed"] == 0).then_some(())
        })
        .await;
    }

    /// The chain of the export, verified.
    pub(crate) async fn verify(&self) {
        self.sealed().await;
        let text = self.client.send("GET", "/api/v1/ledger/export", &self.token, &[], None).await.text;
        let report = mc_ledger::verify_lines(text.lines());
        assert!(report.ok, "{report:?}");
    }
}

fn request(path: &Path) -> Value {
    let files: Vec<Value> = files(path)
        .into_iter()
        .filter_map(|(path, text)| Some(json!({"path": path, "text": text?})))
        .collect();
    json!({"files": files, "commit": commits(path)[0].to_string()})
}

/// What must be the same before and after.
async fn picture(process: &Process) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/missions", "/klusters", "/tasks", "/docs", "/artifacts"] {
        let page = process.get(&format!("{path}?limit=500")).await;
        all.extend(page["items"].as_array().unwrap().clone());
    }
    let doc = process.get("/docs/guide/content?mission=demo").await;
    all.push(doc["content"].clone());
    all
}

pub(crate) async fn fill(process: &Process) {
    process.post("/missions", json!({"name": "demo", "description": "What for."})).await;
    process.post("/klusters", json!({"mission": "demo", "name": "api"})).await;
    for n in 0..3 {
        let depends: Vec<String> = (n > 0).then(|| format!("demo-{n}")).into_iter().collect();
        let body =
            json!({"mission": "demo", "kluster": "api", "title": format!("T{n}"), "depends_on": depends});
        process.post("/tasks", body).await;
    }
    let doc = json!({"mission": "demo", "kluster": "api", "name": "guide", "content": "# Guide\n\ntext\n"});
    process.post("/docs", doc).await;
    process.post("/keystones", json!({"mission": "demo"})).await;
    let path = "/artifacts?mission=demo&name=notes.json";
    process.post(path, json!({"a": 1})).await;
    process.sealed().await;
}

pub(crate) async fn provision(process: &Process, root: &Path) {
    let body = json!({"name": "here", "connection_kind": "local", "url": root.to_str().unwrap()});
    process.post("/connections", body).await;
    let body = json!({"mission_id": "demo", "connection": "here", "repository": "ledger.git"});
    process.post("/bindings/provision", body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_comes_back_and_work_goes_on() {
    let (root, a, b) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = bare(root.path(), "ledger.git");
    let first = Process::start(a.path(), None).await;
    fill(&first).await;
    provision(&first, root.path()).await;
    let made = first.post("/publications/pending", json!({"mission_id": "demo"})).await;
    first.approve(&made["publications"][0]).await;
    first.published(&made["publications"][0]).await;
    // Made after the last publication: it is lost, and its key is not given again.
    first.post("/tasks", json!({"mission": "demo", "kluster": "api", "title": "never published"})).await;
    let mut before = picture(&first).await;
    before.retain(|object| object["title"] != "never published");
    first.kill().await;
    drop(a);

    let second = Process::start(b.path(), None).await;
    let mut tampered = request(&path);
    let file = tampered["files"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|f| f["path"].as_str().unwrap().ends_with("guide.md"));
    let file = file.unwrap();
    file["text"] = json!(file["text"].as_str().unwrap().replace("text", "tex7"));
    let answer =
        second.client.send("POST", "/api/v1/ledger/restore", &second.token, &[], Some(tampered)).await;
    answer.problem(422, "ledger-invalid");
    let restored = second.post("/ledger/restore", request(&path)).await;
    assert_eq!(
        [
            &restored["missions"],
            &restored["klusters"],
            &restored["tasks"],
            &restored["docs"],
            &restored["keystones"],
            &restored["artifacts"]
        ],
        [&json!(1), &json!(1), &json!(3), &json!(1), &json!(1), &json!(1)],
        "{restored}"
    );
    assert_eq!(picture(&second).await, before);
    let answer =
        second.client.send("POST", "/api/v1/ledger/restore", &second.token, &[], Some(request(&path))).await;
    answer.problem(409, "not-empty");
    let new = second.post("/tasks", json!({"mission": "demo", "kluster": "api", "title": "goes on"})).await;
    let number: i64 = new["key"].as_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap();
    assert!(number > 500, "keys are never given again: {number}");
    // Into the same repository, in a chain of its own beside the old one.
    provision(&second, root.path()).await;
    second.sealed().await;
    let made = second.post("/publications/pending", json!({"mission_id": "demo"})).await;
    second.approve(&made["publications"][0]).await;
    second.published(&made["publications"][0]).await;
    let tree = mc_ledger::tree::verify(&files(&path));
    assert!(tree.is_ok(), "{:?} {:?}", tree.fault, tree.chains);
    assert_eq!(tree.chains.len(), 2);
    second.verify().await;
    let events = second.get("/ledger/events?action=ledger.restore").await;
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    second.kill().await;
}

/// Asks for everything that waits, and sees it published.
async fn publish_all(process: &Process) {
    process.sealed().await;
    let made = process.post("/publications/pending", json!({"mission_id": "demo"})).await;
    for publication in made["publications"].as_array().unwrap() {
        process.approve(publication).await;
        process.published(publication).await;
    }
}

/// Restored, published, restored again, and a third time: the last of the line counts, however short its chain is, and what
/// was deleted on the way stays deleted.
#[tokio::test(flavor = "multi_thread")]
async fn the_third_restore_takes_the_last_chain_not_the_longest() {
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    let first_data = tempfile::tempdir().unwrap();
    let first = Process::start(first_data.path(), None).await;
    fill(&first).await;
    provision(&first, root.path()).await;
    // A long chain.
    for n in 0..40 {
        let doc = json!({"mission": "demo", "kluster": "api", "name": format!("note-{n}"), "content": format!("{n}")});
        first.post("/docs", doc).await;
    }
    publish_all(&first).await;
    first.kill().await;
    let mut lengths = vec![mc_ledger::tree::verify(&files(&path)).installations[0].events];
    let mut heads = Vec::new();
    for round in 1..=3_usize {
        let data = tempfile::tempdir().unwrap();
        let process = Process::start(data.path(), None).await;
        let before = mc_ledger::tree::verify(&files(&path));
        let newest = mc_ledger::tree::lineage::choose(&before.installations, None).unwrap();
        let restored = process.post("/ledger/restore", request(&path)).await;
        assert_eq!(restored["verified_hash"], before.installations[newest].head.to_string(), "round {round}");
        assert_eq!(restored["docs"], json!(42 - round), "what was deleted before stays away: {restored}");
        heads.push(restored["verified_hash"].clone());
        let title = process.get("/tasks/demo-1").await["title"].clone();
        let expected = if round == 1 { "T0".to_owned() } else { format!("round {}", round - 1) };
        assert_eq!(title, expected, "the state of the last installation");
        provision(&process, root.path()).await;
        let update = Some(json!({"title": format!("round {round}")}));
        process.client.send("PATCH", "/api/v1/tasks/demo-1", &process.token, &[], update).await.ok(200);
        let gone = format!("/api/v1/docs/note-{round}?mission=demo&kluster=api");
        let deleted = process.client.send("DELETE", &gone, &process.token, &[], None).await;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        publish_all(&process).await;
        process.verify().await;
        process.kill().await;
        let tree = mc_ledger::tree::verify(&files(&path));
        assert!(tree.is_ok(), "round {round}: {:?} {:?}", tree.fault, tree.chains);
        assert_eq!(tree.installations.len(), round + 1);
        let newest = mc_ledger::tree::lineage::choose(&tree.installations, None).unwrap();
        let newest = &tree.installations[newest];
        assert_eq!(newest.depth, round, "{:?}", tree.installations);
        lengths.push(newest.events);
        assert!(
            !files(&path).contains_key(&format!("missions/demo/docs/api/note-{round}.md")),
            "round {round}"
        );
    }
    assert!(
        lengths[1..].iter().all(|length| *length < lengths[0]),
        "all are shorter than the first: {lengths:?}"
    );
    heads.dedup();
    assert_eq!(heads.len(), 3, "each from another chain");
    // The word of an earlier installation is history: its state put back is no longer what was approved last.
    let mut old = files(&path);
    let task = "missions/demo/tasks/demo-1.md";
    let repository = git2::Repository::open_bare(&path).unwrap();
    let oldest = repository.find_commit(*commits(&path).last().unwrap()).unwrap().tree().unwrap();
    let blob = repository.find_blob(oldest.get_path(task.as_ref()).unwrap().id()).unwrap();
    old.insert(task.to_owned(), Some(String::from_utf8(blob.content().to_vec()).unwrap()));
    let fault = mc_ledger::tree::verify(&old).fault.unwrap();
    assert!(fault.contains("approved last"), "{fault}");
}

/// Kills a publication at a point and starts again; afterwards Git and database agree and nothing is there twice.
async fn killed_while_publishing(database: Database, point: &str, bound: bool) {
    let Some(place) = database.place("restore::killed_while_publishing") else { return };
    let fresh = Fresh::create(place).await;
    let (root, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = if bound { bare(root.path(), "ledger.git") } else { data.path().join("ledger.git") };
    let first = Process::start_on(data.path(), fresh.url(), Some(point)).await;
    fill(&first).await;
    if bound {
        provision(&first, root.path()).await;
    }
    let made = first.post("/publications/pending", json!({"mission_id": "demo"})).await;
    let publication = made["publications"][0].clone();
    first.approve(&publication).await;
    first.kill_at_point().await;
    let killed = std::time::Instant::now();
    let second = Process::start_on(data.path(), fresh.url(), None).await;
    let done = second.published(&publication).await;
    // On Postgres the lease of the dead one is waited for, which it does not renew any more.
    assert!(killed.elapsed() < std::time::Duration::from_secs(20), "{point}: {:?}", killed.elapsed());
    let found = commits(&path);
    assert_eq!(found.len(), 1, "{point}: published once");
    assert_eq!(done["commit"], found[0].to_string(), "{point}: the database says what Git says");
    let tree = mc_ledger::tree::verify(&files(&path));
    assert!(tree.is_ok() && !tree.files.is_empty(), "{point}: {:?}", tree.fault);
    second.verify().await;
    let id = publication["id"].as_str().unwrap();
    let events = second.get(&format!("/ledger/events?subject={id}&action=publication.publish")).await;
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "{point}");
    second.kill().await;
    fresh.remove().await;
}

macro_rules! killed_on_both {
    ($($name:ident: $test:ident;)+) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$test(crate::harness::Database::Sqlite).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$test(crate::harness::Database::Postgres).await;
            }
        }
    )+};
}
pub(crate) use killed_on_both;

async fn killed_to_a_binding(database: Database) {
    for point in ["publish-before-commit", "publish-after-commit", "publish-after-push"] {
        killed_while_publishing(database, point, true).await;
    }
}

async fn killed_to_the_git_ledger(database: Database) {
    for point in ["publish-before-commit", "publish-after-commit", "publish-after-push"] {
        killed_while_publishing(database, point, false).await;
    }
}

/// Two servers on one database: the one that publishes is killed, the other goes on by itself. On SQLite there is one
/// server, and the next start is what takes over.
#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_killed_is_replaced_by_the_other_server() {
    let Some(place) = Database::Postgres.place("restore::killed_beside_another") else { return };
    let fresh = Fresh::create(place).await;
    let (root, one, two) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = bare(root.path(), "ledger.git");
    let first = Process::start_on(one.path(), fresh.url(), Some("publish-after-commit")).await;
    for name in ["secrets", "token"] {
        copy(&one.path().join(name), &two.path().join(name));
    }
    fill(&first).await;
    provision(&first, root.path()).await;
    let made = first.post("/publications/pending", json!({"mission_id": "demo"})).await;
    let publication = made["publications"][0].clone();
    first.approve(&publication).await;
    let second = {
        // It holds the lease and stands at its point before there is another.
        let stopped = first.at_point().await;
        let second = Process::start_on(two.path(), fresh.url(), None).await;
        tokio::time::sleep(std::time::Duration::from_secs(13)).await;
        let path = format!("/publications/{}", publication["id"].as_str().unwrap());
        assert_eq!(second.get(&path).await["state"], "queued", "a lease that is renewed is respected");
        stopped.kill().await;
        second
    };
    let killed = std::time::Instant::now();
    let done = second.published(&publication).await;
    assert!(killed.elapsed() < std::time::Duration::from_secs(15), "{:?}", killed.elapsed());
    assert_eq!(commits(&path).len(), 1);
    assert_eq!(done["commit"], commits(&path)[0].to_string());
    assert!(mc_ledger::tree::verify(&files(&path)).is_ok());
    second.verify().await;
    second.kill().await;
    fresh.remove().await;
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.exists() {
        std::fs::copy(from, to).unwrap();
    }
}

killed_on_both! {
    a_publication_to_a_binding_that_is_killed_is_there_once: killed_to_a_binding;
    a_publication_to_the_git_ledger_that_is_killed_is_there_once: killed_to_the_git_ledger;
    a_restore_that_is_killed_leaves_nothing_and_works_again: killed_while_restoring;
}

async fn killed_while_restoring(database: Database) {
    let Some(place) = database.place("restore::killed_while_restoring") else { return };
    let fresh = Fresh::create(place).await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Process::start(a.path(), None).await;
    fill(&first).await;
    let made = first.post("/publications/pending", json!({"mission_id": "demo"})).await;
    first.approve(&made["publications"][0]).await;
    first.published(&made["publications"][0]).await;
    first.kill().await;
    let body = request(&a.path().join("ledger.git"));
    let second = Process::start_on(b.path(), fresh.url(), Some("restore-before-commit")).await;
    let (client, token, sent) = (second.client.clone(), second.token.clone(), body.clone());
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(async move {
        // The answer is lost with the process.
        drop(client.try_send("POST", "/api/v1/ledger/restore", &token, &[], Some(sent)).await);
    });
    second.kill_at_point().await;
    asking.shutdown().await;
    let third = Process::start_on(b.path(), fresh.url(), None).await;
    assert_eq!(third.get("/missions").await["items"], json!([]));
    third.verify().await;
    let restored = third.post("/ledger/restore", body).await;
    assert_eq!(restored["tasks"], json!(3), "{restored}");
    third.verify().await;
    third.kill().await;
    fresh.remove().await;
}

async fn only_an_empty_installation_is_restored_into(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    let made = post(&local, "/publications/pending", json!({"mission_id": "demo"})).await;
    approve(&local, &made["publications"][0]).await;
    published(&local, &made["publications"][0]).await;
    let (status, problem) = local.call(ROOT, Method::POST, "/ledger/restore", Some(request(&path))).await;
    assert_eq!((status, slug(&problem)), (409, "not-empty"), "{problem}");
}

both!(only_an_empty_installation_is_restored_into);
