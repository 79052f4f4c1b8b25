//! Addresses to listen on, and who holds one that is taken.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;

use super::process::{Process, socket_owner};
use crate::exit::Failure;

/// The address with a port that is free now, when it names none.
pub(super) fn fixed(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    if address.port() != 0 {
        return Ok(address);
    }
    let listener = TcpListener::bind(address).with_context(|| format!("no port is free on {address}"))?;
    Ok(listener.local_addr()?)
}

/// Whether an address can be listened on now.
pub(super) fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

/// Refuses an address that cannot be listened on; names who holds the port.
pub(super) fn must_be_free(address: SocketAddr, flag: &str) -> anyhow::Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let holder =
                holder(address.port()).map_or_else(|| "a process of another user".into(), Process::described);
            Err(Failure::Conflict(format!(
                "port {} is already used by {holder}\n  fix: end that process, or choose another address with {flag} {}:PORT",
                address.port(),
                address.ip(),
            ))
            .into())
        }
        Err(error) => Err(Failure::Usage(format!("cannot listen on {address}: {error}")).into()),
    }
}

/// Who listens on a port.
fn holder(port: u16) -> Option<Process> {
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let text = std::fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| {
            // Column 1 is address:port in hex, 3 the state (0A = listening), 9 the socket's inode.
            let columns: Vec<&str> = line.split_whitespace().collect();
            let listens = columns.get(1)?.ends_with(&wanted) && *columns.get(3)? == "0A";
            if listens { socket_owner(columns.get(9)?) } else { None }
        })
    })
}
