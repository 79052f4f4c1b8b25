//! Becoming another program in a session of its own, so that no terminal and no parent takes it along.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use anyhow::Context as _;

/// Leaves the caller's session and becomes `command`; the pid stays. Returns only on failure.
pub(crate) fn run(command: &[OsString]) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("no program is given")?;
    rustix::process::setsid().context("cannot make a session")?;
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}
