//! An ACP v1 agent that does what its prompt says.
//!
//! It stands where a language model's agent would: tests, demonstrations and fault injection drive it over standard
//! input and output, and it is a client of MCP servers like the real ones. The README describes the commands.
//!
//! Invariants: no input makes it panic; with a witness file, no line is sent or obeyed before it is on disk. It links
//! no crate of the control plane, so it can only know what the protocols tell it. One thread reads, each turn has its
//! own; threads end with the process.

mod agent;
mod config;
mod dispatch;
mod language;
mod mcp;
mod process;
mod rpc;
mod session;
mod turn;
mod wire;
mod witness;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use config::{Config, Load};

/// Runs the agent on this process's standard input and output until the input ends.
pub fn run(config: Config) -> ExitCode {
    let done = match (config.linger, config.detach) {
        (Some(seconds), _) => {
            process::linger(seconds);
            Ok(())
        }
        (None, Some(seconds)) => process::detach(seconds),
        (None, None) => agent::Agent::new(config).map(|agent| dispatch::serve(&Arc::new(agent))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nobody is left to tell when this write fails too.
            let _ = writeln!(io::stderr(), "mc-scripted-agent: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The guard also of a mutex whose holder panicked: the data here is valid between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
