//! The shim: one small process per agent session, and the ACP client of its agent.
//!
//! It owns what must survive the daemon: the pipes, the JSON-RPC ids, the prompt queue, the open permissions
//! and the journal. One thread decides ([`core`]), the others move bytes.
//!
//! - Nothing acts before its record is where it must be: a prompt, a permission answer and an accepted
//!   command are synced to disk first.
//! - A prompt that was sent is never sent again. After a crash its turn is `interrupted`.
//! - A living shim holds the lock file; nothing else proves that it lives.
//!
//! ```text
//! Down ─start→ Initialize → (Authenticate) → Open → Serving ─agent gone→ Ending → Down (back-off)
//!                                              │         └ restored, first turn empty ┐
//!                                              └ restore failed → NeedsDecision ←───────┘  → Open
//! any ─stop→ Ending → Finished          5 deaths in 10 minutes → Finished (failed)
//! ```

mod agent;
mod clients;
mod core;
mod ending;
mod mode;
mod model;
mod opening;
mod ops;
mod restored;
mod room;
mod socket;
mod stderr;
mod turn;

use std::io;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::files::{self, Lock, StateDir};
use crate::ids::SessionId;
use crate::protocol::ToShim;
use crate::spec::SessionSpec;
use crate::{procs, runtimes};

/// Messages waiting for the core; when full, the threads wait, and with them the agent's pipe.
const INPUT_QUEUE: usize = 64;
const LOCK_TRIES: u32 = 10;

/// Why a shim ended before its session did.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another shim of this session lives.
    #[error("another shim holds the session")]
    Busy,
    /// There is no such session, or its runtime is not defined.
    #[error("{0}")]
    NotFound(String),
    /// The journal cannot go on.
    #[error("journal failed")]
    Journal(#[from] mc_journal::Error),
    /// Any other failure of the system.
    #[error("shim failed")]
    Io(#[from] io::Error),
}

/// What the core reacts to.
enum Input {
    Lines { epoch: u64, lines: Vec<Vec<u8>> },
    TooLong { epoch: u64 },
    Eof { epoch: u64 },
    Stderr { epoch: u64, text: Vec<u8> },
    Exited { pid: i32, status: String },
    Connected { id: u64, client: socket::Client },
    Message { id: u64, message: ToShim },
    Disconnected { id: u64 },
}

/// Takes the session's lock. Whoever looks whether it is held takes it for an instant, so one refusal proves nothing.
fn acquire(path: &Path) -> Result<Lock, Error> {
    for _ in 0..LOCK_TRIES {
        if let Some(lock) = Lock::try_acquire(path)? {
            return Ok(lock);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(Error::Busy)
}

/// Runs the shim of one session until the session ends.
pub fn run(state: &Path, session: &SessionId) -> Result<(), Error> {
    let state = StateDir::open(state)?;
    let dir = state.session(session);
    let spec: SessionSpec =
        files::read_json(&dir.spec())?.ok_or_else(|| Error::NotFound(format!("no session {session}")))?;
    let lock = acquire(&dir.lock())?;
    rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1)).map_err(io::Error::from)?;
    // An agent of a shim that was killed may have left children behind.
    let left = procs::kill_marked(session, Duration::from_secs(5));
    if !left.is_empty() {
        return Err(io::Error::other(format!("processes {left:?} of an earlier shim do not end")).into());
    }
    let runtime = runtimes::load(&state)?
        .remove(&spec.runtime)
        .ok_or_else(|| Error::NotFound(format!("no runtime {}", spec.runtime)))?;
    let restore_mark = restored::RestoreMark::new(state.restore_mark(&spec.runtime));
    let (inputs, receiver) = sync_channel(INPUT_QUEUE);
    let mut core = core::Core::open(dir, spec, (runtime, restore_mark), inputs.clone())?;
    socket::serve(files::bind(core.dir.socket())?, inputs)?;
    let ended = core.run(&receiver);
    // A stale socket would only cost the next caller a refused connection.
    let _ = std::fs::remove_file(core.dir.socket());
    drop(lock);
    ended
}
