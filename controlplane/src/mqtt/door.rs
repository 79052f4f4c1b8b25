//! Joins the bus to this installation: its certificates, its nodes, and the ingest that gRPC uses too.
//!
//! Each node's messages are taken in their order, by one of a few workers. What fails is not answered, and the node
//! sends it by gRPC.

use std::sync::Arc;

use mc_api::ProblemKind;
use mc_proto::mesh_v1::up;
use mc_proto::{from_mqtt, to_mqtt};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Bus, Down, Refusal, Up, Upward};
use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::grpc;
use crate::lifetime::{Lifetime, OnExit};

/// Nodes are spread over so many workers.
const WORKERS: usize = 8;
/// Messages that wait for one worker; when full, all wait, and the router drops what gets too old.
const WAITING: usize = 32;

/// Starts the bus with the certificate that gRPC serves, keeps it in `app.bus`, and takes what nodes publish.
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
    let (bus, mut received) = Bus::start(listener, Arc::new(tls), Arc::new(admit), lifetime)?;
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
                if workers[usize::try_from(worker).unwrap_or(0)].send(upward).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = spreading => {}
        }
    });
    Ok(())
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
        && let Some(bus) = app.bus.get()
        && let Err(error) = bus.publish_down(node, Down::Acked, to_mqtt(&cursor).into())
    {
        tracing::debug!(node.id = %node, "no acknowledgement to {node} by MQTT: {error}");
    }
    Ok(())
}
