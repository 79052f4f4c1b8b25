//! Who this node is: its key, the certificate the installation gave it, and how it came to both.
//!
//! ```text
//! STATE/node/  node.key node.crt (PEM)  ca.der  identity.json  conn_seq        (all 0600)
//! ```
//!
//! The key is made here and never leaves. It is written before the join, so that a join whose answer was lost is
//! asked again with the same key and gives the same node. `identity.json` is written last: when it is there, the node
//! has joined. Ages are measured on the boot clock; wall clocks of node and server may differ by years.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_proto::mesh_v1::enroll_client::EnrollClient;
use mc_proto::mesh_v1::{self as wire, ChallengeRequest, Command, JoinRequest, NodeFacts, RejoinRequest};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::mqtt::Signing;
use super::trust::{Authority, Trust};
use crate::files::{self, StateDir};
use crate::{clock, procs};

/// How long connecting and each step of a handshake may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long one call of joining may take.
const CALL_LIMIT: Duration = Duration::from_secs(15);
/// How often a silent connection is asked whether it lives, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A certificate of the server's answer is never larger.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Why this node has no identity, or cannot use it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This is no join token. A retry does not help.
    #[error("a join token is mcj_<32 hex>.<secret>.<64 hex>")]
    Token,
    /// The node has not joined yet and no token was given. A retry does not help.
    #[error("this node has not joined yet: give --join-token-file (mc node token create makes a token)")]
    NotJoined,
    /// The address of the server cannot be used. A retry does not help.
    #[error("the server address {0:?} is not https://HOST:PORT")]
    Address(String),
    /// No connection, or not to the control plane that the token or the stored authority names.
    #[error("the control plane at {0} cannot be reached, or is not the one that is trusted")]
    Unreachable(String, #[source] tonic::transport::Error),
    /// The control plane said no; its words say why.
    #[error("the control plane refused: {}", .0.message())]
    Refused(tonic::Status),
    /// A file of the identity, or an answer, is not what it should be.
    #[error("{0}")]
    Damaged(String),
    /// A file cannot be read or written.
    #[error("{0} cannot be used")]
    File(PathBuf, #[source] io::Error),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_retry(&self) -> bool {
        use tonic::Code::{Aborted, DeadlineExceeded, Internal, ResourceExhausted, Unavailable, Unknown};
        match self {
            Self::Unreachable(..) => true,
            Self::Refused(status) => matches!(
                status.code(),
                Aborted | DeadlineExceeded | Internal | ResourceExhausted | Unavailable | Unknown
            ),
            Self::Token | Self::NotJoined | Self::Address(_) | Self::Damaged(_) | Self::File(..) => false,
        }
    }
}

/// A join token, checked for its form. Its text is a secret and is not printed.
#[derive(Clone)]
pub struct JoinToken {
    text: String,
    ca_sha256: [u8; 32],
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinToken(…)")
    }
}

impl std::str::FromStr for JoinToken {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let mut parts = text.strip_prefix("mcj_").ok_or(Error::Token)?.split('.');
        let (Some(id), Some(secret), Some(pin), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Error::Token);
        };
        if id.len() != 32 || secret.is_empty() {
            return Err(Error::Token);
        }
        let ca_sha256 = bytes_of(pin).and_then(|bytes| bytes.try_into().ok()).ok_or(Error::Token)?;
        Ok(Self { text: text.to_owned(), ca_sha256 })
    }
}

impl JoinToken {
    /// Reads a token from a file.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Token`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        fs::read_to_string(path).map_err(|error| Error::File(path.to_owned(), error))?.parse()
    }
}

/// `identity.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    node_id: String,
    name: String,
    http_url: String,
    mqtt_address: String,
    /// One that is not the control plane's own; wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broker: Option<StoredBroker>,
    command_keys: Vec<StoredKey>,
    /// How long the certificate is good from when it was asked for.
    life_ms: u64,
    /// When it was asked for, on the boot clock of this boot.
    asked_boot_us: u64,
    boot_id: String,
}

/// An MQTT broker of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredBroker {
    /// `HOST:PORT`.
    address: String,
    /// The only authorities of its certificate, DER in base64; empty: that of the installation.
    authorities: Vec<String>,
}

impl StoredBroker {
    /// `None` when it is none.
    fn of(broker: &wire::Broker) -> Option<Self> {
        let authorities = broker.ca_der.iter().map(|der| STANDARD.encode(der)).collect();
        (!broker.address.is_empty()).then(|| Self { address: broker.address.clone(), authorities })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredKey {
    key_id: String,
    /// Ed25519, base64.
    public_key: String,
}

/// The identity of a node that has joined.
pub struct Identity {
    folder: PathBuf,
    server: String,
    stored: Stored,
    key: Key,
    certificate: Vec<u8>,
    authority: CertificateDer<'static>,
}

/// The node's key pair.
struct Key {
    pair: Ed25519KeyPair,
    pem: String,
}

impl Identity {
    /// The identity in the state directory, or a new one: joins with the token when the node has none yet. A token that
    /// is given to a node that has joined is ignored.
    ///
    /// # Errors
    /// Every [`Error`].
    pub async fn open(
        state: &StateDir,
        server: &str,
        token: Option<&JoinToken>,
        name: &str,
        facts: &NodeFacts,
    ) -> Result<Self, Error> {
        match (Self::load(state, server)?, token) {
            (Some(identity), _) => Ok(identity),
            (None, Some(token)) => Self::join(state, server, token, name, facts).await,
            (None, None) => Err(Error::NotJoined),
        }
    }

    /// The identity in the state directory; `None` when the node has not joined.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Damaged`].
    pub fn load(state: &StateDir, server: &str) -> Result<Option<Self>, Error> {
        let folder = state.path().join("node");
        let path = folder.join("identity.json");
        let stored: Option<Stored> = files::read_json(&path).map_err(|error| Error::File(path, error))?;
        let Some(stored) = stored else { return Ok(None) };
        let key = Key::load(&folder)?.ok_or_else(|| Error::Damaged("STATE/node/node.key is gone".into()))?;
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|error| Error::File(path, error))
        };
        let certificate = from_pem(&String::from_utf8_lossy(&read("node.crt")?))
            .ok_or_else(|| Error::Damaged("STATE/node/node.crt is no certificate".into()))?;
        let authority = CertificateDer::from(read("ca.der")?);
        Ok(Some(Self { folder, server: server.to_owned(), stored, key, certificate, authority }))
    }

    /// Joins: shows the token and that this node holds its key, keeps what it is given.
    ///
    /// # Errors
    /// Every [`Error`] but [`Error::NotJoined`].
    pub async fn join(
        state: &StateDir,
        server: &str,
        token: &JoinToken,
        name: &str,
        facts: &NodeFacts,
    ) -> Result<Self, Error> {
        let folder = state.path().join("node");
        make_folder(&folder)?;
        let key = Key::load_or_make(&folder)?;
        let mut enroll = enroll(server, Authority::Pinned(token.ca_sha256)).await?;
        let nonce = enroll.challenge(ChallengeRequest {}).await.map_err(Error::Refused)?.into_inner().nonce;
        let asked_boot_us = clock::stamp().boot_us;
        let token_sha256 = sha256(token.text.as_bytes());
        let request = JoinRequest {
            token: token.text.clone(),
            public_key: key.pair.public_key().as_ref().to_vec(),
            signature: key.pair.sign(&mc_proto::join_message(&nonce, &token_sha256)).as_ref().to_vec(),
            nonce,
            name: name.to_owned(),
            facts: Some(facts.clone()),
        };
        let answer = enroll.join(request).await.map_err(Error::Refused)?.into_inner();
        if sha256(&answer.ca_der) != token.ca_sha256 {
            return Err(Error::Damaged(
                "the control plane gave another authority than the token names".into(),
            ));
        }
        Self::keep(folder, server, key, answer, asked_boot_us)
    }

    /// Gets a new certificate for the key of this node and keeps it.
    ///
    /// # Errors
    /// [`Error::Refused`] with `PERMISSION_DENIED` when the node was revoked; [`Error::Unreachable`].
    pub async fn rejoin(&mut self, facts: &NodeFacts) -> Result<(), Error> {
        let mut enroll = enroll(&self.server, Authority::Known(self.authority.clone())).await?;
        let nonce = enroll.challenge(ChallengeRequest {}).await.map_err(Error::Refused)?.into_inner().nonce;
        let asked_boot_us = clock::stamp().boot_us;
        let message = mc_proto::rejoin_message(&nonce, &self.stored.node_id);
        let request = RejoinRequest {
            node_id: self.stored.node_id.clone(),
            signature: self.key.pair.sign(&message).as_ref().to_vec(),
            nonce,
            facts: Some(facts.clone()),
        };
        let answer = enroll.rejoin(request).await.map_err(Error::Refused)?.into_inner();
        if answer.node_id != self.stored.node_id || answer.ca_der != self.authority.as_ref() {
            return Err(Error::Damaged("the control plane answered for another node".into()));
        }
        let key = Key { pair: pair_of(&self.key.pem)?, pem: self.key.pem.clone() };
        *self = Self::keep(self.folder.clone(), &self.server, key, answer, asked_boot_us)?;
        Ok(())
    }

    fn keep(
        folder: PathBuf,
        server: &str,
        key: Key,
        answer: wire::Identity,
        asked_boot_us: u64,
    ) -> Result<Self, Error> {
        let life_ms = u64::try_from(answer.not_after_unix_ms.saturating_sub(answer.server_unix_ms))
            .map_err(|_| Error::Damaged("the certificate ended before it was given".into()))?;
        let stored = Stored {
            node_id: answer.node_id,
            name: answer.name,
            http_url: answer.http_url,
            mqtt_address: answer.mqtt_address,
            broker: answer.broker.as_ref().and_then(StoredBroker::of),
            command_keys: answer
                .command_keys
                .into_iter()
                .map(|key| StoredKey { key_id: key.key_id, public_key: STANDARD.encode(key.public_key) })
                .collect(),
            life_ms,
            asked_boot_us,
            boot_id: procs::boot_id(),
        };
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            files::write_atomic(&path, bytes).map_err(|error| Error::File(path, error))
        };
        write("ca.der", &answer.ca_der)?;
        write("node.crt", to_pem("CERTIFICATE", &answer.certificate_der).as_bytes())?;
        let path = folder.join("identity.json");
        files::write_json(&path, &stored).map_err(|error| Error::File(path, error))?;
        Ok(Self {
            folder,
            server: server.to_owned(),
            stored,
            key,
            certificate: answer.certificate_der,
            authority: CertificateDer::from(answer.ca_der),
        })
    }

    /// Whether it is time for a new certificate: two thirds of its life have passed, or the machine was started anew
    /// and nobody knows how long it was off.
    pub fn is_due(&self) -> bool {
        let age_us = clock::stamp().boot_us.saturating_sub(self.stored.asked_boot_us);
        self.stored.boot_id != procs::boot_id() || age_us / 1000 >= self.stored.life_ms / 3 * 2
    }

    /// [`Identity::rejoin`] when it is due; says whether it was.
    ///
    /// # Errors
    /// Those of [`Identity::rejoin`].
    pub async fn renew(&mut self, facts: &NodeFacts) -> Result<bool, Error> {
        let is_due = self.is_due();
        if is_due {
            self.rejoin(facts).await?;
        }
        Ok(is_due)
    }

    /// A channel to the control plane as this node; connects at the first call. Make a new one after a renewal.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Damaged`].
    pub fn channel(&self) -> Result<Channel, Error> {
        let identity = tonic::transport::Identity::from_pem(
            to_pem("CERTIFICATE", &self.certificate),
            self.key.pem.as_bytes(),
        );
        let endpoint =
            endpoint(&self.server, Authority::Known(self.authority.clone()), |tls| tls.identity(identity))?;
        Ok(endpoint
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .connect_lazy())
    }

    /// TLS to the MQTT broker as this node.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn tls(&self) -> Result<ClientConfig, Error> {
        let damaged = |error| Error::Damaged(format!("TLS cannot be set up: {error:?}"));
        let key = from_pem(&self.key.pem).map(PrivatePkcs8KeyDer::from);
        let key = key.ok_or_else(|| Error::Damaged("STATE/node/node.key is no Ed25519 key".into()))?;
        let others = self.stored.broker.iter().flat_map(|broker| &broker.authorities);
        let others = others
            .map(|text| STANDARD.decode(text).map(CertificateDer::from))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Error::Damaged("STATE/node/identity.json is damaged: broker".into()))?;
        let authority = if others.is_empty() {
            Authority::Known(self.authority.clone())
        } else {
            Authority::AnyOf(others)
        };
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(damaged)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trust::new(authority)))
            .with_client_auth_cert(vec![CertificateDer::from(self.certificate.clone())], key.into())
            .map_err(damaged)
    }

    /// How messages are signed that go by MQTT; `None`: the broker is the control plane's own.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn signing(&self) -> Result<Option<Signing>, Error> {
        if self.stored.broker.is_none() {
            return Ok(None);
        }
        let (pair, keys) = (pair_of(&self.key.pem)?, self.command_keys());
        let is_signed = move |message: &[u8], signed: &wire::Signed| {
            let mut keys = keys.iter().filter(|(key_id, _)| *key_id == signed.key_id);
            keys.any(|(_, key)| {
                UnparsedPublicKey::new(&ED25519, key).verify(message, &signed.signature).is_ok()
            })
        };
        Ok(Some(Signing {
            sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
            is_signed: Box::new(is_signed),
        }))
    }

    /// Whether this is the MQTT broker of others that the node uses; with an empty address: whether it uses none.
    pub fn uses(&self, broker: &wire::Broker) -> bool {
        self.stored.broker == StoredBroker::of(broker)
    }

    /// Counts this connection on disk; each is one more than the last.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn next_connection(&self) -> Result<u64, Error> {
        let path = self.folder.join("conn_seq");
        let failed = |error| Error::File(path.clone(), error);
        let next = files::read_json::<u64>(&path).map_err(failed)?.unwrap_or_default() + 1;
        files::write_json(&path, &next).map_err(failed)?;
        Ok(next)
    }

    /// Whether a command was signed for this node by a key of the control plane.
    pub fn verify(&self, command: &Command) -> bool {
        let Some(key) = self.stored.command_keys.iter().find(|key| key.key_id == command.key_id) else {
            return false;
        };
        let Ok(public_key) = STANDARD.decode(&key.public_key) else { return false };
        let message = mc_proto::command_message(&self.stored.node_id, command);
        UnparsedPublicKey::new(&ED25519, public_key).verify(&message, &command.signature).is_ok()
    }

    /// The keys that the control plane signs with: id and 32 bytes.
    pub fn command_keys(&self) -> Vec<(String, Vec<u8>)> {
        let keys = self.stored.command_keys.iter();
        keys.filter_map(|key| Some((key.key_id.clone(), STANDARD.decode(&key.public_key).ok()?))).collect()
    }

    /// `node_<32 hex>`.
    pub fn node_id(&self) -> &str {
        &self.stored.node_id
    }

    /// The name the control plane gave.
    pub fn name(&self) -> &str {
        &self.stored.name
    }

    /// Base URL of the HTTP API, as this node reaches it.
    pub fn http_url(&self) -> &str {
        &self.stored.http_url
    }

    /// `HOST:PORT` of the broker; `None` when there is none.
    pub fn mqtt_address(&self) -> Option<&str> {
        let address = self.stored.broker.as_ref().map_or(&self.stored.mqtt_address, |broker| &broker.address);
        Some(address.as_str()).filter(|address| !address.is_empty())
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("server", &self.server)
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}

impl Key {
    fn load(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join("node.key");
        match fs::read_to_string(&path) {
            Ok(pem) => Ok(Some(Self { pair: pair_of(&pem)?, pem })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::File(path, error)),
        }
    }

    fn load_or_make(folder: &Path) -> Result<Self, Error> {
        if let Some(key) = Self::load(folder)? {
            return Ok(key);
        }
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| Error::Damaged("the system gives no randomness".into()))?;
        let pem = to_pem("PRIVATE KEY", pkcs8.as_ref());
        let path = folder.join("node.key");
        files::write_atomic(&path, pem.as_bytes()).map_err(|error| Error::File(path, error))?;
        Ok(Self { pair: pair_of(&pem)?, pem })
    }
}

fn pair_of(pem: &str) -> Result<Ed25519KeyPair, Error> {
    from_pem(pem)
        .and_then(|pkcs8| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).ok())
        .ok_or_else(|| Error::Damaged("STATE/node/node.key is no Ed25519 key".into()))
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700);
    private.create(folder).map_err(|error| Error::File(folder.to_owned(), error))
}

/// An endpoint that believes one authority only.
fn endpoint(
    server: &str,
    authority: Authority,
    with: impl FnOnce(ClientTlsConfig) -> ClientTlsConfig,
) -> Result<Endpoint, Error> {
    let wrong = || Error::Address(server.to_owned());
    let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|_| wrong())?;
    let host = endpoint.uri().host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
    if endpoint.uri().scheme_str() != Some("https") {
        return Err(wrong());
    }
    let tls = with(ClientTlsConfig::new().domain_name(host).timeout(CONNECT_LIMIT));
    endpoint
        .connect_timeout(CONNECT_LIMIT)
        .tls_config_with_verifier(tls, Arc::new(Trust::new(authority)))
        .map_err(|error| Error::Damaged(format!("TLS cannot be set up: {error:?}")))
}

async fn enroll(server: &str, authority: Authority) -> Result<EnrollClient<Channel>, Error> {
    let endpoint = endpoint(server, authority, |tls| tls)?.timeout(CALL_LIMIT);
    let channel = endpoint.connect().await.map_err(|error| Error::Unreachable(server.to_owned(), error))?;
    Ok(EnrollClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

/// Textual encoding of DER (RFC 7468).
fn to_pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = STANDARD.encode(der);
    while !rest.is_empty() {
        let tail = rest.split_off(rest.len().min(64));
        text.push_str(&rest);
        text.push('\n');
        rest = tail;
    }
    text + "-----END " + label + "-----\n"
}

fn from_pem(text: &str) -> Option<Vec<u8>> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_checked_for_their_form_and_not_printed() {
        let (id, pin) = ("0".repeat(32), "ab".repeat(32));
        let token: JoinToken = format!(" mcj_{id}.secret.{pin}\n").parse().unwrap();
        assert_eq!(token.ca_sha256, [0xab; 32]);
        assert_eq!(format!("{token:?}"), "JoinToken(…)");
        for bad in [
            String::new(),
            format!("{id}.secret.{pin}"),
            format!("mcj_{id}.secret"),
            format!("mcj_{id}..{pin}"),
            format!("mcj_{id}.secret.{pin}.x"),
            format!("mcj_0.secret.{pin}"),
            format!("mcj_{id}.secret.{}", "zz".repeat(32)),
        ] {
            assert!(bad.parse::<JoinToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn pem_is_read_as_it_was_written() {
        for length in [1, 47, 48, 49, 500] {
            let der = vec![7; length];
            assert_eq!(from_pem(&to_pem("CERTIFICATE", &der)).unwrap(), der);
        }
        assert_eq!(from_pem("-----BEGIN X-----\n-----END X-----\n"), None);
    }

    #[test]
    fn only_https_with_a_host_is_an_address() {
        for bad in ["", "127.0.0.1:8009", "http://127.0.0.1:8009", "https://"] {
            let made = endpoint(bad, Authority::Pinned([0; 32]), |tls| tls);
            assert!(matches!(made, Err(Error::Address(_))), "{bad}");
        }
        for good in ["https://127.0.0.1:8009", "https://[::1]:8009", "https://mc.example:443"] {
            assert!(endpoint(good, Authority::Pinned([0; 32]), |tls| tls).is_ok(), "{good}");
        }
    }
}
