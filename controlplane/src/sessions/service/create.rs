//! Opening an agent session: by people, and by a node for a task.

use mc_api::auth::{Principal, PrincipalKind};
use mc_api::id::{PrincipalId, SessionId, TaskId, TurnId};
use mc_api::mission::Mission;
use mc_api::session::{AgentSession, CreateSession, SessionState, Turn, TurnState};
use mc_api::{Action, Labels, Name, ProblemKind, Role};

use super::{event, prompt_command};
use crate::app::App;
use crate::authn;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::ledger;
use crate::missions::service::check_text;
use crate::op::{OpCtx, Proof};
use crate::sessions::model::{MAX_PROMPT_BYTES, Record, StoredTurn, clean, task_prompt};
use crate::sessions::store::{self, NodeRow};
use crate::tasks::service::held;
use crate::{klusters, missions, tasks, write_tx};

/// When it may be worth asking again, in seconds: sessions end by their tasks or by people.
const RETRY_AFTER: u32 = 60;

/// A session that is opened.
pub(crate) struct Opening<'a> {
    /// Where.
    pub(crate) mission: &'a Mission,
    /// With which runtime.
    pub(crate) runtime: String,
    /// For which task; it is claimed for the session's agent.
    pub(crate) task: Option<TaskId>,
    /// On which node; absent: the scheduler finds one.
    pub(crate) node: Option<&'a NodeRow>,
    /// In which folder; empty: one of its own.
    pub(crate) cwd: String,
    /// Labels.
    pub(crate) labels: Labels,
    /// Nobody watches it: it continues by itself and ends with its task.
    pub(crate) is_unattended: bool,
}

fn check(request: &CreateSession) -> Result<(), Error> {
    if let Some(cwd) = &request.cwd {
        check_text("/cwd", cwd, 4096)?;
        if !cwd.starts_with('/') || cwd.chars().any(char::is_control) {
            return Err(Error::invalid("/cwd", "an absolute path without control characters"));
        }
    }
    if let Some(runtime) = &request.runtime {
        runtime.parse::<Name>().map_err(|error| Error::invalid("/runtime", error.to_string()))?;
    }
    request.labels.check().map_err(|(key, rule)| Error::invalid(format!("/labels/{key}"), rule))
}

/// Creates an agent session; a task that is named is claimed for its agent and becomes the first prompt.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`],
/// [`ProblemKind::AlreadyClaimed`], [`ProblemKind::InvalidTransition`], [`ProblemKind::RateLimited`] when the caller's
/// sessions that have not ended are too many.
pub async fn create(app: &App, cx: &OpCtx, request: CreateSession) -> Result<AgentSession, Error> {
    check(&request)?;
    let session = write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, &request.mission).await?;
        let proof = cx.authorize_in(Action::CreateSession, mission.id)?;
        let task = match &request.task {
            Some(task) => Some(tasks::service::resolve(tx, cx, task, Some(mission.id), None).await?.task),
            None => None,
        };
        let mut runtime = request.runtime.clone();
        if let (None, Some(task)) = (&runtime, &task) {
            let kluster = task.kluster_id.to_string();
            let kluster = klusters::service::resolve(tx, cx, &kluster, Some(mission.id)).await?;
            runtime = task.runtime.clone().or(kluster.runtime).map(|name| name.to_string());
        }
        let runtime = runtime.ok_or_else(|| {
            Error::invalid("/runtime", "name a runtime; neither task nor kluster names one")
        })?;
        let node = match &request.node {
            Some(node) => Some(chosen_node(tx, cx, node, &runtime).await?),
            None => None,
        };
        missions::store::lock(tx, mission.id).await?;
        check_count(tx, app, cx).await?;
        let opening = Opening {
            mission: &mission,
            runtime,
            task: task.map(|task| task.id),
            node: node.as_ref(),
            cwd: request.cwd.clone().unwrap_or_default(),
            labels: request.labels.clone(),
            is_unattended: false,
        };
        let session = open_in(tx, cx, proof, opening).await?.session;
        // The last lock in the order; the node may have been cordoned since it was read.
        if let Some(node) = session.node_id {
            let now = store::node_locked(tx, node).await?;
            check_open(&now.ok_or_else(|| Error::not_found("node", node))?)?;
        }
        Ok(session)
    })?;
    app.sessions.nudge();
    Ok(session)
}

/// Refuses one agent session too many, also beside others that are created at the same time.
async fn check_count(tx: &mut Tx, app: &App, cx: &OpCtx) -> Result<(), Error> {
    let most = app.sessions_per_principal;
    if most == 0 || store::live_of_creator(tx, cx.caller.id).await? < i64::from(most) {
        return Ok(());
    }
    let detail = format!(
        "{most} agent sessions that {} created have not ended, and {most} is the limit; stop some, or raise \
         --sessions-per-principal (MC_SESSIONS_PER_PRINCIPAL) of mc-controlplane",
        cx.caller.name
    );
    Err(Error { retry_after: Some(RETRY_AFTER), ..Error::new(ProblemKind::RateLimited, detail) })
}

async fn chosen_node(tx: &mut Tx, cx: &OpCtx, reference: &str, runtime: &str) -> Result<NodeRow, Error> {
    let node = store::find_node(tx, cx.caller.organization, reference)
        .await?
        .ok_or_else(|| Error::not_found("node", reference))?;
    if node.slots_for(runtime)?.is_none() {
        return Err(Error::invalid("/node", format!("node {} cannot run {runtime}", node.name)));
    }
    check_open(&node)?;
    Ok(node)
}

fn check_open(node: &NodeRow) -> Result<(), Error> {
    if !node.cordoned {
        return Ok(());
    }
    let what = if node.draining { "drained" } else { "cordoned" };
    Err(Error::new(ProblemKind::InvalidTransition, format!("node {} is {what}", node.name)))
}

/// Opens a session in a transaction that may hold the mission's and the task's lock: principal, claim, session, first
/// turn, and its command when the node is known.
pub(crate) async fn open_in(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    opening: Opening<'_>,
) -> Result<Record, Error> {
    let id = SessionId::from_uuid(cx.new_uuid());
    let agent = agent_principal(tx, cx, id, opening.mission).await?;
    let task = match opening.task {
        Some(task) => Some(held::claim_in(tx, cx, task, (agent.id, agent.name.as_str())).await?),
        None => None,
    };
    let session = AgentSession {
        kind: "session".into(),
        id,
        mission_id: opening.mission.id,
        mission: opening.mission.name.clone(),
        task_id: task.as_ref().map(|task| task.id),
        task: task.as_ref().map(|task| task.key.clone()),
        attempt: task.as_ref().map(|task| i64::from(task.attempt)),
        runtime: opening.runtime,
        cwd: opening.cwd,
        node_id: opening.node.map(|node| node.node_id),
        node: opening.node.map(|node| node.name.to_string()),
        state: SessionState::Starting,
        reason: None,
        is_node_reachable: opening.node.is_some_and(|node| node.lease_until > cx.now()),
        agent_pid: None,
        epoch: 0,
        agent_session: None,
        mode: None,
        modes: Vec::new(),
        last_seq: 0,
        turn_id: None,
        principal_id: agent.id,
        labels: opening.labels,
        version: 1,
        created_by: cx.caller.id,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    let mut record = Record {
        session,
        organization: cx.caller.organization,
        is_unattended: opening.is_unattended,
        is_stop_wanted: false,
        continues: opening.is_unattended,
        generation: 1,
        observed_generation: 0,
        fence: i64::from(opening.node.is_some()),
        turn_count: i64::from(task.is_some()),
    };
    store::insert(tx, &record).await?;
    if let Some(task) = &task {
        let prompt = clean(&task_prompt(task), MAX_PROMPT_BYTES);
        let stored = new_turn(cx, &record, prompt);
        store::insert_turn(tx, &stored).await?;
        record.session.turn_id = Some(stored.turn.id);
        if let Some(node) = record.session.node_id {
            store::enqueue(tx, node, prompt_command(&record, &stored)?, cx.now()).await?;
        }
    }
    ledger::record(tx, cx, proof, event(&record.session)).await?;
    Ok(record)
}

/// A queued turn, numbered by the session's count.
pub(super) fn new_turn(cx: &OpCtx, record: &Record, prompt: String) -> StoredTurn {
    let id = TurnId::from_uuid(cx.new_uuid());
    let turn = Turn {
        kind: "turn".into(),
        id,
        session_id: record.id(),
        number: record.turn_count,
        state: TurnState::Queued,
        prompt,
        stop_reason: None,
        message: String::new(),
        first_seq: None,
        last_seq: None,
        requester_id: cx.caller.id,
        version: 1,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    StoredTurn { turn, organization: record.organization, op_id: id.to_string(), is_settled: false }
}

/// The principal that the session's agent acts as: Contributor of the mission, nothing beyond.
async fn agent_principal(
    tx: &mut Tx,
    cx: &OpCtx,
    session: SessionId,
    mission: &Mission,
) -> Result<Principal, Error> {
    let digits = session.as_uuid().as_simple().to_string();
    let name = format!("agent-{}", &digits[20..]);
    let principal = Principal {
        kind: "principal".into(),
        id: PrincipalId::from_uuid(cx.new_uuid()),
        name: name.parse().map_err(Error::internal)?,
        principal_kind: PrincipalKind::Agent,
        role: None,
        mission_roles: Vec::new(),
        version: 1,
        created_at: cx.now(),
    };
    authn::store::insert(tx, cx.caller.organization, &principal).await.map_err(|error| match error {
        // Somebody took the name on purpose: the next try has another id, and so another name.
        DbError::Unique(_) => DbError::Met,
        other => other,
    })?;
    let role = Some(Role::Contributor);
    authn::store::set_role(tx, cx.caller.organization, principal.id, Some(mission.id), role).await?;
    Ok(principal)
}
