//! The provider `local`, with the real model (scripts/embedding-model.sh) where MC_TEST_MODEL names its folder.

use std::time::Duration;

use controlplane::config::Embeddings;
use serde_json::{Value, json};

use crate::harness::database::environment;
use crate::harness::{TestApp, eventually};

/// The same work, in words that have little in common.
const FIRST: &str = "Users cannot sign in after their password expired";
const SECOND: &str = "Login is impossible for people with outdated credentials";
const OTHER: &str = "Translate the invoice template into Portuguese";

fn model(test: &str) -> Option<Embeddings> {
    let Some(folder) = environment("MC_TEST_MODEL") else {
        assert!(
            environment("CI").as_deref() != Some("true"),
            "MC_TEST_MODEL is not set: scripts/embedding-model.sh"
        );
        eprintln!("SKIPPED {test}: MC_TEST_MODEL is not set");
        return None;
    };
    let read = Embeddings::read(|name| match name {
        "MC_EMBEDDINGS_PROVIDER" => Some("local".to_owned()),
        "MC_EMBEDDINGS_MODEL_DIR" => Some(folder.clone()),
        "MC_EMBEDDINGS_QUERY_TIMEOUT_MS" => Some("10000".to_owned()),
        _ => None,
    });
    Some(read.unwrap())
}

async fn a_model_folder_gives_vectors(mut app: TestApp) {
    let Some(embeddings) = model("a_model_folder_gives_vectors") else { return };
    app.config.embeddings = embeddings;
    let app = app.restart().await;
    app.mission("apollo").await;
    app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "apollo", "name": "work" })).await.ok(201);
    for title in [FIRST, OTHER, SECOND] {
        let body = json!({ "mission": "apollo", "kluster": "work", "title": title });
        let made = app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
        assert_eq!(made["overlap_pending"], true);
    }
    let now = eventually("every text has its vector", || async {
        let now = app.get(app.admin(), "/api/v1/system/embeddings").await.ok(200);
        (now["state"] == "ready" && now["waiting"] == 0).then_some(now)
    })
    .await;
    assert_eq!(
        (&now["provider"], &now["dimensions"], &now["indexed"]),
        (&json!("local"), &json!(384), &json!(4))
    );
    assert!(now["model"].as_str().unwrap().starts_with("all-MiniLM-L6-v2@"), "{now}");
    let hits = app.get(app.admin(), "/api/v1/search?q=account%20locked%20out&kind=task").await.ok(200);
    let hits: Vec<&Value> = hits["items"].as_array().unwrap().iter().collect();
    assert!(!hits.iter().any(|hit| hit["title"] == OTHER), "{hits:?}");
    app.advance(Duration::from_secs(5));
    let pair = eventually("the two are brought together", || async {
        let open = app.get(app.admin(), "/api/v1/overlaps?state=open").await.ok(200);
        open["items"].as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!((&pair["subject"]["title"], &pair["candidate"]["title"]), (&json!(SECOND), &json!(FIRST)));
    assert!(pair["vector"].as_f64().unwrap() > 0.4, "{pair}");
}

/// A folder that is none keeps it from starting, and says so.
#[test]
fn a_folder_that_is_no_model_is_refused() {
    crate::harness::run(
        crate::harness::Database::Sqlite,
        "a_folder_that_is_no_model_is_refused",
        |mut app| async move {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_str().unwrap().to_owned();
            assert!(app.stop().await);
            let read = Embeddings::read(|name| match name {
                "MC_EMBEDDINGS_PROVIDER" => Some("local".to_owned()),
                "MC_EMBEDDINGS_MODEL_DIR" => Some(path.clone()),
                _ => None,
            });
            app.config.embeddings = read.unwrap();
            let Err(error) =
                controlplane::server::Server::start(&app.config, crate::harness::metrics()).await
            else {
                panic!("it started")
            };
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("MC_EMBEDDINGS_MODEL_DIR") && cause.contains("config.json"), "{cause}");
        },
    );
}

both!(a_model_folder_gives_vectors);
