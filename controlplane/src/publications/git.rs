//! The Git ledger: deterministic commits in a bare repository, and one reference moved by compare-and-set.

use std::io::Write as _;
use std::path::Path;

use futures_util::StreamExt as _;
use git2::build::TreeUpdateBuilder;
use git2::{BlobWriter, ErrorCode, FileMode, Oid, Repository, RepositoryInitOptions, Signature, Time};
use mc_api::Timestamp;
use mc_ledger::Digest;

use crate::objects::ByteStream;

/// The one branch.
pub(super) const MAIN: &str = "refs/heads/main";

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The repository cannot be used; a retry may help.
    #[error("the Git ledger cannot be used")]
    Git(#[from] git2::Error),
    /// Stored content cannot be read; a retry may help.
    #[error("the content of {0} cannot be read")]
    Content(String, #[source] std::io::Error),
    /// Stored content is not what was approved; only a person can help.
    #[error("the content of {0} does not have the approved digest")]
    Digest(String),
    /// Somebody else moved the branch; only a person can help.
    #[error("main is at {found}, expected {expected}: a foreign hand moved it, nothing is forced")]
    Moved {
        /// What was found.
        found: String,
        /// What the database says.
        expected: String,
    },
}

/// A file of the commit.
pub(super) enum Source {
    /// A text.
    Text(String),
    /// Stored content with its approved digest.
    Content(ByteStream, Digest),
}

/// Everything that determines a commit.
pub(super) struct Plan {
    pub(super) parent: Option<String>,
    pub(super) files: Vec<(String, Source)>,
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
    // Objects and references reach the disk before they are relied on.
    repository.config()?.set_bool("core.fsyncObjectFiles", true)?;
    Ok(repository)
}

/// Makes the commit, without moving anything. The same plan gives the same id. Blocks; needs a Tokio runtime around.
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
    for (name, source) in plan.files {
        let blob = match source {
            Source::Text(text) => repository.blob(text.as_bytes())?,
            Source::Content(content, digest) => copy(repository.blob_writer(None)?, &name, content, digest)?,
        };
        update.upsert(name, blob, FileMode::Blob);
    }
    let tree = repository.find_tree(update.create_updated(&repository, &baseline)?)?;
    let time = Time::new(plan.at.as_micros().div_euclid(1_000_000), 0);
    let who = Signature::new("MissionControl", "ledger@missioncontrol.local", &time)?;
    let parents: Vec<_> = parent.iter().collect();
    Ok(repository.commit(None, &who, &who, &plan.message, &tree, &parents)?.to_string())
}

fn copy(
    mut blob: BlobWriter<'_>,
    name: &str,
    mut content: ByteStream,
    digest: Digest,
) -> Result<Oid, GitError> {
    let unreadable = |error| GitError::Content(name.to_owned(), error);
    let mut seen = ring::digest::Context::new(&ring::digest::SHA256);
    let runtime = tokio::runtime::Handle::current();
    while let Some(part) = runtime.block_on(content.next()) {
        let part = part.map_err(unreadable)?;
        seen.update(&part);
        blob.write_all(&part).map_err(unreadable)?;
    }
    if seen.finish().as_ref() != digest.0 {
        return Err(GitError::Digest(name.to_owned()));
    }
    Ok(blob.commit()?)
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
