//! The Git ledger as a pack, and back.

use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, RepositoryInitOptions};
use mc_api::ProblemKind;

use crate::error::Error;

const MAIN: &str = "refs/heads/main";
/// Bytes that are handed on at once.
const PIECE: usize = 256 * 1024;

fn unusable(path: &Path) -> impl Fn(git2::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |error| {
        Error::new(
            ProblemKind::Unavailable,
            format!("the Git ledger {path} cannot be used: {}", error.message()),
        )
    }
}

/// Where `main` is; `None`: there is no repository, or nothing in it. Blocks.
///
/// # Errors
/// A repository that cannot be read.
pub(super) fn head(path: &Path) -> Result<Option<String>, Error> {
    let repository = match Repository::open_bare(path) {
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
        repository => repository.map_err(unusable(path))?,
    };
    match repository.refname_to_id(MAIN) {
        Ok(id) => Ok(Some(id.to_string())),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
        Err(error) => Err(unusable(path)(error)),
    }
}

/// A pack of everything that a commit reaches, in pieces; `each` says whether more is wanted. Blocks.
///
/// # Errors
/// A commit that is not there, for one: the database says that it was published.
pub(super) fn pack(path: &Path, commit: &str, mut each: impl FnMut(Vec<u8>) -> bool) -> Result<(), Error> {
    let failed = unusable(path);
    let repository = Repository::open_bare(path).map_err(&failed)?;
    let id = Oid::from_str(commit).map_err(&failed)?;
    let mut walk = repository.revwalk().map_err(&failed)?;
    walk.push(id).map_err(&failed)?;
    let mut builder = repository.packbuilder().map_err(&failed)?;
    builder.insert_walk(&mut walk).map_err(&failed)?;
    let mut piece = Vec::with_capacity(PIECE);
    let mut is_wanted = true;
    builder
        .foreach(|bytes| {
            // One object may be of any length.
            for part in bytes.chunks(PIECE) {
                piece.extend_from_slice(part);
                if piece.len() >= PIECE {
                    is_wanted = each(std::mem::take(&mut piece));
                }
                if !is_wanted {
                    break;
                }
            }
            is_wanted
        })
        .map_err(&failed)?;
    if is_wanted && !piece.is_empty() {
        each(piece);
    }
    Ok(())
}

/// A repository that is being made beside its place.
pub(super) struct Unpacking {
    beside: PathBuf,
    place: PathBuf,
    pack: tempfile::NamedTempFile,
}

impl Unpacking {
    /// Begins anew; what an interrupted attempt left is removed. Blocks.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(super) fn begin(place: &Path) -> Result<Self, Error> {
        let mut beside = place.as_os_str().to_owned();
        beside.push(".restoring");
        let beside = PathBuf::from(beside);
        let made = (|| {
            match std::fs::remove_dir_all(&beside) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::fs::create_dir_all(&beside)?;
            tempfile::NamedTempFile::new_in(&beside)
        })();
        let pack = made.map_err(|error| super::keys::file("cannot be written", &beside, &error))?;
        Ok(Self { beside, place: place.to_owned(), pack })
    }

    /// Takes a piece of the pack. Blocks.
    ///
    /// # Errors
    /// A disk that is full.
    pub(super) fn put(&mut self, piece: &[u8]) -> Result<(), Error> {
        let written = self.pack.write_all(piece);
        written.map_err(|error| super::keys::file("cannot be written", &self.beside, &error))
    }

    /// Makes the repository of the pack, checks that the commit and all that it reaches is there, and points `main` at it. Blocks.
    ///
    /// # Errors
    /// A pack that does not hold the commit.
    pub(super) fn finish(mut self, commit: &str) -> Result<Unpacked, Error> {
        let failed = unusable(&self.beside);
        let full = |error: std::io::Error| super::keys::file("cannot be written", &self.beside, &error);
        let repository_path = self.beside.join("repository");
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head("main");
        let repository = Repository::init_opts(&repository_path, &options).map_err(&failed)?;
        {
            self.pack.as_file_mut().rewind().map_err(full)?;
            let odb = repository.odb().map_err(&failed)?;
            let mut writer = odb.packwriter().map_err(&failed)?;
            let mut piece = vec![0; PIECE];
            loop {
                let count = self.pack.as_file_mut().read(&mut piece).map_err(full)?;
                if count == 0 {
                    break;
                }
                writer.write_all(&piece[..count]).map_err(full)?;
            }
            writer.commit().map_err(&failed)?;
        }
        let id = Oid::from_str(commit).map_err(&failed)?;
        // The indexer has checked every object; this finds those that are missing.
        let mut walk = repository.revwalk().map_err(&failed)?;
        walk.push(id).map_err(&failed)?;
        let odb = repository.odb().map_err(&failed)?;
        let mut missing = None;
        for one in walk {
            let tree = repository.find_commit(one.map_err(&failed)?).map_err(&failed)?.tree_id();
            if !odb.exists(tree) {
                missing = Some(tree);
            }
        }
        let newest = repository.find_commit(id).and_then(|commit| commit.tree()).map_err(&failed)?;
        newest
            .walk(git2::TreeWalkMode::PreOrder, |_, entry| {
                if !odb.exists(entry.id()) {
                    missing = Some(entry.id());
                }
                git2::TreeWalkResult::Ok
            })
            .map_err(&failed)?;
        if let Some(missing) = missing {
            return Err(Error::invalid("/from", format!("its Git ledger lacks the object {missing}")));
        }
        repository.reference(MAIN, id, true, "restore").map_err(&failed)?;
        Ok(Unpacked { beside: self.beside, place: self.place })
    }
}

/// Brings a folder with all that is in it to the disk.
fn flush(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            flush(&entry.path())?;
        } else {
            std::fs::File::open(entry.path())?.sync_all()?;
        }
    }
    std::fs::File::open(folder)?.sync_all()
}

/// A repository beside its place.
pub(super) struct Unpacked {
    beside: PathBuf,
    place: PathBuf,
}

impl Unpacked {
    /// Puts it in its place, which holds nothing but what the same restore put there. Blocks.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(super) fn settle(self) -> Result<(), Error> {
        let moved = (|| {
            match std::fs::remove_dir_all(&self.place) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let repository = self.beside.join("repository");
            // A pack that is written at once is not flushed by libgit2.
            flush(&repository)?;
            std::fs::rename(repository, &self.place)?;
            std::fs::remove_dir_all(&self.beside)?;
            std::fs::File::open(super::folder_of(&self.place))?.sync_all()
        })();
        moved.map_err(|error| super::keys::file("cannot be written", &self.place, &error))
    }
}
