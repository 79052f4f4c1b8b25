//! Archives of an installation without work: what the schema alone gives is enough to break them everywhere.

use std::path::{Path, PathBuf};

use super::*;
use crate::backup::form::{Part, TableHead};
use crate::backup::source::Sink;
use crate::clock::IdSource;
use crate::db::Db;
use crate::db::bulk::{Block, Value};

fn config(folder: &Path) -> Config {
    Config::of_words(["mc-controlplane", "--data-dir", folder.to_str().unwrap(), "--http", "127.0.0.1:0"])
        .unwrap()
}

/// An installation with a schema, a principal and a content.
async fn source(folder: &Path) -> Config {
    let config = config(folder);
    std::fs::create_dir_all(folder).unwrap();
    let db = Db::open(&config.database_url()).await.unwrap();
    let mut tx = db.begin_write().await.unwrap();
    let id = uuid::Uuid::from_bytes([7; 16]);
    tx.query("INSERT INTO organization (organization_id, name, created_at) VALUES ($1, 'default', 5)")
        .bind(id)
        .execute()
        .await
        .unwrap();
    tx.query("INSERT INTO principal (principal_id, organization_id, name, kind, version, created_at) VALUES ($1, $1, 'system', 'user', 1, 5)")
        .bind(id)
        .execute()
        .await
        .unwrap();
    db.commit(tx).await.unwrap();
    db.close().await;
    config
}

fn asked(to: PathBuf) -> BackupArgs {
    BackupArgs { to, passphrase_file: None, with_keys: false, without_keys: false, allow_missing: false }
}

fn restored(from: PathBuf) -> RestoreArgs {
    RestoreArgs { from, passphrase_file: None, check: false }
}

#[test]
fn an_address_is_shown_without_who_may_use_it() {
    assert_eq!(shown("postgres://me:p%40ss@db:5432/mc?sslmode=require"), "postgres://db:5432/mc");
    assert_eq!(shown("postgres://db"), "postgres://db/");
    assert_eq!(shown("sqlite:/var/lib/mc.db"), "sqlite:/var/lib/mc.db");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_changed_bytes_and_every_kind_of_cut_are_found_and_nothing_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(&folder.path().join("from")).await;
    let archive = folder.path().join("whole");
    backup(&from, &asked(archive.clone())).await.unwrap();
    let bytes = std::fs::read(&archive).unwrap();
    let (bad, to) = (folder.path().join("bad"), config(&folder.path().join("to")));
    let ids = IdSource::default();
    for round in 0..250 {
        let at = usize::try_from(u64::from_be_bytes(ids.bytes::<8>()) % bytes.len() as u64).unwrap();
        let mut changed = bytes.clone();
        if round < 200 {
            let [by] = ids.bytes::<1>();
            changed[at] ^= by | 1;
        } else {
            changed.truncate(at);
        }
        std::fs::write(&bad, &changed).unwrap();
        let error = restore(&to, &restored(bad.clone())).await.unwrap_err();
        assert_eq!(error.kind, ProblemKind::Validation, "byte {at}: {error}");
        assert!(!to.data_dir.exists(), "byte {at}");
    }
    let done = restore(&to, &restored(archive)).await.unwrap();
    assert_eq!((done.already_there, done.rows), (false, 3), "organization, principal, head of the ledger");
    assert!(to.data_dir.join("missioncontrol.db").is_file());
}

/// Writes an archive whose parts somebody changed before they were sealed.
async fn forged(config: &Config, to: &Path, change: impl FnMut(Part) -> Vec<Part>) {
    struct Forger<F> {
        change: F,
        writing: Writing,
    }
    impl<F: FnMut(Part) -> Vec<Part>> Sink for Forger<F> {
        async fn take(&mut self, part: Part) -> Result<(), Error> {
            for part in (self.change)(part) {
                self.writing.take(part).await?;
            }
            Ok(())
        }
    }
    let source = Source::open(config, Wanted { keys: false, ..ALL }).await.unwrap();
    let mut forger = Forger { change, writing: Writing::begin(to, None).unwrap() };
    source.send(&mut forger).await.unwrap();
    forger.writing.finish().await.unwrap();
    source.close().await;
}

type Change = Box<dyn FnMut(Part) -> Vec<Part>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_do_not_fit_each_other_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(&folder.path().join("from")).await;
    let to = config(&folder.path().join("to"));
    let newest = crate::db::newest_schema();
    let same = |part: Part| vec![part];
    let cases: [(&str, &str, Change); 6] = [
        (
            "newer",
            "is newer than the",
            Box::new(move |part| match part {
                Part::Head(head) => vec![Part::Head(Head { schema: newest + 1, ..head })],
                other => same(other),
            }),
        ),
        (
            "row",
            "has other rows than its sum says",
            Box::new(move |part| match part {
                Part::Rows(mut block) => {
                    let last = block.bytes.len() - 1;
                    block.bytes[last] ^= 1;
                    vec![Part::Rows(block)]
                }
                other => same(other),
            }),
        ),
        (
            "table",
            "what is there is not what the end says",
            Box::new({
                let mut is_in = false;
                move |part| match &part {
                    Part::Table(TableHead { name, .. }) => {
                        is_in = name == "token";
                        if is_in { vec![] } else { same(part) }
                    }
                    Part::Rows(_) | Part::TableEnd(_) if is_in => vec![],
                    _ => same(part),
                }
            }),
        ),
        ("twice", "it comes behind the end", {
            Box::new(
                move |part| if matches!(part, Part::End(_)) { vec![part.clone(), part] } else { same(part) },
            )
        }),
        ("data", "bytes that belong to nothing", {
            Box::new(
                move |part| {
                    if matches!(part, Part::End(_)) { vec![Part::Data(vec![1]), part] } else { same(part) }
                },
            )
        }),
        (
            "ledger",
            "the ledger ends at 0, its head says 9",
            Box::new({
                let mut is_in = false;
                move |part| match part {
                    Part::Table(table) => {
                        is_in = table.name == "ledger_head";
                        same(Part::Table(table))
                    }
                    Part::Rows(_) if is_in => {
                        let mut block = Block { rows: 1, bytes: Vec::new() };
                        for value in [Value::Text(&"0".repeat(64)), Value::Integer(1), Value::Integer(9)] {
                            value.put(&mut block.bytes);
                        }
                        vec![Part::Rows(block)]
                    }
                    Part::TableEnd(mut sum) if is_in => {
                        let mut rows = Vec::new();
                        for value in [Value::Text(&"0".repeat(64)), Value::Integer(1), Value::Integer(9)] {
                            value.put(&mut rows);
                        }
                        sum.sha256 = mc_ledger::sha256(&rows);
                        vec![Part::TableEnd(sum)]
                    }
                    other => same(other),
                }
            }),
        ),
    ];
    for (name, says, change) in cases {
        let archive = folder.path().join(name);
        forged(&from, &archive, change).await;
        let error = restore(&to, &restored(archive)).await.unwrap_err();
        assert!(error.kind == ProblemKind::Validation && error.detail.contains(says), "{name}: {error}");
        assert!(!to.data_dir.exists(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_and_a_backup_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(&folder.path().join("from")).await;
    let db = Db::connect(&from.database_url(), from.database_limits).await.unwrap();
    let sweeping = crate::backup::Sweeping::begin(&db, &from.data_dir).await.unwrap();
    assert!(sweeping.is_some());
    let opening = Source::open(&from, Wanted { keys: false, ..ALL });
    tokio::pin!(opening);
    let waits = tokio::time::timeout(std::time::Duration::from_millis(600), &mut opening).await;
    assert!(waits.is_err(), "it waits for the sweep to end");
    drop(sweeping);
    let source = opening.await.unwrap();
    assert!(crate::backup::Sweeping::begin(&db, &from.data_dir).await.unwrap().is_none());
    let other = Source::open(&from, Wanted { keys: false, ..ALL }).await.unwrap();
    other.close().await;
    source.close().await;
    assert!(crate::backup::Sweeping::begin(&db, &from.data_dir).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_backups_with_one_name_at_once_are_one_and_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(&folder.path().join("from")).await;
    for round in 0..8 {
        let archive = folder.path().join(format!("one-{round}"));
        let asked = asked(archive.clone());
        let (one, other) = tokio::join!(backup(&from, &asked), backup(&from, &asked));
        let (kept, refused) = match (one, other) {
            (Ok(kept), Err(refused)) | (Err(refused), Ok(kept)) => (kept, refused),
            both => panic!("{both:?}"),
        };
        assert!(refused.detail.contains("one-"), "{}", refused.detail);
        let bytes = std::fs::read(&archive).unwrap();
        assert_eq!(kept.archive.unwrap().sha256, mc_ledger::sha256(&bytes).to_string());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 9, "nothing else is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_of_somebody_else_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(&folder.path().join("from")).await;
    let archive = folder.path().join("one");
    backup(&from, &asked(archive.clone())).await.unwrap();
    let to = config(&folder.path().join("to"));
    std::fs::create_dir_all(&to.data_dir).unwrap();
    let db = Db::connect(&to.database_url(), to.database_limits).await.unwrap();
    let mut tx = db.begin_write().await.unwrap();
    tx.query("CREATE TABLE diary (day TEXT)").execute().await.unwrap();
    db.commit(tx).await.unwrap();
    db.close().await;
    let refused = restore(&to, &restored(archive)).await.unwrap_err();
    assert!(
        refused.kind == ProblemKind::NotEmpty && refused.detail.contains("something else, diary"),
        "{refused:?}"
    );
    let db = Db::connect(&to.database_url(), to.database_limits).await.unwrap();
    db.begin_read().await.unwrap().query("SELECT day FROM diary").execute().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_moved_is_not_backed_up_from_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let from = source(&folder.path().join("from")).await;
    mark(&from, MOVED, "postgres://db/mc").unwrap();
    let archive = folder.path().join("one");
    let refused = backup(&from, &asked(archive.clone())).await.unwrap_err();
    assert!(
        refused.kind == ProblemKind::InvalidTransition && refused.detail.contains("postgres://db/mc"),
        "{refused:?}"
    );
    assert!(!archive.exists());
    assert!(refuse_start(&from).unwrap_err().contains("has moved to postgres://db/mc"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_of_an_older_schema_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let from = config(&folder.path().join("from"));
    std::fs::create_dir_all(&from.data_dir).unwrap();
    let archive = folder.path().join("old");
    let db = Db::connect(&from.database_url(), from.database_limits).await.unwrap();
    db.migrate_to(16).await.unwrap();
    let mut tx = db.begin_write().await.unwrap();
    tx.query("INSERT INTO organization (organization_id, name, created_at) VALUES ($1, 'default', 5)")
        .bind(uuid::Uuid::from_bytes([7; 16]))
        .execute()
        .await
        .unwrap();
    tx.query("INSERT INTO restored_file (entity_id, path, entity_kind, sha256, meta) VALUES ('a', 'b', 'task', '', '')")
        .execute()
        .await
        .unwrap();
    db.commit(tx).await.unwrap();
    db.close().await;
    backup(&from, &asked(archive.clone())).await.unwrap();
    let to = config(&folder.path().join("to"));
    let done = restore(&to, &restored(archive.clone())).await.unwrap();
    assert_eq!((done.schema, done.rows), (16, 3));
    assert!(restore(&to, &restored(archive)).await.unwrap().already_there, "run again it is known");
    let db = Db::open(&to.database_url()).await.unwrap();
    assert_eq!(db.schema().await.unwrap(), crate::db::newest_schema());
    let mut tx = db.begin_read().await.unwrap();
    let (owned,): (bool,) =
        tx.query("SELECT organization_id IS NOT NULL FROM restored_file").fetch_one().await.unwrap();
    assert!(owned, "the migrations behind it were applied");
}
