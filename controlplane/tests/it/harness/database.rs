//! A fresh database for each test: a file in a temporary folder, or a clone of a template that was migrated once.

use std::io::Write as _;

use controlplane::db::Db;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

#[expect(clippy::disallowed_methods, reason = "what the test run was given is read here and nowhere else")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Database {
    /// Where the test makes its database; `None` when it is skipped, which it says aloud. In CI nothing is skipped.
    pub(crate) fn place(self, test: &str) -> Option<Place> {
        if self == Self::Sqlite {
            return Some(Place::Folder);
        }
        if let Some(url) = environment("MC_TEST_POSTGRES_URL") {
            return Some(Place::Server(url));
        }
        assert!(
            environment("CI").as_deref() != Some("true"),
            "MC_TEST_POSTGRES_URL is not set: in CI every test runs on both databases (scripts/test.sh starts a server)"
        );
        eprintln!("SKIPPED {test}: MC_TEST_POSTGRES_URL is not set");
        if let Some(path) = environment("MC_TEST_SKIPPED_FILE") {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            // One write, so that lines of tests that run at once do not mix.
            file.write_all(format!("{test}: MC_TEST_POSTGRES_URL is not set\n").as_bytes()).unwrap();
        }
        None
    }
}

/// Where a test's database is made.
pub(crate) enum Place {
    /// In the data folder of the control plane.
    Folder,
    /// On this Postgres server.
    Server(String),
}

/// A database that nobody else uses.
pub(crate) struct Fresh {
    server: Option<String>,
    url: Option<String>,
    name: String,
}

/// Key of the advisory lock under which the template is made.
const TEMPLATE_LOCK: i64 = 0x6d63_7465_7374;

fn with_database(server: &str, name: &str) -> String {
    let (rest, query) = server.split_once('?').map_or((server, ""), |(rest, query)| (rest, query));
    let (host, _) = rest.rsplit_once('/').unwrap();
    if query.is_empty() { format!("{host}/{name}") } else { format!("{host}/{name}?{query}") }
}

/// The template's name changes with the migrations.
fn template_name() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let all: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    format!("mc_test_template_{}", &mc_ledger::sha256(&all).to_string()[..16])
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect_with(&url.parse::<PgConnectOptions>().unwrap()).await.unwrap()
}

async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

async fn template(server: &str, connection: &mut PgConnection) -> String {
    let name = template_name();
    run(connection, format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    // It is marked as a template when it is complete; a half-made one is dropped.
    let ready = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate")
        .bind(&name)
        .fetch_optional(&mut *connection)
        .await
        .unwrap();
    if ready.is_none() {
        run(connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        run(connection, format!("CREATE DATABASE {name}")).await;
        Db::open(&with_database(server, &name)).await.unwrap().close().await;
        run(connection, format!("ALTER DATABASE {name} WITH IS_TEMPLATE true")).await;
    }
    run(connection, format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    name
}

fn unique_name() -> String {
    let unique = controlplane::clock::IdSource::default().bytes::<8>();
    format!("mc_test_{:016x}", u64::from_be_bytes(unique))
}

impl Fresh {
    pub(crate) async fn create(place: Place) -> Self {
        let Place::Server(server) = place else {
            return Self { server: None, url: None, name: String::new() };
        };
        let mut connection = connect(&server).await;
        let template = template(&server, &mut connection).await;
        let name = unique_name();
        super::eventually("the template can be copied", || async {
            let made = format!("CREATE DATABASE {name} TEMPLATE {template}");
            // Somebody may still be leaving the template.
            sqlx::raw_sql(AssertSqlSafe(made)).execute(&mut connect(&server).await).await.ok()
        })
        .await;
        Self { url: Some(with_database(&server, &name)), server: Some(server), name }
    }

    /// Without any table.
    pub(crate) async fn empty(place: Place) -> Self {
        let Place::Server(server) = place else { panic!("only Postgres has databases to create") };
        let name = unique_name();
        run(&mut connect(&server).await, format!("CREATE DATABASE {name}")).await;
        Self { url: Some(with_database(&server, &name)), server: Some(server), name }
    }

    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    pub(crate) fn database(&self) -> Database {
        if self.server.is_some() { Database::Postgres } else { Database::Sqlite }
    }

    pub(crate) async fn remove(self) {
        if let Some(server) = self.server {
            run(&mut connect(&server).await, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
                .await;
        }
    }
}

/// Runs statements on a connection of its own.
pub(crate) async fn execute(url: &str, statement: &str) -> u64 {
    let sql = AssertSqlSafe(statement.to_owned());
    match url.strip_prefix("sqlite:") {
        None => sqlx::raw_sql(sql).execute(&mut connect(url).await).await.unwrap().rows_affected(),
        Some(path) => sqlx::raw_sql(sql).execute(&mut open(path).await).await.unwrap().rows_affected(),
    }
}

async fn open(path: &str) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

/// The first column of a query, as text.
pub(crate) async fn column(url: &str, query: &str) -> Vec<String> {
    let sql = AssertSqlSafe(query.to_owned());
    match url.strip_prefix("sqlite:") {
        None => {
            let rows = sqlx::query(sql).fetch_all(&mut connect(url).await).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
        Some(path) => {
            let rows = sqlx::query(sql).fetch_all(&mut open(path).await).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }
}
