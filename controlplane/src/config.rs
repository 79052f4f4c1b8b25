//! Configuration: options first, then `MC_*` environment, then the configuration file, then defaults. Read once, here.
//!
//! What is wrong is collected ([`Problems`]) and told at once; nothing is started with a part of it. No problem shows the
//! value of a secret.

mod args;
pub mod embeddings;
mod key;
pub mod mqtt_broker;
pub mod object_storage;
mod problem;
mod reader;
mod report;
mod source;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use mc_api::auth::GovernanceProfile;

use crate::db::Limits;

pub use args::{Args, Command, Options, Output};
pub use embeddings::Embeddings;
pub use key::Key;
pub use mqtt_broker::MqttBroker;
pub use object_storage::ObjectStorage;
pub use problem::{Problem, Problems};
pub use reader::{Reader, Secret};
pub use report::{Report, Setting};
pub use source::Sources;

/// Where the HTTP API listens when nothing else is said.
const DEFAULT_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8008);
/// Where gRPC listens beside it.
const DEFAULT_GRPC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8009);
/// Where the MQTT gate listens beside them.
const DEFAULT_MQTT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8883);
/// What is logged when nothing else is said.
const DEFAULT_LOG: &str = "info,sqlx=warn,rumqttd=off";
/// What an address looks like.
const ADDRESS: &str = "an address as IP:PORT, such as 127.0.0.1:8008 or [::]:8008";

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// The settings of `mc-controlplane`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder for everything the installation keeps: database, keys, objects, Git ledger.
    pub data_dir: PathBuf,
    /// Address of the HTTP API.
    pub http: SocketAddr,
    /// Address of gRPC, if one was given.
    pub grpc: Option<SocketAddr>,
    /// Address of MQTT, if one was given.
    pub mqtt: Option<MqttListen>,
    /// The MQTT broker that is used instead of our own, if one was named.
    pub mqtt_broker: Option<MqttBroker>,
    /// Names and addresses under which nodes reach this machine.
    pub advertise: Vec<String>,
    /// URL under which others reach the HTTP API, without a slash at its end.
    pub public_url: Option<String>,
    /// `postgres://…` or `sqlite:PATH`, if one was given.
    pub database: Option<String>,
    /// What is taken of a Postgres server.
    pub database_limits: Limits,
    /// Whether tasks are compared with existing work and indexed.
    pub overlap_detection: Switch,
    /// How strict governance is.
    pub governance: GovernanceProfile,
    /// File with the root key, if one was given.
    pub root_key_file: Option<PathBuf>,
    /// File with the root key before, while it is replaced.
    pub root_key_previous_file: Option<PathBuf>,
    /// Folder of the Git ledger, if one was given.
    pub git_ledger_dir: Option<PathBuf>,
    /// Listen beyond loopback in clear.
    pub behind_proxy: bool,
    /// Names by which agents reach `/mcp` beyond loopback.
    pub allowed_hosts: Vec<String>,
    /// How many agent sessions that have not ended one principal may have created; 0: any number.
    pub sessions_per_principal: u32,
    /// The bootstrap token, if one was given.
    pub bootstrap_token: Option<String>,
    /// The token that reads `/metrics` and nothing else, if one was given.
    pub metrics_token: Option<Secret>,
    /// Filter of the log.
    pub log: String,
    /// How lines of the log look.
    pub log_format: LogFormat,
    /// Where bytes are kept.
    pub object_storage: ObjectStorage,
    /// Where the vectors of texts come from.
    pub embeddings: Embeddings,
    /// Every setting that was given and where; without the values of secret ones.
    pub given: Vec<Setting>,
}

impl Config {
    /// Reads all settings.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(sources: &Sources) -> Result<Self, Problems> {
        let reader = Reader::new(sources);
        let config = Self { given: report::settings(sources), ..Self::of(&reader) };
        config.check(|name, problem, expected| reader.refuse(name, problem, expected));
        reader.finish(config)
    }

    /// Reads the words of a command line alone, for programs that serve in their own process.
    ///
    /// # Errors
    /// Everything that is wrong.
    ///
    /// # Panics
    /// With words that are no options.
    pub fn of_words<W: Into<std::ffi::OsString> + Clone>(
        words: impl IntoIterator<Item = W>,
    ) -> Result<Self, Problems> {
        let args = <Args as clap::Parser>::try_parse_from(words).expect("options of mc-controlplane");
        Self::read(&args.options.into_sources())
    }

    /// Reads a configuration file and nothing else: of another installation than that of this process.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn of_file(path: &std::path::Path) -> Result<Self, Problems> {
        Self::read(&args::Options::default().into_sources().with_file(path))
    }

    fn of(reader: &Reader<'_>) -> Self {
        let address = |name| reader.parsed::<SocketAddr>(name, ADDRESS);
        let data_dir = reader.needed("MC_DATA_DIR", "for everything that is kept", "a folder");
        let words = [
            ("development", GovernanceProfile::Development),
            ("standard", GovernanceProfile::Standard),
            ("production", GovernanceProfile::Production),
        ];
        Self {
            data_dir: data_dir.unwrap_or_default().into(),
            http: address("MC_HTTP").unwrap_or(DEFAULT_HTTP),
            grpc: address("MC_GRPC"),
            mqtt: reader.parsed("MC_MQTT", "an address as IP:PORT, or none"),
            mqtt_broker: MqttBroker::of(reader),
            advertise: reader.list("MC_ADVERTISE"),
            public_url: public_url(reader),
            database: reader.secret("MC_DATABASE_URL").map(|url| url.expose().to_owned()),
            database_limits: database_limits(reader),
            overlap_detection: reader.word(
                "MC_OVERLAP_DETECTION",
                &[("on", Switch::On), ("off", Switch::Off)],
                Switch::On,
            ),
            governance: reader.word("MC_GOV_PROFILE", &words, GovernanceProfile::Development),
            root_key_file: reader.text("MC_ROOT_KEY_FILE").map(Into::into),
            root_key_previous_file: reader.text("MC_ROOT_KEY_PREVIOUS_FILE").map(Into::into),
            git_ledger_dir: reader.text("MC_GIT_LEDGER_DIR").map(Into::into),
            behind_proxy: reader.flag("MC_BEHIND_PROXY").unwrap_or(false),
            allowed_hosts: reader.list("MC_ALLOWED_HOSTS"),
            sessions_per_principal: u32::try_from(reader.number(
                "MC_SESSIONS_PER_PRINCIPAL",
                64,
                0..=u32::MAX.into(),
            ))
            .unwrap_or(u32::MAX),
            bootstrap_token: token(reader),
            metrics_token: metrics_token(reader),
            log: log(reader),
            log_format: reader.word(
                "MC_LOG_FORMAT",
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                LogFormat::Text,
            ),
            object_storage: ObjectStorage::of(reader),
            embeddings: Embeddings::of(reader),
            given: Vec::new(),
        }
    }

    /// Where the database is.
    pub fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join("missioncontrol.db").display()))
    }

    /// Whether the database is Postgres.
    pub fn is_postgres(&self) -> bool {
        !self.database_url().starts_with("sqlite:")
    }

    /// The folder of the Git ledger.
    pub fn git_ledger(&self) -> PathBuf {
        self.git_ledger_dir.clone().unwrap_or_else(|| self.data_dir.join("ledger.git"))
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

    /// Where the MQTT gate listens, chosen as the address of gRPC; `None` when it is switched off, or another broker is
    /// used.
    pub fn mqtt_address(&self) -> Option<SocketAddr> {
        match self.mqtt {
            _ if self.mqtt_broker.is_some() => None,
            Some(MqttListen::Off) => None,
            Some(MqttListen::At(address)) => Some(address),
            None if self.http == DEFAULT_HTTP => Some(DEFAULT_MQTT),
            None => Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)),
        }
    }

    /// What does not go together or cannot be: addresses that would send tokens in clear, names that no certificate can
    /// hold. Gives the setting, what is wrong and what is expected.
    fn check(&self, mut refuse: impl FnMut(&str, String, &str)) {
        if let Some(host) = self.advertise.iter().find(|host| !is_host(host)) {
            let problem = format!("{host:?} is neither a host name nor an address");
            refuse("MC_ADVERTISE", problem, "host names or addresses, without port");
        }
        if !self.http.ip().is_loopback() && !self.behind_proxy {
            let problem = format!("{} is not loopback and HTTP is in clear", self.http);
            refuse("MC_HTTP", problem, "127.0.0.1, or --behind-proxy when TLS ends at a proxy");
        }
        for (name, address) in [("MC_GRPC", Some(self.grpc_address())), ("MC_MQTT", self.mqtt_address())] {
            if address.is_some_and(|address| address.port() != 0 && address == self.http) {
                refuse(name, format!("{} is the address of HTTP", self.http), "an address of its own");
            }
        }
        if let (Some(MqttListen::At(own)), Some(broker)) = (self.mqtt, &self.mqtt_broker) {
            let problem =
                format!("{own} is an address of our own, and MC_MQTT_BROKER_URL names {}", broker.address);
            refuse("MC_MQTT", problem, "none or nothing beside MC_MQTT_BROKER_URL");
        }
        if self.mqtt_address() == Some(self.grpc_address()) && self.grpc_address().port() != 0 {
            refuse(
                "MC_MQTT",
                format!("{} is the address of gRPC", self.grpc_address()),
                "an address of its own",
            );
        }
        if self.data_dir.exists() && !self.data_dir.is_dir() {
            refuse("MC_DATA_DIR", format!("{} is no folder", self.data_dir.display()), "a folder");
        }
        if let Err(why) = crate::db::check_address(&self.database_url()) {
            refuse("MC_DATABASE_URL", why, "postgres://USER:PASSWORD@HOST:5432/DATABASE or sqlite:PATH");
        }
        let root_keys = [
            ("MC_ROOT_KEY_FILE", &self.root_key_file),
            ("MC_ROOT_KEY_PREVIOUS_FILE", &self.root_key_previous_file),
        ];
        for (name, path) in root_keys {
            let Some(path) = path else { continue };
            let problem = match std::fs::metadata(path) {
                Ok(about) if about.len() == 32 => continue,
                Ok(about) => {
                    format!("the root key file {} has {} bytes, expected 32", path.display(), about.len())
                }
                Err(error) => format!("the root key file {} cannot be read: {error}", path.display()),
            };
            refuse(name, problem, "a file of exactly 32 bytes that is never made by the program");
        }
    }

    /// The same, of settings that were made in code.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn checked(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        self.check(|name, problem, expected| problems.push(Problem::of(name, problem, expected)));
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }
}

impl Args {
    /// All sources of settings: these options, the environment, the configuration file.
    pub fn into_sources(self) -> Sources {
        let file = self.options.config.clone();
        let sources = self.options.into_sources().with_environment();
        match file {
            Some(path) => sources.with_file(&path),
            None => sources,
        }
    }
}

/// Whether a certificate can be made for it: a host name or an address, without port.
pub(crate) fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
        || (1..=253).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

fn database_limits(reader: &Reader<'_>) -> Limits {
    // Fewer than four could all wait for each other: the ledger's listener and a backup keep one each.
    let connections = reader.number("MC_DATABASE_CONNECTIONS", 16, 4..=1000);
    Limits {
        connections: u32::try_from(connections).unwrap_or(u32::MAX),
        statement: reader.seconds("MC_STATEMENT_TIMEOUT", 60, 1..=3600),
    }
}

fn public_url(reader: &Reader<'_>) -> Option<String> {
    let given = reader.text("MC_PUBLIC_URL")?;
    let read = object_storage::base_url(&given);
    if let Err(expected) = read {
        let shown = if given.contains('@') { "it".to_owned() } else { format!("{given:?}") };
        reader.refuse("MC_PUBLIC_URL", format!("{shown} cannot be used"), expected);
    }
    read.ok()
}

/// The bootstrap token. A login or an agent's grant in the environment is for clients and means nothing here.
fn token(reader: &Reader<'_>) -> Option<String> {
    const NAME: &str = "MC_TOKEN";
    let is_of_a_client = |text: &str| text.starts_with("mcs_") || text.starts_with("mcg_");
    if reader.text("MC_TOKEN_FILE").is_none() && reader.text(NAME).is_some_and(|text| is_of_a_client(&text)) {
        return None;
    }
    let token = reader.secret(NAME)?.expose().to_owned();
    if is_of_a_client(&token) || token.chars().count() < 8 || token.contains(char::is_whitespace) {
        let problem = "its value is no bootstrap token";
        reader.refuse(NAME, problem, "8 characters or more (24 are better), not beginning with mcs_ or mcg_");
    }
    Some(token)
}

fn metrics_token(reader: &Reader<'_>) -> Option<Secret> {
    let token = reader.secret("MC_METRICS_TOKEN")?;
    let is_another = ["mcs_", "mcg_", "mcb_", "mcj_"].iter().any(|prefix| token.expose().starts_with(prefix));
    if is_another || token.expose().chars().count() < 16 || token.expose().contains(char::is_whitespace) {
        let expected = "16 characters or more without spaces, not beginning with mcs_, mcg_, mcb_ or mcj_";
        reader.refuse("MC_METRICS_TOKEN", "its value is no token for metrics", expected);
    }
    Some(token)
}

fn log(reader: &Reader<'_>) -> String {
    let filter = reader.text("MC_LOG").unwrap_or_else(|| DEFAULT_LOG.to_owned());
    if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
        reader.refuse_value("MC_LOG", "a filter such as info,sqlx=warn");
    }
    filter
}
