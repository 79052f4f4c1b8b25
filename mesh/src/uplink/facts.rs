//! What the node tells of itself.

use mc_proto::mesh_v1::{NodeFacts, Runtime};

use crate::daemon::Node;
use crate::{procs, runtimes};

/// Facts as of now; the runtimes are looked for each time. Blocks on the disk.
pub(super) fn gather(node: &Node, slots: u32) -> std::io::Result<NodeFacts> {
    let runtimes = runtimes::list(node.state())?
        .into_iter()
        .map(|status| Runtime {
            name: status.name,
            available: status.available,
            version: String::new(),
            hint: status.hint.unwrap_or_default(),
        })
        .collect();
    Ok(NodeFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hostname: hostname(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        boot_id: procs::boot_id(),
        slots,
        sandbox_tier: "S0".to_owned(),
        runtimes,
    })
}

/// Name of the machine; `node` when the system does not tell.
pub(super) fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "node".to_owned())
}
