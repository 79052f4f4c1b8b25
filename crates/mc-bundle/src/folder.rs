//! Trees in folders: packed, placed whole, pointed at in one step, compared.
//!
//! Whoever changes a folder of copies holds its [`Lock`]; readers need none. A process that is killed leaves at most a
//! folder whose name begins with [`STAGING`], which the next one that holds the lock removes.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mc_api::bundle::{BundleFile, Drift, MAX_DRIFT};
use rustix::fs::{FlockOperation, flock};

use crate::{File, Limits, Refusal, Tree, described};

/// What the name of a folder that is being written begins with.
pub const STAGING: &str = ".staging-";
/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 50_000;
/// How deep is looked.
const MAX_DEPTH: usize = 32;

/// Why a folder cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Something in it is not allowed.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// It cannot be read.
    #[error("{} cannot be read", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

/// One entry of a walk: path below the folder, and what it is.
struct Found {
    path: String,
    full: PathBuf,
    metadata: fs::Metadata,
}

/// Everything in a folder but folders, sorted; names of `skip` at the top are passed over.
fn walk(root: &Path, skip: &[&str]) -> Result<Vec<Found>, PackError> {
    let (mut found, mut seen) = (Vec::new(), 0_usize);
    let mut open = vec![(root.to_owned(), String::new(), 0_usize)];
    while let Some((folder, below, depth)) = open.pop() {
        let failed = |error| PackError::Io(folder.clone(), error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            seen += 1;
            if seen > MAX_ENTRIES {
                return Err(Refusal::whole(format!("the folder has more than {MAX_ENTRIES} entries")).into());
            }
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let name = format!("{below}{}", name.to_string_lossy());
                return Err(Refusal::new(&name, "a name that is not UTF-8").into());
            };
            if depth == 0 && skip.contains(&name) {
                continue;
            }
            let (path, full) = (format!("{below}{name}"), entry.path());
            let metadata = match fs::symlink_metadata(&full) {
                Ok(metadata) => metadata,
                // Gone while it was looked at.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(PackError::Io(full, error)),
            };
            if metadata.is_dir() {
                if depth >= MAX_DEPTH {
                    return Err(Refusal::new(&path, "too many folders deep").into());
                }
                open.push((full, format!("{path}/"), depth + 1));
            } else {
                found.push(Found { path, full, metadata });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The bytes of a regular file, at most `most` and one more. A link is not followed.
fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut content = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

fn is_executable(metadata: &fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

/// Reads a folder as a tree; names of `skip` at the top are passed over.
///
/// # Errors
/// [`PackError`]; links, sockets and the like are refused by name.
pub fn pack(root: &Path, skip: &[&str], limits: Limits) -> Result<Tree, PackError> {
    let (mut tree, mut total) = (Tree::default(), 0);
    for found in walk(root, skip)? {
        if !found.metadata.is_file() {
            let what =
                if found.metadata.is_symlink() { "a symbolic link" } else { "neither file nor folder" };
            return Err(Refusal::new(&found.path, what).into());
        }
        if tree.len() >= limits.files {
            return Err(Refusal::new(&found.path, format!("more than {} files", limits.files)).into());
        }
        let content =
            read(&found.full, limits.file_bytes).map_err(|error| PackError::Io(found.full, error))?;
        if content.len() > limits.file_bytes {
            return Err(Refusal::new(&found.path, format!("larger than {} bytes", limits.file_bytes)).into());
        }
        total += content.len();
        if total > limits.total_bytes {
            let reason = format!("with it there are more than {} bytes", limits.total_bytes);
            return Err(Refusal::new(&found.path, reason).into());
        }
        tree.insert(&found.path, File { content, executable: is_executable(&found.metadata) })?;
    }
    Ok(tree)
}

/// How a folder differs from the files it was written with.
///
/// # Errors
/// [`PackError`] when the folder cannot be read or has too much in it.
pub fn compare(files: &[BundleFile], root: &Path, skip: &[&str]) -> Result<Drift, PackError> {
    let mut drift = Drift::default();
    let mut wanted =
        files.iter().map(|file| (file.path.as_str(), file)).collect::<std::collections::BTreeMap<_, _>>();
    for found in walk(root, skip)? {
        match wanted.remove(found.path.as_str()) {
            None => drift.added.push(found.path),
            Some(file) if !is_same(file, &found)? => drift.changed.push(found.path),
            Some(_) => {}
        }
    }
    drift.missing = wanted.into_keys().map(str::to_owned).collect();
    for list in [&mut drift.changed, &mut drift.missing, &mut drift.added] {
        list.truncate(MAX_DRIFT);
    }
    Ok(drift)
}

fn is_same(file: &BundleFile, found: &Found) -> Result<bool, PackError> {
    let size = u64::try_from(file.size_bytes).unwrap_or(u64::MAX);
    if !found.metadata.is_file() || found.metadata.len() != size {
        return Ok(false);
    }
    let most = usize::try_from(size).unwrap_or(usize::MAX);
    let content = match read(&found.full, most) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(PackError::Io(found.full.clone(), error)),
    };
    Ok(described(&file.path, &content, is_executable(&found.metadata)) == *file)
}

/// What tells, without reading a byte, that a folder may have changed: changes with each name, size and time in it.
///
/// # Errors
/// [`PackError`].
pub fn fingerprint(root: &Path) -> Result<u64, PackError> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    use std::os::unix::fs::MetadataExt as _;
    let mut hasher = DefaultHasher::new();
    for found in walk(root, &[])? {
        let data = &found.metadata;
        (found.path, data.ino(), data.len(), data.mode(), data.ctime(), data.ctime_nsec()).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Held by whoever changes a folder of copies; the kernel releases it however the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its lock")] fs::File);

impl Lock {
    /// Waits for the lock of a folder, which is made when absent, and removes what killed processes left in it.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn acquire(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(".lock"))?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                remove(&entry.path())?;
            }
        }
        Ok(Self(file))
    }
}

/// Removes a file, a link or a folder with all that is in it; absent is fine.
///
/// # Errors
/// The system refused.
pub fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Writes a tree to the new folder `folder/name`, which appears whole or not at all. The lock of `folder` is held.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one of this name; what the system refuses.
pub fn place(folder: &Path, name: &str, tree: &Tree, _lock: &Lock) -> io::Result<PathBuf> {
    let (staging, target) = (folder.join(format!("{STAGING}{name}")), folder.join(name));
    if target.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    remove(&staging)?;
    DirBuilder::new().mode(0o700).create(&staging)?;
    write(&staging, tree)?;
    // One call instead of one per file: everything on the file system is on the disk before the name is.
    rustix::fs::syncfs(fs::File::open(&staging)?)?;
    fs::rename(&staging, &target)?;
    sync_folder(folder)?;
    Ok(target)
}

/// Writes a tree, and one more file that is no part of it, to the new folder `folder/name`, which appears whole or not at
/// all. For a folder that nobody else works in: there is no lock, and a process that is killed leaves its staging folder.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one of this name; what the system refuses.
pub fn place_new(folder: &Path, name: &str, tree: &Tree, aside: Option<(&str, &[u8])>) -> io::Result<()> {
    let staging = folder.join(format!("{STAGING}{name}-{}", std::process::id()));
    remove(&staging)?;
    DirBuilder::new().mode(0o755).create(&staging)?;
    let written = write(&staging, tree).and_then(|()| {
        if let Some((name, content)) = aside {
            fs::write(staging.join(name), content)?;
        }
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        let target = folder.join(name);
        rustix::fs::renameat_with(rustix::fs::CWD, &staging, rustix::fs::CWD, &target, flags)?;
        sync_folder(folder)
    });
    if written.is_err() {
        remove(&staging)?;
    }
    written
}

/// Writes the files of a tree into a folder that nobody else sees yet.
fn write(root: &Path, tree: &Tree) -> io::Result<()> {
    for (path, content) in tree.iter() {
        let full = root.join(path);
        if let Some(parent) = full.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
        }
        let mode = if content.executable { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&full)?;
        file.write_all(&content.content)?;
        // Whatever the mask of this process is.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Makes a symbolic link point at `target` in one step: whoever looks finds the old or the new. What is there and is no
/// link is left alone.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something else has the name; what the system refuses.
pub fn point(link: &Path, target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Ok(metadata) if !metadata.is_symlink() => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) if fs::read_link(link)? == target => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let folder = link.parent().unwrap_or(Path::new("."));
    let name = link.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let fresh = folder.join(format!("{STAGING}{name}-{}", std::process::id()));
    remove(&fresh)?;
    std::os::unix::fs::symlink(target, &fresh)?;
    fs::rename(&fresh, link)?;
    sync_folder(folder)
}

/// Writes a small file whole or not at all.
///
/// # Errors
/// What the system refuses.
pub fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let fresh = folder.join(format!("{STAGING}{name}-{}", std::process::id()));
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        for (path, executable) in [("deploy/SKILL.md", false), ("deploy/run.sh", true), ("notes.md", false)] {
            tree.insert(path, File { content: path.as_bytes().to_vec(), executable }).unwrap();
        }
        tree
    }

    #[test]
    fn a_placed_tree_is_packed_the_same_and_drift_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("copies");
        let lock = Lock::acquire(&root).unwrap();
        let placed = place(&root, "one", &tree(), &lock).unwrap();
        assert_eq!(pack(&placed, &[], Limits::BUNDLE).unwrap(), tree());
        let files = tree().manifest();
        assert!(compare(&files, &placed, &[]).unwrap().is_empty());
        assert_eq!(place(&root, "one", &tree(), &lock).unwrap_err().kind(), io::ErrorKind::AlreadyExists);

        let before = fingerprint(&placed).unwrap();
        assert_eq!(fingerprint(&placed).unwrap(), before);
        fs::write(placed.join("deploy/SKILL.md"), "deploy/SKILL.MD").unwrap();
        fs::remove_file(placed.join("notes.md")).unwrap();
        fs::create_dir(placed.join("own")).unwrap();
        fs::write(placed.join("own/x"), "x").unwrap();
        fs::set_permissions(placed.join("deploy/run.sh"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(fingerprint(&placed).unwrap(), before);
        let drift = compare(&files, &placed, &[]).unwrap();
        assert_eq!(drift.changed, ["deploy/SKILL.md", "deploy/run.sh"]);
        assert_eq!((drift.missing, drift.added), (vec!["notes.md".to_owned()], vec!["own/x".to_owned()]));
        assert!(compare(&files, &placed, &["own"]).unwrap().added.is_empty());
    }

    #[test]
    fn links_are_not_packed_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "a").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("b")).unwrap();
        assert_eq!(pack(dir.path(), &[], Limits::BUNDLE).unwrap_err().to_string(), "b: a symbolic link");
        let files = [described("a", b"a", false), described("b", &fs::read("/etc/passwd").unwrap(), false)];
        assert_eq!(compare(&files, dir.path(), &[]).unwrap().changed, ["b"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_a_link_never_replaces_a_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".staging-x/deep")).unwrap();
        drop(Lock::acquire(dir.path()).unwrap());
        assert!(!dir.path().join(".staging-x").exists());
        let link = dir.path().join("current");
        point(&link, Path::new("one")).unwrap();
        point(&link, Path::new("two")).unwrap();
        point(&link, Path::new("two")).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("two"));
        fs::write(dir.path().join("file"), "mine").unwrap();
        let refused = point(&dir.path().join("file"), Path::new("two")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "mine");
    }
}
