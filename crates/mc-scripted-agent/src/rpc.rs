//! JSON-RPC 2.0, one message a line: reading, leniently, and building.
//!
//! Lenient means: a missing `jsonrpc` member and unknown members are accepted, so that a client's small faults do not
//! hide the ones a test is after. Nothing here panics, whatever the bytes.

use serde_json::{Value, json};

/// The line is not JSON.
pub(crate) const PARSE_ERROR: i64 = -32700;
/// JSON, but no request that can be served now.
pub(crate) const INVALID_REQUEST: i64 = -32600;
/// No such method.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
/// The method's parameters have the wrong shape.
pub(crate) const INVALID_PARAMS: i64 = -32602;
/// Something failed on this side.
pub(crate) const INTERNAL: i64 = -32603;
/// ACP: a named thing, such as a session, does not exist.
pub(crate) const NOT_FOUND: i64 = -32002;

/// An error member, ours or the peer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl RpcError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// One received line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Incoming {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    Reply {
        id: Value,
        outcome: Result<Value, RpcError>,
    },
    /// To be answered with `error` under `id` (null when it cannot be told).
    Invalid {
        id: Value,
        error: RpcError,
    },
}

/// Reads one line, without or with its line end.
pub(crate) fn parse(line: &[u8]) -> Incoming {
    let mut members = match serde_json::from_slice(line) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return invalid(Value::Null, INVALID_REQUEST, "a message is a JSON object"),
        Err(e) => return invalid(Value::Null, PARSE_ERROR, &format!("not JSON: {e}")),
    };
    let id = members.remove("id");
    if id.as_ref().is_some_and(|id| id.is_boolean() || id.is_array() || id.is_object()) {
        return invalid(Value::Null, INVALID_REQUEST, "id is neither text nor number");
    }
    if members.get("jsonrpc").is_some_and(|version| version != "2.0") {
        return invalid(id.unwrap_or(Value::Null), INVALID_REQUEST, "jsonrpc is not \"2.0\"");
    }
    let params = members.remove("params").unwrap_or(Value::Null);
    match (members.remove("method"), id) {
        (Some(Value::String(method)), Some(id)) => Incoming::Request { id, method, params },
        (Some(Value::String(method)), None) => Incoming::Notification { method, params },
        (Some(_), id) => invalid(id.unwrap_or(Value::Null), INVALID_REQUEST, "method is not text"),
        (None, Some(id)) => match (members.remove("result"), members.remove("error")) {
            (_, Some(error)) if !error.is_null() => Incoming::Reply { id, outcome: Err(peer_error(&error)) },
            (Some(result), _) => Incoming::Reply { id, outcome: Ok(result) },
            (None, _) => invalid(id, INVALID_REQUEST, "neither method, result nor error"),
        },
        (None, None) => invalid(Value::Null, INVALID_REQUEST, "neither method nor id"),
    }
}

pub(crate) fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(crate) fn notification(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

pub(crate) fn reply(id: &Value, outcome: Result<Value, RpcError>) -> Value {
    match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(e) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": e.code, "message": e.message}}),
    }
}

fn invalid(id: Value, code: i64, message: &str) -> Incoming {
    Incoming::Invalid { id, error: RpcError::new(code, message) }
}

fn peer_error(error: &Value) -> RpcError {
    let message = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
    RpcError::new(error["code"].as_i64().unwrap_or(INTERNAL), message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(line: &str) -> (Value, i64) {
        match parse(line.as_bytes()) {
            Incoming::Invalid { id, error } => (id, error.code),
            other => panic!("{line} was taken as {other:?}"),
        }
    }

    #[test]
    fn what_is_no_message_is_answered_with_its_code() {
        assert_eq!(code("{"), (Value::Null, PARSE_ERROR));
        assert_eq!(code(&"[".repeat(100_000)), (Value::Null, PARSE_ERROR));
        assert_eq!(code("[]"), (Value::Null, INVALID_REQUEST));
        assert_eq!(code(r#"{"id":7}"#), (json!(7), INVALID_REQUEST));
        assert_eq!(code(r#"{"id":{},"method":"x"}"#), (Value::Null, INVALID_REQUEST));
        assert_eq!(code(r#"{"id":1,"method":2}"#), (json!(1), INVALID_REQUEST));
        assert_eq!(code(r#"{"jsonrpc":"1.0","id":"a","method":"x"}"#), (json!("a"), INVALID_REQUEST));
    }

    #[test]
    fn a_null_error_beside_a_result_is_a_result() {
        let read = parse(br#"{"id":1,"result":{},"error":null}"#);
        assert_eq!(read, Incoming::Reply { id: json!(1), outcome: Ok(json!({})) });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(line in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&line);
        }

        #[test]
        fn nearly_valid_messages_are_read_without_panic(
            id in "(1|-1|1e400|null|\"a\"|\\{\\}|true)", method in "(\"x\"|7|null)", rest in ".{0,30}",
        ) {
            parse(format!("{{\"id\":{id},\"method\":{method},\"params\":{rest}}}").as_bytes());
            parse(format!("{{\"id\":{id},\"error\":{method}}}").as_bytes());
        }

        #[test]
        fn parse_after_print_is_identity(id in any::<u64>(), method in "[a-z/_]{1,20}", text in ".*") {
            let params = json!({ "text": text });
            let line = request(id, &method, &params).to_string();
            prop_assert_eq!(parse(line.as_bytes()), Incoming::Request { id: json!(id), method, params });
        }
    }
}
