//! MQTT between control plane and nodes: a fast second path beside gRPC, never the only one.
//!
//! The [`Bus`] is one of two: [`Embedded`], a broker of our own, or [`External`], a client of one that runs elsewhere.
//!
//! Ours: `rumqttd` routes messages and nothing else; the one listener is our own gate, because the broker's listeners
//! know no topic rights and await a TLS handshake inside their accept loop. The gate speaks MQTT 3.1.1 over
//! mutual TLS, maps the client certificate to a node, checks every packet against [`acl`], and publishes last
//! wills. The control plane itself takes part by a link inside the process.
//!
//! One of others: its rights are its own configuration's, which it may not keep. So every payload is signed, upwards by the
//! node and downwards by us, and what is not is dropped (docs/adr/0015-external-mqtt-broker.md).
//!
//! Invariants:
//! - Nothing is kept here. The router forgets everything with the process and when it is rebuilt after a panic; it
//!   drops old messages without a word when a reader lags. What must arrive is repeated from a journal or a table,
//!   and an acknowledgement is one only when it says that a transaction has committed. PUBACK says nothing.
//! - One node has one connection; a newer one displaces the older.
//! - A node can neither publish, subscribe nor set a will outside `/tenants/<its own id>/`. What it publishes there is
//!   taken by the replica that holds its `Sync` stream.
//! - No packet that a node sends makes the router end a link by itself: what the router would refuse is refused
//!   here. (A router that ends a link while the link asks to be woken panics.)

mod acl;
mod bus;
mod connection;
mod door;
mod embedded;
mod external;
mod gate;
mod router;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use mc_api::id::NodeId;
use rustls::pki_types::CertificateDer;

pub(crate) use acl::PACKET_LIMIT;
pub use bus::{Bus, Error, Upward};
pub use door::{attach, check, connect, send, start};
pub use embedded::Embedded;
pub use external::{Attached, External};
pub(crate) use router::UP_FILTER;

/// What a node publishes. The topic is `/tenants/<32 hex digits of the node id>/up/<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    /// Node status; retained, and the one topic a will may name.
    Status,
    /// Batches of journal records.
    Events,
    /// Results of commands.
    Results,
}

impl Up {
    pub(crate) const ALL: [Self; 3] = [Self::Status, Self::Events, Self::Results];

    /// The last part of the topic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Events => "ev",
            Self::Results => "res",
        }
    }
}

/// What a node receives. The topic is `/tenants/<32 hex digits of the node id>/down/<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// A copy of a signed command.
    Command,
    /// What is stored of one agent session's journal.
    Acked,
}

impl Down {
    pub(crate) const ALL: [Self; 2] = [Self::Command, Self::Acked];

    /// The last part of the topic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "cmd",
            Self::Acked => "ack",
        }
    }
}

/// Why a certificate does not lead to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such node, or it is revoked.
    Refused,
    /// It cannot be told now. A new connection is refused, a standing one is left alone.
    Unavailable,
}

/// Tells which node a client certificate belongs to. Called at each connection and every 30 s while it stands;
/// the certificate was verified against the authority already.
pub type Admit = Arc<
    dyn Fn(CertificateDer<'static>) -> Pin<Box<dyn Future<Output = Result<NodeId, Refusal>> + Send>>
        + Send
        + Sync,
>;

/// How many names the replicas of a control plane have among them at a broker of others, whose rights go by name and where
/// a name may be connected once.
const USERS: u8 = 64;

/// One of these names, any of them by chance.
fn user(random: u8) -> String {
    format!("controlplane-{}", random % USERS)
}

/// All of these names.
pub(crate) fn users() -> impl Iterator<Item = String> {
    (0..USERS).map(user)
}

/// The node's name in topics: its id without the prefix.
fn tenant(node: NodeId) -> String {
    node.as_uuid().as_simple().to_string()
}

fn up_topic(node: NodeId, up: Up) -> String {
    format!("/tenants/{}/up/{}", tenant(node), up.name())
}

fn down_topic(node: NodeId, down: Down) -> String {
    format!("/tenants/{}/down/{}", tenant(node), down.name())
}
