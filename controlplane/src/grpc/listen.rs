//! The TLS listener. Each handshake is a task of its own with a limit, so that silent connections delay nobody.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::app::SharedApp;
use crate::error::Error;

/// How long a TLS handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// Handshakes at once; connections beyond it are closed at once.
const MAX_HANDSHAKES: usize = 1024;
/// Connections that wait to be served; when full, handshakes wait.
const READY: usize = 64;
/// How long a call may take until its answer begins.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// How often a silent connection is asked whether it lives, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Calls at once on one connection.
const MAX_STREAMS: u32 = 256;
/// What may be on its way in one call, and in all calls of one connection, in bytes: on a narrow line a small message
/// waits behind it.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 512 << 10;
/// How long calls may go on after the stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Certificates are checked by our clock, which no jump of the wall clock moves.
struct OurTime(SharedApp);

impl fmt::Debug for OurTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OurTime")
    }
}

impl TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        let micros = u64::try_from(self.0.clock.now().as_micros()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_micros(micros)))
    }
}

/// TLS with a certificate of our authority, issued now. A client may come without a certificate; one that it shows must
/// be of our authority and good at this moment.
///
/// # Errors
/// A name in `--advertise` that no certificate can hold.
pub fn tls(app: &SharedApp) -> Result<ServerConfig, Error> {
    let authority = app.keyring.authority();
    let hosts = app.endpoints.certificate_hosts();
    let (chain, key) = authority.issue_server(&app.ids, &hosts, app.clock.now()).map_err(Error::internal)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).map_err(Error::internal)?;
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(Error::internal)?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(OurTime(app.clone())))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(Error::internal)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Serves until `stop`, then lets open calls end, at most [`DRAIN_LIMIT`].
pub async fn serve(app: SharedApp, listener: TcpListener, tls: ServerConfig, stop: CancellationToken) {
    let (ready, incoming) = mpsc::channel::<io::Result<TlsStream<TcpStream>>>(READY);
    let accepting = accept(listener, TlsAcceptor::from(Arc::new(tls)), ready, stop.clone());
    let graceful = stop.clone();
    let serving = async {
        let served = Server::builder()
            .timeout(CALL_LIMIT)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE))
            .add_routes(super::routes(&app))
            .serve_with_incoming_shutdown(ReceiverStream::new(incoming), async move {
                graceful.cancelled().await;
            })
            .await;
        if let Err(error) = served {
            tracing::error!(error = ?error, "the gRPC server failed");
        }
    };
    let limit = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_LIMIT).await;
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(accepting, serving) } => {}
        () = limit => {}
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<io::Result<TlsStream<TcpStream>>>,
    stop: CancellationToken,
) {
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            // Handshakes that are open end with the set.
            () = stop.cancelled() => return,
            Some(_) = handshakes.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(_) if handshakes.len() >= MAX_HANDSHAKES => {
                    metrics::counter!("mc_grpc_connections_refused_total").increment(1);
                }
                Ok((stream, _)) => {
                    handshakes.spawn(handshake(acceptor.clone(), stream, ready.clone()));
                }
                Err(error) => {
                    // Such as too many open files: it passes.
                    tracing::warn!(error = %error, "a gRPC connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    ready: mpsc::Sender<io::Result<TlsStream<TcpStream>>>,
) {
    let shaken = async {
        stream.set_nodelay(true)?;
        acceptor.accept(stream).await
    };
    match tokio::time::timeout(HANDSHAKE_LIMIT, shaken).await {
        // The receiver is gone only when we stop.
        Ok(Ok(stream)) => drop(ready.send(Ok(stream)).await),
        Ok(Err(error)) => tracing::debug!(error = %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took longer than {HANDSHAKE_LIMIT:?}"),
    }
}
