//! Keystones: made from a template once, the same text each time, and never written over.

use serde_json::{Value, json};

use crate::harness::TestApp;

async fn work(app: &TestApp) {
    let body = json!({ "name": "apollo", "description": "People on the moon." });
    app.post(app.admin(), "/api/v1/missions", body).await.ok(201);
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "lander" })).await.ok(201);
}

async fn init(app: &TestApp, kluster: Option<&str>) -> Value {
    let body = json!({ "mission": "apollo", "kluster": kluster });
    app.post(app.admin(), "/api/v1/keystones", body).await.ok(200)
}

async fn a_keystone_is_made_of_its_mission_or_kluster_and_keeps_what_was_edited(app: TestApp) {
    work(&app).await;
    let missing = app.get(app.admin(), "/api/v1/keystones?mission=apollo").await;
    assert!(missing.problem(404, "not-found").contains("mc keystone init"));
    for (kluster, name, says) in [
        (None, "north-star", "People on the moon."),
        (Some("lander"), "workstream", "Part of the mission apollo"),
    ] {
        let made = init(&app, kluster).await;
        assert_eq!(
            (&made["name"], &made["keystone"], &made["latest_version"]),
            (&json!(name), &json!(true), &json!(1))
        );
        assert_eq!(init(&app, kluster).await, made, "asking again changes nothing");
        let query = kluster.map_or(String::new(), |kluster| format!("&kluster={kluster}"));
        let path = format!("/api/v1/keystones?mission=apollo{query}");
        let shown = app.get(app.admin(), &path).await.ok(200);
        let text = shown["content"].as_str().unwrap();
        assert!(text.contains(says), "{text}");
        for section in [
            "Purpose",
            "Outcomes",
            "Out of scope",
            "Constraints",
            "Current bets",
            "Decisions",
            "Open questions",
        ] {
            assert!(text.contains(&format!("\n## {section}\n")), "{name} lacks {section}");
        }
        let id = made["id"].as_str().unwrap();
        let body = json!({ "base_version": 1, "content": "edited" });
        let mut edited = app.post(app.admin(), &format!("/api/v1/docs/{id}/versions"), body).await.ok(200);
        assert_eq!(edited.as_object_mut().unwrap().remove("overlap_suggestions"), Some(json!([])));
        assert_eq!(init(&app, kluster).await, edited, "an edited one is never written over");
        assert_eq!(app.get(app.admin(), &path).await.ok(200)["content"], "edited");
        // Made anew from the same mission or kluster it has the same text.
        app.delete(app.admin(), &format!("/api/v1/docs/{id}")).await.ok(204);
        assert_eq!(init(&app, kluster).await["sha256"], made["sha256"]);
    }
    let tool = json!({ "tool": "get_keystone", "arguments": { "mission": "apollo", "kluster": "lander" } });
    let shown = app.post(app.admin(), "/mcp/call", tool).await.ok(200);
    assert_eq!(shown["result"]["doc"]["name"], "workstream");
}

async fn of_many_who_ask_at_once_all_get_the_same(app: TestApp) {
    work(&app).await;
    let asked = (0..8).map(|_| init(&app, Some("lander")));
    let made = futures_util::future::join_all(asked).await;
    assert!(made.iter().all(|doc| *doc == made[0]), "{made:?}");
    assert_eq!(app.count("SELECT COUNT(*) FROM doc").await, 1);
}

async fn only_who_may_create_docs_makes_a_keystone(app: TestApp) {
    work(&app).await;
    let viewer = app.login_as("reader", "viewer").await;
    let body = json!({ "mission": "apollo" });
    app.post(&viewer, "/api/v1/keystones", body.clone()).await.problem(403, "forbidden");
    app.get(&viewer, "/api/v1/keystones?mission=apollo").await.problem(404, "not-found");
    init(&app, None).await;
    app.get(&viewer, "/api/v1/keystones?mission=apollo").await.ok(200);
    app.mission("gemini").await;
    let guest = app.login_in("guest", "gemini", "contributor").await;
    app.get(&guest, "/api/v1/keystones?mission=apollo").await.problem(404, "not-found");
    app.post(&guest, "/api/v1/keystones", body).await.problem(404, "not-found");
}

both!(
    a_keystone_is_made_of_its_mission_or_kluster_and_keeps_what_was_edited,
    of_many_who_ask_at_once_all_get_the_same,
    only_who_may_create_docs_makes_a_keystone,
);
