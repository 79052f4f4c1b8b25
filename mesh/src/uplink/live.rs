//! MQTT beside the conversations of one connection: cursors and copies of commands come down here too.
//!
//! Whoever holds the broker cannot steer: commands are verified, and a cursor beyond what was sent is dropped, or one that
//! goes back behind what is acknowledged, which only gRPC may say. Through a broker of others everything is signed, in both
//! directions: it could have records trimmed that it swallowed. What it may still do is to lose, to delay and to repeat,
//! which gRPC and the positions mend. A copy is taken only when it directly follows the newest command of this connection, so that
//! commands keep their order; every other one comes by `Sync`.

use std::convert::Infallible;
use std::sync::Arc;

use mc_proto::mesh_v1 as wire;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use super::connection::Lost;
use super::identity::{Error, Identity};
use super::mqtt::{self, Bus, Received, Settings, Uplink};
use super::shared::Shared;
use super::{report, sync};
use crate::procs;

/// What [`run`] works on; `None`: the control plane has no broker.
pub(super) type Line = Option<(Receiver<Received>, Uplink)>;

/// Prepares the bus of a connection.
pub(super) fn open(
    shared: &Arc<Shared>,
    identity: &Identity,
    conn_seq: u64,
) -> Result<(Option<Bus>, Line), Error> {
    let Some(address) = identity.mqtt_address() else { return Ok((None, None)) };
    let wrong = || Error::Damaged(format!("the MQTT address {address:?} is not HOST:PORT"));
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let counted = Arc::clone(shared);
    let status = move || wire::NodeStatus {
        boot_id: procs::boot_id(),
        conn_seq,
        online: true,
        live_sessions: u32::try_from(counted.table().sessions.values().filter(|one| one.is_live()).count())
            .unwrap_or(u32::MAX),
    };
    let (bus, received, uplink) = mqtt::bus(Settings {
        node: identity.node_id().trim_start_matches("node_").to_owned(),
        // TLS takes an IPv6 address without them.
        host: host.trim_matches(['[', ']']).to_owned(),
        port: port.parse().map_err(|_| wrong())?,
        tls: Arc::new(identity.tls()?),
        signing: identity.signing()?.map(Arc::new),
        status: Box::new(status),
    });
    Ok((Some(bus), Some((received, uplink))))
}

/// Goes on as long as the connection does. MQTT may come and go meanwhile.
pub(super) async fn run(shared: &Shared, identity: &Identity, line: Line) -> Result<Infallible, Lost> {
    let Some((mut received, uplink)) = line else { return std::future::pending().await };
    let mut dropped = 0_u64;
    let receiving = async {
        while let Some(message) = received.recv().await {
            match message {
                Received::Acked(cursor) if is_credible(shared, &cursor) => {
                    report::acknowledge(shared, &cursor);
                }
                Received::Acked(cursor) => {
                    dropped += 1;
                    // As of messages that are not signed.
                    if dropped.is_power_of_two() {
                        tracing::warn!(session.id = %cursor.session,
                            "dropped a cursor by MQTT outside of what is on its way, number {dropped} of this connection");
                    }
                }
                Received::Command(command) => take(shared, identity, &command),
            }
        }
    };
    tokio::join!(uplink.run(CancellationToken::new()), receiving);
    std::future::pending().await
}

fn is_credible(shared: &Shared, cursor: &wire::Cursor) -> bool {
    let Ok(id) = cursor.session.parse() else { return false };
    shared.table().sessions.get(&id).is_some_and(|tracked| {
        let flow = &tracked.flow;
        cursor.acked_seq <= flow.sent() && (!cursor.rewind || flow.acked() <= cursor.acked_seq)
    })
}

fn take(shared: &Shared, identity: &Identity, command: &wire::Command) {
    let op_id = &command.op_id;
    if !identity.verify(command) {
        tracing::error!(session.id = %command.session, op.id = %op_id,
            "refused command {op_id} by MQTT: its signature by key {:?} is not valid", command.key_id);
        return;
    }
    {
        let mut table = shared.table();
        let is_known = command.session.parse().is_ok_and(|id| table.sessions.contains_key(&id));
        // Commands of before may be repeated by whoever holds the broker. So the first of a connection comes by Sync, which
        // tells how far they are, and none is taken that is not newer than all of this process.
        let is_next = table.newest_command > 0
            && command.node_seq == table.newest_command + 1
            && command.node_seq > table.highest_command;
        if !table.is_synced || !is_known || !is_next {
            tracing::debug!(op.id = %op_id, "command {op_id} is left for Sync");
            return;
        }
        table.newest_command = command.node_seq;
        table.highest_command = command.node_seq;
    }
    sync::take(shared, command);
}
