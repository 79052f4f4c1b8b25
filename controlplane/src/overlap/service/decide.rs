//! Deciding about suggestions: accepted, or dismissed.

use mc_api::overlap::{
    AcceptOverlap, DismissOverlap, OverlapAction, OverlapSide, OverlapState, OverlapSuggestion,
};
use mc_api::task::TaskState;
use mc_api::{Action, ProblemKind};

use super::{find, save};
use crate::app::App;
use crate::error::Error;
use crate::op::OpCtx;
use crate::overlap::store;
use crate::{tasks, write_tx};

fn check_open(before: &OverlapSuggestion) -> Result<(), Error> {
    if before.state == OverlapState::Open {
        return Ok(());
    }
    Err(Error::new(
        ProblemKind::AlreadyDecided,
        format!("suggestion {} is {} already", before.id, before.state),
    ))
}

/// Acts on a suggestion: `link` says that both belong together, `wait` makes the subject wait for the candidate,
/// `merge` calls the subject off in favour of the candidate.
///
/// # Errors
/// [`ProblemKind::AlreadyDecided`], [`ProblemKind::Validation`], and what changing the task refuses.
pub async fn accept(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: AcceptOverlap,
) -> Result<OverlapSuggestion, Error> {
    tasks::service::check_note("/note", request.note.as_deref())?;
    write_tx!(app, cx, |tx| {
        let found = find(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::DecideOverlap, found.subject.mission_id)?;
        crate::missions::store::lock(tx, found.subject.mission_id).await?;
        store::lock(tx, found.id).await?;
        let before = find(tx, cx, reference).await?;
        cx.check_version(before.version)?;
        check_open(&before)?;
        let resolution = request.resolution.unwrap_or(before.action);
        let (subject, candidate) = (&before.subject, &before.candidate);
        let name = |side: &OverlapSide| side.key.clone().unwrap_or_else(|| side.id.clone());
        let of_tasks = subject.kind == "task";
        if of_tasks && matches!(resolution, OverlapAction::Wait | OverlapAction::Merge) {
            let state = tasks::service::state_of(tx, cx, &candidate.id).await?;
            if matches!(state, TaskState::Cancelled | TaskState::Failed) {
                return Err(Error::new(
                    ProblemKind::InvalidTransition,
                    format!("{} is {state}: nobody will do that work", name(candidate)),
                ));
            }
        }
        match resolution {
            OverlapAction::Link => {}
            // Texts are brought together by whoever writes them: what was decided is recorded, and nothing is deleted.
            OverlapAction::Merge if !of_tasks => {}
            OverlapAction::Wait if !of_tasks => {
                return Err(Error::invalid("/as", "link or merge; only tasks wait for each other"));
            }
            OverlapAction::Wait if subject.mission_id != candidate.mission_id => {
                return Err(Error::invalid(
                    "/as",
                    format!(
                        "{} is in another mission, and tasks wait only for those of their own",
                        name(candidate)
                    ),
                ));
            }
            OverlapAction::Wait => tasks::service::wait_for(tx, cx, &subject.id, &candidate.id).await?,
            OverlapAction::Merge => {
                // Who reads the one mission may not read the other.
                let why = if subject.mission_id == candidate.mission_id {
                    format!("merged into {}", name(candidate))
                } else {
                    "merged into work of another mission".to_owned()
                };
                tasks::service::call_off(tx, cx, &subject.id, why).await?;
            }
            OverlapAction::Ignore => {
                return Err(Error::invalid("/as", "link, merge or wait; to ignore it, dismiss it"));
            }
        }
        // Calling the subject off ended its suggestions, this one among them.
        let current = find(tx, cx, reference).await?;
        let mut after = current.clone();
        after.state = OverlapState::Accepted;
        after.resolution = Some(resolution);
        after.note.clone_from(&request.note);
        after.decided_by = Some(cx.caller.id);
        after.decided_at = Some(cx.now());
        save(tx, cx, proof, "overlap.accept", &current, after).await
    })
}

/// Says that a suggestion is none.
///
/// # Errors
/// [`ProblemKind::AlreadyDecided`], [`ProblemKind::Validation`].
pub async fn dismiss(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: DismissOverlap,
) -> Result<OverlapSuggestion, Error> {
    tasks::service::check_note("/reason", Some(&request.reason))?;
    if request.reason.trim().is_empty() {
        return Err(Error::invalid("/reason", "say why"));
    }
    write_tx!(app, cx, |tx| {
        let found = find(tx, cx, reference).await?;
        let proof = cx.authorize_in(Action::DecideOverlap, found.subject.mission_id)?;
        store::lock(tx, found.id).await?;
        let before = find(tx, cx, reference).await?;
        cx.check_version(before.version)?;
        check_open(&before)?;
        let mut after = before.clone();
        after.state = OverlapState::Dismissed;
        after.note = Some(request.reason.clone());
        after.decided_by = Some(cx.caller.id);
        after.decided_at = Some(cx.now());
        save(tx, cx, proof, "overlap.dismiss", &before, after).await
    })
}
