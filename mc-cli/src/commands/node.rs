//! `mc node`.

use std::time::Duration;

use mc_api::Name;
use mc_api::node::{CreateJoinToken, JoinToken, Node};
use mc_client::{Client, Resource as _, Scope};

use super::get::done;
use super::wait::Patience;
use crate::age::{now, until};
use crate::args::{NodeCommand, TokenCommand};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::Format;
use crate::view;

pub(super) async fn run(cx: &Invocation, command: NodeCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    match command {
        NodeCommand::Token(TokenCommand::Create { name, ttl, uses }) => {
            create(cx, &client, name, ttl, uses).await
        }
        NodeCommand::Token(TokenCommand::Revoke { reference }) => {
            client.delete::<JoinToken>(&reference, &Scope::default(), None).await?;
            cx.out.did(JoinToken::KIND, &reference, "revoked")
        }
        NodeCommand::Cordon { reference } => done(cx, &client.cordon_node(&reference).await?, "cordoned"),
        NodeCommand::Drain { reference, wait, timeout } => {
            drain(cx, &client, &reference, wait, timeout).await
        }
        NodeCommand::Uncordon { reference } => {
            done(cx, &client.uncordon_node(&reference).await?, "uncordoned")
        }
        NodeCommand::Revoke { reference } => {
            // By its id: a name that is given anew in between means something else.
            let node: Node = client.get(&reference, &Scope::default()).await?;
            client.delete::<Node>(&node.id(), &Scope::default(), None).await?;
            cx.out.did(Node::KIND, node.name.as_str(), "revoked")
        }
    }
}

/// Drains a node; agent sessions on it end in their time, or by `mc session stop`.
async fn drain(
    cx: &Invocation,
    client: &Client,
    reference: &str,
    wait: bool,
    timeout: Duration,
) -> anyhow::Result<()> {
    let mut node = client.drain_node(reference).await?;
    let id = node.id();
    let mut patience = Patience::new(timeout);
    if wait && !node.is_drained {
        cx.out.talk(&format!(
            "{} agent sessions are left on it: `mc get sessions --node {}`",
            node.live_sessions, node.name
        ));
    }
    while wait && !node.is_drained {
        if !patience.pause().await {
            let message = format!("{} agent sessions are still on node {}", node.live_sessions, node.name);
            return Err(Failure::Timeout(message).into());
        }
        node = client.get(&id, &Scope::default()).await?;
    }
    done(cx, &node, if node.is_drained { "drained" } else { "draining" })
}

async fn create(
    cx: &Invocation,
    client: &Client,
    name: Option<Name>,
    ttl: Option<Duration>,
    uses: u32,
) -> anyhow::Result<()> {
    let ttl_seconds = ttl
        .map(|ttl| u32::try_from(ttl.as_secs()))
        .transpose()
        .map_err(|_| Failure::Usage("the lifetime is too long".into()))?;
    let body = CreateJoinToken { node_name: name, ttl_seconds, uses: Some(uses) };
    let made: JoinToken = client.create(&body).await?;
    let Some(token) = made.token.clone() else {
        let message = "the answer came twice and shows no token; make another";
        return Err(Failure::Conflict(message.into()).into());
    };
    let format = cx.out.format;
    cx.out.value(&made, || {
        if format == Format::Name {
            return format!("{}\n", view::name(&made));
        }
        let nodes =
            if made.uses == 1 { "1 node joins".to_owned() } else { format!("{} nodes join", made.uses) };
        format!(
            "{nodes} with this token ({}), good for {}. It is not shown again. On the node:\n\n\
             (umask 077; echo {token} > join-token)\n\
             mc-mesh run --state mesh-state --server {} --join-token-file join-token\n",
            made.id,
            until(made.expires_at, now()),
            made.server,
        )
    })
}
