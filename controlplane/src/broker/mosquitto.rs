//! Mosquitto 2: `mosquitto.conf` and its access control list (mosquitto.conf(5)).

use std::fmt::Write as _;
use std::net::SocketAddr;

use mc_api::broker::BROKER_FILE_MARK;

use crate::mqtt;

/// The names of the files that `mosquitto.conf` names, in its folder.
pub(crate) const CONF: &str = "mosquitto.conf";
pub(crate) const ACL: &str = "acl";
pub(crate) const CA: &str = "ca.crt";
pub(crate) const CERTIFICATE: &str = "server.crt";
pub(crate) const KEY: &str = "server.key";
pub(crate) const REVOKED: &str = "revoked.crl";

/// `mosquitto.conf` for files in `dir`, which has no control characters.
///
/// Who may connect is said by the certificate alone. Its CN is the name that rights go by and the client id: so nodes
/// that all call themselves `mesh` do not displace each other, and none can displace another.
pub(crate) fn conf(dir: &str, listen: SocketAddr) -> String {
    let (dir, ip, port) = (dir.trim_end_matches('/'), listen.ip(), listen.port());
    let limit = mqtt::PACKET_LIMIT;
    format!(
        "{BROKER_FILE_MARK}
per_listener_settings false
allow_anonymous false
acl_file {dir}/{ACL}

listener {port} {ip}
protocol mqtt
cafile {dir}/{CA}
certfile {dir}/{CERTIFICATE}
keyfile {dir}/{KEY}
crlfile {dir}/{REVOKED}
require_certificate true
use_identity_as_username true
use_username_as_clientid true

# Nothing is kept for who is away: what is not acknowledged comes again, by gRPC if need be.
persistence false
max_packet_size {limit}
message_size_limit {limit}
max_inflight_messages 100
max_queued_messages 1000
max_queued_bytes 67108864
sys_interval 0

# Else a small message may wait 40 ms for the acknowledgement of the one before.
set_tcp_nodelay true
"
    )
}

/// Rights: of every node in its own part of the topics, of the control planes in all of them.
pub(crate) fn acl() -> String {
    let mut text = format!(
        "{BROKER_FILE_MARK}\n\n# Nodes: %u is the CN of the certificate, the 32 hex digits of the id.\n"
    );
    // Writing to a string cannot fail.
    for up in mqtt::Up::ALL {
        let _ = writeln!(text, "pattern write /tenants/%u/up/{}", up.name());
    }
    for down in mqtt::Down::ALL {
        let _ = writeln!(text, "pattern read /tenants/%u/down/{}", down.name());
    }
    text.push_str("\n# Control planes: each connection takes one of these names.\n");
    for user in mqtt::users() {
        let _ = writeln!(text, "user {user}\ntopic read {}", mqtt::UP_FILTER);
        for down in mqtt::Down::ALL {
            let _ = writeln!(text, "topic write /tenants/+/down/{}", down.name());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_in_their_folder_and_every_one_says_who_made_it() {
        let text = conf("/etc/mosquitto/mc/", "0.0.0.0:8883".parse().unwrap());
        for line in [
            "listener 8883 0.0.0.0",
            "cafile /etc/mosquitto/mc/ca.crt",
            "crlfile /etc/mosquitto/mc/revoked.crl",
            "require_certificate true",
            "allow_anonymous false",
            "max_packet_size 262144",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(conf("/d", "[::]:1883".parse().unwrap()).contains("\nlistener 1883 ::\n"));
        assert!(text.starts_with(BROKER_FILE_MARK) && acl().starts_with(BROKER_FILE_MARK));
    }

    #[test]
    fn a_node_has_its_own_topics_and_a_control_plane_those_of_all() {
        let text = acl();
        let patterns: Vec<&str> = text.lines().filter(|line| line.starts_with("pattern ")).collect();
        assert_eq!(
            patterns,
            [
                "pattern write /tenants/%u/up/status",
                "pattern write /tenants/%u/up/ev",
                "pattern write /tenants/%u/up/res",
                "pattern read /tenants/%u/down/cmd",
                "pattern read /tenants/%u/down/ack",
            ]
        );
        let one = "user controlplane-63\ntopic read /tenants/+/up/#\ntopic write /tenants/+/down/cmd\n\
            topic write /tenants/+/down/ack\n";
        assert!(text.ends_with(one), "{text}");
        assert_eq!(text.matches("\nuser ").count(), 64);
    }
}
