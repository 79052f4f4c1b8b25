//! The door while the installation is not open yet: says that the process lives, and what it waits for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use mc_api::system::{Check, Health};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::{Found, problem, system};
use crate::clock::Clock;
use crate::error::Error;

/// When a client may come back.
const RETRY_AFTER: u32 = 2;
/// A start that takes longer, for example with migrations, is told to who asks; before, who asks waits with it.
const SILENT: Duration = Duration::from_secs(2);

/// What a start waits for.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<Option<Check>>>);

impl Waiting {
    /// Says what is waited for and why.
    pub(crate) fn says(&self, name: &str, why: &str) {
        let check = Check { name: name.into(), ok: false, detail: why.into() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(check);
    }

    fn health(&self) -> Health {
        let check = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let starting =
            || Check { name: "start".into(), ok: false, detail: "the installation is being opened".into() };
        Health { ok: false, checks: vec![check.unwrap_or_else(starting)], now: Clock::anchored().now() }
    }
}

async fn readyz(State(waiting): State<Waiting>) -> Response {
    let mut response = Found::anonymous(StatusCode::SERVICE_UNAVAILABLE, &waiting.health());
    response.headers_mut().insert(http::header::RETRY_AFTER, RETRY_AFTER.into());
    response
}

async fn not_yet(State(waiting): State<Waiting>, request: Request) -> Response {
    let health = waiting.health();
    let what = health.checks.first().map(|check| check.name.clone()).unwrap_or_default();
    let error = Error {
        retry_after: Some(RETRY_AFTER),
        ..Error::unavailable(format!("the server is starting and waits ({what}); try again"))
    };
    problem::render(error.into_response(), request.uri().path(), "starting")
}

/// The routes of a process that is starting.
fn routes(waiting: Waiting) -> Router {
    Router::new()
        .route("/healthz", get(system::healthz))
        .route("/health", get(system::health))
        .route("/versionz", get(system::versionz))
        .route("/readyz", get(readyz))
        .fallback(not_yet)
        .with_state(waiting)
}

/// The service of a process from its first moment: the routes of a start, then those that `opened` brings. A
/// connection outlives the change.
pub(crate) fn door(waiting: Waiting, opened: watch::Receiver<Option<Router>>) -> Router {
    let (early, patience) = (routes(waiting), Instant::now() + SILENT);
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let (early, mut opened) = (early.clone(), opened.clone());
        async move {
            let open = tokio::time::timeout_at(patience, opened.wait_for(Option::is_some)).await;
            let routes = open.ok().and_then(Result::ok).and_then(|open| open.clone());
            routes.unwrap_or(early).oneshot(request).await
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_may_call_is_served_before_the_start_is_over() {
        // Routers do not tell their routes, but they print them.
        let told = format!("{:?}", routes(Waiting::default()));
        let (own, _) = told.split_once("fallback_router: ").unwrap();
        let path = regex::Regex::new(r#"RouteId\(\d+\): "([^"]+)""#).unwrap();
        let mut paths: Vec<String> = path.captures_iter(own).map(|found| found[1].to_owned()).collect();
        paths.sort();
        assert_eq!(paths, ["/health", "/healthz", "/readyz", "/versionz"]);
    }
}
