//! `Sync`: what is wanted, level-triggered. Everything may come twice.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use mc_proto::mesh_v1 as wire;
use wire::desired::What;

use super::connection::{Connection, Lost};
use super::convert;
use super::identity::Identity;
use super::shared::Shared;
use crate::clock;
use crate::ids::SessionId;
use crate::protocol::{Code, OpRequest, OpResult};

/// Reads until the stream ends. `may_ask` says whether a command that cannot be verified, or another broker than this node
/// knows of, ends the connection, so that the identity is asked for again.
pub(super) async fn run(
    shared: &Shared,
    connection: &Connection,
    identity: &Identity,
    facts: wire::NodeFacts,
    may_ask: bool,
) -> Result<Infallible, Lost> {
    let mut client = connection.client.clone();
    let request = wire::SyncRequest { conn_seq: connection.seq, facts: Some(facts) };
    let mut stream = client.sync(request).await.map_err(Lost::call("Sync"))?.into_inner();
    let (mut listed, mut acked) = (BTreeSet::new(), BTreeMap::new());
    while let Some(desired) = stream.message().await.map_err(Lost::call("Sync"))? {
        match desired.what {
            Some(What::Session(spec)) => {
                if let Some(id) = session_id(&spec.session) {
                    listed.insert(id.clone());
                    shared.want(&id, spec);
                }
            }
            Some(What::Command(command)) => {
                if identity.verify(&command) {
                    {
                        let mut table = shared.table();
                        // Open commands are repeated from the oldest.
                        table.newest_command = table.newest_command.max(command.node_seq);
                        table.highest_command = table.highest_command.max(command.node_seq);
                    }
                    take(shared, &command);
                } else {
                    let (op_id, key_id) = (&command.op_id, &command.key_id);
                    tracing::error!(session.id = %command.session, op.id = %op_id,
                        "refused command {op_id}: its signature by key {key_id:?} is not valid");
                    if may_ask {
                        return Err(Lost::Unverified);
                    }
                }
            }
            Some(What::Acked(stored)) => acked.extend(
                stored
                    .cursors
                    .into_iter()
                    .filter_map(|cursor| Some((session_id(&cursor.session)?, cursor.acked_seq))),
            ),
            Some(What::Synced(_)) => {
                {
                    let mut table = shared.table();
                    table.synced(&listed, &acked);
                    table.status.connected_since_us = Some(clock::stamp().wall_us);
                    table.status.last_error = None;
                }
                tracing::info!(connection.seq, "connected to the control plane, {} sessions", listed.len());
                shared.synced.send_replace(true);
                shared.granted.notify_waiters();
                shared.reports.notify_one();
                shared.claims.notify_one();
                shared.leases.notify_one();
            }
            Some(What::Work(_)) => shared.claims.notify_one(),
            Some(What::Broker(broker)) if may_ask && !identity.uses(&broker) => return Err(Lost::Moved),
            // The broker that is used already, or a wish of a later version.
            Some(What::Broker(_)) | None => {}
        }
    }
    Err(Lost::Ended("Sync"))
}

/// An id that could be no folder's name is refused.
pub(super) fn session_id(text: &str) -> Option<SessionId> {
    let id = text.parse().ok();
    if id.is_none() {
        tracing::error!("the control plane named {text:?}, which is no session id");
    }
    id
}

pub(super) fn take(shared: &Shared, command: &wire::Command) {
    let Some(id) = session_id(&command.session) else { return };
    let refused = |code| {
        let op_id = command.op_id.clone();
        convert::result(&command.session, OpResult { op_id, code, winner: None, at_seq: 0 })
    };
    let is_known = shared.table().sessions.contains_key(&id);
    let answer = match convert::op(&command.op) {
        Ok(op) if is_known => {
            let request = OpRequest { op_id: command.op_id.clone(), actor: command.actor.clone(), op };
            shared.command(&id, request);
            return;
        }
        Ok(_) => refused(Code::NotFound),
        Err(error) => {
            tracing::warn!(session.id = %id, "command {} cannot be read: {error}", command.op_id);
            refused(Code::Invalid)
        }
    };
    shared.table().answer(answer);
    shared.reports.notify_one();
}
