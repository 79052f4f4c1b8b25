//! Asking which reservations touch paths, without changing anything.

use mc_api::Action;
use mc_api::reservation::{CheckPaths, PathCheck};
use mc_glob::RepoPath;

use super::overlap;
use crate::app::App;
use crate::error::Error;
use crate::op::OpCtx;
use crate::reservations::model::{self, Holder, Record};
use crate::reservations::store;
use crate::{tasks, write};

/// At most this many paths in one request.
const MAX_PATHS: usize = 1000;
/// At most this many reservations in one answer.
const MAX_OVERLAPS: usize = 100;

/// The open reservations that touch these paths, oldest first; own ones are marked.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`], [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Forbidden`].
pub async fn check(app: &App, cx: &OpCtx, request: CheckPaths) -> Result<PathCheck, Error> {
    let repository = model::repository("/repository", &request.repository)?;
    let globs = model::globs("/globs", &request.globs)?;
    if request.paths.len() > MAX_PATHS {
        return Err(Error::invalid("/paths", format!("at most {MAX_PATHS} paths; ask in parts")));
    }
    let mut paths: Vec<RepoPath> = Vec::with_capacity(request.paths.len());
    for (index, path) in request.paths.iter().enumerate() {
        let read = path.parse().map_err(|error: mc_glob::PathError| {
            Error::invalid(format!("/paths/{index}"), error.to_string())
        })?;
        paths.push(read);
    }
    // Whoever may read no mission at all learns nothing here either.
    if cx.scope(Action::ReadReservation).is_empty()
        && let Err(error) = cx.authorize(Action::ReadReservation)
    {
        return Err(write::refused(app, cx, error).await);
    }
    let mut tx = app.db.begin_read().await?;
    let grant = cx.caller.grant.as_ref();
    let task = match &request.task {
        Some(task) => Some(tasks::service::resolve(&mut tx, cx, task, None, None).await?.task.id),
        None => grant.and_then(|grant| grant.task).map(|(task, _)| task),
    };
    let asker = Holder { principal: cx.caller.id, task, session: grant.and_then(|grant| grant.session) };
    let mut open = store::open(&mut tx, cx.caller.organization, &repository).await?;
    drop(tx);
    // What the next settling ends is as good as gone.
    let now = cx.now();
    open.retain(|record| !record.is_over && record.reservation.expires_at > now);
    // Many paths against many globs: not on a thread that others wait for.
    let compare = move || -> Vec<(Record, _)> {
        let meeting = open.into_iter().map(|record| {
            let mut pairs = model::touched(&paths, &record.globs);
            pairs.extend(model::pairs(&globs, &record.globs, model::MAX_PAIRS.saturating_sub(pairs.len())));
            (record, pairs)
        });
        meeting.filter(|(_, pairs)| !pairs.is_empty()).take(MAX_OVERLAPS).collect()
    };
    let found = tokio::task::spawn_blocking(compare).await.map_err(Error::internal)?;
    let overlaps = found.into_iter().map(|(record, pairs)| overlap(cx, &record, &asker, pairs)).collect();
    Ok(PathCheck { repository, overlaps })
}
