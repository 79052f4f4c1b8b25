//! Tools under the names and arguments that clients of older systems use.

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

async fn call(app: &TestApp, token: &str, tool: &str, args: Value) -> Answer {
    app.post(token, "/mcp/call", json!({ "tool": tool, "args": args })).await
}

async fn done(app: &TestApp, tool: &str, args: Value) -> Value {
    call(app, app.admin(), tool, args).await.ok(200)["result"].clone()
}

async fn a_mission_is_made_and_given_up_by_tools_alone(app: TestApp) {
    let mission = done(&app, "create_mission", json!({ "name": "apollo", "description": "the moon" })).await;
    let id = mission["id"].clone();
    let changed = done(&app, "update_mission", json!({ "mission_id": id, "description": "and back" })).await;
    assert_eq!((&changed["version"], &changed["description"]), (&json!(2), &json!("and back")));
    assert_eq!(done(&app, "list_missions", json!({ "limit": 5 })).await["items"][0]["id"], id);
    let kluster = done(
        &app,
        "create_kluster",
        json!({ "mission_id": id, "name": "lander", "description": "legs and hatch" }),
    )
    .await;
    let changed =
        json!({ "kluster_id": kluster["id"], "max_running": 2, "description": "legs, hatch and parachute" });
    assert_eq!(done(&app, "update_kluster", changed).await["max_running"], 2);
    let found = done(&app, "search_klusters", json!({ "query": "parachute" })).await;
    assert_eq!(found["items"][0]["id"], kluster["id"], "{found}");
    assert_eq!(
        done(&app, "list_klusters", json!({ "mission_id": "apollo" })).await["items"][0]["name"],
        "lander"
    );

    let of = json!({ "mission_id": "apollo", "kluster_id": "lander", "title": "Weigh the legs" });
    let task = done(&app, "create_task", of).await["id"].clone();
    let mine = async || done(&app, "list_task_assignments", json!({ "kluster_id": kluster["id"] })).await;
    assert_eq!(mine().await["items"], json!([]));
    done(&app, "claim_task", json!({ "task_id": task })).await;
    assert_eq!(mine().await["items"][0]["id"], task);
    let by = async |agent: &str| done(&app, "list_task_assignments", json!({ "agent_id": agent })).await;
    assert_eq!(by("bootstrap").await["items"][0]["claim"]["principal"], "bootstrap");
    assert_eq!(by("nobody").await["items"], json!([]));
    done(&app, "release_task", json!({ "task_id": task, "attempt": 1 })).await;
    assert_eq!(mine().await["items"], json!([]));
    assert_eq!(
        done(&app, "block_task", json!({ "task_id": task, "note": "no scale" })).await["state"],
        "blocked"
    );
    assert_eq!(done(&app, "unblock_task", json!({ "task_id": task })).await["state"], "ready");
    assert_eq!(done(&app, "cancel_task", json!({ "task_id": task })).await["state"], "cancelled");
    // Only what failed is tried again.
    call(&app, app.admin(), "retry_task", json!({ "task_id": task }))
        .await
        .problem(409, "invalid-transition");

    call(&app, app.admin(), "delete_mission", json!({ "mission_id": id })).await.problem(409, "not-empty");
    done(&app, "delete_task", json!({ "task_id": task })).await;
    done(&app, "delete_kluster", json!({ "kluster_id": kluster["id"] })).await;
    done(&app, "delete_mission", json!({ "mission_id": id })).await;
    assert_eq!(done(&app, "list_missions", json!({})).await["items"], json!([]));
}

async fn a_workspace_is_used_with_the_arguments_of_older_clients(app: TestApp) {
    app.mission("apollo").await;
    let kluster = app
        .post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "work" }))
        .await
        .ok(201);
    let doc = json!({ "mission": "apollo", "kluster": "work", "name": "guide", "content": "one" });
    let doc = app.post(app.admin(), "/api/v1/docs", doc).await.ok(201);
    let load = json!({ "kluster_id": kluster["id"], "workspace_label": "mine", "agent_id": "agent-7", "lease_seconds": 120 });
    let loaded = done(&app, "load_kluster_workspace", load).await;
    let workspace = &loaded["workspace"];
    assert_eq!((&workspace["label"], &workspace["agent_id"]), (&json!("mine"), &json!("agent-7")));
    assert_eq!(workspace["lease_seconds"], 120);
    let lease = workspace["id"].clone();
    let fetched =
        done(&app, "fetch_workspace_artifact", json!({ "lease_id": lease, "artifact_id": doc["id"] })).await;
    assert_eq!(fetched["doc"]["content"], "one", "{fetched}");
    for bad in [json!({ "lease_id": lease }), json!({ "lease_id": lease, "path": "a", "artifact_id": "b" })] {
        call(&app, app.admin(), "fetch_workspace_artifact", bad).await.problem(422, "validation");
    }
    let absent = json!({ "lease_id": lease, "artifact_id": "doc_none" });
    call(&app, app.admin(), "fetch_workspace_artifact", absent).await.problem(404, "not-found");
    let commit = json!({ "lease_id": lease, "change_set": [{ "path": "docs/guide.md", "op": "update", "text": "two" }] });
    done(&app, "commit_kluster_workspace", commit).await;
    assert_eq!(done(&app, "read_doc", json!({ "doc_id": doc["id"] })).await["content"], "two");
    done(&app, "release_kluster_workspace", json!({ "lease_id": lease, "reason": "done" })).await;
}

both!(a_mission_is_made_and_given_up_by_tools_alone, a_workspace_is_used_with_the_arguments_of_older_clients,);
