//! Rebuilding from Git as a stream: larger than memory should be, killed in the middle, of one of several installations, of
//! a repository that was written by the first rule.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use mc_api::restore::{MEDIA_TYPE, RestorePart};
use mc_ledger::tree::{self, lineage};
use mc_ledger::{Digest, SealedEvent};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, Fresh};
use crate::persistence::{bare, commits, files};
use crate::restore::{Process, fill, killed_on_both, provision};

type Texts = BTreeMap<String, Option<String>>;

/// What is sent.
struct Sent {
    commit: String,
    installation: Option<String>,
    files: Texts,
    earlier: Vec<(String, String)>,
}

impl Sent {
    /// What a repository holds, with all that its paths held before.
    fn of(path: &Path, installation: Option<&str>) -> Self {
        let (files, history) = (files(path), commits(path));
        let mut earlier = Vec::new();
        for commit in &history[1..] {
            for (at, text) in of_commit(path, *commit) {
                if files.get(&at) != Some(&text) && !at.contains("ledger/") {
                    earlier.extend(text.map(|text| (at, text)));
                }
            }
        }
        let installation = installation.map(str::to_owned);
        Self { commit: history[0].to_string(), installation, files, earlier }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let line = |part: &RestorePart| serde_json::to_string(part).unwrap() + "\n";
        let ledger =
            RestorePart::Ledger { commit: self.commit.clone(), installation: self.installation.clone() };
        out.extend(line(&ledger).into_bytes());
        let mut count = 0;
        let now = self.files.iter().filter_map(|(path, text)| Some((true, path, text.as_ref()?)));
        for (is_file, path, text) in now.chain(self.earlier.iter().map(|(path, text)| (false, path, text))) {
            let (path, bytes) = (path.clone(), text.len() as u64);
            let part = if is_file {
                RestorePart::File { path, bytes }
            } else {
                RestorePart::Earlier { path, bytes }
            };
            out.extend(line(&part).into_bytes());
            out.extend(text.as_bytes());
            count += 1;
        }
        out.extend(line(&RestorePart::End { files: count }).into_bytes());
        out
    }

    async fn to(&self, process: &Process) -> Answer {
        try_restore(&process.client, &process.token, self.bytes()).await.unwrap()
    }
}

async fn try_restore(client: &Client, token: &str, bytes: Vec<u8>) -> reqwest::Result<Answer> {
    // Much is verified before the first byte of the answer.
    let http = reqwest::Client::builder().no_proxy().build()?;
    let request = http.post(format!("{}/api/v1/ledger/restore", client.base())).bearer_auth(token);
    Client::finish(request.header("content-type", MEDIA_TYPE).body(bytes)).await
}

fn of_commit(path: &Path, commit: git2::Oid) -> Texts {
    let repository = git2::Repository::open_bare(path).unwrap();
    let tree = repository.find_commit(commit).unwrap().tree().unwrap();
    let mut found = Texts::new();
    tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() == Some(git2::ObjectType::Blob) {
            let blob = repository.find_blob(entry.id()).unwrap();
            let name = format!("{folder}{}", entry.name().unwrap());
            found.insert(name, String::from_utf8(blob.content().to_vec()).ok());
        }
        git2::TreeWalkResult::Ok
    })
    .unwrap();
    found
}

async fn publish(process: &Process, body: Value) {
    let made = process.post("/publications", body).await;
    process.approve(&made).await;
    process.published(&made).await;
}

async fn publish_all(process: &Process) {
    process.sealed().await;
    let made = process.post("/publications/pending", json!({"mission_id": "demo"})).await;
    for publication in made["publications"].as_array().unwrap() {
        process.approve(publication).await;
        process.published(publication).await;
    }
}

async fn write_guide(process: &Process, content: &str) {
    let base = process.get("/docs/guide?mission=demo&kluster=api").await["latest_version"].clone();
    let body = json!({"base_version": base, "content": content});
    process.post("/docs/guide/versions?mission=demo&kluster=api", body).await;
}

async fn versions(process: &Process) -> Vec<String> {
    let mut texts = Vec::new();
    let guide = process.get("/docs/guide?mission=demo&kluster=api").await;
    for number in 1..=guide["latest_version"].as_i64().unwrap() {
        let path = format!("/api/v1/docs/guide/content?mission=demo&kluster=api&version={number}");
        let answer = process.client.send("GET", &path, &process.token, &[], None).await;
        texts.push(if answer.status == 200 { answer.text } else { format!("({})", answer.status) });
    }
    texts
}

/// One artifact: a text of a million bytes that is like no other.
fn large(number: usize) -> String {
    let line = format!("{number} of many, told again and again\n");
    line.repeat(1_000_000 / line.len())
}

const LARGE: usize = 72;

/// A mission with 72 MB of text in Git, in publications of at most 16 MiB, and a doc in three versions.
async fn make_large(path: &Path, root: &Path, data: &Path) -> Process {
    // What overlaps is nothing to this test.
    let quiet = HashMap::from([("MC_OVERLAP_DETECTION".to_owned(), "off".to_owned())]);
    let first = Process::start_with(data, None, None, quiet).await;
    fill(&first).await;
    provision(&first, root).await;
    publish_all(&first).await;
    for text in ["second", "third"] {
        write_guide(&first, text).await;
        publish_all(&first).await;
    }
    for part in 0..LARGE / 12 {
        let mut entities = Vec::new();
        for number in part * 12..(part + 1) * 12 {
            let name = format!("/api/v1/artifacts?mission=demo&name=large-{number}.txt");
            let request = first.client.request("POST", &name, &first.token);
            let request = request.header("content-type", "text/plain").body(large(number));
            let artifact = Client::finish(request).await.unwrap().ok(201);
            entities.push(json!({"entity_type": "artifact", "entity_id": artifact["id"]}));
        }
        first.sealed().await;
        publish(&first, json!({"mission": "demo", "entities": entities})).await;
    }
    assert!(commits(path).len() >= 3 + LARGE / 12);
    first
}

async fn more_than_memory_killed_in_the_middle(database: Database) {
    let Some(place) = database.place("restores::more_than_memory_killed_in_the_middle") else { return };
    let fresh = Fresh::create(place).await;
    let (root, a, b) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = bare(root.path(), "ledger.git");
    let first = make_large(&path, root.path(), a.path()).await;
    let tasks = first.get("/tasks").await["items"].clone();
    first.kill().await;
    drop(a);
    let sent = Sent::of(&path, None);
    let bytes = sent.bytes();
    assert!(bytes.len() > 64 << 20, "{} bytes", bytes.len());

    let second = Process::start_on(b.path(), fresh.url(), Some("restore-batch-4")).await;
    let (client, token, copy) = (second.client.clone(), second.token.clone(), bytes.clone());
    let mut asking = tokio::task::JoinSet::new();
    // The answer is lost with the process.
    asking.spawn(async move { drop(try_restore(&client, &token, copy).await) });
    second.at_point_within(std::time::Duration::from_mins(2)).await.kill().await;
    asking.shutdown().await;

    let quiet = HashMap::from([("MC_OVERLAP_DETECTION".to_owned(), "off".to_owned())]);
    let third = Process::start_with(b.path(), fresh.url(), None, quiet).await;
    for list in ["/missions", "/tasks", "/docs", "/artifacts"] {
        assert_eq!(third.get(list).await["items"], json!([]), "{list}: nobody sees a part of it");
    }
    let body = Some(json!({"name": "other"}));
    let answer = third.client.send("POST", "/api/v1/missions", &third.token, &[], body).await;
    answer.problem(409, "invalid-transition");
    third.verify().await;
    let before = third.peak();
    let restored = try_restore(&third.client, &third.token, bytes.clone()).await.unwrap().ok(200);
    let grown = third.peak().saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes of memory for {} bytes of text", bytes.len());
    let notes = restored["notes"].to_string();
    assert!(notes.contains("it had begun before, and went on behind"), "{notes}");
    let counts = ["missions", "klusters", "tasks", "docs", "doc_versions", "keystones", "artifacts"];
    let counts: Vec<i64> = counts.iter().map(|name| restored[*name].as_i64().unwrap()).collect();
    assert_eq!(counts, [1, 1, 3, 1, 4, 1, 1 + i64::try_from(LARGE).unwrap()], "{restored}");
    assert_eq!(third.get("/tasks").await["items"], tasks);
    assert_eq!(versions(&third).await, ["# Guide\n\ntext\n", "second", "third"]);
    let page = third.get("/artifacts?mission=demo&limit=200").await;
    let of = |name: &str| {
        let found = page["items"].as_array().unwrap().iter().filter(|artifact| artifact["name"] == name);
        let ids: Vec<_> = found.map(|artifact| artifact["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 1, "{name} is there once");
        ids[0].clone()
    };
    for number in [0, LARGE / 2, LARGE - 1] {
        let path = format!("/api/v1/artifacts/{}/content", of(&format!("large-{number}.txt")));
        let text = third.client.send("GET", &path, &third.token, &[], None).await.text;
        assert!(text == large(number), "large-{number}.txt");
    }
    sent.to(&third).await.problem(409, "not-empty");
    let events = third.get("/ledger/events?action=ledger.restore").await;
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    third.verify().await;
    third.kill().await;
    fresh.remove().await;
}

killed_on_both! {
    a_restore_larger_than_memory_goes_on_where_it_was_killed: more_than_memory_killed_in_the_middle;
    of_two_installations_side_by_side_one_is_chosen: side_by_side;
    another_restore_begins_anew: another_takes_its_place;
}

async fn set_title(process: &Process, title: &str) {
    let body = Some(json!({"title": title}));
    process.client.send("PATCH", "/api/v1/tasks/demo-1", &process.token, &[], body).await.ok(200);
}

/// A repository in which two installations went on from the same one, side by side, and the second of them also published.
async fn forked(root: &Path) -> std::path::PathBuf {
    let path = bare(root, "ledger.git");
    let (a, b, c) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Process::start(a.path(), None).await;
    fill(&first).await;
    provision(&first, root).await;
    publish_all(&first).await;
    first.kill().await;
    let sent = Sent::of(&path, None);
    let left = Process::start(b.path(), None).await;
    sent.to(&left).await.ok(200);
    let right = Process::start(c.path(), None).await;
    sent.to(&right).await.ok(200);
    // Both go on: one where the first was, the other in a folder of its own.
    provision(&left, root).await;
    set_title(&left, "left").await;
    write_guide(&left, "left").await;
    publish_all(&left).await;
    left.kill().await;
    let body = json!({"name": "here", "connection_kind": "local", "url": root.to_str().unwrap()});
    right.post("/connections", body).await;
    let body =
        json!({"mission_id": "demo", "connection": "here", "repository": "ledger.git", "base_path": "b"});
    right.post("/bindings/provision", body).await;
    set_title(&right, "right").await;
    right.sealed().await;
    let task = right.get("/tasks/demo-1").await["id"].clone();
    let entities = json!([{"entity_type": "task", "entity_id": task}]);
    publish(&right, json!({"mission": "demo", "entities": entities})).await;
    right.kill().await;
    path
}

async fn side_by_side(database: Database) {
    let Some(place) = database.place("restores::side_by_side") else { return };
    let fresh = Fresh::create(place).await;
    let root = tempfile::tempdir().unwrap();
    let path = forked(root.path()).await;
    let found = tree::verify(&files(&path));
    assert!(found.is_ok(), "{:?} {:?}", found.fault, found.chains);
    let ids: Vec<(String, bool, usize)> =
        found.installations.iter().map(|one| (one.id.clone(), one.is_current, one.depth)).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert_eq!(ids.iter().filter(|(_, current, depth)| *current && *depth == 1).count(), 2, "{ids:?}");
    let at = |folder: &str| {
        let one = found.installations.iter().find(|one| one.folders[0].starts_with(folder));
        one.unwrap().id.clone()
    };
    let (right, left) = (at("b/ledger/after-"), at("missions/demo/ledger/after-"));

    let data = tempfile::tempdir().unwrap();
    let server = Process::start_on(data.path(), fresh.url(), None).await;
    // None chosen: both are named, with what they are chosen by.
    let said = Sent::of(&path, None).to(&server).await.problem(422, "ledger-invalid");
    assert!(said.contains("side by side") && said.contains(&left) && said.contains(&right), "{said}");
    let said = Sent::of(&path, Some("0123456789abcdef")).to(&server).await.problem(422, "ledger-invalid");
    assert!(said.contains("names none") && said.contains(&left), "{said}");
    // The other one wrote over files of the first: what was there before is needed, and told when it is not sent.
    let mut shallow = Sent::of(&path, Some(&right));
    shallow.earlier.clear();
    let said = shallow.to(&server).await.problem(422, "ledger-invalid");
    assert!(said.contains("whole history"), "{said}");
    assert_eq!(server.get("/missions").await["items"], json!([]));

    let restored = Sent::of(&path, Some(&right)).to(&server).await.ok(200);
    assert_eq!(restored["installation"], right);
    assert_eq!(server.get("/tasks/demo-1").await["title"], "right");
    assert_eq!(versions(&server).await, ["# Guide\n\ntext\n"], "the text of the other one is not this one's");
    server.verify().await;
    server.kill().await;
    fresh.remove().await;

    let data = tempfile::tempdir().unwrap();
    let server = Process::start(data.path(), None).await;
    let folder = found.installations.iter().find(|one| one.id == left).unwrap().folders[0].clone();
    let restored = Sent::of(&path, Some(&folder)).to(&server).await.ok(200);
    assert_eq!(restored["installation"], left, "also by its folder");
    assert_eq!(server.get("/tasks/demo-1").await["title"], "left");
    assert_eq!(versions(&server).await, ["# Guide\n\ntext\n", "left"]);
    server.kill().await;
}

/// A restore that was begun is thrown away when another one comes in its place.
async fn another_takes_its_place(database: Database) {
    let Some(place) = database.place("restores::another_takes_its_place") else { return };
    let fresh = Fresh::create(place).await;
    let (root, a, b) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = bare(root.path(), "ledger.git");
    let first = Process::start(a.path(), None).await;
    fill(&first).await;
    provision(&first, root.path()).await;
    publish_all(&first).await;
    let older = Sent::of(&path, None);
    set_title(&first, "newer").await;
    write_guide(&first, "newer").await;
    publish_all(&first).await;
    first.kill().await;
    let newer = Sent::of(&path, None);

    let second = Process::start_on(b.path(), fresh.url(), Some("restore-batch-1")).await;
    let (client, token, bytes) = (second.client.clone(), second.token.clone(), older.bytes());
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(async move { drop(try_restore(&client, &token, bytes).await) });
    second.kill_at_point().await;
    asking.shutdown().await;
    let third = Process::start_on(b.path(), fresh.url(), None).await;
    // Two at once: one of them does it, and the other says why it did not.
    let (one, other) = tokio::join!(newer.to(&third), newer.to(&third));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
    assert_eq!(third.get("/tasks/demo-1").await["title"], "newer");
    assert_eq!(versions(&third).await, ["# Guide\n\ntext\n", "newer"]);
    third.verify().await;
    third.kill().await;
    fresh.remove().await;
}

/// A repository as the first rule wrote it: no statements; a part ends where something was queued, and that event, with its
/// body, names files and digests. Files are the same. This is what `publications::reconcile` did before there were statements.
fn by_the_first_rule(files: &Texts, export: &str) -> Texts {
    let mut found: Texts = files
        .iter()
        .filter(|(path, _)| !path.contains("ledger/"))
        .map(|(a, b)| (a.clone(), b.clone()))
        .collect();
    let (mut prev, mut part, mut from) = (Digest::GENESIS, String::new(), 1);
    let events = export.lines().map(|line| serde_json::from_str::<SealedEvent>(line).unwrap());
    for (seq, mut event) in (1..).zip(events.filter(|event| event.envelope.action != "publication.commit")) {
        event.hash = event.envelope.seal(prev, seq, event.body_sha256).unwrap();
        (event.seq, event.prev, prev) = (seq, prev, event.hash);
        let is_queue = event.envelope.action == "publication.queue";
        if !is_queue {
            event.body = None;
        }
        part += &(serde_json::to_string(&event).unwrap() + "\n");
        if is_queue {
            let name = format!("missions/demo/ledger/{from:012}-{seq:012}.jsonl");
            found.insert(name, Some(std::mem::take(&mut part)));
            from = seq + 1;
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_of_the_first_rule_verifies_and_is_rebuilt() {
    let (root, a, b) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = bare(root.path(), "ledger.git");
    let first = Process::start(a.path(), None).await;
    fill(&first).await;
    provision(&first, root.path()).await;
    publish_all(&first).await;
    write_guide(&first, "second").await;
    publish_all(&first).await;
    let tasks = first.get("/tasks").await["items"].clone();
    first.sealed().await;
    let export = first.client.send("GET", "/api/v1/ledger/export", &first.token, &[], None).await.text;
    first.kill().await;
    let mut sent = Sent::of(&path, None);
    sent.files = by_the_first_rule(&sent.files, &export);
    let parts: Vec<&String> = sent.files.keys().filter(|path| path.contains("ledger/")).collect();
    assert_eq!(parts.len(), 2, "{parts:?}");
    let found = tree::verify(&sent.files);
    assert!(found.is_ok(), "{:?} {:?}", found.fault, found.chains);
    assert_eq!(lineage::choose(&found.installations, None), Ok(0));
    // A file that is not what was queued last is found, and so is a part that was changed.
    let guide = "missions/demo/docs/api/guide.md";
    let old = sent.earlier.iter().find(|(path, _)| path == guide).unwrap().1.clone();
    let mut changed = sent.files.clone();
    changed.insert(guide.to_owned(), Some(old));
    assert!(tree::verify(&changed).fault.unwrap().contains("approved last"));
    let mut changed = sent.files.clone();
    let part = changed.get_mut(parts[0]).unwrap().as_mut().unwrap();
    *part = part.replacen("task.create", "task.delete", 1);
    assert!(tree::verify(&changed).bad_chain().is_some());

    let second = Process::start(b.path(), None).await;
    sent.to(&second).await.ok(200);
    assert_eq!(second.get("/tasks").await["items"], tasks);
    assert_eq!(versions(&second).await, ["# Guide\n\ntext\n", "second"]);
    second.verify().await;
    // It goes on by the present rule, beside the old parts.
    let repository = git2::Repository::open_bare(&path).unwrap();
    replace(&repository, &sent.files);
    provision(&second, root.path()).await;
    set_title(&second, "goes on").await;
    publish_all(&second).await;
    let found = tree::verify(&files(&path));
    assert!(found.is_ok(), "{:?} {:?}", found.fault, found.chains);
    assert_eq!(found.installations.len(), 2);
    assert_eq!(found.installations[lineage::choose(&found.installations, None).unwrap()].depth, 1);
    second.kill().await;
}

/// A commit on `main` that holds just these files.
fn replace(repository: &git2::Repository, files: &Texts) {
    let mut update = git2::build::TreeUpdateBuilder::new();
    for (path, text) in files {
        if let Some(text) = text {
            update.upsert(path, repository.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob);
        }
    }
    let empty = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
    let tree = repository.find_tree(update.create_updated(repository, &empty).unwrap()).unwrap();
    let parent = repository.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    let who = git2::Signature::now("x", "x@example.org").unwrap();
    repository.commit(Some("refs/heads/main"), &who, &who, "as it was", &tree, &[&parent]).unwrap();
}
