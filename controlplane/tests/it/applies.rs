//! Applying on the server: owners of fields, dry runs that keep nothing, all or none; and importing rows.

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

fn mission(description: &str) -> Value {
    json!({ "apiVersion": "missioncontrol.dev/v1", "kind": "Mission", "metadata": { "name": "apollo" }, "spec": { "description": description } })
}

/// A manifest in the mission `apollo`.
fn manifest(kind: &str, metadata: Value, spec: Value) -> Value {
    let mut manifest = json!({ "apiVersion": "missioncontrol.dev/v1", "kind": kind });
    manifest["metadata"] = metadata;
    manifest["spec"] = spec;
    manifest
}

fn kluster(spec: Value) -> Value {
    manifest("Kluster", json!({ "name": "lander", "mission": "apollo" }), spec)
}

fn task(name: &str, spec: Value) -> Value {
    manifest("Task", json!({ "name": name, "mission": "apollo", "kluster": "lander" }), spec)
}

async fn apply(app: &TestApp, manager: Option<&str>, more: Value, documents: &[Value]) -> Answer {
    let mut body = json!({ "documents": documents });
    if let Some(manager) = manager {
        body["field_manager"] = json!(manager);
    }
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(app.admin(), "/api/v1/apply", body).await
}

fn results(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["result"].as_str().unwrap()).collect()
}

/// How many events there are; reading them by an export would be one more.
async fn changes(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM ledger_event").await
}

async fn a_whole_file_is_applied_or_nothing_of_it(app: TestApp) {
    let all = [
        mission("To the moon"),
        kluster(json!({ "runtime": "scripted", "maxRunning": 2 })),
        task("a", json!({ "title": "A" })),
        task("b", json!({ "title": "B", "dependsOn": ["a"], "priority": 70 })),
    ];
    let dry = apply(&app, Some("ci"), json!({ "dry_run": true }), &all).await.ok(200);
    assert_eq!(results(&dry), ["created"; 4]);
    app.get(app.admin(), "/api/v1/missions/apollo").await.problem(404, "not-found");
    let events = changes(&app).await;
    let mut bad = all.to_vec();
    bad.push(task("c", json!({ "title": "C", "maxAttempts": 0 })));
    let refused = apply(&app, Some("ci"), json!({}), &bad).await;
    refused.problem(422, "validation");
    assert_eq!(refused.body["errors"][0]["pointer"], "/documents/4/spec/maxAttempts");
    app.get(app.admin(), "/api/v1/missions/apollo").await.problem(404, "not-found");
    assert_eq!(changes(&app).await, events, "nothing is left of what was refused");
    assert_eq!(results(&apply(&app, Some("ci"), json!({}), &all).await.ok(200)), ["created"; 4]);
    assert_eq!(results(&apply(&app, Some("ci"), json!({}), &all).await.ok(200)), ["unchanged"; 4]);
    let found = app.get(app.admin(), "/api/v1/tasks/b?mission=apollo&kluster=lander").await.ok(200);
    assert_eq!((found["state"].as_str(), found["priority"].as_i64()), (Some("pending"), Some(70)));
    for (spec, pointer) in [
        (json!({ "title": "D", "dependsOn": ["nobody"] }), "/documents/0/spec/dependsOn/0"),
        (json!({ "title": "D", "colour": 1 }), "/documents/0/spec/colour"),
        (json!({ "title": 1 }), "/documents/0/spec/title"),
        (json!({ "title": "D", "priority": 101 }), "/documents/0/spec/priority"),
    ] {
        let refused = apply(&app, Some("ci"), json!({}), &[task("d", spec)]).await;
        refused.problem(422, "validation");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
}

async fn fields_have_owners_and_a_conflict_names_both(app: TestApp) {
    apply(
        &app,
        Some("ci"),
        json!({}),
        &[mission("m"), kluster(json!({ "runtime": "scripted", "maxRunning": 2 }))],
    )
    .await
    .ok(200);
    let changed = [kluster(json!({ "maxRunning": 5 }))];
    let refused = apply(&app, Some("ops"), json!({}), &changed).await;
    assert!(
        refused.problem(409, "field-conflict").contains("spec.maxRunning (owned by ci)"),
        "{}",
        refused.text
    );
    assert_eq!(
        refused.body["errors"][0],
        json!({ "pointer": "/documents/0/spec/maxRunning", "message": "owned by ci" })
    );
    let taken = apply(&app, Some("ops"), json!({ "force_conflicts": true }), &changed).await.ok(200);
    assert_eq!(results(&taken), ["configured"]);
    // What its owner no longer writes goes; what somebody else took over stays.
    let left = apply(&app, Some("ci"), json!({}), &[kluster(json!({ "description": "d" }))]).await.ok(200);
    let id = left["items"][0]["id"].as_str().unwrap();
    let spec = &left["items"][0]["after"]["spec"];
    assert_eq!((spec.get("runtime"), spec["maxRunning"].as_i64()), (None, Some(5)), "{left}");
    // A change by another door takes a field over.
    app.patch(app.admin(), "/api/v1/klusters/lander?mission=apollo", json!({ "max_running": 7 }))
        .await
        .ok(200);
    let owners = app.get(app.admin(), &format!("/api/v1/apply/owners/{id}")).await.ok(200);
    let owner = |field: &str| {
        let all = owners["items"].as_array().unwrap().iter().filter(|owner| owner["field"] == field);
        all.map(|owner| owner["manager"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (owner("spec.maxRunning"), owner("spec.description")),
        (vec!["update:bootstrap".to_owned()], vec!["ci".to_owned()])
    );
    assert!(
        apply(&app, Some("ops"), json!({}), &changed)
            .await
            .problem(409, "field-conflict")
            .contains("update:bootstrap")
    );
    // The same value is no conflict, and is owned by both.
    let same = [kluster(json!({ "description": "d" }))];
    assert_eq!(results(&apply(&app, Some("ops"), json!({}), &same).await.ok(200)), ["unchanged"]);
    // Without a manager nothing is owned and nothing is taken away.
    let plain = apply(&app, None, json!({}), &[kluster(json!({ "runtime": "other" }))]).await.ok(200);
    assert_eq!(plain["items"][0]["after"]["spec"]["maxRunning"], 7);
    let labelled = json!({ "apiVersion": "missioncontrol.dev/v1", "kind": "Mission", "metadata": { "name": "apollo", "labels": { "team": "core" } } });
    apply(&app, Some("one"), json!({}), &[labelled]).await.ok(200);
    apply(&app, Some("two"), json!({}), &[json!({ "apiVersion": "missioncontrol.dev/v1", "kind": "Mission", "metadata": { "name": "apollo", "labels": { "tier": "1" } } })]).await.ok(200);
    let gone = apply(&app, Some("one"), json!({}), &[json!({ "apiVersion": "missioncontrol.dev/v1", "kind": "Mission", "metadata": { "name": "apollo" } })]).await.ok(200);
    assert_eq!(gone["items"][0]["after"]["metadata"]["labels"], json!({ "tier": "1" }));
    let refused = apply(&app, Some("a b"), json!({}), &same).await;
    refused.problem(422, "validation");
    assert_eq!(refused.body["errors"][0]["pointer"], "/field_manager");
}

async fn a_dry_run_looks_for_overlaps_and_rights(app: TestApp) {
    let text = "Retry the upload with a growing pause when the object store answers 503";
    let first = task("a", json!({ "title": "Retry failed uploads", "description": text }));
    apply(&app, None, json!({}), &[mission("m"), kluster(json!({})), first]).await.ok(200);
    let twin = task("b", json!({ "title": "Retry failed uploads", "description": text }));
    let dry = apply(&app, None, json!({ "dry_run": true }), std::slice::from_ref(&twin)).await.ok(200);
    assert_eq!(dry["items"][0]["overlap_suggestions"][0]["candidate"]["title"], "Retry failed uploads");
    app.patch(app.admin(), "/api/v1/missions/apollo", json!({ "overlap_policy": { "mode": "require_ack" } }))
        .await
        .ok(200);
    apply(&app, None, json!({ "dry_run": true }), std::slice::from_ref(&twin))
        .await
        .problem(409, "overlap-unacknowledged");
    let body = json!({ "mission": "apollo", "kluster": "lander", "title": "Retry failed uploads", "description": text });
    app.post(app.admin(), "/api/v1/tasks?dry_run=true", body).await.problem(409, "overlap-unacknowledged");
    let fresh = json!({ "mission": "apollo", "kluster": "lander", "title": "Paint the hull" });
    app.post(app.admin(), "/api/v1/tasks?dry_run=true", fresh).await.ok(201);
    app.post(app.admin(), "/api/v1/missions?dry_run=true", json!({ "name": "gemini" })).await.ok(201);
    app.post(app.admin(), "/api/v1/klusters?dry_run=true", json!({ "mission": "apollo", "name": "x" }))
        .await
        .ok(201);
    assert_eq!(app.count("SELECT (SELECT COUNT(*) FROM task) + (SELECT COUNT(*) FROM mission) + (SELECT COUNT(*) FROM kluster)").await, 3);
    let viewer = app.login_as("looker", "viewer").await;
    let body = json!({ "dry_run": true, "documents": [task("c", json!({ "title": "C" }))] });
    app.post(&viewer, "/api/v1/apply", body).await.problem(403, "forbidden");
}

async fn import(app: &TestApp, more: Value, rows: &[Value]) -> Value {
    let mut body = json!({ "mission": "apollo", "kluster": "lander", "source": "file.csv", "rows": rows });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(app.admin(), "/api/v1/tasks/import", body).await.ok(200)
}

fn row(line: i64, id: &str, more: Value) -> Value {
    let mut row = json!({ "line": line, "external_id": id, "title": format!("Row {id}") });
    if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
        row.extend(more);
    }
    row
}

fn outcome(answer: &Value) -> Vec<&str> {
    answer["rows"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

async fn an_import_run_twice_makes_nothing_twice(app: TestApp) {
    apply(&app, None, json!({}), &[mission("m"), kluster(json!({}))]).await.ok(200);
    let rows = [row(1, "a", json!({ "labels": { "x": "1" } })), row(2, "b", json!({ "depends_on": ["a"] }))];
    let dry = import(&app, json!({ "dry_run": true }), &rows).await;
    assert_eq!((outcome(&dry), dry["committed"].as_bool()), (vec!["created", "created"], Some(false)));
    assert_eq!(app.count("SELECT COUNT(*) FROM task").await, 0);
    assert_eq!(outcome(&import(&app, json!({}), &rows).await), ["created", "created"]);
    let events = changes(&app).await;
    assert_eq!(outcome(&import(&app, json!({}), &rows).await), ["unchanged", "unchanged"]);
    assert_eq!(changes(&app).await, events);
    let changed = [row(7, "a", json!({ "title": "Another title", "labels": { "x": "1" } })), rows[1].clone()];
    let answer = import(&app, json!({}), &changed).await;
    assert_eq!(outcome(&answer), ["configured", "unchanged"]);
    let key = answer["rows"][0]["key"].as_str().unwrap();
    let found = app.get(app.admin(), &format!("/api/v1/tasks/{key}")).await.ok(200);
    assert_eq!((found["title"].as_str(), found["labels"]["x"].as_str()), (Some("Another title"), Some("1")));
    let closed = [row(1, "a", json!({ "closed": true })), row(3, "new", json!({ "closed": true }))];
    let answer = import(&app, json!({}), &closed).await;
    assert_eq!(outcome(&answer), ["configured", "skipped"]);
    assert_eq!(app.get(app.admin(), &format!("/api/v1/tasks/{key}")).await.ok(200)["state"], "done");
    assert_eq!(app.count("SELECT COUNT(*) FROM task").await, 2);
}

/// What is closed where it comes from is done and holds nobody back; what is not planned is called off.
async fn a_closed_row_is_done_unless_it_is_not_planned(app: TestApp) {
    apply(&app, None, json!({}), &[mission("m"), kluster(json!({}))]).await.ok(200);
    let rows = [
        row(1, "a", json!({})),
        row(2, "b", json!({ "depends_on": ["a"] })),
        row(3, "c", json!({ "depends_on": ["b"] })),
        row(4, "d", json!({})),
        row(5, "e", json!({ "depends_on": ["d"] })),
    ];
    let made = import(&app, json!({}), &rows).await;
    let keys: Vec<String> =
        made["rows"].as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect();
    // b is closed while it waits for a: it is done all the same.
    let closed = [
        row(2, "b", json!({ "depends_on": ["a"], "closed": true })),
        row(4, "d", json!({ "closed": true, "not_planned": true })),
    ];
    assert_eq!(outcome(&import(&app, json!({}), &closed).await), ["configured", "configured"]);
    assert_eq!(outcome(&import(&app, json!({}), &closed).await), ["unchanged", "unchanged"]);
    let mut states = Vec::new();
    for key in &keys {
        let task = app.get(app.admin(), &format!("/api/v1/tasks/{key}")).await.ok(200);
        states.push(task["state"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["ready", "done", "ready", "cancelled", "blocked"]);
    let done = app.get(app.admin(), &format!("/api/v1/tasks/{}", keys[1])).await.ok(200);
    assert!(done["result"].as_str().unwrap().starts_with("closed in "), "{done}");
}

async fn a_bad_row_is_named_and_its_batch_is_not_kept(app: TestApp) {
    apply(&app, None, json!({}), &[mission("m"), kluster(json!({}))]).await.ok(200);
    let rows = [
        row(1, "a", json!({})),
        row(2, "b", json!({ "priority": 200 })),
        row(3, "c", json!({ "depends_on": ["nobody"] })),
        row(4, "d", json!({ "title": "" })),
    ];
    let answer = import(&app, json!({}), &rows).await;
    assert_eq!(
        (outcome(&answer), answer["committed"].as_bool()),
        (vec!["created", "failed", "failed", "failed"], Some(false))
    );
    let pointers: Vec<&str> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["errors"][0]["pointer"].as_str())
        .collect();
    assert_eq!(pointers, ["/priority", "/depends_on/0", "/title"]);
    assert_eq!(app.count("SELECT COUNT(*) FROM task").await, 0);
    let answer = import(&app, json!({ "continue_on_error": true }), &rows).await;
    assert_eq!(
        (outcome(&answer), answer["committed"].as_bool()),
        (vec!["created", "failed", "failed", "failed"], Some(true))
    );
    assert_eq!(app.count("SELECT COUNT(*) FROM task").await, 1);
    app.patch(app.admin(), "/api/v1/missions/apollo", json!({ "overlap_policy": { "mode": "require_ack" } }))
        .await
        .ok(200);
    let text = "Retry the upload with a growing pause when the object store answers 503";
    let twins = [
        row(1, "x", json!({ "title": "Retry failed uploads", "description": text })),
        row(2, "y", json!({ "title": "Retry failed uploads", "description": text })),
    ];
    let answer = import(&app, json!({ "continue_on_error": true }), &twins).await;
    assert_eq!(outcome(&answer), ["created", "failed"]);
    let key = answer["rows"][0]["key"].as_str().unwrap();
    assert_eq!(answer["rows"][1]["overlaps"], json!([key]));
    let answer = import(&app, json!({ "acknowledge_overlap": [key] }), &twins).await;
    assert_eq!(outcome(&answer), ["unchanged", "created"]);
    let viewer = app.login_as("looker", "viewer").await;
    let body =
        json!({ "mission": "apollo", "kluster": "lander", "source": "s", "rows": [row(1, "q", json!({}))] });
    app.post(&viewer, "/api/v1/tasks/import", body).await.problem(403, "forbidden");
}

async fn two_imports_at_once_make_each_row_once(app: TestApp) {
    apply(&app, None, json!({}), &[mission("m"), kluster(json!({}))]).await.ok(200);
    let rows: Vec<Value> = (0..20).map(|n| row(n, &format!("r{n}"), json!({}))).collect();
    let (one, two) = tokio::join!(import(&app, json!({}), &rows), import(&app, json!({}), &rows));
    let mut all = outcome(&one);
    all.extend(outcome(&two));
    assert_eq!(all.iter().filter(|result| **result == "created").count(), 20, "{all:?}");
    assert_eq!(app.count("SELECT COUNT(*) FROM task").await, 20);
}

fn doc(name: &str, kluster: Option<&str>, spec: Value) -> Value {
    let mut metadata = json!({ "name": name, "mission": "apollo" });
    if let Some(kluster) = kluster {
        metadata["kluster"] = json!(kluster);
    }
    manifest("Doc", metadata, spec)
}

async fn docs_are_applied_with_their_texts_and_owners(app: TestApp) {
    let all = [
        mission("m"),
        kluster(json!({})),
        doc("guide", Some("lander"), json!({ "title": "Guide", "content": "one\n" })),
        doc("words", None, json!({ "content": "LM: lunar module\n", "mediaType": "text/plain" })),
    ];
    let dry = apply(&app, Some("ci"), json!({ "dry_run": true }), &all).await.ok(200);
    assert_eq!(results(&dry), ["created"; 4]);
    assert_eq!(dry["items"][2]["after"]["spec"]["content"], "one\n", "a dry run shows the text");
    app.get(app.admin(), "/api/v1/missions/apollo").await.problem(404, "not-found");
    // A bad one at the end: nothing is there, though its text was stored.
    let mut bad = all.to_vec();
    bad.push(doc("bad", Some("lander"), json!({ "title": "t".repeat(5000), "content": "x" })));
    let refused = apply(&app, Some("ci"), json!({}), &bad).await;
    refused.problem(422, "validation");
    assert_eq!(refused.body["errors"][0]["pointer"], "/documents/4/spec/title", "{}", refused.text);
    let none = [mission("m"), kluster(json!({})), doc("none", Some("lander"), json!({ "title": "T" }))];
    let refused = apply(&app, Some("ci"), json!({}), &none).await;
    assert_eq!(refused.body["errors"][0]["pointer"], "/documents/2/spec/content", "{}", refused.text);
    app.get(app.admin(), "/api/v1/missions/apollo").await.problem(404, "not-found");

    let made = apply(&app, Some("ci"), json!({}), &all).await.ok(200);
    assert_eq!(results(&made), ["created"; 4]);
    assert_eq!(results(&apply(&app, Some("ci"), json!({}), &all).await.ok(200)), ["unchanged"; 4]);
    let id = made["items"][2]["id"].as_str().unwrap().to_owned();
    let text = async |version: i64| {
        app.get(app.admin(), &format!("/api/v1/docs/{id}/content?version={version}")).await.text
    };
    let latest = async || {
        app.get(app.admin(), &format!("/api/v1/docs/{id}")).await.ok(200)["latest_version"].as_i64().unwrap()
    };
    assert_eq!((text(1).await.as_str(), latest().await), ("one\n", 1));

    // Another text of another manager is a conflict, the same is not.
    let changed = [doc("guide", Some("lander"), json!({ "content": "two\n" }))];
    let refused = apply(&app, Some("ops"), json!({}), &changed).await;
    assert!(
        refused.problem(409, "field-conflict").contains("spec.content (owned by ci)"),
        "{}",
        refused.text
    );
    let shown = apply(&app, Some("ci"), json!({ "dry_run": true }), &changed).await.ok(200);
    let both = &shown["items"][0];
    assert_eq!(
        (&both["before"]["spec"]["content"], &both["after"]["spec"]["content"]),
        (&json!("one\n"), &json!("two\n"))
    );
    assert_eq!(latest().await, 1, "a dry run keeps nothing");
    let taken = apply(&app, Some("ops"), json!({ "force_conflicts": true }), &changed).await.ok(200);
    assert_eq!(results(&taken), ["configured"]);
    assert_eq!((text(2).await.as_str(), latest().await), ("two\n", 2));
    // What its owner no longer writes: the title becomes the name, the text stays.
    let left = apply(&app, Some("ci"), json!({}), &[doc("guide", Some("lander"), json!({}))]).await.ok(200);
    assert_eq!(left["items"][0]["after"]["spec"]["title"], "guide", "{left}");
    let left = apply(&app, Some("ops"), json!({}), &[doc("guide", Some("lander"), json!({}))]).await.ok(200);
    assert_eq!(results(&left), ["unchanged"]);
    assert_eq!(latest().await, 2, "a doc always has a text");
    // A text that is written by another door takes the field over.
    apply(&app, Some("ci"), json!({}), &changed).await.ok(200);
    let put = json!({ "base_version": 2, "content": "three\n" });
    app.post(app.admin(), &format!("/api/v1/docs/{id}/versions"), put).await.ok(200);
    let refused = apply(&app, Some("ci"), json!({}), &changed).await;
    assert!(refused.problem(409, "field-conflict").contains("update:bootstrap"), "{}", refused.text);
    let owners = app.get(app.admin(), &format!("/api/v1/apply/owners/{id}")).await.ok(200);
    assert_eq!(owners["items"][0]["field"], "spec.content", "{owners}");
    // Text and title at once are one change for people, and no text is lost.
    let both = [doc("guide", Some("lander"), json!({ "title": "All", "content": "four\n" }))];
    apply(&app, Some("ci"), json!({ "force_conflicts": true }), &both).await.ok(200);
    assert_eq!((text(4).await.as_str(), latest().await), ("four\n", 4));
    let viewer = app.login_in("vera", "apollo", "viewer").await;
    let body = json!({ "documents": both });
    app.post(&viewer, "/api/v1/apply", body).await.problem(403, "forbidden");
    app.mission("other").await;
    let stranger = app.login_in("sten", "other", "contributor").await;
    let body = json!({ "documents": both });
    app.post(&stranger, "/api/v1/apply", body).await.problem(404, "not-found");
}

both!(
    docs_are_applied_with_their_texts_and_owners,
    a_closed_row_is_done_unless_it_is_not_planned,
    a_whole_file_is_applied_or_nothing_of_it,
    fields_have_owners_and_a_conflict_names_both,
    a_dry_run_looks_for_overlaps_and_rights,
    an_import_run_twice_makes_nothing_twice,
    a_bad_row_is_named_and_its_batch_is_not_kept,
    two_imports_at_once_make_each_row_once,
);
