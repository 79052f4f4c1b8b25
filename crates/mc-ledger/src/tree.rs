//! The files of a Git ledger: chains in folders `ledger`, and the published files that they speak of.
//!
//! A chain is a folder `ledger`, or one below it, with files `<from>-<to>.jsonl` that follow each other. An event
//! `publication.queue` with its body names files and digests of states; the last one that names a file counts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chain::{Digest, SealedEvent, sha256};
use crate::export::{Fault, Report, Verifier};
use crate::published::PublishedFile;

/// A published file that is what its chain says.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Its path.
    pub path: String,
    /// What it says.
    pub file: PublishedFile,
    /// The content of an artifact, when it is in Git.
    pub artifact: Option<String>,
}

/// What a Git ledger holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// One report for each chain, by folder.
    pub chains: BTreeMap<String, Report>,
    /// Every published file.
    pub files: Vec<Verified>,
    /// By mission id: task numbers below this may have been given.
    pub task_numbers_below: BTreeMap<String, i64>,
    /// The first thing that is wrong with the files, when every chain is fine.
    pub fault: Option<String>,
}

impl Tree {
    /// Whether everything verifies.
    pub fn is_ok(&self) -> bool {
        self.fault.is_none() && self.chains.values().all(|chain| chain.ok)
    }
}

/// The folder of the chain that a path belongs to, and its name there.
pub fn chain_folder(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    let mut parts = folder.rsplit('/');
    let (last, above) = (parts.next()?, parts.next());
    (last == "ledger" || above == Some("ledger")).then_some((folder, name))
}

/// `<from>-<to>.jsonl`, with or without leading zeros.
pub fn range(name: &str) -> Option<(u64, u64)> {
    let (from, to) = name.strip_suffix(".jsonl")?.split_once('-')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (from, to): (u64, u64) = (number(from)?, number(to)?);
    (1 <= from && from <= to).then_some((from, to))
}

/// Adds a fault to a report that has none.
fn fault(mut report: Report, message: String) -> Report {
    if report.fault.is_none() {
        report.ok = false;
        let seq = Some(report.last_seq + 1);
        report.fault = Some(Fault { line: report.events + 1, seq, message });
    }
    report
}

/// What the events of a chain say of files.
#[derive(Default)]
struct Said {
    /// Path to digest and publication.
    files: BTreeMap<String, (String, String)>,
}

fn verify_chain(folder: &str, names: &[(&str, &str)], mut heard: impl FnMut(&SealedEvent)) -> Report {
    let mut parts = Vec::new();
    for (name, text) in names {
        let Some((from, to)) = range(name) else {
            return fault(Verifier::new().finish(), format!("{folder}/{name} does not belong there"));
        };
        parts.push((from, to, *text));
    }
    parts.sort_unstable_by_key(|(from, to, _)| (*from, *to));
    let mut verifier = Verifier::new();
    let mut next = 1;
    for (from, to, text) in parts {
        if from != next {
            return fault(verifier.finish(), format!("{folder}/{from}-{to}.jsonl should begin at {next}"));
        }
        let mut count = 0;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            verifier.line(line);
            count += 1;
            if let Ok(event) = serde_json::from_str::<SealedEvent>(line) {
                heard(&event);
            }
        }
        if count != to - from + 1 {
            return fault(verifier.finish(), format!("{folder}/{from}-{to}.jsonl has {count} events"));
        }
        next = to + 1;
    }
    verifier.finish()
}

fn hear(event: &SealedEvent, said: &mut Said, numbers: &mut BTreeMap<String, i64>) -> Option<()> {
    if event.envelope.action != "publication.queue" {
        return None;
    }
    let body: Value = serde_json::from_str(event.body.as_deref()?).ok()?;
    let after = body.get("after")?;
    let mission = after.get("mission_id")?.as_str()?;
    let below = after.get("task_numbers_below").and_then(Value::as_i64).unwrap_or(0);
    let known = numbers.entry(mission.to_owned()).or_default();
    *known = below.max(*known);
    let publication = after.get("id")?.as_str()?;
    for item in after.get("items")?.as_array()? {
        let (path, digest) = (item.get("path")?.as_str()?, item.get("sha256")?.as_str()?);
        said.files.insert(path.to_owned(), (digest.to_owned(), publication.to_owned()));
    }
    Some(())
}

/// Verifies the text files of a branch: each chain from its first event, then each published file against its chain.
/// `None` is a file that is there and is no text.
pub fn verify(files: &BTreeMap<String, Option<String>>) -> Tree {
    let mut folders: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (path, text) in files {
        if let Some((folder, name)) = chain_folder(path) {
            folders.entry(folder).or_default().push((name, text.as_deref().unwrap_or("\u{fffd}")));
        }
    }
    // A mission may be called ledger too: a folder of that name is a chain when it holds lines.
    folders.retain(|folder, names| {
        *folder == "ledger" || names.iter().any(|(name, _)| name.strip_suffix(".jsonl").is_some())
    });
    let mut tree = Tree::default();
    let mut chains = Vec::new();
    for (folder, names) in folders {
        let mut said = Said::default();
        let report = verify_chain(folder, &names, |event| {
            // An event without a body says nothing of files.
            let _nothing = hear(event, &mut said, &mut tree.task_numbers_below);
        });
        tree.chains.insert(folder.to_owned(), report);
        chains.push(said);
    }
    if !tree.is_ok() {
        return tree;
    }
    let mut paths: Vec<&String> = chains.iter().flat_map(|said| said.files.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        // Each chain's last word counts: a rebuilt installation goes on in a chain of its own.
        let said: Vec<_> = chains.iter().filter_map(|said| said.files.get(path)).collect();
        match check(files, path, &said) {
            Ok(found) => tree.files.push(found),
            Err(message) => {
                tree.fault = Some(format!("{path}: {message}"));
                break;
            }
        }
    }
    tree
}

fn check(
    files: &BTreeMap<String, Option<String>>,
    path: &str,
    said: &[&(String, String)],
) -> Result<Verified, String> {
    let text = match files.get(path) {
        None => return Err("it was published and is not there".into()),
        Some(None) => return Err("it is no text".into()),
        Some(Some(text)) => text,
    };
    let (file, _) = PublishedFile::parse(text).map_err(|error| error.to_string())?;
    let digest = file.digest().map_err(|error| error.to_string())?.to_string();
    let publication = file.provenance.get("publication_id").and_then(Value::as_str).unwrap_or_default();
    if !said.iter().any(|(wanted, by)| *wanted == digest && by == publication) {
        return Err("it is not the state that was approved last".into());
    }
    let expected = |at: &Value| at.get("sha256").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(content) = &file.content {
        let wanted = expected(file.version.as_ref().unwrap_or(&Value::Null));
        matches_digest(content, &wanted)?;
    }
    let artifact = match &file.content_path {
        None => None,
        Some(at) => {
            let content =
                files.get(at).and_then(Option::as_ref).ok_or_else(|| format!("{at} is not there"))?;
            matches_digest(content, &expected(&file.object)).map_err(|error| format!("{at}: {error}"))?;
            Some(content.clone())
        }
    };
    Ok(Verified { path: path.to_owned(), file, artifact })
}

fn matches_digest(content: &str, wanted: &str) -> Result<(), String> {
    let digest: Digest = sha256(content.as_bytes());
    if digest.to_string() == wanted { Ok(()) } else { Err("the content does not have its digest".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_in_a_folder_ledger_or_directly_below_one() {
        assert_eq!(chain_folder("ledger/1-2.jsonl"), Some(("ledger", "1-2.jsonl")));
        assert_eq!(chain_folder("a/b/ledger/x/1-2.jsonl"), Some(("a/b/ledger/x", "1-2.jsonl")));
        assert_eq!(chain_folder("ledger"), None);
        assert_eq!(chain_folder("docs/ledger.md"), None);
        assert_eq!(range("000000000001-000000000042.jsonl"), Some((1, 42)));
        for bad in ["1-2.json", "2-1.jsonl", "0-1.jsonl", "+1-2.jsonl", "x"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
