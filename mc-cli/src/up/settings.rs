//! Where the control plane listens: chosen by `mc up`, kept for whoever supervises next.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::folder::{self, Folder};
use super::ports;
use crate::args::Up;

/// Addresses of this start of the installation (`run/up.json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// HTTP API.
    pub(super) http: SocketAddr,
    /// gRPC, for nodes.
    pub(super) grpc: SocketAddr,
    /// MQTT, for nodes.
    pub(super) mqtt: SocketAddr,
}

impl Settings {
    /// The addresses asked for. With an HTTP address given, gRPC and MQTT take free ports unless they are given too:
    /// those of the last start, which nodes know, when they are free.
    pub(super) fn choose(up: &Up, last: Option<Self>) -> anyhow::Result<Self> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let free = |usual: u16, of_last: fn(Self) -> SocketAddr| {
            if up.http.is_none() {
                return local(usual);
            }
            last.map(of_last).filter(|address| ports::is_free(*address)).unwrap_or(local(0))
        };
        Ok(Self {
            http: ports::fixed(up.http.unwrap_or(local(8008)))?,
            grpc: ports::fixed(up.grpc.unwrap_or_else(|| free(8009, |last| last.grpc)))?,
            mqtt: ports::fixed(up.mqtt.unwrap_or_else(|| free(8883, |last| last.mqtt)))?,
        })
    }

    /// Those of the last start.
    pub(super) fn read(folder: &Folder) -> Option<Self> {
        folder::read_json(&folder.file("run/up.json"))
    }

    /// Keeps them.
    pub(super) fn write(self, folder: &Folder) -> anyhow::Result<()> {
        folder::write_json(&folder.file("run/up.json"), &self)
    }

    /// The HTTP API, as this machine calls it.
    pub(super) fn url(self) -> String {
        format!("http://{}", on_this_machine(self.http))
    }

    /// The endpoint of nodes, as this machine calls it.
    pub(super) fn node_url(self) -> String {
        format!("https://{}", on_this_machine(self.grpc))
    }
}

/// Listening everywhere includes loopback, where this machine calls.
fn on_this_machine(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}
