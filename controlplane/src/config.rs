//! Configuration: flags first, then `MC_*` environment, then defaults. Read once, here.

pub mod embeddings;
pub mod object_storage;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use mc_api::auth::GovernanceProfile;

pub use embeddings::Embeddings;
pub use object_storage::ObjectStorage;

/// Where the HTTP API listens when nothing else is said.
const DEFAULT_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8008);
/// Where gRPC listens beside it.
const DEFAULT_GRPC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8009);

/// Where the MQTT gate listens beside them.
const DEFAULT_MQTT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8883);

/// Where the MQTT gate listens, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttListen {
    /// No gate and no broker: nodes use gRPC only.
    Off,
    /// On this address.
    At(SocketAddr),
}

impl std::str::FromStr for MqttListen {
    type Err = std::net::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Options of `mc-controlplane`.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "mc-controlplane", version = mc_api::BUILD_ID, about = "The API server of MissionControl",
    after_help = "Object storage on S3 is set by MC_OBJECT_STORAGE_*: see docs/guides/object-storage.md.\n\
        The vectors of texts are set by MC_EMBEDDINGS_*: see docs/guides/embeddings.md.")]
pub struct Config {
    /// Folder for everything the installation keeps: database, keys, objects, Git ledger.
    #[arg(long, env = "MC_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Address of the HTTP API; loopback unless --behind-proxy is given.
    #[arg(long, env = "MC_HTTP", value_name = "ADDR", default_value_t = DEFAULT_HTTP)]
    pub http: SocketAddr,
    /// Address of gRPC, where nodes join; always TLS. Default: 127.0.0.1:8009, or a free port when --http is another one.
    #[arg(long, env = "MC_GRPC", value_name = "ADDR")]
    pub grpc: Option<SocketAddr>,
    /// Address of MQTT for nodes, always TLS; `none`: gRPC only. Default: 127.0.0.1:8883, or a free port when --http is another one.
    #[arg(long, env = "MC_MQTT", value_name = "ADDR")]
    pub mqtt: Option<MqttListen>,
    /// Name or address under which nodes reach this machine; several: joined by commas. The first goes into join commands.
    #[arg(long, env = "MC_ADVERTISE", value_name = "HOST", value_delimiter = ',')]
    pub advertise: Vec<String>,
    /// `postgres://…` or `sqlite:PATH`; default: `DIR/missioncontrol.db`.
    #[arg(long, env = "MC_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// `off`: tasks are neither compared with existing work nor indexed; what is missing is indexed after the next start
    /// with `on`.
    #[arg(long, env = "MC_OVERLAP_DETECTION", value_name = "ON|OFF", default_value = "on")]
    pub overlap_detection: Switch,
    /// How strict governance is.
    #[arg(long, env = "MC_GOV_PROFILE", value_name = "PROFILE", default_value = "development")]
    pub governance: GovernanceProfile,
    /// File with the root key (32 bytes); default: `DIR/secrets/root.key`, made when absent.
    #[arg(long, env = "MC_ROOT_KEY_FILE", value_name = "FILE")]
    pub root_key_file: Option<PathBuf>,
    /// Listen beyond loopback in clear: TLS ends at a proxy in front.
    #[arg(long, env = "MC_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Names by which agents reach `/mcp` beyond loopback, such as mc.example.org; others are refused there.
    #[arg(long = "allowed-host", env = "MC_ALLOWED_HOSTS", value_name = "HOST", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// How many agent sessions that have not ended one principal may have created; 0: any number.
    #[arg(long, env = "MC_SESSIONS_PER_PRINCIPAL", value_name = "COUNT", default_value_t = 64)]
    pub sessions_per_principal: u32,
    /// The bootstrap token; default: read from `DIR/token`, made when absent.
    #[arg(skip)]
    pub bootstrap_token: Option<String>,
    /// Where bytes are kept; from `MC_OBJECT_STORAGE_*`.
    #[arg(skip)]
    pub object_storage: ObjectStorage,
    /// Where the vectors of texts come from; from `MC_EMBEDDINGS_*`.
    #[arg(skip)]
    pub embeddings: Embeddings,
}

impl Config {
    /// Where the database is.
    pub fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join("missioncontrol.db").display()))
    }

    /// Where gRPC listens: as told, else beside the default HTTP address, else on a free port of loopback.
    pub fn grpc_address(&self) -> SocketAddr {
        let beside = if self.http == DEFAULT_HTTP {
            DEFAULT_GRPC
        } else {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
        };
        self.grpc.unwrap_or(beside)
    }

    /// Where the MQTT gate listens, chosen as the address of gRPC; `None` when it is switched off.
    pub fn mqtt_address(&self) -> Option<SocketAddr> {
        match self.mqtt {
            Some(MqttListen::Off) => None,
            Some(MqttListen::At(address)) => Some(address),
            None if self.http == DEFAULT_HTTP => Some(DEFAULT_MQTT),
            None => Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)),
        }
    }

    /// Takes `MC_TOKEN` as the bootstrap token, unless it is a login or join token.
    #[must_use]
    pub fn with_environment_token(mut self) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the home of environment reading")]
        let token = std::env::var("MC_TOKEN").ok();
        self.bootstrap_token = token
            .filter(|token| !token.is_empty() && !token.starts_with("mcs_") && !token.starts_with("mcg_"));
        self
    }

    /// Takes `MC_OBJECT_STORAGE_*`.
    ///
    /// # Errors
    /// What is wrong, naming the variable.
    pub fn with_object_storage(mut self) -> Result<Self, String> {
        #[expect(clippy::disallowed_methods, reason = "this is the home of environment reading")]
        let read = ObjectStorage::read(|name| std::env::var(name).ok());
        self.object_storage = read?;
        Ok(self)
    }

    /// Takes `MC_EMBEDDINGS_*`.
    ///
    /// # Errors
    /// What is wrong, naming the variable.
    pub fn with_embeddings(mut self) -> Result<Self, String> {
        #[expect(clippy::disallowed_methods, reason = "this is the home of environment reading")]
        let read = Embeddings::read(|name| std::env::var(name).ok());
        self.embeddings = read?;
        Ok(self)
    }

    /// Refuses addresses that would send tokens in clear, and names that no certificate can hold.
    pub fn check(&self) -> Result<(), String> {
        let is_host = |host: &&String| {
            host.parse::<IpAddr>().is_ok()
                || (1..=253).contains(&host.len())
                    && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        };
        if let Some(host) = self.advertise.iter().find(|host| !is_host(host)) {
            return Err(format!("--advertise {host:?} is neither a host name nor an address; give no port"));
        }
        if self.http.ip().is_loopback() || self.behind_proxy {
            return Ok(());
        }
        Err(format!(
            "--http {} is not loopback and HTTP is in clear: listen on 127.0.0.1, or give --behind-proxy when TLS ends at a proxy",
            self.http
        ))
    }
}
