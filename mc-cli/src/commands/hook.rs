//! `mc hook`: a Git pre-commit hook that refuses what others have reserved.
//!
//! The hook is a small script that runs the hook that was there before, renamed to [`KEPT`], and then
//! `mc hook pre-commit`. It is replaced in one step, so that a commit beside it meets the old or the new one.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use mc_api::reservation::{CheckPaths, Overlap, ReservationMode, ReservationState};

use crate::args::{FailPolicy, HookCommand};
use crate::context::Invocation;
use crate::exit::{Exit, Failure};
use crate::git;

/// The hook that was there before.
const KEPT: &str = "pre-commit.before-mc";
/// By this line a hook is known to be ours.
const MARK: &str = "# Written by `mc hook install`; `mc hook uninstall` puts back what was here before.";
/// At most so many paths in one question, and so many bytes of them.
const PATHS: usize = 1000;
const PATH_BYTES: usize = 256 * 1024;
/// How long a commit waits for the server.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(cx: &Invocation, command: HookCommand) -> anyhow::Result<()> {
    match command {
        HookCommand::Install { repo, policy } => install(cx, &repo, policy),
        HookCommand::Uninstall { repo } => uninstall(cx, &repo),
        HookCommand::PreCommit { policy } => pre_commit(cx, policy).await,
    }
}

/// A hook as it is found.
enum Found {
    Nothing,
    Ours,
    Another,
}

fn look(hook: &Path) -> anyhow::Result<Found> {
    let what = || format!("cannot read {}", hook.display());
    match std::fs::symlink_metadata(hook) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        other => other.with_context(what)?,
    };
    // A link that leads nowhere is somebody's all the same.
    let text = std::fs::read(hook).unwrap_or_default();
    let is_ours = String::from_utf8_lossy(&text).lines().any(|line| line == MARK);
    Ok(if is_ours { Found::Ours } else { Found::Another })
}

/// A text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn script(mc: &Path, policy: FailPolicy) -> String {
    let (flag, missing) = if policy.fail_closed {
        (
            "--fail-closed",
            "echo \"error: $mc is gone; the paths of this commit cannot be checked\" >&2; exit 1",
        )
    } else {
        ("--fail-open", "echo \"warning: $mc is gone; the paths of this commit are not checked\" >&2; exit 0")
    };
    let mc = quoted(&mc.to_string_lossy());
    format!(
        "#!/bin/sh\n{MARK}\nbefore=$(dirname -- \"$0\")/{KEPT}\nif [ -x \"$before\" ]; then\n  \"$before\" \"$@\" || exit $?\nfi\n\
         mc={mc}\n[ -x \"$mc\" ] || mc=$(command -v mc) || {{ mc={mc}; {missing}; }}\nexec \"$mc\" hook pre-commit {flag}\n"
    )
}

fn install(cx: &Invocation, repo: &Path, policy: FailPolicy) -> anyhow::Result<()> {
    let hooks = git::hooks(repo)?;
    let (hook, kept) = (hooks.join("pre-commit"), hooks.join(KEPT));
    let what = || format!("cannot write the hook {}", hook.display());
    std::fs::create_dir_all(&hooks).with_context(what)?;
    let mc = std::env::current_exe().context("where is the program mc?")?;
    let mut file = tempfile::Builder::new().prefix(".mc-hook-").tempfile_in(&hooks).with_context(what)?;
    file.write_all(script(&mc, policy).as_bytes()).with_context(what)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o755)).with_context(what)?;
    if matches!(look(&hook)?, Found::Another) {
        keep(&hook, &kept)?;
    }
    // Closed first: a program that is open for writing cannot be run.
    file.into_temp_path().persist(&hook).map_err(|error| error.error).with_context(what)?;
    cx.out.did("hook", &hook.display().to_string(), "installed")
}

/// Gives a hook its second name; the first is then replaced in one step.
fn keep(hook: &Path, kept: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    if let Ok(before) = std::fs::symlink_metadata(kept) {
        // The same file: an installation that was killed between both steps.
        let now = std::fs::symlink_metadata(hook)?;
        if (before.dev(), before.ino()) == (now.dev(), now.ino()) {
            return Ok(());
        }
        let message = format!("both {} and {} exist; move one of them away", hook.display(), kept.display());
        return Err(Failure::Conflict(message).into());
    }
    std::fs::hard_link(hook, kept).with_context(|| format!("cannot keep the hook {}", hook.display()))
}

fn uninstall(cx: &Invocation, repo: &Path) -> anyhow::Result<()> {
    let hooks = git::hooks(repo)?;
    let (hook, kept) = (hooks.join("pre-commit"), hooks.join(KEPT));
    let shown = hook.display().to_string();
    match look(&hook)? {
        // Somebody replaced ours and may want what it kept.
        Found::Another if std::fs::symlink_metadata(&kept).is_ok() => {
            let kept = kept.display();
            let message =
                format!("{shown} was not written by `mc hook install` and stays; {kept} is what came before");
            Err(Failure::Conflict(message).into())
        }
        Found::Another | Found::Nothing => cx.out.did("hook", &shown, "was not installed"),
        Found::Ours => {
            let what = || format!("cannot remove the hook {shown}");
            if std::fs::symlink_metadata(&kept).is_ok() {
                std::fs::rename(&kept, &hook).with_context(what)?;
            } else {
                std::fs::remove_file(&hook).with_context(what)?;
            }
            cx.out.did("hook", &shown, "uninstalled")
        }
    }
}

async fn pre_commit(cx: &Invocation, policy: FailPolicy) -> anyhow::Result<()> {
    let here = PathBuf::from(".");
    // Asked first: outside of a checkout Git answers other questions with its help.
    if git::top(&here).is_err() {
        let message = "this folder is in no Git checkout, so nothing is staged; Git runs this hook in one";
        return Err(Failure::Usage(message.into()).into());
    }
    let (paths, odd) = git::staged(&here)?;
    if paths.is_empty() {
        return Ok(());
    }
    if odd > 0 {
        cx.out.talk(&format!(
            "warning: {odd} names are no UTF-8; reservations are compared with what can be read of them"
        ));
    }
    let held = match ask(cx, &here, &paths).await {
        Ok(held) => held,
        Err(error) if policy.fail_closed => {
            return Err(
                error.context("the server cannot be asked about reserved paths, so the commit is refused")
            );
        }
        // The server answered that the question itself is wrong: that is no reason to go on unchecked.
        Err(error) if matches!(Exit::of(&error), Exit::NotFound | Exit::Usage) => {
            let fix = match &cx.environment().task {
                Some(task) => format!("set MC_TASK to a task that exists, or unset it (it is {task:?})"),
                None => "`git commit --no-verify` goes past this".to_owned(),
            };
            return Err(
                error.context(format!("the paths of this commit cannot be checked for reservations; {fix}"))
            );
        }
        Err(error) => {
            let why = crate::output::explain(&error);
            cx.out
                .talk(&format!("warning: the paths of this commit are not checked for reservations: {why}"));
            return Ok(());
        }
    };
    if held.is_empty() {
        return Ok(());
    }
    let mut text = String::from("paths of this commit are reserved by others:");
    for overlap in &held {
        text.push_str("\n  ");
        text.push_str(&overlap.describe());
        for pair in overlap.pairs.iter().skip(1) {
            text.push_str("\n    also ");
            text.push_str(&pair.glob);
        }
    }
    text.push_str("\nwait for them or talk to the holder; `git commit --no-verify` goes past this");
    Err(Failure::Conflict(text).into())
}

/// The active exclusive reservations of others that these paths fall under.
async fn ask(cx: &Invocation, folder: &Path, paths: &[String]) -> anyhow::Result<Vec<Overlap>> {
    let repository = git::repository(folder)?.to_string();
    let client = cx.client_within(PATIENCE)?;
    let mut held = Vec::new();
    for part in parts(paths) {
        let body = CheckPaths {
            repository: repository.clone(),
            paths: part.to_vec(),
            globs: Vec::new(),
            task: cx.environment().task.clone(),
        };
        let overlaps = client.check_paths(&body).await?.overlaps;
        held.extend(overlaps.into_iter().filter(|overlap| {
            !overlap.is_own
                && overlap.mode == ReservationMode::Exclusive
                && overlap.state == ReservationState::Active
        }));
    }
    Ok(held)
}

/// The paths in parts that one question takes.
fn parts(mut paths: &[String]) -> Vec<&[String]> {
    let mut parts = Vec::new();
    while !paths.is_empty() {
        let mut bytes = 0;
        let fits = paths.iter().take(PATHS).take_while(|path| {
            bytes += path.len();
            bytes <= PATH_BYTES
        });
        let (part, rest) = paths.split_at(fits.count().max(1));
        parts.push(part);
        paths = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_asked_in_parts_that_lose_nothing() {
        for paths in [vec!["a".to_owned(); 2500], vec!["x".repeat(4000); 200], vec!["y".repeat(300_000); 2]] {
            let parts = parts(&paths);
            assert!(parts.iter().all(|part| part.len() <= PATHS && !part.is_empty()));
            assert!(parts.iter().all(|part| {
                part.len() == 1 || part.iter().map(String::len).sum::<usize>() <= PATH_BYTES
            }));
            assert_eq!(parts.concat(), paths);
        }
    }

    #[test]
    fn a_path_with_quotes_is_one_word() {
        assert_eq!(quoted("/a b/it's"), "'/a b/it'\\''s'");
    }
}
