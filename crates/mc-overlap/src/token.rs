//! Takes a line of text apart into words, identifiers and numbers.

use compact_str::CompactString;
use unicode_normalization::UnicodeNormalization as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word of a language.
    Word,
    /// A word that is a part of an identifier or of a hyphenated word that is there as a whole too.
    Part,
    /// A hyphenated word as a whole.
    Compound,
    /// An identifier, flag, error code or file name as a whole, separators left out.
    Identifier,
    /// A path as a whole.
    Path,
    /// A number, version or port.
    Number,
    /// Two neighbouring characters of a script that has no spaces between words.
    Gram,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: CompactString,
    pub(crate) kind: Kind,
}

/// Longest token looked at, in bytes: longer ones are pasted data, of which the head tells enough.
const TOKEN_LIMIT: usize = 96;

/// Compatibility forms unified; plain ASCII, the usual case, is only copied.
pub(crate) fn unify(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfkc().collect() }
}

/// Case and accents removed, so that `Überprüfen` and `uberprufen` meet.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.to_lowercase();
    let mut folded = String::with_capacity(lower.len());
    for c in lower.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)) {
        match c {
            'ß' => folded.push_str("ss"),
            'ł' => folded.push('l'),
            'ø' => folded.push('o'),
            'đ' => folded.push('d'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            other => folded.push(other),
        }
    }
    folded.nfc().collect()
}

/// The same of one word, which is short.
fn fold_word(word: &str) -> CompactString {
    if !word.is_ascii() {
        return fold(word).into();
    }
    let mut folded = CompactString::new(word);
    folded.make_ascii_lowercase();
    folded
}

/// Scripts that are written without spaces.
pub(crate) fn unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Characters that may stand inside of a token.
fn joins(c: char) -> bool {
    matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '\'' | '’' | '‐' | '‑' | '+' | '#')
}

/// Calls `found` for each token of a unified line, in order; the whole before its parts.
pub(crate) fn tokens(line: &str, found: &mut dyn FnMut(Token)) {
    let mut start = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        // `5,000` is one number.
        let groups =
            c == ',' && before.is_ascii_digit() && line[at + 1..].starts_with(|n: char| n.is_ascii_digit());
        before = c;
        if c.is_alphanumeric() || joins(c) || is_mark(c) || groups {
            start.get_or_insert(at);
        } else if let Some(begin) = start.take() {
            chunk(&line[begin..at], found);
        }
    }
    if let Some(begin) = start {
        chunk(&line[begin..], found);
    }
}

/// Marks that belong to the letter before them in scripts which cannot be composed.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x0900..=0x0DFF | 0x0E31..=0x0E4E | 0x1AB0..=0x1AFF | 0x20D0..=0x20FF)
}

fn chunk(text: &str, found: &mut dyn FnMut(Token)) {
    if text.chars().any(unspaced) {
        let mut run = String::new();
        let mut other = String::new();
        for c in text.chars() {
            if unspaced(c) {
                flush(&mut other, found);
                run.push(c);
            } else {
                grams(&mut run, found);
                other.push(c);
            }
        }
        flush(&mut other, found);
        grams(&mut run, found);
    } else {
        piece(text, found);
    }
}

fn flush(text: &mut String, found: &mut dyn FnMut(Token)) {
    piece(text, found);
    text.clear();
}

fn grams(run: &mut String, found: &mut dyn FnMut(Token)) {
    if run.is_empty() {
        return;
    }
    let folded = fold(run);
    let mut rest = folded.as_str();
    // Loan words in katakana are words of their own.
    while let Some(first) = rest.chars().next() {
        let loan = katakana(first);
        let end = rest.find(|c| katakana(c) != loan).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        if loan && part.chars().nth(1).is_some() {
            found(Token { text: part.into(), kind: Kind::Word });
            continue;
        }
        let at: Vec<usize> = part.char_indices().map(|(i, _)| i).chain([part.len()]).collect();
        if at.len() == 2 {
            found(Token { text: part.into(), kind: Kind::Gram });
        }
        for window in at.windows(3) {
            found(Token { text: part[window[0]..window[2]].into(), kind: Kind::Gram });
        }
    }
    run.clear();
}

fn katakana(c: char) -> bool {
    matches!(u32::from(c), 0x30A0..=0x30FF | 0x31F0..=0x31FF)
}

fn piece(text: &str, found: &mut dyn FnMut(Token)) {
    let rooted = text.starts_with('/') || text.starts_with("./");
    let flag = text.starts_with("--");
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    let mut text = text;
    if text.len() > TOKEN_LIMIT {
        let mut cut = TOKEN_LIMIT;
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text = &text[..cut];
    }
    let text = text.strip_suffix("'s").or_else(|| text.strip_suffix("’s")).unwrap_or(text);
    if text.is_empty() {
        return;
    }
    if let Some(number) = number(text) {
        found(Token { text: number.into(), kind: Kind::Number });
        return;
    }
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let separated = text.chars().any(|c| !c.is_alphanumeric() && !is_mark(c));
    let camel = !text.is_ascii() || text.bytes().any(|b| b.is_ascii_uppercase());
    let camel = camel && humps(text);
    if !digits && !separated && !camel {
        found(Token { text: fold_word(text), kind: Kind::Word });
        return;
    }
    let path = text.contains('/') && !text.contains("://");
    // `file.rs:42` names the file; the line moves with every change.
    let text = if path || text.contains('.') { without_line(text) } else { text };
    let slashes = text.matches('/').count();
    let coded = digits || camel || flag || text.contains(['_', '.', '@', '#']) || text.contains("::");
    if path && (rooted || slashes > 1 || coded) {
        found(Token { text: fold_word(text), kind: Kind::Path });
    } else if !path {
        let whole: CompactString = fold(text).chars().filter(|c| c.is_alphanumeric()).collect();
        let hyphens = text.contains(['-', '‐', '‑', '_', '.', ':', '@', '/']) || coded;
        if !whole.is_empty() && hyphens {
            let kind = if coded { Kind::Identifier } else { Kind::Compound };
            found(Token { text: whole, kind });
        }
    }
    parts(text, found);
}

fn without_line(text: &str) -> &str {
    match text.split_once(':') {
        Some((file, rest)) if file.contains('.') && rest.bytes().all(|b| b.is_ascii_digit() || b == b':') => {
            file
        }
        _ => text,
    }
}

/// A lower-case letter before an upper-case one, or a capital that starts a word after other capitals.
fn humps(text: &str) -> bool {
    let mut before: Option<char> = None;
    for c in text.chars() {
        if let Some(b) = before
            && b.is_lowercase()
            && c.is_uppercase()
        {
            return true;
        }
        before = Some(c);
    }
    let upper = text.chars().take_while(|c| c.is_uppercase()).count();
    upper > 1
        && text.chars().nth(upper).is_some_and(char::is_lowercase)
        && text.chars().nth(upper + 1).is_some()
}

fn parts(text: &str, found: &mut dyn FnMut(Token)) {
    for section in text.split(|c: char| !c.is_alphanumeric() && !is_mark(c)).filter(|s| !s.is_empty()) {
        let chars: Vec<(usize, char)> = section.char_indices().collect();
        let mut begin = 0;
        for i in 1..=chars.len() {
            let end = i == chars.len() || {
                let (a, b) = (chars[i - 1].1, chars[i].1);
                let next_lower = chars.get(i + 1).is_some_and(|(_, c)| c.is_lowercase());
                (a.is_lowercase() && b.is_uppercase())
                    || (a.is_uppercase() && b.is_uppercase() && next_lower && i > begin)
                    || (a.is_numeric() != b.is_numeric())
            };
            if end {
                let stop = chars.get(i).map_or(section.len(), |(at, _)| *at);
                let part = &section[chars[begin].0..stop];
                begin = i;
                if part.bytes().all(|b| b.is_ascii_digit()) {
                    // `oauth2` and `v1beta1` are names as a whole; longer numbers tell ports and ids.
                    if part.len() > 1 {
                        found(Token { text: part.into(), kind: Kind::Number });
                    }
                } else if part.chars().nth(1).is_some() {
                    found(Token { text: fold_word(part), kind: Kind::Part });
                }
            }
        }
    }
}

/// The number in `30`, `30s`, `v2.1`, `5,000`, `85%`, `#12`, `1st`; `None` for what is rather a name.
fn number(text: &str) -> Option<String> {
    let body =
        text.strip_prefix(['v', 'V']).filter(|r| r.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(text);
    if !body.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let end =
        body.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | ':'))).unwrap_or(body.len());
    let (digits, unit) = body.split_at(end);
    let known = matches!(
        unit.to_ascii_lowercase().as_str(),
        "" | "%"
            | "s"
            | "ms"
            | "m"
            | "h"
            | "d"
            | "k"
            | "b"
            | "kb"
            | "mb"
            | "gb"
            | "tb"
            | "min"
            | "mins"
            | "px"
            | "x"
            | "th"
            | "st"
            | "nd"
            | "rd"
            | "am"
            | "pm"
            | "+"
            | "fps"
            | "kib"
            | "mib"
            | "gib"
            | "w"
            | "y"
            | "hz"
            | "€"
    );
    if !known {
        return None;
    }
    let digits = digits.trim_end_matches(['.', ',', ':']);
    // A comma before three digits only groups them.
    let grouped = digits.split(',').skip(1).all(|g| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit()));
    Some(if grouped { digits.replace(',', "") } else { digits.replace(',', ".") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(CompactString, Kind)> {
        let mut all = Vec::new();
        tokens(&unify(text), &mut |t| all.push((t.text, t.kind)));
        all
    }

    fn texts(text: &str) -> Vec<CompactString> {
        of(text).into_iter().map(|(t, _)| t).collect()
    }

    #[test]
    fn identifiers_are_kept_whole_and_taken_apart() {
        assert_eq!(texts("getUserById"), ["getuserbyid", "get", "user", "by", "id"]);
        assert_eq!(texts("get_user_by_id"), ["getuserbyid", "get", "user", "by", "id"]);
        assert_eq!(texts("DATABASE_POOL_SIZE"), ["databasepoolsize", "database", "pool", "size"]);
        assert_eq!(texts("`HTTPServer`"), ["httpserver", "http", "server"]);
        assert_eq!(texts("--dry-run"), ["dryrun", "dry", "run"]);
        assert_eq!(texts("queue::worker"), ["queueworker", "queue", "worker"]);
    }

    #[test]
    fn paths_lose_their_line_and_keep_their_name() {
        assert_eq!(of("src/queue/worker.rs:217")[0], ("src/queue/worker.rs".into(), Kind::Path));
        assert_eq!(texts("and/or"), ["and", "or"]);
    }

    #[test]
    fn numbers_are_hard_tokens() {
        for (text, number) in
            [("30s", "30"), ("v2.1", "2.1"), ("5,000", "5000"), ("85%", "85"), (":9090", "9090")]
        {
            assert_eq!(of(text), [(number.into(), Kind::Number)], "{text}");
        }
        assert_eq!(of("E1042")[0], ("e1042".into(), Kind::Identifier));
    }

    #[test]
    fn any_script_gives_tokens() {
        assert_eq!(texts("退会した"), ["退会", "会し", "した"]);
        assert_eq!(texts("Größe ändern"), ["grosse", "andern"]);
        assert_eq!(texts("Пароль"), ["пароль"]);
        assert_eq!(texts("ＡＰＩ"), ["api"]);
    }
}
