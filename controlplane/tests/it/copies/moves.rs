//! From SQLite to PostgreSQL and back.

use super::*;
use crate::harness::{Database, Fresh};

/// A stopped installation on SQLite, its folder, and a Postgres database without tables.
async fn stopped(test: &str) -> Option<(Local, PathBuf, Fresh)> {
    let place = Database::Postgres.place(test)?;
    let app = TestApp::start(&Fresh::create(Database::Sqlite.place(test).unwrap()).await).await;
    let mut local = filled(app).await;
    let data = local.0.data_dir();
    let running = Run::of(&data, None, &["copy", "--to", "postgres://127.0.0.1:1/x"]).ended().await.problem();
    assert!(
        running.0 == "invalid-transition" && running.1.contains("is running: stop it first"),
        "{running:?}"
    );
    assert!(local.0.stop().await);
    Some((local, data, Fresh::empty(place).await))
}

/// Tables that mean the same on both databases.
fn truth(summary: &Value) -> Vec<(String, u64, String)> {
    let mut all = tables(summary);
    all.retain(|(name, ..)| !name.starts_with("search_cell") && name != "search_vector");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_moves_to_postgres_and_goes_on() {
    let Some((local, data, fresh)) = stopped("copies::moves").await else { return };
    let url = fresh.url().unwrap().to_owned();
    let copy = || Run::of(&data, None, &["copy", "--to", &url]);
    for point in ["copy-tasks", "copy-before-commit"] {
        copy().killed_at(point).await;
        eventually("the killed one has gone", || async {
            let mine = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'mc-controlplane'";
            (column(&url, mine).await == ["0"]).then_some(())
        })
        .await;
        assert_eq!(column(&url, "SELECT CAST(COUNT(*) AS TEXT) FROM organization").await, ["0"], "{point}");
    }
    is_refused(&data, "a move to postgres://").await;
    copy().killed_at("copy-after-commit").await;
    is_refused(&data, "has not ended: run it again").await;
    let moved = copy().ended().await.summary();
    assert_eq!((&moved["action"], &moved["already_there"]), (&json!("migrate"), &json!(true)));
    assert!(!moved["target"].as_str().unwrap().contains('@'), "{moved}");
    let again = copy().ended().await.summary();
    assert_eq!((&again["already_there"], truth(&again)), (&json!(true), truth(&moved)));
    is_refused(&data, "this installation has moved to postgres://").await;

    // The other way, by an archive: the same rows.
    let folder = tempfile::tempdir().unwrap();
    let (archive, other) = (folder.path().join("pg.backup"), folder.path().join("other"));
    let words = ["backup", "--to", text(&archive), "--with-keys"];
    let backed = Run::of(&data, Some(&url), &words).ended().await.summary();
    assert_eq!(truth(&backed), truth(&moved));
    let restored = Run::of(&other, None, &["restore", "--from", text(&archive)]).ended().await.summary();
    assert_eq!(truth(&restored), truth(&moved));
    let only_truth = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().filter(|line| !line.starts_with("search_")).collect()
    };
    assert_eq!(only_truth(dump(&database(&other)).await), only_truth(dump(&database(&data)).await));

    let export = lives(&data, Some(&url), local.0.admin()).await;
    assert!(export.lines().count() > usize::try_from(moved["ledger_seq"].as_u64().unwrap()).unwrap());
    lives(&other, None, local.0.admin()).await;
    let (kind, detail) = copy().ended().await.problem();
    assert!(kind == "not-empty" && detail.contains("is not empty"), "{detail}");
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_is_told() {
    let Some((_local, data, fresh)) = stopped("copies::refused").await else { return };
    let url = fresh.url().unwrap().to_owned();
    let before = dump(&database(&data)).await;
    let copy = |words: &[&str]| Run::of(&data, None, &[&["copy"], words].concat());
    let began = std::time::Instant::now();
    let away = copy(&["--to", "postgres://me:very-secret@127.0.0.1:1/x"]).ended().await;
    let (kind, detail) = away.problem();
    assert!(kind == "unavailable" && detail.contains("postgres://127.0.0.1:1/x"), "{detail}");
    assert!(!away.said.contains("very-secret") && !detail.contains("very-secret"));
    assert!(began.elapsed() < PATIENCE, "it does not wait: {:?}", began.elapsed());
    let (kind, detail) = copy(&["--to", "mysql://x/y"]).ended().await.problem();
    assert!(kind == "validation" && detail.contains("/to"), "{detail}");
    let same = format!("sqlite:{}", database(&data).display());
    let (kind, detail) = copy(&["--to", &same]).ended().await.problem();
    assert!(kind == "validation" && detail.contains("the database to copy from"), "{detail}");
    for path in [format!("sqlite://{}", database(&data).display()), format!("{same}.new")] {
        let (kind, detail) = copy(&["--to", &path]).ended().await.problem();
        assert!(kind == "validation" && detail.contains("no PostgreSQL database"), "{detail}");
    }
    let (kind, _) = copy(&["--to-config", "/nonexistent.toml"]).ended().await.problem();
    assert_eq!(kind, "validation");

    // A value that PostgreSQL cannot hold: nothing is half there.
    local_nul(&data).await;
    let (_, detail) = copy(&["--to", &url]).ended().await.problem();
    assert!(detail.contains("rows of kluster cannot be written"), "{detail}");
    assert_eq!(column(&url, "SELECT CAST(COUNT(*) AS TEXT) FROM mission").await, ["0"]);
    crate::harness::database::execute(&same, "UPDATE kluster SET description = ''").await;
    assert_eq!(dump(&database(&data)).await, before, "the source is as it was");
    Run::of(&data, None, &["copy", "--to", &url]).ended().await.summary();

    // A database with something in it.
    let (kind, detail) =
        Run::of(&data, Some(&url), &["copy", "--to", "postgres://127.0.0.1:1/x"]).ended().await.problem();
    assert!(kind == "invalid-transition" && detail.contains("in PostgreSQL already"), "{detail}");
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_goes_into_postgres_and_a_folder_that_was_lost_is_filled_again() {
    let Some((local, data, fresh)) = stopped("copies::lost_folder").await else { return };
    let url = fresh.url().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("one.backup");
    let words = ["backup", "--to", text(&archive), "--with-keys"];
    let backed = Run::of(&data, None, &words).ended().await.summary();
    // Neither limits of the server nor our own are for copies.
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''17min''', current_database()); END $$";
    crate::harness::database::execute(&url, limit).await;
    let db = controlplane::db::Db::connect(&url, controlplane::db::Limits::default()).await.unwrap();
    for (is_snapshot, limit) in [(true, "0"), (false, "1min")] {
        let mut tx = if is_snapshot { db.begin_snapshot().await } else { db.begin_write().await }.unwrap();
        let (found,): (String,) =
            tx.query("SELECT current_setting('statement_timeout')").fetch_one().await.unwrap();
        assert_eq!(found, limit);
    }
    db.close().await;
    let restore =
        |name: &str| Run::of(&folder.path().join(name), Some(&url), &["restore", "--from", text(&archive)]);
    let restored = restore("one").ended().await.summary();
    assert_eq!((&restored["already_there"], truth(&restored)), (&json!(false), truth(&backed)));
    // Everything but the rows, in another folder: as if the first was lost.
    let again = restore("two").ended().await.summary();
    assert_eq!(again["already_there"], true);
    let of = |name: &str| {
        let mut all = files(&folder.path().join(name));
        // Packs have names of their own bytes, which depend on threads.
        all.retain(|file| !file.contains("ledger.git/objects"));
        all
    };
    assert_eq!(of("two"), of("one"));
    assert!(of("two").contains(&"secrets/root.key".to_owned()), "{:?}", of("two"));
    let third = folder.path().join("three");
    std::fs::create_dir_all(third.join("secrets")).unwrap();
    std::fs::write(third.join("secrets/root.key"), [7; 32]).unwrap();
    let (kind, detail) = restore("three").ended().await.problem();
    assert!(kind == "not-empty" && detail.contains("root.key"), "{detail}");
    lives(&folder.path().join("two"), Some(&url), local.0.admin()).await;
    fresh.remove().await;
}

/// A text with a zero byte, which SQLite takes and PostgreSQL does not.
async fn local_nul(data: &Path) {
    let url = format!("sqlite:{}", database(data).display());
    crate::harness::database::execute(&url, "UPDATE kluster SET description = 'a' || char(0) || 'b'").await;
}

/// Everything of one configuration moves to another: database, contents, keys, Git ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_and_keys_go_where_a_configuration_says() {
    let Some((local, data, fresh)) = stopped("copies::elsewhere").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (other, file) = (folder.path().join("other"), folder.path().join("other.toml"));
    let settings = format!("data_dir = {:?}\ndatabase_url = {:?}\n", text(&other), fresh.url().unwrap());
    std::fs::write(&file, settings).unwrap();
    let summary = Run::of(&data, None, &["copy", "--to-config", text(&file)]).ended().await.summary();
    assert!(summary["objects"].as_u64().unwrap() >= 5 && summary["git_commit"].is_string(), "{summary}");
    let stored = |folder: &Path| crate::harness::files(&folder.join("objects/missions"));
    assert_eq!(stored(&other), stored(&data));
    lives(&other, fresh.url(), local.0.admin()).await;
    fresh.remove().await;
}
