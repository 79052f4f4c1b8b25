//! Operations on reservations.

mod check;
mod create;

use std::time::Duration;

use mc_api::id::{MissionId, ReservationId, TaskId};
use mc_api::reservation::{GlobPair, Overlap, RenewReservation, Reservation, ReservationState};
use mc_api::{Action, Page, ProblemKind, Repository, Timestamp};
use mc_glob::{Glob, RepoPath};

use super::model::{self, Holder, Record};
use super::{reconcile, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{OpCtx, Proof};
use crate::{missions, tasks, write_tx};

pub use check::check;
pub use create::create;

/// Said instead of a name that the caller may not read.
const ANOTHER_MISSION: &str = "another mission";

pub(super) fn event<'a>(
    after: &'a Reservation,
    before: Option<&Reservation>,
) -> Result<Event<'a, Reservation>, Error> {
    let before_sha256 = match before {
        Some(before) => ledger::digest_of(before)?,
        None => None,
    };
    Ok(Event { subject_kind: "reservation", subject_id: after.id.to_string(), body: after, before_sha256 })
}

/// When a lease that begins now ends.
pub(super) fn lease_end(now: Timestamp, ttl_seconds: i32) -> Timestamp {
    now.plus(Duration::from_secs(u64::try_from(ttl_seconds).unwrap_or_default()))
}

/// What the caller may know of a reservation that shares paths with what was asked for.
fn overlap(cx: &OpCtx, record: &Record, asker: &Holder, pairs: Vec<GlobPair>) -> Overlap {
    let reservation = &record.reservation;
    let hidden = Overlap {
        reservation_id: None,
        holder: ANOTHER_MISSION.to_owned(),
        task: None,
        session_id: None,
        mission: None,
        mode: reservation.mode,
        state: reservation.state,
        expires_at: reservation.expires_at,
        is_own: asker.is(&Holder::of(reservation)),
        pairs,
    };
    if cx.caller.role_in(reservation.mission_id).is_some() {
        return Overlap {
            reservation_id: Some(reservation.id),
            holder: reservation.principal.clone(),
            task: reservation.task.clone(),
            session_id: reservation.session_id,
            mission: Some(reservation.mission.clone()),
            ..hidden
        };
    }
    let mut pairs: Vec<GlobPair> = hidden
        .pairs
        .into_iter()
        .map(|pair| GlobPair { glob: pair.glob, held: None, witness: None })
        .collect();
    pairs.dedup();
    Overlap { pairs, ..hidden }
}

async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Record, Error> {
    let absent = || Error::not_found("reservation", reference);
    let id: ReservationId = reference.parse().map_err(|_| absent())?;
    let wanted = store::Wanted { id: Some(id), limit: 1, ..store::Wanted::default() };
    store::list(tx, cx.scope(Action::ReadReservation), wanted).await?.pop().ok_or_else(absent)
}

/// One reservation by id.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Reservation, Error> {
    Ok(resolve(&mut app.db.begin_read().await?, cx, reference).await?.reservation)
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// Of this mission.
    pub mission: Option<MissionId>,
    /// In this repository.
    pub repository: Option<Repository>,
    /// For this task.
    pub task: Option<TaskId>,
    /// In this state; absent: the open ones.
    pub state: Option<ReservationState>,
    /// Only those that this path falls under.
    pub path: Option<RepoPath>,
    /// Only those that share a path with one of these.
    pub crosses: Option<Vec<Glob>>,
}

/// What a list is narrowed by, as a request names it.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Mission id or name.
    pub mission: Option<String>,
    /// A repository, as it is written.
    pub repository: Option<String>,
    /// Task id or key.
    pub task: Option<String>,
    /// The state.
    pub state: Option<ReservationState>,
    /// A path.
    pub path: Option<String>,
    /// Id or key of the task whose declared paths are crossed.
    pub crosses: Option<String>,
}

/// Reads what a list is narrowed by.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::NotFound`].
pub async fn narrow(app: &App, cx: &OpCtx, named: Named) -> Result<Narrow, Error> {
    let repository = named.repository.map(|text| model::repository("?repository", &text)).transpose()?;
    let path = match named.path {
        Some(path) => Some(
            path.parse().map_err(|error: mc_glob::PathError| Error::invalid("?path", error.to_string()))?,
        ),
        None => None,
    };
    if (path.is_some() || named.crosses.is_some()) && named.state.is_some_and(ReservationState::is_terminal) {
        return Err(Error::invalid("?path", "only open reservations are searched by path"));
    }
    let mut tx = app.db.begin_read().await?;
    let mission = match &named.mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    let task = match &named.task {
        Some(task) => Some(tasks::service::resolve(&mut tx, cx, task, mission, None).await?.task.id),
        None => None,
    };
    let crosses = match &named.crosses {
        Some(task) => {
            let task = tasks::service::resolve(&mut tx, cx, task, mission, None).await?.task;
            // A task may declare what is no glob; that crosses nothing.
            Some(task.paths.iter().take(model::MAX_GLOBS).filter_map(|path| path.parse().ok()).collect())
        }
        None => None,
    };
    Ok(Narrow { mission, repository, task, state: named.state, path, crosses })
}

impl Narrow {
    /// Whether a reservation is part of the list.
    pub fn fits(&self, record: &Reservation) -> bool {
        self.mission.is_none_or(|mission| mission == record.mission_id)
            && self.repository.as_ref().is_none_or(|repository| *repository == record.repository)
            && self.task.is_none_or(|task| Some(task) == record.task_id)
            && self.state.map_or(!record.state.is_terminal(), |state| state == record.state)
            && self.meets(record)
    }

    fn meets(&self, record: &Reservation) -> bool {
        if self.path.is_none() && self.crosses.is_none() {
            return true;
        }
        let globs: Vec<Glob> = record.globs.iter().filter_map(|glob| glob.parse().ok()).collect();
        self.path.as_ref().is_none_or(|path| globs.iter().any(|glob| glob.matches(path)))
            && self.crosses.as_ref().is_none_or(|wanted| !model::pairs(wanted, &globs, 1).is_empty())
    }
}

/// A page of reservations in the order of their ids, which is the order of their creation.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<ReservationId>,
    narrow: Narrow,
) -> Result<Page<Reservation>, Error> {
    let mut tx = app.db.begin_read().await?;
    let wanted = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
    let (mut found, mut after) = (Vec::new(), page.after);
    loop {
        let asked = store::Wanted {
            id: None,
            mission: narrow.mission,
            repository: narrow.repository.clone(),
            task: narrow.task,
            state: narrow.state,
            after,
            limit: page.fetch(),
        };
        let rows = store::list(&mut tx, cx.scope(Action::ReadReservation), asked).await?;
        let is_last = rows.len() < wanted;
        after = rows.last().map(|record| record.reservation.id);
        found.extend(rows.into_iter().map(|record| record.reservation).filter(|one| narrow.fits(one)));
        if is_last || found.len() >= wanted {
            found.truncate(wanted);
            return Ok(page.cut(app, found, |reservation| reservation.id));
        }
    }
}

/// Whether the caller holds the reservation, itself or by its grant.
fn is_own(cx: &OpCtx, reservation: &Reservation) -> bool {
    let by_grant = cx.caller.grant.as_ref().is_some_and(|grant| {
        let task = grant.task.map(|(task, _)| task);
        (grant.session.is_some() && grant.session == reservation.session_id)
            || (task.is_some() && task == reservation.task_id)
    });
    cx.caller.id == reservation.principal_id || by_grant
}

/// Finds a reservation for a change, asks for it, and locks its repository.
async fn open(tx: &mut Tx, cx: &OpCtx, reference: &str, action: Action) -> Result<(Record, Proof), Error> {
    let seen = resolve(tx, cx, reference).await?;
    let proof = cx.authorize_in(action, seen.reservation.mission_id)?;
    store::lock(tx, seen.organization, &seen.reservation.repository).await?;
    let record = resolve(tx, cx, reference).await?;
    cx.check_version(record.reservation.version)?;
    Ok((record, proof))
}

/// Renews the lease. Not ledgered and no new version.
///
/// # Errors
/// [`ProblemKind::LeaseLost`] when it has ended or belongs to somebody else, [`ProblemKind::Validation`],
/// [`ProblemKind::NotFound`].
pub async fn renew(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: RenewReservation,
) -> Result<Reservation, Error> {
    let ttl = model::ttl(request.ttl_seconds)?;
    write_tx!(app, cx, |tx| {
        let (record, _) = open(tx, cx, reference, Action::RenewReservation).await?;
        let before = record.reservation;
        let lost = |why: String| Error::new(ProblemKind::LeaseLost, why);
        if !is_own(cx, &before) {
            return Err(lost(format!("reservation {} is held by {:?}", before.id, before.principal)));
        }
        if before.state.is_terminal() || record.is_over || before.expires_at <= cx.now() {
            return Err(lost(format!("reservation {} has ended; reserve the paths again", before.id)));
        }
        let mut after = before.clone();
        after.ttl_seconds = ttl.unwrap_or(before.ttl_seconds);
        after.expires_at = lease_end(cx.now(), after.ttl_seconds);
        if !store::replace(tx, &before, &after).await? {
            return Err(changed_meanwhile());
        }
        Ok(after)
    })
}

/// Gives the paths back and lets in who waits for them. What has ended stays as it is.
///
/// # Errors
/// [`ProblemKind::Forbidden`] for somebody else's without the role to break it, [`ProblemKind::NotFound`],
/// [`ProblemKind::StaleVersion`].
pub async fn release(app: &App, cx: &OpCtx, reference: &str) -> Result<Reservation, Error> {
    write_tx!(app, cx, |tx| {
        let (record, mut proof) = open(tx, cx, reference, Action::ReleaseReservation).await?;
        let before = record.reservation;
        if !is_own(cx, &before) {
            proof = cx.authorize_in(Action::BreakReservation, before.mission_id)?;
        }
        if before.state.is_terminal() {
            return Ok(before);
        }
        let mut after = before.clone();
        model::go(&mut after, ReservationState::Released)?;
        after.version += 1;
        after.updated_at = cx.now();
        if !store::replace(tx, &before, &after).await? {
            return Err(changed_meanwhile());
        }
        ledger::record(tx, cx, proof, event(&after, Some(&before))?).await?;
        reconcile::settle(tx, app, record.organization, &after.repository).await?;
        Ok(after)
    })
}
