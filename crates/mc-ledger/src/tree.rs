//! The files of a Git ledger: chains in folders `ledger`, and the published files that they speak of.
//!
//! A chain is a folder `ledger`, or one below it, with files `<from>-<to>.jsonl` that follow each other, one for each
//! commit. The last event of each is the commit's *statement*, `publication.commit` with its body: which files it writes or
//! removes, with which digests, the very text that was approved, who asked and who decided. The chain's hash covers all of
//! it. Parts of the first format have no statement: there an event `publication.queue` names files and digests.
//!
//! An installation that was rebuilt from a chain goes on in a chain of its own, in the folder `after-…` that names the hash
//! which it goes on from. [`lineage`] finds out which chain goes on from which.

mod claims;
pub mod lineage;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chain::{Digest, SealedEvent, sha256};
use crate::export::{Fault, Report, Verifier};
use crate::published::PublishedFile;
use claims::{Claim, Said};
use lineage::{Installation, Marks};

/// The format of statements; parts without one are of the first.
pub const FORMAT: u32 = 2;

/// The files of a branch, read when they are needed.
pub trait Files {
    /// Every path.
    fn paths(&self) -> Vec<String>;

    /// Whether there is such a file.
    fn has(&self, path: &str) -> bool;

    /// The text of a file; `None` when it is not there or no text.
    ///
    /// # Errors
    /// It cannot be read.
    fn text(&self, path: &str) -> Result<Option<String>, String>;

    /// Gives each line of a text file.
    ///
    /// # Errors
    /// It cannot be read, or is no text.
    fn lines(&self, path: &str, each: &mut dyn FnMut(&str)) -> Result<(), String> {
        let text = self.text(path)?.ok_or("it is no text")?;
        text.lines().for_each(each);
        Ok(())
    }
}

impl Files for BTreeMap<String, Option<String>> {
    fn paths(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
    fn has(&self, path: &str) -> bool {
        self.contains_key(path)
    }
    fn text(&self, path: &str) -> Result<Option<String>, String> {
        Ok(self.get(path).cloned().flatten())
    }
}

/// When something was said: how deep its chain lies in the lineage, and where in that chain.
pub type Order = (usize, u64);

/// A published file that is what its chain says.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Its path.
    pub path: String,
    /// What it says.
    pub file: PublishedFile,
    /// SHA-256 of its state, as the chain says.
    pub sha256: String,
    /// The content of an artifact, when it is in Git.
    pub artifact: Option<String>,
    /// The installation whose chain speaks for it, among [`Tree::installations`].
    pub installation: usize,
    /// When that was said.
    pub order: Order,
}

/// What a Git ledger holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// One report for each chain, by folder.
    pub chains: BTreeMap<String, Report>,
    /// Whose chains they are, and which goes on from which.
    pub installations: Vec<Installation>,
    /// Every published file; empty when [`Tree::check`] gave them to somebody else.
    pub files: Vec<Verified>,
    /// By mission id: task numbers below this may have been given.
    pub task_numbers_below: BTreeMap<String, i64>,
    /// The first thing that is wrong with the files, when every chain is fine.
    pub fault: Option<String>,
    /// By path: what each installation said of it, oldest first.
    claims: BTreeMap<String, BTreeMap<usize, Vec<Claim>>>,
}

impl Tree {
    /// Whether everything verifies.
    pub fn is_ok(&self) -> bool {
        self.fault.is_none() && self.chains.values().all(|chain| chain.ok)
    }

    /// The first bad chain, with its folder.
    pub fn bad_chain(&self) -> Option<(&str, &Report)> {
        self.chains.iter().find(|(_, chain)| !chain.ok).map(|(folder, chain)| (folder.as_str(), chain))
    }

    /// Checks each published file against the chain that counts for it, and gives it on. After the first fault the rest is
    /// not looked at.
    pub fn check(&mut self, files: &dyn Files, each: &mut dyn FnMut(Verified) -> Result<(), String>) {
        if !self.is_ok() {
            return;
        }
        let claims = std::mem::take(&mut self.claims);
        for (path, said) in &claims {
            let counts = lineage::counting(&self.installations, said);
            let checked = check(files, path, &counts, &self.installations);
            match checked.and_then(|found| found.map_or(Ok(()), &mut *each)) {
                Ok(()) => {}
                Err(message) => {
                    self.fault = Some(format!("{path}: {message}"));
                    break;
                }
            }
        }
        self.claims = claims;
    }
}

/// What the line of an installation said last of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last<'t> {
    /// The path.
    pub path: &'t str,
    /// The id of the entity in it.
    pub entity: &'t str,
    /// When that was said.
    pub order: Order,
    /// The file was removed, because its entity was deleted.
    pub is_removed: bool,
}

impl Tree {
    /// What counts for an installation: its own claims, and those of the installations it goes on from up to where it does.
    fn of_line<'t>(
        &'t self,
        installation: usize,
        said: &'t BTreeMap<usize, Vec<Claim>>,
    ) -> impl Iterator<Item = (usize, Order, &'t Claim)> {
        let line = lineage::line_of(&self.installations, installation);
        said.iter().flat_map(move |(whose, claims)| {
            let upto = line.iter().find(|(one, _)| one == whose).map(|(_, upto)| *upto);
            let depth = self.installations[*whose].depth;
            claims
                .iter()
                .filter(move |claim| upto.is_some_and(|upto| claim.seq <= upto))
                .map(move |claim| (*whose, (depth, claim.seq), claim))
        })
    }

    /// What the line of an installation said last of each path, by path.
    pub fn last_said(&self, installation: usize) -> impl Iterator<Item = Last<'_>> {
        self.claims.iter().filter_map(move |(path, said)| {
            let (_, order, claim) = self.of_line(installation, said).max_by_key(|(_, order, _)| *order)?;
            Some(Last { path, entity: &claim.entity, order, is_removed: claim.removed })
        })
    }

    /// By entity: when the line of an installation said last that a file of it was removed.
    pub fn removed_in(&self, installation: usize) -> BTreeMap<String, Order> {
        let mut removed = BTreeMap::new();
        for said in self.claims.values() {
            for (_, order, claim) in self.of_line(installation, said).filter(|(_, _, claim)| claim.removed) {
                let known = removed.entry(claim.entity.clone()).or_insert(order);
                *known = order.max(*known);
            }
        }
        removed
    }

    /// Whether what a path held before may be wanted: several installations spoke of it, or it is a doc that was published
    /// more than once.
    pub fn has_earlier(&self, path: &str) -> bool {
        self.claims.get(path).is_some_and(|said| {
            let mut all = said.values().flatten();
            said.len() > 1 || (all.clone().count() > 1 && all.any(|claim| claim.entity.starts_with("doc_")))
        })
    }

    /// Every path that the chains speak of.
    pub fn spoken_of(&self) -> impl Iterator<Item = &str> {
        self.claims.keys().map(String::as_str)
    }

    /// Checks a text that a path had before against the line of an installation. `None`: nothing there speaks of it.
    ///
    /// # Errors
    /// It is the state that was approved, but not who asked or decided, or not its text.
    pub fn earlier(
        &self,
        files: &dyn Files,
        installation: usize,
        (path, text): (&str, &str),
    ) -> Result<Option<Verified>, String> {
        let Some(said) = self.claims.get(path) else { return Ok(None) };
        let Ok((file, _)) = PublishedFile::parse(text) else { return Ok(None) };
        let digest = file.digest().map_err(|error| error.to_string())?.to_string();
        let found = self.of_line(installation, said).find(|(_, _, claim)| claim.is_of(&file, &digest));
        let Some((whose, order, claim)) = found else { return Ok(None) };
        verified(files, path, (file, digest), (whose, order, claim), false).map(Some)
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

/// Verifies one chain and hears what it says.
fn read_chain(
    files: &dyn Files,
    folder: &str,
    names: &[String],
    said: &mut Said,
    marks: &mut Marks,
) -> Report {
    let mut parts = Vec::new();
    for name in names {
        let Some((from, to)) = range(name) else {
            return fault(Verifier::new().finish(), format!("{folder}/{name} does not belong there"));
        };
        parts.push((from, to, name));
    }
    parts.sort_unstable();
    let mut verifier = Verifier::new();
    let mut next = 1;
    for (from, to, name) in parts {
        if from != next {
            return fault(verifier.finish(), format!("{folder}/{from}-{to}.jsonl should begin at {next}"));
        }
        let mut count = 0;
        let read = files.lines(&format!("{folder}/{name}"), &mut |line| {
            if line.trim().is_empty() {
                return;
            }
            verifier.line(line);
            count += 1;
            if let Ok(event) = serde_json::from_str::<SealedEvent>(line) {
                marks.see(folder, &event);
                said.hear(event);
            }
        });
        if let Err(message) = read {
            return fault(verifier.finish(), format!("{folder}/{name}: {message}"));
        }
        if count != to - from + 1 {
            return fault(verifier.finish(), format!("{folder}/{from}-{to}.jsonl has {count} events"));
        }
        if let Err(message) = said.end_part() {
            return fault(verifier.finish(), format!("{folder}/{from}-{to}.jsonl: {message}"));
        }
        next = to + 1;
    }
    verifier.finish()
}

/// Verifies each chain of a branch from its first event, and finds out which goes on from which. No published file is
/// looked at: [`Tree::check`] does that.
pub fn survey(files: &dyn Files) -> Tree {
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files.paths() {
        if let Some((folder, name)) = chain_folder(&path) {
            folders.entry(folder.to_owned()).or_default().push(name.to_owned());
        }
    }
    // A mission may be called ledger too: a folder of that name is a chain when it holds lines.
    folders.retain(|folder, names| {
        folder == "ledger" || names.iter().any(|name| name.strip_suffix(".jsonl").is_some())
    });
    let mut tree = Tree::default();
    let mut marks = Marks::new(folders.keys());
    let mut heard = Vec::new();
    for (folder, names) in &folders {
        let mut said = Said::default();
        let report = read_chain(files, folder, names, &mut said, &mut marks);
        for (mission, below) in &said.task_numbers_below {
            let known = tree.task_numbers_below.entry(mission.clone()).or_default();
            *known = (*below).max(*known);
        }
        tree.chains.insert(folder.clone(), report);
        heard.push((folder.clone(), said));
    }
    tree.installations = lineage::installations(&tree.chains, &marks);
    for (folder, said) in heard {
        let found = tree.installations.iter().position(|one| one.folders.contains(&folder));
        let Some(whose) = found else { continue };
        for claim in said.into_claims() {
            let said = tree.claims.entry(claim.path.clone()).or_default().entry(whose).or_default();
            said.push(claim);
            // Chains of one installation for several places may speak of the same path.
            said.sort_by_key(|claim| claim.seq);
        }
    }
    tree
}

/// Verifies the text files of a branch: each chain from its first event, then each published file against its chain.
/// `None` is a file that is there and is no text.
pub fn verify(files: &BTreeMap<String, Option<String>>) -> Tree {
    let mut tree = survey(files);
    let mut found = Vec::new();
    tree.check(files, &mut |file| {
        found.push(file);
        Ok(())
    });
    tree.files = found;
    tree
}

/// A file against what counts for it; `None`: it was removed, and is not there.
fn check(
    files: &dyn Files,
    path: &str,
    counts: &[(usize, &Claim)],
    installations: &[Installation],
) -> Result<Option<Verified>, String> {
    let removed = counts.iter().any(|(_, claim)| claim.removed);
    if !files.has(path) {
        return if removed { Ok(None) } else { Err("it was published and is not there".into()) };
    }
    let Some(text) = files.text(path)? else { return Err("it is no text".into()) };
    let parsed = PublishedFile::parse(&text);
    if counts.iter().all(|(_, claim)| claim.removed) {
        // Somebody may have put something of their own in its place.
        return match parsed {
            Ok(_) => Err("it was removed because its entity was deleted, and is there again".into()),
            Err(_) => Ok(None),
        };
    }
    let (file, _) = parsed.map_err(|error| error.to_string())?;
    let digest = file.digest().map_err(|error| error.to_string())?.to_string();
    let of_state = |claim: &&(usize, &Claim)| claim.1.is_of(&file, &digest);
    let Some((installation, claim)) = counts.iter().find(of_state) else {
        return Err("it is not the state that was approved last".into());
    };
    let order = (installations[*installation].depth, claim.seq);
    verified(files, path, (file, digest), (*installation, order, claim), true).map(Some)
}

/// A file that holds what a claim says; its content is checked too.
fn verified(
    files: &dyn Files,
    path: &str,
    (file, digest): (PublishedFile, String),
    (installation, order, claim): (usize, Order, &Claim),
    needs_content: bool,
) -> Result<Verified, String> {
    claim.check_provenance(&file)?;
    let expected = |at: &Value| at.get("sha256").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(content) = &file.content {
        let wanted = expected(file.version.as_ref().unwrap_or(&Value::Null));
        matches_digest(content, &wanted)?;
    }
    let artifact = match &file.content_path {
        None => None,
        Some(at) => match files.text(at)? {
            None if needs_content => return Err(format!("{at} is not there")),
            None => None,
            Some(content) => {
                matches_digest(&content, &expected(&file.object))
                    .map_err(|error| format!("{at}: {error}"))?;
                Some(content)
            }
        },
    };
    Ok(Verified { path: path.to_owned(), file, sha256: digest, artifact, installation, order })
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
