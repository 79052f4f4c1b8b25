//! What a node is told, and what it asks for. The gRPC door calls this with the node that the certificate names.

use mc_api::auth::PrincipalKind;
use mc_api::id::{NodeId, SessionId};
use mc_api::{Action, Labels, ProblemKind};
use mc_proto::mesh_v1 as wire;

use super::fit;
use super::model::Record;
use super::service::{Opening, open_in};
use super::settle::{agent_cx, work_of};
use super::store::{self, Pending};
use crate::app::App;
use crate::authn::grants::{self, NewGrant};
use crate::error::Error;
use crate::missions;
use crate::op::OpCtx;
use crate::system_tx;
use crate::tasks::service::held;

/// At most this many commands are read at once.
const COMMANDS: i64 = 500;

/// What a session should be, as its node is told.
fn spec(record: &Record) -> wire::SessionSpec {
    let wanted = if record.is_stop_wanted { wire::Wanted::Stopped } else { wire::Wanted::Running };
    let on_interrupt =
        if record.continues { wire::OnInterrupt::ContinueNote } else { wire::OnInterrupt::Hold };
    wire::SessionSpec {
        session: record.id().to_string(),
        generation: u64::try_from(record.generation).unwrap_or(0),
        desired: wanted.into(),
        runtime: record.session.runtime.clone(),
        cwd: record.session.cwd.clone(),
        on_interrupt: on_interrupt.into(),
        fence: u64::try_from(record.fence).unwrap_or(0),
        has_grant: true,
    }
}

/// A session of a node with what is stored of its journal.
#[derive(Debug, Clone)]
pub struct Desired {
    /// What it should be.
    pub spec: wire::SessionSpec,
    /// What is stored.
    pub cursor: wire::Cursor,
}

/// Every session that a node is to know.
///
/// # Errors
/// Database failures.
pub async fn desired(app: &App, node: NodeId) -> Result<Vec<Desired>, Error> {
    let records = store::of_node(&mut app.db.begin_read().await?, node, app.clock.now()).await?;
    let with_cursor = |record: &Record| Desired {
        spec: spec(record),
        cursor: wire::Cursor {
            session: record.id().to_string(),
            acked_seq: u64::try_from(record.session.last_seq).unwrap_or(0),
            fence: u64::try_from(record.fence).unwrap_or(0),
            rewind: false,
        },
    };
    Ok(records.iter().map(with_cursor).collect())
}

/// Commands of a node that have no answer, after a position, in their order; not yet signed.
///
/// # Errors
/// Database failures.
pub async fn commands(app: &App, node: NodeId, after: u64) -> Result<Vec<wire::Command>, Error> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let pending = store::open_commands(&mut app.db.begin_read().await?, node, after, COMMANDS).await?;
    let unsigned = |pending: Pending| wire::Command {
        node_seq: u64::try_from(pending.node_seq).unwrap_or(0),
        session: pending.session_id.to_string(),
        op_id: pending.op_id,
        actor: pending.actor,
        op: pending.op,
        key_id: String::new(),
        signature: Vec::new(),
    };
    Ok(pending.into_iter().map(unsigned).collect())
}

/// Renews the claims of sessions that a node says are alive. Gives back those that are its own and have not ended.
///
/// # Errors
/// Database failures.
pub async fn renew(app: &App, node: NodeId, live: &[SessionId]) -> Result<Vec<SessionId>, Error> {
    let now = app.clock.now();
    let mut own = Vec::with_capacity(live.len());
    for id in live {
        let found = system_tx!(app, |tx| {
            let Some(record) = store::find(tx, *id, now).await? else { return Ok(false) };
            if record.session.node_id != Some(node) || record.session.state.is_terminal() {
                return Ok(false);
            }
            if let Some((task, attempt)) = work_of(&record) {
                held::renew_in(tx, &agent_cx(app, &record), task, attempt).await?;
            }
            Ok(true)
        })?;
        if found {
            own.push(*id);
        }
    }
    Ok(own)
}

/// Makes a grant for each of these sessions that is the node's own and lives: what its agent acts with for a while. The
/// first is also the leave to start: no node starts an agent without.
///
/// # Errors
/// Database failures.
pub async fn grants(app: &App, node: NodeId, wanted: &[SessionId]) -> Result<Vec<wire::Grant>, Error> {
    let now = app.clock.now();
    let mut made = Vec::with_capacity(wanted.len());
    for id in wanted {
        let grant = system_tx!(app, |tx| {
            let Some(mut record) = store::find_locked(tx, *id, now).await? else { return Ok(None) };
            if record.session.node_id != Some(node) || record.check_open().is_err() {
                return Ok(None);
            }
            if record.observed_generation == 0 {
                // From here on it may have started there, whatever is heard of the node.
                record.observed_generation = record.generation;
                if !store::put(tx, record.session.version, &record).await? {
                    return Err(missions::service::changed_meanwhile());
                }
            }
            let new = NewGrant {
                organization: record.organization,
                principal: record.session.principal_id,
                name: agent_cx(app, &record).caller.name.clone(),
                mission: Some(record.session.mission_id),
                session: Some(*id),
                task: work_of(&record),
                lifetime: grants::LIFETIME,
            };
            Ok(grants::issue_in(tx, &app.ids, now, new).await?.token)
        })?;
        if let Some(token) = grant {
            let ttl_ms = u32::try_from(grants::LIFETIME.as_millis()).unwrap_or(u32::MAX);
            made.push(wire::Grant {
                session: id.to_string(),
                token,
                ttl_ms,
                base_url: app.endpoints.http_url(),
            });
        }
    }
    Ok(made)
}

/// Whether a node that asks now would find a task.
///
/// # Errors
/// Database failures.
pub async fn has_work(app: &App, runtimes: &[String]) -> Result<bool, Error> {
    held::has_work(&mut app.db.begin_read().await?, app.organization, runtimes).await
}

/// Claims the next ready task that names one of the runtimes and opens its unattended session on the node. `None`:
/// there is nothing to do, or the node takes nothing now.
///
/// # Errors
/// Database failures.
pub async fn claim_task(
    app: &App,
    node: NodeId,
    runtimes: &[String],
    free_slots: u32,
) -> Result<Option<SessionId>, Error> {
    if free_slots == 0 || runtimes.is_empty() {
        return Ok(None);
    }
    let now = app.clock.now();
    let claimed = system_tx!(app, |tx| {
        let Some(row) = store::node_by_id(tx, node).await? else { return Ok(None) };
        let Ok((can, _)) = fit::among(&row, runtimes, 0, now)? else { return Ok(None) };
        let Some((task, runtime)) = held::next_for_runtimes(tx, now, row.organization_id, &can).await? else {
            return Ok(None);
        };
        // The task is locked; the node's row orders those that count its slots.
        let Some(row) = store::node_locked(tx, node).await? else { return Ok(None) };
        if fit::of(&row, &runtime, store::live_on(tx, node).await?, now)?.is_err() {
            return Ok(None);
        }
        let node_principal = (row.principal_id, row.name.to_string(), PrincipalKind::Node);
        let cx = OpCtx::acting(app, node_principal, task.mission_id);
        let mission = missions::service::resolve(tx, &cx, &task.mission_id.to_string()).await?;
        let proof = cx.authorize_in(Action::CreateSession, mission.id)?;
        let opening = Opening {
            mission: &mission,
            runtime,
            task: Some(task.id),
            node: Some(&row),
            cwd: String::new(),
            labels: Labels::default(),
            is_unattended: true,
        };
        match open_in(tx, &cx, proof, opening).await {
            Ok(record) => Ok(Some(record.id())),
            // Somebody was faster, or took the last room: the next candidate is looked for.
            Err(error) if matches!(error.kind, ProblemKind::AlreadyClaimed | ProblemKind::KlusterFull) => {
                Err(crate::db::DbError::Met.into())
            }
            Err(error) => Err(error),
        }
    })?;
    if claimed.is_some() {
        metrics::counter!("mc_sessions_claimed_total").increment(1);
    }
    Ok(claimed)
}
