//! All routes, with the OpenAPI document generated from them.

use axum::Router;
use axum::response::IntoResponse as _;
use http::Uri;
use mc_api::ProblemKind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{frame, openapi, system, ui};
use crate::app::SharedApp;
use crate::error::Error;
use crate::{
    applies, approvals, artifacts, authn, broker, docs, doctor, embeddings, imports, klusters, ledger, mcp,
    missions, nodes, overlap, packs, persistence, planning, profiles, publications, reservations, search,
    sessions, skills, support, tasks, templates, watch, workspaces,
};

/// The routes and their document, without state.
pub fn routes() -> (Router<SharedApp>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(system::healthz))
        .routes(routes!(system::health))
        .routes(routes!(system::readyz))
        .routes(routes!(system::versionz))
        .routes(routes!(system::doctor))
        .routes(routes!(system::schema))
        .routes(routes!(system::metrics))
        .merge(authn::routes::routes())
        .merge(missions::routes::routes())
        .merge(klusters::routes::routes())
        .merge(tasks::routes::routes())
        .merge(planning::routes::routes())
        .merge(templates::routes::routes())
        .merge(applies::routes::routes())
        .merge(imports::routes::routes())
        .merge(packs::routes::routes())
        .merge(overlap::routes::routes())
        .merge(search::routes::routes())
        .merge(embeddings::routes::routes())
        .merge(doctor::routes::routes())
        .merge(support::routes::routes())
        .merge(broker::routes::routes())
        .merge(artifacts::routes::routes())
        .merge(docs::routes::routes())
        .merge(skills::routes::routes())
        .merge(profiles::routes::routes())
        .merge(workspaces::routes::routes())
        .merge(approvals::routes::routes())
        .merge(publications::routes::routes())
        .merge(persistence::routes::routes())
        .merge(reservations::routes::routes())
        .merge(sessions::routes::routes())
        .merge(nodes::routes::routes())
        .merge(ledger::routes::routes())
        .merge(mcp::routes::routes())
        .merge(watch::routes::routes())
        .split_for_parts();
    openapi::complete(&mut document);
    (router, document)
}

/// The whole HTTP service.
pub fn router(app: SharedApp) -> Router {
    let (router, document) = routes();
    let swagger = utoipa_swagger_ui::SwaggerUi::new("/api/docs").url("/openapi.json", document);
    router
        .merge(swagger)
        .merge(ui::routes())
        .route("/mcp", mcp::server::route(&app))
        .fallback(|uri: Uri| async move { Error::not_found("path", uri.path()) })
        .method_not_allowed_fallback(|| async {
            Error::new(ProblemKind::MethodNotAllowed, "the path exists, but not with this method")
                .into_response()
        })
        .layer(axum::middleware::from_fn_with_state(app.clone(), frame::frame))
        .with_state(app)
}
