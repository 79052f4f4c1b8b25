//! Docs: versions that never change, written only on top of the newest, and kept as long as a doc names them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

/// The mission `apollo` with the kluster `work` and a doc `guide` in it.
async fn guide(app: &TestApp) -> Value {
    app.mission("apollo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "work" })).await.ok(201);
    let body = json!({ "mission": "apollo", "kluster": "work", "name": "guide", "content": "one\n" });
    app.post(app.admin(), "/api/v1/docs", body).await.ok(201)
}

async fn put(app: &TestApp, id: &str, base: i64, content: &str) -> Answer {
    let body = json!({ "base_version": base, "content": content, "note": format!("on {base}") });
    app.post(app.admin(), &format!("/api/v1/docs/{id}/versions"), body).await
}

async fn text(app: &TestApp, id: &str, query: &str) -> String {
    let answer = app.get(app.admin(), &format!("/api/v1/docs/{id}/content{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

async fn a_doc_is_written_compared_published_and_deleted(app: TestApp) {
    let doc = guide(&app).await;
    let id = id(&doc);
    assert!(id.starts_with("doc_"));
    assert_eq!(doc["title"], "guide");
    assert_eq!((&doc["state"], &doc["latest_version"]), (&json!("draft"), &json!(1)));
    assert_eq!(doc["sha256"], mc_ledger::sha256(b"one\n").to_string());
    let path = format!("/api/v1/docs/{id}");

    let published = app.post(app.admin(), &format!("{path}/publish"), json!({ "version": 1 })).await.ok(200);
    assert_eq!((&published["state"], &published["published_version"]), (&json!("published"), &json!(1)));
    let second = put(&app, &id, 1, "one\ntwo\n").await.ok(200);
    assert_eq!((&second["state"], &second["latest_version"]), (&json!("draft"), &json!(2)));
    assert_eq!(second["published_version"], 1, "what was published stays published");
    let same = put(&app, &id, 2, "one\ntwo\n").await.ok(200);
    assert_eq!(same, second, "the same text makes no version and no change");

    let versions = app.get(app.admin(), &format!("{path}/versions?limit=1")).await.ok(200);
    assert_eq!(versions["items"][0]["number"], 1);
    let cursor = versions["next_cursor"].as_str().unwrap();
    let versions = app.get(app.admin(), &format!("{path}/versions?limit=1&cursor={cursor}")).await.ok(200);
    assert_eq!((&versions["items"][0]["note"], &versions["next_cursor"]), (&json!("on 1"), &Value::Null));
    assert_eq!(text(&app, &id, "").await, "one\ntwo\n");
    assert_eq!(text(&app, &id, "?version=1").await, "one\n");
    app.get(app.admin(), &format!("{path}/content?version=3")).await.problem(404, "not-found");

    let diff = app.get(app.admin(), &format!("{path}/diff")).await.ok(200);
    assert_eq!((&diff["from"], &diff["to"], &diff["binary"]), (&json!(1), &json!(2), &json!(false)));
    assert_eq!(diff["unified"], "--- guide v1\n+++ guide v2\n@@ -1 +1,2 @@\n one\n+two\n");
    let back = app.get(app.admin(), &format!("{path}/diff?from=2&to=1")).await.ok(200);
    assert!(back["unified"].as_str().unwrap().contains("-two"), "{back}");
    app.get(app.admin(), &format!("{path}/diff?to=1")).await.problem(404, "not-found");

    let publish =
        |version: i64| app.post(app.admin(), "/api/v1/docs/guide/publish", json!({ "version": version }));
    publish(3).await.problem(422, "validation");
    let published = publish(2).await.ok(200);
    assert_eq!(published["state"], "published");
    assert_eq!(publish(2).await.ok(200), published, "the second time changes nothing");
    // Going back to an older one is possible and shows that there is a newer draft.
    assert_eq!(publish(1).await.ok(200)["state"], "draft");

    let patched =
        app.patch(app.admin(), &path, json!({ "title": "Guide", "labels": { "a": "1" } })).await.ok(200);
    assert_eq!((&patched["title"], &patched["latest_version"]), (&json!("Guide"), &json!(2)));
    let stale = [("if-match", "\"1\"")];
    let patch = Some(json!({ "title": "x" }));
    app.client.send("PATCH", &path, app.admin(), &stale, patch).await.problem(412, "stale-version");

    app.delete(app.admin(), "/api/v1/klusters/work").await.problem(409, "not-empty");
    app.delete(app.admin(), &path).await.ok(204);
    app.get(app.admin(), &path).await.problem(404, "not-found");
    put(&app, &id, 2, "x").await.problem(404, "not-found");
    app.delete(app.admin(), "/api/v1/klusters/work").await.ok(204);

    let events = app.events().await;
    let of_doc: Vec<_> = events.iter().filter(|event| event.envelope.subject_id == id).collect();
    let actions: Vec<&str> = of_doc.iter().map(|event| event.envelope.action.as_str()).collect();
    let expected =
        ["doc.create", "doc.publish", "doc.update", "doc.publish", "doc.publish", "doc.update", "doc.delete"];
    assert_eq!(actions, expected);
    let body = |at: usize| serde_json::from_str::<Value>(of_doc[at].body.as_ref().unwrap()).unwrap();
    assert_eq!(body(0).get("before_sha256"), None);
    for at in 1..of_doc.len() {
        let before = mc_ledger::to_canonical(&body(at - 1)["after"]).unwrap();
        let digest = mc_ledger::sha256(before.as_bytes()).to_string();
        assert_eq!(body(at)["before_sha256"], digest, "event {at} names what was before it");
    }
    assert_eq!(body(2)["after"]["sha256"], mc_ledger::sha256(b"one\ntwo\n").to_string());
}

async fn another_base_than_the_newest_is_refused_with_both_sides(app: TestApp) {
    let id = id(&guide(&app).await);
    put(&app, &id, 1, "two").await.ok(200);
    let refused = put(&app, &id, 1, "mine").await;
    refused.problem(409, "version-conflict");
    let conflict = &refused.body["version_conflicts"][0];
    assert_eq!(
        *conflict,
        json!({
            "path": "guide", "reason": "base_mismatch",
            "expected_version": 1, "expected_sha256": mc_ledger::sha256(b"one\n").to_string(),
            "current_version": 2, "current_sha256": mc_ledger::sha256(b"two").to_string(),
        })
    );
    for never in [0, -1, 99, i64::MAX] {
        put(&app, &id, never, "mine").await.problem(409, "version-conflict");
    }
    let path = format!("/api/v1/docs/{id}/versions");
    app.post(app.admin(), &path, json!({ "content": "x" })).await.problem(422, "validation");
    assert_eq!(text(&app, &id, "").await, "two");
}

async fn of_many_writers_on_one_base_one_wins(app: TestApp) {
    let id = id(&guide(&app).await);
    let writers = (0..8).map(|writer| {
        let (app, id) = (&app, &id);
        async move { put(app, id, 1, &format!("writer {writer}")).await }
    });
    let answers = futures_util::future::join_all(writers).await;
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        lost.problem(409, "version-conflict");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM doc_version").await, 2);
    let is = text(&app, &id, "").await;
    assert_eq!(won[0].body["sha256"], mc_ledger::sha256(is.as_bytes()).to_string());
}

async fn a_repeated_write_is_one_version_and_one_doc(app: TestApp) {
    let id = id(&guide(&app).await);
    let path = format!("/api/v1/docs/{id}/versions");
    let send = |key: &'static str, content: &'static str| {
        let headers = [("idempotency-key", key)];
        let (app, path) = (&app, &path);
        async move {
            let body = Some(json!({ "base_version": 1, "content": content }));
            app.client.send("POST", path, app.admin(), &headers, body).await
        }
    };
    let first = send("k", "two").await.ok(200);
    let again = send("k", "two").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.ok(200), first);
    send("k", "other").await.problem(422, "idempotency-key-reused");
    let create = || async {
        let body = json!({ "mission": "apollo", "name": "once", "content": "x" });
        app.client.send("POST", "/api/v1/docs", app.admin(), &[("idempotency-key", "c")], Some(body)).await
    };
    assert_eq!(create().await.ok(201), create().await.ok(201));
    assert_eq!(app.count("SELECT COUNT(*) FROM doc").await, 2);
    assert_eq!(app.count("SELECT COUNT(*) FROM doc_version").await, 3);
}

async fn a_name_is_unique_in_its_place_and_found_there(app: TestApp) {
    let in_kluster = guide(&app).await;
    let create = |body: Value| app.post(app.admin(), "/api/v1/docs", body);
    let body = json!({ "mission": "apollo", "kluster": "work", "name": "guide", "content": "x" });
    create(body).await.problem(409, "name-taken");
    assert_eq!(
        app.get(app.admin(), "/api/v1/docs/guide?mission=apollo").await.ok(200)["id"],
        in_kluster["id"]
    );
    let direct = json!({ "mission": "apollo", "name": "guide", "content": "direct" });
    let direct_doc = create(direct.clone()).await.ok(201);
    assert_eq!(direct_doc["kluster"], Value::Null);
    create(direct).await.problem(409, "name-taken");
    let found = app.get(app.admin(), "/api/v1/docs/guide?mission=apollo").await.ok(200);
    assert_eq!(found["id"], direct_doc["id"], "directly in the mission comes first");
    let found = app.get(app.admin(), "/api/v1/docs/guide?mission=apollo&kluster=work").await.ok(200);
    assert_eq!(found["id"], in_kluster["id"]);
    app.get(app.admin(), "/api/v1/docs/guide").await.problem(409, "ambiguous-reference");
    app.delete(app.admin(), &format!("/api/v1/docs/{}", id(&direct_doc))).await.ok(204);
    let again = json!({ "mission": "apollo", "name": "guide", "content": "direct" });
    create(again).await.ok(201);
}

async fn lists_are_narrowed_and_stay_in_scope(app: TestApp) {
    let doc = guide(&app).await;
    app.mission("gemini").await;
    let body = json!({ "mission": "gemini", "name": "other", "content": "x", "labels": { "team": "red" } });
    app.post(app.admin(), "/api/v1/docs", body).await.ok(201);
    let body =
        json!({ "mission": "apollo", "name": "charter", "content": "x", "labels": { "team": "blue" } });
    app.post(app.admin(), "/api/v1/docs", body).await.ok(201);
    app.post(app.admin(), "/api/v1/docs/charter/publish", json!({ "version": 1 })).await.ok(200);
    let names = |query: &'static str| {
        let app = &app;
        async move {
            let page = app.get(app.admin(), &format!("/api/v1/docs{query}")).await.ok(200);
            let items = page["items"].as_array().unwrap().iter();
            items.map(|doc| doc["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("").await, ["guide", "other", "charter"]);
    assert_eq!(names("?mission=apollo").await, ["guide", "charter"]);
    assert_eq!(names("?mission=apollo&kluster=work").await, ["guide"]);
    assert_eq!(names("?labels=team%3Dred").await, ["other"]);
    assert_eq!(names("?state=published").await, ["charter"]);
    assert_eq!(names("?name=guide").await, ["guide"]);
    app.get(app.admin(), "/api/v1/docs?state=lost").await.problem(422, "validation");

    let guest = app.login_in("guest", "gemini", "contributor").await;
    let seen = app.get(&guest, "/api/v1/docs").await.ok(200);
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    let path = format!("/api/v1/docs/{}", id(&doc));
    for path in [path.clone(), format!("{path}/content"), format!("{path}/versions"), format!("{path}/diff")]
    {
        app.get(&guest, &path).await.problem(404, "not-found");
    }
    let body = json!({ "base_version": 1, "content": "mine now" });
    app.post(&guest, &format!("{path}/versions"), body).await.problem(404, "not-found");
    app.delete(&guest, &path).await.problem(404, "not-found");
    let body = json!({ "mission": "apollo", "name": "x", "content": "x" });
    app.post(&guest, "/api/v1/docs", body).await.problem(404, "not-found");
    // What was refused left no bytes behind.
    let stored = |mission: &str| {
        let folder = app.data_dir().join("objects/missions").join(mission).join("sha256");
        std::fs::read_dir(folder).unwrap().count()
    };
    assert_eq!(stored(doc["mission_id"].as_str().unwrap()), 2);
}

async fn what_breaks_a_rule_is_named_and_stores_nothing(app: TestApp) {
    guide(&app).await;
    let create = |more: Value| {
        let mut body = json!({ "mission": "apollo", "name": "new", "content": "x" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.post(app.admin(), "/api/v1/docs", body)
    };
    create(json!({ "content": "x".repeat(1024 * 1024 + 1) })).await.problem(413, "body-too-large");
    // Twelve megabytes of JSON: the answer may come before all of it was sent, and then the sender may see a closed door.
    let body = json!({ "mission": "apollo", "name": "new", "content": "\u{1}".repeat(2 * 1024 * 1024) });
    // Nothing else is sent through that door.
    let alone = [("connection", "close")];
    if let Ok(answer) = app.client.try_send("POST", "/api/v1/docs", app.admin(), &alone, Some(body)).await {
        answer.problem(413, "body-too-large");
    }
    create(json!({ "content": "nul \u{0} here" })).await.problem(422, "validation");
    create(json!({ "name": "Not A Label" })).await.problem(422, "validation");
    create(json!({ "title": "two\nlines" })).await.problem(422, "validation");
    create(json!({ "title": "" })).await.problem(422, "validation");
    create(json!({ "note": "x".repeat(2001) })).await.problem(422, "validation");
    create(json!({ "media_type": "text/plain; x=\r\n" })).await.problem(415, "unsupported-media-type");
    create(json!({ "media_type": "not a type" })).await.problem(415, "unsupported-media-type");
    create(json!({ "kluster": "nowhere" })).await.problem(404, "not-found");
    create(json!({ "surprise": 1 })).await.problem(422, "validation");
    create(json!({ "name": "workstream" })).await.problem(422, "validation");
    create(json!({ "kluster": "work", "name": "north-star" })).await.problem(422, "validation");
    assert_eq!(app.count("SELECT COUNT(*) FROM doc").await, 1);
    // Every control character is six bytes of JSON: the limit is on the text, not on its escapes.
    let largest = create(json!({ "content": "\u{1}".repeat(1024 * 1024) })).await.ok(201);
    assert_eq!(largest["size_bytes"], 1024 * 1024);
}

async fn a_watch_tells_of_docs(app: TestApp) {
    let id = id(&guide(&app).await);
    app.sealed().await;
    let mut watch = app.watch(app.admin(), "/api/v1/docs?watch=true&mission=apollo&state=draft").await;
    let first = watch.until(|change| change.event == "bookmark").await;
    assert_eq!((first[0].event.as_str(), &first[0].data["latest_version"]), ("added", &json!(1)));
    put(&app, &id, 1, "two").await.ok(200);
    let changes = watch.until(|change| change.event == "modified").await;
    assert_eq!(changes.last().unwrap().data["latest_version"], 2);
    app.post(app.admin(), &format!("/api/v1/docs/{id}/publish"), json!({ "version": 2 })).await.ok(200);
    let gone = watch.until(|change| change.event == "deleted").await;
    assert_eq!(gone.last().unwrap().data, json!({ "kind": "doc", "id": id }));
}

async fn texts_that_a_living_doc_names_are_never_swept(app: TestApp) {
    let doc = id(&guide(&app).await);
    put(&app, &doc, 1, "two").await.ok(200);
    let body = json!({ "mission": "apollo", "name": "gone", "content": "gone" });
    let gone = id(&app.post(app.admin(), "/api/v1/docs", body).await.ok(201));
    app.delete(app.admin(), &format!("/api/v1/docs/{gone}")).await.ok(204);
    // Bytes whose row never came: the process was killed in between, as far as the store can tell.
    put(&app, &doc, 1, "lost").await.problem(409, "version-conflict");
    let sweep = || controlplane::artifacts::reconcile::sweep(app.app());
    assert_eq!(sweep().await.unwrap(), 0, "too young");
    app.advance(Duration::from_mins(24 * 60 + 1));
    assert_eq!(sweep().await.unwrap(), 2, "of the deleted doc, and what was refused");
    assert_eq!(
        (text(&app, &doc, "?version=1").await, text(&app, &doc, "").await),
        ("one\n".into(), "two".into())
    );
}

async fn an_agent_works_with_docs_through_tools(app: TestApp) {
    guide(&app).await;
    let call = |tool: &'static str, arguments: Value| {
        app.post(app.admin(), "/mcp/call", json!({ "tool": tool, "arguments": arguments }))
    };
    let created = json!({ "mission": "apollo", "kluster": "work", "name": "plan", "content": "a\n" });
    let doc = call("create_doc", created).await.ok(200)["result"].clone();
    let named = json!({ "doc": "plan", "mission": "apollo", "kluster": "work" });
    let with = |more: Value| {
        let mut arguments = named.clone();
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let next = with(json!({ "base_version": 1, "content": "b\n" }));
    assert_eq!(call("update_doc", next.clone()).await.ok(200)["result"]["latest_version"], 2);
    let refused = call("update_doc", with(json!({ "base_version": 1, "content": "c\n" }))).await;
    refused.problem(409, "version-conflict");
    assert_eq!(refused.body["version_conflicts"][0]["current_version"], 2);
    let old = call("get_doc", with(json!({ "number": 1 }))).await.ok(200);
    assert_eq!(old["result"]["content"], "a\n");
    let diff = call("diff_doc", named.clone()).await.ok(200);
    assert!(diff["result"]["unified"].as_str().unwrap().contains("+b"), "{diff}");
    let published = call("publish_doc", with(json!({ "version": 2 }))).await.ok(200);
    assert_eq!(published["result"]["state"], "published");
    let listed = call("list_docs", json!({ "mission": "apollo", "state": "published" })).await.ok(200);
    assert_eq!(listed["result"]["items"][0]["id"], doc["id"]);
    call("delete_doc", named.clone()).await.ok(200);
    call("get_doc", named).await.problem(404, "not-found");
}

both!(
    a_doc_is_written_compared_published_and_deleted,
    another_base_than_the_newest_is_refused_with_both_sides,
    of_many_writers_on_one_base_one_wins,
    a_repeated_write_is_one_version_and_one_doc,
    a_name_is_unique_in_its_place_and_found_there,
    lists_are_narrowed_and_stay_in_scope,
    what_breaks_a_rule_is_named_and_stores_nothing,
    a_watch_tells_of_docs,
    texts_that_a_living_doc_names_are_never_swept,
    an_agent_works_with_docs_through_tools,
);
