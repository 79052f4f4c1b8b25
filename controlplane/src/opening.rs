//! Opens the installation, and waits for what it needs: a database or a bucket that cannot be reached yet.
//!
//! Only what may heal by itself is waited for. A wrong password, a bucket that is not there or a schema that is too new
//! ends the start at once.

use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, SharedApp};
use crate::config::Config;
use crate::config::object_storage::Provider;
use crate::db::DbError;
use crate::endpoints::Endpoints;
use crate::error::Error;
use crate::http::starting::Waiting;

/// The first pause between two attempts; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The error with its causes, for people.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their source.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Which part is waited for; `None`: nothing that is somewhere else, so that it does not heal by itself.
fn part(config: &Config, error: &Error) -> Option<&'static str> {
    if error.kind != mc_api::ProblemKind::Unavailable {
        return None;
    }
    let source = error.source.as_deref()?;
    if source.downcast_ref::<DbError>().is_some() {
        return config.is_postgres().then_some("database");
    }
    source.downcast_ref::<crate::objects::OpenError>().map(|_| "objects")
}

/// Runs an attempt again and again while what it needs cannot be reached. `limit` bounds the wait for the bucket.
///
/// # Errors
/// What does not heal by itself.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    config: &Config,
    limit: Option<Duration>,
    waiting: &Waiting,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(part) = part(config, &error) else { return Err(error) };
        if part == "objects" && limit.is_some_and(|limit| began.elapsed() + pause > limit) {
            return Err(error);
        }
        let why = error.source.as_deref().map_or_else(|| error.detail.clone(), |source| causes(source));
        waiting.says(part, &format!("waiting for it since {} s: {why}", began.elapsed().as_secs()));
        crate::service_manager::status(&format!("waiting for {part}: {why}"));
        tracing::warn!(part, "waiting for {part}, next attempt in {pause:?}: {why}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The database, opened and migrated. For commands that end.
///
/// # Errors
/// What does not heal by itself.
pub(crate) async fn database(config: &Config) -> Result<(crate::db::Db, crate::db::Migrated), Error> {
    let url = config.database_url();
    patiently(config, None, &Waiting::default(), || async {
        let db = crate::db::Db::connect(&url, config.database_limits).await?;
        let migrated = db.migrate().await?;
        Ok((db, migrated))
    })
    .await
}

async fn once(
    config: &Config,
    endpoints: &Endpoints,
    metrics: &PrometheusHandle,
    stop: &CancellationToken,
) -> Result<SharedApp, Error> {
    let app = Box::pin(App::open(config, endpoints.clone(), metrics.clone(), stop.clone())).await?;
    // While nobody served, nobody could renew. Beside others that do, a start changes no lease: or a replica that starts
    // again and again would keep those of the dead alive.
    if let Some(_alone) = app.db.alone().await? {
        crate::tasks::reconcile::extend_after_restart(&app).await?;
        crate::nodes::reconcile::extend_after_restart(&app).await?;
        crate::reservations::reconcile::extend_after_restart(&app).await?;
        crate::workspaces::reconcile::extend_after_restart(&app).await?;
    }
    Ok(app)
}

/// Opens the installation. `waiting` is told what it waits for.
///
/// # Errors
/// What does not heal by itself.
pub(crate) async fn open(
    config: &Config,
    endpoints: Endpoints,
    metrics: &PrometheusHandle,
    stop: &CancellationToken,
    waiting: &Waiting,
) -> Result<SharedApp, Error> {
    let mut config = config.clone();
    let mut limit = None;
    if let Provider::S3(bucket) = &mut config.object_storage.provider {
        // One attempt each: who waits is here, and says so.
        limit = bucket.start_timeout.replace(Duration::ZERO);
    }
    patiently(&config, limit, waiting, || once(&config, &endpoints, metrics, stop)).await
}
