//! Looking at and ending processes by identity, never by name.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::ids::SessionId;

/// Environment variable that marks every process of a session.
pub(crate) const MARK: &str = "MC_SESSION";

/// Start time of a process in clock ticks since boot; `None` when it does not exist or is a zombie.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command may hold spaces and brackets; fields begin after the last one.
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Id of this kernel boot.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Living processes that carry the session's mark, this one left out.
pub(crate) fn marked(session: &SessionId) -> Vec<i32> {
    let wanted = format!("{MARK}={session}");
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid != own)
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|env| env.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
        })
        .filter(|pid| start_time(*pid).is_some())
        .collect()
}

/// Kills the processes of a session, round by round.
///
/// A process that is ending loses its environment, and with it the mark, before it lets go of its files and locks.
/// What was seen once is therefore waited for by its identity.
#[derive(Debug, Default)]
pub(crate) struct Hunt {
    seen: BTreeMap<i32, u64>,
}

impl Hunt {
    /// Kills what carries the mark now. Answers who is left of this and the earlier rounds.
    pub(crate) fn round(&mut self, session: &SessionId) -> Vec<i32> {
        self.seen.retain(|pid, started| start_time(*pid) == Some(*started));
        for pid in marked(session) {
            signal(pid, Signal::KILL);
            self.seen.extend(start_time(pid).map(|started| (pid, started)));
        }
        self.seen.keys().copied().collect()
    }
}

/// Kills every process of a session and waits until none is left or `limit` passes. Answers who is left.
pub(crate) fn kill_marked(session: &SessionId, limit: Duration) -> Vec<i32> {
    let deadline = Instant::now() + limit;
    let mut hunt = Hunt::default();
    loop {
        let left = hunt.round(session);
        if left.is_empty() || Instant::now() >= deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal; a process that is gone already is no failure.
pub(crate) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid)
        && let Err(error) = kill_process(pid, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(process.pid = pid.as_raw_nonzero(), "cannot signal process {pid:?}: {error}");
    }
}
