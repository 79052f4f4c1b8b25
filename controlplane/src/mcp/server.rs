//! The door of the Model Context Protocol: streamable HTTP at `/mcp`, by the official SDK.
//!
//! No session is kept: each request says who calls and is answered on its own, also for clients of the revisions
//! that know sessions. Requests for a foreign `Host` or from a foreign `Origin` are refused, or a web page could speak
//! to a server on loopback through its visitor's browser.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use http::request::Parts;
use mc_api::ProblemKind;
use mc_api::tool::INSTRUCTIONS;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::registry;
use crate::app::{App, SharedApp};
use crate::error::Error;
use crate::http::{extract, json, problem};
use crate::op::{Caller, OpCtx};

/// The route of `/mcp`, for every method.
pub fn route(app: &SharedApp) -> MethodRouter<SharedApp> {
    let handler = Handler { app: app.clone() };
    let make = move || Ok(handler.clone());
    let service = StreamableHttpService::new(make, Arc::new(NeverSessionManager::default()), config(app));
    any(move |State(app): State<SharedApp>, request: Request| {
        let service = service.clone();
        async move { serve(&app, service, request).await }
    })
}

fn config(app: &App) -> StreamableHttpServerConfig {
    let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let hosts: Vec<String> = loopback.into_iter().chain(app.allowed_hosts.iter().cloned()).collect();
    let origins = hosts.iter().flat_map(|host| {
        let host = if host.contains("::") { format!("[{host}]") } else { host.clone() };
        ["http", "https"].map(|scheme| format!("{scheme}://{host}:*"))
    });
    StreamableHttpServerConfig::default()
        .with_allowed_origins(origins.collect::<Vec<_>>())
        .with_allowed_hosts(hosts)
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(json::MAX_BODY_BYTES)
        .with_cancellation_token(app.stop.child_token())
}

/// Who calls is asked before the body is read.
async fn serve(
    app: &SharedApp,
    service: StreamableHttpService<Handler, NeverSessionManager>,
    mut request: Request,
) -> Result<Response, Error> {
    let caller = extract::caller(request.headers(), app).await?;
    request.extensions_mut().insert(caller);
    Ok(service.handle(request).await.map(Body::new))
}

#[derive(Clone)]
struct Handler {
    app: SharedApp,
}

impl Handler {
    /// The operation's context, from the request that carried the call.
    fn context(&self, context: &RequestContext<RoleServer>, body: &[u8]) -> Result<OpCtx, Error> {
        let absent = || Error::new(ProblemKind::Internal, "the request that carried this call is not known");
        let parts = context.extensions.get::<Parts>().ok_or_else(absent)?;
        let caller = parts.extensions.get::<Arc<Caller>>().cloned().ok_or_else(absent)?;
        extract::context_of(caller, parts, &self.app, body)
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new("missioncontrol", env!("CARGO_PKG_VERSION"));
        info.with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = registry::all().iter().map(|tool| {
            Tool::new(tool.name, tool.description, tool.input_schema.clone())
                .with_annotations(ToolAnnotations::new().read_only(tool.read_only).open_world(false))
        });
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // An unknown tool is a mistake of the program, not of the model: the protocol wants its own error.
        if registry::find(&request.name).is_none() {
            return Err(ErrorData::invalid_params(format!("no tool {:?}", request.name), None));
        }
        let arguments = request.arguments.unwrap_or_default();
        let body = serde_json::to_vec(&(&request.name, &arguments)).unwrap_or_default();
        let mut request_id = String::new();
        let answer = match self.context(&context, &body) {
            Ok(cx) => {
                request_id.clone_from(&cx.request_id);
                registry::call(self.app.clone(), cx, &request.name, arguments).await
            }
            Err(error) => Err(error),
        };
        let result = match answer {
            Ok(value) => CallToolResult::structured(value),
            Err(error) => {
                let problem = problem::document(&error, "/mcp", &request_id);
                CallToolResult::structured_error(serde_json::to_value(problem).unwrap_or_default())
            }
        };
        Ok(result.into())
    }
}
