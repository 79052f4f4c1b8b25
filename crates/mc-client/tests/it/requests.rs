//! Requests: keys, repeating, problems, deadlines, bytes.

use mc_api::ProblemKind;
use mc_api::artifact::{Artifact, CreateArtifact};
use mc_api::mission::{CreateMission, Mission, UpdateMission};
use mc_api::task::CompleteTask;
use mc_client::{Error, Have, ListQuery, Scope, Upload};

use crate::server::{Answer, Scripted, client};

pub(crate) fn mission(name: &str, version: i64) -> String {
    format!(
        r#"{{"kind":"mission","id":"mis_0190abcd00000000000000000000000{}","name":"{name}","description":"","key_prefix":"{name}","labels":{{}},"annotations":{{}},"version":{version},"created_by":"prn_0190abcd000000000000000000000000","created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z"}}"#,
        name.len()
    )
}

fn create() -> CreateMission {
    CreateMission {
        name: "apollo".parse().unwrap(),
        description: String::new(),
        labels: mc_api::Labels::default(),
        annotations: mc_api::Labels::default(),
    }
}

#[tokio::test]
async fn a_creation_repeats_on_503_and_on_a_broken_answer_with_the_same_key() {
    let server = Scripted::start(vec![
        Answer::problem(503, "unavailable"),
        Answer::problem(409, "idempotency-in-flight"),
        Answer::Full(201, vec![], mission("apollo", 1)),
    ])
    .await;
    let made: Mission = server.client().create::<Mission>(&create()).await.unwrap();
    assert_eq!(made.name.as_str(), "apollo");
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    let keys: Vec<_> = asked.iter().map(|a| a.header("idempotency-key").expect("a key").to_owned()).collect();
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
    assert!(
        asked.iter().all(|a| a.body == asked[0].body && a.header("authorization") == Some("Bearer mcs_test"))
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_with_the_same_key() {
    let whole = mission("apollo", 1);
    let server = Scripted::start(vec![
        Answer::Broken(vec![whole[..20].into()]),
        Answer::Full(201, vec![], whole),
        Answer::Broken(vec!["{".into()]),
        Answer::Broken(vec!["{".into()]),
        Answer::Broken(vec!["{".into()]),
    ])
    .await;
    let made: Mission = server.client().create::<Mission>(&create()).await.unwrap();
    assert_eq!(made.name.as_str(), "apollo");
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].header("idempotency-key").unwrap(), asked[1].header("idempotency-key").unwrap());
    // Not for ever.
    let error = server.client().get::<Mission>("apollo", &Scope::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn two_creations_have_different_keys_and_reads_have_none() {
    let server = Scripted::start(vec![
        Answer::Full(201, vec![], mission("a", 1)),
        Answer::Full(201, vec![], mission("a", 1)),
        Answer::ok(&mission("a", 1)),
    ])
    .await;
    let client = server.client();
    client.create::<Mission>(&create()).await.unwrap();
    client.create::<Mission>(&create()).await.unwrap();
    client.get::<Mission>("a", &Scope::default()).await.unwrap();
    let asked = server.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
    assert_eq!(asked[2].header("idempotency-key"), None);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_tried_again_with_the_same_key() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    drop(rustls::crypto::ring::default_provider().install_default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move {
        let mut heads = vec![];
        for attempt in 0..2 {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let read = socket.read(&mut buffer).await.unwrap();
            heads.push(String::from_utf8_lossy(&buffer[..read]).into_owned());
            if attempt == 1 {
                let body = mission("apollo", 1);
                let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        }
        heads
    });
    client(&address).create::<Mission>(&create()).await.unwrap();
    let heads = server.join_next().await.unwrap().unwrap();
    let key = |head: &str| {
        head.lines().find_map(|line| line.strip_prefix("idempotency-key: ").map(str::to_owned)).unwrap()
    };
    assert_eq!(key(&heads[0]), key(&heads[1]));
}

#[tokio::test]
async fn a_problem_arrives_whole_and_is_not_repeated() {
    let server = Scripted::start(vec![Answer::problem(422, "validation")]).await;
    let error = server.client().create::<Mission>(&create()).await.unwrap_err();
    assert_eq!(error.problem_kind(), Some(ProblemKind::Validation));
    let Error::Problem(problem) = error else { panic!("{error:?}") };
    assert_eq!((problem.status, problem.request_id.as_deref()), (422, Some("r-1")));
    assert_eq!(problem.errors[0].pointer, "/name");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_problem_and_no_object_is_named_as_such() {
    let server = Scripted::start(vec![
        Answer::Full(404, vec![], "<html>nginx</html>".into()),
        Answer::ok("{\"name\":1}"),
    ])
    .await;
    for _ in 0..2 {
        let error = server.client().get::<Mission>("a", &Scope::default()).await.unwrap_err();
        assert!(matches!(error, Error::UnexpectedAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn silence_is_a_timeout_and_no_listener_is_unreachable() {
    let server = Scripted::start(vec![Answer::Silence]).await;
    let error = server.client().get::<Mission>("a", &Scope::default()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(&format!("http://{free}")).get::<Mission>("a", &Scope::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn paths_queries_and_preconditions_are_sent_as_the_contract_says() {
    let server = Scripted::start(vec![
        Answer::ok(r#"{"items":[],"next_cursor":null}"#),
        Answer::ok(&mission("a", 2)),
        Answer::Full(204, vec![], String::new()),
        Answer::problem(409, "lease-lost"),
    ])
    .await;
    let client = server.client();
    let query =
        ListQuery { labels: vec![("team".into(), "a b".into())], limit: Some(5), ..ListQuery::default() };
    assert!(client.list::<Mission>(&query).await.unwrap().items.is_empty());
    let patch = UpdateMission { description: Some(None), ..UpdateMission::default() };
    client.update::<Mission>("a", &Scope::default(), &patch, Some(1)).await.unwrap();
    client.delete::<Mission>("a", &Scope::default(), None).await.unwrap();
    let scope = Scope { mission: Some("m".into()), kluster: Some("k".into()) };
    let done = CompleteTask { attempt: Some(2), result: None, artifact: None };
    let lost = client.complete_task("build", &scope, &done).await.unwrap_err();
    assert_eq!(lost.problem_kind(), Some(ProblemKind::LeaseLost));

    let asked = server.asked();
    assert_eq!(asked[0].uri.to_string(), "/api/v1/missions?labels=team%3Da+b&limit=5");
    assert_eq!(asked[1].header("content-type"), Some("application/merge-patch+json"));
    assert_eq!(asked[1].header("if-match"), Some("\"1\""));
    assert_eq!(asked[1].body.as_ref(), br#"{"description":null}"#);
    assert_eq!(asked[2].method.as_str(), "DELETE");
    assert_eq!(asked[2].header("if-match"), None);
    assert_eq!(asked[3].uri.to_string(), "/api/v1/tasks/build/complete?mission=m&kluster=k");
}

fn artifact(sha256: &str) -> String {
    format!(
        r#"{{"kind":"artifact","id":"art_0190abcd000000000000000000000000","name":"f","mission_id":"mis_0190abcd000000000000000000000000","mission":"a","task_id":null,"media_type":"text/plain","sha256":"{sha256}","size_bytes":3,"labels":{{}},"version":1,"created_by":"prn_0190abcd000000000000000000000000","created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z"}}"#
    )
}

/// Of `abc`.
const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let stored: Artifact = serde_json::from_str(&artifact(DIGEST)).unwrap();
    let cut = |text: &str| Answer::Broken(vec![text.into()]);
    // Whoever knows ranges sends the rest, others send all of it once more.
    for (rest, status) in [("c", 206), ("abc", 200)] {
        let server = Scripted::start(vec![cut("ab"), Answer::Full(status, vec![], rest.into())]).await;
        let mut out = Vec::new();
        let written = server.client().download(&stored, Have::nothing(), &mut out).await.unwrap();
        assert_eq!((written, out.as_slice()), (3, b"abc".as_slice()), "{status}");
        let asked = server.asked();
        assert_eq!(asked[0].header("range"), None);
        assert_eq!(asked[1].header("range"), Some("bytes=2-"));
        assert_eq!(asked[1].header("if-range"), Some(format!("\"{DIGEST}\"").as_str()));
    }
}

#[tokio::test]
async fn bytes_that_are_there_are_not_asked_for_again_and_endless_breaking_ends() {
    let stored: Artifact = serde_json::from_str(&artifact(DIGEST)).unwrap();
    let server = Scripted::start(vec![Answer::Full(206, vec![], "c".into())]).await;
    let have = Have::all_of(&mut b"ab".as_slice()).await.unwrap();
    assert_eq!(have.bytes(), 2);
    let mut out = Vec::new();
    assert_eq!(server.client().download(&stored, have, &mut out).await.unwrap(), 1);
    assert_eq!((out.as_slice(), server.asked()[0].header("range")), (b"c".as_slice(), Some("bytes=2-")));

    // All of it: nothing is asked, and the digest is looked at all the same.
    let have = Have::all_of(&mut b"abc".as_slice()).await.unwrap();
    assert_eq!(server.client().download(&stored, have, &mut Vec::new()).await.unwrap(), 0);
    let have = Have::all_of(&mut b"abd".as_slice()).await.unwrap();
    let wrong = server.client().download(&stored, have, &mut Vec::new()).await.unwrap_err();
    assert!(matches!(wrong, Error::DigestMismatch { .. }), "{wrong:?}");
    assert_eq!(server.asked().len(), 1);

    let short = |_| Answer::ok("");
    let server = Scripted::start((0..9).map(short).collect()).await;
    let error = server.client().download(&stored, Have::nothing(), &mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, Error::UnexpectedAnswer { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 3, "as often as requests are repeated");
}

#[tokio::test]
async fn uploads_repeat_whole_and_downloads_are_checked() {
    let digest = DIGEST;
    let server = Scripted::start(vec![
        Answer::problem(503, "unavailable"),
        Answer::Full(201, vec![], artifact(digest)),
        Answer::ok("abc"),
        Answer::ok("abd"),
    ])
    .await;
    let client = server.client();
    let file = std::env::temp_dir().join(format!("mc-client-upload-{}", std::process::id()));
    std::fs::write(&file, "abc").unwrap();
    assert_eq!(mc_client::sha256_of(&file).await.unwrap(), digest);
    let create = CreateArtifact {
        mission: "a".into(),
        name: "f".into(),
        task: None,
        sha256: Some(digest.into()),
        acknowledge_overlap: None,
    };
    let stored: Artifact =
        client.upload(&create, "text/plain", Upload::File(file.clone())).await.unwrap().artifact;
    std::fs::remove_file(&file).unwrap();
    let asked = server.asked();
    assert!(
        asked.iter().all(|a| a.body.as_ref() == b"abc" && a.header("content-type") == Some("text/plain"))
    );

    let mut out = Vec::new();
    assert_eq!(client.download(&stored, Have::nothing(), &mut out).await.unwrap(), 3);
    let wrong = client.download(&stored, Have::nothing(), &mut Vec::new()).await.unwrap_err();
    assert!(matches!(wrong, Error::DigestMismatch { .. }), "{wrong:?}");
}
