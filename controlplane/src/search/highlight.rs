//! Pieces of a text around the words that were looked for.

use mc_api::search::Highlight;

/// How many bytes of a body are shown around its first matching word.
const AROUND: usize = 80;

/// What is marked: the words of a query in lower case, and what stood between quotation marks, as one.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    words: Vec<String>,
    phrases: Vec<String>,
    /// The words outside of quotation marks.
    beside: Vec<String>,
}

/// What is marked for a query; `phrases` as [`super::service::flat`] writes them.
pub(super) fn words(query: &str, phrases: Vec<String>) -> Wanted {
    let of = |text: &str| -> Vec<String> {
        spans(text).map(|(start, end)| text[start..end].to_lowercase()).collect()
    };
    let beside = query.split('"').step_by(2).flat_map(of).collect();
    Wanted { words: of(query), phrases, beside }
}

/// Byte range in a text.
type Span = (usize, usize);

/// Where phrases stand in a text, in order, without those that begin in another one.
fn phrases_in(text: &str, phrases: &[String]) -> Vec<Span> {
    if phrases.is_empty() {
        return Vec::new();
    }
    // The text as phrases are looked for, and for each byte of it where its character begins and ends.
    let (mut flat, mut origin) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let mut is_space = true;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            if !is_space {
                flat.push(' ');
                origin.push((at, at + c.len_utf8()));
            }
            is_space = true;
            continue;
        }
        is_space = false;
        flat.extend(c.to_lowercase());
        origin.resize(flat.len(), (at, at + c.len_utf8()));
    }
    let mut found: Vec<(usize, usize)> = phrases
        .iter()
        .flat_map(|phrase| flat.match_indices(phrase.as_str()).map(|(at, phrase)| (at, at + phrase.len())))
        .map(|(start, end)| (origin[start].0, origin[end - 1].1))
        .collect();
    found.sort_unstable();
    let mut last = 0;
    found.retain(|(start, end)| {
        let is_free = *start >= last;
        last = if is_free { *end } else { last };
        is_free
    });
    found
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

/// A piece of a text.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) shown: Highlight,
    /// Whether a phrase is in it, when there are any.
    pub(super) has_phrases: bool,
}

/// A title with what matches marked.
pub(super) fn title(text: &str, wanted: &Wanted) -> Option<Highlight> {
    marked("title", text, wanted, Begin::FIRST).map(|piece| piece.shown)
}

/// A piece of a body around its first match, with what matches marked.
pub(super) fn body(text: &str, wanted: &Wanted, begin: Begin) -> Option<Piece> {
    marked("body", text, wanted, begin)
}

/// What is to be marked in a text, in order: phrases and the words beside them, or words where no phrase is.
fn hits(text: &str, wanted: &Wanted) -> (Vec<Span>, Option<Span>) {
    let phrases = phrases_in(text, &wanted.phrases);
    let first = phrases.first().copied();
    let words = if first.is_some() { &wanted.beside } else { &wanted.words };
    let hit = |(start, end): &(usize, usize)| {
        let word = text[*start..*end].to_lowercase();
        words.iter().any(|wanted| matches(&word, wanted))
            && !phrases.iter().any(|(from, to)| start < to && from < end)
    };
    let mut hits: Vec<(usize, usize)> = spans(text).filter(hit).collect();
    hits.extend(phrases);
    hits.sort_unstable();
    (hits, first)
}

fn marked(field: &str, text: &str, wanted: &Wanted, begin: Begin) -> Option<Piece> {
    let (hits, phrase) = hits(text, wanted);
    let (first, until) = phrase.or_else(|| hits.first().copied())?;
    let (from, to) = if field == "title" {
        (0, text.len())
    } else {
        (
            text.floor_char_boundary(first.saturating_sub(AROUND)),
            text.ceil_char_boundary((first + 2 * AROUND).max(until).min(text.len())),
        )
    };
    let mut piece = String::new();
    let mut at = from;
    for (start, end) in hits.into_iter().filter(|(start, end)| *start >= from && *end <= to) {
        piece.extend([&text[at..start], "**", &text[start..end], "**"]);
        at = end;
    }
    piece.push_str(&text[at..to]);
    let cut = |is: bool| if is { "…" } else { "" };
    let lines = text[..first].matches('\n').count();
    let shown = Highlight {
        field: field.to_owned(),
        text: format!(
            "{}{}{}",
            cut(from > 0 || begin.byte > 0),
            piece.replace('\n', " "),
            cut(to < text.len())
        ),
        at_byte: begin.byte + i64::try_from(first).unwrap_or(i64::MAX),
        line: begin.line + i64::try_from(lines).unwrap_or(i64::MAX),
    };
    Some(Piece { shown, has_phrases: wanted.phrases.is_empty() || phrase.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_words_are_marked_in_any_form_and_script() {
        let words = words("retry Upload größe", Vec::new());
        let found = title("Retrying uploads", &words).unwrap();
        assert_eq!((found.text.as_str(), found.at_byte, found.line), ("**Retrying** **uploads**", 0, 1));
        let found = body("vorher\nGröße nachher", &words, Begin::FIRST).unwrap().shown;
        assert_eq!((found.text.as_str(), found.at_byte, found.line), ("vorher **Größe** nachher", 7, 2));
        assert_eq!(title("nothing", &words), None);
    }

    #[test]
    fn a_long_body_is_cut_around_the_first_match_on_whole_characters() {
        let body_of =
            |text: &str, begin| body(text, &words("needle", Vec::new()), begin).map(|piece| piece.shown);
        let text = format!("{} needle {}", "ä ".repeat(300), "ö ".repeat(300));
        let found = body_of(&text, Begin { byte: 1000, line: 40 }).unwrap();
        assert!(found.text.starts_with('…') && found.text.ends_with('…'));
        assert!(found.text.contains("**needle**"));
        assert_eq!((found.at_byte, found.line), (1000 + 901, 40));
        let none = format!("{}needle{}", "ä".repeat(500), "ö ".repeat(500));
        assert_eq!(body_of(&none, Begin::FIRST), None, "no word of its own there");
    }

    #[test]
    fn a_phrase_is_marked_as_a_whole_where_it_stands() {
        let wanted = words("\"Fix the\" ÄRGER now", vec!["fix the".to_owned()]);
        let text = format!("the fix {} Fix\n  the İssue, ärger; fix the rest", "word ".repeat(40));
        let found = body(&text, &wanted, Begin::FIRST).unwrap();
        assert!(found.has_phrases, "{found:?}");
        assert!(found.shown.text.contains("**Fix   the** İssue, **ärger**; **fix the** rest"), "{found:?}");
        assert!(found.shown.text.starts_with('…'), "not the first word of it: {found:?}");
        assert_eq!(
            text[usize::try_from(found.shown.at_byte).unwrap()..].chars().take(3).collect::<String>(),
            "Fix"
        );
        let weak = body("the fix is now", &wanted, Begin::FIRST).unwrap();
        assert!(!weak.has_phrases && weak.shown.text.contains("**the** **fix**"), "{weak:?}");
    }
}
