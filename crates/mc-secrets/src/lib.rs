//! Texts that look like credentials.
//!
//! Two sorts are found: what has the shape of a known credential, wherever it stands; and what is assigned to a name such
//! as `password` or `api_key` and is neither a word, a placeholder, a reference nor a version. Digests, ids and lock files
//! are neither.

mod apart;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

pub use apart::{scrub_json, scrub_known, scrub_log};

/// Longer lines are looked at in pieces of this many bytes, which overlap by [`OVERLAP`].
const MAX_PIECE: usize = 64 << 10;
/// No credential that is known is longer.
const OVERLAP: usize = 4 << 10;

/// In content that is no text, fewer readable bytes in a row are no credential.
const SHORTEST_RUN: usize = 12;

/// A sort of credential with its shape; the group `v`, when there is one, is the secret part.
struct Shape {
    name: &'static str,
    regex: Regex,
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    [
        ("missioncontrol-token", r"\bmc[a-z]_[0-9A-Za-z_-]{24,}(?:\.[0-9A-Za-z_-]+)*"),
        ("aws-access-key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
        ("github-token", r"\b(?:gh[pousr]_[0-9A-Za-z]{30,}|github_pat_[0-9A-Za-z_]{22,})"),
        ("gitlab-token", r"\bgl(?:pat|dt|rt|ptt|oas|soat|cbt|ft|agent|imt)-[0-9A-Za-z_-]{20,}"),
        ("slack-token", r"\b(?:xox[abeoprs]|xapp)-[0-9A-Za-z]+-[0-9A-Za-z-]{8,}"),
        ("slack-webhook", r"https://hooks\.slack\.com/services/[0-9A-Z]+/[0-9A-Z]+/[0-9A-Za-z]{8,}"),
        ("jwt", r"\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}"),
        ("anthropic-key", r"\bsk-ant-[0-9A-Za-z_-]{20,}"),
        ("openai-key", r"\bsk-(?:proj-|svcacct-|admin-)?[0-9A-Za-z]{20,}[0-9A-Za-z_-]*"),
        ("google-key", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("stripe-key", r"\b(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16,}"),
        ("npm-token", r"\bnpm_[0-9A-Za-z]{36}\b"),
        ("pypi-token", r"\bpypi-AgE[0-9A-Za-z_-]{40,}"),
        ("huggingface-token", r"\bhf_[0-9A-Za-z]{30,}\b"),
        ("authorization-header", r"(?i)\bauthorization\s*:\s*(?:bearer|basic|token)\s+(?P<v>[0-9A-Za-z+/=._~-]{16,})"),
        ("url-password", r#"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>`]*:(?P<v>[^\s/@"'<>`]+)@"#),
        (
            "assigned-secret",
            r#"(?i)(?P<n>[0-9a-z_.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[0-9a-z_-]*)["']?\s*(?::=|=>|=|:)\s*(?P<q>["']?)(?P<v>[^\s"'`,;]{6,})"#,
        ),
    ]
    .into_iter()
    .map(|(name, text)| Shape { name, regex: Regex::new(text).expect("the shapes are fixed and tested") })
    .collect()
});

static KEY_BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----").expect("the shape is fixed")
});
static KEY_END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----").expect("the shape is fixed")
});
/// Names that hold no secret though they sound like it.
static HARMLESS_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:sha|sha1|sha256|sha512|md5|hash|digest|checksum|id|ids|count|counts|limit|max|min|total|type|kind|name|names|file|path|dir|url|uri|endpoint|length|len|size|ttl|expiry|expires|expires_at|at|version|policy|field|header|prefix|format|mode|env|ref|usage|used|budget|s)$")
        .expect("the shape is fixed")
});
static HARMLESS_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?ix)^(?:
        [\[({<$%&*|!\\] | .*[(){}<>] | .*::  |  .*\$\w | .*\*\*\* | .*\.\.\. | .*… | /|\./|\.\./|~/ | [a-z]+:// |
        [\^~=v]*\d+(?:\.\d+)+ | \d{4}-\d\d-\d\d |
        [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$ | sha\d+[-:] |
        .*(?:example|placeholder|changeme|change-me|change_me|redacted|scrubbed|your[-_]|dummy|xxxx) | [a-z_][a-z_0-9]*\.[a-z_.]+
    )")
    .expect("the shape is fixed")
});

/// What was found in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// From 1.
    pub line: usize,
    /// The sort of credential.
    pub sort: &'static str,
}

/// Bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

fn mixes(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether what stands behind a telling name is a secret.
fn is_secret_value(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or_default();
    let plain_name = ["password", "passwd", "passphrase", "pwd"].iter().any(|word| name.contains(word));
    let compound = name.contains(['_', '-', '.']);
    if (compound && HARMLESS_NAME.is_match(last))
        || name.ends_with("sha256")
        || HARMLESS_VALUE.is_match(value)
    {
        return false;
    }
    let letters_only =
        value.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.' | b'/'));
    if letters_only {
        return false;
    }
    if plain_name {
        let symbols = value.bytes().any(|b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'-' | b'.'));
        return value.len() >= 6
            && (mixes(value) || symbols)
            && value.bytes().any(|b| b.is_ascii_alphabetic());
    }
    value.len() >= 16 && mixes(value) && entropy(value) >= 3.2
}

/// Whether a member of this name with this text is a secret.
pub fn assigned(name: &str, text: &str) -> Option<&'static str> {
    let telling = SHAPES.iter().find(|shape| shape.name == "assigned-secret")?;
    let line = format!("{name}={text}");
    let caught = telling.regex.captures(&line)?;
    let whole = caught.get(0)?;
    let is_all = whole.start() == 0 && whole.end() == line.len() && &caught["n"] == name;
    (is_all && is_secret_value(name, text)).then_some("assigned-secret")
}

fn is_placeholder_password(value: &str) -> bool {
    let word = value.to_ascii_lowercase();
    HARMLESS_VALUE.is_match(value)
        || ["password", "passwd", "pass", "pw", "pwd", "secret", "token", "user", "x"]
            .contains(&word.as_str())
        || word.bytes().all(|b| matches!(b, b'*' | b'x' | b'.' | b'-' | b'_'))
}

/// Where secrets stand in a piece of one line.
fn in_piece(piece: &str) -> Vec<(std::ops::Range<usize>, &'static str)> {
    let mut found: Vec<(std::ops::Range<usize>, &'static str)> = Vec::new();
    for shape in SHAPES.iter() {
        for caught in shape.regex.captures_iter(piece) {
            let secret = caught.name("v").or_else(|| caught.get(0)).expect("group 0 is the match");
            let text = secret.as_str();
            let counts = match shape.name {
                "assigned-secret" => is_secret_value(&caught["n"], text),
                "url-password" => !is_placeholder_password(text),
                "missioncontrol-token" => mixes(text) && text.bytes().any(|b| b.is_ascii_uppercase()),
                "openai-key" | "github-token" | "huggingface-token" => mixes(text),
                _ => true,
            };
            if counts
                && !found.iter().any(|(range, _)| range.start < secret.end() && secret.start() < range.end)
            {
                found.push((secret.range(), shape.name));
            }
        }
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

/// The last character border at or before a place.
fn border(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Looks through the lines of a text, one after the other; remembers that a private key has begun.
#[derive(Debug, Default)]
pub struct Scanner {
    line: usize,
    /// The text before ended within a line.
    continues: bool,
    in_key: bool,
    /// What was found so far.
    pub findings: Vec<Finding>,
}

impl Scanner {
    /// The next line with its end, or a part of a long one without; what comes of it when secrets are replaced.
    pub fn line<'t>(&mut self, line: &'t str) -> Cow<'t, str> {
        self.line += usize::from(!self.continues);
        self.continues = !line.ends_with('\n');
        let mut at = 0;
        let mut clean: Option<String> = None;
        while at < line.len() {
            let rest = &line[at..];
            if self.in_key {
                let end = KEY_END.find(rest);
                let out = clean.get_or_insert_with(|| line[..at].to_owned());
                let Some(end) = end else {
                    if rest.ends_with('\n') {
                        out.push('\n');
                    }
                    return Cow::Owned(clean.unwrap_or_default());
                };
                self.in_key = false;
                at += end.end();
                continue;
            }
            let key = KEY_BEGIN.find(rest);
            let plain = &rest[..key.as_ref().map_or(rest.len(), regex::Match::start)];
            self.plain(plain, &line[..at], &mut clean);
            at += plain.len();
            if let Some(key) = key {
                self.found("private-key");
                clean.get_or_insert_with(|| line[..at].to_owned()).push_str(&marker("private-key"));
                at += key.len();
                self.in_key = true;
            }
        }
        clean.map_or(Cow::Borrowed(line), Cow::Owned)
    }

    /// The next line of content that is no text. Credentials are looked for in what can be read of it, and are written over
    /// byte for byte, so that everything else stays where it is.
    pub fn bytes<'b>(&mut self, line: &'b [u8]) -> Cow<'b, [u8]> {
        self.line += usize::from(!self.continues);
        self.continues = !line.ends_with(b"\n");
        let mut clean = Cow::Borrowed(line);
        let is_readable = |byte: &u8| (b' '..=b'~').contains(byte) || *byte == b'\t';
        let mut at = 0;
        while at < line.len() {
            let start = at + line[at..].iter().take_while(|byte| !is_readable(byte)).count();
            let end = start + line[start..].iter().take_while(|byte| is_readable(byte)).count();
            at = end;
            if end - start >= SHORTEST_RUN {
                self.run((start, &line[start..end]), &mut clean);
            }
        }
        clean
    }

    /// A run of readable bytes, which begins at a place of the line.
    fn run(&mut self, (start, run): (usize, &[u8]), clean: &mut Cow<'_, [u8]>) {
        let text = std::str::from_utf8(run).unwrap_or_default();
        let (mut from, mut written) = (0, 0);
        loop {
            let to = border(text, from + MAX_PIECE);
            for (range, sort) in in_piece(&text[from..to]) {
                let range = range.start + from..range.end + from;
                if range.start >= written {
                    self.found(sort);
                    clean.to_mut()[start + range.start..start + range.end].fill(b'*');
                    written = range.end;
                }
            }
            if to == text.len() {
                return;
            }
            from = border(text, to.saturating_sub(OVERLAP)).max(written);
        }
    }

    fn found(&mut self, sort: &'static str) {
        self.findings.push(Finding { line: self.line, sort });
    }

    fn plain(&mut self, text: &str, before: &str, clean: &mut Option<String>) {
        let (mut from, mut written) = (0, 0);
        loop {
            let to = border(text, from + MAX_PIECE);
            for (range, sort) in in_piece(&text[from..to]) {
                let range = range.start + from..range.end + from;
                if range.start < written {
                    continue;
                }
                self.found(sort);
                let out = clean.get_or_insert_with(|| before.to_owned());
                out.push_str(&text[written..range.start]);
                out.push_str(&marker(sort));
                written = range.end;
            }
            if to == text.len() {
                break;
            }
            from = border(text, to.saturating_sub(OVERLAP)).max(written);
        }
        if let Some(out) = clean {
            out.push_str(&text[written..]);
        }
    }
}

/// What stands instead of a secret.
pub fn marker(sort: &str) -> String {
    format!("[scrubbed:{sort}]")
}

/// A text of several lines without its secrets, and what was found.
pub fn scrub(text: &str) -> (Cow<'_, str>, Vec<Finding>) {
    let mut scanner = Scanner::default();
    let clean: String = text.split_inclusive('\n').map(|line| scanner.line(line)).collect();
    if scanner.findings.is_empty() {
        return (Cow::Borrowed(text), Vec::new());
    }
    (Cow::Owned(clean), scanner.findings)
}

#[cfg(test)]
mod tests;
