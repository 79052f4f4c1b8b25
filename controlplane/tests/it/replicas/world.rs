//! The control planes, and the callers who work on any of them.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use controlplane::clock::{Clock, IdSource};
use mc_api::Timestamp;
use serde_json::{Value, json};
use tokio::process::Child;

use crate::harness::s3::S3Server;
use crate::harness::{Answer, Client};
use crate::outages::free_address;
use crate::process::program_at;

/// The bootstrap token of all.
pub(super) const TOKEN: &str = "a-token-that-all-replicas-share";
/// A call that is not accepted after so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);
/// The lease of the tasks that are left behind, in seconds.
const LEFT: u64 = 5;

/// One of them: always on the same port and folder.
pub(super) struct Replica {
    pub(super) address: SocketAddr,
    pub(super) folder: PathBuf,
    pub(super) settings: HashMap<String, String>,
    pub(super) database: String,
    pub(super) client: Client,
}

impl Replica {
    pub(super) fn start(&self) -> Child {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut command =
            program_at(&self.address.to_string(), &self.folder.join("data"), Some(&self.database));
        command.envs(&self.settings).stderr(Stdio::from(log)).spawn().unwrap()
    }

    pub(super) async fn ready(&self) {
        let began = Instant::now();
        while !matches!(self.client.try_send("GET", "/readyz", "", &[], None).await, Ok(answer) if answer.status == 200)
        {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "it does not come back: {}", log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What a caller sends.
#[derive(Clone)]
pub(super) enum Body {
    None,
    Json(Value),
    Bytes(Vec<u8>),
}

/// What all that work on it share.
pub(super) struct World {
    pub(super) replicas: Vec<Replica>,
    pub(super) ids: IdSource,
    /// Callers begin nothing new.
    pub(super) stop: AtomicBool,
    pub(super) calls: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) failures: Mutex<Vec<String>>,
    /// Ids and titles of what was acknowledged.
    pub(super) tasks: Mutex<Vec<(String, String)>>,
    pub(super) artifacts: Mutex<HashSet<String>>,
}

impl World {
    /// Three replicas, none of which runs yet.
    pub(super) fn new(root: &std::path::Path, database: &str, s3: &S3Server) -> Self {
        let key = root.join("root.key");
        std::fs::write(&key, [7; 32]).unwrap();
        let mut settings: HashMap<String, String> =
            s3.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        settings.insert("MC_ROOT_KEY_FILE".into(), key.display().to_string());
        settings.insert("MC_TOKEN".into(), TOKEN.into());
        settings.insert("MC_LOG".into(), "warn".into());
        let replicas = (0..3).map(|n| {
            let (address, folder) = (free_address(), root.join(n.to_string()));
            std::fs::create_dir(&folder).unwrap();
            let client = Client::new(&format!("http://{address}"));
            Replica { address, folder, settings: settings.clone(), database: database.to_owned(), client }
        });
        Self {
            replicas: replicas.collect(),
            ids: IdSource::default(),
            stop: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            failures: Mutex::default(),
            tasks: Mutex::default(),
            artifacts: Mutex::default(),
        }
    }

    pub(super) fn any(&self) -> &Client {
        &self.replicas[usize::from(self.ids.bytes::<1>()[0]) % self.replicas.len()].client
    }

    pub(super) fn dice(&self, below: u64) -> u64 {
        u64::from_be_bytes(self.ids.bytes::<8>()) % below
    }

    pub(super) async fn once(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Body,
    ) -> Result<Answer, String> {
        let request = self.any().request(method, path, TOKEN).header("idempotency-key", key);
        let request = match body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Bytes(bytes) => request.body(bytes),
        };
        Client::finish(request).await.map_err(|error| format!("{error:?}"))
    }

    /// Sends until it is answered, each time to any replica, with the same key.
    pub(super) async fn call(&self, method: &str, path: &str, body: Body, expected: u16) -> Option<Answer> {
        self.calls.fetch_add(1, Relaxed);
        let (began, key) = (Instant::now(), IdSource::default().secret());
        loop {
            let said = match self.once(&key, method, path, body.clone()).await {
                Ok(answer) if answer.status == expected => return Some(answer),
                Ok(answer) => {
                    let is_passing = answer.status == 503 || answer.text.contains("idempotency-in-flight");
                    let said = format!("{method} {path}: {} {}", answer.status, answer.text);
                    if !is_passing {
                        self.failures.lock().unwrap().push(said);
                        return None;
                    }
                    said
                }
                Err(error) => error,
            };
            if began.elapsed() > PATIENCE {
                self.failures.lock().unwrap().push(format!("given up: {said}"));
                return None;
            }
            self.retries.fetch_add(1, Relaxed);
            tokio::time::sleep(Duration::from_millis(20 + self.dice(100))).await;
        }
    }

    pub(super) async fn json(&self, method: &str, path: &str, body: Body, expected: u16) -> Option<Value> {
        Some(self.call(method, path, body, expected).await?.body)
    }

    pub(super) async fn task(&self, title: &str) -> Option<String> {
        let body = json!({"mission": "demo", "kluster": "work", "title": title});
        let made = self.json("POST", "/api/v1/tasks", Body::Json(body), 201).await?;
        let id = made["id"].as_str().unwrap().to_owned();
        self.tasks.lock().unwrap().push((id.clone(), title.to_owned()));
        Some(id)
    }

    pub(super) fn wrong(&self, what: String) {
        self.failures.lock().unwrap().push(what);
    }

    /// Makes a task, finds it, claims it and completes it; now and then stores some bytes and reads them back.
    pub(super) async fn step(&self, client: usize, n: usize) -> Option<()> {
        let title = format!("{client} {n} {}", IdSource::default().secret());
        let path = format!("/api/v1/tasks/{}", self.task(&title).await?);
        let found = self.json("GET", &path, Body::None, 200).await?;
        if found["title"] != title.as_str() {
            self.wrong(format!("another replica says {found}"));
        }
        let claimed = self.json("POST", &format!("{path}/claim"), Body::Json(json!({})), 200).await?;
        let body = json!({"attempt": claimed["attempt"], "result": "done"});
        self.json("POST", &format!("{path}/complete"), Body::Json(body), 200).await?;
        if n.is_multiple_of(4) {
            let bytes = title.repeat(200).into_bytes();
            let path = format!("/api/v1/artifacts?mission=demo&name=file-{client}-{n}");
            let stored = self.json("POST", &path, Body::Bytes(bytes.clone()), 201).await?;
            let id = stored["id"].as_str().unwrap();
            let read = self.call("GET", &format!("/api/v1/artifacts/{id}/content"), Body::None, 200).await?;
            if read.text.as_bytes() != bytes {
                self.wrong(format!("artifact {id} has {} bytes of {}", read.text.len(), bytes.len()));
            }
            self.artifacts.lock().unwrap().insert(id.to_owned());
        }
        Some(())
    }

    pub(super) async fn work(&self, client: usize) {
        for n in 0.. {
            if self.stop.load(Relaxed) {
                return;
            }
            self.step(client, n).await;
        }
    }

    /// Claims tasks and leaves them: some replica must give each back. How long after the end of the lease that was.
    pub(super) async fn leave(&self) -> Vec<Duration> {
        let (mut late, clock) = (Vec::new(), Clock::anchored());
        while !self.stop.load(Relaxed) {
            let Some(id) = self.task(&format!("left behind {}", late.len())).await else { continue };
            let path = format!("/api/v1/tasks/{id}");
            let body = Body::Json(json!({ "lease_seconds": LEFT }));
            let Some(claimed) = self.json("POST", &format!("{path}/claim"), body, 200).await else {
                continue;
            };
            let until: Timestamp = claimed["claim"]["lease_until"].as_str().unwrap().parse().unwrap();
            while let Some(task) = self.json("GET", &path, Body::None, 200).await
                && task["state"] == "claimed"
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let micros = clock.now().as_micros().saturating_sub(until.as_micros());
            late.push(Duration::from_micros(micros.try_into().unwrap_or(0)));
        }
        late
    }
}
