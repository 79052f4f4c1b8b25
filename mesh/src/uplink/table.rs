//! What the uplink knows of each session of the control plane. Memory only: after a restart the marks on disk and
//! the next synchronisation give it back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use mc_proto::mesh_v1 as wire;
use serde::{Deserialize, Serialize};

use super::flow::Flow;
use crate::daemon::Committed;
use crate::ids::SessionId;
use crate::protocol::{OpRequest, SessionState, UplinkStatus};

/// Commands of one session that wait. What is beyond comes again with the next synchronisation.
const COMMANDS: usize = 1024;
/// Answers that wait for a connection. What is beyond is asked for again.
const RESULTS: usize = 4096;

/// `uplink.json`: the session belongs to the control plane, and this was last wanted of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) generation: u64,
    pub(super) fence: u64,
    /// Why it cannot be made. Tried again only for a newer generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<String>,
}

/// Where the agent's credential stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Grant {
    /// None was written in this life of the daemon.
    #[default]
    Missing,
    /// Written; a new one is asked for at this time, in microseconds of the boot clock.
    Written {
        /// When two thirds of its life are over.
        renew_at_us: u64,
    },
}

/// What a session's worker does next.
pub(super) enum Step {
    /// Make it what it should be.
    Apply(wire::SessionSpec),
    /// Give it this command.
    Command(OpRequest),
}

/// One session.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    /// As last sent by the control plane in this life of the daemon.
    pub(super) wanted: Option<wire::SessionSpec>,
    /// Whether `wanted` was carried out.
    pub(super) is_settled: bool,
    /// Whether the last synchronisation named it as wanted.
    pub(super) is_listed: bool,
    pub(super) mark: Mark,
    commands: VecDeque<OpRequest>,
    is_busy: bool,
    pub(super) flow: Flow,
    /// Newest record that may leave the machine, and the state with it.
    pub(super) committed: Option<(u64, SessionState)>,
    pub(super) reported: Option<wire::SessionStatus>,
    /// Acknowledged sequence that the shim was told.
    pub(super) told: u64,
    pub(super) grant: Grant,
}

impl Tracked {
    /// From the disk, before any connection.
    pub(super) fn restored(mark: Mark, acked: u64, committed: Option<&Committed>) -> Self {
        let committed = committed.map(|committed| (committed.durable_seq, committed.state));
        Self { mark, flow: Flow::at(acked), told: acked, committed, ..Self::default() }
    }

    /// Whether it should live, as far as this node knows.
    pub(super) fn is_live(&self) -> bool {
        let is_over = self.committed.is_some_and(|(_, state)| state.is_terminal());
        self.mark.failed.is_none()
            && !is_over
            && self.wanted.as_ref().is_some_and(|spec| spec.desired() != wire::Wanted::Stopped)
    }

    pub(super) fn durable(&self) -> u64 {
        self.committed.map_or(0, |(durable, _)| durable)
    }

    /// Whether the control plane has every record.
    pub(super) fn is_stored(&self) -> bool {
        self.flow.acked() >= self.durable()
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) sessions: BTreeMap<SessionId, Tracked>,
    /// Sessions whose status has to be looked at.
    pub(super) due: BTreeSet<SessionId>,
    pub(super) results: VecDeque<wire::OpResult>,
    /// Sessions of claimed tasks that have not come down yet.
    pub(super) reserved: BTreeMap<SessionId, Instant>,
    pub(super) status: UplinkStatus,
    pub(super) is_synced: bool,
    /// Number of the newest command of this connection.
    pub(super) newest_command: u64,
    /// The same of this process.
    pub(super) highest_command: u64,
    /// Where the next round over the sessions begins.
    turn: Option<SessionId>,
}

impl Table {
    /// Takes what is wanted of a session. True when its worker has to be started.
    #[must_use]
    pub(super) fn want(&mut self, id: &SessionId, spec: wire::SessionSpec, from: Option<Committed>) -> bool {
        self.reserved.remove(id);
        self.due.insert(id.clone());
        let is_synced = self.is_synced;
        let tracked = self.sessions.entry(id.clone()).or_default();
        tracked.is_listed = true;
        tracked.committed =
            tracked.committed.or_else(|| from.map(|committed| (committed.durable_seq, committed.state)));
        if is_synced && !tracked.flow.is_open() {
            tracked.flow.open(tracked.flow.acked());
        }
        if tracked.wanted.as_ref().is_some_and(|known| known.generation > spec.generation) {
            return false;
        }
        tracked.is_settled &= tracked.wanted.as_ref() == Some(&spec);
        tracked.wanted = Some(spec);
        tracked.must_start()
    }

    /// Takes a command of a known session; one that waits already is not taken twice. True when its worker has to
    /// be started.
    #[must_use]
    pub(super) fn command(&mut self, id: &SessionId, request: OpRequest) -> bool {
        let Some(tracked) = self.sessions.get_mut(id) else { return false };
        if tracked.commands.iter().any(|waiting| waiting.op_id == request.op_id) {
            return false;
        }
        if tracked.commands.len() >= COMMANDS {
            tracing::warn!(session.id = %id, "more than {COMMANDS} commands wait for {id}");
            return false;
        }
        tracked.commands.push_back(request);
        tracked.must_start()
    }

    /// What the worker of a session does next; with `None` it has ended.
    pub(super) fn step(&mut self, id: &SessionId) -> Option<Step> {
        let tracked = self.sessions.get_mut(id)?;
        let wanted = tracked.wanted.as_ref().filter(|_| !tracked.is_settled);
        let step = match wanted {
            Some(spec) => Some(Step::Apply(spec.clone())),
            None => tracked.commands.front().cloned().map(Step::Command),
        };
        tracked.is_busy = step.is_some();
        step
    }

    /// A command has its answer.
    pub(super) fn answered(&mut self, id: &SessionId, result: wire::OpResult) {
        if let Some(tracked) = self.sessions.get_mut(id) {
            tracked.commands.retain(|waiting| waiting.op_id != result.op_id);
        }
        self.answer(result);
    }

    /// Reports an answer. The oldest are dropped when too many wait: their commands come again.
    pub(super) fn answer(&mut self, result: wire::OpResult) {
        self.results.push_back(result);
        self.results.drain(..self.results.len().saturating_sub(RESULTS));
    }

    /// Everything wanted has come: `listed` are the wanted sessions, `acked` what is stored of any. A session that
    /// is not named any more goes on from what it knows: its end may not be stored yet.
    pub(super) fn synced(&mut self, listed: &BTreeSet<SessionId>, acked: &BTreeMap<SessionId, u64>) {
        self.is_synced = true;
        for (id, tracked) in &mut self.sessions {
            tracked.is_listed = listed.contains(id);
            tracked.reported = None;
            let unnamed = if tracked.is_listed { 0 } else { tracked.flow.acked() };
            tracked.flow.open(acked.get(id).copied().unwrap_or(unnamed));
            tracked.check(id);
            self.due.insert(id.clone());
            tracked.forget_unmade();
            if !tracked.is_listed && tracked.committed.is_some_and(|(_, state)| !state.is_terminal()) {
                tracing::warn!(session.id = %id, "session {id} lives here, but the control plane does not want it");
            }
        }
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self, error: String) {
        self.is_synced = false;
        self.newest_command = 0;
        // Commands without an answer come again.
        self.results.clear();
        self.due.clear();
        self.status.connected_since_us = None;
        self.status.last_error = Some(error);
        for tracked in self.sessions.values_mut() {
            tracked.flow.close();
        }
    }

    /// Notes what became durable. True when it is a session of the control plane.
    pub(super) fn committed(&mut self, committed: &Committed) -> bool {
        let Some(tracked) = self.sessions.get_mut(&committed.session) else { return false };
        let before = tracked.committed.replace((committed.durable_seq, committed.state));
        tracked.check(&committed.session);
        if committed.state.is_terminal() || before.map(|(_, state)| state) != Some(committed.state) {
            self.due.insert(committed.session.clone());
        }
        true
    }

    /// The next session with records to send, in turn: its fence, the first sequence and the last allowed one.
    pub(super) fn next_batch(&mut self) -> Option<(SessionId, u64, u64, u64)> {
        let ready = |(id, tracked): (&SessionId, &Tracked)| {
            let (durable, _) = tracked.committed?;
            let from = tracked.flow.next(durable)?;
            let fence = tracked.wanted.as_ref().map_or(tracked.mark.fence, |spec| spec.fence);
            Some((id.clone(), fence, from, durable))
        };
        let after = self.turn.as_ref();
        let found = self
            .sessions
            .iter()
            .filter(|(id, _)| after.is_some_and(|after| *id > after))
            .find_map(ready)
            .or_else(|| self.sessions.iter().find_map(ready));
        if let Some((id, ..)) = &found {
            self.turn = Some(id.clone());
        }
        found
    }
}

impl Tracked {
    /// A session that is not named any more and was never made is another node's by now: its worker makes none.
    fn forget_unmade(&mut self) {
        let is_unmade = !self.is_listed && !self.is_settled && self.committed.is_none();
        if let Some(spec) = self.wanted.as_mut().filter(|_| is_unmade) {
            spec.set_desired(wire::Wanted::Stopped);
        }
    }

    /// More is stored than this journal holds: it is an old copy, and what it would send is something else.
    fn check(&mut self, id: &SessionId) {
        let stored = self.flow.acked();
        if self.flow.is_open() && self.committed.is_some_and(|(durable, _)| durable < stored) {
            tracing::error!(session.id = %id,
                "nothing of {id} is reported: seq {stored} is stored, but its journal ends at {}", self.durable());
            self.flow.stick();
        }
    }

    /// Marks the worker as running; false when it runs already or has nothing to do.
    fn must_start(&mut self) -> bool {
        let has_work = !self.is_settled || !self.commands.is_empty();
        has_work && !std::mem::replace(&mut self.is_busy, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Op;

    fn spec(id: &SessionId, generation: u64) -> wire::SessionSpec {
        wire::SessionSpec { session: id.to_string(), generation, ..wire::SessionSpec::default() }
    }

    fn request(op_id: &str) -> OpRequest {
        OpRequest { op_id: op_id.to_owned(), actor: "a".to_owned(), op: Op::Cancel }
    }

    #[test]
    fn one_worker_carries_out_the_newest_wish_and_each_waiting_command_once() {
        let (mut table, id) = (Table::default(), SessionId::mint());
        assert!(table.want(&id, spec(&id, 2), None));
        assert!(!table.want(&id, spec(&id, 2), None), "its worker runs");
        assert!(!table.want(&id, spec(&id, 1), None), "an older wish");
        for _ in 0..3 {
            assert!(!table.command(&id, request("a")));
        }
        assert!(matches!(table.step(&id), Some(Step::Apply(spec)) if spec.generation == 2));
        table.sessions.get_mut(&id).unwrap().is_settled = true;
        assert!(matches!(table.step(&id), Some(Step::Command(request)) if request.op_id == "a"));
        table.answered(&id, wire::OpResult { op_id: "a".into(), ..wire::OpResult::default() });
        assert!(table.step(&id).is_none());
        assert!(!table.want(&id, spec(&id, 2), None), "the same wish again");
        assert!(table.want(&id, spec(&id, 3), None));
    }

    #[test]
    fn sessions_take_turns() {
        let mut table = Table::default();
        let mut ids: Vec<_> = (0..3).map(|_| SessionId::mint()).collect();
        ids.sort();
        for id in &ids {
            let mut tracked = Tracked { committed: Some((9, SessionState::Idle)), ..Tracked::default() };
            tracked.flow.open(0);
            table.sessions.insert(id.clone(), tracked);
        }
        let order: Vec<_> = (0..6).map(|_| table.next_batch().unwrap().0).collect();
        assert_eq!(order, [ids.clone(), ids].concat());
    }
}
