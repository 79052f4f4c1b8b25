//! Errors as gRPC statuses: one table. The problem's slug goes along as metadata `mc-problem`.

use mc_api::ProblemKind;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::error::Error;

const fn code(kind: ProblemKind) -> Code {
    use ProblemKind as K;
    match kind {
        K::MalformedBody
        | K::MalformedRequest
        | K::InvalidCursor
        | K::UnsupportedMediaType
        | K::Validation
        | K::IdempotencyKeyReused
        | K::AmbiguousReference => Code::InvalidArgument,
        K::Unauthenticated => Code::Unauthenticated,
        K::Forbidden | K::ApprovalTokenInvalid | K::ApprovalRequired | K::SelfApproval => {
            Code::PermissionDenied
        }
        K::NotFound => Code::NotFound,
        K::MethodNotAllowed => Code::Unimplemented,
        K::NameTaken => Code::AlreadyExists,
        K::InvalidTransition
        | K::AlreadyDecided
        | K::FieldConflict
        | K::MissionPaused
        | K::KlusterFull
        | K::NotEmpty
        | K::NoRoute
        | K::LedgerInvalid
        | K::PackInvalid
        | K::SecretsFound
        | K::DependencyCycle
        | K::ReservationConflict
        | K::NothingToClaim
        | K::OverlapUnacknowledged
        | K::OverlapBlocked => Code::FailedPrecondition,
        K::LeaseLost | K::AlreadyClaimed | K::IdempotencyInFlight | K::StaleVersion | K::VersionConflict => {
            Code::Aborted
        }
        K::SeqExpired | K::RangeNotSatisfiable => Code::OutOfRange,
        K::BodyTooLarge | K::RateLimited => Code::ResourceExhausted,
        K::Internal => Code::Internal,
        K::Unavailable => Code::Unavailable,
    }
}

/// The status of an error. Causes are logged here and not sent.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub fn status(error: Error) -> Status {
    match error.kind {
        ProblemKind::Internal => tracing::error!(error = ?error, "a gRPC call failed: {error}"),
        ProblemKind::Unavailable => tracing::warn!(error = ?error, "a gRPC call was not served: {error}"),
        _ => tracing::debug!(problem = error.kind.slug(), "a gRPC call was refused: {error}"),
    }
    let mut metadata = MetadataMap::new();
    metadata.insert("mc-problem", MetadataValue::from_static(error.kind.slug()));
    Status::with_metadata(code(error.kind), error.detail.clone(), metadata)
}
