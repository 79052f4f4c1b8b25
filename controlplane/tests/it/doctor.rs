//! Whether objects and database agree: what is broken behind the control plane's back is found, told and mended.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually, files};
use crate::local::{Local, ROOT, answer};

const PATH: &str = "/system/doctor/objects";

async fn start(app: TestApp) -> Local {
    Local::over(app, GovernanceProfile::Development).await
}

/// All parts of a comparison: findings and how many contents were looked at.
async fn compare(local: &Local, fix: bool, deep: bool) -> (Vec<Value>, u64) {
    let (mut findings, mut checked, mut cursor) = (Vec::new(), 0, Value::Null);
    loop {
        let body = json!({"fix": fix, "deep": deep, "cursor": cursor});
        let part = local.ok(ROOT, Method::POST, PATH, Some(body)).await;
        assert_eq!(part["kind"], "object_check");
        findings.extend(part["findings"].as_array().unwrap().iter().cloned());
        checked += part["checked"].as_u64().unwrap();
        cursor = part["next_cursor"].clone();
        if cursor.is_null() {
            return (findings, checked);
        }
    }
}

async fn found(local: &Local) -> Vec<Value> {
    compare(local, false, false).await.0
}

async fn mended(local: &Local) -> Vec<Value> {
    compare(local, true, false).await.0
}

/// The only finding, as kind and state.
#[track_caller]
fn one(findings: &[Value], kind: &str, state: &str) -> Value {
    assert_eq!(findings.len(), 1, "{findings:?}");
    let one = &findings[0];
    assert_eq!((&one["kind"], &one["state"]), (&json!(kind), &json!(state)), "{one}");
    assert!(!one["subject"].as_str().unwrap().is_empty() && !one["cause"].as_str().unwrap().is_empty());
    one.clone()
}

/// The folder that objects are files of, behind the back of whoever serves them.
fn root(local: &Local) -> PathBuf {
    match &local.0.s3 {
        Some(server) => server.file("mc/one"),
        None => local.0.data_dir().join("objects"),
    }
}

/// The file of a content.
fn file(local: &Local, object: &Value) -> PathBuf {
    let text = |key: &str| object[key].as_str().unwrap().to_owned();
    root(local).join("missions").join(text("mission_id")).join("sha256").join(text("sha256"))
}

async fn content(local: &Local, artifact: &Value) -> (u16, Value) {
    let path = format!("/artifacts/{}/content", artifact["id"].as_str().unwrap());
    answer(local.request(ROOT, Method::GET, &path)).await
}

#[expect(clippy::disallowed_methods, reason = "files have their age by the wall clock")]
fn age(path: &PathBuf, hours: u64) {
    let at = SystemTime::now() - Duration::from_hours(hours);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

async fn what_agrees_is_well(app: TestApp) {
    let local = start(app).await;
    local.upload("one", b"one").await;
    local.upload("two", b"").await;
    let doc = json!({"mission": "demo", "name": "plan", "content": "the plan"});
    local.ok(ROOT, Method::POST, "/docs", Some(doc)).await;
    assert_eq!(compare(&local, false, false).await, (Vec::new(), 3));
    let before = local.0.events().await.len();
    let deep = local.ok(ROOT, Method::POST, PATH, Some(json!({"deep": true, "fix": true}))).await;
    assert_eq!((&deep["findings"], &deep["bytes_read"]), (&json!([]), &json!(11)), "{deep}");
    assert_eq!(local.0.events().await.len(), before + 1, "of exports: nothing was mended");
}

async fn a_missing_content_is_told_with_who_names_it_and_heals_when_it_is_stored_again(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("report", b"the report").await;
    std::fs::remove_file(file(&local, &artifact)).unwrap();
    for findings in [found(&local).await, mended(&local).await] {
        let missing = one(&findings, "missing", "open");
        assert_eq!((&missing["severity"], &missing["mission"]), (&json!("error"), &json!("demo")));
        assert_eq!((&missing["sha256"], missing.get("done")), (&artifact["sha256"], None));
        let named = &missing["named_by"][0];
        assert_eq!(
            (&named["kind"], &named["id"], &named["name"]),
            (&json!("artifact"), &artifact["id"], &json!("report"))
        );
        let fix = missing["fix"].as_str().unwrap();
        assert!(fix.contains("mc artifact put FILE -m demo") && fix.contains("mc system restore"), "{fix}");
    }
    assert_eq!(content(&local, &artifact).await.0, 500);
    // Under another name: what counts are the bytes, and the mission.
    local.upload("again", b"the report").await;
    assert_eq!(content(&local, &artifact).await, (200, json!("the report")));
    assert_eq!(found(&local).await, [Value::Null; 0]);
}

async fn docs_and_skills_that_lost_their_content_are_told_by_name(app: TestApp) {
    let local = start(app).await;
    let doc = json!({"mission": "demo", "name": "plan", "content": "the plan"});
    let doc = local.ok(ROOT, Method::POST, "/docs", Some(doc)).await;
    let skill =
        crate::skills::push(&local.0, local.0.admin(), "mission=demo", &[("a/SKILL.md", "x")]).await.ok(201);
    let sha256 = mc_ledger::sha256(b"the plan").to_string();
    let text = json!({"mission_id": doc["mission_id"], "sha256": sha256});
    std::fs::remove_file(file(&local, &text)).unwrap();
    std::fs::remove_file(file(&local, &skill)).unwrap();
    let mut subjects: Vec<String> =
        found(&local).await.iter().map(|one| one["subject"].as_str().unwrap().to_owned()).collect();
    subjects.sort();
    let expected = [
        format!("doc plan version 1 ({})", doc["id"].as_str().unwrap()),
        format!("skill m1 ({})", skill["id"].as_str().unwrap()),
    ];
    assert_eq!(subjects, expected);
    // An artifact of the same bytes heals a doc, too.
    local.upload("text", b"the plan").await;
    let path = format!("/docs/{}/content", doc["id"].as_str().unwrap());
    assert_eq!(local.call(ROOT, Method::GET, &path, None).await, (200, json!("the plan")));
    one(&found(&local).await, "missing", "open");
}

async fn wrong_bytes_are_kept_apart_and_heal_when_the_right_ones_come(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("one", b"right bytes").await;
    let path = file(&local, &artifact);
    for (wrong, deep, kind) in [("wrong bytes", true, "wrong_digest"), ("short", false, "wrong_size")] {
        std::fs::write(&path, wrong).unwrap();
        if deep {
            assert_eq!(found(&local).await, [Value::Null; 0], "only reading all of it tells");
        }
        let open = one(&compare(&local, false, deep).await.0, kind, "open");
        assert!(open["fix"].as_str().unwrap().contains("--fix"), "{open}");
        assert_eq!(std::fs::read(&path).unwrap(), wrong.as_bytes(), "a look changes nothing");

        let left = one(&compare(&local, true, deep).await.0, kind, "left");
        assert!(left["done"].as_str().unwrap().contains("quarantine"), "{left}");
        assert!(!path.exists());
        let kept: Vec<String> =
            files(&root(&local)).into_iter().filter(|name| name.starts_with("quarantine/")).collect();
        let kept: Vec<Vec<u8>> =
            kept.iter().map(|name| std::fs::read(root(&local).join(name)).unwrap()).collect();
        assert!(kept.contains(&wrong.as_bytes().to_vec()), "nothing is thrown away");
        one(&compare(&local, true, deep).await.0, "missing", "open");

        local.upload("again", b"right bytes").await;
        assert_eq!(content(&local, &artifact).await, (200, json!("right bytes")));
        assert_eq!(compare(&local, true, true).await.0, [Value::Null; 0]);
    }
    let subject =
        format!("{}/{}", artifact["mission_id"].as_str().unwrap(), artifact["sha256"].as_str().unwrap());
    assert_eq!(local.actions_on(&subject).await, ["system.mend", "system.mend"], "once for each deed");
}

async fn a_row_that_says_another_size_costs_no_bytes(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("one", b"right bytes").await;
    local.0.sql("UPDATE artifact SET size_bytes = 99").await;
    one(&found(&local).await, "wrong_size", "open");
    let left = one(&mended(&local).await, "wrong_size", "open");
    assert!(left["fix"].as_str().unwrap().contains("the row"), "{left}");
    assert_eq!(std::fs::read(file(&local, &artifact)).unwrap(), b"right bytes");
}

async fn what_nothing_names_goes_by_the_rules_of_the_sweep(app: TestApp) {
    let local = start(app).await;
    let (kept, doomed) = (local.upload("kept", b"kept").await, local.upload("gone", b"gone").await);
    local.ok(ROOT, Method::DELETE, &format!("/artifacts/{}", doomed["id"].as_str().unwrap()), None).await;
    for findings in [found(&local).await, mended(&local).await] {
        let young = one(&findings, "orphan", "fine");
        assert_eq!((&young["severity"], young.get("done")), (&json!("note"), None));
        assert!(file(&local, &doomed).exists(), "it may be of an upload that goes on");
    }
    local.app().clock.advance(Duration::from_hours(25));
    one(&found(&local).await, "orphan", "fine");
    local.app().clock.advance(Duration::from_hours(2));
    let overdue = one(&found(&local).await, "orphan", "open");
    assert_eq!(overdue["severity"], "warning");
    assert!(file(&local, &doomed).exists(), "a look changes nothing");
    let gone = one(&mended(&local).await, "orphan", "mended");
    assert!(!file(&local, &doomed).exists() && gone["done"].is_string(), "{gone}");
    assert_eq!(mended(&local).await, [Value::Null; 0], "once more changes nothing");
    assert_eq!(content(&local, &kept).await.0, 200);
    let subject = gone["subject"].as_str().unwrap();
    assert_eq!(local.actions_on(subject).await, ["system.mend"]);
    let event =
        local.0.events().await.into_iter().find(|event| event.envelope.subject_id == subject).unwrap();
    let body: Value = serde_json::from_str(event.body.as_deref().unwrap()).unwrap();
    assert_eq!((&body["after"]["deed"], &body["after"]["sha256"]), (&json!("remove"), &doomed["sha256"]));
}

async fn uploads_that_were_left_are_ended(app: TestApp) {
    let local = start(app).await;
    let left = local.0.data_dir().join("objects/incoming/left");
    std::fs::write(&left, "half").unwrap();
    assert_eq!(found(&local).await, [Value::Null; 0], "it may go on");
    for (hours, state) in [(25, "fine"), (30, "open")] {
        let findings = eventually(
            "it is found, unless the first sweep of this control plane took it just now",
            || async {
                std::fs::write(&left, "half").unwrap();
                age(&left, hours);
                Some(found(&local).await).filter(|findings| !findings.is_empty())
            },
        )
        .await;
        one(&findings, "upload", state);
    }
    assert!(left.exists());
    one(&mended(&local).await, "upload", "mended");
    assert!(!left.exists());
    assert_eq!(mended(&local).await, [Value::Null; 0]);
}

async fn many_contents_are_compared_part_by_part(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("one", b"one").await;
    let folder = file(&local, &artifact).parent().unwrap().to_owned();
    let mut planted: Vec<String> = (0..1203_u32)
        .map(|n| {
            let bytes = n.to_le_bytes();
            let sha256 = mc_ledger::sha256(&bytes).to_string();
            std::fs::write(folder.join(&sha256), bytes).unwrap();
            sha256
        })
        .collect();
    planted.sort();
    // What is none of ours stands in nobody's way.
    std::fs::write(folder.join("notes.txt"), "x").unwrap();
    std::fs::create_dir(folder.join("aa".repeat(32))).unwrap();
    let first = local.ok(ROOT, Method::POST, PATH, Some(json!({}))).await;
    assert!(first["next_cursor"].is_string() && first["checked"].as_u64().unwrap() <= 500, "{first}");
    let (findings, checked) = compare(&local, false, false).await;
    let orphans: Vec<String> =
        findings.iter().map(|one| one["sha256"].as_str().unwrap().to_owned()).collect();
    assert_eq!(orphans, planted, "each once, in the order of keys");
    assert_eq!(checked, 1204);

    // With an empty store all that is named is told, part by part as well.
    local.0.sql("UPDATE artifact SET deleted_at = 1").await;
    std::fs::remove_dir_all(root(&local).join("missions")).unwrap();
    assert_eq!(compare(&local, true, true).await, (Vec::new(), 0));
}

async fn a_call_that_is_repeated_tells_the_same_and_bad_ones_change_nothing(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("one", b"right").await;
    std::fs::write(file(&local, &artifact), "wrong!").unwrap();
    let send = async |body: Value| {
        local
            .0
            .client
            .send("POST", &format!("/api/v1{PATH}"), local.0.admin(), &[("idempotency-key", "k")], Some(body))
            .await
    };
    let first = send(json!({"fix": true})).await;
    let second = send(json!({"fix": true})).await;
    assert_eq!((first.status, &first.text), (200, &second.text));
    assert_eq!(second.header("idempotency-replayed"), "true");
    send(json!({"fix": true, "deep": true})).await.problem(422, "idempotency-key-reused");

    let post = async |token: &str, body: Value| local.0.post(token, &format!("/api/v1{PATH}"), body).await;
    let root = local.0.admin().to_owned();
    post(&root, json!({"cursor": "junk"})).await.problem(400, "invalid-cursor");
    assert!(matches!(post(&root, json!({"fix": "yes"})).await.status, 400 | 422));
    let unknown = post(&root, json!({"mend": true})).await;
    assert!(matches!(unknown.status, 400 | 422) && unknown.text.contains("mend"), "{}", unknown.text);
    let working = local.login("worker", "contributor").await;
    post(&working, json!({"fix": true})).await.problem(403, "forbidden");
}

async fn nothing_is_moved_beside_a_backup(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("one", b"right").await;
    std::fs::write(file(&local, &artifact), "wrong!").unwrap();
    // As a backup of an installation on SQLite holds it.
    let path = local.0.data_dir().join("objects.lock");
    let lock = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
    lock.lock_shared().unwrap();
    let answer = local.ok(ROOT, Method::POST, PATH, Some(json!({"fix": true}))).await;
    assert!(answer["held"].as_str().unwrap().contains("backup"), "{answer}");
    assert_eq!(answer["findings"][0]["state"], "open");
    assert_eq!(std::fs::read(file(&local, &artifact)).unwrap(), b"wrong!");
    drop(lock);
    one(&mended(&local).await, "wrong_size", "left");
}

async fn what_a_sweep_set_aside_and_something_names_is_brought_back(app: TestApp) {
    use controlplane::objects::ObjectStore as _;
    let local = start(app).await;
    let artifact = local.upload("late", b"late").await;
    let mission = artifact["mission_id"].as_str().unwrap().parse().unwrap();
    let sha256 = artifact["sha256"].as_str().unwrap().parse().unwrap();
    local.app().clock.advance(Duration::from_hours(25));
    let before = local.app().clock.now();
    assert!(local.app().objects.remove_if_older(mission, sha256, before).await.unwrap());
    let aside = one(&found(&local).await, "set_aside", "open");
    assert_eq!(aside["severity"], "warning");
    one(&mended(&local).await, "set_aside", "mended");
    assert!(file(&local, &artifact).exists());
    assert_eq!(found(&local).await, [Value::Null; 0]);
}

async fn a_store_that_is_away_is_told_and_nothing_is_found_missing(app: TestApp) {
    let mut local = start(app).await;
    local.upload("one", b"one").await;
    local.0.s3.as_mut().unwrap().kill();
    let answer = local.0.post(local.0.admin(), &format!("/api/v1{PATH}"), json!({"fix": true})).await;
    answer.problem(503, "unavailable");
    local.0.s3.as_mut().unwrap().serve();
    assert_eq!(mended(&local).await, [Value::Null; 0]);
}

/// What is compared comes from one database; the file lock that is tried is SQLite's.
mod sqlite_only {
    #[test]
    fn nothing_is_moved_beside_a_backup() {
        let name = "doctor::sqlite_only::nothing_is_moved_beside_a_backup";
        crate::harness::run(crate::harness::Database::Sqlite, name, super::nothing_is_moved_beside_a_backup);
    }
}

on_s3!(
    what_agrees_is_well,
    a_missing_content_is_told_with_who_names_it_and_heals_when_it_is_stored_again,
    wrong_bytes_are_kept_apart_and_heal_when_the_right_ones_come,
    a_row_that_says_another_size_costs_no_bytes,
    what_nothing_names_goes_by_the_rules_of_the_sweep,
    uploads_that_were_left_are_ended,
    many_contents_are_compared_part_by_part,
    what_a_sweep_set_aside_and_something_names_is_brought_back,
    a_store_that_is_away_is_told_and_nothing_is_found_missing,
);

both!(
    what_agrees_is_well,
    a_missing_content_is_told_with_who_names_it_and_heals_when_it_is_stored_again,
    docs_and_skills_that_lost_their_content_are_told_by_name,
    wrong_bytes_are_kept_apart_and_heal_when_the_right_ones_come,
    a_row_that_says_another_size_costs_no_bytes,
    what_nothing_names_goes_by_the_rules_of_the_sweep,
    uploads_that_were_left_are_ended,
    many_contents_are_compared_part_by_part,
    a_call_that_is_repeated_tells_the_same_and_bad_ones_change_nothing,
);
