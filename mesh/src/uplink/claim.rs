//! `ClaimTask`: asks for work while there is a free slot.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mc_proto::mesh_v1 as wire;
use tokio::time::timeout;

use super::connection::{Connection, Lost};
use super::facts;
use super::shared::{Shared, blocking};
use super::sync::session_id;
use crate::spec::Desired;

const ASK_EVERY: Duration = Duration::from_secs(10);
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// A claimed task whose session has not come down by then holds its slot no longer.
const RESERVED_FOR: Duration = Duration::from_mins(1);

pub(super) async fn run(shared: &Shared, connection: &Connection) -> Result<Infallible, Lost> {
    // The sender lives as long as we do.
    let _ = shared.synced.subscribe().wait_for(|is_synced| *is_synced).await;
    loop {
        if let Err(error) = claim(shared, connection).await {
            tracing::warn!("no task was claimed: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            () = shared.claims.notified() => {}
        }
    }
}

/// Claims until there is no task or no free slot.
async fn claim(shared: &Shared, connection: &Connection) -> Result<(), Lost> {
    loop {
        let free_slots = free_slots(shared).await?;
        if free_slots == 0 || shared.is_stopping.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (node, slots) = (shared.node.clone(), shared.config.slots);
        let facts = blocking(move || facts::gather(&node, slots)).await?;
        let available = facts.runtimes.into_iter().filter(|runtime| runtime.available);
        let runtimes: Vec<String> = available.map(|runtime| runtime.name).collect();
        if runtimes.is_empty() {
            return Ok(());
        }
        let mut client = connection.client.clone();
        let request = wire::ClaimTaskRequest { runtimes, free_slots };
        let reply = timeout(CALL_LIMIT, client.claim_task(request)).await;
        let reply = reply
            .unwrap_or_else(|_| Err(tonic::Status::deadline_exceeded("no answer in time")))
            .map_err(Lost::call("ClaimTask"))?
            .into_inner();
        if reply.session.is_empty() {
            return Ok(());
        }
        let Some(id) = session_id(&reply.session) else { return Ok(()) };
        tracing::info!(session.id = %id, "claimed a task for session {id}");
        let mut table = shared.table();
        if !table.sessions.contains_key(&id) {
            table.reserved.insert(id, Instant::now() + RESERVED_FOR);
        }
    }
}

/// Slots that no session holds: not the living ones, local ones among them, nor those that are about to come.
async fn free_slots(shared: &Shared) -> Result<u32, Lost> {
    let node = shared.node.clone();
    let all = blocking(move || node.list().map_err(std::io::Error::other)).await?;
    let on_disk = all.into_iter().filter(|summary| {
        let has_ended = summary.meta.as_ref().is_some_and(|meta| meta.state.is_terminal());
        let was_never = summary.meta.is_none() && summary.spec.desired == Desired::Stopped;
        summary.is_live || !(has_ended || was_never)
    });
    let mut taken: BTreeSet<_> = on_disk.map(|summary| summary.spec.id).collect();
    let now = Instant::now();
    let mut table = shared.table();
    table.reserved.retain(|_, until| *until > now);
    taken.extend(table.reserved.keys().cloned());
    taken.extend(table.sessions.iter().filter(|(_, tracked)| tracked.is_live()).map(|(id, _)| id.clone()));
    Ok(shared.config.slots.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX)))
}
