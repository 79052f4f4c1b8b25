//! Connections of the shim and which of them is the controller.

use std::collections::HashMap;

use super::Error;
use super::core::{Core, Phase};
use super::socket::Client;
use crate::files;
use crate::protocol::{Code, FromShim, OpResult, PROTO, Pending, SessionState, Status, ToShim};

/// All connections.
pub(super) struct Clients {
    open: HashMap<u64, Client>,
    controller: Option<u64>,
    /// Highest controller epoch seen; stays when its connection is gone.
    controller_epoch: u64,
}

impl Clients {
    pub(super) fn new(open: HashMap<u64, Client>) -> Self {
        Self { open, controller: None, controller_epoch: 0 }
    }

    pub(super) fn add(&mut self, id: u64, client: Client) {
        self.open.insert(id, client);
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.open.remove(&id);
        if self.controller == Some(id) {
            self.controller = None;
        }
    }

    /// Answers one client; one that does not read is cut off.
    fn send(&mut self, id: u64, message: FromShim) {
        if self.open.get(&id).is_some_and(|client| !client.send(message))
            && let Some(client) = self.open.remove(&id)
        {
            client.cut();
        }
    }

    fn close_with(&mut self, id: u64, message: FromShim) {
        self.send(id, message);
        if let Some(client) = self.open.remove(&id) {
            client.close();
        }
    }

    /// Makes `id` the controller unless a newer one is known.
    fn take_control(&mut self, id: u64, epoch: u64) -> bool {
        if epoch < self.controller_epoch {
            let controller_epoch = self.controller_epoch;
            self.close_with(id, FromShim::Refused { controller_epoch });
            return false;
        }
        self.controller_epoch = epoch;
        if let Some(old) = self.controller.replace(id)
            && old != id
        {
            self.close_with(old, FromShim::Displaced);
        }
        true
    }

    pub(super) fn progress(&mut self, last_seq: u64, durable_seq: u64, state: SessionState) {
        if let Some(id) = self.controller {
            self.send(id, FromShim::Progress { last_seq, durable_seq, state });
        }
    }
}

impl Core {
    pub(super) fn on_message(&mut self, id: u64, message: ToShim) -> Result<(), Error> {
        match message {
            ToShim::Hello { controller_epoch, read_only, .. } => {
                if read_only || self.clients.take_control(id, controller_epoch) {
                    self.flush()?;
                    let status = Box::new(self.status());
                    self.clients.send(id, FromShim::Attached { proto: PROTO, status });
                }
            }
            ToShim::Status => {
                self.flush()?;
                let status = Box::new(self.status());
                self.clients.send(id, FromShim::Status(status));
            }
            ToShim::Op(request) => {
                let result = if self.clients.controller == Some(id) {
                    self.on_op(request)?
                } else {
                    OpResult { op_id: request.op_id, code: Code::StaleEpoch, winner: None, at_seq: 0 }
                };
                self.clients.send(id, FromShim::Result(result));
            }
            ToShim::Acked { seq } => {
                if self.clients.controller == Some(id)
                    && seq > self.acked_seq
                    && seq <= self.journal.durable_seq()
                {
                    files::write_json(&self.dir.ack(), &seq)?;
                    self.acked_seq = seq;
                }
            }
        }
        Ok(())
    }

    fn status(&self) -> Status {
        let open = self.model.open_permissions();
        let change = self.model.state.clone();
        let is_up = !matches!(self.phase, Phase::Down(_) | Phase::Finished);
        Status {
            session: self.spec.id.clone(),
            state: self.model.published(),
            reason: change.and_then(|change| change.reason),
            epoch: self.model.epoch,
            agent_pid: self.agent.as_ref().filter(|_| is_up).map(|agent| agent.pid),
            shim_pid: rustix::process::getpid().as_raw_nonzero().get(),
            agent_session: self.model.agent_session.clone(),
            turn: self.model.turn.as_ref().map(|turn| turn.number),
            queue: self.model.queue.iter().map(|queued| queued.op_id.clone()).collect(),
            pending: open.into_iter().map(|(id, p)| Pending { id, options: p.options }).collect(),
            first_seq: self.journal.first_seq(),
            last_seq: self.journal.written_seq(),
            durable_seq: self.journal.durable_seq(),
        }
    }
}
