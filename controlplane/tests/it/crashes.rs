//! `kill -9` at named points of a workspace's commit and of indexing, on both databases: all or nothing is left, and the
//! work goes on.

use serde_json::{Value, json};

use crate::harness::database::Place;
use crate::harness::embeddings::Endpoint;
use crate::harness::{Client, Database, Fresh, config, database, eventually};
use crate::restore::{Process, killed_on_both};

async fn text(process: &Process, name: &str) -> Option<String> {
    let path = format!("/api/v1/docs/{name}/content?mission=demo&kluster=api");
    let answer = process.client.send("GET", &path, &process.token, &[], None).await;
    (answer.status == 200).then_some(answer.text)
}

async fn commit_killed_at(database: Database, point: &str, is_kept: bool) {
    let Some(place) = database.place("crashes::commit") else { return };
    let (fresh, folder) = (Fresh::create(place).await, tempfile::tempdir().unwrap());
    let first = Process::start_on(folder.path(), fresh.url(), Some(point)).await;
    crate::restore::fill(&first).await;
    let loaded = first.post("/workspaces", json!({"mission": "demo", "kluster": "api"})).await;
    let path = format!("/api/v1/workspaces/{}/commit", loaded["workspace"]["id"].as_str().unwrap());
    let changes = json!({"changes": [
        {"path": "docs/guide.md", "op": "update", "text": "# Guide\n\nnew\n"},
        {"path": "docs/other.md", "op": "create", "text": "other"},
        {"path": "artifacts/data.txt", "op": "create", "text": "data"},
    ]});
    let request = first.client.request("POST", &path, &first.token).header("idempotency-key", "once");
    let mut asked = tokio::task::JoinSet::new();
    asked.spawn(Client::finish(request.json(&changes)));
    first.kill_at_point().await;
    assert!(asked.join_next().await.unwrap().unwrap().is_err(), "{point}: nobody answered");

    let second = Process::start_on(folder.path(), fresh.url(), None).await;
    let (guide, other) = (text(&second, "guide").await.unwrap(), text(&second, "other").await);
    let artifacts = second.get("/artifacts?mission=demo").await["items"].as_array().unwrap().len();
    if is_kept {
        assert_eq!((guide.as_str(), other.as_deref(), artifacts), ("# Guide\n\nnew\n", Some("other"), 2));
    } else {
        assert_eq!((guide.as_str(), other, artifacts), ("# Guide\n\ntext\n", None, 1), "{point}");
    }
    // The answer was lost: asked again with the same key, it happens once.
    for _ in 0..2 {
        let request = second.client.request("POST", &path, &second.token).header("idempotency-key", "once");
        let again = Client::finish(request.json(&changes)).await.unwrap().ok(200);
        assert_eq!(again["workspace"]["commits"], 1, "{point}");
    }
    assert_eq!(text(&second, "guide").await.unwrap(), "# Guide\n\nnew\n");
    let versions = second.get("/docs/guide/versions?mission=demo&kluster=api").await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 2, "{point}: written once");
    second.verify().await;
    second.kill().await;
    fresh.remove().await;
}

async fn commits(database: Database) {
    commit_killed_at(database, "workspace-after-bytes", false).await;
    commit_killed_at(database, "workspace-before-commit", false).await;
    commit_killed_at(database, "workspace-after-commit", true).await;
}

/// Texts lose their index, or their vectors; the process that brings them back is killed, and the next one goes on.
async fn indexing_killed_at(database: Database, point: &str, lost: &str) {
    let Some(place) = database.place("crashes::indexing") else { return };
    let (fresh, folder) = (Fresh::create(place).await, tempfile::tempdir().unwrap());
    let url = config(folder.path(), fresh.url()).database_url();
    let first = Process::start_on(folder.path(), fresh.url(), None).await;
    crate::restore::fill(&first).await;
    let before = settled(&first).await;
    first.kill().await;
    database::execute(&url, lost).await;

    Process::start_on(folder.path(), fresh.url(), Some(point)).await.kill_at_point().await;

    let second = Process::start_on(folder.path(), fresh.url(), None).await;
    eventually("all is indexed again", || async {
        let found = second.get("/search?q=guide&mission=demo").await;
        let has = found["items"].as_array().unwrap().iter().any(|item| item["title"] == "guide");
        (has && indexed(&second).await == before).then_some(())
    })
    .await;
    let twice = "SELECT CAST(COUNT(*) - COUNT(DISTINCT subject_id) AS TEXT) FROM search_document";
    assert_eq!(database::column(&url, twice).await, ["0"], "{point}");
    second.verify().await;
    second.kill().await;
    fresh.remove().await;
}

async fn indexed(process: &Process) -> (Value, Value) {
    let mut status = process.get("/system/embeddings").await;
    (status["indexed"].take(), status["waiting"].take())
}

async fn settled(process: &Process) -> (Value, Value) {
    eventually("every text has its vector", || async {
        let now = indexed(process).await;
        (now.1 == json!(0) && now.0 != json!(0)).then_some(now)
    })
    .await
}

async fn indexing(database: Database) {
    let lost = "DELETE FROM search_document";
    for point in ["index-before-commit", "index-after-commit"] {
        indexing_killed_at(database, point, lost).await;
    }
}

/// Every text has exactly one vector, of the one model that is left, and nobody holds the work.
async fn has_one_vector_each(url: &str, point: &str) {
    for (wrong, query) in [
        (
            "texts without their vector",
            "SELECT CAST(COUNT(*) AS TEXT) FROM search_document d WHERE (SELECT COUNT(*) FROM search_vector v WHERE v.document_no = d.document_no) <> 1",
        ),
        (
            "vectors of another model",
            "SELECT CAST(COUNT(*) AS TEXT) FROM search_vector v WHERE v.model_no NOT IN (SELECT model_no FROM embedding_model WHERE complete_at IS NOT NULL)",
        ),
        (
            "texts that say another model",
            "SELECT CAST(COUNT(*) AS TEXT) FROM search_document d WHERE d.embedded_by NOT IN (SELECT model_no FROM embedding_model)",
        ),
        (
            "cells of another model",
            "SELECT CAST(COUNT(*) AS TEXT) FROM search_cell c WHERE c.model_no NOT IN (SELECT model_no FROM embedding_model)",
        ),
    ] {
        assert_eq!(database::column(url, query).await, ["0"], "{point}: {wrong}");
    }
    let models = "SELECT CAST(COUNT(*) AS TEXT) FROM embedding_model";
    assert_eq!(database::column(url, models).await, ["1"], "{point}");
}

/// The provider is changed, or the length of its vectors; the process that makes all vectors anew is killed, and the next
/// one brings it to its end.
async fn switch_killed_at(place: Place, points: &[&str], lengths: [Option<usize>; 2]) {
    let (fresh, folder) = (Fresh::create(place).await, tempfile::tempdir().unwrap());
    let url = config(folder.path(), fresh.url()).database_url();
    let endpoint = Endpoint::start().await;
    let settings = |length: Option<usize>| match length {
        None => std::collections::HashMap::new(),
        Some(length) => {
            endpoint.gives(length);
            let length = length.to_string();
            endpoint.variables(&[("MC_EMBEDDINGS_BATCH", "4"), ("MC_EMBEDDINGS_DIMENSIONS", length.as_str())])
        }
    };
    let start =
        async |length, point| Process::start_with(folder.path(), fresh.url(), point, settings(length)).await;
    let first = start(lengths[0], None).await;
    crate::restore::fill(&first).await;
    for title in ["Purchase another vessel, harbour sailors", "Varnish that hedge", "Weigh the anchor chain"]
    {
        first.post("/tasks", json!({"mission": "demo", "kluster": "api", "title": title})).await;
    }
    let before = settled(&first).await;
    first.kill().await;
    for point in points {
        start(lengths[1], Some(point)).await.kill_at_point().await;
        let second = start(lengths[1], None).await;
        let now = eventually("the other model has every text", || async {
            let now = second.get("/system/embeddings").await;
            let is_alone = now["stored"].as_array().unwrap().len() == 1;
            (now["state"] == "ready" && now["waiting"] == 0 && is_alone).then_some(now)
        })
        .await;
        assert_eq!((&now["dimensions"], &now["indexed"]), (&json!(lengths[1]), &before.0), "{point}");
        has_one_vector_each(&url, point).await;
        // No word of it is in the text that is meant.
        let found = second.get("/search?q=frigate%20quay%20mariners&mission=demo").await;
        assert_eq!(
            found["items"][0]["title"], "Purchase another vessel, harbour sailors",
            "{point}: {found}"
        );
        let asked =
            json!({"mission": "demo", "kluster": "api", "title": "Obtain some frigate: quay mariners"});
        let check = second.post("/overlap/check", asked).await;
        let title = &check["suggestions"][0]["candidate"]["title"];
        assert_eq!(title, "Purchase another vessel, harbour sailors", "{point}: {check}");
        second.verify().await;
        second.kill().await;
        // Back, for the next point.
        let back = start(lengths[0], None).await;
        eventually("the first model is back", || async {
            let now = back.get("/system/embeddings").await;
            let is_alone = now["stored"].as_array().unwrap().len() == 1;
            (now["state"] == "ready" && now["waiting"] == 0 && is_alone).then_some(())
        })
        .await;
        back.kill().await;
    }
    fresh.remove().await;
}

async fn switches(database: Database) {
    let Some(place) = database.place("crashes::switches") else { return };
    let points = [
        "vectors-before-commit",
        "vectors-after-commit",
        "vectors-before-complete",
        "vectors-after-complete",
        "vectors-before-forget",
        "vectors-after-forget",
    ];
    switch_killed_at(place, &points, [None, Some(64)]).await;
}

async fn lengths(database: Database) {
    let Some(place) = database.place("crashes::lengths") else { return };
    switch_killed_at(place, &["vectors-before-commit", "vectors-after-forget"], [Some(64), Some(48)]).await;
}

/// A model whose length only its first answer tells.
async fn models(database: Database) {
    for point in ["vectors-before-model", "vectors-after-model"] {
        let Some(place) = database.place("crashes::models") else { return };
        let (fresh, folder) = (Fresh::create(place).await, tempfile::tempdir().unwrap());
        let url = config(folder.path(), fresh.url()).database_url();
        let endpoint = Endpoint::start().await;
        let first = Process::start_on(folder.path(), fresh.url(), None).await;
        crate::restore::fill(&first).await;
        let before = settled(&first).await;
        first.kill().await;
        let start = async |point| {
            Process::start_with(folder.path(), fresh.url(), point, endpoint.variables(&[])).await
        };
        start(Some(point)).await.kill_at_point().await;
        let second = start(None).await;
        eventually("the other model has every text", || async {
            let now = second.get("/system/embeddings").await;
            let is_alone = now["stored"].as_array().unwrap().len() == 1;
            (now["model"] == "by-meaning" && is_alone && now["indexed"] == before.0).then_some(())
        })
        .await;
        has_one_vector_each(&url, point).await;
        second.kill().await;
        fresh.remove().await;
    }
}

killed_on_both! {
    a_commit_that_is_killed_is_whole_or_not_there: commits;
    indexing_that_is_killed_goes_on: indexing;
    a_change_of_the_model_that_is_killed_goes_on: switches;
    a_change_of_the_length_that_is_killed_goes_on: lengths;
    a_model_that_is_killed_while_it_is_made_is_made_once: models;
}
