//! Where the server is, who we are, and how patient we are.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use reqwest::Url;

use crate::Error;

/// The address of a server: `https://…`, or `http://…` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server(Url);

impl Server {
    /// Reads an address. A path in it is kept as a prefix.
    ///
    /// # Errors
    /// [`Error::InvalidServer`] when it is no URL, has credentials in it, or is clear text to another machine.
    pub fn parse(address: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidServer { address: address.into(), reason: reason.into() };
        let mut url: Url =
            address.trim().parse().map_err(|_| invalid("expected a URL such as http://127.0.0.1:8008"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("a URL must not carry credentials; use MC_TOKEN or --token-file"));
        }
        if url.host_str().is_none() {
            return Err(invalid("it names no host"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err(invalid(
                    "http:// is accepted on loopback only, or the token would travel in clear; use https://",
                ));
            }
            _ => return Err(invalid("expected http:// (loopback) or https://")),
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL of a path given by segments; each is percent-encoded.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// A bearer token; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a token, without surrounding white space.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// How often and how far apart a request is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Requests made at most, the first one included; at least 1.
    pub attempts: u32,
    /// The longest wait before the second request; doubles for each further one.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
}

impl Retry {
    /// The wait before request number `attempt` (2 and up); `dice` in 0..=255 chooses within half and the whole.
    pub(crate) fn wait(&self, attempt: u32, dice: u8) -> Duration {
        let doublings = attempt.saturating_sub(2).min(16);
        let whole = self.base.saturating_mul(1 << doublings).min(self.cap);
        whole / 2 + whole.mul_f64(f64::from(dice) / 510.0)
    }
}

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server is.
    pub server: Server,
    /// Who we are; `None` sends no identity.
    pub token: Option<Token>,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Deadline for a connection.
    pub connect_timeout: Duration,
    /// Deadline for a whole request that is no stream, and for the first byte of one that is.
    pub request_timeout: Duration,
    /// Longest silence on a stream before it counts as broken. Servers send a sign of life every 15 s.
    pub idle_timeout: Duration,
    /// Repeating.
    pub retry: Retry,
}

impl Options {
    /// Defaults for a server: 5 s to connect, 30 s to answer, 45 s of silence, 5 requests 0.1 to 2 s apart.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            token: None,
            user_agent: concat!("mc-client/", env!("CARGO_PKG_VERSION")).into(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(45),
            retry: Retry { attempts: 5, base: Duration::from_millis(100), cap: Duration::from_secs(2) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_is_for_loopback_only() {
        for good in
            ["http://127.0.0.1:8008", "http://localhost/", "http://[::1]:1", "https://mc.example.org/base/"]
        {
            assert!(Server::parse(good).is_ok(), "{good}");
        }
        for bad in ["http://10.0.0.1", "http://mc.example.org", "ftp://localhost", "mc", "https://a:b@c"] {
            assert!(matches!(Server::parse(bad), Err(Error::InvalidServer { .. })), "{bad}");
        }
    }

    #[test]
    fn segments_are_encoded_and_a_prefix_is_kept() {
        let server = Server::parse("https://mc.example.org/base/").unwrap();
        let url = server.url(&["api", "v1", "tasks", "a/b?c"]);
        assert_eq!(url.as_str(), "https://mc.example.org/base/api/v1/tasks/a%2Fb%3Fc");
        assert_eq!(server.to_string(), "https://mc.example.org/base");
    }

    #[test]
    fn waits_double_up_to_the_cap_and_never_vanish() {
        let retry = Retry { attempts: 5, base: Duration::from_millis(100), cap: Duration::from_secs(2) };
        assert_eq!(retry.wait(2, 255), Duration::from_millis(100));
        assert_eq!(retry.wait(2, 0), Duration::from_millis(50));
        assert_eq!(retry.wait(4, 255), Duration::from_millis(400));
        assert_eq!(retry.wait(40, 255), Duration::from_secs(2));
    }

    #[test]
    fn a_token_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Token::new(" mcs_secret\n")), "Token(…)");
        assert_eq!(Token::new(" mcs_secret\n").expose(), "mcs_secret");
    }
}
