//! Errors as problem documents (RFC 9457). The frame adds what only it knows: path and request id.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use mc_api::{Problem, ProblemKind};

use crate::error::{Against, Error};

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Turns the error that a handler left into its document; other answers pass.
pub(super) fn render(response: Response, path: &str, request_id: &str) -> Response {
    let Some(error) = response.extensions().get::<Arc<Error>>().cloned() else { return response };
    let problem = document(&error, path, request_id);
    let body = serde_json::to_vec(&problem).unwrap_or_else(|_| b"{}".to_vec());
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if error.kind == ProblemKind::Unauthenticated {
        parts
            .headers
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"missioncontrol\""));
    }
    if error.kind == ProblemKind::BodyTooLarge {
        // The rest of the body is not read and the connection ends, so nobody is to send another request on it.
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let wait =
        error
            .retry_after
            .or(matches!(error.kind, ProblemKind::Unavailable | ProblemKind::RateLimited).then_some(1));
    if let Some(seconds) = wait {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Response::from_parts(parts, axum::body::Body::from(body))
}

/// The document of an error, which is logged here, once.
pub(crate) fn document(error: &Error, path: &str, request_id: &str) -> Problem {
    match error.kind {
        ProblemKind::Internal => {
            tracing::error!(request.id = request_id, error = ?error, "request {request_id} failed: {}", chain(error));
        }
        ProblemKind::Unavailable => {
            tracing::warn!(request.id = request_id, "request {request_id} not served: {}", chain(error));
        }
        _ => tracing::debug!(
            request.id = request_id,
            problem = error.kind.slug(),
            "request {request_id} refused: {error}"
        ),
    }
    Problem {
        kind: format!("{}{}", Problem::TYPE_PREFIX, error.kind.slug()),
        title: error.kind.title().to_owned(),
        status: error.kind.status(),
        detail: error.detail.clone(),
        instance: Some(path.to_owned()),
        request_id: Some(request_id.to_owned()),
        errors: error.errors.clone(),
        conflicts: match &error.against {
            Against::Reservations(found) => found.clone(),
            _ => Vec::new(),
        },
        overlap_suggestions: match &error.against {
            Against::Overlaps(found) => found.clone(),
            _ => Vec::new(),
        },
        version_conflicts: match &error.against {
            Against::Versions(found) => found.clone(),
            _ => Vec::new(),
        },
    }
}

/// The error with all its causes, for the log.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
