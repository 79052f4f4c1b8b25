//! The one MQTT listener: accepts, shakes hands, admits, and hands over to [`connection`].
//!
//! Every step before the node is known has a deadline and a task of its own, so that silent connections delay
//! nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mc_api::id::NodeId;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::bus::locked;
use super::connection::{self, Connection, End};
use super::embedded::{Seat, Shared};
use super::{Admit, Refusal};

/// For the TLS handshake, for the admission, and for the CONNECT, each.
pub(super) const STEP_LIMIT: Duration = Duration::from_secs(5);
/// Connections that are not admitted yet; more are closed at once.
const STRANGERS_LIMIT: usize = 2048;

/// Accepts connections of nodes.
pub(super) struct Gate {
    pub shared: Arc<Shared>,
    pub tls: Arc<ServerConfig>,
    pub admit: Admit,
}

impl Gate {
    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let gate = Arc::new(self);
        let strangers = Arc::new(Semaphore::new(STRANGERS_LIMIT));
        let serial = AtomicU64::new(0);
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
                accepted = listener.accept() => accepted,
            };
            let Ok((socket, _)) = accepted else {
                // No descriptors left, or a connection that was gone before it was taken.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let Ok(stranger) = Arc::clone(&strangers).try_acquire_owned() else {
                refused("too_many");
                continue;
            };
            let (gate, stop) = (Arc::clone(&gate), stop.child_token());
            let serial = serial.fetch_add(1, Ordering::Relaxed);
            tasks.spawn(async move {
                let met = timeout(STEP_LIMIT, gate.meet(socket)).await;
                let (stream, certificate, node) = match met {
                    Ok(Ok(met)) => met,
                    Ok(Err(reason)) => return refused(reason),
                    Err(_) => return refused("silent"),
                };
                let connected = timeout(STEP_LIMIT, connection::read_connect(node, stream)).await;
                drop(stranger);
                match connected {
                    Ok(Ok(connection)) => gate.seat(connection, certificate, serial, stop).await,
                    Ok(Err(end)) => refused(end.name()),
                    Err(_) => refused("silent"),
                }
            });
        }
        // Every connection sees `stop` and says goodbye to the router.
        while tasks.join_next().await.is_some() {}
    }

    /// TLS handshake and admission.
    async fn meet(
        &self,
        socket: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, CertificateDer<'static>, NodeId), &'static str> {
        socket.set_nodelay(true).map_err(|_| "handshake")?;
        let accepted = TlsAcceptor::from(Arc::clone(&self.tls)).accept(socket).await;
        let stream = accepted.map_err(|_| "handshake")?;
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(<[_]>::first).ok_or("no_certificate")?.clone().into_owned();
        let node = (self.admit)(certificate.clone()).await.map_err(|refusal| match refusal {
            Refusal::Refused => "refused",
            Refusal::Unavailable => "unavailable",
        })?;
        Ok((stream, certificate, node))
    }

    /// Takes the node's seat from an older connection, and serves.
    async fn seat(
        &self,
        connection: Connection,
        certificate: CertificateDer<'static>,
        serial: u64,
        stop: CancellationToken,
    ) {
        let node = connection.node;
        let link = {
            let mut nodes = locked(&self.shared.nodes);
            let older = nodes.remove(&node);
            if let Some(older) = &older {
                older.end.cancel();
            }
            let link = older.map_or_else(Arc::default, |older| older.link);
            nodes.insert(node, Seat { serial, end: stop.clone(), link: Arc::clone(&link) });
            metrics::gauge!("mc_mqtt_connections").set(count(nodes.len()));
            link
        };
        let _seated = Seated { shared: &self.shared, node, serial };
        let end = tokio::select! {
            () = stop.cancelled() => End::Ended,
            _alone = link.lock() => {
                let admit = || (self.admit)(certificate.clone());
                let router = self.shared.router.borrow().clone();
                let is_displaced = || {
                    locked(&self.shared.nodes).get(&node).is_some_and(|seat| seat.serial != serial)
                };
                match router {
                    Some(router) => connection.serve(&router, admit, is_displaced, &stop).await,
                    None => End::Router,
                }
            }
        };
        metrics::counter!("mc_mqtt_connections_ended_total", "reason" => end.name()).increment(1);
        if let End::Denied(denied) = end {
            tracing::warn!(node.id = %node, "MQTT connection of {node} ended: {denied}");
        } else {
            tracing::debug!(node.id = %node, reason = end.name(), "MQTT connection of {node} ended");
        }
    }
}

/// Leaves the seat when the connection ends, also by a panic; not when a newer one sits there.
struct Seated<'a> {
    shared: &'a Shared,
    node: NodeId,
    serial: u64,
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        let mut nodes = locked(&self.shared.nodes);
        if nodes.get(&self.node).is_some_and(|seat| seat.serial == self.serial) {
            nodes.remove(&self.node);
        }
        metrics::gauge!("mc_mqtt_connections").set(count(nodes.len()));
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Strangers are counted, not logged: whoever reaches the port could fill the log.
fn refused(reason: &'static str) {
    metrics::counter!("mc_mqtt_refused_total", "reason" => reason).increment(1);
}
