//! Conditional and partial answers (RFC 9110 sections 13 and 14) for content that never changes under its digest.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};

/// Which part of the content is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing: the caller has it already.
    NotModified,
    /// All of it.
    Whole,
    /// A part that lies within it.
    Part(Range<u64>),
    /// A part that it does not have.
    Unsatisfiable,
}

fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok())
}

/// Whether a list of entity tags names this one; comparison is weak (section 8.8.3.2).
fn names(list: &str, etag: &str) -> bool {
    list.trim() == "*"
        || list.split(',').any(|tag| tag.trim().strip_prefix("W/").unwrap_or(tag.trim()) == etag)
}

/// What a GET asks for. `If-None-Match` comes first, then `If-Range`, then `Range`; several ranges at once, other units
/// and what cannot be read count as not given, as section 14.2 allows.
pub(crate) fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    if text(headers, &header::IF_NONE_MATCH).is_some_and(|list| names(list, etag)) {
        return Wanted::NotModified;
    }
    // A date or a weak tag never fits (section 13.1.5).
    if headers.contains_key(header::IF_RANGE) && text(headers, &header::IF_RANGE).map(str::trim) != Some(etag)
    {
        return Wanted::Whole;
    }
    text(headers, &header::RANGE).and_then(|range| part(range, size)).unwrap_or(Wanted::Whole)
}

/// One byte range; `None` when it is to be ignored.
fn part(range: &str, size: u64) -> Option<Wanted> {
    let (unit, spec) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = spec.trim().split_once('-')?;
    let number = |digits: &str| -> Option<u64> {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        // A number too large for us is larger than any content.
        plain.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let (start, end) = match (first, last) {
        ("", suffix) => (size.saturating_sub(number(suffix)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(size))
        }
    };
    Some(if start < end { Wanted::Part(start..end) } else { Wanted::Unsatisfiable })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(pairs: &[(header::HeaderName, &str)], size: u64) -> Wanted {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        wanted(&headers, "\"abc\"", size)
    }

    #[test]
    fn one_range_is_read_as_the_standard_says() {
        use Wanted::{Part, Unsatisfiable, Whole};
        for (range, expected) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=2-", Part(2..10)),
            ("Bytes = 2-4", Part(2..5)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-30", Part(0..10)),
            ("bytes=5-99999999999999999999999", Part(5..10)),
            ("bytes=9-9", Part(9..10)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=4-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=-", Whole),
            ("bytes=", Whole),
            ("items=0-1", Whole),
            ("0-1", Whole),
        ] {
            assert_eq!(ask(&[(header::RANGE, range)], 10), expected, "{range}");
        }
        assert_eq!(ask(&[(header::RANGE, "bytes=0-")], 0), Unsatisfiable);
        assert_eq!(ask(&[(header::RANGE, "bytes=-1")], 0), Unsatisfiable);
        assert_eq!(ask(&[], 0), Whole);
    }

    #[test]
    fn conditions_come_before_the_range() {
        let range = (header::RANGE, "bytes=0-1");
        for list in ["\"abc\"", "*", "\"x\", \"abc\"", "W/\"abc\""] {
            assert_eq!(
                ask(&[(header::IF_NONE_MATCH, list), range.clone()], 10),
                Wanted::NotModified,
                "{list}"
            );
        }
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"x\""), range.clone()], 10), Wanted::Part(0..2));
        assert_eq!(ask(&[(header::IF_RANGE, "\"abc\""), range.clone()], 10), Wanted::Part(0..2));
        for other in ["\"x\"", "W/\"abc\"", "Sat, 21 Nov 2026 00:00:00 GMT"] {
            assert_eq!(ask(&[(header::IF_RANGE, other), range.clone()], 10), Wanted::Whole, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_part_always_lies_within_the_content(text in "\\PC{0,40}", size in 0_u64..1000) {
            if let Some(Wanted::Part(range)) = part(&text, size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }

        #[test]
        fn numbers_are_read_as_they_are(first in 0_u64..100, more in 0_u64..100, size in 0_u64..200) {
            let expected = if first < size {
                Wanted::Part(first..(first + more + 1).min(size))
            } else {
                Wanted::Unsatisfiable
            };
            prop_assert_eq!(part(&format!("bytes={first}-{}", first + more), size), Some(expected));
        }
    }
}
