//! Archives: made beside writers, restored as they were, refused when anything about them is wrong.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

async fn what_is_written_beside_is_whole_or_absent(app: TestApp) {
    let local = filled(app).await;
    let (folder, data) = (tempfile::tempdir().unwrap(), local.0.data_dir());
    let archive = folder.path().join("one.backup");
    let (over, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let writers = (0..4).map(|writer| {
        let (local, over, written) = (&local, &over, &written);
        async move {
            for n in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let artifact =
                    local.upload(&format!("w{writer}-{n}"), format!("{writer} {n}").as_bytes()).await;
                if n % 3 == 0 {
                    let path = format!("/artifacts/{}", artifact["id"].as_str().unwrap());
                    local.ok(ROOT, Method::DELETE, &path, None).await;
                }
                written.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let backup = async {
        eventually("writers write", || async { (written.load(Ordering::Relaxed) > 8).then_some(()) }).await;
        let url = local.0.config.database.clone();
        let words = ["backup", "--to", text(&archive), "--with-keys"];
        let summary = Run::of(&data, url.as_deref(), &words).ended().await.summary();
        let then = written.load(Ordering::Relaxed);
        eventually("they still write", || async { (written.load(Ordering::Relaxed) > then).then_some(()) })
            .await;
        over.store(true, Ordering::Relaxed);
        summary
    };
    let (_, summary) = tokio::join!(futures_util::future::join_all(writers), backup);
    assert_eq!(std::fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&archive).unwrap();
    assert_eq!(summary["archive"]["sha256"], mc_ledger::sha256(&bytes).to_string());
    assert_eq!(summary["archive"]["size_bytes"], bytes.len());
    let export = local.0.export().await;

    let checked =
        Run::of(&folder.path().join("none"), None, &["restore", "--from", text(&archive), "--check"]);
    assert_eq!(checked.ended().await.summary()["action"], "check");
    assert!(!folder.path().join("none").exists(), "a check makes nothing");
    let other = folder.path().join("other");
    let restore = ["restore", "--from", text(&archive)];
    let restored = Run::of(&other, None, &restore).ended().await.summary();
    assert_eq!((&restored["already_there"], tables(&restored)), (&json!(false), tables(&summary)));
    let again = Run::of(&other, None, &restore).ended().await.summary();
    assert_eq!(again["already_there"], true);
    // What it holds is what the archive holds: read once more by another backup.
    let second = folder.path().join("two.backup");
    let copied = Run::of(&other, None, &["backup", "--to", text(&second)]).ended().await.summary();
    let same = |summary: &Value| {
        let truth = tables(summary).into_iter().filter(|(name, ..)| !name.starts_with("search_cell"));
        let truth: Vec<_> = truth.filter(|(name, ..)| name != "search_vector").collect();
        (truth, summary["ledger_hash"].clone(), summary["objects"].clone(), summary["git_commit"].clone())
    };
    assert_eq!(same(&copied), same(&summary));
    assert!(summary["git_commit"].is_string() && summary["missing_objects"] == 0, "{summary}");
    // And the ledger is a beginning of what the source has now.
    let lived = lives(&other, None, local.0.admin()).await;
    let seq = usize::try_from(summary["ledger_seq"].as_u64().unwrap()).unwrap();
    let head = |export: &str| export.lines().take(seq).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(head(&lived), head(&export));
    let (kind, detail) = Run::of(&other, None, &restore).ended().await.problem();
    assert!(kind == "not-empty" && detail.contains("is not empty"), "{detail}");
}

both!(what_is_written_beside_is_whole_or_absent);

async fn a_restore_that_is_killed_is_run_again(app: TestApp) {
    let mut local = filled(app).await;
    let (folder, data) = (tempfile::tempdir().unwrap(), local.0.data_dir());
    let archive = folder.path().join("one.backup");
    assert!(local.0.stop().await);
    let words = ["backup", "--to", text(&archive), "--with-keys"];
    Run::of(&data, None, &words).ended().await.summary();
    let other = folder.path().join("other");
    let restore = || Run::of(&other, None, &["restore", "--from", text(&archive)]);
    for point in ["copy-tasks", "copy-before-commit"] {
        restore().killed_at(point).await;
        assert!(!database(&other).exists(), "nothing is there after a kill at {point}");
        is_refused(&other, "a restore of").await;
    }
    let another = folder.path().join("another.backup");
    std::fs::remove_file(data.join("token")).unwrap();
    Run::of(&data, None, &["backup", "--to", text(&another)]).ended().await.summary();
    let words = ["restore", "--from", text(&another)];
    let (kind, detail) = Run::of(&other, None, &words).ended().await.problem();
    assert!(kind == "not-empty" && detail.contains("one.backup"), "{detail}");
    restore().killed_at("copy-after-commit").await;
    is_refused(&other, "run it again").await;
    assert_eq!(restore().ended().await.summary()["already_there"], true);
    assert_eq!(dump(&database(&other)).await, dump(&database(&data)).await);
    let left: Vec<_> = files(&other).into_iter().filter(|file| file.contains("restor")).collect();
    assert_eq!(left, Vec::<String>::new());
    lives(&other, None, local.0.admin()).await;
}

async fn a_damaged_archive_changes_nothing(app: TestApp) {
    let mut local = filled(app).await;
    let (folder, data) = (tempfile::tempdir().unwrap(), local.0.data_dir());
    let archive = folder.path().join("one.backup");
    assert!(local.0.stop().await);
    Run::of(&data, None, &["backup", "--to", text(&archive), "--with-keys"]).ended().await.summary();
    let bytes = std::fs::read(&archive).unwrap();
    let (bad, other) = (folder.path().join("bad.backup"), folder.path().join("other"));
    let refused = async |bytes: &[u8], what: &str| {
        std::fs::write(&bad, bytes).unwrap();
        let (kind, detail) =
            Run::of(&other, None, &["restore", "--from", text(&bad)]).ended().await.problem();
        assert!(kind == "validation" && detail.contains("bad.backup"), "{what}: {kind}: {detail}");
        assert!(!other.exists(), "{what}: nothing was applied");
        detail
    };
    // Every bit and every length is the matter of unit tests; here some go through the program.
    let random = controlplane::clock::IdSource::default();
    for _ in 0..6 {
        let at = usize::try_from(u64::from_be_bytes(random.bytes::<8>()) % bytes.len() as u64).unwrap();
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        refused(&changed, &format!("byte {at}")).await;
        refused(&bytes[..at], &format!("cut at {at}")).await;
    }
    assert!(
        refused(b"PK\x03\x04 a foreign file of some length", "foreign")
            .await
            .contains("no backup of MissionControl")
    );
    assert!(refused(b"", "empty").await.contains("no backup of MissionControl"));
    let absent = Run::of(&other, None, &["restore", "--from", "/nonexistent/x"]).ended().await.problem();
    assert!(absent.0 == "not-found" && absent.1.contains("/nonexistent/x"), "{absent:?}");
    let taken = Run::of(&data, None, &["backup", "--to", text(&archive)]).ended().await.problem();
    assert!(taken.0 == "name-taken" && taken.1.contains("one.backup"), "{taken:?}");
    assert_eq!(std::fs::read(&archive).unwrap(), bytes, "what exists is not written over");

    // A disk that is full, and an installation that is not there.
    let mut full = Run::of(&data, None, &["backup", "--to", "-"]);
    full.command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = full.command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("No space left on device"), "{said}");
    let nothing = folder.path().join("nothing");
    let absent = Run::of(&nothing, None, &["backup", "--to", text(&bad)]).ended().await.problem();
    assert!(absent.0 == "not-found" && absent.1.contains("there is no installation"), "{absent:?}");

    // Content that a row names and nobody has.
    let lost = crate::harness::files(&data.join("objects")).into_iter().next().unwrap();
    std::fs::remove_file(data.join("objects").join(&lost)).unwrap();
    let third = folder.path().join("three.backup");
    let words = ["backup", "--to", text(&third)];
    let (kind, detail) = Run::of(&data, None, &words).ended().await.problem();
    assert!(kind == "not-found" && detail.contains(lost.rsplit('/').next().unwrap()), "{detail}");
    let left: Vec<_> = files(folder.path()).into_iter().filter(|file| file.starts_with("three")).collect();
    assert_eq!(left, Vec::<String>::new());
    let words = ["backup", "--to", text(&third), "--allow-missing"];
    assert_eq!(Run::of(&data, None, &words).ended().await.summary()["missing_objects"], 1);
}

async fn an_encrypted_archive_needs_its_passphrase(app: TestApp) {
    let mut local = filled(app).await;
    let (folder, data) = (tempfile::tempdir().unwrap(), local.0.data_dir());
    assert!(local.0.stop().await);
    let (archive, other) = (folder.path().join("one.backup"), folder.path().join("other"));
    let secret = |name: &str, line: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{line}\n")).unwrap();
        path
    };
    let (right, wrong) = (secret("right", "a passphrase of ours"), secret("wrong", "a passphrase of others"));
    let words = ["backup", "--to", text(&archive), "--passphrase-file", text(&right)];
    let summary = Run::of(&data, None, &words).ended().await.summary();
    assert_eq!(
        (&summary["archive"]["encrypted"], &summary["archive"]["has_keys"]),
        (&json!(true), &json!(true))
    );
    let bytes = std::fs::read(&archive).unwrap();
    assert!(!bytes.windows(4).any(|four| four == b"page"), "nothing of it can be read");
    let restore = ["restore", "--from", text(&archive)];
    let sealed = Run::of(&other, None, &restore).ended().await.problem();
    assert!(sealed.0 == "validation" && sealed.1.contains("it is encrypted"), "{sealed:?}");
    let words = [&restore[..], &["--passphrase-file", text(&wrong)]].concat();
    let refused = Run::of(&other, None, &words).ended().await.problem();
    assert!(refused.0 == "validation" && refused.1.contains("the passphrase is not the one"), "{refused:?}");
    assert!(!other.exists());
    let words = [&restore[..], &["--passphrase-file", text(&right)]].concat();
    Run::of(&other, None, &words).ended().await.summary();
    assert_eq!(std::fs::read(other.join("token")).unwrap(), std::fs::read(data.join("token")).unwrap());
    assert_eq!(dump(&database(&other)).await, dump(&database(&data)).await);

    // Without keys the root key must be there before, and be the right one.
    let (plain, third) = (folder.path().join("two.backup"), folder.path().join("third"));
    Run::of(&data, None, &["backup", "--to", text(&plain)]).ended().await.summary();
    let restore = || Run::of(&third, None, &["restore", "--from", text(&plain)]);
    let absent = restore().ended().await.problem();
    assert!(absent.0 == "not-found" && absent.1.contains("root.key"), "{absent:?}");
    std::fs::create_dir_all(third.join("secrets")).unwrap();
    std::fs::write(third.join("secrets/root.key"), [7; 32]).unwrap();
    let other_key = restore().ended().await.problem();
    assert!(
        other_key.0 == "validation" && other_key.1.contains("is not the one of this installation"),
        "{other_key:?}"
    );
    std::fs::copy(data.join("secrets/root.key"), third.join("secrets/root.key")).unwrap();
    restore().ended().await.summary();
    assert_eq!(dump(&database(&third)).await, dump(&database(&data)).await);

    // A root key that is not the one of the rows is no key to keep.
    std::fs::write(data.join("secrets/root.key"), [7; 32]).unwrap();
    let fourth = folder.path().join("four.backup");
    let words = ["backup", "--to", text(&fourth), "--with-keys"];
    let (kind, detail) = Run::of(&data, None, &words).ended().await.problem();
    assert!(kind == "validation" && detail.contains("is not the one of this installation"), "{detail}");
    assert!(!fourth.exists());
}

mod sqlite_only {
    #[test]
    fn a_restore_that_is_killed_is_run_again() {
        crate::harness::run(
            crate::harness::Database::Sqlite,
            module_path!(),
            super::a_restore_that_is_killed_is_run_again,
        );
    }

    #[test]
    fn a_damaged_archive_changes_nothing() {
        crate::harness::run(
            crate::harness::Database::Sqlite,
            module_path!(),
            super::a_damaged_archive_changes_nothing,
        );
    }

    #[test]
    fn an_encrypted_archive_needs_its_passphrase() {
        crate::harness::run(
            crate::harness::Database::Sqlite,
            module_path!(),
            super::an_encrypted_archive_needs_its_passphrase,
        );
    }
}
