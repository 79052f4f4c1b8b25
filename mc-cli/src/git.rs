//! What Git says of a checkout, asked of the program `git` itself: it knows every setting, worktree and environment.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use mc_api::Repository;
use mc_api::repository::InvalidRepository;

use crate::exit::Failure;

/// Runs `git` in a folder and gives its standard output.
///
/// # Errors
/// [`Failure::Refused`] with what Git said when it does not succeed.
pub fn git<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("the program git cannot be started")?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Refused(format!("git: {}", said.trim())).into())
}

/// The one line that `git` answers with.
fn line<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> anyhow::Result<PathBuf> {
    let mut bytes = git(folder, arguments)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

/// The top folder of the checkout that a folder is in.
///
/// # Errors
/// [`Failure::Refused`] when it is in none.
pub fn top(folder: &Path) -> anyhow::Result<PathBuf> {
    line(folder, &["rev-parse", "--show-toplevel"])
}

/// Where in its checkout a folder is: empty at the top, else with a slash at the end.
///
/// # Errors
/// [`Failure::Refused`] when it is in none.
pub fn prefix(folder: &Path) -> anyhow::Result<String> {
    Ok(line(folder, &["rev-parse", "--show-prefix"])?.to_string_lossy().into_owned())
}

/// The folder of the checkout's hooks: of its repository, or where `core.hooksPath` says.
///
/// # Errors
/// [`Failure::Refused`] when the folder is in no checkout.
pub fn hooks(folder: &Path) -> anyhow::Result<PathBuf> {
    line(folder, &["rev-parse", "--path-format=absolute", "--git-path", "hooks"])
}

/// The repository of a checkout: its remote `origin`, or without one the folder that all its worktrees share.
///
/// # Errors
/// [`Failure::Refused`] outside of a checkout, [`Failure::Usage`] for a remote that names no repository.
pub fn repository(folder: &Path) -> anyhow::Result<Repository> {
    let top = top(folder)?;
    let remote = match line(folder, &["remote", "get-url", "origin"]) {
        Ok(remote) => remote,
        Err(_) => line(folder, &["rev-parse", "--path-format=absolute", "--git-common-dir"])?,
    };
    let remote = remote.to_string_lossy();
    let read = match remote.parse() {
        // Git reads a relative remote from the top of the checkout.
        Err(InvalidRepository::Relative) => match top.join(&*remote).canonicalize() {
            Ok(path) => path.to_string_lossy().parse(),
            Err(_) => Err(InvalidRepository::Relative),
        },
        read => read,
    };
    read.map_err(|error| {
        Failure::Usage(format!("the remote {remote:?}: {error}; name it with --repo")).into()
    })
}

/// The paths that the index changes, as Git stores them; of a rename both sides. Also says how many are no UTF-8: those
/// come with U+FFFD in the place of what cannot be said.
///
/// # Errors
/// [`Failure::Refused`] with what Git said.
pub fn staged(folder: &Path) -> anyhow::Result<(Vec<String>, usize)> {
    let names = git(
        folder,
        &[
            "diff",
            "--cached",
            "--name-only",
            "--no-renames",
            "--no-relative",
            "--no-ext-diff",
            "--ignore-submodules=none",
            "-z",
        ],
    )?;
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut odd = 0;
    let texts = names.map(|name| {
        let text = String::from_utf8_lossy(name);
        odd += usize::from(matches!(text, std::borrow::Cow::Owned(_)));
        text.into_owned()
    });
    let texts = texts.collect();
    Ok((texts, odd))
}
