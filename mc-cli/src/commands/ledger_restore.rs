//! `mc ledger restore`: the texts of a Git ledger are verified here, written to a file, and sent from there.

use std::collections::{BTreeSet, HashSet};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use mc_api::restore::RestorePart;
use mc_client::Upload;
use mc_ledger::tree::lineage::{self, NotChosen};
use mc_ledger::tree::{Tree, chain_folder};

use super::ledger_verify::{Branch, whole};
use crate::context::Invocation;
use crate::exit::Failure;

/// Sends what a branch holds; the server verifies it again, and shows everything or nothing.
pub(super) async fn run(
    cx: &Invocation,
    dir: &Path,
    branch: &str,
    installation: Option<String>,
) -> anyhow::Result<()> {
    let spool = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    write(dir, branch, installation, spool.as_file())?;
    let restored = cx.client()?.restore_ledger(Upload::File(spool.path().to_owned())).await?;
    for note in &restored.notes {
        cx.out.talk(&format!("note: {note}"));
    }
    cx.out.value(&restored, || {
        format!(
            "restored from {}: {} missions, {} klusters, {} tasks, {} docs and {} keystones with {} versions, {} artifacts\n",
            restored.commit,
            restored.missions,
            restored.klusters,
            restored.tasks,
            restored.docs,
            restored.keystones,
            restored.doc_versions,
            restored.artifacts
        )
    })
}

/// Writes parts, one text after the other.
struct Parts<'a> {
    out: BufWriter<&'a std::fs::File>,
    branch: &'a Branch,
    files: u64,
}

impl Parts<'_> {
    fn line(&mut self, part: &RestorePart) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.out, part)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// A text; what is no text is left out.
    fn text(&mut self, id: git2::Oid, part: impl FnOnce(u64) -> RestorePart) -> anyhow::Result<()> {
        let blob = self.branch.repository.find_blob(id).with_context(|| format!("object {id}"))?;
        if std::str::from_utf8(blob.content()).is_ok() {
            self.line(&part(blob.content().len() as u64))?;
            self.out.write_all(blob.content())?;
            self.files += 1;
        }
        Ok(())
    }
}

fn write(dir: &Path, branch: &str, installation: Option<String>, file: &std::fs::File) -> anyhow::Result<()> {
    let branch = Branch::open(dir, branch)?;
    let mut wanted = BTreeSet::new();
    let tree = branch.verify(&mut |found| {
        wanted.extend(found.file.content_path);
        Ok(())
    });
    whole(&tree, dir)?;
    lineage::choose(&tree.installations, installation.as_deref()).map_err(|error| match error {
        NotChosen::Unknown(..) => Failure::NotFound(error.to_string()),
        NotChosen::Several(..) => Failure::Refused(format!("{error}; add --installation ID")),
        NotChosen::Empty => Failure::Refused(error.to_string()),
    })?;
    let is_chain =
        |path: &str| chain_folder(path).is_some_and(|(folder, _)| tree.chains.contains_key(folder));
    wanted.extend(branch.files.keys().filter(|path| is_chain(path)).cloned());
    wanted.extend(tree.spoken_of().map(str::to_owned));
    let mut parts = Parts { out: BufWriter::new(file), branch: &branch, files: 0 };
    parts.line(&RestorePart::Ledger { commit: branch.commit.to_string(), installation })?;
    for path in wanted {
        if let Some(id) = branch.files.get(&path) {
            parts.text(*id, |bytes| RestorePart::File { path, bytes })?;
        }
    }
    for (path, id) in earlier(&branch, &tree)? {
        parts.text(id, |bytes| RestorePart::Earlier { path, bytes })?;
    }
    let files = parts.files;
    parts.line(&RestorePart::End { files })?;
    Ok(parts.out.flush()?)
}

/// What the paths held in earlier commits of which that may be wanted, each text once.
fn earlier(branch: &Branch, tree: &Tree) -> anyhow::Result<Vec<(String, git2::Oid)>> {
    let wanted: HashSet<&str> = tree.spoken_of().filter(|path| tree.has_earlier(path)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let repository = &branch.repository;
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    let mut walk = repository.revwalk()?;
    walk.push(branch.commit)?;
    for id in walk {
        // A shallow clone ends here; the server says what it misses.
        let Ok(commit) = id.and_then(|id| repository.find_commit(id)) else { break };
        let before = commit.parent(0).and_then(|parent| parent.tree()).ok();
        let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), None)?;
        for delta in diff.deltas() {
            let new = delta.new_file();
            let path = new.path().and_then(Path::to_str).filter(|path| wanted.contains(path));
            let Some(path) = path.filter(|_| !new.id().is_zero()) else { continue };
            if branch.files.get(path) != Some(&new.id()) && seen.insert((path.to_owned(), new.id())) {
                found.push((path.to_owned(), new.id()));
            }
        }
    }
    Ok(found)
}
