//! The text of a doc or artifact as it is indexed: a head that is compared, and the parts behind it.
//!
//! Every word of the text is an entry that names the document, once however often it occurs; the parts are read only to
//! check phrases and to show where a hit matches.

use std::sync::Arc;

use uuid::Uuid;

use crate::db::{DbError, Tx};
use crate::error::Error;

/// At most this many bytes of a text are compared with others.
pub(crate) const HEAD_BYTES: usize = 8 * 1024;
/// At most this many bytes of a text stand in one part.
const PART_BYTES: usize = 16 * 1024;
/// At most this many distinct terms of one text are entered.
const MOST_WORDS: usize = 32_768;
/// Texts longer than this are taken apart beside the other work of the server.
const LONG: usize = 16 * 1024;

/// A text of any length with its words. Made before a transaction, since a long one costs time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    text: Arc<str>,
    words: Arc<[i64]>,
    compared: bool,
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    at_byte: usize,
    at_line: usize,
    body: &'a str,
}

/// A piece of a text as it is stored.
#[derive(sqlx_macros::FromRow)]
pub(crate) struct Stored {
    part: i32,
    pub(crate) at_byte: i64,
    pub(crate) at_line: i64,
    pub(crate) body: String,
}

impl Content {
    /// Takes a text apart.
    ///
    /// # Errors
    /// Only when the server ends meanwhile.
    pub(crate) async fn read(text: String) -> Result<Self, Error> {
        let text: Arc<str> = text.into();
        let words = if text.len() > LONG {
            let text = text.clone();
            let read = tokio::task::spawn_blocking(move || mc_overlap::term_ids(&text, MOST_WORDS));
            read.await.map_err(Error::internal)?
        } else {
            mc_overlap::term_ids(&text, MOST_WORDS)
        };
        Ok(Self { text, words: words.into(), compared: true })
    }

    /// Nothing to compare: what is found by its name only.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The part that is compared.
    pub(crate) fn head(&self) -> &str {
        head(&self.text)
    }

    /// Whether there is a text that could be compared.
    pub(crate) fn is_compared(&self) -> bool {
        self.compared
    }

    pub(super) fn words(&self) -> &[i64] {
        &self.words
    }

    pub(super) fn has_parts(&self) -> bool {
        self.head().len() < self.text.len()
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let head = self.head();
        let (mut at_byte, mut at_line) = (head.len(), 1 + head.matches('\n').count());
        let mut parts = Vec::new();
        while at_byte < self.text.len() {
            let body = cut(&self.text[at_byte..], PART_BYTES);
            parts.push(Part { at_byte, at_line, body });
            at_byte += body.len();
            at_line += body.matches('\n').count();
        }
        parts
    }

    /// Writes the parts behind the head that differ from what is stored, and takes away those that are too many.
    pub(super) async fn write_parts(&self, tx: &mut Tx, document_no: i64) -> Result<(), DbError> {
        let stored = stored(tx, document_no).await?;
        let parts = self.parts();
        for (part, number) in parts.iter().zip(1_i32..) {
            let (at_byte, at_line) = (wide(part.at_byte), wide(part.at_line));
            let same = stored.iter().any(|had| {
                (had.part, had.at_byte, had.at_line, had.body.as_str())
                    == (number, at_byte, at_line, part.body)
            });
            if same {
                continue;
            }
            tx.query(
                "INSERT INTO search_part (document_no, part, at_byte, at_line, body) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (document_no, part) DO UPDATE SET at_byte = excluded.at_byte,
                     at_line = excluded.at_line, body = excluded.body",
            )
            .bind(document_no)
            .bind(number)
            .bind(at_byte)
            .bind(at_line)
            .bind(part.body.to_owned())
            .execute()
            .await?;
        }
        if stored.len() > parts.len() {
            tx.query("DELETE FROM search_part WHERE document_no = $1 AND part > $2")
                .bind(document_no)
                .bind(i32::try_from(parts.len()).unwrap_or(i32::MAX))
                .execute()
                .await?;
        }
        Ok(())
    }
}

/// The part of a text that is compared.
pub(crate) fn head(text: &str) -> &str {
    cut(text, HEAD_BYTES)
}

fn wide(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The parts behind the head of a document, in order.
pub(super) async fn stored(tx: &mut Tx, document_no: i64) -> Result<Vec<Stored>, DbError> {
    tx.query("SELECT part, at_byte, at_line, body FROM search_part WHERE document_no = $1 ORDER BY part")
        .bind(document_no)
        .fetch_all()
        .await
}

/// The whole text of an object that is indexed.
///
/// # Errors
/// Database failures.
pub(crate) async fn whole(tx: &mut Tx, subject: Uuid) -> Result<Option<String>, DbError> {
    let head: Option<(i64, String)> = tx
        .query("SELECT document_no, body FROM search_document WHERE subject_id = $1")
        .bind(subject)
        .fetch_optional()
        .await?;
    let Some((document_no, mut text)) = head else { return Ok(None) };
    text.extend(stored(tx, document_no).await?.into_iter().map(|part| part.body));
    Ok(Some(text))
}

/// The first bytes of a text, up to the end of a line when one ends in the last quarter, else of a word or character.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = text.floor_char_boundary(most);
    let from = text.floor_char_boundary(most - most / 4);
    let within = &text[from..end];
    let at = within.rfind('\n').or_else(|| within.rfind(' ')).map_or(end, |at| from + at + 1);
    &text[..at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_put_together_are_the_text_and_know_their_lines() {
        let line = "Größe und Länge, alles über das Teleskop\n";
        let whole = format!("{}{}", line.repeat(2000), "x".repeat(70_000));
        let content = Content::read(whole.clone()).await.unwrap();
        let mut together = content.head().to_owned();
        for part in content.parts() {
            assert_eq!((part.at_byte, part.at_line), (together.len(), 1 + together.matches('\n').count()));
            assert!(part.body.len() <= PART_BYTES && !part.body.is_empty());
            together.push_str(part.body);
        }
        assert_eq!(together, whole);
        assert!(content.head().len() <= HEAD_BYTES && content.head().ends_with('\n'));
        assert!(!Content::read("short".to_owned()).await.unwrap().has_parts());
        assert!(Content::none().parts().is_empty());
    }
}
