//! The router of `rumqttd`, without any listener of its own.
//!
//! Figures: what nodes send goes through one log of 8 × 1 MiB; what one node receives goes through logs of
//! 2 × 32 KiB, one per filter, which are never freed. A reader that lags further behind loses messages.

use std::collections::HashMap;
use std::time::Duration;

use rumqttd::local::{LinkBuilder, LinkError, LinkRx, LinkTx};
#[cfg(test)]
use rumqttd::protocol::{Disconnect, DisconnectReasonCode, Packet};
use rumqttd::{RouterConfig, SegmentConfig};

/// Everything that nodes send.
pub(crate) const UP_FILTER: &str = "/tenants/+/up/#";
/// Most nodes at once, and the link of the control plane.
pub(super) const CONNECTIONS_LIMIT: usize = 4096;
/// How long the router may take to register a link.
const LINK_LIMIT: Duration = Duration::from_secs(5);

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The router has ended or refuses more links.
    #[error("the router gives no link")]
    Link(#[source] Box<LinkError>),
    /// The router did not answer in time, or its thread could not be started.
    #[error("the router does not answer")]
    Silent,
}

type Link = (LinkTx, LinkRx);
type Open = dyn Fn(Option<String>, &str) -> Result<Link, Error> + Send + Sync;

/// A running router. Its thread cannot be stopped from outside; it ends with the process or by a panic.
pub(super) struct Router {
    link: Box<Open>,
    is_full: Box<dyn Fn() -> bool + Send + Sync>,
}

fn config() -> RouterConfig {
    let up = SegmentConfig { max_segment_size: 1024 * 1024, max_segment_count: 8 };
    RouterConfig {
        max_connections: CONNECTIONS_LIMIT,
        max_outgoing_packet_count: 200,
        max_segment_size: 32 * 1024,
        max_segment_count: 2,
        custom_segment: Some(HashMap::from([(UP_FILTER.to_owned(), up)])),
        initialized_filters: Some(vec![UP_FILTER.to_owned()]),
        ..RouterConfig::default()
    }
}

impl Router {
    /// Starts a router in a thread of its own.
    pub(super) async fn spawn() -> Result<Self, Error> {
        // Fails by a panic when no thread is to be had; it must not be ours.
        tokio::task::spawn_blocking(|| {
            let events = rumqttd::Router::new(0, config()).spawn();
            let full = events.clone();
            Self {
                link: Box::new(move |tenant, client_id| {
                    let builder = LinkBuilder::new(client_id, events.clone());
                    match builder.tenant_id(tenant).clean_session(true).build() {
                        Ok((tx, rx, _connack)) => Ok((tx, rx)),
                        Err(error) => Err(Error::Link(Box::new(error))),
                    }
                }),
                is_full: Box::new(move || full.is_full()),
            }
        })
        .await
        .map_err(|_| Error::Silent)
    }

    /// A link for `client_id`. Sessions are always clean: nothing is kept for who is away.
    pub(super) async fn link(
        self: &std::sync::Arc<Self>,
        tenant: Option<String>,
        client_id: &'static str,
    ) -> Result<Link, Error> {
        let router = std::sync::Arc::clone(self);
        let linked = tokio::task::spawn_blocking(move || (router.link)(tenant, client_id));
        match tokio::time::timeout(LINK_LIMIT, linked).await {
            Ok(Ok(link)) => link,
            Ok(Err(_)) | Err(_) => Err(Error::Silent),
        }
    }

    /// Whether its queue of events is full; sending would block the calling thread.
    pub(super) fn is_full(&self) -> bool {
        (self.is_full)()
    }

    /// Ends the router as one of its own bugs would: wakes a link that is gone.
    #[cfg(test)]
    pub(super) async fn crash(self: &std::sync::Arc<Self>) {
        let (mut tx, rx) = self.link(None, "crash").await.expect("a link");
        let goodbye = Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection };
        tx.send(Packet::Disconnect(goodbye, None)).await.expect("the router listens");
        rx.wake().await.expect("the router listens");
    }
}
