//! Artifacts: what was stored is what comes back, and every download is in the ledger.

use std::time::Duration;

use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::Value;

use crate::harness::TestApp;
use crate::local::{Local, ROOT, answer, slug};

async fn start(app: TestApp) -> Local {
    Local::over(app, GovernanceProfile::Development).await
}

async fn content_comes_back_as_a_file_and_each_download_is_ledgered(app: TestApp) {
    let local = start(app).await;
    let post = local
        .request(ROOT, Method::POST, "/artifacts?mission=demo&name=a%20%C3%B6.txt")
        .header("content-type", "text/plain")
        .body("hello");
    let (status, artifact) = answer(post).await;
    assert_eq!(status, 201, "{artifact}");
    assert_eq!(artifact["size_bytes"], 5);
    let id = artifact["id"].as_str().unwrap();
    let response =
        local.request(ROOT, Method::GET, &format!("/artifacts/{id}/content")).send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/plain");
    assert_eq!(header("content-length"), "5");
    assert_eq!(header("etag"), format!("\"{}\"", artifact["sha256"].as_str().unwrap()));
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"a__.txt\"; filename*=UTF-8''a%20%C3%B6.txt"
    );
    assert_eq!(response.bytes().await.unwrap().as_ref(), b"hello");
    assert_eq!(local.actions_on(id).await, ["artifact.create", "artifact.download"]);
    let listed = local.ok(ROOT, Method::GET, "/artifacts?mission=demo", None).await;
    assert_eq!(listed["items"], Value::Array(vec![artifact.clone()]));
}

async fn rights_are_asked_before_the_body_and_limits_are_stated(app: TestApp) {
    let local = start(app).await;
    let viewer = local.login("reader", "viewer").await;
    let endless = || {
        let parts = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 1 << 20]));
        reqwest::Body::wrap_stream(parts)
    };
    // A body without end: only an answer that does not wait for it can come.
    let post = local.request(&viewer, Method::POST, "/artifacts?mission=demo&name=x").body(endless());
    let sent = tokio::time::timeout(Duration::from_secs(10), post.send()).await.unwrap();
    if let Ok(response) = sent {
        assert_eq!(response.status().as_u16(), 403);
    }
    assert!(std::fs::read_dir(local.0.data_dir().join("objects/incoming")).unwrap().next().is_none());
    let large = vec![0_u8; 64 * 1024 * 1024 + 1];
    let parts = futures_util::stream::iter(
        large.chunks(1 << 20).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect::<Vec<_>>(),
    );
    let post = local
        .request(ROOT, Method::POST, "/artifacts?mission=demo&name=x")
        .body(reqwest::Body::wrap_stream(parts));
    let (status, problem) = answer(post).await;
    assert_eq!((status, slug(&problem)), (413, "body-too-large"));
    assert!(problem["detail"].as_str().unwrap().contains("67108864"), "{problem}");
    let post = local.request(ROOT, Method::POST, "/artifacts?mission=demo&name=a%2Fb").body("x");
    assert_eq!(answer(post).await.0, 422);
}

async fn other_bytes_than_announced_are_refused(app: TestApp) {
    let local = start(app).await;
    let wrong = "00".repeat(32);
    let path = format!("/artifacts?mission=demo&name=x&sha256={wrong}");
    let (status, problem) = answer(local.request(ROOT, Method::POST, &path).body("hello")).await;
    assert_eq!((status, slug(&problem)), (422, "validation"));
    assert_eq!(problem["errors"][0]["pointer"], "?sha256");
    let right = mc_ledger::sha256(b"hello");
    let path = format!("/artifacts?mission=demo&name=x&sha256={right}");
    assert_eq!(answer(local.request(ROOT, Method::POST, &path).body("hello")).await.0, 201);
}

async fn a_repeated_upload_is_one_artifact_and_other_bytes_under_the_key_are_refused(app: TestApp) {
    let local = start(app).await;
    let post = |body: &'static str| {
        let request = local.request(ROOT, Method::POST, "/artifacts?mission=demo&name=x");
        answer(request.header("idempotency-key", "k1").body(body))
    };
    let (first, second) = (post("one").await, post("one").await);
    assert_eq!(first, second);
    let (status, problem) = post("two").await;
    assert_eq!((status, slug(&problem)), (422, "idempotency-key-reused"));
}

async fn only_old_bytes_that_nothing_names_are_swept(app: TestApp) {
    let local = start(app).await;
    let (kept, deleted) = (local.upload("kept", b"kept").await, local.upload("gone", b"gone").await);
    let gone = deleted["id"].as_str().unwrap();
    local.ok(ROOT, Method::DELETE, &format!("/artifacts/{gone}"), None).await;
    assert_eq!(local.call(ROOT, Method::GET, &format!("/artifacts/{gone}"), None).await.0, 404);
    let sweep = || controlplane::artifacts::reconcile::sweep(local.app());
    assert_eq!(sweep().await.unwrap(), 0, "too young");
    local.app().clock.advance(Duration::from_mins(24 * 60 + 1));
    assert_eq!(sweep().await.unwrap(), 1);
    assert_eq!(sweep().await.unwrap(), 0);
    let path = format!("/artifacts/{}/content", kept["id"].as_str().unwrap());
    assert_eq!(answer(local.request(ROOT, Method::GET, &path)).await.0, 200);
}

both!(
    content_comes_back_as_a_file_and_each_download_is_ledgered,
    rights_are_asked_before_the_body_and_limits_are_stated,
    other_bytes_than_announced_are_refused,
    a_repeated_upload_is_one_artifact_and_other_bytes_under_the_key_are_refused,
    only_old_bytes_that_nothing_names_are_swept,
);
