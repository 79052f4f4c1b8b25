//! The HTTP doors to connections, bindings and policies. `/persistence/…` are other names of the same.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::Page;
use mc_api::persistence::{
    Binding, Connection, ConnectionTest, CreateBinding, CreateConnection, ProvisionPersistence,
    ProvisionedPersistence, PublicationPolicy, PutPublicationPolicy, RotateCredential, TestConnection,
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{bindings, connections};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Created, Ctx, Found, Gone, Query, Ref, page};
use crate::op::OpCtx;

/// Which connections.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListConnections {
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which bindings.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListBindings {
    /// Mission id or name.
    pub mission: Option<String>,
    /// 1 to 500, default 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Where the name of a binding is looked for.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OfMission {
    /// Mission id or name.
    pub mission: Option<String>,
}

async fn page_of_connections(
    app: &SharedApp,
    cx: &OpCtx,
    query: &ListConnections,
) -> Result<Response, Error> {
    let page = page::Request::read(app, "connections".into(), query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(cx, &connections::list(app, cx, page).boxed().await?))
}

async fn page_of_bindings(app: &SharedApp, cx: &OpCtx, query: &ListBindings) -> Result<Response, Error> {
    let name = format!("bindings {:?}", query.mission);
    let page = page::Request::read(app, name, query.limit, query.cursor.as_deref())?;
    Ok(Found::answer(cx, &bindings::list(app, cx, page, query.mission.as_deref()).boxed().await?))
}

/// Lists connections. Credentials are never shown.
#[utoipa::path(get, path = "/api/v1/connections", tag = "persistence", params(ListConnections), responses((status = 200, body = Page<Connection>)))]
async fn list_connections(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListConnections>,
) -> Result<Response, Error> {
    page_of_connections(&app, &cx, &query).boxed().await
}

/// Lists connections.
#[utoipa::path(get, path = "/persistence/connections", tag = "persistence", params(ListConnections), responses((status = 200, body = Page<Connection>)))]
async fn plain_connections(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListConnections>,
) -> Result<Response, Error> {
    page_of_connections(&app, &cx, &query).boxed().await
}

/// Makes a connection; its credential is sealed and never shown.
#[utoipa::path(post, path = "/api/v1/connections", tag = "persistence", request_body = CreateConnection, responses((status = 201, body = Connection)))]
async fn create_connection(
    State(app): State<SharedApp>,
    Cmd(mut cx, body): Cmd<CreateConnection>,
) -> Result<Response, Error> {
    connections::blind(&app, &mut cx);
    Ok(Created::answer(&cx, &connections::create(&app, &cx, body).boxed().await?))
}

/// Makes a connection.
#[utoipa::path(post, path = "/persistence/connections", tag = "persistence", request_body = CreateConnection, responses((status = 201, body = Connection)))]
async fn plain_create_connection(
    State(app): State<SharedApp>,
    Cmd(mut cx, body): Cmd<CreateConnection>,
) -> Result<Response, Error> {
    connections::blind(&app, &mut cx);
    Ok(Created::answer(&cx, &connections::create(&app, &cx, body).boxed().await?))
}

/// One connection by id or name.
#[utoipa::path(get, path = "/api/v1/connections/{ref}", tag = "persistence", params(("ref" = String, Path)), responses((status = 200, body = Connection)))]
async fn get_connection(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &connections::get(&app, &cx, &reference).boxed().await?))
}

/// Deletes a connection that no binding uses.
#[utoipa::path(delete, path = "/api/v1/connections/{ref}", tag = "persistence", params(("ref" = String, Path)), responses((status = 204)))]
async fn delete_connection(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
) -> Result<Response, Error> {
    connections::delete(&app, &cx, &reference).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// Replaces the credential; publications that wait are tried at once.
#[utoipa::path(post, path = "/api/v1/connections/{ref}/rotate", tag = "persistence", params(("ref" = String, Path)), request_body = RotateCredential, responses((status = 200, body = Connection)))]
async fn rotate(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(mut cx, body): Cmd<RotateCredential>,
) -> Result<Response, Error> {
    connections::blind(&app, &mut cx);
    Ok(Found::answer(&cx, &connections::rotate(&app, &cx, &reference, body).boxed().await?))
}

/// Tests a connection without writing to the repository; may accept an SSH host key by its fingerprint.
#[utoipa::path(post, path = "/api/v1/connections/{ref}/test", tag = "persistence", params(("ref" = String, Path)), request_body = TestConnection, responses((status = 200, body = ConnectionTest)))]
async fn test(
    State(app): State<SharedApp>,
    Ref(reference): Ref,
    Cmd(cx, body): Cmd<TestConnection>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &connections::test(&app, &cx, &reference, body).boxed().await?))
}

/// Lists bindings.
#[utoipa::path(get, path = "/api/v1/bindings", tag = "persistence", params(ListBindings), responses((status = 200, body = Page<Binding>)))]
async fn list_bindings(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListBindings>,
) -> Result<Response, Error> {
    page_of_bindings(&app, &cx, &query).boxed().await
}

/// Lists bindings.
#[utoipa::path(get, path = "/persistence/bindings", tag = "persistence", params(ListBindings), responses((status = 200, body = Page<Binding>)))]
async fn plain_bindings(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<ListBindings>,
) -> Result<Response, Error> {
    page_of_bindings(&app, &cx, &query).boxed().await
}

/// Binds a mission to a branch of a repository.
#[utoipa::path(post, path = "/api/v1/bindings", tag = "persistence", request_body = CreateBinding, responses((status = 201, body = Binding)))]
async fn create_binding(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreateBinding>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &bindings::create(&app, &cx, body).boxed().await?))
}

/// Binds a mission to a branch of a repository.
#[utoipa::path(post, path = "/persistence/bindings", tag = "persistence", request_body = CreateBinding, responses((status = 201, body = Binding)))]
async fn plain_create_binding(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<CreateBinding>,
) -> Result<Response, Error> {
    Ok(Created::answer(&cx, &bindings::create(&app, &cx, body).boxed().await?))
}

/// One binding by id, or by name in a mission.
#[utoipa::path(get, path = "/api/v1/bindings/{ref}", tag = "persistence", params(("ref" = String, Path), OfMission), responses((status = 200, body = Binding)))]
async fn get_binding(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<OfMission>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &bindings::get(&app, &cx, &reference, query.mission.as_deref()).boxed().await?))
}

/// Deletes a binding that nothing was asked to be published to.
#[utoipa::path(delete, path = "/api/v1/bindings/{ref}", tag = "persistence", params(("ref" = String, Path), OfMission), responses((status = 204)))]
async fn delete_binding(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(reference): Ref,
    Query(query): Query<OfMission>,
) -> Result<Response, Error> {
    bindings::delete(&app, &cx, &reference, query.mission.as_deref()).boxed().await?;
    Ok(Gone::answer(&cx))
}

/// Binds a mission and sends everything there, in one step.
#[utoipa::path(post, path = "/api/v1/bindings/provision", tag = "persistence", request_body = ProvisionPersistence, responses((status = 200, body = ProvisionedPersistence)))]
async fn provision(
    State(app): State<SharedApp>,
    Cmd(cx, body): Cmd<ProvisionPersistence>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &bindings::provision(&app, &cx, body).boxed().await?))
}

/// What a mission publishes where.
#[utoipa::path(get, path = "/api/v1/publication-policies/{ref}", tag = "persistence", params(("ref" = String, Path)), responses((status = 200, body = PublicationPolicy)))]
async fn get_policy(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Ref(mission): Ref,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &bindings::policy(&app, &cx, &mission).boxed().await?))
}

/// Replaces what a mission publishes where.
#[utoipa::path(put, path = "/api/v1/publication-policies/{ref}", tag = "persistence", params(("ref" = String, Path)), request_body = PutPublicationPolicy, responses((status = 200, body = PublicationPolicy)))]
async fn put_policy(
    State(app): State<SharedApp>,
    Ref(mission): Ref,
    Cmd(cx, body): Cmd<PutPublicationPolicy>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &bindings::put_policy(&app, &cx, &mission, body).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list_connections, create_connection))
        .routes(routes!(plain_connections, plain_create_connection))
        .routes(routes!(get_connection, delete_connection))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(list_bindings, create_binding))
        .routes(routes!(plain_bindings, plain_create_binding))
        .routes(routes!(provision))
        .routes(routes!(get_binding, delete_binding))
        .routes(routes!(get_policy, put_policy))
}
