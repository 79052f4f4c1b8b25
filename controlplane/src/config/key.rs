//! The table of settings: what each is called, what it is for, and how it looks.

use super::{embeddings, mqtt_broker, object_storage};

/// A setting. Its name is that of its environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `MC_…`.
    pub name: &'static str,
    /// What it is for, and its default.
    pub about: &'static str,
    /// A value that is right.
    pub example: &'static str,
    /// The option of the command line that wins over it.
    pub option: Option<&'static str>,
    /// Whether its value is shown to nobody.
    pub is_secret: bool,
}

impl Key {
    /// A setting without an option, which may be shown.
    pub const fn new(name: &'static str, about: &'static str, example: &'static str) -> Self {
        Self { name, about, example, option: None, is_secret: false }
    }

    /// With an option of the command line.
    #[must_use]
    pub const fn option(self, option: &'static str) -> Self {
        Self { option: Some(option), ..self }
    }

    /// One whose value is shown to nobody.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// Its name in a configuration file: `MC_GIT_LEDGER_DIR` is `git_ledger_dir`.
    pub fn file_name(&self) -> String {
        self.name.trim_start_matches("MC_").to_ascii_lowercase()
    }
}

/// Settings that belong to no part of their own.
const GENERAL: &[Key] = &[
    Key::new("MC_DATA_DIR", "folder for everything the installation keeps", "/var/lib/missioncontrol")
        .option("--data-dir"),
    Key::new("MC_HTTP", "address of the HTTP API; default 127.0.0.1:8008", "127.0.0.1:8008").option("--http"),
    Key::new("MC_GRPC", "address of gRPC, where nodes join; default 127.0.0.1:8009", "0.0.0.0:8009")
        .option("--grpc"),
    Key::new("MC_MQTT", "address of MQTT for nodes, or none; default 127.0.0.1:8883", "0.0.0.0:8883")
        .option("--mqtt"),
    Key::new("MC_ADVERTISE", "names under which nodes reach this machine", "mc.example.org")
        .option("--advertise"),
    Key::new(
        "MC_PUBLIC_URL",
        "URL under which others reach the HTTP API; default: made of the address",
        "https://mc.example.org",
    )
    .option("--public-url"),
    Key::new(
        "MC_DATABASE_URL",
        "postgres://… or sqlite:PATH; default: a SQLite file in the data folder",
        "postgres://mc:PASSWORD@db.example.org:5432/mc?sslmode=require",
    )
    .option("--database")
    .secret(),
    Key::new("MC_DATABASE_URL_FILE", "file with the URL of the database", "/run/secrets/database-url"),
    Key::new("MC_DATABASE_CONNECTIONS", "most connections to PostgreSQL; default 16", "16"),
    Key::new(
        "MC_STATEMENT_TIMEOUT",
        "seconds that a statement of PostgreSQL may take; default 60. Copies, migrations and indexes take as long as they take",
        "60",
    ),
    Key::new("MC_TOKEN", "the bootstrap token; default: made at the first start", "mcb_…").secret(),
    Key::new("MC_TOKEN_FILE", "file with the bootstrap token", "/run/secrets/token"),
    Key::new("MC_ROOT_KEY_FILE", "file with the root key; default: in the data folder", "/etc/mc/root.key")
        .option("--root-key-file"),
    Key::new(
        "MC_ROOT_KEY_PREVIOUS_FILE",
        "file with the root key before: a start seals anew what it sealed",
        "/etc/mc/root.key.before",
    ),
    Key::new(
        "MC_GIT_LEDGER_DIR",
        "folder of the bare repository of the Git ledger; default: ledger.git in the data folder",
        "/var/lib/missioncontrol/ledger.git",
    )
    .option("--git-ledger-dir"),
    Key::new("MC_OVERLAP_DETECTION", "whether work is compared with existing work; default on", "on")
        .option("--overlap-detection"),
    Key::new("MC_GOV_PROFILE", "how strict governance is; default development", "standard")
        .option("--governance"),
    Key::new("MC_BEHIND_PROXY", "listen beyond loopback in clear; default false", "true")
        .option("--behind-proxy"),
    Key::new("MC_ALLOWED_HOSTS", "names by which agents reach /mcp beyond loopback", "mc.example.org")
        .option("--allowed-host"),
    Key::new("MC_SESSIONS_PER_PRINCIPAL", "most open agent sessions of one principal; default 64", "64")
        .option("--sessions-per-principal"),
    Key::new(
        "MC_METRICS_TOKEN",
        "token that reads /metrics and nothing else; default: a login reads them",
        "…",
    )
    .secret(),
    Key::new("MC_METRICS_TOKEN_FILE", "file with the token for metrics", "/run/secrets/metrics-token"),
    Key::new("MC_LOG", "filter of the log; default info,sqlx=warn,rumqttd=off", "info,sqlx=warn"),
    Key::new("MC_LOG_FORMAT", "how lines of the log look: text or json; default text", "json"),
];

/// Every setting.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    GENERAL.iter().chain(object_storage::KEYS).chain(embeddings::KEYS).chain(mqtt_broker::KEYS)
}

/// The setting of a name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}
