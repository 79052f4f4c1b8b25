//! Path reservations through the HTTP door: conflicts, the line, leases, and many at once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, eventually};

const PATH: &str = "/api/v1/reservations";
const REMOTE: &str = "https://host.example/x/y.git";

async fn missions(app: &TestApp) {
    for mission in ["apollo", "gemini"] {
        app.mission(mission).await;
        let kluster = json!({ "mission": mission, "name": "work" });
        app.post(app.admin(), "/api/v1/klusters", kluster).await.ok(201);
    }
}

async fn task(app: &TestApp, mission: &str) -> Value {
    let body = json!({ "mission": mission, "kluster": "work", "title": "t" });
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

/// Asks in mission apollo, with more members.
async fn ask(app: &TestApp, token: &str, globs: Value, more: Value) -> Answer {
    let mut body = json!({ "mission": "apollo", "repository": REMOTE, "globs": globs });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(token, PATH, body).await
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

async fn now(app: &TestApp, reservation: &Value) -> Value {
    app.get(app.admin(), &format!("{PATH}/{}", id(reservation))).await.ok(200)
}

async fn becomes(app: &TestApp, reservation: &Value, state: &str) -> Value {
    eventually(&format!("{} becomes {state}", id(reservation)), || async {
        let seen = now(app, reservation).await;
        (seen["state"] == state).then_some(seen)
    })
    .await
}

async fn release(app: &TestApp, token: &str, reservation: &Value) -> Answer {
    app.post(token, &format!("{PATH}/{}/release", id(reservation)), json!({})).await
}

async fn renew(app: &TestApp, token: &str, reservation: &Value, body: Value) -> Answer {
    app.post(token, &format!("{PATH}/{}/renew", id(reservation)), body).await
}

async fn actions(app: &TestApp) -> Vec<String> {
    let actions = app.events().await.into_iter().map(|event| event.envelope.action);
    actions.filter(|action| action.starts_with("reservation.")).collect()
}

async fn a_reservation_is_made_renewed_and_released(app: TestApp) {
    missions(&app).await;
    let one = app.login_as("one", "contributor").await;
    let made = ask(&app, &one, json!(["src/**", "src/**"]), json!({ "reason": "the parser" })).await.ok(201);
    assert_eq!(
        (&made["state"], &made["mode"], &made["repository"], &made["globs"], &made["ttl_seconds"]),
        (&json!("active"), &json!("exclusive"), &json!("host.example/x/y"), &json!(["src/**"]), &json!(900))
    );
    assert_eq!(
        (&made["principal"], &made["task"], &made["version"]),
        (&json!("one"), &Value::Null, &json!(1))
    );
    app.advance(Duration::from_secs(800));
    let renewed = renew(&app, &one, &made, json!({ "ttl_seconds": 3600 })).await.ok(200);
    assert_eq!((&renewed["version"], &renewed["ttl_seconds"]), (&json!(1), &json!(3600)), "no new version");
    assert!(renewed["expires_at"].as_str() > made["expires_at"].as_str());
    app.advance(Duration::from_secs(800));
    assert_eq!(now(&app, &made).await["state"], "active", "the first lease is over, the renewed one is not");
    let released = release(&app, &one, &made).await.ok(200);
    assert_eq!((&released["state"], &released["version"]), (&json!("released"), &json!(2)));
    assert_eq!(release(&app, &one, &made).await.ok(200), released, "twice is once");
    renew(&app, &one, &made, json!({})).await.problem(409, "lease-lost");
    assert_eq!(
        actions(&app).await,
        ["reservation.create", "reservation.release"],
        "renewals are not ledgered"
    );
    let all = app.get(app.admin(), &format!("{PATH}?state=released")).await.ok(200);
    assert_eq!(all["items"], json!([released]));
    assert_eq!(app.get(app.admin(), PATH).await.ok(200)["items"], json!([]), "the list shows what is open");
}

async fn a_conflict_names_holder_task_globs_witness_and_time(app: TestApp) {
    missions(&app).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    let task = task(&app, "apollo").await;
    let held =
        ask(&app, &one, json!(["docs/**", "src/**/*.rs"]), json!({ "task": task["key"] })).await.ok(201);
    // The same repository, written otherwise.
    let wanted = json!({ "repository": "git@HOST.example:x/y", "mode": "shared" });
    let refused = ask(&app, &two, json!(["README.md", "src/net/**"]), wanted).await;
    let detail = refused.problem(409, "reservation-conflict");
    assert!(detail.contains("one for task") && detail.contains("src/net/** meets src/**/*.rs"), "{detail}");
    let conflict = &refused.body["conflicts"][0];
    for (member, expected) in [
        ("reservation_id", &held["id"]),
        ("holder", &json!("one")),
        ("task", &task["key"]),
        ("mission", &json!("apollo")),
        ("mode", &json!("exclusive")),
        ("state", &json!("active")),
        ("expires_at", &held["expires_at"]),
        ("is_own", &json!(false)),
    ] {
        assert_eq!(&conflict[member], expected, "{member}");
    }
    let pair = &conflict["pairs"][0];
    assert_eq!((&pair["glob"], &pair["held"]), (&json!("src/net/**"), &json!("src/**/*.rs")));
    let witness = pair["witness"].as_str().unwrap();
    assert_eq!(witness, "src/net/.rs");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(app.count("SELECT COUNT(*) FROM reservation").await, 1);

    // What shares no path, is in another repository, or is of the same holder is no conflict.
    ask(&app, &two, json!(["src/**/*.py"]), json!({})).await.ok(201);
    ask(&app, &two, json!(["src/**"]), json!({ "repository": "https://host.example/x/z" })).await.ok(201);
    ask(&app, &one, json!(["src/**/*.rs"]), json!({})).await.ok(201);
    release(&app, &one, &held).await.ok(200);
    let by_task = json!({ "task": task["key"] });
    let refused = ask(&app, &two, json!(["src/**/*.rs"]), by_task.clone()).await;
    refused.problem(409, "reservation-conflict");
    ask(&app, &one, json!(["shared/x"]), by_task.clone()).await.ok(201);
    ask(&app, &two, json!(["shared/*"]), by_task).await.ok(201);
}

async fn shared_meets_shared_only_and_one_person_with_two_tasks_is_two_holders(app: TestApp) {
    missions(&app).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    let shared = || json!({ "mode": "shared" });
    let first = ask(&app, &one, json!(["a"]), shared()).await.ok(201);
    let second = ask(&app, &two, json!(["a"]), shared()).await.ok(201);
    ask(&app, &two, json!(["a"]), json!({})).await.problem(409, "reservation-conflict");
    release(&app, &one, &first).await.ok(200);
    ask(&app, &two, json!(["a"]), json!({})).await.ok(201);
    assert_eq!(now(&app, &second).await["state"], "active");

    let (left, right) = (task(&app, "apollo").await, task(&app, "apollo").await);
    ask(&app, &one, json!(["b"]), json!({ "task": left["key"] })).await.ok(201);
    let refused = ask(&app, &one, json!(["b"]), json!({ "task": right["key"] })).await;
    refused.problem(409, "reservation-conflict");
    assert_eq!(refused.body["conflicts"][0]["task"], left["key"]);
}

async fn another_mission_is_met_without_a_name(app: TestApp) {
    missions(&app).await;
    let task = task(&app, "apollo").await;
    let body = json!({ "task": task["key"], "reason": "secret reason", "ttl_seconds": 120 });
    let held = ask(&app, app.admin(), json!(["secret/plan/*", "open/**"]), body).await.ok(201);
    let guest = app.login_in("guest", "gemini", "contributor").await;
    let refused = ask(&app, &guest, json!(["**", "nothing"]), json!({ "mission": "gemini" })).await;
    refused.problem(409, "reservation-conflict");
    assert_eq!(
        refused.body["conflicts"],
        json!([{
            "holder": "another mission", "mode": "exclusive", "state": "active", "expires_at": held["expires_at"],
            "is_own": false, "pairs": [{ "glob": "**" }],
        }])
    );
    let check = json!({ "repository": REMOTE, "paths": ["secret/plan/x", "free"] });
    let seen = app.post(&guest, &format!("{PATH}/check"), check).await;
    for answer in [&refused, &seen] {
        for secret in [
            "secret/plan/*",
            "open",
            "apollo",
            "bootstrap",
            "reason",
            id(&held),
            task["key"].as_str().unwrap(),
        ] {
            assert!(!answer.text.contains(secret), "{secret} is told: {}", answer.text);
        }
    }
    assert_eq!(seen.ok(200)["overlaps"][0]["pairs"], json!([{ "glob": "secret/plan/x" }]));
    app.get(&guest, &format!("{PATH}/{}", id(&held))).await.problem(404, "not-found");
    release(&app, &guest, &held).await.problem(404, "not-found");
    renew(&app, &guest, &held, json!({})).await.problem(404, "not-found");
    assert_eq!(app.get(&guest, PATH).await.ok(200)["items"], json!([]));
    app.get(&guest, &format!("{PATH}?mission=apollo")).await.problem(404, "not-found");
    ask(&app, &guest, json!(["free"]), json!({})).await.problem(404, "not-found");
    ask(&app, &guest, json!(["free"]), json!({ "mission": "gemini", "task": task["key"] }))
        .await
        .problem(404, "not-found");
}

async fn the_line_lets_nobody_overtake(app: TestApp) {
    missions(&app).await;
    let mut tokens = Vec::new();
    for name in ["a", "b", "c", "d"] {
        tokens.push(app.login_as(name, "contributor").await);
    }
    let queue = || json!({ "on_conflict": "queue" });
    let a = ask(&app, &tokens[0], json!(["x/**"]), queue()).await.ok(201);
    assert_eq!(a["state"], "active", "nothing stands in the way");
    let b = ask(&app, &tokens[1], json!(["{x,y}/**"]), queue()).await.ok(201);
    assert_eq!(b["state"], "pending");
    // y is free, but b was first.
    let refused = ask(&app, &tokens[2], json!(["y/f"]), json!({})).await;
    refused.problem(409, "reservation-conflict");
    assert_eq!(
        (&refused.body["conflicts"][0]["holder"], &refused.body["conflicts"][0]["state"]),
        (&json!("b"), &json!("pending"))
    );
    let c = ask(&app, &tokens[2], json!(["y/f"]), queue()).await.ok(201);
    assert_eq!(c["state"], "pending");
    assert_eq!(ask(&app, &tokens[3], json!(["z"]), queue()).await.ok(201)["state"], "active");

    let mut watch = app.watch(app.admin(), &format!("{PATH}?watch=true")).await;
    watch.until(|change| change.event == "bookmark").await;
    release(&app, &tokens[0], &a).await.ok(200);
    assert_eq!(
        (now(&app, &b).await["state"].clone(), now(&app, &c).await["state"].clone()),
        (json!("active"), json!("pending"))
    );
    let told = watch.until(|change| change.data["id"] == b["id"]).await;
    assert_eq!(told.last().unwrap().data["state"], "active");
    assert!(told.iter().any(|change| change.event == "deleted" && change.data["id"] == a["id"]), "{told:?}");
    release(&app, &tokens[1], &b).await.ok(200);
    assert_eq!(now(&app, &c).await["state"], "active");
    assert_eq!(actions(&app).await.iter().filter(|action| *action == "reservation.promote").count(), 2);
}

async fn who_leaves_the_line_holds_nobody_up(app: TestApp) {
    missions(&app).await;
    let mut tokens = Vec::new();
    for name in ["a", "b", "c"] {
        tokens.push(app.login_as(name, "contributor").await);
    }
    let queue = || json!({ "on_conflict": "queue" });
    ask(&app, &tokens[0], json!(["x"]), json!({ "mode": "shared" })).await.ok(201);
    let b = ask(&app, &tokens[1], json!(["x"]), queue()).await.ok(201);
    let c = ask(&app, &tokens[2], json!(["x"]), json!({ "mode": "shared", "on_conflict": "queue" }))
        .await
        .ok(201);
    assert_eq!((&b["state"], &c["state"]), (&json!("pending"), &json!("pending")));
    release(&app, &tokens[1], &b).await.ok(200);
    assert_eq!(now(&app, &c).await["state"], "active");
}

async fn a_lease_that_ran_out_lets_the_next_one_in(app: TestApp) {
    missions(&app).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    let held = ask(&app, &one, json!(["a"]), json!({ "ttl_seconds": 60 })).await.ok(201);
    let body = json!({ "ttl_seconds": 300, "on_conflict": "queue" });
    let waiting = ask(&app, &two, json!(["a"]), body).await.ok(201);
    app.advance(Duration::from_secs(61));
    becomes(&app, &held, "expired").await;
    let active = becomes(&app, &waiting, "active").await;
    assert!(
        active["expires_at"].as_str() > waiting["expires_at"].as_str(),
        "its lease begins when it is let in"
    );
    renew(&app, &one, &held, json!({})).await.problem(409, "lease-lost");
    // Nobody waits for the background: a request finds what is free.
    app.advance(Duration::from_secs(301));
    ask(&app, &one, json!(["a"]), json!({})).await.ok(201);
    assert_eq!(now(&app, &waiting).await["state"], "expired");
    let done: Vec<String> = actions(&app).await;
    assert_eq!(done.iter().filter(|action| *action == "reservation.expire").count(), 2, "{done:?}");
}

async fn whoever_waits_keeps_the_place_by_renewing(app: TestApp) {
    missions(&app).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    ask(&app, &one, json!(["a"]), json!({ "ttl_seconds": 3600 })).await.ok(201);
    let queue = || json!({ "ttl_seconds": 60, "on_conflict": "queue" });
    let (kept, lost) = (
        ask(&app, &two, json!(["a"]), queue()).await.ok(201),
        ask(&app, &two, json!(["a"]), queue()).await.ok(201),
    );
    app.advance(Duration::from_secs(50));
    renew(&app, &two, &kept, json!({})).await.ok(200);
    app.advance(Duration::from_secs(20));
    becomes(&app, &lost, "expired").await;
    assert_eq!(now(&app, &kept).await["state"], "pending");
}

async fn a_reservation_ends_with_its_task_or_session(app: TestApp) {
    missions(&app).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    let task = task(&app, "apollo").await;
    let key = task["key"].as_str().unwrap();
    let held = ask(&app, &one, json!(["a"]), json!({ "task": key })).await.ok(201);
    let body = json!({ "mission": "apollo", "runtime": "nobody-has-it" });
    let session = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    let of_session = ask(&app, &one, json!(["b"]), json!({ "session": session["id"] })).await.ok(201);
    app.post(app.admin(), &format!("/api/v1/tasks/{key}/cancel"), json!({})).await.ok(200);
    // At once for whoever asks, with or without the background.
    ask(&app, &two, json!(["a"]), json!({})).await.ok(201);
    becomes(&app, &held, "ended").await;
    app.post(app.admin(), &format!("/api/v1/sessions/{}/stop", id(&session)), json!({})).await.ok(200);
    becomes(&app, &of_session, "ended").await;
    assert_eq!(actions(&app).await.iter().filter(|action| *action == "reservation.end").count(), 2);
    for more in [json!({ "task": key }), json!({ "session": session["id"] })] {
        ask(&app, &one, json!(["c"]), more).await.problem(409, "invalid-transition");
    }
}

async fn a_reservation_ends_with_its_mission(app: TestApp) {
    missions(&app).await;
    app.mission("short").await;
    let two = app.login_as("two", "contributor").await;
    let held = ask(&app, app.admin(), json!(["a"]), json!({ "mission": "short" })).await.ok(201);
    app.delete(app.admin(), "/api/v1/missions/short").await.ok(204);
    ask(&app, &two, json!(["a"]), json!({})).await.ok(201);
    becomes(&app, &held, "ended").await;
}

async fn of_many_at_once_one_has_the_paths(app: TestApp) {
    missions(&app).await;
    let mut tokens = Vec::new();
    for n in 0..12 {
        tokens.push(app.login_as(&format!("p{n}"), "contributor").await);
    }
    let asks = tokens
        .iter()
        .enumerate()
        .map(|(n, token)| ask(&app, token, json!([format!("a/{n}*"), "a/b"]), json!({})));
    let answers = futures_util::future::join_all(asks).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 11));
    for answer in &lost {
        answer.problem(409, "reservation-conflict");
        assert_eq!(answer.body["conflicts"][0]["reservation_id"], won[0].body["id"]);
    }
    release(&app, app.admin(), &won[0].body).await.ok(200);
    let asks = tokens.iter().map(|token| ask(&app, token, json!(["a/b"]), json!({ "on_conflict": "queue" })));
    let mut line: Vec<Value> =
        futures_util::future::join_all(asks).await.into_iter().map(|a| a.ok(201)).collect();
    assert_eq!(line.iter().filter(|one| one["state"] == "active").count(), 1);
    let places = app.count("SELECT COUNT(DISTINCT place) FROM reservation").await;
    assert_eq!(places, 13, "nobody shares a place");
    // Released one after the other, each time exactly one is let in.
    while !line.is_empty() {
        let open = app.get(app.admin(), &format!("{PATH}?state=active")).await.ok(200);
        let active = open["items"].as_array().unwrap().clone();
        assert_eq!(active.len(), 1, "{active:?}");
        release(&app, app.admin(), &active[0]).await.ok(200);
        line.retain(|one| one["id"] != active[0]["id"]);
    }
}

/// Requests and background work of two control planes on one database.
async fn replicas_let_in_one_each_time(app: TestApp) {
    missions(&app).await;
    let other = app.replica().await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    for round in 0..10 {
        let globs = json!([format!("r{round}/**")]);
        let (left, right) =
            tokio::join!(ask(&app, &one, globs.clone(), json!({})), ask(&other, &two, globs, json!({})));
        let mut statuses = [left.status, right.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{} {}", left.text, right.text);
    }
    let held = ask(&app, &one, json!(["a"]), json!({ "ttl_seconds": 60 })).await.ok(201);
    let waiting =
        ask(&other, &two, json!(["a"]), json!({ "on_conflict": "queue", "ttl_seconds": 600 })).await.ok(201);
    app.advance(Duration::from_secs(61));
    other.advance(Duration::from_secs(61));
    becomes(&other, &waiting, "active").await;
    becomes(&app, &held, "expired").await;
    let done = actions(&app).await;
    for (action, times) in [("reservation.promote", 1), ("reservation.expire", 1)] {
        assert_eq!(done.iter().filter(|one| *one == action).count(), times, "{action}: {done:?}");
    }
}

async fn a_restart_costs_nobody_the_paths(app: TestApp) {
    missions(&app).await;
    let longest = ask(&app, app.admin(), json!(["long"]), json!({ "ttl_seconds": 86_400 })).await.ok(201);
    let held = ask(&app, app.admin(), json!(["a"]), json!({ "ttl_seconds": 60 })).await.ok(201);
    let app = app.restart().await;
    let seen = now(&app, &held).await;
    assert_eq!(seen["state"], "active");
    assert!(seen["expires_at"].as_str() > held["expires_at"].as_str());
    assert!(now(&app, &longest).await["expires_at"].as_str() > longest["expires_at"].as_str());
    app.sql("UPDATE reservation SET expires_at = 1").await;
    becomes(&app, &held, "expired").await;
    assert_eq!(now(&app.restart().await, &held).await["state"], "expired", "what has ended stays so");
}

async fn a_repeated_request_reserves_once(app: TestApp) {
    missions(&app).await;
    let body = json!({ "mission": "apollo", "repository": REMOTE, "globs": ["a"] });
    let key = [("idempotency-key", "one-and-the-same")];
    let first = app.client.send("POST", PATH, app.admin(), &key, Some(body.clone())).await.ok(201);
    let again = app.client.send("POST", PATH, app.admin(), &key, Some(body.clone())).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.ok(201), first);
    assert_eq!(app.count("SELECT COUNT(*) FROM reservation").await, 1);
    // A refusal keeps nothing: the same key may succeed later.
    let two = app.login_as("two", "contributor").await;
    let key = [("idempotency-key", "another")];
    app.client.send("POST", PATH, &two, &key, Some(body.clone())).await.problem(409, "reservation-conflict");
    release(&app, app.admin(), &first).await.ok(200);
    app.client.send("POST", PATH, &two, &key, Some(body)).await.ok(201);
}

async fn checking_changes_nothing_and_knows_ones_own(app: TestApp) {
    missions(&app).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "viewer").await);
    let task = task(&app, "apollo").await;
    ask(&app, &one, json!(["src/**", "a b/*"]), json!({ "task": task["key"] })).await.ok(201);
    ask(&app, &one, json!(["docs/**"]), json!({ "mode": "shared" })).await.ok(201);
    let before = (app.events().await.len(), app.get(app.admin(), PATH).await.ok(200));
    let check = async |token: &str, more: Value| {
        let mut body = json!({ "repository": "ssh://git@host.example:7999/x/y" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.post(token, &format!("{PATH}/check"), body).await
    };
    let paths = json!({ "paths": ["a b/ü.rs", "src/x", "src/y", "free", "docs/a"] });
    let seen = check(&two, paths.clone()).await.ok(200);
    let overlaps = seen["overlaps"].as_array().unwrap();
    assert_eq!(overlaps.len(), 2);
    assert_eq!(
        overlaps[0]["pairs"],
        json!([
            { "glob": "a b/ü.rs", "held": "a b/*", "witness": "a b/ü.rs" },
            { "glob": "src/x", "held": "src/**", "witness": "src/x" },
            { "glob": "src/y", "held": "src/**", "witness": "src/y" },
        ])
    );
    assert!(overlaps.iter().all(|overlap| overlap["is_own"] == false));
    let own = |answer: Value| -> Vec<bool> {
        answer["overlaps"].as_array().unwrap().iter().map(|o| o["is_own"].as_bool().unwrap()).collect()
    };
    assert_eq!(own(check(&one, paths.clone()).await.ok(200)), [true, true]);
    let in_task = json!({ "paths": ["src/x", "docs/a"], "task": task["key"] });
    assert_eq!(own(check(&two, in_task).await.ok(200)), [true, false], "asked in the name of the task");
    let globs = check(&two, json!({ "globs": ["**/*.md"] })).await.ok(200);
    assert_eq!(globs["overlaps"].as_array().unwrap().len(), 2);
    assert_eq!(check(&two, json!({})).await.ok(200)["overlaps"], json!([]));
    // What is over is not told, settled or not.
    app.advance(Duration::from_secs(901));
    assert_eq!(check(&two, paths).await.ok(200)["overlaps"], json!([]));
    assert_eq!(before.1["items"].as_array().unwrap().len(), 2);
    for bad in [
        json!({ "paths": ["../x"] }),
        json!({ "paths": ["/x"] }),
        json!({ "globs": ["["] }),
        json!({ "paths": vec!["a"; 1001] }),
    ] {
        check(&two, bad).await.problem(422, "validation");
    }
    let nobody = json!({ "name": "nobody", "principal_kind": "user" });
    app.post(app.admin(), "/api/v1/principals", nobody).await.ok(201);
    let nobody = app.post(app.admin(), "/api/v1/auth/login", json!({ "principal": "nobody" })).await.ok(201);
    check(nobody["token"].as_str().unwrap(), json!({})).await.problem(403, "forbidden");
}

async fn an_agent_reserves_for_its_own_task(app: TestApp) {
    missions(&app).await;
    let (own, other) = (task(&app, "apollo").await, task(&app, "apollo").await);
    let grant = async |body: Value| {
        let grant = app.post(app.admin(), "/api/v1/auth/grants", body).await.ok(201);
        grant["token"].as_str().unwrap().to_owned()
    };
    let plain = grant(json!({ "principal": "worker", "mission": "apollo" })).await;
    let bare = |more: Value| {
        let mut body = json!({ "repository": REMOTE, "globs": ["a"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    app.post(&plain, PATH, bare(json!({ "task": own["key"] }))).await.problem(403, "forbidden");
    app.post(&plain, &format!("/api/v1/tasks/{}/claim", own["key"].as_str().unwrap()), json!({}))
        .await
        .ok(200);
    let claimed = app.post(&plain, PATH, bare(json!({ "task": own["key"] }))).await.ok(201);
    let token = grant(json!({ "principal": "worker", "task": own["key"] })).await;
    // Mission and task come with the grant.
    let made = app.post(&token, PATH, bare(json!({ "globs": ["b"] }))).await.ok(201);
    assert_eq!((&made["task"], &made["mission"]), (&own["key"], &json!("apollo")));
    app.post(&token, PATH, bare(json!({ "task": other["key"] }))).await.problem(403, "forbidden");
    let foreign = app
        .post(app.admin(), "/api/v1/sessions", json!({ "mission": "apollo", "runtime": "none" }))
        .await
        .ok(201);
    app.post(&token, PATH, bare(json!({ "session": foreign["id"] }))).await.problem(403, "forbidden");
    let seen = app
        .post(&token, &format!("{PATH}/check"), json!({ "repository": REMOTE, "paths": ["a"] }))
        .await
        .ok(200);
    assert_eq!(seen["overlaps"][0]["is_own"], true);
    // Through MCP, which carries the conflict as it is.
    let call = json!({ "tool": "release_paths", "arguments": { "reservation": claimed["id"] } });
    assert_eq!(app.post(&token, "/mcp/call", call).await.ok(200)["result"]["state"], "released");
    let theirs = ask(&app, app.admin(), json!(["c"]), json!({})).await.ok(201);
    let call = json!({ "tool": "reserve_paths", "arguments": { "repository": REMOTE, "globs": ["c"] } });
    let refused = app.post(&token, "/mcp/call", call).await;
    refused.problem(409, "reservation-conflict");
    assert_eq!(refused.body["conflicts"][0]["reservation_id"], theirs["id"]);
    let call = json!({ "tool": "release_paths", "arguments": { "reservation": theirs["id"] } });
    app.post(&token, "/mcp/call", call).await.problem(403, "forbidden");
}

async fn only_the_holder_keeps_and_only_an_admin_breaks(app: TestApp) {
    missions(&app).await;
    let (one, two) = (app.login_as("one", "contributor").await, app.login_as("two", "contributor").await);
    let held = ask(&app, &one, json!(["a"]), json!({})).await.ok(201);
    release(&app, &two, &held).await.problem(403, "forbidden");
    renew(&app, &two, &held, json!({})).await.problem(409, "lease-lost");
    renew(&app, app.admin(), &held, json!({})).await.problem(409, "lease-lost");
    let stale = [("if-match", "\"9\"")];
    let path = format!("{PATH}/{}/release", id(&held));
    app.client.send("POST", &path, &one, &stale, None).await.problem(412, "stale-version");
    assert_eq!(release(&app, app.admin(), &held).await.ok(200)["state"], "released");
    assert_eq!(actions(&app).await, ["reservation.create", "reservation.break"]);
}

async fn what_cannot_be_reserved_says_where_and_why(app: TestApp) {
    missions(&app).await;
    let other = task(&app, "gemini").await;
    for (more, pointer) in [
        (json!({ "globs": [] }), "/globs"),
        (json!({ "globs": vec!["a"; 33] }), "/globs"),
        (json!({ "globs": ["ok", "a//b"] }), "/globs/1"),
        (json!({ "globs": ["{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"] }), "/globs/0"),
        (json!({ "repository": "../here" }), "/repository"),
        (json!({ "repository": "ftp://host.example/x" }), "/repository"),
        (json!({ "ttl_seconds": 59 }), "/ttl_seconds"),
        (json!({ "ttl_seconds": 86_401 }), "/ttl_seconds"),
        (json!({ "reason": "x".repeat(501) }), "/reason"),
        (json!({ "mode": "none" }), "/mode"),
        (json!({ "on_conflict": "steal" }), "/on_conflict"),
        (json!({ "mission": null }), "/mission"),
        (json!({ "colour": 1 }), "/colour"),
    ] {
        let refused = ask(&app, app.admin(), json!(["a"]), more.clone()).await;
        refused.problem(422, "validation");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{more}: {}", refused.text);
    }
    ask(&app, app.admin(), json!(["a"]), json!({ "task": other["key"] })).await.problem(404, "not-found");
    app.get(app.admin(), &format!("{PATH}?state=released&path=a")).await.problem(422, "validation");
    app.get(app.admin(), &format!("{PATH}?path=../a")).await.problem(422, "validation");
    assert_eq!(app.count("SELECT COUNT(*) FROM reservation").await, 0);
    assert_eq!(actions(&app).await, Vec::<String>::new());
}

async fn lists_narrow_by_repository_task_and_path_in_pages(app: TestApp) {
    missions(&app).await;
    let task = task(&app, "apollo").await;
    for n in 0..12 {
        let more = if n % 3 == 0 { json!({ "task": task["key"] }) } else { json!({ "mode": "shared" }) };
        ask(&app, app.admin(), json!([format!("d{n}/**"), format!("e{}/x", n % 2)]), more).await.ok(201);
    }
    ask(&app, app.admin(), json!(["d1/**"]), json!({ "repository": "/srv/git/other" })).await.ok(201);
    let count = async |query: &str| {
        let page = app.get(app.admin(), &format!("{PATH}?{query}")).await.ok(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count("limit=500").await, 13);
    assert_eq!(count("repository=git@host.example:x/y.git").await, 12);
    assert_eq!(count("repository=/srv/git/other/").await, 1);
    assert_eq!(count(&format!("task={}", task["key"].as_str().unwrap())).await, 4);
    assert_eq!(count("path=d1/deep/x").await, 2);
    assert_eq!(count("state=pending").await, 0);
    let body = json!({ "mission": "apollo", "kluster": "work", "title": "t", "paths": ["d3/**/*.rs", "not//a glob"] });
    let crossing = app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
    assert_eq!(count(&format!("crosses={}", crossing["key"].as_str().unwrap())).await, 1);
    assert_eq!(count(&format!("crosses={}", task["key"].as_str().unwrap())).await, 0, "it declares no path");
    app.get(app.admin(), &format!("{PATH}?crosses=apollo-999")).await.problem(404, "not-found");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(app.admin(), &format!("{PATH}?path=e1/x&limit=2{cursor}")).await.ok(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|one| id(one).to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (6, 6));
}

both!(
    a_reservation_is_made_renewed_and_released,
    a_conflict_names_holder_task_globs_witness_and_time,
    shared_meets_shared_only_and_one_person_with_two_tasks_is_two_holders,
    another_mission_is_met_without_a_name,
    the_line_lets_nobody_overtake,
    who_leaves_the_line_holds_nobody_up,
    a_lease_that_ran_out_lets_the_next_one_in,
    whoever_waits_keeps_the_place_by_renewing,
    a_reservation_ends_with_its_task_or_session,
    a_reservation_ends_with_its_mission,
    of_many_at_once_one_has_the_paths,
    a_restart_costs_nobody_the_paths,
    a_repeated_request_reserves_once,
    checking_changes_nothing_and_knows_ones_own,
    an_agent_reserves_for_its_own_task,
    only_the_holder_keeps_and_only_an_admin_breaks,
    what_cannot_be_reserved_says_where_and_why,
    lists_narrow_by_repository_task_and_path_in_pages,
);
both!(only postgres: replicas_let_in_one_each_time);
