//! Canonical JSON after RFC 8785, restricted to what the ledger stores: integers below 2^53 and no fractions.

use std::fmt::Write as _;

use serde_json::Value;

/// Why a value has no canonical text here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// A number that is a fraction or outside ±(2^53 − 1).
    #[error("the number {0} is not an integer below 2^53")]
    Number(String),
    /// The value could not be turned into JSON.
    #[error("the value cannot be written as JSON: {0}")]
    Serialize(String),
}

const MAX_SAFE: i64 = (1 << 53) - 1;

/// The canonical text of a value: no spaces, members ordered by their UTF-16 code units, shortest escapes.
///
/// # Errors
/// [`NotCanonical`] for fractions and integers that JSON readers would round.
pub fn to_canonical<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, NotCanonical> {
    let value = serde_json::to_value(value).map_err(|error| NotCanonical::Serialize(error.to_string()))?;
    let mut out = String::new();
    write_value(&mut out, &value)?;
    Ok(out)
}

fn write_value(out: &mut String, value: &Value) -> Result<(), NotCanonical> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.as_i64() {
            Some(integer) if (-MAX_SAFE..=MAX_SAFE).contains(&integer) => {
                out.push_str(&integer.to_string());
            }
            _ => return Err(NotCanonical::Number(number.to_string())),
        },
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (name, item)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, name);
                out.push(':');
                write_value(out, item)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Writes a text between quotation marks, what has to be escaped in its shortest form.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // What is escaped is one byte long, so that the text is cut between characters.
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            // Writing to a String cannot fail.
            byte => write!(out, "\\u{byte:04x}").expect("a String takes any text"),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn members_are_ordered_by_utf16_units() {
        // RFC 8785 section 3.2.3: U+1F600 (surrogates D83D DE00) sorts before U+FB33.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "1": 3, "\r": 4, "ö": 5, "€": 6, "\u{80}": 7});
        let text = to_canonical(&value).unwrap();
        assert_eq!(text, "{\"\\r\":4,\"1\":3,\"\u{80}\":7,\"ö\":5,\"€\":6,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn fractions_and_large_integers_are_refused() {
        for bad in [json!(0.5), json!(1e3), json!(9_007_199_254_740_992_i64), json!(u64::MAX)] {
            assert!(matches!(to_canonical(&bad), Err(NotCanonical::Number(_))), "{bad}");
        }
        assert_eq!(to_canonical(&json!(-9_007_199_254_740_991_i64)).unwrap(), "-9007199254740991");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_SAFE..=MAX_SAFE).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_parses_to_the_same_value_and_is_stable(value in any_json()) {
            let text = to_canonical(&value).unwrap();
            let back: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&back, &value);
            prop_assert_eq!(to_canonical(&back).unwrap(), text);
        }
    }
}
