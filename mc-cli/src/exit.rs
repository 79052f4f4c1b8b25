//! Exit codes: one enum, one mapping from every kind of failure.

use std::process::ExitCode;

use mc_api::{Problem, ProblemKind};

/// How `mc` ends. The numbers are API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// A bug, here or in the server, or a local file that fails.
    Internal = 1,
    /// The arguments, the input or a field in it are wrong: another call is needed.
    Usage = 2,
    /// Understood and not allowed; or a verification that failed.
    Refused = 3,
    /// No such object.
    NotFound = 4,
    /// The state of things forbids it.
    Conflict = 5,
    /// No server there, or not now.
    Unreachable = 6,
    /// Not in time.
    Timeout = 7,
    /// Someone has to approve it first.
    ApprovalNeeded = 9,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure that is decided on this side.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Arguments or input that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A check that did not pass.
    #[error("{0}")]
    Refused(String),
    /// What was named is not there.
    #[error("{0}")]
    NotFound(String),
    /// The state of things forbids it.
    #[error("{0}")]
    Conflict(String),
    /// A wait that ran out.
    #[error("{0}")]
    Timeout(String),
    /// Waiting for a person.
    #[error("{0}")]
    ApprovalNeeded(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A program that was run for the user ended so; it has said why itself.
    #[error("the program ended with {0}")]
    Exited(u8),
}

impl Failure {
    const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Refused(_) => Exit::Refused,
            Self::NotFound(_) => Exit::NotFound,
            Self::Conflict(_) => Exit::Conflict,
            Self::Timeout(_) => Exit::Timeout,
            Self::ApprovalNeeded(_) => Exit::ApprovalNeeded,
            Self::Interrupted => Exit::Interrupted,
            Self::Exited(_) => Exit::Internal,
        }
    }
}

impl Exit {
    /// The exit code of a kind of problem.
    pub const fn of_problem(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::MalformedBody
            | ProblemKind::MalformedRequest
            | ProblemKind::InvalidCursor
            | ProblemKind::BodyTooLarge
            | ProblemKind::RangeNotSatisfiable
            | ProblemKind::UnsupportedMediaType
            | ProblemKind::LedgerInvalid
            | ProblemKind::PackInvalid
            | ProblemKind::SecretsFound
            | ProblemKind::Validation => Self::Usage,
            ProblemKind::Unauthenticated
            | ProblemKind::Forbidden
            | ProblemKind::ApprovalTokenInvalid
            | ProblemKind::SelfApproval
            | ProblemKind::RateLimited => Self::Refused,
            ProblemKind::NotFound => Self::NotFound,
            ProblemKind::NameTaken
            | ProblemKind::InvalidTransition
            | ProblemKind::LeaseLost
            | ProblemKind::AlreadyClaimed
            | ProblemKind::FieldConflict
            | ProblemKind::MissionPaused
            | ProblemKind::KlusterFull
            | ProblemKind::ReservationConflict
            | ProblemKind::NothingToClaim
            | ProblemKind::AlreadyDecided
            | ProblemKind::NotEmpty
            | ProblemKind::NoRoute
            | ProblemKind::DependencyCycle
            | ProblemKind::IdempotencyInFlight
            | ProblemKind::IdempotencyKeyReused
            | ProblemKind::AmbiguousReference
            | ProblemKind::OverlapUnacknowledged
            | ProblemKind::OverlapBlocked
            | ProblemKind::SeqExpired
            | ProblemKind::StaleVersion
            | ProblemKind::VersionConflict => Self::Conflict,
            ProblemKind::ApprovalRequired => Self::ApprovalNeeded,
            ProblemKind::Unavailable => Self::Unreachable,
            // A path or method that the server does not have: versions do not fit.
            ProblemKind::MethodNotAllowed | ProblemKind::Internal => Self::Internal,
        }
    }

    /// The exit code of an error, found by what caused it.
    pub fn of(error: &anyhow::Error) -> Self {
        for cause in error.chain() {
            if let Some(failure) = cause.downcast_ref::<Failure>() {
                return failure.exit();
            }
            if let Some(client) = cause.downcast_ref::<mc_client::Error>() {
                return Self::of_client(client);
            }
            if cause.downcast_ref::<std::io::Error>().is_some_and(is_broken_pipe) {
                return Self::Ok;
            }
        }
        Self::Internal
    }

    fn of_client(error: &mc_client::Error) -> Self {
        match error {
            mc_client::Error::Problem(problem) => Self::of_document(problem),
            mc_client::Error::Unreachable { .. } => Self::Unreachable,
            mc_client::Error::Timeout { .. } => Self::Timeout,
            mc_client::Error::InvalidServer { .. } | mc_client::Error::InvalidToken => Self::Usage,
            mc_client::Error::Io(io) if is_broken_pipe(io) => Self::Ok,
            mc_client::Error::UnexpectedAnswer { .. }
            | mc_client::Error::Setup(_)
            | mc_client::Error::Io(_)
            | mc_client::Error::DigestMismatch { .. } => Self::Internal,
        }
    }

    /// A kind that this version does not know is judged by its status.
    fn of_document(problem: &Problem) -> Self {
        match ProblemKind::from_slug(problem.slug()) {
            Some(kind) => Self::of_problem(kind),
            None => match problem.status {
                404 => Self::NotFound,
                409 | 410 | 412 => Self::Conflict,
                400 | 413 | 415 | 422 => Self::Usage,
                401..=499 => Self::Refused,
                502..=504 => Self::Unreachable,
                _ => Self::Internal,
            },
        }
    }
}

/// The reader of our output has gone, as in `mc get tasks | head -1`: no failure.
fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(status: u16, slug: &str) -> anyhow::Error {
        let problem = Problem {
            kind: format!("{}{slug}", Problem::TYPE_PREFIX),
            title: String::new(),
            status,
            detail: String::new(),
            instance: None,
            request_id: None,
            errors: vec![],
            conflicts: vec![],
            overlap_suggestions: vec![],
            version_conflicts: vec![],
        };
        anyhow::Error::new(mc_client::Error::Problem(Box::new(problem))).context("while applying")
    }

    #[test]
    fn every_kind_of_problem_has_the_exit_code_of_its_status_class() {
        for kind in ProblemKind::ALL {
            let exit = Exit::of(&document(kind.status(), kind.slug()));
            let fits = match kind.status() {
                400 | 413 | 415 | 416 => exit == Exit::Usage,
                422 => matches!(exit, Exit::Usage | Exit::Conflict),
                401 | 429 => exit == Exit::Refused,
                403 => matches!(exit, Exit::Refused | Exit::ApprovalNeeded),
                404 => exit == Exit::NotFound,
                409 | 410 | 412 => exit == Exit::Conflict,
                503 => exit == Exit::Unreachable,
                405 | 500 => exit == Exit::Internal,
                other => panic!("{other} has no class"),
            };
            assert!(fits, "{kind:?} ends with {exit:?}");
        }
    }

    #[test]
    fn unknown_problems_and_local_failures_have_codes_too() {
        assert_eq!(Exit::of(&document(409, "of-tomorrow")), Exit::Conflict);
        assert_eq!(Exit::of(&document(503, "of-tomorrow")), Exit::Unreachable);
        assert_eq!(Exit::of(&Failure::Timeout(String::new()).into()), Exit::Timeout);
        assert_eq!(Exit::of(&anyhow::anyhow!("else")), Exit::Internal);
        let pipe = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(Exit::of(&anyhow::Error::new(pipe)), Exit::Ok);
        assert_eq!(Exit::Interrupted as u8, 130);
    }
}
