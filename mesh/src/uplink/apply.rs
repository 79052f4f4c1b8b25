//! Makes sessions what they should be, and gives them their commands: one worker per session, as long as it has work.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mc_proto::mesh_v1 as wire;
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::backoff::Backoff;
use super::convert;
use super::shared::{Shared, blocking};
use super::skills;
use super::table::{Grant, Mark, Step};
use crate::daemon::{Node, NodeError};
use crate::files;
use crate::ids::SessionId;
use crate::protocol::{Code, Op, OpRequest};
use crate::runtimes;
use crate::spec::{Desired, OnInterrupt, SessionSpec};

/// How long a worker waits for the first grant before it looks again at what is wanted.
const GRANT_LIMIT: Duration = Duration::from_secs(10);

/// Runs the workers.
pub(super) async fn run(shared: Arc<Shared>, mut work: UnboundedReceiver<SessionId>) {
    let mut workers = JoinSet::new();
    loop {
        tokio::select! {
            Some(id) = work.recv() => {
                workers.spawn(settle(Arc::clone(&shared), id));
            }
            Some(ended) = workers.join_next(), if !workers.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!("a worker ended early: {error}");
                }
            }
            else => return,
        }
    }
}

async fn settle(shared: Arc<Shared>, id: SessionId) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        let step = shared.table().step(&id);
        let is_done = match step {
            None => return,
            Some(Step::Apply(spec)) => match apply(&shared, &id, &spec).await {
                Ok(mark) => {
                    applied(&shared, &id, &spec, mark);
                    true
                }
                Err(error) => {
                    tracing::warn!(session.id = %id, "cannot make session {id} what it should be: {error}");
                    false
                }
            },
            Some(Step::Command(request)) => command(&shared, &id, request).await,
        };
        if is_done {
            backoff.reset();
        } else {
            tokio::time::sleep(backoff.next()).await;
        }
    }
}

fn applied(shared: &Shared, id: &SessionId, spec: &wire::SessionSpec, mark: Mark) {
    let mut table = shared.table();
    table.due.insert(id.clone());
    if let Some(tracked) = table.sessions.get_mut(id) {
        tracked.is_settled = tracked.wanted.as_ref() == Some(spec);
        tracked.mark = mark;
    }
    shared.reports.notify_one();
}

/// Gives one command; false when it has to be given again later.
async fn command(shared: &Arc<Shared>, id: &SessionId, request: OpRequest) -> bool {
    let (node, session, op_id) = (shared.node.clone(), id.clone(), request.op_id.clone());
    if matches!(request.op, Op::Prompt { .. }) && skills::is_between_turns(shared, id) {
        skills::refresh(shared, id, skills::TURN_LIMIT).await;
    }
    let is_live = shared.table().sessions.get(id).is_some_and(super::table::Tracked::is_live);
    let given = blocking(move || node.submit(&session, request)).await;
    let result = match given {
        // It is starting, being restored or out of room: the command waits, unless nothing will ever take it.
        Ok(result) if result.code == Code::Unavailable && is_live => return false,
        Ok(result) => result,
        Err(NodeError::NoSession(_)) if is_live => return false,
        Err(error @ (NodeError::Io(_) | NodeError::Journal(_))) if is_live => {
            tracing::warn!(session.id = %id, "command {op_id} is given again: {error}");
            return false;
        }
        Err(error) => {
            tracing::warn!(session.id = %id, "command {op_id} has no session: {error}");
            crate::protocol::OpResult { op_id, code: Code::NotFound, winner: None, at_seq: 0 }
        }
    };
    shared.table().answered(id, convert::result(id.as_str(), result));
    shared.reports.notify_one();
    true
}

/// Compares what is wanted with what is on the disk and does what is missing. Answers what was written down about it.
async fn apply(shared: &Arc<Shared>, id: &SessionId, spec: &wire::SessionSpec) -> Result<Mark, NodeError> {
    let dir = shared.node.state().session(id);
    let (present, known): (Option<SessionSpec>, Option<Mark>) = blocking(move || {
        Ok::<_, NodeError>((files::read_json(&dir.spec())?, files::read_json(&dir.mark())?))
    })
    .await?;
    let known = known.unwrap_or_default();
    if known.generation > spec.generation {
        return Ok(known);
    }
    let failed = known.failed.clone().filter(|_| known.generation == spec.generation);
    let mut mark = Mark { generation: spec.generation, fence: spec.fence, failed };
    let is_wanted = spec.desired() != wire::Wanted::Stopped;
    match present {
        // It was never made, and nothing has to be ended.
        None if !is_wanted => return Ok(mark),
        None if mark.failed.is_none() => {
            // Before the folder exists, so that it is known for the control plane's whatever happens next.
            write_mark(shared, id, &mark).await?;
            mark.failed = create(shared, id, spec).await?;
        }
        Some(local) if !is_wanted && local.desired != Desired::Stopped => {
            let op_id = format!("desired-{}", spec.generation);
            let request = OpRequest { op_id, actor: "control plane".to_owned(), op: Op::Stop };
            let (node, session) = (shared.node.clone(), id.clone());
            blocking(move || node.submit(&session, request)).await?;
        }
        None | Some(_) => {}
    }
    if mark != known {
        write_mark(shared, id, &mark).await?;
    }
    Ok(mark)
}

async fn write_mark(shared: &Shared, id: &SessionId, mark: &Mark) -> Result<(), NodeError> {
    let (dir, mark) = (shared.node.state().session(id), mark.clone());
    blocking(move || {
        std::fs::create_dir_all(dir.path())?;
        Ok(files::write_json(&dir.mark(), &mark)?)
    })
    .await
}

/// Makes the session; answers why it can never be made as it is wanted.
async fn create(
    shared: &Arc<Shared>,
    id: &SessionId,
    spec: &wire::SessionSpec,
) -> Result<Option<String>, NodeError> {
    // Only a whole synchronisation tells whether an earlier life of this session is stored already. The sender of the
    // mark lives as long as we do.
    let _ = shared.synced.subscribe().wait_for(|is_synced| *is_synced).await;
    let stored = shared.table().sessions.get(id).map_or(0, |tracked| tracked.flow.acked());
    if stored > 0 {
        return Ok(Some(format!("its journal is gone from this node; seq {stored} is stored")));
    }
    if spec.has_grant && !wait_for_grant(shared, id, spec).await {
        return Err(NodeError::NotGranted);
    }
    skills::refresh(shared, id, skills::START_LIMIT).await;
    let (node, id, spec) = (shared.node.clone(), id.clone(), spec.clone());
    let made = blocking(move || {
        let local = local_spec(&node, id, &spec)?;
        node.create(&local)
    });
    match made.await {
        Ok(()) => Ok(None),
        Err(NodeError::Runtime(reason)) => Ok(Some(reason)),
        Err(error) => Err(error),
    }
}

/// Waits until the first grant is on the disk, while this is wanted of the session, but not for ever.
///
/// Nothing starts without: the grant is also the leave to start. A control plane that gave the session to another node,
/// because this one was silent, gives this one none.
async fn wait_for_grant(shared: &Shared, id: &SessionId, spec: &wire::SessionSpec) -> bool {
    let written = async {
        loop {
            let told = shared.granted.notified();
            tokio::pin!(told);
            // Registered before the look, so that nothing is missed between the two.
            told.as_mut().enable();
            let (grant, is_wanted) = {
                let table = shared.table();
                let tracked = table.sessions.get(id);
                let is_wanted = tracked.is_some_and(|tracked| tracked.wanted.as_ref() == Some(spec));
                (tracked.map(|tracked| tracked.grant), is_wanted)
            };
            if !is_wanted || matches!(grant, Some(Grant::Written { .. })) {
                return is_wanted;
            }
            shared.leases.notify_one();
            told.await;
        }
    };
    timeout(GRANT_LIMIT, written).await.unwrap_or(false)
}

/// The specification as the shim gets it. What can never work is [`NodeError::Runtime`].
fn local_spec(node: &Node, id: SessionId, spec: &wire::SessionSpec) -> Result<SessionSpec, NodeError> {
    let dir = node.state().session(&id);
    let cwd = if spec.cwd.is_empty() {
        let work = dir.work();
        std::fs::create_dir_all(&work)?;
        path_text(&work)?
    } else {
        if !Path::new(&spec.cwd).is_absolute() || !Path::new(&spec.cwd).is_dir() {
            return Err(NodeError::Runtime(format!("there is no folder {:?} on this node", spec.cwd)));
        }
        spec.cwd.clone()
    };
    let mut mcp_servers = Vec::new();
    let mut env = std::collections::BTreeMap::new();
    let current = skills::copies(node.state(), &id).link();
    env.insert(mc_bundle::skills::VARIABLE.to_owned(), path_text(&current)?);
    if spec.has_grant {
        let program = runtimes::find("mc").ok_or_else(|| {
            NodeError::Runtime(
                "mc is neither beside mc-mesh nor on PATH; agents need it as MCP server".to_owned(),
            )
        })?;
        let grant = path_text(&dir.grant())?;
        let arguments = ["mcp", "serve", "--grant-file", &grant].map(str::to_owned);
        // By it `mc`, also when Git runs it as a hook, acts as the agent and not as the owner of the node.
        env.insert("MC_GRANT_FILE".to_owned(), grant.clone());
        mcp_servers.push(
            json!({"name": "missioncontrol", "command": path_text(&program)?, "args": arguments, "env": []}),
        );
    }
    let on_interrupt = match spec.on_interrupt() {
        wire::OnInterrupt::ContinueNote => OnInterrupt::ContinueNote,
        wire::OnInterrupt::Hold | wire::OnInterrupt::Unspecified => OnInterrupt::Hold,
    };
    Ok(SessionSpec {
        id,
        generation: spec.generation,
        desired: Desired::Running,
        runtime: spec.runtime.clone(),
        cwd,
        mcp_servers,
        env,
        on_interrupt,
    })
}

fn path_text(path: &Path) -> Result<String, NodeError> {
    let text = path.to_str();
    text.map(str::to_owned).ok_or_else(|| NodeError::Runtime(format!("{} is not UTF-8", path.display())))
}
