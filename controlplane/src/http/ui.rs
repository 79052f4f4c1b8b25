//! The web UI under `/ui/`: files that were built into the program, with what browsers may do with them.
//!
//! A path that names no file is a place inside the UI: the page is served, and finds its way itself.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use crate::app::SharedApp;
use crate::error::Error;

/// One file of the UI.
struct File {
    /// Below `/ui/`.
    path: &'static str,
    /// The bytes.
    plain: &'static [u8],
    /// The same, compressed; empty where that does not pay.
    brotli: &'static [u8],
    /// The same, compressed; empty where that does not pay.
    gzip: &'static [u8],
    /// Differs when the bytes differ, in hex.
    digest: &'static str,
}

// `FILES`, sorted by path; empty when the UI was not built before the program.
include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));

/// What is served where the UI was not built.
const ABSENT: &str = include_str!("ui_absent.html");

/// Scripts and styles come from this server, none stands in a page, and nothing is asked of any other server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn find(path: &str) -> Option<&'static File> {
    FILES.binary_search_by(|file| file.path.cmp(path)).ok().map(|index| &FILES[index])
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether a client takes an encoding; a weight of 0 refuses it.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING);
    accepted.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        named && !words.any(|word| word.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)))
    })
}

fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn answer(file: &File, asked: &HeaderMap) -> Response {
    let (bytes, encoding) = match () {
        () if !file.brotli.is_empty() && takes(asked, "br") => (file.brotli, Some("br")),
        () if !file.gzip.is_empty() && takes(asked, "gzip") => (file.gzip, Some("gzip")),
        () => (file.plain, None),
    };
    let etag = format!("\"{}{}\"", file.digest, encoding.unwrap_or_default());
    let is_known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Response::new(Body::from(bytes)) };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(file.path)));
    // Files below `immutable/` have a digest in their name.
    let keep =
        if file.path.contains("/immutable/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    guard(headers);
    response
}

async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().strip_prefix("/ui/").unwrap_or_default();
    if let Some(file) = find(path) {
        return answer(file, &headers);
    }
    if path.starts_with("_app/") {
        return Error::not_found("file", uri.path()).into_response();
    }
    if let Some(page) = find("index.html") {
        return answer(page, &headers);
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, ABSENT).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    guard(headers);
    response
}

async fn to_ui() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/ui/")]).into_response()
}

/// The routes.
pub(super) fn routes() -> Router<SharedApp> {
    Router::new().route("/ui", get(to_ui)).route("/ui/", get(serve)).route("/ui/{*path}", get(serve))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_taken_as_the_client_weighs_them() {
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            headers
        };
        assert!(takes(&asked("gzip, deflate, br"), "br"));
        assert!(takes(&asked("br;q=0.5, gzip"), "br"));
        assert!(!takes(&asked("br;q=0, gzip"), "br"));
        assert!(!takes(&asked("gzip"), "br"));
        assert!(!takes(&HeaderMap::new(), "br"));
    }

    #[test]
    fn files_are_sorted_so_that_each_is_found() {
        assert!(FILES.is_sorted_by_key(|file| file.path));
        assert!(FILES.iter().all(|file| !file.digest.is_empty() && file.plain.len() >= file.brotli.len()));
    }
}
