//! A control plane in this process, on a fresh database.

pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod embeddings;
pub(crate) mod postgres;
pub(crate) mod s3;

use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use controlplane::app::SharedApp;
use controlplane::config::Config;
use controlplane::server::{Server, StartError, install_metrics};
use futures_util::FutureExt as _;
use mc_ledger::SealedEvent;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};

pub(crate) use client::{Answer, Client, Watch};
pub(crate) use database::{Database, Fresh};

/// How long a condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Makes of each function two tests, `sqlite::name` and `postgres::name`. A function that is not listed is dead code,
/// so that forgetting one fails the lints.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                crate::harness::run(crate::harness::Database::Sqlite, concat!(module_path!(), "::", stringify!($name)), super::$name);
            })+
        }
        both!(@postgres postgres $($name),+);
    };
    // What only Postgres can do.
    (only postgres: $($name:ident),+ $(,)?) => {
        both!(@postgres postgres_only $($name),+);
    };
    (@postgres $module:ident $($name:ident),+) => {
        mod $module {
            $(#[test]
            fn $name() {
                crate::harness::run(crate::harness::Database::Postgres, concat!(module_path!(), "::", stringify!($name)), super::$name);
            })+
        }
    };
}

/// Makes of each function a test on SQLite whose objects are in a bucket.
macro_rules! on_s3 {
    ($($name:ident),+ $(,)?) => {
        mod s3 {
            $(#[test]
            fn $name() {
                crate::harness::run_on_s3(super::$name);
            })+
        }
    };
}

/// The recorder of this process: there can be only one.
pub(crate) fn metrics() -> PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| install_metrics().unwrap()).clone()
}

/// Runs one test on one database and removes what it made, also after a panic.
pub(crate) fn run<F: Future<Output = ()>>(
    database: Database,
    test: &'static str,
    body: impl FnOnce(TestApp) -> F,
) {
    let Some(place) = database.place(test) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let fresh = Fresh::create(place).await;
        let result = std::panic::AssertUnwindSafe(async { body(TestApp::start(&fresh).await).await })
            .catch_unwind()
            .await;
        fresh.remove().await;
        result
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Runs one test on SQLite with objects in a bucket.
pub(crate) fn run_on_s3<F: Future<Output = ()>>(body: impl FnOnce(TestApp) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = s3::S3Server::start();
        let fresh = Fresh::create(database::Place::Folder).await;
        let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(&folder.path().join("data"), None);
        config.object_storage = server.storage(&[]);
        let mut app = TestApp::serve(folder, config, fresh.database()).await.unwrap();
        app.s3 = Some(server);
        body(app).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// The files below a folder, relative to it, sorted.
pub(crate) fn files(root: &std::path::Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The configuration of a control plane as its command line would give it.
pub(crate) fn config(data_dir: &std::path::Path, database: Option<&str>) -> Config {
    let mut words =
        vec!["mc-controlplane", "--data-dir", data_dir.to_str().unwrap(), "--http", "127.0.0.1:0"];
    if let Some(url) = database {
        words.extend(["--database", url]);
    }
    Config::of_words(words).unwrap()
}

/// Runs a condition until it gives a value; panics with `what` after [`DEADLINE`].
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(began.elapsed() < DEADLINE, "still not after {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A control plane that serves on a port of its own.
pub(crate) struct TestApp {
    pub(crate) database: Database,
    pub(crate) config: Config,
    pub(crate) client: Client,
    server: Option<Server>,
    admin: String,
    /// Where its objects are, if not in its folder.
    pub(crate) s3: Option<s3::S3Server>,
    /// Removed when the last one is dropped.
    folder: std::sync::Arc<tempfile::TempDir>,
}

impl TestApp {
    pub(crate) async fn start(fresh: &Fresh) -> Self {
        let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
        let config = config(&folder.path().join("data"), fresh.url());
        Self::serve(folder, config, fresh.database()).await.unwrap()
    }

    async fn serve(
        folder: std::sync::Arc<tempfile::TempDir>,
        config: Config,
        database: Database,
    ) -> Result<Self, StartError> {
        let server = Box::pin(Server::start(&config, metrics())).await?;
        let admin = std::fs::read_to_string(config.data_dir.join("token")).unwrap();
        let client = Client::new(&format!("http://{}", server.address));
        Ok(Self { database, config, client, server: Some(server), admin, s3: None, folder })
    }

    /// What is served.
    pub(crate) fn app(&self) -> &SharedApp {
        &self.server.as_ref().unwrap().app
    }

    /// The gRPC endpoint.
    pub(crate) fn grpc(&self) -> String {
        format!("https://{}", self.server.as_ref().unwrap().grpc)
    }

    /// The bootstrap token.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// The folder of the data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.config.data_dir.clone()
    }

    /// Moves the clock of this control plane forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.app().clock.advance(by);
    }

    /// Stops in order, as a SIGTERM would.
    pub(crate) async fn stop(&mut self) -> bool {
        self.server.take().unwrap().stop().await
    }

    /// Stops and starts on the same folder and database.
    pub(crate) async fn restart(mut self) -> Self {
        assert!(self.stop().await, "the server stops in order");
        self.revive().await
    }

    /// Starts again under another governance profile.
    pub(crate) async fn governed(mut self, profile: mc_api::auth::GovernanceProfile) -> Self {
        assert!(self.stop().await, "the server stops in order");
        self.config.governance = profile;
        self.revive().await
    }

    /// Starts again after [`TestApp::stop`].
    pub(crate) async fn revive(self) -> Self {
        let s3 = self.s3;
        Self { s3, ..Self::serve(self.folder, self.config, self.database).await.unwrap() }
    }

    /// Another control plane on the same database, with a data folder of its own.
    pub(crate) async fn replica(&self) -> Self {
        let mut config = config(&self.folder.path().join("replica"), self.config.database.as_deref());
        config.root_key_file = Some(self.config.data_dir.join("secrets/root.key"));
        Self::serve(self.folder.clone(), config, self.database).await.unwrap()
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.client.send("GET", path, token, &[], None).await
    }
    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.client.send("POST", path, token, &[], Some(body)).await
    }
    pub(crate) async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.client.send("PUT", path, token, &[], Some(body)).await
    }
    pub(crate) async fn patch(&self, token: &str, path: &str, body: Value) -> Answer {
        self.client.send("PATCH", path, token, &[], Some(body)).await
    }
    pub(crate) async fn delete(&self, token: &str, path: &str) -> Answer {
        self.client.send("DELETE", path, token, &[], None).await
    }

    /// Creates a mission as Admin.
    pub(crate) async fn mission(&self, name: &str) -> Value {
        self.post(&self.admin, "/api/v1/missions", json!({ "name": name })).await.ok(201)
    }

    /// A login token of a user with this role in the organization, who is made when absent.
    pub(crate) async fn login_as(&self, name: &str, role: &str) -> String {
        let body = json!({ "principal": name, "role": role });
        self.login(body).await
    }

    /// A login token of a user with a role in one mission only.
    pub(crate) async fn login_in(&self, name: &str, mission: &str, role: &str) -> String {
        let made = json!({ "name": name, "principal_kind": "user" });
        self.post(&self.admin, "/api/v1/principals", made).await.ok(201);
        let role = json!({ "mission": mission, "role": role });
        self.put(&self.admin, &format!("/api/v1/principals/{name}/role"), role).await.ok(200);
        self.login(json!({ "principal": name })).await
    }

    async fn login(&self, body: Value) -> String {
        let session = self.post(&self.admin, "/api/v1/auth/login", body).await.ok(201);
        session["token"].as_str().unwrap().to_owned()
    }

    /// The position up to which everything committed so far is sealed.
    pub(crate) async fn sealed(&self) -> i64 {
        eventually("every event is sealed", || async {
            let head = self.get(&self.admin, "/api/v1/ledger/head").await.ok(200);
            (head["unsealed"] == 0).then(|| head["seq"].as_i64().unwrap())
        })
        .await
    }

    /// The export as it comes, once everything is sealed.
    pub(crate) async fn export(&self) -> String {
        self.sealed().await;
        self.client.send("GET", "/api/v1/ledger/export", &self.admin, &[], None).await.text
    }

    /// All sealed events, after their chain was verified.
    pub(crate) async fn events(&self) -> Vec<SealedEvent> {
        let text = self.export().await;
        let report = mc_ledger::verify_lines(text.lines());
        assert!(report.ok, "the ledger does not verify: {report:?}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs a statement behind the control plane's back.
    pub(crate) async fn sql(&self, statement: &str) -> u64 {
        database::execute(&self.config.database_url(), statement).await
    }

    /// The first column of a query, as text.
    pub(crate) async fn column(&self, query: &str) -> Vec<String> {
        database::column(&self.config.database_url(), query).await
    }

    /// The only number that a query gives.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.column(&format!("SELECT CAST(({query}) AS TEXT)")).await[0].parse().unwrap()
    }

    /// Watches a list.
    pub(crate) async fn watch(&self, token: &str, path: &str) -> Watch {
        self.client.watch(path, token).await
    }
}
