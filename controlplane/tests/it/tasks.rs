//! Tasks through the HTTP door: the life of a task, the fence, the graph, expiry, and many at once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};

async fn lander(app: &TestApp) {
    app.mission("apollo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "lander" })).await.ok(201);
}

async fn task(app: &TestApp, name: &str, more: Value) -> Value {
    let mut body = json!({ "mission": "apollo", "kluster": "lander", "title": name, "name": name });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

fn key(task: &Value) -> &str {
    task["key"].as_str().unwrap()
}

async fn act(app: &TestApp, token: &str, task: &Value, verb: &str, body: Value) -> crate::harness::Answer {
    app.post(token, &format!("/api/v1/tasks/{}/{verb}", key(task)), body).await
}

async fn now(app: &TestApp, task: &Value) -> Value {
    app.get(app.admin(), &format!("/api/v1/tasks/{}", key(task))).await.ok(200)
}

async fn a_task_lives_from_ready_to_done(app: TestApp) {
    lander(&app).await;
    let made = task(&app, "a", json!({})).await;
    assert_eq!((made["state"].as_str(), made["version"].as_i64()), (Some("ready"), Some(1)));
    let claimed = act(&app, app.admin(), &made, "claim", json!({})).await.ok(200);
    assert_eq!((claimed["state"].as_str(), claimed["claim"]["attempt"].as_i64()), (Some("claimed"), Some(1)));
    act(&app, app.admin(), &made, "claim", json!({})).await.problem(409, "already-claimed");
    let beat = act(&app, app.admin(), &made, "heartbeat", json!({ "attempt": 1, "lease_seconds": 600 }))
        .await
        .ok(200);
    assert_eq!(beat["version"], claimed["version"], "a heartbeat is no new version");
    assert!(beat["claim"]["lease_until"].as_str() > claimed["claim"]["lease_until"].as_str());
    let running =
        act(&app, app.admin(), &made, "progress", json!({ "attempt": 1, "percent": 40, "note": "n" }))
            .await
            .ok(200);
    assert_eq!(
        (running["state"].as_str(), running["progress_percent"].as_i64()),
        (Some("running"), Some(40))
    );
    act(&app, app.admin(), &made, "complete", json!({ "attempt": 2 })).await.problem(409, "lease-lost");
    act(
        &app,
        app.admin(),
        &made,
        "complete",
        json!({ "attempt": 1, "artifact": "art_00000000000070008000000000000000" }),
    )
    .await
    .problem(422, "validation");
    let done =
        act(&app, app.admin(), &made, "complete", json!({ "attempt": 1, "result": "r" })).await.ok(200);
    assert_eq!((done["state"].as_str(), done["claim"]["state"].as_str()), (Some("done"), Some("ended")));
    for verb in ["claim", "cancel", "block", "retry", "unblock", "reject"] {
        act(&app, app.admin(), &made, verb, json!({})).await.problem(409, "invalid-transition");
    }
    let actions: Vec<String> = app.events().await.into_iter().map(|event| event.envelope.action).collect();
    let of_the_task: Vec<&str> =
        actions.iter().map(String::as_str).filter(|a| a.starts_with("task.")).collect();
    assert_eq!(of_the_task, ["task.create", "task.claim", "task.progress", "task.complete"]);
}

async fn another_principal_does_not_pass_the_fence(app: TestApp) {
    lander(&app).await;
    let made = task(&app, "a", json!({})).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    act(&app, &one, &made, "claim", json!({})).await.ok(200);
    for (verb, body) in [
        ("heartbeat", json!({ "attempt": 1 })),
        ("progress", json!({ "attempt": 1 })),
        ("complete", json!({ "attempt": 1 })),
        ("fail", json!({ "attempt": 1, "reason": "x" })),
        ("release", json!({ "attempt": 1 })),
    ] {
        act(&app, &two, &made, verb, body).await.problem(409, "lease-lost");
    }
    act(&app, &two, &made, "release", json!({ "note": "operator" })).await.ok(200);
    act(&app, &one, &made, "complete", json!({ "attempt": 1 })).await.problem(409, "lease-lost");
    act(&app, &two, &made, "claim", json!({})).await.ok(200);
    assert_eq!(now(&app, &made).await["attempt"], 2);
}

async fn an_expired_lease_is_claimable_and_its_holder_may_still_finish_first(app: TestApp) {
    lander(&app).await;
    let (slow, lost) = (task(&app, "slow", json!({})).await, task(&app, "lost", json!({})).await);
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    for made in [&slow, &lost] {
        act(&app, &one, made, "claim", json!({ "lease_seconds": 5 })).await.ok(200);
    }
    app.advance(Duration::from_secs(6));
    for made in [&slow, &lost] {
        eventually("the lease expires", || async {
            (now(&app, made).await["state"] == "ready").then_some(())
        })
        .await;
    }
    assert_eq!(act(&app, &one, &slow, "complete", json!({ "attempt": 1 })).await.ok(200)["state"], "done");
    act(&app, &two, &lost, "claim", json!({})).await.ok(200);
    act(&app, &one, &lost, "complete", json!({ "attempt": 1 })).await.problem(409, "lease-lost");
    act(&app, &two, &lost, "complete", json!({ "attempt": 2 })).await.ok(200);
}

async fn the_last_attempt_that_expires_fails_the_task(app: TestApp) {
    lander(&app).await;
    let made = task(&app, "a", json!({ "max_attempts": 1 })).await;
    act(&app, app.admin(), &made, "claim", json!({ "lease_seconds": 5 })).await.ok(200);
    app.advance(Duration::from_secs(6));
    let failed = eventually("the attempts are used up", || async {
        let task = now(&app, &made).await;
        (task["state"] == "failed").then_some(task)
    })
    .await;
    assert_eq!(failed["reason"], "attempts_exhausted");
    act(&app, app.admin(), &made, "retry", json!({})).await.ok(200);
    assert_eq!(act(&app, app.admin(), &made, "claim", json!({})).await.ok(200)["attempt"], 2);
}

async fn a_restart_costs_nobody_the_lease(app: TestApp) {
    lander(&app).await;
    let made = task(&app, "a", json!({})).await;
    let before = act(&app, app.admin(), &made, "claim", json!({ "lease_seconds": 5 })).await.ok(200);
    let app = app.restart().await;
    let after = now(&app, &made).await;
    assert!(after["claim"]["lease_until"].as_str() > before["claim"]["lease_until"].as_str());
    assert_eq!(after["state"], "claimed");
}

async fn dependents_follow_what_they_wait_for(app: TestApp) {
    lander(&app).await;
    let a = task(&app, "a", json!({})).await;
    let b = task(&app, "b", json!({ "depends_on": ["a"] })).await;
    let blocks = task(&app, "blocks", json!({ "depends_on": ["b"] })).await;
    let cancels =
        task(&app, "cancels", json!({ "depends_on": [b["id"]], "on_dependency_failure": "cancel" })).await;
    let after_cancel =
        task(&app, "after", json!({ "depends_on": ["cancels"], "on_dependency_failure": "cancel" })).await;
    let ignores =
        task(&app, "ignores", json!({ "depends_on": [key(&b)], "on_dependency_failure": "ignore" })).await;
    for waiting in [&b, &blocks, &cancels, &after_cancel, &ignores] {
        assert_eq!(
            (waiting["state"].as_str(), waiting["open_dependency_count"].as_i64()),
            (Some("pending"), Some(1))
        );
        act(&app, app.admin(), waiting, "claim", json!({})).await.problem(409, "invalid-transition");
    }
    act(&app, app.admin(), &a, "claim", json!({})).await.ok(200);
    act(&app, app.admin(), &a, "complete", json!({ "attempt": 1 })).await.ok(200);
    assert_eq!(now(&app, &b).await["state"], "ready");
    act(&app, app.admin(), &b, "claim", json!({})).await.ok(200);
    act(&app, app.admin(), &b, "fail", json!({ "attempt": 1, "reason": "no" })).await.ok(200);
    for (waiting, state) in
        [(&blocks, "blocked"), (&cancels, "cancelled"), (&after_cancel, "cancelled"), (&ignores, "ready")]
    {
        assert_eq!(now(&app, waiting).await["state"], state, "{}", key(waiting));
    }
    assert_eq!(now(&app, &blocks).await["reason"], "dependency_failed");
    act(&app, app.admin(), &blocks, "unblock", json!({})).await.ok(200);
    assert_eq!(now(&app, &blocks).await["state"], "ready");
}

async fn two_dependencies_that_end_at_once_free_their_dependent(app: TestApp) {
    lander(&app).await;
    for round in 0..10 {
        let names: Vec<String> = (0..4).map(|n| format!("d{round}-{n}")).collect();
        let mut tasks = Vec::new();
        for name in &names {
            let made = task(&app, name, json!({})).await;
            act(&app, app.admin(), &made, "claim", json!({})).await.ok(200);
            tasks.push(made);
        }
        let waits = task(&app, &format!("w{round}"), json!({ "depends_on": names })).await;
        let ends = tasks.iter().map(|made| act(&app, app.admin(), made, "complete", json!({ "attempt": 1 })));
        for answer in futures_util::future::join_all(ends).await {
            answer.ok(200);
        }
        let waits = now(&app, &waits).await;
        assert_eq!(
            (waits["state"].as_str(), waits["open_dependency_count"].as_i64()),
            (Some("ready"), Some(0))
        );
    }
    app.events().await;
}

async fn crossing_edges_never_both_pass(app: TestApp) {
    lander(&app).await;
    for round in 0..10 {
        let (a, b) = (
            task(&app, &format!("a{round}"), json!({})).await,
            task(&app, &format!("b{round}"), json!({})).await,
        );
        let (path_a, path_b) = (format!("/api/v1/tasks/{}", key(&a)), format!("/api/v1/tasks/{}", key(&b)));
        let (one, two) = tokio::join!(
            app.patch(app.admin(), &path_a, json!({ "depends_on": [key(&b)] })),
            app.patch(app.admin(), &path_b, json!({ "depends_on": [key(&a)] })),
        );
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text, two.text);
        let refused = if one.status == 409 { &one } else { &two };
        refused.problem(409, "dependency-cycle");
    }
    let own = task(&app, "own", json!({})).await;
    app.patch(app.admin(), &format!("/api/v1/tasks/{}", key(&own)), json!({ "depends_on": ["own"] }))
        .await
        .problem(409, "dependency-cycle");
}

async fn a_long_way_back_is_found(app: TestApp) {
    lander(&app).await;
    let rows: Vec<Value> = (0..200)
        .map(|n: u32| {
            // A chain with steps that are left out: many ways lead to the same tasks.
            let on: Vec<String> = [1, 7].iter().filter_map(|back| n.checked_sub(*back)).map(|on| format!("r{on}")).collect();
            json!({ "line": n + 1, "external_id": format!("r{n}"), "title": format!("row {n}"), "depends_on": on })
        })
        .collect();
    let body = json!({ "mission": "apollo", "kluster": "lander", "source": "rows", "rows": rows });
    app.post(app.admin(), "/api/v1/tasks/import", body).await.ok(200);
    let listed = app.get(app.admin(), "/api/v1/tasks?limit=500").await.ok(200);
    let id = |title: &str| {
        let found = listed["items"].as_array().unwrap().iter().find(|task| task["title"] == title);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (first, last) = (id("row 0"), id("row 199"));
    let refused =
        app.patch(app.admin(), &format!("/api/v1/tasks/{first}"), json!({ "depends_on": [last] })).await;
    refused.problem(409, "dependency-cycle");
    // The other way is one that is there already, only shorter.
    let fine = app
        .patch(app.admin(), &format!("/api/v1/tasks/{last}"), json!({ "depends_on": [first] }))
        .await
        .ok(200);
    assert_eq!(fine["depends_on"][0]["id"], first);
}

async fn many_claimants_share_many_tasks_once_each(app: TestApp) {
    lander(&app).await;
    for n in 0..24 {
        task(&app, &format!("t{n}"), json!({ "priority": n % 3 })).await;
    }
    let claims =
        (0..40).map(|_| app.post(app.admin(), "/api/v1/tasks/claim", json!({ "mission": "apollo" })));
    let answers = futures_util::future::join_all(claims).await;
    let mut keys: Vec<String> =
        answers.iter().filter(|a| a.status == 200).map(|a| key(&a.body).to_owned()).collect();
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(409, "nothing-to-claim");
    }
    keys.sort();
    let distinct = keys.len();
    keys.dedup();
    assert_eq!((keys.len(), distinct), (24, 24), "every task once");
}

async fn claiming_prefers_priority_then_age_and_fits_capabilities_and_runtimes(app: TestApp) {
    lander(&app).await;
    let gpu = json!({ "name": "gpu", "mission": "apollo", "runtime": "scripted" });
    app.post(app.admin(), "/api/v1/klusters", gpu).await.ok(201);
    task(&app, "old", json!({})).await;
    task(&app, "young", json!({})).await;
    task(&app, "urgent", json!({ "priority": 90, "capabilities": ["rust"] })).await;
    let body = json!({ "mission": "apollo", "kluster": "gpu", "title": "inherits", "name": "inherits" });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
    let next = async |body: Value| app.post(app.admin(), "/api/v1/tasks/claim", body).await;
    assert_eq!(next(json!({ "runtimes": ["scripted"] })).await.ok(200)["name"], "inherits");
    next(json!({ "runtimes": ["scripted"] })).await.problem(409, "nothing-to-claim");
    assert_eq!(next(json!({})).await.ok(200)["name"], "old");
    assert_eq!(next(json!({ "capabilities": ["go", "rust"] })).await.ok(200)["name"], "urgent");
    assert_eq!(next(json!({})).await.ok(200)["name"], "young");
    next(json!({})).await.problem(409, "nothing-to-claim");
    next(json!({ "mission": "unknown" })).await.problem(404, "not-found");
    next(json!({ "lease_seconds": 1 })).await.problem(422, "validation");
}

async fn review_needs_another_pair_of_eyes(app: TestApp) {
    lander(&app).await;
    let made = task(&app, "a", json!({ "review_gates": 1 })).await;
    let (author, reviewer) =
        (app.login_as("author", "contributor").await, app.login_as("reviewer", "contributor").await);
    act(&app, &author, &made, "claim", json!({})).await.ok(200);
    assert_eq!(
        act(&app, &author, &made, "complete", json!({ "attempt": 1 })).await.ok(200)["state"],
        "in_review"
    );
    act(&app, &author, &made, "accept", json!({})).await.problem(403, "self-approval");
    let back = act(&app, &reviewer, &made, "reject", json!({ "note": "tests are missing" })).await.ok(200);
    assert_eq!((back["state"].as_str(), back["reason"].as_str()), (Some("ready"), Some("tests are missing")));
    act(&app, &author, &made, "claim", json!({})).await.ok(200);
    act(&app, &author, &made, "complete", json!({ "attempt": 2 })).await.ok(200);
    assert_eq!(act(&app, &reviewer, &made, "accept", json!({})).await.ok(200)["state"], "done");
}

async fn keys_are_unique_never_reused_and_accepted_everywhere(app: TestApp) {
    lander(&app).await;
    let makes = (0..40).map(|n| {
        let body = json!({ "mission": "apollo", "kluster": "lander", "title": format!("t{n}") });
        app.post(app.admin(), "/api/v1/tasks", body)
    });
    let mut keys: Vec<String> = Vec::new();
    for answer in futures_util::future::join_all(makes).await {
        keys.push(key(&answer.ok(201)).to_owned());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 40);
    let app = app.restart().await;
    let made = task(&app, "after-restart", json!({})).await;
    assert!(!keys.contains(&key(&made).to_owned()));
    let by_name =
        app.get(app.admin(), "/api/v1/tasks/after-restart?mission=apollo&kluster=lander").await.ok(200);
    assert_eq!(by_name["id"], made["id"]);
    task(&app, "b", json!({ "depends_on": [key(&made)], "parent": key(&made) })).await;
    app.delete(app.admin(), &format!("/api/v1/tasks/{}", key(&made))).await.problem(409, "not-empty");
    app.delete(app.admin(), "/api/v1/tasks/b").await.ok(204);
    app.delete(app.admin(), &format!("/api/v1/tasks/{}", key(&made))).await.ok(204);
    app.get(app.admin(), &format!("/api/v1/tasks/{}", key(&made))).await.problem(404, "not-found");
    let taken = json!({ "mission": "apollo", "kluster": "lander", "title": "x", "name": "after-restart" });
    app.post(app.admin(), "/api/v1/tasks", taken.clone()).await.ok(201);
    app.post(app.admin(), "/api/v1/tasks", taken).await.problem(409, "name-taken");
}

async fn bad_tasks_are_refused_by_field(app: TestApp) {
    lander(&app).await;
    let base = json!({ "mission": "apollo", "kluster": "lander", "title": "t" });
    for (field, value) in [
        ("title", json!("")),
        ("title", json!("two\nlines")),
        ("priority", json!(101)),
        ("max_attempts", json!(0)),
        ("review_gates", json!(9)),
        ("capabilities", json!([""])),
        ("description", json!("x".repeat(65 * 1024))),
        ("on_dependency_failure", json!("explode")),
        ("name", json!("No")),
        ("colour", json!("red")),
    ] {
        let mut body = base.clone();
        body[field] = value;
        let answer = app.post(app.admin(), "/api/v1/tasks", body).await;
        answer.problem(422, "validation");
        let pointer = answer.body["errors"][0]["pointer"].as_str().unwrap();
        assert!(pointer.starts_with(&format!("/{field}")), "{field}: {pointer}");
    }
    let mut body = base.clone();
    body["depends_on"] = json!(["nowhere"]);
    app.post(app.admin(), "/api/v1/tasks", body).await.problem(404, "not-found");
    app.get(app.admin(), "/api/v1/tasks?state=sleeping").await.problem(422, "validation");
    assert_eq!(app.get(app.admin(), "/api/v1/tasks").await.ok(200)["items"], json!([]));
}

both!(
    a_task_lives_from_ready_to_done,
    another_principal_does_not_pass_the_fence,
    an_expired_lease_is_claimable_and_its_holder_may_still_finish_first,
    the_last_attempt_that_expires_fails_the_task,
    a_restart_costs_nobody_the_lease,
    dependents_follow_what_they_wait_for,
    two_dependencies_that_end_at_once_free_their_dependent,
    crossing_edges_never_both_pass,
    a_long_way_back_is_found,
    many_claimants_share_many_tasks_once_each,
    claiming_prefers_priority_then_age_and_fits_capabilities_and_runtimes,
    review_needs_another_pair_of_eyes,
    keys_are_unique_never_reused_and_accepted_everywhere,
    bad_tasks_are_refused_by_field,
);
