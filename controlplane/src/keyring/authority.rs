//! The installation's certificate authority (X.509, RFC 5280; Ed25519, RFC 8410).
//!
//! It signs the certificates of the doors that speak TLS and of the nodes. Its key never leaves the keyring; what it
//! issues is never stored, because a new one can always be issued.

use std::net::IpAddr;
use std::time::Duration;

use mc_api::Timestamp;
use mc_api::id::NodeId;
use mc_ledger::sha256;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::clock::IdSource;

/// How long a node's certificate is good.
pub const NODE_CERTIFICATE_LIFE: Duration = Duration::from_hours(24);
/// How long the authority itself is good.
const AUTHORITY_LIFE: Duration = Duration::from_hours(24 * 3650);
/// How far clocks of others may lag behind ours.
pub const CLOCK_SKEW: Duration = Duration::from_mins(5);
/// How long the certificate of a broker that runs elsewhere is good, whose key is in a file.
pub const BROKER_CERTIFICATE_LIFE: Duration = Duration::from_hours(24 * 365);
/// How slow the clock of a broker may be that is given a list.
const REVOCATIONS_SKEW: Duration = Duration::from_hours(1);
/// How long a list of revoked certificates is good. A server whose list has ended refuses everybody.
pub const REVOCATIONS_LIFE: Duration = Duration::from_hours(24 * 30);
/// Certificates that a node gets within this time have one serial number: so the numbers of a revoked node are known
/// although nothing that was issued is stored.
const SERIAL_PERIOD: Duration = Duration::from_mins(10);
/// An Ed25519 private key in PKCS #8 is this and 32 bytes (RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// An Ed25519 public key as SubjectPublicKeyInfo is this and 32 bytes (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The certificate authority, unsealed in memory.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    sha256: String,
}

/// Why the authority cannot be used, or cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The stored authority is damaged.
    #[error("the stored certificate authority is damaged")]
    Damaged,
    /// A certificate cannot be made of what was given.
    #[error("the certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
}

/// A certificate of a node.
pub struct NodeCertificate {
    /// X.509, DER.
    pub der: Vec<u8>,
    /// When it ends.
    pub not_after: Timestamp,
}

/// A fresh Ed25519 private key in PKCS #8.
pub(crate) fn new_pkcs8(ids: &IdSource) -> Vec<u8> {
    [PKCS8_PREFIX.as_slice(), &ids.bytes::<32>()].concat()
}

fn params(ids: &IdSource, name: DistinguishedName, from: Timestamp, to: Timestamp) -> CertificateParams {
    let seconds = |at: Timestamp| {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        epoch + Duration::from_secs(u64::try_from(at.as_micros() / 1_000_000).unwrap_or(0))
    };
    let mut serial = ids.bytes::<16>();
    // Positive and of full length.
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = seconds(from);
    params.not_after = seconds(to);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.use_authority_key_identifier_extension = true;
    params
}

/// The period of a moment, counted from 1970.
fn period(at: Timestamp) -> u32 {
    let seconds = u64::try_from(at.as_micros() / 1_000_000).unwrap_or(0);
    u32::try_from(seconds / SERIAL_PERIOD.as_secs()).unwrap_or(u32::MAX)
}

/// The serial number of a node's certificates of one period: 20 octets, the most there may be (RFC 5280 section 4.1.2.2).
fn node_serial(node: NodeId, period: u32) -> SerialNumber {
    let bytes = [node.as_uuid().as_bytes().as_slice(), &period.to_be_bytes()].concat();
    SerialNumber::from_slice(&bytes)
}

fn hosts_in(hosts: &[String]) -> Result<Vec<SanType>, AuthorityError> {
    let name = |host: &String| -> Result<SanType, AuthorityError> {
        match host.parse::<IpAddr>() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => Ok(SanType::DnsName(host.as_str().try_into()?)),
        }
    };
    hosts.iter().map(name).collect()
}

fn named(organization: &str, common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, organization);
    name.push(DnType::CommonName, common);
    name
}

impl Authority {
    /// Makes a new authority; the bytes to seal: length of the key (u32, big endian), key (PKCS #8), certificate (DER).
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`].
    pub(super) fn make(ids: &IdSource, now: Timestamp) -> Result<Vec<u8>, AuthorityError> {
        let pkcs8 = new_pkcs8(ids);
        let key = KeyPair::try_from(pkcs8.as_slice())?;
        let name = named("MissionControl", "MissionControl installation");
        let mut params = params(ids, name, now.minus(CLOCK_SKEW), now.plus(AUTHORITY_LIFE));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        let length = u32::try_from(pkcs8.len()).map_err(|_| AuthorityError::Damaged)?;
        Ok([&length.to_be_bytes(), pkcs8.as_slice(), certificate.der()].concat())
    }

    /// A new one for tests.
    #[cfg(test)]
    pub(crate) fn fresh(ids: &IdSource, now: Timestamp) -> Self {
        Self::read(&Self::make(ids, now).unwrap()).unwrap()
    }

    /// Reads what [`Authority::make`] made.
    ///
    /// # Errors
    /// [`AuthorityError`] when it is damaged.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, AuthorityError> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(AuthorityError::Damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| AuthorityError::Damaged)?;
        let (pkcs8, der) = rest.split_at_checked(length).ok_or(AuthorityError::Damaged)?;
        let der = CertificateDer::from(der.to_vec());
        let issuer = Issuer::from_ca_cert_der(&der, KeyPair::try_from(pkcs8)?)?;
        let sha256 = sha256(&der).to_string();
        Ok(Self { issuer, der, sha256 })
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// SHA-256 of the authority's certificate (DER), lowercase hex: what join tokens pin.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// A fresh key and its certificate for a TLS server under these host names and addresses; chain with the
    /// authority's certificate. It is good as long as the authority, because its key lives only in this process.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`] for a name that is no DNS name.
    pub fn issue_server(
        &self,
        ids: &IdSource,
        hosts: &[String],
        now: Timestamp,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
        let pkcs8 = new_pkcs8(ids);
        let key = KeyPair::try_from(pkcs8.as_slice())?;
        let name = named("MissionControl", "mc-controlplane");
        // A client whose clock is wrong by days must still find us: only the authority's own life counts.
        let mut params = params(ids, name, now.minus(AUTHORITY_LIFE), now.plus(AUTHORITY_LIFE));
        params.subject_alt_names = hosts_in(hosts)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8));
        Ok((vec![certificate.into(), self.der.clone()], key))
    }

    /// A fresh key and its client certificate for this process, which shows itself to a server of others by `name`. The key
    /// lives only in memory, so that each connection takes another.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`].
    pub fn issue_client(
        &self,
        ids: &IdSource,
        name: &str,
        now: Timestamp,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
        let pkcs8 = new_pkcs8(ids);
        let key = KeyPair::try_from(pkcs8.as_slice())?;
        let mut params =
            params(ids, named(name, name), now.minus(CLOCK_SKEW), now.plus(NODE_CERTIFICATE_LIFE));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((vec![certificate.into()], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8))))
    }

    /// A certificate (DER) for the key of a broker that runs elsewhere, under these host names and addresses.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`] for a name that is no DNS name.
    pub fn issue_broker(
        &self,
        ids: &IdSource,
        hosts: &[String],
        public_key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Vec<u8>, AuthorityError> {
        // As our own: a node whose clock is wrong by days must still find it.
        let (from, to) = (now.minus(AUTHORITY_LIFE), now.plus(BROKER_CERTIFICATE_LIFE));
        let mut params = params(ids, named("MissionControl", "mqtt-broker"), from, to);
        params.subject_alt_names = hosts_in(hosts)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = SubjectPublicKeyInfo::from_der(&[SPKI_PREFIX.as_slice(), public_key].concat())?;
        Ok(params.signed_by(&key, &self.issuer)?.der().to_vec())
    }

    /// The list of revoked certificates (RFC 5280 section 5, DER): every one that these nodes can have got in the life of a
    /// certificate before they were revoked. For servers that cannot ask the database.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`].
    pub fn revocations(
        &self,
        nodes: &[(NodeId, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<u8>, AuthorityError> {
        let moment = |at: Timestamp| {
            let epoch = rcgen::date_time_ymd(1970, 1, 1);
            epoch + Duration::from_secs(u64::try_from(at.as_micros() / 1_000_000).unwrap_or(0))
        };
        let of_node = |(node, at): &(NodeId, Timestamp)| {
            let (node, revocation_time) = (*node, moment(*at));
            let first = period(at.minus(NODE_CERTIFICATE_LIFE + CLOCK_SKEW));
            (first..=period(at.plus(CLOCK_SKEW))).map(move |period| RevokedCertParams {
                serial_number: node_serial(node, period),
                revocation_time,
                reason_code: Some(RevocationReason::PrivilegeWithdrawn),
                invalidity_date: None,
            })
        };
        let list = CertificateRevocationListParams {
            // A broker whose clock is slow would admit nobody until then.
            this_update: moment(now.minus(REVOCATIONS_SKEW)),
            next_update: moment(now.plus(REVOCATIONS_LIFE)),
            crl_number: SerialNumber::from(u64::try_from(now.as_micros()).unwrap_or(0)),
            issuing_distribution_point: None,
            revoked_certs: nodes.iter().flat_map(of_node).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.der().to_vec())
    }

    /// A client certificate that names a node: O and CN are the 32 hex digits of its id.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`].
    pub fn issue_node(
        &self,
        ids: &IdSource,
        node: NodeId,
        public_key: &[u8; 32],
        now: Timestamp,
    ) -> Result<NodeCertificate, AuthorityError> {
        let hex = node.as_uuid().as_simple().to_string();
        let not_after = now.plus(NODE_CERTIFICATE_LIFE);
        let mut params = params(ids, named(&hex, &hex), now.minus(CLOCK_SKEW), not_after);
        params.serial_number = Some(node_serial(node, period(now)));
        let uri = format!("spiffe://missioncontrol/mesh/node/{hex}");
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = SubjectPublicKeyInfo::from_der(&[SPKI_PREFIX.as_slice(), public_key].concat())?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(NodeCertificate { der: certificate.der().to_vec(), not_after })
    }
}
