//! Search: what is found, in which order, in pages, and by whom.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};

async fn place(app: &TestApp, mission: &str) {
    app.mission(mission).await;
    let body = json!({ "mission": mission, "name": "work", "description": "Everything about telescopes" });
    app.post(app.admin(), "/api/v1/klusters", body).await.ok(201);
}

async fn make(app: &TestApp, mission: &str, title: &str, description: &str) -> Value {
    let body = json!({
        "mission": mission, "kluster": "work", "title": title, "description": description,
        "labels": { "team": "blue" },
    });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

async fn find(app: &TestApp, token: &str, query: &str) -> Vec<Value> {
    let page = app.get(token, &format!("/api/v1/search?{query}")).await.ok(200);
    page["items"].as_array().unwrap().clone()
}

fn titles(hits: &[Value]) -> Vec<&str> {
    hits.iter().map(|hit| hit["title"].as_str().unwrap()).collect()
}

async fn the_best_comes_first_with_what_matched(app: TestApp) {
    place(&app, "apollo").await;
    let upload =
        make(&app, "apollo", "Retry uploads", "The object store times out; the upload must be tried again.")
            .await;
    make(&app, "apollo", "Show upload progress", "A bar beneath the file name.").await;
    make(&app, "apollo", "Paint the shed", "").await;

    let hits = find(&app, app.admin(), "q=retry%20upload%20object%20store").await;
    assert_eq!(titles(&hits), ["Retry uploads", "Show upload progress"]);
    let best = &hits[0];
    assert_eq!((&best["kind"], &best["id"], &best["key"]), (&json!("task"), &upload["id"], &upload["key"]));
    assert_eq!(best["state"], "ready");
    assert!(best["score"].as_f64() > hits[1]["score"].as_f64());
    assert_eq!(best["highlights"][0], json!({ "field": "title", "text": "**Retry** **uploads**" }));
    assert!(best["highlights"][1]["text"].as_str().unwrap().contains("**object** **store**"), "{best}");

    // A kluster is found too, and a changed text by its new words only.
    assert_eq!(titles(&find(&app, app.admin(), "q=telescopes").await), ["work"]);
    let path = format!("/api/v1/tasks/{}", upload["key"].as_str().unwrap());
    let patch = json!({ "title": "Water the garden", "description": "" });
    app.patch(app.admin(), &path, patch).await.ok(200);
    assert_eq!(titles(&find(&app, app.admin(), "q=garden").await), ["Water the garden"]);
    assert_eq!(titles(&find(&app, app.admin(), "q=retry").await), Vec::<&str>::new());
    app.delete(app.admin(), &path).await.ok(204);
    assert_eq!(titles(&find(&app, app.admin(), "q=garden").await), Vec::<&str>::new());
}

/// What was written while detection was off, or by a version with another index, is found after a start.
async fn what_the_index_lacks_is_filled_in(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, "apollo", "Retry uploads", "").await;
    make(&app, "apollo", "Polish the mirror", "").await;
    app.sql("DELETE FROM search_posting").await;
    app.sql("DELETE FROM search_document WHERE title IN ('work', 'Retry uploads')").await;
    app.sql("UPDATE search_document SET index_version = 0, terms = '[]'").await;
    assert_eq!(find(&app, app.admin(), "q=uploads").await, Vec::<Value>::new());
    let app = app.restart().await;
    for (query, title) in
        [("q=uploads", "Retry uploads"), ("q=mirror", "Polish the mirror"), ("q=telescopes", "work")]
    {
        eventually("it is found again", async || {
            (titles(&find(&app, app.admin(), query).await) == [title]).then_some(())
        })
        .await;
    }
}

async fn filters_narrow_and_phrases_must_be_there(app: TestApp) {
    place(&app, "apollo").await;
    place(&app, "gemini").await;
    let first = make(&app, "apollo", "Rotate the signing keys", "Every month").await;
    make(&app, "gemini", "Signing keys of the gateway", "Rotate them").await;
    let both = ["Rotate the signing keys", "Signing keys of the gateway"];

    let sorted = |hits: Vec<Value>| {
        let mut all: Vec<String> = titles(&hits).into_iter().map(str::to_owned).collect();
        all.sort();
        all
    };
    assert_eq!(sorted(find(&app, app.admin(), "q=signing%20keys").await), both);
    assert_eq!(sorted(find(&app, app.admin(), "q=signing%20keys&labels=team%3Dblue&kind=task").await), both);
    for (query, expected) in [
        ("q=signing%20keys&mission=gemini", &both[1..]),
        ("q=signing%20keys&mission=apollo&kluster=work", &both[..1]),
        ("q=%22keys%20of%20the%22%20signing", &both[1..]),
        ("q=signing%20keys&labels=team%3Dred", &[]),
        ("q=signing%20keys&kind=kluster", &[]),
        ("q=signing%20keys&state=done,failed", &[]),
        ("q=signing%20keys&since=2999-01-01T00:00:00Z", &[]),
        ("q=signing%20keys&until=2000-01-01T00:00:00Z", &[]),
        ("q=zeppelin", &[]),
    ] {
        assert_eq!(sorted(find(&app, app.admin(), query).await), expected, "{query}");
    }
    app.post(app.admin(), &format!("/api/v1/tasks/{}/cancel", first["key"].as_str().unwrap()), json!({}))
        .await
        .ok(200);
    assert_eq!(sorted(find(&app, app.admin(), "q=signing%20keys&state=cancelled").await), &both[..1]);

    let short = app.get(app.admin(), "/api/search?q=signing").await.ok(200);
    assert_eq!(short, app.get(app.admin(), "/api/v1/search?q=signing").await.ok(200));
    let call =
        json!({ "tool": "search_tasks", "arguments": { "query": "signing keys", "mission": "gemini" } });
    let found = app.post(app.admin(), "/mcp/call", call).await.ok(200);
    assert_eq!(found["result"]["items"][0]["title"], both[1]);
}

async fn pages_show_each_hit_once(app: TestApp) {
    place(&app, "apollo").await;
    for n in 0..23 {
        make(&app, "apollo", &format!("Calibrate antenna number {n}"), "").await;
    }
    let mut seen = Vec::new();
    let mut query = "q=calibrate%20antenna&limit=5".to_owned();
    loop {
        let page = app.get(app.admin(), &format!("/api/v1/search?{query}")).await.ok(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 5);
        seen.extend(items.iter().map(|hit| hit["key"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        let stranger =
            app.get(app.admin(), &format!("/api/v1/search?q=antenna&limit=5&cursor={cursor}")).await;
        stranger.problem(400, "invalid-cursor");
        query = format!("q=calibrate%20antenna&limit=5&cursor={cursor}");
    }
    assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (23, 23));
}

async fn a_stranger_finds_nothing(app: TestApp) {
    place(&app, "secret").await;
    place(&app, "open").await;
    make(&app, "secret", "Acquire the zeppelin works", "Tell nobody").await;
    make(&app, "open", "Acquire a stapler", "").await;
    let guest = app.login_in("guest", "open", "viewer").await;
    assert_eq!(find(&app, app.admin(), "q=zeppelin").await.len(), 1);
    for query in ["q=zeppelin", "q=acquire%20zeppelin%20works%20nobody&kind=task", "q=%22tell%20nobody%22"] {
        let hits = find(&app, &guest, query).await;
        assert!(!hits.iter().any(|hit| hit.to_string().contains("zeppelin")), "{query}: {hits:?}");
    }
    assert_eq!(titles(&find(&app, &guest, "q=acquire").await), ["Acquire a stapler"]);
    // A mission that may not be read and one that is not there answer alike.
    let hidden = app.get(&guest, "/api/v1/search?q=zeppelin&mission=secret").await.problem(404, "not-found");
    let absent = app.get(&guest, "/api/v1/search?q=zeppelin&mission=absent").await.problem(404, "not-found");
    assert_eq!(hidden.replace("secret", ""), absent.replace("absent", ""));
    let nobody = app.login_as("nobody", "viewer").await;
    app.put(app.admin(), "/api/v1/principals/nobody/role", json!({ "role": null })).await.ok(200);
    assert_eq!(find(&app, &nobody, "q=acquire").await, Vec::<Value>::new());
}

async fn bad_searches_are_refused_by_parameter(app: TestApp) {
    let long = "x".repeat(401);
    for (query, pointer) in [
        ("q=", "?q"),
        ("q=%20", "?q"),
        (&*format!("q={long}"), "?q"),
        ("q=a&kind=planet", "?kind"),
        ("q=a&limit=0", "?limit"),
        ("q=a&labels=%3Db", "?labels"),
    ] {
        let answer = app.get(app.admin(), &format!("/api/v1/search?{query}")).await;
        answer.problem(422, "validation");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{query}");
    }
    app.get(app.admin(), "/api/v1/search").await.problem(400, "malformed-request");
    app.get(app.admin(), "/api/v1/search?q=a&colour=red").await.problem(400, "malformed-request");
}

both!(
    the_best_comes_first_with_what_matched,
    what_the_index_lacks_is_filled_in,
    filters_narrow_and_phrases_must_be_there,
    pages_show_each_hit_once,
    a_stranger_finds_nothing,
    bad_searches_are_refused_by_parameter,
);
