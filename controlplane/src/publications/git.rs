//! The Git ledger: deterministic commits in a bare repository, and one reference moved by compare-and-set.

use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{
    Config, ConfigLevel, ErrorCode, FileMode, ObjectType, Oid, Repository, RepositoryInitOptions, Signature,
    Time, Tree,
};
use mc_api::Timestamp;

/// The one branch.
pub(super) const MAIN: &str = "refs/heads/main";

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The repository cannot be used; a retry may help.
    #[error("the Git ledger cannot be used")]
    Git(#[from] git2::Error),
    /// The folder of the chain is somebody else's; only a person can help.
    #[error(
        "the repository has a folder {0} that this installation did not write; bind to another base path"
    )]
    Foreign(String),
    /// Somebody moved a branch that others write too back behind what was published; only a person can help.
    #[error(
        "the branch is at {found}, which does not hold {published} that was published before: somebody moved it \
         back, and nothing is forced; put the branch back, or bind to another base path"
    )]
    Rewound {
        /// What was found.
        found: String,
        /// What was published before.
        published: String,
    },
    /// A file cannot be where something else stands; only another route helps.
    #[error(
        "{path}: {what} stands in the repository at {at}; change the route, or move what is there, then retry or \
         withdraw the publication"
    )]
    Blocked {
        /// The file that was to be written.
        path: String,
        /// What is in the way.
        at: String,
        /// `a file`, `a folder` …
        what: &'static str,
    },
    /// Git takes no file of this name.
    #[error("{0}: Git takes no file of this name; change the route, then retry or withdraw the publication")]
    Name(String),
    /// Somebody else moved the branch; only a person can help.
    #[error("main is at {found}, expected {expected}: a foreign hand moved it, nothing is forced")]
    Moved {
        /// What was found.
        found: String,
        /// What the database says.
        expected: String,
    },
}

/// Everything that determines a commit.
pub(super) struct Plan {
    pub(super) parent: Option<String>,
    pub(super) files: Vec<(String, String)>,
    /// What goes, where it is there.
    pub(super) removed: Vec<String>,
    pub(super) message: String,
    pub(super) at: Timestamp,
}

fn open(path: &Path) -> Result<Repository, git2::Error> {
    let repository = match Repository::open_bare(path) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound => {
            let mut options = RepositoryInitOptions::new();
            options.bare(true).initial_head("main");
            Repository::init_opts(path, &options)?
        }
        Err(error) => return Err(error),
    };
    flushing(&repository, path)?;
    Ok(repository)
}

/// Objects and references reach the disk before they are relied on. What libgit2 is told for this stands in a file of its
/// own: Git calls it deprecated wherever it finds it in the configuration of a repository.
fn flushing(repository: &Repository, path: &Path) -> Result<(), git2::Error> {
    const KEY: &str = "core.fsyncObjectFiles";
    let (own, told) = (path.join("config"), path.join("flush.config"));
    let mut before = Config::open(&own)?;
    if before.get_bool(KEY).is_ok() {
        before.remove(KEY)?;
    }
    let mut flush = Config::open(&told)?;
    if !flush.get_bool(KEY).is_ok_and(|is_set| is_set) {
        flush.set_bool(KEY, true)?;
    }
    let mut config = Config::new()?;
    config.add_file(&own, ConfigLevel::Local, false)?;
    config.add_file(&told, ConfigLevel::App, false)?;
    repository.set_config(&config)
}

/// Makes the commit, without moving anything. The same plan gives the same id. Blocks.
pub(super) fn commit(path: &Path, plan: Plan) -> Result<String, GitError> {
    let repository = open(path)?;
    let parent = match &plan.parent {
        Some(id) => Some(repository.find_commit(Oid::from_str(id)?)?),
        None => None,
    };
    let baseline = match &parent {
        Some(parent) => parent.tree()?,
        None => repository.find_tree(repository.treebuilder(None)?.write()?)?,
    };
    let mut update = TreeUpdateBuilder::new();
    for (name, text) in plan.files {
        check_free(&repository, &baseline, &name)?;
        let blob = repository.blob(text.as_bytes())?;
        update.upsert(name, blob, FileMode::Blob);
    }
    for name in plan.removed {
        let found = baseline.get_path(name.as_ref()).ok();
        if found.is_some_and(|entry| entry.kind() == Some(ObjectType::Blob)) {
            update.remove(name);
        }
    }
    let tree = repository.find_tree(update.create_updated(&repository, &baseline)?)?;
    let time = Time::new(plan.at.as_micros().div_euclid(1_000_000), 0);
    let who = Signature::new("MissionControl", "ledger@missioncontrol.local", &time)?;
    let parents: Vec<_> = parent.iter().collect();
    Ok(repository.commit(None, &who, &who, &plan.message, &tree, &parents)?.to_string())
}

/// Refuses a file where a folder stands, or below a file: Git would, in words that help nobody.
fn check_free(repository: &Repository, tree: &Tree<'_>, path: &str) -> Result<(), GitError> {
    if path
        .split('/')
        .any(|part| part.is_empty() || part.eq_ignore_ascii_case(".git") || part == "." || part == "..")
    {
        return Err(GitError::Name(path.to_owned()));
    }
    let ends = path.match_indices('/').map(|(end, _)| (end, true)).chain([(path.len(), false)]);
    let mut folder = tree.clone();
    for (end, is_above) in ends {
        let name = path[..end].rsplit('/').next().unwrap_or_default();
        let Some((kind, id)) = folder.get_name(name).map(|entry| (entry.kind(), entry.id())) else {
            return Ok(());
        };
        let what = match (kind, is_above) {
            (Some(ObjectType::Tree), true) => {
                folder = repository.find_tree(id)?;
                continue;
            }
            (Some(ObjectType::Blob), false) => return Ok(()),
            (Some(ObjectType::Tree), false) => "a folder",
            (Some(ObjectType::Blob), true) => "a file",
            _ => "another repository",
        };
        return Err(GitError::Blocked { path: path.to_owned(), at: path[..end].to_owned(), what });
    }
    Ok(())
}

/// Makes the bare repository when it is not there. Blocks.
pub(super) fn prepare(path: &Path) -> Result<(), GitError> {
    Ok(open(path).map(drop)?)
}

/// Whether the repository has the commit already. Blocks.
pub(super) fn has(path: &Path, commit: &str) -> Result<bool, GitError> {
    Ok(open(path)?.find_commit(Oid::from_str(commit)?).is_ok())
}

/// The newest commit on the way from `head` back to `known` with this line in its message. Blocks.
pub(super) fn find(
    path: &Path,
    head: &str,
    known: Option<&str>,
    line: &str,
) -> Result<Option<String>, GitError> {
    let repository = open(path)?;
    let mut walk = repository.revwalk()?;
    walk.push(Oid::from_str(head)?)?;
    if let Some(known) = known.and_then(|known| Oid::from_str(known).ok())
        && repository.find_commit(known).is_ok()
    {
        walk.hide(known)?;
    }
    for id in walk {
        let id = id?;
        let commit = repository.find_commit(id)?;
        if commit.message().is_ok_and(|message| message.lines().any(|found| found == line)) {
            return Ok(Some(id.to_string()));
        }
    }
    Ok(None)
}

/// Where `main` is.
pub(super) fn head(path: &Path) -> Result<Option<String>, GitError> {
    match open(path)?.find_reference(MAIN) {
        Ok(reference) => Ok(reference.target().map(|id| id.to_string())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a branch that has lost what was published to it before. Blocks.
pub(super) fn keeps(path: &Path, head: Option<&str>, published: &str) -> Result<(), GitError> {
    let lost =
        || GitError::Rewound { found: head.unwrap_or("nothing").to_owned(), published: published.to_owned() };
    let repository = open(path)?;
    let known = Oid::from_str(published)?;
    let head = Oid::from_str(head.ok_or_else(lost)?)?;
    let is_there = repository.find_commit(known).is_ok();
    if head == known || is_there && repository.graph_descendant_of(head, known)? {
        return Ok(());
    }
    Err(lost())
}

/// Whether a commit has something at a path. Blocks.
pub(super) fn holds(path: &Path, commit: &str, inner: &str) -> Result<bool, GitError> {
    let repository = open(path)?;
    let tree = repository.find_commit(Oid::from_str(commit)?)?.tree()?;
    match tree.get_path(inner.as_ref()) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Moves `main` from the parent to the commit; nothing to do when it is there already.
pub(super) fn advance(path: &Path, parent: Option<&str>, commit: &str) -> Result<(), GitError> {
    let repository = open(path)?;
    let head = || -> Result<Option<Oid>, git2::Error> {
        match repository.find_reference(MAIN) {
            Ok(reference) => Ok(reference.target()),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let text = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
    let (wanted, expected) = (Oid::from_str(commit)?, parent.map(Oid::from_str).transpose()?);
    let found = head()?;
    if found == Some(wanted) {
        return Ok(());
    }
    let moved = |found| GitError::Moved { found: text(found), expected: text(expected) };
    if found != expected {
        return Err(moved(found));
    }
    let set = match expected {
        Some(expected) => repository.reference_matching(MAIN, wanted, true, expected, "publish"),
        None => repository.reference(MAIN, wanted, false, "publish"),
    };
    match set {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists) => Err(moved(head()?)),
        Err(error) => Err(error.into()),
    }
}
