//! Problem documents (RFC 9457) and the registry of their kinds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::overlap::OverlapFinding;
use crate::reservation::Overlap;

/// A word that is not in the published list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// What was given, cut to 64 characters.
    pub word: String,
    /// What is accepted.
    pub expected: &'static [&'static str],
}

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown word {:?}, expected one of: {}", self.word, self.expected.join(", "))
    }
}
impl std::error::Error for UnknownWord {}

/// One rule that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    pub pointer: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

crate::text_enum! {
    /// Why a change does not fit.
    pub enum ConflictReason {
        /// The object has another version than the change was made of.
        BaseMismatch = "base_mismatch",
        /// There is no such object, or not any more.
        MissingEntity = "missing_entity",
        /// There is such an object already.
        AlreadyExists = "already_exists",
        /// The path can be read and not changed.
        Readonly = "readonly",
        /// Nothing that can be changed has such a path.
        UnsupportedKind = "unsupported_kind",
    }
}

/// One change that does not fit, with both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    /// The path in a workspace, or the name of a doc.
    pub path: String,
    /// Why.
    pub reason: ConflictReason,
    /// The version that the change was made of.
    pub expected_version: Option<i64>,
    /// Its SHA-256.
    pub expected_sha256: Option<String>,
    /// The version that is there.
    pub current_version: Option<i64>,
    /// Its SHA-256.
    pub current_sha256: Option<String>,
}

/// A problem document: the body of every answer that is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:missioncontrol:problem:<slug>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Fixed per kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The request's id, for the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The rules broken, for validation problems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The reservations in the way, for conflicts of reservations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Overlap>,
    /// The existing work in the way, for overlaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlap_suggestions: Vec<OverlapFinding>,
    /// The changes that do not fit, for version conflicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub version_conflicts: Vec<Conflict>,
}

impl Problem {
    /// The prefix of every problem type.
    pub const TYPE_PREFIX: &'static str = "urn:missioncontrol:problem:";

    /// The slug at the end of the type.
    pub fn slug(&self) -> &str {
        self.kind.strip_prefix(Self::TYPE_PREFIX).unwrap_or(&self.kind)
    }
}

macro_rules! problem_kinds {
    ($($(#[$meta:meta])* $variant:ident => ($status:literal, $slug:literal, $title:literal),)+) => {
        /// The kinds of problem. Slugs are API and never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemKind { $($(#[$meta])* $variant),+ }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The HTTP status.
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status),+ } }
            /// The last part of the type.
            pub const fn slug(self) -> &'static str { match self { $(Self::$variant => $slug),+ } }
            /// The fixed title.
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title),+ } }
            /// The kind with this slug.
            pub fn from_slug(slug: &str) -> Option<Self> { match slug { $($slug => Some(Self::$variant),)+ _ => None } }
        }
    };
}

problem_kinds! {
    /// The bytes are no JSON, no UTF-8, or the wrong media type.
    MalformedBody => (400, "malformed-body", "The request body cannot be read"),
    /// A query parameter, header or path segment cannot be read.
    MalformedRequest => (400, "malformed-request", "The request cannot be read"),
    /// A cursor that this server did not issue for this list.
    InvalidCursor => (400, "invalid-cursor", "The cursor does not belong to this list"),
    /// No token, or one that is not valid.
    Unauthenticated => (401, "unauthenticated", "Authentication is required"),
    /// The principal may not do this.
    Forbidden => (403, "forbidden", "The principal may not do this"),
    /// Absent, or the caller may not know it exists.
    NotFound => (404, "not-found", "Resource not found"),
    /// The path exists, the method does not.
    MethodNotAllowed => (405, "method-not-allowed", "The method is not supported here"),
    /// A name that is taken in its parent.
    NameTaken => (409, "name-taken", "The name is already in use"),
    /// The state does not allow the move.
    InvalidTransition => (409, "invalid-transition", "The state does not allow this"),
    /// The attempt presented is not the newest.
    LeaseLost => (409, "lease-lost", "The claim is not yours, or not any more"),
    /// A claim is held by someone else.
    AlreadyClaimed => (409, "already-claimed", "The task is claimed"),
    /// The mission is paused: nobody claims its tasks.
    MissionPaused => (409, "mission-paused", "The mission is paused"),
    /// The kluster runs as many tasks as it may.
    KlusterFull => (409, "kluster-full", "The kluster is at its capacity"),
    /// The paths are reserved by others, who are listed.
    ReservationConflict => (409, "reservation-conflict", "The paths are reserved"),
    /// Nothing to claim matches.
    NothingToClaim => (409, "nothing-to-claim", "No task matches the claim"),
    /// The approval or suggestion was decided before.
    AlreadyDecided => (409, "already-decided", "It is decided already"),
    /// The parent still has children.
    NotEmpty => (409, "not-empty", "The resource still contains others"),
    /// A dependency would close a cycle.
    DependencyCycle => (409, "dependency-cycle", "The dependency would close a cycle"),
    /// The text overlaps existing work that the caller has not named.
    OverlapUnacknowledged => (409, "overlap-unacknowledged", "Existing work overlaps this"),
    /// The text is nearly certainly existing work, and the policy refuses it.
    OverlapBlocked => (409, "overlap-blocked", "This work exists already"),
    /// Others own fields that are to have another value; they are listed.
    FieldConflict => (409, "field-conflict", "Others own these fields"),
    /// The same key is being worked on.
    IdempotencyInFlight => (409, "idempotency-in-flight", "The same request is being worked on"),
    /// The name or key means several objects.
    AmbiguousReference => (409, "ambiguous-reference", "The reference means more than one resource"),
    /// The policy of the mission has no route for it and is closed.
    NoRoute => (409, "no-route", "Nothing says where this is published"),
    /// What is restored does not verify.
    LedgerInvalid => (422, "ledger-invalid", "The ledger does not verify"),
    /// A pack that is damaged, or holds what no pack may.
    PackInvalid => (422, "pack-invalid", "The pack cannot be imported"),
    /// Texts of an export look like credentials.
    SecretsFound => (422, "secrets-found", "The export holds what looks like credentials"),
    /// A change was made of another version than the newest.
    VersionConflict => (409, "version-conflict", "The change was made of another version"),
    /// The watch asked for more than is kept.
    SeqExpired => (410, "seq-expired", "The sequence number is older than what is kept"),
    /// `If-Match` names another version.
    StaleVersion => (412, "stale-version", "The resource changed since it was read"),
    /// Over the stated size.
    BodyTooLarge => (413, "body-too-large", "The request body is too large"),
    /// A body of another media type.
    UnsupportedMediaType => (415, "unsupported-media-type", "The media type is not supported"),
    /// The range lies outside of the content.
    RangeNotSatisfiable => (416, "range-not-satisfiable", "The content does not have this range"),
    /// Parseable, but breaks a rule.
    Validation => (422, "validation", "The request breaks a rule"),
    /// The idempotency key was used with another body.
    IdempotencyKeyReused => (422, "idempotency-key-reused", "The idempotency key was used for another request"),
    /// An approval token that does not fit.
    ApprovalTokenInvalid => (403, "approval-token-invalid", "The approval token is not valid for this action"),
    /// The action needs an approval first.
    ApprovalRequired => (403, "approval-required", "The action needs an approval"),
    /// Requester and decider are the same.
    SelfApproval => (403, "self-approval", "The requester may not decide this approval"),
    /// A limit is reached.
    RateLimited => (429, "rate-limited", "Too many requests"),
    /// A bug of ours.
    Internal => (500, "internal", "Internal error"),
    /// Not available now.
    Unavailable => (503, "unavailable", "Not available now"),
}
