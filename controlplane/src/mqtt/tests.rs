//! Both brokers, reached over TLS: by the node's own uplink, and by packets no uplink sends. What holds for each of them is
//! one function, run with our own gate and with a real Mosquitto that has the configuration of `mc system broker-config`;
//! where the two answer differently, the test says how.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mc_api::Timestamp;
use mc_api::id::NodeId;
use mc_mesh::uplink::mqtt::{self as node, Received};
use mc_proto::mesh_v1::{Cursor, Event, EventBatch, NodeStatus, Signed};
use mc_proto::{from_mqtt, mqtt_message, to_mqtt, to_signed_mqtt};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::{
    Connect, Filter, LastWill, Packet, PingReq, Protocol as _, PubAck, PubAckReason, Publish, QoS,
    RetainForwardRule, Subscribe,
};
use rustix::process::{Pid, Signal, kill_process};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;

use super::{
    Attached, Bus, Down, Embedded, Error, External, Refusal, Up, Upward, down_topic, tenant, up_topic,
};
use crate::broker::mosquitto as files;
use crate::broker::service::pem;
use crate::clock::{Clock, IdSource};
use crate::keyring::{Authority, new_pkcs8};
use crate::lifetime::Lifetime;

const DEADLINE: Duration = Duration::from_secs(20);
/// Until all are connected again: while a broker is away, the pauses of client and node double up to 10 s.
const REUNION: Duration = Duration::from_mins(1);

/// Makes of each function the test `name::mosquitto`, which is skipped, aloud, where there is none, but not in CI.
macro_rules! mosquitto_only {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn mosquitto() {
                if let Some(program) = super::Mosquitto::program(concat!(module_path!(), "::mosquitto")) {
                    super::$name(super::Rig::mosquitto(program).await).await;
                }
            }
        })+
    };
}

/// The same, and the test `embedded::name`.
macro_rules! both_brokers {
    ($($name:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Rig::start().await).await;
            })+
        }
        mosquitto_only!($($name),+);
    };
}

mod cases;

type Admitted = Arc<Mutex<HashMap<Vec<u8>, NodeId>>>;

/// A broker and the control plane's end of it.
struct Rig {
    bus: Bus,
    address: SocketAddr,
    received: mpsc::Receiver<Upward>,
    lifetime: Lifetime,
    ids: Arc<IdSource>,
    authority: Arc<Authority>,
    roots: Arc<RootCertStore>,
    admitted: Admitted,
    /// Signs what goes down through a broker of others.
    commands: Arc<Ed25519KeyPair>,
    attached: Mutex<Vec<Attached>>,
    mosquitto: Option<Mosquitto>,
}

#[derive(Clone)]
struct Identity {
    id: NodeId,
    config: Arc<ClientConfig>,
    certificate: CertificateDer<'static>,
    key: Arc<Ed25519KeyPair>,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn now() -> Timestamp {
    Clock::anchored().now()
}

/// A free address below the ports that the kernel gives to outgoing connections: none of these takes it while a broker
/// is started again.
fn free_address(ids: &IdSource) -> SocketAddr {
    loop {
        let port = 20_000 + u16::from_be_bytes(ids.bytes()) % 11_900;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Takes a node's messages, for longer than any test.
fn attach(external: &External, node: NodeId, key: &Ed25519KeyPair) -> Attached {
    let public_key = key.public_key().as_ref().try_into().unwrap();
    external.attach(node, public_key, Instant::now() + Duration::from_hours(1))
}

/// A key, and the same in PKCS #8.
fn new_key() -> (Ed25519KeyPair, Vec<u8>) {
    let pkcs8 = new_pkcs8(&IdSource::default());
    (Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).unwrap(), pkcs8)
}

/// A real Mosquitto on loopback; killed when dropped.
struct Mosquitto {
    program: PathBuf,
    folder: tempfile::TempDir,
    child: Child,
}

impl Mosquitto {
    /// `None` where there is none, which is said aloud; in CI nothing is skipped.
    fn program(test: &str) -> Option<PathBuf> {
        use std::io::Write as _;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        let found = folders.map(|folder| folder.join("mosquitto")).find(|program| program.is_file());
        if found.is_none() {
            let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!is_ci, "there is no mosquitto; scripts/test.sh installs it");
            eprintln!("SKIPPED {test}: there is no mosquitto");
            if let Some(path) = std::env::var_os("MC_TEST_SKIPPED_FILE") {
                let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
                file.write_all(format!("{test}: there is no mosquitto\n").as_bytes()).unwrap();
            }
        }
        found
    }

    /// Starts it with the generated configuration.
    fn start(program: PathBuf, authority: &Authority, address: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let (key, pkcs8) = new_key();
        let public_key = key.public_key().as_ref().try_into().unwrap();
        let hosts = ["127.0.0.1".to_owned()];
        let certificate = authority.issue_broker(&IdSource::default(), &hosts, &public_key, now()).unwrap();
        // As root it would go on as somebody who cannot enter this folder; elsewhere the line changes nothing.
        let conf = files::conf(dir.to_str().unwrap(), address) + "user root\n";
        let write = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
        write(files::CONF, conf);
        write(files::ACL, files::acl());
        write(files::CA, pem("CERTIFICATE", authority.certificate()));
        write(files::CERTIFICATE, pem("CERTIFICATE", &certificate));
        write(files::KEY, pem("PRIVATE KEY", &pkcs8));
        write(files::REVOKED, pem("X509 CRL", &authority.revocations(&[], now()).unwrap()));
        let child = Self::launch(&program, dir);
        Self { program, folder, child }
    }

    fn launch(program: &Path, dir: &Path) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(dir.join(files::CONF)).stdin(std::process::Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true).spawn().unwrap()
    }

    /// Writes the list of revoked nodes; it counts from the next start or reload on.
    fn revoke(&self, authority: &Authority, nodes: &[(NodeId, Timestamp)]) {
        let list = authority.revocations(nodes, now()).unwrap();
        std::fs::write(self.folder.path().join(files::REVOKED), pem("X509 CRL", &list)).unwrap();
    }

    /// Kills it and starts it again, on the same address.
    async fn restart(&mut self) {
        self.child.kill().await.unwrap();
        self.child = Self::launch(&self.program, self.folder.path());
    }

    /// Lets it read its files again.
    fn reload(&self) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::HUP).unwrap();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Rig {
    /// Our own broker.
    async fn start() -> Self {
        let (ids, authority) = Self::installation();
        let roots = Self::roots(&authority);
        let (chain, key) = authority.issue_server(&ids, &["127.0.0.1".to_owned()], now()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider()).build().unwrap();
        let tls = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
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
        let address = bus.address();
        let rig = (Bus::Embedded(bus), address, received, lifetime);
        Self::of(rig, ids, authority, roots, admitted, None)
    }

    /// A Mosquitto, and one replica of the control plane as its client.
    async fn mosquitto(program: PathBuf) -> Self {
        let (ids, authority) = Self::installation();
        let roots = Self::roots(&authority);
        let address = free_address(&ids);
        let mosquitto = Mosquitto::start(program, &authority, address);
        let lifetime = Lifetime::default();
        let (bus, received) = replica(&ids, &authority, &roots, (address, 0), &lifetime);
        let until = Instant::now() + DEADLINE;
        while let Some(why) = bus.standing().broken {
            assert!(Instant::now() < until, "no connection: {why}; log\n{}", mosquitto.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let rig = (Bus::External(bus), address, received, lifetime);
        Self::of(rig, ids, authority, roots, Admitted::default(), Some(mosquitto))
    }

    fn of(
        (bus, address, received, lifetime): (Bus, SocketAddr, mpsc::Receiver<Upward>, Lifetime),
        ids: Arc<IdSource>,
        authority: Arc<Authority>,
        roots: Arc<RootCertStore>,
        admitted: Admitted,
        mosquitto: Option<Mosquitto>,
    ) -> Self {
        let (commands, attached) = (Arc::new(new_key().0), Mutex::default());
        Self {
            bus,
            address,
            received,
            lifetime,
            ids,
            authority,
            roots,
            admitted,
            commands,
            attached,
            mosquitto,
        }
    }

    fn installation() -> (Arc<IdSource>, Arc<Authority>) {
        let ids = Arc::new(IdSource::default());
        let authority = Authority::fresh(&ids, now());
        (ids, Arc::new(authority))
    }

    fn roots(authority: &Authority) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        Arc::new(roots)
    }

    fn embedded(&self) -> &Embedded {
        let Bus::Embedded(bus) = &self.bus else { panic!("a broker of others") };
        bus
    }

    fn is_mosquitto(&self) -> bool {
        self.mosquitto.is_some()
    }

    /// A node that the gate admits, or whose messages the control plane takes.
    fn identity(&self, number: u128) -> Identity {
        let id = NodeId::from_uuid(Uuid::from_u128(number));
        let (key, pkcs8) = new_key();
        let public_key = key.public_key().as_ref().try_into().unwrap();
        let certificate = self.authority.issue_node(&self.ids, id, &public_key, now()).unwrap();
        let certificate = CertificateDer::from(certificate.der);
        let config = client(&self.roots, vec![certificate.clone()], PrivatePkcs8KeyDer::from(pkcs8).into());
        self.admitted.lock().unwrap().insert(certificate.to_vec(), id);
        if let Some(external) = self.bus.external() {
            self.attached.lock().unwrap().push(attach(external, id, &key));
        }
        Identity { id, config, certificate, key: Arc::new(key) }
    }

    /// A client that reads and writes what a control plane may.
    async fn witness(&self) -> Raw {
        let (chain, key) = self.authority.issue_client(&self.ids, "controlplane-63", now()).unwrap();
        let mut raw = Raw::tls(self.address, &client(&self.roots, chain, key)).await.unwrap();
        let connect = Connect { keep_alive: 60, client_id: "any".to_owned(), clean_session: true };
        raw.send(Packet::Connect(connect, None, None, None, None)).await;
        assert!(matches!(raw.next().await, Some(Packet::ConnAck(..))));
        raw.send(subscribe(super::UP_FILTER.to_owned())).await;
        assert!(matches!(raw.next().await, Some(Packet::SubAck(..))));
        raw
    }

    fn node(&self, identity: &Identity, conn_seq: u64) -> Node {
        let commands = Arc::clone(&self.commands);
        let key = Arc::clone(&identity.key);
        let signing = node::Signing {
            sign: Box::new(move |message| key.sign(message).as_ref().to_vec()),
            is_signed: Box::new(move |message, signed| {
                let key = UnparsedPublicKey::new(&ED25519, commands.public_key());
                key.verify(message, &signed.signature).is_ok()
            }),
        };
        let (bus, received, uplink) = node::bus(node::Settings {
            node: tenant(identity.id),
            host: "127.0.0.1".to_owned(),
            port: self.address.port(),
            tls: Arc::clone(&identity.config),
            signing: self.is_mosquitto().then(|| Arc::new(signing)),
            status: Box::new(move || NodeStatus { conn_seq, online: true, ..NodeStatus::default() }),
        });
        let lifetime = Lifetime::default();
        lifetime.spawn("uplink", crate::lifetime::OnExit::Log, uplink.run(lifetime.stop()));
        Node { bus, received, lifetime }
    }

    /// A message to a node, as the control plane sends it.
    fn send_down(&self, node: NodeId, topic: Down, mut payload: Vec<u8>) -> Result<(), Error> {
        if self.is_mosquitto() {
            let message = mqtt_message(&down_topic(node, topic), &payload);
            let signature = self.commands.sign(&message).as_ref().to_vec();
            payload = to_signed_mqtt(&Signed { payload, key_id: "k".to_owned(), signature });
        }
        self.bus.publish_down(node, topic, payload.into())
    }

    /// What a node publishes, as it goes through this broker.
    fn sealed(&self, identity: &Identity, topic: &str, payload: Vec<u8>) -> Vec<u8> {
        if !self.is_mosquitto() {
            return payload;
        }
        let signature = identity.key.sign(&mqtt_message(topic, &payload)).as_ref().to_vec();
        to_signed_mqtt(&Signed { payload, key_id: String::new(), signature })
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

    /// Kills Mosquitto and starts it again. Returns when the control plane is its client again.
    async fn restart(&mut self) {
        let external = self.bus.external().unwrap();
        let before = external.standing().since;
        let mosquitto = self.mosquitto.as_mut().unwrap();
        mosquitto.restart().await;
        let until = Instant::now() + REUNION;
        // The connection that was killed counts as one until that is seen.
        let is_back = || {
            let standing = external.standing();
            standing.broken.is_none() && standing.since != before
        };
        while !is_back() {
            assert!(Instant::now() < until, "the control plane does not come back; log\n{}", mosquitto.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether a new connection of the node gets as far as CONNACK.
    async fn serves(&self, identity: &Identity) -> bool {
        let Ok(mut raw) = Raw::tls(self.address, &identity.config).await else { return false };
        let connect = Connect { keep_alive: 10, client_id: "mesh".to_owned(), clean_session: true };
        raw.send(Packet::Connect(connect, None, None, None, None)).await;
        matches!(raw.next().await, Some(Packet::ConnAck(..)))
    }

    /// The control plane has taken nothing until now: what the node sends at last is the next thing. With Mosquitto
    /// this says that what is not signed is dropped; what its rights hold back is seen by [`Self::witness`].
    async fn took_nothing(&mut self, node: &Identity) {
        let topic = up_topic(node.id, Up::Results);
        let payload = self.sealed(node, &topic, b"marker".to_vec());
        let mut raw = Raw::greeted(self, node).await;
        raw.send(publish_bytes(topic, payload)).await;
        let upward = self.next().await;
        assert_eq!((upward.node, upward.payload.as_ref()), (node.id, b"marker".as_slice()));
    }

    async fn wait_disconnected(&self, node: NodeId) {
        let until = Instant::now() + DEADLINE;
        while self.bus.is_connected(node) {
            assert!(Instant::now() < until, "{node} stays connected");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn client(
    roots: &Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Arc::clone(roots))
        .with_client_auth_cert(chain, key);
    Arc::new(config.unwrap())
}

/// A replica of the control plane at a broker of others. It takes one of 16 names from `first` on, so that no other one of
/// the test displaces it.
fn replica(
    ids: &Arc<IdSource>,
    authority: &Arc<Authority>,
    roots: &Arc<RootCertStore>,
    (address, first): (SocketAddr, u8),
    lifetime: &Lifetime,
) -> (External, mpsc::Receiver<Upward>) {
    let (own, signer, roots) = (Arc::clone(ids), Arc::clone(authority), Arc::clone(roots));
    let dial = Box::new(move || {
        let name = super::user(first + own.bytes::<1>()[0] % 16);
        let (chain, key) = signer.issue_client(&own, &name, now()).unwrap();
        let mut options = MqttOptions::new("any", "127.0.0.1", address.port());
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(client(&roots, chain, key))));
        Ok::<_, crate::error::Error>(options)
    });
    External::start(address.to_string(), dial, Arc::clone(ids), lifetime)
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
        let mut raw = Self::tls(rig.address, &identity.config).await.unwrap();
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

    /// Everything that came until the broker has dealt with what was sent here; `None` when it ended the connection.
    async fn settled(&mut self) -> Option<Vec<Packet>> {
        self.send(Packet::PingReq(PingReq)).await;
        let mut packets = Vec::new();
        loop {
            match self.next().await? {
                Packet::PingResp(_) => return Some(packets),
                packet => packets.push(packet),
            }
        }
    }
}

/// The topics of the messages among packets.
fn topics(packets: &[Packet]) -> Vec<String> {
    let topic = |packet: &Packet| match packet {
        Packet::Publish(publish, _) => Some(String::from_utf8(publish.topic.to_vec()).unwrap()),
        _ => None,
    };
    packets.iter().filter_map(topic).collect()
}

fn publish(topic: String) -> Packet {
    publish_bytes(topic, b"x".to_vec())
}

fn publish_bytes(topic: String, payload: Vec<u8>) -> Packet {
    Packet::Publish(Publish::new(Bytes::from(topic), Bytes::from(payload), false), None)
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
