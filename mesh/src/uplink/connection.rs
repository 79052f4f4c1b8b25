//! One connection after the other: identity, then the four conversations until one of them ends.

use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mc_proto::mesh_v1::node_client::NodeClient;
use tonic::transport::Channel;

use super::backoff::Backoff;
use super::identity::{Error, Identity, JoinToken};
use super::shared::{Shared, blocking};
use super::{claim, facts, lease, live, mqtt, report, skills, sync};
use crate::clock;

/// Largest message from the control plane; a prompt may hold pictures.
const MAX_MESSAGE_BYTES: usize = 40 << 20;
/// How often the certificate's age is looked at.
const AGE_EVERY: Duration = Duration::from_mins(1);
/// A command that cannot be verified, or another broker, makes the node ask for its identity again, at most this often.
const ASK_EVERY_US: u64 = 10 * 60 * 1_000_000;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// The control plane refused a call, or the transport broke.
    #[error("{call} failed: {}", status.message())]
    Call {
        /// Its name.
        call: &'static str,
        /// The answer.
        #[source]
        status: Box<tonic::Status>,
    },
    /// The control plane ended a stream.
    #[error("the control plane ended {0}")]
    Ended(&'static str),
    /// The identity cannot be used, or not now.
    #[error("no identity")]
    Identity(#[from] Error),
    /// This machine refused something.
    #[error("node failed")]
    Io(#[from] io::Error),
    /// The certificate has to be renewed.
    #[error("the certificate is due for renewal")]
    Due,
    /// A command was signed with an unknown key; its keys may have changed.
    #[error("a command could not be verified")]
    Unverified,
    /// Messages go by another MQTT broker from now on.
    #[error("the MQTT broker is another one now")]
    Moved,
}

impl Lost {
    pub(super) fn call(call: &'static str) -> impl FnOnce(tonic::Status) -> Self {
        move |status| Self::Call { call, status: Box::new(status) }
    }
}

/// What the four conversations need.
pub(super) struct Connection {
    pub(super) client: NodeClient<Channel>,
    pub(super) seq: u64,
    pub(super) http_url: String,
    /// The fast path beside gRPC, when the control plane has one.
    pub(super) bus: Option<mqtt::Bus>,
}

/// Connects for ever. Ends only when no attempt can succeed, and says so in the log and the status.
pub(super) async fn run(shared: &Arc<Shared>, token: Option<JoinToken>) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    let mut identity: Option<Identity> = None;
    let mut asked_at_us = None;
    let mut last_said = String::new();
    loop {
        let Err(lost) = attempt(shared, &mut identity, token.as_ref(), &mut asked_at_us).await;
        if *shared.synced.borrow() {
            backoff.reset();
        }
        let said = chain(&lost);
        shared.disconnected(said.clone());
        if let Lost::Identity(error) = &lost
            && !error.is_retry()
            && identity.is_none()
        {
            tracing::error!("this node cannot join: {said}");
            return;
        }
        let pause = backoff.next();
        if said == last_said {
            tracing::debug!("still no connection to the control plane: {said}");
        } else {
            tracing::warn!("no connection to the control plane: {said}");
            last_said = said;
        }
        tokio::time::sleep(pause).await;
    }
}

async fn attempt(
    shared: &Arc<Shared>,
    kept: &mut Option<Identity>,
    token: Option<&JoinToken>,
    asked_at_us: &mut Option<u64>,
) -> Result<Infallible, Lost> {
    let (node, slots) = (shared.node.clone(), shared.config.slots);
    let facts = blocking(move || facts::gather(&node, slots)).await?;
    let identity = if let Some(identity) = kept {
        identity
    } else {
        let (state, server) = (shared.node.state(), shared.config.server.as_str());
        kept.insert(Identity::open(state, server, token, &facts::hostname(), &facts).await?)
    };
    if identity.renew(&facts).await? {
        *asked_at_us = Some(clock::stamp().boot_us);
    }
    let seq = identity.next_connection()?;
    {
        let mut table = shared.table();
        identity.node_id().clone_into(&mut table.status.node_id);
        identity.name().clone_into(&mut table.status.name);
        table.status.conn_seq = seq;
    }
    let client = NodeClient::new(identity.channel()?)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(usize::MAX);
    let keys = identity.command_keys();
    shared.set_skills_line(Some(skills::Line { client: client.clone(), keys }));
    let (bus, line) = live::open(shared, identity, seq)?;
    let connection = Connection { client, seq, http_url: identity.http_url().to_owned(), bus };
    let ended = {
        let identity = &*identity;
        let aging = async {
            loop {
                tokio::time::sleep(AGE_EVERY).await;
                if identity.is_due() {
                    return Err::<Infallible, _>(Lost::Due);
                }
            }
        };
        let now_us = clock::stamp().boot_us;
        let may_ask = asked_at_us.is_none_or(|at| now_us.saturating_sub(at) > ASK_EVERY_US);
        let ended = tokio::try_join!(
            sync::run(shared, &connection, identity, facts.clone(), may_ask),
            report::run(shared, &connection),
            lease::run(shared, &connection),
            claim::run(shared, &connection),
            skills::run(shared, &connection),
            live::run(shared, identity, line),
            aging,
        );
        match ended {
            Ok((never, ..)) => match never {},
            Err(lost) => lost,
        }
    };
    if matches!(ended, Lost::Unverified | Lost::Moved) {
        *asked_at_us = Some(clock::stamp().boot_us);
        identity.rejoin(&facts).await?;
    }
    Err(ended)
}

/// An error with its causes.
fn chain(error: &Lost) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
