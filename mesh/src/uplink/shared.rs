//! What the parts of the uplink share.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mc_proto::mesh_v1 as wire;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};

use super::Config;
use super::skills;
use super::table::{Mark, Table, Tracked};
use crate::daemon::{Committed, Node};
use crate::files;
use crate::ids::SessionId;
use crate::protocol::{Backlog, OpRequest, UplinkStatus};

/// State and wake-up calls of the uplink.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) node: Node,
    pub(super) config: Config,
    table: Mutex<Table>,
    /// Something may be there to report.
    pub(super) reports: Notify,
    /// A session waits for its first grant.
    pub(super) leases: Notify,
    /// A grant was written.
    pub(super) granted: Notify,
    /// The control plane has work.
    pub(super) claims: Notify,
    /// The daemon is about to stop: nothing new is claimed.
    pub(super) is_stopping: AtomicBool,
    /// Whether this connection has told everything that is wanted.
    pub(super) synced: watch::Sender<bool>,
    /// The way to skills, while there is a connection.
    line: Mutex<Option<skills::Line>>,
    /// Sessions whose worker has to be started; at most one entry per session, because a worker that is to be started
    /// counts as running.
    work: UnboundedSender<SessionId>,
}

/// Runs what blocks beside the runtime.
pub(super) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| E::from(io::Error::other(error)))?
}

impl Shared {
    /// With the sessions of the control plane that are on the disk.
    pub(super) fn restore(node: Node, config: Config, work: UnboundedSender<SessionId>) -> io::Result<Self> {
        let mut table = Table::default();
        table.status.server.clone_from(&config.server);
        table.status.slots = config.slots;
        for id in node.state().sessions()? {
            let dir = node.state().session(&id);
            if let Some(mark) = files::read_json::<Mark>(&dir.mark())? {
                let acked = files::read_json(&dir.ack())?.unwrap_or_default();
                let tracked = Tracked::restored(mark, acked, node.committed(&id).as_ref());
                table.sessions.insert(id, tracked);
            }
        }
        Ok(Self {
            node,
            config,
            table: Mutex::new(table),
            reports: Notify::new(),
            leases: Notify::new(),
            granted: Notify::new(),
            claims: Notify::new(),
            is_stopping: AtomicBool::new(false),
            synced: watch::Sender::new(false),
            line: Mutex::default(),
            work,
        })
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        // Every change leaves the table whole, so a panic elsewhere leaves it usable.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn on_committed(&self, committed: &Committed) {
        if self.table().committed(committed) {
            self.reports.notify_one();
        }
    }

    pub(super) fn want(&self, id: &SessionId, spec: wire::SessionSpec) {
        let committed = self.node.committed(id);
        let must_start = self.table().want(id, spec, committed);
        self.start(must_start, id);
        // Who waits for the grant of an older wish waits in vain.
        self.granted.notify_waiters();
        self.reports.notify_one();
    }

    pub(super) fn command(&self, id: &SessionId, request: OpRequest) {
        let must_start = self.table().command(id, request);
        self.start(must_start, id);
    }

    fn start(&self, must_start: bool, id: &SessionId) {
        if must_start && self.work.send(id.clone()).is_err() {
            tracing::error!(session.id = %id, "nobody works on session {id}");
        }
    }

    /// The way to skills; `None` without a connection.
    pub(super) fn skills_line(&self) -> Option<skills::Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_skills_line(&self, line: Option<skills::Line>) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    pub(super) fn disconnected(&self, error: String) {
        self.set_skills_line(None);
        self.synced.send_replace(false);
        self.table().disconnected(error);
    }

    /// What `mc-mesh status` shows.
    pub(super) fn snapshot(&self) -> UplinkStatus {
        let table = self.table();
        let mut status = table.status.clone();
        status.sessions = table
            .sessions
            .iter()
            .map(|(id, tracked)| Backlog {
                session: id.clone(),
                acked_seq: tracked.flow.acked(),
                durable_seq: tracked.committed.map(|(durable, _)| durable),
                failed: tracked.mark.failed.clone(),
            })
            .collect();
        status
    }
}
