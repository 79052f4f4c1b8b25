//! Asking for paths.

use mc_api::id::ReservationId;
use mc_api::mission::Mission;
use mc_api::reservation::{CreateReservation, OnConflict, Overlap, Reservation, ReservationState};
use mc_api::task::{ClaimState, Task};
use mc_api::{Action, ProblemKind};

use super::{event, lease_end, overlap};
use crate::app::App;
use crate::db::Tx;
use crate::error::{Against, Error};
use crate::ledger;
use crate::missions::service::check_text;
use crate::op::OpCtx;
use crate::reservations::model::{self, Asked, Holder, Record};
use crate::reservations::{reconcile, store};
use crate::{missions, sessions, tasks, write_tx};

/// At most this many reservations in the way are listed.
const MAX_CONFLICTS: usize = 32;
/// Nobody is told to wait longer before asking again: holders release before their lease ends.
const MAX_RETRY_AFTER_SECONDS: u32 = 60;

/// Reserves paths: at once, or in line when others stand in the way and it is asked to wait.
///
/// # Errors
/// [`ProblemKind::ReservationConflict`] with those in the way, [`ProblemKind::Validation`], [`ProblemKind::Forbidden`],
/// [`ProblemKind::NotFound`], [`ProblemKind::InvalidTransition`] when task or agent session have ended,
/// [`ProblemKind::RateLimited`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateReservation) -> Result<Reservation, Error> {
    let repository = model::repository("/repository", &request.repository)?;
    if request.globs.is_empty() {
        return Err(Error::invalid("/globs", "1 to 32 globs"));
    }
    let globs = model::globs("/globs", &request.globs)?;
    let ttl_seconds = model::ttl(request.ttl_seconds)?.unwrap_or(model::DEFAULT_TTL_SECONDS);
    if let Some(reason) = &request.reason {
        check_text("/reason", reason, 2000)?;
        if reason.chars().count() > 500 {
            return Err(Error::invalid("/reason", "at most 500 characters"));
        }
    }
    write_tx!(app, cx, |tx| {
        let asker = asker(tx, cx, &request).await?;
        let proof = cx.authorize_in(Action::CreateReservation, asker.mission.id)?;
        missions::store::lock_shared(tx, asker.mission.id).await?;
        store::lock(tx, cx.caller.organization, &repository).await?;
        let open = reconcile::settle(tx, app, cx.caller.organization, &repository).await?;
        let asked = Asked { holder: asker.holder, mode: request.mode, globs: &globs };
        model::check_room(&open, &asked)?;
        let conflicts = asked.conflicts(&open);
        let state = match (conflicts.is_empty(), request.on_conflict) {
            (true, _) => ReservationState::Active,
            (false, OnConflict::Queue) => ReservationState::Pending,
            (false, OnConflict::Refuse) => {
                let listed =
                    conflicts.into_iter().map(|(record, pairs)| overlap(cx, record, &asker.holder, pairs));
                return Err(refusal(cx, listed.collect()));
            }
        };
        let reservation = Reservation {
            kind: "reservation".into(),
            id: ReservationId::from_uuid(cx.new_uuid()),
            state,
            repository: repository.clone(),
            globs: globs.iter().map(ToString::to_string).collect(),
            mode: request.mode,
            mission_id: asker.mission.id,
            mission: asker.mission.name.clone(),
            task_id: asker.holder.task,
            task: asker.task,
            session_id: asker.holder.session,
            principal_id: cx.caller.id,
            principal: cx.caller.name.clone(),
            reason: request.reason.clone(),
            ttl_seconds,
            expires_at: lease_end(cx.now(), ttl_seconds),
            version: 1,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        let organization = cx.caller.organization;
        let place = store::take_place(tx, organization, &repository).await?;
        let record = Record { reservation, organization, place, is_over: false, globs: globs.clone() };
        store::insert(tx, &record).await?;
        ledger::record(tx, cx, proof, event(&record.reservation, None)?).await?;
        Ok(record.reservation)
    })
}

fn refusal(cx: &OpCtx, mut conflicts: Vec<Overlap>) -> Error {
    let last = conflicts.iter().map(|conflict| conflict.expires_at).max().unwrap_or(cx.now());
    let micros = last.as_micros().saturating_sub(cx.now().as_micros());
    let seconds = u32::try_from(micros / 1_000_000 + 1).unwrap_or(1).clamp(1, MAX_RETRY_AFTER_SECONDS);
    let first = conflicts.first().map(Overlap::describe).unwrap_or_default();
    let detail = match conflicts.len() {
        0 | 1 => format!("reserved by {first}"),
        more => format!("reserved by {first}; and {} more", more - 1),
    };
    conflicts.truncate(MAX_CONFLICTS);
    Error {
        against: Against::Reservations(conflicts),
        retry_after: Some(seconds),
        ..Error::new(ProblemKind::ReservationConflict, detail)
    }
}

/// In whose name paths are asked for.
struct Asker {
    mission: Mission,
    holder: Holder,
    task: Option<String>,
}

/// Finds mission, task and agent session: those named, else those of the caller's grant.
async fn asker(tx: &mut Tx, cx: &OpCtx, request: &CreateReservation) -> Result<Asker, Error> {
    let grant = cx.caller.grant.as_ref();
    let task = request.task.clone().or_else(|| grant?.task.map(|(task, _)| task.to_string()));
    let session = request.session.clone().or_else(|| grant?.session.map(|id| id.to_string()));
    let mission = match &request.mission {
        Some(mission) => Some(missions::service::resolve(tx, cx, mission).await?),
        None => None,
    };
    let within = mission.as_ref().map(|mission| mission.id);
    let task = match task {
        Some(task) => Some(tasks::service::resolve(tx, cx, &task, within, None).await?.task),
        None => None,
    };
    let session = match session {
        Some(session) => Some(sessions::service::resolve(tx, cx, &session).await?.session),
        None => None,
    };
    let ended = |what: &str, which: &str| {
        Error::new(ProblemKind::InvalidTransition, format!("{what} {which} has ended; it reserves nothing"))
    };
    if let Some(task) = &task {
        check_own(cx, task)?;
        if task.state.is_terminal() {
            return Err(ended("task", &task.key));
        }
    }
    if let Some(session) = &session {
        if grant.is_some_and(|grant| grant.session != Some(session.id)) {
            return Err(Error::new(
                ProblemKind::Forbidden,
                "a grant reserves for its own agent session only",
            ));
        }
        if session.state.is_terminal() {
            return Err(ended("agent session", &session.id.to_string()));
        }
    }
    let named = [
        ("/mission", within),
        ("/task", task.as_ref().map(|task| task.mission_id)),
        ("/session", session.as_ref().map(|session| session.mission_id)),
        ("/mission", grant.and_then(|grant| grant.mission)),
    ];
    let mut found: Option<mc_api::id::MissionId> = None;
    for (pointer, id) in named {
        match (found, id) {
            (Some(one), Some(other)) if one != other => {
                return Err(Error::invalid(
                    pointer,
                    "mission, task and agent session are of different missions",
                ));
            }
            (None, Some(id)) => found = Some(id),
            (Some(_) | None, None) | (Some(_), Some(_)) => {}
        }
    }
    let mission = match (mission, found) {
        (Some(mission), _) => mission,
        (None, Some(id)) => missions::service::resolve(tx, cx, &id.to_string()).await?,
        (None, None) => return Err(Error::invalid("/mission", "name a mission, a task or an agent session")),
    };
    let holder = Holder {
        principal: cx.caller.id,
        task: task.as_ref().map(|task| task.id),
        session: session.as_ref().map(|session| session.id),
    };
    Ok(Asker { mission, holder, task: task.map(|task| task.key) })
}

/// An agent reserves for the task of its grant, or one that it has claimed.
fn check_own(cx: &OpCtx, task: &Task) -> Result<(), Error> {
    let Some(grant) = &cx.caller.grant else { return Ok(()) };
    let is_granted = grant.task.is_some_and(|(id, _)| id == task.id);
    let is_claimed = task
        .claim
        .as_ref()
        .is_some_and(|claim| claim.principal_id == cx.caller.id && claim.state == ClaimState::Active);
    if is_granted || is_claimed {
        return Ok(());
    }
    let detail =
        format!("a grant reserves for its own task only; {:?} has not claimed {}", cx.caller.name, task.key);
    Err(Error::new(ProblemKind::Forbidden, detail))
}
