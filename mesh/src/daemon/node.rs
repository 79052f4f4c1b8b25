//! The one door to the sessions of this node.
//!
//! The uplink is built on four things: [`Node::subscribe`] tells what became durable, [`Node::reader`] gives
//! the records, [`Node::acked`] lets the journal be trimmed, and [`Node::create`] and [`Node::submit`] bring
//! specifications and commands down. All calls are safe from any thread; `submit` blocks up to 13 s.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mc_journal::Reader;

use super::supervisor::Supervisor;
use crate::files::{self, Lock, StateDir};
use crate::ids::SessionId;
use crate::protocol::{Code, Op, OpRequest, OpResult, SessionState, Summary};
use crate::runtimes::{self, RuntimeStatus};
use crate::spec::{Desired, SessionMeta, SessionSpec};

/// Notices waiting for a subscriber; when full, newer ones are dropped, because the next one says it all.
const NOTICES: usize = 1024;
/// How long a command waits for a shim that is being started or adopted.
const REACH_LIMIT: Duration = Duration::from_secs(3);

/// What is safe to send on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The session.
    pub session: SessionId,
    /// Newest sequence that survives power loss.
    pub durable_seq: u64,
    /// Published state.
    pub state: SessionState,
}

/// Why the node refused.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// There is no such session.
    #[error("no session {0}")]
    NoSession(SessionId),
    /// There is no such runtime, or its program is not installed.
    #[error("{0}")]
    Runtime(String),
    /// The session exists with another specification.
    #[error("session {0} exists already")]
    Exists(SessionId),
    /// The control plane has not given leave to start it, or not yet.
    #[error("no grant came for its agent")]
    NotGranted,
    /// The journal cannot be read.
    #[error("journal cannot be read")]
    Journal(#[from] mc_journal::Error),
    /// The system refused something.
    #[error("node failed")]
    Io(#[from] io::Error),
}

/// Handle to all sessions of the node.
#[derive(Debug, Clone)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) state: StateDir,
    pub(super) epoch: u64,
    sessions: Mutex<BTreeMap<SessionId, Supervisor>>,
    subscribers: Mutex<Vec<SyncSender<Committed>>>,
    /// The newest notice of every session.
    committed: Mutex<BTreeMap<SessionId, Committed>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The maps are whole between statements, so a panic elsewhere leaves them usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    pub(super) fn notify(&self, committed: &Committed) {
        locked(&self.committed).insert(committed.session.clone(), committed.clone());
        let gone =
            |to: &SyncSender<_>| matches!(to.try_send(committed.clone()), Err(TrySendError::Disconnected(_)));
        locked(&self.subscribers).retain(|to| !gone(to));
    }
}

impl Node {
    pub(super) fn start(state: StateDir, epoch: u64) -> io::Result<Self> {
        let inner = Inner {
            state,
            epoch,
            sessions: Mutex::default(),
            subscribers: Mutex::default(),
            committed: Mutex::default(),
        };
        let node = Self(Arc::new(inner));
        for id in node.0.state.sessions()? {
            if node.0.state.session(&id).spec().exists() {
                node.supervise(&id)?;
            }
        }
        Ok(node)
    }

    fn supervise(&self, id: &SessionId) -> io::Result<()> {
        let supervisor = Supervisor::start(id.clone(), Arc::clone(&self.0))?;
        locked(&self.0.sessions).insert(id.clone(), supervisor);
        Ok(())
    }

    /// Creates a session. The same specification again is answered like the first time.
    pub fn create(&self, spec: &SessionSpec) -> Result<(), NodeError> {
        let runtimes = runtimes::load(&self.0.state)?;
        let runtime = runtimes.get(&spec.runtime).ok_or_else(|| {
            NodeError::Runtime(format!("no runtime {:?}; known: {:?}", spec.runtime, runtimes.keys()))
        })?;
        if let Some(hint) = runtime.status(spec.runtime.clone()).hint {
            return Err(NodeError::Runtime(format!("runtime {:?} is not available: {hint}", spec.runtime)));
        }
        let dir = self.0.state.session(&spec.id);
        if let Some(present) = files::read_json::<SessionSpec>(&dir.spec())? {
            return if present == *spec { Ok(()) } else { Err(NodeError::Exists(spec.id.clone())) };
        }
        std::fs::create_dir_all(dir.path())?;
        files::write_json(&dir.spec(), spec)?;
        Ok(self.supervise(&spec.id)?)
    }

    /// Gives a command to a session and waits for the answer. A stop is remembered even when no shim lives.
    pub fn submit(&self, session: &SessionId, request: OpRequest) -> Result<OpResult, NodeError> {
        let sender = {
            let sessions = locked(&self.0.sessions);
            sessions.get(session).ok_or_else(|| NodeError::NoSession(session.clone()))?.sender()
        };
        let is_stop = request.op == Op::Stop;
        if is_stop {
            let dir = self.0.state.session(session);
            let mut spec: SessionSpec =
                files::read_json(&dir.spec())?.ok_or_else(|| NodeError::NoSession(session.clone()))?;
            if spec.desired != Desired::Stopped {
                spec.desired = Desired::Stopped;
                spec.generation += 1;
                files::write_json(&dir.spec(), &spec)?;
            }
        }
        if !is_stop && !sender.is_connected() && self.is_wanted(session)? {
            let until = Instant::now() + REACH_LIMIT;
            while !sender.is_connected() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let mut result = sender.submit(request);
        if is_stop && result.code == Code::Unavailable {
            // No shim to tell, but the wish is durable and the supervisor carries it out.
            result.code = Code::Ok;
        }
        Ok(result)
    }

    /// Whether a shim lives or will be started.
    fn is_wanted(&self, session: &SessionId) -> io::Result<bool> {
        let dir = self.0.state.session(session);
        let spec: Option<SessionSpec> = files::read_json(&dir.spec())?;
        let meta: Option<SessionMeta> = files::read_json(&dir.meta())?;
        Ok(spec.is_some_and(|spec| spec.desired == Desired::Running)
            && meta.is_none_or(|meta| !meta.state.is_terminal()))
    }

    /// All sessions, oldest first.
    pub fn list(&self) -> Result<Vec<Summary>, NodeError> {
        list(&self.0.state)
    }

    /// All runtimes by name, read anew: what is installed changes without a restart.
    pub fn runtimes(&self) -> Result<Vec<RuntimeStatus>, NodeError> {
        Ok(runtimes::list(&self.0.state)?)
    }

    /// Reads a session's records from `from` on. Read no further than [`Committed::durable_seq`]: what is not
    /// durable must not leave the machine.
    pub fn reader(&self, session: &SessionId, from: u64) -> Result<Reader, NodeError> {
        Ok(Reader::open(&self.0.state.session(session).journal(), from)?)
    }

    /// The newest notice about a session since this daemon found its shim, or found that it has ended.
    pub fn committed(&self, session: &SessionId) -> Option<Committed> {
        locked(&self.0.committed).get(session).cloned()
    }

    /// Forgets a session that has ended, with its journal. False when a shim still lives.
    pub fn remove(&self, session: &SessionId) -> Result<bool, NodeError> {
        let dir = self.0.state.session(session);
        if Lock::is_held(&dir.lock())? {
            return Ok(false);
        }
        // Its thread ends with its handle.
        locked(&self.0.sessions).remove(session);
        locked(&self.0.committed).remove(session);
        std::fs::remove_dir_all(dir.path())?;
        Ok(true)
    }

    /// The folder of everything this node knows.
    pub(crate) fn state(&self) -> &StateDir {
        &self.0.state
    }

    /// Says that everything up to `seq` is committed elsewhere and may be trimmed.
    pub fn acked(&self, session: &SessionId, seq: u64) -> Result<(), NodeError> {
        let sessions = locked(&self.0.sessions);
        let supervisor = sessions.get(session).ok_or_else(|| NodeError::NoSession(session.clone()))?;
        supervisor.sender().acked(seq);
        Ok(())
    }

    /// Notices about newly durable records. A subscriber reads from its own cursor, so a lost notice costs
    /// latency only.
    pub fn subscribe(&self) -> Receiver<Committed> {
        let (sender, receiver) = sync_channel(NOTICES);
        locked(&self.0.subscribers).push(sender);
        receiver
    }
}

/// All sessions of a state directory, with or without a daemon.
pub(crate) fn list(state: &StateDir) -> Result<Vec<Summary>, NodeError> {
    let mut all = Vec::new();
    for id in state.sessions()? {
        let dir = state.session(&id);
        if let Some(spec) = files::read_json(&dir.spec())? {
            let (meta, is_live) = (files::read_json(&dir.meta())?, Lock::is_held(&dir.lock())?);
            all.push(Summary { spec, meta, is_live });
        }
    }
    Ok(all)
}
