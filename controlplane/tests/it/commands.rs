//! `mc-controlplane serve | migrate | check-config | about`, the real program.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::harness::{self, Database, Fresh, TestApp};

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mc-controlplane"));
    command.env_clear().env("NO_COLOR", "1").args(words).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Exit code, standard output, standard error.
async fn run(mut command: Command) -> (i32, String, String) {
    let output = tokio::time::timeout(3 * harness::DEADLINE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn migrate(data_dir: &Path, database: Option<&str>) -> Command {
    let mut command = command(&["migrate"]);
    command.arg("--data-dir").arg(data_dir);
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    command
}

#[tokio::test]
async fn check_config_tells_every_problem_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mc.yaml");
    std::fs::write(&file, "data_dir: /nonexistent/mc\nhtpp: 127.0.0.1:1\n").unwrap();
    let file = file.to_str().unwrap();
    let words = ["--config", file, "check-config", "-o", "json"];
    let mut wrong = command(&words);
    wrong.env("MC_GRPC", "localhost").env("MC_OBJECT_STORAGE_ENDPOINT", "http://s3");
    wrong.env("MC_DATABASE_URL", "mysql://me:very-secret@h/d");
    let (code, out, _) = run(wrong).await;
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["ok"]), (1, &Value::Bool(false)), "{report}");
    let found: Vec<(&str, &str)> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["key"].as_str().unwrap(), problem["source"].as_str().unwrap()))
        .collect();
    let of_file = format!("file {file}");
    assert_eq!(
        found,
        [
            ("htpp", of_file.as_str()),
            ("MC_GRPC", "environment"),
            ("MC_OBJECT_STORAGE_BUCKET", "not set"),
            ("MC_DATABASE_URL", "environment")
        ]
    );
    assert!(!out.contains("very-secret"), "{out}");

    let data = folder.path().join("data");
    let mut right = command(&["check-config", "--data-dir", data.to_str().unwrap()]);
    right.env("MC_DATABASE_URL", "postgres://mc:very-secret@db/mc");
    let (code, out, _) = run(right).await;
    assert!(code == 0 && out.contains("the configuration can be used"), "{out}");
    assert!(out.contains("MC_DATABASE_URL=(secret)  (environment)") && !out.contains("very-secret"), "{out}");
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test]
async fn a_program_tells_what_it_is_without_any_configuration() {
    let mut wrong = command(&["about", "-o", "json"]);
    wrong.env("MC_HTTP", "nowhere");
    let (code, out, said) = run(wrong).await;
    assert_eq!(code, 0, "{said}");
    let about: serde_json::Value = serde_json::from_str(&out).unwrap();
    let newest = about["migrations"].as_array().unwrap().last().unwrap()["version"].clone();
    assert_eq!((&about["build_id"], &about["schema"]), (&mc_api::BUILD_ID.into(), &newest));
    let (code, out, _) = run(command(&["about"])).await;
    assert!(code == 0 && out.contains(&format!("schema version {newest}")), "{out}");
}

#[tokio::test]
async fn a_start_with_a_half_configuration_names_everything_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["serve"][..], &[], &["migrate"]] {
        let mut wrong = command(words);
        wrong.env("MC_HTTP", "0.0.0.0:0").env("MC_OBJECT_STORAGE_PROVIDER", "s3").env("MC_GOV_PROFILE", "x");
        let (code, _, said) = run(wrong).await;
        assert_eq!(code, 1);
        for key in [
            "MC_DATA_DIR",
            "MC_HTTP",
            "MC_OBJECT_STORAGE_BUCKET",
            "MC_OBJECT_STORAGE_ACCESS_KEY",
            "MC_GOV_PROFILE",
        ] {
            assert!(said.contains(&format!("\n  {key} (")), "{key}: {said}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let (code, _, said) = run(command(&["--no-such-option"])).await;
    assert!(code == 2 && said.contains("--no-such-option"), "{said}");
}

async fn version(app: &TestApp) -> i64 {
    app.count("SELECT MAX(version) FROM _sqlx_migrations").await
}

async fn a_newer_database_is_refused(mut app: TestApp) {
    let now = version(&app).await;
    assert!(app.stop().await);
    let (data, database) = (app.data_dir(), app.config.database.clone());
    let again = run(migrate(&data, database.as_deref())).await;
    assert_eq!(again.0, 0, "{}", again.2);
    assert_eq!(again.1.trim(), format!("the schema has version {now} already"));
    app.sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT version + 1, 'newer', success, checksum, 0 FROM _sqlx_migrations ORDER BY version DESC LIMIT 1",
    )
    .await;
    let says = format!("the database has schema version {}, newer than the {now} of this program", now + 1);
    let (code, _, said) = run(migrate(&data, database.as_deref())).await;
    assert!(code == 1 && said.contains(&says), "{said}");
    let (code, _, said) = run(crate::process::program(&data, database.as_deref())).await;
    assert!(code == 1 && said.contains(&says), "{said}");
    app.sql(&format!("DELETE FROM _sqlx_migrations WHERE version = {}", now + 1)).await;
    let app = app.revive().await;
    assert_eq!(version(&app).await, now);
}

both!(a_newer_database_is_refused);

#[tokio::test]
async fn migrate_makes_the_schema_of_sqlite_and_needs_the_folder_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, said) = run(migrate(folder.path(), None)).await;
    assert!(code == 0 && out.starts_with("the schema went from version 0 to "), "{out}{said}");
    assert!(!folder.path().join("token").exists(), "nothing but the schema");
    let config = harness::config(folder.path(), None);
    let server = controlplane::server::Server::start(&config, harness::metrics()).await.unwrap();
    let (code, _, said) = run(migrate(folder.path(), None)).await;
    assert!(code == 1 && said.contains("another control plane uses the data folder"), "{said}");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_migrate_an_empty_postgres_at_once() {
    let Some(place) = Database::Postgres.place("commands::several_may_migrate") else { return };
    let fresh = Fresh::empty(place).await;
    let folders = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let runs = folders.iter().map(|folder| run(migrate(folder.path(), fresh.url())));
    let ended = futures_util::future::join_all(runs).await;
    for (code, _, said) in &ended {
        assert_eq!(*code, 0, "{said}");
    }
    fresh.remove().await;
}
