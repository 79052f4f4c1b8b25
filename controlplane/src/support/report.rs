//! Files of a report, each without secrets from the moment it is added.

use std::collections::BTreeMap;

use mc_api::support::{Scrubbed, SupportFile};
use serde::Serialize;
use serde_json::json;

use crate::error::Error;

/// A report that is being put together.
pub(super) struct Draft {
    known: Vec<String>,
    files: Vec<SupportFile>,
    scrubbed: BTreeMap<(String, String), u64>,
}

impl Draft {
    /// An empty one; the secrets are taken out of everything that is added.
    pub(super) fn new(known: Vec<String>) -> Self {
        Self { known, files: Vec::new(), scrubbed: BTreeMap::new() }
    }

    fn found(&mut self, file: &str, findings: &[mc_secrets::Finding]) {
        for finding in findings {
            self.count(file, finding.sort, 1);
        }
    }

    fn count(&mut self, file: &str, sort: &str, times: usize) {
        if times > 0 {
            *self.scrubbed.entry((file.to_owned(), sort.to_owned())).or_default() += times as u64;
        }
    }

    /// Adds a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        // Known ones first: a shape may match a part of one.
        let mut text = text.to_owned();
        let times = mc_secrets::scrub_known(&mut text, &self.known);
        self.count(name, "known-secret", times);
        let (clean, findings) = mc_secrets::scrub(&text);
        self.found(name, &findings);
        self.files.push(SupportFile { name: name.to_owned(), text: clean.into_owned() });
    }

    /// Adds a document, or why there is none.
    pub(super) fn json(&mut self, name: &str, value: Result<impl Serialize, Error>) {
        let value = value.and_then(|value| serde_json::to_value(value).map_err(Error::internal));
        let mut value = value.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "a part of a support report could not be collected: {name}");
            json!({"error": format!("this part could not be collected: {}", error.detail)})
        });
        let findings = mc_secrets::scrub_json(&mut value);
        self.found(name, &findings);
        self.text(name, &format!("{value:#}\n"));
    }

    /// Adds the end of a log, or why there is none.
    pub(super) fn log(&mut self, name: &str, log: std::io::Result<(String, Vec<mc_secrets::Finding>)>) {
        match log {
            Ok((text, findings)) => {
                self.found(name, &findings);
                self.text(name, &text);
            }
            Err(error) => self.text(name, &format!("this log could not be read: {error}\n")),
        }
    }

    /// The files, and what was taken out of them.
    pub(super) fn end(self) -> (Vec<SupportFile>, Vec<Scrubbed>) {
        let scrubbed = self.scrubbed.into_iter();
        let scrubbed = scrubbed.map(|((file, sort), count)| Scrubbed { file, sort, count }).collect();
        (self.files, scrubbed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_added_has_no_secrets_and_what_is_lacking_is_told() {
        let token = format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p');
        let mut draft = Draft::new(vec!["our-own-word".into()]);
        draft.text("a.txt", &format!("{token} our-own-word"));
        draft.json("b.json", Ok(json!({"password": "correct7horse", "x": "our-own-word"})));
        draft.json("c.json", Err::<(), _>(Error::unavailable("the database is away")));
        draft.log("logs/d.log", Err(std::io::Error::other("gone")));
        let (files, scrubbed) = draft.end();
        let all: String = files.iter().map(|file| file.text.clone()).collect();
        for secret in [token.as_str(), "our-own-word", "correct7horse"] {
            assert!(!all.contains(secret), "{all}");
        }
        assert!(all.contains("the database is away") && all.contains("could not be read: gone"), "{all}");
        let told: Vec<_> =
            scrubbed.iter().map(|one| (one.file.as_str(), one.sort.as_str(), one.count)).collect();
        let expected = [
            ("a.txt", "github-token", 1),
            ("a.txt", "known-secret", 1),
            ("b.json", "assigned-secret", 1),
            ("b.json", "known-secret", 1),
        ];
        assert_eq!(told, expected);
    }
}
