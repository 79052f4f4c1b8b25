//! Permissions of agents as approvals: asked by the journal, decided by people, answered by a command.

use mc_api::id::ApprovalId;
use mc_ledger::to_canonical;
use mc_proto::mesh_v1 as wire;
use mc_transcript::PermissionOption;
use serde_json::{Value, json};

use super::model::{self, MAX_PERMISSION, Offered, Record, clean};
use super::store;
use crate::app::App;
use crate::approvals::permission::{self, Asked, Told};
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::write::hex_digest;

/// A request that is longer is stored in the event only; the approval then carries its digest.
const MAX_ACTION_BYTES: usize = 64 * 1024;
/// At most this many options are offered to people.
const MAX_OPTIONS: usize = 32;

/// The canonical text of the request, whatever the agent wrote.
fn action_of(parts: &Value, tool_call: &Value) -> Result<String, Error> {
    let with = |tool_call: Value| {
        let mut action = parts.clone();
        action["tool_call"] = tool_call;
        to_canonical(&action)
    };
    let raw = tool_call.to_string();
    if raw.len() > MAX_ACTION_BYTES {
        let digest = json!({ "sha256": hex_digest(raw.as_bytes()), "size_bytes": raw.len() });
        return Ok(with(digest)?);
    }
    // Numbers that JSON readers would round have no canonical text; then the agent's own text stands for them.
    with(tool_call.clone()).or_else(|_| with(Value::String(raw))).map_err(Error::from)
}

/// The agent asks. The same permission again changes nothing.
pub(super) async fn ask_in(
    app: &App,
    tx: &mut Tx,
    record: &Record,
    id: &str,
    options: &[PermissionOption],
    tool_call: &Value,
) -> Result<(), Error> {
    let id = clean(id, MAX_PERMISSION);
    let session = &record.session;
    if store::find_permission(tx, session.id, &id).await?.is_some() {
        return Ok(());
    }
    let turn = store::running_turn(tx, session.id).await?.map(|stored| stored.turn.id);
    let offered: Vec<Offered> = options.iter().take(MAX_OPTIONS).map(Offered::from).collect();
    let parts = json!({
        "session": session.id, "permission": id, "epoch": session.epoch, "turn": turn,
        "options": offered.iter().map(|o| json!({"id": o.id, "kind": o.kind, "name": o.name})).collect::<Vec<_>>(),
    });
    let title = tool_call["title"].as_str().unwrap_or("permission");
    let title: String = clean(title, 200).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = format!("agent-{}", &session.id.as_uuid().as_simple().to_string()[20..]);
    let asked = Asked {
        requester: (session.principal_id, name),
        organization: record.organization,
        mission: (session.mission_id, session.mission.clone()),
        title: if title.trim().is_empty() { "permission".to_owned() } else { title },
        action: action_of(&parts, tool_call)?,
    };
    let approval = permission::ask_in(app, tx, asked).await?;
    let options = serde_json::to_string(&offered).map_err(Error::internal)?;
    store::insert_permission(tx, session.id, &id, session.epoch, approval, options).await?;
    metrics::counter!("mc_session_permissions_total").increment(1);
    Ok(())
}

/// The journal tells the one answer.
pub(super) async fn answered_in(
    app: &App,
    tx: &mut Tx,
    record: &Record,
    id: &str,
    op_id: Option<&str>,
) -> Result<(), Error> {
    let Some(approval) = store::find_permission(tx, record.id(), &clean(id, MAX_PERMISSION)).await? else {
        return Ok(());
    };
    let told = match op_id {
        Some(op) if op == approval.to_string() => Told::Answered,
        Some(_) => Told::Closed("answered at the node"),
        None => Told::Closed("the request was cancelled"),
    };
    permission::tell_in(app, tx, approval, told).await
}

/// Nobody waits for an answer any more.
pub(super) async fn void_in(app: &App, tx: &mut Tx, record: &Record, why: &'static str) -> Result<(), Error> {
    for approval in store::live_permissions(tx, record.id()).await? {
        permission::tell_in(app, tx, approval, Told::Closed(why)).await?;
    }
    Ok(())
}

/// The option that a decision about a permission means; `None`: declined.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] that names `/option`.
pub(crate) async fn choose_in(
    tx: &mut Tx,
    approval: ApprovalId,
    approve: bool,
    wanted: Option<&str>,
) -> Result<Option<String>, Error> {
    let offered: Vec<Offered> = match store::permission_of(tx, approval).await? {
        Some((_, _, options)) => serde_json::from_str(&options).map_err(|error| DbError::Inconsistent {
            table: "session_permission",
            message: error.to_string(),
        })?,
        None => Vec::new(),
    };
    model::choose(&offered, approve, wanted)
}

/// Sends a decision to the session's node. An approval without a session has nobody to answer.
pub(crate) async fn answer_in(
    app: &App,
    tx: &mut Tx,
    approval: ApprovalId,
    actor: &str,
    option: Option<String>,
) -> Result<(), Error> {
    let Some((session, permission, _)) = store::permission_of(tx, approval).await? else { return Ok(()) };
    let now = app.clock.now();
    let Some(record) = store::find_locked(tx, session, now).await? else { return Ok(()) };
    let Some(node) = record.session.node_id else { return Ok(()) };
    if record.session.state.is_terminal() {
        return Ok(());
    }
    let op = wire::op::Op::AnswerPermission(wire::AnswerPermission { permission, option });
    let command = super::service::command(&record, approval.to_string(), actor, op);
    Ok(store::enqueue(tx, node, command, now).await?)
}
