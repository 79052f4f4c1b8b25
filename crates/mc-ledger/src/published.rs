//! A published file: an entity as it was approved, and where it comes from, as Markdown with front matter, YAML or JSON.
//!
//! Reading a file and writing it again gives the same bytes, or the file was changed by hand.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{NotCanonical, to_canonical};
use crate::chain::{Digest, sha256};

/// The API version in every file.
pub const API_VERSION: &str = "missioncontrol.dev/v1";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Front matter, then the text.
    Markdown,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// Why a file is no published file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPublished {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It reads, but it is not what would be written.
    #[error("it was changed by hand")]
    Changed,
    /// A number in it has no canonical text.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFile {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `mission`, `kluster`, `task`, `doc`, `keystone` or `artifact`.
    pub kind: String,
    /// Who asked, who decided, and with which digests.
    pub provenance: Value,
    /// The entity.
    pub object: Value,
    /// The version of a doc's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Value>,
    /// The file beside it with the content of an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_path: Option<String>,
    /// The text of a doc, where it is not the rest of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

#[derive(Serialize)]
struct State<'a> {
    kind: &'a str,
    object: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a Value>,
}

/// The digest of a state, as it is approved: of the canonical text of kind, object and version.
///
/// # Errors
/// [`NotCanonical`] for fractions and large integers.
pub fn digest_of(kind: &str, object: &Value, version: Option<&Value>) -> Result<Digest, NotCanonical> {
    Ok(sha256(to_canonical(&State { kind, object, version })?.as_bytes()))
}

impl PublishedFile {
    /// The digest of the state that it holds.
    ///
    /// # Errors
    /// [`NotCanonical`] for fractions and large integers.
    pub fn digest(&self) -> Result<Digest, NotCanonical> {
        digest_of(&self.kind, &self.object, self.version.as_ref())
    }

    fn has_text(&self) -> bool {
        matches!(self.kind.as_str(), "doc" | "keystone")
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`NotPublished::Unreadable`] when it cannot be written; no state that was read from the database does that.
    pub fn render(&self, format: Format) -> Result<String, NotPublished> {
        let failed = |error: &dyn std::fmt::Display| NotPublished::Unreadable(error.to_string());
        match format {
            Format::Json => {
                serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| failed(&error))
            }
            Format::Yaml => serde_yaml_ng::to_string(self).map_err(|error| failed(&error)),
            Format::Markdown => {
                let front = Self { content: None, ..self.clone() };
                let front = serde_yaml_ng::to_string(&front).map_err(|error| failed(&error))?;
                let body = match (&self.content, self.has_text()) {
                    (Some(content), true) => content.clone(),
                    _ => self.about(),
                };
                Ok(format!("---\n{front}---\n{body}"))
            }
        }
    }

    /// Title and description, for people who read the repository.
    fn about(&self) -> String {
        let word = |name: &str| self.object.get(name).and_then(Value::as_str).unwrap_or_default();
        let title = if word("title").is_empty() { word("name") } else { word("title") };
        let parts = [("", word("description")), ("## Definition of done\n\n", word("definition_of_done"))];
        let parts = parts.iter().filter(|(_, part)| !part.is_empty());
        let mut text = vec![format!("# {title}\n")];
        text.extend(parts.map(|(heading, part)| format!("{heading}{}\n", part.trim_end())));
        text.join("\n")
    }

    /// Reads a file and says how it is written.
    ///
    /// # Errors
    /// [`NotPublished`].
    pub fn parse(text: &str) -> Result<(Self, Format), NotPublished> {
        let unreadable = |error: &dyn std::fmt::Display| NotPublished::Unreadable(error.to_string());
        let (file, format): (Self, Format) = if let Some(rest) = text.strip_prefix("---\n") {
            let (front, body) =
                rest.split_once("\n---\n").ok_or_else(|| unreadable(&"the front matter does not end"))?;
            // The line break before the end belongs to the last value.
            let front = format!("{front}\n");
            let mut file: Self = serde_yaml_ng::from_str(&front).map_err(|error| unreadable(&error))?;
            if file.has_text() && file.content.is_none() {
                file.content = Some(body.to_owned());
            }
            (file, Format::Markdown)
        } else if text.starts_with('{') {
            (serde_json::from_str(text).map_err(|error| unreadable(&error))?, Format::Json)
        } else {
            (serde_yaml_ng::from_str(text).map_err(|error| unreadable(&error))?, Format::Yaml)
        };
        if file.render(format)? == text { Ok((file, format)) } else { Err(NotPublished::Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn file(kind: &str, title: &str, text: &str) -> PublishedFile {
        PublishedFile {
            api_version: API_VERSION.into(),
            kind: kind.into(),
            provenance: json!({ "publication_id": "bat_1", "action_sha256": "00" }),
            object: json!({ "title": title, "description": text, "labels": { "no": "~" }, "n": 7 }),
            version: (kind == "doc").then(|| json!({ "number": 2, "note": text })),
            content_path: None,
            content: (kind == "doc").then(|| text.to_owned()),
        }
    }

    #[test]
    fn what_is_awkward_in_yaml_comes_back() {
        for text in [
            "",
            "---",
            "\n---\nx",
            "a: b",
            "no",
            "~",
            "0x10",
            "- x\n- y\n",
            "\ttab",
            "\r\nx\r\n",
            "2026-01-01T00:00:00Z",
            "#x",
            "'\"",
            "  lead",
            "trail  \n\n\n",
        ] {
            for kind in ["doc", "task"] {
                for format in [Format::Markdown, Format::Yaml, Format::Json] {
                    let file = file(kind, text, text);
                    let rendered = file.render(format).unwrap();
                    let (back, found) = PublishedFile::parse(&rendered)
                        .unwrap_or_else(|error| panic!("{text:?} {kind} {format:?}: {error}\n{rendered}"));
                    assert_eq!((&back, found), (&file, format), "{text:?}");
                    assert_eq!(back.digest().unwrap(), file.digest().unwrap());
                }
            }
        }
    }

    #[test]
    fn a_changed_body_is_no_published_file() {
        let text = file("task", "title", "text").render(Format::Markdown).unwrap();
        assert_eq!(PublishedFile::parse(&text.replace("# title", "# other")), Err(NotPublished::Changed));
        assert!(PublishedFile::parse("hello").is_err());
    }

    proptest! {
        #[test]
        fn parse_is_the_inverse_of_render(title in any::<String>(), text in any::<String>(), kind in "doc|task") {
            for format in [Format::Markdown, Format::Yaml, Format::Json] {
                let file = file(&kind, &title, &text);
                let rendered = file.render(format).unwrap();
                let (back, found) = PublishedFile::parse(&rendered).unwrap();
                prop_assert_eq!(&back, &file);
                prop_assert_eq!(found, format);
            }
        }
    }
}
