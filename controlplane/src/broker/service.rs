//! Making a configuration.

use std::net::SocketAddr;
use std::path::Path;

use mc_api::broker::{BROKER_FILE_MARK, BrokerConfig, BrokerFile, BrokerFormat, CreateBrokerConfig};
use mc_api::id::NodeId;
use mc_api::{Action, Timestamp};
use serde::Serialize;

use super::mosquitto;
use crate::app::App;
use crate::config::is_host;
use crate::error::Error;
use crate::keyring::{BROKER_CERTIFICATE_LIFE, CLOCK_SKEW, NODE_CERTIFICATE_LIFE, REVOCATIONS_LIFE};
use crate::ledger::{self, Event};
use crate::nodes;
use crate::op::OpCtx;
use crate::write_tx;

/// Most names of a broker.
const MAX_NAMES: usize = 32;
/// Longest path of its folder, in bytes.
const MAX_DIR: usize = 1024;

/// What was asked for, checked.
struct Wanted {
    dir: String,
    listen: SocketAddr,
    names: Vec<String>,
    public_key: [u8; 32],
}

impl Wanted {
    fn read(request: &CreateBrokerConfig) -> Result<Self, Error> {
        let CreateBrokerConfig { format: BrokerFormat::Mosquitto, dir, listen, names, public_key } = request;
        let is_plain = dir.len() <= MAX_DIR && !dir.contains(char::is_control);
        if !is_plain || !Path::new(&dir).is_absolute() {
            return Err(Error::invalid("/dir", "an absolute path without control characters"));
        }
        let address = listen.parse().ok().filter(|address: &SocketAddr| address.port() != 0);
        let listen = address.ok_or_else(|| Error::invalid("/listen", "an address as IP:PORT"))?;
        if names.is_empty() || names.len() > MAX_NAMES {
            return Err(Error::invalid("/names", format!("1 to {MAX_NAMES} names or addresses")));
        }
        if let Some(at) = names.iter().position(|name| !is_host(name)) {
            return Err(Error::invalid(format!("/names/{at}"), "a host name or an address, without port"));
        }
        let is_hex = public_key.bytes().all(|byte| byte.is_ascii_hexdigit());
        let public_key = nodes::join::unhex(public_key)
            .filter(|_| is_hex)
            .ok_or_else(|| Error::invalid("/public_key", "64 hexadecimal digits"))?;
        Ok(Self { dir: dir.clone(), listen, names: names.clone(), public_key })
    }
}

/// What the event of a configuration says: for whom the authority signed.
#[derive(Serialize)]
struct Configured<'a> {
    names: &'a [String],
    listen: SocketAddr,
    public_key: &'a str,
    revoked_nodes: u32,
}

/// The configuration of a broker, with a certificate for its key and the list of the revoked ones. Making it again renews
/// both, and harms nothing.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`], [`mc_api::ProblemKind::Forbidden`].
pub async fn configure(app: &App, cx: &OpCtx, request: CreateBrokerConfig) -> Result<BrokerConfig, Error> {
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ConfigureBroker)?;
        let wanted = Wanted::read(&request)?;
        let now = cx.now();
        let revoked = nodes::service::revoked_in(tx, now.minus(NODE_CERTIFICATE_LIFE + CLOCK_SKEW)).await?;
        let config = make(app, &wanted, &revoked, now)?;
        let body = Configured {
            names: &wanted.names,
            listen: wanted.listen,
            public_key: &request.public_key,
            revoked_nodes: config.revoked_nodes,
        };
        let event =
            Event { subject_kind: "system", subject_id: "broker".into(), body: &body, before_sha256: None };
        ledger::record(tx, cx, proof, event).await?;
        Ok(config)
    })
}

fn make(
    app: &App,
    wanted: &Wanted,
    revoked: &[(NodeId, Timestamp)],
    now: Timestamp,
) -> Result<BrokerConfig, Error> {
    let authority = app.keyring.authority();
    let certificate =
        authority.issue_broker(&app.ids, &wanted.names, &wanted.public_key, now).map_err(Error::internal)?;
    let list = authority.revocations(revoked, now).map_err(Error::internal)?;
    let file = |name: &str, text: String| BrokerFile { name: name.to_owned(), text };
    Ok(BrokerConfig {
        kind: "broker_config".into(),
        files: vec![
            file(mosquitto::ACL, mosquitto::acl()),
            file(mosquitto::CA, pem("CERTIFICATE", authority.certificate())),
            file(mosquitto::CERTIFICATE, pem("CERTIFICATE", &certificate)),
            file(mosquitto::REVOKED, pem("X509 CRL", &list)),
            file(mosquitto::CONF, mosquitto::conf(&wanted.dir, wanted.listen)),
        ],
        revoked_nodes: u32::try_from(revoked.len()).unwrap_or(u32::MAX),
        certificate_until: now.plus(BROKER_CERTIFICATE_LIFE),
        revocations_until: now.plus(REVOCATIONS_LIFE),
    })
}

/// Textual encoding of DER (RFC 7468) after the line that says who made it, which readers pass over.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut lines = format!("{BROKER_FILE_MARK}\n-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        lines.extend(line.iter().map(|byte| char::from(*byte)));
        lines.push('\n');
    }
    lines + "-----END " + label + "-----\n"
}
