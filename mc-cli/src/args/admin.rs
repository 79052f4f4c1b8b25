//! Grammar of looking after the system: ledger, identity, configuration, health.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use mc_api::broker::BrokerFormat;
use mc_api::persistence::EntityKind;
use mc_api::{Name, Role, Timestamp};

use crate::age::{now, parse_duration};
use crate::complete;
use crate::kind::Kind;

/// `mc ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Recompute the hash chain on this side
    Verify {
        /// An export instead of the server, `-` for standard input
        #[arg(long, value_name = "FILE", conflicts_with = "git")]
        file: Option<PathBuf>,
        /// The Git ledger instead of the server: a local repository
        #[arg(long, value_name = "DIR")]
        git: Option<PathBuf>,
        /// With --git: the branch
        #[arg(long, default_value = "main", requires = "git")]
        branch: String,
    },
    /// Show what happened to an entity
    History {
        /// mission, kluster, task, doc, keystone or artifact
        kind: EntityKind,
        /// Id, key or name
        reference: String,
    },
    /// Rebuild what was published, in an installation without missions: everything or nothing
    Restore {
        /// A local repository of the Git ledger, or a clone of a binding's repository
        #[arg(long, value_name = "DIR")]
        git: PathBuf,
        /// Its branch
        #[arg(long, default_value = "main")]
        branch: String,
        /// Whose state, when several installations went on side by side: an id of `mc ledger verify --git`, or a folder
        #[arg(long, value_name = "ID")]
        installation: Option<String>,
    },
    /// Show events
    Log {
        /// Go on with new ones as they happen
        #[arg(short, long)]
        follow: bool,
        /// Only about this: KIND/REF or an id
        #[arg(long, value_name = "REF")]
        subject: Option<String>,
        /// What else they are narrowed to.
        #[command(flatten)]
        narrow: Box<LogFilter>,
        /// Only the last so many
        #[arg(long, value_name = "N")]
        tail: Option<usize>,
        /// Newest first
        #[arg(long, conflicts_with = "follow")]
        newest_first: bool,
    },
    /// Write the whole chain, one event in each line
    Export {
        /// Write here; default: standard output
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// What `mc ledger log` is narrowed to.
#[derive(Clone, Debug, Default, Args)]
pub struct LogFilter {
    /// Only these actions, such as task.create,task.claim
    #[arg(long, value_name = "ACTIONS", value_delimiter = ',')]
    pub action: Vec<String>,
    /// Only what happened to this kind of object, such as task
    #[arg(long = "kind", value_name = "KIND")]
    pub subject_kind: Option<String>,
    /// Only by this principal, by name or id
    #[arg(long = "by", value_name = "REF")]
    pub actor: Option<String>,
    /// Only since this time, or since so long ago: 2026-01-31T12:00:00Z, 90m
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub since: Option<Timestamp>,
    /// Only before this time, or until so long ago
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub until: Option<Timestamp>,
    /// Only after this position
    #[arg(long, value_name = "SEQ")]
    pub after: Option<i64>,
    /// Only before this position
    #[arg(long, value_name = "SEQ")]
    pub before: Option<i64>,
}

/// Reads a time, or a duration before now.
fn parse_moment(text: &str) -> Result<Timestamp, String> {
    match parse_duration(text) {
        Ok(ago) => Ok(now().minus(ago)),
        Err(_) => text.parse().map_err(|_| "expected a time such as 2026-01-31T12:00:00Z, or 90m".to_owned()),
    }
}

/// `mc auth`.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Make a login session and keep it in the configuration
    Login {
        /// As this user, made when absent (needs Admin)
        #[arg(long = "as", value_name = "NAME")]
        principal: Option<Name>,
        /// Role of a user made here: viewer, contributor or admin
        #[arg(long)]
        role: Option<Role>,
        /// How long it lasts
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        ttl: Option<Duration>,
    },
    /// Make a grant for an agent, in the mission of -m or everywhere
    Grant {
        /// The agent, made when absent; default NAME-agent
        #[arg(long = "as", value_name = "NAME")]
        principal: Option<Name>,
        /// Task that the agent has claimed: its reports then need no attempt
        #[arg(long, value_name = "REF")]
        task: Option<String>,
        /// How long it lasts, up to 12h; default 15m
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        ttl: Option<Duration>,
        /// Write it for `mc mcp serve --grant-file` (0600) instead of printing the token
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Who you are
    Whoami,
    /// List your login sessions, or as Admin those of others
    Logins {
        /// Of this principal
        #[arg(long = "of", value_name = "NAME", conflicts_with = "all", add = complete::of(Kind::Principal))]
        principal: Option<String>,
        /// Of everybody
        #[arg(long)]
        all: bool,
    },
    /// List the grants of agents that have not ended
    Grants {
        /// Of this agent
        #[arg(long = "of", value_name = "NAME", add = complete::of(Kind::Principal))]
        principal: Option<String>,
    },
    /// End a login session or a grant, by its id
    Revoke {
        /// Id, as `mc auth logins` and `mc auth grants` show it
        #[arg(value_name = "ID")]
        id: String,
    },
    /// End every login session and every grant of somebody (needs Admin)
    Expel {
        /// Name or id
        #[arg(value_name = "NAME", add = complete::of(Kind::Principal))]
        principal: String,
    },
    /// Say who is behind ids of principals
    Who {
        /// Ids
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// End the login session in use
    Logout {
        /// End all of your login sessions, also those of browsers
        #[arg(long)]
        everywhere: bool,
    },
}

/// `mc config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the configuration, without secrets
    View {
        /// With secrets
        #[arg(long)]
        raw: bool,
    },
    /// List the contexts
    GetContexts,
    /// Make a context the current one
    UseContext {
        /// Its name
        name: String,
    },
    /// Add or change a context: --server, --token-file and -m are kept in it
    SetContext {
        /// Its name
        name: String,
    },
    /// Remove a context
    DeleteContext {
        /// Its name
        name: String,
    },
    /// Where the configuration is
    Path,
}

/// `mc system`.
#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    /// Every check the server makes of itself; as Admin also whether stored contents and the database agree
    Doctor(SystemDoctor),
    /// Where vectors of texts come from, and how many texts wait for theirs
    Embeddings,
    /// Version of client and server
    Version,
    /// Put together what somebody else needs to look into a problem, without secrets (needs Admin)
    SupportBundle(SystemSupport),
    /// Tell whether the server, its database and its nodes can go to another version; changes nothing
    Upgrade(SystemUpgrade),
    /// Write a whole installation of this machine to one file, while it runs
    Backup(SystemBackup),
    /// Make an empty installation of this machine of a backup
    Restore(SystemRestore),
    /// Copy an installation of this machine, which is stopped, from SQLite to PostgreSQL
    Migrate(SystemMigrate),
    /// Write the configuration of an MQTT broker of your own, with a certificate for it; again to renew it (needs Admin)
    BrokerConfig(SystemBrokerConfig),
}

/// `mc system broker-config`.
#[derive(Clone, Debug, Args)]
pub struct SystemBrokerConfig {
    /// Of which broker: mosquitto
    #[arg(long, default_value_t = BrokerFormat::Mosquitto)]
    pub format: BrokerFormat,
    /// Folder to write to; the private key of the broker is made there and goes nowhere else
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where the broker finds these files, when its machine has another folder for them than DIR
    #[arg(long, value_name = "PATH")]
    pub installed_in: Option<String>,
    /// Where the broker listens
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8883")]
    pub listen: SocketAddr,
    /// Name or address by which control plane and nodes reach it, for its certificate; several: given again. Default:
    /// localhost, 127.0.0.1 and ::1
    #[arg(long = "name", value_name = "DNS")]
    pub names: Vec<String>,
    /// Write over files that this command has not made
    #[arg(long)]
    pub force: bool,
}

/// `mc system doctor`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct SystemDoctor {
    /// Mend what can be mended: nothing is lost by it (needs Admin)
    #[arg(long)]
    pub fix: bool,
    /// Read all stored contents and compare their digests (needs Admin; takes as long as reading everything)
    #[arg(long)]
    pub deep: bool,
    /// Leave the stored contents out
    #[arg(long, conflicts_with_all = ["fix", "deep"])]
    pub no_objects: bool,
}

/// `mc system support-bundle`.
#[derive(Clone, Debug, Default, Args)]
pub struct SystemSupport {
    /// File to write, which must not exist; default: mc-support-TIME.tar.gz in this folder
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Do not compare stored contents with the database
    #[arg(long)]
    pub no_objects: bool,
    /// Where logs are when the server does not answer; default: ~/.local/share/missioncontrol
    #[arg(long, env = "MC_DATA_DIR", value_name = "DIR", hide_env = true)]
    pub data_dir: Option<PathBuf>,
}

/// `mc system upgrade`.
#[derive(Clone, Debug, Default, Args)]
pub struct SystemUpgrade {
    /// Only tell: programs are put in place by the way they were installed
    #[arg(long, required = true)]
    pub check: bool,
    /// The mc-controlplane to go to; default: the one beside this mc
    #[arg(long, value_name = "PROGRAM")]
    pub program: Option<PathBuf>,
    /// The backup to go back to: it is read and checked
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    /// File with the passphrase of the backup
    #[arg(long, value_name = "FILE", requires = "backup")]
    pub passphrase_file: Option<PathBuf>,
}

/// Which installation of this machine.
#[derive(Clone, Debug, Args)]
pub struct Installation {
    /// Its folder; default: ~/.local/share/missioncontrol
    #[arg(long, env = "MC_DATA_DIR", value_name = "DIR", hide_env = true)]
    pub data_dir: Option<PathBuf>,
    /// Its configuration file; settings of the environment count too, as they do for mc-controlplane
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `mc system backup`.
#[derive(Clone, Debug, Args)]
pub struct SystemBackup {
    /// File to write, which must not exist; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Encrypt it with the passphrase on the first line of this file; the keys come with it
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Put root key and bootstrap token into it although it is not encrypted
    #[arg(long, conflicts_with = "without_keys")]
    pub with_keys: bool,
    /// Leave root key and bootstrap token out although it is encrypted
    #[arg(long)]
    pub without_keys: bool,
    /// Go on when content that rows name is not stored
    #[arg(long)]
    pub allow_missing: bool,
    /// Which one
    #[command(flatten)]
    pub installation: Installation,
}

/// `mc system restore`.
#[derive(Clone, Debug, Args)]
pub struct SystemRestore {
    /// The archive
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// File with the passphrase of the archive
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Check all of the archive, and change nothing
    #[arg(long)]
    pub check: bool,
    /// Which one
    #[command(flatten)]
    pub installation: Installation,
}

/// `mc system migrate`.
#[derive(Clone, Debug, Args)]
pub struct SystemMigrate {
    /// The database: postgres://USER:PASSWORD@HOST:5432/DATABASE [MC_COPY_TO, which other users of the machine cannot read]
    #[arg(
        long,
        env = "MC_COPY_TO",
        value_name = "URL",
        hide_env = true,
        hide_env_values = true,
        required_unless_present = "to_config"
    )]
    pub to: Option<String>,
    /// Configuration file of the installation to copy to; contents, Git ledger and keys go where it says
    #[arg(long, value_name = "FILE")]
    pub to_config: Option<PathBuf>,
    /// Which one
    #[command(flatten)]
    pub installation: Installation,
}
