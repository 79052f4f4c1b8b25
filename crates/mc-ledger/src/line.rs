//! A line of an export read exactly as an export writes it, without copying what it says.
//!
//! Only the common form is read here: an envelope whose texts need no escapes, a body in its shortest escapes. Whatever else a
//! line may be is left to the reader that knows all of JSON, so that this one decides nothing by itself but that a line is good.

use crate::chain::{Digest, sha256};

/// What a line says of itself.
pub(crate) struct Line {
    pub(crate) seq: u64,
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
    /// The hash of what it says.
    pub(crate) made: Digest,
    /// Its body, when it has one, has the digest that was chained.
    pub(crate) has_its_body: bool,
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn literal(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text.as_bytes())?;
        Some(())
    }

    fn split(&mut self, at: usize) -> Option<&'a [u8]> {
        let (left, rest) = self.0.split_at_checked(at)?;
        self.0 = rest;
        Some(left)
    }

    /// A whole number without leading zeros.
    fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(self.split(digits)?).ok()?;
        if text.len() > 1 && text.starts_with('0') {
            return None;
        }
        text.parse().ok()
    }

    /// A text between quotation marks, with them, in which nothing is escaped.
    fn text(&mut self) -> Option<&'a [u8]> {
        let inner = self.0.strip_prefix(b"\"")?;
        let end = special(inner)?;
        if inner[end] != b'"' {
            return None;
        }
        self.split(end + 2)
    }

    fn digest(&mut self) -> Option<Digest> {
        let text = self.text()?;
        std::str::from_utf8(&text[1..text.len() - 1]).ok()?.parse().ok()
    }

    /// A text between quotation marks without its escapes.
    fn escaped(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.literal("\"")?;
        out.clear();
        loop {
            let end = special(self.0)?;
            out.extend_from_slice(&self.0[..end]);
            match self.0[end..] {
                [b'"', ..] => {
                    self.split(end + 1)?;
                    return Some(());
                }
                [b'\\', escape, ..] => {
                    out.push(match escape {
                        b'"' | b'\\' => escape,
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        _ => return None,
                    });
                    self.split(end + 2)?;
                }
                _ => return None,
            }
        }
    }
}

/// Where a text ends or something is escaped; `None` when there is what has to be escaped, and is not.
fn special(text: &[u8]) -> Option<usize> {
    let end = memchr::memchr2(b'"', b'\\', text)?;
    text[..end].iter().all(|byte| *byte >= 0x20).then_some(end)
}

/// Reads a line; `None` when it has another form. `body` is where the body is written meanwhile.
pub(crate) fn read(line: &[u8], body: &mut Vec<u8>) -> Option<Line> {
    std::str::from_utf8(line).ok()?;
    let mut rest = Rest(line);
    rest.literal("{\"seq\":")?;
    let seq = rest.number()?;
    rest.literal(",\"prev\":")?;
    let prev = rest.digest()?;
    rest.literal(",\"hash\":")?;
    let hash = rest.digest()?;
    rest.literal(",\"envelope\":{\"id\":")?;
    let id = rest.text()?;
    rest.literal(",\"organization_id\":")?;
    let organization = rest.text()?;
    rest.literal(",\"mission_id\":")?;
    let mission = if rest.0.starts_with(b"null") { rest.split(4)? } else { rest.text()? };
    rest.literal(",\"action\":")?;
    let action = rest.text()?;
    rest.literal(",\"subject_kind\":")?;
    let subject_kind = rest.text()?;
    rest.literal(",\"subject_id\":")?;
    let subject = rest.text()?;
    rest.literal(",\"principal_id\":")?;
    let principal = rest.text()?;
    rest.literal(",\"request_id\":")?;
    let request = rest.text()?;
    rest.literal(",\"occurred_at\":")?;
    let occurred_at = rest.text()?;
    rest.literal("},\"body_sha256\":")?;
    let body_sha256 = rest.digest()?;
    let mut has_its_body = true;
    if rest.literal(",\"body\":").is_some() {
        rest.escaped(body)?;
        has_its_body = sha256(body) == body_sha256;
    }
    if rest.0 != b"}" {
        return None;
    }
    // A text that needs no escapes is canonical as it stands.
    let members = [
        ("{\"action\":", action),
        (",\"id\":", id),
        (",\"mission_id\":", mission),
        (",\"occurred_at\":", occurred_at),
        (",\"organization_id\":", organization),
        (",\"principal_id\":", principal),
        (",\"request_id\":", request),
        (",\"subject_id\":", subject),
        (",\"subject_kind\":", subject_kind),
    ];
    body.clear();
    for (name, value) in members {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(value);
    }
    body.push(b'}');
    Some(Line { seq, prev, hash, made: crate::chain::chained(prev, seq, body, body_sha256), has_its_body })
}
