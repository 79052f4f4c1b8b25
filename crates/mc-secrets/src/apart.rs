//! Taking secrets out of what is more than a text: JSON documents, logs, and texts whose secrets are known.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::Value;

use super::{Finding, KEY_BEGIN, KEY_END, Scanner, assigned, marker, scrub};

/// Shorter secrets are not looked for by their value: they stand in ordinary words.
const SHORTEST_KNOWN: usize = 6;

/// Takes secrets out of every text of a document: by their shape, and by the name of the member they are the value of.
/// Keys are looked through, too. What was found has line 1.
pub fn scrub_json(value: &mut Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(value, &mut findings);
    findings
}

fn walk(value: &mut Value, findings: &mut Vec<Finding>) {
    match value {
        Value::String(text) => {
            let (clean, found) = scrub(text);
            if !found.is_empty() {
                *text = clean.into_owned();
                findings.extend(found.into_iter().map(|one| Finding { line: 1, ..one }));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, findings)),
        Value::Object(members) => {
            for (key, mut member) in std::mem::take(members) {
                if let Value::String(text) = &mut member
                    && let Some(sort) = assigned(&key, text)
                {
                    findings.push(Finding { line: 1, sort });
                    *text = marker(sort);
                } else {
                    walk(&mut member, findings);
                }
                let (clean, found) = scrub(&key);
                if found.is_empty() {
                    members.insert(key, member);
                    continue;
                }
                findings.extend(found.into_iter().map(|one| Finding { line: 1, ..one }));
                let clean = clean.into_owned();
                let mut free = clean.clone();
                while members.contains_key(&free) {
                    free.push('+');
                }
                members.insert(free, member);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes known secrets out of a text, whatever their shape. Returns how often they stood there.
pub fn scrub_known(text: &mut String, known: &[String]) -> usize {
    let mut times = 0;
    for secret in known.iter().filter(|secret| secret.len() >= SHORTEST_KNOWN) {
        let found = text.matches(secret.as_str()).count();
        if found > 0 {
            times += found;
            *text = text.replace(secret.as_str(), &marker("known-secret"));
        }
    }
    times
}

/// The end of a log without secrets, known ones and those of a known shape: whole lines, at most `most` bytes before they
/// are taken out. Lines that are JSON are looked through as JSON. A private key that began before the part that is read is left out with all before its end.
///
/// # Errors
/// A file that cannot be read.
pub fn scrub_log(path: &Path, most: u64, known: &[String]) -> std::io::Result<(String, Vec<Finding>)> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut text = text.as_ref();
    if from > 0 {
        // It begins within a line.
        text = text.split_once('\n').map_or("", |(_, rest)| rest);
        let begin = KEY_BEGIN.find(text).map_or(usize::MAX, |found| found.start());
        if let Some(end) = KEY_END.find(text).filter(|end| end.start() < begin) {
            text = &text[end.end()..];
        }
    }
    // Known ones first: a shape may match a part of one.
    let mut text = text.to_owned();
    let times = scrub_known(&mut text, known);
    let mut inner = vec![Finding { line: 1, sort: "known-secret" }; times];
    let (mut scanner, mut clean) = (Scanner::default(), String::new());
    for line in text.split_inclusive('\n') {
        let line = scanner.line(line);
        clean.push_str(&of_json(&line, &mut inner).unwrap_or_else(|| line.into_owned()));
    }
    scanner.findings.append(&mut inner);
    Ok((clean, scanner.findings))
}

/// A line of JSON that had secrets within its texts, without them.
fn of_json(line: &str, findings: &mut Vec<Finding>) -> Option<String> {
    if !line.starts_with('{') {
        return None;
    }
    let mut value: Value = serde_json::from_str(line).ok()?;
    let found = scrub_json(&mut value);
    if found.is_empty() {
        return None;
    }
    findings.extend(found);
    Some(format!("{value}\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token() -> String {
        format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p')
    }

    #[test]
    fn members_texts_and_keys_of_a_document_are_looked_through() {
        let token = token();
        let mut value = json!({
            "password": "correct7horse", "name": "fine", "count": 3,
            "deep": [{"note": format!("use {token} now")}],
            "text": "{\"password\": \"correct7horse\"}",
            token.clone(): "label"
        });
        let found = scrub_json(&mut value);
        assert_eq!(found.len(), 4, "{found:?}");
        let text = value.to_string();
        assert!(!text.contains("correct7") && !text.contains(&token), "{text}");
        assert_eq!((&value["name"], &value["count"]), (&json!("fine"), &json!(3)));
        assert_eq!(scrub_json(&mut value), []);
    }

    #[test]
    fn known_secrets_go_whatever_they_look_like_and_short_ones_are_words() {
        let mut text = "a plain-word and plain-word and abc".to_owned();
        assert_eq!(scrub_known(&mut text, &["plain-word".into(), "abc".into()]), 2);
        assert_eq!(text, "a [scrubbed:known-secret] and [scrubbed:known-secret] and abc");
    }

    #[test]
    fn the_end_of_a_log_has_whole_lines_and_no_half_key() {
        let token = token();
        let body = "c2VjcmV0IGJ5dGVzIG9mIGEga2V5\n".repeat(40);
        let key = format!("-----BEGIN {0}-----\n{body}-----END {0}-----\n", "PRIVATE KEY");
        let json = json!({"level": "INFO", "text": format!("{{\"token\": \"{token}\"}}")});
        let log = format!("first line\n{key}INFO token={token}\n{json}\nlast\n");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &log).unwrap();
        for most in [20, 200, 400, 700, 1000, 1500, u64::MAX >> 1] {
            let (clean, _) = scrub_log(file.path(), most, &[]).unwrap();
            assert!(!clean.contains("a1B2c3") && !clean.contains("c2VjcmV0"), "{most}: {clean}");
            assert!(clean.ends_with("last\n"), "{most}: {clean}");
        }
        let (clean, found) = scrub_log(file.path(), 1 << 20, &[]).unwrap();
        assert!(clean.starts_with("first line\n") && found.len() == 3, "{found:?}: {clean}");
        let around = format!("token={token}");
        let (clean, found) = scrub_log(file.path(), 1 << 20, &[around]).unwrap();
        assert!(!clean.contains("a1B2c3") && found.iter().any(|one| one.sort == "known-secret"), "{found:?}");
        assert!(scrub_log(Path::new("/nonexistent/log"), 10, &[]).is_err());
    }
}
