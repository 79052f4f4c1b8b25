//! Counts of tasks by state, and the watch of one object.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::TestApp;

async fn kluster(app: &TestApp, mission: &str, name: &str) -> String {
    let body = json!({ "mission": mission, "name": name });
    app.post(app.admin(), "/api/v1/klusters", body).await.ok(201)["id"].as_str().unwrap().to_owned()
}

async fn task(app: &TestApp, mission: &str, kluster: &str, title: &str) -> Value {
    let body = json!({ "mission": mission, "kluster": kluster, "title": title });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

fn lines(page: &Value) -> Vec<(String, Option<String>, i64, i64)> {
    let items = page["items"].as_array().unwrap();
    let line = |item: &Value| {
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        let ready = item["counts"]["ready"].as_i64().unwrap();
        (text("mission").unwrap(), text("kluster"), item["total"].as_i64().unwrap(), ready)
    };
    items.iter().map(line).collect()
}

async fn tasks_are_counted_where_the_caller_may_read(app: TestApp) {
    for mission in ["alpha", "beta", "empty"] {
        app.mission(mission).await;
    }
    for (mission, name) in [("alpha", "one"), ("alpha", "two"), ("beta", "one")] {
        kluster(&app, mission, name).await;
    }
    let first = task(&app, "alpha", "one", "paint the boat").await;
    let second = task(&app, "alpha", "one", "measure the wind in march").await;
    task(&app, "alpha", "two", "write letters to the mayor").await;
    task(&app, "beta", "one", "count sheep").await;
    let path = |task: &Value, verb: &str| format!("/api/v1/tasks/{}{verb}", task["id"].as_str().unwrap());
    app.post(app.admin(), &path(&first, "/cancel"), json!({})).await.ok(200);
    app.delete(app.admin(), &path(&second, "")).await.ok(204);

    let all = app.get(app.admin(), "/api/v1/task-counts").await.ok(200);
    let word = str::to_owned;
    assert_eq!(
        lines(&all),
        [(word("alpha"), None, 2, 1), (word("beta"), None, 1, 1), (word("empty"), None, 0, 0)]
    );
    let counts = &all["items"][0]["counts"];
    assert_eq!(counts.as_object().unwrap().len(), 9, "every state, always: {counts}");
    assert_eq!((&counts["cancelled"], &counts["running"]), (&json!(1), &json!(0)));
    let of_alpha = app.get(app.admin(), "/api/v1/task-counts?mission=alpha").await.ok(200);
    assert_eq!(
        lines(&of_alpha),
        [(word("alpha"), Some(word("one")), 1, 0), (word("alpha"), Some(word("two")), 1, 1)]
    );
    let one = app.get(app.admin(), "/api/v1/task-counts?mission=alpha&kluster=two").await.ok(200);
    assert_eq!(lines(&one), [(word("alpha"), Some(word("two")), 1, 1)]);
    let by = app.get(app.admin(), "/api/v1/task-counts?mission=alpha&by=mission").await.ok(200);
    assert_eq!(lines(&by), [(word("alpha"), None, 2, 1)]);
    let page = app.get(app.admin(), "/api/v1/task-counts?by=kluster&limit=2").await.ok(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = format!("/api/v1/task-counts?by=kluster&limit=2&cursor={cursor}");
    assert_eq!(lines(&app.get(app.admin(), &rest).await.ok(200)), [(word("beta"), Some(word("one")), 1, 1)]);

    let guest = app.login_in("guest", "beta", "viewer").await;
    let seen = app.get(&guest, "/api/v1/task-counts").await.ok(200);
    assert_eq!(lines(&seen), [(word("beta"), None, 1, 1)]);
    let seen = app.get(&guest, "/api/v1/task-counts?by=kluster").await.ok(200);
    assert_eq!(lines(&seen), [(word("beta"), Some(word("one")), 1, 1)]);
    app.get(&guest, "/api/v1/task-counts?mission=alpha").await.problem(404, "not-found");
    let odd = app.get(app.admin(), "/api/v1/task-counts?kluster=two&mission=alpha&by=mission").await;
    odd.problem(422, "validation");
    app.get(app.admin(), "/api/v1/task-counts?by=colour").await.problem(400, "malformed-request");
}

/// A hundred thousand tasks, of which the counts come from the index alone.
async fn a_hundred_thousand_tasks_are_counted_at_once(app: TestApp) {
    app.mission("large").await;
    kluster(&app, "large", "one").await;
    kluster(&app, "large", "two").await;
    task(&app, "large", "one", "the one that is copied").await;
    let (id, series) = match app.database {
        crate::harness::Database::Sqlite => (
            "randomblob(16)",
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) SELECT i FROM n) n",
        ),
        crate::harness::Database::Postgres => ("gen_random_uuid()", "generate_series(1, 99999) AS n(i)"),
    };
    let copy = format!(
        "INSERT INTO task (task_id, organization_id, mission_id, kluster_id, task_key, title, description,
             definition_of_done, state, priority, capabilities, paths, open_dependency_count, on_dependency_failure,
             review_gates, reviewers, attempt, max_attempts, labels, annotations, version, created_by, created_at, updated_at)
         SELECT {id}, t.organization_id, t.mission_id, k.kluster_id, 'copy-' || n.i, t.title, t.description,
             t.definition_of_done, CASE n.i % 3 WHEN 0 THEN 'ready' WHEN 1 THEN 'done' ELSE 'failed' END, t.priority,
             t.capabilities, t.paths, 0, t.on_dependency_failure, t.review_gates, t.reviewers, t.attempt,
             t.max_attempts, t.labels, t.annotations, 1, t.created_by, t.created_at, t.updated_at
         FROM task t, {series}, kluster k WHERE t.title = 'the one that is copied'
             AND k.name = CASE n.i % 2 WHEN 0 THEN 'one' ELSE 'two' END"
    );
    assert_eq!(app.sql(&copy).await, 99_999);
    app.sql("ANALYZE task").await;
    for path in ["/api/v1/task-counts", "/api/v1/task-counts?mission=large"] {
        let began = Instant::now();
        let page = app.get(app.admin(), path).await.ok(200);
        let took = began.elapsed();
        let total: i64 = lines(&page).iter().map(|line| line.2).sum();
        assert_eq!(total, 100_000, "{page}");
        assert!(took.as_millis() < 2_000, "{path} took {took:?}");
    }
}

async fn one_task_is_watched_alone_and_resumed(app: TestApp) {
    app.mission("demo").await;
    kluster(&app, "demo", "work").await;
    let wanted = task(&app, "demo", "work", "look at me").await;
    let other = task(&app, "demo", "work", "do not look at this").await;
    let (id, key) = (wanted["id"].as_str().unwrap(), wanted["key"].as_str().unwrap());
    let path = |task: &Value, verb: &str| format!("/api/v1/tasks/{}{verb}", task["id"].as_str().unwrap());
    let alone = app.get(app.admin(), &format!("/api/v1/tasks?id={key}")).await.ok(200);
    assert_eq!(alone["items"].as_array().unwrap().len(), 1);
    app.sealed().await;
    let mut watch = app.watch(app.admin(), &format!("/api/v1/tasks?id={key}&watch=true")).await;
    let snapshot = watch.until(|change| change.event == "bookmark").await;
    assert_eq!(snapshot.len(), 2, "the task and the mark: {snapshot:?}");
    app.patch(app.admin(), &path(&other, ""), json!({ "title": "still not this" })).await.ok(200);
    app.patch(app.admin(), &path(&wanted, ""), json!({ "title": "seen" })).await.ok(200);
    let change = watch.next().await.unwrap();
    assert_eq!((change.event.as_str(), &change.data["title"]), ("modified", &json!("seen")));
    drop(watch);
    app.patch(app.admin(), &path(&other, ""), json!({ "title": "never this" })).await.ok(200);
    app.delete(app.admin(), &path(&wanted, "")).await.ok(204);
    let from = change.id;
    let mut again = app.watch(app.admin(), &format!("/api/v1/tasks?id={id}&watch=true&from={from}")).await;
    let change = again.next().await.unwrap();
    assert_eq!((change.event.as_str(), change.data["id"].as_str()), ("deleted", Some(id)));

    app.get(app.admin(), "/api/v1/tasks?id=demo-999&watch=true").await.problem(404, "not-found");
    let guest = app.login_as("guest", "viewer").await;
    app.mission("secret").await;
    let stranger = app.login_in("stranger", "secret", "viewer").await;
    let path = format!("/api/v1/tasks?id={}", other["id"].as_str().unwrap());
    assert_eq!(app.get(&guest, &path).await.ok(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.get(&stranger, &path).await.ok(200)["items"], json!([]));
    app.get(app.admin(), "/api/v1/approvals?id=nonsense").await.problem(404, "not-found");
}

both!(
    tasks_are_counted_where_the_caller_may_read,
    a_hundred_thousand_tasks_are_counted_at_once,
    one_task_is_watched_alone_and_resumed,
);
