//! Envelopes and the hash that chains them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::canonical::{NotCanonical, to_canonical};

/// A SHA-256 digest; JSON and `Display` are 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The `prev` of the first event.
    pub const GENESIS: Self = Self([0; 32]);
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    Digest(out)
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is not a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lowercase hex digits")]
pub struct InvalidDigest;

impl std::str::FromStr for Digest {
    type Err = InvalidDigest;
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(InvalidDigest),
        };
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return Err(InvalidDigest);
        }
        let mut out = [0; 32];
        for (slot, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *slot = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(out))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What the hash covers beside position, predecessor and body digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The event's id.
    pub id: String,
    /// The organization's id.
    pub organization_id: String,
    /// The mission's id, if the event belongs to one.
    pub mission_id: Option<String>,
    /// `subject.verb`.
    pub action: String,
    /// Such as `task`.
    pub subject_kind: String,
    /// The subject's id.
    pub subject_id: String,
    /// Who did it.
    pub principal_id: String,
    /// The request's id.
    pub request_id: String,
    /// RFC 3339, six decimals, `Z`.
    pub occurred_at: String,
}

/// An event in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedEvent {
    /// Position, dense from 1.
    pub seq: u64,
    /// Hash of the event before; zeros for the first.
    pub prev: Digest,
    /// Hash of this event.
    pub hash: Digest,
    /// What was done.
    pub envelope: Envelope,
    /// SHA-256 of the body's canonical text.
    pub body_sha256: Digest,
    /// The body's canonical text; may be left out of an export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Envelope {
    /// The hash of this envelope at a place in the chain.
    ///
    /// # Errors
    /// [`NotCanonical`] never happens for an envelope read from text; it is passed on rather than hidden.
    pub fn seal(&self, prev: Digest, seq: u64, body_sha256: Digest) -> Result<Digest, NotCanonical> {
        let envelope = to_canonical(self)?;
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(&prev.0);
        context.update(&seq.to_be_bytes());
        context.update(envelope.as_bytes());
        context.update(&body_sha256.0);
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        Ok(Digest(out))
    }
}
