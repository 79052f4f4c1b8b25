//! The uplink between node daemon and control plane: messages and services generated from `proto/`, and the exact
//! bytes that both sides sign and verify.

use prost::Message as _;

/// Version 1 of the mesh uplink.
#[expect(missing_docs, reason = "documented in proto/missioncontrol/mesh/v1/mesh.proto")]
#[expect(clippy::pedantic, clippy::allow_attributes, reason = "generated")]
pub mod mesh_v1 {
    tonic::include_proto!("missioncontrol.mesh.v1");
}

/// What a node signs to join: nonce of the server and SHA-256 of the token.
pub fn join_message(nonce: &[u8], token_sha256: &[u8; 32]) -> Vec<u8> {
    [b"missioncontrol join v1\n".as_slice(), nonce, token_sha256].concat()
}

/// What a node signs to return with its known key.
pub fn rejoin_message(nonce: &[u8], node_id: &str) -> Vec<u8> {
    [b"missioncontrol rejoin v1\n".as_slice(), nonce, node_id.as_bytes()].concat()
}

/// What the control plane signs of a command. `op` is last because it alone may hold any byte.
pub fn command_message(node_id: &str, command: &mesh_v1::Command) -> Vec<u8> {
    let head = format!(
        "missioncontrol command v1\n{node_id}\n{}\n{}\n{}\n",
        command.session, command.op_id, command.actor
    );
    [head.as_bytes(), &command.op].concat()
}

/// The first byte of every MQTT payload: this version is followed by one encoded message.
const MQTT_VERSION: u8 = 1;

/// The MQTT payload of a message.
pub fn to_mqtt(message: &impl prost::Message) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1 + message.encoded_len());
    payload.push(MQTT_VERSION);
    payload.extend_from_slice(&message.encode_to_vec());
    payload
}

/// The message of an MQTT payload; `None` when it is of another version or damaged. The sender's other path is
/// gRPC, so it may be dropped.
pub fn from_mqtt<M: prost::Message + Default>(payload: &[u8]) -> Option<M> {
    match payload.split_first()? {
        (&MQTT_VERSION, message) => M::decode(message).ok(),
        _ => None,
    }
}

/// The first byte of a payload that passes a broker of others: one encoded [`mesh_v1::Signed`] follows.
const MQTT_SIGNED: u8 = 2;

/// What is signed of an MQTT payload: upwards by the node, downwards by the control plane. The topic names node,
/// direction and kind of message, and has no line end.
pub fn mqtt_message(topic: &str, payload: &[u8]) -> Vec<u8> {
    [b"missioncontrol mqtt v1\n".as_slice(), topic.as_bytes(), b"\n", payload].concat()
}

/// The MQTT payload of a signed one. `signature` is over [`mqtt_message`].
pub fn to_signed_mqtt(signed: &mesh_v1::Signed) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1 + signed.encoded_len());
    payload.push(MQTT_SIGNED);
    payload.extend_from_slice(&signed.encode_to_vec());
    payload
}

/// What [`to_signed_mqtt`] made, not verified yet; `None` for any other payload.
pub fn from_signed_mqtt(payload: &[u8]) -> Option<mesh_v1::Signed> {
    match payload.split_first()? {
        (&MQTT_SIGNED, signed) => mesh_v1::Signed::decode(signed).ok(),
        _ => None,
    }
}

/// What the control plane signs of a version of a skill bundle. `kluster` is `-` for a mission's own.
pub fn skill_bundle_message(mission: &str, kluster: &str, number: i64, sha256: &str) -> Vec<u8> {
    format!("missioncontrol skill bundle v1\n{mission}\n{kluster}\n{number}\n{sha256}\n").into_bytes()
}

/// What the control plane signs of the skills that hold in a kluster, or (`-`) in a mission without one.
pub fn skill_snapshot_message(mission: &str, kluster: &str, version: &str, sha256: &str) -> Vec<u8> {
    format!("missioncontrol skill snapshot v1\n{mission}\n{kluster}\n{version}\n{sha256}\n").into_bytes()
}
