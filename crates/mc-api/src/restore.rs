//! What `mc ledger restore` sends: the texts of a Git ledger as one stream, so that neither side holds them in memory.
//!
//! Each part is one line of JSON, a [`RestorePart`]. Behind a line that says `bytes` come exactly so many bytes of UTF-8.

use serde::{Deserialize, Serialize};

/// The media type of the stream.
pub const MEDIA_TYPE: &str = "application/vnd.missioncontrol.restore";
/// A line of JSON is never longer.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// A part of the stream: `ledger` first, then files, then `end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum RestorePart {
    /// Where the files come from.
    Ledger {
        /// The commit id.
        commit: String,
        /// Whose state is rebuilt, when several installations went on side by side: its id, or a folder of its chains.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        installation: Option<String>,
    },
    /// A file of the commit.
    File {
        /// Its path from the top of the repository.
        path: String,
        /// Bytes of its text.
        bytes: u64,
    },
    /// What a file held in an earlier commit.
    Earlier {
        /// Its path from the top of the repository.
        path: String,
        /// Bytes of its text.
        bytes: u64,
    },
    /// Everything was sent.
    End {
        /// How many parts had bytes.
        files: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_line_and_unknown_members_are_refused() {
        let part = RestorePart::File { path: "a/b".into(), bytes: 3 };
        let line = serde_json::to_string(&part).unwrap();
        assert_eq!(line, r#"{"type":"file","path":"a/b","bytes":3}"#);
        assert_eq!(serde_json::from_str::<RestorePart>(&line).unwrap(), part);
        assert!(serde_json::from_str::<RestorePart>(r#"{"type":"end","files":1,"more":2}"#).is_err());
    }
}
