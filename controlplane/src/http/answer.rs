//! Answers: objects with `ETag`, creations with `Location`, deletions without a body.

use std::sync::atomic::Ordering;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::error::Error;
use crate::op::OpCtx;

/// An object with an optimistic lock.
pub trait Versioned {
    /// The version, also the `ETag`.
    fn version(&self) -> Option<i64>;
    /// Where it is found.
    fn location(&self) -> Option<String>;
}

macro_rules! versioned {
    ($($type:ty => $path:literal),+ $(,)?) => {$(
        impl Versioned for $type {
            fn version(&self) -> Option<i64> {
                Some(self.version)
            }
            fn location(&self) -> Option<String> {
                Some(format!("/api/v1/{}/{}", $path, self.id))
            }
        }
    )+};
}

versioned! {
    mc_api::mission::Mission => "missions",
    mc_api::kluster::Kluster => "klusters",
    mc_api::task::Task => "tasks",
    mc_api::template::TaskTemplate => "templates",
    mc_api::artifact::Artifact => "artifacts",
    mc_api::doc::Doc => "docs",
    mc_api::skill::SkillBundle => "skills",
    mc_api::profile::Profile => "profiles",
    mc_api::workspace::Workspace => "workspaces",
    mc_api::approval::Approval => "approvals",
    mc_api::publication::Publication => "publications",
    mc_api::reservation::Reservation => "reservations",
    mc_api::session::AgentSession => "sessions",
    mc_api::session::Turn => "turns",
    mc_api::auth::Principal => "principals",
    mc_api::node::Node => "nodes",
    mc_api::overlap::OverlapSuggestion => "overlaps",
    mc_api::persistence::Connection => "connections",
    mc_api::persistence::Binding => "bindings",
}

impl Versioned for mc_api::persistence::PublicationPolicy {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/publication-policies/{}", self.mission_id))
    }
}

impl Versioned for mc_api::overlap::TaskAnswer {
    fn version(&self) -> Option<i64> {
        self.task.version()
    }
    fn location(&self) -> Option<String> {
        self.task.location()
    }
}

impl Versioned for mc_api::overlap::DocAnswer {
    fn version(&self) -> Option<i64> {
        self.doc.version()
    }
    fn location(&self) -> Option<String> {
        self.doc.location()
    }
}

impl Versioned for mc_api::overlap::ArtifactAnswer {
    fn version(&self) -> Option<i64> {
        self.artifact.version()
    }
    fn location(&self) -> Option<String> {
        self.artifact.location()
    }
}

impl Versioned for mc_api::node::JoinToken {
    fn version(&self) -> Option<i64> {
        None
    }
    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/join-tokens/{}", self.id))
    }
}

macro_rules! unversioned {
    ($($type:ty),+ $(,)?) => {$(
        impl Versioned for $type {
            fn version(&self) -> Option<i64> {
                None
            }
            fn location(&self) -> Option<String> {
                None
            }
        }
    )+};
}

impl Versioned for mc_api::workspace::LoadedWorkspace {
    fn version(&self) -> Option<i64> {
        None
    }
    fn location(&self) -> Option<String> {
        self.workspace.location()
    }
}

unversioned! {
    mc_api::auth::LoginSession, mc_api::auth::LoggedOut, mc_api::auth::Grant, mc_api::auth::WhoAmI, mc_api::ledger::LedgerHead, mc_api::system::Health, mc_api::system::EmbeddingStatus, mc_api::doctor::ObjectCheck,
    mc_api::support::SupportReport, mc_api::system::SchemaState, mc_api::broker::BrokerConfig,
    mc_api::reservation::PathCheck, mc_api::system::Version, mc_api::tool::ToolList, mc_api::tool::ToolAnswer,
    mc_api::artifact::DownloadUrl, mc_api::overlap::OverlapCheck, mc_api::search::SearchPage,
    mc_api::why::TaskWhy, mc_api::approval::DecidedApprovals, mc_api::session::Conversation,
    mc_api::apply::ApplyAnswer, mc_api::apply::FieldOwners, mc_api::apply::ImportAnswer,
    mc_api::doc::DocContent, mc_api::doc::DocDiff, mc_api::workspace::WorkspaceContent,
    mc_api::workspace::CommittedWorkspace, mc_api::persistence::ConnectionTest, mc_api::persistence::PublishPlan,
    mc_api::publication::RetriedPublication,
    mc_api::persistence::PendingList, mc_api::persistence::PublishedPending, mc_api::persistence::PublicationStatus,
    mc_api::skill::SkillManifest, mc_api::skill::SkillSnapshot, mc_api::skill::SkillSync,
    mc_api::persistence::ProvisionedPersistence, mc_api::persistence::RestoredLedger,
    mc_api::pack::Pack, mc_api::pack::ImportedPack, mc_api::profile::ProfileStatus,
}

impl<T> Versioned for mc_api::Page<T> {
    fn version(&self) -> Option<i64> {
        None
    }
    fn location(&self) -> Option<String> {
        None
    }
}

fn body<T: Serialize + Versioned>(status: StatusCode, object: &T) -> Response {
    let bytes = match serde_json::to_vec(object) {
        Ok(bytes) => bytes,
        Err(error) => return Error::internal(error).into_response(),
    };
    let mut response = (status, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(Ok(etag)) = object.version().map(|version| HeaderValue::from_str(&format!("\"{version}\""))) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn mark(cx: &OpCtx, mut response: Response) -> Response {
    if cx.replayed.load(Ordering::Relaxed) {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// 200 with an object.
pub struct Found;

impl Found {
    /// The answer.
    pub fn answer<T: Serialize + Versioned>(cx: &OpCtx, object: &T) -> Response {
        mark(cx, body(StatusCode::OK, object))
    }
    /// The answer when nothing of the context shows in it.
    pub fn anonymous<T: Serialize + Versioned>(status: StatusCode, object: &T) -> Response {
        body(status, object)
    }
}

/// 201 with an object and its `Location`.
pub struct Created;

impl Created {
    /// The answer.
    pub fn answer<T: Serialize + Versioned>(cx: &OpCtx, object: &T) -> Response {
        let mut response = body(StatusCode::CREATED, object);
        if let Some(Ok(location)) = object.location().map(|location| HeaderValue::from_str(&location)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        mark(cx, response)
    }
}

/// 204.
pub struct Gone;

impl Gone {
    /// The answer.
    pub fn answer(cx: &OpCtx) -> Response {
        mark(cx, StatusCode::NO_CONTENT.into_response())
    }
}
