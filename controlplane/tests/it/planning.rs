//! Why a task is not running, and what holds claims up: capacity of klusters, paused missions, labels, order.

use std::collections::BTreeSet;
use std::time::Duration;

use controlplane::sessions::uplink;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};
use crate::journal::Journal;
use crate::sessions::node;

async fn kluster(app: &TestApp, name: &str, more: Value) {
    let mut body = json!({ "mission": "apollo", "name": name });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(app.admin(), "/api/v1/klusters", body).await.ok(201);
}

async fn task(app: &TestApp, kluster: &str, more: Value) -> String {
    let mut body = json!({ "mission": "apollo", "kluster": kluster, "title": "t" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)["key"].as_str().unwrap().to_owned()
}

async fn act(app: &TestApp, key: &str, verb: &str, body: Value) -> Value {
    app.post(app.admin(), &format!("/api/v1/tasks/{key}/{verb}"), body).await.ok(200)
}

async fn why(app: &TestApp, token: &str, key: &str) -> Value {
    app.get(token, &format!("/api/v1/tasks/{key}/why")).await.ok(200)
}

fn codes(why: &Value) -> Vec<&str> {
    why["causes"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

fn cause<'w>(why: &'w Value, code: &str) -> &'w Value {
    let causes = why["causes"].as_array().unwrap();
    causes.iter().find(|cause| cause["code"] == code).unwrap_or_else(|| panic!("no {code} in {why}"))
}

async fn every_state_has_its_cause_with_object_and_command(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "lander", json!({})).await;
    let root = task(&app, "lander", json!({ "name": "root" })).await;
    let middle = task(&app, "lander", json!({ "name": "middle", "depends_on": ["root"] })).await;
    let last = task(&app, "lander", json!({ "depends_on": ["middle"] })).await;
    let told = why(&app, app.admin(), &last).await;
    assert_eq!((told["claimable"].as_bool(), told["schedulable"].as_bool()), (Some(false), Some(false)));
    let waits = cause(&told, "dependency_unfinished");
    assert_eq!(
        (waits["object"]["name"].as_str(), waits["root"]["name"].as_str()),
        (Some(middle.as_str()), Some(root.as_str()))
    );
    assert_eq!(waits["fix"], format!("mc why task {root}"));
    act(&app, &root, "block", json!({ "note": "the part is missing" })).await;
    let told = why(&app, app.admin(), &root).await;
    let blocked = cause(&told, "blocked");
    assert!(blocked["sentence"].as_str().unwrap().contains("bootstrap holds it back"), "{blocked}");
    assert!(blocked["sentence"].as_str().unwrap().contains("the part is missing"), "{blocked}");
    assert_eq!(blocked["fix"], format!("mc task unblock {root}"));
    act(&app, &root, "unblock", json!({})).await;
    act(&app, &root, "claim", json!({})).await;
    let told = why(&app, app.admin(), &root).await;
    assert_eq!(codes(&told), ["claimed"]);
    assert_eq!(told["causes"][0]["object"], json!({ "kind": "principal", "name": "bootstrap" }));
    act(&app, &root, "fail", json!({ "attempt": 1, "reason": "no fuel" })).await;
    assert!(why(&app, app.admin(), &root).await.to_string().contains("it failed: no fuel"));
    let told = why(&app, app.admin(), &middle).await;
    assert_eq!(cause(&told, "dependency_failed")["fix"], format!("mc task retry {root}"));
    let reviewed = task(&app, "lander", json!({ "review_gates": 1 })).await;
    act(&app, &reviewed, "claim", json!({})).await;
    act(&app, &reviewed, "complete", json!({ "attempt": 1 })).await;
    assert_eq!(codes(&why(&app, app.admin(), &reviewed).await)[0], "in_review");
    app.get(app.admin(), "/api/v1/tasks/nothing-1/why").await.problem(404, "not-found");
}

async fn nodes_are_named_to_whom_may_read_them(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "lander", json!({ "runtime": "scripted" })).await;
    let one = task(&app, "lander", json!({})).await;
    assert_eq!(codes(&why(&app, app.admin(), &one).await), ["no_node"]);
    node(&app, "n1", 1).await;
    assert_eq!(why(&app, app.admin(), &one).await["schedulable"], true);
    app.sql("UPDATE node SET cordoned = TRUE").await;
    let told = why(&app, app.admin(), &one).await;
    assert_eq!((told["claimable"].as_bool(), told["schedulable"].as_bool()), (Some(true), Some(false)));
    assert_eq!(cause(&told, "node_cordoned")["fix"], "mc node uncordon n1");
    let inside = app.login_in("inside", "apollo", "viewer").await;
    let told = why(&app, &inside, &one).await;
    assert!(codes(&told) == ["node_cordoned"] && !told.to_string().contains("n1"), "{told}");
    app.sql("UPDATE node SET cordoned = FALSE").await;
    app.advance(Duration::from_hours(25));
    let outside = app.login_as("outside", "viewer").await;
    assert_eq!(codes(&why(&app, &outside, &one).await), ["node_unreachable"]);
    let bare = task(&app, "lander", json!({ "runtime": "other", "capabilities": ["gpu"] })).await;
    assert_eq!(codes(&why(&app, &outside, &bare).await), ["needs_capability", "no_node"]);
}

async fn a_full_kluster_gives_nothing_more_until_one_ends(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "lander", json!({ "max_running": 1 })).await;
    let (one, two) = (task(&app, "lander", json!({})).await, task(&app, "lander", json!({})).await);
    act(&app, &one, "claim", json!({})).await;
    let refused = app.post(app.admin(), &format!("/api/v1/tasks/{two}/claim"), json!({})).await;
    assert!(refused.problem(409, "kluster-full").contains("1 of at most 1"));
    app.post(app.admin(), "/api/v1/tasks/claim", json!({})).await.problem(409, "nothing-to-claim");
    let told = why(&app, app.admin(), &two).await;
    assert_eq!(cause(&told, "kluster_full")["fix"], "mc set capacity -m apollo -k lander 2");
    // Its own slot is no obstacle to a claim that ran out.
    act(&app, &one, "complete", json!({ "attempt": 1 })).await;
    act(&app, &two, "claim", json!({})).await;
    let path = "/api/v1/klusters/lander?mission=apollo";
    for bad in [0, 10_001] {
        let refused = app.patch(app.admin(), path, json!({ "max_running": bad })).await;
        refused.problem(422, "validation");
        assert_eq!(refused.body["errors"][0]["pointer"], "/max_running");
    }
    assert!(
        app.patch(app.admin(), path, json!({ "max_running": null })).await.ok(200)["max_running"].is_null()
    );
}

async fn claims_at_once_never_pass_the_capacity(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "lander", json!({ "max_running": 3 })).await;
    let mut keys = Vec::new();
    for _ in 0..12 {
        keys.push(task(&app, "lander", json!({})).await);
    }
    let claim = |index: usize| {
        let path = if index.is_multiple_of(2) {
            "/api/v1/tasks/claim".to_owned()
        } else {
            format!("/api/v1/tasks/{}/claim", keys[index])
        };
        let client = app.client.clone();
        let token = app.admin().to_owned();
        async move { client.send("POST", &path, &token, &[], Some(json!({}))).await.status }
    };
    let answers = futures_util::future::join_all((0..12).map(claim)).await;
    let won = answers.iter().filter(|status| **status == 200).count();
    assert_eq!(won, 3, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 200 | 409)), "{answers:?}");
    assert_eq!(app.count("SELECT COUNT(*) FROM task WHERE state = 'claimed'").await, 3);
}

async fn a_paused_mission_gives_nothing_and_what_runs_goes_on(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "lander", json!({ "runtime": "scripted" })).await;
    let (one, two) = (task(&app, "lander", json!({})).await, task(&app, "lander", json!({})).await);
    act(&app, &one, "claim", json!({})).await;
    assert_eq!(app.get(app.admin(), "/api/v1/missions/apollo").await.ok(200)["state"], "active");
    let paused = app.patch(app.admin(), "/api/v1/missions/apollo", json!({ "paused": true })).await.ok(200);
    assert_eq!(paused["state"], "paused");
    assert_eq!(app.get(app.admin(), "/api/v1/missions/apollo").await.ok(200)["state"], "paused");
    app.post(app.admin(), &format!("/api/v1/tasks/{two}/claim"), json!({}))
        .await
        .problem(409, "mission-paused");
    app.post(app.admin(), "/api/v1/tasks/claim", json!({})).await.problem(409, "nothing-to-claim");
    let id = node(&app, "n1", 4).await;
    let runtimes = ["scripted".to_owned()];
    assert!(uplink::claim_task(app.app(), id, &runtimes, 4).await.unwrap().is_none());
    assert_eq!(
        cause(&why(&app, app.admin(), &two).await, "mission_paused")["fix"],
        "mc resume mission apollo"
    );
    act(&app, &one, "complete", json!({ "attempt": 1 })).await;
    app.patch(app.admin(), "/api/v1/missions/apollo", json!({ "paused": false })).await.ok(200);
    assert!(uplink::claim_task(app.app(), id, &runtimes, 4).await.unwrap().is_some());
}

async fn a_claim_may_select_by_label_and_goes_by_priority_then_age(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "lander", json!({})).await;
    let mut keys = Vec::new();
    for (priority, area) in [(10, "a"), (90, "a"), (90, "a"), (100, "b")] {
        keys.push(task(&app, "lander", json!({ "priority": priority, "labels": { "area": area } })).await);
    }
    let mut order = Vec::new();
    for _ in 0..3 {
        let claimed =
            app.post(app.admin(), "/api/v1/tasks/claim", json!({ "labels": "area=a" })).await.ok(200);
        order.push(claimed["key"].as_str().unwrap().to_owned());
    }
    assert_eq!(order, [keys[1].clone(), keys[2].clone(), keys[0].clone()]);
    let refused = app.post(app.admin(), "/api/v1/tasks/claim", json!({ "labels": "a b=c" })).await;
    refused.problem(422, "validation");
    assert_eq!(refused.body["errors"][0]["pointer"], "/labels");
}

/// A sequence of numbers that looks random and is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
    fn one<'a>(&mut self, keys: &'a [String]) -> &'a String {
        &keys[usize::try_from(self.roll(keys.len() as u64)).unwrap()]
    }
}

/// Whatever was done before: a claim succeeds exactly when `why` says that nothing hinders it, and the task that a node
/// is given is exactly the one of which `why` says so.
async fn what_is_explained_is_what_is_decided(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "full", json!({ "runtime": "scripted", "max_running": 2 })).await;
    kluster(&app, "free", json!({})).await;
    let id = node(&app, "n1", 3).await;
    let mut dice = Dice(20_260_101);
    let mut keys: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for step in 0..90 {
        match dice.roll(10) {
            0..=2 => {
                let kluster = if dice.roll(2) == 0 { "full" } else { "free" };
                let mut more = json!({ "priority": dice.roll(3) * 40, "max_attempts": 1 + dice.roll(2) });
                match dice.roll(5) {
                    0 => more["capabilities"] = json!(["gpu"]),
                    1 => more["runtime"] = json!("scripted"),
                    2 if !keys.is_empty() => more["depends_on"] = json!([dice.one(&keys)]),
                    _ => {}
                }
                // A failed dependency refuses nothing; it blocks.
                keys.push(task(&app, kluster, more).await);
            }
            3 => {
                let paused = dice.roll(3) == 0;
                app.patch(app.admin(), "/api/v1/missions/apollo", json!({ "paused": paused })).await.ok(200);
            }
            4 => {
                let cordoned = if dice.roll(3) == 0 { "TRUE" } else { "FALSE" };
                app.sql(&format!("UPDATE node SET cordoned = {cordoned}")).await;
            }
            5 | 6 if !keys.is_empty() => {
                let verb = ["block", "unblock", "cancel", "retry"][usize::try_from(dice.roll(4)).unwrap()];
                let path = format!("/api/v1/tasks/{}/{verb}", dice.one(&keys));
                app.post(app.admin(), &path, json!({})).await;
            }
            7 if !keys.is_empty() => {
                let key = dice.one(&keys);
                let found = app.get(app.admin(), &format!("/api/v1/tasks/{key}")).await.ok(200);
                let verb = if dice.roll(2) == 0 { "complete" } else { "fail" };
                let mut body = json!({ "attempt": found["attempt"] });
                if verb == "fail" {
                    body["reason"] = json!("x");
                    body["retryable"] = json!(true);
                }
                app.post(app.admin(), &format!("/api/v1/tasks/{key}/{verb}"), body).await;
            }
            _ if !keys.is_empty() => {
                let key = dice.one(&keys);
                let told = why(&app, app.admin(), key).await;
                seen.extend(codes(&told).into_iter().map(str::to_owned));
                let answer = app.post(app.admin(), &format!("/api/v1/tasks/{key}/claim"), json!({})).await;
                let claimable = told["claimable"].as_bool().unwrap();
                assert_eq!(claimable, answer.status == 200, "step {step}: {told} {}", answer.text);
            }
            _ => {}
        }
        let mut schedulable = Vec::new();
        for key in &keys {
            let told = why(&app, app.admin(), key).await;
            seen.extend(codes(&told).into_iter().map(str::to_owned));
            if told["schedulable"] == true {
                schedulable.push(key.clone());
            }
        }
        let given = uplink::claim_task(app.app(), id, &["scripted".to_owned()], 3).await.unwrap();
        let given = match given {
            Some(session) => {
                let session = app.get(app.admin(), &format!("/api/v1/sessions/{session}")).await.ok(200);
                vec![session["task"].as_str().unwrap().to_owned()]
            }
            None => Vec::new(),
        };
        assert_eq!(schedulable, given, "step {step}");
    }
    for code in [
        "kluster_full",
        "mission_paused",
        "no_runtime",
        "needs_capability",
        "claimed",
        "blocked",
        "node_cordoned",
    ] {
        assert!(seen.contains(code), "the walk never met {code}: {seen:?}");
    }
}

async fn a_lease_that_ran_out_is_claimable_at_once(app: TestApp) {
    app.mission("apollo").await;
    kluster(&app, "lander", json!({ "max_running": 1 })).await;
    let one = task(&app, "lander", json!({})).await;
    act(&app, &one, "claim", json!({ "lease_seconds": 5 })).await;
    assert_eq!(why(&app, app.admin(), &one).await["claimable"], false);
    app.advance(Duration::from_secs(6));
    assert_eq!(why(&app, app.admin(), &one).await["claimable"], true);
    let attempt = eventually("it is claimed again", || async {
        let answer = app.post(app.admin(), &format!("/api/v1/tasks/{one}/claim"), json!({})).await;
        (answer.status == 200).then(|| answer.body["attempt"].clone())
    })
    .await;
    assert_eq!(attempt, 2);
}

/// A task whose agent session waits for a node, is asked for a permission, and sits on a node that fell silent.
async fn sessions_permissions_and_full_nodes_are_causes(app: TestApp) {
    app.mission("demo").await;
    let made = crate::sessions::task(&app, "t", Some("scripted")).await;
    let key = made["key"].as_str().unwrap().to_owned();
    let create = json!({ "mission": "demo", "runtime": "scripted", "task": key });
    let waiting = app.post(app.admin(), "/api/v1/sessions", create).await.ok(201);
    let told = why(&app, app.admin(), &key).await;
    let waits = cause(&told, "session_waits");
    assert_eq!(waits["object"], json!({ "kind": "session", "name": waiting["id"] }), "{told}");
    assert_eq!((&waits["hinders"], &waits["fix"]), (&json!("work"), &json!("mc get nodes")));
    assert_eq!(told["claimable"], false);

    let id = node(&app, "n1", 1).await;
    eventually("it is scheduled", || async {
        (crate::sessions::read(&app, &waiting).await["node"] == "n1").then_some(())
    })
    .await;
    let told = why(&app, app.admin(), &key).await;
    assert!(!codes(&told).iter().any(|code| code.starts_with("session")), "{told}");
    // The only slot is taken: another task waits for it.
    let other = crate::sessions::task(&app, "u", Some("scripted")).await["key"].as_str().unwrap().to_owned();
    let told = why(&app, app.admin(), &other).await;
    assert_eq!(codes(&told), ["node_full"]);
    let full = cause(&told, "node_full");
    assert_eq!(full["object"], json!({ "kind": "node", "name": "n1" }));
    assert_eq!((&full["hinders"], &full["fix"]), (&json!("node"), &json!("mc get sessions --node n1")));
    assert!(full["sentence"].as_str().unwrap().contains("all of its 1 slots are taken"), "{full}");
    assert_eq!((told["claimable"].as_bool(), told["schedulable"].as_bool()), (Some(true), Some(false)));
    let inside = app.login_in("inside", "demo", "viewer").await;
    let told = why(&app, &inside, &other).await;
    assert!(codes(&told) == ["node_full"] && !told.to_string().contains("n1"), "{told}");

    let turn = crate::sessions::prompt(&app, &waiting, "go").await;
    let mut journal = Journal::of(&waiting);
    journal.begin();
    journal.sent(turn["id"].as_str().unwrap());
    let permission = journal.ask();
    journal.send(&app, id).await;
    let told = why(&app, app.admin(), &key).await;
    let open = cause(&told, "permission_open");
    let approval = open["object"]["name"].as_str().unwrap().to_owned();
    assert_eq!(open["object"]["kind"], "approval");
    assert!(open["sentence"].as_str().unwrap().contains("write result"), "{open}");
    assert_eq!((&open["hinders"], &open["fix"]), (&json!("work"), &json!(format!("mc approve {approval}"))));
    app.post(app.admin(), &format!("/api/v1/approvals/{approval}/approve"), json!({})).await.ok(200);
    let told = why(&app, app.admin(), &key).await;
    assert!(!codes(&told).contains(&"permission_open"), "it was decided: {told}");
    journal.answer(&permission, Some(&approval));
    journal.send(&app, id).await;

    crate::sessions::silence(&app, id).await;
    let told = why(&app, app.admin(), &key).await;
    let silent = cause(&told, "session_unreachable");
    assert_eq!(silent["object"]["name"], waiting["id"]);
    assert_eq!(silent["fix"], "mc describe node n1");
    let outside = app.login_in("outside", "demo", "viewer").await;
    assert_eq!(codes(&why(&app, &outside, &other).await), ["node_unreachable"]);
}

both!(
    sessions_permissions_and_full_nodes_are_causes,
    every_state_has_its_cause_with_object_and_command,
    nodes_are_named_to_whom_may_read_them,
    a_full_kluster_gives_nothing_more_until_one_ends,
    claims_at_once_never_pass_the_capacity,
    a_paused_mission_gives_nothing_and_what_runs_goes_on,
    a_claim_may_select_by_label_and_goes_by_priority_then_age,
    what_is_explained_is_what_is_decided,
    a_lease_that_ran_out_is_claimable_at_once,
);
