//! Whoever has no role in a mission learns nothing of it: what is hidden answers like what never was, at every door.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};
use crate::operations::{Operation, Who, all};
use crate::roles::Fixture;

/// The same kind of id, of nothing.
fn nothing(id: &str) -> String {
    let (prefix, digits) = id.split_at(id.len() - 12);
    let other: String = digits.chars().rev().map(|digit| if digit == 'a' { 'b' } else { 'a' }).collect();
    format!("{prefix}{other}")
}

/// Objects that never were, by the side of those that are hidden.
fn ghost(of: &Fixture) -> Fixture {
    Fixture {
        mission: nothing(&of.mission),
        kluster: nothing(&of.kluster),
        task: nothing(&of.task),
        overlap: nothing(&of.overlap),
        artifact: nothing(&of.artifact),
        doc: nothing(&of.doc),
        doomed: nothing(&of.doomed),
        doomed_task: nothing(&of.doomed_task),
        template: nothing(&of.template),
        skill: nothing(&of.skill),
        workspace: nothing(&of.workspace),
        publication: nothing(&of.publication),
        approval: nothing(&of.approval),
        session: nothing(&of.session),
        reservation: nothing(&of.reservation),
        turn: nothing(&of.turn),
        grant: nothing(&of.grant),
        node: nothing(&of.node),
        join_token: nothing(&of.join_token),
        connection: nothing(&of.connection),
        binding: nothing(&of.binding),
        made: Cell::new(0),
    }
}

/// The ids of what the hidden mission holds.
fn ids(of: &Fixture) -> Vec<&str> {
    vec![
        &of.mission,
        &of.kluster,
        &of.task,
        &of.overlap,
        &of.artifact,
        &of.doc,
        &of.doomed,
        &of.doomed_task,
        &of.template,
        &of.skill,
        &of.workspace,
        &of.publication,
        &of.approval,
        &of.session,
        &of.reservation,
        &of.turn,
        &of.binding,
    ]
}

/// A refusal without what differs from call to call: the ids that were sent, and the id of the request.
fn plain(answer: &Answer, of: &Fixture) -> (u16, Value) {
    let mut body = answer.body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
        members.remove("instance");
    }
    let mut text = body.to_string();
    let others = [&of.grant, &of.node, &of.join_token, &of.connection].map(String::as_str);
    for id in ids(of).into_iter().chain(others) {
        text = text.replace(id, "ID");
    }
    text = text.replace(&format!("new-{}", of.made.get()), "NEW");
    (answer.status, serde_json::from_str(&text).unwrap())
}

/// What two answers tell apart, or the one tells of what is hidden.
fn told(
    what: &str,
    (hidden, fixture): (&Answer, &Fixture),
    (absent, ghost): (&Answer, &Fixture),
    sent: &str,
) -> Option<String> {
    let leaks = |id: &&str| !sent.contains(*id) && hidden.text.contains(*id);
    let leak = ids(fixture).into_iter().find(leaks);
    let differs = hidden.status != absent.status
        || hidden.status >= 400 && plain(hidden, fixture) != plain(absent, ghost)
        || hidden.status == 500;
    (leak.is_some() || differs).then(|| format!("{what}: {} / {}\n", hidden.text, absent.text))
}

/// Every operation and every tool of the tables: with the ids of hidden objects, and with those of none.
async fn what_is_hidden_answers_like_what_never_was(app: TestApp) {
    let fixture = Fixture::new(&app).await;
    let ghost = ghost(&fixture);
    app.mission("open").await;
    let guest = app.login_in("guest", "open", "admin").await;
    let mut wrong = Vec::new();
    let is_asked = |operation: &&Operation| {
        // A login ends with these; they name no object of a mission.
        matches!(operation.2, Who::Needs(_)) && !operation.1.starts_with("/api/v1/auth/log")
    };
    for operation in all().filter(is_asked) {
        // What the one call makes anew is not in the way of the other.
        ghost.made.set(fixture.made.get() + 5000);
        let hidden = fixture.call(&app, &guest, operation).await;
        let absent = ghost.call(&app, &guest, operation).await;
        let what = format!("{operation:?}");
        let names = [
            "{mission}",
            "{ref}",
            "{task}",
            "{artifact}",
            "{doc}",
            "{overlap}",
            "{approval}",
            "{publication}",
            "{reservation}",
        ];
        let names_any = names.iter().chain(["{doomed}", "{doomed_task}", "{workspace}", "{skill}"].iter());
        let sent = if names_any.clone().any(|name| what.contains(name)) {
            ids(&fixture).join(" ")
        } else {
            String::new()
        };
        wrong.extend(told(&what, (&hidden, &fixture), (&absent, &ghost), &sent));
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// A method, a path and a body.
type Probe = (&'static str, String, Option<Value>);

/// Calls that name another mission's object from within the own one, of which `own` is a claimed task.
fn probes(of: &Fixture, own: &str) -> Vec<Probe> {
    let manifest = |of: &Fixture| {
        json!({ "apiVersion": "missioncontrol.dev/v1", "kind": "Task",
            "metadata": { "name": "one", "mission": "open", "kluster": "own" },
            "spec": { "title": "One", "dependsOn": [of.task] } })
    };
    let post = |path: &str, body: Value| ("POST", format!("/api/v1{path}"), Some(body));
    let get = |path: String| ("GET", format!("/api/v1{path}"), None);
    let call = |tool: &str, args: Value| {
        ("POST", "/mcp/call".to_owned(), Some(json!({ "tool": tool, "args": args })))
    };
    let task = |more: Value| {
        let mut body = json!({ "mission": "open", "kluster": "own", "title": "Another of mine" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let repository = "https://host.example/x/y.git";
    vec![
        post("/tasks", task(json!({ "depends_on": [of.task] }))),
        post("/tasks", task(json!({ "parent": of.task }))),
        post("/tasks", task(json!({ "kluster": of.kluster }))),
        ("PATCH", format!("/api/v1/tasks/{own}"), Some(json!({ "depends_on": [of.task] }))),
        post(&format!("/tasks/{own}/complete"), json!({ "attempt": 1, "artifact": of.artifact })),
        post(&format!("/artifacts?mission=open&name=x&task={}", of.task), json!({})),
        post("/publications", json!({ "mission": "open", "artifacts": [of.artifact] })),
        post(
            "/publications",
            json!({ "mission": "open", "entities": [{ "entity_type": "doc", "entity_id": of.doc }] }),
        ),
        post(
            "/publications/plan",
            json!({ "mission": "open", "entities": [{ "entity_type": "task", "entity_id": of.task }] }),
        ),
        post(
            "/publications/plan",
            json!({ "mission": "open", "entities": [{ "entity_type": "artifact", "entity_id": of.artifact }] }),
        ),
        post(
            "/reservations",
            json!({ "mission": "open", "repository": repository, "globs": ["a"], "task": of.task }),
        ),
        post(
            "/reservations/check",
            json!({ "repository": repository, "paths": ["fixture"], "task": of.task }),
        ),
        post("/sessions", json!({ "mission": "open", "runtime": "nobody-has-it", "task": of.task })),
        post("/workspaces", json!({ "kluster": of.kluster })),
        post("/docs", json!({ "mission": "open", "kluster": of.kluster, "name": "x", "content": "x" })),
        post(&format!("/templates/{}/tasks", of.template), json!({ "kluster": "own", "title": "x" })),
        post("/apply", json!({ "documents": [manifest(of)] })),
        post("/apply", json!({ "documents": [manifest(of)], "dry_run": true })),
        post("/tasks?dry_run=true", task(json!({ "depends_on": [of.task] }))),
        post(
            "/overlap/check",
            json!({ "mission": "open", "kluster": of.kluster, "title": "Fixture of an overlap" }),
        ),
        post(
            "/skills/promote",
            json!({ "mission": "open", "kluster": of.kluster, "files": [{ "path": "a", "text": "a" }] }),
        ),
        (
            "PUT",
            "/api/v1/publication-policies/open".to_owned(),
            Some(json!({ "default_binding": of.binding })),
        ),
        get(format!("/ledger/history?entity_type=task&entity_id={}", of.task)),
        get(format!("/ledger/events?subject={}", of.task)),
        get(format!("/overlaps?task={}", of.task)),
        get(format!("/overlaps?doc={}", of.doc)),
        get(format!("/overlaps?artifact={}", of.artifact)),
        get(format!("/artifacts?task={}", of.task)),
        get(format!("/artifacts?kluster={}", of.kluster)),
        get(format!("/tasks?kluster={}", of.kluster)),
        get(format!("/search?q=fixture&mission={}", of.mission)),
        get(format!("/tasks/{}/why", of.task)),
        get(format!("/apply/owners/{}", of.task)),
        get(format!("/publications/pending?mission={}", of.mission)),
        get(format!("/missions/{}/export", of.mission)),
        call("get_overlap_suggestions", json!({ "task_id": of.task, "limit": 5 })),
        call("load_kluster_workspace", json!({ "kluster_id": of.kluster })),
        call(
            "resolve_publish_plan",
            json!({ "entity_type": "task", "entity_id": of.task, "mission_id": "open" }),
        ),
        call("publish_pending_ledger_events", json!({ "mission_id": of.mission })),
        call("search_tasks", json!({ "query": "fixture", "kluster_id": of.kluster })),
        call("list_task_assignments", json!({ "kluster_id": of.kluster })),
        call("get_entity_history", json!({ "entity_id": of.task })),
    ]
}

/// What the own mission is given of another: a dependency, an artifact, a task that is reserved for.
async fn what_is_hidden_cannot_be_reached_from_the_own_mission(app: TestApp) {
    let fixture = Fixture::new(&app).await;
    let ghost = ghost(&fixture);
    app.mission("open").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "open", "name": "own" })).await.ok(201);
    let guest = app.login_in("guest", "open", "admin").await;
    let own = json!({ "mission": "open", "kluster": "own", "title": "Mine alone" });
    let own = app.post(&guest, "/api/v1/tasks", own).await.ok(201)["id"].as_str().unwrap().to_owned();
    app.post(&guest, &format!("/api/v1/tasks/{own}/claim"), json!({})).await.ok(200);
    let mut wrong = Vec::new();
    for (hidden, absent) in probes(&fixture, &own).into_iter().zip(probes(&ghost, &own)) {
        let (method, path, body) = &hidden;
        let what = format!("{method} {path} {body:?}");
        let seen = app.client.send(method, path, &guest, &[], body.clone()).await;
        let none = app.client.send(absent.0, &absent.1, &guest, &[], absent.2.clone()).await;
        wrong.extend(told(&what, (&seen, &fixture), (&none, &ghost), &what));
        assert_ne!(seen.status, 201, "{what}: {}", seen.text);
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert_eq!(app.count("SELECT COUNT(*) FROM task_dependency").await, 0);
}

/// A cursor of somebody else's shows what its reader may see, or nothing.
async fn a_cursor_of_somebody_else_shows_nothing(app: TestApp) {
    let fixture = Fixture::new(&app).await;
    app.mission("open").await;
    let guest = app.login_in("guest", "open", "admin").await;
    let mut tried = 0;
    for list in [
        "missions",
        "klusters",
        "tasks",
        "artifacts",
        "docs",
        "skills",
        "overlaps",
        "publications",
        "approvals",
        "reservations",
        "sessions",
        "turns",
        "templates",
        "bindings",
        "ledger/events",
        "search?q=fixture",
    ] {
        let path = |cursor: &str| {
            format!("/api/v1/{list}{}limit=1{cursor}", if list.contains('?') { '&' } else { '?' })
        };
        let page = app.get(app.admin(), &path("")).await.ok(200);
        let Some(cursor) = page["next_cursor"].as_str() else { continue };
        tried += 1;
        let answer = app.get(&guest, &path(&format!("&cursor={cursor}"))).await;
        assert!(matches!(answer.status, 200 | 400), "{list}: {}", answer.text);
        for id in ids(&fixture) {
            assert!(!answer.text.contains(id), "{list}: {}", answer.text);
        }
    }
    assert!(tried >= 4, "only {tried} lists had a second page");
    let counted = app.get(&guest, "/api/v1/search?q=fixture").await.ok(200);
    assert_eq!(
        (&counted["items"], &counted["counts"]),
        (&json!([]), &json!([])),
        "nothing is counted either"
    );
}

/// Whether a text is like hidden ones, or an object is hidden, cannot be told by the time that an answer takes.
async fn the_time_of_an_answer_tells_nothing(app: TestApp) {
    const ROUNDS: usize = 25;
    for mission in ["secret", "open"] {
        app.mission(mission).await;
        app.post(app.admin(), "/api/v1/klusters", json!({ "mission": mission, "name": "work" }))
            .await
            .ok(201);
    }
    let title = |n: usize| format!("Retry uploads to the object store after timeouts, part {n}");
    let mut hidden = String::new();
    for n in 0..30 {
        let body = json!({ "mission": "secret", "kluster": "work", "title": title(n) });
        let made = app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
        made["id"].as_str().unwrap().clone_into(&mut hidden);
    }
    let guest = app.login_in("guest", "open", "contributor").await;
    let check = |title: &str| {
        let body = json!({ "mission": "open", "kluster": "work", "title": title });
        ("POST", "/api/v1/overlap/check".to_owned(), Some(body))
    };
    let get = |path: String| ("GET", path, None::<Value>);
    let pairs = [
        (check(&title(3)), check("Weigh the anchor chain before noon, and once more at night")),
        (
            get("/api/v1/search?q=retry%20uploads%20timeouts".into()),
            get("/api/v1/search?q=weigh%20anchor%20chain".into()),
        ),
        (get(format!("/api/v1/tasks/{hidden}")), get(format!("/api/v1/tasks/{}", nothing(&hidden)))),
        (get("/api/v1/missions/secret".into()), get("/api/v1/missions/never".into())),
    ];
    for (known, unknown) in pairs {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            // One after the other, so that what else the machine does hits both alike.
            for (side, (method, path, body)) in [&known, &unknown].into_iter().enumerate() {
                let began = Instant::now();
                let answer = app.client.send(method, path, &guest, &[], body.clone()).await;
                times[side].push(began.elapsed());
                assert!(!answer.text.contains("Retry uploads"), "{path}: {}", answer.text);
            }
        }
        let [known_time, unknown_time] = times.map(|mut times| {
            times.sort();
            times[ROUNDS / 2]
        });
        // Of the same class: neither waits for anything that the other does not.
        let slack = Duration::from_millis(5);
        assert!(
            known_time < unknown_time * 3 + slack && unknown_time < known_time * 3 + slack,
            "{known:?}: {known_time:?} beside {unknown_time:?}"
        );
    }
}

both!(
    what_is_hidden_answers_like_what_never_was,
    what_is_hidden_cannot_be_reached_from_the_own_mission,
    a_cursor_of_somebody_else_shows_nothing,
    the_time_of_an_answer_tells_nothing,
);
