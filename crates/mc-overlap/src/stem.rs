//! A light stemmer for folded words. It joins what people vary in a task (number, tense, British and American endings,
//! a verb and its noun) and is deliberately blunt: stems are compared, never shown.

use compact_str::CompactString;

/// Endings and what replaces them, longest first; the rest must keep at least the given number of characters.
const ENDINGS: &[(&str, &str, usize)] = &[
    ("ifications", "ifi", 2),
    ("ification", "ifi", 2),
    ("isations", "iz", 2),
    ("izations", "iz", 2),
    ("isation", "iz", 2),
    ("ization", "iz", 2),
    ("isers", "iz", 3),
    ("izers", "iz", 3),
    ("ising", "iz", 3),
    ("izing", "iz", 3),
    ("yses", "yz", 3),
    ("ysis", "yz", 3),
    ("ysing", "yz", 3),
    ("yzing", "yz", 3),
    ("ysed", "yz", 3),
    ("yzed", "yz", 3),
    ("yser", "yz", 3),
    ("yzer", "yz", 3),
    ("ised", "iz", 3),
    ("ized", "iz", 3),
    ("ises", "iz", 3),
    ("izes", "iz", 3),
    ("iser", "iz", 3),
    ("izer", "iz", 3),
    ("ise", "iz", 3),
    ("ize", "iz", 3),
    ("yse", "yz", 3),
    ("yze", "yz", 3),
    ("ations", "", 4),
    ("ation", "", 4),
    ("ating", "", 4),
    ("ators", "", 4),
    ("ator", "", 4),
    ("ated", "", 4),
    ("ates", "", 4),
    ("ate", "", 4),
    ("sions", "s", 3),
    ("sion", "s", 3),
    ("tions", "t", 3),
    ("tion", "t", 3),
    ("ability", "abl", 3),
    ("ments", "", 4),
    ("ment", "", 4),
    ("nesses", "", 4),
    ("ness", "", 4),
    ("ours", "or", 3),
    ("our", "or", 3),
    ("ying", "i", 2),
    ("ied", "i", 2),
    ("ies", "i", 2),
    ("ings", "", 3),
    ("ing", "", 3),
    ("eed", "ee", 2),
    ("ed", "", 3),
    ("ly", "", 4),
    ("sses", "ss", 2),
    ("shes", "sh", 2),
    ("ches", "ch", 2),
    ("xes", "x", 2),
    ("ers", "er", 3),
    ("es", "", 3),
    ("s", "", 3),
    ("y", "i", 3),
    ("e", "", 3),
];

/// The stem of a folded word. Words with other than Latin letters, and short ones, stay as they are.
pub(crate) fn stem(word: &str) -> CompactString {
    let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
    if word.len() < 4
        || !word.bytes().all(|b| b.is_ascii_alphabetic())
        || word.ends_with("ss")
        || word.ends_with("us")
    {
        return word.into();
    }
    let last = word.as_bytes().last();
    for &(ending, replacement, rest) in ENDINGS {
        if ending.as_bytes().last() == last
            && let Some(head) = word.strip_suffix(ending)
            && head.len() >= rest
            // `deploy` keeps its `y`, `retry` changes it.
            && !(matches!(ending, "y" | "ying") && head.ends_with(['a', 'e', 'o', 'u']))
        {
            let mut stem = CompactString::with_capacity(word.len());
            stem.push_str(head);
            stem.push_str(replacement);
            if replacement.is_empty() && ending != "e" && ending != "s" {
                undouble(&mut stem);
            }
            // `caches` and `cached` have lost their `e`; so does the plural of a word on `e`.
            if ending == "s" && stem.len() > 3 && stem.ends_with('e') {
                stem.pop();
            }
            return stem;
        }
    }
    let mut stem = CompactString::new(word);
    undouble(&mut stem);
    stem
}

/// `stopp` → `stop`, `cancell` → `cancel`.
fn undouble(stem: &mut CompactString) {
    let bytes = stem.as_bytes();
    if let [.., a, b] = bytes
        && a == b
        && bytes.len() > 3
        && !matches!(b, b's' | b'e' | b'o')
    {
        stem.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn variants_meet_in_one_stem() {
        for family in [
            &["normalise", "normalize", "normalised", "normalization", "normalising"][..],
            &["cancel", "cancels", "canceled", "cancelled", "cancelling"],
            &["retry", "retries", "retried", "retrying"],
            &["cache", "caches", "cached", "caching"],
            &["migrate", "migration", "migrations", "migrated", "migrating"],
            &["colour", "color", "colours", "colors"],
            &["notify", "notification", "notifications", "notifies"],
            &["validate", "validation", "validated"],
            &["deploy", "deploys"],
            &["analyse", "analyze", "analysis", "analysing"],
        ] {
            let stems: Vec<_> = family.iter().map(|word| stem(word)).collect();
            assert!(stems.iter().all(|s| *s == stems[0]), "{family:?} {stems:?}");
        }
    }

    #[test]
    fn different_words_stay_apart() {
        for (a, b) in [("status", "state"), ("process", "proceed"), ("access", "ace"), ("index", "indent")] {
            assert_ne!(stem(a), stem(b));
        }
    }
}
