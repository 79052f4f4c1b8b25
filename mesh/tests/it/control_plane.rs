//! The other end of the uplink: a gRPC server over TLS that stores what it gets, and a line to it that can be cut.
//! It misbehaves on request: duplicates, refusals, withheld acknowledgements, loss of its memory.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_mesh::protocol::Batches;
use mc_proto::mesh_v1 as wire;
use prost::Message as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, SubjectPublicKeyInfo};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rumqttc::Packet;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};
use wire::desired::What;

use crate::broker;

/// The one node.
pub(crate) const NODE: &str = "node_0123456789abcdef0123456789abcdef";
const TOKEN_ID: &str = "00000000000000000000000000000000";
/// A public key as SubjectPublicKeyInfo is this and 32 bytes (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A small generator, so that a seed gives the same faults again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What the control plane knows and how it behaves.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent ways to misbehave")]
pub(crate) struct Memory {
    /// Wanted sessions by id.
    pub(crate) sessions: BTreeMap<String, wire::SessionSpec>,
    /// Commands without an answer.
    pub(crate) commands: Vec<wire::Command>,
    /// Records of each session, contiguous from 1.
    pub(crate) stored: BTreeMap<String, Vec<wire::Event>>,
    /// Records that came a second time, equal.
    pub(crate) duplicates: u64,
    /// Records that came a second time with other content.
    pub(crate) forks: u64,
    /// Largest batch, in bytes of payload and in records.
    pub(crate) largest: (usize, usize),
    pub(crate) results: Vec<wire::OpResult>,
    pub(crate) statuses: Vec<wire::SessionStatus>,
    pub(crate) syncs: Vec<wire::SyncRequest>,
    pub(crate) leases: Vec<wire::RenewLeasesRequest>,
    pub(crate) grants: u32,
    /// Sessions of tasks that wait to be claimed.
    pub(crate) tasks: VecDeque<wire::SessionSpec>,
    pub(crate) claims: Vec<wire::ClaimTaskRequest>,
    /// Everything down is said this often.
    pub(crate) repeat: usize,
    /// Batches are refused and asked for again, one of so many; 0: never.
    pub(crate) refuse_one_of: u64,
    pub(crate) random: Option<Random>,
    pub(crate) holds_acks: bool,
    pub(crate) holds_grants: bool,
    pub(crate) grant_ttl_ms: u32,
    /// Batches that come by gRPC are lost.
    pub(crate) loses_reports: bool,
    /// Knows no call for large records, as older ones.
    pub(crate) has_no_blobs: bool,
    /// Large records that came in a call of their own.
    pub(crate) blobs: u64,
    /// Calls for large records are refused for now, so many.
    pub(crate) refuse_blobs: u64,
    /// What comes by MQTT is lost, after the broker took it.
    pub(crate) loses_mqtt: bool,
    pub(crate) lost_by_mqtt: u64,
    /// Batches that were answered, by path.
    pub(crate) batches: Batches,
    pub(crate) node_statuses: Vec<wire::NodeStatus>,
    /// Connections of the node to the broker.
    pub(crate) mqtt: Vec<mpsc::UnboundedSender<Packet>>,
    /// What holds for every session; none: knows no skills, as older ones.
    pub(crate) skills: Option<Skills>,
    pub(crate) skill_fetches: u32,
    pub(crate) skill_archives: u32,
    pub(crate) skill_reports: Vec<wire::ReportSkillsRequest>,
    mqtt_address: String,
    /// Signs what goes through the broker, which is one of others.
    others: Option<Arc<Authority>>,
    /// The node's key, once it has joined.
    node_key: Vec<u8>,
    listeners: Vec<mpsc::UnboundedSender<Result<wire::Desired, Status>>>,
    node_seq: u64,
}

/// Skills as they are served.
#[derive(Clone)]
pub(crate) struct Skills {
    pub(crate) mission: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
    pub(crate) archive: Vec<u8>,
    pub(crate) is_forged: bool,
}

impl Memory {
    /// A payload as it goes through the broker.
    pub(crate) fn sealed(&self, topic: &str, payload: Vec<u8>) -> Vec<u8> {
        let Some(authority) = &self.others else { return payload };
        let signature = authority.commands.sign(&mc_proto::mqtt_message(topic, &payload)).as_ref().to_vec();
        mc_proto::to_signed_mqtt(&wire::Signed { payload, key_id: "k1".to_owned(), signature })
    }

    /// What the node sent, which it must have signed when the broker is one of others.
    pub(crate) fn opened(&self, topic: &str, payload: &[u8]) -> Vec<u8> {
        if self.others.is_none() {
            return payload.to_vec();
        }
        let signed = mc_proto::from_signed_mqtt(payload).expect("the payload is signed");
        let message = mc_proto::mqtt_message(topic, &signed.payload);
        let key = UnparsedPublicKey::new(&ED25519, &self.node_key);
        key.verify(&message, &signed.signature).expect("the node has signed it");
        signed.payload
    }

    pub(crate) fn take_batch(&mut self, batch: wire::EventBatch) -> Option<wire::Cursor> {
        let bytes = batch.events.iter().map(|event| event.payload.len()).sum();
        self.largest = (self.largest.0.max(bytes), self.largest.1.max(batch.events.len()));
        assert_eq!(batch.events.first().map(|event| event.seq), Some(batch.first_seq));
        let stored = self.stored.entry(batch.session.clone()).or_default();
        let acked = stored.len() as u64;
        let cursor = |acked_seq, rewind| wire::Cursor {
            session: batch.session.clone(),
            acked_seq,
            fence: batch.fence,
            rewind,
        };
        let is_refused = self.refuse_one_of > 0
            && self.random.as_mut().is_some_and(|random| random.below(self.refuse_one_of) == 0);
        if is_refused || batch.first_seq > acked + 1 {
            return Some(cursor(acked, true));
        }
        for event in batch.events {
            match stored.get(usize::try_from(event.seq).unwrap() - 1) {
                Some(known) if *known == event => self.duplicates += 1,
                Some(_) => self.forks += 1,
                None => {
                    assert_eq!(event.seq, stored.len() as u64 + 1, "a hole inside a batch");
                    stored.push(event);
                }
            }
        }
        let acked = stored.len() as u64;
        (!self.holds_acks).then(|| cursor(acked, false))
    }

    fn take(&mut self, up: wire::Up) -> Option<wire::Down> {
        match up.what.unwrap() {
            wire::up::What::Events(batch) => {
                if self.loses_reports {
                    return None;
                }
                let cursor = self.take_batch(batch)?;
                self.batches.grpc += 1;
                return Some(wire::Down { what: Some(wire::down::What::Ack(cursor)) });
            }
            wire::up::What::Result(result) => self.take_result(result),
            wire::up::What::Status(status) => self.statuses.push(status),
        }
        None
    }

    /// Of two equal answers the second says nothing.
    pub(crate) fn take_result(&mut self, result: wire::OpResult) {
        let is_open = self.commands.iter().any(|command| command.op_id == result.op_id);
        self.commands.retain(|command| command.op_id != result.op_id);
        if is_open || self.mqtt_address.is_empty() {
            self.results.push(result);
        }
    }

    fn say(&mut self, what: &What) {
        for _ in 0..self.repeat.max(1) {
            let said = wire::Desired { what: Some(what.clone()) };
            self.listeners.retain(|listener| listener.send(Ok(said.clone())).is_ok());
        }
    }

    /// The newest status of a session.
    pub(crate) fn status(&self, id: &str) -> Option<&wire::SessionStatus> {
        self.statuses.iter().rfind(|status| status.session == id)
    }
}

#[derive(Clone)]
struct Service {
    memory: Arc<Mutex<Memory>>,
    authority: Arc<Authority>,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    commands: Ed25519KeyPair,
}

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl wire::enroll_server::Enroll for Service {
    async fn challenge(&self, _: Request<wire::ChallengeRequest>) -> Answer<wire::ChallengeReply> {
        Ok(Response::new(wire::ChallengeReply { nonce: vec![7; 32] }))
    }

    async fn join(&self, request: Request<wire::JoinRequest>) -> Answer<wire::Identity> {
        let request = request.into_inner();
        let (address, is_others) = {
            let mut memory = self.memory.lock().unwrap();
            memory.node_key.clone_from(&request.public_key);
            (memory.mqtt_address.clone(), memory.others.is_some())
        };
        let key = [SPKI_PREFIX.as_slice(), &request.public_key].concat();
        let key = SubjectPublicKeyInfo::from_der(&key).unwrap();
        let certificate = CertificateParams::default().signed_by(&key, &self.authority.issuer).unwrap();
        Ok(Response::new(wire::Identity {
            node_id: NODE.to_owned(),
            name: request.name,
            certificate_der: certificate.der().to_vec(),
            ca_der: self.authority.der.clone(),
            not_after_unix_ms: 24 * 3600 * 1000,
            server_unix_ms: 0,
            http_url: "http://127.0.0.1:1".to_owned(),
            mqtt_address: if is_others { String::new() } else { address.clone() },
            broker: is_others.then(|| wire::Broker { address, ca_der: vec![self.authority.der.clone()] }),
            command_keys: vec![wire::VerifyingKey {
                key_id: "k1".to_owned(),
                public_key: self.authority.commands.public_key().as_ref().to_vec(),
            }],
        }))
    }

    async fn rejoin(&self, _: Request<wire::RejoinRequest>) -> Answer<wire::Identity> {
        Err(Status::unavailable("not here"))
    }
}

#[tonic::async_trait]
impl wire::node_server::Node for Service {
    type SyncStream = UnboundedReceiverStream<Result<wire::Desired, Status>>;
    type ReportStream = Answers<wire::Down>;
    type PutBlobStream = Answers<wire::Cursor>;
    type FetchSkillsStream = Answers<wire::SkillsPart>;

    async fn sync(&self, request: Request<wire::SyncRequest>) -> Answer<Self::SyncStream> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut memory = self.memory.lock().unwrap();
        memory.syncs.push(request.into_inner());
        let cursors = memory.stored.iter().map(|(session, events)| wire::Cursor {
            session: session.clone(),
            acked_seq: events.len() as u64,
            ..wire::Cursor::default()
        });
        let sessions = memory.sessions.values().cloned().map(What::Session);
        let acked = What::Acked(wire::Acked { cursors: cursors.collect() });
        let commands = memory.commands.iter().cloned().map(What::Command);
        let all = sessions.chain([acked]).chain(commands).chain([What::Synced(wire::Synced {})]);
        for what in all {
            for _ in 0..memory.repeat.max(1) {
                sender.send(Ok(wire::Desired { what: Some(what.clone()) })).unwrap();
            }
        }
        memory.listeners.push(sender);
        Ok(Response::new(UnboundedReceiverStream::new(receiver)))
    }

    async fn report(&self, request: Request<Streaming<wire::Up>>) -> Answer<Self::ReportStream> {
        let memory = Arc::clone(&self.memory);
        let downs = request.into_inner().filter_map(move |up| match up {
            Ok(up) => memory.lock().unwrap().take(up).map(Ok),
            Err(status) => Some(Err(status)),
        });
        Ok(Response::new(Box::pin(downs)))
    }

    async fn put_blob(&self, request: Request<Streaming<wire::BlobPart>>) -> Answer<Self::PutBlobStream> {
        {
            let mut memory = self.memory.lock().unwrap();
            if memory.has_no_blobs {
                return Err(Status::unimplemented("as an older one"));
            }
            if memory.refuse_blobs > 0 {
                memory.refuse_blobs -= 1;
                return Err(Status::resource_exhausted("later"));
            }
        }
        let (memory, mut parts) = (Arc::clone(&self.memory), request.into_inner());
        let (sender, answers) = mpsc::unbounded_channel();
        Handle::current().spawn(async move {
            let first = parts.message().await?.unwrap();
            let (mut batch, mut payload) = (first.head.unwrap(), first.data);
            while let Some(part) = parts.message().await? {
                assert!(part.head.is_none());
                payload.extend(part.data);
            }
            assert_eq!(payload.len() as u64, first.size);
            batch.events[0].payload = payload;
            let mut memory = memory.lock().unwrap();
            memory.blobs += 1;
            // Whoever asked may be gone.
            let _ = sender.send(Ok(memory.take_batch(batch).unwrap_or_default()));
            Ok::<_, Status>(())
        });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(answers))))
    }

    async fn renew_leases(
        &self,
        request: Request<wire::RenewLeasesRequest>,
    ) -> Answer<wire::RenewLeasesReply> {
        let request = request.into_inner();
        let mut memory = self.memory.lock().unwrap();
        let asked = if memory.holds_grants { &[][..] } else { &request.grants_for[..] };
        let mut grants = Vec::new();
        for session in asked {
            memory.grants += 1;
            let (session, ttl_ms) = (session.clone(), memory.grant_ttl_ms);
            grants.push(wire::Grant {
                session,
                token: format!("mcg_{}", memory.grants),
                ttl_ms,
                base_url: String::new(),
            });
        }
        memory.leases.push(request);
        Ok(Response::new(wire::RenewLeasesReply { ttl_ms: 3_000, grants }))
    }

    async fn fetch_skills(
        &self,
        request: Request<wire::FetchSkillsRequest>,
    ) -> Answer<Self::FetchSkillsStream> {
        let request = request.into_inner();
        let mut memory = self.memory.lock().unwrap();
        memory.skill_fetches += 1;
        let Some(skills) = memory.skills.clone() else {
            return Err(Status::unimplemented("as an older one"));
        };
        if request.have_version == skills.version {
            let head =
                wire::SkillsHead { version: skills.version, is_same: true, ..wire::SkillsHead::default() };
            let part = wire::SkillsPart { head: Some(head), data: Vec::new() };
            return Ok(Response::new(Box::pin(tokio_stream::iter([Ok(part)]))));
        }
        let message = mc_proto::skill_snapshot_message(&skills.mission, "-", &skills.version, &skills.sha256);
        let mut signature = self.authority.commands.sign(&message).as_ref().to_vec();
        signature[0] ^= u8::from(skills.is_forged);
        let has_it = request.have_sha256.contains(&skills.sha256);
        let head = wire::SkillsHead {
            version: skills.version,
            is_same: false,
            mission: skills.mission,
            kluster: String::new(),
            sha256: skills.sha256,
            size: if has_it { 0 } else { skills.archive.len() as u64 },
            key_id: "k1".to_owned(),
            signature,
        };
        let mut parts = vec![Ok(wire::SkillsPart { head: Some(head), data: Vec::new() })];
        if !has_it {
            memory.skill_archives += 1;
            let pieces = skills.archive.chunks(1000);
            parts.extend(pieces.map(|data| Ok(wire::SkillsPart { head: None, data: data.to_vec() })));
        }
        Ok(Response::new(Box::pin(tokio_stream::iter(parts))))
    }

    async fn report_skills(
        &self,
        request: Request<wire::ReportSkillsRequest>,
    ) -> Answer<wire::ReportSkillsReply> {
        self.memory.lock().unwrap().skill_reports.push(request.into_inner());
        Ok(Response::new(wire::ReportSkillsReply {}))
    }

    async fn claim_task(&self, request: Request<wire::ClaimTaskRequest>) -> Answer<wire::ClaimTaskReply> {
        let request = request.into_inner();
        let mut memory = self.memory.lock().unwrap();
        let mut session = String::new();
        let is_served = memory.tasks.front().is_some_and(|task| request.runtimes.contains(&task.runtime));
        if is_served && let Some(task) = memory.tasks.pop_front() {
            session.clone_from(&task.session);
            memory.sessions.insert(session.clone(), task.clone());
            memory.say(&What::Session(task));
        }
        memory.claims.push(request);
        Ok(Response::new(wire::ClaimTaskReply { session }))
    }
}

/// Copies no faster than `width` bytes a second; 0: as fast as it goes.
async fn narrow(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    width: &AtomicU64,
) -> std::io::Result<()> {
    let mut piece = vec![0; 8 << 10];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&piece[..read]).await?;
        let width = width.load(Ordering::Relaxed);
        if let Some(micros) = (read as u64 * 1_000_000).checked_div(width) {
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
    }
}

/// A running control plane behind a line that can be cut.
pub(crate) struct ControlPlane {
    memory: Arc<Mutex<Memory>>,
    authority: Arc<Authority>,
    address: SocketAddr,
    cuts: watch::Sender<u64>,
    is_away: watch::Sender<bool>,
    width: Arc<AtomicU64>,
    // Last: its end ends the server.
    _runtime: Runtime,
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

impl ControlPlane {
    /// With gRPC only.
    pub(crate) fn start() -> Self {
        Self::open(false, false)
    }

    /// With a broker beside gRPC.
    pub(crate) fn start_with_broker() -> Self {
        Self::open(true, false)
    }

    /// With a broker beside gRPC that is not its own.
    pub(crate) fn start_with_broker_of_others() -> Self {
        Self::open(true, true)
    }

    fn open(has_broker: bool, is_others: bool) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let ca_key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_der = ca.self_signed(&ca_key).unwrap().der().to_vec();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let mut server = CertificateParams::default();
        server.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        let certificate = server.signed_by(&key, &issuer).unwrap();
        let chain = pem("CERTIFICATE", certificate.der()) + &pem("CERTIFICATE", &ca_der);
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(chain, pem("PRIVATE KEY", key.serialized_der())));
        let commands = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
        let authority = Arc::new(Authority { issuer, der: ca_der, commands });
        let memory = Arc::new(Mutex::new(Memory { grant_ttl_ms: 900_000, ..Memory::default() }));
        let service = Service { memory: Arc::clone(&memory), authority: Arc::clone(&authority) };
        if has_broker {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from(authority.der.clone())).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            let key = PrivatePkcs8KeyDer::from(key.serialize_der());
            let tls = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_client_cert_verifier(clients.build().unwrap())
                .with_single_cert(vec![certificate.der().clone()], key.into())
                .unwrap();
            let address = broker::start(runtime.handle(), Arc::new(tls), Arc::clone(&memory));
            let mut memory = memory.lock().unwrap();
            memory.mqtt_address = address.to_string();
            memory.others = is_others.then(|| Arc::clone(&authority));
        }
        let (cuts, is_away) = (watch::Sender::new(0), watch::Sender::new(false));
        let width = Arc::new(AtomicU64::new(0));
        let line = Arc::clone(&width);
        let (cut, away) = (cuts.clone(), is_away.clone());
        let address = runtime.block_on(async {
            let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let inside = inner.local_addr().unwrap();
            let node =
                wire::node_server::NodeServer::new(service.clone()).max_decoding_message_size(64 << 20);
            let enroll = wire::enroll_server::EnrollServer::new(service);
            let server = Server::builder()
                .initial_stream_window_size(256 << 10)
                .initial_connection_window_size(512 << 10)
                .tls_config(tls)
                .unwrap()
                .add_service(node)
                .add_service(enroll);
            runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(inner)));
            let outer = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = outer.local_addr().unwrap();
            let lines = runtime.handle().clone();
            runtime.spawn(async move {
                loop {
                    let (mut node, _) = outer.accept().await.unwrap();
                    if *away.borrow() {
                        continue;
                    }
                    let (mut cut, width) = (cut.subscribe(), Arc::clone(&line));
                    lines.spawn(async move {
                        let mut server = TcpStream::connect(inside).await.unwrap();
                        let (mut from_node, mut to_node) = node.split();
                        let (mut from_server, mut to_server) = server.split();
                        tokio::select! {
                            _ = narrow(&mut from_node, &mut to_server, &width) => {}
                            _ = copy(&mut from_server, &mut to_node) => {}
                            _ = cut.changed() => {}
                        }
                    });
                }
            });
            address
        });
        Self { memory, authority, address, cuts, is_away, width, _runtime: runtime }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn join_token(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.authority.der);
        let mut token = format!("mcj_{TOKEN_ID}.secret.");
        for byte in digest.as_ref() {
            write!(token, "{byte:02x}").unwrap();
        }
        token
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        self.memory().listeners.clear();
        self.cuts.send_modify(|count| *count += 1);
    }

    /// Makes the line from the node so narrow, in bytes a second; 0: as wide as it is.
    pub(crate) fn narrow(&self, bytes: u64) {
        self.width.store(bytes, Ordering::Relaxed);
    }

    /// Cuts every connection and takes no new one, or takes them again.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.send_replace(is_away);
        self.cut();
    }

    /// Wants a session as described.
    pub(crate) fn want(&self, spec: wire::SessionSpec) {
        let mut memory = self.memory();
        memory.sessions.insert(spec.session.clone(), spec.clone());
        memory.say(&What::Session(spec));
    }

    /// Wants a session to end.
    pub(crate) fn stop(&self, id: &str) {
        let mut spec = self.memory().sessions[id].clone();
        spec.set_desired(wire::Wanted::Stopped);
        spec.generation += 1;
        self.want(spec);
    }

    /// A signed command to queue a prompt.
    pub(crate) fn prompt(&self, session: &str, op_id: &str, text: &str) -> wire::Command {
        let blocks_json = serde_json::json!([{"type": "text", "text": text}]).to_string().into_bytes();
        self.command(session, op_id, wire::op::Op::Prompt(wire::Prompt { blocks_json }))
    }

    /// A signed command.
    pub(crate) fn command(&self, session: &str, op_id: &str, op: wire::op::Op) -> wire::Command {
        let mut memory = self.memory();
        memory.node_seq += 1;
        let mut command = wire::Command {
            node_seq: memory.node_seq,
            session: session.to_owned(),
            op_id: op_id.to_owned(),
            actor: "tester".to_owned(),
            op: wire::Op { op: Some(op) }.encode_to_vec(),
            key_id: "k1".to_owned(),
            signature: Vec::new(),
        };
        let message = mc_proto::command_message(NODE, &command);
        command.signature = self.authority.commands.sign(&message).as_ref().to_vec();
        command
    }

    /// Sends a command and keeps it open until it is answered.
    pub(crate) fn send(&self, command: wire::Command) {
        let mut memory = self.memory();
        memory.commands.push(command.clone());
        memory.say(&What::Command(command));
    }

    /// Says that there is work.
    pub(crate) fn call_for_work(&self) {
        self.memory().say(&What::Work(wire::WorkAvailable {}));
    }

    /// Says something about itself when a test fails.
    pub(crate) fn describe(&self) -> String {
        let memory = self.memory();
        let stored: Vec<_> = memory.stored.iter().map(|(id, events)| (id, events.len())).collect();
        let mut text = String::new();
        write!(
            text,
            "stored {stored:?}, results {:?}, statuses {:?}",
            memory.results,
            memory.statuses.last()
        )
        .unwrap();
        text
    }
}

/// Long enough for what a test waits for that must not happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(700);
