//! Starting and stopping: open, listen, serve, drain.

use std::net::SocketAddr;

use axum::Router;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::SharedApp;
use crate::background;
use crate::config::{Config, Problems};
use crate::endpoints::{Broker, Endpoints};
use crate::grpc;
use crate::http::router;
use crate::http::starting::{Waiting, door};
use crate::lifetime::{CLOSE_LIMIT, DRAIN_LIMIT, Lifetime, OnExit};
use crate::mqtt;
use crate::opening;

/// Buckets of every duration histogram, in seconds.
const BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Why the server did not start or did not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made or locked.
    #[error("the data folder {0} cannot be used")]
    DataDir(String, #[source] std::io::Error),
    /// Another control plane uses the same folder.
    #[error("another control plane uses the data folder {0}; stop it first, or give another --data-dir")]
    InUse(String),
    /// A restore into the folder has not ended, or what was in it has moved.
    #[error("{0}")]
    Unfinished(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {0}; another program may hold the port, choose another with {1}")]
    Listen(SocketAddr, &'static str, #[source] std::io::Error),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] Problems),
    /// Database, keys or folders cannot be used.
    #[error("the installation cannot be opened")]
    Open(#[source] crate::error::Error),
    /// Metrics cannot be installed.
    #[error("metrics cannot be installed")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

/// A server that listens.
pub struct Server {
    /// Where HTTP listens.
    pub address: SocketAddr,
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// What it serves.
    pub app: SharedApp,
    /// Its work.
    pub lifetime: Lifetime,
    _lock: std::fs::File,
}

/// The recorder of this process; installed once.
///
/// # Errors
/// [`StartError::Metrics`] when another recorder is installed.
pub fn install_metrics() -> Result<PrometheusHandle, StartError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .map_err(StartError::Metrics)?
        .install_recorder()
        .map_err(StartError::Metrics)?;
    crate::counters::show();
    Ok(handle)
}

/// Holds the data folder for this process.
pub(crate) fn lock(config: &Config) -> Result<std::fs::File, StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let shown = config.data_dir.display().to_string();
    let failed = |error| StartError::DataDir(shown.clone(), error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data_dir).map_err(failed)?;
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(config.data_dir.join("controlplane.lock"))
        .map_err(failed)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| StartError::InUse(shown.clone()))?;
    Ok(file)
}

/// Refuses the folder of a restore that has not ended, and the database of an installation that has moved.
pub(crate) fn may_start(config: &Config) -> Result<(), StartError> {
    crate::backup::refuse_start(config).map_err(StartError::Unfinished)
}

async fn listen(address: SocketAddr, flag: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(address, flag, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Serves HTTP until it is asked to stop.
async fn serve(listener: TcpListener, door: Router, stop: CancellationToken) {
    let service = door.into_make_service_with_connect_info::<SocketAddr>();
    let serve = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let served = async {
        if let Err(error) = serve.await {
            tracing::error!(error = %error, "the HTTP server failed");
        }
    };
    // A connection on which nothing comes must not hold the process.
    let limit = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_LIMIT).await;
    };
    tokio::select! {
        () = served => {}
        () = limit => {}
    }
}

impl Server {
    /// Listens, opens the installation, and starts all work. Requests are served when this returns; while it waits for
    /// a database or a bucket, `/healthz` and `/readyz` answer.
    ///
    /// # Errors
    /// [`StartError`], each with what to do.
    pub async fn start(config: &Config, metrics: PrometheusHandle) -> Result<Self, StartError> {
        config.checked()?;
        let lock = lock(config)?;
        may_start(config)?;
        let lifetime = Lifetime::default();
        let unfinished = lifetime.stop().drop_guard();
        let (listener, address) = listen(config.http, "--http").await?;
        let (grpc_listener, grpc) = listen(config.grpc_address(), "--grpc").await?;
        let (mqtt_listener, mqtt) = match config.mqtt_address() {
            Some(address) => {
                let (listener, bound) = listen(address, "--mqtt").await?;
                (Some(listener), Some(bound))
            }
            None => (None, None),
        };
        let endpoints = Endpoints {
            http: address,
            grpc,
            mqtt,
            broker: config.mqtt_broker.as_ref().map(|broker| Broker {
                address: broker.public.to_string(),
                authorities: broker.authorities.clone(),
            }),
            advertised: config.advertise.clone(),
            public_url: config.public_url.clone(),
        };
        let (waiting, (opened, routes)) = (Waiting::default(), watch::channel(None));
        lifetime.spawn(
            "http",
            OnExit::Shutdown,
            serve(listener, door(waiting.clone(), routes), lifetime.stop()),
        );
        let stop = lifetime.stop();
        let open = Box::pin(opening::open(config, endpoints, &metrics, &stop, &waiting));
        let app = match open.await {
            Ok(app) => app,
            Err(error) => {
                drop(opened);
                lifetime.drain().await;
                return Err(StartError::Open(error));
            }
        };
        let tls = grpc::tls(&app).map_err(StartError::Open)?;
        background::start(&app, &lifetime);
        if let Some(listener) = mqtt_listener {
            mqtt::start(&app, listener, &tls, &lifetime)
                .map_err(|error| StartError::Open(crate::error::Error::internal(error)))?;
        }
        if let Some(broker) = &config.mqtt_broker {
            mqtt::connect(&app, broker, &lifetime);
        }
        let serve = grpc::serve(app.clone(), grpc_listener, tls, lifetime.stop());
        lifetime.spawn("grpc", OnExit::Shutdown, serve);
        opened.send_replace(Some(router::router(app.clone())));
        app.endpoints
            .write(&config.data_dir)
            .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?;
        unfinished.disarm();
        Ok(Self { address, grpc, app, lifetime, _lock: lock })
    }

    /// Drains and closes. `false` when something was left or had failed.
    pub async fn stop(self) -> bool {
        let drained = self.lifetime.drain().await;
        let close = async {
            self.app.objects.close().await;
            self.app.db.close().await;
        };
        // A request that was given up may still hold a connection to a database that does not answer.
        if tokio::time::timeout(CLOSE_LIMIT, close).await.is_err() {
            tracing::warn!("connections were left open after {CLOSE_LIMIT:?}");
        }
        drained
    }
}
