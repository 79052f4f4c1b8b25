//! Task templates: parameters, versions, and problems that name what is wrong.

use serde_json::{Value, json};

use crate::harness::TestApp;

async fn lander(app: &TestApp) {
    app.mission("apollo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "lander" })).await.ok(201);
}

fn bug() -> Value {
    json!({
        "mission": "apollo", "name": "bug", "description": "A defect",
        "parameters": [
            { "name": "component" },
            { "name": "severity", "default": "minor", "choices": ["minor", "major"] },
        ],
        "task": {
            "title": "Fix a {{ severity }} defect in {{component}}",
            "description": "Literal \\{{ stays. See {{ component }}.",
            "paths": ["src/{{ component }}/**"],
            "priority": 70,
            "labels": { "component": "{{ component }}" },
        },
    })
}

async fn make(app: &TestApp, more: Value) -> crate::harness::Answer {
    let mut body = json!({ "kluster": "lander" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(app.admin(), "/api/v1/templates/bug/tasks?mission=apollo", body).await
}

async fn a_template_makes_tasks_and_a_bad_parameter_is_named(app: TestApp) {
    lander(&app).await;
    app.post(app.admin(), "/api/v1/templates", bug()).await.ok(201);
    app.post(app.admin(), "/api/v1/templates", bug()).await.problem(409, "name-taken");
    let made = make(&app, json!({ "parameters": { "component": "{{ severity }}" } })).await.ok(201);
    assert_eq!(made["title"], "Fix a minor defect in {{ severity }}", "a value is filled in once");
    let made =
        make(&app, json!({ "parameters": { "component": "parser", "severity": "major" } })).await.ok(201);
    assert_eq!(made["title"], "Fix a major defect in parser");
    assert_eq!(made["description"], "Literal {{ stays. See parser.");
    assert_eq!((made["paths"][0].as_str(), made["priority"].as_i64()), (Some("src/parser/**"), Some(70)));
    assert_eq!(made["labels"]["component"], "parser");
    assert_eq!(made["annotations"]["missioncontrol.dev/template"], "bug@1");
    for (parameters, pointer) in [
        (json!({}), "/parameters/component"),
        (json!({ "component": "x", "severity": "huge" }), "/parameters/severity"),
        (json!({ "component": "x", "a/b": "y" }), "/parameters/a~1b"),
        (json!({ "component": "x".repeat(5000) }), "/parameters/component"),
    ] {
        let refused = make(&app, json!({ "parameters": parameters })).await;
        refused.problem(422, "validation");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    make(&app, json!({ "number": 7, "parameters": { "component": "x" } })).await.problem(404, "not-found");
}

async fn a_version_never_changes_and_the_same_text_is_none(app: TestApp) {
    lander(&app).await;
    app.post(app.admin(), "/api/v1/templates", bug()).await.ok(201);
    let path = "/api/v1/templates/bug/versions?mission=apollo";
    let next = json!({ "parameters": [], "task": { "title": "Look at it" } });
    let put = app.post(app.admin(), path, next.clone()).await.ok(200);
    assert_eq!((put["number"].as_i64(), put["version"].as_i64()), (Some(2), Some(2)));
    assert_eq!(app.post(app.admin(), path, next).await.ok(200)["number"], 2);
    let old = app.get(app.admin(), "/api/v1/templates/bug?mission=apollo&number=1").await.ok(200);
    assert_eq!(old["task"]["priority"], 70);
    let all = app.get(app.admin(), path).await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    let made = make(&app, json!({ "number": 1, "parameters": { "component": "x" } })).await.ok(201);
    assert_eq!(made["annotations"]["missioncontrol.dev/template"], "bug@1");
    assert_eq!(make(&app, json!({})).await.ok(201)["title"], "Look at it");
    app.delete(app.admin(), "/api/v1/templates/bug?mission=apollo").await.ok(204);
    make(&app, json!({})).await.problem(404, "not-found");
    let actions: Vec<String> = app.events().await.into_iter().map(|event| event.envelope.action).collect();
    let of_templates: Vec<&str> =
        actions.iter().map(String::as_str).filter(|action| action.starts_with("template.")).collect();
    assert_eq!(of_templates, ["template.create", "template.update", "template.delete"]);
}

async fn a_template_that_makes_no_sense_is_refused(app: TestApp) {
    lander(&app).await;
    for (member, value, pointer) in [
        ("task", json!({ "title": "Fix {{ nothing }}" }), "/task/title"),
        ("task", json!({ "title": "Fix {{ component" }), "/task/title"),
        ("task", json!({ "title": " " }), "/task/title"),
        ("task", json!({ "title": "x", "priority": 101 }), "/task/priority"),
        ("task", json!({ "title": "x", "paths": ["a", "{{ b }}"] }), "/task/paths/1"),
        ("parameters", json!([{ "name": "a" }, { "name": "a" }]), "/parameters/1/name"),
        ("parameters", json!([{ "name": "a", "default": "x", "choices": ["y"] }]), "/parameters/0/default"),
    ] {
        let mut body = json!({ "mission": "apollo", "name": "bad", "task": { "title": "x" } });
        body[member] = value;
        let refused = app.post(app.admin(), "/api/v1/templates", body).await;
        refused.problem(422, "validation");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    let viewer = app.login_as("looker", "viewer").await;
    app.post(&viewer, "/api/v1/templates", bug()).await.problem(403, "forbidden");
}

both!(
    a_template_makes_tasks_and_a_bad_parameter_is_named,
    a_version_never_changes_and_the_same_text_is_none,
    a_template_that_makes_no_sense_is_refused,
);
