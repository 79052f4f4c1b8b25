//! Meetings of two requests at one row.

use serde_json::json;
use sqlx::Connection as _;

use crate::harness::{TestApp, eventually};

async fn concurrent_logins_make_one_user(app: TestApp) {
    let logins = (0..12).map(|_| {
        let body = json!({ "principal": "someone", "role": "viewer" });
        app.post(app.admin(), "/api/v1/auth/login", body)
    });
    for answer in futures_util::future::join_all(logins).await {
        answer.ok(201);
    }
    let made = app.events().await.into_iter().filter(|e| e.envelope.action == "principal.manage").count();
    assert_eq!(made, 1);
}

async fn concurrent_roles_leave_one(app: TestApp) {
    app.mission("here").await;
    let made = json!({ "name": "someone", "principal_kind": "user" });
    let made = app.post(app.admin(), "/api/v1/principals", made).await.ok(201);
    let sets = (0..16).map(|n| {
        let role = if n % 2 == 0 { "viewer" } else { "contributor" };
        let mission = (n % 4 < 2).then_some("here");
        let body = json!({ "mission": mission, "role": role });
        app.put(app.admin(), "/api/v1/principals/someone/role", body)
    });
    for answer in futures_util::future::join_all(sets).await {
        answer.ok(200);
    }
    let found = app.get(app.admin(), "/api/v1/principals/someone").await.ok(200);
    assert_eq!(found["version"], made["version"].as_i64().unwrap() + 16);
    assert_eq!(found["mission_roles"].as_array().unwrap().len(), 1);
}

async fn concurrent_creations_of_one_name_make_one(app: TestApp) {
    let creations = (0..16).map(|_| app.post(app.admin(), "/api/v1/missions", json!({ "name": "a" })));
    let answers = futures_util::future::join_all(creations).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "name-taken");
    }
}

/// A mission is deleted between the moment a request found it and the moment it locks it.
async fn a_deleted_mission_takes_no_kluster(app: TestApp) {
    app.mission("a").await;
    let url = app.config.database.clone().unwrap();
    let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut tx = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM mission FOR UPDATE").execute(&mut *tx).await.unwrap();
    let create = app.post(app.admin(), "/api/v1/klusters", json!({ "mission": "a", "name": "k" }));
    let delete = async {
        eventually("the creation waits for the mission", || async {
            let waiting = "SELECT COUNT(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%mission%'";
            (app.count(waiting).await == 1).then_some(())
        })
        .await;
        sqlx::query("UPDATE mission SET deleted_at = 1, version = version + 1")
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(create, delete);
    answer.problem(404, "not-found");
    assert_eq!(app.count("SELECT COUNT(*) FROM kluster").await, 0);
}

both!(concurrent_logins_make_one_user, concurrent_roles_leave_one, concurrent_creations_of_one_name_make_one);
both!(only postgres: a_deleted_mission_takes_no_kluster);
