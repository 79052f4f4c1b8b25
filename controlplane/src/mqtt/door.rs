//! Joins the bus to this installation: its certificates, its nodes, and the ingest that gRPC uses too.
//!
//! Each node's messages are taken in their order, by one of a few workers. What fails is not answered, and the node
//! sends it by gRPC.

use std::sync::Arc;
use std::time::Duration;

use mc_api::id::NodeId;
use mc_api::system::Check;
use mc_api::{ProblemKind, Timestamp};
use mc_proto::mesh_v1::{Signed, up};
use mc_proto::{from_mqtt, mqtt_message, to_mqtt, to_signed_mqtt};
use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Attached, Bus, Down, Embedded, External, Refusal, Up, Upward, down_topic, user};
use crate::app::{App, SharedApp};
use crate::config::MqttBroker;
use crate::error::Error;
use crate::lifetime::{Lifetime, OnExit};
use crate::{grpc, nodes};

/// Nodes are spread over so many workers.
const WORKERS: usize = 8;
/// Messages that wait for one worker. When full, all wait for our own router, which drops what gets too old; what comes from
/// a broker of others is dropped, so that no node holds up another.
const WAITING: usize = 32;
/// How often the control plane looks whose messages it must not take any more.
const RECHECK_EVERY: Duration = Duration::from_secs(10);
/// A revocation whose time is that much before it was looked for is seen all the same: replicas have clocks of their own.
const RECHECK_MARGIN: Duration = Duration::from_mins(10);

/// Starts our own broker with the certificate that gRPC serves, keeps it in `app.bus`, and takes what nodes publish.
///
/// # Errors
/// When the listener has no address.
pub fn start(
    app: &SharedApp,
    listener: TcpListener,
    tls: &ServerConfig,
    lifetime: &Lifetime,
) -> std::io::Result<()> {
    let mut tls = tls.clone();
    // MQTT has no protocol name here; a client that asks for HTTP/2 is in the wrong place.
    tls.alpn_protocols.clear();
    let known = app.clone();
    let admit = move |certificate: rustls::pki_types::CertificateDer<'static>| {
        let app = known.clone();
        Box::pin(async move {
            grpc::admit(&app, &certificate).await.map_err(|error| match error.kind {
                ProblemKind::Unauthenticated | ProblemKind::Forbidden => Refusal::Refused,
                _ => {
                    tracing::warn!(error = ?error, "it cannot be told whether a node may use MQTT");
                    Refusal::Unavailable
                }
            })
        }) as _
    };
    let (bus, received) = Embedded::start(listener, Arc::new(tls), Arc::new(admit), lifetime)?;
    take_all(app, Bus::Embedded(bus), received, lifetime);
    Ok(())
}

/// Becomes a client of a broker that runs elsewhere, keeps that in `app.bus`, and takes what nodes publish. Does not wait
/// for it: it may come and go.
pub fn connect(app: &SharedApp, broker: &MqttBroker, lifetime: &Lifetime) {
    let (known, settings) = (app.clone(), broker.clone());
    let dial = Box::new(move || options(&known, &settings));
    let (bus, received) = External::start(broker.address.to_string(), dial, app.ids.clone(), lifetime);
    lifetime.spawn("mqtt-recheck", OnExit::Shutdown, recheck(app.clone(), bus.clone(), lifetime.stop()));
    take_all(app, Bus::External(bus), received, lifetime);
}

/// Takes no more messages of nodes that were revoked, by whichever replica. A node's stream looks by itself, but only as
/// long as the node reads it.
async fn recheck(app: SharedApp, bus: External, stop: CancellationToken) {
    let mut looked = app.clock.now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RECHECK_EVERY) => {}
        }
        let now = app.clock.now();
        let look = async {
            let mut tx = app.db.begin_read().await?;
            nodes::service::revoked_in(&mut tx, looked.minus(RECHECK_MARGIN)).await
        };
        match look.await {
            Ok(revoked) => {
                looked = now;
                for (node, _) in revoked {
                    bus.kick(node);
                }
            }
            Err(error) => tracing::warn!(error = ?error, "it cannot be told which nodes were revoked"),
        }
    }
}

/// How the next connection is made.
fn options(app: &App, broker: &MqttBroker) -> Result<MqttOptions, Error> {
    // No two connections have the same, of whatever replica.
    let client_id = format!("controlplane-{}", app.ids.uuid(app.clock.now()).as_simple());
    let mut options = MqttOptions::new(client_id, broker.address.host.clone(), broker.address.port);
    if let Some((name, password)) = &broker.login {
        options.set_credentials(name.clone(), password.expose());
    }
    if broker.is_tls {
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(tls(app, broker)?))));
    }
    Ok(options)
}

fn tls(app: &App, broker: &MqttBroker) -> Result<ClientConfig, Error> {
    let authority = app.keyring.authority();
    let mut roots = RootCertStore::empty();
    if broker.authorities.is_empty() {
        roots.add(authority.certificate().clone()).map_err(Error::internal)?;
    }
    for certificate in &broker.authorities {
        roots.add(certificate.clone()).map_err(Error::internal)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots);
    let (chain, key) = match (&broker.certificate, &broker.login) {
        (Some(shown), _) => (shown.chain.clone(), shown.key.clone_key()),
        (None, Some(_)) => return Ok(config.with_no_client_auth()),
        (None, None) => {
            // Replicas share the authority and agree on nothing else. Two that take the same name displace each other
            // once, and then take others.
            let name = user(app.ids.bytes::<1>()[0]);
            authority.issue_client(&app.ids, &name, app.clock.now()).map_err(Error::internal)?
        }
    };
    config.with_client_auth_cert(chain, key).map_err(Error::internal)
}

/// Takes the messages of a node here as long as what is given back lives and until its certificate ends. `None`: the broker
/// is our own, whose connections say where a node is.
///
/// # Errors
/// Database failures.
pub async fn attach(app: &App, node: NodeId, not_after: Timestamp) -> Result<Option<Attached>, Error> {
    let Some(external) = app.bus.get().and_then(Bus::external) else { return Ok(None) };
    let key = nodes::service::public_key(app, node).await?;
    let left = not_after.as_micros().saturating_sub(app.clock.now().as_micros());
    let until = Instant::now() + Duration::from_micros(u64::try_from(left).unwrap_or(0));
    Ok(Some(external.attach(node, key, until)))
}

/// Sends a message to a node, signed when the broker is not our own. Whether it arrives does not matter.
///
/// # Errors
/// [`super::Error`], when it certainly goes nowhere.
pub fn send(app: &App, node: NodeId, topic: Down, message: &impl prost::Message) -> Result<(), super::Error> {
    let bus = app.bus.get().ok_or(super::Error::NotReady)?;
    let mut payload = to_mqtt(message);
    if bus.external().is_some() {
        let (key_id, signature) = app.keyring.sign_command(&mqtt_message(&down_topic(node, topic), &payload));
        payload = to_signed_mqtt(&Signed { payload, key_id: key_id.to_owned(), signature });
    }
    bus.publish_down(node, topic, payload.into())
}

/// Whether a broker that runs elsewhere is there; `None`: there is none.
pub fn check(app: &App) -> Option<Check> {
    let external = app.bus.get().and_then(Bus::external)?;
    let (address, standing) = (external.address(), external.standing());
    let seconds = standing.since.elapsed().as_secs();
    let detail = match &standing.broken {
        None => format!("connected to {address} for {seconds} s"),
        Some(why) => {
            format!("warning: waiting for {address} since {seconds} s, nodes report by gRPC meanwhile: {why}")
        }
    };
    // Everything is served without it: whoever asks for readiness or health must not be told to send nobody here.
    Some(Check { name: "broker".into(), ok: true, detail })
}

/// Keeps the bus in `app.bus` and starts who takes what nodes publish.
fn take_all(app: &SharedApp, bus: Bus, mut received: mpsc::Receiver<Upward>, lifetime: &Lifetime) {
    let is_own = bus.external().is_none();
    // Started once.
    let _ = app.bus.set(bus);
    let mut workers = Vec::with_capacity(WORKERS);
    for _ in 0..WORKERS {
        let (sender, receiver) = mpsc::channel(WAITING);
        lifetime.spawn("mqtt-ingest", OnExit::Shutdown, work(app.clone(), receiver, lifetime.stop()));
        workers.push(sender);
    }
    let stop = lifetime.stop();
    lifetime.spawn("mqtt-received", OnExit::Shutdown, async move {
        // A message lost at the stop was not acknowledged.
        let spreading = async {
            while let Some(upward) = received.recv().await {
                metrics::counter!("mc_mqtt_received_total", "topic" => upward.topic.name()).increment(1);
                let worker = upward.node.as_uuid().as_u128() % WORKERS as u128;
                let worker = &workers[usize::try_from(worker).unwrap_or(0)];
                if is_own {
                    if worker.send(upward).await.is_err() {
                        return;
                    }
                } else if worker.try_send(upward).is_err() {
                    metrics::counter!("mc_mqtt_dropped_total").increment(1);
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = spreading => {}
        }
    });
}

async fn work(app: SharedApp, mut received: mpsc::Receiver<Upward>, stop: CancellationToken) {
    loop {
        let upward = tokio::select! {
            () = stop.cancelled() => return,
            upward = received.recv() => upward,
        };
        let Some(upward) = upward else { return };
        let node = upward.node;
        if let Err(error) = take(&app, upward).await {
            tracing::warn!(node.id = %node, error = ?error, "a message of {node} by MQTT cannot be taken now");
        }
    }
}

async fn take(app: &App, upward: Upward) -> Result<(), Error> {
    let node = upward.node;
    let what = match upward.topic {
        Up::Events => from_mqtt(&upward.payload).map(up::What::Events),
        Up::Results => from_mqtt(&upward.payload).map(up::What::Result),
        // A hint only: whether a node is there is told by its lease.
        Up::Status => return Ok(()),
    };
    let Some(what) = what else {
        tracing::warn!(node.id = %node, "{node} publishes what this version does not read");
        return Ok(());
    };
    // After the commit.
    if let Some(cursor) = grpc::take(app, node, what, "mqtt").await?
        && let Err(error) = send(app, node, Down::Acked, &cursor)
    {
        tracing::debug!(node.id = %node, "no acknowledgement to {node} by MQTT: {error}");
    }
    Ok(())
}
