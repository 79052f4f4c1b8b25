//! Skill bundles: versions that never change, what holds in a kluster, hostile archives, who has what.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_bundle::{File, Limits, Tree};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, TestApp};

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, content) in files {
        let executable = path.ends_with("run.sh");
        tree.insert(path, File { content: content.as_bytes().to_vec(), executable }).unwrap();
    }
    tree
}

async fn send(app: &TestApp, token: &str, place: &str, bytes: Vec<u8>) -> Answer {
    let request = app.client.request("POST", &format!("/api/v1/skills?{place}"), token);
    Client::finish(request.header("content-type", "application/x-tar").body(bytes)).await.unwrap()
}

/// Stores files as the next version of the bundle of a place.
pub(crate) async fn push(app: &TestApp, token: &str, place: &str, files: &[(&str, &str)]) -> Answer {
    send(app, token, place, tree(files).write()).await
}

/// An archive with a list of what it takes out.
fn removing(files: &[(&str, &str)], list: &str) -> Vec<u8> {
    let mut bytes = tree(files).write();
    let mut own = tar(".mc-remove", list.as_bytes(), b'0');
    // Before the two blocks that end an archive.
    own.extend_from_slice(&std::mem::take(&mut bytes));
    own
}

/// One entry of an archive, as a hostile program may write it.
fn tar(name: &str, content: &[u8], kind: u8) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[157..163].copy_from_slice(b"/etc/x");
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut bytes = [&header[..], content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// The mission `apollo` with the kluster `work`.
async fn apollo(app: &TestApp) {
    app.mission("apollo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "work" })).await.ok(201);
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

async fn step(app: &TestApp, id: &str, verb: &str) -> Answer {
    app.client.send("POST", &format!("/api/v1/skills/{id}/{verb}"), app.admin(), &[], None).await
}

async fn effective(app: &TestApp, query: &str) -> Value {
    app.get(app.admin(), &format!("/api/v1/skills/effective?mission=apollo{query}")).await.ok(200)
}

async fn content(app: &TestApp, path: &str) -> (Vec<u8>, String) {
    let response = app.client.request("GET", path, app.admin()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let etag = response.headers()["etag"].to_str().unwrap().trim_matches('"').to_owned();
    (response.bytes().await.unwrap().to_vec(), etag)
}

const K: &str = "mission=apollo&kluster=work";

async fn a_kluster_stands_over_its_mission_and_the_whole_is_signed(app: TestApp) {
    apollo(&app).await;
    let nothing = effective(&app, "&kluster=work").await;
    assert_eq!((&nothing["effective_version"], &nothing["files"]), (&json!("m0-k0"), &json!([])));

    let of_mission = [("deploy/SKILL.md", "mission"), ("deploy/run.sh", "x"), ("old/SKILL.md", "old")];
    let m1 = push(&app, app.admin(), "mission=apollo", &of_mission).await.ok(201);
    assert_eq!((&m1["name"], &m1["state"], &m1["number"]), (&json!("m1"), &json!("draft"), &json!(1)));
    assert_eq!(m1["sha256"], mc_bundle::sha256(&tree(&of_mission).write()));
    let again = push(&app, app.admin(), "mission=apollo", &of_mission).await.ok(201);
    assert_eq!(again, m1, "the same archive makes no other version");
    assert_eq!(effective(&app, "").await["effective_version"], "m0-k0", "a draft holds nowhere");
    let published = step(&app, &id(&m1), "publish").await.ok(200);
    assert_eq!((&published["state"], &published["version"]), (&json!("published"), &json!(2)));

    let archive = removing(&[("deploy/SKILL.md", "kluster")], "# what is out of date\nold/\n");
    let k1 = send(&app, app.admin(), K, archive).await.ok(201);
    assert_eq!((&k1["name"], &k1["removes"]), (&json!("k1"), &json!(["old"])));
    step(&app, &id(&k1), "publish").await.ok(200);
    let snapshot = effective(&app, "&kluster=work").await;
    assert_eq!(snapshot["effective_version"], "m1-k1");
    let files: Vec<(&str, &str)> = snapshot["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), file["from"].as_str().unwrap()))
        .collect();
    assert_eq!(files, [("deploy/SKILL.md", "k1"), ("deploy/run.sh", "m1")]);
    assert_eq!(snapshot["removed"], json!(["old/SKILL.md"]));
    let path = "/api/v1/skills/effective/content?mission=apollo&kluster=work";
    let (bytes, etag) = content(&app, path).await;
    assert_eq!((&json!(etag), &json!(mc_bundle::sha256(&bytes))), (&snapshot["sha256"], &snapshot["sha256"]));
    let expected = tree(&[("deploy/SKILL.md", "kluster"), ("deploy/run.sh", "x")]);
    assert_eq!(Tree::read(&bytes, Limits::SNAPSHOT).unwrap(), expected);
    assert_eq!(content(&app, path).await.0, bytes, "the same bundles give the same bytes");

    // The signature is of the key that nodes know, over what both sides write.
    let text = |name: &str| snapshot[name].as_str().unwrap().to_owned();
    let message = mc_proto::skill_snapshot_message(
        &text("mission_id"),
        &text("kluster_id"),
        &text("effective_version"),
        &text("sha256"),
    );
    let (key_id, key) = app.app().keyring.command_keys().last().unwrap();
    assert_eq!(snapshot["key_id"], key_id);
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key);
    let signature = STANDARD.decode(text("signature")).unwrap();
    key.verify(&message, &signature).unwrap();
    assert!(key.verify(&[message, b"x".to_vec()].concat(), &signature).is_err());

    // Where no kluster is, the mission's holds alone; what is newer takes its place, and going back is a deprecation.
    assert_eq!(effective(&app, "").await["effective_version"], "m1-k0");
    let m2 = push(&app, app.admin(), "mission=apollo", &[("new/SKILL.md", "n")]).await.ok(201);
    step(&app, &id(&m2), "publish").await.ok(200);
    assert_eq!(effective(&app, "&kluster=work").await["effective_version"], "m2-k1");
    let older = effective(&app, "&kluster=work&version=m1-k1").await;
    assert_eq!((&older["sha256"], &older["files"]), (&snapshot["sha256"], &snapshot["files"]));
    let deprecated = step(&app, &id(&m2), "deprecate").await.ok(200);
    assert_eq!(step(&app, &id(&m2), "deprecate").await.ok(200), deprecated);
    step(&app, &id(&m2), "publish").await.problem(409, "invalid-transition");
    assert_eq!(effective(&app, "&kluster=work").await["sha256"], snapshot["sha256"]);
    let m3 = push(&app, app.admin(), "mission=apollo", &[("new/SKILL.md", "n")]).await.ok(201);
    assert_eq!(m3["name"], "m3", "what is out of use comes back as a new version");

    for bad in ["m9-k0", "m0-k9", "m3-k0"] {
        let path = format!("/api/v1/skills/effective?{K}&version={bad}");
        app.get(app.admin(), &path).await.problem(404, "not-found");
    }
    let path = format!("/api/v1/skills/effective?{K}&version=newest");
    app.get(app.admin(), &path).await.problem(422, "validation");

    let manifest =
        app.get(app.admin(), "/api/v1/skills/k1/manifest?mission=apollo&kluster=work").await.ok(200);
    assert_eq!(
        (&manifest["files"][0]["path"], &manifest["removes"][0]),
        (&json!("deploy/SKILL.md"), &json!("old"))
    );
    let listed = app.get(app.admin(), "/api/v1/skills?mission=apollo&state=published").await.ok(200);
    let names: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, [&json!("m1"), &json!("k1")]);
    app.get(app.admin(), "/api/v1/skills/m1").await.problem(422, "validation");
    app.get(app.admin(), "/api/v1/skills/k7?mission=apollo&kluster=work").await.problem(404, "not-found");

    let events = app.events().await;
    let of_m2 = events.iter().filter(|event| event.envelope.subject_id == id(&m2));
    let actions: Vec<&str> = of_m2.map(|event| event.envelope.action.as_str()).collect();
    assert_eq!(actions, ["skill.create", "skill.publish", "skill.deprecate"]);
}

async fn a_hostile_archive_is_refused_and_names_its_entry(app: TestApp) {
    apollo(&app).await;
    let two = |a: &str, b: &str| [tar(a, b"x", b'0'), tar(b, b"x", b'0')].concat();
    let many: Vec<u8> = (0..=2000).flat_map(|n| tar(&format!("f{n}"), b"", b'0')).collect();
    let big = vec![0; 4 * 1024 * 1024 + 1];
    for (archive, said) in [
        (tar("/etc/cron.d/x", b"x", b'0'), "/etc/cron.d/x: an absolute path"),
        (tar("../../x", b"x", b'0'), "../../x: a path that leads out"),
        (tar("link", b"", b'2'), "link: a symbolic link"),
        (tar("link", b"", b'1'), "link: a hard link"),
        (tar("dev", b"", b'3'), "dev: a device"),
        (tar(".git/hooks/x", b"x", b'0'), ".git/hooks/x: a name that Git acts on"),
        (two("a", "a"), "a: is there twice"),
        (two("SKILL.md", "skill.md"), "skill.md: has the same name as SKILL.md"),
        (many, "f2000: more than 2000 files"),
        (tar("big", &big, b'0'), "big: larger than"),
        (tar(".mc-remove", b"../x", b'0'), "../x: a path that leads out"),
        (b"no archive".to_vec(), "is no tar archive"),
    ] {
        let refused = send(&app, app.admin(), K, archive).await;
        refused.problem(422, "validation");
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
    let parts = (0..25).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 1 << 20])).collect::<Vec<_>>();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let large = app.client.request("POST", &format!("/api/v1/skills?{K}"), app.admin()).body(body);
    match Client::finish(large).await {
        Ok(answer) => {
            answer.problem(413, "body-too-large");
        }
        // Whoever still writes when the connection ends may not come to read the answer.
        Err(error) => assert!(error.is_request(), "{error:?}"),
    }
    let only_of_a_kluster = send(&app, app.admin(), "mission=apollo", removing(&[("a", "a")], "b")).await;
    only_of_a_kluster.problem(422, "validation");
    assert_eq!(app.count("SELECT COUNT(*) FROM skill_bundle").await, 0);
    send(&app, app.admin(), "mission=apollo&kluster=nowhere", Vec::new()).await.problem(404, "not-found");
    send(&app, app.admin(), "mission=apollo&own=1", Vec::new()).await.problem(400, "malformed-request");
}

async fn of_many_who_push_at_once_each_has_its_number(app: TestApp) {
    apollo(&app).await;
    let pushes = (0..8).map(|n| {
        let app = &app;
        async move { push(app, app.admin(), K, &[("a/SKILL.md", &n.to_string())]).await.ok(201) }
    });
    let mut numbers: Vec<i64> = futures_util::future::join_all(pushes)
        .await
        .iter()
        .map(|bundle| bundle["number"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<i64>>());
    // An answer that was lost is asked for again: one version.
    let archive = tree(&[("b", "b")]).write();
    let once = || {
        let request = app.client.request("POST", &format!("/api/v1/skills?{K}"), app.admin());
        Client::finish(request.header("idempotency-key", "k").body(archive.clone()))
    };
    let (first, second) = (once().await.unwrap().ok(201), once().await.unwrap());
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!((first["number"].as_i64(), second.ok(201)), (Some(9), first));
    let other = app.client.request("POST", &format!("/api/v1/skills?{K}"), app.admin());
    let other = other.header("idempotency-key", "k").body(tree(&[("c", "c")]).write());
    Client::finish(other).await.unwrap().problem(422, "idempotency-key-reused");
}

async fn a_copy_is_in_sync_outdated_or_drifted_and_ledgered_once(app: TestApp) {
    apollo(&app).await;
    let m1 = push(&app, app.admin(), "mission=apollo", &[("a/SKILL.md", "a")]).await.ok(201);
    step(&app, &id(&m1), "publish").await.ok(200);
    let reader = app.login_in("reader", "apollo", "contributor").await;
    let sha256 = mc_bundle::sha256(b"");
    let mut said = json!({
        "mission": "apollo", "kluster": "work", "place": "laptop:/x", "effective_version": "m1-k0", "sha256": sha256,
    });
    let report = |said: &Value| app.post(&reader, "/api/v1/skills/sync", said.clone());
    let first = report(&said).await.ok(200);
    assert_eq!((&first["state"], &first["wanted_version"]), (&json!("in_sync"), &json!("m1-k0")));
    assert_eq!(report(&said).await.ok(200)["id"], first["id"]);
    said["drift"] = json!({ "changed": ["a/SKILL.md"], "added": ["b"] });
    assert_eq!(report(&said).await.ok(200)["state"], "drifted");
    said["drift"] = json!({});
    report(&said).await.ok(200);
    let k1 = push(&app, app.admin(), K, &[("k", "k")]).await.ok(201);
    step(&app, &id(&k1), "publish").await.ok(200);
    let listed = app.get(&reader, "/api/v1/skills/sync?mission=apollo&kluster=work").await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let copy = &listed["items"][0];
    assert_eq!((&copy["state"], &copy["wanted_version"]), (&json!("outdated"), &json!("m1-k1")));
    for (name, bad) in [
        ("place", json!("")),
        ("effective_version", json!("new")),
        ("sha256", json!("x")),
        ("drift", json!({ "changed": vec!["x"; 201] })),
        ("drift", json!({ "lost": [] })),
    ] {
        let mut wrong = said.clone();
        wrong[name] = bad;
        let refused = report(&wrong).await;
        refused.problem(422, "validation");
        assert!(refused.text.contains(&format!("/{name}")), "{}", refused.text);
    }
    let of_copy = app.events().await;
    let of_copy = of_copy.iter().filter(|event| event.envelope.action == "skill.report").count();
    assert_eq!(of_copy, 3, "what says nothing new is no event");
    let stranger = app.login_in("stranger", "apollo", "contributor").await;
    app.mission("other").await;
    let mut elsewhere = said.clone();
    elsewhere["mission"] = json!("other");
    app.post(&stranger, "/api/v1/skills/sync", elsewhere).await.problem(404, "not-found");
}

async fn skills_of_another_mission_are_absent(app: TestApp) {
    apollo(&app).await;
    app.mission("mine").await;
    let m1 = push(&app, app.admin(), "mission=apollo", &[("secret/SKILL.md", "s")]).await.ok(201);
    let guest = app.login_in("guest", "mine", "admin").await;
    let id = id(&m1);
    for path in [
        format!("/api/v1/skills/{id}"),
        format!("/api/v1/skills/{id}/content"),
        format!("/api/v1/skills/{id}/manifest"),
        "/api/v1/skills/effective?mission=apollo".to_owned(),
        "/api/v1/skills?mission=apollo".to_owned(),
        "/api/v1/skills/sync?mission=apollo".to_owned(),
    ] {
        let absent = app.get(&guest, &path).await.problem(404, "not-found");
        assert!(!absent.contains("secret"), "{absent}");
    }
    assert_eq!(app.get(&guest, "/api/v1/skills").await.ok(200)["items"], json!([]));
    let verb = format!("/api/v1/skills/{id}/publish");
    app.client.send("POST", &verb, &guest, &[], None).await.problem(404, "not-found");
    // A contributor stores drafts; what all agents follow is for an Admin to publish.
    let writer = app.login_in("writer", "apollo", "contributor").await;
    push(&app, &writer, "mission=apollo", &[("x", "x")]).await.ok(201);
    app.client.send("POST", &verb, &writer, &[], None).await.problem(403, "forbidden");
}

async fn agents_push_and_read_skills_through_tools(app: TestApp) {
    apollo(&app).await;
    let call = |tool: &'static str, arguments: Value| {
        app.post(app.admin(), "/mcp/call", json!({ "tool": tool, "arguments": arguments }))
    };
    let files =
        json!([{ "path": "a/SKILL.md", "text": "hello" }, { "path": "a/b.bin", "content_base64": "AP8=" }]);
    let arguments = json!({ "mission": "apollo", "kluster": "work", "files": files, "removes": ["z"] });
    let pushed = call("push_skill_bundle", arguments).await.ok(200)["result"].clone();
    assert_eq!((&pushed["name"], &pushed["removes"]), (&json!("k1"), &json!(["z"])));
    call("publish_skill_bundle", json!({ "skill": pushed["id"] })).await.ok(200);
    let of = json!({ "mission_id": "apollo", "kluster_id": "work" });
    let resolved = call("resolve_skill_snapshot", of.clone()).await.ok(200)["result"].clone();
    assert_eq!(resolved["effective_version"], "m0-k1");
    let content = call("download_skill_snapshot", of).await.ok(200)["result"].clone();
    assert_eq!(
        (&content["files"][1]["content_base64"], &content["files"][0]["text"]),
        (&json!("AP8="), &json!("hello"))
    );
    let bad = json!({ "mission": "apollo", "files": [{ "path": "../x", "text": "" }] });
    let refused = call("push_skill_bundle", bad).await;
    assert!(refused.text.contains("/files/0/path"), "{}", refused.text);
}

async fn a_copy_that_was_changed_becomes_the_next_version(app: TestApp) {
    apollo(&app).await;
    let m1 =
        push(&app, app.admin(), "mission=apollo", &[("a/SKILL.md", "a"), ("b/SKILL.md", "b")]).await.ok(201);
    step(&app, &id(&m1), "publish").await.ok(200);
    let k1 = push(&app, app.admin(), K, &[("c/SKILL.md", "c")]).await.ok(201);
    step(&app, &id(&k1), "publish").await.ok(200);
    let agent = app.login_in("agent", "apollo", "contributor").await;
    let promote = async |body: Value| app.post(&agent, "/api/v1/skills/promote", body).await;
    let changes = json!({ "mission": "apollo", "kluster": "work", "effective_version": "m1-k1", "note": "learnt",
        "files": [{ "path": "a/SKILL.md", "text": "better" }, { "path": "d/run.sh", "text": "x", "executable": true }],
        "missing": ["b/SKILL.md", "c/SKILL.md"] });
    let made = promote(changes.clone()).await.ok(201);
    assert_eq!(
        (&made["name"], &made["state"], &made["removes"]),
        (&json!("k2"), &json!("draft"), &json!(["b/SKILL.md"]))
    );
    assert_eq!(effective(&app, "&kluster=work").await["effective_version"], "m1-k1", "a draft holds nowhere");
    step(&app, &id(&made), "publish").await.ok(200);
    let now = effective(&app, "&kluster=work").await;
    let files: Vec<(&str, &str)> = (now["files"].as_array().unwrap().iter())
        .map(|file| (file["path"].as_str().unwrap(), file["from"].as_str().unwrap()))
        .collect();
    assert_eq!(files, [("a/SKILL.md", "k2"), ("d/run.sh", "k2")]);
    assert_eq!(now["removed"], json!(["b/SKILL.md"]));
    // What holds elsewhere stays, and a copy of what held before is told so.
    assert_eq!(effective(&app, "").await["files"].as_array().unwrap().len(), 2);
    promote(changes).await.problem(409, "version-conflict");
    for (body, pointer) in [
        (json!({ "mission": "apollo" }), "/files"),
        (json!({ "mission": "apollo", "missing": ["c/SKILL.md"] }), "/missing/0"),
        (json!({ "mission": "apollo", "files": [{ "path": "../x", "text": "" }] }), "/files/0/path"),
        (json!({ "mission": "apollo", "files": [{ "path": "a/SKILL.md/x", "text": "" }] }), "/files"),
        (json!({ "mission": "apollo", "colour": 1 }), "/colour"),
    ] {
        let refused = promote(body).await;
        refused.problem(422, "validation");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    let arguments = json!({ "mission_id": "apollo", "kluster_id": "work", "files": [{ "path": "e/SKILL.md", "text": "e" }] });
    let call = json!({ "tool": "promote_local_skill_overlay", "arguments": arguments });
    assert_eq!(app.post(&agent, "/mcp/call", call).await.ok(200)["result"]["name"], "k3");
    app.mission("other").await;
    let stranger = app.login_in("stranger", "other", "admin").await;
    let body = json!({ "mission": "apollo", "files": [{ "path": "x", "text": "x" }] });
    app.post(&stranger, "/api/v1/skills/promote", body.clone()).await.problem(404, "not-found");
    let viewer = app.login_in("viewer", "apollo", "viewer").await;
    app.post(&viewer, "/api/v1/skills/promote", body).await.problem(403, "forbidden");
}

async fn archives_outlive_the_sweep(app: TestApp) {
    apollo(&app).await;
    let m1 = push(&app, app.admin(), "mission=apollo", &[("a", "a")]).await.ok(201);
    step(&app, &id(&m1), "deprecate").await.ok(200);
    app.advance(std::time::Duration::from_hours(49));
    controlplane::artifacts::reconcile::sweep(app.app()).await.unwrap();
    content(&app, &format!("/api/v1/skills/{}/content", id(&m1))).await;
}

both!(
    a_kluster_stands_over_its_mission_and_the_whole_is_signed,
    a_hostile_archive_is_refused_and_names_its_entry,
    of_many_who_push_at_once_each_has_its_number,
    a_copy_is_in_sync_outdated_or_drifted_and_ledgered_once,
    skills_of_another_mission_are_absent,
    agents_push_and_read_skills_through_tools,
    a_copy_that_was_changed_becomes_the_next_version,
    archives_outlive_the_sweep,
);
