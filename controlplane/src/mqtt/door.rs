//! Joins the bus to this installation: its certificates and its nodes.

use std::sync::Arc;

use mc_api::ProblemKind;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Bus, Refusal, Upward};
use crate::app::SharedApp;
use crate::grpc;
use crate::lifetime::Lifetime;

/// Starts the bus with the certificate that gRPC serves, and keeps it in `app.bus`. Gives what nodes publish; it is
/// to be drained.
///
/// # Errors
/// When the listener has no address.
pub fn start(
    app: &SharedApp,
    listener: TcpListener,
    tls: &ServerConfig,
    lifetime: &Lifetime,
) -> std::io::Result<mpsc::Receiver<Upward>> {
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
    let (bus, received) = Bus::start(listener, Arc::new(tls), Arc::new(admit), lifetime)?;
    // Started once.
    let _ = app.bus.set(bus);
    Ok(received)
}
