//! Why a publication was not committed, and whether trying again may help.

use super::git::GitError;
use crate::db::DbError;
use crate::error::Error;
use crate::persistence::remote::RemoteError;

/// Why there is no commit.
#[derive(Debug)]
pub enum Failure {
    /// What was fixed for it fits no more, because another publication turned out to be in Git: begin again.
    Stale,
    /// It failed.
    Failed {
        /// For people and for the log.
        error: Error,
        /// Trying again does not help, unless somebody changes something.
        permanent: bool,
        /// It lies with this publication; others of its target may succeed.
        own: bool,
        /// It may be in Git nevertheless.
        uncertain: bool,
    },
}

impl Failure {
    fn new(error: Error, permanent: bool, own: bool) -> Self {
        Self::Failed { error, permanent, own, uncertain: false }
    }

    /// The same, when nobody knows whether the branch was moved.
    pub(super) fn uncertain(self) -> Self {
        match self {
            Self::Stale => Self::Stale,
            Self::Failed { error, permanent, own, .. } => {
                Self::Failed { error, permanent, own, uncertain: true }
            }
        }
    }

    /// What is stored of it cannot be written, now or later.
    pub(super) fn broken(error: Error) -> Self {
        Self::new(error, true, true)
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Stale => Error::unavailable("another publication was found in Git; try again"),
            Self::Failed { error, .. } => error,
        }
    }
}

/// Something that must be there is not: a bug, or a row that was changed by hand.
pub(super) fn missing(what: &str) -> Failure {
    let error = DbError::Inconsistent { table: "publication", message: format!("{what} is missing") };
    Failure::new(Error { detail: format!("{what} is missing"), ..Error::internal(error) }, true, true)
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.into_error()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error, false, false)
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Error::from(error).into()
    }
}

impl From<GitError> for Error {
    fn from(error: GitError) -> Self {
        match &error {
            GitError::Git(_) => Self {
                source: Some(Box::new(error)),
                ..Self::unavailable("the Git ledger cannot be written now; it is tried again")
            },
            GitError::Foreign(_)
            | GitError::Moved { .. }
            | GitError::Rewound { .. }
            | GitError::Blocked { .. }
            | GitError::Name(_) => {
                let detail = error.to_string();
                Self { detail, ..Self::internal(error) }
            }
        }
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        let (permanent, own) = match &error {
            GitError::Git(_) | GitError::Moved { .. } | GitError::Rewound { .. } => (false, false),
            GitError::Foreign(_) | GitError::Blocked { .. } | GitError::Name(_) => (true, true),
        };
        Self::new(error.into(), permanent, own)
    }
}

impl From<RemoteError> for Error {
    fn from(error: RemoteError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        let own = matches!(error, RemoteError::Declined(_));
        Self::new(error.into(), false, own)
    }
}
