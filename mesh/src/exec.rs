//! `mc-mesh exec`: sets up a process from inside it, then becomes or starts the wanted program.
//!
//! Replaces `pre_exec`: the same system calls, without code between `fork` and `exec`.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{Signal, getppid, set_parent_process_death_signal, setsid};

/// Own session and process group, death with the parent, no new privileges; then becomes `command`.
///
/// Returns only on failure.
pub fn agent(parent: i32, command: &[OsString]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else { return io::ErrorKind::InvalidInput.into() };
    let prepare = || -> io::Result<()> {
        setsid()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        rustix::thread::set_no_new_privs(true)?;
        // The parent may have died before the death signal was asked for.
        if getppid().is_none_or(|pid| pid.as_raw_nonzero().get() != parent) {
            return Err(io::Error::other("the shim is gone"));
        }
        Ok(())
    };
    if let Err(error) = prepare() {
        return error;
    }
    Command::new(program).args(arguments).exec()
}

/// Starts `command` in a session of its own and leaves it to init.
pub fn detached(command: &[OsString]) -> io::Result<()> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    setsid()?;
    Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn().map(drop)
}
