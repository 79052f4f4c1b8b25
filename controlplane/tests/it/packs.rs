//! Packs: out of one installation and into another, without loss; what is damaged, hostile or secret is refused.

use std::collections::BTreeMap;

use mc_ledger::sha256;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, Fresh, TestApp};
use crate::restore::Process;

both!(
    a_mission_goes_over_without_loss_to_the_other_database_and_back,
    an_import_beside_others_takes_another_name_and_run_twice_changes_nothing,
    what_looks_like_a_credential_is_refused_scrubbed_or_kept,
    credentials_in_keys_and_in_binary_content_are_found_too,
    a_changed_byte_is_found_and_named,
    hostile_packs_are_refused_with_the_entry_named,
    bindings_lead_only_where_a_connection_of_this_installation_leads,
);

async fn post(app: &TestApp, path: &str, body: Value) -> Value {
    let answer = app.post(app.admin(), &format!("/api/v1{path}"), body).await;
    assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
    answer.body
}

async fn upload(app: &TestApp, query: &str, bytes: Vec<u8>) -> Value {
    let path = format!("/api/v1/artifacts?mission=demo&{query}");
    let request = app.client.request("POST", &path, app.admin()).body(bytes);
    Client::finish(request).await.unwrap().ok(201)
}

/// Bytes that repeat nowhere and are no text.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x1234_5678_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(state >> 24).unwrap()
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A mission with some of everything.
async fn fill(app: &TestApp) {
    post(app, "/missions", json!({"name": "demo", "description": "What for.", "labels": {"team": "a"}}))
        .await;
    let policy = json!({"overlap_policy": {"mode": "require_ack"}});
    app.patch(app.admin(), "/api/v1/missions/demo", policy).await.ok(200);
    post(app, "/klusters", json!({"mission": "demo", "name": "api", "max_running": 3, "runtime": "claude"}))
        .await;
    post(app, "/klusters", json!({"mission": "demo", "name": "web"})).await;
    let template = json!({"mission": "demo", "name": "bug", "task": {"title": "Fix {{ what }}"}, "parameters": [{"name": "what"}]});
    let template = post(app, "/templates", template).await;
    let path = format!("/templates/{}/versions", template["id"].as_str().unwrap());
    post(app, &path, json!({"task": {"title": "Mend {{ what }}"}, "parameters": [{"name": "what"}]})).await;
    let first = json!({"mission": "demo", "kluster": "api", "name": "schema", "title": "Write the schema", "priority": 80,
        "labels": {"area": "db"}, "paths": ["src/db/**"], "capabilities": ["sql"], "definition_of_done": "Migrated."});
    post(app, "/tasks", first).await;
    post(app, "/tasks", json!({"mission": "demo", "kluster": "api", "title": "Serve pages", "depends_on": ["demo-1"], "parent": "demo-1"})).await;
    post(app, "/tasks", json!({"mission": "demo", "kluster": "web", "title": "Draw a logo ä ü 漢字 🦀"}))
        .await;
    post(app, "/tasks", json!({"mission": "demo", "kluster": "web", "title": "Never mind"})).await;
    post(app, "/tasks/demo-4/cancel", json!({"note": "not needed"})).await;
    post(app, "/tasks/demo-1/claim", json!({})).await;
    let task = app.get(app.admin(), "/api/v1/tasks/demo-1").await.ok(200);
    let result =
        upload(app, &format!("name=result.bin&task={}", task["id"].as_str().unwrap()), noise(500_000)).await;
    post(app, "/tasks/demo-1/complete", json!({"attempt": 1, "artifact": result["id"], "result": "done so"}))
        .await;
    // Somebody works on it: in the pack it is open.
    post(app, "/tasks/demo-3/claim", json!({})).await;
    upload(app, "name=same.bin", noise(500_000)).await;
    upload(app, "name=empty.txt", Vec::new()).await;
    let twin = json!({"mission": "demo", "kluster": "web", "title": "Draw a logo ä ü 漢字 🦀", "acknowledge_overlap": ["demo-3"]});
    let twin = post(app, "/tasks", twin).await;
    assert_eq!(twin["overlap_suggestions"].as_array().unwrap().len(), 1, "{twin}");
    let open = app.get(app.admin(), "/api/v1/overlaps?mission=demo").await.ok(200);
    let id = open["items"][0]["id"].as_str().unwrap();
    post(app, &format!("/overlaps/{id}/dismiss"), json!({"reason": "two logos"})).await;
    let doc = json!({"mission": "demo", "kluster": "api", "name": "design", "title": "Design", "content": "# One\n"});
    let doc = post(app, "/docs", doc).await;
    let path = format!("/docs/{}", doc["id"].as_str().unwrap());
    post(
        app,
        &format!("{path}/versions"),
        json!({"base_version": 1, "content": "# Two\n", "note": "better"}),
    )
    .await;
    post(app, &format!("{path}/publish"), json!({"version": 2})).await;
    post(app, &format!("{path}/versions"), json!({"base_version": 2, "content": "# One\n", "note": "back"}))
        .await;
    post(app, "/keystones", json!({"mission": "demo"})).await;
    let rows = json!([{"line": 1, "external_id": "X-1", "title": "From elsewhere"}]);
    post(app, "/tasks/import", json!({"mission": "demo", "kluster": "web", "source": "s", "rows": rows}))
        .await;
    let manifest = json!({"apiVersion": "missioncontrol.dev/v1", "kind": "Kluster", "metadata": {"name": "ops", "mission": "demo"}, "spec": {"description": "applied"}});
    post(app, "/apply", json!({"documents": [manifest], "field_manager": "robot"})).await;
}

async fn export(app: &TestApp, token: &str, mission: &str, query: &str) -> Answer {
    app.get(token, &format!("/api/v1/missions/{mission}/export{query}")).await
}

async fn pack(app: &TestApp, mission: &str) -> String {
    let answer = export(app, app.admin(), mission, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-length"), answer.text.len().to_string());
    answer.text
}

async fn import(app: &TestApp, query: &str, text: &str) -> Answer {
    let request = app.client.request("POST", &format!("/api/v1/packs/import{query}"), app.admin());
    Client::finish(request.body(text.to_owned())).await.unwrap()
}

/// The records of a pack with ids by order of their first appearance, and without who and when of this installation.
fn picture(text: &str) -> Vec<Value> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["record"].take());
    let mut all: Vec<Value> = records.filter(|record| record["type"] != "end").collect();
    for record in &mut all {
        plain(record, &mut seen);
    }
    all
}

fn plain(value: &mut Value, seen: &mut BTreeMap<String, usize>) {
    match value {
        Value::Object(members) => {
            for key in ["created_by", "author", "author_id", "decided_by"] {
                if members.get(key).is_some_and(|id| id.as_str().is_some_and(|id| id.starts_with("prn_"))) {
                    members.insert(key.into(), json!("somebody"));
                }
            }
            if members.get("kind") == Some(&json!("publication_policy")) {
                members.remove("updated_at");
            }
            members.values_mut().for_each(|member| plain(member, seen));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plain(item, seen)),
        Value::String(text) => {
            let is_id = text.split_once('_').is_some_and(|(prefix, hex)| {
                prefix.len() <= 8 && hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
            });
            if is_id {
                let next = seen.len();
                *text = format!("#{}", seen.entry(text.clone()).or_insert(next));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[track_caller]
fn same(one: &str, other: &str) {
    let (one, other) = (picture(one), picture(other));
    for (a, b) in one.iter().zip(&other) {
        assert_eq!(a, b);
    }
    assert_eq!(one.len(), other.len());
}

async fn a_mission_goes_over_without_loss_to_the_other_database_and_back(app: TestApp) {
    fill(&app).await;
    let first = pack(&app, "demo").await;
    assert_eq!(first, pack(&app, "demo").await, "the same state gives the same bytes");
    for sort in [
        "mission",
        "kluster",
        "template",
        "task",
        "chunk",
        "artifact",
        "doc",
        "doc_version",
        "overlap",
        "owner",
        "end",
    ] {
        assert!(first.contains(&format!("{{\"type\":\"{sort}\"")), "{sort}");
    }
    let chunks = first.matches("{\"type\":\"chunk\"").count();
    // 500 000 bytes in three parts once, the empty content, two texts and the keystone.
    assert_eq!(chunks, 7, "each content is there once");

    let other = if app.database == Database::Sqlite { Database::Postgres } else { Database::Sqlite };
    let Some(place) = other.place("packs::other_database") else { return };
    let fresh = Fresh::create(place).await;
    let there = TestApp::start(&fresh).await;
    let imported = import(&there, "", &first).await.ok(200);
    assert_eq!(
        (&imported["result"], &imported["counts"]["tasks"]),
        (&json!("created"), &json!(6)),
        "{imported}"
    );
    let second = pack(&there, "demo").await;
    same(&first, &second);

    // Each object has its event, which says where it comes from.
    let events: Vec<_> =
        there.events().await.into_iter().filter(|event| event.envelope.action == "mission.import").collect();
    let objects = picture(&first).iter().filter(|record| record.get("object").is_some()).count();
    assert_eq!(events.len(), objects);
    for event in &events {
        let body: Value = serde_json::from_str(event.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["after"]["imported"]["pack_sha256"], imported["sha256"], "{body}");
        assert!(body["after"]["imported"]["original_id"].as_str().unwrap().contains('_'));
    }
    // It lives: it is read, found, worked on.
    let task = there.get(there.admin(), "/api/v1/tasks/demo-1").await.ok(200);
    assert_eq!((&task["state"], &task["result"]), (&json!("done"), &json!("done so")));
    let path = format!("/api/v1/artifacts/{}/content", task["result_artifact_id"].as_str().unwrap());
    let request = there.client.request("GET", &path, there.admin()).send().await.unwrap();
    assert_eq!(request.bytes().await.unwrap(), noise(500_000));
    let text =
        there.get(there.admin(), "/api/v1/docs/design/content?mission=demo&kluster=api&version=2").await;
    assert_eq!(text.text, "# Two\n");
    crate::harness::eventually("it is found", || async {
        let found = there.get(there.admin(), "/api/v1/search?q=schema&mission=demo").await.ok(200);
        (!found["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    post(&there, "/tasks/demo-2/claim", json!({})).await;
    let new =
        post(&there, "/tasks", json!({"mission": "demo", "kluster": "ops", "title": "Goes on from here"}))
            .await;
    let number: i64 = new["key"].as_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap();
    assert!(number > 6, "{number}");

    // And back again, beside the original.
    let back = import(&app, "?name=returned", &second).await.ok(200);
    assert_eq!(back["key_prefix"], "returned");
    let third = pack(&app, "returned").await;
    same(&first, &third.replace("\"returned\"", "\"demo\"").replace("\"returned-", "\"demo-"));
    drop(there);
    fresh.remove().await;
}

async fn an_import_beside_others_takes_another_name_and_run_twice_changes_nothing(app: TestApp) {
    fill(&app).await;
    let text = pack(&app, "demo").await;
    import(&app, "", &text).await.problem(409, "name-taken");
    let before = app.count("SELECT COUNT(*) FROM ledger_event").await;
    let dry = import(&app, "?name=copy&dry_run=true", &text).await.ok(200);
    assert_eq!((&dry["result"], &dry["mission_id"]), (&json!("dry_run"), &Value::Null));
    assert_eq!(app.count("SELECT COUNT(*) FROM ledger_event").await, before);
    let made = import(&app, "?name=copy", &text).await.ok(200);
    let rows = app.count("SELECT COUNT(*) FROM task").await;
    let again = import(&app, "?name=copy", &text).await.ok(200);
    assert_eq!((&again["result"], &again["mission_id"]), (&json!("unchanged"), &made["mission_id"]));
    assert_eq!(app.count("SELECT COUNT(*) FROM task").await, rows);
    // Beside itself: one of both makes it.
    let (one, two) = tokio::join!(import(&app, "?name=twin", &text), import(&app, "?name=twin", &text));
    let mut results = [one.ok(200), two.ok(200)].map(|answer| answer["result"].as_str().unwrap().to_owned());
    results.sort();
    assert_eq!(results, ["created", "unchanged"]);
    // Whoever is no Admin brings nothing in, and whoever may only look takes nothing out.
    let worker = app.login_as("worker", "contributor").await;
    let request = app.client.request("POST", "/api/v1/packs/import?name=x", &worker).body(text);
    Client::finish(request).await.unwrap().problem(403, "forbidden");
    let viewer = app.login_as("viewer", "viewer").await;
    export(&app, &viewer, "demo", "").await.problem(403, "forbidden");
    let stranger = app.login_in("stranger", "copy", "admin").await;
    export(&app, &stranger, "demo", "").await.problem(404, "not-found");
}

async fn what_looks_like_a_credential_is_refused_scrubbed_or_kept(app: TestApp) {
    app.mission("demo").await;
    post(&app, "/klusters", json!({"mission": "demo", "name": "api"})).await;
    let aws = format!("AK{}", "IAZ3MFQ7EXBMPQ2RTX");
    let github = format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p');
    let ours = format!("mcs_{}", "Zx9-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T");
    let task = json!({"mission": "demo", "kluster": "api", "title": "Deploy", "description": format!("one\ntwo\nkey {aws} here\n")});
    post(&app, "/tasks", task).await;
    let labelled = json!({"mission": "demo", "kluster": "api", "title": "Else", "annotations": {"api_token": "q7R8s9Tu1V2w3X4y5Z6a7B8c"}});
    post(&app, "/tasks", labelled).await;
    let doc =
        json!({"mission": "demo", "name": "notes", "content": format!("# Notes\n\nlogin with {ours}\n")});
    post(&app, "/docs", doc).await;
    upload(&app, "name=env.txt", format!("A=1\nB=2\nTOKEN={github}\n").into_bytes()).await;
    upload(&app, "name=lock.txt", format!("checksum = \"{}\"\n", sha256(b"x")).into_bytes()).await;

    let refused = export(&app, app.admin(), "demo", "").await;
    refused.problem(422, "secrets-found");
    let told: Vec<(String, String)> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["pointer"].as_str().unwrap().into(), one["message"].as_str().unwrap().into()))
        .collect();
    let has = |place: &str, what: &str| told.iter().any(|(at, said)| at.contains(place) && said == what);
    assert!(has("task demo-1/description", "line 3: aws-access-key"), "{told:?}");
    assert!(has("task demo-2/annotations/api_token", "line 1: assigned-secret"), "{told:?}");
    assert!(has("doc notes version 1", "line 3: missioncontrol-token"), "{told:?}");
    assert!(has("(env.txt)", "line 3: github-token"), "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
    let secrets = [aws.as_str(), &github, &ours, "q7R8s9Tu1V2w3X4y5Z6a7B8c"];
    for secret in secrets {
        assert!(!refused.text.contains(secret));
    }
    let call = json!({"tool": "inspect_mission_export", "arguments": {"mission": "demo"}});
    let seen = app.post(app.admin(), "/mcp/call", call).await.ok(200);
    assert_eq!(seen["result"]["secrets_found"], 4);

    let worker = app.login_as("worker", "contributor").await;
    let scrubbed = export(&app, &worker, "demo", "?secrets=scrub").await;
    assert_eq!((scrubbed.status, scrubbed.header("x-pack-secrets")), (200, "4"), "{}", scrubbed.text);
    import(&app, "?name=clean", &scrubbed.text).await.ok(200);
    let clean = export(&app, &worker, "clean", "?secrets=refuse").await;
    assert_eq!(clean.status, 200, "what was scrubbed is clean: {}", clean.text);
    let task = app.get(app.admin(), "/api/v1/tasks/clean-1").await.ok(200);
    assert_eq!(task["description"], "one\ntwo\nkey [scrubbed:aws-access-key] here\n");
    let text = app.get(app.admin(), "/api/v1/docs/notes/content?mission=clean").await;
    assert_eq!(text.text, "# Notes\n\nlogin with [scrubbed:missioncontrol-token]\n");

    export(&app, &worker, "demo", "?secrets=keep").await.problem(403, "forbidden");
    let kept = export(&app, app.admin(), "demo", "?secrets=keep").await;
    assert!(kept.text.contains(&aws));
    let actions: Vec<String> = app.events().await.into_iter().map(|event| event.envelope.action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "mission.export_secrets").count(), 1);
    assert_eq!(actions.iter().filter(|action| *action == "mission.export").count(), 2);
}

async fn credentials_in_keys_and_in_binary_content_are_found_too(app: TestApp) {
    app.mission("demo").await;
    post(&app, "/klusters", json!({"mission": "demo", "name": "api"})).await;
    let aws = format!("AK{}", "IAZ3MFQ7EXBMPQ2RTX");
    let github = format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p');
    let task =
        json!({"mission": "demo", "kluster": "api", "title": "Deploy", "labels": {aws.as_str(): "prod"}});
    post(&app, "/tasks", task).await;
    let mut program = noise(3000);
    program.extend(format!("\0{github}\0").as_bytes());
    program.extend(noise(3000));
    let stored = upload(&app, "name=program.bin", program.clone()).await;

    let refused = export(&app, app.admin(), "demo", "").await;
    refused.problem(422, "secrets-found");
    let told = refused.body["errors"].to_string();
    assert!(told.contains("task demo-1/labels/(a key)") && told.contains("aws-access-key"), "{told}");
    assert!(told.contains("(program.bin)") && told.contains("github-token"), "{told}");
    assert!(!refused.text.contains(&aws) && !refused.text.contains(&github));
    let scrubbed = export(&app, app.admin(), "demo", "?secrets=scrub").await;
    assert_eq!((scrubbed.status, scrubbed.header("x-pack-secrets")), (200, "2"), "{}", scrubbed.text);
    import(&app, "?name=clean", &scrubbed.text).await.ok(200);
    let task = app.get(app.admin(), "/api/v1/tasks/clean-1").await.ok(200);
    assert_eq!(task["labels"], json!({"scrubbed-aws-access-key-1": "prod"}));
    let found = app.get(app.admin(), "/api/v1/artifacts?mission=clean").await.ok(200);
    let copy = &found["items"][0];
    assert_eq!(copy["size_bytes"], stored["size_bytes"], "everything else stays where it is");
    let path = format!("/api/v1/artifacts/{}/content", copy["id"].as_str().unwrap());
    let request = app.client.request("GET", &path, app.admin()).send().await.unwrap();
    let bytes = request.bytes().await.unwrap();
    let changed: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != program[*at]).collect();
    assert_eq!((changed[0], changed.len()), (3001, github.len()));
    let clean = export(&app, app.admin(), "clean", "?secrets=refuse").await;
    assert_eq!(clean.status, 200, "{}", clean.text);
}

/// Memory that a pack of many bytes takes: neither side holds it. `MC_TEST_DRILL=full` takes 200 MB.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_pack_takes_little_memory() {
    let is_full = crate::harness::database::environment("MC_TEST_DRILL").is_some_and(|word| word == "full");
    let (count, size) = if is_full { (4, 50_000_000) } else { (2, 20_000_000) };
    let quiet = std::collections::HashMap::from([("MC_OVERLAP_DETECTION".to_owned(), "off".to_owned())]);
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Process::start_with(a.path(), None, None, quiet.clone()).await;
    first.post("/missions", json!({"name": "demo"})).await;
    for number in 0..count {
        let mut bytes = noise(size);
        bytes[0] = number;
        let path = format!("/api/v1/artifacts?mission=demo&name=large-{number}.bin");
        let request = first.client.request("POST", &path, &first.token).body(bytes);
        Client::finish(request).await.unwrap().ok(201);
    }
    let before = first.peak();
    let path = "/api/v1/missions/demo/export?secrets=keep";
    let mut response = first.client.request("GET", path, &first.token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut pack = Vec::new();
    while let Some(part) = response.chunk().await.unwrap() {
        pack.extend_from_slice(&part);
    }
    let exporting = first.peak() - before;
    first.kill().await;
    let second = Process::start_with(b.path(), None, None, quiet).await;
    let (before, length) = (second.peak(), pack.len());
    let request = second.client.request("POST", "/api/v1/packs/import", &second.token).body(pack);
    Client::finish(request).await.unwrap().ok(200);
    let importing = second.peak() - before;
    second.kill().await;
    let told =
        format!("a pack of {length} bytes: {exporting} bytes of memory to export, {importing} to import");
    assert!(length > usize::from(count) * size && exporting < 24 << 20 && importing < 24 << 20, "{told}");
}

async fn a_changed_byte_is_found_and_named(app: TestApp) {
    fill(&app).await;
    let text = pack(&app, "demo").await;
    let objects = app.count("SELECT COUNT(*) FROM task").await;
    for n in 0..60 {
        let at = (n * 7919 + 13) % text.len();
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 0x01;
        let line = text.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        let request = app.client.request("POST", "/api/v1/packs/import?name=x", app.admin()).body(bytes);
        let detail = Client::finish(request).await.unwrap().problem(422, "pack-invalid");
        // A changed end of line shows in the one it runs into.
        assert!(detail.contains(&format!("line {line} ")) || text.as_bytes()[at] == b'\n', "{at}: {detail}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    for broken in [
        join(&lines[..lines.len() - 1]),
        text[..text.len() / 2].to_owned(),
        join(&[&lines[..5], &lines[6..]].concat()),
        join(&[&lines[..5], &[lines[6], lines[5]], &lines[7..]].concat()),
        format!("{text}{}\n", lines[4]),
        String::new(),
    ] {
        import(&app, "?name=x", &broken).await.problem(422, "pack-invalid");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM task").await, objects);
}

/// A pack of these records, with good digests.
fn sealed(records: &[String]) -> String {
    let (mut text, mut digests) = (String::new(), String::new());
    let mut add = |record: &str| {
        let digest = sha256(record.as_bytes()).to_string();
        text += &["{\"sha256\":\"", &digest, "\",\"record\":", record, "}\n"].concat();
        digests += &digest;
        sha256(digests.as_bytes()).to_string()
    };
    let mut overall = String::new();
    for record in records {
        overall = add(record);
    }
    let n = records.len();
    add(&format!("{{\"type\":\"end\",\"records\":{n},\"sha256\":\"{overall}\"}}"));
    text
}

async fn hostile_packs_are_refused_with_the_entry_named(app: TestApp) {
    fill(&app).await;
    let text = pack(&app, "demo").await;
    let prefix = "{\"sha256\":\"".len() + 64 + "\",\"record\":".len();
    let mut records: Vec<String> = text.lines().map(|line| line[prefix..line.len() - 1].to_owned()).collect();
    records.pop();
    assert_eq!(sealed(&records), text, "the test seals as the product does");
    let counts = |app: &TestApp| {
        let url = app.config.database_url();
        async move { crate::harness::database::column(&url, "SELECT CAST(COUNT(*) AS TEXT) FROM mission").await }
    };
    let before = counts(&app).await;
    let id = |key: &str| {
        let record = records.iter().find(|r| r.contains(&format!("\"key\":\"{key}\",\"name\""))).unwrap();
        serde_json::from_str::<Value>(record).unwrap()["object"]["id"].as_str().unwrap().to_owned()
    };
    let (one, two) = (id("demo-1"), id("demo-2"));
    let edge = format!("{{\"id\":\"{two}\",\"key\":\"demo-2\",\"state\":\"pending\"}}");
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let changes: Vec<(&str, String, String, &str)> = vec![
        (
            "task",
            "\"title\":\"Write the schema\"".into(),
            "\"title\":\"x\",\"surprise\":1".into(),
            "/object/surprise is unknown",
        ),
        (
            "task",
            "\"title\":\"Write the schema\"".into(),
            format!("\"title\":\"{}\"", "x".repeat(400)),
            "task demo-1",
        ),
        ("task", "\"depends_on\":[]".into(), format!("\"depends_on\":[{edge}]"), "waits in a circle"),
        ("task", "\"parent_id\":null".into(), format!("\"parent_id\":\"{two}\""), "its own parent"),
        ("task", format!("\"id\":\"{one}\""), format!("\"id\":\"{two}\""), "its id is there twice"),
        ("task", "\"key\":\"demo-1\",".into(), "\"key\":\"other-1\",".into(), "/key"),
        ("task", "\"state\":\"done\"".into(), "\"state\":\"running\"".into(), "somebody holds it"),
        ("task", "\"state\":\"done\"".into(), format!("\"state\":{deep}"), "line "),
        (
            "artifact",
            "\"name\":\"result.bin\"".into(),
            "\"name\":\"../../etc/passwd\"".into(),
            "artifact art_",
        ),
        ("artifact", "\"media_type\":\"".into(), "\"media_type\":\"x\\r\\ny:".into(), "artifact art_"),
        ("artifact", "\"size_bytes\":500000".into(), "\"size_bytes\":5".into(), "another digest or size"),
        ("artifact", "\"size_bytes\":500000".into(), "\"size_bytes\":99999999999999".into(), "too large"),
        ("chunk", "\"at\":0".into(), "\"at\":7".into(), "a part of the content is missing"),
        (
            "doc",
            "\"latest_version\":3".into(),
            "\"latest_version\":4".into(),
            "versions of design are missing",
        ),
        ("doc", "\"keystone\":false".into(), "\"keystone\":true".into(), "/keystone"),
        ("kluster", "\"max_running\":3".into(), "\"max_running\":-3".into(), "/max_running"),
        ("mission", "\"next_number\":".into(), "\"next_number\":-".into(), "/next_number"),
        ("pack", "\"version\":1".into(), "\"version\":2".into(), "another version"),
    ];
    for (sort, from, to, said) in changes {
        let mut records = records.clone();
        let start = format!("{{\"type\":\"{sort}\"");
        let found = records.iter_mut().find(|r| r.starts_with(&start) && r.contains(&from));
        let record = found.unwrap_or_else(|| panic!("{sort}: {from}"));
        *record = record.replacen(&from, &to, 1);
        let detail = import(&app, "?name=x", &sealed(&records)).await.problem(422, "pack-invalid");
        assert!(detail.contains(said), "{to:.60}: {detail}");
    }
    // A line that does not end.
    let long = format!("{{\"sha256\":\"{}", "a".repeat(5 << 20));
    let detail = import(&app, "?name=x", &long).await.problem(422, "pack-invalid");
    assert!(detail.contains("line 1") && detail.contains("too long"), "{detail}");
    assert_eq!(counts(&app).await, before);
}

async fn bindings_lead_only_where_a_connection_of_this_installation_leads(app: TestApp) {
    app.mission("demo").await;
    let connection = json!({"name": "here", "connection_kind": "local", "url": "/srv/git"});
    post(&app, "/connections", connection).await;
    let provision =
        json!({"mission_id": "demo", "connection": "here", "repository": "ledger.git", "binding": "main"});
    post(&app, "/bindings/provision", provision).await;
    let text = pack(&app, "demo").await;
    assert!(text.contains("{\"type\":\"binding\""));
    // Beside itself the place is taken: nothing is sent anywhere.
    let beside = import(&app, "?name=copy", &text).await.ok(200);
    assert!(beside["notes"].to_string().contains("another one publishes there"), "{beside}");
    let policy = app.get(app.admin(), "/api/v1/publication-policies/copy").await.ok(200);
    assert_eq!((&policy["default_binding"], &policy["fail_closed"]), (&Value::Null, &json!(true)));
    // In another installation without that connection it is not made, with it it is.
    let Some(place) = app.database.place("packs::bindings") else { return };
    let fresh = Fresh::create(place).await;
    let there = TestApp::start(&fresh).await;
    let alone = import(&there, "?name=alone", &text).await.ok(200);
    assert!(alone["notes"].to_string().contains("there is no connection here"), "{alone}");
    let elsewhere = json!({"name": "here", "connection_kind": "local", "url": "/srv/git"});
    post(&there, "/connections", elsewhere).await;
    let whole = import(&there, "", &text).await.ok(200);
    assert_eq!(whole["notes"], json!([]));
    same(&text, &pack(&there, "demo").await);
    drop(there);
    fresh.remove().await;
}

/// Killed in the middle, an import leaves nothing, and works afterwards.
async fn killed_while_importing(database: Database, point: &str) {
    let Some(place) = database.place("packs::killed_while_importing") else { return };
    let fresh = Fresh::create(place).await;
    let from = tempfile::tempdir().unwrap();
    let first = Process::start(from.path(), None).await;
    crate::restore::fill(&first).await;
    let text = first.client.send("GET", "/api/v1/missions/demo/export", &first.token, &[], None).await.text;
    first.kill().await;

    let folder = tempfile::tempdir().unwrap();
    let second = Process::start_on(folder.path(), fresh.url(), Some(point)).await;
    let request = second.client.request("POST", "/api/v1/packs/import", &second.token).body(text.clone());
    let mut asked = tokio::task::JoinSet::new();
    asked.spawn(Client::finish(request));
    second.kill_at_point().await;
    assert!(asked.join_next().await.unwrap().unwrap().is_err(), "{point}: nobody answered");

    let third = Process::start_on(folder.path(), fresh.url(), None).await;
    for path in ["/missions", "/klusters", "/tasks", "/docs", "/artifacts"] {
        assert_eq!(third.get(path).await["items"], json!([]), "{point}: {path}");
    }
    let request = third.client.request("POST", "/api/v1/packs/import", &third.token).body(text);
    let imported = Client::finish(request).await.unwrap().ok(200);
    assert_eq!(imported["result"], "created");
    third.verify().await;
    third.kill().await;
    fresh.remove().await;
}

macro_rules! killed {
    ($($name:ident: $database:ident, $point:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            killed_while_importing(Database::$database, $point).await;
        }
    )+};
}

killed! {
    killed_before_rows_on_sqlite: Sqlite, "pack-before-rows";
    killed_before_rows_on_postgres: Postgres, "pack-before-rows";
    killed_before_commit_on_sqlite: Sqlite, "pack-before-commit";
    killed_before_commit_on_postgres: Postgres, "pack-before-commit";
}
