//! One key, one effect, one answer.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

async fn keyed(app: &TestApp, token: &str, key: &str, body: Value) -> Answer {
    app.client.send("POST", "/api/v1/missions", token, &[("idempotency-key", key)], Some(body)).await
}

async fn missions(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM mission").await
}

async fn the_same_key_gives_the_same_answer_and_one_row(app: TestApp) {
    let first = keyed(&app, app.admin(), "k", json!({ "name": "a" })).await;
    let second = keyed(&app, app.admin(), "k", json!({ "name": "a" })).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.text, second.text);
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(
        (first.header("etag"), first.header("location")),
        (second.header("etag"), second.header("location"))
    );
    assert_eq!(missions(&app).await, 1);
    let created = app.events().await.into_iter().filter(|e| e.envelope.action == "mission.create").count();
    assert_eq!(created, 1);
    let app = app.restart().await;
    assert_eq!(keyed(&app, app.admin(), "k", json!({ "name": "a" })).await.text, first.text);
}

async fn another_body_route_or_query_with_the_key_is_told(app: TestApp) {
    keyed(&app, app.admin(), "k", json!({ "name": "a" })).await.ok(201);
    keyed(&app, app.admin(), "k", json!({ "name": "b" })).await.problem(422, "idempotency-key-reused");
    // Another route is another request.
    let kluster = Some(json!({ "mission": "a", "name": "k" }));
    let key = [("idempotency-key", "k")];
    app.client.send("POST", "/api/v1/klusters", app.admin(), &key, kluster).await.ok(201);
    let patch = Some(json!({ "description": "x" }));
    app.client.send("PATCH", "/api/v1/klusters/k", app.admin(), &key, patch.clone()).await.ok(200);
    let again = app.client.send("PATCH", "/api/v1/klusters/k?mission=a", app.admin(), &key, patch).await;
    again.problem(422, "idempotency-key-reused");
}

async fn a_change_and_a_deletion_are_replayed_too(app: TestApp) {
    app.mission("a").await;
    let send = async |method: &'static str, key: &'static str, body: Option<Value>| {
        app.client.send(method, "/api/v1/missions/a", app.admin(), &[("idempotency-key", key)], body).await
    };
    let patch = || Some(json!({ "description": "x" }));
    let first = send("PATCH", "p", patch()).await;
    app.patch(app.admin(), "/api/v1/missions/a", json!({ "description": "y" })).await.ok(200);
    let second = send("PATCH", "p", patch()).await;
    assert_eq!((first.text.as_str(), second.header("idempotency-replayed")), (second.text.as_str(), "true"));
    assert_eq!(app.get(app.admin(), "/api/v1/missions/a").await.ok(200)["description"], "y");
    assert_eq!(send("DELETE", "d", None).await.status, 204);
    let again = send("DELETE", "d", None).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (204, "true"));
    send("DELETE", "e", None).await.problem(404, "not-found");
}

async fn twenty_at_once_make_one_mission(app: TestApp) {
    let sent = (0..20).map(|_| keyed(&app, app.admin(), "k", json!({ "name": "a" })));
    let answers = futures_util::future::join_all(sent).await;
    let mut made: Vec<String> = Vec::new();
    for answer in answers {
        if answer.status == 201 {
            made.push(answer.text);
        } else {
            answer.problem(409, "idempotency-in-flight");
            assert!(!answer.header("retry-after").is_empty());
        }
    }
    assert!(!made.is_empty() && made.iter().all(|text| *text == made[0]), "{made:?}");
    assert_eq!(missions(&app).await, 1);
}

async fn a_key_belongs_to_its_principal(app: TestApp) {
    let other = app.login_as("other", "contributor").await;
    let mine = keyed(&app, app.admin(), "k", json!({ "name": "a" })).await.ok(201);
    let theirs = keyed(&app, &other, "k", json!({ "name": "b" })).await.ok(201);
    assert_ne!(mine["id"], theirs["id"]);
}

async fn a_failure_keeps_nothing(app: TestApp) {
    app.mission("a").await;
    keyed(&app, app.admin(), "k", json!({ "name": "a" })).await.problem(409, "name-taken");
    app.delete(app.admin(), "/api/v1/missions/a").await.ok(204);
    keyed(&app, app.admin(), "k", json!({ "name": "a" })).await.ok(201);
}

async fn keys_have_1_to_255_visible_characters(app: TestApp) {
    let longest = "k".repeat(255);
    keyed(&app, app.admin(), &longest, json!({ "name": "a" })).await.ok(201);
    for bad in ["", "a b", &"k".repeat(256), "ä"] {
        keyed(&app, app.admin(), bad, json!({ "name": "b" })).await.problem(400, "malformed-request");
    }
    assert_eq!(missions(&app).await, 1);
}

async fn the_token_of_a_login_is_stored_nowhere(app: TestApp) {
    let login = || async {
        let body = Some(json!({ "principal": "someone" }));
        let key = [("idempotency-key", "login")];
        app.client.send("POST", "/api/v1/auth/login", app.admin(), &key, body).await.ok(201)
    };
    let first = login().await;
    let token = first["token"].as_str().unwrap();
    let kept = app.column("SELECT answer FROM idempotency").await.concat();
    assert!(kept.contains(first["id"].as_str().unwrap()) && !kept.contains("mcs_"), "{kept}");
    assert!(!app.export().await.contains("mcs_"));
    let again = login().await;
    assert_eq!((&again["id"], again.get("token")), (&first["id"], None));
    app.get(token, "/api/v1/auth/whoami").await.ok(200);
    if app.database == crate::harness::Database::Sqlite {
        for entry in std::fs::read_dir(app.data_dir()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            assert!(!found, "the token is in {}", path.display());
        }
    }
}

async fn an_answer_is_forgotten_after_a_day(app: TestApp) {
    keyed(&app, app.admin(), "k", json!({ "name": "a" })).await.ok(201);
    app.advance(Duration::from_hours(25));
    // The reconciler runs when it starts.
    let clock = app.app().clock.now();
    let mut app = app;
    app.stop().await;
    app.sql(&format!(
        "UPDATE idempotency SET created_at = {}",
        clock.as_micros() - 2 * 25 * 3600 * 1_000_000
    ))
    .await;
    let app = app.revive().await;
    crate::harness::eventually("the answer is forgotten", || async {
        (app.count("SELECT COUNT(*) FROM idempotency").await == 0).then_some(())
    })
    .await;
    keyed(&app, app.admin(), "k", json!({ "name": "a" })).await.problem(409, "name-taken");
}

both!(
    the_same_key_gives_the_same_answer_and_one_row,
    another_body_route_or_query_with_the_key_is_told,
    a_change_and_a_deletion_are_replayed_too,
    twenty_at_once_make_one_mission,
    a_key_belongs_to_its_principal,
    a_failure_keeps_nothing,
    keys_have_1_to_255_visible_characters,
    the_token_of_a_login_is_stored_nowhere,
    an_answer_is_forgotten_after_a_day,
);
