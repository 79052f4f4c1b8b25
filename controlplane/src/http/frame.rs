//! What surrounds every request: ids, trace context, metrics, rendering of problems, panics.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

use super::problem;
use crate::app::SharedApp;
use crate::error::Error;

/// The id of a request, as a request extension.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

/// At most this many characters of a caller's request id are kept.
const MAX_REQUEST_ID: usize = 128;

fn usable(text: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}

/// A W3C trace context: the caller's trace id with a span of ours, or a new trace.
fn traceparent(app: &SharedApp, given: Option<&str>) -> String {
    let trace = given
        .and_then(|text| text.strip_prefix("00-"))
        .and_then(|rest| rest.get(..32))
        .filter(|id| {
            id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
                && id.bytes().any(|b| b != b'0')
        })
        .map_or_else(|| hex(&app.ids.bytes::<16>()), str::to_owned);
    format!("00-{trace}-{}-01", hex(&app.ids.bytes::<8>()))
}

fn given<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

pub(super) async fn frame(State(app): State<SharedApp>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = given(&request, "x-request-id")
        .filter(|id| usable(id))
        .map_or_else(|| app.ids.uuid(app.clock.now()).as_simple().to_string(), str::to_owned);
    let trace = traceparent(&app, given(&request, "traceparent"));
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(RequestId(request_id.clone()));

    let answer = {
        use futures_util::FutureExt as _;
        std::panic::AssertUnwindSafe(next.run(request)).catch_unwind().await
    };
    let response = answer.unwrap_or_else(|_| {
        tracing::error!(request.id = %request_id, "request {request_id} panicked");
        Error::internal(std::io::Error::other("a handler panicked")).into_response()
    });
    let mut response = problem::render(response, &path, &request_id);
    let headers = response.headers_mut();
    for (name, value) in [("x-request-id", &request_id), ("traceparent", &trace)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    // Bytes that agents stored are served beside a UI that is logged in by cookie: none of them is ever a page with rights.
    if !path.starts_with("/api/docs") {
        headers
            .entry(header::CONTENT_SECURITY_POLICY)
            .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"));
    }
    let status = response.status().as_u16().to_string();
    let labels = [("method", method.as_str().to_owned()), ("route", route), ("status", status)];
    metrics::counter!("mc_http_requests_total", &labels).increment(1);
    metrics::histogram!("mc_http_request_duration_seconds", &labels).record(started.elapsed().as_secs_f64());
    response
}
