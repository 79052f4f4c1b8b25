//! The plain HTTP door to tools.

use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::StatusCode;
use mc_api::tool::{CallTool, Tool, ToolAnswer, ToolList};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::registry;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Cmd, Ctx, Found};

/// Lists the tools, with the schema of their arguments.
#[utoipa::path(get, path = "/mcp/tools", tag = "tools", responses((status = 200, body = ToolList)))]
async fn tools(Ctx(cx): Ctx) -> Response {
    let tools = registry::all().iter().map(|tool| Tool {
        name: tool.name.to_owned(),
        description: tool.description.to_owned(),
        action: tool.action.map(|action| action.as_str().to_owned()),
        read_only: tool.read_only,
        input_schema: tool.input_schema.clone(),
    });
    Found::answer(&cx, &ToolList { tools: tools.collect() })
}

/// Calls a tool: the operation it stands for, with the same rights, ids and problems.
#[utoipa::path(post, path = "/mcp/call", tag = "tools", request_body = CallTool, responses((status = 200, body = ToolAnswer)))]
async fn call(State(app): State<SharedApp>, Cmd(cx, body): Cmd<CallTool>) -> Result<Response, Error> {
    let result = registry::call(app, cx, &body.tool, body.arguments).boxed().await?;
    Ok(Found::anonymous(StatusCode::OK, &ToolAnswer { ok: true, result }))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(tools)).routes(routes!(call))
}
