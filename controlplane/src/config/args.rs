//! The command line of `mc-controlplane`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::source::Sources;
use crate::backup::{BackupArgs, CopyArgs, RestoreArgs};

/// The command line. Options may stand before and after the command.
#[derive(Debug, clap::Parser)]
#[command(name = "mc-controlplane", version = mc_api::BUILD_ID, about = "The API server of MissionControl",
    after_help = "Every setting has a variable MC_… and a name in the configuration file; an option wins over the variable,\n\
        the variable over the file. docs/guides/configuration.md lists them all.")]
pub struct Args {
    /// What to do; nothing given: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings.
    #[command(flatten)]
    pub options: Options,
}

/// What `mc-controlplane` does.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Command {
    /// Serve until SIGTERM; migrates the database first.
    Serve,
    /// Migrate the database and end. Refused when the database is newer than this program.
    Migrate,
    /// Tell everything that is wrong with the configuration, or what counts and where it comes from; starts nothing.
    CheckConfig {
        /// How it is told.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Tell version, build and migrations of this program; reads no configuration.
    About {
        /// How it is told.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Write the whole installation to one file, while it runs: database, contents, Git ledger, on request its keys.
    Backup {
        /// What is written where.
        #[command(flatten)]
        args: BackupArgs,
        /// How it is told.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Make this installation, which must be empty, of a backup. Interrupted, it is run again.
    Restore {
        /// What is read.
        #[command(flatten)]
        args: RestoreArgs,
        /// How it is told.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Copy this installation, which must not run, from SQLite to another database, which must be empty.
    Copy {
        /// Where to.
        #[command(flatten)]
        args: CopyArgs,
        /// How it is told.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
}

/// How a report is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Settings that have an option. They are read as text: what is wrong with them is told with everything else.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Configuration file: TOML, or YAML when its name ends in .yaml or .yml.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Folder for everything the installation keeps: database, keys, objects, Git ledger [MC_DATA_DIR].
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<String>,
    /// Address of the HTTP API; loopback unless --behind-proxy is given [MC_HTTP, default: 127.0.0.1:8008].
    #[arg(long, value_name = "ADDR", global = true)]
    http: Option<String>,
    /// Address of gRPC, where nodes join; always TLS. Default: 127.0.0.1:8009, or a free port when --http is another one
    /// [MC_GRPC].
    #[arg(long, value_name = "ADDR", global = true)]
    grpc: Option<String>,
    /// Address of MQTT for nodes, always TLS; `none`: gRPC only. Default: 127.0.0.1:8883, or a free port when --http is
    /// another one; not beside MC_MQTT_BROKER_URL [MC_MQTT].
    #[arg(long, value_name = "ADDR", global = true)]
    mqtt: Option<String>,
    /// Name or address under which nodes reach this machine; several: joined by commas. The first goes into join commands
    /// [MC_ADVERTISE].
    #[arg(long, value_name = "HOST", global = true)]
    advertise: Vec<String>,
    /// URL under which others reach the HTTP API, such as https://mc.example.org: for downloads and agents' grants
    /// [MC_PUBLIC_URL].
    #[arg(long, value_name = "URL", global = true)]
    public_url: Option<String>,
    /// `postgres://…` or `sqlite:PATH`; default: `DIR/missioncontrol.db` [MC_DATABASE_URL, MC_DATABASE_URL_FILE].
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// `off`: tasks are neither compared with existing work nor indexed; what is missing is indexed after the next start
    /// with `on` [MC_OVERLAP_DETECTION, default: on].
    #[arg(long, value_name = "ON|OFF", global = true)]
    overlap_detection: Option<String>,
    /// How strict governance is: development, standard or production [MC_GOV_PROFILE, default: development].
    #[arg(long, value_name = "PROFILE", global = true)]
    governance: Option<String>,
    /// File with the root key (32 bytes); default: `DIR/secrets/root.key`, made when absent [MC_ROOT_KEY_FILE].
    #[arg(long, value_name = "FILE", global = true)]
    root_key_file: Option<String>,
    /// Folder of the bare repository of the Git ledger; default: `DIR/ledger.git` [MC_GIT_LEDGER_DIR].
    #[arg(long, value_name = "DIR", global = true)]
    git_ledger_dir: Option<String>,
    /// Listen beyond loopback in clear: TLS ends at a proxy in front [MC_BEHIND_PROXY].
    #[arg(long, global = true)]
    behind_proxy: bool,
    /// Names by which agents reach `/mcp` beyond loopback, such as mc.example.org; others are refused there
    /// [MC_ALLOWED_HOSTS].
    #[arg(long = "allowed-host", value_name = "HOST", global = true)]
    allowed_hosts: Vec<String>,
    /// How many agent sessions that have not ended one principal may have created; 0: any number
    /// [MC_SESSIONS_PER_PRINCIPAL, default: 64].
    #[arg(long, value_name = "COUNT", global = true)]
    sessions_per_principal: Option<String>,
}

impl Options {
    /// The options as a source of settings.
    pub(super) fn into_sources(self) -> Sources {
        let joined = |values: Vec<String>| (!values.is_empty()).then(|| values.join(","));
        let given = [
            ("MC_DATA_DIR", self.data_dir),
            ("MC_HTTP", self.http),
            ("MC_GRPC", self.grpc),
            ("MC_MQTT", self.mqtt),
            ("MC_ADVERTISE", joined(self.advertise)),
            ("MC_PUBLIC_URL", self.public_url),
            ("MC_DATABASE_URL", self.database),
            ("MC_OVERLAP_DETECTION", self.overlap_detection),
            ("MC_GOV_PROFILE", self.governance),
            ("MC_ROOT_KEY_FILE", self.root_key_file),
            ("MC_GIT_LEDGER_DIR", self.git_ledger_dir),
            ("MC_BEHIND_PROXY", self.behind_proxy.then(|| "true".to_owned())),
            ("MC_ALLOWED_HOSTS", joined(self.allowed_hosts)),
            ("MC_SESSIONS_PER_PRINCIPAL", self.sessions_per_principal),
        ];
        let options: BTreeMap<_, _> =
            given.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect();
        Sources::of_options(options)
    }
}
