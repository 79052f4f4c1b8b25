//! What the system says of itself: health, readiness, version, metrics.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mc_api::system::{Check, EmbeddingState, Health, SchemaState, Version};
use mc_api::{API_VERSION, Action, ProblemKind};

use super::{Ctx, Found};
use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::objects::ObjectStore as _;

/// The version of this build.
pub(crate) fn version() -> Version {
    Version {
        version: env!("CARGO_PKG_VERSION").into(),
        build_id: mc_api::BUILD_ID.into(),
        api_version: API_VERSION.into(),
    }
}

/// What is asked before requests are served.
pub(crate) async fn checks(app: &App) -> Health {
    let mut checks = Vec::new();
    let database = async {
        let mut tx = app.db.begin_read().await?;
        let (seq,): (i64,) =
            tx.query("SELECT seq FROM ledger_head WHERE ledger_head_id = 1").fetch_one().await?;
        let (unsealed,): (i64,) =
            tx.query("SELECT COUNT(*) FROM ledger_event WHERE seq IS NULL").fetch_one().await?;
        Ok::<_, crate::db::DbError>((seq, unsealed))
    };
    match tokio::time::timeout(std::time::Duration::from_secs(3), database).await {
        Ok(Ok((seq, unsealed))) => {
            checks.push(Check {
                name: "database".into(),
                ok: true,
                detail: format!("{} answers", app.db.backend().as_str()),
            });
            checks.push(Check {
                name: "ledger".into(),
                ok: true,
                detail: format!("{seq} sealed, {unsealed} waiting for the sequencer"),
            });
        }
        Ok(Err(error)) => {
            checks.push(Check { name: "database".into(), ok: false, detail: error.to_string() });
        }
        Err(_) => {
            checks.push(Check { name: "database".into(), ok: false, detail: "no answer within 3 s".into() });
        }
    }
    let objects = app.objects.check().await;
    checks.push(Check {
        name: "objects".into(),
        ok: objects.is_ok(),
        detail: objects.unwrap_or_else(|why| why),
    });
    checks.extend(crate::mqtt::check(app));
    Health { ok: checks.iter().all(|check| check.ok), checks, now: app.clock.now() }
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "system", security(()), responses((status = 200, body = Version)))]
pub(super) async fn healthz() -> Response {
    Found::anonymous(StatusCode::OK, &version())
}

/// The process lives (the name the seeds give).
#[utoipa::path(get, path = "/health", tag = "system", security(()), responses((status = 200, body = Version)))]
pub(super) async fn health() -> Response {
    Found::anonymous(StatusCode::OK, &version())
}

/// Whether requests will be served: 200, or 503 with what is not well.
#[utoipa::path(get, path = "/readyz", tag = "system", security(()), responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(super) async fn readyz(State(app): State<SharedApp>) -> Response {
    let health = checks(&app).await;
    let status =
        if health.ok && !app.stop.is_cancelled() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Found::anonymous(status, &health)
}

/// The version.
#[utoipa::path(get, path = "/versionz", tag = "system", security(()), responses((status = 200, body = Version)))]
pub(super) async fn versionz() -> Response {
    Found::anonymous(StatusCode::OK, &version())
}

/// Checks what an operator would check, as the caller.
#[utoipa::path(get, path = "/api/v1/system/doctor", tag = "system", responses((status = 200, body = Health)))]
pub(super) async fn doctor(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    cx.authorize(Action::ReadSystem)?;
    Ok(Found::answer(&cx, &examination(&app).await?))
}

/// The version of the database's schema, and the one that this program brings it to.
#[utoipa::path(get, path = "/api/v1/system/schema", tag = "system", responses((status = 200, body = SchemaState)))]
pub(super) async fn schema(State(app): State<SharedApp>, Ctx(cx): Ctx) -> Result<Response, Error> {
    cx.authorize(Action::ReadSystem)?;
    let state = SchemaState {
        kind: "schema".into(),
        backend: app.db.backend().as_str().to_owned(),
        schema: app.db.schema().await?,
        newest: app.db.newest_schema(),
    };
    Ok(Found::answer(&cx, &state))
}

/// Everything that an operator would check without looking at contents.
///
/// # Errors
/// A database that does not answer.
pub(crate) async fn examination(app: &App) -> Result<Health, Error> {
    let mut health = checks(app).await;
    health.checks.push(Check {
        name: "token".into(),
        ok: true,
        detail: if app.has_weak_token {
            "warning: the bootstrap token is short and may be guessed; log in with `mc auth login` and start with a long one".into()
        } else {
            "the bootstrap token is long enough".into()
        },
    });
    health.checks.push(embeddings(app).await?);
    health.ok = health.checks.iter().all(|check| check.ok);
    Ok(health)
}

/// How texts get their vectors. Not a part of readiness: everything is served without.
async fn embeddings(app: &App) -> Result<Check, Error> {
    let status = crate::embeddings::service::state(app).await?;
    let dimensions = status.dimensions.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
    let mut detail = vec![format!(
        "{} {}, {dimensions} dimensions, {}: {} texts have their vector, {} wait",
        status.provider, status.model, status.state, status.indexed, status.waiting
    )];
    if status.failed > 0 {
        detail.push(format!("{} of those cannot be embedded", status.failed));
    }
    detail.extend(status.error);
    detail.extend(status.retry_at.map(|until| format!("it goes on at {until}")));
    let ok = status.state != EmbeddingState::Failing;
    Ok(Check { name: "embeddings".into(), ok, detail: detail.join("; ") })
}

/// Prometheus metrics: on loopback, or with a token.
#[utoipa::path(get, path = "/metrics", tag = "system", responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn metrics(
    State(app): State<SharedApp>,
    connect: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let loopback = connect.is_some_and(|connect| connect.0.0.ip().is_loopback());
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    if !loopback || forwarded {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| {
                Error::new(ProblemKind::Unauthenticated, "metrics need a token beyond loopback")
            })?;
        // Digests are compared, so that the time it takes tells nothing of the token.
        if app.metrics_token != Some(mc_ledger::sha256(token.as_bytes())) {
            crate::authn::service::authenticate(&app, token).await?;
        }
    }
    let mut response = app.metrics.render().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    Ok(response)
}
