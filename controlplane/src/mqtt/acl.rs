//! What a node may send: pure rules over MQTT 3.1.1 packets, stricter than the protocol.
//!
//! Topics are a closed list, because the router keeps an entry for every topic it ever saw. Quality of service 2
//! is refused, and subscriptions are granted with 0: the router ends links whose acknowledgements it did not
//! expect, so none are asked for.

use bytes::Bytes;
use mc_api::id::NodeId;
use rumqttd::protocol::{Connect, LastWill, Packet, QoS};

use super::{Down, Up, down_topic, tenant, up_topic};

/// Largest packet from a node, in bytes after the fixed header.
pub(crate) const PACKET_LIMIT: usize = 256 * 1024;
/// The only client id of a node; what tells nodes apart is the certificate.
pub(super) const CLIENT_ID: &str = "mesh";
/// Longest keep-alive, in seconds; zero (none) is refused.
const KEEP_ALIVE_LIMIT: u16 = 120;
/// Most filters in one SUBSCRIBE or UNSUBSCRIBE.
const FILTERS_LIMIT: usize = 8;

/// A rule that a packet broke; the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error("the client id is not `mesh`")]
    ClientId,
    #[error("the keep-alive is zero or longer than 120 s")]
    KeepAlive,
    #[error("the will is not for the node's own status")]
    Will,
    #[error("a topic outside the node's own")]
    Publish,
    #[error("a filter outside the node's own")]
    Subscribe,
    #[error("a kind of packet that nodes do not send")]
    Kind,
}

impl Denied {
    /// Label of the metric.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ClientId => "client_id",
            Self::KeepAlive => "keep_alive",
            Self::Will => "will",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Kind => "kind",
        }
    }
}

/// Whether a connected node may send a packet whose first byte is this; known before the rest is read.
pub(super) fn first_byte(byte: u8) -> Result<(), Denied> {
    let is_publish = byte >> 4 == 3 && byte & 0b0110 <= 0b0010;
    // SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT with their fixed flags.
    if is_publish || matches!(byte, 0x82 | 0xA2 | 0xC0 | 0xE0) { Ok(()) } else { Err(Denied::Kind) }
}

/// A CONNECT that is fine.
#[derive(Debug)]
pub(super) struct Accepted {
    /// In seconds.
    pub keep_alive: u16,
    /// The status to publish when the connection ends without DISCONNECT.
    pub will: Option<Bytes>,
}

/// Checks the first packet.
pub(super) fn connect(node: NodeId, connect: &Connect, will: Option<LastWill>) -> Result<Accepted, Denied> {
    if connect.client_id != CLIENT_ID {
        return Err(Denied::ClientId);
    }
    if connect.keep_alive == 0 || connect.keep_alive > KEEP_ALIVE_LIMIT {
        return Err(Denied::KeepAlive);
    }
    let will = match will {
        Some(will) if will.topic != up_topic(node, Up::Status) || will.message.is_empty() => {
            return Err(Denied::Will);
        }
        Some(will) => Some(Bytes::copy_from_slice(&will.message)),
        None => None,
    };
    Ok(Accepted { keep_alive: connect.keep_alive, will })
}

/// Checks any later packet and gives what the router gets of it.
pub(super) fn check(node: NodeId, packet: Packet) -> Result<Packet, Denied> {
    match packet {
        Packet::Publish(mut publish, None) => {
            let up =
                Up::ALL.into_iter().find(|up| publish.topic == up_topic(node, *up)).ok_or(Denied::Publish)?;
            if publish.retain && up != Up::Status {
                return Err(Denied::Publish);
            }
            // Own bytes: a slice would keep the whole read buffer alive as long as the router keeps the message.
            publish.payload = Bytes::copy_from_slice(&publish.payload);
            publish.topic = Bytes::copy_from_slice(&publish.topic);
            Ok(Packet::Publish(publish, None))
        }
        Packet::Subscribe(mut subscribe, None) => {
            let is_own = subscribe.filters.len() <= FILTERS_LIMIT
                && subscribe.filters.iter().all(|filter| is_own_filter(node, &filter.path));
            if !is_own {
                return Err(Denied::Subscribe);
            }
            for filter in &mut subscribe.filters {
                filter.qos = QoS::AtMostOnce;
            }
            Ok(Packet::Subscribe(subscribe, None))
        }
        Packet::Unsubscribe(unsubscribe, None) => {
            let is_own = unsubscribe.filters.len() <= FILTERS_LIMIT
                && unsubscribe.filters.iter().all(|filter| is_own_filter(node, filter));
            if is_own { Ok(Packet::Unsubscribe(unsubscribe, None)) } else { Err(Denied::Subscribe) }
        }
        packet @ (Packet::PingReq(_) | Packet::Disconnect(_, None)) => Ok(packet),
        Packet::Connect(..)
        | Packet::ConnAck(..)
        | Packet::Publish(..)
        | Packet::PubAck(..)
        | Packet::PingResp(_)
        | Packet::Subscribe(..)
        | Packet::SubAck(..)
        | Packet::PubRec(..)
        | Packet::PubRel(..)
        | Packet::PubComp(..)
        | Packet::Unsubscribe(..)
        | Packet::UnsubAck(..)
        | Packet::Disconnect(..) => Err(Denied::Kind),
    }
}

fn is_own_filter(node: NodeId, filter: &str) -> bool {
    filter == format!("/tenants/{}/down/#", tenant(node))
        || Down::ALL.into_iter().any(|down| filter == down_topic(node, down))
}

/// 200 messages a second with a burst of twice that; more wait, so that a node slows itself down and no other.
#[derive(Debug)]
pub(super) struct Rate {
    tokens: f64,
    since: tokio::time::Instant,
    per_second: f64,
}

impl Rate {
    /// So many messages a second, and twice as many at once.
    pub(super) fn new(now: tokio::time::Instant, per_second: f64) -> Self {
        Self { tokens: 2.0 * per_second, since: now, per_second }
    }

    /// Takes one message; answers how long it must wait.
    pub(super) fn take(&mut self, now: tokio::time::Instant) -> std::time::Duration {
        self.gain(now);
        self.tokens -= 1.0;
        std::time::Duration::from_secs_f64((-self.tokens).max(0.0) / self.per_second)
    }

    /// Takes one message, if it need not wait.
    pub(super) fn try_take(&mut self, now: tokio::time::Instant) -> bool {
        self.gain(now);
        let may_go = self.tokens >= 1.0;
        if may_go {
            self.tokens -= 1.0;
        }
        may_go
    }

    fn gain(&mut self, now: tokio::time::Instant) {
        let gained = now.duration_since(self.since).as_secs_f64() * self.per_second;
        self.since = now;
        self.tokens = (self.tokens + gained).min(2.0 * self.per_second);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rumqttd::protocol::{Filter, Publish, RetainForwardRule, Subscribe, Unsubscribe};
    use uuid::Uuid;

    use super::*;

    fn node() -> NodeId {
        NodeId::from_uuid(Uuid::from_u128(7))
    }

    const OWN: &str = "/tenants/00000000000000000000000000000007";

    fn subscribe(path: &str) -> Packet {
        let filter = Filter {
            path: path.to_owned(),
            qos: QoS::AtLeastOnce,
            nolocal: false,
            preserve_retain: false,
            retain_forward_rule: RetainForwardRule::OnEverySubscribe,
        };
        Packet::Subscribe(Subscribe { pkid: 1, filters: vec![filter] }, None)
    }

    fn publish(topic: &str, retain: bool) -> Packet {
        Packet::Publish(Publish::new(topic.to_owned(), "x".to_owned(), retain), None)
    }

    #[test]
    fn only_the_nodes_own_topics_pass() {
        for name in ["status", "ev", "res"] {
            assert!(check(node(), publish(&format!("{OWN}/up/{name}"), false)).is_ok());
        }
        assert!(check(node(), publish(&format!("{OWN}/up/status"), true)).is_ok());
        for topic in [
            format!("{OWN}/up/other"),
            format!("{OWN}/up/"),
            format!("{OWN}/up/ev/"),
            format!("{OWN}/down/cmd"),
            "/tenants/00000000000000000000000000000008/up/ev".to_owned(),
            "/tenants/+/up/ev".to_owned(),
            "$SYS/up".to_owned(),
            String::new(),
            "é".to_owned(),
        ] {
            assert_eq!(check(node(), publish(&topic, false)), Err(Denied::Publish), "{topic}");
        }
        assert_eq!(check(node(), publish(&format!("{OWN}/up/ev"), true)), Err(Denied::Publish));
    }

    #[test]
    fn only_the_nodes_own_filters_pass_and_with_quality_0() {
        for path in ["down/#", "down/cmd", "down/ack"] {
            let Ok(Packet::Subscribe(granted, None)) = check(node(), subscribe(&format!("{OWN}/{path}")))
            else {
                panic!("{path} is refused");
            };
            assert!(granted.filters.iter().all(|filter| filter.qos == QoS::AtMostOnce));
        }
        for path in [
            "#".to_owned(),
            "/tenants/#".to_owned(),
            "/tenants/+/down/cmd".to_owned(),
            format!("{OWN}/#"),
            format!("{OWN}/down/+"),
            format!("{OWN}/up/#"),
            format!("{OWN}/down/new"),
            format!("$share/g{OWN}/down/#"),
            "/tenants/00000000000000000000000000000008/down/#".to_owned(),
        ] {
            assert_eq!(check(node(), subscribe(&path)), Err(Denied::Subscribe), "{path}");
            let unsubscribe = Packet::Unsubscribe(Unsubscribe { pkid: 1, filters: vec![path] }, None);
            assert_eq!(check(node(), unsubscribe), Err(Denied::Subscribe));
        }
    }

    #[test]
    fn will_and_client_id_are_fixed() {
        let hello = |client_id: &str, keep_alive| Connect {
            keep_alive,
            client_id: client_id.to_owned(),
            clean_session: false,
        };
        let will = |topic: String| {
            Some(LastWill { topic: topic.into(), message: "w".into(), qos: QoS::AtLeastOnce, retain: true })
        };
        let accepted = connect(node(), &hello("mesh", 10), will(format!("{OWN}/up/status"))).unwrap();
        assert_eq!(accepted.will.as_deref(), Some(b"w".as_slice()));
        assert_eq!(connect(node(), &hello("x", 10), None).unwrap_err(), Denied::ClientId);
        assert_eq!(connect(node(), &hello("mesh", 0), None).unwrap_err(), Denied::KeepAlive);
        assert_eq!(connect(node(), &hello("mesh", 121), None).unwrap_err(), Denied::KeepAlive);
        for topic in [format!("{OWN}/up/ev"), format!("{OWN}/down/cmd"), "/tenants/8/up/status".to_owned()] {
            assert_eq!(connect(node(), &hello("mesh", 10), will(topic)).unwrap_err(), Denied::Will);
        }
    }

    #[test]
    fn kinds_are_known_by_their_first_byte() {
        let allowed: Vec<u8> = (0..=u8::MAX).filter(|byte| first_byte(*byte).is_ok()).collect();
        assert_eq!(allowed, [0x30, 0x31, 0x32, 0x33, 0x38, 0x39, 0x3A, 0x3B, 0x82, 0xA2, 0xC0, 0xE0]);
    }

    #[test]
    fn rate_lets_a_burst_through_and_then_200_a_second() {
        let start = tokio::time::Instant::now();
        let mut rate = Rate::new(start, 200.0);
        assert!((0..400).all(|_| rate.take(start).is_zero()));
        let wait = rate.take(start);
        assert_eq!(wait, Duration::from_millis(5));
        let later = start + Duration::from_mins(1);
        assert!((0..400).all(|_| rate.take(later).is_zero()));
        assert!(!rate.take(later).is_zero());
    }

    #[test]
    fn what_would_wait_may_be_refused_and_costs_nothing() {
        let start = tokio::time::Instant::now();
        let mut rate = Rate::new(start, 200.0);
        assert!((0..400).all(|_| rate.try_take(start)));
        assert!((0..400).all(|_| !rate.try_take(start)));
        let later = start + Duration::from_millis(12);
        assert!(rate.try_take(later) && rate.try_take(later) && !rate.try_take(later));
    }
}
