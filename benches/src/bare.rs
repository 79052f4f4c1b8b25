//! The list of tasks as axum and the database facade alone would answer it.

use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Router, routing};
use controlplane::db::Db;
use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// `sqlite:PATH` or `postgres://…`.
    #[arg(long)]
    database: String,
    /// The mission's id.
    #[arg(long)]
    mission: String,
}

/// The columns that the server's own statement reads.
#[derive(sqlx_macros::FromRow, Serialize)]
struct Row {
    task_id: Uuid,
    task_key: String,
    name: Option<String>,
    title: String,
    description: String,
    definition_of_done: String,
    mission_id: Uuid,
    mission: String,
    kluster_id: Uuid,
    kluster: String,
    parent_id: Option<Uuid>,
    state: String,
    reason: Option<String>,
    priority: i64,
    runtime: Option<String>,
    capabilities: String,
    paths: String,
    open_dependency_count: i64,
    on_dependency_failure: String,
    review_gates: i64,
    reviewers: String,
    attempt: i64,
    max_attempts: i64,
    progress_percent: Option<i64>,
    progress_note: Option<String>,
    result_artifact_id: Option<Uuid>,
    result: Option<String>,
    labels: String,
    annotations: String,
    version: i64,
    created_by: Uuid,
    created_at: i64,
    updated_at: i64,
}

const STATEMENT: &str = "SELECT t.task_id, t.task_key, t.name, t.title, t.description, t.definition_of_done, t.mission_id,
    m.name AS mission, t.kluster_id, k.name AS kluster, t.parent_id, t.state, t.reason, t.priority, t.runtime,
    t.capabilities, t.paths, t.open_dependency_count, t.on_dependency_failure, t.review_gates, t.reviewers, t.attempt,
    t.max_attempts, t.progress_percent, t.progress_note, t.result_artifact_id, t.result, t.labels, t.annotations,
    t.version, t.created_by, t.created_at, t.updated_at
    FROM task t JOIN mission m ON m.mission_id = t.mission_id JOIN kluster k ON k.kluster_id = t.kluster_id
    WHERE t.deleted_at IS NULL AND t.mission_id = $1 ORDER BY t.task_id LIMIT 51";

struct Shared {
    db: Db,
    mission: Uuid,
}

async fn list(State(shared): State<Arc<Shared>>) -> Result<impl IntoResponse, (StatusCode, String)> {
    fn failed(error: impl std::error::Error) -> (StatusCode, String) {
        (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
    let mut tx = shared.db.begin_read().await.map_err(failed)?;
    let rows = tx.query(STATEMENT).bind(shared.mission).fetch_all::<Row>().await.map_err(failed)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(&rows).map_err(failed)?))
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let hex = args.mission.strip_prefix("mis_").context("--mission takes a mission's id")?;
    let shared = Shared { db: Db::open(&args.database).await?, mission: Uuid::try_parse(hex)? };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    crate::print(&serde_json::json!({ "url": format!("http://{}/", listener.local_addr()?) }));
    let router = Router::new().route("/", routing::get(list)).with_state(Arc::new(shared));
    let end_of_input = async {
        // Whatever comes, and also a failure, means that nobody measures any more.
        let _ = tokio::io::stdin().read(&mut [0; 1]).await;
    };
    axum::serve(listener, router).with_graceful_shutdown(end_of_input).await?;
    Ok(())
}
