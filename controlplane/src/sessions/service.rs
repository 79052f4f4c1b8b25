//! Operations on agent sessions.

mod create;
mod steer;

use mc_api::id::{MissionId, NodeId, SessionId, TaskId, TurnId};
use mc_api::session::{AgentSession, SessionEvent, SessionState, Turn, TurnState};
use mc_api::{Action, Page, Timestamp};
use mc_journal::{Kind, Record as JournalRecord, Stamp};
use mc_proto::mesh_v1 as wire;
use mc_transcript::Event as Published;
use prost::Message as _;

use super::model::{MAX_PERMISSION, Record, StoredTurn, clean};
use super::store::{self, NewCommand, StoredEvent};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::op::OpCtx;
use crate::{missions, tasks, write_tx};

pub use create::create;
pub(crate) use create::{Opening, open_in};
pub(super) use steer::stop_in;
pub use steer::{cancel, cancel_turn, decide, prompt, set_mode, stop};

/// At most this many bytes of events in one answer, unless a single one is larger.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;

pub(super) fn event(after: &AgentSession) -> Event<'_, AgentSession> {
    Event { subject_kind: "session", subject_id: after.id.to_string(), body: after, before_sha256: None }
}

/// A command as it is stored.
pub(super) fn command(record: &Record, op_id: String, actor: &str, op: wire::op::Op) -> NewCommand {
    let op = wire::Op { op: Some(op) }.encode_to_vec();
    // The signed text has one line for the actor.
    let actor = actor.chars().map(|c| if c.is_control() { ' ' } else { c }).take(128).collect();
    NewCommand { op_id, session: record.id(), actor, op }
}

/// The command that queues a turn's prompt.
pub(super) fn prompt_command(record: &Record, stored: &StoredTurn) -> Result<NewCommand, Error> {
    let blocks = serde_json::json!([{ "type": "text", "text": stored.turn.prompt }]);
    let blocks_json = serde_json::to_vec(&blocks).map_err(Error::internal)?;
    let op = wire::op::Op::Prompt(wire::Prompt { blocks_json });
    let actor = stored.turn.requester_id.to_string();
    Ok(command(record, stored.op_id.clone(), &actor, op))
}

/// Finds a session that the caller may read: by id.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`].
pub(crate) async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Record, Error> {
    let absent = || Error::not_found("agent session", reference);
    let id: SessionId = reference.parse().map_err(|_| absent())?;
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    store::list(tx, cx.scope(Action::ReadSession), wanted, cx.now()).await?.pop().ok_or_else(absent)
}

/// One agent session by id.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<AgentSession, Error> {
    Ok(resolve(&mut app.db.begin_read().await?, cx, reference).await?.session)
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// For this task.
    pub task: Option<TaskId>,
    /// On this node.
    pub node: Option<NodeId>,
    /// In one of these states.
    pub states: Option<Vec<SessionState>>,
    /// With this runtime.
    pub runtime: Option<String>,
    /// With these labels.
    pub labels: Vec<(String, Option<String>)>,
    /// Of those that have ended, only these.
    pub recent: Option<page::Recent<SessionId>>,
}

/// What a list of sessions is narrowed by, as a request names it.
#[derive(Debug, Clone, Default)]
pub struct Named<'a> {
    /// Mission id or name.
    pub mission: Option<&'a str>,
    /// Task id or key.
    pub task: Option<&'a str>,
    /// Node id or name.
    pub node: Option<&'a str>,
}

/// Reads the references that a list is narrowed by.
pub async fn narrow(app: &App, cx: &OpCtx, named: Named<'_>) -> Result<Narrow, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = match named.mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    let task = match named.task {
        Some(task) => Some(tasks::service::resolve(&mut tx, cx, task, mission, None).await?.task.id),
        None => None,
    };
    let node = match named.node {
        Some(node) => Some(
            store::find_node(&mut tx, cx.caller.organization, node)
                .await?
                .ok_or_else(|| Error::not_found("node", node))?
                .node_id,
        ),
        None => None,
    };
    Ok(Narrow { mission, task, node, ..Narrow::default() })
}

/// A page of agent sessions in the order of their ids, which is the order of their creation.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<SessionId>,
    narrow: Narrow,
) -> Result<Page<AgentSession>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = store::Wanted {
        id: None,
        mission: narrow.mission,
        task: narrow.task,
        node: narrow.node,
        states: narrow.states,
        runtime: narrow.runtime,
        labels: narrow.labels,
        ended_from: narrow.recent.and_then(|recent| recent.from),
        after: page.after,
        limit: page.fetch(),
    };
    let rows = store::list(&mut tx, cx.scope(Action::ReadSession), wanted, cx.now()).await?;
    Ok(page.cut(app, rows.into_iter().map(|record| record.session).collect(), |session| session.id))
}

/// Records that somebody follows a session, from which position on.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`].
pub(super) async fn attach(app: &App, cx: &OpCtx, reference: &str, from: i64) -> Result<SessionId, Error> {
    write_tx!(app, cx, |tx| {
        let session = resolve(tx, cx, reference).await?.session;
        let proof = cx.authorize_in(Action::ReadSession, session.mission_id)?;
        let body = serde_json::json!({ "verb": "attach", "from": from });
        let subject_id = session.id.to_string();
        let event = Event { subject_kind: "session", subject_id, body: &body, before_sha256: None };
        ledger::record(tx, cx, proof, event).await?;
        Ok(session.id)
    })
}

/// The `most` youngest of the sessions that have ended, in a mission or in all.
pub(crate) async fn recent(
    app: &App,
    cx: &OpCtx,
    mission: Option<MissionId>,
    most: u32,
) -> Result<page::Recent<SessionId>, Error> {
    let mut tx = app.db.begin_read().await?;
    let (from, left_out) = store::recent(&mut tx, cx.scope(Action::ReadSession), mission, most).await?;
    Ok(page::Recent { from, left_out })
}

/// Ids and versions of what a list may hold, for a watch that looks again and again.
pub(crate) async fn versions(
    app: &App,
    cx: &OpCtx,
    mission: Option<MissionId>,
) -> Result<Vec<(SessionId, i64)>, Error> {
    let mut tx = app.db.begin_read().await?;
    Ok(store::versions(&mut tx, cx.scope(Action::ReadSession), mission).await?)
}

/// What a list of turns is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct NarrowTurns {
    /// Of this agent session, by id.
    pub session: Option<String>,
    /// Of this mission, by id or name.
    pub mission: Option<String>,
    /// In one of these states.
    pub states: Option<Vec<TurnState>>,
}

/// A page of turns in the order of their ids.
pub async fn list_turns(
    app: &App,
    cx: &OpCtx,
    page: page::Request<TurnId>,
    narrow: NarrowTurns,
) -> Result<Page<Turn>, Error> {
    let mut tx = app.db.begin_read().await?;
    let session = match &narrow.session {
        Some(session) => Some(resolve(&mut tx, cx, session).await?.id()),
        None => None,
    };
    let mission = match &narrow.mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    let wanted = store::TurnsWanted {
        id: None,
        session,
        mission,
        states: narrow.states,
        after: page.after,
        limit: page.fetch(),
    };
    let rows = store::list_turns(&mut tx, cx.scope(Action::ReadSession), wanted).await?;
    Ok(page.cut(app, rows, |turn| turn.id))
}

/// One turn by id.
pub async fn get_turn(app: &App, cx: &OpCtx, reference: &str) -> Result<Turn, Error> {
    let absent = || Error::not_found("turn", reference);
    let id: TurnId = reference.parse().map_err(|_| absent())?;
    let wanted = store::TurnsWanted { id: Some(id), limit: 1, ..store::TurnsWanted::default() };
    let mut tx = app.db.begin_read().await?;
    store::list_turns(&mut tx, cx.scope(Action::ReadSession), wanted).await?.pop().ok_or_else(absent)
}

fn published(stored: StoredEvent) -> Option<SessionEvent> {
    let record = JournalRecord {
        seq: u64::try_from(stored.seq).ok()?,
        stamp: Stamp { boot_us: 0, wall_us: stored.wall_us },
        kind: Kind::from_code(u8::try_from(stored.record).ok()?),
        flags: u8::try_from(stored.flags).unwrap_or(0),
        payload: stored.payload,
    };
    let event = Published::of(&record)?;
    let at = Timestamp::from_micros(event.time_us);
    Some(SessionEvent { seq: stored.seq, kind: event.kind.to_owned(), at, body: event.body })
}

/// The published events of a session from a position on: at most `limit`, and at most about 4 MiB of them. Whoever
/// gets fewer than asked goes on after the last.
///
/// # Errors
/// Database failures.
pub(super) async fn events_from(
    tx: &mut Tx,
    session: SessionId,
    from: i64,
    limit: i64,
) -> Result<Vec<SessionEvent>, Error> {
    let stored = store::page_of_events(tx, session, from, limit, PAGE_BYTES).await?;
    let mut events: Vec<SessionEvent> = stored.into_iter().filter_map(published).collect();
    for event in &mut events {
        if matches!(event.kind.as_str(), "permission_open" | "permission_answer") {
            name_approval(tx, session, event).await?;
        }
    }
    Ok(events)
}

/// Published events before a position.
pub(super) struct Before {
    /// Oldest first.
    pub(super) events: Vec<SessionEvent>,
    /// The first position that was read.
    pub(super) oldest: Option<i64>,
    /// The last position that was read.
    pub(super) newest: Option<i64>,
    /// Nothing comes before them.
    pub(super) is_first: bool,
}

/// The published events before a position: the last `limit`, or about 4 MiB of them. Approvals are not named in them.
///
/// # Errors
/// Database failures.
pub(super) async fn events_before(
    tx: &mut Tx,
    session: SessionId,
    before: i64,
    limit: i64,
) -> Result<Before, Error> {
    let (stored, is_first) = store::events_before(tx, session, before, limit, PAGE_BYTES).await?;
    let (oldest, newest) = (stored.first().map(|event| event.seq), stored.last().map(|event| event.seq));
    let events = stored.into_iter().filter_map(published).collect();
    Ok(Before { events, oldest, newest, is_first })
}

/// Says in the event of a permission which approval decides it; the journal does not know.
async fn name_approval(tx: &mut Tx, session: SessionId, event: &mut SessionEvent) -> Result<(), Error> {
    let Some(permission) = event.body["id"].as_str() else { return Ok(()) };
    let approval = store::find_permission(tx, session, &clean(permission, MAX_PERMISSION)).await?;
    if let (Some(approval), Some(body)) = (approval, event.body.as_object_mut()) {
        body.insert("approval_id".to_owned(), approval.to_string().into());
    }
    Ok(())
}

/// A page of events by position; `next_cursor` is the `from` of the next page.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Validation`].
pub async fn events(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    from: i64,
    limit: u32,
) -> Result<Page<SessionEvent>, Error> {
    if from < 0 {
        return Err(Error::invalid("?from", "0 or more"));
    }
    if !(1..=mc_api::page::MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("?limit", format!("1 to {}", mc_api::page::MAX_LIMIT)));
    }
    let mut tx = app.db.begin_read().await?;
    let session = resolve(&mut tx, cx, reference).await?.id();
    let items = events_from(&mut tx, session, from, limit.into()).await?;
    let next = match items.last() {
        Some(last) => !store::page_of_events(&mut tx, session, last.seq + 1, 1, 0).await?.is_empty(),
        None => false,
    };
    let next_cursor = items.last().filter(|_| next).map(|last| (last.seq + 1).to_string());
    Ok(Page { items, next_cursor })
}
