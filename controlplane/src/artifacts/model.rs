//! Rules for the names and media types of artifacts.

use mc_api::ProblemKind;

use crate::error::Error;

/// Content larger than this is refused.
pub(crate) const MAX_CONTENT_BYTES: u64 = 64 * 1024 * 1024;
/// How long a download URL is good when nothing is said.
pub(crate) const DEFAULT_URL_SECONDS: u64 = 900;
/// The media type of content sent without one.
pub(crate) const DEFAULT_MEDIA_TYPE: &str = "application/octet-stream";
/// Longest file name that is made of an artifact's name.
const MAX_SAFE_NAME: usize = 128;

/// Refuses names that are no file name for people.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    check_name_at("?name", name)
}

/// The same for a name that stands elsewhere in a request.
pub(crate) fn check_name_at(pointer: &str, name: &str) -> Result<(), Error> {
    let length = name.chars().count();
    if !(1..=255).contains(&length) || name.contains('/') || name.chars().any(char::is_control) {
        return Err(Error::invalid(pointer, "1 to 255 characters, no `/` and no control characters"));
    }
    Ok(())
}

/// Refuses what is no `type/subtype` with optional parameters.
pub(crate) fn check_media_type(text: &str) -> Result<(), Error> {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let shaped = essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype));
    // It becomes a header of the answer that gives the content.
    let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    if text.len() > 255 || !shaped || !printable {
        return Err(Error::new(
            ProblemKind::UnsupportedMediaType,
            format!("{text:?} is no media type; send one such as {DEFAULT_MEDIA_TYPE}"),
        ));
    }
    Ok(())
}

/// A file name that every file system and Git take: ASCII letters, digits, `.`, `_` and `-`, not hidden, not empty,
/// and not the name of the provenance file beside it.
pub(crate) fn safe_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
        .take(MAX_SAFE_NAME)
        .collect();
    let trimmed = plain.trim_start_matches(['.', '-']).trim_end_matches('.');
    if trimmed.is_empty() {
        "artifact".to_owned()
    } else if trimmed.eq_ignore_ascii_case("provenance.json") {
        format!("_{trimmed}")
    } else {
        trimmed.to_owned()
    }
}

/// `content-disposition` that makes a browser save and never show the content.
pub(crate) fn disposition(name: &str) -> String {
    use std::fmt::Write as _;
    let encoded = name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(text, "%{byte:02X}").expect("a String takes any text");
        }
        text
    });
    format!("attachment; filename=\"{}\"; filename*=UTF-8''{encoded}", safe_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_names_leave_no_way_out_of_the_folder() {
        for (name, expected) in [
            ("report.pdf", "report.pdf"),
            ("..", "artifact"),
            (".", "artifact"),
            (".git", "git"),
            ("GIT~1", "GIT_1"),
            ("a\\b:c*.txt", "a_b_c_.txt"),
            ("-rf", "rf"),
            ("Bericht für Ö.md", "Bericht_f_r__.md"),
            ("provenance.json", "_provenance.json"),
            ("Provenance.JSON", "_Provenance.JSON"),
            ("trailing...", "trailing"),
            ("\u{1f600}", "_"),
        ] {
            assert_eq!(safe_name(name), expected, "{name}");
        }
        assert_eq!(safe_name(&"x".repeat(255)).len(), MAX_SAFE_NAME);
    }

    #[test]
    fn a_disposition_holds_no_raw_quotes_or_line_breaks() {
        let text = disposition("a\"; x=\u{e9}.txt");
        assert_eq!(text, "attachment; filename=\"a___x__.txt\"; filename*=UTF-8''a%22%3B%20x%3D%C3%A9.txt");
    }

    #[test]
    fn names_and_media_types_are_checked() {
        for bad in ["", "a/b", "a\nb", "a\0b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name(&"ö".repeat(255)).is_ok() && check_name(&"ö".repeat(256)).is_err());
        for bad in [
            "",
            "text",
            "text/",
            "/plain",
            "te xt/plain",
            "text/plain/x",
            "text/plain; a=\n",
            "text/plain; a=ö",
        ] {
            assert!(check_media_type(bad).is_err(), "{bad:?}");
        }
        assert!(check_media_type("text/markdown; charset=utf-8").is_ok());
    }
}
