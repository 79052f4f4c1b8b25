//! The HTTP door to workspaces.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::workspace::{
    CommitWorkspace, CommittedWorkspace, HeartbeatWorkspace, LoadWorkspace, LoadedWorkspace,
    ReleaseWorkspace, Workspace, WorkspaceContent,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, MAX_COMMIT_BODY, Query, Ref};

/// Which path.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OnePath {
    /// Such as `docs/guide.md`.
    pub path: String,
}

/// Loads a kluster under a lease: docs, artifacts, tasks, both keystones, and an index of paths.
#[utoipa::path(post, path = "/api/v1/workspaces", tag = "workspaces", request_body = LoadWorkspace, responses((status = 201, body = LoadedWorkspace)))]
async fn load(State(app): State<SharedApp>, Cmd(cx, body): Cmd<LoadWorkspace>) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &service::load(&app, &cx, body).boxed().await?))
}

/// The lease of a workspace.
#[utoipa::path(get, path = "/api/v1/workspaces/{ref}", tag = "workspaces", params(("ref" = String, Path)), responses((status = 200, body = Workspace)))]
async fn get(State(app): State<SharedApp>, Ctx(cx): Ctx, Ref(reference): Ref) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::get(&app, &cx, &reference).boxed().await?))
}

/// A path in the version that was loaded, with its content.
#[utoipa::path(get, path = "/api/v1/workspaces/{ref}/content", tag = "workspaces", params(("ref" = String, Path), OnePath), responses((status = 200, body = WorkspaceContent)))]
async fn content(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<OnePath>,
) -> Result<Response, Error> {
    Ok(Found::answer(
        &cx,
        &service::fetch(&app, &cx, &reference, &service::Which::Path(query.path)).boxed().await?,
    ))
}

/// Renews the lease.
#[utoipa::path(post, path = "/api/v1/workspaces/{ref}/heartbeat", tag = "workspaces", params(("ref" = String, Path)), request_body = HeartbeatWorkspace, responses((status = 200, body = Workspace)))]
async fn heartbeat(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<HeartbeatWorkspace>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::heartbeat(&app, &cx, &reference, body).boxed().await?))
}

/// Commits a change set (at most 32 MiB of JSON): all of it, or nothing and the list of what does not fit.
#[utoipa::path(post, path = "/api/v1/workspaces/{ref}/commit", tag = "workspaces", params(("ref" = String, Path)), request_body = CommitWorkspace, responses((status = 200, body = CommittedWorkspace)))]
async fn commit(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<CommitWorkspace, MAX_COMMIT_BODY>,
) -> Result<Response, Error> {
    let (cx, committed) = service::commit(&app, cx, &reference, body).boxed().await?;
    Ok(Found::answer(&cx, &committed))
}

/// Gives the workspace back.
#[utoipa::path(post, path = "/api/v1/workspaces/{ref}/release", tag = "workspaces", params(("ref" = String, Path)), request_body = ReleaseWorkspace, responses((status = 200, body = Workspace)))]
async fn release(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<ReleaseWorkspace>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::release(&app, &cx, &reference, body).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(load))
        .routes(routes!(get))
        .routes(routes!(content))
        .routes(routes!(heartbeat))
        .routes(routes!(commit))
        .routes(routes!(release))
}
