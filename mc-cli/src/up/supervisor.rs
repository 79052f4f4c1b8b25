//! The process that `mc up` leaves behind: keeps both parts running until it is asked to end.
//!
//! ```text
//! lives already (pid file or lock) → adopt ┐
//! else start                               ├→ wait for its end → back-off 0.2–5 s → again
//! ```
//! While `mc down` works, nothing is started. SIGTERM ends everything in the order of `mc down`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::Signal;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::folder::{self, Folder};
use super::part::Part;
use super::process::{MARK, Process, lock_holder};
use super::programs::Programs;
use super::settings::Settings;
use super::status::Board;
use super::{down, join, log, start};
use crate::age::now;
use crate::context::Invocation;
use crate::exit::Failure;

const POLL: Duration = Duration::from_millis(100);
const LOOK_AT_LOGS: Duration = Duration::from_secs(5);
/// A part that lived so long has recovered.
const STABLE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

struct Supervisor<'a> {
    cx: &'a Invocation,
    folder: &'a Folder,
    programs: Programs,
    settings: Settings,
    board: Board<'a>,
}

/// Supervises the installation in `data_dir`, as `mc up` prepared it.
pub(crate) async fn run(cx: &Invocation, data_dir: PathBuf) -> anyhow::Result<()> {
    let folder = Folder::create(&data_dir)?;
    let Some(_lock) = folder::take_lock(&folder.lock()).context("cannot lock the data folder")? else {
        return Err(already_supervised(&folder).into());
    };
    Process::own()?.write(&folder.pid_file("supervisor"))?;
    let settings = Settings::read(&folder).context("run/up.json is missing: start with `mc up`")?;
    let programs = Programs::find(cx.environment())?;
    let supervisor = Supervisor { cx, folder: &folder, programs, settings, board: Board::new(&folder)? };
    supervisor.say(&format!("supervising {}", folder.dir().display()));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        () = supervisor.keep(Part::ControlPlane) => {}
        () = supervisor.keep(Part::Mesh) => {}
        () = supervisor.bound_logs() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    supervisor.say("ending");
    down::parts(&folder, Some(&supervisor.programs.mesh), &|line| supervisor.say(line)).await?;
    down::forget(&folder);
    Ok(())
}

/// Who supervises already.
pub(super) fn already_supervised(folder: &Folder) -> Failure {
    let holder = lock_holder(&folder.lock()).map_or_else(|| "another process".into(), Process::described);
    Failure::Conflict(format!(
        "{} is supervised by {holder}\n  fix: use it as it is, or end it with `mc down --data-dir {0}`",
        folder.dir().display()
    ))
}

fn pause(failures: u32) -> Duration {
    (FIRST_PAUSE * 2u32.pow(failures.saturating_sub(1).min(8))).min(LONGEST_PAUSE)
}

impl Supervisor<'_> {
    fn say(&self, line: &str) {
        self.cx.out.talk(&format!("{} {line}", now()));
    }

    /// Never returns: the part is started again whenever it has ended.
    async fn keep(&self, part: Part) {
        let mut failures = 0;
        loop {
            while Process::read(&self.folder.down()).is_some() {
                tokio::time::sleep(POLL).await;
            }
            let began = Instant::now();
            let end = self.run_once(part).await.unwrap_or_else(|error| format!("{error:#}"));
            failures = if began.elapsed() >= STABLE { 1 } else { failures + 1 };
            self.say(&format!("{} ended: {end}; next start in {:?}", part.title(), pause(failures)));
            self.note(part, |status| {
                status.pid = None;
                status.ends += 1;
                status.last_end = Some(end);
            });
            tokio::time::sleep(pause(failures)).await;
        }
    }

    fn note(&self, part: Part, change: impl FnOnce(&mut super::status::PartStatus)) {
        if let Err(error) = self.board.change(part, change) {
            self.say(&format!("the status cannot be written: {error:#}"));
        }
    }

    /// One life of a part; answers how it ended.
    async fn run_once(&self, part: Part) -> anyhow::Result<String> {
        if let Some(process) = part.living(self.folder) {
            self.seen(part, process, true)?;
            let gone = async {
                while process.is_alive() {
                    tokio::time::sleep(POLL).await;
                }
            };
            return tokio::select! {
                () = gone => Ok("gone".into()),
                never = self.oversee(part, process) => match never? {},
            };
        }
        let mut join = None;
        if part == Part::Mesh {
            start::until_ready(self.settings).await?;
            join = join::hand_over(self.folder, self.settings).await?;
        }
        let output = log::open(&self.folder.log(part.name()))?;
        // Of this environment, which the part inherits: whoever started it before may have had another.
        let has_broker = self.cx.environment().has_broker;
        let mut command = Command::new("/proc/self/exe");
        command
            .args(["detached", "--"])
            .args(part.command(self.folder, &self.programs, self.settings, has_broker, join))
            .env(MARK, self.folder.dir())
            .env_remove("MC_BASE_URL")
            .current_dir(self.folder.dir())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        if part != Part::ControlPlane {
            // Bootstrap token and bucket are for the control plane alone.
            for secret in ["MC_TOKEN", "MC_OBJECT_STORAGE_ACCESS_SECRET", "MC_MQTT_BROKER_PASSWORD"] {
                command.env_remove(secret);
            }
        }
        let mut child = command.spawn().with_context(|| format!("cannot start the {}", part.title()))?;
        let Some(process) = child.id().and_then(|pid| Process::of(pid.try_into().ok()?)) else {
            // It has ended already, and waiting tells how.
            return Ok(child.wait().await?.to_string());
        };
        self.seen(part, process, false)?;
        tokio::select! {
            ended = child.wait() => Ok(ended?.to_string()),
            never = self.oversee(part, process) => match never? {},
        }
    }

    /// What a living part needs of us: the node's join token is taken back, and a node that could not join is ended, so
    /// that it gets another. Never returns, but for a failure.
    async fn oversee(&self, part: Part, process: Process) -> anyhow::Result<Infallible> {
        if part == Part::Mesh && !join::take_back(self.folder).await? {
            self.say("the node has not joined in time");
            process.signal(Signal::TERM)?;
        }
        std::future::pending().await
    }

    fn seen(&self, part: Part, process: Process, adopted: bool) -> anyhow::Result<()> {
        process.write(&self.folder.pid_file(part.name()))?;
        let how = if adopted { "adopted" } else { "started" };
        self.say(&format!("{} {how} (pid {})", part.title(), process.pid));
        self.note(part, |status| {
            status.pid = Some(process.pid);
            status.adopted = adopted;
        });
        Ok(())
    }

    async fn bound_logs(&self) {
        loop {
            for name in ["supervisor", "controlplane", "mesh"] {
                if let Err(error) = log::bound(&self.folder.log(name), log::LARGEST) {
                    self.say(&format!("a log cannot be turned over: {error:#}"));
                }
            }
            tokio::time::sleep(LOOK_AT_LOGS).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_fifth_of_a_second_to_five() {
        let millis: Vec<u128> = (1..=7).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(millis, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
