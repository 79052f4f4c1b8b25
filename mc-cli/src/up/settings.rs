//! Where the control plane listens: chosen by `mc up`, kept for whoever supervises next.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::folder::{self, Folder};
use super::ports;

/// Addresses of this start of the installation (`run/up.json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// HTTP API.
    pub(super) http: SocketAddr,
    /// gRPC, for nodes.
    pub(super) grpc: SocketAddr,
}

impl Settings {
    /// The addresses asked for. With an HTTP address given, gRPC takes a free port unless it is given too.
    pub(super) fn choose(http: Option<SocketAddr>, grpc: Option<SocketAddr>) -> anyhow::Result<Self> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let default_grpc = local(if http.is_some() { 0 } else { 8009 });
        Ok(Self {
            http: ports::fixed(http.unwrap_or(local(8008)))?,
            grpc: ports::fixed(grpc.unwrap_or(default_grpc))?,
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
