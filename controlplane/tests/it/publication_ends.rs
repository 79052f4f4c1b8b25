//! Publications that fail, are given up and tried again; what waits for which target; deletions in Git.

use std::path::Path;

use git2::{Oid, Repository};
use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};
use crate::local::{Local, ROOT, slug};
use crate::persistence::{approve, bare, bind, commits, file, files, get, post, published, work};

async fn policy(local: &Local, routes: Value) {
    let body = json!({"default_binding": "ledger", "routes": routes});
    local.ok(ROOT, Method::PUT, "/publication-policies/demo", Some(body)).await;
}

async fn ask(local: &Local, kind: &str, id: &str) -> Value {
    let body = json!({"mission": "demo", "entities": [{"entity_type": kind, "entity_id": id}]});
    let publication = post(local, "/publications", body).await;
    approve(local, &publication).await;
    publication
}

async fn comes_to(local: &Local, publication: &Value, state: &str) -> Value {
    eventually(state, || async {
        let now = get(local, publication).await;
        (now["state"] == state).then_some(now)
    })
    .await
}

async fn title(local: &Local, title: &str) {
    local.ok(ROOT, Method::PATCH, "/tasks/demo-1", Some(json!({"title": title}))).await;
}

async fn act(local: &Local, publication: &Value, verb: &str) -> (u16, Value) {
    let path = format!("/publications/{}/{verb}", publication["id"].as_str().unwrap());
    local.call(ROOT, Method::POST, &path, None).await
}

fn verified(path: &Path) {
    let tree = mc_ledger::tree::verify(&files(path));
    assert!(tree.is_ok() && !tree.files.is_empty(), "{:?} {:?}", tree.fault, tree.chains);
}

/// Somebody takes a path away.
fn foreign_remove(path: &Path, inner: &str) -> Oid {
    let repository = Repository::open_bare(path).unwrap();
    let parent = repository.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    let mut update = git2::build::TreeUpdateBuilder::new();
    update.remove(inner);
    let tree = update.create_updated(&repository, &parent.tree().unwrap()).unwrap();
    let tree = repository.find_tree(tree).unwrap();
    let who = git2::Signature::now("x", "x@example.org").unwrap();
    repository.commit(Some("refs/heads/main"), &who, &who, "gone", &tree, &[&parent]).unwrap()
}

async fn a_file_in_the_way_fails_at_once_and_holds_nobody_up(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    policy(&local, json!([{"entities": ["task"], "path": "open/{key}", "binding": "ledger"}])).await;
    published(&local, &ask(&local, "task", "demo-1").await).await;
    assert!(file(&path, "missions/demo/open/demo-1").is_some());
    policy(&local, json!([{"entities": ["task"], "path": "open/{key}/state.{ext}", "binding": "ledger"}]))
        .await;
    title(&local, "Second").await;
    let held = local.app().publishing.lock().await;
    let blocked = ask(&local, "task", "demo-1").await;
    let beside = ask(&local, "doc", "guide").await;
    drop(held);
    let failed = comes_to(&local, &blocked, "failed").await;
    let cause = failed["last_error"].as_str().unwrap();
    assert!(cause.contains("a file stands") && cause.contains("open/demo-1"), "{cause}");
    assert_eq!((&failed["failures"], &failed["next_attempt_at"]), (&json!(1), &Value::Null));
    published(&local, &beside).await;
    verified(&path);
    let id = blocked["id"].as_str().unwrap();
    let approval = format!("/approvals/{}", blocked["approval_id"].as_str().unwrap());
    let approval = local.ok(ROOT, Method::GET, &approval, None).await;
    assert!(approval["outcome"].as_str().unwrap().starts_with("failed: "), "{approval}");
    let status = local.ok(ROOT, Method::GET, "/publications/status?mission=demo", None).await;
    assert_eq!((&status["failed"], &status["published"]), (&json!(1), &json!(2)), "{status}");
    // As it is it fails again; the approval is the same.
    let (code, again) = act(&local, &blocked, "retry").await;
    assert_eq!((code, &again["replaced_by"]), (200, &json!([])), "{again}");
    assert_eq!(again["publication"]["approval_id"], blocked["approval_id"]);
    let again = eventually("it failed again", || async {
        let now = get(&local, &blocked).await;
        (now["state"] == "failed" && now["version"].as_i64() > failed["version"].as_i64()).then_some(now)
    })
    .await;
    assert_eq!(again["failures"], 1);
    // Where its route leads now, the approval does not reach.
    policy(&local, json!([{"entities": ["task"], "path": "later/{key}.{ext}", "binding": "ledger"}])).await;
    let (code, moved) = act(&local, &blocked, "retry").await;
    assert_eq!((code, &moved["publication"]["state"]), (200, &json!("withdrawn")), "{moved}");
    let new = &moved["replaced_by"][0];
    assert_eq!((&new["state"], &new["replaces"]), (&json!("awaiting_approval"), &json!(id)), "{new}");
    approve(&local, new).await;
    published(&local, new).await;
    assert!(file(&path, "missions/demo/later/demo-1.md").unwrap().contains("# Second"));
    verified(&path);
    assert_eq!(act(&local, &blocked, "retry").await.0, 409);
    for _ in 0..2 {
        let (code, now) = act(&local, &blocked, "withdraw").await;
        assert_eq!((code, &now["state"]), (200, &json!("withdrawn")));
    }
    let actions = local.actions_on(id).await;
    assert_eq!(actions.iter().filter(|action| *action == "publication.withdraw").count(), 1, "{actions:?}");
    assert_eq!(actions.iter().filter(|action| *action == "publication.fail").count(), 2, "{actions:?}");
}

async fn what_stood_in_the_way_may_go_and_the_same_approval_counts(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    policy(&local, json!([{"entities": ["task"], "path": "a/{key}/b.{ext}", "binding": "ledger"}])).await;
    published(&local, &ask(&local, "task", "demo-1").await).await;
    // A folder where a file is to be; a stranger's, so that no chain speaks of it.
    policy(&local, json!([{"entities": ["doc"], "path": "x/{id}", "binding": "ledger"}])).await;
    let doc = local.ok(ROOT, Method::GET, "/docs/guide?mission=demo", None).await;
    let inner = format!("missions/demo/x/{}", doc["id"].as_str().unwrap());
    {
        let repository = Repository::open_bare(&path).unwrap();
        let parent = repository.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
        let mut update = git2::build::TreeUpdateBuilder::new();
        let blob = repository.blob(b"x").unwrap();
        update.upsert(format!("{inner}/stranger"), blob, git2::FileMode::Blob);
        let tree = update.create_updated(&repository, &parent.tree().unwrap()).unwrap();
        let tree = repository.find_tree(tree).unwrap();
        let who = git2::Signature::now("x", "x@example.org").unwrap();
        repository.commit(Some("refs/heads/main"), &who, &who, "folder", &tree, &[&parent]).unwrap();
    }
    let blocked = ask(&local, "doc", "guide").await;
    let failed = comes_to(&local, &blocked, "failed").await;
    assert!(failed["last_error"].as_str().unwrap().contains("a folder stands"), "{failed}");
    foreign_remove(&path, &format!("{inner}/stranger"));
    let (code, again) = act(&local, &blocked, "retry").await;
    assert_eq!((code, &again["publication"]["state"]), (200, &json!("queued")), "{again}");
    published(&local, &blocked).await;
    verified(&path);
    let (code, problem) = act(&local, &blocked, "withdraw").await;
    assert_eq!((code, slug(&problem)), (409, "invalid-transition"), "{problem}");
}

async fn a_publication_that_waits_is_given_up_with_its_approval(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    work(&local).await;
    let asked = local.publication(ROOT, "one.md").await;
    let viewer = local.login("vera", "viewer").await;
    let path = format!("/publications/{}/withdraw", asked["id"].as_str().unwrap());
    assert_eq!(local.call(&viewer, Method::POST, &path, None).await.0, 403);
    assert_eq!(act(&local, &asked, "retry").await.0, 409, "its approval is missing");
    assert_eq!(act(&local, &asked, "withdraw").await.1["state"], "withdrawn");
    let approval = format!("/approvals/{}", asked["approval_id"].as_str().unwrap());
    assert_eq!(local.ok(ROOT, Method::GET, &approval, None).await["state"], "voided");
    let (code, _) = local.call(ROOT, Method::POST, &format!("{approval}/approve"), Some(json!({}))).await;
    assert_eq!(code, 409);
    // What it was about waits again.
    let waiting = local.ok(ROOT, Method::GET, "/publications/pending?mission=demo", None).await;
    let artifact = asked["artifacts"][0].as_str().unwrap();
    let items = waiting["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["entity_id"] == artifact), "{waiting}");
    let absent = format!("/publications/{}/withdraw", asked["approval_id"].as_str().unwrap());
    assert_eq!(local.call(ROOT, Method::POST, &absent, None).await.0, 404);
}

async fn a_hook_that_declines_one_is_tried_a_bounded_number_of_times(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    let hook = path.join("hooks/pre-receive");
    let script = "#!/bin/sh\nread old new ref\nunset GIT_QUARANTINE_PATH\n\
         if git ls-tree -r --name-only $new | grep -q tasks/demo-1; then echo no tasks here >&2; exit 1; fi\n";
    std::fs::write(&hook, script).unwrap();
    let mut permissions = std::fs::metadata(&hook).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&hook, permissions).unwrap();
    let held = local.app().publishing.lock().await;
    let declined = ask(&local, "task", "demo-1").await;
    let beside = ask(&local, "doc", "guide").await;
    drop(held);
    published(&local, &beside).await;
    let now = get(&local, &declined).await;
    assert_eq!(now["state"], "queued");
    assert!(now["failures"].as_i64() > Some(0) && now["next_attempt_at"].is_string(), "{now}");
    local.0.sql("UPDATE publication SET failures = 19, next_attempt_at = NULL WHERE state = 'queued'").await;
    let failed = comes_to(&local, &declined, "failed").await;
    let cause = failed["last_error"].as_str().unwrap();
    assert!(cause.contains("no tasks here"), "{cause}");
    assert_eq!(failed["failures"], 20);
    assert_eq!(commits(&path).len(), 1);
    std::fs::remove_file(&hook).unwrap();
    act(&local, &declined, "retry").await;
    published(&local, &declined).await;
    assert_eq!(commits(&path).len(), 2);
    verified(&path);
    let listed = local.ok(ROOT, Method::GET, "/publications?state=failed", None).await;
    assert_eq!(listed["items"], json!([]));
}

/// A push arrives and its answer is lost; before anybody looks, the publication is given up.
async fn what_was_given_up_and_is_in_git_nevertheless_is_published(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    let held = local.app().publishing.lock().await;
    let lost = ask(&local, "task", "demo-1").await;
    local.0.sealed().await;
    let target = Some(lost["binding_id"].as_str().unwrap().parse().unwrap());
    let reconcile = controlplane::publications::reconcile::next(local.app(), target).await.unwrap().unwrap();
    let fixed =
        controlplane::publications::reconcile::fix_range(local.app(), reconcile).await.unwrap().unwrap();
    let (code, problem) = act(&local, &lost, "withdraw").await;
    assert_eq!((code, slug(&problem)), (409, "invalid-transition"), "{problem}");
    let commit = controlplane::publications::reconcile::commit(local.app(), &fixed).await.unwrap();
    local.0.sql("UPDATE publication SET state = 'failed', failures = 20 WHERE state = 'queued'").await;
    assert_eq!(act(&local, &lost, "withdraw").await.1["state"], "withdrawn");
    let next = ask(&local, "doc", "guide").await;
    drop(held);
    local.app().publisher.notify_one();
    published(&local, &next).await;
    let found = get(&local, &lost).await;
    assert_eq!((&found["state"], &found["commit"]), (&json!("published"), &json!(commit)));
    assert_eq!(commits(&path).len(), 2);
    verified(&path);
}

fn waiting_for(list: &Value, binding: &Value) -> Vec<String> {
    let of_target = list["items"].as_array().unwrap().iter().filter(|item| item["binding"] == *binding);
    of_target.map(|item| item["entity_type"].as_str().unwrap().to_owned()).collect()
}

async fn what_waits_is_told_for_each_target(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    bare(root.path(), "one.git");
    bare(root.path(), "two.git");
    work(&local).await;
    let body = json!({"name": "here", "connection_kind": "local", "url": root.path().to_str().unwrap()});
    post(&local, "/connections", body).await;
    for name in ["one", "two"] {
        let body = json!({"mission": "demo", "name": name, "connection": "here", "repository": format!("{name}.git")});
        post(&local, "/bindings", body).await;
    }
    let routes = json!({"routes": [
        {"entities": ["task"], "binding": "one"}, {"entities": ["doc", "keystone"], "binding": "two"}]});
    local.ok(ROOT, Method::PUT, "/publication-policies/demo", Some(routes)).await;
    let list = local.ok(ROOT, Method::GET, "/publications/pending?mission=demo", None).await;
    assert_eq!(waiting_for(&list, &json!("one")), ["task"], "{list}");
    assert_eq!(waiting_for(&list, &json!("two")).len(), 3, "{list}");
    assert_eq!(waiting_for(&list, &Value::Null).len(), 4, "mission, kluster, two artifacts: {list}");
    let targets = list["targets"].as_array().unwrap();
    let of = |name: Value| targets.iter().find(|target| target["binding"] == name).unwrap();
    assert_eq!((&of(json!("one"))["changed"], &of(json!("two"))["changed"]), (&json!(1), &json!(3)));
    assert_eq!(of(Value::Null)["changed"], 4);
    let narrow = local.ok(ROOT, Method::GET, "/publications/pending?mission=demo&binding=two", None).await;
    assert_eq!(narrow["items"].as_array().unwrap().len(), 3, "{narrow}");
    assert_eq!(narrow["targets"].as_array().unwrap().len(), 1);
    let (code, problem) =
        local.call(ROOT, Method::GET, "/publications/pending?mission=demo&binding=none", None).await;
    assert_eq!((code, &problem["errors"][0]["pointer"]), (422, &json!("/binding")), "{problem}");
    // Only one target is asked for; the answer says what still waits.
    let made = post(&local, "/publications/pending", json!({"mission_id": "demo", "binding": "one"})).await;
    assert_eq!(made["publications"].as_array().unwrap().len(), 1, "{made}");
    assert_eq!(made["targets"][0]["awaiting_approval"], 1, "{made}");
    let ledger = post(&local, "/publications/pending", json!({"mission_id": "demo", "binding": "-"})).await;
    assert_eq!(ledger["publications"][0]["binding"], Value::Null, "{ledger}");
    let list = local.ok(ROOT, Method::GET, "/publications/pending?mission=demo", None).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 3, "only the docs: {list}");
    approve(&local, &made["publications"][0]).await;
    published(&local, &made["publications"][0]).await;
    // The route of tasks leads elsewhere: the same state waits there, though nothing changed.
    let routes = json!({"routes": [{"entities": ["task", "doc", "keystone"], "binding": "two"}]});
    local.ok(ROOT, Method::PUT, "/publication-policies/demo", Some(routes)).await;
    let list = local.ok(ROOT, Method::GET, "/publications/pending?mission=demo", None).await;
    let two = waiting_for(&list, &json!("two"));
    assert_eq!((two.len(), two.iter().filter(|kind| *kind == "task").count()), (4, 1), "{list}");
    assert!(waiting_for(&list, &Value::Null).is_empty(), "asked for already: {list}");
    let plan = json!({"mission": "demo", "entities": [{"entity_type": "task", "entity_id": "demo-1"}]});
    let plan = post(&local, "/publications/plan", plan).await;
    assert_eq!(plan["items"][0]["change"], "create", "{plan}");
    assert_eq!(
        (&plan["targets"][0]["binding"], &plan["targets"][0]["changed"]),
        (&json!("two"), &json!(4)),
        "{plan}"
    );
}

async fn pending(local: &Local) -> Value {
    local.ok(ROOT, Method::GET, "/publications/pending?mission=demo", None).await
}

async fn publish_all(local: &Local) -> Value {
    let made = post(local, "/publications/pending", json!({"mission_id": "demo"})).await;
    for publication in made["publications"].as_array().unwrap() {
        approve(local, publication).await;
        published(local, publication).await;
    }
    made
}

async fn what_was_deleted_goes_from_git_unless_its_route_keeps_it(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    bind(&local, root.path(), "ledger.git").await;
    policy(&local, json!([{"entities": ["doc"], "binding": "ledger", "on_delete": "keep"}])).await;
    publish_all(&local).await;
    let (task, doc) = ("missions/demo/tasks/demo-1.md", "missions/demo/docs/api/guide.md");
    assert!(file(&path, task).is_some() && file(&path, doc).is_some());
    let found = local.ok(ROOT, Method::GET, "/tasks/demo-1", None).await;
    local.ok(ROOT, Method::DELETE, "/tasks/demo-1", None).await;
    local.ok(ROOT, Method::DELETE, "/docs/guide?mission=demo", None).await;
    local.0.sealed().await;
    let list = pending(&local).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "the doc is kept: {list}");
    let item = &list["items"][0];
    assert_eq!(
        (&item["change"], &item["path"], &item["binding"]),
        (&json!("remove"), &json!(task), &json!("ledger"))
    );
    assert_eq!(list["targets"][0]["removed"], 1, "{list}");
    let made = publish_all(&local).await;
    let publication = &made["publications"][0];
    assert_eq!(publication["items"][0]["operation"], "remove", "{publication}");
    assert_eq!(publication["message"], "Remove 1 file of demo");
    assert!(file(&path, task).is_none(), "it is gone");
    assert!(file(&path, doc).is_some(), "it is kept");
    let repository = Repository::open_bare(&path).unwrap();
    let message = repository.find_commit(commits(&path)[0]).unwrap().message().unwrap().to_owned();
    let trailer = format!("\nRemoved: task/{} {task}\n", found["id"].as_str().unwrap());
    assert!(message.contains(&trailer) && message.contains("\nApproved-by: bootstrap\n"), "{message}");
    verified(&path);
    assert_eq!(pending(&local).await["items"], json!([]), "asked twice, removed once");
    assert_eq!(publish_all(&local).await["publications"], json!([]));
    // It comes back by somebody's hand: the chain says that it was removed.
    let old = files_of(&path, commits(&path)[1]);
    let mut now = files(&path);
    now.insert(task.to_owned(), old.get(task).cloned().unwrap());
    let fault = mc_ledger::tree::verify(&now).fault.unwrap();
    assert!(fault.contains("was removed") && fault.contains(task), "{fault}");
}

/// Every text file of a commit.
fn files_of(path: &Path, commit: Oid) -> std::collections::BTreeMap<String, Option<String>> {
    let repository = Repository::open_bare(path).unwrap();
    let tree = repository.find_commit(commit).unwrap().tree().unwrap();
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

async fn the_chain_in_git_vouches_for_who_asked_and_who_decided(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let anna = local.login("anna", "contributor").await;
    let ask = local.publication(&anna, "one.md").await;
    approve(&local, &ask).await;
    published(&local, &ask).await;
    let path = local.0.data_dir().join("ledger.git");
    let whole = files(&path);
    assert!(mc_ledger::tree::verify(&whole).is_ok());
    let provenance = whole.keys().find(|path| path.ends_with("/provenance.json")).unwrap().clone();
    let text = whole[&provenance].clone().unwrap();
    assert!(text.contains("\"anna\"") && text.contains("\"bootstrap\""), "{text}");
    let faults = |name: &str, text: String| {
        let mut changed = whole.clone();
        changed.insert(name.to_owned(), Some(text));
        let tree = mc_ledger::tree::verify(&changed);
        assert!(!tree.is_ok(), "{name}");
        let of_chain =
            tree.bad_chain().and_then(|(_, report)| report.fault.clone()).map(|fault| fault.message);
        tree.fault.or(of_chain).unwrap()
    };
    // Another decider or requester in the file; who decided was yes by oneself.
    for (from, to) in [
        ("\"name\": \"bootstrap\"", "\"name\": \"mallory\""),
        ("\"name\": \"anna\"", "\"name\": \"mallory\""),
        ("\"self_approved\": false", "\"self_approved\": true"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let fault = faults(&provenance, text.replacen(from, to, 1));
        assert!(fault.contains("provenance"), "{fault}");
    }
    // In the chain itself, or taken out of it.
    let (part, lines) = whole.iter().find(|(path, _)| path.contains(".jsonl")).unwrap();
    let lines = lines.clone().unwrap();
    let last = lines.lines().last().unwrap();
    assert!(last.contains("publication.commit") && last.contains("anna"), "{last}");
    let fault = faults(part, lines.replace(last, &last.replacen("anna", "mary", 1)));
    assert!(fault.contains("digest"), "{fault}");
    let mut event: mc_ledger::SealedEvent = serde_json::from_str(last).unwrap();
    event.body = None;
    let fault = faults(part, lines.replace(last, &serde_json::to_string(&event).unwrap()));
    assert!(fault.contains("was taken out"), "{fault}");
}

both!(
    a_file_in_the_way_fails_at_once_and_holds_nobody_up,
    what_stood_in_the_way_may_go_and_the_same_approval_counts,
    a_publication_that_waits_is_given_up_with_its_approval,
    a_hook_that_declines_one_is_tried_a_bounded_number_of_times,
    what_was_given_up_and_is_in_git_nevertheless_is_published,
    what_waits_is_told_for_each_target,
    what_was_deleted_goes_from_git_unless_its_route_keeps_it,
    the_chain_in_git_vouches_for_who_asked_and_who_decided,
);
