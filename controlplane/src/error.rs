//! The one error that operations answer with: a problem kind, words for people, and the cause for the log.

use mc_api::overlap::OverlapFinding;
use mc_api::reservation::Overlap;
use mc_api::{Conflict, FieldError, ProblemKind};

use crate::db::DbError;

/// What is in the way of a change, for problem documents that list it.
#[derive(Debug, Default)]
pub enum Against {
    /// Nothing that is listed.
    #[default]
    Nothing,
    /// Reservations of paths.
    Reservations(Vec<Overlap>),
    /// Existing work.
    Overlaps(Vec<OverlapFinding>),
    /// Versions other than the changes were made of.
    Versions(Vec<Conflict>),
}

/// Why an operation did not happen. Nothing was changed.
#[derive(Debug)]
pub struct Error {
    /// The published kind.
    pub kind: ProblemKind,
    /// For people; never holds secrets or internal causes.
    pub detail: String,
    /// The rules broken, for validation.
    pub errors: Vec<FieldError>,
    /// What is in the way.
    pub against: Against,
    /// Seconds after which a retry may help.
    pub retry_after: Option<u32>,
    /// For the log only.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A problem of a kind.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            against: Against::Nothing,
            retry_after: None,
            source: None,
        }
    }
    /// One broken rule.
    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { pointer: pointer.into(), message: message.into() };
        Self {
            errors: vec![error.clone()],
            ..Self::new(ProblemKind::Validation, format!("{}: {}", error.pointer, error.message))
        }
    }
    /// Absent, or the caller may not know it exists.
    pub fn not_found(what: &str, reference: impl std::fmt::Display) -> Self {
        let reference: String = reference.to_string().chars().take(128).collect();
        Self::new(ProblemKind::NotFound, format!("no {what} {reference:?}"))
    }
    /// A bug of ours; the cause goes to the log.
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Box::new(source)),
            ..Self::new(
                ProblemKind::Internal,
                "something went wrong on our side; the request id finds it in the log",
            )
        }
    }
    /// Not available now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(ProblemKind::Unavailable, detail) }
    }
    /// Whether the same transaction may be run again.
    pub(crate) fn is_retry(&self) -> bool {
        self.source
            .as_deref()
            .and_then(|source| source.downcast_ref::<DbError>())
            .is_some_and(|error| matches!(error, DbError::Retry(_) | DbError::Met))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.slug(), self.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Retry(_) | DbError::Met | DbError::Unavailable(_) => Self {
                source: Some(Box::new(error)),
                ..Self::unavailable("the database cannot take this now; try again")
            },
            DbError::Unique(_)
            | DbError::Inconsistent { .. }
            | DbError::Migrate(_)
            | DbError::Newer { .. }
            | DbError::Statement(_)
            | DbError::Address(_) => Self::internal(error),
        }
    }
}

impl From<mc_ledger::canonical::NotCanonical> for Error {
    fn from(error: mc_ledger::canonical::NotCanonical) -> Self {
        Self::internal(error)
    }
}
