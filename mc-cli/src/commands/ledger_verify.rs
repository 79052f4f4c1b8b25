//! `mc ledger verify`: the chain is recomputed here, from the server, an export or the Git ledger.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use mc_ledger::export::{Verifier, verify_reader};
use mc_ledger::tree::lineage::Installation;
use mc_ledger::tree::{self, Tree};
use mc_ledger::{Fault, Report, SealedEvent};
use serde::Serialize;

use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::lines;

/// What a verification found, and where.
#[derive(Debug, Serialize)]
struct Verified {
    /// The chain is whole and unchanged.
    ok: bool,
    /// Events checked.
    events: u64,
    /// Events that the server has committed but not yet sealed; unknown without the server.
    unsealed: Option<i64>,
    first_seq: u64,
    last_seq: u64,
    head: mc_ledger::Digest,
    /// `server`, or the file or folder.
    source: String,
    fault: Option<Fault>,
    /// Every installation that published there, and which one goes on from which; only of a Git ledger.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    installations: Vec<Installation>,
}

impl Verified {
    fn new(report: Report, source: String, unsealed: Option<i64>) -> Self {
        Self {
            ok: report.ok,
            events: report.events,
            unsealed,
            first_seq: report.first_seq,
            last_seq: report.last_seq,
            head: report.head,
            source,
            fault: report.fault,
            installations: Vec::new(),
        }
    }

    /// One line for each installation, when there are several: what it is and where it lies.
    fn told(&self) -> String {
        if self.installations.len() < 2 {
            return String::new();
        }
        let name = |one: &Installation| format!("{} in {}", one.id, one.folders.join(", "));
        lines(self.installations.iter().map(|one| {
            let from = match one.continues {
                Some((parent, seq)) => {
                    format!("goes on from {} at {seq}", name(&self.installations[parent]))
                }
                None if one.continues_elsewhere => "goes on from a chain that is not here".to_owned(),
                None => "the first".to_owned(),
            };
            let is = if one.is_current { "current" } else { "superseded" };
            format!(
                "  {}: {is}, {from}; {} events, head {} at {}",
                name(one),
                one.events,
                one.head,
                one.last_seq
            )
        }))
    }

    fn fails(&mut self, message: String) {
        if self.ok {
            self.ok = false;
            self.fault = Some(Fault { line: self.events + 1, seq: Some(self.last_seq + 1), message });
        }
    }

    fn tell(self, cx: &Invocation) -> anyhow::Result<()> {
        cx.out.value(&self, || {
            let verdict = if self.ok { "ok" } else { "NOT OK" };
            let unsealed = self.unsealed.map(|n| format!(", {n} not yet sealed")).unwrap_or_default();
            let first = format!(
                "{verdict}: {} events{unsealed}, head {} at {}\n",
                self.events, self.head, self.last_seq
            );
            first + &self.told()
        })?;
        match self.fault {
            None => Ok(()),
            Some(fault) => Err(Failure::Refused(format!("the ledger does not verify: {fault}")).into()),
        }
    }
}

/// Verifies what the server exports, and that it goes as far as the server said before.
pub(super) async fn server(cx: &Invocation) -> anyhow::Result<()> {
    let client = cx.client()?;
    let head = client.ledger_head().await?;
    let mut lines = client.ledger_export().await?;
    let mut verifier = Verifier::new();
    let mut hash_at_head = None;
    while let Some(line) = lines.next().await? {
        match serde_json::from_str::<SealedEvent>(&line) {
            Ok(event) => {
                verifier.event(&event);
                if i64::try_from(event.seq) == Ok(head.seq) {
                    hash_at_head = Some(event.hash.to_string());
                }
            }
            Err(_) => verifier.line(&line),
        }
    }
    let mut verified = Verified::new(verifier.finish(), "server".into(), Some(head.unsealed));
    if head.seq > 0 {
        match hash_at_head {
            None => verified.fails(format!("the export ends before the server's head, {}", head.seq)),
            Some(hash) if hash != head.hash => {
                verified.fails(format!("the server's head at {} has another hash than the export", head.seq));
            }
            Some(_) => {}
        }
    }
    verified.tell(cx)
}

/// Verifies an export in a file.
pub(super) fn file(cx: &Invocation, path: &Path) -> anyhow::Result<()> {
    let report = if path == Path::new("-") {
        verify_reader(std::io::BufReader::new(std::io::stdin()))
    } else {
        let file = std::fs::File::open(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
        verify_reader(std::io::BufReader::new(file))
    };
    let report = report.with_context(|| format!("cannot read {}", path.display()))?;
    Verified::new(report, path.display().to_string(), None).tell(cx)
}

/// Verifies the Git ledger: every chain in it, and every published file against its chain.
pub(super) fn git(cx: &Invocation, dir: &Path, branch: &str) -> anyhow::Result<()> {
    let tree = Branch::open(dir, branch)?.verify(&mut |_| Ok(()));
    let mut verified = Verified::new(report(&tree), dir.display().to_string(), None);
    verified.installations = tree.installations;
    verified.tell(cx)
}

/// The files of a branch; each is read when it is needed.
pub(super) struct Branch {
    pub(super) repository: git2::Repository,
    pub(super) commit: git2::Oid,
    pub(super) files: BTreeMap<String, git2::Oid>,
}

impl Branch {
    pub(super) fn open(dir: &Path, branch: &str) -> anyhow::Result<Self> {
        let repository = git2::Repository::open(dir).map_err(|error| {
            Failure::NotFound(format!("{} is no Git repository: {}", dir.display(), error.message()))
        })?;
        let reference = repository.find_reference(&format!("refs/heads/{branch}")).map_err(|_| {
            Failure::NotFound(format!("{} has no branch {branch}; nothing was published yet", dir.display()))
        })?;
        let commit =
            reference.peel_to_commit().with_context(|| format!("branch {branch} has no commit"))?.id();
        drop(reference);
        let mut files = BTreeMap::new();
        {
            let commit = repository.find_commit(commit)?;
            let tree = commit.tree().with_context(|| format!("branch {branch} has no tree"))?;
            tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
                if entry.kind() == Some(git2::ObjectType::Blob) {
                    let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
                    files.insert(path, entry.id());
                }
                git2::TreeWalkResult::Ok
            })?;
        }
        Ok(Self { repository, commit, files })
    }

    /// Verifies every chain, then every published file, and gives those on one by one.
    pub(super) fn verify(&self, each: &mut dyn FnMut(tree::Verified) -> Result<(), String>) -> Tree {
        let mut found = tree::survey(self);
        found.check(self, each);
        found
    }
}

impl tree::Files for Branch {
    fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn text(&self, path: &str) -> Result<Option<String>, String> {
        let Some(id) = self.files.get(path) else { return Ok(None) };
        let blob = self.repository.find_blob(*id).map_err(|error| error.message().to_owned())?;
        Ok(std::str::from_utf8(blob.content()).ok().map(str::to_owned))
    }
}

/// Refuses a Git ledger that does not verify.
pub(super) fn whole(tree: &Tree, dir: &Path) -> anyhow::Result<()> {
    let report = report(tree);
    match report.fault {
        None => Ok(()),
        Some(fault) => Err(Failure::Refused(format!("{} does not verify: {fault}", dir.display())).into()),
    }
}

/// One report of all chains: the first bad one, else that of the current installation (of several, the first), with what is
/// wrong with the files.
fn report(tree: &Tree) -> Report {
    let bad = tree.chains.values().find(|chain| !chain.ok);
    let current = tree.installations.iter().find(|one| one.is_current);
    let of_current = current.into_iter().flat_map(|one| &one.folders).filter_map(|at| tree.chains.get(at));
    let longest = of_current.max_by_key(|chain| chain.last_seq);
    let mut report = bad.or(longest).cloned().unwrap_or_else(|| Verifier::new().finish());
    if let (Some((folder, _)), Some(fault)) = (tree.bad_chain(), &mut report.fault) {
        fault.message = format!("{folder}: {}", fault.message);
    }
    if let (Some(message), true) = (&tree.fault, report.ok) {
        report.ok = false;
        report.fault = Some(Fault { line: 0, seq: None, message: message.clone() });
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_ledger::{Digest, Envelope, sha256};

    fn chain(length: u64) -> Vec<String> {
        let mut prev = Digest::GENESIS;
        let mut lines = vec![];
        for seq in 1..=length {
            let envelope = Envelope {
                id: format!("evt_{seq}"),
                organization_id: "org".into(),
                mission_id: None,
                action: "task.create".into(),
                subject_kind: "task".into(),
                subject_id: "task".into(),
                principal_id: "prn".into(),
                request_id: "r".into(),
                occurred_at: "2026-01-01T00:00:00.000000Z".into(),
            };
            let body_sha256 = sha256(b"{}");
            let hash = envelope.seal(prev, seq, body_sha256).unwrap();
            let event = SealedEvent { seq, prev, hash, envelope, body_sha256, body: None };
            lines.push(serde_json::to_string(&event).unwrap() + "\n");
            prev = hash;
        }
        lines
    }

    fn repository(parts: &[(&str, String)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init_bare(dir.path()).unwrap();
        let mut folder = repository.treebuilder(None).unwrap();
        for (name, text) in parts {
            folder.insert(name, repository.blob(text.as_bytes()).unwrap(), 0o100_644).unwrap();
        }
        let mut root = repository.treebuilder(None).unwrap();
        root.insert("ledger", folder.write().unwrap(), 0o040_000).unwrap();
        let tree = repository.find_tree(root.write().unwrap()).unwrap();
        let who = git2::Signature::new("t", "t@localhost", &git2::Time::new(0, 0)).unwrap();
        repository.commit(Some("refs/heads/main"), &who, &who, "m", &tree, &[]).unwrap();
        dir
    }

    fn git_report(dir: &Path, branch: &str) -> anyhow::Result<Report> {
        Ok(report(&Branch::open(dir, branch)?.verify(&mut |_| Ok(()))))
    }

    fn message(dir: &tempfile::TempDir) -> String {
        git_report(dir.path(), "main").unwrap().fault.map(|fault| fault.message).unwrap_or_default()
    }

    #[test]
    fn parts_in_git_are_one_chain_in_numerical_order() {
        let lines = chain(12);
        let dir = repository(&[
            ("1-2.jsonl", lines[..2].concat()),
            ("10-12.jsonl", lines[9..].concat()),
            ("3-9.jsonl", lines[2..9].concat()),
        ]);
        let report = git_report(dir.path(), "main").unwrap();
        assert!(report.ok && report.events == 12 && report.last_seq == 12, "{report:?}");
    }

    #[test]
    fn gaps_strangers_and_changes_in_git_are_faults() {
        let lines = chain(4);
        assert!(message(&repository(&[("2-4.jsonl", lines[1..].concat())])).contains("begin at 1"));
        let gap = [("1-2.jsonl", lines[..2].concat()), ("4-4.jsonl", lines[3].clone())];
        assert!(message(&repository(&gap)).contains("begin at 3"));
        assert!(message(&repository(&[("1-3.jsonl", lines[..2].concat())])).contains("has 2 events"));
        assert!(message(&repository(&[("notes.txt", String::new())])).contains("does not belong"));
        let changed = lines.concat().replacen("task.create", "task.delete", 1);
        assert!(message(&repository(&[("1-4.jsonl", changed)])).contains("hash"));
    }

    #[test]
    fn an_empty_repository_says_so() {
        let dir = tempfile::tempdir().unwrap();
        assert!(git_report(dir.path(), "main").unwrap_err().to_string().contains("no Git repository"));
        git2::Repository::init_bare(dir.path()).unwrap();
        assert!(git_report(dir.path(), "main").unwrap_err().to_string().contains("no branch main"));
    }
}
