//! Workspaces: a commit is all or nothing against what was read, whoever else commits and whoever is killed.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

/// Mission `apollo`, kluster `work` with two docs, a task with a result, and both keystones.
async fn kluster(app: &TestApp) {
    app.mission("apollo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "work" })).await.ok(201);
    for name in ["guide", "plan"] {
        let body =
            json!({ "mission": "apollo", "kluster": "work", "name": name, "content": format!("{name} one") });
        app.post(app.admin(), "/api/v1/docs", body).await.ok(201);
    }
    for place in [json!({ "mission": "apollo" }), json!({ "mission": "apollo", "kluster": "work" })] {
        app.post(app.admin(), "/api/v1/keystones", place).await.ok(200);
    }
    let body = json!({ "mission": "apollo", "kluster": "work", "title": "land" });
    let task = app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
    let path =
        format!("/api/v1/artifacts?mission=apollo&name=log.txt&task={}", task["key"].as_str().unwrap());
    app.post(app.admin(), &path, json!({ "a": 1 })).await.ok(201);
}

async fn load(app: &TestApp) -> Value {
    let body = json!({ "mission": "apollo", "kluster": "work", "label": "desk" });
    app.post(app.admin(), "/api/v1/workspaces", body).await.ok(201)
}

fn id(loaded: &Value) -> &str {
    loaded["workspace"]["id"].as_str().unwrap()
}

async fn commit(app: &TestApp, workspace: &str, changes: Value) -> Answer {
    let body = json!({ "changes": changes, "note": "from the desk" });
    app.post(app.admin(), &format!("/api/v1/workspaces/{workspace}/commit"), body).await
}

fn update(path: &str, text: &str) -> Value {
    json!({ "path": path, "op": "update", "text": text })
}

fn create(path: &str, text: &str) -> Value {
    json!({ "path": path, "op": "create", "text": text })
}

async fn text(app: &TestApp, name: &str) -> String {
    app.get(app.admin(), &format!("/api/v1/docs/{name}/content?mission=apollo&kluster=work")).await.text
}

/// The conflicts as `(path, reason)`.
fn reasons(refused: &Answer) -> Vec<(String, String)> {
    refused.problem(409, "version-conflict");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = refused.body["version_conflicts"].as_array().unwrap().iter();
    all.map(|one| (text(&one["path"]), text(&one["reason"]))).collect()
}

async fn a_kluster_is_loaded_changed_and_committed(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let workspace = &loaded["workspace"];
    assert_eq!((&workspace["state"], &workspace["lease_seconds"]), (&json!("active"), &json!(900)));
    let names: Vec<_> = loaded["docs"].as_array().unwrap().iter().map(|doc| &doc["doc"]["name"]).collect();
    assert_eq!(names, ["guide", "plan"]);
    assert_eq!(loaded["docs"][0]["content"], "guide one");
    assert!(loaded["north_star"]["content"].as_str().unwrap().starts_with("# North star: apollo"));
    assert!(loaded["workstream"]["content"].as_str().unwrap().starts_with("# Workstream: work"));
    assert_eq!(
        (loaded["tasks"].as_array().unwrap().len(), loaded["artifacts"].as_array().unwrap().len()),
        (1, 1)
    );
    let key = loaded["tasks"][0]["key"].as_str().unwrap();
    let paths: Vec<&str> =
        loaded["index"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect();
    let (result, task) = (format!("artifacts/{key}/log.txt"), format!("tasks/{key}"));
    let expected = [
        "docs/guide.md",
        "docs/plan.md",
        "keystones/workstream.md",
        "keystones/north-star.md",
        &result,
        &task,
    ];
    assert_eq!(paths, expected);

    let workspace = id(&loaded);
    let fetched = async |path: String| {
        app.get(app.admin(), &format!("/api/v1/workspaces/{workspace}/content?path={path}")).await
    };
    let guide = app.get(app.admin(), "/api/v1/docs/guide?mission=apollo&kluster=work").await.ok(200);
    let body = json!({ "base_version": 1, "content": "guide two" });
    let path = format!("/api/v1/docs/{}/versions", guide["id"].as_str().unwrap());
    app.post(app.admin(), &path, body).await.ok(200);
    let old = fetched("docs/guide.md".into()).await.ok(200);
    assert_eq!(old["doc"]["content"], "guide one", "a path is read as it was loaded");
    assert_eq!(fetched(result).await.ok(200)["artifact"]["text"], "{\"a\":1}");
    fetched(task).await.problem(422, "validation");
    fetched("docs/none.md".into()).await.problem(404, "not-found");

    let encoded = base64::engine::general_purpose::STANDARD.encode(b"\x00\xff");
    let changes = json!([
        update("docs/plan.md", "plan two"),
        create("docs/new.md", "new"),
        update("keystones/north-star.md", "the star"),
        { "path": "artifacts/raw.bin", "op": "create", "content_base64": encoded, "media_type": "application/x-raw" },
        create("artifacts/note.txt", "note"),
    ]);
    let done = commit(&app, workspace, changes).await.ok(200);
    assert_eq!((&done["workspace"]["commits"], &done["deleted"]), (&json!(1), &json!([])));
    assert_eq!((text(&app, "plan").await, text(&app, "new").await), ("plan two".into(), "new".into()));
    let artifacts = app.get(app.admin(), "/api/v1/artifacts?mission=apollo").await.ok(200);
    let raw =
        artifacts["items"].as_array().unwrap().iter().find(|one| one["name"] == "raw.bin").unwrap().clone();
    assert_eq!((&raw["media_type"], &raw["size_bytes"]), (&json!("application/x-raw"), &json!(2)));
    assert_eq!(raw["kluster_id"], loaded["workspace"]["kluster_id"]);

    // The index of the workspace has moved with the commit, so that the next one is made of it.
    let changes = json!([
        update("docs/plan.md", "plan three"),
        { "path": "docs/new.md", "op": "delete" },
        { "path": "artifacts/raw.bin", "op": "update", "content_base64": "AQ==" },
        { "path": "artifacts/note.txt", "op": "delete" },
    ]);
    let done = commit(&app, workspace, changes).await.ok(200);
    assert_eq!(done["deleted"], json!(["docs/new.md", "artifacts/note.txt"]));
    let raw_now =
        done["index"].as_array().unwrap().iter().find(|one| one["path"] == "artifacts/raw.bin").unwrap();
    assert_eq!(raw_now["version"], 2);
    // An artifact never changes: another one has its name and place now.
    assert_ne!(raw_now["id"], raw["id"]);
    let raw_now =
        app.get(app.admin(), &format!("/api/v1/artifacts/{}", raw_now["id"].as_str().unwrap())).await.ok(200);
    assert_eq!(raw_now["media_type"], "application/x-raw");
    app.get(app.admin(), &format!("/api/v1/artifacts/{}", raw["id"].as_str().unwrap()))
        .await
        .problem(404, "not-found");

    let body = json!({ "reason": "done" });
    let path = format!("/api/v1/workspaces/{workspace}/release");
    let released = app.post(app.admin(), &path, body.clone()).await.ok(200);
    assert_eq!((&released["state"], &released["reason"]), (&json!("released"), &json!("done")));
    assert_eq!(app.post(app.admin(), &path, body).await.ok(200), released);
    commit(&app, workspace, json!([create("docs/late.md", "x")])).await.problem(409, "lease-lost");

    let events = app.events().await;
    let of_workspace: Vec<&str> = events
        .iter()
        .filter(|event| event.envelope.subject_id == workspace)
        .map(|event| event.envelope.action.as_str())
        .collect();
    assert_eq!(of_workspace, ["workspace.load", "workspace.commit", "workspace.commit", "workspace.release"]);
    let told = events.iter().rfind(|event| event.envelope.action == "workspace.commit").unwrap();
    let told: Value = serde_json::from_str(told.body.as_ref().unwrap()).unwrap();
    let plan = &told["after"]["changes"][0];
    assert_eq!((&plan["before_version"], &plan["after_version"]), (&json!(2), &json!(3)));
    assert_eq!(plan["after_sha256"], mc_ledger::sha256(b"plan three").to_string());
    let replaced = events.iter().filter(|event| event.envelope.action == "artifact.replace").count();
    assert_eq!(replaced, 1);
}

async fn one_change_that_does_not_fit_keeps_all_back_and_all_are_listed(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let key = loaded["tasks"][0]["key"].as_str().unwrap();
    let changed = json!([
        update("docs/guide.md", "theirs"),
        create("docs/taken.md", "theirs"),
        create("artifacts/held.txt", "x")
    ]);
    let other = load(&app).await;
    commit(&app, id(&other), changed).await.ok(200);
    app.delete(app.admin(), "/api/v1/docs/plan?mission=apollo&kluster=work").await.ok(204);
    let before = app.count("SELECT COUNT(*) FROM ledger_event").await;
    let versions = app.count("SELECT COUNT(*) FROM doc_version").await;
    let refused = commit(
        &app,
        id(&loaded),
        json!([
            create("docs/fits.md", "would fit"),
            update("docs/guide.md", "mine"),
            update("docs/plan.md", "mine"),
            create("docs/taken.md", "mine"),
            { "path": format!("tasks/{key}"), "op": "delete" },
            update(&format!("artifacts/{key}/log.txt"), "mine"),
            update("elsewhere/x", "mine"),
            update("artifacts/held.txt", "made of nothing I know"),
            { "path": "docs/never.md", "op": "delete" },
        ]),
    )
    .await;
    let expected = [
        ("docs/guide.md", "base_mismatch"),
        ("docs/plan.md", "missing_entity"),
        ("docs/taken.md", "already_exists"),
        (&format!("tasks/{key}"), "readonly"),
        (&format!("artifacts/{key}/log.txt"), "readonly"),
        ("elsewhere/x", "unsupported_kind"),
        ("artifacts/held.txt", "base_mismatch"),
        ("docs/never.md", "missing_entity"),
    ];
    assert_eq!(reasons(&refused), expected.map(|(path, reason)| (path.to_owned(), reason.to_owned())));
    let guide = &refused.body["version_conflicts"][0];
    assert_eq!((&guide["expected_version"], &guide["current_version"]), (&json!(1), &json!(2)));
    assert_eq!(guide["expected_sha256"], mc_ledger::sha256(b"guide one").to_string());
    assert_eq!(guide["current_sha256"], mc_ledger::sha256(b"theirs").to_string());
    assert_eq!(app.count("SELECT COUNT(*) FROM ledger_event").await, before, "nothing was changed");
    assert_eq!(app.count("SELECT COUNT(*) FROM doc_version").await, versions);
    // A doc that was deleted and made anew has the number that was read, and is another doc.
    let body = json!({ "mission": "apollo", "kluster": "work", "name": "plan", "content": "another plan" });
    app.post(app.admin(), "/api/v1/docs", body).await.ok(201);
    let refused = commit(&app, id(&loaded), json!([update("docs/plan.md", "mine")])).await;
    assert_eq!(reasons(&refused), [("docs/plan.md".to_owned(), "base_mismatch".to_owned())]);
    // Whoever has read it says so.
    let known = json!([{ "path": "docs/guide.md", "op": "update", "text": "merged", "base_version": 2 }]);
    commit(&app, id(&loaded), known).await.ok(200);
    assert_eq!(text(&app, "guide").await, "merged");
}

async fn what_is_published_stays(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let made = commit(&app, id(&loaded), json!([create("artifacts/report.md", "x")])).await.ok(200);
    let entry =
        made["index"].as_array().unwrap().iter().find(|one| one["path"] == "artifacts/report.md").unwrap();
    let body = json!({ "mission": "apollo", "artifacts": [entry["id"]], "message": "report" });
    app.post(app.admin(), "/api/v1/publications", body).await.ok(201);
    app.sql("UPDATE publication SET state = 'published'").await;
    for change in
        [update("artifacts/report.md", "y"), json!({ "path": "artifacts/report.md", "op": "delete" })]
    {
        let refused = commit(&app, id(&loaded), json!([change])).await;
        assert_eq!(reasons(&refused), [("artifacts/report.md".to_owned(), "readonly".to_owned())]);
    }
}

async fn of_commits_at_once_on_one_base_one_wins(app: TestApp) {
    kluster(&app).await;
    let (mut desks, mut writers) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        desks.push(load(&app).await);
    }
    for (writer, desk) in desks.iter().enumerate() {
        let app = &app;
        writers.push(async move {
            let mine = format!("writer {writer}");
            let changes = json!([
                update("docs/plan.md", &mine),
                create(&format!("docs/of-{writer}.md"), &mine),
                update("docs/guide.md", &mine),
            ]);
            commit(app, id(desk), changes).await
        });
    }
    let answers = futures_util::future::join_all(writers).await;
    let won: Vec<usize> = (0..6).filter(|writer| answers[*writer].status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for (writer, lost) in answers.iter().enumerate().filter(|(writer, _)| *writer != won[0]) {
        let both =
            ["docs/plan.md", "docs/guide.md"].map(|path| (path.to_owned(), "base_mismatch".to_owned()));
        assert_eq!(reasons(lost), both, "writer {writer}");
    }
    let winner = format!("writer {}", won[0]);
    assert_eq!((text(&app, "plan").await, text(&app, "guide").await), (winner.clone(), winner));
    assert_eq!(app.count("SELECT COUNT(*) FROM doc WHERE name LIKE 'of-%'").await, 1);
}

async fn a_repeated_commit_is_one_commit(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let path = format!("/api/v1/workspaces/{}/commit", id(&loaded));
    let body = |text: &str| json!({ "changes": [update("docs/plan.md", text)], "key": "k-1" });
    let first = app.post(app.admin(), &path, body("two")).await.ok(200);
    let again = app.post(app.admin(), &path, body("two")).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.ok(200), first);
    app.post(app.admin(), &path, body("other")).await.problem(422, "idempotency-key-reused");
    let tool = json!({ "tool": "commit_kluster_workspace", "arguments": {
        "workspace": id(&loaded), "changes": [update("docs/plan.md", "two")], "key": "k-1" } });
    // The same key through another door is the same commit.
    assert_eq!(app.post(app.admin(), "/mcp/call", tool).await.ok(200)["result"], first);
    app.post(app.admin(), &format!("/api/v1/workspaces/{}/release", id(&loaded)), json!({})).await.ok(200);
    assert_eq!(app.post(app.admin(), &path, body("two")).await.ok(200), first, "also after its end");
    assert_eq!(app.count("SELECT MAX(latest_version) FROM doc").await, 2);
}

async fn a_lease_runs_out_is_renewed_and_belongs_to_one(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let path = format!("/api/v1/workspaces/{}", id(&loaded));
    let change = || json!([update("docs/plan.md", "two")]);
    let other = app.login_as("other", "contributor").await;
    let body = json!({ "changes": change() });
    app.post(&other, &format!("{path}/commit"), body).await.problem(409, "lease-lost");
    app.post(&other, &format!("{path}/heartbeat"), json!({})).await.problem(409, "lease-lost");
    app.post(&other, &format!("{path}/release"), json!({})).await.problem(409, "lease-lost");
    app.get(&other, &format!("{path}/content?path=docs/plan.md")).await.problem(409, "lease-lost");
    assert_eq!(app.get(&other, &path).await.ok(200)["state"], "active");
    app.mission("gemini").await;
    let guest = app.login_in("guest", "gemini", "contributor").await;
    app.get(&guest, &path).await.problem(404, "not-found");
    app.post(&guest, &format!("{path}/commit"), json!({ "changes": change() }))
        .await
        .problem(404, "not-found");

    app.advance(Duration::from_secs(800));
    let body = json!({ "lease_seconds": 120 });
    let renewed = app.post(app.admin(), &format!("{path}/heartbeat"), body).await.ok(200);
    assert_eq!(renewed["lease_seconds"], 120);
    app.advance(Duration::from_secs(110));
    commit(&app, id(&loaded), change()).await.ok(200);
    app.advance(Duration::from_secs(11));
    assert_eq!(app.get(app.admin(), &path).await.ok(200)["state"], "expired");
    let late = json!([update("docs/plan.md", "three")]);
    commit(&app, id(&loaded), late).await.problem(409, "lease-lost");
    app.post(app.admin(), &format!("{path}/heartbeat"), json!({})).await.problem(409, "lease-lost");
    for bad in [59, 3601] {
        let body = json!({ "mission": "apollo", "kluster": "work", "lease_seconds": bad });
        app.post(app.admin(), "/api/v1/workspaces", body).await.problem(422, "validation");
    }
    assert_eq!(controlplane::workspaces::reconcile::forget(app.app()).await.unwrap(), 0);
    app.advance(Duration::from_hours(24 * 7));
    assert_eq!(controlplane::workspaces::reconcile::forget(app.app()).await.unwrap(), 1);
    app.get(app.admin(), &path).await.problem(404, "not-found");
}

async fn a_restart_costs_nobody_a_lease(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let gone = load(&app).await;
    app.post(app.admin(), &format!("/api/v1/workspaces/{}/release", id(&gone)), json!({})).await.ok(200);
    // As if it had ended while nobody served.
    app.sql("UPDATE workspace SET lease_until = lease_until - 1000000000").await;
    commit(&app, id(&loaded), json!([update("docs/plan.md", "two")])).await.problem(409, "lease-lost");
    let app = app.restart().await;
    commit(&app, id(&loaded), json!([update("docs/plan.md", "two")])).await.ok(200);
    commit(&app, id(&gone), json!([update("docs/plan.md", "three")])).await.problem(409, "lease-lost");
}

async fn texts_beyond_the_room_are_fetched_and_a_kluster_too_large_is_not_loaded(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let large =
        |n: usize| create(&format!("docs/large-{n}.md"), &format!("{n}{}", "x".repeat(1024 * 1024 - 1)));
    for part in [[0, 1, 2], [3, 4, 5]] {
        commit(&app, id(&loaded), json!(part.map(large))).await.ok(200);
    }
    let second = load(&app).await;
    let left_out: Vec<_> =
        second["docs"].as_array().unwrap().iter().filter(|doc| doc["content"].is_null()).collect();
    assert!(!left_out.is_empty());
    for doc in left_out {
        let path = doc["path"].as_str().unwrap();
        let fetch = format!("/api/v1/workspaces/{}/content?path={path}", id(&second));
        let fetched = app.get(app.admin(), &fetch).await.ok(200);
        assert_eq!(fetched["doc"]["content"].as_str().unwrap().len(), 1024 * 1024, "{path}");
        assert_eq!(fetched["entry"]["sha256"], doc["doc"]["sha256"]);
    }
    for part in 0..2 {
        let many: Vec<Value> = (0..500).map(|n| create(&format!("docs/n{part}-{n}.md"), "x")).collect();
        commit(&app, id(&loaded), json!(many)).await.ok(200);
    }
    let body = json!({ "mission": "apollo", "kluster": "work" });
    let refused = app.post(app.admin(), "/api/v1/workspaces", body).await;
    assert!(refused.problem(422, "validation").contains("1000 docs"));
}

async fn one_principal_holds_only_so_many(app: TestApp) {
    kluster(&app).await;
    let first = load(&app).await;
    for _ in 1..64 {
        load(&app).await;
    }
    let body = json!({ "mission": "apollo", "kluster": "work" });
    let refused = app.post(app.admin(), "/api/v1/workspaces", body.clone()).await;
    refused.problem(429, "rate-limited");
    assert_eq!(refused.header("retry-after"), "60");
    let other = app.login_as("other", "contributor").await;
    app.post(&other, "/api/v1/workspaces", body).await.ok(201);
    app.post(app.admin(), &format!("/api/v1/workspaces/{}/release", id(&first)), json!({})).await.ok(200);
    load(&app).await;
}

async fn every_change_needs_its_own_right(app: TestApp) {
    kluster(&app).await;
    let token = app.login_as("worker", "contributor").await;
    let body = json!({ "mission": "apollo", "kluster": "work" });
    let loaded = app.post(&token, "/api/v1/workspaces", body.clone()).await.ok(201);
    let path = format!("/api/v1/workspaces/{}/commit", id(&loaded));
    let changes =
        json!({ "changes": [update("docs/guide.md", "two"), { "path": "docs/plan.md", "op": "delete" }] });
    let refused = app.post(&token, &path, changes).await;
    assert!(refused.problem(403, "forbidden").contains("doc.delete"));
    assert_eq!(text(&app, "guide").await, "guide one", "nothing of it was done");
    let changes = json!({ "changes": [update("docs/guide.md", "two"), create("artifacts/a.txt", "1")] });
    app.post(&token, &path, changes).await.ok(200);
    let changes = json!({ "changes": [update("artifacts/a.txt", "2")] });
    app.post(&token, &path, changes).await.ok(200);
    let viewer = app.login_as("reader", "viewer").await;
    app.post(&viewer, "/api/v1/workspaces", body).await.problem(403, "forbidden");
}

async fn a_change_set_that_breaks_a_rule_is_refused_with_its_place(app: TestApp) {
    kluster(&app).await;
    let loaded = load(&app).await;
    let refused = async |changes: Value| {
        let answer = commit(&app, id(&loaded), changes).await;
        answer.problem(422, "validation");
        answer.body["errors"][0]["pointer"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(json!([])).await, "/changes");
    let twice = json!([update("docs/plan.md", "a"), { "path": "docs/plan.md", "op": "delete" }]);
    assert_eq!(refused(twice).await, "/changes/1/path");
    assert_eq!(refused(json!([{ "path": "docs/plan.md", "op": "update" }])).await, "/changes/0");
    assert_eq!(refused(json!([{ "path": "docs/plan.md", "op": "delete", "text": "x" }])).await, "/changes/0");
    let base = json!([{ "path": "docs/x.md", "op": "create", "text": "x", "base_version": 1 }]);
    assert_eq!(refused(base).await, "/changes/0/base_version");
    let bytes = json!([{ "path": "docs/x.md", "op": "create", "content_base64": "AQ==" }]);
    assert_eq!(refused(bytes).await, "/changes/0/content_base64");
    let broken = json!([{ "path": "artifacts/x", "op": "create", "content_base64": "not base64" }]);
    assert_eq!(refused(broken).await, "/changes/0/content_base64");
    let many: Vec<Value> = (0..501).map(|n| create(&format!("docs/n{n}.md"), "x")).collect();
    assert_eq!(refused(json!(many)).await, "/changes");
    let long = create("docs/x.md", &"x".repeat(1024 * 1024 + 1));
    commit(&app, id(&loaded), json!([long])).await.problem(413, "body-too-large");
    assert_eq!(app.count("SELECT COUNT(*) FROM doc").await, 4);
}

both!(
    a_kluster_is_loaded_changed_and_committed,
    one_change_that_does_not_fit_keeps_all_back_and_all_are_listed,
    what_is_published_stays,
    of_commits_at_once_on_one_base_one_wins,
    a_repeated_commit_is_one_commit,
    a_lease_runs_out_is_renewed_and_belongs_to_one,
    a_restart_costs_nobody_a_lease,
    texts_beyond_the_room_are_fetched_and_a_kluster_too_large_is_not_loaded,
    one_principal_holds_only_so_many,
    every_change_needs_its_own_right,
    a_change_set_that_breaks_a_rule_is_refused_with_its_place,
);
