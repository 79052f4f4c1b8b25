//! Connections, bindings, routes and plans; publishing to repositories in a folder, where others write too.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository};
use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};
use crate::local::{Local, ROOT, slug};

/// A bare repository below a folder of the test.
pub(crate) fn bare(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).initial_head("main").mkpath(true);
    Repository::init_opts(&path, &options).unwrap();
    path
}

/// The commits of `main`, newest first.
pub(crate) fn commits(path: &Path) -> Vec<Oid> {
    let repository = Repository::open_bare(path).unwrap();
    let mut walk = repository.revwalk().unwrap();
    if walk.push_ref("refs/heads/main").is_err() {
        return Vec::new();
    }
    walk.map(Result::unwrap).collect()
}

/// A file of `main`.
pub(crate) fn file(path: &Path, inner: &str) -> Option<String> {
    let repository = Repository::open_bare(path).unwrap();
    let tree = repository.find_reference("refs/heads/main").ok()?.peel_to_tree().unwrap();
    let entry = tree.get_path(inner.as_ref()).ok()?;
    Some(String::from_utf8(repository.find_blob(entry.id()).unwrap().content().to_vec()).unwrap())
}

/// Every text file of `main`.
pub(crate) fn files(path: &Path) -> std::collections::BTreeMap<String, Option<String>> {
    let repository = Repository::open_bare(path).unwrap();
    let tree = repository.find_reference("refs/heads/main").unwrap().peel_to_tree().unwrap();
    let mut found = std::collections::BTreeMap::new();
    tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() == Some(git2::ObjectType::Blob) {
            let blob = repository.find_blob(entry.id()).unwrap();
            let name = format!("{folder}{}", entry.name().unwrap());
            found.insert(name, String::from_utf8(blob.content().to_vec()).ok());
        }
        git2::TreeWalkResult::Ok
    })
    .unwrap();
    found
}

/// Somebody else commits to `main`.
fn foreign(path: &Path, message: &str) -> Oid {
    let repository = Repository::open_bare(path).unwrap();
    let parent = repository.find_reference("refs/heads/main").ok().map(|main| main.peel_to_commit().unwrap());
    let mut tree = repository.treebuilder(parent.as_ref().map(|c| c.tree().unwrap()).as_ref()).unwrap();
    tree.insert(format!("{message}.txt"), repository.blob(message.as_bytes()).unwrap(), 0o100_644).unwrap();
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::now("x", "x@example.org").unwrap();
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("refs/heads/main"), &who, &who, message, &tree, &parents).unwrap()
}

pub(crate) async fn post(local: &Local, path: &str, body: Value) -> Value {
    local.ok(ROOT, Method::POST, path, Some(body)).await
}

pub(crate) async fn approve(local: &Local, publication: &Value) {
    let path = format!("/approvals/{}/approve", publication["approval_id"].as_str().unwrap());
    local.ok(ROOT, Method::POST, &path, Some(json!({}))).await;
}

pub(crate) async fn get(local: &Local, publication: &Value) -> Value {
    local.ok(ROOT, Method::GET, &format!("/publications/{}", publication["id"].as_str().unwrap()), None).await
}

pub(crate) async fn published(local: &Local, publication: &Value) -> Value {
    eventually("it is published", || async {
        let now = get(local, publication).await;
        (now["state"] == "published").then_some(now)
    })
    .await
}

/// A kluster, a task, a doc, both keystones and an artifact in the mission `demo`.
pub(crate) async fn work(local: &Local) {
    post(local, "/klusters", json!({"mission": "demo", "name": "api", "description": "The API."})).await;
    let task = json!({"mission": "demo", "kluster": "api", "name": "one", "title": "First: \"quoted\"",
        "description": "- a\n- b\n", "labels": {"open": "yes"}});
    post(local, "/tasks", task).await;
    let doc = json!({"mission": "demo", "kluster": "api", "name": "guide", "title": "Guide",
        "content": "# Guide\n\n---\nüber\r\n"});
    post(local, "/docs", doc).await;
    post(local, "/keystones", json!({"mission": "demo"})).await;
    post(local, "/keystones", json!({"mission": "demo", "kluster": "api"})).await;
    local.upload("notes.md", b"some notes").await;
    local.upload("blob.bin", &[0, 159, 146, 150]).await;
    local.0.sealed().await;
}

/// Binds `demo` to a repository below `root`.
pub(crate) async fn bind(local: &Local, root: &Path, repository: &str) -> Value {
    let body = json!({"name": "here", "connection_kind": "local", "url": root.to_str().unwrap()});
    post(local, "/connections", body).await;
    let body = json!({"mission_id": "demo", "connection": "here", "repository": repository});
    post(local, "/bindings/provision", body).await
}

async fn everything_that_waits_goes_to_the_binding_and_verifies(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    foreign(&path, "before");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    let test = json!({"repository": "ledger.git"});
    let test = post(&local, "/connections/here/test", test).await;
    assert_eq!((&test["ok"], &test["writable"]), (&json!(true), &json!(true)), "{test}");
    assert_eq!(commits(&path).len(), 1, "a test writes nothing");
    let waiting = local.ok(ROOT, Method::GET, "/publications/pending?mission=demo", None).await;
    // Mission, kluster, task, doc, two keystones, two artifacts.
    assert_eq!(waiting["items"].as_array().unwrap().len(), 8, "{waiting}");
    let made = post(&local, "/publications/pending", json!({"mission_id": "demo"})).await;
    let publication = &made["publications"][0];
    assert_eq!(made["publications"].as_array().unwrap().len(), 1, "{made}");
    let again = post(&local, "/publications/pending", json!({"mission_id": "demo"})).await;
    assert_eq!(again["publications"], json!([]), "asked twice, made once");
    approve(&local, publication).await;
    let done = published(&local, publication).await;
    assert_eq!(done["commit"], commits(&path)[0].to_string());
    assert_eq!(commits(&path).len(), 2, "on top of what others wrote");
    let found = files(&path);
    let tree = mc_ledger::tree::verify(&found);
    assert!(tree.is_ok(), "{:?} {:?}", tree.fault, tree.chains);
    assert_eq!(tree.files.len(), 8);
    assert!(file(&path, "before.txt").is_some());
    let guide = file(&path, "missions/demo/docs/api/guide.md").unwrap();
    assert!(guide.starts_with("---\n") && guide.ends_with("---\n# Guide\n\n---\nüber\r\n"), "{guide}");
    assert!(guide.contains("approval_id: apr_") && guide.contains("request_id: "), "{guide}");
    let task = file(&path, "missions/demo/tasks/demo-1.md").unwrap();
    assert!(task.contains("# First: \"quoted\""), "{task}");
    assert!(found.keys().any(|name| name.ends_with("/notes.md")));
    assert!(!found.keys().any(|name| name.ends_with("/blob.bin")), "bytes that are no text stay out of Git");
    let waiting = local.ok(ROOT, Method::GET, "/publications/pending?mission=demo", None).await;
    assert_eq!(waiting["items"], json!([]));
    // One change, one file.
    local.ok(ROOT, Method::PATCH, "/tasks/demo-1", Some(json!({"title": "Second"}))).await;
    local.0.sealed().await;
    let plan = json!({"mission": "demo", "entities": [{"entity_type": "task", "entity_id": "demo-1"},
        {"entity_type": "doc", "entity_id": "guide"}]});
    let plan = post(&local, "/publications/plan", plan).await;
    let changes: Vec<&Value> = plan["items"].as_array().unwrap().iter().map(|item| &item["change"]).collect();
    assert_eq!(changes, ["update", "unchanged"], "{plan}");
    let made = post(&local, "/publications/pending", json!({"mission_id": "demo"})).await;
    approve(&local, &made["publications"][0]).await;
    published(&local, &made["publications"][0]).await;
    assert!(file(&path, "missions/demo/tasks/demo-1.md").unwrap().contains("# Second"));
    let tree = mc_ledger::tree::verify(&files(&path));
    assert!(tree.is_ok(), "{:?}", tree.fault);
    let status = local.ok(ROOT, Method::GET, "/publications/status?mission=demo", None).await;
    assert_eq!((&status["published"], &status["queued"]), (&json!(2), &json!(0)), "{status}");
}

async fn routes_send_each_to_its_place_and_a_closed_policy_refuses_the_rest(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (bare(root.path(), "one.git"), bare(root.path(), "two.git"));
    work(&local).await;
    let body = json!({"name": "here", "connection_kind": "local", "url": root.path().to_str().unwrap()});
    post(&local, "/connections", body).await;
    for name in ["one", "two"] {
        let body = json!({"mission": "demo", "name": name, "connection": "here",
            "repository": format!("{name}.git"), "base_path": ""});
        post(&local, "/bindings", body).await;
    }
    let policy = json!({"fail_closed": true, "routes": [
        {"entities": ["task"], "labels": {"open": "yes"}, "binding": "one", "path": "open/{key}.{ext}", "format": "yaml"},
        {"entities": ["doc", "keystone"], "binding": "two", "format": "json"},
    ]});
    local.ok(ROOT, Method::PUT, "/publication-policies/demo", Some(policy)).await;
    let ask = |entity: Value| json!({"mission": "demo", "entities": [entity]});
    let (status, problem) = local
        .call(
            ROOT,
            Method::POST,
            "/publications",
            Some(ask(json!({"entity_type": "kluster", "entity_id": "api"}))),
        )
        .await;
    assert_eq!((status, slug(&problem)), (409, "no-route"), "{problem}");
    let both = json!({"mission": "demo", "entities": [{"entity_type": "task", "entity_id": "demo-1"},
        {"entity_type": "doc", "entity_id": "guide"}]});
    let (status, problem) = local.call(ROOT, Method::POST, "/publications", Some(both)).await;
    assert_eq!((status, slug(&problem)), (422, "validation"), "{problem}");
    let made = post(&local, "/publications/pending", json!({"mission_id": "demo"})).await;
    assert_eq!(made["publications"].as_array().unwrap().len(), 2, "{made}");
    // Mission, kluster and both artifacts have no route.
    assert_eq!(made["left_out"].as_array().unwrap().len(), 4, "{made}");
    for publication in made["publications"].as_array().unwrap() {
        approve(&local, publication).await;
        published(&local, publication).await;
    }
    assert!(file(&one, "open/demo-1.yaml").unwrap().starts_with("api_version: "));
    assert!(file(&two, "docs/api/guide.json").unwrap().starts_with('{'));
    for path in [&one, &two] {
        let tree = mc_ledger::tree::verify(&files(path));
        assert!(tree.is_ok() && !tree.files.is_empty(), "{:?}", tree.fault);
    }
    // What is in use stays.
    for path in ["/bindings/one?mission=demo", "/connections/here"] {
        let (status, problem) = local.call(ROOT, Method::DELETE, path, None).await;
        assert_eq!((status, slug(&problem)), (409, "not-empty"), "{path}");
    }
    for (routes, pointer) in [
        (json!([{"binding": "absent"}]), "/routes/0/binding"),
        (json!([{"path": "x/{name}.md"}]), "/routes/0/path"),
        (json!([{}, {"entities": ["task"]}]), "/routes/1"),
    ] {
        let body = Some(json!({"routes": routes}));
        let (status, problem) = local.call(ROOT, Method::PUT, "/publication-policies/demo", body).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
    }
}

async fn a_remote_that_is_away_is_tried_again_and_a_race_is_rebuilt(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    work(&local).await;
    bind(&local, root.path(), "late.git").await;
    let body = json!({"mission": "demo", "entities": [{"entity_type": "doc", "entity_id": "guide"}]});
    let publication = post(&local, "/publications", body).await;
    // The other target goes on meanwhile.
    let policy = json!({"routes": [{"entities": ["artifact"]}], "default_binding": "ledger"});
    local.ok(ROOT, Method::PUT, "/publication-policies/demo", Some(policy)).await;
    let beside = local.publication(ROOT, "beside.md").await;
    assert_eq!(beside["binding"], Value::Null);
    approve(&local, &publication).await;
    let failing = eventually("the failure is shown", || async {
        let now = get(&local, &publication).await;
        (now["failures"].as_i64() > Some(0)).then_some(now)
    })
    .await;
    assert_eq!(failing["state"], "queued");
    assert!(failing["next_attempt_at"].is_string() && failing["last_error"].is_string(), "{failing}");
    approve(&local, &beside).await;
    published(&local, &beside).await;
    let path = bare(root.path(), "late.git");
    foreign(&path, "first");
    published(&local, &publication).await;
    // A race: somebody pushes between our look and our push. The hook is asked once and moves the branch itself.
    let hook = path.join("hooks/pre-receive");
    let mark = root.path().join("raced");
    let script = format!(
        "#!/bin/sh\n[ -e {mark} ] && exit 0\n: >{mark}\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
         tree=$(git rev-parse refs/heads/main^{{tree}})\n\
         new=$(echo raced | GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x git commit-tree $tree -p refs/heads/main)\n\
         git update-ref refs/heads/main $new\n",
        mark = mark.display()
    );
    std::fs::write(&hook, script).unwrap();
    let mut permissions = std::fs::metadata(&hook).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&hook, permissions).unwrap();
    let body = json!({"mission": "demo", "entities": [{"entity_type": "task", "entity_id": "demo-1"}]});
    let publication = post(&local, "/publications", body).await;
    approve(&local, &publication).await;
    let done = published(&local, &publication).await;
    assert!(mark.exists(), "the race took place");
    let all = commits(&path);
    assert_eq!(done["commit"], all[0].to_string());
    let messages: Vec<String> = {
        let repository = Repository::open_bare(&path).unwrap();
        all.iter().map(|id| repository.find_commit(*id).unwrap().message().unwrap().to_owned()).collect()
    };
    let id = publication["id"].as_str().unwrap();
    assert_eq!(messages.iter().filter(|message| message.contains(id)).count(), 1, "{messages:?}");
    assert!(messages[1].starts_with("raced"), "{messages:?}");
    assert!(mc_ledger::tree::verify(&files(&path)).is_ok());
}

async fn a_branch_that_was_moved_back_is_not_written_on(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    work(&local).await;
    let path = bare(root.path(), "ledger.git");
    let first = foreign(&path, "first");
    bind(&local, root.path(), "ledger.git").await;
    let asked = async |kind: &str, id: &str| {
        let entities = json!([{ "entity_type": kind, "entity_id": id }]);
        let publication =
            post(&local, "/publications", json!({ "mission": "demo", "entities": entities })).await;
        approve(&local, &publication).await;
        publication
    };
    let before = asked("doc", "guide").await;
    let kept: Oid = published(&local, &before).await["commit"].as_str().unwrap().parse().unwrap();
    let move_to = |to: Oid| {
        let repository = Repository::open_bare(&path).unwrap();
        repository.reference("refs/heads/main", to, true, "moved").unwrap();
    };
    move_to(first);
    let after = asked("task", "demo-1").await;
    let refused = eventually("it says why", || async {
        let now = get(&local, &after).await;
        now["last_error"].is_string().then_some(now)
    })
    .await;
    assert_eq!(refused["state"], "queued");
    assert!(refused["last_error"].as_str().unwrap().contains("moved it"), "{refused}");
    assert_eq!(commits(&path), [first], "nothing is forced");
    // Deleted is moved back all the way.
    Repository::open_bare(&path).unwrap().find_reference("refs/heads/main").unwrap().delete().unwrap();
    let failures = refused["failures"].as_i64();
    eventually("it was tried again", || async {
        (get(&local, &after).await["failures"].as_i64() > failures).then_some(())
    })
    .await;
    assert!(Repository::open_bare(&path).unwrap().find_reference("refs/heads/main").is_err());
    move_to(kept);
    published(&local, &after).await;
    assert!(mc_ledger::tree::verify(&files(&path)).is_ok());
}

async fn a_credential_is_sealed_and_shown_nowhere(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let secret = "s3cr3t-token-that-nobody-sees";
    let body = json!({"name": "far", "connection_kind": "https", "url": "https://127.0.0.1:1", "username": "anna",
        "credential": {"credential_kind": "token", "secret": secret}});
    let made = post(&local, "/connections", body).await;
    let body = json!({"credential": {"credential_kind": "password", "secret": format!("{secret}-2")}});
    let rotated = post(&local, "/connections/far/rotate", body).await;
    assert_eq!((&rotated["credential_kind"], &rotated["version"]), (&json!("password"), &json!(2)));
    let test = post(&local, "/connections/far/test", json!({"repository": "x.git"})).await;
    assert_eq!(test["ok"], false);
    let export = local.0.export().await;
    for text in [made.to_string(), rotated.to_string(), test.to_string(), export.clone()] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    assert!(export.contains("connection.rotate"));
    let kept = local.0.column("SELECT COALESCE(answer, '') FROM idempotency").await.join("\n");
    assert!(!kept.contains("s3cr3t"));
    for bad in [
        json!({"name": "x", "connection_kind": "https", "url": "https://u:p@h/x"}),
        json!({"name": "x", "connection_kind": "https", "url": "http://h/x"}),
        json!({"name": "x", "connection_kind": "local", "url": "relative"}),
        json!({"name": "x", "connection_kind": "ssh", "url": "ssh://h/x"}),
        json!({"name": "x", "connection_kind": "local", "url": "/x", "credential": {"credential_kind": "token", "secret": "t"}}),
        json!({"name": "x", "connection_kind": "https", "url": "https://h", "ca_certificate": "nonsense"}),
        json!({"name": "x", "connection_kind": "local", "url": "/x", "host_key": "ssh-ed25519 AAAA"}),
    ] {
        let (status, problem) = local.call(ROOT, Method::POST, "/connections", Some(bad.clone())).await;
        assert_eq!((status, slug(&problem)), (422, "validation"), "{bad}: {problem}");
    }
    let anna = local.login("anna", "contributor").await;
    let body = Some(json!({"mission_id": "demo", "connection": "far", "repository": "x.git"}));
    let (status, _) = local.call(&anna, Method::POST, "/bindings/provision", body).await;
    assert_eq!(status, 403, "a binding spends the credential of the organization");
}

async fn two_replicas_publish_nothing_twice(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    let replica = local.0.replica().await;
    let mut asked = Vec::new();
    for n in 0..6 {
        let name = format!("n{n}.md");
        let artifact = local.upload(&name, name.as_bytes()).await;
        let body = json!({"mission": "demo", "artifacts": [artifact["id"]], "message": name});
        asked.push(post(&local, "/publications", body).await);
    }
    for publication in &asked {
        approve(&local, publication).await;
        replica.app().publisher.notify_one();
    }
    for publication in &asked {
        published(&local, publication).await;
    }
    assert_eq!(commits(&path).len(), 6);
    assert!(mc_ledger::tree::verify(&files(&path)).is_ok());
}

both!(
    everything_that_waits_goes_to_the_binding_and_verifies,
    routes_send_each_to_its_place_and_a_closed_policy_refuses_the_rest,
    a_remote_that_is_away_is_tried_again_and_a_race_is_rebuilt,
    a_branch_that_was_moved_back_is_not_written_on,
    a_credential_is_sealed_and_shown_nowhere,
);
both!(only postgres: two_replicas_publish_nothing_twice);
