//! Processes by identity: pid and start time together, never a name.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::folder::{self, Folder};

/// Name of the instance mark.
pub(super) const MARK: &str = "MC_INSTANCE";
const POLL: Duration = Duration::from_millis(20);

/// One process, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: i32,
    /// Clock ticks since boot.
    pub(super) start_time: u64,
}

impl Process {
    /// The living process with this number; zombies do not live.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command may hold spaces and brackets; fields begin after the last one.
        let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ');
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        Some(Self { pid, start_time: fields.nth(18)?.parse().ok()? })
    }

    /// This process.
    pub(super) fn own() -> anyhow::Result<Self> {
        Self::of(rustix::process::getpid().as_raw_nonzero().get()).context("cannot read /proc/self/stat")
    }

    /// What a pid file names, when that very process lives.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (pid, start_time) = text.trim().split_once(' ')?;
        let named = Self { pid: pid.parse().ok()?, start_time: start_time.parse().ok()? };
        named.is_alive().then_some(named)
    }

    /// As [`Process::read`], when it carries the mark of the installation too.
    pub(super) fn read_marked(path: &Path, folder: &Folder) -> Option<Self> {
        Self::read(path).filter(|process| process.is_marked(folder))
    }

    /// Writes the pid file: `PID START_TIME`.
    pub(super) fn write(self, path: &Path) -> anyhow::Result<()> {
        folder::write(path, format!("{} {}\n", self.pid, self.start_time).as_bytes())
    }

    /// How long ago it began, up to a clock tick more.
    pub(super) fn age(self) -> Duration {
        // The kernel tells start times in hundredths of a second, whatever its own tick.
        let born = Duration::from_millis(self.start_time.saturating_mul(10));
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boot = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default());
        boot.saturating_sub(born)
    }

    /// Whether it still lives.
    pub(super) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Whether it was started by the installation in this folder, directly or by a child.
    pub(super) fn is_marked(self, folder: &Folder) -> bool {
        let mut wanted = format!("{MARK}=").into_bytes();
        wanted.extend_from_slice(folder.dir().as_os_str().as_bytes());
        self.has_variable(|entry| entry == wanted)
    }

    /// Whether it belongs to an agent session.
    pub(super) fn is_of_a_session(self) -> bool {
        self.has_variable(|entry| entry.starts_with(b"MC_SESSION="))
    }

    fn has_variable(self, fits: impl Fn(&[u8]) -> bool) -> bool {
        fs::read(format!("/proc/{}/environ", self.pid))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(fits))
    }

    /// Its command line, cut after 120 characters.
    pub(super) fn command(self) -> String {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
        let shown: String = text.trim().chars().take(120).collect();
        if shown.is_empty() { "a command that cannot be read".into() } else { shown }
    }

    /// `pid 12 (command line)`.
    pub(super) fn described(self) -> String {
        format!("pid {} ({})", self.pid, self.command())
    }

    /// Sends a signal if it is still this process; one that is gone is no failure.
    pub(super) fn signal(self, signal: Signal) -> anyhow::Result<()> {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) else { return Ok(()) };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot signal {}", self.described())),
        }
    }

    /// Waits until it has ended; `false` at the deadline.
    pub(super) async fn ends_within(self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }

    /// Asks it to end, and kills it when it has not ended in time. Answers whether it had to be killed.
    pub(super) async fn end(self, patience: Duration) -> anyhow::Result<bool> {
        self.signal(Signal::TERM)?;
        if self.ends_within(patience).await {
            return Ok(false);
        }
        self.signal(Signal::KILL)?;
        self.ends_within(Duration::from_secs(5)).await;
        Ok(true)
    }
}

/// Every process that may be looked at.
fn all() -> impl Iterator<Item = Process> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| Process::of(entry.ok()?.file_name().to_str()?.parse().ok()?))
}

/// Living processes that carry the mark, this one left out.
pub(super) fn marked(folder: &Folder) -> Vec<Process> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    all().filter(|process| process.pid != own && process.is_marked(folder)).collect()
}

/// Who holds the lock on a file; `None` when nobody does or it cannot be told.
pub(super) fn lock_holder(path: &Path) -> Option<Process> {
    let (inode, path) = (fs::metadata(path).ok()?.ino(), fs::canonicalize(path).ok()?);
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK  ADVISORY  WRITE 4711 00:3a:99 0 EOF`; the device may be another one than stat says (overlays), so
    // the holder is the one that has the file open.
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK").skip(2);
        if words.next()? != "WRITE" {
            return None;
        }
        let process = Process::of(words.next()?.parse().ok()?)?;
        let is_it = words.next()?.rsplit(':').next()?.parse() == Ok(inode);
        (is_it && has_open(process, |target| target == path)).then_some(process)
    })
}

/// Whether the process has something open that fits.
fn has_open(process: Process, fits: impl Fn(&Path) -> bool) -> bool {
    fs::read_dir(format!("/proc/{}/fd", process.pid))
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| fits(&target)))
}

/// Who has this socket open.
pub(super) fn socket_owner(inode: &str) -> Option<Process> {
    let link = format!("socket:[{inode}]");
    all().find(|process| has_open(*process, |target| target == Path::new(&link)))
}
