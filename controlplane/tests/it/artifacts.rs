//! Artifacts: what was stored is what comes back, and every download is in the ledger.

use std::time::Duration;

use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::{Value, json};

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
    let mut shown = artifact.clone();
    shown.as_object_mut().unwrap().remove("overlap_suggestions");
    assert_eq!(listed["items"], Value::Array(vec![shown]));
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

/// One request for content: status, the header that says the range, bytes.
async fn part(local: &Local, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut request = local.request(ROOT, Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["accept-ranges"], "bytes");
    assert!(response.headers().contains_key("etag"));
    let range =
        response.headers().get("content-range").map_or("", |range| range.to_str().unwrap()).to_owned();
    (response.status().as_u16(), range, response.text().await.unwrap())
}

async fn ranges_and_conditions_are_answered_and_only_bytes_are_ledgered(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("ranged", b"0123456789").await;
    let id = artifact["id"].as_str().unwrap();
    let path = format!("/artifacts/{id}/content");
    let etag = format!("\"{}\"", artifact["sha256"].as_str().unwrap());
    let ask = |headers: Vec<(&'static str, String)>| {
        let (local, path) = (&local, &path);
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            part(local, path, &headers).await
        }
    };
    let range = |text: &str| ("range", format!("bytes={text}"));
    let told = |status: u16, range: &str, text: &str| (status, range.to_owned(), text.to_owned());
    assert_eq!(ask(vec![range("2-4")]).await, told(206, "bytes 2-4/10", "234"));
    assert_eq!(ask(vec![range("7-")]).await, told(206, "bytes 7-9/10", "789"));
    assert_eq!(ask(vec![range("-2"), ("if-range", etag.clone())]).await, told(206, "bytes 8-9/10", "89"));
    assert_eq!(ask(vec![range("7-"), ("if-range", "\"other\"".into())]).await, told(200, "", "0123456789"));
    assert_eq!(ask(vec![range("0-1,3-4")]).await, told(200, "", "0123456789"));
    assert_eq!(ask(vec![("if-none-match", etag.clone())]).await, told(304, "", ""));
    let (status, beyond, problem) = ask(vec![range("10-")]).await;
    assert_eq!((status, beyond.as_str()), (416, "bytes */10"));
    assert!(problem.contains("urn:missioncontrol:problem:range-not-satisfiable"), "{problem}");
    let head = local.request(ROOT, Method::HEAD, &path).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"10".parse().unwrap()));

    // Five answers with bytes; what had none is no download.
    let actions = local.actions_on(id).await;
    assert_eq!(actions.iter().filter(|action| *action == "artifact.download").count(), 5, "{actions:?}");
    let events = local.0.events().await;
    let parts: Vec<String> = events
        .iter()
        .filter(|event| event.envelope.action == "artifact.download")
        .map(|event| {
            let body: Value = serde_json::from_str(event.body.as_deref().unwrap()).unwrap();
            body["after"]["part"].to_string()
        })
        .collect();
    assert_eq!(parts, ["[2,5]", "[7,10]", "[8,10]", "null", "null"]);

    let viewer = local.login("other", "viewer").await;
    let nobody = json!({"name": "nobody", "principal_kind": "user"});
    local.ok(ROOT, Method::POST, "/principals", Some(nobody)).await;
    let nobody = local.ok(ROOT, Method::POST, "/auth/login", Some(json!({"principal": "nobody"}))).await;
    for (token, expected) in [(viewer.as_str(), 304), (nobody["token"].as_str().unwrap(), 404)] {
        let request = local.request(token, Method::GET, &path).header("if-none-match", &etag);
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "a condition tells nothing");
    }
}

/// Fetches a URL without any token.
async fn fetch(url: &str) -> reqwest::Response {
    let (base, path) = url.split_at(url.find("://").unwrap() + 3);
    let (host, path) = path.split_at(path.find('/').unwrap());
    crate::harness::Client::new(&format!("{base}{host}")).request("GET", path, "").send().await.unwrap()
}

async fn a_download_url_gives_the_bytes_without_a_token(app: TestApp) {
    let local = start(app).await;
    let artifact = local.upload("given", b"given out").await;
    let id = artifact["id"].as_str().unwrap();
    let path = format!("/artifacts/{id}/download-url");
    let url = local.ok(ROOT, Method::GET, &format!("{path}?expires_seconds=60"), None).await;
    assert_eq!((&url["kind"], &url["artifact_id"]), (&json!("download_url"), &artifact["id"]));
    assert_eq!((&url["sha256"], &url["size_bytes"]), (&artifact["sha256"], &json!(9)));
    let got = fetch(url["url"].as_str().unwrap()).await;
    assert_eq!(got.status().as_u16(), 200);
    assert!(
        got.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"given\"")
    );
    assert_eq!(got.bytes().await.unwrap().as_ref(), b"given out");
    for bad in ["0", "3601", "99999999999", "x"] {
        let (status, problem) =
            local.call(ROOT, Method::GET, &format!("{path}?expires_seconds={bad}"), None).await;
        assert!(matches!(status, 400 | 422), "{bad}: {problem}");
    }
    local.ok(ROOT, Method::GET, &path, None).await;
    let downloads = local.actions_on(id).await.iter().filter(|action| *action == "artifact.download").count();
    // A use of the bucket's URL passes us by; a use of ours does not.
    assert_eq!(downloads, if local.0.s3.is_some() { 2 } else { 3 });
    let exported = local.0.export().await;
    assert!(
        !exported.contains("signature=") && !exported.contains("X-Amz-Signature"),
        "no URL in the ledger"
    );
}

async fn a_signed_url_is_for_one_artifact_and_expires(app: TestApp) {
    let local = start(app).await;
    let (one, two) = (local.upload("one", b"1").await, local.upload("two", b"2").await);
    let (one, two) = (one["id"].as_str().unwrap(), two["id"].as_str().unwrap());
    let reader = local.login("reader", "viewer").await;
    let whoami = local.ok(&reader, Method::GET, "/auth/whoami", None).await;
    let admin = local.ok(ROOT, Method::GET, "/auth/whoami", None).await;
    let path = format!("/artifacts/{one}/download-url?expires_seconds=100");
    let url = local.ok(&reader, Method::GET, &path, None).await["url"].as_str().unwrap().to_owned();
    let status = async |url: &str| fetch(url).await.status().as_u16();
    assert_eq!(status(&url).await, 200);
    let expires: i64 = url.split_once("expires=").unwrap().1.split('&').next().unwrap().parse().unwrap();
    let (rest, signature) = url.rsplit_once("signature=").unwrap();
    let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
    let principal = |whoami: &Value| whoami["principal"]["id"].as_str().unwrap().to_owned();
    for forged in [
        url.replace(one, two),
        url.replace(&format!("expires={expires}"), &format!("expires={}", expires + 1)),
        url.replace(&principal(&whoami), &principal(&admin)),
        url.replace("key=download-1", "key=approval-1"),
        url.replace("key=download-1", "key=cursor-1"),
        format!("{rest}signature={flipped}{}", &signature[1..]),
        format!("{rest}signature="),
    ] {
        assert_ne!(forged, url);
        assert_eq!(status(&forged).await, 401, "{forged}");
    }
    assert_eq!(status(&format!("{url}&more=1")).await, 400);

    // Whose name it bears must still be allowed to.
    let role = json!({"role": null});
    let taken = local.call(ROOT, Method::PUT, "/principals/reader/role", Some(role)).await;
    assert_eq!(taken.0, 200, "{}", taken.1);
    assert_eq!(status(&url).await, 404);
    local.ok(ROOT, Method::PUT, "/principals/reader/role", Some(json!({"role": "viewer"}))).await;
    assert_eq!(status(&url).await, 200);
    local.app().clock.advance(Duration::from_secs(101));
    assert_eq!(status(&url).await, 401, "it has expired");

    let path = format!("/artifacts/{two}/download-url");
    let url = local.ok(ROOT, Method::GET, &path, None).await["url"].as_str().unwrap().to_owned();
    local.ok(ROOT, Method::DELETE, &format!("/artifacts/{two}"), None).await;
    assert_eq!(status(&url).await, 401, "the artifact is gone");
    let used = local.0.events().await;
    let by: Vec<String> = used
        .iter()
        .filter(|event| event.body.as_deref().is_some_and(|body| body.contains("\"by_url\":true")))
        .map(|event| event.envelope.principal_id.clone())
        .collect();
    assert_eq!(
        by,
        [principal(&whoami), principal(&whoami)],
        "uses are in the ledger, in the name of who asked"
    );
}

async fn the_swept_bytes_of_a_row_that_came_late_are_brought_back(app: TestApp) {
    use controlplane::objects::{Area, ObjectStore as _};
    let local = start(app).await;
    let artifact = local.upload("late", b"late").await;
    let (mission, sha256) =
        (artifact["mission_id"].as_str().unwrap(), artifact["sha256"].as_str().unwrap().parse().unwrap());
    let mission = mission.parse().unwrap();
    let objects = &local.app().objects;
    local.app().clock.advance(Duration::from_mins(24 * 60 + 1));
    // A sweep of another replica that asked before the row was there.
    let before = local.app().clock.now();
    assert!(objects.remove_if_older(mission, sha256, before).await.unwrap());
    assert_eq!(objects.list(Area::Aside, before, None).await.unwrap().objects, [(mission, sha256)]);
    assert_eq!(controlplane::artifacts::reconcile::sweep(local.app()).await.unwrap(), 0);
    assert!(objects.list(Area::Aside, before, None).await.unwrap().objects.is_empty());
    let path = format!("/artifacts/{}/content", artifact["id"].as_str().unwrap());
    assert_eq!(answer(local.request(ROOT, Method::GET, &path)).await.0, 200);
}

async fn readiness_and_answers_tell_when_the_bucket_is_away(app: TestApp) {
    let mut local = start(app).await;
    let artifact = local.upload("before", b"before").await;
    local.0.s3.as_mut().unwrap().kill();
    let ready = crate::harness::eventually("it is not ready", || async {
        let ready = local.0.get("", "/readyz").await;
        (ready.status == 503).then_some(ready)
    })
    .await;
    let check =
        ready.body["checks"].as_array().unwrap().iter().find(|check| check["name"] == "objects").unwrap();
    assert_eq!(check["ok"], false);
    assert!(!ready.text.contains("127.0.0.1"), "anybody may ask: {}", ready.text);
    let path = format!("/artifacts/{}/content", artifact["id"].as_str().unwrap());
    let response = local.request(ROOT, Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().contains_key("retry-after"));
    local.0.s3.as_mut().unwrap().serve();
    crate::harness::eventually("it is ready again", || async {
        (local.0.get("", "/readyz").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(answer(local.request(ROOT, Method::GET, &path)).await.0, 200);
}

on_s3!(
    content_comes_back_as_a_file_and_each_download_is_ledgered,
    rights_are_asked_before_the_body_and_limits_are_stated,
    other_bytes_than_announced_are_refused,
    a_repeated_upload_is_one_artifact_and_other_bytes_under_the_key_are_refused,
    only_old_bytes_that_nothing_names_are_swept,
    ranges_and_conditions_are_answered_and_only_bytes_are_ledgered,
    a_download_url_gives_the_bytes_without_a_token,
    the_swept_bytes_of_a_row_that_came_late_are_brought_back,
    readiness_and_answers_tell_when_the_bucket_is_away,
);

both!(
    ranges_and_conditions_are_answered_and_only_bytes_are_ledgered,
    a_download_url_gives_the_bytes_without_a_token,
    a_signed_url_is_for_one_artifact_and_expires,
    content_comes_back_as_a_file_and_each_download_is_ledgered,
    rights_are_asked_before_the_body_and_limits_are_stated,
    other_bytes_than_announced_are_refused,
    a_repeated_upload_is_one_artifact_and_other_bytes_under_the_key_are_refused,
    only_old_bytes_that_nothing_names_are_swept,
);
