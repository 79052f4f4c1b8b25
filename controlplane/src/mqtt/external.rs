//! A broker that runs elsewhere, reached as one of its clients.
//!
//! Every replica is such a client and gets what all nodes send; each takes the messages of the nodes whose `Sync` stream
//! it holds ([`External::attach`]) and drops the others unread. That is a matter of load: a message that two replicas
//! take is stored once all the same, and one that none takes is sent again by gRPC.
//!
//! `rumqttc` forgets what it was given when a connection ends, however its calls answered. So client and state are new
//! for each connection, and nothing is kept in them that is not repeated from a table or a journal.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use mc_api::id::NodeId;
use mc_proto::mesh_v1::Signed;
use mc_proto::{from_signed_mqtt, mqtt_message};
use ring::signature::{ED25519, UnparsedPublicKey};
use rumqttc::{AsyncClient, ConnectionError, Event, MqttOptions, Packet, Publish, QoS, SubscribeReasonCode};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::acl::Rate;
use super::bus::{locked, sender};
use super::{Down, Error, PACKET_LIMIT, UP_FILTER, Up, Upward, down_topic};
use crate::clock::IdSource;
use crate::lifetime::{Lifetime, OnExit};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Something happens at least with each keep-alive; a connection without is given up.
const WATCHDOG: Duration = Duration::from_secs(30);
/// Messages given to the client and not yet written; more are refused and go by gRPC.
const REQUESTS: usize = 256;
/// Messages received and not yet taken. When it is full, the next ones are dropped after [`PATIENCE`].
const QUEUE: usize = 256;
/// How long a received message waits for its place, less than what makes the broker give the connection up.
const PATIENCE: Duration = Duration::from_secs(1);
/// Topic and header beside a payload.
const AROUND: usize = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A connection that stood this long starts the pauses anew.
const STEADY: Duration = Duration::from_secs(30);
/// A connection this old is made anew, with another certificate: so a broker that admits nobody any more is noticed.
const AGED: Duration = Duration::from_hours(12);
/// Messages a second that one node may send, five times what the built-in broker lets through; it would make a node wait,
/// and here the rest is dropped.
const PER_SECOND: f64 = 1000.0;

/// Tells how one connection is made: address, client id, TLS, login. Asked anew for each.
pub(super) type Dial = Box<dyn Fn() -> Result<MqttOptions, crate::error::Error> + Send + Sync>;

/// The client. Clones are the same one.
#[derive(Clone)]
pub struct External {
    shared: Arc<Shared>,
}

struct Shared {
    /// `HOST:PORT`, for people.
    address: String,
    /// While a connection stands that gets what nodes send.
    client: Mutex<Option<AsyncClient>>,
    /// Nodes whose messages are taken here.
    nodes: Mutex<HashMap<NodeId, Place>>,
    serial: AtomicU64,
    standing: Mutex<Standing>,
}

/// A node whose messages are taken here.
struct Place {
    /// Which `Sync` stream it is.
    serial: u64,
    /// The node's key, Ed25519.
    key: [u8; 32],
    /// When its certificate ends.
    until: Instant,
    rate: Rate,
}

/// Whether there is a connection.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Since when it is so.
    pub since: Instant,
    /// Why there is none; `None`: there is one.
    pub broken: Option<String>,
}

/// Takes a node's messages as long as it lives.
pub struct Attached {
    bus: External,
    node: NodeId,
    serial: u64,
}

impl Drop for Attached {
    fn drop(&mut self) {
        let mut nodes = locked(&self.bus.shared.nodes);
        // Not when a newer stream of the node is here.
        if nodes.get(&self.node).is_some_and(|place| place.serial == self.serial) {
            nodes.remove(&self.node);
        }
    }
}

impl External {
    /// Connects until `lifetime` ends, again and again. `address` is shown to people.
    ///
    /// The receiver gives what attached nodes publish, verified, in the order of each node's publishing; it is to be
    /// drained.
    pub(super) fn start(
        address: String,
        dial: Dial,
        ids: Arc<IdSource>,
        lifetime: &Lifetime,
    ) -> (Self, mpsc::Receiver<Upward>) {
        let shared = Shared {
            address,
            client: Mutex::default(),
            nodes: Mutex::default(),
            serial: AtomicU64::new(0),
            standing: Mutex::new(Standing {
                since: Instant::now(),
                broken: Some("the first attempt has not ended".to_owned()),
            }),
        };
        metrics::gauge!("mc_mqtt_broker_connected").set(0.0);
        let bus = Self { shared: Arc::new(shared) };
        let (sender, receiver) = mpsc::channel(QUEUE);
        lifetime.spawn("mqtt-broker", OnExit::Shutdown, bus.clone().run(dial, ids, sender, lifetime.stop()));
        (bus, receiver)
    }

    /// `HOST:PORT` of the broker.
    pub(super) fn address(&self) -> &str {
        &self.shared.address
    }

    /// Whether there is a connection, and since when.
    pub(super) fn standing(&self) -> Standing {
        locked(&self.shared.standing).clone()
    }

    /// Takes the messages of a node that its key has signed, until what is given back is dropped, its certificate has
    /// ended, or [`Self::kick`]. A newer call displaces an older one.
    pub(super) fn attach(&self, node: NodeId, key: [u8; 32], until: Instant) -> Attached {
        let serial = self.shared.serial.fetch_add(1, Ordering::Relaxed);
        let rate = Rate::new(Instant::now(), PER_SECOND);
        locked(&self.shared.nodes).insert(node, Place { serial, key, until, rate });
        Attached { bus: self.clone(), node, serial }
    }

    pub(super) fn publish_down(&self, node: NodeId, topic: Down, payload: Bytes) -> Result<(), Error> {
        if !locked(&self.shared.nodes).contains_key(&node) {
            return Err(Error::NotConnected);
        }
        let client = locked(&self.shared.client).clone().ok_or(Error::NotReady)?;
        client
            .try_publish(down_topic(node, topic), QoS::AtLeastOnce, false, payload)
            .map_err(|_| Error::NotReady)
    }

    /// The broker knows no word for it; what the node sends is dropped from now on.
    pub(super) fn kick(&self, node: NodeId) {
        locked(&self.shared.nodes).remove(&node);
    }

    /// Whether the node is attached and the broker is there. Nobody knows whether the node reaches the broker, too.
    pub(super) fn is_connected(&self, node: NodeId) -> bool {
        locked(&self.shared.client).is_some() && locked(&self.shared.nodes).contains_key(&node)
    }

    async fn run(self, dial: Dial, ids: Arc<IdSource>, up: mpsc::Sender<Upward>, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let began = Instant::now();
            // What a broker of others sends ends no control plane, whatever it finds in the client.
            let connection = AssertUnwindSafe(self.connection(&dial, &up)).catch_unwind();
            let ended = tokio::select! {
                () = stop.cancelled() => None,
                ended = connection => Some(ended.unwrap_or(Ended::Panicked)),
                () = sleep(AGED) => Some(Ended::Aged),
            };
            *locked(&self.shared.client) = None;
            metrics::gauge!("mc_mqtt_broker_connected").set(0.0);
            match ended {
                None | Some(Ended::Unheard) => return,
                Some(Ended::Aged) => continue,
                Some(ended) => self.lost(&ended),
            }
            if began.elapsed() > STEADY {
                pause = FIRST_PAUSE;
            }
            // Replicas that lost it together come back one by one.
            let shortened = pause.mul_f64(f64::from(ids.bytes::<1>()[0]) / 512.0);
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(pause.saturating_sub(shortened)) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection, from CONNECT to its end.
    async fn connection(&self, dial: &Dial, up: &mpsc::Sender<Upward>) -> Ended {
        let mut options = match dial() {
            Ok(options) => options,
            Err(error) => return Ended::Undialed(error),
        };
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(true)
            .set_max_packet_size(PACKET_LIMIT + AROUND, PACKET_LIMIT + AROUND);
        let (client, mut events) = AsyncClient::new(options, REQUESTS);
        events.network_options.set_tcp_nodelay(true);
        // The answer to a ping stands behind what was received with it: only the first message waits for a full queue.
        let mut is_full = false;
        loop {
            let event = match timeout(WATCHDOG, events.poll()).await {
                Ok(Ok(event)) => event,
                Ok(Err(error)) => return Ended::Broken(Box::new(error)),
                Err(_) => return Ended::Silent,
            };
            match event {
                Event::Incoming(Packet::ConnAck(_)) => {
                    // The queue of a new client is empty.
                    if client.try_subscribe(UP_FILTER, QoS::AtLeastOnce).is_err() {
                        return Ended::Silent;
                    }
                }
                Event::Incoming(Packet::SubAck(answer)) => {
                    if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                        return Ended::Forbidden;
                    }
                    self.connected(client.clone());
                }
                Event::Incoming(Packet::Publish(publish)) => {
                    let Some(upward) = self.taken(&publish) else { continue };
                    let patience = if is_full { Duration::ZERO } else { PATIENCE };
                    match up.send_timeout(upward, patience).await {
                        Ok(()) => is_full = false,
                        Err(SendTimeoutError::Closed(_)) => return Ended::Unheard,
                        // No cursor goes back, so it comes again, by gRPC.
                        Err(SendTimeoutError::Timeout(_)) => {
                            is_full = true;
                            metrics::counter!("mc_mqtt_dropped_total").increment(1);
                        }
                    }
                }
                Event::Incoming(_) | Event::Outgoing(_) => {}
            }
        }
    }

    /// A message of a node that is attached here, with its own signature.
    fn taken(&self, publish: &Publish) -> Option<Upward> {
        let (node, topic) = sender(&publish.topic)?;
        let key = {
            let (mut nodes, now) = (locked(&self.shared.nodes), Instant::now());
            let place = nodes.get_mut(&node).filter(|place| now < place.until)?;
            if !place.rate.try_take(now) {
                metrics::counter!("mc_mqtt_dropped_total").increment(1);
                return None;
            }
            place.key
        };
        // Of what a broker keeps only the status is meant to be kept.
        if publish.retain && topic != Up::Status {
            return None;
        }
        let signed =
            from_signed_mqtt(&publish.payload).filter(|signed| is_signed(&key, &publish.topic, signed));
        if signed.is_none() {
            // Counted, not logged: whoever holds the broker could fill the log.
            metrics::counter!("mc_mqtt_refused_total", "reason" => "signature").increment(1);
        }
        Some(Upward { node, topic, payload: signed?.payload.into() })
    }

    fn connected(&self, client: AsyncClient) {
        *locked(&self.shared.client) = Some(client);
        *locked(&self.shared.standing) = Standing { since: Instant::now(), broken: None };
        metrics::gauge!("mc_mqtt_broker_connected").set(1.0);
        tracing::info!("connected to the MQTT broker {}", self.shared.address);
    }

    fn lost(&self, ended: &Ended) {
        let (why, address) = (crate::opening::causes(ended), &self.shared.address);
        let is_news = {
            let mut standing = locked(&self.shared.standing);
            let is_news = standing.broken.as_ref() != Some(&why);
            if standing.broken.is_none() {
                standing.since = Instant::now();
            }
            standing.broken = Some(why.clone());
            is_news
        };
        if is_news {
            tracing::warn!("waiting for the MQTT broker {address}, nodes report by gRPC meanwhile: {why}");
        } else {
            tracing::debug!("still waiting for the MQTT broker {address}: {why}");
        }
    }
}

fn is_signed(key: &[u8; 32], topic: &str, signed: &Signed) -> bool {
    let message = mqtt_message(topic, &signed.payload);
    UnparsedPublicKey::new(&ED25519, key).verify(&message, &signed.signature).is_ok()
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection failed")]
    Broken(#[source] Box<ConnectionError>),
    #[error("nothing happened for 30 s")]
    Silent,
    #[error("it is 12 h old")]
    Aged,
    #[error("it lets this control plane not receive what nodes send")]
    Forbidden,
    #[error("the connection cannot be prepared")]
    Undialed(#[source] crate::error::Error),
    #[error("the client ended by a panic")]
    Panicked,
    #[error("nobody receives")]
    Unheard,
}
