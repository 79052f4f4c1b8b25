//! `mc down`: agent sessions, node, what is left of shims, control plane, supervisor; then a look at what survived.
//!
//! Every step is done by identity and is harmless when there is nothing to do, so a broken installation is ended by the
//! same steps as a whole one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::Signal;
use serde::Serialize;
use tokio::process::Command;

use super::folder::Folder;
use super::part::Part;
use super::process::{Process, lock_holder, marked};
use super::programs::Programs;
use crate::args::Down;
use crate::context::Invocation;
use crate::exit::Failure;

/// Longer than `mc-mesh stop --all` takes at most (45 s).
const SESSIONS: Duration = Duration::from_secs(50);
const PATIENCE: Duration = Duration::from_secs(20);
const STRAGGLERS: Duration = Duration::from_secs(3);

/// Ends the installation.
pub(crate) async fn run(cx: &Invocation, args: Down) -> anyhow::Result<()> {
    let path = Folder::path(args.data_dir, cx.environment())?;
    let shown = path.display().to_string();
    let folder = Folder::open(&path)?;
    let Some(folder) = folder.filter(is_anything_alive) else {
        return told_all(cx, shown, "is not running");
    };
    end(cx, &folder).await?;
    told_all(cx, folder.dir().display().to_string(), "is stopped, no process is left")
}

/// What became of an installation.
#[derive(Serialize)]
struct Outcome {
    kind: &'static str,
    data_dir: String,
    result: &'static str,
}

/// Says what became of the installation.
pub(super) fn told_all(cx: &Invocation, data_dir: String, result: &'static str) -> anyhow::Result<()> {
    let outcome = Outcome { kind: "installation", data_dir, result };
    cx.out.value(&outcome, || format!("the installation in {} {result}\n", outcome.data_dir))
}

fn is_anything_alive(folder: &Folder) -> bool {
    supervisor(folder).is_some() || !marked(folder).is_empty()
}

fn supervisor(folder: &Folder) -> Option<Process> {
    lock_holder(&folder.lock())
}

/// All of it, the supervisor included.
///
/// # Errors
/// [`Failure::Conflict`] that names every process that survived.
pub(super) async fn end(cx: &Invocation, folder: &Folder) -> anyhow::Result<()> {
    // The mark keeps the supervisor from starting anything while we live.
    std::fs::create_dir_all(folder.file("run")).context("cannot write the data folder")?;
    Process::own()?.write(&folder.down())?;
    let mesh = Programs::find(cx.environment()).ok().map(|programs| programs.mesh);
    let say = |line: &str| cx.out.talk(line);
    parts(folder, mesh.as_deref(), &say).await?;
    if let Some(process) = supervisor(folder) {
        told(&say, "supervisor", process, process.end(PATIENCE).await?);
    }
    let left = survivors(folder).await;
    forget(folder);
    if left.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = left.into_iter().map(|process| format!("\n  {}", process.described())).collect();
    Err(Failure::Conflict(format!("these processes of {} survive:{}", folder.dir().display(), list.concat()))
        .into())
}

/// Everything but the supervisor.
pub(super) async fn parts(folder: &Folder, mesh: Option<&Path>, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let node = Part::Mesh.living(folder);
    if let (Some(_), Some(program)) = (node, mesh) {
        stop_sessions(folder, program, say).await;
    }
    if let Some(process) = node {
        told(say, Part::Mesh.title(), process, process.end(PATIENCE).await?);
    }
    end_shims(folder, say).await?;
    if let Some(process) = Part::ControlPlane.living(folder) {
        told(say, Part::ControlPlane.title(), process, process.end(PATIENCE).await?);
    }
    Ok(())
}

fn told(say: &dyn Fn(&str), what: &str, process: Process, killed: bool) {
    let how = if killed { "killed, it did not end in time" } else { "stopped" };
    say(&format!("{what} {how} (pid {})", process.pid));
}

/// Ends every agent session in order. A failure is told; what is left is ended with the shims.
async fn stop_sessions(folder: &Folder, program: &Path, say: &dyn Fn(&str)) {
    let mut command = Command::new(program);
    command
        .arg("--state-dir")
        .arg(folder.node())
        .args(["stop", "--all"])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    match tokio::time::timeout(SESSIONS, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            let stopped = String::from_utf8_lossy(&output.stdout).lines().count();
            if stopped > 0 {
                say(&format!("{stopped} agent session{} stopped", if stopped == 1 { "" } else { "s" }));
            }
        }
        Ok(Ok(output)) => {
            let why = String::from_utf8_lossy(&output.stderr);
            say(&format!("agent sessions did not stop in order: {}", crate::table::printable(why.trim())));
        }
        Ok(Err(error)) => say(&format!("agent sessions cannot be stopped in order: {error}")),
        Err(_) => say("agent sessions did not stop in time"),
    }
}

/// Ends shims and agents that are still there: without their node nothing else would.
async fn end_shims(folder: &Folder, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder.node().join("sessions")).into_iter().flatten().flatten() {
        let shim = lock_holder(&entry.path().join("lock")).filter(|process| process.is_marked(folder));
        if let Some(process) = shim {
            told(say, "shim", process, process.end(PATIENCE).await?);
        }
    }
    for process in marked(folder).into_iter().filter(|process| process.is_of_a_session()) {
        say(&format!("process of an agent killed: {}", process.described()));
        process.signal(Signal::KILL)?;
    }
    Ok(())
}

/// Marked processes that do not end by themselves.
async fn survivors(folder: &Folder) -> Vec<Process> {
    let deadline = Instant::now() + STRAGGLERS;
    loop {
        let left = marked(folder);
        if left.is_empty() || Instant::now() >= deadline {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Removes the files that describe what runs.
pub(super) fn forget(folder: &Folder) {
    let mut files: Vec<PathBuf> =
        ["supervisor", "controlplane", "mesh"].map(|name| folder.pid_file(name)).into();
    files.extend([folder.file("run/status.json"), folder.file("run/join-token"), folder.down()]);
    for file in files {
        // Absent is what is wanted; a file that stays names a process that is gone, and is not believed.
        drop(std::fs::remove_file(file));
    }
}
