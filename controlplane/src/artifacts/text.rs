//! The text of an artifact's bytes, when they are text: what is compared and found beside its name.
//!
//! Markdown, source, JSON and other text is read as it is, up to a bound. Formats that must be unpacked first (PDF, office
//! files, archives, images) are not read: they are found by their names.

use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;

use crate::error::Error;
use crate::objects::ByteStream;
use crate::search::content::Content;

/// At most this many bytes of an artifact are read as text.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// Media types that are text and do not begin with `text/`.
const TEXTS: [&str; 16] = [
    "application/json",
    "application/ld+json",
    "application/x-ndjson",
    "application/jsonl",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/x-toml",
    "application/javascript",
    "application/ecmascript",
    "application/typescript",
    "application/x-sh",
    "application/sql",
    "application/graphql",
    "image/svg+xml",
];
/// Endings of names whose bytes are text although nobody said so.
const ENDINGS: [&str; 44] = [
    "md", "markdown", "txt", "text", "rst", "adoc", "org", "log", "csv", "tsv", "json", "jsonl", "ndjson",
    "yaml", "yml", "toml", "ini", "cfg", "conf", "xml", "html", "htm", "css", "js", "mjs", "ts", "tsx",
    "jsx", "py", "rs", "go", "java", "kt", "c", "h", "cc", "cpp", "hpp", "rb", "sh", "sql", "proto", "diff",
    "patch",
];

/// Whether bytes of this media type and name are to be read as text.
fn is_text(media_type: &str, name: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.starts_with("text/") || TEXTS.contains(&essence.as_str()) {
        return true;
    }
    if essence.ends_with("+json") || essence.ends_with("+xml") || essence.ends_with("+yaml") {
        return essence.starts_with("application/");
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    essence == super::model::DEFAULT_MEDIA_TYPE
        && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The text of the first bytes of an artifact; nothing when they are no text.
///
/// # Errors
/// Only when the server ends meanwhile.
pub(crate) async fn content(media_type: &str, name: &str, first: &[u8]) -> Result<Content, Error> {
    if !is_text(media_type, name) {
        return Ok(Content::none());
    }
    match valid(&first[..first.len().min(READ_BYTES)]) {
        Some(text) if !text.trim().is_empty() => Content::read(text.to_owned()).await,
        _ => Ok(Content::none()),
    }
}

/// UTF-8 without NUL; a character that was cut at the end is left out.
fn valid(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    (!text.contains('\0')).then_some(text)
}

/// What passed by of a stream, up to [`READ_BYTES`].
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    /// The same stream; its first bytes are kept here.
    pub(crate) fn of(&self, content: ByteStream) -> ByteStream {
        let seen = self.0.clone();
        Box::pin(content.inspect_ok(move |part| {
            let mut kept = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let room = READ_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(&part[..part.len().min(room)]);
        }))
    }

    /// What was kept.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn text_is_read_and_nothing_else() {
        for (media_type, name, bytes, expected) in [
            ("text/markdown; charset=utf-8", "a", &b"# Plan"[..], Some("# Plan")),
            ("application/json", "a.bin", b"{}", Some("{}")),
            ("application/problem+json", "a", b"{}", Some("{}")),
            ("application/octet-stream", "main.RS", b"fn main() {}", Some("fn main() {}")),
            ("application/octet-stream", "main", b"fn main() {}", None),
            ("application/pdf", "a.txt", b"%PDF-1.7", None),
            ("text/plain", "a", b"a\0b", None),
            ("text/plain", "a", b"\xff\xfe", None),
            ("text/plain", "a", b"  \n", None),
            ("text/plain", "a", "caf\u{e9}".as_bytes().split_last().unwrap().1, Some("caf")),
        ] {
            let content = content(media_type, name, bytes).await.unwrap();
            let read = content.is_compared().then(|| content.text());
            assert_eq!(read, expected, "{media_type} {name}");
        }
        let long = content("text/plain", "a", "ö".repeat(READ_BYTES).as_bytes()).await.unwrap();
        assert!(long.text().len() <= READ_BYTES);
    }
}
