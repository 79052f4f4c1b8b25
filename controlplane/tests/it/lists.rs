//! Pages, cursors, filters, and optimistic locks.

use std::collections::BTreeMap;

use serde_json::json;

use crate::harness::TestApp;

async fn paging_gives_each_once_under_concurrent_inserts(app: TestApp) {
    for n in 0..120 {
        app.mission(&format!("old-{n}")).await;
    }
    let insert = async {
        for n in 0..40 {
            app.mission(&format!("new-{n}")).await;
        }
    };
    let page = async {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/missions?limit=7{cursor}");
            let page = app.get(app.admin(), &path).await.ok(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 7);
            for item in items {
                *seen.entry(item["name"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return seen,
            }
        }
    };
    let ((), seen) = tokio::join!(insert, page);
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    assert_eq!(seen.keys().filter(|name| name.starts_with("old-")).count(), 120);
}

async fn a_cursor_belongs_to_its_list_and_filter(app: TestApp) {
    for n in 0..3 {
        app.mission(&format!("m-{n}")).await;
    }
    let page = app.get(app.admin(), "/api/v1/missions?limit=1").await.ok(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    app.get(app.admin(), &format!("/api/v1/missions?cursor={cursor}")).await.ok(200);
    for path in ["missions?labels=a&", "klusters?", "principals?", "ledger/events?"] {
        let refused = app.get(app.admin(), &format!("/api/v1/{path}cursor={cursor}")).await;
        refused.problem(400, "invalid-cursor");
    }
    // Another character anywhere, a cut, something appended.
    let mut bad: Vec<String> = (0..cursor.len())
        .map(|at| {
            let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &cursor[..at], &cursor[at + 1..])
        })
        .collect();
    bad.extend([cursor[..cursor.len() - 1].to_owned(), format!("{cursor}A"), String::new(), "%00".into()]);
    for cursor in bad {
        let path = format!("/api/v1/missions?cursor={cursor}");
        let answer = app.get(app.admin(), &path).await;
        assert_eq!(answer.status, 400, "{cursor}: {}", answer.text);
    }
    let app = app.restart().await;
    app.get(app.admin(), &format!("/api/v1/missions?cursor={cursor}")).await.ok(200);
}

async fn a_limit_is_1_to_500(app: TestApp) {
    for list in ["missions", "klusters", "principals", "ledger/events"] {
        for limit in ["0", "501"] {
            app.get(app.admin(), &format!("/api/v1/{list}?limit={limit}")).await.problem(422, "validation");
        }
        for limit in ["-1", "x", "", "99999999999"] {
            let answer = app.get(app.admin(), &format!("/api/v1/{list}?limit={limit}")).await;
            assert!(
                answer.problem(400, "malformed-request").starts_with("query: ?limit: "),
                "{}",
                answer.text
            );
            assert_eq!(answer.body["errors"][0]["pointer"], "?limit");
        }
        let answer = app.get(app.admin(), &format!("/api/v1/{list}?limt=3")).await;
        answer.problem(400, "malformed-request");
        assert_eq!(answer.body["errors"][0]["pointer"], "?limt");
        for limit in ["1", "500"] {
            app.get(app.admin(), &format!("/api/v1/{list}?limit={limit}")).await.ok(200);
        }
    }
}

async fn labels_select_by_equality_and_presence(app: TestApp) {
    for (name, labels) in [
        ("one", json!({ "team": "core", "app.example.org/tier": "1" })),
        ("two", json!({ "team": "edge" })),
        ("three", json!({ "0": "zero", "a.b": "dotted" })),
        ("four", json!({})),
    ] {
        app.post(app.admin(), "/api/v1/missions", json!({ "name": name, "labels": labels })).await.ok(201);
    }
    for (filter, expected) in [
        ("team", vec!["one", "two"]),
        ("team=core", vec!["one"]),
        ("team=core,app.example.org/tier=1", vec!["one"]),
        ("team=core,team=edge", vec![]),
        ("0", vec!["three"]),
        ("a.b=dotted", vec!["three"]),
        ("a", vec![]),
        ("team=", vec![]),
        ("team='%20OR%201=1", vec![]),
    ] {
        let page = app.get(app.admin(), &format!("/api/v1/missions?labels={filter}")).await.ok(200);
        let names: Vec<_> = page["items"].as_array().unwrap().iter().map(|m| m["name"].clone()).collect();
        assert_eq!(names, expected, "{filter}");
    }
    // What can be no label is a mistake of the caller, not of the database.
    for bad in ["", "=x", "a,,b", "$", "$.team", "[0]", "a%22b", "%00", "team=%00", "%F0%9F%98%80"] {
        let answer = app.get(app.admin(), &format!("/api/v1/missions?labels={bad}")).await;
        assert!(matches!(answer.status, 400 | 422), "labels={bad}: {} {}", answer.status, answer.text);
    }
}

async fn a_change_with_if_match_needs_the_version(app: TestApp) {
    app.mission("a").await;
    let path = "/api/v1/missions/a";
    let found = app.get(app.admin(), path).await;
    assert_eq!(found.header("etag"), "\"1\"");
    let patch = async |if_match: &'static str, text: &'static str| {
        let body = Some(json!({ "description": text }));
        app.client.send("PATCH", path, app.admin(), &[("if-match", if_match)], body).await
    };
    let changed = patch("\"1\"", "b").await;
    assert_eq!(changed.header("etag"), "\"2\"");
    changed.ok(200);
    patch("\"1\"", "c").await.problem(412, "stale-version");
    patch("*", "c").await.ok(200);
    for garbage in ["3", "\"\"", "\"x\"", "W/\"3\"", "\"3\", \"4\"", "", "\"99999999999999999999\""] {
        patch(garbage, "d").await.problem(400, "malformed-request");
    }
    let delete = async |if_match: &'static str| {
        app.client.send("DELETE", path, app.admin(), &[("if-match", if_match)], None).await
    };
    delete("\"2\"").await.problem(412, "stale-version");
    delete("\"3\"").await.ok(204);
}

async fn of_twenty_changes_of_one_version_one_wins(app: TestApp) {
    app.mission("a").await;
    let changes = (0..20).map(|n| {
        let body = Some(json!({ "description": format!("by {n}") }));
        app.client.send("PATCH", "/api/v1/missions/a", app.admin(), &[("if-match", "\"1\"")], body)
    });
    let answers = futures_util::future::join_all(changes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(412, "stale-version");
    }
    assert_eq!(app.get(app.admin(), "/api/v1/missions/a").await.ok(200)["version"], 2);
}

both!(
    paging_gives_each_once_under_concurrent_inserts,
    a_cursor_belongs_to_its_list_and_filter,
    a_limit_is_1_to_500,
    labels_select_by_equality_and_presence,
    a_change_with_if_match_needs_the_version,
    of_twenty_changes_of_one_version_one_wins,
);
