//! One admitted connection: packets in, packets out, until either side ends it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use mc_api::id::NodeId;
use rumqttd::Notification;
use rumqttd::local::{LinkRx, LinkTx};
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::{
    ConnAck, ConnectReturnCode, Disconnect, DisconnectReasonCode, Error as CodecError, Packet, Protocol as _,
    Publish,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout, timeout_at};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::acl::{self, Accepted, CLIENT_ID, Denied, PACKET_LIMIT, Rate};
use super::gate::STEP_LIMIT;
use super::router::Router;
use super::{Refusal, Up, tenant, up_topic};

/// How often a standing connection is admitted again.
const RECHECK_EVERY: Duration = Duration::from_secs(30);
/// Messages a second that a node may send; it waits for the next ones.
const PER_SECOND: f64 = 200.0;
/// For one write; a node that does not read is ended.
const WRITE_LIMIT: Duration = Duration::from_secs(15);
/// Packets written together at most.
const WRITE_BATCH: usize = 128;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The node said goodbye; no will.
    Goodbye,
    /// The stream broke, or held what is no MQTT 3.1.1.
    Broken,
    /// Nothing came for one and a half keep-alives, or a write did not finish.
    Silent,
    /// A packet broke a rule.
    Denied(Denied),
    /// The node is not admitted any more.
    Refused,
    /// A newer connection, a kick, or the end of the process.
    Ended,
    /// The router has ended.
    Router,
}

impl End {
    /// Label of metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::Broken => "broken",
            Self::Silent => "silent",
            Self::Denied(denied) => denied.name(),
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Router => "router",
        }
    }
}

type Admitting = Pin<Box<dyn Future<Output = Result<NodeId, Refusal>> + Send>>;

/// A connection whose CONNECT was accepted and not yet answered.
pub(super) struct Connection {
    pub node: NodeId,
    packets: Packets,
    accepted: Accepted,
}

/// Waits for the first packet; it must be a CONNECT that keeps the rules.
pub(super) async fn read_connect(node: NodeId, stream: TlsStream<TcpStream>) -> Result<Connection, End> {
    let mut packets = Packets { stream, read: BytesMut::new(), is_connected: false };
    let Packet::Connect(connect, None, will, None, _) = packets.next().await? else {
        return Err(End::Denied(Denied::Kind));
    };
    let accepted = acl::connect(node, &connect, will).map_err(End::Denied)?;
    packets.is_connected = true;
    Ok(Connection { node, packets, accepted })
}

impl Connection {
    /// Serves until the end. The router's link is gone when this returns.
    pub(super) async fn serve(
        mut self,
        router: &Arc<Router>,
        admit: impl Fn() -> Admitting,
        is_displaced: impl Fn() -> bool,
        stop: &CancellationToken,
    ) -> End {
        let Ok((mut tx, mut rx)) = router.link(Some(tenant(self.node)), CLIENT_ID).await else {
            return End::Router;
        };
        let end = tokio::select! {
            () = stop.cancelled() => End::Ended,
            ended = self.run(router, &mut tx, &mut rx, admit) => ended.err().unwrap_or(End::Goodbye),
        };
        if matches!(end, End::Router) {
            return end;
        }
        // A newer connection has told its own status already.
        let will = self.accepted.will.take().filter(|_| !matches!(end, End::Goodbye) && !is_displaced());
        if let Some(will) = will {
            let status = Publish::new(Bytes::from(up_topic(self.node, Up::Status)), will, true);
            if send(router, &mut tx, Packet::Publish(status, None)).await.is_err() {
                return End::Router;
            }
        }
        let goodbye = Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection };
        match send(router, &mut tx, Packet::Disconnect(goodbye, None)).await {
            Ok(()) => end,
            Err(_) => End::Router,
        }
    }

    async fn run(
        &mut self,
        router: &Router,
        tx: &mut LinkTx,
        rx: &mut LinkRx,
        admit: impl Fn() -> Admitting,
    ) -> Result<(), End> {
        let connack = ConnAck { session_present: false, code: ConnectReturnCode::Success };
        self.packets.write([Packet::ConnAck(connack, None)]).await?;
        let idle = Duration::from_secs(u64::from(self.accepted.keep_alive)) * 3 / 2;
        let mut heard = Instant::now();
        let mut rate = Rate::new(heard, PER_SECOND);
        let mut recheck = interval_at(heard + RECHECK_EVERY, RECHECK_EVERY);
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Reading keeps its bytes in the buffer and the link keeps its messages, so each arm may be dropped.
            tokio::select! {
                packet = timeout_at(heard + idle, self.packets.next()) => {
                    let packet = packet.map_err(|_| End::Silent)??;
                    if matches!(packet, Packet::Disconnect(..)) {
                        return Ok(());
                    }
                    let packet = acl::check(self.node, packet).map_err(End::Denied)?;
                    let wait = rate.take(Instant::now());
                    if !wait.is_zero() {
                        sleep(wait).await;
                    }
                    send(router, tx, packet).await?;
                    heard = Instant::now();
                }
                notification = rx.next() => {
                    let packets = collect(notification.map_err(|_| End::Router)?, rx).await?;
                    self.packets.write(packets).await?;
                }
                _ = recheck.tick() => match timeout(STEP_LIMIT, admit()).await {
                    Ok(Ok(node)) if node == self.node => {}
                    Ok(Ok(_) | Err(Refusal::Refused)) => return Err(End::Refused),
                    Ok(Err(Refusal::Unavailable)) | Err(_) => {}
                },
            }
        }
    }
}

/// The packets of one notification and of those that are ready behind it.
async fn collect(first: Option<Notification>, rx: &mut LinkRx) -> Result<Vec<Packet>, End> {
    let mut packets = Vec::new();
    let mut next = first;
    loop {
        match next {
            Some(Notification::Forward(forward)) => packets.push(Packet::Publish(forward.publish, None)),
            Some(Notification::DeviceAck(ack)) => packets.push(ack.into()),
            Some(Notification::Unschedule) => rx.wake().await.map_err(|_| End::Router)?,
            // By the invariant of this folder the router ends no link; if it does, waking it would be its end.
            Some(Notification::Disconnect(..)) => return Err(End::Broken),
            Some(_) | None => {}
        }
        if packets.len() >= WRITE_BATCH {
            return Ok(packets);
        }
        match rx.next().now_or_never() {
            Some(ready) => next = ready.map_err(|_| End::Router)?,
            None => return Ok(packets),
        }
    }
}

/// Hands a packet to the router; waits while its queue is full instead of blocking the thread.
async fn send(router: &Router, tx: &mut LinkTx, packet: Packet) -> Result<(), End> {
    let until = Instant::now() + STEP_LIMIT;
    while router.is_full() {
        if Instant::now() > until {
            return Err(End::Router);
        }
        sleep(Duration::from_millis(2)).await;
    }
    tx.send(packet).await.map(|_| ()).map_err(|_| End::Router)
}

/// Frames over TLS.
struct Packets {
    stream: TlsStream<TcpStream>,
    read: BytesMut,
    is_connected: bool,
}

impl Packets {
    /// The next packet.
    ///
    /// # Cancel safety
    /// What was read stays in the buffer.
    async fn next(&mut self) -> Result<Packet, End> {
        loop {
            if let Some(byte) = self.read.first().filter(|_| self.is_connected) {
                acl::first_byte(*byte).map_err(End::Denied)?;
            }
            match V4.read_mut(&mut self.read, PACKET_LIMIT) {
                Ok(packet) => return Ok(packet),
                Err(CodecError::InsufficientBytes(_)) => {}
                Err(_) => return Err(End::Broken),
            }
            if self.stream.read_buf(&mut self.read).await.map_err(|_| End::Broken)? == 0 {
                return Err(End::Broken);
            }
        }
    }

    async fn write(&mut self, packets: impl IntoIterator<Item = Packet>) -> Result<(), End> {
        let mut bytes = BytesMut::new();
        for packet in packets {
            V4.write(packet, &mut bytes).map_err(|_| End::Broken)?;
        }
        let written = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        timeout(WRITE_LIMIT, written).await.map_err(|_| End::Silent)?.map_err(|_| End::Broken)
    }
}
