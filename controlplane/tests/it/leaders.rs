//! Work that one of several control planes does for all, and what a start or a stop of one must not do to the others.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use mc_api::ProblemKind;
use mc_proto::mesh_v1 as wire;
use mc_proto::mesh_v1::desired::What;
use mc_proto::mesh_v1::node_client::NodeClient;
use serde_json::{Value, json};

use crate::harness::{Client, DEADLINE, Database, Fresh, TestApp, eventually};
use crate::journal::Journal;
use crate::nodes::{Machine, facts};
use crate::outages::{free_address, terminate};
use crate::persistence::{bare, commits};
use crate::process::{program, program_at, serving};
use crate::restore::{Process, fill, provision};

/// Within this time after its death another control plane goes on with what a leader did.
const TAKEN_OVER: Duration = Duration::from_secs(10);

/// The settings of one that joins the installation of a folder.
fn beside(folder: &std::path::Path) -> HashMap<String, String> {
    let key = folder.join("secrets/root.key").display().to_string();
    HashMap::from([("MC_ROOT_KEY_FILE".to_owned(), key)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequencer_that_stands_still_is_replaced() {
    let Some(place) = Database::Postgres.place("leaders::a_sequencer_that_stands_still") else { return };
    let (fresh, folders) = (Fresh::create(place).await, [0; 2].map(|_| tempfile::tempdir().unwrap()));
    let other = Process::start_on(folders[0].path(), fresh.url(), None).await;
    let point = Some("seal-before-commit");
    let settings = beside(folders[0].path());
    let frozen = Process::start_with(folders[1].path(), fresh.url(), point, settings).await;
    // It is alive and answers; only its sequencer stands still, inside its transaction, with the lock of all.
    let (client, token) = (frozen.client.clone(), frozen.token.clone());
    let write = async {
        for n in 0.. {
            let body = json!({ "name": format!("m-{n}") });
            client.send("POST", "/api/v1/missions", &token, &[], Some(body)).await.ok(201);
        }
    };
    let frozen = tokio::select! {
        frozen = frozen.at_point() => frozen,
        () = write => unreachable!("it writes for ever"),
    };
    let began = Instant::now();
    other.post("/missions", json!({"name": "after"})).await;
    other.sealed().await;
    let waited = began.elapsed();
    eprintln!("a frozen sequencer was replaced after {waited:?}");
    assert!(waited < TAKEN_OVER, "{waited:?}");
    other.verify().await;
    frozen.kill().await;
    other.kill().await;
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_publisher_held_is_published_by_another() {
    let Some(place) = Database::Postgres.place("leaders::what_a_killed_publisher_held") else { return };
    let (fresh, folders) = (Fresh::create(place).await, [0; 2].map(|_| tempfile::tempdir().unwrap()));
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    let leader = Process::start_on(folders[0].path(), fresh.url(), Some("publish-after-push")).await;
    fill(&leader).await;
    provision(&leader, root.path()).await;
    leader.sealed().await;
    let made = leader.post("/publications/pending", json!({"mission_id": "demo"})).await;
    let publication = &made["publications"][0];
    leader.approve(publication).await;
    // It stands after the push, and goes on to renew its lease.
    let leader = leader.at_point().await;
    let settings = beside(folders[0].path());
    let other = Process::start_with(folders[1].path(), fresh.url(), None, settings).await;
    let id = format!("/publications/{}", publication["id"].as_str().unwrap());
    assert_eq!(other.get(&id).await["state"], "queued");
    leader.kill().await;
    let began = Instant::now();
    other.published(publication).await;
    let waited = began.elapsed();
    eprintln!("the lease of a killed publisher was taken over after {waited:?}");
    assert!(waited < TAKEN_OVER, "{waited:?}");
    assert_eq!(commits(&path).len(), 1, "once");
    other.verify().await;
    other.kill().await;
    fresh.remove().await;
}

/// Of whom the database knows that they are here.
const HERE: &str = "SELECT COUNT(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted";

async fn are_here(app: &TestApp, wanted: i64) {
    eventually("so many are here", || async { (app.count(HERE).await == wanted).then_some(()) }).await;
}

async fn a_start_beside_others_gives_no_lease_more_time(mut app: TestApp) {
    app.mission("demo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({"mission": "demo", "name": "work"})).await.ok(201);
    let body = json!({"mission": "demo", "kluster": "work", "title": "held"});
    let task = app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    let claimed = app.post(app.admin(), &format!("{path}/claim"), json!({"lease_seconds": 30})).await.ok(200);
    crate::sessions::node(&app, "box", 1).await;
    app.sql("UPDATE node SET lease_until = last_seen_at + 5000000").await;
    let leases = async |app: &TestApp| {
        let until = app.get(app.admin(), &path).await.ok(200)["claim"]["lease_until"].clone();
        (until, app.count("SELECT MAX(lease_until) FROM node").await)
    };
    let before = leases(&app).await;
    assert_eq!(before.0, claimed["claim"]["lease_until"]);
    let mut second = app.replica().await;
    assert_eq!(leases(&second).await, before);
    are_here(&app, 2).await;
    // Also when the one that was there first is gone.
    assert!(app.stop().await);
    let mut app = app.revive().await;
    assert_eq!(leases(&app).await, before, "the second one was there all the time");
    for one in [&mut app, &mut second] {
        assert!(one.stop().await);
    }
    // While nobody was there, nobody could renew.
    let app = app.revive().await;
    let after = leases(&app).await;
    assert!(after.0.as_str() > before.0.as_str() && after.1 > before.1, "{before:?} {after:?}");
}

async fn a_lost_listening_connection_is_made_anew(app: TestApp) {
    let mut second = app.replica().await;
    are_here(&app, 2).await;
    let mut watch = second.watch(app.admin(), "/api/v1/missions?watch=true").await;
    watch.until(|change| change.event == "bookmark").await;
    let query = HERE.replace("COUNT(*)", "CAST(pg_terminate_backend(l.pid) AS TEXT)");
    assert_eq!(app.column(&query).await, ["true", "true"]);
    app.mission("heard").await;
    assert_eq!(watch.next().await.unwrap().data["name"], "heard");
    are_here(&app, 2).await;
    assert!(second.stop().await);
    assert_eq!(app.count(HERE).await, 1, "one that stops in order says goodbye");
}

async fn all_go_by_the_clock_of_the_database(app: TestApp) {
    let second = app.replica().await;
    let told = app.app().db.now().await.unwrap().unwrap().as_micros();
    for clock in [&app.app().clock, &second.app().clock] {
        let apart = clock.now().as_micros().abs_diff(told);
        assert!(apart < 1_000_000, "{apart} µs");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_that_start_at_once_on_an_empty_database_are_one_installation() {
    let Some(place) = Database::Postgres.place("leaders::three_that_start_at_once") else { return };
    let (fresh, root) = (Fresh::empty(place).await, tempfile::tempdir().unwrap());
    let (key, token) = (root.path().join("root.key"), "a-token-that-three-of-them-share");
    std::fs::write(&key, [7; 32]).unwrap();
    let starts = (0..3).map(|n| {
        let mut command = program(&root.path().join(n.to_string()), fresh.url());
        command.env("MC_ROOT_KEY_FILE", &key).env("MC_TOKEN", token);
        serving(command)
    });
    let all = futures_util::future::join_all(starts).await;
    let clients: Vec<&Client> = all.iter().map(|(_, client, _)| client).collect();
    for n in 0..6 {
        let body = Some(json!({"name": format!("m-{n}")}));
        clients[n % 3].send("POST", "/api/v1/missions", token, &[], body).await.ok(201);
    }
    // Each goes on where another one stopped.
    let (mut names, mut path) = (Vec::new(), "/api/v1/missions?limit=2".to_owned());
    for client in &clients {
        let page = client.send("GET", &path, token, &[], None).await.ok(200);
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        path =
            format!("/api/v1/missions?limit=2&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
    }
    assert_eq!(names.len(), 6, "{names:?}");
    for (table, expected) in
        [("organization", 1), ("keyring", 5), ("seal_key", 1), ("principal", 2), ("token", 1)]
    {
        let query = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        let rows = crate::harness::database::column(fresh.url().unwrap(), &query).await;
        assert_eq!(rows, [expected.to_string()], "{table}");
    }
    for (mut child, ..) in all {
        child.start_kill().unwrap();
        child.wait().await.unwrap();
    }
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_survive_a_sigterm() {
    const UPLOADS: usize = 8;
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let (mut child, client, _reader) = serving(program_at(&address.to_string(), folder.path(), None)).await;
    let token = std::fs::read_to_string(folder.path().join("token")).unwrap();
    client.send("POST", "/api/v1/missions", &token, &[], Some(json!({"name": "demo"}))).await.ok(201);
    let (go_on, held) = tokio::sync::watch::channel(false);
    let uploads = (0..UPLOADS).map(|n| {
        let path = format!("/api/v1/artifacts?mission=demo&name=part-{n}");
        let rest = futures_util::stream::once({
            let mut held = held.clone();
            async move {
                held.wait_for(|go_on| *go_on).await.unwrap();
                Ok::<_, std::io::Error>(format!("rest of {n}"))
            }
        });
        let first = futures_util::stream::once(async { Ok("begin, ".to_owned()) });
        let body = reqwest::Body::wrap_stream(first.chain(rest));
        Client::finish(client.request("POST", &path, &token).body(body))
    });
    let incoming = folder.path().join("objects/incoming");
    let stop = async {
        eventually("all are under way", || async {
            (crate::harness::files(&incoming).len() == UPLOADS).then_some(())
        })
        .await;
        terminate(&child);
        eventually("nothing new is taken", || async { std::net::TcpStream::connect(address).err() }).await;
        go_on.send_replace(true);
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(uploads), stop);
    for answer in answers {
        assert_eq!(answer.unwrap().ok(201)["size_bytes"], "begin, rest of 0".len());
    }
    let status = tokio::time::timeout(controlplane::lifetime::GRACE, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

/// A node is connected with one control plane; people are with the other.
async fn a_session_is_steered_and_followed_from_any_of_them(app: TestApp) {
    app.mission("demo").await;
    let replica = app.replica().await;
    let mut machine = Machine::join(&app, "builder").await;
    machine.reload(&replica);
    let mut client = NodeClient::new(machine.identity.channel().unwrap());
    let request = wire::SyncRequest { conn_seq: 1, facts: Some(facts()) };
    let mut sync = client.sync(request).await.unwrap().into_inner();
    let node = machine.identity.node_id().parse().unwrap();
    let body = json!({"mission": "demo", "runtime": "scripted", "node": "builder"});
    let session = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    // One that has no answer is sent again and again.
    let mut known = HashSet::new();
    let mut command = async || loop {
        let message = tokio::time::timeout(DEADLINE, sync.message()).await.unwrap().unwrap().unwrap();
        if let Some(What::Command(command)) = message.what
            && known.insert(command.op_id.clone())
        {
            break command;
        }
    };
    let turn = app.post(app.admin(), &format!("{path}/prompt"), json!({"text": "go"})).await.ok(201);
    let prompted = command().await;
    assert_eq!(prompted.op_id, turn["id"].as_str().unwrap());
    assert!(machine.identity.verify(&prompted));

    // What the node reports to one is followed at the other, and asked there.
    let mut follow = app.watch(app.admin(), &format!("{path}/events?follow=true&from=0")).await;
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(&prompted.op_id);
    let permission = journal.ask();
    journal.send(&replica, node).await;
    let heard = follow.until(|change| change.event == "permission_open").await;
    let seqs: Vec<i64> = heard.iter().map(|change| change.id).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let approval = heard.last().unwrap().data["body"]["approval_id"].as_str().unwrap().to_owned();
    // Decided at both at once: one of them is told that it came too late.
    let decide = format!("/api/v1/approvals/{approval}/approve");
    let option = json!({"option": "yes"});
    let (one, two) = tokio::join!(
        app.post(app.admin(), &decide, option.clone()),
        replica.client.send("POST", &decide, app.admin(), &[], Some(option)),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, two.text);
    let late = if one.status == 409 { &one } else { &two };
    assert!(late.text.contains(ProblemKind::AlreadyDecided.slug()), "{}", late.text);
    assert_eq!(command().await.op_id, approval);

    app.post(app.admin(), &format!("{path}/cancel"), json!({})).await.ok(200);
    command().await;
    // Who followed at one goes on at the other.
    let from = seqs.last().unwrap() + 1;
    drop(follow);
    let mut follow = replica.watch(app.admin(), &format!("{path}/events?follow=true&from={from}")).await;
    journal.answer(&permission, Some(&approval));
    journal.say("done");
    journal.done(&prompted.op_id, "end_turn");
    journal.send(&replica, node).await;
    let heard = follow.until(|change| change.event == "turn_end").await;
    assert!(heard.iter().all(|change| change.id >= from));
    let read = |app: &TestApp| {
        let (client, token, path) = (app.client.clone(), replica.admin().to_owned(), path.clone());
        async move { client.send("GET", &path, &token, &[], None).await.ok(200) }
    };
    let (here, there): (Value, Value) = (read(&app).await, read(&replica).await);
    assert_eq!(here, there);
    assert_eq!(here["state"], "idle");
}

both!(only postgres:
    a_start_beside_others_gives_no_lease_more_time,
    a_lost_listening_connection_is_made_anew,
    all_go_by_the_clock_of_the_database,
    a_session_is_steered_and_followed_from_any_of_them,
);
