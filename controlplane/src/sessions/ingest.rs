//! What nodes report: journal records, observations, answers to commands.
//!
//! One transaction stores a batch and everything it means. A batch that comes twice, late or beside itself changes
//! nothing the second time; a hole is refused with the place to go on from; other content for a stored position is a
//! fork of the journal, which is an alarm and never overwrites.

use mc_api::ProblemKind;
use mc_api::id::{NodeId, SessionId, TurnId};
use mc_api::session::{SessionMode, SessionState, Turn, TurnState};
use mc_journal::{Kind, MAX_PAYLOAD_BYTES, Record as JournalRecord, Stamp};
use mc_transcript::{Command, Event, Mode, Modes, Signal};

use super::model::{MAX_MESSAGE_BYTES, MAX_MODE, MAX_PROMPT_BYTES, Record, StoredTurn, append, clean};
use super::permissions;
use super::store::{self, NewEvent};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::{authn, missions, system_tx};

/// At most this many records in a batch.
const MAX_RECORDS: usize = 10_000;
/// At most this many bytes of an op id.
const MAX_OP_ID: usize = 200;

/// One record of a journal, as a node sent it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Position.
    pub seq: u64,
    /// Last position of a merged range; 0: one record.
    pub seq_hi: u64,
    /// Code of the journal.
    pub kind: u32,
    /// Flags of the journal.
    pub flags: u32,
    /// Microseconds since 1970.
    pub wall_us: i64,
    /// Content, verbatim.
    pub payload: Vec<u8>,
    /// CRC-32C of the content.
    pub crc32c: u32,
}

/// Records of one journal, without a hole.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The session.
    pub session: SessionId,
    /// The fence that the node holds.
    pub fence: u64,
    /// The records.
    pub entries: Vec<Entry>,
}

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The newest position.
    pub acked_seq: i64,
    /// The session's fence.
    pub fence: i64,
    /// Send again from `acked_seq + 1`.
    pub rewind: bool,
}

/// How a batch was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Stored, now or before; or there is a hole.
    Acked(Ack),
    /// Refused; nothing was changed. The reason is for the log.
    Refused(&'static str),
}

/// A record that was read before the transaction.
struct Read {
    event: NewEvent,
    signal: Option<Signal>,
}

fn read(entry: &Entry, next: u64) -> Result<Read, &'static str> {
    let hi = if entry.seq_hi == 0 { entry.seq } else { entry.seq_hi };
    if entry.seq != next || hi < entry.seq {
        return Err("records are not contiguous");
    }
    if entry.payload.len() > MAX_PAYLOAD_BYTES {
        return Err("a record is too large");
    }
    if crc32c::crc32c(&entry.payload) != entry.crc32c {
        return Err("a record does not match its checksum");
    }
    let position = |seq: u64| i64::try_from(seq).map_err(|_| "a position is out of range");
    let (code, flags) = (u8::try_from(entry.kind).ok(), u8::try_from(entry.flags).unwrap_or(0));
    let known = code.map(|code| JournalRecord {
        seq: entry.seq,
        stamp: Stamp { boot_us: 0, wall_us: entry.wall_us },
        kind: Kind::from_code(code),
        flags,
        payload: entry.payload.clone(),
    });
    let event = NewEvent {
        seq: position(entry.seq)?,
        seq_hi: position(hi)?,
        record: entry.kind.into(),
        flags: entry.flags.into(),
        wall_us: entry.wall_us,
        kind: known.as_ref().and_then(Event::of).map(|event| event.kind),
        payload: entry.payload.clone(),
        crc: entry.crc32c.into(),
    };
    Ok(Read { event, signal: known.as_ref().and_then(Signal::of) })
}

fn read_all(batch: &Batch) -> Result<Vec<Read>, &'static str> {
    let Some(first) = batch.entries.first() else { return Err("a batch is empty") };
    if batch.entries.len() > MAX_RECORDS {
        return Err("a batch has too many records");
    }
    if first.seq == 0 {
        return Err("positions begin with 1");
    }
    let mut next = first.seq;
    let mut all = Vec::with_capacity(batch.entries.len());
    for entry in &batch.entries {
        let read = read(entry, next)?;
        next = u64::try_from(read.event.seq_hi).unwrap_or(u64::MAX).saturating_add(1);
        all.push(read);
    }
    Ok(all)
}

/// Whether the approvals of the session's permissions may change.
fn touches_approvals(signal: &Signal) -> bool {
    match signal {
        Signal::PermissionOpen { .. }
        | Signal::PermissionAnswer { .. }
        | Signal::TurnEnd { .. }
        | Signal::State { .. }
        | Signal::AgentExited => true,
        Signal::Answered { .. }
        | Signal::PromptSent { .. }
        | Signal::Message(_)
        | Signal::AgentStarted { .. }
        | Signal::AgentOpened { .. }
        | Signal::Mode(_) => false,
    }
}

/// The first lock in the order. A mission that was deleted is nobody's to lock.
pub(super) async fn lock_mission(tx: &mut Tx, mission: mc_api::id::MissionId) -> Result<(), Error> {
    match missions::store::lock(tx, mission).await {
        Err(error) if error.kind != ProblemKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Stores a batch of a node.
///
/// # Errors
/// Database failures; the node sends it again.
pub async fn batch(app: &App, node: NodeId, batch: &Batch) -> Result<Received, Error> {
    let session = batch.session;
    let received = match read_all(batch) {
        Ok(reads) => store_batch(app, node, batch, &reads).await?,
        Err(why) => Received::Refused(why),
    };
    match received {
        Received::Acked(ack) if !ack.rewind => {
            app.sessions.stored(session);
            app.sessions.nudge();
        }
        Received::Acked(_) => {}
        Received::Refused(why) => {
            metrics::counter!("mc_session_batches_refused_total").increment(1);
            tracing::warn!(session.id = %session, node.id = %node, "refused records of agent session {session}: {why}");
        }
    }
    Ok(received)
}

async fn store_batch(app: &App, node: NodeId, batch: &Batch, reads: &[Read]) -> Result<Received, Error> {
    let now = app.clock.now();
    system_tx!(app, |tx| {
        let Some(mission) = store::mission_of(tx, batch.session).await? else {
            return Ok(Received::Refused("no such session"));
        };
        if reads.iter().filter_map(|read| read.signal.as_ref()).any(touches_approvals) {
            lock_mission(tx, mission).await?;
        }
        let Some(before) = store::find_locked(tx, batch.session, now).await? else {
            return Ok(Received::Refused("no such session"));
        };
        if before.session.node_id != Some(node) {
            fork(batch, "the session belongs to another node");
            return Ok(Received::Refused("the session belongs to another node"));
        }
        if i64::try_from(batch.fence) != Ok(before.fence) {
            return Ok(Received::Refused("the fence is stale"));
        }
        let acked = before.session.last_seq;
        let ack = |acked_seq, rewind| Ack { acked_seq, fence: before.fence, rewind };
        let first = reads.first().map_or(0, |read| read.event.seq);
        if first > acked + 1 {
            return Ok(Received::Acked(ack(acked, true)));
        }
        if !same_as_stored(tx, batch.session, reads, acked).await? {
            fork(batch, "a stored position came with other content");
            return Ok(Received::Refused("a stored position came with other content"));
        }
        let known = reads.iter().take_while(|read| read.event.seq_hi <= acked).count();
        let fresh = &reads[known..];
        let Some(last) = fresh.last() else { return Ok(Received::Acked(ack(acked, false))) };
        if fresh[0].event.seq <= acked {
            // A merged range that begins before what is stored must be cut anew.
            return Ok(Received::Acked(ack(acked, true)));
        }
        let events: Vec<NewEvent> = fresh.iter().map(|read| read.event.clone()).collect();
        store::insert_events(tx, batch.session, &events).await?;
        metrics::counter!("mc_session_records_total").increment(events.len() as u64);
        let mut apply =
            Apply { app, record: before.clone(), running: None, is_loaded: false, is_dirty: false };
        for read in fresh {
            if let Some(signal) = &read.signal {
                apply.signal(tx, read.event.seq, signal).await?;
            }
        }
        apply.flush(tx).await?;
        let mut after = apply.record;
        after.session.last_seq = last.event.seq_hi;
        save(tx, app, &before, after).await?;
        Ok(Received::Acked(ack(last.event.seq_hi, false)))
    })
}

fn fork(batch: &Batch, why: &str) {
    metrics::counter!("mc_session_forks_total").increment(1);
    tracing::error!(session.id = %batch.session, "fork of the journal of agent session {}: {why}", batch.session);
}

async fn same_as_stored(tx: &mut Tx, session: SessionId, reads: &[Read], acked: i64) -> Result<bool, Error> {
    let overlap: Vec<&NewEvent> =
        reads.iter().map(|read| &read.event).filter(|e| e.seq_hi <= acked).collect();
    let (Some(first), Some(last)) = (overlap.first(), overlap.last()) else { return Ok(true) };
    let stored = store::checksums(tx, session, first.seq, last.seq).await?;
    // Ranges may be cut differently the second time; only equal cuts can be compared.
    Ok(stored.iter().all(|(seq, hi, crc)| {
        overlap.iter().find(|e| e.seq == *seq && e.seq_hi == *hi).is_none_or(|event| event.crc == *crc)
    }))
}

/// Writes a session that a node moved. The version counts what people see, not how far the journal is stored.
async fn save(tx: &mut Tx, app: &App, before: &Record, mut after: Record) -> Result<(), Error> {
    let mut seen = after.clone();
    seen.session.last_seq = before.session.last_seq;
    if seen != *before {
        after.session.version += 1;
        after.session.updated_at = app.clock.now().max(before.session.updated_at);
    }
    if store::put(tx, before.session.version, &after).await? {
        Ok(())
    } else {
        Err(missions::service::changed_meanwhile())
    }
}

/// Carries the signals of a batch out, one after the other.
struct Apply<'a> {
    app: &'a App,
    record: Record,
    /// The turn that is with the agent; read when first needed.
    running: Option<StoredTurn>,
    is_loaded: bool,
    is_dirty: bool,
}

impl Apply<'_> {
    async fn signal(&mut self, tx: &mut Tx, seq: i64, signal: &Signal) -> Result<(), Error> {
        if !self.is_loaded {
            self.running = store::running_turn(tx, self.record.id()).await?;
            self.is_loaded = true;
        }
        match signal {
            Signal::Answered { op_id, command, code } => self.answered(tx, seq, op_id, command, code).await,
            Signal::PromptSent { op_id, text } => self.prompt_sent(tx, seq, op_id, text).await,
            Signal::Message(text) => {
                if let Some(running) = &mut self.running {
                    append(&mut running.turn.message, text, MAX_MESSAGE_BYTES);
                    self.is_dirty = true;
                }
                Ok(())
            }
            Signal::TurnEnd { op_id, outcome } => self.turn_end(tx, seq, op_id, outcome).await,
            Signal::PermissionOpen { id, options, tool_call } => {
                permissions::ask_in(self.app, tx, &self.record, id, options, tool_call).await
            }
            Signal::PermissionAnswer { id, option: _, op_id } => {
                permissions::answered_in(self.app, tx, &self.record, id, op_id.as_deref()).await
            }
            Signal::State { state, reason } => self.state(tx, state, reason.as_deref()).await,
            Signal::AgentStarted { epoch, pid } => {
                self.record.session.epoch = self.record.session.epoch.max(*epoch);
                self.record.session.agent_pid = Some(*pid);
                Ok(())
            }
            Signal::AgentOpened { agent_session, modes } => {
                self.record.session.agent_session = Some(clean(agent_session, 512));
                if let Some(modes) = modes {
                    self.record.session.mode = Some(clean(&modes.current, MAX_MODE));
                    self.record.session.modes = offered(modes);
                }
                Ok(())
            }
            Signal::Mode(mode) => {
                self.record.session.mode = Some(clean(mode, MAX_MODE));
                Ok(())
            }
            Signal::AgentExited => {
                self.record.session.agent_pid = None;
                permissions::void_in(self.app, tx, &self.record, "the agent ended").await
            }
        }
    }

    /// Writes what was gathered of the running turn.
    async fn flush(&mut self, tx: &mut Tx) -> Result<(), Error> {
        if let (true, Some(running)) = (std::mem::take(&mut self.is_dirty), &mut self.running) {
            running.turn.updated_at = self.app.clock.now();
            store::put_turn(tx, running).await?;
        }
        Ok(())
    }

    async fn answered(
        &mut self,
        tx: &mut Tx,
        seq: i64,
        op_id: &str,
        command: &Command,
        code: &str,
    ) -> Result<(), Error> {
        let (op_id, code) = (clean(op_id, MAX_OP_ID), clean(code, 64));
        store::finish_command(tx, self.record.id(), &op_id, &code, seq, self.app.clock.now()).await?;
        let (of, state) = match command {
            Command::Prompt if code != "ok" => (op_id, untaken(&self.record)),
            Command::RemoveQueued(prompt) if code == "ok" => (clean(prompt, MAX_OP_ID), TurnState::Cancelled),
            Command::Prompt | Command::RemoveQueued(_) | Command::Other => return Ok(()),
        };
        if let Some(mut stored) = store::find_turn_by_op(tx, self.record.id(), &of).await?
            && stored.turn.state == TurnState::Queued
        {
            stored.turn.stop_reason = (state == TurnState::Failed).then_some(code);
            end_turn(tx, self.app, &self.record, &mut stored, state).await?;
        }
        Ok(())
    }

    async fn prompt_sent(&mut self, tx: &mut Tx, seq: i64, op_id: &str, text: &str) -> Result<(), Error> {
        self.flush(tx).await?;
        let op_id = clean(op_id, MAX_OP_ID);
        if let Some(mut stored) = store::find_turn_by_op(tx, self.record.id(), &op_id).await? {
            if !stored.turn.state.allows(TurnState::Running) {
                return Ok(());
            }
            stored.turn.state = TurnState::Running;
            stored.turn.first_seq = Some(seq);
            self.running = Some(stored);
            self.is_dirty = true;
            return self.flush(tx).await;
        }
        // A prompt that was given at the node: a continuation, or somebody at its keyboard.
        let now = self.app.clock.now();
        self.record.turn_count += 1;
        let turn = Turn {
            kind: "turn".into(),
            id: TurnId::from_uuid(self.app.ids.uuid(now)),
            session_id: self.record.id(),
            number: self.record.turn_count,
            state: TurnState::Running,
            prompt: clean(text, MAX_PROMPT_BYTES),
            stop_reason: None,
            message: String::new(),
            first_seq: Some(seq),
            last_seq: None,
            requester_id: self.record.session.principal_id,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let organization = self.record.organization;
        let stored = StoredTurn { turn, organization, op_id, is_settled: false };
        store::insert_turn(tx, &stored).await?;
        self.running = Some(stored);
        Ok(())
    }

    async fn turn_end(&mut self, tx: &mut Tx, seq: i64, op_id: &str, outcome: &str) -> Result<(), Error> {
        let op_id = clean(op_id, MAX_OP_ID);
        let stored = match self.running.take_if(|running| running.op_id == op_id) {
            Some(running) => {
                self.is_dirty = false;
                Some(running)
            }
            None => store::find_turn_by_op(tx, self.record.id(), &op_id).await?,
        };
        if let Some(mut stored) = stored
            && !stored.turn.state.is_terminal()
        {
            let (state, reason) = match outcome {
                "interrupted" => (TurnState::Interrupted, None),
                "cancelled" => (TurnState::Cancelled, Some("cancelled")),
                "error" => (TurnState::Failed, None),
                other => (TurnState::Done, Some(other)),
            };
            stored.turn.stop_reason = reason.map(|reason| clean(reason, 64));
            stored.turn.last_seq = Some(seq);
            end_turn(tx, self.app, &self.record, &mut stored, state).await?;
            metrics::counter!("mc_session_turns_total", "state" => state.as_str()).increment(1);
        }
        permissions::void_in(self.app, tx, &self.record, "the turn ended").await
    }

    async fn state(&mut self, tx: &mut Tx, state: &str, reason: Option<&str>) -> Result<(), Error> {
        let Ok(state) = state.parse::<SessionState>() else {
            tracing::warn!(session.id = %self.record.id(), "an unknown session state was reported");
            return Ok(());
        };
        if self.record.session.state.is_terminal() {
            return Ok(());
        }
        self.record.session.state = state;
        self.record.session.reason = reason.map(|reason| clean(reason, 500));
        if state.is_terminal() {
            self.flush(tx).await?;
            self.running = None;
            end_session(tx, self.app, &mut self.record).await?;
        }
        Ok(())
    }
}

/// The modes that an agent offers, of which at most 64 are kept; one whose id is too long cannot be chosen.
fn offered(modes: &Modes) -> Vec<SessionMode> {
    let fits = modes.available.iter().filter(|mode| clean(&mode.id, MAX_MODE) == mode.id);
    let mode = |mode: &Mode| SessionMode {
        id: mode.id.clone(),
        name: clean(&mode.name, 200),
        description: mode.description.as_ref().map(|text| clean(text, 1000)),
    };
    fits.take(64).map(mode).collect()
}

/// How a turn ends whose prompt its node did not take: a session that is being stopped takes none, and that is no failure.
fn untaken(record: &Record) -> TurnState {
    if record.is_stop_wanted { TurnState::Cancelled } else { TurnState::Failed }
}

/// Moves a turn to its end. A session without a task has nothing to settle.
pub(super) async fn end_turn(
    tx: &mut Tx,
    app: &App,
    record: &Record,
    stored: &mut StoredTurn,
    state: TurnState,
) -> Result<(), Error> {
    stored.turn.state = state;
    stored.turn.updated_at = app.clock.now();
    store::put_turn(tx, stored).await?;
    if record.session.task_id.is_none() {
        store::settle_turn(tx, stored.turn.id, stored.turn.updated_at).await?;
    }
    Ok(())
}

/// Closes everything that a session which has ended leaves open.
pub(super) async fn end_session(tx: &mut Tx, app: &App, record: &mut Record) -> Result<(), Error> {
    record.session.agent_pid = None;
    for mut stored in store::open_turns(tx, record.id()).await? {
        let state = match stored.turn.state {
            TurnState::Running => TurnState::Interrupted,
            _ => TurnState::Cancelled,
        };
        end_turn(tx, app, record, &mut stored, state).await?;
    }
    permissions::void_in(app, tx, record, "the session ended").await?;
    store::abandon_commands(tx, record.id(), app.clock.now()).await?;
    authn::grants::revoke_of_session_in(tx, record.id(), app.clock.now()).await?;
    Ok(())
}

/// What a node sees of a session beside its journal.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The state's word.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// Number of agent processes so far.
    pub epoch: u64,
    /// The agent's process; absent: none.
    pub agent_pid: Option<i32>,
    /// The agent's own session id.
    pub agent_session: Option<String>,
    /// The newest position of its journal.
    pub last_seq: u64,
    /// The generation of the specification that it follows.
    pub generation: u64,
}

/// Takes an observation. Its state counts only when nothing of the journal is on its way: the journal says the same in
/// its own order.
///
/// # Errors
/// Database failures.
pub async fn status(app: &App, node: NodeId, session: SessionId, observed: &Observed) -> Result<(), Error> {
    let now = app.clock.now();
    system_tx!(app, |tx| {
        let Some(mission) = store::mission_of(tx, session).await? else { return Ok(()) };
        lock_mission(tx, mission).await?;
        let Some(before) = store::find_locked(tx, session, now).await? else { return Ok(()) };
        if before.session.node_id != Some(node) || before.session.state.is_terminal() {
            return Ok(());
        }
        let mut after = before.clone();
        let generation = i64::try_from(observed.generation).unwrap_or(i64::MAX).min(before.generation);
        after.observed_generation = before.observed_generation.max(generation);
        if i64::try_from(observed.last_seq).is_ok_and(|last| last <= before.session.last_seq) {
            after.session.epoch = before.session.epoch.max(i64::try_from(observed.epoch).unwrap_or(0));
            after.session.agent_pid = observed.agent_pid.map(i64::from);
            if let Some(agent_session) = &observed.agent_session {
                after.session.agent_session = Some(clean(agent_session, 512));
            }
            let mut apply = Apply { app, record: after, running: None, is_loaded: false, is_dirty: false };
            apply.state(tx, &observed.state, observed.reason.as_deref()).await?;
            after = apply.record;
        }
        if after == before { Ok(()) } else { save(tx, app, &before, after).await }
    })?;
    app.sessions.nudge();
    app.sessions.stored(session);
    Ok(())
}

/// Takes the answer to a command. `unavailable` leaves it open: it is given again.
///
/// # Errors
/// Database failures.
pub async fn op_result(
    app: &App,
    node: NodeId,
    session: SessionId,
    op_id: &str,
    code: &str,
    at_seq: u64,
) -> Result<(), Error> {
    if code == "unavailable" {
        return Ok(());
    }
    let now = app.clock.now();
    let (op_id, code) = (clean(op_id, MAX_OP_ID), clean(code, 64));
    let at_seq = i64::try_from(at_seq).unwrap_or(0);
    system_tx!(app, |tx| {
        let Some(record) = store::find_locked(tx, session, now).await? else { return Ok(()) };
        if record.session.node_id != Some(node)
            || !store::finish_command(tx, session, &op_id, &code, at_seq, now).await?
            || code == "ok"
        {
            return Ok(());
        }
        if let Some(mut stored) = store::find_turn_by_op(tx, session, &op_id).await?
            && stored.turn.state == TurnState::Queued
        {
            let state = untaken(&record);
            stored.turn.stop_reason = (state == TurnState::Failed).then(|| code.clone());
            end_turn(tx, app, &record, &mut stored, state).await?;
        }
        Ok(())
    })?;
    app.sessions.nudge();
    Ok(())
}
