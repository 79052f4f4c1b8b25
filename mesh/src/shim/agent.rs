//! The agent process: start, pipes, reaping.
//!
//! The agent runs in its own session and process group, marked in its environment, and dies with the shim.
//! Threads only move bytes; every decision is taken by the core that receives [`Input`].

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use mc_acp::LineSplitter;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, wait};

use super::Input;
use crate::ids::SessionId;
use crate::procs;
use crate::runtimes::Runtime;

/// Lines waiting for an agent that does not read; at this point it counts as hung.
const WRITE_QUEUE: usize = 1024;
const STACK_BYTES: usize = 128 * 1024;

pub(super) struct Agent {
    pub(super) epoch: u64,
    pub(super) pid: i32,
    pub(super) start_time: Option<u64>,
    stdin: Option<SyncSender<Vec<u8>>>,
    pub(super) exit: Option<String>,
    pub(super) is_eof: bool,
    gate: Arc<Gate>,
}

/// Lets the reading thread wait, so that a journal without room blocks the agent's pipe and nothing else.
#[derive(Default)]
struct Gate {
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, is_closed: bool) {
        // A boolean cannot be left half written, so poisoning does not matter.
        *self.is_closed.lock().unwrap_or_else(PoisonError::into_inner) = is_closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let guard = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(guard, |is_closed| *is_closed).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Agent {
    pub(super) fn spawn(
        runtime: &Runtime,
        session: &SessionId,
        (cwd, env): (&str, &BTreeMap<String, String>),
        epoch: u64,
        inputs: &SyncSender<Input>,
    ) -> io::Result<Self> {
        let program = runtime.program().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("program {:?} is not installed", runtime.command.first()),
            )
        })?;
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let mut child = Command::new("/proc/self/exe")
            .args(["exec", "agent", "--parent", &own.to_string(), "--"])
            .arg(program)
            .args(&runtime.command[1..])
            .current_dir(cwd)
            .env_clear()
            .envs(runtime.environment())
            .envs(env)
            .env(procs::MARK, session.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let gate = Arc::<Gate>::default();
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let (stdin, lines) = sync_channel::<Vec<u8>>(WRITE_QUEUE);
        if let (Some(mut pipe), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        {
            thread("agent-in", move || {
                // A broken pipe ends the thread; the core learns of it by the end of stdout.
                while let Ok(line) = lines.recv() {
                    if pipe.write_all(&line).is_err() {
                        return;
                    }
                }
            })?;
            let to_core = inputs.clone();
            let reading = Arc::clone(&gate);
            thread("agent-out", move || read_lines(stdout, epoch, &to_core, &reading))?;
            let to_core = inputs.clone();
            thread("agent-err", move || read_text(stderr, epoch, &to_core))?;
        }
        let to_core = inputs.clone();
        thread("reaper", move || reap(&to_core))?;
        Ok(Self {
            epoch,
            pid,
            start_time: procs::start_time(pid),
            stdin: Some(stdin),
            exit: None,
            is_eof: false,
            gate,
        })
    }

    /// Queues a line; false when the agent takes no more.
    pub(super) fn write(&self, line: &str) -> bool {
        let bytes = format!("{line}\n").into_bytes();
        self.stdin.as_ref().is_some_and(|stdin| stdin.try_send(bytes).is_ok())
    }

    /// Stops or resumes reading what the agent writes.
    pub(super) fn pause_reading(&self, is_paused: bool) {
        self.gate.set(is_paused);
    }

    /// Closes the agent's standard input once what is queued has been written.
    pub(super) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(super) fn signal_group(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.pid)
            && let Err(error) = kill_process_group(group, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!("cannot signal process group {}: {error}", self.pid);
        }
    }
}

fn thread(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(f).map(drop)
}

/// Sends every line in order, then the end. A full channel blocks the agent's pipe, which is the intention.
fn read_lines(mut stdout: impl Read, epoch: u64, to_core: &SyncSender<Input>, gate: &Gate) {
    let mut splitter = LineSplitter::default();
    let mut chunk = vec![0; 32 * 1024];
    let send = |input| to_core.send(input).is_ok();
    loop {
        gate.pass();
        match stdout.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => {
                let mut lines = Vec::new();
                let pushed = splitter.push(&chunk[..count], |line| lines.push(line.to_vec()));
                if !lines.is_empty() && !send(Input::Lines { epoch, lines }) {
                    return;
                }
                if pushed.is_err() {
                    send(Input::TooLong { epoch });
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    if let Some(rest) = splitter.finish() {
        send(Input::Lines { epoch, lines: vec![rest] });
    }
    send(Input::Eof { epoch });
}

fn read_text(mut stderr: impl Read, epoch: u64, to_core: &SyncSender<Input>) {
    let mut chunk = vec![0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut chunk) {
        if to_core.send(Input::Stderr { epoch, text: chunk[..count].to_vec() }).is_err() {
            return;
        }
    }
}

/// Reaps the agent and, as the subreaper, whatever it left behind, until there is no child.
fn reap(to_core: &SyncSender<Input>) {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let status = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => format!("code {code}"),
                    (_, Some(signal)) => format!("signal {signal}"),
                    _ => "unknown".to_owned(),
                };
                if to_core.send(Input::Exited { pid: pid.as_raw_nonzero().get(), status }).is_err() {
                    return;
                }
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
