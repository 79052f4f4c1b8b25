//! The cookie that holds the login session of a browser.
//!
//! No script reads it (`HttpOnly`), and no other site sends it (`SameSite=Strict`). Pages on other ports of the same
//! host are the same site, so a request that changes something also needs the header `x-mc-csrf`, which another origin
//! could send only after a preflight that nobody answers; and what the browser says of the request's origin must fit.
//! Cookies are shared by all ports of a host: the name holds the port, so that two installations do not log each other
//! out. Pages share the cookie: each says whose it is (`x-mc-principal`), and is refused when somebody else has logged in
//! beside it.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use mc_api::ProblemKind;

use crate::app::SharedApp;
use crate::error::Error;
use crate::op::Caller;

/// The header that a request with the cookie carries when it changes something.
const CSRF: &str = "x-mc-csrf";

/// The header in which a page says whose it is: the cookie is the browser's, and may be somebody else's by now.
const PRINCIPAL: &str = "x-mc-principal";

/// The server as the browser names it: `host:port`.
pub(crate) struct Host(String);

impl FromRequestParts<SharedApp> for Host {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &SharedApp) -> Result<Self, Error> {
        Ok(Self::of(parts))
    }
}

impl Host {
    fn of(parts: &Parts) -> Self {
        let header = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let named = header.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
        Self(named.unwrap_or_default().to_ascii_lowercase())
    }

    /// The host without its port.
    fn name(&self) -> &str {
        match self.0.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.0,
        }
    }

    fn is_loopback(&self) -> bool {
        let name = self.name();
        name == "localhost"
            || name.ends_with(".localhost")
            || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    fn cookie(&self) -> String {
        match self.0.rsplit_once(':') {
            Some((_, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
                format!("mc_session_{port}")
            }
            _ => "mc_session".to_owned(),
        }
    }

    fn write(&self, value: &str, seconds: u64) -> HeaderValue {
        // Clear text is served on loopback only; everywhere else the browser speaks TLS.
        let secure = if self.is_loopback() { "" } else { "; Secure" };
        let name = self.cookie();
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&text).expect("a token and a port are visible ASCII")
    }

    /// `Set-Cookie` that keeps a token for some seconds.
    pub(crate) fn set(&self, token: &str, seconds: u64) -> HeaderValue {
        self.write(token, seconds)
    }

    /// `Set-Cookie` that forgets the token.
    pub(crate) fn clear(&self) -> HeaderValue {
        self.write("", 0)
    }

    /// The token that the cookie holds.
    pub(crate) fn token<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let name = self.cookie();
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| value)
    }
}

fn refused(detail: &str) -> Error {
    Error::new(ProblemKind::Forbidden, detail.to_owned())
}

/// Whether the login session is that of whose page the request comes from, when it says so.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`] when somebody else has logged in beside that page.
pub(crate) fn check_page(headers: &HeaderMap, caller: &Caller) -> Result<(), Error> {
    let Some(principal) = headers.get(PRINCIPAL) else { return Ok(()) };
    if principal.as_bytes() == caller.id.to_string().as_bytes() {
        return Ok(());
    }
    Err(Error::new(ProblemKind::Unauthenticated, "somebody else has logged in beside this page"))
}

/// The token of the cookie, when the request may use it.
///
/// # Errors
/// [`ProblemKind::Forbidden`] for a request that another page may have caused.
pub(crate) fn credential(parts: &Parts) -> Result<Option<&str>, Error> {
    let host = Host::of(parts);
    let Some(token) = host.token(&parts.headers) else { return Ok(None) };
    let word = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if word("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(refused("the cookie of a login session counts only for pages of this server"));
    }
    if let Some(origin) = word("origin")
        && origin.split_once("://").is_none_or(|(_, place)| !place.eq_ignore_ascii_case(&host.0))
    {
        return Err(refused("the origin of the request is not this server; a proxy must pass `Host` on"));
    }
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !parts.headers.contains_key(CSRF) {
        return Err(refused("a request by cookie that changes something needs the header `x-mc-csrf: 1`"));
    }
    Ok(Some(token))
}
