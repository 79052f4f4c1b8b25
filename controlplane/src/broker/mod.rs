//! The configuration of an MQTT broker that runs elsewhere, for whoever looks after it.
//!
//! Invariants: the broker's private key is never here: it is made where it is kept, and its certificate is made of the
//! public key. Making a configuration is a use of the authority's key and stands in the ledger. What a node may do there
//! follows from its certificate alone, so that a configuration does not change when nodes join; when one is revoked, the
//! list of revoked certificates does (docs/adr/0015-external-mqtt-broker.md).

pub(crate) mod mosquitto;
pub mod routes;
pub mod service;
