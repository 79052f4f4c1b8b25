//! The node's side of the uplink to the control plane.
//!
//! [`Identity`] joins once with a token and proves afterwards who this node is; everything else is built on its
//! channel.

mod identity;
mod trust;

pub use identity::{Error, Identity, JoinToken};
