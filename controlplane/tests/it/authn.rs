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

async fn the_token_for_metrics_reads_them_and_nothing_else(mut app: TestApp) {
    assert!(app.stop().await);
    let token = "a-token-for-metrics-alone";
    app.config.metrics_token = Some(controlplane::config::Secret::new(token));
    let app = app.revive().await;
    let far = [("x-forwarded-for", "192.0.2.1")];
    for (given, status) in [(token, 200), ("a-token-for-metrics-alonf", 401), ("", 401), (app.admin(), 200)] {
        assert_eq!(app.client.send("GET", "/metrics", given, &far, None).await.status, status, "{given:?}");
    }
    app.get(token, "/api/v1/missions").await.problem(401, "unauthenticated");
    // What alerts look at is there before anything happened.
    let text = app.get("", "/metrics").await.text;
    for name in controlplane::counters::PLAIN {
        assert!(text.contains(&format!("\n{name} ")), "{name}: {text}");
    }
    assert!(text.contains("mc_mqtt_refused_total{reason=\"silent\"}"), "{text}");
}

async fn metrics_beyond_loopback_need_a_token(app: TestApp) {
    let send = async |token: &str| {
        app.client.send("GET", "/metrics", token, &[("x-forwarded-for", "192.0.2.1")], None).await
    };
    send("").await.problem(401, "unauthenticated");
    send("junk").await.problem(401, "unauthenticated");
    assert_eq!(send(app.admin()).await.status, 200);
}

/// `Set-Cookie` of a browser's login, and the pair that it sends back.
async fn browser_login(app: &TestApp, token: &str) -> (String, String) {
    let answer = app.client.send("POST", "/api/v1/auth/cookie", token, &[], Some(json!({}))).await;
    let set = answer.header("set-cookie").to_owned();
    let body = answer.ok(201);
    assert_eq!(body["token"], json!(null), "the answer holds no token");
    let pair = set.split(';').next().unwrap().to_owned();
    (set, pair)
}

async fn a_browser_keeps_its_login_in_a_cookie(app: TestApp) {
    let (set, pair) = browser_login(&app, app.admin()).await;
    let port = app.client.base().rsplit(':').next().unwrap();
    assert!(set.starts_with(&format!("mc_session_{port}=mcs_")), "{set}");
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(set.contains(word), "{set}");
    }
    assert!(!set.contains("Secure"), "clear text on loopback: {set}");
    let send = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let body = (method == "POST").then(|| json!({ "name": "by-cookie" }));
        app.client.send(method, path, "", headers, body).await
    };
    let cookie = ("cookie", pair.as_str());
    let who = send("GET", "/api/v1/auth/whoami", &[cookie]).await.ok(200);
    assert_eq!(who["principal"]["name"], "bootstrap");
    // What another page may have caused changes nothing, and attaches to nothing.
    send("POST", "/api/v1/missions", &[cookie]).await.problem(403, "forbidden");
    let origin = ("origin", app.client.base());
    let header = ("x-mc-csrf", "1");
    for other in ["http://127.0.0.1:1", "null", "https://evil.example"] {
        send("POST", "/api/v1/missions", &[cookie, header, ("origin", other)])
            .await
            .problem(403, "forbidden");
    }
    for site in ["cross-site", "same-site"] {
        let from = [cookie, header, ("sec-fetch-site", site)];
        send("POST", "/api/v1/missions", &from).await.problem(403, "forbidden");
        send("GET", "/api/v1/auth/whoami", &from).await.problem(403, "forbidden");
    }
    // A page says whose it is: with the cookie of whoever logged in beside it, it is told nothing and does nothing.
    let own = who["principal"]["id"].as_str().unwrap();
    send("GET", "/api/v1/missions", &[cookie, ("x-mc-principal", own)]).await.ok(200);
    let other = [cookie, header, ("x-mc-principal", "prn_other")];
    for path in ["/api/v1/missions", "/api/v1/watch?lists=missions", "/api/v1/tasks?watch=true"] {
        send("GET", path, &other).await.problem(401, "unauthenticated");
    }
    send("POST", "/api/v1/missions", &other).await.problem(401, "unauthenticated");
    // No cookie is a login for agents' tools, and a bearer token wins over the cookie.
    send("POST", "/mcp", &[cookie, header, origin]).await.problem(401, "unauthenticated");
    let bearer = ("authorization", "Bearer mcs_junk");
    send("GET", "/api/v1/auth/whoami", &[cookie, bearer]).await.problem(401, "unauthenticated");
    send("POST", "/api/v1/missions", &[cookie, header, origin, ("sec-fetch-site", "same-origin")])
        .await
        .ok(201);
    let answer = send("POST", "/api/v1/auth/logout", &[cookie, header]).await;
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    send("GET", "/api/v1/auth/whoami", &[cookie]).await.problem(401, "unauthenticated");
}

async fn logging_out_everywhere_ends_every_own_login_only(app: TestApp) {
    let token = app.login_as("someone", "contributor").await;
    let other = app.login_as("other", "contributor").await;
    let (_, pair) = browser_login(&app, &token).await;
    let page = app.get(&token, "/api/v1/auth/logins").await.ok(200);
    let current: Vec<_> = page["items"].as_array().unwrap().iter().map(|l| l["is_current"] == true).collect();
    assert_eq!(current.iter().filter(|current| **current).count(), 1, "{page}");
    assert_eq!(current.len(), 2);
    let done = app.post(&token, "/api/v1/auth/logout-everywhere", json!({})).await.ok(200);
    assert_eq!(done["ended"], 2);
    app.get(&token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");
    let answer = app.client.send("GET", "/api/v1/auth/whoami", "", &[("cookie", &pair)], None).await;
    answer.problem(401, "unauthenticated");
    app.get(&other, "/api/v1/auth/whoami").await.ok(200);
}

both!(
    a_browser_keeps_its_login_in_a_cookie,
    logging_out_everywhere_ends_every_own_login_only,
    only_a_bearer_token_opens,
    a_login_ends_at_logout,
    a_login_ends_with_its_time,
    the_bootstrap_token_is_no_login,
    a_user_logs_in_as_itself_only,
    metrics_beyond_loopback_need_a_token,
    the_token_for_metrics_reads_them_and_nothing_else,
);
