//! Overlap of work: found before a mutation, judged by policy, kept with a life, and never shown to strangers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, eventually};

const TITLE: &str = "Retry uploads to the object store after a timeout";
const TEXT: &str =
    "Uploads fail for good when the object store times out once. Retry with back-off, at most five times.";
/// The same work in other words.
const SAME: &str = "Object store uploads must be retried after timeouts";
const SAME_TEXT: &str =
    "When the object store times out the upload fails for good. Retry up to five times with backoff.";
const OTHER: &str = "Translate the invoice template into Portuguese";

async fn place(app: &TestApp, mission: &str) {
    app.mission(mission).await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": mission, "name": "work" })).await.ok(201);
}

fn body(mission: &str, title: &str, description: &str) -> Value {
    json!({ "mission": mission, "kluster": "work", "title": title, "description": description })
}

async fn make(app: &TestApp, token: &str, body: &Value) -> Answer {
    app.post(token, "/api/v1/tasks", body.clone()).await
}

async fn policy(app: &TestApp, mission: &str, policy: Value) {
    app.patch(app.admin(), &format!("/api/v1/missions/{mission}"), json!({ "overlap_policy": policy }))
        .await
        .ok(200);
}

fn key(of: &Value) -> String {
    of["key"].as_str().unwrap().to_owned()
}

fn candidates(answer: &Value) -> Vec<String> {
    let found = answer["overlap_suggestions"].as_array().unwrap();
    found.iter().map(|found| key(&found["candidate"])).collect()
}

async fn tasks(app: &TestApp) -> i64 {
    app.count("SELECT COUNT(*) FROM task").await
}

async fn open_overlaps(app: &TestApp, of: &str) -> Vec<Value> {
    let page = app.get(app.admin(), &format!("/api/v1/overlaps?task={of}&state=open")).await.ok(200);
    page["items"].as_array().unwrap().clone()
}

async fn a_mutation_answers_with_what_it_overlaps(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    assert_eq!(first["overlap_suggestions"], json!([]));
    make(&app, app.admin(), &body("apollo", OTHER, "")).await.ok(201);

    let before = (tasks(&app).await, app.sealed().await);
    let check = app.post(app.admin(), "/api/v1/overlap/check", body("apollo", SAME, SAME_TEXT)).await.ok(200);
    let best = &check["suggestions"][0];
    assert_eq!(best["candidate"]["key"], first["key"]);
    assert_eq!(best["candidate"]["title"], TITLE);
    assert!(best["score"].as_f64().unwrap() > 0.5, "{check}");
    assert!(!best["evidence"].as_array().unwrap().is_empty());
    assert_eq!(check["decision"], "allow");
    assert_eq!(check["suggestions"].as_array().unwrap().len(), 1, "the other task is none: {check}");
    assert_eq!((tasks(&app).await, app.sealed().await), before, "a check changes nothing");

    let second = make(&app, app.admin(), &body("apollo", SAME, SAME_TEXT)).await.ok(201);
    assert_eq!(candidates(&second), [key(&first)]);
    let kept = open_overlaps(&app, &key(&first)).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["subject"]["key"], second["key"]);
    assert_eq!(kept[0]["score"], best["score"]);
    let opened: Vec<_> =
        app.events().await.into_iter().filter(|e| e.envelope.action == "overlap.open").collect();
    assert_eq!(opened.len(), 1);

    // Changing a task to what exists says so as well.
    let third = make(&app, app.admin(), &body("apollo", "Paint the shed", "")).await.ok(201);
    let patch = json!({ "title": TITLE, "description": TEXT });
    let changed = app.patch(app.admin(), &format!("/api/v1/tasks/{}", key(&third)), patch).await.ok(200);
    let mut found = candidates(&changed);
    found.sort();
    let mut expected = vec![key(&first), key(&second)];
    expected.sort();
    assert_eq!(found, expected);
}

async fn acknowledging_names_what_was_seen(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    let other = make(&app, app.admin(), &body("apollo", OTHER, "")).await.ok(201);
    policy(&app, "apollo", json!({ "mode": "require_ack" })).await;

    let before = (tasks(&app).await, app.count("SELECT COUNT(*) FROM overlap_suggestion").await);
    let mut again = body("apollo", TITLE, TEXT);
    let refused = make(&app, app.admin(), &again).await;
    let detail = refused.problem(409, "overlap-unacknowledged");
    assert!(detail.contains(&key(&first)), "{detail}");
    assert_eq!(refused.body["overlap_suggestions"][0]["candidate"]["key"], first["key"]);
    for wrong in [json!([key(&other)]), json!(["apollo-999"]), json!([])] {
        again["acknowledge_overlap"] = wrong;
        make(&app, app.admin(), &again).await.problem(409, "overlap-unacknowledged");
    }
    let indexed = app.count("SELECT COUNT(*) FROM search_document WHERE subject_kind = 'task'").await;
    assert_eq!((tasks(&app).await, app.count("SELECT COUNT(*) FROM overlap_suggestion").await), before);
    assert_eq!(indexed, 2, "a refusal leaves nothing in the index");

    again["acknowledge_overlap"] = json!([key(&first)]);
    let made = make(&app, app.admin(), &again).await.ok(201);
    assert_eq!(made["overlap_suggestions"][0]["acknowledged"], true);

    // The same through a change, and through the tools.
    let path = format!("/api/v1/tasks/{}", key(&other));
    let patch = json!({ "title": TITLE, "description": TEXT });
    app.patch(app.admin(), &path, patch.clone()).await.problem(409, "overlap-unacknowledged");
    assert_eq!(app.get(app.admin(), &path).await.ok(200)["title"], OTHER);
    let call = json!({ "tool": "create_task", "arguments": body("apollo", TITLE, TEXT) });
    app.post(app.admin(), "/mcp/call", call).await.problem(409, "overlap-unacknowledged");
    let call = json!({ "tool": "check_overlap", "arguments": body("apollo", TITLE, TEXT) });
    let checked = app.post(app.admin(), "/mcp/call", call).await.ok(200);
    assert_eq!(checked["result"]["decision"], "require_ack", "{checked}");
    let mut patch = patch;
    patch["acknowledge_overlap"] = json!([first["id"], made["key"]]);
    app.patch(app.admin(), &path, patch).await.ok(200);
}

async fn blocking_refuses_what_exists_and_forgets_what_is_finished(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    policy(&app, "apollo", json!({ "mode": "block" })).await;
    let mut again = body("apollo", TITLE, TEXT);
    again["acknowledge_overlap"] = json!([key(&first)]);
    let detail = make(&app, app.admin(), &again).await.problem(409, "overlap-blocked");
    assert!(detail.contains(&key(&first)), "{detail}");

    // A kluster's own policy takes the place of the mission's, until it is taken away.
    let kluster = "/api/v1/klusters/work?mission=apollo";
    let lenient = json!({ "overlap_policy": { "mode": "suggest" } });
    app.patch(app.admin(), kluster, lenient).await.ok(200);
    let second = make(&app, app.admin(), &again).await.ok(201);
    app.patch(app.admin(), kluster, json!({ "overlap_policy": null })).await.ok(200);
    make(&app, app.admin(), &again).await.problem(409, "overlap-blocked");

    // What is finished or called off blocks nothing; it is still told.
    for task in [&first, &second] {
        app.post(app.admin(), &format!("/api/v1/tasks/{}/claim", key(task)), json!({})).await.ok(200);
        let done = json!({ "attempt": 1 });
        app.post(app.admin(), &format!("/api/v1/tasks/{}/complete", key(task)), done).await.ok(200);
    }
    again["acknowledge_overlap"] = json!([]);
    let third = make(&app, app.admin(), &again).await.ok(201);
    assert_eq!(candidates(&third).len(), 2);
    assert!(third["overlap_suggestions"].as_array().unwrap().iter().all(|s| s["candidate"]["done"] == true));
}

async fn only_an_admin_sets_the_policy_and_it_must_make_sense(app: TestApp) {
    place(&app, "apollo").await;
    let contributor = app.login_in("carol", "apollo", "contributor").await;
    let strict = json!({ "overlap_policy": { "mode": "block" } });
    for path in ["/api/v1/missions/apollo", "/api/v1/klusters/work?mission=apollo"] {
        app.patch(&contributor, path, strict.clone()).await.problem(403, "forbidden");
        app.patch(&contributor, path, json!({ "description": "may" })).await.ok(200);
        for (wrong, pointer) in [
            (json!({ "mode": "panic" }), "/overlap_policy/mode"),
            (json!({ "mode": "block", "block_at_percent": 101 }), "/overlap_policy/block_at_percent"),
            (
                json!({ "mode": "block", "acknowledge_at_percent": 90, "block_at_percent": 80 }),
                "/overlap_policy/acknowledge_at_percent",
            ),
        ] {
            let answer = app.patch(app.admin(), path, json!({ "overlap_policy": wrong })).await;
            answer.problem(422, "validation");
            assert_eq!(answer.body["errors"][0]["pointer"], pointer);
        }
    }
    let mission = app.get(app.admin(), "/api/v1/missions/apollo").await.ok(200);
    assert_eq!(mission.get("overlap_policy"), None);
}

async fn a_stranger_learns_nothing(app: TestApp) {
    place(&app, "secret").await;
    place(&app, "open").await;
    let hidden = make(&app, app.admin(), &body("secret", TITLE, TEXT)).await.ok(201);
    let twin = make(&app, app.admin(), &body("secret", SAME, SAME_TEXT)).await.ok(201);
    let found = open_overlaps(&app, &key(&twin)).await;
    let id = found[0]["id"].as_str().unwrap().to_owned();
    policy(&app, "open", json!({ "mode": "block" })).await;
    let guest = app.login_in("guest", "open", "contributor").await;

    let check = app.post(&guest, "/api/v1/overlap/check", body("open", TITLE, TEXT)).await.ok(200);
    assert_eq!((&check["suggestions"], &check["decision"]), (&json!([]), &json!("allow")));
    let made = make(&app, &guest, &body("open", TITLE, TEXT)).await.ok(201);
    assert_eq!(made["overlap_suggestions"], json!([]));
    // What somebody else sees between the two missions stays unseen by who may read one of them only.
    let theirs = make(&app, app.admin(), &body("secret", TITLE, TEXT)).await.ok(201);
    assert!(candidates(&theirs).contains(&key(&made)), "who may read both is told: {theirs}");
    for path in [
        "/api/v1/overlaps".to_owned(),
        format!("/api/v1/overlaps?task={}", key(&made)),
        "/api/v1/overlaps?mission=open".to_owned(),
    ] {
        assert_eq!(app.get(&guest, &path).await.ok(200)["items"], json!([]), "{path}");
    }
    app.get(&guest, &format!("/api/v1/overlaps?task={}", key(&hidden))).await.problem(404, "not-found");
    app.get(&guest, "/api/v1/overlaps?mission=secret").await.problem(404, "not-found");
    let own = format!("/api/v1/overlaps/{id}");
    app.get(&guest, &own).await.problem(404, "not-found");
    app.post(&guest, &format!("{own}/accept"), json!({})).await.problem(404, "not-found");
    app.post(&guest, &format!("{own}/dismiss"), json!({ "reason": "x" })).await.problem(404, "not-found");
    app.post(&guest, "/api/v1/overlap/check", body("secret", TITLE, TEXT)).await.problem(404, "not-found");
    // Neither does the ledger of the mission that may be read, whatever is done to its side of the overlap.
    let path = format!("/api/v1/tasks/{}", key(&made));
    app.patch(&guest, &path, json!({ "title": SAME, "description": SAME_TEXT })).await.ok(200);
    app.post(&guest, &format!("{path}/cancel"), json!({})).await.ok(200);
    app.sealed().await;
    let ledger = app.get(&guest, "/api/v1/ledger/events?mission=open&limit=500").await.ok(200).to_string();
    assert!(ledger.contains(key(&made).as_str()));
    for hidden in [&hidden, &twin, &theirs] {
        assert!(!ledger.contains(hidden["id"].as_str().unwrap()), "{ledger}");
    }
    // Naming what may not be read is no different from naming nothing.
    let mut naming = body("open", OTHER, "");
    naming["acknowledge_overlap"] = json!([key(&hidden)]);
    make(&app, &guest, &naming).await.ok(201);
}

async fn a_suggestion_has_a_life(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    let id = |made: &Value| made["overlap_suggestions"][0]["id"].as_str().unwrap().to_owned();
    let at = |id: &str, verb: &str| format!("/api/v1/overlaps/{id}/{verb}");

    let wait = make(&app, app.admin(), &body("apollo", SAME, SAME_TEXT)).await.ok(201);
    let how = json!({ "as": "wait", "note": "n" });
    let stale = [("if-match", "\"7\"")];
    let path = at(&id(&wait), "accept");
    app.client
        .send("POST", &path, app.admin(), &stale, Some(how.clone()))
        .await
        .problem(412, "stale-version");
    // `If-Match` names the suggestion's version, not that of the tasks which change with it.
    let current = [("if-match", "\"1\"")];
    let accepted = app.client.send("POST", &path, app.admin(), &current, Some(how)).await.ok(200);
    assert_eq!((&accepted["state"], &accepted["resolution"]), (&json!("accepted"), &json!("wait")));
    let waiting = app.get(app.admin(), &format!("/api/v1/tasks/{}", key(&wait))).await.ok(200);
    assert_eq!((&waiting["state"], &waiting["depends_on"][0]["key"]), (&json!("pending"), &first["key"]));
    app.post(app.admin(), &at(&id(&wait), "accept"), json!({})).await.problem(409, "already-decided");
    app.post(app.admin(), &at(&id(&wait), "dismiss"), json!({ "reason": "x" }))
        .await
        .problem(409, "already-decided");

    let merge = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    let of_first = merge["overlap_suggestions"].as_array().unwrap();
    let of_first = of_first.iter().find(|s| s["candidate"]["key"] == first["key"]).unwrap();
    let of_first = of_first["id"].as_str().unwrap();
    let merged = app.post(app.admin(), &at(of_first, "accept"), json!({ "as": "merge" })).await.ok(200);
    assert_eq!((&merged["state"], &merged["resolution"]), (&json!("accepted"), &json!("merge")));
    let gone = app.get(app.admin(), &format!("/api/v1/tasks/{}", key(&merge))).await.ok(200);
    assert_eq!(gone["state"], "cancelled");
    assert_eq!(gone["reason"], format!("merged into {}", key(&first)));
    assert_eq!(open_overlaps(&app, &key(&merge)).await, Vec::<Value>::new(), "its other suggestions ended");

    let dismissed = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    let viewer = app.login_in("vera", "apollo", "viewer").await;
    let reason = json!({ "reason": "another bucket" });
    app.post(&viewer, &at(&id(&dismissed), "dismiss"), reason.clone()).await.problem(403, "forbidden");
    app.post(app.admin(), &at(&id(&dismissed), "dismiss"), json!({ "reason": " " }))
        .await
        .problem(422, "validation");
    let done = app.post(app.admin(), &at(&id(&dismissed), "dismiss"), reason).await.ok(200);
    assert_eq!((&done["state"], &done["note"]), (&json!("dismissed"), &json!("another bucket")));

    // A text that goes another way ends what is still open about it; deleting does too.
    let path = format!("/api/v1/tasks/{}", key(&dismissed));
    assert!(!open_overlaps(&app, &key(&dismissed)).await.is_empty());
    app.patch(app.admin(), &path, json!({ "title": OTHER, "description": "" })).await.ok(200);
    assert_eq!(open_overlaps(&app, &key(&dismissed)).await, Vec::<Value>::new());
    // Coming back opens again what had expired, and not what was dismissed.
    app.patch(app.admin(), &path, json!({ "title": TITLE, "description": TEXT })).await.ok(200);
    let again = open_overlaps(&app, &key(&dismissed)).await;
    assert!(!again.is_empty() && again.iter().all(|found| found["id"] != json!(id(&dismissed))), "{again:?}");
    app.patch(app.admin(), &path, json!({ "title": OTHER, "description": "" })).await.ok(200);
    let last = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    assert!(!open_overlaps(&app, &key(&last)).await.is_empty());
    app.delete(app.admin(), &format!("/api/v1/tasks/{}", key(&last))).await.ok(204);
    let open = app.count("SELECT COUNT(*) FROM overlap_suggestion WHERE state = 'open'").await;
    assert_eq!(open, 0, "the suggestions of the deleted task ended");
}

/// The same work as several agents word it.
const WORDINGS: [[&str; 4]; 8] = [
    [
        "Fix the crash of the login form on an empty password",
        "Login form crashes when the password is empty: fix it",
        "fix login form crash on empty password",
        "Fix crash: empty password in the login form",
    ],
    [
        "Add pagination to the audit log endpoint",
        "The audit log endpoint needs pagination",
        "Paginate the audit log endpoint",
        "add pagination for audit log endpoint",
    ],
    [
        "Upgrade Postgres in staging from 14 to 16",
        "Staging: upgrade Postgres 14 to 16",
        "upgrade the staging Postgres from 14 to 16",
        "Postgres upgrade in staging, 14 to 16",
    ],
    [
        "Write a runbook for restoring backups",
        "Runbook for restoring backups must be written",
        "write runbook: restoring backups",
        "We need to write a runbook for restoring our backups",
    ],
    [
        "Compress avatar images before they are uploaded",
        "Avatar images should be compressed before upload",
        "compress avatar images before upload",
        "Before uploading, compress the avatar images",
    ],
    [
        "Remove the deprecated XML export from the billing module",
        "Billing module: remove deprecated XML export",
        "remove the deprecated XML export of the billing module",
        "The deprecated XML export in the billing module must be removed",
    ],
    [
        "Investigate the flaky websocket reconnect test",
        "Flaky websocket reconnect test: investigate",
        "investigate flaky websocket reconnect test",
        "The websocket reconnect test is flaky, investigate why",
    ],
    [
        "Rotate the signing keys of the webhook sender every month",
        "Webhook sender: rotate signing keys every month",
        "rotate webhook sender signing keys every month",
        "Every month the signing keys of the webhook sender must be rotated",
    ],
];

/// Each piece of work is created by several agents at once, in their own words: one task each is left.
async fn many_at_once_leave_one_of_each(app: TestApp) {
    place(&app, "apollo").await;
    policy(&app, "apollo", json!({ "mode": "block", "acknowledge_at_percent": 40, "block_at_percent": 50 }))
        .await;
    let works: Vec<Value> = WORDINGS.iter().flatten().map(|title| body("apollo", title, "")).collect();
    let answers =
        futures_util::future::join_all(works.iter().map(|work| make(&app, app.admin(), work))).await;
    for answer in &answers {
        assert!(matches!(answer.status, 201 | 409), "{}", answer.body);
    }
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let titles = app.column("SELECT title FROM task ORDER BY title").await;
    assert_eq!((made, titles.len()), (WORDINGS.len(), WORDINGS.len()), "{titles:#?}");
}

/// What refuses a mutation is not crowded out by what cannot.
async fn finished_work_does_not_hide_what_is_still_open(app: TestApp) {
    place(&app, "apollo").await;
    make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    for _ in 0..7 {
        let made = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
        app.post(app.admin(), &format!("/api/v1/tasks/{}/cancel", key(&made)), json!({})).await.ok(200);
    }
    policy(&app, "apollo", json!({ "mode": "block" })).await;
    make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.problem(409, "overlap-blocked");
    // Signs without a word are told apart too.
    make(&app, app.admin(), &body("apollo", "🔥🔥", "")).await.ok(201);
    make(&app, app.admin(), &body("apollo", "🔥🔥", "")).await.problem(409, "overlap-blocked");
    make(&app, app.admin(), &body("apollo", "🔥🚀", "")).await.ok(201);
    // One word is too little to be sure.
    make(&app, app.admin(), &body("apollo", "Uploads", "")).await.ok(201);
}

async fn a_suggestion_is_decided_once_and_holds_nobody_up(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    for _ in 0..6 {
        let made = make(&app, app.admin(), &body("apollo", SAME, SAME_TEXT)).await.ok(201);
        let found = made["overlap_suggestions"].as_array().unwrap();
        let of_first = found.iter().find(|found| found["candidate"]["key"] == first["key"]);
        let Some(of_first) = of_first else { continue };
        let at = format!("/api/v1/overlaps/{}", of_first["id"].as_str().unwrap());
        let (accepted, dismissed) = futures_util::future::join(
            app.post(app.admin(), &format!("{at}/accept"), json!({ "as": "link" })),
            app.post(app.admin(), &format!("{at}/dismiss"), json!({ "reason": "no" })),
        )
        .await;
        let mut both = [accepted.status, dismissed.status];
        both.sort_unstable();
        assert_eq!(both, [200, 409], "{} {}", accepted.text, dismissed.text);
    }
    // Tasks that share suggestions end at the same moment without getting in each other's way.
    let all = app.get(app.admin(), "/api/v1/tasks?mission=apollo").await.ok(200);
    let keys: Vec<String> = all["items"].as_array().unwrap().iter().map(key).collect();
    let cancels = keys.iter().map(|key| {
        let (app, path) = (&app, format!("/api/v1/tasks/{key}/cancel"));
        async move { app.post(app.admin(), &path, json!({})).await }
    });
    for answer in futures_util::future::join_all(cancels).await {
        answer.ok(200);
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM overlap_suggestion WHERE state = 'open'").await, 0);
}

async fn nobody_is_sent_to_work_that_will_not_be_done(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    app.post(app.admin(), &format!("/api/v1/tasks/{}/cancel", key(&first)), json!({})).await.ok(200);
    let made = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    let id = made["overlap_suggestions"][0]["id"].as_str().unwrap();
    for how in ["wait", "merge"] {
        let path = format!("/api/v1/overlaps/{id}/accept");
        let detail =
            app.post(app.admin(), &path, json!({ "as": how })).await.problem(409, "invalid-transition");
        assert!(detail.contains("cancelled"), "{detail}");
    }
    let now = app.get(app.admin(), &format!("/api/v1/tasks/{}", key(&made))).await.ok(200);
    assert_eq!(now["state"], "ready");
}

/// Whatever went past a suggestion unseen, the sweep finds it.
async fn the_sweep_brings_suggestions_in_line(app: TestApp) {
    place(&app, "apollo").await;
    let first = make(&app, app.admin(), &body("apollo", TITLE, TEXT)).await.ok(201);
    let second = make(&app, app.admin(), &body("apollo", SAME, SAME_TEXT)).await.ok(201);
    app.sql("UPDATE overlap_suggestion SET candidate_title = 'old words', score = 1").await;
    assert_eq!(controlplane::overlap::reconcile::sweep(app.app()).await.unwrap(), 1);
    let now = open_overlaps(&app, &key(&second)).await;
    assert_eq!(
        (&now[0]["candidate"]["title"], &now[0]["score"]),
        (&json!(TITLE), &second["overlap_suggestions"][0]["score"])
    );
    assert_eq!(controlplane::overlap::reconcile::sweep(app.app()).await.unwrap(), 0);
    // As if the candidate had been cancelled while the suggestion was not yet committed.
    app.post(app.admin(), &format!("/api/v1/tasks/{}/cancel", key(&first)), json!({})).await.ok(200);
    app.sql("UPDATE overlap_suggestion SET state = 'open'").await;
    assert_eq!(controlplane::overlap::reconcile::sweep(app.app()).await.unwrap(), 1);
    assert_eq!(open_overlaps(&app, &key(&second)).await, Vec::<Value>::new());
}

/// Under the lenient policy nobody waits, and what was committed beside is found afterwards.
async fn what_is_committed_at_once_is_found_afterwards(app: TestApp) {
    place(&app, "apollo").await;
    let bodies: Vec<Value> = (0..8).map(|_| body("apollo", TITLE, TEXT)).collect();
    let made = futures_util::future::join_all(bodies.iter().map(|work| make(&app, app.admin(), work))).await;
    for answer in made {
        answer.ok(201);
    }
    app.advance(Duration::from_secs(10));
    eventually("every task was compared again", || async {
        (app.count("SELECT COUNT(*) FROM search_document WHERE look > 0").await == 0).then_some(())
    })
    .await;
    // Each looked at those after it and kept at most five: 5 + 5 + 5 + 4 + 3 + 2 + 1.
    let pairs = app.count("SELECT COUNT(*) FROM overlap_suggestion").await;
    assert!(pairs >= 25, "{pairs}");
}

both!(
    a_mutation_answers_with_what_it_overlaps,
    acknowledging_names_what_was_seen,
    blocking_refuses_what_exists_and_forgets_what_is_finished,
    only_an_admin_sets_the_policy_and_it_must_make_sense,
    a_stranger_learns_nothing,
    a_suggestion_has_a_life,
    many_at_once_leave_one_of_each,
    finished_work_does_not_hide_what_is_still_open,
    a_suggestion_is_decided_once_and_holds_nobody_up,
    nobody_is_sent_to_work_that_will_not_be_done,
    the_sweep_brings_suggestions_in_line,
    what_is_committed_at_once_is_found_afterwards,
);
