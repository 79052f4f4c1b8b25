//! Prompts that are taken back, and modes of agents.

use controlplane::sessions::uplink;
use mc_journal::Kind;
use mc_proto::mesh_v1 as wire;
use prost::Message as _;
use serde_json::json;

use crate::harness::TestApp;
use crate::journal::Journal;
use crate::sessions::{node, ops, prompt, read, session};

async fn a_prompt_that_waits_is_taken_back_once(app: TestApp) {
    app.mission("demo").await;
    let one = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let (first, second) = (prompt(&app, &session, "first").await, prompt(&app, &session, "second").await);
    let id = |turn: &serde_json::Value| turn["id"].as_str().unwrap().to_owned();
    let mut journal = Journal::of(&session);
    journal.begin();
    journal.sent(&id(&first));
    journal.send(&app, one).await;
    let cancel = |turn: &serde_json::Value| format!("/api/v1/turns/{}/cancel", turn["id"].as_str().unwrap());
    let began = app.post(app.admin(), &cancel(&first), json!({})).await;
    began.problem(409, "invalid-transition");
    let reader = app.login_as("reader", "viewer").await;
    app.post(&reader, &cancel(&second), json!({})).await.problem(403, "forbidden");
    let told = app.post(app.admin(), &cancel(&second), json!({})).await.ok(200);
    assert_eq!(told["state"], "queued", "until the node has answered");
    app.post(app.admin(), &cancel(&second), json!({})).await.ok(200);
    let remove = format!("remove-{}", id(&second));
    let given = ops(&app, one).await;
    assert_eq!(given.iter().filter(|op| **op == remove).count(), 1, "twice is one command: {given:?}");
    let request = json!({"op_id": remove, "actor": "u", "op": "remove_queued", "prompt": id(&second)});
    journal
        .add(Kind::Op, &json!({"hash": "", "request": request, "result": {"op_id": remove, "code": "ok"}}));
    journal.send(&app, one).await;
    assert_eq!(read(&app, &second).await["state"], "cancelled");
    assert_eq!(read(&app, &first).await["state"], "running", "what runs goes on");
    app.post(app.admin(), &cancel(&second), json!({})).await.problem(409, "invalid-transition");

    // Without a node there is nobody to ask.
    let body = json!({"mission": "demo", "runtime": "nobody-has-it"});
    let waiting = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    let turn = prompt(&app, &waiting, "never").await;
    let gone = app.post(app.admin(), &cancel(&turn), json!({})).await.ok(200);
    assert_eq!(gone["state"], "cancelled");
    app.post(app.admin(), "/api/v1/turns/trn_0/cancel", json!({})).await.problem(404, "not-found");
}

async fn an_agent_works_in_a_mode_that_it_offers(app: TestApp) {
    app.mission("demo").await;
    let one = node(&app, "one", 4).await;
    let session = session(&app, "one", json!({})).await;
    let path = format!("/api/v1/sessions/{}/mode", session["id"].as_str().unwrap());
    assert_eq!((&session["mode"], &session["modes"]), (&json!(null), &json!([])));
    let none = app.put(app.admin(), &path, json!({"mode": "plan"})).await;
    assert!(none.problem(422, "validation").contains("offers no modes"));
    let mut journal = Journal::of(&session);
    journal.begin();
    let modes = json!({"currentModeId": "code", "availableModes": [
        {"id": "code", "name": "Code"}, {"id": "plan", "name": "Plan", "description": "looks only"},
        {"id": "x".repeat(500)},
    ]});
    journal.add(
        Kind::Epoch,
        &json!({"event": "opened", "epoch": 1, "agent_session": "a-1", "how": "load", "replayed": 0, "modes": modes}),
    );
    journal.send(&app, one).await;
    let seen = read(&app, &session).await;
    assert_eq!((&seen["mode"], seen["modes"].as_array().unwrap().len()), (&json!("code"), 2));
    assert_eq!(seen["modes"][1], json!({"id": "plan", "name": "Plan", "description": "looks only"}));

    let odd = app.put(app.admin(), &path, json!({"mode": "loud"})).await;
    assert!(odd.problem(422, "validation").contains("code, plan"));
    assert_eq!(odd.body["errors"][0]["pointer"], "/mode");
    app.put(app.admin(), &path, json!({"mode": "plan", "more": 1})).await.problem(422, "validation");
    let told = app.put(app.admin(), &path, json!({"mode": "plan"})).await.ok(200);
    assert_eq!(told["mode"], "code", "until the agent has taken it");
    let commands = uplink::commands(app.app(), one, 0).await.unwrap();
    let op = wire::Op::decode(&*commands.last().unwrap().op).unwrap().op;
    assert_eq!(op, Some(wire::op::Op::SetMode(wire::SetMode { mode: "plan".into() })));
    journal.add(Kind::Epoch, &json!({"event": "mode", "epoch": 1, "mode": "plan"}));
    journal.add(Kind::Epoch, &json!({"event": "mode_refused", "epoch": 1, "mode": "code", "reason": "no"}));
    journal.send(&app, one).await;
    let after = read(&app, &session).await;
    assert_eq!(after["mode"], "plan");
    assert!(after["version"].as_i64() > told["version"].as_i64(), "watchers hear it");
    let conversation = format!("/api/v1/sessions/{}/conversation", session["id"].as_str().unwrap());
    let conversation = app.get(app.admin(), &conversation).await.ok(200);
    assert_eq!(
        (&conversation["mode"], &conversation["items"][0]["mark"]),
        (&json!("plan"), &json!("mode_refused"))
    );
    journal.state("stopped");
    journal.send(&app, one).await;
    app.put(app.admin(), &path, json!({"mode": "code"})).await.problem(409, "invalid-transition");
}

both!(a_prompt_that_waits_is_taken_back_once, an_agent_works_in_a_mode_that_it_offers);
