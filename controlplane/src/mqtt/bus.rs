//! The control plane's end of MQTT, whichever broker carries it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mc_api::id::NodeId;
use uuid::Uuid;

use super::{Down, Embedded, External, Up};

/// Why a message was not handed to the broker. Both pass; the message's other path is gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The node has no connection to the gate, or does not belong to this replica.
    #[error("the node is not connected")]
    NotConnected,
    /// There is no broker now, or its queue is full.
    #[error("the broker is not ready")]
    NotReady,
}

/// A message of a node: the gate, or its signature, says that it is the node's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upward {
    /// Who sent it.
    pub node: NodeId,
    /// What it is.
    pub topic: Up,
    /// Its bytes, at most 256 KiB.
    pub payload: Bytes,
}

/// A running bus. Clones are the same bus.
#[derive(Clone)]
pub enum Bus {
    /// Router and gate inside of this process.
    Embedded(Embedded),
    /// A broker that runs elsewhere.
    External(External),
}

impl Bus {
    /// Hands a message for a node to the broker. `Ok` says nothing about its arrival.
    ///
    /// # Errors
    /// [`Error`], when it certainly goes nowhere.
    pub fn publish_down(&self, node: NodeId, topic: Down, payload: Bytes) -> Result<(), Error> {
        match self {
            Self::Embedded(bus) => bus.publish_down(node, topic, payload),
            Self::External(bus) => bus.publish_down(node, topic, payload),
        }
    }

    /// Takes nothing more from a node on the connection it has, if it has one.
    pub fn kick(&self, node: NodeId) {
        match self {
            Self::Embedded(bus) => bus.kick(node),
            Self::External(bus) => bus.kick(node),
        }
    }

    /// Whether messages of the node are taken here now.
    pub fn is_connected(&self, node: NodeId) -> bool {
        match self {
            Self::Embedded(bus) => bus.is_connected(node),
            Self::External(bus) => bus.is_connected(node),
        }
    }

    /// The broker that runs elsewhere, when this is one.
    pub const fn external(&self) -> Option<&External> {
        match self {
            Self::Embedded(_) => None,
            Self::External(bus) => Some(bus),
        }
    }
}

/// Locks what only holds plain values: no panic can leave them half changed.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose message a topic says it is, and which; `None` for a topic that no node has.
pub(super) fn sender(topic: &str) -> Option<(NodeId, Up)> {
    let (tenant, name) = topic.strip_prefix("/tenants/")?.split_once("/up/")?;
    let up = Up::ALL.into_iter().find(|up| up.name() == name)?;
    Some((NodeId::from_uuid(Uuid::try_parse(tenant).ok()?), up))
}
