//! What can go wrong between this process and the server.

use mc_api::{Problem, ProblemKind};

/// Why a call failed. Retries that could help have been made before an error is returned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with a problem document.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Box<Problem>),
    /// No connection, or it broke before an answer came.
    #[error("{server} cannot be reached")]
    Unreachable {
        /// The address that was tried.
        server: String,
        /// What the transport said.
        #[source]
        source: reqwest::Error,
    },
    /// No answer within the deadline.
    #[error("{server} did not answer within {seconds} s")]
    Timeout {
        /// The address that was tried.
        server: String,
        /// The deadline.
        seconds: u64,
    },
    /// An answer that this client does not understand: another program or another version answers there.
    #[error("{server} gave an answer that is not understood (HTTP {status}): {detail}")]
    UnexpectedAnswer {
        /// The address that answered.
        server: String,
        /// The HTTP status.
        status: u16,
        /// What was wrong with it.
        detail: String,
    },
    /// The address is no URL, or would send the token in clear over a network.
    #[error("{address:?} cannot be used as server: {reason}")]
    InvalidServer {
        /// What was given.
        address: String,
        /// Why not, and what to write instead.
        reason: String,
    },
    /// A token with characters that no header may carry.
    #[error("the token contains characters that cannot be sent; is it a whole file or a truncated copy?")]
    InvalidToken,
    /// TLS could not be set up.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// A local file or stream failed while bytes were sent or received.
    #[error("local input or output failed")]
    Io(#[from] std::io::Error),
    /// The bytes received do not have the digest that was stored.
    #[error("the bytes received have SHA-256 {actual}, the artifact has {expected}")]
    DigestMismatch {
        /// What the artifact's metadata says.
        expected: String,
        /// What was received.
        actual: String,
    },
}

impl Error {
    /// The kind of the problem, when the server answered with one that this version knows.
    pub fn problem_kind(&self) -> Option<ProblemKind> {
        match self {
            Self::Problem(problem) => ProblemKind::from_slug(problem.slug()),
            _ => None,
        }
    }
}
