//! Extractors: who calls, with which body, about which object.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use mc_api::{FieldError, ProblemKind};
use mc_ledger::sha256;
use serde::de::DeserializeOwned;

use super::frame::RequestId;
use super::{cookie, json};
use crate::app::SharedApp;
use crate::authn;
use crate::error::Error;
use crate::op::{Caller, Idempotency, OpCtx};

/// The context of a request without a body.
pub struct Ctx(pub OpCtx);

/// The context of a request and its JSON body of at most `MOST` bytes.
pub struct Cmd<T, const MOST: usize = { json::MAX_BODY_BYTES }>(pub OpCtx, pub T);

/// Query parameters; unknown ones are refused.
pub struct Query<T>(pub T);

/// Whether a creation is only tried.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DryRun {
    /// Do all of it, detection of overlaps too, and keep nothing.
    pub dry_run: Option<bool>,
}

/// The `{ref}` of a path: id, key or name.
pub struct Ref(pub String);

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Error> {
    headers
        .get(name)
        .map(|value| {
            value.to_str().map_err(|_| {
                Error::new(ProblemKind::MalformedRequest, format!("the header {name} is not readable ASCII"))
            })
        })
        .transpose()
}

/// The bearer token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let missing = || {
        Error::new(
            ProblemKind::Unauthenticated,
            "send `Authorization: Bearer <token>`; `mc auth login` gets one",
        )
    };
    let value = text(headers, header::AUTHORIZATION.as_str())?.ok_or_else(missing)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(token.trim())
        }
        _ => Err(missing()),
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Error> {
    let Some(value) = text(headers, header::IF_MATCH.as_str())? else { return Ok(None) };
    if value.trim() == "*" {
        return Ok(None);
    }
    let version =
        value.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|v| v.parse().ok());
    version.map(Some).ok_or_else(|| {
        Error::new(ProblemKind::MalformedRequest, "If-Match is one quoted version, such as \"3\", or *")
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(key) = text(headers, "idempotency-key")? else { return Ok(None) };
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::new(
            ProblemKind::MalformedRequest,
            "Idempotency-Key has 1 to 255 visible ASCII characters",
        ));
    }
    Ok(Some(key.to_owned()))
}

/// Finds the caller of a request by its bearer token, or by the cookie of a browser.
async fn caller_of(parts: &Parts, app: &SharedApp) -> Result<Arc<Caller>, Error> {
    if !parts.headers.contains_key(header::AUTHORIZATION)
        && let Some(token) = cookie::credential(parts)?
    {
        let caller = authn::service::authenticate(app, token).await?;
        cookie::check_page(&parts.headers, &caller)?;
        return Ok(caller);
    }
    caller(&parts.headers, app).await
}

/// Finds the caller of a request by its bearer token.
pub(crate) async fn caller(headers: &HeaderMap, app: &SharedApp) -> Result<Arc<Caller>, Error> {
    authn::service::authenticate(app, bearer(headers)?).await
}

async fn context(parts: &Parts, app: &SharedApp, body: &[u8]) -> Result<OpCtx, Error> {
    context_of(caller_of(parts, app).await?, parts, app, body)
}

/// The context of a request of a known caller.
pub(crate) fn context_of(
    caller: Arc<Caller>,
    parts: &Parts,
    app: &SharedApp,
    body: &[u8],
) -> Result<OpCtx, Error> {
    let request_id = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let mut cx = OpCtx::new(caller, request_id, app.clock.now(), app.ids.clone());
    cx.if_match = if_match(&parts.headers)?;
    cx.approval_token = text(&parts.headers, "x-approval-token")?.map(str::to_owned);
    if let Some(key) = idempotency_key(&parts.headers)?
        && parts.method != Method::GET
        && parts.method != Method::HEAD
    {
        let query = parts.uri.query().unwrap_or_default();
        cx.idempotency = Some(Idempotency {
            key,
            route: format!("{} {}", parts.method, parts.uri.path()),
            body_sha256: sha256(&[query.as_bytes(), b"\0", body].concat()).to_string(),
        });
    }
    Ok(cx)
}

impl FromRequestParts<SharedApp> for Ctx {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Error> {
        context(parts, app, b"").await.map(Ctx)
    }
}

impl<T: DeserializeOwned + Send, const MOST: usize> FromRequest<SharedApp> for Cmd<T, MOST> {
    type Rejection = Error;
    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        // Who calls is asked before the body is read: an anonymous caller costs no memory.
        caller_of(&parts, app).await?;
        let media = text(&parts.headers, header::CONTENT_TYPE.as_str())?.unwrap_or("application/json");
        let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !matches!(essence.as_str(), "application/json" | "application/merge-patch+json") {
            return Err(Error::new(
                ProblemKind::UnsupportedMediaType,
                format!("{essence:?}: send application/json"),
            ));
        }
        let bytes =
            axum::body::to_bytes(body, MOST).await.map_err(|error| too_large_or_broken(&error, MOST))?;
        let cx = context(&parts, app, &bytes).await?;
        Ok(Self(cx, json::parse(&bytes)?))
    }
}

fn too_large_or_broken(error: &axum::Error, most: usize) -> Error {
    use std::error::Error as _;
    let limit = error.source().is_some_and(|source| source.to_string().contains("length limit exceeded"));
    if limit {
        Error::new(ProblemKind::BodyTooLarge, format!("the limit is {most} bytes"))
    } else {
        Error::new(ProblemKind::MalformedBody, "the body ended before it was complete")
    }
}

impl<T: DeserializeOwned + Send> FromRequestParts<SharedApp> for Query<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &SharedApp) -> Result<Self, Error> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Error::new(ProblemKind::MalformedRequest, "query: must not contain U+0000"));
        }
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| unreadable(&error))
    }
}

/// A query parameter that cannot be read, by its name.
fn unreadable(error: &serde_path_to_error::Error<serde_urlencoded::de::Error>) -> Error {
    let message = error.inner().to_string();
    let path = error.path().to_string();
    // A parameter that is unknown or given twice is named by the message alone.
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let name = if path.is_empty() || path == "." || path == "?" { quoted } else { &path };
    let name: String = name.chars().take(64).collect();
    let field = FieldError { pointer: format!("?{name}"), message };
    Error {
        errors: vec![field.clone()],
        ..Error::new(ProblemKind::MalformedRequest, format!("query: {}: {}", field.pointer, field.message))
    }
}

impl FromRequestParts<SharedApp> for Ref {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Error> {
        let Path(reference) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|_| Error::new(ProblemKind::MalformedRequest, "the path is not readable UTF-8"))?;
        if reference.contains('\0') {
            return Err(Error::new(ProblemKind::MalformedRequest, "the path must not contain U+0000"));
        }
        Ok(Self(reference))
    }
}
