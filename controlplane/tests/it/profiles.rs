//! Profiles: versions on top of the newest, seen by their owner only.

use mc_bundle::{File, Limits, Tree};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, TestApp};

fn archive(text: &str) -> Vec<u8> {
    let mut tree = Tree::default();
    let file = File { content: text.as_bytes().to_vec(), executable: false };
    tree.insert("CLAUDE.md", file).unwrap();
    tree.write()
}

async fn push(app: &TestApp, token: &str, query: &str, bytes: Vec<u8>) -> Answer {
    let request = app.client.request("POST", &format!("/api/v1/profiles?{query}"), token);
    Client::finish(request.header("content-type", "application/x-tar").body(bytes)).await.unwrap()
}

async fn a_profile_is_pushed_read_and_given_up(app: TestApp) {
    let me = app.login_as("me", "contributor").await;
    let query = "name=work&base_version=0&description=at+work&note=first";
    let first = push(&app, &me, query, archive("one")).await.ok(201);
    assert_eq!((&first["latest_version"], &first["description"]), (&json!(1), &json!("at work")));
    assert_eq!(
        (&first["file_count"], &first["sha256"]),
        (&json!(1), &json!(mc_bundle::sha256(&archive("one"))))
    );
    push(&app, &me, "name=work&base_version=0", archive("two")).await.problem(409, "version-conflict");
    let same = push(&app, &me, "name=work&base_version=1", archive("one")).await.ok(201);
    assert_eq!(same, first, "the same files make no version and no change");
    let second = push(&app, &me, "name=work&base_version=1", archive("two")).await.ok(201);
    assert_eq!((&second["latest_version"], &second["description"]), (&json!(2), &json!("at work")));
    let late = push(&app, &me, "name=work&base_version=1", archive("mine")).await;
    late.problem(409, "version-conflict");
    assert_eq!(late.body["version_conflicts"][0]["current_version"], 2, "{}", late.text);

    let versions = app.get(&me, "/api/v1/profiles/work/versions").await.ok(200);
    assert_eq!(
        (&versions["items"][0]["note"], &versions["items"][1]["number"]),
        (&json!("first"), &json!(2))
    );
    for (query, text) in [("", "two"), ("?version=1", "one")] {
        let path = format!("/api/v1/profiles/work/content{query}");
        let bytes = app.client.request("GET", &path, &me).send().await.unwrap().bytes().await.unwrap();
        let tree = Tree::read(&bytes, Limits::BUNDLE).unwrap();
        assert_eq!(tree.get("CLAUDE.md").unwrap().content, text.as_bytes());
    }
    app.get(&me, "/api/v1/profiles/work/content?version=3").await.problem(404, "not-found");
    for bad in ["name=Not+One&base_version=0", "name=x", "name=x&base_version=0&own=1"] {
        assert!((400..=422).contains(&push(&app, &me, bad, archive("x")).await.status), "{bad}");
    }
    let stale = [("if-match", "\"1\"")];
    app.client.send("DELETE", "/api/v1/profiles/work", &me, &stale, None).await.problem(412, "stale-version");
    app.delete(&me, "/api/v1/profiles/work").await.ok(204);
    app.get(&me, "/api/v1/profiles/work").await.problem(404, "not-found");
    push(&app, &me, "name=work&base_version=0", archive("anew")).await.ok(201);

    let events = app.events().await;
    let of_first = events.iter().filter(|event| json!(event.envelope.subject_id) == first["id"]);
    let actions: Vec<&str> = of_first.clone().map(|event| event.envelope.action.as_str()).collect();
    assert_eq!(actions, ["profile.push", "profile.push", "profile.drop"]);
    for event in of_first {
        assert!(!event.body.as_ref().unwrap().contains("at work"), "what is in a profile is its owner's");
    }
}

async fn nobody_else_finds_a_profile(app: TestApp) {
    let me = app.login_as("me", "contributor").await;
    let mine = push(&app, &me, "name=secret&base_version=0", archive("one")).await.ok(201);
    let id = mine["id"].as_str().unwrap();
    app.mission("here").await;
    let guest = app.login_in("guest", "here", "contributor").await;
    for token in [app.admin(), &guest] {
        for reference in [id, "secret"] {
            for rest in ["", "/versions", "/content"] {
                let path = format!("/api/v1/profiles/{reference}{rest}");
                app.get(token, &path).await.problem(404, "not-found");
            }
            let path = format!("/api/v1/profiles/{reference}");
            app.delete(token, &path).await.problem(404, "not-found");
        }
        assert_eq!(app.get(token, "/api/v1/profiles").await.ok(200)["items"], json!([]));
        // The same name is another profile.
        let own = push(&app, token, "name=secret&base_version=0", archive("own")).await.ok(201);
        assert_ne!(own["id"], mine["id"]);
    }
    assert_eq!(app.get(&me, "/api/v1/profiles").await.ok(200)["items"].as_array().unwrap().len(), 1);
}

async fn of_many_who_push_on_one_base_one_wins(app: TestApp) {
    let me = app.login_as("me", "contributor").await;
    let pushes = (0..6).map(|n| {
        let (app, me) = (&app, &me);
        async move { push(app, me, "name=work&base_version=0", archive(&n.to_string())).await }
    });
    let answers = futures_util::future::join_all(pushes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.problem(409, "version-conflict");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM profile_version").await, 1);
}

async fn archives_of_living_profiles_outlive_the_sweep(app: TestApp) {
    let me = app.login_as("me", "contributor").await;
    push(&app, &me, "name=kept&base_version=0", archive("kept")).await.ok(201);
    push(&app, &me, "name=gone&base_version=0", archive("gone")).await.ok(201);
    app.delete(&me, "/api/v1/profiles/gone").await.ok(204);
    app.advance(std::time::Duration::from_hours(49));
    let me = app.login_as("me", "contributor").await;
    assert_eq!(controlplane::artifacts::reconcile::sweep(app.app()).await.unwrap(), 1);
    assert_eq!(app.get(&me, "/api/v1/profiles/kept/content").await.status, 200);
}

async fn a_profile_is_chosen_and_kept_to(app: TestApp) {
    let me = app.login_as("me", "contributor").await;
    push(&app, &me, "name=work&base_version=0", archive("one")).await.ok(201);
    push(&app, &me, "name=work&base_version=1", archive("two")).await.ok(201);
    push(&app, &me, "name=home&base_version=0", archive("home")).await.ok(201);
    let activate = async |name: &str| {
        app.client.send("POST", &format!("/api/v1/profiles/{name}/activate"), &me, &[], None).await
    };
    assert_eq!(activate("work").await.ok(200)["activated"], true);
    assert_eq!(activate("home").await.ok(200)["activated"], true);
    assert_eq!(activate("home").await.ok(200)["version"], 2, "again changes nothing");
    let all = app.get(&me, "/api/v1/profiles").await.ok(200);
    let chosen: Vec<_> =
        all["items"].as_array().unwrap().iter().filter(|one| one["activated"] == true).collect();
    assert_eq!((chosen.len(), &chosen[0]["name"]), (1, &json!("home")));
    // Of many at once each ends with one that is activated.
    for round in 0..8 {
        let both = ["work", "home", "work", "home"].map(&activate);
        for answer in futures_util::future::join_all(both).await {
            assert!(matches!(answer.status, 200 | 412), "{}", answer.text);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM profile WHERE activated").await, 1, "round {round}");
    }

    let digest = |text: &str| mc_bundle::sha256(&archive(text));
    let pin = async |body: Value| app.post(&me, "/api/v1/profiles/work/pin", body).await;
    assert_eq!(pin(json!({ "sha256": digest("one") })).await.ok(200)["pinned_version"], 1);
    let content = async || {
        let request = app.client.request("GET", "/api/v1/profiles/work/content", &me).send().await.unwrap();
        Tree::read(&request.bytes().await.unwrap(), Limits::BUNDLE)
            .unwrap()
            .get("CLAUDE.md")
            .unwrap()
            .content
            .clone()
    };
    assert_eq!(content().await, b"one");
    push(&app, &me, "name=work&base_version=2", archive("three")).await.ok(201);
    assert_eq!(content().await, b"one", "what is pinned stays");
    let status = async |expected: &str| {
        let path = format!("/api/v1/profiles/work/status?expected_sha256={expected}");
        app.get(&me, &path).await.ok(200)
    };
    for (text, state, version) in
        [("one", "in_sync", json!(1)), ("three", "outdated", json!(3)), ("own", "drifted", json!(null))]
    {
        let now = status(&digest(text)).await;
        assert_eq!((&now["state"], &now["expected_version"]), (&json!(state), &version), "{now}");
        assert_eq!((&now["given_version"], &now["latest_version"]), (&json!(1), &json!(3)));
    }
    app.get(&me, "/api/v1/profiles/work/status?expected_sha256=x").await.problem(422, "validation");
    pin(json!({ "sha256": digest("nobody") })).await.problem(404, "not-found");
    pin(json!({ "number": 4 })).await.problem(404, "not-found");
    pin(json!({ "number": 1, "sha256": digest("one") })).await.problem(422, "validation");
    assert_eq!(pin(json!({})).await.ok(200)["pinned_version"], json!(null));
    assert_eq!(content().await, b"three");
    assert_eq!(app.get(&me, "/api/v1/profiles/work/status").await.ok(200)["state"], "unknown");

    let other = app.login_as("other", "contributor").await;
    app.client
        .send("POST", "/api/v1/profiles/work/activate", &other, &[], None)
        .await
        .problem(404, "not-found");
    app.post(&other, "/api/v1/profiles/work/pin", json!({ "number": 1 })).await.problem(404, "not-found");
    app.get(&other, "/api/v1/profiles/work/status").await.problem(404, "not-found");
    let actions: Vec<String> = app.events().await.into_iter().map(|event| event.envelope.action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "profile.pin").count(), 2, "{actions:?}");
    assert!(actions.iter().filter(|action| *action == "profile.activate").count() >= 3, "{actions:?}");
}

async fn agents_carry_profiles_through_tools(app: TestApp) {
    let call = |tool: &'static str, arguments: Value| {
        app.post(app.admin(), "/mcp/call", json!({ "tool": tool, "arguments": arguments }))
    };
    let files = json!([{ "path": "AGENTS.md", "text": "be kind" }]);
    let arguments = json!({ "name": "own", "base_version": 0, "files": files });
    assert_eq!(call("publish_profile", arguments).await.ok(200)["result"]["latest_version"], 1);
    let content = call("download_profile", json!({ "profile": "own" })).await.ok(200);
    assert_eq!(content["result"]["files"][0]["text"], "be kind");
    // The arguments of older clients.
    let named = json!({ "name": "own" });
    assert_eq!(call("activate_profile", named.clone()).await.ok(200)["result"]["activated"], true);
    let sha256 = call("get_profile", named.clone()).await.ok(200)["result"]["sha256"].clone();
    let pinned = call("pin_profile_version", json!({ "name": "own", "sha256": sha256 })).await.ok(200);
    assert_eq!(pinned["result"]["pinned_version"], 1);
    let status = call("profile_status", json!({ "name": "own", "expected_sha256": sha256 })).await.ok(200);
    assert_eq!(
        (&status["result"]["state"], &status["result"]["activated"]),
        (&json!("in_sync"), &json!(true))
    );
    call("delete_profile", json!({ "profile": "own" })).await.ok(200);
    assert_eq!(call("list_profiles", json!({})).await.ok(200)["result"]["items"], json!([]));
}

both!(
    a_profile_is_pushed_read_and_given_up,
    nobody_else_finds_a_profile,
    of_many_who_push_on_one_base_one_wins,
    archives_of_living_profiles_outlive_the_sweep,
    a_profile_is_chosen_and_kept_to,
    agents_carry_profiles_through_tools,
);
