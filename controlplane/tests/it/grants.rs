//! Grants: what an agent may do with one, and when it ends.

use std::time::Duration;

use controlplane::authn::grants::{self, NewGrant};
use mc_api::id::{PrincipalId, SessionId, TaskId};
use serde_json::{Value, json};

use crate::harness::TestApp;

async fn grant(app: &TestApp, body: Value) -> (String, Value) {
    let grant = app.post(app.admin(), "/api/v1/auth/grants", body).await.ok(201);
    (grant["token"].as_str().unwrap().to_owned(), grant)
}

async fn task(app: &TestApp, mission: &str, title: &str) -> Value {
    if app.get(app.admin(), &format!("/api/v1/missions/{mission}")).await.status == 404 {
        app.mission(mission).await;
        let kluster = json!({ "mission": mission, "name": "work" });
        app.post(app.admin(), "/api/v1/klusters", kluster).await.ok(201);
    }
    let body = json!({ "mission": mission, "kluster": "work", "title": title });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

fn path(task: &Value, verb: &str) -> String {
    format!("/api/v1/tasks/{}/{verb}", task["key"].as_str().unwrap())
}

async fn a_grant_acts_as_its_agent_until_it_ends(app: TestApp) {
    let (token, made) = grant(&app, json!({ "principal": "worker", "ttl_seconds": 60 })).await;
    assert!(token.starts_with("mcg_") && token.len() > 40, "{token}");
    let who = app.get(&token, "/api/v1/auth/whoami").await.ok(200);
    assert_eq!(
        (&who["principal"]["name"], &who["principal"]["principal_kind"]),
        (&json!("worker"), &json!("agent"))
    );
    assert_eq!((&who["grant"]["id"], &who["expires_at"]), (&made["id"], &made["expires_at"]));
    assert_eq!((&who["login_session_id"], &who["grant"]["token"]), (&json!(null), &json!(null)));
    let stored = app.column("SELECT token_sha256 FROM token WHERE kind = 'grant'").await;
    assert_eq!((stored.len(), stored[0].len(), stored[0].contains("mcg_")), (1, 64, false));
    app.advance(Duration::from_secs(61));
    app.get(&token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");

    let (token, made) = grant(&app, json!({ "principal": "worker" })).await;
    let id = made["id"].as_str().unwrap();
    app.advance(Duration::from_mins(14));
    app.get(&token, "/api/v1/auth/whoami").await.ok(200);
    for _ in 0..2 {
        app.delete(app.admin(), &format!("/api/v1/auth/grants/{id}")).await.ok(204);
        app.get(&token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");
    }
    let actions: Vec<_> = app.events().await.into_iter().map(|event| event.envelope.action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "grant.issue").count(), 3, "agent and two grants");
    assert!(!app.export().await.contains("mcg_"), "no token is in the ledger");
}

async fn a_grant_makes_nothing_that_outlives_it(app: TestApp) {
    let (token, made) = grant(&app, json!({})).await;
    assert_eq!(made["principal"], "bootstrap-agent");
    app.post(&token, "/api/v1/auth/login", json!({})).await.problem(403, "forbidden");
    app.post(&token, "/api/v1/auth/grants", json!({})).await.problem(403, "forbidden");
    let own = format!("/api/v1/auth/grants/{}", made["id"].as_str().unwrap());
    app.delete(&token, &own).await.problem(403, "forbidden");
    app.post(&token, "/api/v1/auth/logout", json!({})).await.problem(409, "invalid-transition");
    app.get(&token, "/api/v1/auth/whoami").await.ok(200);
}

async fn the_task_of_a_grant_needs_no_attempt_and_others_do(app: TestApp) {
    let (own, other) = (task(&app, "apollo", "own").await, task(&app, "apollo", "other").await);
    let (plain, _) = grant(&app, json!({ "principal": "worker" })).await;
    for task in [&own, &other] {
        app.post(&plain, &path(task, "claim"), json!({})).await.ok(200);
        let detail = app.post(&plain, &path(task, "progress"), json!({})).await.problem(422, "validation");
        assert!(detail.starts_with("/attempt"), "{detail}");
    }
    let (token, made) = grant(&app, json!({ "principal": "worker", "task": own["key"] })).await;
    assert_eq!((&made["task_id"], &made["attempt"]), (&own["id"], &json!(1)));
    app.post(&token, &path(&own, "progress"), json!({ "percent": 10 })).await.ok(200);
    app.post(&token, &path(&other, "progress"), json!({})).await.problem(422, "validation");
    app.post(&token, &path(&other, "fail"), json!({ "attempt": 1, "reason": "no" })).await.ok(200);

    // The attempt of the grant is the fence: a newer one makes it worthless.
    app.post(app.admin(), &path(&own, "release"), json!({})).await.ok(200);
    app.post(app.admin(), &path(&own, "claim"), json!({})).await.ok(200);
    app.post(&token, &path(&own, "complete"), json!({})).await.problem(409, "lease-lost");
    let body = json!({ "principal": "worker", "task": own["key"] });
    app.post(app.admin(), "/api/v1/auth/grants", body).await.problem(409, "lease-lost");
}

async fn a_grant_for_a_mission_counts_there_only(app: TestApp) {
    let (here, there) = (task(&app, "apollo", "here").await, task(&app, "gemini", "there").await);
    let (token, _) = grant(&app, json!({ "principal": "worker", "mission": "apollo" })).await;
    app.post(&token, &path(&here, "claim"), json!({})).await.ok(200);
    app.post(&token, &path(&there, "claim"), json!({})).await.problem(404, "not-found");
    // The role of the whole organization is narrowed as well.
    let (wide, _) = grant(&app, json!({ "principal": "wide" })).await;
    app.get(&wide, &format!("/api/v1/tasks/{}", there["key"].as_str().unwrap())).await.ok(200);
    let (narrow, _) = grant(&app, json!({ "principal": "wide", "mission": "apollo" })).await;
    app.get(&narrow, &format!("/api/v1/tasks/{}", there["key"].as_str().unwrap()))
        .await
        .problem(404, "not-found");
    // An agent without a role there gets none by a grant.
    let body = json!({ "principal": "worker", "mission": "gemini" });
    app.post(app.admin(), "/api/v1/auth/grants", body).await.problem(422, "validation");
}

async fn nobody_grants_more_than_the_own_rights(app: TestApp) {
    app.mission("apollo").await;
    let body = json!({ "name": "chief", "principal_kind": "agent", "role": "admin" });
    app.post(app.admin(), "/api/v1/principals", body).await.ok(201);
    let contributor = app.login_as("someone", "contributor").await;
    let ask = async |body: Value| app.post(&contributor, "/api/v1/auth/grants", body).await;
    ask(json!({ "principal": "chief" })).await.problem(403, "forbidden");
    ask(json!({ "principal": "chief", "mission": "apollo" })).await.problem(403, "forbidden");
    ask(json!({ "principal": "someone" })).await.problem(422, "validation");
    ask(json!({ "principal": "bootstrap" })).await.problem(422, "validation");
    ask(json!({ "ttl_seconds": 43_201 })).await.problem(422, "validation");
    assert_eq!(ask(json!({})).await.ok(201)["principal"], "someone-agent");
    let guest = app.login_in("guest", "apollo", "contributor").await;
    app.post(&guest, "/api/v1/auth/grants", json!({})).await.problem(403, "forbidden");
    let made = app.post(&guest, "/api/v1/auth/grants", json!({ "mission": "apollo" })).await.ok(201);
    assert_eq!(made["principal"], "guest-agent");
}

async fn a_repeated_request_shows_no_token_again(app: TestApp) {
    let ask = async || {
        let headers = [("idempotency-key", "once")];
        app.client.send("POST", "/api/v1/auth/grants", app.admin(), &headers, Some(json!({}))).await.ok(201)
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!(first["id"], again["id"]);
    assert!(first["token"].is_string() && again["token"].is_null());
}

async fn grants_of_an_agent_session_are_issued_and_ended_together(app: TestApp) {
    let task = task(&app, "apollo", "work").await;
    let (worker, made) = grant(&app, json!({ "principal": "worker" })).await;
    app.post(&worker, &path(&task, "claim"), json!({})).await.ok(200);
    let shared = app.app();
    let session = SessionId::from_uuid(shared.ids.uuid(shared.clock.now()));
    let principal: PrincipalId = made["principal_id"].as_str().unwrap().parse().unwrap();
    let id: TaskId = task["id"].as_str().unwrap().parse().unwrap();
    let mut tokens = Vec::new();
    let mut tx = shared.db.begin_write().await.unwrap();
    for _ in 0..2 {
        let new = NewGrant {
            organization: shared.organization,
            principal,
            name: "worker".into(),
            mission: None,
            session: Some(session),
            task: Some((id, 1)),
            lifetime: grants::LIFETIME,
        };
        let issued = grants::issue_in(&mut tx, &shared.ids, shared.clock.now(), new).await.unwrap();
        tokens.push(issued.token.unwrap());
    }
    shared.db.commit(tx).await.unwrap();
    let who = app.get(&tokens[0], "/api/v1/auth/whoami").await.ok(200);
    assert_eq!(who["grant"]["session_id"], session.to_string());
    app.post(&tokens[1], &path(&task, "complete"), json!({ "result": "done" })).await.ok(200);
    let mut tx = shared.db.begin_write().await.unwrap();
    assert_eq!(grants::revoke_of_session_in(&mut tx, session, shared.clock.now()).await.unwrap(), 2);
    shared.db.commit(tx).await.unwrap();
    for token in tokens {
        app.get(&token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");
    }
    app.get(&worker, "/api/v1/auth/whoami").await.ok(200);
}

both!(
    a_grant_acts_as_its_agent_until_it_ends,
    a_grant_makes_nothing_that_outlives_it,
    the_task_of_a_grant_needs_no_attempt_and_others_do,
    a_grant_for_a_mission_counts_there_only,
    nobody_grants_more_than_the_own_rights,
    a_repeated_request_shows_no_token_again,
    grants_of_an_agent_session_are_issued_and_ended_together,
);
