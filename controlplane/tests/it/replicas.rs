//! Three control planes on one database and one bucket, any request to any of them, while they are killed and stopped in
//! turn: nothing fails after a retry, nothing is made twice, nobody who watches misses anything.
//!
//! `MC_TEST_REPLICAS=full` is the long form: 200 clients for 5 minutes.

mod followers;
mod world;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use mc_ledger::SealedEvent;
use serde_json::json;
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::harness::database::environment;
use crate::harness::eventually;
use crate::harness::postgres::OwnServer;
use crate::harness::s3::S3Server;
use crate::outages::terminate;
use followers::{Told, follow, observe, read_ledger};
use world::{Body, Replica, World};

/// Work of a leader that died goes on within this time.
const TAKEN_OVER: Duration = Duration::from_secs(10);
/// So many connections a replica may open.
const CONNECTIONS: i64 = 20;

struct Plan {
    clients: usize,
    followers: usize,
    lasts: Duration,
    /// From one end of a replica to the next.
    every: Duration,
}

impl Plan {
    fn read() -> Self {
        let seconds = Duration::from_secs;
        if environment("MC_TEST_REPLICAS").as_deref() == Some("full") {
            return Self { clients: 200, followers: 8, lasts: seconds(300), every: seconds(10) };
        }
        Self { clients: 12, followers: 3, lasts: seconds(30), every: seconds(5) }
    }
}

/// Ends one after the other, every fourth time by SIGTERM and else by SIGKILL, and starts it again. How many.
async fn disturb(world: &World, mut children: Vec<Child>, plan: &Plan) -> (usize, Vec<Child>) {
    let began = Instant::now();
    let mut ended = 0;
    while began.elapsed() + plan.every < plan.lasts {
        // A plan of faults, not a wait for a condition.
        tokio::time::sleep(plan.every).await;
        let at = ended % children.len();
        // Ids of processes that were started here.
        if ended % 4 == 3 {
            terminate(&children[at]);
            let limit = controlplane::lifetime::GRACE + Duration::from_secs(4);
            let status = tokio::time::timeout(limit, children[at].wait()).await;
            assert!(status.expect("it drains in time").unwrap().success());
        } else {
            children[at].kill().await.unwrap();
        }
        children[at] = world.replicas[at].start();
        world.replicas[at].ready().await;
        ended += 1;
    }
    tokio::time::sleep(plan.lasts.saturating_sub(began.elapsed())).await;
    (ended, children)
}

/// Everything that was acknowledged is there once, and nothing else.
async fn check(world: &World, url: &str) -> usize {
    let text = world.call("GET", "/api/v1/ledger/export", Body::None, 200).await.unwrap().text;
    let report = mc_ledger::verify_lines(text.lines());
    assert!(report.ok, "{report:?}");
    let events: Vec<SealedEvent> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let subjects = |action: &str| {
        let of = events.iter().filter(|event| event.envelope.action == action);
        let mut ids: Vec<&str> = of.map(|event| event.envelope.subject_id.as_str()).collect();
        ids.sort_unstable();
        ids.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let tasks = world.tasks.lock().unwrap().clone();
    let mut made: Vec<String> = tasks.iter().map(|(id, _)| id.clone()).collect();
    made.sort_unstable();
    assert_eq!(subjects("task.create"), made, "one event for each task that was acknowledged");
    let mut stored: Vec<String> = world.artifacts.lock().unwrap().iter().cloned().collect();
    stored.sort_unstable();
    assert_eq!(subjects("artifact.create"), stored);
    let column = |query: &'static str| crate::harness::database::column(url, query);
    let mut titles: Vec<String> = tasks.into_iter().map(|(_, title)| title).collect();
    titles.sort_unstable();
    let mut there = column("SELECT title FROM task").await;
    there.sort_unstable();
    assert_eq!(there, titles);
    assert_eq!(column("SELECT artifact_id::text FROM artifact").await.len(), stored.len());
    events.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_killed_in_turn_lose_nothing_and_double_nothing() {
    let Some(server) = OwnServer::start("replicas::replicas_that_are_killed_in_turn") else { return };
    let (plan, root, s3) = (Plan::read(), tempfile::tempdir().unwrap(), S3Server::start());
    let url = server.url();
    let world = World::new(root.path(), &url, &s3);
    let children: Vec<Child> = world.replicas.iter().map(Replica::start).collect();
    for replica in &world.replicas {
        replica.ready().await;
    }
    world.json("POST", "/api/v1/missions", Body::Json(json!({"name": "demo"})), 201).await.unwrap();
    let kluster = json!({"mission": "demo", "name": "work"});
    world.json("POST", "/api/v1/klusters", Body::Json(kluster), 201).await.unwrap();

    let told: Vec<Mutex<Told>> = (0..plan.followers).map(|_| Mutex::default()).collect();
    let (upto, read) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
    let began = Instant::now();
    let run = async {
        let clients = futures_util::future::join_all((0..plan.clients).map(|client| world.work(client)));
        let disturbed = async {
            let ended = disturb(&world, children, &plan).await;
            world.stop.store(true, Relaxed);
            ended
        };
        let (_, late, (waited, connections), (ended, children)) =
            tokio::join!(clients, world.leave(), observe(&world, &url), disturbed);
        let ran = began.elapsed();
        // All is told to the end.
        let head = eventually("every event is sealed", || async {
            let head = world.json("GET", "/api/v1/ledger/head", Body::None, 200).await?;
            (head["unsealed"] == 0).then(|| head["seq"].as_u64().unwrap())
        })
        .await;
        upto.store(head, Relaxed);
        let mut versions: HashMap<String, i64> = HashMap::new();
        let tasks = world.tasks.lock().unwrap().clone();
        for (id, _) in tasks {
            let task = world.json("GET", &format!("/api/v1/tasks/{id}"), Body::None, 200).await.unwrap();
            versions.insert(id, task["version"].as_i64().unwrap());
        }
        for told in &told {
            eventually("a follower was told of everything", || async {
                (told.lock().unwrap().versions == versions).then_some(())
            })
            .await;
        }
        (late, waited, connections, ended, children, ran)
    };
    let followers = futures_util::future::join_all(told.iter().map(|told| follow(&world, told)));
    let (late, waited, connections, ended, children, ran) = {
        let reading = read_ledger(&world, &upto, &read);
        let both = async { tokio::join!(run, reading).0 };
        tokio::select! {
            done = both => done,
            _ = followers => panic!("the followers ended: {:?}", told[0].lock().unwrap().wrong),
        }
    };
    let events = check(&world, &url).await;
    let (calls, retries) = (world.calls.load(Relaxed), world.retries.load(Relaxed));
    let sum = |of: fn(&Told) -> u64| told.iter().map(|told| of(&told.lock().unwrap())).sum::<u64>();
    eprintln!(
        "{} clients for {:.0} s, {ended} ends of replicas: {calls} calls, {retries} retries, {} tasks, {events} events; \
         {} followers told {} times, resumed {} times, {} times told what they knew; the longest wait for a seal {waited:?}; \
         {} leases given back, at most {:?} late; at most {connections} connections",
        plan.clients,
        ran.as_secs_f64(),
        world.tasks.lock().unwrap().len(),
        plan.followers,
        sum(|told| told.messages),
        sum(|told| told.resumed),
        sum(|told| told.again),
        late.len(),
        late.iter().max().copied().unwrap_or_default(),
    );
    assert_eq!(*world.failures.lock().unwrap(), [""; 0], "calls that failed");
    for told in &told {
        let told = told.lock().unwrap();
        assert_eq!(told.wrong, [""; 0]);
        assert!(told.resumed > 2, "a follower changed its replica");
    }
    assert_eq!(read.load(Relaxed), upto.load(Relaxed), "the ledger was read to its end");
    assert!(retries > 0, "nobody met a replica that was gone");
    assert!(!late.is_empty() && late.iter().all(|late| *late < TAKEN_OVER), "{late:?}");
    assert!(waited < TAKEN_OVER, "{waited:?}");
    assert!(connections <= 3 * CONNECTIONS, "{connections}");
    let mut ends = JoinSet::new();
    for mut child in children {
        terminate(&child);
        ends.spawn(async move { child.wait().await.unwrap().success() });
    }
    assert!(ends.join_all().await.into_iter().all(|is_in_order| is_in_order));
}
