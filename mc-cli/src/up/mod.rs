//! `mc up` and `mc down`: an installation on this machine, of one control plane and one node.
//!
//! ```text
//! mc up ──► supervisor (own session) ──► mc-controlplane (own session)
//!                                   └──► mc-mesh (own session) ──► shims ──► agents
//! ```
//! Invariants: who runs is known by locks that the kernel releases (`lock`: supervisor, `controlplane.lock`,
//! `node/mesh.lock`); a pid file is believed only with its start time and the instance mark, so that a reused pid is
//! never signalled; a killed supervisor leaves its children running, and the next one adopts them by their locks.
//! Every child carries the mark `MC_INSTANCE=<data folder>` in its environment, and so do the agents.
//!
//! It does not know what the parts do: it starts them, asks `/readyz`, makes a join token, and ends them in order.

mod controlplane;
mod detached;
mod down;
mod folder;
mod join;
mod log;
mod part;
mod ports;
mod process;
mod programs;
mod settings;
mod start;
mod status;
mod supervisor;

use std::path::PathBuf;

use crate::environment::Environment;
use crate::exit::Failure;

/// Where the parts of an installation of this machine write their logs.
///
/// # Errors
/// Neither a folder nor a home is known.
pub(crate) fn logs(data_dir: Option<PathBuf>, environment: &Environment) -> Result<PathBuf, Failure> {
    folder::Folder::path(data_dir, environment).map(|folder| folder.join("logs"))
}

pub(crate) use controlplane::{Word, about, run as controlplane};
pub(crate) use detached::run as detached;
pub(crate) use down::run as down;
pub(crate) use start::run as up;
pub(crate) use supervisor::run as supervise;
