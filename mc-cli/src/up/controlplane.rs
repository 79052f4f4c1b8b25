//! Commands of `mc-controlplane` that end and tell what they did.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use mc_api::Problem;
use mc_api::installation::{CopySummary, ProgramAbout};
use tokio::process::Command;

use super::folder::Folder;
use super::programs::Programs;
use crate::args::Installation;
use crate::context::Invocation;
use crate::exit::Failure;

/// What is asked of it.
#[derive(Debug)]
pub(crate) struct Word {
    /// Command and options.
    pub(crate) words: Vec<OsString>,
    /// Its standard output is data for ours.
    pub(crate) is_stream: bool,
    /// The value of `--to`, when it may hold a password: it is given by the environment, which other users cannot read.
    pub(crate) secret: Option<String>,
}

/// Runs it on an installation of this machine; `None`: it was a stream.
///
/// # Errors
/// What it says, as a problem.
pub(crate) async fn run(
    cx: &Invocation,
    installation: &Installation,
    word: Word,
) -> anyhow::Result<Option<CopySummary>> {
    let programs = Programs::find(cx.environment())?;
    programs.check().await?;
    let mut command = Command::new(&programs.controlplane);
    if let Some(file) = &installation.config {
        command.arg("--config").arg(file);
    }
    if let Some(folder) = &installation.data_dir {
        command.arg("--data-dir").arg(folder);
    } else if installation.config.is_none() {
        command.arg("--data-dir").arg(Folder::path(None, cx.environment())?);
    }
    command.args(&word.words);
    if let Some(secret) = &word.secret {
        command.env("MC_COPY_TO", secret);
    }
    command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let failed = || format!("cannot run {}", programs.controlplane.display());
    if word.is_stream {
        let status = command.stdout(Stdio::inherit()).status().await.with_context(failed)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        return if status.success() { Ok(None) } else { Err(Failure::Exited(code).into()) };
    }
    // What it would log of its own failure is in its answer.
    let output = command.args(["-o", "json"]).stdout(Stdio::piped()).output().await.with_context(failed)?;
    if output.status.success() {
        let summary = serde_json::from_slice(&output.stdout);
        return summary
            .map(Some)
            .with_context(|| format!("{} answered something else", programs.controlplane.display()));
    }
    match serde_json::from_slice::<Problem>(&output.stdout) {
        Ok(problem) => Err(mc_client::Error::Problem(Box::new(problem)).into()),
        // The configuration, for one: it has told that on standard error.
        Err(_) => Err(Failure::Exited(u8::try_from(output.status.code().unwrap_or(1)).unwrap_or(1)).into()),
    }
}

/// How long a program may take to say what it is.
const LIMIT: Duration = Duration::from_secs(10);

/// What a program of the control plane is: the one that is named, else the one beside this program.
///
/// # Errors
/// [`Failure::Usage`] when it does not say, as a program before this command does not.
pub(crate) async fn about(
    cx: &Invocation,
    program: Option<&Path>,
) -> anyhow::Result<(PathBuf, ProgramAbout)> {
    let path = match program {
        Some(path) => path.to_owned(),
        None => Programs::find(cx.environment())?.controlplane,
    };
    let silent = |why: &str| Failure::Usage(format!("{} does not tell what it is: {why}", path.display()));
    let mut command = Command::new(&path);
    command.args(["about", "-o", "json"]).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .map_err(|_| silent("it does not end"))?
        .map_err(|error| silent(&error.to_string()))?;
    let about = serde_json::from_slice(&output.stdout)
        .map_err(|_| silent("it is no mc-controlplane, or one from before `mc system upgrade`"))?;
    Ok((path, about))
}
