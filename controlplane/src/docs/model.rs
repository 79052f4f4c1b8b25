//! Rules for what a doc may say, and how versions are compared.

use std::time::Duration;

use mc_api::doc::{Doc, DocState, MAX_CONTENT_BYTES, NORTH_STAR, WORKSTREAM};
use mc_api::{Conflict, ConflictReason, ProblemKind};
use similar::{Algorithm, TextDiff};

use crate::error::{Against, Error};
use crate::missions::service::check_text;

/// At most this many characters of a note.
const MAX_NOTE: usize = 2000;
/// After this long a comparison goes on coarsely instead of exactly.
const DIFF_PATIENCE: Duration = Duration::from_millis(500);

/// One line, 1 to 300 characters.
pub(crate) fn check_title(pointer: &str, text: &str) -> Result<(), Error> {
    let count = text.chars().count();
    if !(1..=300).contains(&count) || text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Error::invalid(pointer, "one line of 1 to 300 characters"));
    }
    Ok(())
}

/// A note.
pub(crate) fn check_note(text: &str) -> Result<(), Error> {
    if text.chars().count() > MAX_NOTE {
        return Err(Error::invalid("/note", format!("at most {MAX_NOTE} characters")));
    }
    check_text("/note", text, 4 * MAX_NOTE)
}

/// The text of a version.
pub(crate) fn check_content(pointer: &str, text: &str) -> Result<(), Error> {
    if text.len() > MAX_CONTENT_BYTES {
        let detail = format!("{pointer}: the limit is {MAX_CONTENT_BYTES} bytes, got {}", text.len());
        return Err(Error::new(ProblemKind::BodyTooLarge, detail));
    }
    check_text(pointer, text, MAX_CONTENT_BYTES)
}

/// Whether a doc of this name is a keystone there; a reserved name elsewhere is refused.
pub(crate) fn is_keystone(name: &str, in_kluster: bool) -> Result<bool, Error> {
    match (name, in_kluster) {
        (NORTH_STAR, false) | (WORKSTREAM, true) => Ok(true),
        (NORTH_STAR, true) => {
            Err(Error::invalid("/name", "north-star is the keystone of a mission; leave the kluster out"))
        }
        (WORKSTREAM, false) => {
            Err(Error::invalid("/name", "workstream is the keystone of a kluster; name the kluster"))
        }
        _ => Ok(false),
    }
}

/// The state that a doc has with these versions.
pub(crate) fn state(latest: i64, published: Option<i64>) -> DocState {
    if published == Some(latest) { DocState::Published } else { DocState::Draft }
}

/// That a change was made of another version than the newest.
pub(crate) fn base_mismatch(doc: &Doc, base: i64, base_sha256: Option<String>) -> Error {
    let conflict = Conflict {
        path: doc.name.to_string(),
        reason: ConflictReason::BaseMismatch,
        expected_version: Some(base),
        expected_sha256: base_sha256,
        current_version: Some(doc.latest_version),
        current_sha256: Some(doc.sha256.clone()),
    };
    Error {
        against: Against::Versions(vec![conflict]),
        ..Error::new(
            ProblemKind::VersionConflict,
            format!(
                "base_version is {base}, the newest version of doc {} is {}; read it and write on top of it",
                doc.name, doc.latest_version
            ),
        )
    }
}

/// The unified diff of two contents; `None` when one of them is no text.
pub(crate) fn unified(from: (&[u8], &str), to: (&[u8], &str)) -> Option<String> {
    let text = |bytes| std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let (old, new) = (text(from.0)?, text(to.0)?);
    if old == new {
        return Some(String::new());
    }
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).timeout(DIFF_PATIENCE).diff_lines(old, new);
    Some(diff.unified_diff().context_radius(3).header(from.1, to.1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_lines_and_says_when_a_side_is_no_text() {
        let shown = unified((b"a\nb\nc\n", "x v1"), (b"a\nB\nc\n", "x v2")).unwrap();
        assert_eq!(shown, "--- x v1\n+++ x v2\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
        assert_eq!(unified((b"same", "1"), (b"same", "2")).unwrap(), "");
        assert!(unified((b"a", "1"), (b"\xff\xfe", "2")).is_none());
        assert!(unified((b"a\0", "1"), (b"a", "2")).is_none());
        let cut = unified((b"a", "1"), (b"b", "2")).unwrap();
        assert!(cut.contains("\\ No newline at end of file"), "{cut}");
    }

    #[test]
    fn a_hostile_pair_is_compared_in_bounded_time() {
        // Two megabytes of short lines in which nothing is alike: the worst for an exact comparison.
        let side = |salt: usize| {
            let lines = (0..120_000_usize).map(|n| format!("{}\n", (n * 2_654_435_761 + salt) % 1_000_003));
            lines.collect::<String>()
        };
        let began = std::time::Instant::now();
        let shown = unified((side(1).as_bytes(), "1"), (side(7).as_bytes(), "2")).unwrap();
        assert!(shown.len() > 100_000);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    #[test]
    fn reserved_names_are_keystones_in_their_place_only() {
        assert!(is_keystone(NORTH_STAR, false).unwrap() && is_keystone(WORKSTREAM, true).unwrap());
        assert!(is_keystone(NORTH_STAR, true).is_err() && is_keystone(WORKSTREAM, false).is_err());
        assert!(!is_keystone("guide", true).unwrap());
    }

    #[test]
    fn a_doc_is_published_while_its_newest_version_is() {
        assert_eq!(state(3, Some(3)), DocState::Published);
        assert_eq!(state(3, Some(2)), DocState::Draft);
        assert_eq!(state(1, None), DocState::Draft);
    }
}
