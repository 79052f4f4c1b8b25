//! Those who watch while replicas come and go: of the list of tasks, of the ledger, of the database.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use controlplane::db::Db;

use super::world::{Body, TOKEN, World};

/// What one follower was told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) last: i64,
    /// The newest version of each task.
    pub(super) versions: HashMap<String, i64>,
    pub(super) messages: u64,
    pub(super) resumed: u64,
    /// Said again after an interruption, in the version that was known: the object is read as it is, ahead of its event.
    pub(super) again: u64,
    pub(super) wrong: Vec<String>,
}

/// Follows the tasks, at a replica chosen anew each time the stream ends, and leaves good ones too.
pub(super) async fn follow(world: &World, told: &Mutex<Told>) {
    let mut is_live = false;
    loop {
        let from = told.lock().unwrap().last;
        let resume = if is_live { format!("&from={from}") } else { String::new() };
        let opened = world.any().try_watch(&format!("/api/v1/tasks?watch=true{resume}"), TOKEN).await;
        let mut watch = match opened {
            Ok(watch) => watch,
            Err(why) if why.starts_with("410") => {
                return told.lock().unwrap().wrong.push(format!("from={from}: {why}"));
            }
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(20 + world.dice(100))).await;
                continue;
            }
        };
        let mut left = 30 + world.dice(200);
        while let Some(change) = watch.read().await {
            let mut told = told.lock().unwrap();
            match change.event.as_str() {
                "bookmark" => (is_live, told.last) = (true, change.id),
                "added" | "modified" => {
                    told.messages += 1;
                    let version = change.data["version"].as_i64().unwrap();
                    let id = change.data["id"].as_str().unwrap().to_owned();
                    if is_live && change.id <= told.last {
                        let last = told.last;
                        told.wrong.push(format!("{} after {last}", change.id));
                    }
                    told.last = told.last.max(change.id);
                    let known = told.versions.get(&id).copied().unwrap_or(0);
                    if version < known {
                        told.wrong.push(format!("{id}: version {version} after {known}"));
                    }
                    told.again += u64::from(version == known);
                    told.versions.insert(id, version.max(known));
                }
                other => told.wrong.push(format!("{other}: {}", change.data)),
            }
            left -= 1;
            if left == 0 && is_live {
                break;
            }
            left = left.max(1);
        }
        told.lock().unwrap().resumed += 1;
    }
}

/// Reads the ledger as it grows: every position once, none left out.
pub(super) async fn read_ledger(world: &World, upto: &AtomicU64, last: &AtomicU64) {
    while last.load(Relaxed) < upto.load(Relaxed) {
        let path = format!("/api/v1/ledger/events?after={}&limit=500", last.load(Relaxed));
        let Some(page) = world.json("GET", &path, Body::None, 200).await else { return };
        for event in page["items"].as_array().unwrap() {
            let (seq, next) = (event["seq"].as_u64().unwrap(), last.load(Relaxed) + 1);
            if seq != next {
                return world.wrong(format!("the ledger says {seq}, expected was {next}"));
            }
            last.store(seq, Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The longest that a committed event waited for its seal, and the most connections at once.
pub(super) async fn observe(world: &World, url: &str) -> (Duration, i64) {
    let db = Db::connect(url, controlplane::db::Limits::default()).await.unwrap();
    let (mut oldest, mut longest, mut most) = ((0_i64, Instant::now()), Duration::ZERO, 0);
    while !world.stop.load(Relaxed) {
        let mut tx = db.begin_read().await.unwrap();
        let (first,): (i64,) = tx
            .query("SELECT COALESCE(MIN(ordinal), 0) FROM ledger_event WHERE seq IS NULL")
            .fetch_one()
            .await
            .unwrap();
        let (open,): (i64,) = tx
            .query("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'mc-controlplane' AND datname = current_database()")
            .fetch_one()
            .await
            .unwrap();
        drop(tx);
        if first == 0 || first != oldest.0 {
            oldest = (first, Instant::now());
        }
        longest = longest.max(oldest.1.elapsed());
        // This one has an own pool under the same name.
        most = most.max(open - 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    db.close().await;
    (longest, most)
}
