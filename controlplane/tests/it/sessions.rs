//! Agent sessions: journals stored exactly once, permissions decided once, turns and tasks kept in step.

use std::time::Duration;

use controlplane::sessions::ingest::{self, Ack, Batch, Received};
use controlplane::sessions::{reconcile, uplink};
use mc_api::Timestamp;
use mc_api::auth::{GovernanceProfile, PrincipalKind};
use mc_api::id::{NodeId, PrincipalId, SessionId, TokenId};
use mc_journal::Kind;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};
use crate::journal::{Journal, acked};
use crate::local::Local;

/// A node that takes agent sessions of the runtime `scripted`, as if it had joined.
pub(crate) async fn node(app: &TestApp, name: &str, slots: u32) -> NodeId {
    let app = app.app();
    let now = app.clock.now();
    let facts = json!({
        "version": "t", "hostname": "h", "os": "linux", "arch": "x", "boot_id": "b", "slots": slots,
        "sandbox_tier": "S0", "runtimes": [{"name": "scripted", "available": true}, {"name": "other", "available": false}],
    });
    let (id, token) = (NodeId::from_uuid(app.ids.uuid(now)), TokenId::from_uuid(app.ids.uuid(now)));
    let principal = PrincipalId::from_uuid(app.ids.uuid(now));
    let mut tx = app.db.begin_write().await.unwrap();
    tx.query("INSERT INTO principal (principal_id, organization_id, name, kind, version, created_at) VALUES ($1, $2, $3, 'node', 1, $4)")
        .bind(principal).bind(app.organization).bind(format!("node-{name}")).bind(now).execute().await.unwrap();
    tx.query("INSERT INTO join_token (join_token_id, organization_id, secret_sha256, uses, used, expires_at, created_by, created_at) VALUES ($1, $2, 'x', 1, 1, $3, $4, $3)")
        .bind(token).bind(app.organization).bind(now).bind(principal).execute().await.unwrap();
    tx.query(
        "INSERT INTO node (node_id, organization_id, name, principal_id, join_token_id, public_key, cordoned, facts,
             conn_seq, command_seq, lease_until, reported_ready, last_seen_at, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $3, $6, $7, 0, 0, $8, $9, $10, 1, $10, $10)",
    )
    .bind(id).bind(app.organization).bind(name.to_owned()).bind(principal).bind(token).bind(false)
    .bind(facts.to_string()).bind(now.plus(Duration::from_hours(24))).bind(true).bind(now)
    .execute().await.unwrap();
    app.db.commit(tx).await.unwrap();
    id
}

/// An agent session on a node.
pub(crate) async fn session(app: &TestApp, node: &str, more: Value) -> Value {
    let mut body = json!({"mission": "demo", "runtime": "scripted", "node": node});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    app.post(app.admin(), "/api/v1/sessions", body).await.ok(201)
}

pub(crate) async fn read(app: &TestApp, object: &Value) -> Value {
    let collection = if object["kind"] == "turn" { "turns" } else { "sessions" };
    app.get(app.admin(), &format!("/api/v1/{collection}/{}", object["id"].as_str().unwrap())).await.ok(200)
}

pub(crate) async fn prompt(app: &TestApp, session: &Value, text: &str) -> Value {
    let path = format!("/api/v1/sessions/{}/prompt", session["id"].as_str().unwrap());
    app.post(app.admin(), &path, json!({ "text": text })).await.ok(201)
}

pub(crate) async fn ops(app: &TestApp, node: NodeId) -> Vec<String> {
    uplink::commands(app.app(), node, 0).await.unwrap().into_iter().map(|command| command.op_id).collect()
}

pub(crate) async fn task(app: &TestApp, title: &str, runtime: Option<&str>) -> Value {
    let kluster = json!({"mission": "demo", "name": "work"});
    let answer = app.post(app.admin(), "/api/v1/klusters", kluster).await;
    assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
    let body = json!({"mission": "demo", "kluster": "work", "title": title, "runtime": runtime});
    app.post(app.admin(), "/api/v1/tasks", body).await.ok(201)
}

pub(crate) async fn task_state(app: &TestApp, task: &Value) -> Value {
    app.get(app.admin(), &format!("/api/v1/tasks/{}", task["id"].as_str().unwrap())).await.ok(200)
}

async fn approvals(app: &TestApp) -> Vec<Value> {
    let found = app.get(app.admin(), "/api/v1/approvals").await.ok(200);
    found["items"].as_array().unwrap().clone()
}

async fn records_are_stored_once_under_repetition_holes_and_forks(app: TestApp) {
    app.mission("demo").await;
    let (own, foreign) = (node(&app, "one", 4).await, node(&app, "two", 4).await);
    let session = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &session, "go").await;
    let op = turn["id"].as_str().unwrap();
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(op);
    for word in ["one ", "two ", "three"] {
        journal.say(word);
    }
    let size = i64::try_from(journal.entries.len()).unwrap();
    let app_ = app.app();

    let late = Batch { entries: journal.entries[4..].to_vec(), ..journal.from(1) };
    let hole = acked(ingest::batch(app_, own, &late).await.unwrap());
    assert_eq!(hole, Ack { acked_seq: 0, fence: 1, rewind: true });
    let half = Batch { entries: journal.entries[..5].to_vec(), ..journal.from(1) };
    assert_eq!(acked(ingest::batch(app_, own, &half).await.unwrap()).acked_seq, 5);
    for _ in 0..3 {
        assert_eq!(journal.send(&app, own).await, Ack { acked_seq: size, fence: 1, rewind: false });
    }
    let refused = |received: Received| matches!(received, Received::Refused(_));
    assert!(refused(ingest::batch(app_, foreign, &journal.from(1)).await.unwrap()), "a foreign node");
    assert!(
        refused(ingest::batch(app_, own, &Batch { fence: 2, ..journal.from(1) }).await.unwrap()),
        "a fence"
    );
    let mut fork = journal.from(1);
    fork.entries[6].payload = b"{\"other\":1}".to_vec();
    fork.entries[6].crc32c = crc32c::crc32c(b"{\"other\":1}");
    assert!(refused(ingest::batch(app_, own, &fork).await.unwrap()), "other content");
    let mut broken = journal.from(1);
    broken.entries[6].payload[0] ^= 1;
    assert!(refused(ingest::batch(app_, own, &broken).await.unwrap()), "a checksum");
    let mut gap = journal.from(1);
    gap.entries.remove(2);
    assert!(refused(ingest::batch(app_, own, &gap).await.unwrap()), "a hole inside");

    assert_eq!(app.count("SELECT COUNT(*) FROM session_event").await, size);
    assert_eq!(read(&app, &turn).await["message"], "one two three");
    let seen = read(&app, &session).await;
    assert_eq!(
        (&seen["state"], &seen["agent_pid"], &seen["last_seq"]),
        (&json!("running"), &json!(4711), &json!(size))
    );
    assert_eq!((&seen["agent_session"], &seen["epoch"]), (&json!("a-1"), &json!(1)));
}

async fn batches_that_meet_store_each_record_once(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &session, "go").await;
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(turn["id"].as_str().unwrap());
    for number in 0..60 {
        journal.say(&format!("{number},"));
    }
    let (journal, application) = (&journal, app.app());
    let senders = (0..6).map(|sender| async move {
        let mut next = 1;
        while next <= journal.entries.len() as u64 {
            let size = 3 + sender;
            let mut batch = journal.from(next);
            batch.entries.truncate(size);
            let ack = acked(ingest::batch(application, node, &batch).await.unwrap());
            next = u64::try_from(ack.acked_seq).unwrap() + 1;
        }
    });
    futures_util::future::join_all(senders).await;
    let size = i64::try_from(journal.entries.len()).unwrap();
    assert_eq!(app.count("SELECT COUNT(*) FROM session_event").await, size);
    let expected: String = (0..60).map(|number: u32| number.to_string() + ",").collect();
    assert_eq!(read(&app, &turn).await["message"], expected.as_str());
}

async fn a_permission_is_decided_once_and_answered_by_its_command(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let app = &local.0;
    let node = node(app, "one", 4).await;
    let session = session(app, "one", json!({})).await;
    let turn = prompt(app, &session, "go").await;
    let op = turn["id"].as_str().unwrap();
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(op);
    let permission = journal.ask();
    journal.send(app, node).await;
    journal.send(app, node).await;
    let open = approvals(app).await;
    let events = format!("/api/v1/sessions/{}/events", session["id"].as_str().unwrap());
    let events = app.get(app.admin(), &events).await.ok(200);
    let asked = events["items"].as_array().unwrap().iter().find(|event| event["kind"] == "permission_open");
    assert_eq!(asked.unwrap()["body"]["approval_id"], open[0]["id"], "the log names what decides");
    assert_eq!(open.len(), 1, "asked once: {open:?}");
    assert_eq!(
        (&open[0]["title"], &open[0]["approval_kind"]),
        (&json!("write result"), &json!("agent_permission"))
    );
    let action: Value = serde_json::from_str(open[0]["action"].as_str().unwrap()).unwrap();
    assert_eq!((&action["permission"], &action["session"]), (&json!(permission), &session["id"]));
    assert_eq!(action["turn"], op);
    let id = open[0]["id"].as_str().unwrap();
    let path = |verb: &str| format!("/api/v1/approvals/{id}/{verb}");

    // The agent is the requester, and no person.
    let agent = local.context(&session["principal_id"], PrincipalKind::Agent);
    let decide = mc_api::approval::DecideApproval::default();
    let refused = controlplane::approvals::service::decide(app.app(), &agent, id, true, decide).await;
    assert_eq!(refused.unwrap_err().kind, mc_api::ProblemKind::Forbidden);
    for (verb, option) in [("approve", "sudo"), ("approve", "no"), ("reject", "yes")] {
        let answer = app.post(app.admin(), &path(verb), json!({ "option": option })).await;
        answer.problem(422, "validation");
        assert_eq!(answer.body["errors"][0]["pointer"], "/option");
    }
    // The session's creator may answer, also where nobody approves own requests; of two at once one wins.
    let other = app.login_as("ben", "contributor").await;
    let (approve, reject) = (path("approve"), path("reject"));
    let (one, two) = tokio::join!(
        app.post(app.admin(), &approve, json!({ "option": "always" })),
        app.post(&other, &reject, json!({})),
    );
    let (won, lost) = if one.status == 200 { (&one, &two) } else { (&two, &one) };
    assert_eq!(won.status, 200, "{} {}", one.text, two.text);
    lost.problem(409, "already-decided");
    assert_eq!(ops(app, node).await, [op, id], "prompt and answer");
    journal.answer(&permission, Some(id));
    journal.say("done");
    journal.done(op, "end_turn");
    journal.send(app, node).await;
    let decided = app.get(app.admin(), &format!("/api/v1/approvals/{id}")).await.ok(200);
    let expected = if one.status == 200 { ("executed", "option always") } else { ("rejected", "option no") };
    assert_eq!((&decided["state"], &decided["outcome"]), (&json!(expected.0), &json!(expected.1)));
    let turn = read(app, &turn).await;
    assert_eq!((&turn["state"], &turn["stop_reason"]), (&json!("done"), &json!("end_turn")));
    app.events().await;
}

async fn what_nobody_decided_is_void_when_the_turn_ends(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &session, "go").await;
    let op = turn["id"].as_str().unwrap();
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(op);
    let (first, _second) = (journal.ask(), journal.ask());
    journal.answer(&first, Some("op_at_the_keyboard"));
    journal.done(op, "cancelled");
    journal.send(&app, node).await;
    let outcomes: Vec<Value> =
        approvals(&app).await.iter().map(|a| json!([a["state"], a["outcome"]])).collect();
    assert_eq!(outcomes, [json!(["voided", "answered at the node"]), json!(["voided", "the turn ended"])]);
    let id = approvals(&app).await[1]["id"].as_str().unwrap().to_owned();
    let late = app.post(app.admin(), &format!("/api/v1/approvals/{id}/approve"), json!({})).await;
    late.problem(409, "invalid-transition");
    assert_eq!(read(&app, &turn).await["state"], "cancelled");
}

async fn a_task_is_completed_by_the_turn_that_worked_on_it(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let task = task(&app, "write it", None).await;
    let session = session(&app, "one", json!({"task": task["key"]})).await;
    assert_eq!((&session["task"], &session["attempt"]), (&task["key"], &json!(1)));
    let claimed = task_state(&app, &task).await;
    assert_eq!(
        (&claimed["state"], &claimed["claim"]["principal_id"]),
        (&json!("claimed"), &session["principal_id"])
    );
    let again = json!({"mission": "demo", "runtime": "scripted", "task": task["key"]});
    app.post(app.admin(), "/api/v1/sessions", again).await.problem(409, "already-claimed");

    let turn = session["turn_id"].as_str().unwrap();
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(turn);
    journal.say("# the result");
    journal.done(turn, "end_turn");
    journal.send(&app, node).await;
    let done = eventually("the task is done", || async {
        let task = task_state(&app, &task).await;
        (task["state"] == "done").then_some(task)
    })
    .await;
    assert_eq!(done["result"], "# the result");
    reconcile::run(app.app()).await.unwrap();
    let artifacts = app.get(app.admin(), "/api/v1/artifacts").await.ok(200);
    let artifacts = artifacts["items"].as_array().unwrap();
    assert_eq!(artifacts.len(), 1, "one result: {artifacts:?}");
    assert_eq!(
        (&artifacts[0]["id"], &artifacts[0]["name"]),
        (&done["result_artifact_id"], &json!("result.md"))
    );
    assert_eq!(artifacts[0]["created_by"], session["principal_id"]);
    let content = format!("/api/v1/artifacts/{}/content", artifacts[0]["id"].as_str().unwrap());
    assert_eq!(app.get(app.admin(), &content).await.text, "# the result");
    // Somebody's session goes on: the task is over, the conversation is not.
    assert_eq!(read(&app, &session).await["state"], "idle");
    app.events().await;
}

async fn the_end_of_a_turn_says_what_becomes_of_the_task(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 20).await;
    for (outcome, expected) in [
        ("refusal", "failed"),
        ("max_tokens", "failed"),
        ("cancelled", "ready"),
        ("error", "ready"),
        ("interrupted", "claimed"),
    ] {
        let task = task(&app, outcome, None).await;
        let session = session(&app, "one", json!({"task": task["key"]})).await;
        let turn = session["turn_id"].as_str().unwrap();
        let mut journal = Journal::of(&session);
        journal.begin();
        journal.sent(turn);
        journal.done(turn, outcome);
        journal.send(&app, node).await;
        eventually("the turn is settled", || async {
            let open =
                app.count("SELECT COUNT(*) FROM turn WHERE settled_at IS NULL AND state <> 'queued'").await;
            (open == 0).then_some(())
        })
        .await;
        assert_eq!(task_state(&app, &task).await["state"], expected, "{outcome}");
    }
}

async fn a_session_that_was_stopped_gives_its_task_back(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let task = task(&app, "write it", None).await;
    let session = session(&app, "one", json!({"task": task["key"]})).await;
    let stop = format!("/api/v1/sessions/{}/stop", session["id"].as_str().unwrap());
    for _ in 0..2 {
        app.post(app.admin(), &stop, json!({})).await.ok(200);
    }
    let open = ops(&app, node).await;
    assert!(open.len() == 2 && open[1].starts_with("stop-"), "{open:?}");
    let prompt = stop.replace("/stop", "/prompt");
    app.post(app.admin(), &prompt, json!({"text": "x"})).await.problem(409, "invalid-transition");
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.state("stopped");
    journal.send(&app, node).await;
    eventually("the task is ready", || async {
        (task_state(&app, &task).await["state"] == "ready").then_some(())
    })
    .await;
    assert_eq!(ops(&app, node).await, Vec::<String>::new(), "nobody is left to answer");
    assert!(uplink::desired(app.app(), node).await.unwrap().is_empty());
    let turns = app.get(app.admin(), &stop.replace("/stop", "/turns")).await.ok(200);
    assert_eq!(turns["items"][0]["state"], "cancelled");
}

async fn a_node_claims_a_task_that_names_its_runtime_and_keeps_it(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 1).await;
    task(&app, "for people", None).await;
    task(&app, "for others", Some("other")).await;
    let runtimes = ["scripted".to_owned(), "other".to_owned()];
    assert_eq!(uplink::claim_task(app.app(), node, &runtimes, 1).await.unwrap(), None);
    let task = task(&app, "for it", Some("scripted")).await;
    assert!(uplink::has_work(app.app(), &runtimes).await.unwrap());
    let claims = (0..4).map(|_| uplink::claim_task(app.app(), node, &runtimes, 1));
    let claimed: Vec<_> =
        futures_util::future::join_all(claims).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(claimed.len(), 1, "one slot, one task: {claimed:?}");
    let session = read(&app, &json!({"id": claimed[0].to_string()})).await;
    assert_eq!((&session["task"], &session["node"]), (&task["key"], &json!("one")));
    let spec = &uplink::desired(app.app(), node).await.unwrap()[0].spec;
    assert_eq!(spec.on_interrupt(), mc_proto::mesh_v1::OnInterrupt::ContinueNote);

    // The node renews what lives; in its silence the claim ends, and its return brings the claim back.
    app.advance(Duration::from_mins(10));
    assert_eq!(uplink::renew(app.app(), node, &claimed).await.unwrap(), claimed);
    app.advance(Duration::from_mins(10));
    controlplane::tasks::reconcile::run(app.app()).await.unwrap();
    assert_eq!(task_state(&app, &task).await["state"], "claimed");
    app.advance(Duration::from_mins(10));
    controlplane::tasks::reconcile::run(app.app()).await.unwrap();
    assert_eq!(task_state(&app, &task).await["state"], "ready");
    uplink::renew(app.app(), node, &claimed).await.unwrap();
    assert_eq!(task_state(&app, &task).await["claim"]["state"], "active");

    let grants = uplink::grants(app.app(), node, &claimed).await.unwrap();
    let me = app.get(&grants[0].token, "/api/v1/auth/whoami").await.ok(200);
    assert_eq!(me["principal"]["id"], session["principal_id"]);

    let turn = session["turn_id"].as_str().unwrap();
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(turn);
    journal.done(turn, "interrupted");
    journal.sent("continue-1");
    journal.say("after all");
    journal.done("continue-1", "end_turn");
    journal.send(&app, node).await;
    let done = eventually("the task is done and its session is told to stop", || async {
        let told = ops(&app, node).await.iter().any(|op| op.starts_with("stop-"));
        let task = task_state(&app, &task).await;
        (told && task["state"] == "done").then_some(task)
    })
    .await;
    assert_eq!(done["result"], "after all");
    journal.state("stopped");
    journal.send(&app, node).await;
    app.get(&grants[0].token, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");
}

async fn a_session_waits_for_a_node_with_room(app: TestApp) {
    app.mission("demo").await;
    let create = json!({"mission": "demo", "runtime": "scripted"});
    let waiting = app.post(app.admin(), "/api/v1/sessions", create.clone()).await.ok(201);
    let turn = prompt(&app, &waiting, "first").await;
    let called_off = prompt(&app, &waiting, "second").await;
    assert_eq!((&read(&app, &waiting).await["state"], &waiting["node"]), (&json!("starting"), &Value::Null));
    let cancel = format!("/api/v1/sessions/{}/cancel", waiting["id"].as_str().unwrap());
    app.post(app.admin(), &cancel, json!({})).await.ok(200);
    assert_eq!(read(&app, &called_off).await["state"], "cancelled");
    let node = node(&app, "one", 1).await;
    eventually("it is scheduled", || async { (read(&app, &waiting).await["node"] == "one").then_some(()) })
        .await;
    assert_eq!(ops(&app, node).await, [turn["id"].as_str().unwrap()]);
    let second = app.post(app.admin(), "/api/v1/sessions", create).await.ok(201);
    reconcile::run(app.app()).await.unwrap();
    assert_eq!(read(&app, &second).await["node"], Value::Null, "the only slot is taken");
    let stop = format!("/api/v1/sessions/{}/stop", second["id"].as_str().unwrap());
    assert_eq!(app.post(app.admin(), &stop, json!({})).await.ok(200)["state"], "stopped");
    app.post(app.admin(), &cancel.replace("/cancel", "/decide"), json!({"decision": "retry"}))
        .await
        .problem(409, "invalid-transition");
    for (body, status) in [
        (json!({"mission": "demo"}), 422),
        (json!({"mission": "demo", "runtime": "scripted", "cwd": "relative"}), 422),
        (json!({"mission": "demo", "runtime": "other", "node": "one"}), 422),
        (json!({"mission": "demo", "runtime": "scripted", "node": "none"}), 404),
        (json!({"mission": "demo", "runtime": "scripted", "task": "demo-99"}), 404),
        (json!({"mission": "demo", "runtime": "scripted", "colour": 1}), 422),
    ] {
        assert_eq!(app.post(app.admin(), "/api/v1/sessions", body.clone()).await.status, status, "{body}");
    }
}

async fn followers_resume_without_gap_or_double(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &session, "go").await;
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(turn["id"].as_str().unwrap());
    let path = format!("/api/v1/sessions/{}/events", session["id"].as_str().unwrap());
    let mut early = app.watch(app.admin(), &format!("{path}?follow=true")).await;
    for round in 0..5 {
        for word in 0..10 {
            journal.say(&format!("{round}.{word}"));
        }
        journal.add(Kind::Out, &json!({}));
        journal.send(&app, node).await;
    }
    let page = app.get(app.admin(), &format!("{path}?limit=500")).await.ok(200);
    let page: Vec<i64> =
        page["items"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()).collect();
    let mut seen = Vec::new();
    while seen.len() < 20 {
        seen.push(early.next().await.unwrap().id);
    }
    drop(early);
    let mut again = app.watch(app.admin(), &format!("{path}?follow=true&from={}", seen[19] + 1)).await;
    while seen.len() < page.len() {
        seen.push(again.next().await.unwrap().id);
    }
    assert_eq!(seen, page, "each once, in order, without those that only serve the protocol");
    journal.state("stopped");
    journal.send(&app, node).await;
    let last = again.until(|change| change.event == "end").await;
    assert_eq!(last.len(), 2, "{last:?}");
    assert!(again.next().await.is_none(), "the stream ends with the session");
    let small = app.get(app.admin(), &format!("{path}?from=1&limit=2")).await.ok(200);
    assert_eq!(small["next_cursor"], (small["items"][1]["seq"].as_i64().unwrap() + 1).to_string());
}

/// All at different places, one that does not read while more is stored than is kept for them, one that waits for what
/// is far away: what one of them does, the others do not notice.
async fn many_followers_each_see_everything_once(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &session, "go").await;
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(turn["id"].as_str().unwrap());
    let path = format!("/api/v1/sessions/{}/events", session["id"].as_str().unwrap());
    let far = app.watch(app.admin(), &format!("{path}?follow=true&from=300")).await;
    let mut slow = app.watch(app.admin(), &format!("{path}?follow=true")).await;
    let mut followers = Vec::new();
    let text = "x".repeat(6_000);
    for round in 0..30 {
        for word in 0..20 {
            journal.say(&format!("{round}.{word} {text}"));
        }
        journal.send(&app, node).await;
        if round % 6 == 0 {
            let from = round * 10;
            followers.push((from, app.watch(app.admin(), &format!("{path}?follow=true&from={from}")).await));
        }
    }
    journal.state("stopped");
    journal.send(&app, node).await;
    let mut all: Vec<i64> = Vec::new();
    for change in slow.until(|change| change.event == "end").await {
        all.extend((change.event != "end").then_some(change.id));
    }
    assert!(all.len() > 600 && all.is_sorted_by(|a, b| a < b), "{}", all.len());
    followers.push((300, far));
    for (from, mut follower) in followers {
        let seen = follower.until(|change| change.event == "end").await;
        let seen: Vec<i64> = seen.iter().filter(|one| one.event != "end").map(|one| one.id).collect();
        let wanted: Vec<i64> = all.iter().copied().filter(|seq| *seq >= from).collect();
        assert_eq!(seen, wanted, "from {from}");
        assert!(follower.next().await.is_none());
    }
}

async fn a_watch_sees_what_nodes_report(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let mut watch = app.watch(app.admin(), "/api/v1/sessions?watch=true").await;
    watch.until(|change| change.event == "bookmark").await;
    let session = session(&app, "one", json!({})).await;
    watch.until(|change| change.event == "added" && change.data["id"] == session["id"]).await;
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.send(&app, node).await;
    watch.until(|change| change.event == "modified" && change.data["state"] == "idle").await;
}

async fn hostile_records_change_nothing_else(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &session, "go").await;
    let op = turn["id"].as_str().unwrap();
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(op);
    let deep = [b"[".repeat(50_000), b"]".repeat(50_000)].concat();
    for kind in 0..20_u32 {
        for payload in
            [&b"\xff\xfe\x00"[..], b"", b"null", b"[1,2]", b"{\"id\":7,\"op_id\":[],\"state\":9}", &deep]
        {
            journal.raw(kind, payload);
        }
    }
    journal.raw(70_000, b"from the future");
    journal.raw(u32::from(Kind::State.code()), br#"{"state":"winning"}"#);
    journal.raw(u32::from(Kind::State.code()), br#"{"state":"running","reason":"a\u0000b"}"#);
    journal.say("nul \u{0} and more");
    journal.say(&"x".repeat(100_000));
    journal.add(Kind::OpDone, &json!({"op_id": "o".repeat(100_000), "outcome": "end_turn"}));
    journal.add(Kind::PermAnswer, &json!({"id": "p-9-9", "option": "yes", "op_id": op}));
    let call = json!({"title": "t\u{0}\n".repeat(1000), "big": "y".repeat(200_000), "n": 1e300});
    let many: Vec<Value> =
        (0..500).map(|n| json!({"optionId": format!("o{n}\u{0}"), "kind": "allow_once"})).collect();
    journal.add(
        Kind::PermOpen,
        &json!({"id": "p\u{0}".repeat(500), "options": many, "request": {"toolCall": call}}),
    );
    let size = i64::try_from(journal.entries.len()).unwrap();
    assert_eq!(journal.send(&app, node).await.acked_seq, size);
    let seen = read(&app, &session).await;
    assert_eq!((&seen["state"], &seen["reason"]), (&json!("running"), &json!("ab")));
    let turn_now = read(&app, &turn).await;
    assert_eq!(turn_now["state"], "running");
    let message = turn_now["message"].as_str().unwrap();
    assert!(message.starts_with("nul  and more") && message.len() <= 64 * 1024, "{}", message.len());
    assert_eq!(approvals(&app).await.len(), 1);
    let path = format!("/api/v1/sessions/{}/events?from={}&limit=500", session["id"].as_str().unwrap(), 1);
    app.get(app.admin(), &path).await.ok(200);
    journal.done(op, "end_turn");
    journal.send(&app, node).await;
    assert_eq!(read(&app, &turn).await["state"], "done");
    assert_eq!(app.count("SELECT COUNT(*) FROM turn").await, 1);
    app.events().await;
}

async fn an_observation_counts_when_the_journal_is_stored(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let id: SessionId = session["id"].as_str().unwrap().parse().unwrap();
    let seen = |state: &str, last_seq| ingest::Observed {
        state: state.into(),
        last_seq,
        ..ingest::Observed::default()
    };
    ingest::status(app.app(), node, id, &seen("idle", 5)).await.unwrap();
    assert_eq!(read(&app, &session).await["state"], "starting", "five records are on their way");
    ingest::status(app.app(), node, id, &seen("failed", 0)).await.unwrap();
    assert_eq!(read(&app, &session).await["state"], "failed", "it never began");
    let created: Timestamp = session["created_at"].as_str().unwrap().parse().unwrap();
    assert!(created <= app.app().clock.now());
}

async fn an_unattended_agent_ends_when_its_task_is_taken_away(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    for (told, verb) in ["cancel", "release"].into_iter().enumerate() {
        let task = task(&app, verb, Some("scripted")).await;
        uplink::claim_task(app.app(), node, &["scripted".to_owned()], 1).await.unwrap().expect("a task");
        let path = format!("/api/v1/tasks/{}/{verb}", task["id"].as_str().unwrap());
        app.post(app.admin(), &path, json!({})).await.ok(200);
        eventually("the agent is told to stop", || async {
            let stops = ops(&app, node).await.iter().filter(|op| op.starts_with("stop-")).count();
            (stops == told + 1).then_some(())
        })
        .await;
    }
}

async fn who_waits_in_vain_stands_before_nobody(app: TestApp) {
    app.mission("demo").await;
    let vain = json!({"mission": "demo", "runtime": "nosuch"});
    let first = app.post(app.admin(), "/api/v1/sessions", vain.clone()).await.ok(201);
    for round in 0..4 {
        // One principal may not have so many.
        let other = app.login_as(&format!("patient-{round}"), "contributor").await;
        for _ in 0..50 {
            app.post(&other, "/api/v1/sessions", vain.clone()).await.ok(201);
        }
    }
    node(&app, "one", 1).await;
    let body = json!({"mission": "demo", "runtime": "scripted"});
    let last = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    eventually("the last is scheduled", || async {
        (read(&app, &last).await["node"] == "one").then_some(())
    })
    .await;
    let why = eventually("the first says why it waits", || async {
        read(&app, &first).await["reason"].as_str().map(str::to_owned)
    })
    .await;
    assert!(why.contains("nosuch"), "{why}");
    app.delete(app.admin(), "/api/v1/missions/demo").await.problem(409, "not-empty");
}

async fn what_a_stopping_session_did_not_take_is_cancelled(app: TestApp) {
    app.mission("demo").await;
    let node = node(&app, "one", 4).await;
    for is_stopped in [false, true] {
        let task = task(&app, "write it", None).await;
        let session = session(&app, "one", json!({"task": task["key"]})).await;
        let id: SessionId = session["id"].as_str().unwrap().parse().unwrap();
        let path = format!("/api/v1/sessions/{id}");
        let turn = app.get(app.admin(), &format!("{path}/turns")).await.ok(200)["items"][0].clone();
        if is_stopped {
            app.post(app.admin(), &format!("{path}/stop"), json!({})).await.ok(200);
        }
        // The node hears of prompt and stop together and never makes the session.
        let op = turn["id"].as_str().unwrap();
        for _ in 0..2 {
            ingest::op_result(app.app(), node, id, op, "not_found", 0).await.unwrap();
        }
        let turn = read(&app, &turn).await;
        let expected = if is_stopped { json!(["cancelled", null]) } else { json!(["failed", "not_found"]) };
        assert_eq!(json!([turn["state"], turn["stop_reason"]]), expected);
        eventually("the task is let go", || async {
            (task_state(&app, &task).await["state"] == "ready").then_some(())
        })
        .await;
    }
}

async fn one_principal_opens_only_so_many_sessions(app: TestApp) {
    app.mission("demo").await;
    node(&app, "one", 500).await;
    let limit = app.app().sessions_per_principal as usize;
    let ann = app.login_as("ann", "contributor").await;
    let body = json!({"mission": "demo", "runtime": "scripted", "node": "one"});
    let create = || app.post(&ann, "/api/v1/sessions", body.clone());
    for _ in 0..limit - 2 {
        create().await.ok(201);
    }
    // Of four at once, two are too many.
    let (a, b, c, d) = tokio::join!(create(), create(), create(), create());
    let all = [a, b, c, d];
    assert_eq!(all.iter().filter(|answer| answer.status == 201).count(), 2);
    for refused in all.iter().filter(|answer| answer.status != 201) {
        refused.problem(429, "rate-limited");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(
            detail.contains("MC_SESSIONS_PER_PRINCIPAL") && detail.contains(&limit.to_string()),
            "{detail}"
        );
    }
    // Others have their own count, and what has ended makes room; the node's slots are not looked at here.
    app.post(app.admin(), "/api/v1/sessions", body.clone()).await.ok(201);
    let waiting = json!({"mission": "demo", "runtime": "nosuch"});
    app.post(&ann, "/api/v1/sessions", waiting.clone()).await.problem(429, "rate-limited");
    let made = all.iter().find(|answer| answer.status == 201).unwrap();
    let mut journal = Journal::of(&made.body);
    journal.begin();
    journal.state("stopped");
    let node: NodeId = made.body["node_id"].as_str().unwrap().parse().unwrap();
    journal.send(&app, node).await;
    app.post(&ann, "/api/v1/sessions", waiting).await.ok(201);
}

/// The node is heard of no more, and its lease has run out.
pub(crate) async fn silence(app: &TestApp, node: NodeId) {
    let app = app.app();
    let past = app.clock.now().minus(Duration::from_secs(1));
    let mut tx = app.db.begin_write().await.unwrap();
    let query = tx.query("UPDATE node SET lease_until = $1 WHERE node_id = $2");
    query.bind(past).bind(node).execute().await.unwrap();
    app.db.commit(tx).await.unwrap();
}

async fn a_session_that_a_silent_node_never_took_is_put_on_another(app: TestApp) {
    app.mission("demo").await;
    let one = node(&app, "one", 9).await;
    let on = |session: Value, name: &'static str| {
        let app = &app;
        eventually("it is placed", move || {
            let session = session.clone();
            async move { Some(read(app, &session).await).filter(|now| now["node"] == name) }
        })
    };
    let create = async || {
        let body = json!({"mission": "demo", "runtime": "scripted"});
        on(app.post(app.admin(), "/api/v1/sessions", body).await.ok(201), "one").await
    };
    let id = |session: &Value| -> SessionId { session["id"].as_str().unwrap().parse().unwrap() };
    let (untaken, taken, told) = (create().await, create().await, create().await);
    let chosen = session(&app, "one", json!({})).await;
    let turn = prompt(&app, &untaken, "first").await;
    let called_off = prompt(&app, &untaken, "second").await;
    let path = |session: &Value, verb: &str| format!("/api/v1/sessions/{}/{verb}", id(session));
    app.post(app.admin(), &path(&untaken, "cancel"), json!({})).await.ok(200);
    // The leave to start one, and a word of the other: both may have been started.
    assert_eq!(uplink::grants(app.app(), one, &[id(&taken)]).await.unwrap().len(), 1);
    let mut journal = Journal::of(&told);
    journal.begin();
    journal.send(&app, one).await;
    silence(&app, one).await;
    let two = node(&app, "two", 9).await;
    let (a, b) = tokio::join!(reconcile::run(app.app()), reconcile::run(app.app()));
    a.unwrap();
    b.unwrap();
    on(untaken.clone(), "two").await;
    assert_eq!(
        ops(&app, two).await,
        [turn["id"].as_str().unwrap()],
        "what was called off is not given again"
    );
    assert_eq!(read(&app, &called_off).await["state"], "cancelled");
    for stays in [&taken, &told, &chosen] {
        let stays = read(&app, stays).await;
        assert_eq!((&stays["node"], &stays["is_node_reachable"]), (&json!("one"), &json!(false)));
    }

    // The first comes back. It gets no leave to start what is another's, and nothing that it says of it counts.
    let listed = uplink::desired(app.app(), one).await.unwrap();
    assert!(listed.iter().all(|desired| desired.spec.session != id(&untaken).to_string()));
    assert!(uplink::grants(app.app(), one, &[id(&untaken)]).await.unwrap().is_empty());
    let mut forged = Journal::of(&untaken);
    forged.begin();
    let refused = ingest::batch(app.app(), one, &forged.from(1)).await.unwrap();
    assert!(matches!(refused, Received::Refused(_)), "{refused:?}");
    let op = turn["id"].as_str().unwrap();
    ingest::op_result(app.app(), one, id(&untaken), op, "not_found", 0).await.unwrap();
    assert_eq!(read(&app, &turn).await["state"], "queued");
    assert_eq!(uplink::grants(app.app(), two, &[id(&untaken)]).await.unwrap().len(), 1);

    // What a silent node certainly never started is stopped at once; what it may have started when it is back.
    let stopped = app.post(app.admin(), &path(&chosen, "stop"), json!({})).await.ok(200);
    assert_eq!(stopped["state"], "stopped");
    let waits = app.post(app.admin(), &path(&taken, "stop"), json!({})).await.ok(200);
    assert_eq!(waits["state"], "starting");
    assert!(uplink::grants(app.app(), one, &[id(&chosen)]).await.unwrap().is_empty());
    app.events().await;
}

both!(
    a_session_that_a_silent_node_never_took_is_put_on_another,
    what_a_stopping_session_did_not_take_is_cancelled,
    one_principal_opens_only_so_many_sessions,
    an_unattended_agent_ends_when_its_task_is_taken_away,
    who_waits_in_vain_stands_before_nobody,
    records_are_stored_once_under_repetition_holes_and_forks,
    batches_that_meet_store_each_record_once,
    a_permission_is_decided_once_and_answered_by_its_command,
    what_nobody_decided_is_void_when_the_turn_ends,
    a_task_is_completed_by_the_turn_that_worked_on_it,
    the_end_of_a_turn_says_what_becomes_of_the_task,
    a_session_that_was_stopped_gives_its_task_back,
    a_node_claims_a_task_that_names_its_runtime_and_keeps_it,
    a_session_waits_for_a_node_with_room,
    followers_resume_without_gap_or_double,
    many_followers_each_see_everything_once,
    a_watch_sees_what_nodes_report,
    hostile_records_change_nothing_else,
    an_observation_counts_when_the_journal_is_stored,
);
