//! `mc workspace`: a kluster in a folder.
//!
//! The folder holds `docs/<name>.md`, `keystones/…` and `artifacts/<name>`, and `.mc-workspace.json` with the lease and
//! what each path was when it was loaded or last committed. Nothing outside of these folders is read, no link is followed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_api::artifact::Artifact;
use mc_api::workspace::{
    Change, ChangeOp, CommitWorkspace, EntryKind, HeartbeatWorkspace, IndexEntry, LoadWorkspace,
    LoadedWorkspace, ReleaseWorkspace, Workspace,
};
use mc_client::{Client, Scope, sha256_of};
use serde::{Deserialize, Serialize};

use super::artifact::guess;
use super::doc::text_of;
use crate::args::WorkspaceCommand;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::lines;

/// The file that makes a folder a workspace.
const STATE: &str = ".mc-workspace.json";
/// The folders whose files are committed.
const FOLDERS: [&str; 3] = ["artifacts", "docs", "keystones"];

/// What is known of a loaded workspace.
#[derive(Serialize, Deserialize)]
struct State {
    workspace: String,
    mission: String,
    kluster: String,
    /// How often it was committed from here: part of the key of the next commit.
    commits: i64,
    index: Vec<IndexEntry>,
}

/// One path that differs from what was loaded.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Difference {
    path: String,
    change: ChangeOp,
}

/// `mc workspace status -o json`.
#[derive(Serialize)]
struct Status {
    workspace: Workspace,
    changes: Vec<Difference>,
    ignored: Vec<String>,
}

pub(super) async fn run(cx: &Invocation, command: WorkspaceCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    match command {
        WorkspaceCommand::Load { dir, label, lease } => {
            let request = LoadWorkspace {
                mission: cx.scope()?.mission,
                kluster: cx.kluster()?,
                label,
                agent_id: None,
                lease_seconds: seconds(lease)?,
            };
            load(cx, &client, &dir, &request).await
        }
        WorkspaceCommand::Status { dir } => status(cx, &client, &dir).await,
        WorkspaceCommand::Commit { dir, note, acknowledge_overlap } => {
            commit(cx, &client, &dir, note, acknowledge_overlap).await
        }
        WorkspaceCommand::Heartbeat { dir, lease } => {
            let state = State::read(&dir)?;
            let body = HeartbeatWorkspace { lease_seconds: seconds(lease)? };
            let workspace = client.heartbeat_workspace(&state.workspace, &body).await?;
            cx.out.value(&workspace, || {
                format!("workspace/{} lives until {}\n", workspace.id, workspace.lease_until)
            })
        }
        WorkspaceCommand::Release { dir, reason } => {
            let state = State::read(&dir)?;
            let workspace = client.release_workspace(&state.workspace, &ReleaseWorkspace { reason }).await?;
            std::fs::remove_file(dir.join(STATE)).context("the workspace is released, its file stays")?;
            cx.out.value(&workspace, || format!("workspace/{} released; the files stay\n", workspace.id))
        }
    }
}

fn seconds(lease: Option<std::time::Duration>) -> Result<Option<u32>, Failure> {
    let seconds = lease.map(|lease| u32::try_from(lease.as_secs())).transpose();
    seconds.map_err(|_| Failure::Usage("--lease is from 60s to 1h".into()))
}

impl State {
    fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(STATE);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::Usage(format!(
                "{} is no workspace ({error}); `mc workspace load` makes one",
                dir.display()
            ))
        })?;
        serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
    }

    /// Whole or not at all.
    fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let what = || format!("cannot write {}", dir.join(STATE).display());
        let file = tempfile::Builder::new().prefix(".mc-workspace-").tempfile_in(dir).with_context(what)?;
        serde_json::to_writer_pretty(file.as_file(), self).with_context(what)?;
        file.as_file().sync_all().with_context(what)?;
        file.persist(dir.join(STATE)).map_err(|error| error.error).with_context(what)?;
        Ok(())
    }
}

/// Where a path of the index lies in the folder; a path that leads elsewhere is refused, whoever sent it.
fn inside(dir: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let good =
        path.split_once('/').is_some_and(|(folder, name)| FOLDERS.contains(&folder) && is_file_name(name));
    if !good {
        return Err(anyhow::anyhow!("the server names the path {path:?}, which is none of a workspace"));
    }
    Ok(dir.join(path))
}

/// A name that stays in its folder on every system.
fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.chars().all(plain) && !name.starts_with(['.', '-'])
}

async fn load(cx: &Invocation, client: &Client, dir: &Path, request: &LoadWorkspace) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut entries = std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    if entries.next().is_some() {
        return Err(Failure::Usage(format!("{} is not empty; load into a new folder", dir.display())).into());
    }
    let loaded = client.load_workspace(request).await?;
    for folder in FOLDERS {
        std::fs::create_dir(dir.join(folder)).with_context(|| format!("cannot make {folder}"))?;
    }
    let mut files = 0;
    for entry in loaded.index.iter().filter(|entry| !entry.readonly) {
        check_out(client, dir, &loaded, entry).await.with_context(|| entry.path.clone())?;
        files += 1;
    }
    let state = State {
        workspace: loaded.workspace.id.to_string(),
        mission: loaded.workspace.mission.to_string(),
        kluster: loaded.workspace.kluster.to_string(),
        commits: loaded.workspace.commits,
        index: loaded.index,
    };
    state.write(dir)?;
    let workspace = loaded.workspace;
    cx.out.value(&workspace, || {
        format!("workspace/{} loaded, {files} files, lives until {}\n", workspace.id, workspace.lease_until)
    })
}

/// Writes one path as it was loaded.
async fn check_out(
    client: &Client,
    dir: &Path,
    loaded: &LoadedWorkspace,
    entry: &IndexEntry,
) -> anyhow::Result<()> {
    let target = inside(dir, &entry.path)?;
    if entry.kind == EntryKind::Artifact {
        let artifact: Artifact = client.get(&entry.id, &Scope::default()).await?;
        let mut file = tokio::fs::File::create_new(&target).await?;
        client.download(&artifact, mc_client::Have::nothing(), &mut file).await?;
        return Ok(());
    }
    let all = loaded.docs.iter().chain(&loaded.north_star).chain(&loaded.workstream);
    let shown = all.into_iter().find(|doc| doc.path == entry.path).and_then(|doc| doc.content.clone());
    let text = if let Some(text) = shown {
        text
    } else {
        let fetched = client.workspace_content(&loaded.workspace.id.to_string(), &entry.path).await?;
        fetched.doc.context("the server gave no text")?.content
    };
    tokio::fs::write(&target, text).await?;
    Ok(())
}

/// The files of the folder by their paths, with their digests; and what is there and no part of it.
async fn scan(dir: &Path) -> anyhow::Result<(BTreeMap<String, String>, Vec<String>)> {
    let (mut files, mut ignored) = (BTreeMap::new(), Vec::new());
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == STATE {
            continue;
        }
        if !FOLDERS.contains(&name.as_str()) || !entry.file_type()?.is_dir() {
            ignored.push(name);
            continue;
        }
        for file in std::fs::read_dir(entry.path()).with_context(|| format!("cannot read {name}"))? {
            let file = file?;
            let own = file.file_name().to_string_lossy().into_owned();
            let path = format!("{name}/{own}");
            if file.file_type()?.is_file() && is_file_name(&own) {
                let digest = sha256_of(&file.path()).await.with_context(|| path.clone())?;
                files.insert(path, digest);
            } else {
                ignored.push(path);
            }
        }
    }
    ignored.sort();
    Ok((files, ignored))
}

/// What differs from the index, in the order of paths.
fn differences(index: &[IndexEntry], files: &BTreeMap<String, String>) -> Vec<Difference> {
    let known: BTreeMap<&str, &IndexEntry> =
        index.iter().filter(|entry| !entry.readonly).map(|entry| (entry.path.as_str(), entry)).collect();
    let written = files.iter().filter_map(|(path, digest)| match known.get(path.as_str()) {
        None => Some(Difference { path: path.clone(), change: ChangeOp::Create }),
        Some(entry) if entry.sha256.as_ref() != Some(digest) => {
            Some(Difference { path: path.clone(), change: ChangeOp::Update })
        }
        Some(_) => None,
    });
    let gone = known.keys().filter(|path| !files.contains_key(**path));
    let gone = gone.map(|path| Difference { path: (*path).to_owned(), change: ChangeOp::Delete });
    let mut all: Vec<Difference> = written.chain(gone).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

async fn status(cx: &Invocation, client: &Client, dir: &Path) -> anyhow::Result<()> {
    let state = State::read(dir)?;
    let (files, ignored) = scan(dir).await?;
    let changes = differences(&state.index, &files);
    let workspace = client.workspace(&state.workspace).await?;
    let status = Status { workspace, changes, ignored };
    cx.out.value(&status, || {
        let head = format!(
            "workspace/{} of {}/{}: {}, lease until {}",
            status.workspace.id,
            state.mission,
            state.kluster,
            status.workspace.state,
            status.workspace.lease_until
        );
        let changes = status.changes.iter().map(|one| format!("  {}  {}", one.change, one.path));
        let ignored = status.ignored.iter().map(|path| format!("  ignored  {path}"));
        lines(std::iter::once(head).chain(changes).chain(ignored))
    })
}

/// The change set of a folder.
fn change_set(dir: &Path, state: &State, changes: Vec<Difference>) -> anyhow::Result<Vec<Change>> {
    let base = |path: &str| state.index.iter().find(|entry| entry.path == path).map(|entry| entry.version);
    changes
        .into_iter()
        .map(|Difference { path, change: op }| {
            let is_artifact = path.starts_with("artifacts/");
            let (mut text, mut content_base64, mut media_type) = (None, None, None);
            if op != ChangeOp::Delete {
                let bytes = std::fs::read(dir.join(&path)).with_context(|| format!("cannot read {path}"))?;
                if is_artifact {
                    media_type = (op == ChangeOp::Create).then(|| guess(&path).to_owned());
                    content_base64 = Some(STANDARD.encode(bytes));
                } else {
                    text = Some(text_of(bytes, &path)?);
                }
            }
            let base_version = if op == ChangeOp::Create { None } else { base(&path) };
            Ok(Change { base_version, path, op, text, content_base64, title: None, media_type })
        })
        .collect()
}

async fn commit(
    cx: &Invocation,
    client: &Client,
    dir: &Path,
    note: String,
    acknowledge_overlap: Vec<String>,
) -> anyhow::Result<()> {
    let mut state = State::read(dir)?;
    let (files, _) = scan(dir).await?;
    let changes = differences(&state.index, &files);
    if changes.is_empty() {
        cx.out.talk("nothing has changed since the workspace was loaded or committed");
        return Ok(());
    }
    let count = changes.len();
    let changes = change_set(dir, &state, changes)?;
    let body = CommitWorkspace { changes, note, key: None, acknowledge_overlap };
    // The same folder after the same number of commits is the same commit: when an answer was lost, the next try asks
    // for that answer instead of committing again.
    let what = serde_json::to_vec(&(&state.workspace, state.commits, &body))?;
    let mut key = [0; 16];
    key.copy_from_slice(&mc_ledger::sha256(&what).0[..16]);
    let committed = client.commit_workspace(&state.workspace, key, &body).await?;
    state.commits = committed.workspace.commits;
    state.index.clone_from(&committed.index);
    state
        .write(dir)
        .context("the commit was made, and is not noted in the folder: run `mc workspace commit` again")?;
    cx.out.value(&committed, || {
        let changes = if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
        format!("workspace/{} committed, {changes}\n", committed.workspace.id)
    })?;
    super::overlap::told(cx, &committed.overlap_suggestions);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, sha256: &str, readonly: bool) -> IndexEntry {
        let kind = EntryKind::Doc;
        let (path, id) = (path.to_owned(), String::new());
        IndexEntry { path, kind, id, version: 1, sha256: Some(sha256.to_owned()), readonly }
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let index = [
            entry("docs/a.md", "1", false),
            entry("docs/b.md", "2", false),
            entry("docs/c.md", "3", false),
            entry("tasks/x-1", "4", true),
        ];
        let files = [("docs/a.md", "1"), ("docs/b.md", "other"), ("docs/new.md", "5")];
        let files = files.map(|(path, digest)| (path.to_owned(), digest.to_owned())).into();
        let found = differences(&index, &files);
        let said: Vec<_> = found.iter().map(|one| (one.path.as_str(), one.change)).collect();
        assert_eq!(
            said,
            [
                ("docs/b.md", ChangeOp::Update),
                ("docs/c.md", ChangeOp::Delete),
                ("docs/new.md", ChangeOp::Create)
            ]
        );
    }

    #[test]
    fn no_path_of_a_server_leads_out_of_the_folder() {
        let dir = Path::new("w");
        assert_eq!(inside(dir, "docs/a.md").unwrap(), Path::new("w/docs/a.md"));
        for bad in [
            "../x",
            "docs/../x",
            "docs/..",
            "/etc/passwd",
            "docs//x",
            "docs/a/b",
            "other/x",
            "docs/.x",
            "docs/a\\b",
            "docs/",
        ] {
            assert!(inside(dir, bad).is_err(), "{bad}");
        }
    }
}
