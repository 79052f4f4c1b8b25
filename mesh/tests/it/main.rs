//! Sessions as real processes: daemon, shim and agent, killed in every way. The oracle is the agent's own
//! fsynced witness file.
#![expect(clippy::unwrap_used, reason = "test code")]

mod broker;
mod control_plane;
mod faults;
mod kills;
mod model_stub;
mod oracle;
mod protocol;
mod rig;
mod service_manager;
mod skills;
mod third_party;
mod turns;
mod uplink;
mod uplink_mqtt;
