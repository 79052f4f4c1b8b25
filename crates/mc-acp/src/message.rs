//! JSON-RPC 2.0 envelope, read leniently.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Error codes used by the protocol.
pub mod code {
    /// The method is not offered by this client.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters cannot be read.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The agent wants `authenticate` first.
    pub const AUTH_REQUIRED: i64 = -32000;
    /// The request was cancelled by `$/cancel_request`.
    pub const CANCELLED: i64 = -32800;
}

/// Request id as JSON-RPC allows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
    /// `null`, seen only in error answers.
    Null,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => id.fmt(f),
            Self::Text(id) => id.fmt(f),
            Self::Null => f.write_str("null"),
        }
    }
}

/// Error object of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// Numeric code, see [`code`].
    #[serde(default)]
    pub code: i64,
    /// Text for people.
    #[serde(default)]
    pub message: String,
    /// Anything more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// The line is not a JSON-RPC message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line is no JSON-RPC message")]
pub struct NotAMessage;

/// One message of the agent. Raw parts borrow from the line.
#[derive(Debug, Clone)]
pub enum Message<'a> {
    /// Wants exactly one answer.
    Request {
        /// Id to answer with.
        id: Id,
        /// Method name.
        method: Cow<'a, str>,
        /// Parameters, `null` when absent.
        params: &'a RawValue,
    },
    /// Wants no answer.
    Notification {
        /// Method name.
        method: Cow<'a, str>,
        /// Parameters, `null` when absent.
        params: &'a RawValue,
    },
    /// Answers one of our requests.
    Response {
        /// Id of our request.
        id: Id,
        /// Result, or the error sent in its place.
        result: Result<&'a RawValue, RpcError>,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "present")]
    id: Option<Id>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<RpcError>,
}

/// Keeps `null` apart from an absent field.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl<'a> Message<'a> {
    /// Reads one line.
    pub fn parse(line: &'a [u8]) -> Result<Self, NotAMessage> {
        let envelope: Envelope<'a> = serde_json::from_slice(line).map_err(|_| NotAMessage)?;
        let params = envelope.params.unwrap_or(RawValue::NULL);
        match (envelope.method, envelope.id) {
            (Some(method), Some(id)) => Ok(Self::Request { id, method, params }),
            (Some(method), None) => Ok(Self::Notification { method, params }),
            (None, Some(id)) => match (envelope.error, envelope.result) {
                (Some(error), _) => Ok(Self::Response { id, result: Err(error) }),
                (None, Some(result)) => Ok(Self::Response { id, result: Ok(result) }),
                (None, None) => Err(NotAMessage),
            },
            (None, None) => Err(NotAMessage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelope_is_read_leniently() {
        let parse = |line: &'static str| Message::parse(line.as_bytes());
        assert!(matches!(
            parse(r#"{"id":"a","method":"fs/read","x":1}"#),
            Ok(Message::Request { id: Id::Text(_), .. })
        ));
        assert!(matches!(parse(r#"{"jsonrpc":"2.0","method":"session/upd\u0061te","params":{"a":[1]}}"#),
            Ok(Message::Notification { method, params }) if method == "session/update" && params.get() == r#"{"a":[1]}"#));
        assert!(
            matches!(parse(r#"{"id":3,"result":null}"#), Ok(Message::Response { id: Id::Number(3), result: Ok(r) }) if r.get() == "null")
        );
        assert!(
            matches!(parse(r#"{"id":null,"error":{"code":-1}}"#), Ok(Message::Response { id: Id::Null, result: Err(e) }) if e.code == -1)
        );
        for garbage in ["npm warn deprecated", "[]", "42", "{}", "{\"id\":1}", "\u{fffd}"] {
            assert!(parse(garbage).is_err(), "{garbage}");
        }
        assert!(Message::parse(b"{\"id\":1,\"result\":\"\xff\"}").is_err());
    }
}
