//! The daemon: keeps every wanted session alive and opens one door to all of them.
//!
//! One supervisor thread per session compares what should be with what is ([`supervisor`]); the local socket
//! ([`local`]) and uplinks act through [`Node`] only.

mod local;
mod node;
mod supervisor;

use std::io;
use std::path::Path;

use crate::files::{self, Lock, StateDir};
use crate::uplink;

pub(crate) use node::list;
pub use node::{Committed, Node, NodeError};

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another daemon works on this state directory.
    #[error("another mc-mesh runs on {0}")]
    Busy(String),
    /// The uplink could never connect as it is configured.
    #[error("no uplink")]
    Uplink(#[from] uplink::Error),
    /// The system refused something.
    #[error("daemon failed")]
    Io(#[from] io::Error),
}

/// Runs the daemon until the process is killed. Sessions do not notice its end. With `uplink` it serves a control
/// plane, else it works alone.
pub fn run(state: &Path, uplink: Option<uplink::Config>) -> Result<(), Error> {
    let state = StateDir::open(state)?;
    let lock = Lock::try_acquire(&state.mesh_lock())?
        .ok_or_else(|| Error::Busy(state.path().display().to_string()))?;
    let epoch = files::read_json::<u64>(&state.controller_epoch())?.unwrap_or_default() + 1;
    files::write_json(&state.controller_epoch(), &epoch)?;
    let listener = files::bind(&state.mesh_socket())?;
    let node = Node::start(state, epoch)?;
    tracing::info!(controller.epoch = epoch, "mesh is ready, controller epoch {epoch}");
    let uplink = uplink.map(|config| uplink::start(node.clone(), config)).transpose()?;
    let ended = local::serve(&listener, &node, uplink.as_ref());
    drop(lock);
    Ok(ended?)
}
