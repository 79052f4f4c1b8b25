//! Matching and intersection against enumeration by an independent, slow reading of the same rules.

use mc_glob::{Glob, RepoPath};
use proptest::prelude::*;

fn glob(text: &str) -> Glob {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn path(text: &str) -> RepoPath {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn globs_match_as_git_users_expect() {
    for (pattern, yes, no) in [
        ("src/lib.rs", &["src/lib.rs"][..], &["src/lib_rs", "lib.rs", "src/lib.rs/x", "SRC/lib.rs"][..]),
        ("src/*.rs", &["src/a.rs", "src/.rs"], &["src/a/b.rs", "src/a.rsx"]),
        ("src/**", &["src/a", "src/a/b"], &["src", "srcx/a"]),
        ("src/", &["src/a", "src/a/b"], &["src"]),
        ("**/test", &["test", "a/test", "a/b/test"], &["atest", "test/a"]),
        ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/bx"]),
        ("**", &["a", "a/b/c"], &[]),
        ("a**b", &["ab", "axxb"], &["a/b"]),
        ("[a-c]?", &["az", "cc"], &["dz", "a"]),
        ("[!a-c]x", &["dx", "ßx"], &["ax", "x"]),
        ("[^a]", &["b"], &["a", "bb"]),
        ("[]-]", &["]", "-"], &["a"]),
        ("\\*\\{", &["*{"], &["x{"]),
        ("{src,tests}/**/*.{rs,toml}", &["src/a.rs", "tests/x/y.toml"], &["src/a.py", "doc/a.rs"]),
        ("f{,.bak}", &["f", "f.bak"], &["fbak"]),
        ("a{/b,}/c", &["a/b/c", "a/c"], &["ab/c"]),
        ("x, y", &["x, y"], &["x"]),
        ("?", &["ü", "é"], &["e\u{301}"]),
    ] {
        let compiled = glob(pattern);
        for text in yes {
            assert!(compiled.matches(&path(text)), "{pattern} should match {text}");
        }
        for text in no {
            assert!(!compiled.matches(&path(text)), "{pattern} should not match {text}");
        }
    }
}

#[test]
fn intersections_are_exact_where_guesses_go_wrong() {
    for (a, b, meets) in [
        ("src/**", "src/lib.rs", true),
        ("src/*.rs", "src/lib.*", true),
        ("src/*.rs", "src/*.py", false),
        ("a*b", "*ba", false),
        ("a*b", "*ab", true),
        ("**/x", "y/**", true),
        ("**/x/*", "y/*", false),
        ("a/**/b", "a/b", true),
        ("a/**", "a", false),
        ("?[.]", ".?", false),
        ("[.]*", "?", false),
        ("[.]", "*", false),
        ("[.][.]", "**", false),
        ("[.][.]?", "**", true),
        ("*", "*", true),
        ("[a-m]", "[n-z]", false),
        ("[!a]", "[!b]", true),
        ("{a,b}/x", "{c,b}/?", true),
        ("A", "a", false),
        ("é", "e\u{301}", false),
    ] {
        let found = glob(a).intersection(&glob(b));
        assert_eq!(found.is_some(), meets, "{a} and {b}: {found:?}");
    }
    assert_eq!(glob("src/**/*.rs").intersection(&glob("src/net/**")).unwrap().as_str(), "src/net/.rs");
}

/// Runs in every position would cost exponential time if states were visited twice.
#[test]
fn the_worst_pair_is_answered_at_once() {
    let (a, b) = ("*a".repeat(127) + "b", "*a".repeat(127) + "c");
    let (c, d) = (format!("{}x", "**/*a/".repeat(40)), format!("{}y", "**/*a/".repeat(40)));
    let began = std::time::Instant::now();
    assert_eq!(glob(&a).intersection(&glob(&b)), None);
    assert_eq!(glob(&c).intersection(&glob(&d)), None);
    assert!(!glob(&a).matches(&path(&"a".repeat(4000))));
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Every path of up to five characters over `a`, `b`, `.` and `/`.
fn paths() -> Vec<RepoPath> {
    let mut all = Vec::new();
    let mut words = vec![String::new()];
    for _ in 0..5 {
        words = words.iter().flat_map(|word| ["a", "b", ".", "/"].map(|c| format!("{word}{c}"))).collect();
        all.extend(words.iter().filter_map(|word| word.parse().ok()));
    }
    all
}

/// Another reading of the same rules, straight from the text and by trying everything.
mod slow {
    pub(super) fn matches(glob: &str, path: &str) -> bool {
        braces(glob).iter().any(|glob| {
            let glob = if glob.ends_with('/') { format!("{glob}**") } else { glob.clone() };
            let (glob, path): (Vec<&str>, Vec<&str>) = (glob.split('/').collect(), path.split('/').collect());
            segments(&glob, &path)
        })
    }

    fn braces(glob: &str) -> Vec<String> {
        let Some(close) = glob.find('}') else { return vec![glob.to_owned()] };
        let open = glob[..close].rfind('{').expect("a brace that closes was opened");
        let (head, tail) = (&glob[..open], &glob[close + 1..]);
        glob[open + 1..close].split(',').flat_map(|part| braces(&format!("{head}{part}{tail}"))).collect()
    }

    fn segments(glob: &[&str], path: &[&str]) -> bool {
        match glob {
            [] => path.is_empty(),
            ["**"] => !path.is_empty(),
            ["**", rest @ ..] => (0..=path.len()).any(|skip| segments(rest, &path[skip..])),
            [one, rest @ ..] => path.first().is_some_and(|name| {
                let (one, name): (Vec<char>, Vec<char>) = (one.chars().collect(), name.chars().collect());
                segment(&one, &name) && segments(rest, &path[1..])
            }),
        }
    }

    fn segment(glob: &[char], name: &[char]) -> bool {
        match glob {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|skip| segment(rest, &name[skip..])),
            ['?', rest @ ..] => !name.is_empty() && segment(rest, &name[1..]),
            ['[', '!', c, ']', rest @ ..] => {
                name.first().is_some_and(|n| n != c) && segment(rest, &name[1..])
            }
            ['[', a, b, ']', rest @ ..] => {
                name.first().is_some_and(|n| n == a || n == b) && segment(rest, &name[1..])
            }
            [c, rest @ ..] => name.first() == Some(c) && segment(rest, &name[1..]),
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    let piece =
        prop::sample::select(vec!["a", "b", ".", "*", "?", "[ab]", "[.a]", "[!a]", "[!.]", "{a,b*}", "{,.}"]);
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

fn any_glob() -> impl Strategy<Value = Glob> {
    let segment = prop_oneof![3 => name(), 1 => Just("**".to_owned()), 1 => Just("{a,b/**,*/a}".to_owned())];
    (prop::collection::vec(segment, 1..4), any::<bool>())
        .prop_map(|(segments, below)| segments.join("/") + if below { "/" } else { "" })
        .prop_filter_map("a glob", |text| text.parse().ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn matching_and_intersection_agree_with_enumeration(a in any_glob(), b in any_glob()) {
        let witness = a.intersection(&b);
        prop_assert_eq!(b.intersection(&a).is_some(), witness.is_some(), "{} and {}: not symmetric", a, b);
        if let Some(witness) = &witness {
            prop_assert!(a.matches(witness) && b.matches(witness), "{} of {} and {}", witness, a, b);
            prop_assert!(slow::matches(a.as_str(), witness.as_str()) && slow::matches(b.as_str(), witness.as_str()));
            prop_assert_eq!(&path(witness.as_str()), witness, "a witness is a path");
        }
        for path in paths() {
            let (in_a, in_b) = (a.matches(&path), b.matches(&path));
            prop_assert_eq!(in_a, slow::matches(a.as_str(), path.as_str()), "{} and {}", a, path);
            prop_assert!(!(in_a && in_b) || witness.is_some(), "{} and {} share {}", a, b, path);
        }
    }

    #[test]
    fn a_matched_path_meets_as_a_literal(a in any_glob(), path in "[ab*.?{\\[ü!:]{1,3}(/[ab. \\\\]{1,3}){0,2}") {
        if let Ok(path) = path.parse::<RepoPath>() {
            let literal = Glob::literal(&path).unwrap();
            prop_assert!(literal.matches(&path));
            prop_assert_eq!(a.intersection(&literal), a.matches(&path).then(|| path.clone()));
        }
    }

    #[test]
    fn no_text_makes_reading_fail_otherwise(text in "[a/*?\\[\\]!^{},\\\\.:-]{0,40}") {
        if let Ok(glob) = text.parse::<Glob>() {
            prop_assert_eq!(glob.to_string(), text);
            prop_assert!(glob.weight() <= mc_glob::MAX_WEIGHT);
            if let Some(own) = glob.intersection(&glob) {
                prop_assert!(glob.matches(&own));
            }
        }
    }
}
