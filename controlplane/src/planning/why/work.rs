//! What holds up work that is under way, or will.

use mc_api::approval::ApprovalState;
use mc_api::reservation::ReservationState;
use mc_api::task::{Task, TaskState};
use mc_api::why::{Cause, Hinders, WhyCode, fix};
use mc_api::{Action, Timestamp};

use super::{With as _, cause};
use crate::app::App;
use crate::approvals;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;
use crate::reservations::service as reservations;
use crate::sessions::store as sessions;

/// At most so many reservations are told.
const MOST: usize = 10;

/// What concerns the work itself.
pub(super) async fn causes(app: &App, cx: &OpCtx, task: &Task) -> Result<Vec<Cause>, Error> {
    if task.state.is_terminal() {
        return Ok(Vec::new());
    }
    let mut found = {
        let mut tx = app.db.begin_read().await?;
        sessions_of(&mut tx, cx, task, app.clock.now()).await?
    };
    found.extend(reserved(app, cx, task).await?);
    Ok(found)
}

/// The agent session of the newest attempt: whether it waits for a node, for its node, or for an answer.
async fn sessions_of(tx: &mut Tx, cx: &OpCtx, task: &Task, now: Timestamp) -> Result<Vec<Cause>, Error> {
    if !matches!(task.state, TaskState::Claimed | TaskState::Running) {
        return Ok(Vec::new());
    }
    let wanted = sessions::Wanted { task: Some(task.id), limit: 100, ..sessions::Wanted::default() };
    let mut found = Vec::new();
    for record in sessions::list(tx, cx.scope(Action::ReadSession), wanted, now).await? {
        let session = &record.session;
        if session.attempt != Some(i64::from(task.attempt)) || session.state.is_terminal() {
            continue;
        }
        let id = session.id.to_string();
        let one = |code: WhyCode, sentence: String| cause(code, Hinders::Work, sentence).of("session", &id);
        if session.node_id.is_none() {
            let why = session.reason.as_deref().unwrap_or("it was just created");
            found.push(
                one(WhyCode::SessionWaits, format!("its agent session waits for a node: {why}"))
                    .fixed_by(fix::get_nodes()),
            );
        } else if !session.is_node_reachable {
            let node = session.node.as_deref().unwrap_or("its node");
            found.push(
                one(
                    WhyCode::SessionUnreachable,
                    format!("node {node}, which runs its agent, is not heard of"),
                )
                .fixed_by(fix::describe_node(&node)),
            );
        }
        for approval in sessions::live_permissions(tx, session.id).await? {
            let Some(asked) = approvals::store::find(tx, approval).await? else { continue };
            if asked.approval.state == ApprovalState::Open {
                found.push(
                    cause(
                        WhyCode::PermissionOpen,
                        Hinders::Work,
                        format!("its agent asks for a permission: {}", asked.approval.title),
                    )
                    .of("approval", &approval)
                    .fixed_by(fix::approve(&approval)),
                );
            }
        }
    }
    Ok(found)
}

/// Reservations of its own that stand in line, and those of others on paths that it declares.
async fn reserved(app: &App, cx: &OpCtx, task: &Task) -> Result<Vec<Cause>, Error> {
    let narrow = reservations::Named { task: Some(task.id.to_string()), ..reservations::Named::default() };
    let narrow = reservations::narrow(app, cx, narrow).await?;
    let own = reservations::list(app, cx, page::Request::largest(), narrow).await?;
    let mut found = Vec::new();
    for reservation in own.items.iter().filter(|one| one.state == ReservationState::Pending).take(MOST) {
        let sentence = format!(
            "what it reserves in {} ({}) stands in line behind others",
            reservation.repository,
            reservation.globs.join(", ")
        );
        found.push(
            cause(WhyCode::ReservationWaits, Hinders::Work, sentence)
                .of("reservation", &reservation.id)
                .fixed_by(fix::get_reservations(&reservation.repository)),
        );
    }
    if task.paths.is_empty() {
        return Ok(found);
    }
    let narrow = reservations::Named { crosses: Some(task.id.to_string()), ..reservations::Named::default() };
    let narrow = reservations::narrow(app, cx, narrow).await?;
    let crossing = reservations::list(app, cx, page::Request::largest(), narrow).await?;
    let others = crossing
        .items
        .iter()
        .filter(|one| one.state == ReservationState::Active && one.task_id != Some(task.id));
    for reservation in others.take(MOST) {
        let sentence = format!(
            "{} has reserved {} in {} until {}, which its paths cross",
            reservation.principal,
            reservation.globs.join(", "),
            reservation.repository,
            reservation.expires_at
        );
        found.push(
            cause(WhyCode::PathsReserved, Hinders::Work, sentence)
                .of("reservation", &reservation.id)
                .fixed_by(fix::describe_reservation(&reservation.id)),
        );
    }
    Ok(found)
}
