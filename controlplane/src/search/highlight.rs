//! Pieces of a text around the words that were looked for.

use mc_api::search::Highlight;

/// How many characters of a body are shown around its first matching word.
const AROUND: usize = 80;

/// The words of a query, in lower case.
pub(super) fn words(query: &str) -> Vec<String> {
    spans(query).into_iter().map(|(start, end)| query[start..end].to_lowercase()).collect()
}

/// Byte ranges of the words of a text.
fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                spans.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    spans.extend(start.map(|from| (from, text.len())));
    spans
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

/// Title and body with the matching words marked; what does not match is left out.
pub(super) fn highlights(title: &str, body: &str, words: &[String]) -> Vec<Highlight> {
    let mut highlights = Vec::new();
    for (field, text) in [("title", title), ("body", body)] {
        let hits: Vec<(usize, usize)> = spans(text)
            .into_iter()
            .filter(|(start, end)| {
                let word = text[*start..*end].to_lowercase();
                words.iter().any(|wanted| matches(&word, wanted))
            })
            .collect();
        let Some((first, _)) = hits.first() else { continue };
        let from = if field == "title" { 0 } else { text.floor_char_boundary(first.saturating_sub(AROUND)) };
        let to = if field == "title" {
            text.len()
        } else {
            text.ceil_char_boundary((first + 2 * AROUND).min(text.len()))
        };
        let mut piece = String::new();
        let mut at = from;
        for (start, end) in hits.into_iter().filter(|(start, end)| *start >= from && *end <= to) {
            piece.extend([&text[at..start], "**", &text[start..end], "**"]);
            at = end;
        }
        piece.push_str(&text[at..to]);
        let cut = |is: bool| if is { "…" } else { "" };
        let text = format!("{}{}{}", cut(from > 0), piece.replace('\n', " "), cut(to < text.len()));
        highlights.push(Highlight { field: field.to_owned(), text });
    }
    highlights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_words_are_marked_in_any_form_and_script() {
        let words = words("retry Upload größe");
        let found = highlights("Retrying uploads", "vorher\nGröße nachher", &words);
        let texts: Vec<&str> = found.iter().map(|h| h.text.as_str()).collect();
        assert_eq!(texts, ["**Retrying** **uploads**", "vorher **Größe** nachher"]);
        assert_eq!(highlights("nothing", "here", &words), []);
    }

    #[test]
    fn a_long_body_is_cut_around_the_first_match_on_whole_characters() {
        let body = format!("{}needle{}", "ä".repeat(500), "ö ".repeat(500));
        let found =
            highlights("", &format!("{} needle {}", "ä ".repeat(300), "ö ".repeat(300)), &words("needle"));
        assert!(found[0].text.starts_with('…') && found[0].text.ends_with('…'));
        assert!(found[0].text.contains("**needle**"));
        assert_eq!(highlights("", &body, &words("needle")), [], "no word of its own there");
    }
}
