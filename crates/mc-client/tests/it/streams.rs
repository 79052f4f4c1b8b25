//! Streams: resuming a watch, falling back to a snapshot, lines of an export.

use std::time::{Duration, Instant};

use mc_api::mission::Mission;
use mc_client::{Event, ListQuery, Options, Server};

use crate::requests::mission;
use crate::server::{Answer, Scripted};

fn message(id: i64, event: &str, data: &str) -> String {
    format!("id: {id}\nevent: {event}\ndata: {data}\n\n")
}

fn told(event: &Event<Mission>) -> String {
    match event {
        Event::Added(m) => format!("added {} {}", m.name, m.version),
        Event::Modified(m) => format!("modified {} {}", m.name, m.version),
        Event::Deleted(gone) => format!("deleted {}", gone.kind),
        Event::Bookmark(seq) => format!("bookmark {seq}"),
        Event::Restarted => "restarted".into(),
    }
}

async fn follow(server: &Scripted, events: usize) -> Vec<String> {
    let mut watch = server.client().watch::<Mission>(ListQuery::default(), None);
    let mut all = vec![];
    while all.len() < events {
        all.push(told(&watch.next().await.unwrap()));
    }
    all
}

#[tokio::test]
async fn a_watch_resumes_behind_the_last_position_and_tells_nothing_twice() {
    let server = Scripted::start(vec![
        Answer::Broken(vec![
            message(5, "added", &mission("a", 1)),
            message(5, "bookmark", r#"{"seq":5}"#),
            message(6, "modified", &mission("a", 2)),
            ": ping\n\nid: 7\nevent: modified\nda".into(),
        ]),
        Answer::Broken(vec![
            message(6, "modified", &mission("a", 2)),
            message(7, "modified", &mission("a", 3)),
            message(8, "someday", "{}"),
            message(9, "deleted", r#"{"kind":"mission","id":"mis_0190abcd000000000000000000000001"}"#),
        ]),
    ])
    .await;
    let events = follow(&server, 5).await;
    assert_eq!(events, ["added a 1", "bookmark 5", "modified a 2", "modified a 3", "deleted mission"]);
    let asked = server.asked();
    assert_eq!(asked[0].uri.to_string(), "/api/v1/missions?watch=true");
    assert_eq!(asked[1].uri.to_string(), "/api/v1/missions?watch=true&from=6");
}

#[tokio::test]
async fn watches_that_are_cut_off_together_do_not_come_back_together() {
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let lost = Answer::Broken(vec![message(5, "bookmark", r#"{"seq":5}"#)]);
        let back = Answer::Broken(vec![message(6, "added", &mission("a", 1))]);
        let server = Scripted::start(vec![lost, back]).await;
        let mut options = Options::new(Server::parse(server.address()).unwrap());
        options.retry.base = Duration::from_millis(200);
        let client = mc_client::Client::new(options).unwrap();
        let mut watch = client.watch::<Mission>(ListQuery::default(), None);
        assert_eq!(told(&watch.next().await.unwrap()), "bookmark 5");
        // The server holds the line for 30 ms after its last word.
        let began = Instant::now();
        assert_eq!(told(&watch.next().await.unwrap()), "added a 1");
        pauses.push(began.elapsed());
    }
    pauses.sort();
    assert!(pauses[0] >= Duration::from_millis(100), "never at once: {pauses:?}");
    assert!(pauses[11] > pauses[0] + Duration::from_millis(20), "spread: {pauses:?}");
}

#[tokio::test]
async fn a_broken_snapshot_is_taken_again_from_its_start() {
    let server = Scripted::start(vec![
        Answer::Broken(vec![message(5, "added", &mission("a", 1))]),
        Answer::Broken(vec![
            message(5, "added", &mission("a", 1)),
            message(5, "added", &mission("bb", 1)),
            message(5, "bookmark", r#"{"seq":5}"#),
        ]),
    ])
    .await;
    assert_eq!(follow(&server, 3).await, ["added a 1", "added bb 1", "bookmark 5"]);
    assert_eq!(server.asked()[1].uri.query(), Some("watch=true"));
}

#[tokio::test]
async fn an_expired_position_restarts_from_a_fresh_snapshot() {
    let server = Scripted::start(vec![
        Answer::Broken(vec![message(5, "added", &mission("a", 1)), message(5, "bookmark", r#"{"seq":5}"#)]),
        Answer::problem(410, "seq-expired"),
        Answer::Broken(vec![message(90, "added", &mission("a", 1))]),
    ])
    .await;
    assert_eq!(follow(&server, 4).await, ["added a 1", "bookmark 5", "restarted", "added a 1"]);
    assert_eq!(server.asked()[2].uri.query(), Some("watch=true"));
}

#[tokio::test]
async fn a_refused_watch_ends_with_the_problem() {
    let server = Scripted::start(vec![Answer::problem(403, "forbidden")]).await;
    let mut watch = server.client().watch::<Mission>(ListQuery::default(), None);
    let error = watch.next().await.unwrap_err();
    assert_eq!(error.problem_kind(), Some(mc_api::ProblemKind::Forbidden));
}

#[tokio::test]
async fn an_export_is_read_line_by_line_and_a_cut_is_an_error() {
    let server = Scripted::start(vec![
        Answer::ok("one\ntwo\nthree"),
        Answer::Broken(vec!["one\ntw".into(), "o\nth".into()]),
    ])
    .await;
    let mut lines = server.client().ledger_export().await.unwrap();
    let mut all = vec![];
    while let Some(line) = lines.next().await.unwrap() {
        all.push(line);
    }
    assert_eq!(all, ["one", "two", "three"]);

    let mut lines = server.client().ledger_export().await.unwrap();
    assert_eq!(lines.next().await.unwrap().as_deref(), Some("one"));
    assert_eq!(lines.next().await.unwrap().as_deref(), Some("two"));
    assert!(lines.next().await.is_err());
}
