//! The uplink: this node's side of the service between node and control plane (`proto/`, `docs/glossary.md`).
//!
//! ```text
//! Sync ──► table ──► one worker per session ──► daemon::Node ──► shim
//!                                                   │ journal
//! Report ◄── flow, round robin over sessions ◄──────┘       RenewLeases ──► grant.json       ClaimTask
//! ```
//!
//! - No agent ever waits for it. Without a connection everything goes on, is journaled, and is reported later.
//! - Nothing is remembered but what the control plane says again: wanted sessions and open commands come with every
//!   synchronisation, positions in the journals with its cursors. What must not be done twice is refused a second
//!   time by the journal (commands by their id) or by the position (records by their sequence).
//! - Only durable records leave, and only acknowledged ones are trimmed.
//! - Sessions made on this machine by hand are not reported.
//! - One thread with an async runtime; calls to the sessions run beside it, because they block.

mod apply;
mod backoff;
mod blob;
mod claim;
mod connection;
mod convert;
mod facts;
mod flow;
mod identity;
mod lease;
mod live;
pub mod mqtt;
mod report;
mod shared;
mod skills;
mod status;
mod sync;
mod table;
mod tail;
mod trust;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use crate::daemon::Node;
use crate::protocol::{Backlog, UplinkStatus};
use shared::Shared;

pub use identity::{Error, Identity, JoinToken};

/// Threads for calls that block: disk and shims.
const BLOCKING_THREADS: usize = 32;

/// How this node is connected.
#[derive(Debug, Clone)]
pub struct Config {
    /// `https://HOST:PORT` of the control plane's gRPC endpoint.
    pub server: String,
    /// Token to join with, when the node has no identity yet.
    pub join_token_file: Option<PathBuf>,
    /// Agent sessions this node takes at once.
    pub slots: u32,
    /// How long a session that has ended is kept after the control plane has everything of it.
    pub keep_ended: Duration,
}

/// Shows the state of the uplink.
#[derive(Debug, Clone)]
pub struct Handle(Arc<Shared>);

impl Handle {
    /// The state at this moment.
    pub fn status(&self) -> UplinkStatus {
        self.0.snapshot()
    }

    /// Asks for no more tasks; the daemon is about to stop.
    pub fn take_no_more(&self) {
        self.0.is_stopping.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether there is a connection, and something durable that the control plane has not acknowledged.
    pub fn is_behind(&self) -> bool {
        let status = self.0.snapshot();
        let is_behind = |backlog: &Backlog| {
            backlog.failed.is_none() && backlog.durable_seq.is_some_and(|durable| durable > backlog.acked_seq)
        };
        status.connected_since_us.is_some() && status.sessions.iter().any(is_behind)
    }
}

/// Starts the uplink beside the daemon. It goes on for the life of the process.
///
/// # Errors
/// [`Error::NotJoined`] and [`Error::Token`], when it could never connect; [`Error::File`].
pub fn start(node: Node, config: Config) -> Result<Handle, Error> {
    let token = config.join_token_file.as_deref();
    let is_joined = Identity::load(node.state(), &config.server)?.is_some();
    let token = match token {
        _ if is_joined => None,
        Some(path) => Some(JoinToken::read(path)?),
        None => return Err(Error::NotJoined),
    };
    let state = node.state().path().to_owned();
    let failed = |error: io::Error| Error::File(state.clone(), error);
    let notices = node.subscribe();
    let (sender, work) = unbounded_channel();
    let shared = Arc::new(Shared::restore(node, config, sender).map_err(failed)?);
    let listening = Arc::clone(&shared);
    std::thread::Builder::new()
        .name("notices".into())
        .spawn(move || {
            for committed in notices {
                listening.on_committed(&committed);
            }
        })
        .map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(Duration::from_secs(5))
        .build()
        .map_err(failed)?;
    let handle = Handle(Arc::clone(&shared));
    std::thread::Builder::new()
        .name("uplink".into())
        .spawn(move || {
            runtime.block_on(async {
                let workers = apply::run(Arc::clone(&shared), work);
                let sweeping = status::sweep(Arc::clone(&shared));
                tokio::join!(workers, sweeping, connection::run(&shared, token));
            });
        })
        .map_err(failed)?;
    Ok(handle)
}
