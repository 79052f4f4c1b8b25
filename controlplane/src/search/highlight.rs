//! Pieces of a text around the words that were looked for.

use mc_api::search::Highlight;

/// How many bytes of a body are shown around its first matching word.
const AROUND: usize = 80;

/// The words of a query, in lower case.
pub(super) fn words(query: &str) -> Vec<String> {
    spans(query).map(|(start, end)| query[start..end].to_lowercase()).collect()
}

/// Byte ranges of the words of a text.
fn spans(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut chars = text.char_indices();
    std::iter::from_fn(move || {
        let (start, _) = chars.find(|(_, c)| c.is_alphanumeric())?;
        let end = chars.find(|(_, c)| !c.is_alphanumeric()).map_or(text.len(), |(at, _)| at);
        Some((start, end))
    })
}

/// Whether a word of a text is a form of a word that was looked for: equal, or the same but for an ending.
fn matches(word: &str, wanted: &str) -> bool {
    if word == wanted {
        return true;
    }
    let shared = word.chars().zip(wanted.chars()).take_while(|(a, b)| a == b).count();
    let (long, short) =
        (word.chars().count().max(wanted.chars().count()), word.chars().count().min(wanted.chars().count()));
    shared >= 4 && shared + 1 >= short && long - shared <= 3
}

/// Where a piece of a text stands in the whole: bytes from 0, lines from 1.
#[derive(Clone, Copy)]
pub(super) struct Begin {
    pub(super) byte: i64,
    pub(super) line: i64,
}

impl Begin {
    /// The beginning of a text.
    pub(super) const FIRST: Self = Self { byte: 0, line: 1 };
}

/// A title with the matching words marked.
pub(super) fn title(text: &str, words: &[String]) -> Option<Highlight> {
    marked("title", text, words, Begin::FIRST)
}

/// A piece of a body around its first match, with the matching words marked.
pub(super) fn body(text: &str, words: &[String], begin: Begin) -> Option<Highlight> {
    marked("body", text, words, begin)
}

fn marked(field: &str, text: &str, words: &[String], begin: Begin) -> Option<Highlight> {
    let hit = |(start, end): &(usize, usize)| {
        let word = text[*start..*end].to_lowercase();
        words.iter().any(|wanted| matches(&word, wanted))
    };
    let mut hits = spans(text).filter(hit).peekable();
    let first = hits.peek()?.0;
    let (from, to) = if field == "title" {
        (0, text.len())
    } else {
        (
            text.floor_char_boundary(first.saturating_sub(AROUND)),
            text.ceil_char_boundary((first + 2 * AROUND).min(text.len())),
        )
    };
    let mut piece = String::new();
    let mut at = from;
    for (start, end) in hits.take_while(|(_, end)| *end <= to) {
        piece.extend([&text[at..start], "**", &text[start..end], "**"]);
        at = end;
    }
    piece.push_str(&text[at..to]);
    let cut = |is: bool| if is { "…" } else { "" };
    let lines = text[..first].matches('\n').count();
    Some(Highlight {
        field: field.to_owned(),
        text: format!(
            "{}{}{}",
            cut(from > 0 || begin.byte > 0),
            piece.replace('\n', " "),
            cut(to < text.len())
        ),
        at_byte: begin.byte + i64::try_from(first).unwrap_or(i64::MAX),
        line: begin.line + i64::try_from(lines).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_words_are_marked_in_any_form_and_script() {
        let words = words("retry Upload größe");
        let found = title("Retrying uploads", &words).unwrap();
        assert_eq!((found.text.as_str(), found.at_byte, found.line), ("**Retrying** **uploads**", 0, 1));
        let found = body("vorher\nGröße nachher", &words, Begin::FIRST).unwrap();
        assert_eq!((found.text.as_str(), found.at_byte, found.line), ("vorher **Größe** nachher", 7, 2));
        assert_eq!(title("nothing", &words), None);
    }

    #[test]
    fn a_long_body_is_cut_around_the_first_match_on_whole_characters() {
        let body_of = |text: &str, begin| body(text, &words("needle"), begin);
        let text = format!("{} needle {}", "ä ".repeat(300), "ö ".repeat(300));
        let found = body_of(&text, Begin { byte: 1000, line: 40 }).unwrap();
        assert!(found.text.starts_with('…') && found.text.ends_with('…'));
        assert!(found.text.contains("**needle**"));
        assert_eq!((found.at_byte, found.line), (1000 + 901, 40));
        let none = format!("{}needle{}", "ä".repeat(500), "ö ".repeat(500));
        assert_eq!(body_of(&none, Begin::FIRST), None, "no word of its own there");
    }
}
