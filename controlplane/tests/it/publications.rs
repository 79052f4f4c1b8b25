//! Publications: approved bytes and the chain in Git, the same commit whenever it is made again.

use controlplane::publications::reconcile;
use git2::{Oid, Repository};
use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};
use crate::local::{Local, ROOT, slug};

async fn approve(local: &Local, publication: &Value) {
    let path = format!("/approvals/{}/approve", publication["approval_id"].as_str().unwrap());
    local.ok(ROOT, Method::POST, &path, Some(json!({}))).await;
}

async fn get(local: &Local, publication: &Value) -> Value {
    let path = format!("/publications/{}", publication["id"].as_str().unwrap());
    local.ok(ROOT, Method::GET, &path, None).await
}

async fn published(local: &Local, publication: &Value) -> Value {
    eventually("it is published", || async {
        let now = get(local, publication).await;
        (now["state"] == "published").then_some(now)
    })
    .await
}

fn repository(local: &Local) -> Repository {
    Repository::open_bare(local.0.data_dir().join("ledger.git")).unwrap()
}

fn main_of(repository: &Repository) -> Oid {
    repository.refname_to_id("refs/heads/main").unwrap()
}

fn file(repository: &Repository, path: &str) -> Vec<u8> {
    let tree = repository.find_commit(main_of(repository)).unwrap().tree().unwrap();
    let entry = tree.get_path(path.as_ref()).unwrap();
    repository.find_blob(entry.id()).unwrap().content().to_vec()
}

/// All lines of the ledger in Git, in the order of the file names.
fn chain(repository: &Repository) -> Vec<String> {
    let tree = repository.find_commit(main_of(repository)).unwrap().tree().unwrap();
    let folder = repository.find_tree(tree.get_name("ledger").unwrap().id()).unwrap();
    let mut lines = Vec::new();
    for entry in &folder {
        let blob = repository.find_blob(entry.id()).unwrap();
        lines.extend(std::str::from_utf8(blob.content()).unwrap().lines().map(str::to_owned));
    }
    lines
}

async fn approved_bytes_and_a_chain_that_verifies_are_in_git(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let (first, second) = (local.publication(ROOT, "one.md").await, local.publication(ROOT, "two.md").await);
    approve(&local, &first).await;
    let done = published(&local, &first).await;
    let repository = repository(&local);
    // As ledgers of before were: Git has something to say of it.
    repository.config().unwrap().set_bool("core.fsyncObjectFiles", true).unwrap();
    approve(&local, &second).await;
    let after = published(&local, &second).await;
    let mut log = tokio::process::Command::new("git");
    let log =
        log.arg("--git-dir").arg(repository.path()).args(["log", "--format=%H"]).output().await.unwrap();
    let shown = (String::from_utf8(log.stdout).unwrap(), String::from_utf8(log.stderr).unwrap());
    let commits = format!("{}\n{}\n", after["commit"].as_str().unwrap(), done["commit"].as_str().unwrap());
    assert_eq!(shown, (commits, String::new()));
    let head = repository.find_commit(main_of(&repository)).unwrap();
    assert_eq!(after["commit"], head.id().to_string());
    assert_eq!(done["commit"], head.parent_id(0).unwrap().to_string());
    let message = head.message().unwrap();
    for trailer in [
        "Mission: demo",
        "Publication: bat_",
        "Request: ",
        "Approval: apr_",
        "Action-SHA256: ",
        "Requested-by: bootstrap",
        "Approved-by: bootstrap",
        "Ledger: ",
    ] {
        assert!(message.contains(&format!("\n{trailer}")), "{trailer} in {message}");
    }
    for (publication, name) in [(&first, "one.md"), (&second, "two.md")] {
        let folder = format!("missions/demo/artifacts/{}", publication["artifacts"][0].as_str().unwrap());
        assert_eq!(file(&repository, &format!("{folder}/{name}")), name.as_bytes());
        let provenance: Value =
            serde_json::from_slice(&file(&repository, &format!("{folder}/provenance.json"))).unwrap();
        assert_eq!(provenance["provenance"]["publication_id"], publication["id"]);
        assert_eq!(provenance["object"]["sha256"], mc_ledger::sha256(name.as_bytes()).to_string());
    }
    let lines = chain(&repository);
    let report = mc_ledger::verify_lines(lines.iter().map(String::as_str));
    assert!(report.ok && report.first_seq == 1, "{report:?}");
    let mission = lines.iter().find(|line| line.contains("\"mission.create\"")).unwrap();
    assert!(!mission.contains("\"body\""), "{mission}");
    assert!(lines.iter().any(|line| line.contains("\"publication.queue\"") && line.contains("\"body\"")));
    let approval = format!("/approvals/{}", first["approval_id"].as_str().unwrap());
    let approval = local.ok(ROOT, Method::GET, &approval, None).await;
    assert_eq!(approval["outcome"], format!("published as {}", done["commit"].as_str().unwrap()));
    let id = first["id"].as_str().unwrap();
    assert_eq!(
        local.actions_on(id).await,
        ["publication.request", "publication.queue", "publication.commit", "publication.publish"]
    );
    let artifact = format!("/artifacts/{}", first["artifacts"][0].as_str().unwrap());
    assert_eq!(local.call(ROOT, Method::DELETE, &artifact, None).await.0, 409);
}

async fn after_a_crash_at_any_point_the_same_commit_is_made(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let app = local.app();
    let publication = local.publication(ROOT, "one.md").await;
    let held = app.publishing.lock().await;
    approve(&local, &publication).await;
    local.0.sealed().await;
    let queued = reconcile::next(app, None).await.unwrap().unwrap();
    // Dies after the range was fixed; the ledger grows before the next start.
    reconcile::fix_range(app, queued).await.unwrap().unwrap();
    local.upload("later", b"later").await;
    let again = reconcile::next(app, None).await.unwrap().unwrap();
    let fixed = reconcile::fix_range(app, again.clone()).await.unwrap().unwrap();
    assert_eq!(fixed, again, "a fixed range stays");
    // Dies after main was moved, before anything was recorded.
    let commit = reconcile::commit(app, &fixed).await.unwrap();
    local.upload("later still", b"later still").await;
    assert_eq!(get(&local, &publication).await["state"], "queued");
    assert_eq!(reconcile::commit(app, &fixed).await.unwrap(), commit);
    drop(held);
    app.publisher.notify_one();
    assert_eq!(published(&local, &publication).await["commit"], commit);
    let repository = repository(&local);
    assert_eq!(main_of(&repository).to_string(), commit);
    assert_eq!(repository.find_commit(main_of(&repository)).unwrap().parent_count(), 0);
}

async fn a_foreign_hand_on_main_is_not_overwritten(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let first = local.publication(ROOT, "one.md").await;
    approve(&local, &first).await;
    published(&local, &first).await;
    let foreign = {
        let repository = repository(&local);
        let head = repository.find_commit(main_of(&repository)).unwrap();
        let who = git2::Signature::now("x", "x@example.org").unwrap();
        let tree = head.tree().unwrap();
        repository.commit(Some("refs/heads/main"), &who, &who, "foreign", &tree, &[&head]).unwrap()
    };
    let second = local.publication(ROOT, "two.md").await;
    approve(&local, &second).await;
    let failed = eventually("the failure is shown", || async {
        let now = get(&local, &second).await;
        (now["failures"].as_i64() > Some(0)).then_some(now)
    })
    .await;
    assert_eq!(failed["state"], "queued");
    assert!(failed["last_error"].as_str().unwrap().contains("foreign hand"), "{failed}");
    assert!(failed["next_attempt_at"].is_string(), "{failed}");
    assert_eq!(main_of(&repository(&local)), foreign);
}

async fn the_requesters_rights_and_the_bytes_are_asked_again(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let anna = local.login("anna", "contributor").await;
    let (first, second) = (local.publication(&anna, "one").await, local.publication(&anna, "two").await);
    let artifact = format!("/artifacts/{}", first["artifacts"][0].as_str().unwrap());
    local.ok(ROOT, Method::DELETE, &artifact, None).await;
    let path =
        |publication: &Value| format!("/approvals/{}/approve", publication["approval_id"].as_str().unwrap());
    let (status, problem) = local.call(ROOT, Method::POST, &path(&first), Some(json!({}))).await;
    assert_eq!((status, slug(&problem)), (409, "invalid-transition"));
    local.ok(ROOT, Method::PUT, "/principals/anna/role", Some(json!({"role": "viewer"}))).await;
    let (status, problem) = local.call(ROOT, Method::POST, &path(&second), Some(json!({}))).await;
    assert_eq!((status, slug(&problem)), (403, "forbidden"));
    assert_eq!(get(&local, &second).await["state"], "awaiting_approval");
}

both!(
    approved_bytes_and_a_chain_that_verifies_are_in_git,
    after_a_crash_at_any_point_the_same_commit_is_made,
    a_foreign_hand_on_main_is_not_overwritten,
    the_requesters_rights_and_the_bytes_are_asked_again,
);
