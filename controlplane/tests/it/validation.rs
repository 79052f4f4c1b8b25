//! What does not fit is refused with the place and the rule, and changes nothing.

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, client::Client};

async fn raw(app: &TestApp, path: &str, media: &str, body: Vec<u8>) -> Answer {
    let request = app.client.request("POST", path, app.admin()).header("content-type", media).body(body);
    Client::finish(request).await.unwrap()
}

async fn broken_bodies_are_named(app: TestApp) {
    let path = "/api/v1/missions";
    for (body, status, slug, pointer) in [
        (&b"{\"name\":\"a\",\"colour\":1}"[..], 422, "validation", "/colour"),
        (b"{\"name\":5}", 422, "validation", "/name"),
        (b"{\"name\":null}", 422, "validation", "/name"),
        (b"{}", 422, "validation", ""),
        (b"", 422, "validation", ""),
        (b"[]", 422, "validation", ""),
        (b"{\"name\":\"a\",\"name\":\"b\"}", 422, "validation", ""),
        (b"{\"name\":\"a\",\"description\":\"x\\u0000y\"}", 422, "validation", "/description"),
        (b"{\"name\":\"a\",\"labels\":{\"k\":\"x\\u0000\"}}", 422, "validation", "/labels"),
        (b"{\"name\":\"a\",\"labels\":{\"k\":1}}", 422, "validation", "/labels/k"),
        (b"{\"name\":\"a\"", 400, "malformed-body", ""),
        (b"{\"name\":\"a\"}}", 400, "malformed-body", ""),
        (b"{\"name\":\"\xff\"}", 400, "malformed-body", ""),
        (b"{\"name\":\"\\ud800\"}", 400, "malformed-body", ""),
        (b"\xef\xbb\xbf{\"name\":\"a\"}", 400, "malformed-body", ""),
    ] {
        let answer = raw(&app, path, "application/json", body.to_vec()).await;
        answer.problem(status, slug);
        if !pointer.is_empty() {
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{}", answer.text);
        }
    }
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep = format!("{{\"name\":\"a\",\"labels\":{deep}}}");
    assert!((400..500).contains(&raw(&app, path, "application/json", deep.into_bytes()).await.status));
    assert_eq!(app.count("SELECT COUNT(*) FROM mission").await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM ledger_event").await, 0);
}

async fn a_body_has_at_most_one_mebibyte(app: TestApp) {
    let path = "/api/v1/missions";
    let padded = |name: &str, length: usize| {
        let mut body = format!("{{\"name\":\"{name}\"}}").into_bytes();
        body.resize(length, b' ');
        body
    };
    let limit = 1024 * 1024;
    raw(&app, path, "application/json", padded("a", limit)).await.ok(201);
    raw(&app, path, "application/json", padded("b", limit + 1)).await.problem(413, "body-too-large");
    let parts = (0..17).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let request = app.client.request("POST", path, app.admin()).header("content-type", "application/json");
    Client::finish(request.body(stream)).await.unwrap().problem(413, "body-too-large");
}

async fn the_media_type_is_json(app: TestApp) {
    let body = |name: &str| format!("{{\"name\":\"{name}\"}}").into_bytes();
    for (n, media) in
        ["application/json", "application/json; charset=utf-8", "Application/JSON"].iter().enumerate()
    {
        raw(&app, "/api/v1/missions", media, body(&format!("m{n}"))).await.ok(201);
    }
    for media in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", ""]
    {
        raw(&app, "/api/v1/missions", media, body("x")).await.problem(415, "unsupported-media-type");
    }
}

async fn names_and_labels_keep_their_rules(app: TestApp) {
    let create = async |body: Value| app.post(app.admin(), "/api/v1/missions", body).await;
    let x63 = "x".repeat(63);
    for good in ["a", "0", "a-b", &x63] {
        create(json!({ "name": good })).await.ok(201);
    }
    for bad in ["", "-a", "a-", "A", "a_b", "ä", "a b", "a.b", "../x", "a\u{0}", &"x".repeat(64)] {
        let answer = create(json!({ "name": bad })).await;
        answer.problem(422, "validation");
        assert_eq!(answer.body["errors"][0]["pointer"], "/name");
    }
    let labels = |count: usize| -> Value { (0..count).map(|n| (format!("k{n}"), json!("v"))).collect() };
    create(json!({ "name": "many", "labels": labels(64), "annotations": labels(64) })).await.ok(201);
    create(json!({ "name": "more", "labels": labels(65) })).await.problem(422, "validation");
    create(json!({ "name": "more", "annotations": labels(65) })).await.problem(422, "validation");
    for (key, value) in [("", "v"), ("k k", "v"), ("ä", "v"), ("k", "a\nb"), ("k", &"v".repeat(257))] {
        create(json!({ "name": "more", "labels": { key: value } })).await.problem(422, "validation");
    }
    let text = "é".repeat(32 * 1024);
    create(json!({ "name": "long", "description": text })).await.ok(201);
    create(json!({ "name": "longer", "description": text + "x" })).await.problem(422, "validation");
    create(json!({ "name": "many" })).await.problem(409, "name-taken");
    for ttl in [59, 2_592_001] {
        let login = json!({ "ttl_seconds": ttl });
        app.post(app.admin(), "/api/v1/auth/login", login).await.problem(422, "validation");
    }
    for kind in ["bootstrap", "node"] {
        let made = json!({ "name": "x", "principal_kind": kind });
        app.post(app.admin(), "/api/v1/principals", made).await.problem(422, "validation");
    }
}

async fn a_patch_says_what_changes(app: TestApp) {
    let body =
        json!({ "name": "a", "description": "d", "labels": { "k": "v" }, "annotations": { "n": "1" } });
    app.post(app.admin(), "/api/v1/missions", body).await.ok(201);
    let path = "/api/v1/missions/a";
    let same = app.patch(app.admin(), path, json!({ "description": "d" })).await.ok(200);
    assert_eq!(same["version"], 1, "nothing changed");
    let cleared = app.patch(app.admin(), path, json!({ "description": null, "labels": null })).await.ok(200);
    assert_eq!((&cleared["description"], &cleared["labels"]), (&json!(""), &json!({})));
    assert_eq!((&cleared["annotations"], &cleared["version"]), (&json!({ "n": "1" }), &json!(2)));
    app.patch(app.admin(), path, json!({ "name": "b" })).await.problem(422, "validation");
}

async fn queries_and_paths_are_read_strictly(app: TestApp) {
    app.mission("a").await;
    let lists = ["missions", "klusters", "principals", "ledger/events"];
    for path in lists.iter().map(|list| format!("/api/v1/{list}")) {
        for query in ["colour=1", "limit=1&limit=2", "cursor"] {
            let answer = app.get(app.admin(), &format!("{path}?{query}")).await;
            answer.problem(400, if query == "cursor" { "invalid-cursor" } else { "malformed-request" });
        }
    }
    app.get(app.admin(), "/api/v1/missions?watch=perhaps").await.problem(400, "malformed-request");
    app.get(app.admin(), "/api/v1/klusters/x?misson=a").await.problem(400, "malformed-request");
    for reference in ["nothing", "mis_0", "klu_0190abcd000000000000000000000000", "%C3%A4", "..%2Fa", "a%20b"]
    {
        app.get(app.admin(), &format!("/api/v1/missions/{reference}")).await.problem(404, "not-found");
    }
    // Text that a database may not be able to hold must never become an error of ours.
    for path in [
        "/api/v1/missions/%00",
        "/api/v1/missions/a%00",
        "/api/v1/missions/%FF",
        "/api/v1/klusters/%00",
        "/api/v1/principals/%00",
        "/api/v1/klusters?mission=%00",
        "/api/v1/klusters?mission=%FF",
        "/api/v1/klusters/x?mission=%00",
        "/api/v1/ledger/events?mission=%00",
        "/api/v1/ledger/events?subject=%00",
        "/api/v1/ledger/events?action=a%00b",
        "/api/v1/ledger/events?after=-9223372036854775808",
    ] {
        let answer = app.get(app.admin(), path).await;
        assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.text);
    }
    let kluster = json!({ "mission": "a\u{0}", "name": "k" });
    app.post(app.admin(), "/api/v1/klusters", kluster).await.problem(404, "not-found");
    let role = json!({ "mission": "\u{0}", "role": "viewer" });
    app.login_as("somebody", "viewer").await;
    app.put(app.admin(), "/api/v1/principals/somebody/role", role).await.problem(404, "not-found");
}

async fn a_mission_with_klusters_stays_and_its_prefix_is_never_used_again(app: TestApp) {
    let first = app.mission("a").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "a", "name": "k" })).await.ok(201);
    let again = json!({ "mission": "a", "name": "k" });
    app.post(app.admin(), "/api/v1/klusters", again).await.problem(409, "name-taken");
    app.delete(app.admin(), "/api/v1/missions/a").await.problem(409, "not-empty");
    app.delete(app.admin(), "/api/v1/klusters/k").await.ok(204);
    app.delete(app.admin(), "/api/v1/missions/a").await.ok(204);
    app.get(app.admin(), "/api/v1/missions/a").await.problem(404, "not-found");
    let second = app.mission("a").await;
    assert_ne!((&first["id"], &first["key_prefix"]), (&second["id"], &second["key_prefix"]));
    app.events().await;
}

/// RFC 7396: absent keeps, null gives back what an object has that was created without the member.
async fn null_in_a_patch_clears_every_optional_member(app: TestApp) {
    let full = |kind: &str, more: Value| {
        let mut body = json!({"description": "d", "labels": {"a": "b"}, "annotations": {"c": "d"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (kind.to_owned(), body)
    };
    let task = json!({
        "mission": "m", "kluster": "k", "title": "t", "definition_of_done": "x", "priority": 7, "runtime": "r",
        "capabilities": ["c"], "paths": ["src/**"], "depends_on": ["first"], "on_dependency_failure": "ignore",
        "review_gates": 2, "max_attempts": 9,
    });
    let cases = [
        (full("missions", json!({})), json!({"name": "m"})),
        (full("klusters", json!({"mission": "m", "runtime": "r"})), json!({"name": "k"})),
        (full("tasks", task), json!({"name": "second"})),
    ];
    for ((collection, mut body), name) in cases {
        if collection == "tasks" {
            let first = json!({"mission": "m", "kluster": "k", "title": "t", "name": "first"});
            app.post(app.admin(), "/api/v1/tasks", first).await.ok(201);
        }
        // What an object is like that never had them.
        let mut plain = body.clone();
        let required = ["mission", "kluster", "title"];
        plain.as_object_mut().unwrap().retain(|member, _| required.contains(&member.as_str()));
        plain["name"] = "plain".into();
        let path = format!("/api/v1/{collection}");
        let plain = app.post(app.admin(), &path, plain).await.ok(201);
        body["name"] = name["name"].clone();
        let made = app.post(app.admin(), &path, body.clone()).await.ok(201);
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        let optional: Vec<&String> = body
            .as_object()
            .unwrap()
            .keys()
            .filter(|member| !required.contains(&member.as_str()) && *member != "name")
            .collect();
        for member in &optional {
            assert_ne!(made[member.as_str()], plain[member.as_str()], "{collection} {member} is set");
        }
        // Each alone: the others stay.
        for (done, member) in optional.iter().enumerate() {
            let patched = app.patch(app.admin(), &one, json!({ member.as_str(): null })).await.ok(200);
            assert_eq!(patched[member.as_str()], plain[member.as_str()], "{collection} {member} is cleared");
            for kept in &optional[done + 1..] {
                assert_eq!(patched[kept.as_str()], made[kept.as_str()], "{collection} {kept} stays");
            }
        }
        let read = app.get(app.admin(), &one).await.ok(200);
        for member in &optional {
            assert_eq!(read[member.as_str()], plain[member.as_str()], "{collection} {member} is stored");
        }
    }
    // What every task has cannot be taken away.
    let all = app.get(app.admin(), "/api/v1/tasks?mission=m").await.ok(200);
    let one = format!("/api/v1/tasks/{}", all["items"][0]["id"].as_str().unwrap());
    let refused = app.patch(app.admin(), &one, json!({ "title": null })).await;
    assert_eq!((refused.status, &app.get(app.admin(), &one).await.ok(200)["title"]), (422, &json!("t")));
}

both!(
    null_in_a_patch_clears_every_optional_member,
    broken_bodies_are_named,
    a_body_has_at_most_one_mebibyte,
    the_media_type_is_json,
    names_and_labels_keep_their_rules,
    a_patch_says_what_changes,
    queries_and_paths_are_read_strictly,
    a_mission_with_klusters_stays_and_its_prefix_is_never_used_again,
);
