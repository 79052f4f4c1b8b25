//! Nodes that are drained.

use controlplane::sessions::uplink;
use serde_json::json;

use crate::harness::{TestApp, eventually};
use crate::journal::Journal;
use crate::sessions::{node, prompt, read, session, task, task_state};

async fn a_drained_node_takes_nothing_new_and_is_done_with_its_last_session(app: TestApp) {
    app.mission("demo").await;
    let one = node(&app, "one", 4).await;
    let running = session(&app, "one", json!({})).await;
    let mut journal = Journal::of(&running);
    journal.begin();
    journal.send(&app, one).await;
    // Placed by the scheduler and not begun there: it goes elsewhere.
    let body = json!({"mission": "demo", "runtime": "scripted"});
    let waiting = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    eventually("it is placed", || async { read(&app, &waiting).await["node"].as_str().map(|_| ()) }).await;
    let path = "/api/v1/nodes/one";
    let mut watch = app.watch(app.admin(), "/api/v1/nodes?watch=true").await;
    watch.until(|change| change.event == "bookmark").await;
    let drained = app.post(app.admin(), &format!("{path}/drain"), json!({})).await.ok(200);
    assert_eq!(
        (&drained["draining"], &drained["cordoned"], &drained["is_drained"]),
        (&json!(true), &json!(true), &json!(false))
    );
    let again = app.post(app.admin(), &format!("{path}/drain"), json!({})).await.ok(200);
    assert_eq!(again["version"], drained["version"], "twice is like once");
    let change = watch.next().await.unwrap();
    assert_eq!((change.event.as_str(), &change.data["draining"]), ("modified", &json!(true)));
    eventually("it is taken back", || async { read(&app, &waiting).await["node"].is_null().then_some(()) })
        .await;
    let reason = read(&app, &waiting).await["reason"].to_string();
    assert!(reason.contains("drained") || reason.contains("no ready node"), "{reason}");

    // Nothing new, by no way.
    let task = task(&app, "for a node", Some("scripted")).await;
    let runtimes = ["scripted".to_owned()];
    assert_eq!(uplink::claim_task(app.app(), one, &runtimes, 4).await.unwrap(), None);
    let body = json!({"mission": "demo", "runtime": "scripted", "node": "one"});
    let refused = app.post(app.admin(), "/api/v1/sessions", body).await;
    assert!(refused.problem(409, "invalid-transition").contains("drained"));
    let app = app.restart().await;
    assert_eq!(app.get(app.admin(), path).await.ok(200)["draining"], true, "a restart changes nothing");
    assert_eq!(uplink::claim_task(app.app(), one, &runtimes, 4).await.unwrap(), None);

    // What runs there ends in its time, and watchers hear that the node is empty.
    prompt(&app, &running, "go on").await;
    assert_eq!(read(&app, &running).await["state"], "idle");
    let mut watch = app.watch(app.admin(), "/api/v1/nodes?watch=true").await;
    watch.until(|change| change.event == "bookmark").await;
    journal.state("stopped");
    journal.send(&app, one).await;
    let heard = watch.until(|change| change.data["drained_at"].is_string()).await;
    assert_eq!(heard.last().unwrap().data["is_drained"], true);
    let node = app.get(app.admin(), path).await.ok(200);
    assert_eq!((&node["is_drained"], &node["live_sessions"]), (&json!(true), &json!(0)));
    app.sealed().await;
    let subject = node["id"].as_str().unwrap();
    let events = format!("/api/v1/ledger/events?subject={subject}&action=node.manage,node.drained");
    assert_eq!(app.get(app.admin(), &events).await.ok(200)["items"].as_array().unwrap().len(), 2);

    let open = app.post(app.admin(), &format!("{path}/uncordon"), json!({})).await.ok(200);
    assert_eq!(
        (&open["draining"], &open["cordoned"], &open["drained_at"]),
        (&json!(false), &json!(false), &json!(null))
    );
    eventually("it takes sessions again", || async {
        read(&app, &waiting).await["node"].as_str().map(|_| ())
    })
    .await;
    assert!(uplink::claim_task(app.app(), one, &runtimes, 4).await.unwrap().is_some());
    assert_eq!(task_state(&app, &task).await["state"], "claimed");
}

both!(a_drained_node_takes_nothing_new_and_is_done_with_its_last_session);
