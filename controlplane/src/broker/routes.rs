//! The HTTP door to the configuration of a broker.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use mc_api::broker::{BrokerConfig, CreateBrokerConfig};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Found};

/// The configuration of an MQTT broker that runs elsewhere, with a certificate for its key. That it was made is in the ledger.
#[utoipa::path(post, path = "/api/v1/system/broker-config", tag = "system", request_body = CreateBrokerConfig, responses((status = 200, body = BrokerConfig)))]
async fn broker_config(
    State(app): State<SharedApp>,
    Cmd(cx, request): Cmd<CreateBrokerConfig>,
) -> Result<Response, Error> {
    Ok(Found::answer(&cx, &service::configure(&app, &cx, request).boxed().await?))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(broker_config))
}
