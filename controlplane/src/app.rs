//! What every operation reaches: database, clock, keys, objects. Assembled once at start.

use std::path::PathBuf;
use std::sync::Arc;

use mc_api::auth::GovernanceProfile;
use mc_api::id::{OrganizationId, PrincipalId};

use crate::authn;
use crate::clock::{Clock, IdSource};
use crate::config::Config;
use crate::db::Db;
use crate::endpoints::Endpoints;
use crate::error::Error;
use crate::keyring::Keyring;
use crate::ledger::Sequencer;
use crate::mqtt;
use crate::objects::Objects;
use crate::tasks::Numbers;

/// The assembled control plane; shared by all doors and workers.
pub struct App {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Ids and secrets.
    pub ids: Arc<IdSource>,
    /// Seals the ledger.
    pub sequencer: Sequencer,
    /// Where it serves.
    pub endpoints: Endpoints,
    /// The way to nodes beside gRPC; set once at start, never when MQTT is switched off.
    pub bus: std::sync::OnceLock<mqtt::Bus>,
    /// Keys of the installation.
    pub keyring: Keyring,
    /// Bytes of artifacts.
    pub objects: Objects,
    /// The longest life of a download URL.
    pub presign_max: std::time::Duration,
    /// Task numbers reserved by this process.
    pub numbers: Numbers,
    /// Nudges the publication executor.
    pub publisher: Arc<tokio::sync::Notify>,
    /// Followers of agent sessions, and nudges for their reconciler.
    pub sessions: crate::sessions::Hub,
    /// Names this process in leases.
    pub instance: uuid::Uuid,
    /// Held while publications are executed.
    pub publishing: tokio::sync::Mutex<()>,
    /// The bare repository of the Git ledger.
    pub git_ledger: PathBuf,
    /// The folder of everything else that is kept in files.
    pub data_dir: PathBuf,
    /// Names that `/mcp` is reached by, beside loopback.
    pub allowed_hosts: Vec<String>,
    /// How many agent sessions that have not ended one principal may have created; 0: any number.
    pub sessions_per_principal: u32,
    /// How strict governance is.
    pub governance: GovernanceProfile,
    /// The organization `default`.
    pub organization: OrganizationId,
    /// Whether tasks are compared with existing work and indexed.
    pub detects_overlap: bool,
    /// Vectors of texts.
    pub embeddings: Arc<crate::embeddings::Embeddings>,
    /// Whether the bootstrap token could be guessed.
    pub has_weak_token: bool,
    /// Digest of the token that reads metrics and nothing else.
    pub metrics_token: Option<mc_ledger::Digest>,
    /// Acts for the system itself.
    pub system_principal: PrincipalId,
    /// Cancelled when the process stops; streams end then.
    pub stop: tokio_util::sync::CancellationToken,
    /// How many changes callers asked for, since the start.
    pub(crate) asked: std::sync::atomic::AtomicU64,
    /// Settings and secrets of this process, for a support report.
    pub(crate) known: crate::support::Known,
    /// Renders `/metrics`.
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
}

/// A shared [`App`].
pub type SharedApp = Arc<App>;

/// Machines may differ by so much before it is said, in microseconds.
const DIFFERENCE: u64 = 2_000_000;

/// The clock of the database, where there is a server that has one.
async fn clock(db: &Db) -> Result<Clock, Error> {
    let own = Clock::anchored();
    let Some(now) = db.now().await? else { return Ok(own) };
    let difference = now.as_micros().abs_diff(own.now().as_micros());
    if difference > DIFFERENCE {
        let seconds = difference / 1_000_000;
        tracing::warn!(
            seconds,
            "the clock of this machine and that of the database differ by {seconds} s; that of the database counts"
        );
    }
    Ok(Clock::anchored_at(now))
}

impl App {
    /// Opens the database, migrates it, and makes what a new installation needs. Running it twice changes nothing.
    ///
    /// # Errors
    /// Whatever keeps the installation from starting: database, folders, keys.
    pub async fn open(
        config: &Config,
        endpoints: Endpoints,
        metrics: metrics_exporter_prometheus::PrometheusHandle,
        stop: tokio_util::sync::CancellationToken,
    ) -> Result<SharedApp, Error> {
        let db = Db::open_within(&config.database_url(), config.database_limits).await?;
        let clock = clock(&db).await?;
        let ids = Arc::new(IdSource::default());
        crate::keyring::fits(&db, config).await?;
        let root = crate::keyring::root_key(config, &ids).map_err(Error::internal)?;
        let before = crate::keyring::previous_root_key(config).map_err(Error::internal)?;
        let installed = authn::bootstrap::install(&db, config, &ids, clock.now()).await?;
        if let Some(before) = before {
            let at = (installed.organization, installed.system, &*ids, clock.now());
            let keys = crate::keyring::rotate(&db, &root, &before, at).await?;
            tracing::info!(keys, "{keys} keys were sealed anew; the root key before is not needed any more");
        }
        let keyring = Keyring::open(&db, &root, &ids, clock.now()).await?;
        let objects = Objects::open(&config.object_storage, &config.data_dir.join("objects")).await.map_err(
            |error| {
                let refused = if error.may_heal() {
                    Error::unavailable("the object store is not there")
                } else {
                    Error::new(mc_api::ProblemKind::Internal, "the object store cannot be used")
                };
                Error { source: Some(Box::new(error)), ..refused }
            },
        )?;
        let embeddings =
            Box::pin(crate::embeddings::Embeddings::open(&config.embeddings, &db, &ids, clock.now())).await?;
        Ok(Arc::new(Self {
            instance: ids.uuid(clock.now()),
            db,
            clock,
            ids,
            sequencer: Sequencer::default(),
            bus: std::sync::OnceLock::new(),
            keyring,
            objects,
            presign_max: config.object_storage.presign_max,
            numbers: Numbers::default(),
            publisher: Arc::new(tokio::sync::Notify::new()),
            sessions: crate::sessions::Hub::default(),
            publishing: tokio::sync::Mutex::new(()),
            git_ledger: config.git_ledger(),
            data_dir: config.data_dir.clone(),
            allowed_hosts: config.allowed_hosts.iter().cloned().chain(endpoints.public_host()).collect(),
            endpoints,
            sessions_per_principal: config.sessions_per_principal,
            governance: config.governance,
            organization: installed.organization,
            detects_overlap: config.overlap_detection == crate::config::Switch::On,
            embeddings: Arc::new(embeddings),
            has_weak_token: installed.has_weak_token,
            metrics_token: config
                .metrics_token
                .as_ref()
                .map(|token| mc_ledger::sha256(token.expose().as_bytes())),
            system_principal: installed.system,
            stop,
            asked: std::sync::atomic::AtomicU64::new(0),
            known: crate::support::Known::of(config),
            metrics,
        }))
    }

    /// How many changes callers asked for, since the start.
    pub(crate) fn changes(&self) -> u64 {
        self.asked.load(std::sync::atomic::Ordering::Relaxed)
    }
}
