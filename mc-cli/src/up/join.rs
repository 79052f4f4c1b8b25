//! The local node joins like any other: by a single-use token that lives five minutes and is handed over in a file.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mc_api::node::{CreateJoinToken, JoinToken, Node, NodeState};
use mc_client::{Client, Options, Scope, Server, Token};
use serde::Deserialize;

use super::folder::{self, Folder};
use super::process::Process;
use super::settings::Settings;

const LIFE_SECONDS: u32 = 300;
const POLL: Duration = Duration::from_millis(100);

/// What the node keeps about itself, as far as it concerns us.
#[derive(Deserialize)]
struct Identity {
    node_id: String,
}

/// A client with the bootstrap token.
fn client(folder: &Folder, settings: Settings) -> anyhow::Result<Client> {
    let path = folder.token();
    let token = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut options = Options::new(Server::parse(&settings.url())?);
    options.token = Some(Token::new(&token));
    Ok(Client::new(options)?)
}

fn token_file(folder: &Folder) -> PathBuf {
    folder.file("run/join-token")
}

/// Makes a token for a node that has not joined yet and answers the file it is in; `None` when none is needed.
pub(super) async fn hand_over(folder: &Folder, settings: Settings) -> anyhow::Result<Option<PathBuf>> {
    if folder.identity().exists() {
        return Ok(None);
    }
    let wanted = CreateJoinToken { node_name: None, ttl_seconds: Some(LIFE_SECONDS), uses: Some(1) };
    let made: JoinToken =
        client(folder, settings)?.create(&wanted).await.context("no join token for the local node")?;
    let token = made.token.context("the answer with the join token came twice and keeps no token")?;
    folder::write(&token_file(folder), token.as_bytes())?;
    Ok(Some(token_file(folder)))
}

/// Removes the token's file when the node has joined or the token has ended. Answers whether the node has joined.
pub(super) async fn take_back(folder: &Folder) -> anyhow::Result<bool> {
    let deadline = Instant::now() + Duration::from_secs(LIFE_SECONDS.into());
    while !folder.identity().exists() && Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
    }
    match std::fs::remove_file(token_file(folder)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("the join token's file cannot be removed")
        }
        _ => Ok(folder.identity().exists()),
    }
}

/// Whether the control plane sees the local node as ready, and heard it since this daemon of it began: a lease from
/// before says nothing of a daemon that cannot connect.
pub(super) async fn is_ready(folder: &Folder, settings: Settings, daemon: Process) -> bool {
    let Some(identity) = folder::read_json::<Identity>(&folder.identity()) else { return false };
    // Whoever sees first that the node has joined takes the token back; a supervisor may have died before it did.
    let is_back = std::fs::remove_file(token_file(folder));
    if is_back.is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound) {
        return false;
    }
    let Ok(client) = client(folder, settings) else { return false };
    let Ok(node) = client.get::<Node>(&identity.node_id, &Scope::default()).await else { return false };
    // By the server's clock and the daemon's age, so that a jump of this machine's clock changes nothing.
    let Ok(health) = client.doctor().await else { return false };
    node.state == NodeState::Ready && node.last_seen_at >= health.now.minus(daemon.age())
}
