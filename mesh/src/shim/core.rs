//! The deciding thread of the shim: journal, model and timers.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use mc_journal::{Journal, Kind, Options, Record, flag};
use serde::Serialize;

use super::agent::Agent;
use super::clients::Clients;
use super::ending::{Ending, Then};
use super::model::Model;
use super::opening::Opening;
use super::restored::{RestoreMark, Restored};
use super::room::Room;
use super::stderr::StderrLog;
use super::turn::Cancel;
use super::{Error, Input};
use crate::files::{self, SessionDir};
use crate::payload::{EpochEvent, Gap, StateChange};
use crate::protocol::{PROTO, SessionState};
use crate::runtimes::{Runtime, millis};
use crate::spec::{Desired, SessionMeta, SessionSpec};
use crate::{clock, procs};

/// Longest time a record stays unsynced.
const COMMIT_EVERY: Duration = Duration::from_millis(50);
/// Inputs handled before the journal is flushed.
const BATCH: usize = 64;
/// Deaths within [`CRASH_WINDOW`] after which a session has failed.
const CRASHES: usize = 5;
const CRASH_WINDOW: Duration = Duration::from_mins(10);
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// Where the agent process stands.
pub(super) enum Phase {
    /// No agent; start one at this time.
    Down(Instant),
    /// The agent is being initialised or the session opened.
    Opening(Opening),
    /// The session is open.
    Serving,
    /// Initialised, but the conversation could not be restored.
    NeedsDecision,
    /// The agent is being ended.
    Ending(Ending),
    /// Nothing more happens.
    Finished,
}

pub(super) struct Core {
    pub(super) dir: SessionDir,
    pub(super) spec: SessionSpec,
    pub(super) runtime: Runtime,
    pub(super) inputs: SyncSender<Input>,
    pub(super) journal: Journal,
    pub(super) model: Model,
    pub(super) clients: Clients,
    pub(super) phase: Phase,
    pub(super) agent: Option<Agent>,
    pub(super) next_rpc_id: i64,
    pub(super) cancel: Cancel,
    /// A mode that the agent was told and has not answered: the request's id, and the mode.
    pub(super) mode_call: Option<(i64, String)>,
    pub(super) acked_seq: u64,
    stderr: StderrLog,
    pub(super) crashes: VecDeque<Instant>,
    garbage: VecDeque<Instant>,
    commit_due: Option<Instant>,
    announced: (u64, u64),
    has_failed: bool,
    pub(super) room: Room,
    pub(super) restored: Option<Restored>,
    pub(super) restore_mark: RestoreMark,
    /// An operator wants the next restore tried whatever the mark says.
    pub(super) is_retry: bool,
}

impl Core {
    /// Rebuilds the session from its journal and closes what an earlier shim left open.
    pub(super) fn open(
        dir: SessionDir,
        spec: SessionSpec,
        (runtime, restore_mark): (Runtime, RestoreMark),
        inputs: SyncSender<Input>,
    ) -> Result<Self, Error> {
        let mut model = Model::default();
        let default = Options::default();
        let quota_bytes = runtime.journal_quota_bytes.unwrap_or(default.quota_bytes);
        let options = Options { quota_bytes, ..default };
        let (journal, report) = Journal::open(&dir.journal(), options, |record| model.apply(record))?;
        let acked_seq = files::read_json(&dir.ack())?.unwrap_or_default();
        let mut core = Self {
            stderr: StderrLog::new(dir.stderr_log()),
            dir,
            spec,
            runtime,
            inputs,
            journal,
            model,
            clients: Clients::new(HashMap::new()),
            phase: Phase::Down(Instant::now()),
            agent: None,
            next_rpc_id: 0,
            cancel: Cancel::default(),
            mode_call: None,
            acked_seq,
            crashes: VecDeque::new(),
            garbage: VecDeque::new(),
            commit_due: None,
            announced: (0, 0),
            has_failed: false,
            room: Room::default(),
            restored: None,
            restore_mark,
            is_retry: false,
        };
        if report.truncated_bytes > 0 {
            core.record(
                Kind::Gap,
                &Gap { reason: format!("journal tail torn: {} bytes", report.truncated_bytes) },
            )?;
        }
        if core.model.is_agent_running {
            core.record(
                Kind::Gap,
                &Gap { reason: "shim died; what the agent wrote last may be missing".into() },
            )?;
            core.close_epoch("shim died")?;
        }
        Ok(core)
    }

    /// Works until the session has ended.
    pub(super) fn run(&mut self, receiver: &Receiver<Input>) -> Result<(), Error> {
        if self.spec.desired == Desired::Stopped || self.model.stop_requested {
            self.begin_ending(Then::Stop);
        }
        self.publish()?;
        // Whoever looks for this shim finds it, also when the state stays what it was.
        self.write_meta()?;
        loop {
            self.advance()?;
            self.publish()?;
            self.commit()?;
            if matches!(self.phase, Phase::Finished) {
                return Ok(());
            }
            let first = match self.next_deadline() {
                Some(at) => receiver.recv_timeout(at.saturating_duration_since(Instant::now())),
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            if let Ok(input) = first {
                self.handle(input)?;
                for input in receiver.try_iter().take(BATCH) {
                    self.handle(input)?;
                }
            }
        }
    }

    fn handle(&mut self, input: Input) -> Result<(), Error> {
        let epoch = self.agent.as_ref().map_or(0, |agent| agent.epoch);
        match input {
            Input::Lines { epoch: from, lines } if from == epoch => {
                for line in lines {
                    self.take_line(line)?;
                }
            }
            Input::Stderr { epoch: from, text } if from == epoch => {
                if self.stderr.take(&text, Instant::now()) && !self.room.is_full() {
                    self.append(Kind::Stderr, 0, &text)?;
                }
            }
            Input::TooLong { epoch: from } if from == epoch => {
                self.record(Kind::Gap, &Gap { reason: "agent sent a line over the limit".into() })?;
                self.begin_ending(Then::Restart);
            }
            Input::Eof { epoch: from } if from == epoch => {
                if let Some(agent) = &mut self.agent {
                    agent.is_eof = true;
                }
                self.begin_ending(Then::Restart);
            }
            // Late output of an agent that has been closed in the journal already.
            Input::Lines { .. } | Input::Stderr { .. } | Input::TooLong { .. } | Input::Eof { .. } => {}
            Input::Exited { pid, status } => {
                if let Some(agent) = &mut self.agent
                    && agent.pid == pid
                {
                    agent.exit = Some(status);
                    self.begin_ending(Then::Restart);
                    self.hurry_ending();
                }
            }
            Input::Connected { id, client } => self.clients.add(id, client),
            Input::Disconnected { id } => self.clients.remove(id),
            Input::Message { id, message } => self.on_message(id, message)?,
        }
        Ok(())
    }

    /// A line that is no message: kept as text; an agent that does nothing else is restarted.
    pub(super) fn on_garbage(&mut self, line: &[u8]) -> Result<(), Error> {
        let now = Instant::now();
        self.append(Kind::Stderr, flag::GARBAGE, line)?;
        self.garbage.push_back(now);
        self.garbage.retain(|at| now.duration_since(*at) < Duration::from_mins(1));
        if self.garbage.len() > 20 {
            self.garbage.clear();
            self.record(Kind::Gap, &Gap { reason: "agent writes no protocol".into() })?;
            self.begin_ending(Then::Restart);
        }
        Ok(())
    }

    /// Does whatever is due now.
    fn advance(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        match &self.phase {
            Phase::Down(at) if *at <= now => self.start_agent()?,
            Phase::Opening(opening) if opening.is_due(now) => self.on_opening_due()?,
            Phase::Ending(ending) if ending.is_due(now) => self.on_ending_due(now)?,
            Phase::Serving => self.advance_turn(now)?,
            _ => {}
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Down(at) => Some(*at),
            Phase::Opening(opening) => Some(opening.deadline()),
            Phase::Ending(ending) => Some(ending.deadline()),
            Phase::Serving => self.cancel.deadline(),
            Phase::NeedsDecision | Phase::Finished => None,
        };
        [phase, self.commit_due, self.room.retry_at()].into_iter().flatten().min()
    }

    /// Appends a record and applies it to the model. Only records of what the agent wrote can fail for lack of
    /// room; the caller holds them back.
    pub(super) fn append(&mut self, kind: Kind, flags: u8, payload: &[u8]) -> Result<u64, Error> {
        let stamp = clock::stamp();
        let seq = self.journal.append(stamp, kind, flags, payload)?;
        self.model.apply(&Record { seq, stamp, kind, flags, payload: payload.to_vec() });
        self.commit_due.get_or_insert_with(|| Instant::now() + COMMIT_EVERY);
        Ok(seq)
    }

    /// [`Core::append`] of a JSON payload.
    pub(super) fn record(&mut self, kind: Kind, payload: &impl Serialize) -> Result<u64, Error> {
        let payload = serde_json::to_vec(payload).map_err(std::io::Error::other)?;
        self.append(kind, 0, &payload)
    }

    /// Makes everything appended durable. Called before anything leaves this process that depends on it; false
    /// when there is no room, and then it must not leave.
    pub(super) fn sync(&mut self) -> Result<bool, Error> {
        self.commit_due = None;
        match self.journal.sync() {
            Ok(()) => Ok(true),
            Err(error) if error.is_out_of_space() => {
                self.ran_out_of_room(&error);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Lets other processes read what was appended, if there is room.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        match self.journal.flush() {
            Err(error) if error.is_out_of_space() => {
                self.ran_out_of_room(&error);
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Journals a line and writes it to the agent.
    pub(super) fn send_line(&mut self, line: &str) -> Result<(), Error> {
        self.append(Kind::Out, 0, line.as_bytes())?;
        self.write_line(line);
        Ok(())
    }

    /// Writes a line that a record holds already.
    pub(super) fn write_line(&mut self, line: &str) {
        let is_taken = self.agent.as_ref().is_none_or(|agent| agent.write(line));
        if !is_taken {
            tracing::warn!("agent does not read its input");
            self.begin_ending(Then::Restart);
        }
    }

    fn start_agent(&mut self) -> Result<(), Error> {
        let epoch = self.model.epoch + 1;
        let place = (self.spec.cwd.as_str(), &self.spec.env);
        match Agent::spawn(&self.runtime, &self.spec.id, place, epoch, &self.inputs) {
            Ok(agent) => {
                self.record(Kind::Epoch, &EpochEvent::Started { epoch, pid: agent.pid })?;
                self.agent = Some(agent);
                self.next_rpc_id = 0;
                self.mode_call = None;
                // In this order: the meta file never knows more than the journal.
                self.flush()?;
                self.write_meta()?;
                self.begin_opening()
            }
            Err(error) => {
                self.append(Kind::Stderr, 0, format!("cannot start the agent: {error}").as_bytes())?;
                self.after_crash();
                Ok(())
            }
        }
    }

    /// The agent is gone for good: decide what comes next.
    pub(super) fn after_ending(&mut self, then: Then) -> Result<(), Error> {
        let status = self.agent.as_ref().and_then(|agent| agent.exit.clone());
        if self.agent.take().is_some() {
            self.close_epoch(status.as_deref().unwrap_or("killed"))?;
        }
        match then {
            Then::Stop => self.phase = Phase::Finished,
            Then::Restart => self.after_crash(),
        }
        Ok(())
    }

    fn after_crash(&mut self) {
        let now = Instant::now();
        self.crashes.push_back(now);
        self.crashes.retain(|at| now.duration_since(*at) < CRASH_WINDOW);
        if self.crashes.len() >= CRASHES {
            self.has_failed = true;
            self.phase = Phase::Finished;
            return;
        }
        let doublings = u32::try_from(self.crashes.len() - 1).unwrap_or(u32::MAX).min(16);
        let pause = (millis(self.runtime.timing.restart_ms) * 2u32.pow(doublings)).min(LONGEST_BACKOFF);
        self.phase = Phase::Down(now + pause);
    }

    /// State as published, with its reason.
    fn derive_state(&self) -> (SessionState, Option<&'static str>) {
        let has_open_permission = self.model.permissions.values().any(|permission| permission.is_open);
        match &self.phase {
            Phase::Finished if self.has_failed => (SessionState::Failed, Some("the agent keeps dying")),
            Phase::Finished => (SessionState::Stopped, None),
            Phase::Ending(ending) if ending.then() == Then::Stop => {
                (self.model.published(), Some("stopping"))
            }
            Phase::NeedsDecision => (SessionState::RequiresAction, Some("context_lost")),
            Phase::Serving if has_open_permission => (SessionState::RequiresAction, Some("permission")),
            Phase::Serving if self.model.turn.is_some() => (SessionState::Running, None),
            Phase::Serving => (SessionState::Idle, None),
            _ if self.model.agent_session.is_none() => (SessionState::Starting, None),
            _ => (SessionState::Recovering, None),
        }
    }

    fn publish(&mut self) -> Result<(), Error> {
        let (state, reason) = self.derive_state();
        let change = StateChange { state, reason: reason.map(str::to_owned) };
        if self.model.state.as_ref() != Some(&change) {
            self.record(Kind::State, &change)?;
            self.sync()?;
            self.write_meta()?;
        }
        Ok(())
    }

    fn write_meta(&self) -> Result<(), Error> {
        let shim_pid = rustix::process::getpid().as_raw_nonzero().get();
        let change = self.model.state.clone();
        let meta = SessionMeta {
            proto: PROTO,
            boot_id: procs::boot_id(),
            shim_pid,
            shim_start_time: procs::start_time(shim_pid).unwrap_or_default(),
            agent_pid: self.agent.as_ref().map(|agent| agent.pid),
            agent_start_time: self.agent.as_ref().and_then(|agent| agent.start_time),
            agent_session: self.model.agent_session.clone(),
            epoch: self.model.epoch,
            state: self.model.published(),
            reason: change.and_then(|change| change.reason),
            observed_generation: self.spec.generation,
            last_seq: self.journal.last_seq(),
        };
        Ok(files::write_json(&self.dir.meta(), &meta)?)
    }

    /// Flushes, syncs when due, trims what is acknowledged, and tells the clients how far the journal reaches.
    fn commit(&mut self) -> Result<(), Error> {
        self.retry_room()?;
        self.flush()?;
        if self.commit_due.is_some_and(|due| due <= Instant::now()) || matches!(self.phase, Phase::Finished) {
            self.sync()?;
        }
        if self.journal.can_trim(self.acked_seq) {
            // The state must not depend on what is removed.
            let model = self.model.clone();
            self.record(Kind::Checkpoint, &model)?;
            if self.sync()? {
                self.journal.trim(self.acked_seq)?;
            }
        }
        let reach = (self.journal.written_seq(), self.journal.durable_seq());
        if reach != self.announced {
            self.announced = reach;
            self.clients.progress(reach.0, reach.1, self.model.published());
        }
        Ok(())
    }
}
