//! Places as text: in cursors and as subjects of ledger events.

use std::fmt;
use std::str::FromStr;

use crate::objects::Place;

/// `<mission>/<digest>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(pub(super) Place);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.0, self.0.1)
    }
}

/// It is no place.
#[derive(Debug)]
pub(super) struct NoKey;

impl FromStr for Key {
    type Err = NoKey;
    fn from_str(text: &str) -> Result<Self, NoKey> {
        let (mission, sha256) = text.split_once('/').ok_or(NoKey)?;
        let place = (mission.parse().map_err(|_| NoKey)?, sha256.parse().map_err(|_| NoKey)?);
        Ok(Self(place))
    }
}

#[cfg(test)]
mod tests {
    use mc_api::id::MissionId;

    use super::*;

    #[test]
    fn a_key_prints_what_it_parses_and_refuses_the_rest() {
        let key = Key((MissionId::from_uuid(uuid::Uuid::from_bytes([7; 16])), mc_ledger::sha256(b"x")));
        assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        for bad in ["", "/", "mis_1/2", &format!("{key}/"), &key.to_string()[1..]] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }
}
