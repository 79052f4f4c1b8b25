//! The built-in broker: the control plane's own link, and the supervision of the router.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mc_api::id::NodeId;
use rumqttd::Notification;
use rumqttd::local::{LinkError, LinkRx, LinkTx};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::bus::{locked, sender};
use super::router::{Router, UP_FILTER};
use super::{Admit, Down, Error, Upward, down_topic, gate};
use crate::lifetime::{Lifetime, OnExit};

/// Client id of the control plane's link.
const CLIENT_ID: &str = "controlplane";
/// Messages received and not yet taken. When it is full nothing more is taken from the router, whose log then
/// drops the oldest; nodes send again what is not acknowledged.
const QUEUE: usize = 256;
/// Pauses before a router is rebuilt.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A router that stood this long starts the pauses anew.
const STEADY: Duration = Duration::from_secs(30);

/// State shared by the gate, the connections and the bus.
#[derive(Default)]
pub(super) struct Shared {
    /// The router that runs now.
    pub router: watch::Sender<Option<Arc<Router>>>,
    /// Our own link to it; `None` while it is rebuilt.
    own: Mutex<Option<LinkTx>>,
    /// Connected nodes.
    pub nodes: Mutex<HashMap<NodeId, Seat>>,
}

/// The place of one node's connection.
pub(super) struct Seat {
    /// Which connection holds it.
    pub serial: u64,
    /// Ends that connection.
    pub end: CancellationToken,
    /// Held while a link of the node stands, so that the next one is made only after the last one is gone.
    pub link: Arc<tokio::sync::Mutex<()>>,
}

/// The running broker. Clones are the same one.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Embedded {
    /// Starts router and gate. `listener` is bound already; `tls` must ask for a client certificate and verify it.
    /// Everything ends with `lifetime`, except the router's thread, which ends with the process.
    ///
    /// The receiver gives what nodes publish, in the order of each node's publishing; it is to be drained.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn start(
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        admit: Admit,
        lifetime: &Lifetime,
    ) -> std::io::Result<(Self, mpsc::Receiver<Upward>)> {
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let (sender, receiver) = mpsc::channel(QUEUE);
        lifetime.spawn(
            "mqtt-router",
            OnExit::Shutdown,
            supervise(Arc::clone(&shared), sender, lifetime.stop()),
        );
        let gate = gate::Gate { shared: Arc::clone(&shared), tls, admit };
        lifetime.spawn("mqtt-gate", OnExit::Shutdown, gate.run(listener, lifetime.stop()));
        Ok((Self { shared, address }, receiver))
    }

    /// Where the gate listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands a message for a node to the router. `Ok` says nothing about its arrival.
    ///
    /// # Errors
    /// [`Error`], when it certainly goes nowhere.
    pub fn publish_down(&self, node: NodeId, topic: Down, payload: Bytes) -> Result<(), Error> {
        if !locked(&self.shared.nodes).contains_key(&node) {
            return Err(Error::NotConnected);
        }
        if self.shared.router.borrow().as_ref().is_none_or(|router| router.is_full()) {
            return Err(Error::NotReady);
        }
        let mut own = locked(&self.shared.own);
        let link = own.as_mut().ok_or(Error::NotReady)?;
        link.try_publish(down_topic(node, topic), payload).map_err(|_| Error::NotReady)?;
        Ok(())
    }

    /// Ends the connection of a node, if it has one. It may connect again when it is still admitted.
    pub fn kick(&self, node: NodeId) {
        if let Some(seat) = locked(&self.shared.nodes).get(&node) {
            seat.end.cancel();
        }
    }

    /// Whether the node has a connection.
    pub fn is_connected(&self, node: NodeId) -> bool {
        locked(&self.shared.nodes).contains_key(&node)
    }

    #[cfg(test)]
    pub(super) async fn crash_router(&self) {
        let router = self.shared.router.borrow().clone().expect("a router runs");
        router.crash().await;
    }

    #[cfg(test)]
    pub(super) fn routers(&self) -> watch::Receiver<Option<Arc<Router>>> {
        self.shared.router.subscribe()
    }
}

/// Keeps a router running until `stop`, and moves what nodes publish into `up`.
async fn supervise(shared: Arc<Shared>, up: mpsc::Sender<Upward>, stop: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        let since = tokio::time::Instant::now();
        match open().await {
            Ok((router, tx, mut rx)) => {
                *locked(&shared.own) = Some(tx);
                shared.router.send_replace(Some(router));
                let ended = pump(&mut rx, &up, &stop).await;
                shared.router.send_replace(None);
                *locked(&shared.own) = None;
                let Some(error) = ended else { return };
                metrics::counter!("mc_mqtt_router_restarts_total").increment(1);
                tracing::error!(error = %error, "the MQTT router has ended, it is rebuilt");
            }
            Err(error) => tracing::error!(error = ?error, "the MQTT router cannot be started"),
        }
        pause = if since.elapsed() > STEADY { FIRST_PAUSE } else { pause };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn open() -> Result<(Arc<Router>, LinkTx, LinkRx), super::router::Error> {
    let router = Arc::new(Router::spawn().await?);
    let (mut tx, rx) = router.link(None, CLIENT_ID).await?;
    tx.try_subscribe(UP_FILTER).map_err(|error| super::router::Error::Link(Box::new(error)))?;
    Ok((router, tx, rx))
}

/// Ends with the error of a router that is gone, or with `None` at `stop` or when nobody receives any more.
async fn pump(rx: &mut LinkRx, up: &mpsc::Sender<Upward>, stop: &CancellationToken) -> Option<LinkError> {
    loop {
        // A message lost at `stop` is one that was not acknowledged.
        let notification = tokio::select! {
            () = stop.cancelled() => return None,
            notification = rx.next() => notification,
        };
        match notification {
            Ok(Some(Notification::Forward(forward))) => {
                let Some(upward) = upward(&forward.publish.topic, forward.publish.payload) else { continue };
                tokio::select! {
                    () = stop.cancelled() => return None,
                    sent = up.send(upward) => if sent.is_err() { return None },
                }
            }
            // The router waits until the reader has caught up.
            Ok(Some(Notification::Unschedule)) => {
                if let Err(error) = rx.wake().await {
                    return Some(error);
                }
            }
            Ok(_) => {}
            Err(error) => return Some(error),
        }
    }
}

fn upward(topic: &[u8], payload: Bytes) -> Option<Upward> {
    let (node, topic) = sender(std::str::from_utf8(topic).ok()?)?;
    Some(Upward { node, topic, payload })
}
