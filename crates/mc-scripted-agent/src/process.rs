//! Tricks with processes: children that outlive the agent, and deafness to signals.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/// Leaves a process that is nobody's child, in a login session of its own, for `time`; answers its pid.
pub(crate) fn leave_behind(time: Duration) -> io::Result<String> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--detach", &time.as_secs().to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(io::Error::other(format!("the child ended with {}", output.status)))
    }
}

/// The middle process of [`leave_behind`]: its end makes the last one an orphan.
pub(crate) fn detach(seconds: u64) -> io::Result<()> {
    rustix::process::setsid()?;
    let child = Command::new(std::env::current_exe()?)
        .args(["--linger", &seconds.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    writeln!(io::stdout(), "{}", child.id())
}

/// The last process of [`leave_behind`].
pub(crate) fn linger(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// Makes every signal that asks a process to end go unheard, from now on.
pub(crate) fn ignore_signals() -> io::Result<()> {
    let heard = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
        signal_hook::flag::register(signal, Arc::clone(&heard))?;
    }
    Ok(())
}
