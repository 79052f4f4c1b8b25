//! Grammar of an installation on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::age::parse_duration;

/// `mc up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Return when everything is ready, and leave it running
    #[arg(short, long)]
    pub detach: bool,
    /// Folder that holds everything; default: ~/.local/share/missioncontrol
    #[arg(long, env = "MC_DATA_DIR", value_name = "DIR", hide_env = true)]
    pub data_dir: Option<PathBuf>,
    /// Address of the HTTP API; default: 127.0.0.1:8008
    #[arg(long, env = "MC_HTTP", value_name = "ADDR", hide_env = true)]
    pub http: Option<SocketAddr>,
    /// Address for nodes; default: 127.0.0.1:8009, with --http a free port
    #[arg(long, env = "MC_GRPC", value_name = "ADDR", hide_env = true)]
    pub grpc: Option<SocketAddr>,
    /// Address of the MQTT broker, for nodes; default: 127.0.0.1:8883, with --http a free port
    #[arg(long, env = "MC_MQTT", value_name = "ADDR", hide_env = true)]
    pub mqtt: Option<SocketAddr>,
    /// How long it may take until everything is ready
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// `mc down`.
#[derive(Debug, Args)]
pub struct Down {
    /// Folder that holds everything; default: ~/.local/share/missioncontrol
    #[arg(long, env = "MC_DATA_DIR", value_name = "DIR", hide_env = true)]
    pub data_dir: Option<PathBuf>,
}
