//! The grammar as published, and the calls others rely on.

use super::*;
use clap::CommandFactory as _;
use proptest::prelude::*;

#[test]
fn the_grammar_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn help_is_as_published() {
    insta::assert_snapshot!(Cli::command().render_help().to_string());
}

#[test]
fn the_calls_others_rely_on_are_read() {
    for call in [
        "mc create mission apollo -o json",
        "mc create kluster build -m apollo --runtime scripted",
        "mc create task -m apollo -k build --title T --name n --description D --runtime r --depends-on a --depends-on b",
        "mc get tasks -A -o json --limit 3",
        "mc get t apollo-1 -o yaml",
        "mc approve apr_1 --note fine",
        "mc ledger verify -o json",
        "mc system backup --to mc.backup --passphrase-file p -o json",
        "mc system restore --from mc.backup --data-dir d",
        "mc system migrate --to postgres://localhost/mc -o json",
        "mc wait task apollo-1 --for state=done --timeout 60s",
        "mc create session -m apollo --runtime scripted --task apollo-1",
        "mc prompt ses_1 hello --wait -o json",
        "mc logs ses_1 -o json --from 3 --follow",
        "mc wait session ses_1 --for state=idle",
        "mc session stop ses_1",
        "mc approve apr_1 --option allow",
        "mc publish -m apollo --task apollo-1 --wait",
        "mc apply -f - -f dir --dry-run",
        "mc node token create --name builder --ttl 5m --uses 1 -o json",
        "mc get nodes -o json",
        "mc reserve src/** --task apollo-1 --shared --ttl 1h --queue --wait",
        "mc get reservations --repo https://h.example/x --path src/a --state active",
        "mc wait reservation rsv_1 --for state=active",
        "mc delete reservation rsv_1",
        "mc hook install --repo . --fail-closed",
        "mc hook uninstall",
        "mc hook pre-commit --fail-open",
    ] {
        let words: Vec<&str> = call.split(' ').collect();
        assert!(Cli::try_parse_from(words).is_ok(), "{call}");
    }
    for call in [
        "mc get",
        "mc get hosts",
        "mc create mission Bad_Name",
        "mc wait task a --for ready",
        "mc reserve",
        "mc reserve a --shared --exclusive",
    ] {
        assert!(Cli::try_parse_from(call.split(' ')).is_err(), "{call}");
    }
}

proptest! {
    #[test]
    fn selectors_read_back(pairs in prop::collection::vec(("[a-z][a-z0-9_./-]{0,8}", "[a-zA-Z0-9 .-]{0,8}"), 1..4)) {
        let text: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let read = parse_selector(&text.join(",")).unwrap();
        let expected: Vec<(String, String)> =
            pairs.iter().map(|(k, v)| (k.clone(), v.trim().to_owned())).collect();
        prop_assert_eq!(read.0, expected);
    }
}

#[test]
fn selectors_refuse_what_no_label_can_be() {
    for bad in ["", "a", "=b", "a=b,", "a b=c"] {
        assert!(parse_selector(bad).is_err(), "{bad}");
    }
}

/// The token of a forge is never taken for the token of the server.
#[test]
fn a_credential_is_no_identity() {
    let call =
        "mc create connection forge --kind https --url https://h.example --access-token-file forge.token";
    let cli = Cli::try_parse_from(call.split(' ')).unwrap();
    assert_eq!(cli.global.token_file, None);
    let rotated =
        Cli::try_parse_from("mc persistence rotate forge --access-token-file new".split(' ')).unwrap();
    assert_eq!(rotated.global.token_file, None);
}

/// Words as a shell reads them, as far as the web UI quotes: `'…'` and `\'`.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = String::new();
    let (mut is_quoted, mut has_begun) = (false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => (is_quoted, has_begun) = (!is_quoted, true),
            '\\' if !is_quoted => word.extend(letters.next()),
            ' ' if !is_quoted => {
                if has_begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                has_begun = false;
            }
            '⏎' => word.push('\n'),
            other => word.push(other),
        }
    }
    assert!(!is_quoted, "{line}");
    if has_begun || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Every command that `mc why` and the page of a task offer.
#[test]
fn the_commands_that_take_causes_away_are_read() {
    for template in mc_api::why::fix::TEMPLATES {
        let mut line = (*template).to_owned();
        for (part, value) in [
            ("{task}", "apollo-1"),
            ("{mission}", "apollo"),
            ("{kluster}", "survey"),
            ("{most}", "2"),
            ("{priority}", "51"),
            ("{node}", "builder"),
            ("{approval}", "apr_1"),
            ("{repository}", "'https://h.example/x y'"),
            ("{reservation}", "rsv_1"),
            ("NAME", "scripted"),
        ] {
            line = line.replace(part, value);
        }
        assert!(!line.contains('{'), "{line}");
        if let Err(error) = Cli::try_parse_from(shell_words(&line)) {
            panic!("{line}\n{error}");
        }
    }
}

/// Every command that the web UI offers to copy; its own tests write the file (`web/src/lib/commands.test.ts`).
#[test]
fn the_commands_that_the_web_ui_shows_are_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/src/lib/commands.txt");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() > 90);
    for line in text.lines() {
        let is_blank = |word: &String| word.chars().all(|letter| letter.is_ascii_uppercase());
        let words = shell_words(line);
        // Words in capitals are to be filled in; a name is in small letters.
        let filled = words.iter().map(|word| if is_blank(word) { word.to_lowercase() } else { word.clone() });
        if let Err(error) = Cli::try_parse_from(filled) {
            panic!("{line}\n{error}");
        }
    }
}
