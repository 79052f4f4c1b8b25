//! A bridge between an agent that speaks MCP on standard input and output and the tools of the server.
//!
//! It knows no tool: it asks the server for them and passes calls on. A call keeps its idempotency key however often
//! it is sent, so that a server that is restarted meanwhile does the work once. With a grant file the file is read
//! before each call; a token that is refused is tried again as soon as the file holds another.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use mc_api::ProblemKind;
use mc_api::auth::GrantFile;
use mc_api::tool::{CallTool, INSTRUCTIONS};
use mc_client::{CallKey, Client, Options, Server, Token};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, ServerInitializeError};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use tokio::time::Instant;

use crate::exit::Exit;
use crate::{grant_file, output};

/// How long a call waits for a server that cannot be reached. Agents give up after a minute.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long a call whose token was refused waits for another in the grant file.
const RENEWAL: Duration = Duration::from_secs(10);
/// Pause between two looks at server or file.
const PAUSE: Duration = Duration::from_millis(200);

/// Who calls the tools.
pub(crate) enum Identity {
    /// A client with its token.
    Given(Client),
    /// Whoever this grant file names.
    File(PathBuf),
}

/// The bridge.
pub(crate) struct Bridge {
    identity: Identity,
    /// The client for what the grant file held last.
    known: Mutex<Option<(GrantFile, Client)>>,
}

impl Bridge {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity, known: Mutex::new(None) }
    }

    /// Serves until standard input ends.
    pub(crate) async fn serve(self) -> anyhow::Result<()> {
        match self.serve_on(rmcp::transport::stdio()).await {
            // Input that ends before anything was said is no failure of ours.
            Err(ServerInitializeError::ConnectionClosed(_)) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn serve_on(
        self,
        streams: (tokio::io::Stdin, tokio::io::Stdout),
    ) -> Result<(), ServerInitializeError> {
        let running = ServiceExt::<RoleServer>::serve(self, streams).await?;
        // The only failure left is a task that was cancelled with the runtime.
        drop(running.waiting().await);
        Ok(())
    }

    /// The client to use now, and the token it sends when that may change.
    fn client(&self) -> anyhow::Result<(Client, Option<String>)> {
        let path = match &self.identity {
            Identity::Given(client) => return Ok((client.clone(), None)),
            Identity::File(path) => path,
        };
        let file = grant_file::read(path)?;
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, client)) = known.as_ref().filter(|(held, _)| *held == file) {
            return Ok((client.clone(), Some(file.token)));
        }
        let mut options = Options::new(Server::parse(&file.base_url)?);
        options.token = Some(Token::new(&file.token));
        options.user_agent = concat!("mc-mcp/", env!("CARGO_PKG_VERSION")).into();
        let client = Client::new(options)?;
        let token = Some(file.token.clone());
        *known = Some((file, client.clone()));
        Ok((client, token))
    }

    /// Asks until there is an answer that asking again would not change.
    async fn ask<T, F>(&self, request: impl Fn(Client) -> F) -> anyhow::Result<T>
    where
        F: Future<Output = Result<T, mc_client::Error>>,
    {
        let began = Instant::now();
        let mut refused: Option<(String, Instant, mc_client::Error)> = None;
        loop {
            let (client, token) = self.client()?;
            if let Some((old, since, _)) = &refused
                && token.as_ref() == Some(old)
                && since.elapsed() < RENEWAL
            {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            match refused.take() {
                // Nobody has renewed the grant.
                Some((old, _, error)) if token.as_ref() == Some(&old) => return Err(error.into()),
                _ => {}
            }
            let error = match request(client).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match (&error, token) {
                (mc_client::Error::Problem(_), Some(token))
                    if error.problem_kind() == Some(ProblemKind::Unauthenticated)
                        && began.elapsed() < PATIENCE =>
                {
                    refused = Some((token, Instant::now(), error));
                }
                _ if may_pass(&error) && began.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
                _ => return Err(error.into()),
            }
        }
    }
}

/// Whether the server may answer a moment later.
fn may_pass(error: &mc_client::Error) -> bool {
    match error {
        mc_client::Error::Unreachable { .. } | mc_client::Error::Timeout { .. } => true,
        mc_client::Error::Problem(_) => {
            matches!(error.problem_kind(), Some(ProblemKind::Unavailable | ProblemKind::IdempotencyInFlight))
        }
        _ => false,
    }
}

/// An error as the problem document that the agent reads.
fn problem(error: &anyhow::Error) -> serde_json::Value {
    serde_json::to_value(output::document(error, Exit::of(error))).unwrap_or_default()
}

impl ServerHandler for Bridge {
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
        let list = self
            .ask(|client| async move { client.tools().await })
            .await
            .map_err(|error| ErrorData::internal_error(output::explain(&error), Some(problem(&error))))?;
        let tools = list.tools.into_iter().map(|tool| {
            Tool::new(tool.name, tool.description, tool.input_schema)
                .with_annotations(ToolAnnotations::new().read_only(tool.read_only).open_world(false))
        });
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let key = CallKey::fresh();
        let call =
            CallTool { tool: request.name.into_owned(), arguments: request.arguments.unwrap_or_default() };
        let call = &call;
        let answer = self.ask(|client| async move { client.call_tool(call, key).await });
        let answer = tokio::select! {
            answer = answer => answer,
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the call was cancelled", None)),
        };
        let result = match answer {
            Ok(value) => CallToolResult::structured(value),
            Err(error) => CallToolResult::structured_error(problem(&error)),
        };
        Ok(result.into())
    }
}
