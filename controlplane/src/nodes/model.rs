//! Rules of nodes and join tokens, without storage.

use std::time::Duration;

use mc_api::id::{NodeId, OrganizationId, TokenId};
use mc_api::node::{Node, NodeFacts, NodeState};
use mc_api::{Name, ProblemKind, Timestamp};
use uuid::Uuid;

use crate::error::Error;

/// How long a renewed lease lasts.
pub const LEASE: Duration = Duration::from_secs(40);
/// How often a node renews it.
pub const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How long a nonce can be signed.
pub const NONCE_LIFE: Duration = Duration::from_mins(1);
/// What a node says of itself is at most this long, as JSON.
pub const MAX_FACTS_BYTES: usize = 16 << 10;
/// The prefix of join tokens.
const TOKEN_PREFIX: &str = "mcj_";

/// A node as stored.
#[derive(Debug, Clone)]
pub struct Record {
    /// What is published.
    pub node: Node,
    /// Its organization.
    pub organization: OrganizationId,
    /// Ed25519, lowercase hex.
    pub public_key: String,
}

/// Whether a node can be relied on at this moment.
pub fn state(revoked_at: Option<Timestamp>, lease_until: Timestamp, now: Timestamp) -> NodeState {
    if revoked_at.is_some() {
        NodeState::Revoked
    } else if lease_until > now {
        NodeState::Ready
    } else {
        NodeState::NotReady
    }
}

/// The refusal that a revoked node hears, whatever it asks.
pub fn revoked(node: NodeId) -> Error {
    Error::new(ProblemKind::Forbidden, format!("node {node} was revoked; to join again, remove STATE/node"))
}

/// The parts of a join token.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenText<'t> {
    /// Which token.
    pub id: TokenId,
    /// What proves that it was given out.
    pub secret: &'t str,
    /// SHA-256 of the authority that the node trusts, lowercase hex.
    pub ca_sha256: &'t str,
}

impl<'t> TokenText<'t> {
    /// Reads `mcj_<32 hex>.<secret>.<64 hex>`; `None` for anything else.
    pub fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.strip_prefix(TOKEN_PREFIX)?.split('.');
        let (id, secret, ca_sha256) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = parts.next().is_none() && id.len() == 32 && !secret.is_empty();
        let id = Uuid::try_parse(id).ok().filter(|_| is_whole)?;
        Some(Self { id: TokenId::from_uuid(id), secret, ca_sha256 })
    }
}

impl std::fmt::Display for TokenText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{TOKEN_PREFIX}{}.{}.{}", self.id.as_uuid().as_simple(), self.secret, self.ca_sha256)
    }
}

/// What a node says of itself, when it is not too much.
///
/// # Errors
/// [`ProblemKind::Validation`] above [`MAX_FACTS_BYTES`].
pub fn facts_text(facts: &NodeFacts) -> Result<String, Error> {
    let text = serde_json::to_string(facts).map_err(Error::internal)?;
    if text.len() > MAX_FACTS_BYTES {
        return Err(Error::invalid("/facts", format!("at most {MAX_FACTS_BYTES} bytes as JSON")));
    }
    Ok(text)
}

/// The name a node wishes for, made a name: its wish, else its host name, else `node`.
///
/// # Panics
/// Never: `node` is a name.
///
/// # Panics
/// Never: `node` is a name.
pub fn wished_name(wish: &str, facts: &NodeFacts) -> Name {
    let candidates = [wish, facts.hostname.split('.').next().unwrap_or_default(), "node"];
    let named = candidates.into_iter().find_map(|text| {
        let word: String = text
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(48)
            .collect();
        word.trim_matches('-').parse::<Name>().ok()
    });
    named.expect("`node` is a name")
}

/// The names to try for a node, in order: the wish, numbered, and at last one that nobody has.
pub fn names(wished: &Name, id: NodeId) -> Vec<Name> {
    let hex = id.as_uuid().as_simple().to_string();
    let numbered = (2..10).map(|number| format!("{wished}-{number}"));
    let all = std::iter::once(wished.to_string()).chain(numbered).chain([format!("{wished}-{}", &hex[20..])]);
    all.filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let id = TokenId::from_uuid(Uuid::from_u128(7));
        let ca = "ab".repeat(32);
        let token = TokenText { id, secret: "s3cret", ca_sha256: &ca };
        assert_eq!(TokenText::parse(&token.to_string()), Some(token));
        for bad in ["", "mcj_", "mcj_7.s.c", "mcs_00000000000000000000000000000007.s.c"] {
            assert_eq!(TokenText::parse(bad), None, "{bad}");
        }
        assert_eq!(TokenText::parse("mcj_00000000000000000000000000000007.s.c.x"), None);
        assert_eq!(TokenText::parse("mcj_00000000000000000000000000000007..c"), None);
    }

    #[test]
    fn a_wish_becomes_a_name() {
        let facts = NodeFacts { hostname: "Box_1.example.org".into(), ..NodeFacts::default() };
        for (wish, name) in [("builder", "builder"), ("My Node", "my-node"), ("", "box-1"), ("---", "box-1")]
        {
            assert_eq!(wished_name(wish, &facts).as_str(), name);
        }
        assert_eq!(wished_name("", &NodeFacts::default()).as_str(), "node");
        let names = names(&wished_name(&"x".repeat(99), &facts), NodeId::from_uuid(Uuid::from_u128(7)));
        assert_eq!(names.len(), 10, "every candidate is a name: {names:?}");
    }

    #[test]
    fn readiness_follows_the_lease() {
        let at = Timestamp::from_micros;
        assert_eq!(state(None, at(2), at(1)), NodeState::Ready);
        assert_eq!(state(None, at(1), at(1)), NodeState::NotReady);
        assert_eq!(state(Some(at(0)), at(2), at(1)), NodeState::Revoked);
    }
}
