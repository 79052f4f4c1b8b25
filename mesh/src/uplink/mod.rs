//! The node's side of the uplink to the control plane.

pub mod mqtt;
