//! Reading JSON bodies: the wrong type of media, broken bytes and broken rules are three different problems.

use mc_api::{FieldError, ProblemKind};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Bodies larger than this are refused, except artifact content and the texts of docs.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The limit of bodies that carry the text of a doc: 1 MiB of it, however JSON escapes it.
pub const MAX_TEXT_BODY: usize = 8 * MAX_BODY_BYTES;
/// The limit of bodies that carry a change set of a workspace.
pub const MAX_COMMIT_BODY: usize = 32 * MAX_BODY_BYTES;

/// Parses a JSON body. An empty body counts as `{}`.
///
/// # Errors
/// [`ProblemKind::MalformedBody`] when it is no JSON or no UTF-8, [`ProblemKind::Validation`] with the JSON pointer
/// of the first member that does not fit.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let malformed = |detail: String| Error::new(ProblemKind::MalformedBody, detail);
    let text =
        std::str::from_utf8(bytes).map_err(|error| malformed(format!("the body is not UTF-8: {error}")))?;
    let text = if text.trim().is_empty() { "{}" } else { text };
    if text.trim_start().starts_with('[') {
        return Err(no_object());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => broken(pointer, &inner),
            _ => malformed(format!("the body is not JSON: {inner}")),
        }
    })?;
    reader.end().map_err(|error| malformed(format!("after the JSON value: {error}")))?;
    Ok(value)
}

/// Reads what is JSON already.
///
/// # Errors
/// [`ProblemKind::Validation`] with the JSON pointer of the first member that does not fit.
pub fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Error> {
    // A struct could be read from an array too, by position and past the names of its members.
    if value.is_array() {
        return Err(no_object());
    }
    serde_path_to_error::deserialize(value).map_err(|error| broken(pointer(error.path()), error.inner()))
}

fn no_object() -> Error {
    broken(String::new(), &serde::de::Error::custom("expected a JSON object, found an array"))
}

fn broken(pointer: String, error: &serde_json::Error) -> Error {
    // "… at line 1 column 2" helps nobody who sent the body from a program.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    let error = FieldError { pointer, message };
    let detail =
        format!("{}: {}", if error.pointer.is_empty() { "/" } else { &error.pointer }, error.message);
    Error { errors: vec![error], ..Error::new(ProblemKind::Validation, detail) }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        text.push('/');
        text.push_str(&part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_api::mission::CreateMission;

    #[test]
    fn the_problem_names_the_field() {
        let cases: [(&[u8], ProblemKind, &str); 7] = [
            (b" [\"a\",\"\",{},{}]", ProblemKind::Validation, ""),
            (b"{\"name\":\"a\",\"colour\":1}", ProblemKind::Validation, "/colour"),
            (b"{\"name\":5}", ProblemKind::Validation, "/name"),
            (b"{\"name\":\"a\",\"labels\":{\"x\":1}}", ProblemKind::Validation, "/labels/x"),
            (b"{}", ProblemKind::Validation, ""),
            (b"{\"name\":", ProblemKind::MalformedBody, ""),
            (b"{\"name\":\"\xff\"}", ProblemKind::MalformedBody, ""),
        ];
        for (body, kind, pointer) in cases {
            let error = parse::<CreateMission>(body).unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert_eq!(error.errors.first().map_or("", |e| e.pointer.as_str()), pointer, "{error:?}");
        }
        assert_eq!(
            parse::<CreateMission>(b"{\"name\":\"a\"} x").unwrap_err().kind,
            ProblemKind::MalformedBody
        );
    }
}
