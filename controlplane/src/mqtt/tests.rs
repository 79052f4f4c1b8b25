//! The real gate and router, reached over TLS: by the node's own uplink, and by packets no uplink sends.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mc_api::id::NodeId;
use mc_mesh::uplink::mqtt::{self as node, Received};
use mc_proto::mesh_v1::{Cursor, Event, EventBatch, NodeStatus};
use mc_proto::{from_mqtt, to_mqtt};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::{
    Connect, Filter, LastWill, Packet, Protocol as _, PubAck, PubAckReason, Publish, QoS, RetainForwardRule,
    Subscribe,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;

use super::{Down, Embedded, Error, Refusal, Up, Upward, tenant};
use crate::lifetime::Lifetime;

const DEADLINE: Duration = Duration::from_secs(20);

type Admitted = Arc<Mutex<HashMap<Vec<u8>, NodeId>>>;

struct Rig {
    bus: Embedded,
    received: mpsc::Receiver<Upward>,
    lifetime: Lifetime,
    issuer: Issuer<'static, KeyPair>,
    roots: Arc<RootCertStore>,
    admitted: Admitted,
}

#[derive(Clone)]
struct Identity {
    id: NodeId,
    config: Arc<ClientConfig>,
    certificate: CertificateDer<'static>,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn leaf(issuer: &Issuer<'static, KeyPair>, name: &str, sans: &[&str]) -> (CertificateDer<'static>, KeyPair) {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let sans: Vec<String> = sans.iter().map(|san| (*san).to_owned()).collect();
    let mut params = CertificateParams::new(sans).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, name);
    (params.signed_by(&key, issuer).unwrap().der().clone(), key)
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

impl Rig {
    async fn start() -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let roots = Arc::new(roots);
        let (certificate, key) = leaf(&issuer, "server", &["127.0.0.1"]);
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider()).build().unwrap();
        let tls = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate], private(&key))
            .unwrap();
        let admitted = Admitted::default();
        let known = Arc::clone(&admitted);
        let admit = move |certificate: CertificateDer<'static>| {
            let found = known.lock().unwrap().get(certificate.as_ref()).copied().ok_or(Refusal::Refused);
            Box::pin(std::future::ready(found)) as _
        };
        let lifetime = Lifetime::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (bus, received) = Embedded::start(listener, Arc::new(tls), Arc::new(admit), &lifetime).unwrap();
        let mut routers = bus.routers();
        timeout(DEADLINE, routers.wait_for(Option::is_some)).await.unwrap().unwrap();
        Self { bus, received, lifetime, issuer, roots, admitted }
    }

    fn identity(&self, number: u128) -> Identity {
        let id = NodeId::from_uuid(Uuid::from_u128(number));
        let (certificate, key) = leaf(&self.issuer, &tenant(id), &[]);
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(vec![certificate.clone()], private(&key))
            .unwrap();
        self.admitted.lock().unwrap().insert(certificate.to_vec(), id);
        Identity { id, config: Arc::new(config), certificate }
    }

    fn node(&self, identity: &Identity, conn_seq: u64) -> Node {
        let (bus, received, uplink) = node::bus(node::Settings {
            node: tenant(identity.id),
            host: "127.0.0.1".to_owned(),
            port: self.bus.address().port(),
            tls: Arc::clone(&identity.config),
            signing: None,
            status: Box::new(move || NodeStatus { conn_seq, online: true, ..NodeStatus::default() }),
        });
        let lifetime = Lifetime::default();
        lifetime.spawn("uplink", crate::lifetime::OnExit::Log, uplink.run(lifetime.stop()));
        Node { bus, received, lifetime }
    }

    async fn next(&mut self) -> Upward {
        timeout(DEADLINE, self.received.recv()).await.unwrap().unwrap()
    }

    async fn next_status(&mut self, node: NodeId) -> NodeStatus {
        loop {
            let upward = self.next().await;
            if upward.node == node && upward.topic == Up::Status {
                return from_mqtt(&upward.payload).unwrap();
            }
        }
    }

    async fn wait_disconnected(&self, node: NodeId) {
        let until = Instant::now() + DEADLINE;
        while self.bus.is_connected(node) {
            assert!(Instant::now() < until, "{node} stays connected");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Node {
    bus: node::Bus,
    received: mpsc::Receiver<Received>,
    lifetime: Lifetime,
}

impl Node {
    async fn connected(&self) {
        timeout(DEADLINE, self.bus.connected()).await.unwrap();
    }

    /// Sends until the queue takes it.
    async fn send(&self, batch: &EventBatch) {
        let until = Instant::now() + DEADLINE;
        while self.bus.send_events(batch).is_err() {
            assert!(Instant::now() < until, "the batch is never taken");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn acked(&mut self) -> Cursor {
        loop {
            if let Received::Acked(cursor) = timeout(DEADLINE, self.received.recv()).await.unwrap().unwrap() {
                return cursor;
            }
        }
    }
}

fn batch(first_seq: u64, payload: usize) -> EventBatch {
    let event = Event { seq: first_seq, payload: vec![7; payload], ..Event::default() };
    EventBatch { session: "ses_x".to_owned(), first_seq, events: vec![event], ..EventBatch::default() }
}

/// A client that sends what it likes.
struct Raw {
    stream: TlsStream<TcpStream>,
    read: BytesMut,
}

impl Raw {
    async fn tls(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        let name = ServerName::from(address.ip());
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, socket).await?;
        Ok(Self { stream, read: BytesMut::new() })
    }

    async fn connect(rig: &Rig, identity: &Identity, client_id: &str, will: Option<LastWill>) -> Self {
        let mut raw = Self::tls(rig.bus.address(), &identity.config).await.unwrap();
        let connect = Connect { keep_alive: 10, client_id: client_id.to_owned(), clean_session: true };
        raw.send(Packet::Connect(connect, None, will, None, None)).await;
        raw
    }

    async fn greeted(rig: &Rig, identity: &Identity) -> Self {
        let mut raw = Self::connect(rig, identity, "mesh", None).await;
        assert!(matches!(raw.next().await, Some(Packet::ConnAck(..))));
        raw
    }

    async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        V4.write(packet, &mut bytes).unwrap();
        // A gate that has closed is seen by `next`.
        let _ = self.stream.write_all(&bytes).await;
        let _ = self.stream.flush().await;
    }

    /// `None` when the gate has closed the connection.
    async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Ok(packet) = V4.read_mut(&mut self.read, usize::MAX) {
                return Some(packet);
            }
            match timeout(DEADLINE, self.stream.read_buf(&mut self.read)).await.expect("an answer or the end")
            {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn ends(&mut self) -> bool {
        self.next().await.is_none()
    }
}

fn publish(topic: String) -> Packet {
    Packet::Publish(Publish::new(Bytes::from(topic), Bytes::from_static(b"x"), false), None)
}

fn subscribe(path: String) -> Packet {
    let filter = Filter {
        path,
        qos: QoS::AtLeastOnce,
        nolocal: false,
        preserve_retain: false,
        retain_forward_rule: RetainForwardRule::OnEverySubscribe,
    };
    Packet::Subscribe(Subscribe { pkid: 1, filters: vec![filter] }, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_up_and_cursors_come_down() {
    let mut rig = Rig::start().await;
    let identity = rig.identity(1);
    let mut node = rig.node(&identity, 5);
    node.connected().await;
    let status = rig.next_status(identity.id).await;
    assert!(status.online && status.conn_seq == 5);
    for seq in 1..=2000 {
        node.send(&batch(seq, 300)).await;
        let upward = rig.next().await;
        assert_eq!((upward.node, upward.topic), (identity.id, Up::Events));
        assert_eq!(from_mqtt::<EventBatch>(&upward.payload), Some(batch(seq, 300)));
        let cursor = Cursor { session: "ses_x".to_owned(), acked_seq: seq, ..Cursor::default() };
        rig.bus.publish_down(identity.id, Down::Acked, to_mqtt(&cursor).into()).unwrap();
        assert_eq!(node.acked().await, cursor);
    }
    assert_eq!(node.bus.send_events(&batch(1, 64 * 1024)), Err(node::NotSent::TooLarge));
    node.lifetime.drain().await;
    // The connection was dropped without DISCONNECT, so the gate publishes the will with its conn_seq.
    let will = rig.next_status(identity.id).await;
    assert!(!will.online && will.conn_seq == 5);
    rig.wait_disconnected(identity.id).await;
    assert_eq!(rig.bus.publish_down(identity.id, Down::Acked, Bytes::new()), Err(Error::NotConnected));
    assert!(rig.lifetime.drain().await, "gate and supervisor end in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_router_is_rebuilt_and_unacknowledged_batches_arrive() {
    let mut rig = Rig::start().await;
    let identity = rig.identity(1);
    let mut node = rig.node(&identity, 1);
    node.connected().await;
    let mut arrived = Vec::new();
    let mut crashes = 0;
    for seq in 1..=300 {
        if seq % 100 == 50 {
            crashes += 1;
            let mut routers = rig.bus.routers();
            rig.bus.crash_router().await;
            timeout(DEADLINE, routers.wait_for(Option::is_none)).await.unwrap().unwrap();
        }
        // As the node does it: send again what no cursor has acknowledged.
        let wanted = batch(seq, 100);
        let until = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < until, "batch {seq} never arrives");
            let _ = node.bus.send_events(&wanted);
            let got = timeout(Duration::from_millis(300), rig.received.recv()).await;
            let Ok(Some(upward)) = got else { continue };
            let Some(got) = Some(upward)
                .filter(|upward| upward.topic == Up::Events)
                .and_then(|upward| from_mqtt::<EventBatch>(&upward.payload))
            else {
                continue;
            };
            if got.first_seq == seq {
                break;
            }
        }
        arrived.push(seq);
        let cursor = Cursor { acked_seq: seq, ..Cursor::default() };
        if rig.bus.publish_down(identity.id, Down::Acked, to_mqtt(&cursor).into()).is_ok() {
            // It may still be lost with the router; then the next one says more.
            let _ = timeout(Duration::from_millis(50), node.received.recv()).await;
        }
    }
    assert_eq!(arrived, (1..=300).collect::<Vec<u64>>());
    assert_eq!(crashes, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_topics_filters_and_wills_end_the_connection() {
    let mut rig = Rig::start().await;
    let (own, other) = (rig.identity(1), rig.identity(2));
    let (mine, foreign) = (tenant(own.id), tenant(other.id));
    let puback = Packet::PubAck(PubAck { pkid: 1, reason: PubAckReason::Success }, None);
    let packets = [
        publish(format!("/tenants/{foreign}/up/ev")),
        publish(format!("/tenants/{mine}/down/cmd")),
        publish("/tenants/+/up/ev".to_owned()),
        subscribe("#".to_owned()),
        subscribe("/tenants/+/down/cmd".to_owned()),
        subscribe(format!("/tenants/{foreign}/down/#")),
        subscribe(format!("/tenants/{mine}/up/#")),
        subscribe(format!("$share/g/tenants/{mine}/down/#")),
        puback,
    ];
    for packet in packets {
        let shown = format!("{packet:?}");
        let mut raw = Raw::greeted(&rig, &own).await;
        raw.send(packet).await;
        assert!(raw.ends().await, "{shown} is answered");
    }
    // QoS 2, and a length beyond the limit.
    for bytes in [vec![0x34, 0x05, 0, 1, b'x', 0, 1], vec![0x30, 0x81, 0x80, 0x10]] {
        let mut raw = Raw::greeted(&rig, &own).await;
        raw.stream.write_all(&bytes).await.unwrap();
        raw.stream.flush().await.unwrap();
        assert!(raw.ends().await, "{bytes:?} is answered");
    }
    for topic in [format!("/tenants/{foreign}/up/status"), format!("/tenants/{mine}/up/ev")] {
        let will =
            LastWill { topic: topic.into(), message: "gone".into(), qos: QoS::AtMostOnce, retain: true };
        assert!(Raw::connect(&rig, &own, "mesh", Some(will)).await.ends().await);
    }
    assert!(Raw::connect(&rig, &own, "controlplane", None).await.ends().await);
    assert!(rig.received.try_recv().is_err(), "something foreign came through");
    // What is the node's own works on the same gate afterwards.
    let mut raw = Raw::greeted(&rig, &own).await;
    raw.send(subscribe(format!("/tenants/{mine}/down/#"))).await;
    assert!(matches!(raw.next().await, Some(Packet::SubAck(..))));
    raw.send(publish(format!("/tenants/{mine}/up/res"))).await;
    assert_eq!(rig.next().await.topic, Up::Results);
    rig.bus.publish_down(own.id, Down::Command, Bytes::from_static(b"c")).unwrap();
    assert!(matches!(raw.next().await, Some(Packet::Publish(..))));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_admitted_gets_no_connection() {
    let rig = Rig::start().await;
    let identity = rig.identity(1);
    rig.admitted.lock().unwrap().remove(identity.certificate.as_ref());
    assert!(Raw::connect(&rig, &identity, "mesh", None).await.ends().await);
    let anonymous = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Arc::clone(&rig.roots))
        .with_no_client_auth();
    if let Ok(mut raw) = Raw::tls(rig.bus.address(), &Arc::new(anonymous)).await {
        assert!(raw.ends().await);
    }
    let stranger = Rig::start().await.identity(1);
    if let Ok(mut raw) = Raw::tls(rig.bus.address(), &stranger.config).await {
        assert!(raw.ends().await);
    }
    assert!(!rig.bus.is_connected(identity.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_displaces_the_older_and_a_kick_ends_it() {
    let mut rig = Rig::start().await;
    let identity = rig.identity(1);
    let will = |text: &'static str| {
        let topic = format!("/tenants/{}/up/status", tenant(identity.id)).into();
        Some(LastWill { topic, message: text.into(), qos: QoS::AtLeastOnce, retain: true })
    };
    let mut last = Raw::connect(&rig, &identity, "mesh", will("0")).await;
    assert!(matches!(last.next().await, Some(Packet::ConnAck(..))));
    for _ in 0..20 {
        let mut newer = Raw::connect(&rig, &identity, "mesh", will("last")).await;
        assert!(matches!(newer.next().await, Some(Packet::ConnAck(..))));
        assert!(last.ends().await);
        last = newer;
    }
    assert!(rig.received.try_recv().is_err(), "a displaced connection has published its will");
    rig.bus.kick(identity.id);
    assert!(last.ends().await);
    let upward = rig.next().await;
    assert_eq!((upward.topic, upward.payload.as_ref()), (Up::Status, b"last".as_slice()));
    rig.wait_disconnected(identity.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_delay_no_node() {
    let rig = Rig::start().await;
    let identity = rig.identity(1);
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(rig.bus.address()).await.unwrap());
    }
    // Some that have shaken hands and then say nothing.
    for number in 2..12 {
        let other = rig.identity(number);
        silent.push(Raw::tls(rig.bus.address(), &other.config).await.unwrap().stream.into_inner().0);
    }
    let since = Instant::now();
    let node = rig.node(&identity, 1);
    node.connected().await;
    assert!(since.elapsed() < Duration::from_secs(1), "it took {:?}", since.elapsed());
    // They are closed after their five seconds (ten where the handshake took the first).
    for socket in &mut silent {
        let mut byte = [0; 64];
        let closed = async { while !matches!(socket.read(&mut byte).await, Ok(0) | Err(_)) {} };
        timeout(DEADLINE, closed).await.expect("a silent connection is closed");
    }
    assert!(rig.bus.is_connected(identity.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_loses_its_connection_within_half_a_minute() {
    let rig = Rig::start().await;
    let identity = rig.identity(1);
    let mut raw = Raw::greeted(&rig, &identity).await;
    rig.admitted.lock().unwrap().remove(identity.certificate.as_ref());
    let since = Instant::now();
    let ended = async {
        loop {
            raw.send(Packet::PingReq(rumqttd::protocol::PingReq)).await;
            match timeout(Duration::from_secs(5), raw.ends()).await {
                Ok(true) => return,
                Ok(false) | Err(_) => tokio::time::sleep(Duration::from_secs(3)).await,
            }
        }
    };
    timeout(Duration::from_secs(40), ended).await.expect("the connection ends");
    assert!(since.elapsed() > Duration::from_secs(25), "it ended by something else");
}
