//! What holds for any two texts.

use mc_overlap::{
    MAX_TERMS, Prepared, Provider, SuggestedAction, Text, Vectors, builtin, compare, cosine, paths_overlap,
};
use proptest::prelude::*;

fn prepared(title: &str, body: &str) -> Prepared {
    Prepared::new(&Text { title, body, paths: &[] })
}

fn judge(a: &Prepared, b: &Prepared) -> f32 {
    let vectors = Vectors::of(Provider::Builtin, &builtin::embed(a), &builtin::embed(b));
    compare(a, b, Some(vectors), false).score
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z_/:.0-9 #\\-\\[\\]\n]{0,200}",
        "[ \\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Cyrillic}\\p{Thai}\\p{Hangul}\\p{Arabic}\u{300}-\u{340}]{0,40}",
    ]
}

proptest! {
    #[test]
    fn any_texts_are_judged_alike_in_both_directions(a in text(), x in text(), b in text(), y in text()) {
        let (a, b) = (prepared(&a, &x), prepared(&b, &y));
        for provider in Provider::ALL {
            let vectors = (provider != Provider::Lexical)
                .then(|| Vectors::of(provider, &builtin::embed(&a), &builtin::embed(&b)));
            let (there, back) = (compare(&a, &b, vectors, false), compare(&b, &a, vectors, false));
            for judged in [&there, &back] {
                for value in [judged.score, judged.lexical, judged.vector] {
                    prop_assert!((0.0..=1.0).contains(&value), "{judged:?}");
                }
            }
            prop_assert!((there.score - back.score).abs() < 1e-4, "{there:?} {back:?} {:?} {:?}", a.terms(), b.terms());
            prop_assert!((there.lexical - back.lexical).abs() < 1e-4);
            prop_assert_eq!(there.action, back.action);
        }
    }

    #[test]
    fn a_text_with_a_title_is_the_same_as_itself(title in "[a-z\\p{Han}]{1,40}", body in text()) {
        let a = prepared(&title, &body);
        prop_assert!(judge(&a, &prepared(&title, &body)) >= 1.0);
    }

    #[test]
    fn terms_are_bounded_ordered_and_stable(title in text(), body in text()) {
        let (once, again) = (prepared(&title, &body), prepared(&title, &body));
        prop_assert_eq!(once.terms(), again.terms());
        prop_assert!(once.terms().len() <= MAX_TERMS);
        prop_assert!(once.terms().iter().all(|t| t.id >= 0 && t.weight.is_finite() && !t.text.is_empty()));
        prop_assert!(once.terms().windows(2).all(|w| w[0].weight >= w[1].weight));
        prop_assert_eq!(builtin::embed(&once), builtin::embed(&again));
    }

    #[test]
    fn vectors_have_unit_length(title in text(), body in text()) {
        let text = prepared(&title, &body);
        let vector = builtin::embed(&text);
        prop_assert_eq!(vector.len(), builtin::DIMENSIONS);
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        prop_assert!((length - 1.0).abs() < 1e-3 || length == 0.0, "{length}");
        prop_assert!(length > 0.0 || text.is_empty() || text.terms().is_empty());
    }

    #[test]
    fn globs_meet_in_both_directions(a in "[ab/*?.{},\\[\\]]{0,12}", b in "[ab/*?.{},\\[\\]]{0,12}") {
        let (a, b) = ([a], [b]);
        prop_assert_eq!(paths_overlap(&a, &b).to_bits(), paths_overlap(&b, &a).to_bits());
    }

    #[test]
    fn a_cosine_is_from_minus_one_to_one(a in prop::collection::vec(any::<f32>(), 0..8), b in prop::collection::vec(any::<f32>(), 0..8)) {
        prop_assert!((-1.0..=1.0).contains(&cosine(&a, &b)));
    }
}

#[test]
fn texts_without_anything_in_common_score_near_zero() {
    let a = prepared("Rotate the signing keys", "The vault keeps two generations.");
    let b = prepared("Order new chairs", "Twelve of them, blue.");
    assert!(judge(&a, &b) < 0.1, "{}", judge(&a, &b));
    assert!(judge(&prepared("", ""), &prepared("", "")) <= 0.0);
}

#[test]
fn the_same_work_in_other_words_scores_above_other_work_on_the_same_thing() {
    let task = prepared("Fix crash when the config file is empty", "The daemon panics at start.");
    let same = prepared("Daemon segfaults on an empty configuration file", "");
    let other = prepared("Document the config file", "");
    let test = prepared("Add tests for the config file", "");
    for less in [&other, &test] {
        assert!(
            judge(&task, &same) > judge(&task, less) + 0.3,
            "{} {}",
            judge(&task, &same),
            judge(&task, less)
        );
    }
}

#[test]
fn numbers_and_identifiers_tell_tasks_apart() {
    let of = |title| prepared(title, "");
    let score = |a, b| judge(&of(a), &of(b));
    assert!(score("Open port 7001 for the collector", "Open port 7001 for collector") > 0.5);
    assert!(score("Open port 7001 for the collector", "Open port 7002 for the collector") < 0.3);
    assert!(
        score("Upgrade Go to 1.22", "Bump Go to 1.22") > score("Upgrade Go to 1.22", "Bump Go to 1.23") + 0.3
    );
    assert!(
        score("rename loadUser to fetchUser", "Rename load_user to fetch_user")
            > score("rename loadUser to fetchUser", "rename loadUser to readUser") + 0.2
    );
}

#[test]
fn a_mark_without_a_letter_is_no_term() {
    assert!(prepared("\u{37a} ", "").terms().is_empty());
    assert!(prepared("\u{37a} ", "").is_empty());
}

#[test]
fn lines_without_words_do_not_make_a_judgement_depend_on_direction() {
    let (a, b) = (prepared("", "_\nea"), prepared("", "_\na0\n"));
    assert!((judge(&a, &b) - judge(&b, &a)).abs() < 1e-6);
}

#[test]
fn long_bodies_are_bounded() {
    let body = "unrepeated words ".repeat(200_000);
    let text = prepared("A title", &body);
    assert!(text.terms().len() <= MAX_TERMS);
    let hex = "0123456789abcdef".repeat(100_000);
    assert!(prepared("A title", &hex).terms().len() <= MAX_TERMS);
}

#[test]
fn the_action_follows_score_paths_and_state() {
    let paths = ["src/api/**".to_owned()];
    let of = |title: &'static str, paths| Prepared::new(&Text { title, body: "", paths });
    let (a, b) = (of("Paginate the list of users", &paths), of("Translate the error pages", &paths));
    assert_eq!(compare(&a, &b, None, false).action, SuggestedAction::Wait);
    assert_eq!(compare(&a, &b, None, true).action, SuggestedAction::Link);
    assert_eq!(compare(&a, &a, None, false).action, SuggestedAction::Merge);
    assert_eq!(compare(&a, &a, None, true).action, SuggestedAction::Link);
    assert_eq!(compare(&a, &of("Order chairs", &[]), None, false).action, SuggestedAction::Ignore);
}

#[test]
fn evidence_says_what_is_shared_and_what_differs() {
    let judged = compare(
        &prepared("Bump libfoo to 2.1 in parse_header", ""),
        &prepared("Bump libfoo to 2.2 in parse_header", ""),
        None,
        false,
    );
    let kinds: Vec<&str> = judged.evidence.iter().map(|e| e.kind.as_str()).collect();
    assert!(
        kinds.contains(&"shared_identifiers") && kinds.contains(&"different_number"),
        "{:?}",
        judged.evidence
    );
    let detail = |kind| judged.evidence.iter().find(|e| e.kind.as_str() == kind).map(|e| e.detail.as_str());
    assert_eq!(detail("different_number"), Some("2.1 / 2.2"));
}

#[test]
fn a_few_small_words_more_are_the_same_work() {
    let points = Provider::Builtin.operating_points();
    for (a, b) in [
        ("Chat times out", "Chat times out soon"),
        ("Upload of large files times out", "Upload of large files times out again"),
        ("Search index is rebuilt", "Search index is rebuilt too often"),
    ] {
        let score = judge(&prepared(a, ""), &prepared(b, ""));
        assert!(score >= points.require_ack, "{a} | {b}: {score}");
    }
}

#[test]
fn two_words_in_common_never_block_and_mostly_need_no_word() {
    let points = Provider::Builtin.operating_points();
    for (a, b, acknowledged) in [
        ("Show the delivery address on the order page", "Validate the delivery address at sign-up", false),
        ("Add a dark theme to the settings page", "Settings page is empty for guests", false),
        ("Import contacts from a phone book", "Merge duplicate contacts of a phone number", true),
    ] {
        let score = judge(&prepared(a, ""), &prepared(b, ""));
        assert!(score < points.block, "{a} | {b}: {score}");
        assert_eq!(score >= points.require_ack, acknowledged, "{a} | {b}: {score}");
    }
}

#[test]
fn what_speaks_against_the_same_work_never_blocks() {
    let of = |title| prepared(title, "The nightly job of the billing service writes it to the archive.");
    for (a, b) in [
        ("Enable the export of invoices for partners", "Disable the export of invoices for partners"),
        ("Open port 7001 for the collector of events", "Open port 7002 for the collector of events"),
        ("Rotate the keys of the archive in Vienna", "Rotate the keys of the archive in Lisbon"),
        ("Export of invoices for partners", "Document export of invoices for partners"),
    ] {
        for provider in Provider::ALL {
            let vectors = Some(Vectors { provider, cosine: 0.99 });
            let judged = compare(&of(a), &of(b), vectors, false);
            assert!(judged.score < provider.operating_points().block, "{a} | {b}: {judged:?}");
        }
    }
}

#[test]
fn words_of_other_languages_are_understood_without_a_model() {
    let judged = judge(
        &prepared("Benutzer löschen, die sich nie angemeldet haben", ""),
        &prepared("Delete users who have never logged in", ""),
    );
    let other = judge(
        &prepared("Benutzer löschen, die sich nie angemeldet haben", ""),
        &prepared("Print the invoice", ""),
    );
    assert!(judged > other + 0.3, "{judged} {other}");
}
