//! Watching: snapshot, bookmark, changes; nothing missed, nothing twice, nothing beyond the caller's rights.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mc_api::auth::GovernanceProfile;
use reqwest::Method;
use serde_json::json;

use crate::harness::{TestApp, Watch};
use crate::local::{Local, ROOT};

const MISSIONS: &str = "/api/v1/missions?watch=true";

async fn ended(mut watch: Watch) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(change) = watch.next().await {
        events.push(change.event);
    }
    events
}

async fn a_watch_is_snapshot_bookmark_and_changes(app: TestApp) {
    for name in ["a", "b"] {
        app.mission(name).await;
    }
    let sealed = app.sealed().await;
    let mut watch = app.watch(app.admin(), MISSIONS).await;
    let first = watch.until(|change| change.event == "bookmark").await;
    let events: Vec<_> = first.iter().map(|change| (change.event.as_str(), &change.data["name"])).collect();
    assert_eq!(events, [("added", &json!("a")), ("added", &json!("b")), ("bookmark", &json!(null))]);
    assert!(first.iter().all(|change| change.id == sealed) && first[2].data["seq"] == sealed, "{first:?}");

    app.mission("c").await;
    let added = watch.next().await.unwrap();
    assert_eq!((added.event.as_str(), &added.data["name"], added.id), ("added", &json!("c"), sealed + 1));
    app.patch(app.admin(), "/api/v1/missions/a", json!({ "description": "x" })).await.ok(200);
    let modified = watch.next().await.unwrap();
    assert_eq!((modified.event.as_str(), &modified.data["version"]), ("modified", &json!(2)));
    app.delete(app.admin(), "/api/v1/missions/b").await.ok(204);
    let deleted = watch.next().await.unwrap();
    assert_eq!((deleted.event.as_str(), &deleted.data["id"]), ("deleted", &first[1].data["id"]));
    assert_eq!(deleted.id, sealed + 3);
}

async fn several_lists_are_one_stream(app: TestApp) {
    app.mission("a").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "a", "name": "k" })).await.ok(201);
    let path = "/api/v1/watch?lists=missions,klusters,tasks,sessions,approvals,publications,nodes";
    let mut watch = app.watch(app.admin(), path).await;
    let mut marks = std::collections::BTreeSet::new();
    let mut added = Vec::new();
    while marks.len() < 7 {
        let change = watch.next().await.unwrap();
        match change.event.as_str() {
            "bookmark" => assert!(marks.insert(change.data["kind"].to_string()), "{change:?}"),
            _ => added.push(change.data["kind"].to_string()),
        }
    }
    added.sort();
    assert_eq!(added, ["\"kluster\"", "\"mission\""]);
    let task = json!({ "mission": "a", "kluster": "k", "title": "t" });
    app.post(app.admin(), "/api/v1/tasks", task).await.ok(201);
    let told = watch.until(|change| change.data["kind"] == "task").await;
    assert_eq!(told.last().unwrap().event, "added");

    // A role in no mission shows nothing; a refused list refuses the whole.
    let none = json!({ "name": "nobody", "principal_kind": "user" });
    app.post(app.admin(), "/api/v1/principals", none).await.ok(201);
    let login = app.post(app.admin(), "/api/v1/auth/login", json!({ "principal": "nobody" })).await.ok(201);
    let nobody = login["token"].as_str().unwrap();
    let short = "/api/v1/watch?lists=missions,tasks&follow=false";
    let names = |events: Vec<String>| events.iter().filter(|name| *name == "bookmark").count();
    assert_eq!(names(ended(app.watch(nobody, short).await).await), 2);
    app.get(nobody, "/api/v1/watch?lists=missions,nodes").await.problem(403, "forbidden");
    for bad in ["lists=", "lists=missions,missions", "lists=secrets", "lists=tasks&colour=1"] {
        let answer = app.get(app.admin(), &format!("/api/v1/watch?{bad}")).await;
        assert!(matches!(answer.status, 400 | 422), "{bad}: {}", answer.text);
    }
    // The end of the login ends it.
    let user = app.login_as("someone", "viewer").await;
    let watch = app.watch(&user, path).await;
    app.post(&user, "/api/v1/auth/logout", json!({})).await.ok(204);
    ended(watch).await;
}

async fn several_lists_go_on_where_each_stood(app: TestApp) {
    app.mission("a").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "a", "name": "k" })).await.ok(201);
    let stood = app.sealed().await;
    let mission = app.mission("b").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "b", "name": "l" })).await.ok(201);
    app.delete(app.admin(), "/api/v1/klusters/k").await.ok(204);
    let head = app.sealed().await;
    let lists = "/api/v1/watch?lists=missions,klusters,sessions";
    // Klusters stand where `b` was told, and begin after it; sessions have no position, and begin with their snapshot.
    let path = format!("{lists}&from=missions:{stood},klusters:{},sessions:{stood}", stood + 1);
    let mut watch = app.watch(app.admin(), &path).await;
    let mut told = Vec::new();
    while told.len() < 4 {
        let change = watch.next().await.unwrap();
        told.push((change.data["kind"].to_string(), change.event, change.id));
    }
    told.sort();
    let names: Vec<_> = told.iter().map(|(kind, event, _)| (kind.as_str(), event.as_str())).collect();
    let expected = [
        ("\"kluster\"", "added"),
        ("\"kluster\"", "deleted"),
        ("\"mission\"", "added"),
        ("\"session\"", "bookmark"),
    ];
    assert_eq!(names, expected);
    assert!(
        told.iter().all(|(kind, _, id)| kind == "\"session\"" || (stood..=head).contains(id)),
        "{told:?}"
    );
    // Where they stand now there is nothing to tell but what comes.
    let mut watch = app.watch(app.admin(), &format!("{lists}&from=missions:{head},klusters:{head}")).await;
    assert_eq!(watch.next().await.unwrap().event, "bookmark");
    let path = format!("/api/v1/missions/{}", mission["id"].as_str().unwrap());
    app.patch(app.admin(), &path, json!({ "description": "x" })).await.ok(200);
    assert_eq!(watch.next().await.unwrap().id, head + 1);

    app.get(app.admin(), &format!("{lists}&from=missions:{}", head + 99)).await.problem(410, "seq-expired");
    for bad in ["missions", "missions:x", "tasks:1", "missions:1,missions:2", "missions:1&follow=false"] {
        app.get(app.admin(), &format!("{lists}&from={bad}")).await.problem(422, "validation");
    }
}

async fn a_snapshot_leaves_out_what_is_long_over_and_says_how_much(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let app = &local.0;
    let mut ended = Vec::new();
    for n in 0..4 {
        let body = json!({ "mission": "demo", "runtime": "scripted" });
        let session = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
        let publication = local.publication(ROOT, &format!("p{n}")).await;
        if n > 0 {
            let id = session["id"].as_str().unwrap();
            let stop = format!("/api/v1/sessions/{id}/stop");
            assert_eq!(app.post(app.admin(), &stop, json!({})).await.ok(200)["state"], "stopped");
            let approval = publication["approval_id"].as_str().unwrap();
            let reject = format!("/approvals/{approval}/reject");
            local.ok(ROOT, Method::POST, &reject, Some(json!({}))).await;
            ended.push((id.to_owned(), approval.to_owned()));
        }
    }
    app.sealed().await;
    let path = "/api/v1/watch?lists=sessions,approvals";
    let mut watch = app.watch(app.admin(), &format!("{path}&recent=1")).await;
    let (mut objects, mut marks) = (BTreeMap::new(), BTreeMap::new());
    while marks.len() < 2 {
        let change = watch.next().await.unwrap();
        let kind = change.data["kind"].as_str().unwrap().to_owned();
        if change.event == "bookmark" {
            marks.insert(kind, change.data["left_out"].as_i64());
        } else {
            objects.insert(change.data["id"].as_str().unwrap().to_owned(), change.data["state"].clone());
        }
    }
    assert_eq!(marks.into_values().collect::<Vec<_>>(), [Some(2), Some(2)]);
    let youngest = [ended.iter().map(|(id, _)| id).max(), ended.iter().map(|(_, id)| id).max()];
    let over: Vec<_> =
        objects.iter().filter(|(_, state)| *state == "stopped" || *state == "rejected").collect();
    assert!(objects.len() == 4 && over.len() == 2, "{objects:?}");
    assert!(
        youngest.iter().all(|id| over.iter().any(|(over, _)| Some(*over) == *id)),
        "{over:?} {youngest:?}"
    );
    // Without a bound, all of them; nothing is said to be left out.
    let mut watch = app.watch(app.admin(), "/api/v1/watch?lists=approvals").await;
    let all = watch.until(|change| change.event == "bookmark").await;
    assert_eq!((all.len(), &all[4].data["left_out"]), (5, &json!(null)));
    for bad in [0, 1001] {
        app.get(app.admin(), &format!("{path}&recent={bad}")).await.problem(422, "validation");
    }
}

async fn a_snapshot_has_as_many_pages_as_it_needs(app: TestApp) {
    for n in 0..501 {
        app.mission(&format!("m-{n}")).await;
    }
    let mut watch = app.watch(app.admin(), MISSIONS).await;
    let all = watch.until(|change| change.event == "bookmark").await;
    let names: std::collections::BTreeSet<_> =
        all.iter().map(|change| change.data["name"].to_string()).collect();
    assert_eq!((all.len(), names.len()), (502, 502));
}

async fn coming_back_misses_and_repeats_nothing(app: TestApp) {
    let write = async {
        for n in 0..80 {
            app.mission(&format!("m-{n}")).await;
        }
    };
    let read = async {
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        let mut from = 0;
        let mut length = 0;
        while seen.len() < 80 {
            // Streams of 1, 2, 3 … changes, each followed by a reconnect.
            length += 1;
            let mut watch = app.watch(app.admin(), &format!("{MISSIONS}&from={from}")).await;
            for _ in 0..length.min(80 - seen.len()) {
                let change = watch.next().await.expect("the watch goes on");
                assert!(change.id > from, "{} is not after {from}", change.id);
                from = change.id;
                let name = change.data["name"].as_str().unwrap().to_owned();
                assert_eq!(seen.insert(name, change.id), None, "told twice: {change:?}");
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(write, read);
    assert_eq!(seen.len(), 80);
}

async fn what_was_deleted_meanwhile_is_told(app: TestApp) {
    let gone = app.mission("gone").await;
    app.mission("stays").await;
    let from = app.sealed().await;
    app.patch(app.admin(), "/api/v1/missions/stays", json!({ "description": "x" })).await.ok(200);
    app.delete(app.admin(), "/api/v1/missions/gone").await.ok(204);
    app.sealed().await;
    let mut watch = app.watch(app.admin(), &format!("{MISSIONS}&from={from}")).await;
    let changed = watch.next().await.unwrap();
    assert_eq!(changed.data["name"], "stays");
    let deleted = watch.next().await.unwrap();
    assert_eq!((deleted.event.as_str(), &deleted.data["id"]), ("deleted", &gone["id"]));
}

async fn a_position_outside_the_chain_is_gone(app: TestApp) {
    app.mission("a").await;
    let head = app.sealed().await;
    for from in [head + 1, i64::MAX, -1] {
        let answer = app.get(app.admin(), &format!("{MISSIONS}&from={from}")).await;
        answer.problem(410, "seq-expired");
    }
    app.watch(app.admin(), &format!("{MISSIONS}&from={head}")).await;
}

async fn a_watch_of_a_filter_tells_leaving_and_entering(app: TestApp) {
    let watch = "/api/v1/missions?watch=true&labels=team=core";
    let mut watch = app.watch(app.admin(), watch).await;
    watch.until(|change| change.event == "bookmark").await;
    app.mission("a").await;
    for (team, event) in [("core", "added"), ("edge", "deleted"), ("core", "added")] {
        let labels = json!({ "labels": { "team": team } });
        app.patch(app.admin(), "/api/v1/missions/a", labels).await.ok(200);
        assert_eq!(watch.next().await.unwrap().event, event);
    }
}

async fn a_guest_watches_its_mission_only(app: TestApp) {
    app.mission("mine").await;
    let token = app.login_in("guest", "mine", "viewer").await;
    let from = app.sealed().await;
    let mut missions = app.watch(&token, MISSIONS).await;
    let first = missions.until(|change| change.event == "bookmark").await;
    assert_eq!((first.len(), &first[0].data["name"]), (2, &json!("mine")));
    let mut klusters = app.watch(&token, "/api/v1/klusters?watch=true").await;
    klusters.until(|change| change.event == "bookmark").await;

    app.mission("other").await;
    for mission in ["other", "mine"] {
        let kluster = json!({ "mission": mission, "name": format!("in-{mission}") });
        app.post(app.admin(), "/api/v1/klusters", kluster).await.ok(201);
    }
    app.delete(app.admin(), "/api/v1/klusters/in-other").await.ok(204);
    app.delete(app.admin(), "/api/v1/missions/other").await.ok(204);
    app.patch(app.admin(), "/api/v1/missions/mine", json!({ "description": "x" })).await.ok(200);
    assert_eq!(klusters.next().await.unwrap().data["name"], "in-mine");
    let change = missions.next().await.unwrap();
    assert_eq!((change.event.as_str(), &change.data["name"]), ("modified", &json!("mine")));
    // Nor does a stream that comes back tell of what was deleted elsewhere.
    let mut back = app.watch(&token, &format!("{MISSIONS}&from={from}")).await;
    assert_eq!(back.next().await.unwrap().data["name"], "mine");
}

async fn a_watch_ends_with_the_login(app: TestApp) {
    let login = json!({ "principal": "short", "role": "viewer", "ttl_seconds": 60 });
    let session = app.post(app.admin(), "/api/v1/auth/login", login).await.ok(201);
    let mut watch = app.watch(session["token"].as_str().unwrap(), MISSIONS).await;
    watch.until(|change| change.event == "bookmark").await;
    app.advance(Duration::from_secs(61));
    app.mission("too-late").await;
    assert_eq!(ended(watch).await, Vec::<String>::new());
}

async fn a_watch_ends_at_logout(app: TestApp) {
    let token = app.login_as("reader", "viewer").await;
    let mut watch = app.watch(&token, MISSIONS).await;
    watch.until(|change| change.event == "bookmark").await;
    app.post(&token, "/api/v1/auth/logout", json!({})).await.ok(204);
    app.mission("too-late").await;
    assert_eq!(ended(watch).await, Vec::<String>::new());
}

async fn a_watch_follows_the_roles(app: TestApp) {
    app.mission("mine").await;
    app.mission("end").await;
    let token = app.login_in("guest", "mine", "viewer").await;
    let role =
        |mission: &'static str, role: Option<&'static str>| json!({ "mission": mission, "role": role });
    let mut watch = app.watch(&token, MISSIONS).await;
    watch.until(|change| change.event == "bookmark").await;
    let path = "/api/v1/principals/guest/role";
    app.put(app.admin(), path, role("mine", None)).await.ok(200);
    app.put(app.admin(), path, role("end", Some("viewer"))).await.ok(200);
    for mission in ["mine", "end"] {
        let change = json!({ "description": "new" });
        app.patch(app.admin(), &format!("/api/v1/missions/{mission}"), change).await.ok(200);
    }
    let told = watch.until(|change| change.data["name"] == "end").await;
    let names: Vec<_> = told.iter().filter(|change| change.data["name"] == "mine").collect();
    assert!(names.is_empty(), "told after the role was removed: {names:?}");
}

async fn an_open_watch_does_not_hold_the_server(mut app: TestApp) {
    let mut watch = app.watch(app.admin(), MISSIONS).await;
    watch.until(|change| change.event == "bookmark").await;
    let began = Instant::now();
    let (stopped, rest) = tokio::join!(app.stop(), ended(watch));
    assert!(stopped, "drained in order");
    assert!(began.elapsed() < controlplane::lifetime::GRACE, "{:?}", began.elapsed());
    assert_eq!(rest, Vec::<String>::new());
}

both!(
    several_lists_are_one_stream,
    several_lists_go_on_where_each_stood,
    a_snapshot_leaves_out_what_is_long_over_and_says_how_much,
    a_watch_is_snapshot_bookmark_and_changes,
    a_snapshot_has_as_many_pages_as_it_needs,
    coming_back_misses_and_repeats_nothing,
    what_was_deleted_meanwhile_is_told,
    a_position_outside_the_chain_is_gone,
    a_watch_of_a_filter_tells_leaving_and_entering,
    a_guest_watches_its_mission_only,
    a_watch_ends_with_the_login,
    a_watch_ends_at_logout,
    a_watch_follows_the_roles,
    an_open_watch_does_not_hold_the_server,
);
