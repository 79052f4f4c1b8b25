//! Tokens: which open the door, and when they stop.

use std::time::Duration;

use serde_json::json;

use crate::harness::TestApp;

async fn only_a_bearer_token_opens(app: TestApp) {
    let send = async |value: &str| {
        app.client.send("GET", "/api/v1/auth/whoami", "", &[("authorization", value)], None).await
    };
    let token = app.admin();
    send(&format!("Bearer {token}")).await.ok(200);
    send(&format!("bearer {token}")).await.ok(200);
    for bad in
        ["", "Bearer", "Bearer ", token, &format!("Basic {token}"), &format!("Bearer {token}x"), "Bearer a b"]
    {
        let answer = send(bad).await;
        let detail = answer.problem(401, "unauthenticated");
        assert!(!detail.contains(token));
    }
}

async fn a_login_ends_at_logout(app: TestApp) {
    let token = app.login_as("someone", "contributor").await;
    let other = app.login_as("someone", "contributor").await;
    assert!(token.starts_with("mcs_") && token != other);
    app.post(&token, "/api/v1/auth/logout", json!({})).await.ok(204);
    app.get(&token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");
    app.get(&other, "/api/v1/auth/whoami").await.ok(200);
    let app = app.restart().await;
    app.get(&token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");
    app.get(&other, "/api/v1/auth/whoami").await.ok(200);
}

async fn a_login_ends_with_its_time(app: TestApp) {
    let login = json!({ "principal": "someone", "ttl_seconds": 60 });
    let session = app.post(app.admin(), "/api/v1/auth/login", login).await.ok(201);
    let token = session["token"].as_str().unwrap();
    app.get(token, "/api/v1/auth/whoami").await.ok(200);
    app.advance(Duration::from_secs(61));
    app.get(token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");
    app.post(token, "/api/v1/missions", json!({ "name": "x" })).await.problem(401, "unauthenticated");
    app.get(app.admin(), "/api/v1/auth/whoami").await.ok(200);
}

async fn the_bootstrap_token_is_no_login(app: TestApp) {
    let who = app.get(app.admin(), "/api/v1/auth/whoami").await.ok(200);
    assert_eq!(
        (&who["login_session_id"], &who["principal"]["principal_kind"]),
        (&json!(null), &json!("bootstrap"))
    );
    app.post(app.admin(), "/api/v1/auth/logout", json!({})).await.problem(409, "invalid-transition");
    assert_eq!(app.count("SELECT COUNT(*) FROM token WHERE token_sha256 LIKE 'mc%'").await, 0);
}

async fn a_user_logs_in_as_itself_only(app: TestApp) {
    let token = app.login_as("someone", "contributor").await;
    app.login_as("chief", "admin").await;
    let session = app.post(&token, "/api/v1/auth/login", json!({})).await.ok(201);
    assert_eq!(session["principal"]["name"], "someone");
    for body in [json!({ "principal": "chief" }), json!({ "principal": "new", "role": "admin" })] {
        app.post(&token, "/api/v1/auth/login", body).await.problem(403, "forbidden");
    }
    let own = json!({ "role": "admin" });
    app.put(&token, "/api/v1/principals/someone/role", own).await.problem(403, "forbidden");
    // An Admin names an existing user with the role it has, or none.
    let other = json!({ "principal": "someone", "role": "admin" });
    app.post(app.admin(), "/api/v1/auth/login", other).await.problem(422, "validation");
}

async fn metrics_beyond_loopback_need_a_token(app: TestApp) {
    let send = async |token: &str| {
        app.client.send("GET", "/metrics", token, &[("x-forwarded-for", "192.0.2.1")], None).await
    };
    send("").await.problem(401, "unauthenticated");
    send("junk").await.problem(401, "unauthenticated");
    assert_eq!(send(app.admin()).await.status, 200);
}

both!(
    only_a_bearer_token_opens,
    a_login_ends_at_logout,
    a_login_ends_with_its_time,
    the_bootstrap_token_is_no_login,
    a_user_logs_in_as_itself_only,
    metrics_beyond_loopback_need_a_token,
);
