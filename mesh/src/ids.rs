//! Identifiers minted on the node.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Id of an agent session: `ses_` and 32 lowercase hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

/// The text is no session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session id is `ses_` and 32 lowercase hex digits")]
pub struct InvalidSessionId;

impl SessionId {
    /// Mints a new id; ids sort by creation time.
    pub fn mint() -> Self {
        Self(format!("ses_{}", unique()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Eight hex digits of the random part, for short socket names.
    pub(crate) fn short(&self) -> &str {
        &self.0[self.0.len() - 8..]
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let hex = text.strip_prefix("ses_").ok_or(InvalidSessionId)?;
        let is_hex = hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if hex.len() == 32 && is_hex { Ok(Self(text.to_owned())) } else { Err(InvalidSessionId) }
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidSessionId;

    fn try_from(text: String) -> Result<Self, InvalidSessionId> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Mints the id of a command.
pub fn mint_op_id() -> String {
    format!("op_{}", unique())
}

#[expect(clippy::disallowed_methods, reason = "the one id source of the node")]
fn unique() -> impl fmt::Display {
    uuid::Uuid::now_v7().simple()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_leave_their_folder_are_refused() {
        assert!(SessionId::mint().as_str().parse::<SessionId>().is_ok());
        for bad in
            ["", "ses_", "ses_../../../../../../etc/passwd0000", "ses_0123456789ABCDEF0123456789abcdef"]
        {
            assert_eq!(bad.parse::<SessionId>(), Err(InvalidSessionId));
        }
    }
}
