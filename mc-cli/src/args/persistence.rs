//! Grammar of where missions publish to.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mc_api::Name;
use mc_api::persistence::ConnectionKind;

use super::{Selector, parse_selector};

/// A credential. It comes from a file, never from the command line.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct CredentialFile {
    /// File with an access token; `-`: standard input
    #[arg(id = "credential_token_file", long = "access-token-file", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// File with the user's password; `-`: standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// File with a private SSH key without passphrase; `-`: standard input
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// `mc create connection`.
#[derive(Debug, Args)]
pub struct CreateConnection {
    /// Unique
    pub name: Name,
    /// local, https or ssh
    #[arg(long = "kind", value_name = "KIND")]
    pub connection_kind: ConnectionKind,
    /// What stands before repositories: /srv/git, https://host/path, ssh://host:port/path
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// User
    #[arg(long, value_name = "USER")]
    pub username: Option<String>,
    /// What it proves itself with
    #[command(flatten)]
    pub credential: CredentialFile,
    /// File with certificates in PEM, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The SSH host key, as `type base64`; or accept a fingerprint with `mc persistence test`
    #[arg(long, value_name = "KEY")]
    pub host_key: Option<String>,
    /// Labels: key=value,…
    #[arg(long, value_parser = parse_selector)]
    pub labels: Option<Selector>,
}

/// `mc create binding`.
#[derive(Debug, Args)]
pub struct CreateBinding {
    /// Unique in the mission
    pub name: Name,
    /// Connection, by name or id
    #[arg(long, value_name = "REF")]
    pub connection: String,
    /// The repository below the connection's URL
    #[arg(long, value_name = "PATH")]
    pub repo: String,
    /// Default: main
    #[arg(long)]
    pub branch: Option<String>,
    /// The folder that everything is below; default: missions/MISSION
    #[arg(long, value_name = "PATH")]
    pub base_path: Option<String>,
}

/// `mc persistence`.
#[derive(Debug, Subcommand)]
pub enum PersistenceCommand {
    /// Read a repository through a connection and ask whether a push would be taken; writes nothing there
    Test {
        /// Connection, by name or id
        connection: String,
        /// The repository below the connection's URL
        #[arg(long, value_name = "PATH")]
        repo: String,
        /// Default: main
        #[arg(long)]
        branch: Option<String>,
        /// Trust the SSH host key with this fingerprint (SHA256:…), if the host presents it now
        #[arg(long, value_name = "FINGERPRINT")]
        accept_host_key: Option<String>,
    },
    /// Replace the credential of a connection
    Rotate {
        /// Connection, by name or id
        connection: String,
        /// User
        #[arg(long, value_name = "USER")]
        username: Option<String>,
        /// The new one
        #[command(flatten)]
        credential: CredentialFile,
    },
    /// Bind the mission of -m to a repository, and publish everything there
    Provision {
        /// Connection, by name or id
        #[arg(long, value_name = "REF")]
        connection: String,
        /// The repository below the connection's URL
        #[arg(long, value_name = "PATH")]
        repo: String,
        /// Default: main
        #[arg(long)]
        branch: Option<String>,
        /// Default: missions/MISSION
        #[arg(long, value_name = "PATH")]
        base_path: Option<String>,
        /// Name of the binding; default: ledger
        #[arg(long)]
        binding: Option<Name>,
        /// Refuse what has no route
        #[arg(long)]
        fail_closed: bool,
    },
    /// Show what the mission of -m publishes where, or replace it from a file
    Policy {
        /// YAML or JSON with default_binding, fail_closed and routes; `-`: standard input
        #[arg(short, long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show what waits in the mission of -m, and for which target
    Pending {
        /// Only what goes to this binding, by name or id; `-`: to the Git ledger of the installation
        #[arg(long, value_name = "BINDING", allow_hyphen_values = true)]
        to: Option<String>,
    },
    /// Show how far the mission of -m is published
    Status,
}
