//! Grammar of looking after nodes.

use std::time::Duration;

use clap::Subcommand;
use mc_api::Name;

use crate::age::parse_duration;
use crate::complete;
use crate::kind::Kind;

/// `mc node`.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Tokens that machines join with
    #[command(subcommand)]
    Token(TokenCommand),
    /// Give a node no new agent sessions
    Cordon {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Node))]
        reference: String,
    },
    /// Give a node nothing new and let it end what it has begun
    Drain {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Node))]
        reference: String,
        /// Wait until no agent session is left on it
        #[arg(long)]
        wait: bool,
        /// How long at most
        #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
        timeout: Duration,
    },
    /// Let a cordoned or drained node take agent sessions again
    Uncordon {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Node))]
        reference: String,
    },
    /// Refuse a node's certificate and key from now on, for ever
    Revoke {
        /// Id or name
        #[arg(value_name = "REF", add = complete::of(Kind::Node))]
        reference: String,
    },
}

/// `mc node token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a join token and print the command to run on the node
    Create {
        /// Name of the node that joins with it; default: what the node wishes for
        #[arg(long)]
        name: Option<Name>,
        /// How long it is good: 1m to 24h, default 15m
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        ttl: Option<Duration>,
        /// How many nodes may join with it: 1 to 100
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
    },
    /// Refuse a join token from now on; nodes that have joined stay
    Revoke {
        /// Its id
        #[arg(value_name = "ID")]
        reference: String,
    },
}
