//! What can go wrong with a journal.

use std::io;
use std::path::PathBuf;

/// Failure of a journal operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The payload is larger than [`crate::MAX_PAYLOAD_BYTES`]. Retrying does not help.
    #[error("payload of {bytes} bytes is over the record limit")]
    TooLarge {
        /// Size of the refused payload.
        bytes: usize,
    },
    /// The journal has reached its quota. Trim or wait for an acknowledgement, then retry; control records
    /// are still accepted.
    #[error("journal quota of {quota_bytes} bytes is used up")]
    QuotaExceeded {
        /// The configured quota.
        quota_bytes: u64,
    },
    /// The file system is full. What was appended stays in memory and is written by the next flush.
    #[error("no space left for the journal")]
    NoSpace,
    /// A sync failed earlier, so the state on disk is unknown. Reopen the journal.
    #[error("the journal failed to sync earlier and must be reopened")]
    Poisoned,
    /// A complete record does not match its checksum or its expected sequence.
    #[error("{} is damaged at byte {offset} (expected seq {expected_seq})", path.display())]
    Corrupt {
        /// Segment file.
        path: PathBuf,
        /// Start of the damaged record.
        offset: u64,
        /// Sequence number that should stand there.
        expected_seq: u64,
    },
    /// The wanted record is older than the oldest one kept.
    #[error("seq {wanted} was trimmed; the oldest record is {first_seq}")]
    Trimmed {
        /// Sequence that was asked for.
        wanted: u64,
        /// Oldest sequence still present.
        first_seq: u64,
    },
    /// Any other failure of the file system.
    #[error("journal I/O failed at {}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| {
            if source.kind() == io::ErrorKind::StorageFull || source.kind() == io::ErrorKind::QuotaExceeded {
                Self::NoSpace
            } else {
                Self::Io { path, source }
            }
        }
    }

    /// Whether freeing space may let the same call succeed.
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, Self::NoSpace | Self::QuotaExceeded { .. })
    }
}
