//! MQTT uplink of the node: the fast path beside gRPC, best effort in both directions.
//!
//! `rumqttc` forgets what it was given when a connection ends, however its calls answered. So nothing is kept in
//! it: client and state are new for each connection, its queue holds ten requests, and what is not acknowledged
//! by a cursor is sent again by whoever reads the journal. A message that does not fit is not sent.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use mc_proto::mesh_v1::{Command, Cursor, EventBatch, NodeStatus, OpResult, Signed};
use mc_proto::{from_mqtt, from_signed_mqtt, mqtt_message, to_mqtt, to_signed_mqtt};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, QoS, TlsConfiguration,
    Transport,
};
use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;

/// The client id that the gate asks for; the certificate tells nodes apart, also at a broker of others.
const CLIENT_ID: &str = "mesh";
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Requests given to the client and not yet written; more are refused.
const REQUESTS: usize = 10;
/// Messages received and not yet taken. When it is full the connection is not read, and the broker drops what
/// it holds too long; commands and cursors come again by gRPC.
const RECEIVED: usize = 64;
/// Something happens at least with each keep-alive; a connection without is given up.
const WATCHDOG: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A connection that stood this long starts the pauses anew.
const STEADY: Duration = Duration::from_secs(30);
/// Largest batch that goes by MQTT, encoded.
const BATCH_LIMIT: usize = 64 * 1024;
/// Largest packet in either direction; the gate has the same limit.
const PACKET_LIMIT: usize = 256 * 1024;

/// Where and as whom the node connects.
pub struct Settings {
    /// The 32 hex digits of the node id.
    pub node: String,
    /// Host of the broker, as in the certificate of the control plane.
    pub host: String,
    /// Port of the broker.
    pub port: u16,
    /// TLS with the node's certificate.
    pub tls: Arc<ClientConfig>,
    /// How messages are signed; `None`: the broker is the control plane's own.
    pub signing: Option<Arc<Signing>>,
    /// Gives the status to announce; asked at each connection.
    pub status: Box<dyn Fn() -> NodeStatus + Send + Sync>,
}

/// See [`Signing::sign`].
pub type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;
/// See [`Signing::is_signed`].
pub type IsSigned = Box<dyn Fn(&[u8], &Signed) -> bool + Send + Sync>;

/// How messages are signed that pass a broker of others.
pub struct Signing {
    /// The signature of this node over a message.
    pub sign: Sign,
    /// Whether what came with a message is the control plane's signature over it.
    pub is_signed: IsSigned,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signing")
    }
}

/// A payload as it goes through the broker.
fn sealed(signing: Option<&Arc<Signing>>, topic: &str, payload: Vec<u8>) -> Vec<u8> {
    let Some(signing) = signing else { return payload };
    let signature = (signing.sign)(&mqtt_message(topic, &payload));
    to_signed_mqtt(&Signed { payload, key_id: String::new(), signature })
}

/// What the control plane sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// What is stored of one session's journal.
    Acked(Cursor),
    /// A copy of a command; its signature is not verified yet.
    Command(Command),
}

/// Why a message was not handed to the connection; it goes by gRPC then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// No connection stands.
    #[error("no MQTT connection")]
    NotConnected,
    /// The queue of requests is full.
    #[error("the MQTT connection is busy")]
    Busy,
    /// The batch is larger than 64 KiB.
    #[error("too large for MQTT")]
    TooLarge,
}

#[derive(Debug)]
struct Topics {
    status: String,
    events: String,
    results: String,
    commands: String,
    cursors: String,
}

impl Topics {
    fn new(node: &str) -> Self {
        let topic = |name: &str| format!("/tenants/{node}/{name}");
        Self {
            status: topic("up/status"),
            events: topic("up/ev"),
            results: topic("up/res"),
            commands: topic("down/cmd"),
            cursors: topic("down/ack"),
        }
    }
}

/// Sends on the connection that stands, if one does. Clones are the same bus.
#[derive(Clone, Debug)]
pub struct Bus {
    client: watch::Receiver<Option<AsyncClient>>,
    topics: Arc<Topics>,
    signing: Option<Arc<Signing>>,
}

/// Keeps the connection; to be run in a task of its own.
pub struct Uplink {
    settings: Settings,
    topics: Arc<Topics>,
    client: watch::Sender<Option<AsyncClient>>,
    received: mpsc::Sender<Received>,
}

/// Makes the bus of a node, what it receives, and the work that [`Uplink::run`] does.
pub fn bus(settings: Settings) -> (Bus, mpsc::Receiver<Received>, Uplink) {
    let topics = Arc::new(Topics::new(&settings.node));
    let (client, current) = watch::channel(None);
    let (received, receiver) = mpsc::channel(RECEIVED);
    let signing = settings.signing.clone();
    let uplink = Uplink { settings, topics: Arc::clone(&topics), client, received };
    (Bus { client: current, topics, signing }, receiver, uplink)
}

impl Bus {
    /// Whether a connection stands.
    pub fn is_connected(&self) -> bool {
        self.client.borrow().is_some()
    }

    /// Waits until a connection stands. Never returns when the uplink has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn connected(&self) {
        let mut client = self.client.clone();
        if client.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Sends journal records. Only a cursor that comes back says that they arrived.
    ///
    /// # Errors
    /// [`NotSent`], when they were certainly not sent.
    pub fn send_events(&self, batch: &EventBatch) -> Result<(), NotSent> {
        let payload = to_mqtt(batch);
        if payload.len() > BATCH_LIMIT {
            return Err(NotSent::TooLarge);
        }
        self.send(&self.topics.events, payload)
    }

    /// Sends the result of a command.
    ///
    /// # Errors
    /// [`NotSent`], when it was certainly not sent.
    pub fn send_result(&self, result: &OpResult) -> Result<(), NotSent> {
        self.send(&self.topics.results, to_mqtt(result))
    }

    fn send(&self, topic: &str, payload: Vec<u8>) -> Result<(), NotSent> {
        let client = self.client.borrow();
        let client = client.as_ref().ok_or(NotSent::NotConnected)?;
        let payload = sealed(self.signing.as_ref(), topic, payload);
        client.try_publish(topic, QoS::AtLeastOnce, false, payload).map_err(|_| NotSent::Busy)
    }
}

impl Uplink {
    /// Connects again and again until `stop`. The connection is dropped then, not closed, so that the gate
    /// publishes the will.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let since = Instant::now();
            let ended = tokio::select! {
                () = stop.cancelled() => None,
                // What a broker sends costs the connection, not the uplink, whatever it finds in the client.
                error = AssertUnwindSafe(self.connection()).catch_unwind() => Some(error.unwrap_or(Ended::Panicked)),
            };
            self.client.send_replace(None);
            let Some(error) = ended else { return };
            tracing::debug!("MQTT connection ended: {error}");
            if since.elapsed() > STEADY {
                backoff.reset();
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(backoff.next()) => {}
            }
        }
    }

    /// One connection, from CONNECT to its end.
    async fn connection(&self) -> Ended {
        let status = (self.settings.status)();
        let (client, mut events) = self.open(&status);
        let mut refused = 0;
        loop {
            let event = match timeout(WATCHDOG, events.poll()).await {
                Ok(Ok(event)) => event,
                Ok(Err(error)) => return Ended::Broken(Box::new(error)),
                Err(_) => return Ended::Silent,
            };
            match event {
                Event::Incoming(Packet::ConnAck(_)) => {
                    if let Err(error) = self.greet(&client, &status) {
                        return error;
                    }
                    tracing::info!("MQTT connected to {}:{}", self.settings.host, self.settings.port);
                    self.client.send_replace(Some(client.clone()));
                }
                Event::Incoming(Packet::Publish(publish)) => {
                    let Some(received) = self.read(&publish.topic, &publish.payload, &mut refused) else {
                        continue;
                    };
                    if self.received.send(received).await.is_err() {
                        return Ended::Unheard;
                    }
                }
                Event::Incoming(_) | Event::Outgoing(_) => {}
            }
        }
    }

    fn open(&self, status: &NodeStatus) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new(CLIENT_ID, &self.settings.host, self.settings.port);
        let will = self.told(&NodeStatus { online: false, ..status.clone() });
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(true)
            .set_max_packet_size(PACKET_LIMIT, PACKET_LIMIT)
            .set_last_will(LastWill::new(&self.topics.status, will, QoS::AtLeastOnce, true))
            .set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::clone(&self.settings.tls))));
        let (client, mut events) = AsyncClient::new(options, REQUESTS);
        events.network_options.set_tcp_nodelay(true);
        (client, events)
    }

    /// Subscribes and announces the status. Nothing here waits: the queue is drained by the loop that calls.
    fn greet(&self, client: &AsyncClient, status: &NodeStatus) -> Result<(), Ended> {
        client
            .try_subscribe(&self.topics.commands, QoS::AtMostOnce)
            .and_then(|()| client.try_subscribe(&self.topics.cursors, QoS::AtMostOnce))
            .and_then(|()| client.try_publish(&self.topics.status, QoS::AtLeastOnce, true, self.told(status)))
            .map_err(|_| Ended::Unheard)
    }

    /// A status as it goes through the broker.
    fn told(&self, status: &NodeStatus) -> Vec<u8> {
        sealed(self.settings.signing.as_ref(), &self.topics.status, to_mqtt(status))
    }

    /// `None` for what this version does not know, and for what the control plane should have signed and has not.
    fn read(&self, topic: &str, payload: &[u8], refused: &mut u64) -> Option<Received> {
        let opened;
        let payload = match &self.settings.signing {
            None => payload,
            Some(signing) => {
                let signed = from_signed_mqtt(payload)
                    .filter(|signed| (signing.is_signed)(&mqtt_message(topic, &signed.payload), signed));
                let Some(signed) = signed else {
                    *refused += 1;
                    // The 1st, 2nd, 4th, 8th and so on: whoever holds the broker must not fill the disk.
                    if refused.is_power_of_two() {
                        tracing::warn!(
                            "refused a message by MQTT, number {refused} of this connection: the control plane has not signed it for {topic}"
                        );
                    }
                    return None;
                };
                opened = signed.payload;
                opened.as_slice()
            }
        };
        if topic == self.topics.cursors {
            from_mqtt(payload).map(Received::Acked)
        } else if topic == self.topics.commands {
            from_mqtt(payload).map(Received::Command)
        } else {
            None
        }
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Broken(Box<ConnectionError>),
    #[error("nothing happened for 30 s")]
    Silent,
    #[error("the client ended by a panic")]
    Panicked,
    #[error("nobody receives")]
    Unheard,
}
