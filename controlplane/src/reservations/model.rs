//! The pure rules of reservations: what a request may say, who is the same holder, what stands in whose way.

use mc_api::id::{OrganizationId, PrincipalId, SessionId, TaskId};
use mc_api::reservation::{GlobPair, Reservation, ReservationMode, ReservationState};
use mc_api::{ProblemKind, Repository};
use mc_glob::{Glob, RepoPath};

use crate::error::Error;

/// The length of a lease when none is asked for.
pub const DEFAULT_TTL_SECONDS: i32 = 900;
/// At most this many globs of one reservation.
pub const MAX_GLOBS: usize = 32;
/// At most this much of [`Glob::weight`] in one reservation: what a comparison costs is the product of two.
const MAX_WEIGHT: usize = 1024;
/// At most this much of it in the open reservations of one principal in one repository.
const MAX_WEIGHT_OF_PRINCIPAL: usize = 8 * MAX_WEIGHT;
/// At most this many open reservations of one principal in one repository.
const MAX_OF_PRINCIPAL: usize = 64;
/// At most this many open reservations in one repository.
const MAX_OPEN: usize = 512;
/// At most this many pairs are told as evidence.
pub(super) const MAX_PAIRS: usize = 10;

/// A reservation with what only the rules need.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The reservation.
    pub reservation: Reservation,
    /// Its organization.
    pub organization: OrganizationId,
    /// Its place in line.
    pub place: i64,
    /// Its task, agent session or mission has ended.
    pub is_over: bool,
    /// [`Reservation::globs`], read.
    pub globs: Vec<Glob>,
}

/// In whose name paths are held or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub principal: PrincipalId,
    /// For this task.
    pub task: Option<TaskId>,
    /// For this agent session.
    pub session: Option<SessionId>,
}

impl Holder {
    /// Who holds a reservation.
    pub fn of(reservation: &Reservation) -> Self {
        Self {
            principal: reservation.principal_id,
            task: reservation.task_id,
            session: reservation.session_id,
        }
    }

    /// Whether two are one: by agent session, else by task when both name one, else by principal. One person with two
    /// tasks is two holders: two agents may work in that name.
    pub fn is(&self, other: &Self) -> bool {
        match ((self.session, other.session), (self.task, other.task)) {
            ((Some(one), Some(two)), _) if one == two => true,
            (_, (Some(one), Some(two))) => one == two,
            ((Some(_), Some(_)), _) => false,
            _ => self.principal == other.principal,
        }
    }
}

/// Reads a list of globs.
///
/// # Errors
/// [`ProblemKind::Validation`], which names the glob and what to write instead.
pub fn globs(pointer: &str, texts: &[String]) -> Result<Vec<Glob>, Error> {
    if texts.len() > MAX_GLOBS {
        return Err(Error::invalid(pointer, format!("at most {MAX_GLOBS} globs")));
    }
    let mut globs: Vec<Glob> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let glob = text.parse().map_err(|error: mc_glob::Error| {
            Error::invalid(format!("{pointer}/{index}"), error.to_string())
        })?;
        if !globs.contains(&glob) {
            globs.push(glob);
        }
    }
    if weight(&globs) > MAX_WEIGHT {
        let message =
            format!("the globs come to more than {MAX_WEIGHT} characters with their braces written out");
        return Err(Error::invalid(pointer, message));
    }
    Ok(globs)
}

fn weight(globs: &[Glob]) -> usize {
    globs.iter().map(Glob::weight).sum()
}

/// Reads a repository.
///
/// # Errors
/// [`ProblemKind::Validation`].
pub fn repository(pointer: &str, text: &str) -> Result<Repository, Error> {
    text.parse()
        .map_err(|error: mc_api::repository::InvalidRepository| Error::invalid(pointer, error.to_string()))
}

/// Reads the length of a lease.
///
/// # Errors
/// [`ProblemKind::Validation`].
pub fn ttl(seconds: Option<u32>) -> Result<Option<i32>, Error> {
    match seconds {
        None => Ok(None),
        Some(seconds @ 60..=86_400) => Ok(i32::try_from(seconds).ok()),
        Some(_) => Err(Error::invalid("/ttl_seconds", "60 to 86400 seconds")),
    }
}

/// The pairs of globs that share a path.
pub fn pairs(asked: &[Glob], held: &[Glob], most: usize) -> Vec<GlobPair> {
    let both = asked.iter().flat_map(|one| held.iter().map(move |other| (one, other)));
    let meeting = both.filter_map(|(one, other)| {
        let witness = one.intersection(other)?;
        Some(GlobPair {
            glob: one.to_string(),
            held: Some(other.to_string()),
            witness: Some(witness.to_string()),
        })
    });
    meeting.take(most).collect()
}

/// The paths that fall under one of the globs.
pub fn touched(paths: &[RepoPath], held: &[Glob]) -> Vec<GlobPair> {
    let meeting = paths.iter().filter_map(|path| {
        let glob = held.iter().find(|glob| glob.matches(path))?;
        Some(GlobPair {
            glob: path.to_string(),
            held: Some(glob.to_string()),
            witness: Some(path.to_string()),
        })
    });
    meeting.take(MAX_PAIRS).collect()
}

/// What is asked for, before it is a reservation.
pub struct Asked<'a> {
    /// In whose name.
    pub holder: Holder,
    /// Whom it tolerates.
    pub mode: ReservationMode,
    /// Which paths.
    pub globs: &'a [Glob],
}

impl<'a> Asked<'a> {
    fn of(record: &'a Record) -> Self {
        Self { holder: Holder::of(&record.reservation), mode: record.reservation.mode, globs: &record.globs }
    }

    /// Whether an open reservation of somebody else stands in the way.
    fn may_conflict(&self, other: &Record) -> bool {
        self.mode.conflicts(other.reservation.mode) && !self.holder.is(&Holder::of(&other.reservation))
    }

    /// The open reservations that stand in the way, in line order, each with evidence.
    pub fn conflicts<'r>(&self, open: &'r [Record]) -> Vec<(&'r Record, Vec<GlobPair>)> {
        let others = open.iter().filter(|other| self.may_conflict(other));
        let meeting = others.map(|other| (other, pairs(self.globs, &other.globs, MAX_PAIRS)));
        meeting.filter(|(_, pairs)| !pairs.is_empty()).collect()
    }
}

/// Which of the open reservations, given in line order, is let in next: the first pending one that nothing active and
/// nothing before it stands in the way of.
pub fn next_in_line(open: &[Record]) -> Option<usize> {
    let is_pending = |record: &Record| record.reservation.state == ReservationState::Pending;
    (0..open.len()).filter(|&index| is_pending(&open[index])).find(|&index| {
        let asked = Asked::of(&open[index]);
        let in_the_way = open.iter().enumerate().filter(|(at, other)| *at < index || !is_pending(other));
        let mut in_the_way = in_the_way.filter(|(_, other)| asked.may_conflict(other));
        !in_the_way.any(|(_, other)| !pairs(asked.globs, &other.globs, 1).is_empty())
    })
}

/// Refuses a reservation more where there are too many.
///
/// # Errors
/// [`ProblemKind::RateLimited`].
pub fn check_room(open: &[Record], asked: &Asked<'_>) -> Result<(), Error> {
    let full =
        |detail: String| Err(Error { retry_after: Some(60), ..Error::new(ProblemKind::RateLimited, detail) });
    if open.len() >= MAX_OPEN {
        return full(format!("the repository has {MAX_OPEN} open reservations; wait until some end"));
    }
    let own = open.iter().filter(|record| record.reservation.principal_id == asked.holder.principal);
    let (count, sum) =
        own.fold((0, weight(asked.globs)), |(count, sum), record| (count + 1, sum + weight(&record.globs)));
    if count >= MAX_OF_PRINCIPAL || sum > MAX_WEIGHT_OF_PRINCIPAL {
        return full(format!(
            "you have {count} open reservations in this repository, the limits are {MAX_OF_PRINCIPAL} and \
             {MAX_WEIGHT_OF_PRINCIPAL} characters of globs; release some"
        ));
    }
    Ok(())
}

/// Moves a reservation.
///
/// # Errors
/// [`ProblemKind::InvalidTransition`].
pub fn go(reservation: &mut Reservation, to: ReservationState) -> Result<(), Error> {
    if !reservation.state.allows(to) {
        return Err(Error::new(
            ProblemKind::InvalidTransition,
            format!("reservation {} is {}: it cannot become {to}", reservation.id, reservation.state),
        ));
    }
    reservation.state = to;
    Ok(())
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
