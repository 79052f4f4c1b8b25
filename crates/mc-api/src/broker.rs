//! The configuration of an MQTT broker that runs elsewhere.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

crate::text_enum! {
    /// Whose configuration it is.
    pub enum BrokerFormat {
        /// Eclipse Mosquitto 2.
        Mosquitto = "mosquitto",
    }
}

/// The first line of every file of a broker's configuration: what begins otherwise is somebody else's.
pub const BROKER_FILE_MARK: &str = "# Made by mc system broker-config, which writes it anew.";

/// What a broker is configured for (`POST /api/v1/system/broker-config`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBrokerConfig {
    /// Which broker.
    pub format: BrokerFormat,
    /// Folder of its files on its machine, absolute.
    pub dir: String,
    /// Where it listens, as `IP:PORT`.
    pub listen: String,
    /// Names and addresses by which control planes and nodes reach it, without port: 1 to 32.
    pub names: Vec<String>,
    /// Its public key, Ed25519, as 64 hexadecimal digits. The private key stays with whoever asks.
    pub public_key: String,
}

/// A file of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrokerFile {
    /// Its name in the folder.
    pub name: String,
    /// What is in it; begins with the line that says who made it.
    pub text: String,
}

/// The configuration of a broker, without its private key, which belongs into `server.key` beside these files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrokerConfig {
    /// Always `broker_config`.
    pub kind: String,
    /// The files.
    pub files: Vec<BrokerFile>,
    /// Nodes whose certificates it refuses, because they were revoked and the certificates have not ended by themselves.
    pub revoked_nodes: u32,
    /// Until when its own certificate is good.
    pub certificate_until: Timestamp,
    /// Until when its list of revoked certificates is good. After that it refuses every node.
    pub revocations_until: Timestamp,
}
