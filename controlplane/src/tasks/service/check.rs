//! Rules for what a task may say.

use std::time::Duration;

use mc_api::task::Task;

use crate::error::Error;
use crate::missions::service::{MAX_TEXT_BYTES, check_text};
use crate::op::OpCtx;
use crate::tasks::model::DEFAULT_LEASE;

/// At most this many characters of a note or reason.
const MAX_NOTE: usize = 2000;

/// One line, 1 to 300 characters.
pub(super) fn title(text: &str) -> Result<(), Error> {
    let count = text.chars().count();
    if !(1..=300).contains(&count) || text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Error::invalid("/title", "one line of 1 to 300 characters"));
    }
    Ok(())
}

/// What is compared with other work.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] that names the member.
pub(crate) fn text_of(given: &str, description: &str, paths: &[String]) -> Result<(), Error> {
    title(given)?;
    check_text("/description", description, MAX_TEXT_BYTES)?;
    words("/paths", paths, 64)
}

/// A number in a range.
pub(super) fn range(pointer: &str, value: i32, from: i32, to: i32) -> Result<(), Error> {
    if (from..=to).contains(&value) {
        Ok(())
    } else {
        Err(Error::invalid(pointer, format!("{from} to {to}")))
    }
}

/// A list of short words.
pub(crate) fn words(pointer: &str, words: &[String], most: usize) -> Result<(), Error> {
    if words.len() > most {
        return Err(Error::invalid(pointer, format!("at most {most} entries")));
    }
    for (index, word) in words.iter().enumerate() {
        if !(1..=256).contains(&word.len()) || word.chars().any(char::is_control) {
            return Err(Error::invalid(
                format!("{pointer}/{index}"),
                "1 to 256 bytes without control characters",
            ));
        }
    }
    Ok(())
}

/// A note.
pub(crate) fn note(pointer: &str, text: Option<&str>) -> Result<(), Error> {
    let Some(text) = text else { return Ok(()) };
    if text.chars().count() > MAX_NOTE {
        return Err(Error::invalid(pointer, format!("at most {MAX_NOTE} characters")));
    }
    check_text(pointer, text, 4 * MAX_NOTE)
}

/// A lease.
pub(super) fn lease(seconds: Option<u32>) -> Result<Duration, Error> {
    match seconds {
        None => Ok(DEFAULT_LEASE),
        Some(seconds @ 5..=3600) => Ok(Duration::from_secs(seconds.into())),
        Some(_) => Err(Error::invalid("/lease_seconds", "5 to 3600 seconds")),
    }
}

/// The fence that a report presents: the attempt given, else that of the caller's grant when it is for this task.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] when there is neither.
pub(super) fn fence(cx: &OpCtx, task: &Task, given: Option<i32>) -> Result<i32, Error> {
    let granted = cx.caller.grant.as_ref().and_then(|grant| grant.task);
    match (given, granted) {
        (Some(attempt), _) => Ok(attempt),
        (None, Some((id, attempt))) if id == task.id => Ok(attempt),
        (None, _) => Err(Error::invalid("/attempt", "the number of the attempt, as the claim answered it")),
    }
}

/// A task that was made elsewhere, with all that only operations give it.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] that names the member.
pub(crate) fn stored(task: &Task) -> Result<(), Error> {
    text_of(&task.title, &task.description, &task.paths)?;
    check_text("/definition_of_done", &task.definition_of_done, MAX_TEXT_BYTES)?;
    range("/priority", task.priority, 0, 100)?;
    range("/review_gates", task.review_gates, 0, 8)?;
    range("/max_attempts", task.max_attempts, 1, 100)?;
    range("/attempt", task.attempt, 0, 1_000_000)?;
    range("/progress_percent", task.progress_percent.unwrap_or(0), 0, 100)?;
    words("/capabilities", &task.capabilities, 32)?;
    let edges: std::collections::HashSet<_> = task.depends_on.iter().map(|on| on.id).collect();
    if edges.len() != task.depends_on.len() {
        return Err(Error::invalid("/depends_on", "a task is there twice"));
    }
    range("/depends_on", i32::try_from(edges.len()).unwrap_or(i32::MAX), 0, 256)?;
    let open = i32::try_from(edges.len()).unwrap_or(i32::MAX);
    range("/open_dependency_count", task.open_dependency_count, 0, open)?;
    let texts =
        [("/reason", &task.reason), ("/progress_note", &task.progress_note), ("/result", &task.result)];
    texts.iter().try_for_each(|(pointer, text)| {
        check_text(pointer, text.as_deref().unwrap_or_default(), 4 * MAX_TEXT_BYTES)
    })?;
    if task.version < 1 {
        return Err(Error::invalid("/version", "at least 1"));
    }
    Ok(())
}
