//! The daemon: keeps every wanted session alive and opens one door to all of them.
//!
//! One supervisor thread per session compares what should be with what is ([`supervisor`]); the local socket
//! ([`local`]) and uplinks act through [`Node`] only.

mod local;
mod node;
mod service_manager;
mod supervisor;

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

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

/// How long the daemon goes on after SIGTERM so that what is durable reaches the control plane.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why the daemon stops.
enum End {
    /// SIGTERM or SIGINT.
    Asked,
    /// The local socket failed, or signals cannot be heard.
    Failed(io::Error),
}

/// Runs the daemon until SIGTERM or SIGINT. Then it takes no more work, brings what is durable to the control plane for at
/// most 5 s, and ends; a second signal ends it at once. Sessions do not notice its end. With `uplink` it serves a control
/// plane, else it works alone.
pub fn run(state: &Path, uplink: Option<uplink::Config>) -> Result<(), Error> {
    let state = StateDir::open(state)?;
    let lock = Lock::try_acquire(&state.mesh_lock())?
        .ok_or_else(|| Error::Busy(state.path().display().to_string()))?;
    // Heard from the start, so that an early signal is not lost.
    let (end, ended) = sync_channel(4);
    hear_signals(end.clone())?;
    let epoch = files::read_json::<u64>(&state.controller_epoch())?.unwrap_or_default() + 1;
    files::write_json(&state.controller_epoch(), &epoch)?;
    let socket = state.mesh_socket();
    let listener = files::bind(&socket)?;
    let node = Node::start(state, epoch)?;
    tracing::info!(controller.epoch = epoch, "mesh is ready, controller epoch {epoch}");
    let uplink = uplink.map(|config| uplink::start(node.clone(), config)).transpose()?;
    let shown = uplink.clone();
    std::thread::Builder::new().name("door".into()).spawn(move || {
        let failed = local::serve(&listener, &node, shown.as_ref()).err();
        let error = failed.unwrap_or_else(|| io::Error::other("the local socket was closed"));
        // Nobody waits any more when the daemon is stopping.
        let _ = end.try_send(End::Failed(error));
    })?;
    service_manager::tell(NotifyState::Ready);
    service_manager::watch(socket)?;
    let result = match ended.recv() {
        Ok(End::Asked) => {
            service_manager::tell(NotifyState::Stopping);
            if let Some(uplink) = &uplink {
                drain(uplink, &ended);
            }
            tracing::info!("mesh has stopped; agent sessions go on");
            Ok(())
        }
        Ok(End::Failed(error)) => Err(error.into()),
        Err(error) => Err(io::Error::other(error).into()),
    };
    drop(lock);
    result
}

/// Takes no more work, and waits until everything durable is acknowledged, or cannot be now.
fn drain(uplink: &uplink::Handle, ended: &Receiver<End>) {
    uplink.take_no_more();
    let began = Instant::now();
    while began.elapsed() < DRAIN_LIMIT && uplink.is_behind() {
        if ended.recv_timeout(LOOK_EVERY).is_ok() {
            tracing::warn!("asked again to stop: what is not reported yet will be after the next start");
            return;
        }
    }
}

/// Hears SIGTERM and SIGINT on a thread of its own, from now on.
fn hear_signals(end: SyncSender<End>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _entered = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    heard = terminate.recv() => if heard.is_none() { return },
                    heard = interrupt.recv() => if heard.is_none() { return },
                }
                // Full: it has been told often enough.
                let _ = end.try_send(End::Asked);
            }
        });
    })?;
    Ok(())
}
