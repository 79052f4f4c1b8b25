//! Names and labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A DNS label (RFC 1123): 1 to 63 of `a-z`, `0-9` and `-`, no `-` at either end. Unique in its parent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", max_length = 63)]
pub struct Name(String);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 63 of a-z, 0-9 and '-', and neither starts nor ends with '-'")]
pub struct InvalidName;

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Name {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let ok = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if ok { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

crate::database_text!(Name, |value| value.as_str(), |text| text.parse::<Name>());

/// Labels or annotations. Keys have 1 to 63 of letters, digits, `-`, `_`, `.`, `/`; see [`Labels::check`] for the limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// At most this many entries.
    pub const MAX_ENTRIES: usize = 64;
    /// At most this many bytes in one value.
    pub const MAX_VALUE_BYTES: usize = 256;

    /// The first rule that is broken, as `(key, message)`.
    pub fn check(&self) -> Result<(), (String, &'static str)> {
        if self.0.len() > Self::MAX_ENTRIES {
            return Err((String::new(), "at most 64 entries"));
        }
        for (key, value) in &self.0 {
            let key_ok = (1..=63).contains(&key.len())
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
            if !key_ok {
                return Err((key.clone(), "a label key has 1 to 63 letters, digits, '-', '_', '.' or '/'"));
            }
            if value.len() > Self::MAX_VALUE_BYTES || value.chars().any(char::is_control) {
                return Err((key.clone(), "a label value has at most 256 bytes and no control characters"));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let labels = Self(BTreeMap::deserialize(deserializer)?);
        match labels.check() {
            Ok(()) => Ok(labels),
            Err((key, message)) => Err(de::Error::custom(format!("{message} (key {key:?})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "a-b", "0", &"x".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "ä", "a b", &"x".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
