//! One session: find its shim, adopt it, or start one.
//!
//! ```text
//! lock held → connect → Hello → serve until the connection ends ┐
//! lock held, no answer for 3 s → TERM, KILL                     ├→ look again
//! lock free, wanted → start a shim (back-off 1, 2, 4 … 60 s)    ┘
//! lock free, stopped or failed → wait for a nudge
//! ```

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mc_journal::Reader;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::time::Timespec;

use super::node::{Committed, Inner};
use crate::files::{self, Lock, SessionDir};
use crate::ids::SessionId;
use crate::protocol::{Code, FromShim, Op, OpRequest, OpResult, PROTO, PROTO_MODES, SessionState, ToShim};
use crate::spec::{Desired, SessionMeta, SessionSpec};
use crate::{procs, wire};

const OP_LIMIT: Duration = Duration::from_secs(10);
const SILENCE_LIMIT: Duration = Duration::from_secs(3);
/// How often a quiet shim is asked for its status. It may take long to answer, for a disk may take long to sync;
/// twice this without a word and it counts as hung.
const ASK_EVERY: Duration = Duration::from_secs(6);
const START_LIMIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// Connection of the moment and the commands that wait on it.
#[derive(Debug, Default)]
struct Link {
    stream: Option<UnixStream>,
    waiting: HashMap<String, Vec<SyncSender<OpResult>>>,
    acked_seq: u64,
    /// Version of the protocol that the shim speaks.
    proto: u32,
}

/// Handle to the supervising thread.
#[derive(Debug)]
pub(super) struct Supervisor {
    link: Arc<Mutex<Link>>,
    nudge: SyncSender<()>,
}

/// Gives commands to one session.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    link: Arc<Mutex<Link>>,
    nudge: SyncSender<()>,
}

fn locked(link: &Mutex<Link>) -> MutexGuard<'_, Link> {
    // Every change is one statement, so a panic elsewhere leaves the link usable.
    link.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Supervisor {
    pub(super) fn start(id: SessionId, node: Arc<Inner>) -> io::Result<Self> {
        let link = Arc::<Mutex<Link>>::default();
        let (nudge, nudged) = sync_channel(1);
        let dir = node.state.session(&id);
        let worker =
            Worker { id, dir, node, link: Arc::clone(&link), nudged, failures: 0, is_end_told: false };
        std::thread::Builder::new().name("supervisor".into()).spawn(move || worker.run())?;
        Ok(Self { link, nudge })
    }

    pub(super) fn sender(&self) -> Sender {
        Sender { link: Arc::clone(&self.link), nudge: self.nudge.clone() }
    }
}

impl Sender {
    /// Whether commands reach the shim at this moment.
    pub(super) fn is_connected(&self) -> bool {
        locked(&self.link).stream.is_some()
    }

    /// Sends a command and waits. A command whose answer was lost may be given again with its id.
    pub(super) fn submit(&self, request: OpRequest) -> OpResult {
        let unavailable =
            OpResult { op_id: request.op_id.clone(), code: Code::Unavailable, winner: None, at_seq: 0 };
        let (sender, receiver) = sync_channel(1);
        let op_id = request.op_id.clone();
        {
            let mut link = locked(&self.link);
            let Some(stream) = &link.stream else {
                // Full means that a look is due anyway.
                let _ = self.nudge.try_send(());
                return unavailable;
            };
            if matches!(request.op, Op::SetMode { .. }) && link.proto < PROTO_MODES {
                // An older shim cannot read it, and would be asked for ever.
                return OpResult { code: Code::Invalid, ..unavailable };
            }
            if wire::send(stream, &ToShim::Op(request)).is_err() {
                return unavailable;
            }
            link.waiting.entry(op_id).or_default().push(sender);
        }
        receiver.recv_timeout(OP_LIMIT).unwrap_or(unavailable)
    }

    pub(super) fn acked(&self, seq: u64) {
        let mut link = locked(&self.link);
        link.acked_seq = link.acked_seq.max(seq);
        if let Some(stream) = &link.stream {
            // A lost notice is repeated with the next connection.
            let _ = wire::send(stream, &ToShim::Acked { seq });
        }
    }
}

struct Worker {
    id: SessionId,
    dir: SessionDir,
    node: Arc<Inner>,
    link: Arc<Mutex<Link>>,
    nudged: Receiver<()>,
    failures: u32,
    is_end_told: bool,
}

impl Worker {
    fn run(mut self) {
        loop {
            let pause = self.look().unwrap_or_else(|error| {
                tracing::warn!(session.id = %self.id, "cannot supervise session {}: {error}", self.id);
                self.failures += 1;
                self.backoff()
            });
            if self.nudged.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn backoff(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        (LOOK_EVERY * 2u32.pow(doublings)).min(LONGEST_BACKOFF)
    }

    /// One comparison of wanted and actual; answers how long to wait before the next.
    fn look(&mut self) -> io::Result<Duration> {
        if Lock::is_held(&self.dir.lock())? {
            return self.adopt();
        }
        let spec: SessionSpec = files::read_json(&self.dir.spec())?.ok_or(io::ErrorKind::NotFound)?;
        let meta: Option<SessionMeta> = files::read_json(&self.dir.meta())?;
        let ended = meta.filter(|meta| {
            meta.state.is_terminal()
                && (meta.observed_generation == spec.generation || spec.desired == Desired::Stopped)
        });
        if let Some(meta) = ended {
            self.tell_end(meta.state)?;
            return Ok(LOOK_EVERY);
        }
        self.start_shim()
    }

    /// Nobody writes the journal any more: all of it may be read, also what the shim had no time to announce.
    fn tell_end(&mut self, state: SessionState) -> io::Result<()> {
        if !self.is_end_told {
            let durable_seq = Reader::end(&self.dir.journal()).map_err(io::Error::other)?;
            self.node.notify(&Committed { session: self.id.clone(), durable_seq, state });
            self.is_end_told = true;
        }
        Ok(())
    }

    /// Connects to the living shim and serves it until the connection ends.
    fn adopt(&mut self) -> io::Result<Duration> {
        let silent_since = Instant::now();
        let stream = loop {
            match self.hello() {
                Ok(stream) => break stream,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                Err(error) if !Lock::is_held(&self.dir.lock())? => return Err(error),
                Err(error) if silent_since.elapsed() > SILENCE_LIMIT => {
                    tracing::warn!(session.id = %self.id, "shim of {} is silent, ending it: {error}", self.id);
                    self.kill_shim()?;
                    return Ok(Duration::ZERO);
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        self.failures = 0;
        self.serve(&stream);
        let mut link = locked(&self.link);
        link.stream = None;
        link.waiting.clear();
        Ok(Duration::ZERO)
    }

    fn hello(&self) -> io::Result<UnixStream> {
        let stream = files::connect(self.dir.socket())?;
        if !wire::is_peer_trusted(&stream) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        stream.set_read_timeout(Some(SILENCE_LIMIT))?;
        stream.set_write_timeout(Some(SILENCE_LIMIT))?;
        let hello = ToShim::Hello { proto: PROTO, controller_epoch: self.node.epoch, read_only: false };
        wire::send(&stream, &hello)?;
        match wire::receive(&stream)? {
            Some(FromShim::Attached { status, proto }) => {
                tracing::info!(session.id = %self.id, "adopted {} at seq {}", self.id, status.last_seq);
                let mut link = locked(&self.link);
                if link.acked_seq > 0 {
                    wire::send(&stream, &ToShim::Acked { seq: link.acked_seq })?;
                }
                link.proto = proto;
                link.stream = Some(stream.try_clone()?);
                drop(link);
                let (durable_seq, state) = (status.durable_seq, status.state);
                self.node.notify(&Committed { session: self.id.clone(), durable_seq, state });
                self.repeat_stop(&stream)?;
                Ok(stream)
            }
            // Not silence: the shim obeys a newer daemon, and it must be left alone.
            Some(FromShim::Refused { controller_epoch }) => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("controller epoch {controller_epoch} has taken over"),
            )),
            other => Err(io::Error::other(format!("unexpected answer to hello: {other:?}"))),
        }
    }

    /// A stop that was asked for while no connection stood reaches the shim now. The wish is written before
    /// the connection is looked for, so one of the two always sees the other.
    fn repeat_stop(&self, stream: &UnixStream) -> io::Result<()> {
        let spec: SessionSpec = files::read_json(&self.dir.spec())?.ok_or(io::ErrorKind::NotFound)?;
        if spec.desired == Desired::Stopped {
            let op_id = format!("desired-{}", spec.generation);
            wire::send(stream, &ToShim::Op(OpRequest { op_id, actor: "mesh".to_owned(), op: Op::Stop }))?;
        }
        Ok(())
    }

    fn serve(&self, stream: &UnixStream) {
        while self.await_word(stream) {
            let Ok(Some(message)) = wire::receive::<FromShim>(stream) else { return };
            match message {
                FromShim::Result(result) => {
                    for waiting in locked(&self.link).waiting.remove(&result.op_id).unwrap_or_default() {
                        // A caller that gave up does not listen any more.
                        let _ = waiting.try_send(result.clone());
                    }
                }
                FromShim::Progress { durable_seq, state, .. } => {
                    self.node.notify(&Committed { session: self.id.clone(), durable_seq, state });
                }
                FromShim::Displaced => return,
                FromShim::Attached { .. } | FromShim::Refused { .. } | FromShim::Status(_) => {}
            }
        }
    }

    /// Waits until the shim says something, asking it when it has been quiet; false when it does not answer.
    fn await_word(&self, stream: &UnixStream) -> bool {
        let limit = Timespec::try_from(ASK_EVERY).expect("seconds fit");
        let mut has_asked = false;
        loop {
            match poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&limit)) {
                Ok(0) if has_asked => {
                    tracing::warn!(session.id = %self.id, "shim of {} does not answer any more", self.id);
                    return false;
                }
                Ok(0) => {
                    // Under the lock, so that it does not cut a command in two. A full pipe shows by the silence.
                    let link = locked(&self.link);
                    let _ = link.stream.as_ref().map(|stream| wire::send(stream, &ToShim::Status));
                    has_asked = true;
                }
                Ok(_) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// Ends a shim that holds its lock and does not answer, by pid *and* start time.
    fn kill_shim(&self) -> io::Result<()> {
        let Some(meta) = files::read_json::<SessionMeta>(&self.dir.meta())? else { return Ok(()) };
        let lives = || {
            meta.boot_id == procs::boot_id() && procs::start_time(meta.shim_pid) == Some(meta.shim_start_time)
        };
        for signal in [Signal::TERM, Signal::KILL] {
            let until = Instant::now() + Duration::from_secs(2);
            if lives() {
                procs::signal(meta.shim_pid, signal);
            }
            while lives() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// Starts a shim that outlives this process, and waits until it holds its lock.
    fn start_shim(&mut self) -> io::Result<Duration> {
        self.failures += 1;
        let log = OpenOptions::new().create(true).append(true).open(self.dir.shim_log())?;
        let status = Command::new("/proc/self/exe")
            .args([
                "exec",
                "detached",
                "--",
                "/proc/self/exe",
                "shim",
                "--session",
                self.id.as_str(),
                "--state-dir",
            ])
            .arg(self.node.state.path())
            // One allocator arena: the shim's threads hardly allocate, and arenas cost memory per shim.
            .env("MALLOC_ARENA_MAX", "1")
            .env_remove(procs::MARK)
            .stderr(log)
            .status()?;
        if !status.success() {
            return Err(io::Error::other(format!("cannot start a shim: {status}")));
        }
        let until = Instant::now() + START_LIMIT;
        while !Lock::is_held(&self.dir.lock())? {
            // A session that has nothing to do ends before it is seen; its meta file tells.
            let spec: Option<SessionSpec> = files::read_json(&self.dir.spec())?;
            let meta: Option<SessionMeta> = files::read_json(&self.dir.meta())?;
            let has_stopped = spec.is_some_and(|spec| spec.desired == Desired::Stopped)
                && meta.is_some_and(|meta| meta.state.is_terminal());
            if has_stopped {
                return Ok(Duration::ZERO);
            }
            if Instant::now() > until {
                return Ok(self.backoff());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Duration::ZERO)
    }
}
