//! `RenewLeases`: tells that this node and its sessions live, and keeps the grant files of their agents fresh.

use std::convert::Infallible;
use std::time::Duration;

use mc_proto::mesh_v1 as wire;
use serde::Serialize;
use tokio::time::timeout;

use super::connection::{Connection, Lost};
use super::shared::{Shared, blocking};
use super::sync::session_id;
use super::table::Grant;
use crate::ids::SessionId;
use crate::{clock, files, procs};

const RENEW_EVERY: Duration = Duration::from_secs(10);
const RETRY_EVERY: Duration = Duration::from_secs(2);
const CALL_LIMIT: Duration = Duration::from_secs(8);
/// A grant of no length at all must not be asked for without a pause.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// `grant.json`, read by the agent's MCP server at each request.
#[derive(Serialize)]
struct GrantFile<'a> {
    base_url: &'a str,
    token: &'a str,
    /// RFC 3339, UTC.
    expires_at: String,
}

pub(super) async fn run(shared: &Shared, connection: &Connection) -> Result<Infallible, Lost> {
    // The sender lives as long as we do.
    let _ = shared.synced.subscribe().wait_for(|is_synced| *is_synced).await;
    loop {
        let pause = match renew(shared, connection).await {
            Ok(ttl) => pause(shared, ttl),
            Err(error) => {
                tracing::warn!("leases were not renewed: {error}");
                RETRY_EVERY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause.max(SHORTEST_PAUSE)) => {}
            () = shared.leases.notified() => {}
        }
    }
}

/// A third of the lease, but no later than the next grant is due.
fn pause(shared: &Shared, ttl: Duration) -> Duration {
    let lease = if ttl.is_zero() { RENEW_EVERY } else { RENEW_EVERY.min(ttl / 3) };
    let now_us = clock::stamp().boot_us;
    let table = shared.table();
    let due = table.sessions.values().filter(|tracked| tracked.is_live()).filter_map(|tracked| {
        let Grant::Written { renew_at_us } = tracked.grant else { return None };
        Some(Duration::from_micros(renew_at_us.saturating_sub(now_us)))
    });
    due.min().map_or(lease, |grant| lease.min(grant))
}

async fn renew(shared: &Shared, connection: &Connection) -> Result<Duration, Lost> {
    let asked_us = clock::stamp().boot_us;
    let request = request(shared, connection.seq, asked_us);
    let mut client = connection.client.clone();
    let reply = timeout(CALL_LIMIT, client.renew_leases(request.clone())).await;
    let reply = reply
        .unwrap_or_else(|_| Err(tonic::Status::deadline_exceeded("no answer in time")))
        .map_err(Lost::call("RenewLeases"))?
        .into_inner();
    for grant in reply.grants {
        if let Some(id) = session_id(&grant.session)
            && request.grants_for.contains(&grant.session)
        {
            // A control plane that does not say it is where the node joined.
            let base_url = if grant.base_url.is_empty() { &connection.http_url } else { &grant.base_url };
            take(shared, &id, &grant, base_url, asked_us).await?;
        }
    }
    Ok(Duration::from_millis(u64::from(reply.ttl_ms)))
}

fn request(shared: &Shared, conn_seq: u64, now_us: u64) -> wire::RenewLeasesRequest {
    let table = shared.table();
    let live = || table.sessions.iter().filter(|(_, tracked)| tracked.is_live());
    let needs_grant = live().filter(|(_, tracked)| {
        let is_missing = match tracked.grant {
            Grant::Missing => true,
            Grant::Written { renew_at_us } => renew_at_us <= now_us,
        };
        is_missing && tracked.wanted.as_ref().is_some_and(|spec| spec.has_grant)
    });
    wire::RenewLeasesRequest {
        conn_seq,
        boot_id: procs::boot_id(),
        live_sessions: live().map(|(id, _)| id.to_string()).collect(),
        grants_for: needs_grant.map(|(id, _)| id.to_string()).collect(),
    }
}

/// Replaces the grant file; a reader finds the old or the new one.
async fn take(
    shared: &Shared,
    id: &SessionId,
    grant: &wire::Grant,
    base_url: &str,
    asked_us: u64,
) -> Result<(), Lost> {
    let life_us = u64::from(grant.ttl_ms) * 1000;
    let expires_us = clock::stamp().wall_us.saturating_add_unsigned(life_us);
    let expires_at =
        jiff::Timestamp::from_microsecond(expires_us).map_err(std::io::Error::other)?.to_string();
    let file = GrantFile { base_url, token: &grant.token, expires_at };
    let bytes = serde_json::to_vec(&file).map_err(std::io::Error::other)?;
    let dir = shared.node.state().session(id);
    let written = blocking(move || {
        // Its session may be about to be made.
        std::fs::create_dir_all(dir.path())?;
        files::write_atomic(&dir.grant(), &bytes)
    });
    if let Err(error) = written.await {
        tracing::warn!(session.id = %id, "the grant of {id} cannot be written: {error}");
        return Ok(());
    }
    if let Some(tracked) = shared.table().sessions.get_mut(id) {
        tracked.grant = Grant::Written { renew_at_us: asked_us + life_us / 3 * 2 };
    }
    shared.granted.notify_waiters();
    Ok(())
}
