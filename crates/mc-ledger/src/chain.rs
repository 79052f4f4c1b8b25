//! Envelopes and the hash that chains them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::canonical::{NotCanonical, write_string};

/// A SHA-256 digest; JSON and `Display` are 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
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
    /// Its canonical text: the same as of any value, without making one.
    fn canonical(&self) -> String {
        let members = [
            ("action", Some(&self.action)),
            ("id", Some(&self.id)),
            ("mission_id", self.mission_id.as_ref()),
            ("occurred_at", Some(&self.occurred_at)),
            ("organization_id", Some(&self.organization_id)),
            ("principal_id", Some(&self.principal_id)),
            ("request_id", Some(&self.request_id)),
            ("subject_id", Some(&self.subject_id)),
            ("subject_kind", Some(&self.subject_kind)),
        ];
        let mut out = String::with_capacity(512);
        let mut before = '{';
        for (name, value) in members {
            out.push(before);
            before = ',';
            out.push('"');
            out.push_str(name);
            out.push_str("\":");
            match value {
                Some(text) => write_string(&mut out, text),
                None => out.push_str("null"),
            }
        }
        out.push('}');
        out
    }

    /// The hash of this envelope at a place in the chain.
    ///
    /// # Errors
    /// [`NotCanonical`] never happens for an envelope read from text; it is passed on rather than hidden.
    pub fn seal(&self, prev: Digest, seq: u64, body_sha256: Digest) -> Result<Digest, NotCanonical> {
        Ok(chained(prev, seq, self.canonical().as_bytes(), body_sha256))
    }
}

/// The hash of an envelope, by its canonical text, at a place in the chain.
pub(crate) fn chained(prev: Digest, seq: u64, envelope: &[u8], body_sha256: Digest) -> Digest {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(&prev.0);
    context.update(&seq.to_be_bytes());
    context.update(envelope);
    context.update(&body_sha256.0);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Digest(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_canonical;
    use proptest::prelude::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = sha256(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((digest.to_string().as_str(), text.parse()), (text, Ok(digest)));
    }

    proptest! {
        #[test]
        fn an_envelope_is_written_as_any_value_is(
            texts in prop::collection::vec("\\PC*|[\\x00-\\x7f]*", 8), mission in prop::option::of("\\PC*"),
        ) {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().unwrap();
            let envelope = Envelope {
                id: next(),
                organization_id: next(),
                mission_id: mission,
                action: next(),
                subject_kind: next(),
                subject_id: next(),
                principal_id: next(),
                request_id: next(),
                occurred_at: next(),
            };
            prop_assert_eq!(envelope.canonical(), to_canonical(&envelope).unwrap());
        }
    }
}
